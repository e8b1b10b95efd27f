//! The text argument that all our functions share: any string type, seen as views without copying the bytes.

use arrow::array::builder::make_view;
use arrow::array::{Array, ArrayRef, AsArray, ByteView, StringViewArray};
use arrow::buffer::Buffer;
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ReturnFieldArgs};

/// Arrow inlines strings up to this length into the view itself.
pub(super) const INLINE: usize = 12;

/// A buffer of copies is closed at this size: views address at most 4 GiB of one buffer.
const COPIES_BUFFER: usize = 1 << 30;

/// Whether a column of this type can be a text.
fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// The type in which `function` takes its text: as it comes, so that DataFusion inserts no cast that copies.
pub(super) fn text_type(function: &str, data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::Null => Ok(DataType::Utf8View),
        text if is_text(text) => Ok(text.clone()),
        other => plan_err!("{function}: the text must be a string, not {other}"),
    }
}

/// The type in which `function` takes a string constant.
pub(super) fn constant_type(function: &str, what: &str, data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::Null => Ok(DataType::Utf8),
        text if is_text(text) => Ok(DataType::Utf8),
        other => plan_err!("{function}: {what} must be a string, not {other}"),
    }
}

/// The value of a string constant.
pub(super) fn constant<'a>(
    function: &str,
    what: &str,
    value: &'a ColumnarValue,
) -> Result<&'a str> {
    match value {
        ColumnarValue::Scalar(scalar) => match scalar.try_as_str() {
            Some(Some(text)) => Ok(text),
            _ => exec_err!("{function}: {what} must not be NULL"),
        },
        ColumnarValue::Array(_) => {
            exec_err!("{function}: {what} must be a literal or a bound parameter, not a column")
        }
    }
}

/// A string constant as far as it is known when the query is planned: none where it is left out, or is a parameter that
/// is not bound yet.
pub(super) fn planned_constant<'a>(
    function: &str,
    what: &str,
    args: &ReturnFieldArgs<'a>,
    at: usize,
) -> Result<Option<&'a str>> {
    match args.scalar_arguments.get(at) {
        Some(Some(scalar)) => match scalar.try_as_str() {
            Some(None) => plan_err!("{function}: {what} must not be NULL"),
            known => Ok(known.flatten()),
        },
        _ => Ok(None),
    }
}

/// Strings that are no part of a text, in buffers of their own beside those of a text array.
#[derive(Debug)]
pub(super) struct Copies {
    /// Buffers before the one that is being filled: those of the texts, and full ones.
    before: usize,
    full: Vec<Buffer>,
    bytes: Vec<u8>,
}

impl Copies {
    pub(super) fn beside(texts: &StringViewArray) -> Self {
        Self {
            before: texts.data_buffers().len(),
            full: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// A view of a copy of a string of less than 4 GiB.
    pub(super) fn view(&mut self, string: &str) -> u128 {
        let string = string.as_bytes();
        if string.len() <= INLINE {
            return make_view(string, 0, 0);
        }
        if !self.bytes.is_empty() && self.bytes.len() + string.len() > COPIES_BUFFER {
            self.full
                .push(Buffer::from_vec(std::mem::take(&mut self.bytes)));
            self.before += 1;
        }
        let offset = self.bytes.len() as u32;
        self.bytes.extend_from_slice(string);
        make_view(string, self.before as u32, offset)
    }

    /// All buffers that the views may point into, those of the texts first.
    pub(super) fn with_those_of(self, texts: &StringViewArray) -> Vec<Buffer> {
        let last = (!self.bytes.is_empty()).then(|| Buffer::from_vec(self.bytes));
        let texts = texts.data_buffers().iter().cloned();
        texts.chain(self.full).chain(last).collect()
    }
}

/// Bytes of all texts.
pub(super) fn bytes(texts: &StringViewArray) -> usize {
    let lengths = texts.lengths().enumerate();
    let valid = lengths.filter(|&(row, _)| texts.is_valid(row));
    valid.map(|(_, length)| length as usize).sum()
}

/// A view of `part`, which stands at byte `start` of the text of `row`: no bytes are copied but those that Arrow inlines.
pub(super) fn view_of_part(texts: &StringViewArray, row: usize, part: &str, start: usize) -> u128 {
    if part.len() <= INLINE {
        return make_view(part.as_bytes(), 0, 0);
    }
    // A text that holds more than INLINE bytes is itself a view into a buffer; `start` lies inside it.
    let text = ByteView::from(texts.views()[row]);
    make_view(
        part.as_bytes(),
        text.buffer_index,
        text.offset + start as u32,
    )
}

/// Applies `lists` to the text argument. It is called once per distinct value of a dictionary and once for a scalar.
pub(super) fn map_text(
    text: &ColumnarValue,
    lists: impl Fn(&StringViewArray) -> Result<ArrayRef>,
) -> Result<ColumnarValue> {
    let mut one = |texts: &StringViewArray| Ok(vec![lists(texts)?]);
    match text {
        ColumnarValue::Scalar(scalar) => {
            let list = map_texts(&scalar.to_array()?, &mut one)?;
            let list = ScalarValue::try_from_array(&list[0], 0)?;
            Ok(ColumnarValue::Scalar(list))
        }
        ColumnarValue::Array(array) => {
            let mut list = map_texts(array, &mut one)?;
            Ok(ColumnarValue::Array(list.swap_remove(0)))
        }
    }
}

/// Applies `lists`, which gives arrays of one row a text, to a column of texts, of any string type. It is called once per
/// distinct value of a dictionary.
pub(super) fn map_texts(
    array: &ArrayRef,
    lists: &mut impl FnMut(&StringViewArray) -> Result<Vec<ArrayRef>>,
) -> Result<Vec<ArrayRef>> {
    match array.data_type() {
        DataType::Utf8View => lists(array.as_string_view()),
        // Both conversions build views over the same bytes; arrow copies only beyond 4 GiB.
        DataType::Utf8 => lists(&StringViewArray::from(array.as_string::<i32>())),
        DataType::LargeUtf8 => lists(&StringViewArray::from(array.as_string::<i64>())),
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            if dictionary.values().len() <= dictionary.len() {
                let distinct = map_texts(dictionary.values(), lists)?;
                let all = distinct.iter();
                return all
                    .map(|list| Ok(take(list, dictionary.keys(), None)?))
                    .collect();
            }
            // A small slice of a large dictionary: only what the slice names is worth scanning.
            map_texts(&take(dictionary.values(), dictionary.keys(), None)?, lists)
        }
        _ => map_texts(&cast(array, &DataType::Utf8View)?, lists),
    }
}
