//! A Python value as a value of SQL.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::binary::type_union_resolution;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDate, PyDateTime, PyDelta, PyFloat, PyInt, PyList, PyString, PyTime,
    PyTuple, PyTzInfoAccess,
};

use crate::error::{to_py, usage};

/// Lists within lists: a list can hold itself.
const MOST_NESTED: usize = 16;

/// Digits of Arrow's decimals.
const MOST_DIGITS: usize = 38;

/// The value; `name` is the parameter's, for the message.
pub fn scalar(value: &Bound<'_, PyAny>, name: &str) -> PyResult<ScalarValue> {
    nested(value, name, 0)
}

fn nested(value: &Bound<'_, PyAny>, name: &str, depth: usize) -> PyResult<ScalarValue> {
    // bool before int and datetime before date, since the former are subclasses of the latter.
    if value.is_none() || is_missing(value)? {
        Ok(ScalarValue::Null)
    } else if let Ok(value) = value.cast::<PyBool>() {
        Ok(ScalarValue::Boolean(Some(value.is_true())))
    } else if value.is_instance_of::<PyInt>() {
        let value = value.extract().map_err(|_| {
            usage(format!(
                "parameter ${name}: {value} does not fit in 64 bits"
            ))
        })?;
        Ok(ScalarValue::Int64(Some(value)))
    } else if value.is_instance_of::<PyFloat>() {
        Ok(ScalarValue::Float64(Some(value.extract()?)))
    } else if let Ok(value) = value.cast::<PyString>() {
        Ok(ScalarValue::Utf8(Some(value.to_cow()?.into_owned())))
    } else if let Ok(value) = value.cast::<PyBytes>() {
        Ok(ScalarValue::Binary(Some(value.as_bytes().to_vec())))
    } else if let Ok(value) = value.cast::<PyDateTime>() {
        moment(value)
    } else if value.is_instance_of::<PyDate>() {
        let days = value
            .extract::<NaiveDate>()?
            .signed_duration_since(NaiveDate::default())
            .num_days();
        // Python's years end at 9999, which is far from the end of 32 bits.
        Ok(ScalarValue::Date32(i32::try_from(days).ok()))
    } else if let Ok(time) = value.cast::<PyTime>() {
        if time.get_tzinfo().is_some() {
            return Err(usage(format!(
                "parameter ${name}: a time of day has no zone in SQL: give {value} without one"
            )));
        }
        let since_midnight = value.extract::<NaiveTime>()? - NaiveTime::MIN;
        Ok(ScalarValue::Time64Nanosecond(
            since_midnight.num_nanoseconds(),
        ))
    } else if let Ok(value) = value.cast::<PyDelta>() {
        span(value, name)
    } else if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        list(value, name, depth)
    } else if let Some(time) = time_of_numpy(value, name)? {
        match time {
            NumpyTime::One(value) => Ok(value),
            NumpyTime::Many(values) => list(&values, name, depth),
        }
    } else if let Some(plain) = of_numpy(value)? {
        nested(&plain, name, depth)
    } else if value.is_instance(&value.py().import("decimal")?.getattr("Decimal")?)? {
        decimal(value, name)
    } else {
        Err(PyTypeError::new_err(format!(
            "parameter ${name} is of type {}: use None, bool, int, float, Decimal, str, bytes, date, time, datetime, \
             timedelta, or a list of such",
            value.get_type().name()?
        )))
    }
}

fn moment(value: &Bound<'_, PyDateTime>) -> PyResult<ScalarValue> {
    // That of pandas which is none differs from itself, as a float's NaN does.
    if value.ne(value)? {
        return Ok(ScalarValue::Null);
    }
    let zone = value.get_tzinfo().is_some().then(|| "UTC".into());
    // So do those of pandas have what is below a microsecond.
    if let Some(nanosecond) = value.getattr_opt("nanosecond")?
        && nanosecond.extract::<i64>()? != 0
    {
        let since_1970 = value.getattr("value")?.extract()?;
        return Ok(ScalarValue::TimestampNanosecond(Some(since_1970), zone));
    }
    let since_1970 = match zone {
        Some(_) => value
            .call_method1("astimezone", (Utc,))?
            .extract::<DateTime<Utc>>()?,
        None => value.extract::<NaiveDateTime>()?.and_utc(),
    };
    Ok(ScalarValue::TimestampMicrosecond(
        Some(since_1970.timestamp_micros()),
        zone,
    ))
}

