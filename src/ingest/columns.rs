//! The user's own columns while their types are being found out.
//!
//! A column begins without a type, takes that of its first value, and is widened as `store::widen` says. Values are
//! kept sparse (each with its row), so that a thousand columns of which a record has three cost three values.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringViewBuilder, UInt32Array,
    new_null_array,
};
use arrow::array::{AsArray, NullArray};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Float64Type, Int64Type};

use super::json::Value;
use crate::error::Result;

/// A finished column.
#[derive(Debug)]
pub(crate) struct Column {
    pub name: String,
    pub values: ArrayRef,
    /// The row of each value, ascending; without it there is a value for each row.
    pub rows: Option<Vec<u32>>,
}

impl Column {
    /// One value a row, of type `to`, NULL where the column has none.
    pub(crate) fn dense(&self, rows: usize, to: &DataType) -> Result<ArrayRef> {
        let values = if self.values.data_type() == to {
            self.values.clone()
        } else {
            cast(&self.values, to)?
        };
        let Some(at) = self.rows.as_ref().filter(|at| at.len() < rows) else {
            return Ok(values);
        };
        if at.is_empty() {
            return Ok(new_null_array(to, rows));
        }
        let mut index = vec![None; rows];
        for (value, row) in (0..).zip(at) {
            index[*row as usize] = Some(value);
        }
        Ok(take(&values, &UInt32Array::from(index), None)?)
    }
}

#[derive(Debug)]
enum Values {
    None,
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringViewBuilder),
}

impl Values {
    fn push(&mut self, value: &Value<'_>) {
        match (&mut *self, value) {
            (_, Value::Null) => {}
            (Self::Bool(values), Value::Bool(value)) => values.append_value(*value),
            (Self::Int(values), Value::Int(value)) => values.append_value(*value),
            (Self::Float(values), Value::Float(value)) => values.append_value(*value),
            // Rounded beyond 2⁵³, as `store::widen` says.
            (Self::Float(values), Value::Int(value)) => values.append_value(*value as f64),
            (Self::Text(values), Value::Text(value)) => values.append_value(value),
            (Self::Text(values), Value::Json(value)) => values.append_value(value),
            (Self::Text(values), Value::Int(value)) => values.append_value(value.to_string()),
            (Self::Text(values), Value::Float(value)) => values.append_value(format!("{value:?}")),
            (Self::Text(values), Value::Bool(value)) => values.append_value(value.to_string()),
            _ => {
                self.make_room_for(value);
                self.push(value);
            }
        }
    }

    /// Takes the type that holds both what is there and `value`.
    fn make_room_for(&mut self, value: &Value<'_>) {
        *self = match (std::mem::replace(self, Self::None), value) {
            (Self::None, Value::Bool(_)) => Self::Bool(BooleanBuilder::new()),
            (Self::None, Value::Int(_)) => Self::Int(Int64Builder::new()),
            (Self::None, Value::Float(_)) => Self::Float(Float64Builder::new()),
            (Self::Int(mut values), Value::Float(_)) => {
                let mut floats = Float64Builder::new();
                floats.append_slice(
                    &values
                        .finish()
                        .values()
                        .iter()
                        .map(|n| *n as f64)
                        .collect::<Vec<_>>(),
                );
                Self::Float(floats)
            }
            (values, _) => {
                let mut text = StringViewBuilder::new();
                let there = values.finish();
                match there.data_type() {
                    DataType::Boolean => {
                        there
                            .as_boolean()
                            .values()
                            .iter()
                            .for_each(|b| text.append_value(b.to_string()));
                    }
                    DataType::Int64 => {
                        let values = there.as_primitive::<Int64Type>().values();
                        values.iter().for_each(|n| text.append_value(n.to_string()));
                    }
                    DataType::Float64 => {
                        let values = there.as_primitive::<Float64Type>().values();
                        values
                            .iter()
                            .for_each(|n| text.append_value(format!("{n:?}")));
                    }
                    _ => {}
                }
                Self::Text(text)
            }
        };
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::None => Arc::new(NullArray::new(0)),
            Self::Bool(mut values) => Arc::new(values.finish()),
            Self::Int(mut values) => Arc::new(values.finish()),
            Self::Float(mut values) => Arc::new(values.finish()),
            Self::Text(mut values) => Arc::new(values.finish()),
        }
    }
}

