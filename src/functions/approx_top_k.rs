//! `approx_top_k(value, k)`: the most frequent values, in bounded memory.
//!
//! How they are counted is `counters.rs`; here is what SQL sees of it, for one group and for many at once.

mod counters;

use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator,
    Signature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;

use self::counters::{Counted, Counters, counted_list};

const NAME: &str = "approx_top_k";

/// The most values that can be asked for.
const MOST: i64 = 10_000;

/// `approx_top_k(value, k)`: the `k` most frequent values, `List<Struct<value, count, error>>`, the most frequent first,
/// values of one count in the order of their bytes.
///
/// A value occurs at least `count` and at most `count + error` times. As long as there are no more distinct values than
/// counters, which are 8 for each of `k` and at least 1,024, `error` is 0 and all is exact. Beyond that, every value that
/// makes up more than one in so many of all is found, and `error` is less than that share; which others are found then
/// depends on the order in which values come. NULLs are not counted; without values the list is empty. `k` is a literal
/// from 1 to 10,000.
#[must_use]
pub fn approx_top_k() -> AggregateUDF {
    AggregateUDF::new_from_impl(ApproxTopK {
        signature: Signature::user_defined(Volatility::Immutable),
        documentation: Documentation::builder(
            Default::default(),
            "The most frequent values with their counts, in bounded memory.",
            "approx_top_k(value, k)",
        )
        .build(),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ApproxTopK {
    signature: Signature,
    documentation: Documentation,
}

impl AggregateUDFImpl for ApproxTopK {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            // NULL is the type of a parameter that is not bound yet.
            [value, k] if k.is_integer() || k.is_null() => match value {
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
                    Ok(vec![DataType::Utf8View, DataType::Int64])
                }
                DataType::Dictionary(_, words) if words.is_string() => {
                    Ok(vec![DataType::Utf8View, DataType::Int64])
                }
                other => plan_err!("{NAME}: the value must be a string, not {other}"),
            },
            _ => plan_err!("{NAME} takes a value and how many: {NAME}(value, 10)"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(counted_list())
    }

    fn is_nullable(&self) -> bool {
        false
    }

    fn default_value(&self, _: &DataType) -> Result<ScalarValue> {
        TopK::new(1).evaluate()
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let state = Field::new(format!("{}[counters]", args.name), counted_list(), true);
        Ok(vec![Arc::new(state)])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(TopK::new(asked_for(&args)?)))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(TopKOfGroups::new(asked_for(&args)?)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// `k`, if all is well with the call.
fn asked_for(args: &AccumulatorArgs) -> Result<usize> {
    if args.is_distinct {
        return plan_err!("{NAME}: it counts how often values occur, and takes no DISTINCT");
    }
    let k = args.exprs.get(1).and_then(|k| k.downcast_ref::<Literal>());
    match k.map(Literal::value) {
        Some(ScalarValue::Int64(Some(k))) if (1..=MOST).contains(k) => Ok(*k as usize),
        Some(k) => plan_err!("{NAME}: k is from 1 to {MOST}, not {k}"),
        None => plan_err!("{NAME}: k must be a literal or a bound parameter"),
    }
}

/// The values of a batch, NULL where they are not counted.
fn values(arguments: &[ArrayRef]) -> Result<StringViewArray> {
    let values = cast(&arguments[0], &DataType::Utf8View)?;
    Ok(values.as_string_view().clone())
}

/// One group: all rows, or those of a window.
#[derive(Debug)]
struct TopK {
    k: usize,
    counters: Counters,
}

impl TopK {
    fn new(k: usize) -> Self {
        Self {
            k,
            counters: Counters::default(),
        }
    }

    fn list(&self, most: usize) -> Result<ScalarValue> {
        let list = counters::lists(std::iter::once(&self.counters), most)?;
        Ok(ScalarValue::List(Arc::new(list)))
    }
}

impl Accumulator for TopK {
    fn update_batch(&mut self, arguments: &[ArrayRef]) -> Result<()> {
        for value in values(arguments)?.iter().flatten() {
            self.counters.add(value, 1, self.k);
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let states = Counted::of(&states[0])?;
        (0..states.len()).for_each(|row| states.merge(row, &mut self.counters, self.k));
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.list(usize::MAX)?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.list(self.k)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.counters.heap_size()
    }
}

/// Many groups, row by row: each of them as [`TopK`] would need its rows taken out of every batch.
#[derive(Debug)]
struct TopKOfGroups {
    k: usize,
    groups: Vec<Counters>,
    /// Bytes that the groups hold elsewhere.
    held: usize,
}

impl TopKOfGroups {
    fn new(k: usize) -> Self {
        Self {
            k,
            groups: Vec::new(),
            held: 0,
        }
    }

    fn change(&mut self, group: usize, change: impl FnOnce(&mut Counters, usize)) {
        let counters = &mut self.groups[group];
        let before = counters.heap_size();
        change(counters, self.k);
        self.held = self.held + counters.heap_size() - before;
    }

    fn emit(&mut self, groups: EmitTo, most: usize) -> Result<ArrayRef> {
        let emitted = groups.take_needed(&mut self.groups);
        self.held -= emitted.iter().map(Counters::heap_size).sum::<usize>();
        Ok(Arc::new(counters::lists(emitted.iter(), most)?))
    }
}

impl GroupsAccumulator for TopKOfGroups {
    fn update_batch(
        &mut self,
        arguments: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.groups.resize_with(total, Counters::default);
        let values = values(arguments)?;
        for (row, (value, &group)) in values.iter().zip(groups).enumerate() {
            if let Some(value) = value
                && is_wanted(filter, row)
            {
                self.change(group, |counters, k| counters.add(value, 1, k));
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.groups.resize_with(total, Counters::default);
        let states = Counted::of(&states[0])?;
        for (row, &group) in groups.iter().enumerate() {
            self.change(group, |counters, k| states.merge(row, counters, k));
        }
        Ok(())
    }

    fn evaluate(&mut self, groups: EmitTo) -> Result<ArrayRef> {
        self.emit(groups, self.k)
    }

    fn state(&mut self, groups: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.emit(groups, usize::MAX)?])
    }

    fn convert_to_state(
        &self,
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = values(arguments)?;
        let wanted = (0..values.len()).map(|row| !values.is_null(row) && is_wanted(filter, row));
        Ok(vec![Arc::new(counters::lists_of_one(&values, wanted)?)])
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.groups.capacity() * size_of::<Counters>() + self.held
    }
}

/// Whether a FILTER leaves a row.
fn is_wanted(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(list: &dyn Array) -> Vec<String> {
        let list = list.as_list::<i32>();
        list.iter().map(|row| format!("{row:?}")).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        /// However rows are cut into batches, states and early results, each group has what it has alone.
        #[test]
        fn many_groups_are_each_as_one_alone(
            rows_of in proptest::collection::vec(
                (0..4_usize, proptest::option::of("[ab]{1,2}"), proptest::option::of(any::<bool>())),
                0..60,
            ),
            cut in 0..60_usize,
            first in 0..4_usize,
            filtered: bool,
        ) {
            let k = 2;
            let (mut groups, mut merged) = (TopKOfGroups::new(k), TopKOfGroups::new(k));
            let cut = cut.min(rows_of.len());
            let batch = |rows: &[(usize, Option<String>, Option<bool>)]| {
                let values: ArrayRef = Arc::new(StringViewArray::from_iter(rows.iter().map(|row| row.1.clone())));
                let filter = BooleanArray::from_iter(rows.iter().map(|row| row.2));
                (values, rows.iter().map(|row| row.0).collect::<Vec<_>>(), filter)
            };
            let (values, of, filter) = batch(&rows_of[..cut]);
            let filter = filtered.then_some(&filter);
            groups.update_batch(&[values], &of, filter, 4).unwrap();
            merged.merge_batch(&groups.state(EmitTo::All).unwrap(), &[0, 1, 2, 3], 4).unwrap();
            prop_assert_eq!((groups.groups.len(), groups.held), (0, 0));

            let (values, of, filter) = batch(&rows_of[cut..]);
            let filter = filtered.then_some(&filter);
            let states = groups.convert_to_state(&[values], filter).unwrap();
            merged.merge_batch(&states, &of, 4).unwrap();

            let mut found = rows(&merged.evaluate(EmitTo::First(first)).unwrap());
            prop_assert_eq!(merged.held, merged.groups.iter().map(Counters::heap_size).sum::<usize>());
            found.extend(rows(&merged.evaluate(EmitTo::All).unwrap()));
            prop_assert_eq!(merged.held, 0);
            let alone: Vec<String> = (0..4)
                .map(|group| {
                    let of_group = rows_of.iter().filter(|row| row.0 == group && (!filtered || row.2 == Some(true)));
                    let values: ArrayRef =
                        Arc::new(StringViewArray::from_iter(of_group.map(|row| row.1.clone())));
                    let mut one = TopK::new(k);
                    one.update_batch(&[values]).unwrap();
                    rows(&one.evaluate().unwrap().to_array().unwrap()).remove(0)
                })
                .collect();
            prop_assert_eq!(found, alone);
        }
    }
}
