//! A SQL function over a column, without SQL: for callers that have texts and want their entities, and no table.
//!
//! Owns how a column is cut into pieces and spread over rayon's threads. What a function does is its own matter; so is,
//! for whoever calls, the type in which its answers leave.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF};
use rayon::prelude::*;

use super::{BATCH_ROWS, Session};
use crate::error::{Error, Result};
use crate::functions::run::Run;
use crate::plan::compact_batch;

/// What one thread takes at a time is at most [`BATCH_ROWS`] rows and about so many bytes, since between two pieces it
/// is asked whether the answer is still wanted.
const PIECE_BYTES: usize = 1 << 20;

/// A function with its constant arguments, for columns of texts. Made by [`Session::column_function`].
#[derive(Debug)]
pub struct ColumnFunction {
    pub(super) function: Arc<ScalarUDF>,
    pub(super) constants: Vec<ScalarValue>,
    options: Arc<ConfigOptions>,
}

impl Session {
    /// The SQL function `name`, which takes a text and then `constants`.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow::array::{Array as _, ArrayRef, AsArray as _, StringArray};
    /// use spanql::functions::run::Run;
    /// use spanql::{Session, SessionOptions};
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let session = Session::open(SessionOptions::default()).await?;
    /// let emails = session.column_function("entity_values", &["EMAIL"])?;
    /// let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("to bob@example.com"), None]));
    /// let [found] = &emails.over(&[texts], &Run::default())?[..] else { panic!("one piece") };
    /// assert_eq!(found.column(0).as_list::<i32>().value(0).as_string_view().value(0), "bob@example.com");
    /// assert!(found.column(0).is_null(1));
    /// # Ok::<(), spanql::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Usage`] for a function that there is not; where constants are wrong, what the query would say.
    pub fn column_function(&self, name: &str, constants: &[&str]) -> Result<ColumnFunction> {
        let state = self.ctx.state_ref();
        let state = state.read();
        let function = state
            .scalar_functions()
            .get(name)
            .ok_or_else(|| Error::Usage(format!("there is no function {name}")))?;
        let made = ColumnFunction {
            function: Arc::clone(function),
            constants: constants
                .iter()
                .map(|&c| ScalarValue::Utf8(Some(c.into())))
                .collect(),
            options: Arc::clone(state.config_options()),
        };
        made.planned(&DataType::Utf8View)?;
        Ok(made)
    }
}

impl ColumnFunction {
    /// The single column of its answers, where texts are of this type.
    ///
    /// # Errors
    /// [`Error::Query`] for a type that the function does not take.
    pub fn schema(&self, texts: &DataType) -> Result<SchemaRef> {
        let (_, answer) = self.planned(texts)?;
        Ok(Arc::new(Schema::new(vec![
            answer.as_ref().clone().with_nullable(true),
        ])))
    }

    /// The answers, a batch of [`ColumnFunction::schema`] for each piece of the texts, in order; at least one. Views are
    /// compacted: keeping answers does not keep texts. Works on the threads of the rayon pool that it is called in.
    ///
    /// # Errors
    /// [`Error::Interrupted`] once the run is cancelled; otherwise the function's own.
    ///
    /// # Panics
    /// Where the arrays are of different types.
    pub fn over(&self, texts: &[ArrayRef], run: &Run) -> Result<Vec<RecordBatch>> {
        let text_type = texts
            .first()
            .map_or(DataType::Utf8View, |t| t.data_type().clone());
        assert!(texts.iter().all(|t| *t.data_type() == text_type));
        let schema = self.schema(&text_type)?;
        let (fields, answer) = self.planned(&text_type)?;
        let mut options = self.options.as_ref().clone();
        options.extensions.insert(run.clone());
        let options = Arc::new(options);
        let mut pieces: Vec<ArrayRef> = texts.iter().flat_map(cut).collect();
        if pieces.is_empty() {
            pieces.push(arrow::array::new_empty_array(&text_type));
        }
        let piece = |texts: ArrayRef| {
            if run.cancel().is_cancelled() {
                return Err(Error::Interrupted);
            }
            let rows = texts.len();
            let texts = cast(&texts, fields[0].data_type())?; // the same array, but for a column of nothing but NULL
            let constants = self.constants.iter().cloned().map(ColumnarValue::Scalar);
            let answers = self.function.invoke_with_args(ScalarFunctionArgs {
                args: std::iter::once(ColumnarValue::Array(texts))
                    .chain(constants)
                    .collect(),
                arg_fields: fields.clone(),
                number_rows: rows,
                return_field: Arc::clone(&answer),
                config_options: Arc::clone(&options),
            })?;
            let batch = RecordBatch::try_new(Arc::clone(&schema), vec![answers.into_array(rows)?])?;
            Ok(compact_batch(&batch))
        };
        pieces.into_par_iter().map(piece).collect()
    }