/// As an interval of nanoseconds, since a day of Python's is 24 hours whatever clocks do.
fn span(value: &Bound<'_, PyDelta>, name: &str) -> PyResult<ScalarValue> {
    // That of pandas has what is below a microsecond.
    let nanoseconds = match value.getattr_opt("nanoseconds")? {
        Some(_) => Some(value.getattr("value")?.extract()?),
        None => value.extract::<TimeDelta>()?.num_nanoseconds(),
    };
    let Some(nanoseconds) = nanoseconds else {
        return Err(usage(format!(
            "parameter ${name}: {value} is longer than 292 years"
        )));
    };
    Ok(ScalarValue::IntervalMonthDayNano(Some(
        IntervalMonthDayNano::new(0, 0, nanoseconds),
    )))
}

fn decimal(value: &Bound<'_, PyAny>, name: &str) -> PyResult<ScalarValue> {
    let refused = |why: &str| usage(format!("parameter ${name}: {value} {why}"));
    let (negative, digits, exponent): (u8, Vec<u8>, Bound<'_, PyAny>) =
        value.call_method0("as_tuple")?.extract()?;
    let Ok(exponent) = exponent.extract::<i64>() else {
        return Err(refused("is no decimal number"));
    };
    let zeros = usize::try_from(exponent).unwrap_or(0);
    let scale = usize::try_from(-exponent).unwrap_or(0);
    let precision = digits.len().saturating_add(zeros).max(scale);
    let (Ok(precision), Ok(scale), true) = (
        u8::try_from(precision),
        i8::try_from(scale),
        precision <= MOST_DIGITS,
    ) else {
        return Err(refused(&format!("has more than {MOST_DIGITS} digits")));
    };
    let zeros = std::iter::repeat_n(&0, zeros);
    let number = digits
        .iter()
        .chain(zeros)
        .fold(0_i128, |number, &digit| 10 * number + i128::from(digit));
    let number = if negative == 1 { -number } else { number };
    Ok(ScalarValue::Decimal128(Some(number), precision, scale))
}

fn list(items: &Bound<'_, PyAny>, name: &str, depth: usize) -> PyResult<ScalarValue> {
    if depth == MOST_NESTED {
        return Err(usage(format!(
            "parameter ${name}: lists are nested more than {MOST_NESTED} deep"
        )));
    }
    let mut values = Vec::new();
    let mut types: Vec<DataType> = Vec::new();
    for (index, item) in items.try_iter()?.enumerate() {
        let value = nested(&item?, &format!("{name}[{index}]"), depth + 1)?;
        let of = value.data_type();
        if of != DataType::Null && !types.contains(&of) {
            types.push(of);
        }
        values.push(value);
    }
    let Some(common) = common(&types) else {
        let types: Vec<String> = types.iter().map(ToString::to_string).collect();
        return Err(PyTypeError::new_err(format!(
            "parameter ${name}: the items of a list must be of one type, not {}",
            types.join(" and ")
        )));
    };
    let cast = |value: &ScalarValue| match value.is_null() {
        true => ScalarValue::try_from(&common),
        false => value.cast_to(&common),
    };
    let values: Result<Vec<ScalarValue>, _> = values.iter().map(cast).collect();
    let values = values.map_err(|error| to_py(error.into()))?;
    Ok(ScalarValue::List(ScalarValue::new_list(
        &values, &common, true,
    )))
}

/// The type that holds values of all these, if there is one: numbers go together, and so do times.
fn common(types: &[DataType]) -> Option<DataType> {
    match types {
        [] => Some(DataType::Null),
        [one] => Some(one.clone()),
        numbers if numbers.iter().all(DataType::is_numeric) => type_union_resolution(numbers),
        [DataType::Timestamp(_, zone), others @ ..] => {
            let same = |of: &DataType| matches!(of, DataType::Timestamp(_, other) if other == zone);
            others
                .iter()
                .all(same)
                .then(|| DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()))
        }
        _ => None,
    }
}

