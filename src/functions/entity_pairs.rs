//! `entity_pairs(list)`: which values occur together.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, StringViewArray, StringViewBuilder, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

const NAME: &str = "entity_pairs";

/// The most distinct values of one list: they make eight million pairs.
const MOST_VALUES: usize = 4096;

/// The most pairs of the lists that are in memory at once: a gigabyte of views.
const MOST_PAIRS: usize = 1 << 25;

/// `entity_pairs(list)`: the pairs of different values in a list, `List<Struct<a, b>>`, each pair once, `a` before `b` in
/// the order of their bytes, and the pairs in that order.
///
/// The list is one of values, as `entity_values` gives it, or of entities, as `extract_entities` and `ner` do, whose
/// values are taken. A NULL list gives NULL, one with fewer than two values an empty list. A list of more than 4,096
/// distinct values is an error.
#[must_use]
pub fn entity_pairs() -> ScalarUDF {
    ScalarUDF::new_from_impl(EntityPairs {
        signature: Signature::user_defined(Volatility::Immutable),
        documentation: Documentation::builder(
            Default::default(),
            "The pairs of different values that occur together in a list of values or entities.",
            "entity_pairs(list)",
        )
        .build(),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct EntityPairs {
    signature: Signature,
    documentation: Documentation,
}

fn pair() -> Fields {
    ["a", "b"]
        .map(|name| Field::new(name, DataType::Utf8View, false))
        .into_iter()
        .collect()
}

/// The values of a list's items.
fn values(items: &ArrayRef) -> Result<ArrayRef> {
    let values = match items.data_type() {
        DataType::Struct(_) => items.as_struct().column_by_name("value"),
        _ => Some(items),
    };
    match values {
        Some(values) => Ok(cast(values, &DataType::Utf8View)?),
        None => exec_err!("{NAME}: the list's structs have no field value"),
    }
}

/// The pairs of each list, `most` of all lists together.
fn pairs(lists: &ListArray, most: usize) -> Result<ListArray> {
    let values = values(lists.values())?;
    let values: &StringViewArray = values.as_string_view();
    let (mut first, mut second) = (StringViewBuilder::new(), StringViewBuilder::new());
    let mut lengths = Vec::with_capacity(lists.len());
    let mut total = 0;
    let mut distinct: Vec<&str> = Vec::new();
    for (row, ends) in lists.value_offsets().windows(2).enumerate() {
        distinct.clear();
        if lists.is_valid(row) {
            let items = ends[0] as usize..ends[1] as usize;
            distinct.extend(
                items
                    .filter(|&item| values.is_valid(item))
                    .map(|item| values.value(item)),
            );
        }
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() > MOST_VALUES {
            return exec_err!(
                "{NAME}: a list has {} distinct values; it takes {MOST_VALUES}: ask for fewer labels",
                distinct.len()
            );
        }
        let pairs = distinct.len() * distinct.len().saturating_sub(1) / 2;
        total += pairs;
        if total > most {
            return exec_err!(
                "{NAME}: the lists of one batch make over {most} pairs: ask for fewer labels, or for fewer documents at once"
            );
        }
        for (at, a) in distinct.iter().enumerate() {
            for b in &distinct[at + 1..] {
                first.append_value(a);
                second.append_value(b);
            }
        }
        lengths.push(pairs);
    }
    let columns: Vec<ArrayRef> = vec![Arc::new(first.finish()), Arc::new(second.finish())];
    Ok(ListArray::try_new(
        Arc::new(Field::new_list_field(DataType::Struct(pair()), true)),
        OffsetBuffer::from_lengths(lengths),
        Arc::new(StructArray::try_new(pair(), columns, None)?),
        lists.nulls().cloned(),
    )?)
}

impl ScalarUDFImpl for EntityPairs {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [list] = types else {
            return plan_err!("{NAME} takes one list: {NAME}(entity_values(text, 'EMAIL'))");
        };
        let item = match list {
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                item
            }
            DataType::Null => return Ok(vec![DataType::new_list(DataType::Utf8View, true)]),
            other => return plan_err!("{NAME}: a list is needed, not {other}"),
        };
        let has_value = match item.data_type() {
            DataType::Struct(fields) => fields.iter().any(|f| f.name() == "value"),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => true,
            _ => false,
        };
        match has_value {
            true => Ok(vec![DataType::List(Arc::clone(item))]),
            false => plan_err!("{NAME}: a list of strings or entities is needed, not {list}"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::new_list(DataType::Struct(pair()), true))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = args.arg_fields[0].is_nullable();
        Ok(Arc::new(Field::new(NAME, self.return_type(&[])?, nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let lists = args.args[0].to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(Arc::new(pairs(
            lists.as_list(),
            MOST_PAIRS,
        )?)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::ListBuilder;

    use super::*;

    #[test]
    fn slices_of_lists_have_their_own_pairs() {
        let mut lists = ListBuilder::new(StringViewBuilder::new());
        lists.append_value([Some("b"), Some("a"), None, Some("b")]);
        lists.append_null();
        lists.append_value([Some("x"), Some("z"), Some("y")]);
        let lists = lists.finish();
        let shown = |lists: &ListArray| {
            let pairs = pairs(lists, MOST_PAIRS).unwrap();
            let items = pairs.values().as_struct().clone();
            let (a, b) = (
                items.column(0).as_string_view(),
                items.column(1).as_string_view(),
            );
            let all: Vec<_> = (0..items.len())
                .map(|i| format!("{}{}", a.value(i), b.value(i)))
                .collect();
            (all.join(" "), pairs.null_count())
        };
        assert_eq!(shown(&lists), ("ab xy xz yz".to_string(), 1));
        assert_eq!(shown(&lists.slice(2, 1)), ("xy xz yz".to_string(), 0));
    }

    #[test]
    fn too_many_values_are_an_error_in_words() {
        let mut lists = ListBuilder::new(StringViewBuilder::new());
        lists.append_value((0..=MOST_VALUES).map(|n| Some(n.to_string())));
        let error = pairs(&lists.finish(), MOST_PAIRS).unwrap_err().to_string();
        assert!(error.contains("4097 distinct values"), "{error}");
    }

    #[test]
    fn too_many_pairs_of_many_lists_are_an_error_before_they_are_made() {
        let mut lists = ListBuilder::new(StringViewBuilder::new());
        for _ in 0..3 {
            lists.append_value(["a", "b", "c"].map(Some));
        }
        let lists = lists.finish();
        assert_eq!(pairs(&lists, 9).unwrap().values().len(), 9);
        let error = pairs(&lists, 8).unwrap_err().to_string();
        assert!(error.contains("over 8 pairs"), "{error}");
        assert!(pairs(&lists.slice(1, 2), 8).is_ok());
    }
}
