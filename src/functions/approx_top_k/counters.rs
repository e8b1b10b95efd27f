//! Counters of the most frequent values, which can be merged.
//!
//! They are those of space-saving, in the form in which they can be merged (Agarwal et al., Mergeable Summaries, 2012):
//! when there are too many, the count of the first that has no place is taken from all.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, ListArray, StringViewArray, StringViewBuilder,
    StructArray,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::filter;
use arrow::datatypes::{DataType, Field, Fields, Int64Type};
use datafusion::common::{Result, exec_err};

use super::NAME;

/// Counters that are kept for each value asked for, and at least: so many distinct values are counted exactly.
const COUNTERS: usize = 8;
const LEAST_COUNTERS: usize = 1024;

/// How many counters are kept where `k` values are asked for; at times there are twice as many.
fn room(k: usize) -> usize {
    (k * COUNTERS).max(LEAST_COUNTERS)
}

/// What has been counted of one group.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// How often each value has come, at least.
    counts: HashMap<Box<str>, i64>,
    /// What any count may lack.
    lost: i64,
    /// Bytes of the values.
    bytes: usize,
}

impl Counters {
    /// Counts a value, of which at most `k` are asked for.
    pub(super) fn add(&mut self, value: &str, count: i64, k: usize) {
        if let Some(known) = self.counts.get_mut(value) {
            *known += count;
            return;
        }
        if self.counts.len() >= 2 * room(k) {
            self.thin_out(room(k));
        }
        self.bytes += value.len();
        self.counts.insert(value.into(), count);
    }

    /// Leaves at most `room` counters.
    fn thin_out(&mut self, room: usize) {
        if self.counts.len() <= room {
            return;
        }
        let mut counts: Vec<i64> = self.counts.values().copied().collect();
        let (_, &mut first_out, _) = counts.select_nth_unstable_by(room, |a, b| b.cmp(a));
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

    /// Bytes that it holds beside itself.
    pub(super) fn heap_size(&self) -> usize {
        self.bytes + self.counts.capacity() * (size_of::<(Box<str>, i64)>() + 1)
    }
}

/// `Struct<value, count, error>`
fn counted() -> Fields {
    Fields::from(vec![
        Field::new("value", DataType::Utf8View, false),
        Field::new("count", DataType::Int64, false),
        Field::new("error", DataType::Int64, false),
    ])
}

/// The type of a group's counters, as a result and on their way to be merged.
pub(super) fn counted_list() -> DataType {
    DataType::new_list(DataType::Struct(counted()), true)
}

fn list(
    offsets: OffsetBuffer<i32>,
    values: StringViewArray,
    counts: Int64Array,
    errors: Int64Array,
) -> Result<ListArray> {
    let columns: Vec<ArrayRef> = vec![Arc::new(values), Arc::new(counts), Arc::new(errors)];
    let items = StructArray::try_new(counted(), columns, None)?;
    let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
    Ok(ListArray::try_new(field, offsets, Arc::new(items), None)?)
}

/// The first of each group's counters, the most frequent value first, values of one count in the order of their bytes.
pub(super) fn lists<'a>(
    groups: impl Iterator<Item = &'a Counters>,
    most: usize,
) -> Result<ListArray> {
    let mut values = StringViewBuilder::new();
    let (mut counts, mut errors, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    for group in groups {
        let mut all: Vec<(&str, i64)> = group.counts.iter().map(|(v, &c)| (&**v, c)).collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all.truncate(most);
        lengths.push(all.len());
        for (value, count) in all {
            values.append_value(value);
            counts.push(count);
            errors.push(group.lost);
        }
    }
    list(
        OffsetBuffer::from_lengths(lengths),
        values.finish(),
        counts.into(),
        errors.into(),
    )
}

/// A list for each value: of itself, once, if it is wanted, and else empty.
pub(super) fn lists_of_one(
    values: &StringViewArray,
    wanted: impl Iterator<Item = bool>,
) -> Result<ListArray> {
    let wanted: Vec<bool> = wanted.collect();
    let offsets = OffsetBuffer::from_lengths(wanted.iter().copied().map(usize::from));
    // As they wait for their groups, they do not keep the texts they are of.
    let values = filter(values, &wanted.into())?.as_string_view().gc();
    let rows = values.len();
    list(
        offsets,
        values,
        Int64Array::from_value(1, rows),
        Int64Array::from_value(0, rows),
    )
}

/// Counters of many groups as [`lists`] gives them, to be merged.
pub(super) struct Counted<'a> {
    lists: &'a ListArray,
    values: &'a StringViewArray,
    counts: &'a ScalarBuffer<i64>,
    lost: &'a ScalarBuffer<i64>,
}

impl<'a> Counted<'a> {
    pub(super) fn of(states: &'a ArrayRef) -> Result<Self> {
        if states.data_type() != &counted_list() {
            return exec_err!("{NAME}: a state of type {}", states.data_type());
        }
        let lists: &ListArray = states.as_list();
        let items = lists.values().as_struct();
        Ok(Self {
            lists,
            values: items.column(0).as_string_view(),
            counts: items.column(1).as_primitive::<Int64Type>().values(),
            lost: items.column(2).as_primitive::<Int64Type>().values(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.lists.len()
    }

    /// Adds the counters of one row.
    pub(super) fn merge(&self, row: usize, into: &mut Counters, k: usize) {
        let offsets = self.lists.offsets();
        let items = offsets[row] as usize..offsets[row + 1] as usize;
        // Each list says for itself what its counts lack, and an empty one lacks nothing.
        let lost = items.clone().next().map_or(0, |first| self.lost[first]);
        items.for_each(|i| into.add(self.values.value(i), self.counts[i], k));
        into.lost += lost;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const K: usize = 2;

    fn shown(counters: &Counters) -> Vec<(String, i64, i64)> {
        let list = lists(std::iter::once(counters), K).unwrap();
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
        let mut parts: Vec<Counters> = (0..3).map(|_| Counters::default()).collect();
        let mut all = 0_i64;
        // Three frequent values among ten thousand that come once or twice each.
        for n in 0..30_000_usize {
            let part = &mut parts[n % 3];
            part.add(&format!("rare {}", n * 7919 % 10_007), 1, K);
            part.add(["often", "often", "sometimes"][n / 3 % 3], 1, K);
            all += 2;
        }
        let mut merged = Counters::default();
        let states: ArrayRef = Arc::new(lists(parts.iter(), usize::MAX).unwrap());
        let states = Counted::of(&states).unwrap();
        for (row, part) in parts.iter().enumerate() {
            assert!(part.counts.len() <= 2 * room(K));
            states.merge(row, &mut merged, K);
        }
        let top = shown(&merged);
        assert_eq!(
            top.iter().map(|t| t.0.as_str()).collect::<Vec<_>>(),
            ["often", "sometimes"]
        );
        for ((_, count, error), truth) in top.iter().zip([20_001, 9_999]) {
            assert!(*count <= truth && truth <= count + error, "{top:?}");
            assert!(*error <= all / LEAST_COUNTERS as i64, "{top:?}");
        }
        assert!(merged.heap_size() < 4 * LEAST_COUNTERS * 64);

        let mut few = Counters::default();
        ["b", "a", "c", "b", "a"]
            .iter()
            .for_each(|value| few.add(value, 1, K));
        assert_eq!(shown(&few), [("a".into(), 2, 0), ("b".into(), 2, 0)]);
    }
}