/// Whether it is what pandas has in place of a value that is missing, whatever its type.
fn is_missing(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let of = value.get_type();
    Ok(of.name()? == "NAType" && of.module()?.to_cow()?.starts_with("pandas"))
}

/// What numpy's times are.
enum NumpyTime<'py> {
    One(ScalarValue),
    /// An array, whose items are such times.
    Many(Bound<'py, PyAny>),
}

/// Moments and spans of numpy, which have units of their own: days are dates, all others count nanoseconds.
fn time_of_numpy<'py>(value: &Bound<'py, PyAny>, name: &str) -> PyResult<Option<NumpyTime<'py>>> {
    if value.get_type().module()? != "numpy" {
        return Ok(None);
    }
    let Some(dtype) = value.getattr_opt("dtype")? else {
        return Ok(None);
    };
    let kind: char = dtype.getattr("kind")?.extract()?;
    if kind != 'M' && kind != 'm' {
        return Ok(None);
    }
    if value.getattr("ndim")?.extract::<usize>()? > 0 {
        return Ok(Some(NumpyTime::Many(value.clone())));
    }
    let numpy = value.py().import("numpy")?;
    let missing: bool = numpy.call_method1("isnat", (value,))?.extract()?;
    let (unit, _): (String, Bound<'_, PyAny>) =
        numpy.call_method1("datetime_data", (&dtype,))?.extract()?;
    // What lies outside of 64 bits of the unit wanted wraps around, which shows on the way back.
    let exactly = |wanted: &str| -> PyResult<Option<i64>> {
        let converted = value.call_method1("astype", (wanted,))?;
        let back = converted.call_method1("astype", (&dtype,))?;
        match !missing && back.eq(value)? {
            true => Ok(Some(
                converted.call_method1("astype", ("int64",))?.extract()?,
            )),
            false => Ok(None),
        }
    };
    let scalar = match (kind, unit.as_str()) {
        ('M', "D" | "W") => {
            let days = exactly("datetime64[D]")?;
            ScalarValue::Date32(days.and_then(|days| i32::try_from(days).ok()))
        }
        ('M', _) => ScalarValue::TimestampNanosecond(exactly("datetime64[ns]")?, None),
        ('m', "M" | "Y") => {
            let refused = format!("parameter ${name}: {value} has no length: give days");
            return Err(usage(refused));
        }
        _ => ScalarValue::IntervalMonthDayNano(
            exactly("timedelta64[ns]")?.map(|ns| IntervalMonthDayNano::new(0, 0, ns)),
        ),
    };
    match scalar.is_null() {
        true if missing => Ok(Some(NumpyTime::One(ScalarValue::Null))),
        true => Err(usage(format!(
            "parameter ${name}: {value} does not fit in 64 bits of nanoseconds"
        ))),
        false => Ok(Some(NumpyTime::One(scalar))),
    }
}

/// What numpy's scalars and arrays are in Python's own types.
fn of_numpy<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    if value.get_type().module()? != "numpy" {
        return Ok(None);
    }
    let Some(dtype) = value.getattr_opt("dtype")? else {
        return Ok(None);
    };
    let kind: char = dtype.getattr("kind")?.extract()?;
    if !"biufSUTO".contains(kind) {
        return Ok(None);
    }
    let plain = value.call_method0("tolist")?;
    // Floats of more than 64 bits have no other type.
    Ok((!plain.get_type().is(value.get_type())).then_some(plain))
}
