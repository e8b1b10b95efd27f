//! What there is: tables, functions, labels and reports, for the commands that list them and for completion.
//!
//! Tables and functions are asked for in SQL, so that views and tables that were made in the session are there too.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::util::display::array_value_to_string;
use datafusion::common::ParamValues;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;

use super::complete::Words;
use crate::cli::complain;
use crate::error::Result;
use crate::report::{Param, Report};
use crate::session::Session;

pub(super) const TABLES: &str = "\
    SELECT table_name AS \"table\", lower(table_type) AS kind FROM information_schema.tables
    WHERE table_schema <> 'information_schema' ORDER BY table_name";

/// Those with `$part` in their names.
pub(super) const FUNCTIONS: &str = "\
    SELECT DISTINCT routine_name AS function, lower(function_type) AS kind, syntax_example AS signature, description
    FROM information_schema.routines WHERE strpos(routine_name, lower($part)) > 0
    ORDER BY function, kind, signature, description";

const COLUMNS: &str = "\
    SELECT table_name, column_name FROM information_schema.columns WHERE table_schema <> 'information_schema'";

const FUNCTION_NAMES: &str =
    "SELECT DISTINCT routine_name FROM information_schema.routines ORDER BY 1";

/// The labels, each with its recognizers.
pub(super) fn labels(session: &Session) -> Result<SendableRecordBatchStream> {
    let recognizers = session.registry().recognizers();
    let mut pairs: Vec<_> = recognizers.iter().map(|r| (r.label(), r.name())).collect();
    // Recognizers of one label keep their order, which settles ties.
    pairs.sort_by_key(|(label, _)| *label);
    let (labels, names): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    table([("label", labels), ("recognizer", names)])
}

/// The reports with their questions and parameters. One that cannot be read is told of.
pub(super) fn reports(queries: Option<&Path>) -> Result<SendableRecordBatchStream> {
    let mut reports = Vec::new();
    for (name, report) in Report::all(queries)? {
        match report {
            Ok(report) => reports.push(report),
            Err(error) => complain(format_args!("report {name}: {error}")),
        }
    }
    let params = |report: &Report| {
        let params = report.params.iter().map(Param::to_string);
        params.collect::<Vec<_>>().join("; ")
    };
    let params: Vec<String> = reports.iter().map(params).collect();
    table([
        ("report", reports.iter().map(|r| r.name.as_str()).collect()),
        (
            "question",
            reports.iter().map(|r| r.question.as_str()).collect(),
        ),
        ("parameters", params.iter().map(String::as_str).collect()),
    ])
}

fn table<const N: usize>(columns: [(&str, Vec<&str>); N]) -> Result<SendableRecordBatchStream> {
    let columns =
        columns.map(|(name, values)| (name, Arc::new(StringArray::from(values)) as ArrayRef));
    let batch = RecordBatch::try_from_iter(columns)?;
    let schema = batch.schema();
    let batches = futures::stream::iter([Ok(batch)]);
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
}

/// All that Tab can complete now.
///
/// # Errors
/// As [`Session::sql`].
pub(super) async fn words(session: &Session, queries: Option<&Path>) -> Result<Words> {
    let mut words = Words {
        labels: session.registry().labels().map(str::to_string).collect(),
        reports: Report::all(queries)?.into_keys().collect(),
        ..Words::default()
    };
    for [table, column] in strings(session, COLUMNS).await? {
        words.tables.entry(table).or_default().push(column);
    }
    for [name] in strings(session, FUNCTION_NAMES).await? {
        words.functions.push(name);
    }
    Ok(words)
}

/// The first `N` columns of a query's rows, as text.
async fn strings<const N: usize>(session: &Session, query: &str) -> Result<Vec<[String; N]>> {
    let none = ParamValues::Map(Default::default());
    let mut batches = session.sql(query, none).await?.stream().await?;
    let mut rows = Vec::new();
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let mut values = std::array::from_fn(|_| String::new());
            for (value, column) in values.iter_mut().zip(batch.columns()) {
                *value = array_value_to_string(column, row)?;
            }
            rows.push(values);
        }
    }
    Ok(rows)
}