#[derive(Debug)]
struct Growing {
    name: String,
    values: Values,
    rows: Vec<u32>,
}

/// Columns in the making, in the order in which they were first met.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    columns: Vec<Growing>,
    by_name: HashMap<String, usize>,
    /// The column of the field that stood at this place in the last record: records of a file look alike.
    slots: Vec<(String, usize)>,
}

impl Columns {
    pub(crate) fn len(&self) -> usize {
        self.columns.len()
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The column of the user's field `key` at place `slot` of its record; `name` gives the column's name.
    pub(crate) fn of_field(
        &mut self,
        slot: usize,
        key: &str,
        name: impl Fn(&str) -> String,
    ) -> usize {
        match self.slots.get(slot) {
            Some((last, column)) if last == key => return *column,
            _ => {}
        }
        let column = self.named(name(key));
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, (String::new(), usize::MAX));
        }
        self.slots[slot] = (key.to_string(), column);
        column
    }

    /// The column of this name, made if it is not there.
    pub(crate) fn named(&mut self, name: String) -> usize {
        let next = self.columns.len();
        let column = *self.by_name.entry(name.clone()).or_insert(next);
        if column == next {
            self.columns.push(Growing {
                name,
                values: Values::None,
                rows: Vec::new(),
            });
        }
        column
    }

    /// Whether the column has a value at `row`, the row that is being filled.
    pub(crate) fn has(&self, column: usize, row: u32) -> bool {
        self.columns[column].rows.last() == Some(&row)
    }

    /// Sets the value of `row`, which must not be behind the last one set.
    pub(crate) fn push(&mut self, column: usize, row: u32, value: &Value<'_>) {
        if !matches!(value, Value::Null) {
            let column = &mut self.columns[column];
            column.values.push(value);
            column.rows.push(row);
        }
    }

    pub(crate) fn finish(self) -> Vec<Column> {
        let done = |column: Growing| Column {
            name: column.name,
            values: column.values.finish(),
            rows: Some(column.rows),
        };
        self.columns.into_iter().map(done).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: &[Value<'_>]) -> Column {
        let mut columns = Columns::default();
        for (row, value) in (0..).zip(values) {
            let column = columns.of_field(0, "x", str::to_string);
            columns.push(column, row, value);
        }
        columns.finish().remove(0)
    }

    fn as_text(values: &[Value<'_>]) -> (DataType, Vec<Option<String>>) {
        let column = column(values);
        let data_type = column.values.data_type().clone();
        let dense = column.dense(values.len(), &DataType::Utf8View).unwrap();
        let text = dense
            .as_string_view()
            .iter()
            .map(|v| v.map(str::to_string))
            .collect();
        (data_type, text)
    }

    #[test]
    fn a_column_takes_the_narrowest_type_for_all_its_values() {
        use Value::{Bool, Float, Int, Json, Null, Text};
        let some = |values: &[&str]| {
            values
                .iter()
                .map(|v| Some(v.to_string()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            as_text(&[Int(1), Int(-2)]),
            (DataType::Int64, some(&["1", "-2"]))
        );
        assert_eq!(
            as_text(&[Int(1), Float(2.5), Int(3)]),
            (DataType::Float64, some(&["1.0", "2.5", "3.0"]))
        );
        assert_eq!(
            as_text(&[Bool(true), Int(1)]),
            (DataType::Utf8View, some(&["true", "1"]))
        );
        assert_eq!(
            as_text(&[
                Int(1),
                Float(0.5),
                Text("x".into()),
                Bool(false),
                Json("[]".into())
            ]),
            (
                DataType::Utf8View,
                some(&["1.0", "0.5", "x", "false", "[]"])
            )
        );
        assert_eq!(
            as_text(&[Null, Int(1), Null]).1,
            [None, Some("1".to_string()), None]
        );
        assert_eq!(as_text(&[Null, Null]), (DataType::Null, vec![None, None]));
    }
}
