//! A SQL function of a text whose other arguments are bound: for the SQL of other engines.
//!
//! An engine that calls over DataFusion's foreign-function interface hands every argument over as a column, literals
//! too, and knows no [`Run`](crate::functions::run::Run); nor does it cut views loose before it keeps them. What the
//! function does is its own matter.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::ColumnFunction;
use crate::plan::compact_batch;

impl ColumnFunction {
    /// The function of a text alone that SQL calls `name`. A NULL text gives NULL. Answers have the types that they have in
    /// a query here, string views and dictionaries among them; keeping them does not keep texts.
    #[must_use]
    pub fn named(&self, name: &str) -> ScalarUDF {
        ScalarUDF::new_from_impl(BoundFunction {
            name: name.to_string(),
            signature: Signature::user_defined(Volatility::Immutable),
            function: Arc::clone(&self.function),
            constants: self.constants.clone(),
        })
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct BoundFunction {
    name: String,
    signature: Signature,
    function: Arc<ScalarUDF>,
    constants: Vec<ScalarValue>,
}

impl BoundFunction {
    /// The fields of all arguments: of the text, then of what is bound.
    fn fields(&self, text: &[FieldRef]) -> Vec<FieldRef> {
        let bound = self.constants.iter().enumerate();
        let bound = bound.map(|(index, constant)| {
            let name = format!("argument {}", index + 1);
            Arc::new(Field::new(name, constant.data_type(), true))
        });
        text.iter().cloned().chain(bound).collect()
    }
}

impl ScalarUDFImpl for BoundFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [text] = types else {
            return plan_err!(
                "{0} takes a text and nothing else, {0}(text): labels, model and style were given where it was made",
                self.name
            );
        };
        let bound = self.constants.iter().map(ScalarValue::data_type);
        let all: Vec<DataType> = std::iter::once(text.clone()).chain(bound).collect();
        let mut taken = self.function.coerce_types(&all)?;
        taken.truncate(1);
        Ok(taken)
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        internal_err!("the answer of {} depends on what is bound", self.name)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let fields = self.fields(args.arg_fields);
        let bound = self.constants.iter().map(Some);
        let scalars: Vec<_> = args.scalar_arguments.iter().copied().chain(bound).collect();
        let answer = self.function.return_field_from_args(ReturnFieldArgs {
            arg_fields: &fields,
            scalar_arguments: &scalars,
        })?;
        Ok(Arc::new(answer.as_ref().clone().with_name(&self.name)))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        args.arg_fields = self.fields(&args.arg_fields);
        let bound = self.constants.iter().cloned().map(ColumnarValue::Scalar);
        args.args.extend(bound);
        let answer = Arc::clone(&args.return_field);
        match self.function.invoke_with_args(args)? {
            ColumnarValue::Array(answers) => {
                let schema = Arc::new(Schema::new(vec![answer]));
                let batch = compact_batch(&RecordBatch::try_new(schema, vec![answers])?);
                Ok(ColumnarValue::Array(Arc::clone(batch.column(0))))
            }
            scalar => Ok(scalar),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
    use datafusion::common::config::ConfigOptions;

    use super::*;
    use crate::session::{Session, SessionOptions};

    fn bound(function: &str, constants: &[&str], name: &str) -> ScalarUDF {
        let options = SessionOptions {
            configuration: Some(crate::Config::default()),
            ..SessionOptions::default()
        };
        let session = futures::executor::block_on(Session::open(options)).unwrap();
        session
            .column_function(function, constants)
            .unwrap()
            .named(name)
    }

    /// As an engine calls it: planned, then over a column.
    fn call(function: &ScalarUDF, texts: ArrayRef) -> ArrayRef {
        let taken = function.coerce_types(&[texts.data_type().clone()]).unwrap();
        assert_eq!(taken, [texts.data_type().clone()]);
        let arg_fields = vec![Arc::new(Field::new("text", taken[0].clone(), true))];
        let return_field = function
            .return_field_from_args(ReturnFieldArgs {
                arg_fields: &arg_fields,
                scalar_arguments: &[None],
            })
            .unwrap();
        assert_eq!(return_field.name(), function.name());
        let number_rows = texts.len();
        let answers = function.invoke_with_args(ScalarFunctionArgs {
            args: vec![ColumnarValue::Array(texts)],
            arg_fields,
            number_rows,
            return_field: Arc::clone(&return_field),
            config_options: Arc::new(ConfigOptions::default()),
        });
        let answers = answers.unwrap().into_array(number_rows).unwrap();
        assert_eq!(answers.data_type(), return_field.data_type());
        answers
    }

    #[test]
    fn it_has_its_name_and_what_is_bound() {
        let masked = bound("redact", &["EMAIL", "mask"], "masked");
        assert_eq!(masked.name(), "masked");
        let texts = StringViewArray::from(vec![Some("to a@b.io or +86 138 0013 8000"), None]);
        let answers = call(&masked, Arc::new(texts));
        let answers: Vec<_> = answers.as_string_view().iter().collect();
        assert_eq!(answers, [Some("to ****** or +86 138 0013 8000"), None]);
    }

    #[test]
    fn what_is_kept_of_answers_keeps_no_texts() {
        let emails = bound("entity_values", &["EMAIL"], "emails");
        let text = "filler ".repeat(100_000) + "someone.somewhere@example.com";
        let answers = call(
            &emails,
            Arc::new(StringViewArray::from(vec![text.as_str()])),
        );
        let values = answers.as_list::<i32>().value(0);
        assert_eq!(
            values.as_string_view().value(0),
            "someone.somewhere@example.com"
        );
        assert!(answers.get_array_memory_size() < 10_000);
    }

    #[test]
    fn further_arguments_are_refused() {
        let redact = bound("redact", &["*", "label"], "redact");
        for types in [&[][..], &[DataType::Utf8, DataType::Utf8]] {
            let error = redact.coerce_types(types).unwrap_err().to_string();
            assert!(
                error.contains("redact takes a text and nothing else"),
                "{error}"
            );
        }
        let error = redact.coerce_types(&[DataType::Int64]).unwrap_err();
        assert!(error.to_string().contains("Int64"), "{error}");
    }
}
