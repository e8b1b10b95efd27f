//! Whether a consumer's own schema can be served.
//!
//! What leaves by default is `spanql::output::viewless_schema`: pyarrow's kernels (sort, take, comparison, join) still
//! fail on views. Another schema is served where it says the same: the columns that there are, each in a type that holds
//! every value of it. To change what a value is, is for whoever asks: a consumer that gets other types than it wanted
//! can cast and knows that it did.

use arrow::compute::can_cast_types;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};

/// Whether columns of one schema can be handed out as those of another: the same names in the same order, no value
/// changed, no NULL refused.
pub fn can_become(from: &Schema, to: &Schema) -> bool {
    columns(from.fields(), to.fields())
}

fn columns(from: &Fields, to: &Fields) -> bool {
    let same = |(from, to): (&FieldRef, &FieldRef)| from.name() == to.name() && field(from, to);
    from.len() == to.len() && from.iter().zip(to).all(same)
}

fn field(from: &Field, to: &Field) -> bool {
    (to.is_nullable() || !from.is_nullable()) && keeps_values(from.data_type(), to.data_type())
}

/// Whether every value of a type is one of the other.
fn keeps_values(from: &DataType, to: &DataType) -> bool {
    use DataType::{
        Binary, BinaryView, Date32, Date64, Dictionary, Duration, FixedSizeList, LargeBinary,
        LargeList, LargeListView, LargeUtf8, List, ListView, Map, Null, Struct, Time32, Time64,
        Timestamp, Utf8, Utf8View,
    };
    if from == to {
        return true;
    }
    let kept = match (from, to) {
        (Null, _) => true,
        (Utf8 | LargeUtf8 | Utf8View, Utf8 | LargeUtf8 | Utf8View)
        | (Binary | LargeBinary | BinaryView, Binary | LargeBinary | BinaryView)
        | (Date32, Date64) => true,
        (Dictionary(key, value), Dictionary(other, wanted)) => {
            keeps_values(key, other) && keeps_values(value, wanted)
        }
        (Dictionary(_, value), _) => keeps_values(value, to),
        // A batch may have as many values as rows, which shorter keys cannot tell apart. Arrow packs no other types.
        (_, Dictionary(key, value)) => {
            let packs = value.is_string() || value.is_binary() || value.is_numeric();
            packs && key.primitive_width() >= Some(4) && keeps_values(from, value)
        }
        (
            List(item) | LargeList(item) | ListView(item) | LargeListView(item),
            List(wanted) | LargeList(wanted) | ListView(wanted) | LargeListView(wanted),
        )
        | (FixedSizeList(item, _), List(wanted) | LargeList(wanted)) => field(item, wanted),
        (FixedSizeList(item, n), FixedSizeList(wanted, m)) => n == m && field(item, wanted),
        (Struct(fields), Struct(wanted)) => columns(fields, wanted),
        (Map(entries, sorted), Map(wanted, as_sorted)) => {
            sorted == as_sorted && field(entries, wanted)
        }
        (Timestamp(unit, zone), Timestamp(finer, other)) => zone == other && unit < finer,
        (Time32(unit) | Time64(unit), Time32(finer) | Time64(finer))
        | (Duration(unit), Duration(finer)) => unit < finer,
        _ => is_wider(from, to),
    };
    kept && can_cast_types(from, to)
}

/// Whether a type of numbers has all of another: what the bits before the point and behind it are enough for.
fn is_wider(from: &DataType, to: &DataType) -> bool {
    let bits = |of: &DataType| of.primitive_width().map_or(0, |bytes| 8 * bytes);
    let (narrow, wide) = (bits(from), bits(to));
    if from.is_floating() {
        return to.is_floating() && narrow < wide;
    }
    if !from.is_integer() {
        return false;
    }
    // A sign takes a bit.
    let digits = narrow - usize::from(from.is_signed_integer());
    match to {
        DataType::Float16 => digits <= 11,
        DataType::Float32 => digits <= 24,
        DataType::Float64 => digits <= 53,
        to if to.is_signed_integer() => digits < wide,
        to => to.is_unsigned_integer() && from.is_unsigned_integer() && narrow < wide,
    }
}
