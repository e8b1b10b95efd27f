//! `approx_top_k(value, k)`: the most frequent values, in bounded memory.
//!
//! The counters are those of space-saving, in the form in which they can be merged (Agarwal et al., Mergeable Summaries,
//! 2012): when there are too many, the count of the first that has no place is taken from all.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, StringViewArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Signature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;

const NAME: &str = "approx_top_k";

/// The most values that can be asked for.
const MOST: i64 = 10_000;

/// Counters that are kept for each value asked for, and at least: so many distinct values are counted exactly.
const COUNTERS: usize = 8;
const LEAST_COUNTERS: usize = 1024;

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

fn counted() -> Fields {
    Fields::from(vec![
        Field::new("value", DataType::Utf8View, false),
        Field::new("count", DataType::Int64, false),
        Field::new("error", DataType::Int64, false),
    ])
}

fn counted_list() -> DataType {
    DataType::new_list(DataType::Struct(counted()), true)
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
        Counters::new(1).evaluate()
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let state = Field::new(format!("{}[counters]", args.name), counted_list(), true);
        Ok(vec![Arc::new(state)])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return plan_err!("{NAME}: it counts how often values occur, and takes no DISTINCT");
        }
        let k = args.exprs.get(1).and_then(|k| k.downcast_ref::<Literal>());
        match k.map(Literal::value) {
            Some(ScalarValue::Int64(Some(k))) if (1..=MOST).contains(k) => {
                Ok(Box::new(Counters::new(*k as usize)))
            }
            Some(k) => plan_err!("{NAME}: k is from 1 to {MOST}, not {k}"),
            None => plan_err!("{NAME}: k must be a literal or a bound parameter"),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// At most twice `room` counters, each of a value and how often it has come at least.
#[derive(Debug)]
struct Counters {
    k: usize,
    room: usize,
    counts: HashMap<Box<str>, i64>,
    /// What any count may lack.
    lost: i64,
    /// Bytes of the values.
    bytes: usize,
}

impl Counters {
    fn new(k: usize) -> Self {
        Self {
            k,
            room: (k * COUNTERS).max(LEAST_COUNTERS),
            counts: HashMap::new(),
            lost: 0,
            bytes: 0,
        }
    }

    fn add(&mut self, value: &str, count: i64) {
        if let Some(known) = self.counts.get_mut(value) {
            *known += count;
            return;
        }
        if self.counts.len() >= 2 * self.room {
            self.thin_out();
        }
        self.bytes += value.len();
        self.counts.insert(value.into(), count);
    }

    /// Leaves at most `room` counters.
    fn thin_out(&mut self) {
        if self.counts.len() <= self.room {
            return;
        }
        let mut counts: Vec<i64> = self.counts.values().copied().collect();
        let (_, &mut first_out, _) = counts.select_nth_unstable_by(self.room, |a, b| b.cmp(a));
        self.lost += first_out;
        let bytes = &mut self.bytes;
        self.counts.retain(|value, count| {
            *count -= first_out;
            let stays = *count > 0;
            if !stays {
                *bytes -= value.len();
            }
            stays
        });
    }

    /// The first of the counters, in order.
    fn list(&self, most: usize) -> Result<ScalarValue> {
        let mut all: Vec<(&str, i64)> = self.counts.iter().map(|(v, &c)| (&**v, c)).collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all.truncate(most);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringViewArray::from_iter_values(
                all.iter().map(|(value, _)| value),
            )),
            Arc::new(Int64Array::from_iter_values(
                all.iter().map(|(_, count)| *count),
            )),
            Arc::new(Int64Array::from_value(self.lost, all.len())),
        ];
        let list = ListArray::try_new(
            Arc::new(Field::new_list_field(DataType::Struct(counted()), true)),
            OffsetBuffer::from_lengths([all.len()]),
            Arc::new(StructArray::try_new(counted(), columns, None)?),
            None,
        )?;
        Ok(ScalarValue::List(Arc::new(list)))
    }
}

impl Accumulator for Counters {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = cast(&values[0], &DataType::Utf8View)?;
        values
            .as_string_view()
            .iter()
            .flatten()
            .for_each(|value| self.add(value, 1));
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for state in states[0].as_list::<i32>().iter().flatten() {
            let Some(state) = state
                .as_struct_opt()
                .filter(|state| state.num_columns() == 3)
            else {
                return exec_err!("{NAME}: a state of type {}", state.data_type());
            };
            let values = state.column(0).as_string_view().iter().flatten();
            let counts = state.column(1).as_primitive::<Int64Type>().values();
            // Each list says for itself what its counts lack, and an empty one lacks nothing.
            let lost = state.column(2).as_primitive::<Int64Type>().values().first();
            values
                .zip(counts)
                .for_each(|(value, &count)| self.add(value, count));
            self.lost += lost.copied().unwrap_or(0);
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.list(usize::MAX)?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.list(self.k)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.bytes + self.counts.capacity() * (size_of::<(Box<str>, i64)>() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(counters: &mut Counters) -> Vec<(String, i64, i64)> {
        let ScalarValue::List(list) = counters.evaluate().unwrap() else {
            panic!("no list")
        };
        let items = list.values().as_struct();
        let (counts, errors) = (
            items.column(1).as_primitive::<Int64Type>(),
            items.column(2).as_primitive::<Int64Type>(),
        );
        let values = items.column(0).as_string_view().iter().flatten();
        values
            .enumerate()
            .map(|(i, value)| (value.to_string(), counts.value(i), errors.value(i)))
            .collect()
    }

    #[test]
    fn few_values_are_counted_exactly_and_many_within_the_error() {
        let mut parts: Vec<Counters> = (0..3).map(|_| Counters::new(2)).collect();
        let mut all = 0_i64;
        // Three frequent values among ten thousand that come once or twice each.
        for n in 0..30_000_usize {
            let part = &mut parts[n % 3];
            part.add(&format!("rare {}", n * 7919 % 10_007), 1);
            part.add(["often", "often", "sometimes"][n / 3 % 3], 1);
            all += 2;
        }
        let mut merged = Counters::new(2);
        for part in &mut parts {
            assert!(part.counts.len() <= 2 * part.room);
            let state = part.state().unwrap()[0].to_array().unwrap();
            merged.merge_batch(&[state]).unwrap();
        }
        let top = shown(&mut merged);
        assert_eq!(
            top.iter().map(|t| t.0.as_str()).collect::<Vec<_>>(),
            ["often", "sometimes"]
        );
        for ((_, count, error), truth) in top.iter().zip([20_001, 9_999]) {
            assert!(*count <= truth && truth <= count + error, "{top:?}");
            assert!(*error <= all / LEAST_COUNTERS as i64, "{top:?}");
        }
        assert!(merged.size() < 4 * LEAST_COUNTERS * 64);

        let mut few = Counters::new(2);
        ["b", "a", "c", "b", "a"]
            .iter()
            .for_each(|value| few.add(value, 1));
        assert_eq!(shown(&mut few), [("a".into(), 2, 0), ("b".into(), 2, 0)]);
    }
}