    /// The arguments' fields and the answer's, as in a query.
    fn planned(&self, texts: &DataType) -> Result<(Vec<FieldRef>, FieldRef)> {
        let given: Vec<DataType> = std::iter::once(texts.clone())
            .chain(self.constants.iter().map(ScalarValue::data_type))
            .collect();
        let fields: Vec<FieldRef> = self
            .function
            .coerce_types(&given)?
            .into_iter()
            .enumerate()
            .map(|(index, taken)| Arc::new(Field::new(format!("argument {index}"), taken, true)))
            .collect();
        let scalars: Vec<Option<&ScalarValue>> = std::iter::once(None)
            .chain(self.constants.iter().map(Some))
            .collect();
        let answer = self.function.return_field_from_args(ReturnFieldArgs {
            arg_fields: &fields,
            scalar_arguments: &scalars,
        })?;
        Ok((fields, answer))
    }
}

fn cut(texts: &ArrayRef) -> impl Iterator<Item = ArrayRef> + use<> {
    let texts = Arc::clone(texts);
    let bytes = texts.to_data().get_slice_memory_size().unwrap_or(0).max(1);
    let rows = (texts.len() as u128 * PIECE_BYTES as u128 / bytes as u128) as usize;
    let rows = rows.clamp(1, BATCH_ROWS);
    (0..texts.len())
        .step_by(rows)
        .map(move |start| texts.slice(start, rows.min(texts.len() - start)))
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, DictionaryArray, NullArray, StringArray, StringViewArray};
    use arrow::datatypes::Int32Type;

    use super::*;
    use crate::session::SessionOptions;

    fn session() -> Session {
        let options = SessionOptions {
            configuration: Some(crate::Config::default()),
            ..SessionOptions::default()
        };
        futures::executor::block_on(Session::open(options)).unwrap()
    }

    fn values(found: &[RecordBatch]) -> Vec<Option<Vec<String>>> {
        let of_batch = |batch: &RecordBatch| {
            let lists = batch.column(0).as_list::<i32>().clone();
            let list = |values: ArrayRef| {
                let values = values.as_string_view();
                values.iter().flatten().map(str::to_string).collect()
            };
            lists.iter().map(|row| row.map(list)).collect::<Vec<_>>()
        };
        found.iter().flat_map(of_batch).collect()
    }

    #[test]
    fn pieces_of_all_string_types_are_answered_in_order() {
        let emails = session()
            .column_function("entity_values", &["EMAIL"])
            .unwrap();
        let texts: Vec<Option<String>> = (0..3 * BATCH_ROWS + 5)
            .map(|i| (i % 7 != 0).then(|| format!("{i} writes to someone{i}@example.com")))
            .collect();
        let expected: Vec<_> = (0..texts.len())
            .map(|i| {
                texts[i]
                    .as_ref()
                    .map(|_| vec![format!("someone{i}@example.com")])
            })
            .collect();
        let columns: [ArrayRef; 3] = [
            Arc::new(StringArray::from(texts.clone())),
            Arc::new(StringViewArray::from_iter(texts.clone())),
            Arc::new(DictionaryArray::<Int32Type>::from_iter(
                texts.iter().map(|text| text.as_deref()),
            )),
        ];
        for column in columns {
            let halves = [column.slice(0, 2), column.slice(2, column.len() - 2)];
            let found = emails.over(&halves, &Run::default()).unwrap();
            assert!(found.len() > 4, "cut");
            assert_eq!(values(&found), expected);
        }
        let nothing = emails
            .over(&[Arc::new(NullArray::new(2))], &Run::default())
            .unwrap();
        assert_eq!(values(&nothing), [None, None]);
        assert_eq!(emails.over(&[], &Run::default()).unwrap()[0].num_rows(), 0);
    }

    #[test]
    fn what_is_wrong_is_said_before_the_first_text() {
        let session = session();
        let said = |name, constants: &[&str]| {
            let error = session.column_function(name, constants).unwrap_err();
            error.to_string()
        };
        assert!(said("entity_values", &["EMIAL"]).contains("EMIAL"));
        assert!(said("redact", &["*", "blur"]).contains("blur"));
        assert!(said("ner", &["nobody"]).contains("nobody"));
        assert!(said("no_function", &[]).contains("no_function"));
        let emails = session
            .column_function("entity_values", &["EMAIL"])
            .unwrap();
        assert!(emails.schema(&DataType::Int32).is_err());
    }

    #[test]
    fn a_cancelled_run_ends() {
        let emails = session()
            .column_function("entity_values", &["EMAIL"])
            .unwrap();
        let run = Run::default();
        run.cancel().cancel();
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a@b.io"]));
        assert!(matches!(
            emails.over(&[texts], &run),
            Err(Error::Interrupted)
        ));
    }
}
