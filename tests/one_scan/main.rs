//! One scan, whatever the SQL says: how many texts a query scans, shape by shape, and that answers do not depend on it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringViewArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ParamValues;
use futures::TryStreamExt;
use parquet::arrow::ArrowWriter;
use spanql::ner::Catalog;
use spanql::{Result, Session, SessionOptions, Store};

mod analyze;
mod batches;
mod by_document;
mod dropped;
mod filters;
mod joins;
#[path = "../mock/mod.rs"]
mod mock;
mod random;
mod shapes;

/// Documents of the store, in two files.
const DOCUMENTS: usize = 40;

/// Every second has an e-mail address, every third a URL, every fifth hashtags; one is empty.
fn text(number: usize) -> String {
    let mut text = match number {
        11 => return String::new(),
        _ => format!("Note {number} of somebody who writes long enough sentences"),
    };
    if number.is_multiple_of(2) {
        text += &format!(
            ", write to user{}@Example.com or info@example.org",
            number % 6
        );
    }
    if number.is_multiple_of(3) {
        text += &format!(", see https://example.com/a/path/{}", number % 4);
    }
    if number.is_multiple_of(5) {
        text += " #Rust #人工智能";
    }
    text
}

fn write_store(dir: &Path) {
    let store = Store::create(dir).unwrap();
    for (run, numbers) in [("000001", 0..25), ("000002", 25..DOCUMENTS)] {
        let hour = 3_600_000_000;
        let hours = numbers.clone().map(|n| n as i64 * 7 % 40 * hour);
        let strings = |s: Vec<String>| Arc::new(StringViewArray::from_iter_values(s)) as ArrayRef;
        let source = |n: usize| if n.is_multiple_of(2) { "even" } else { "odd" };
        let columns: Vec<(&str, ArrayRef)> = vec![
            (
                "doc_id",
                strings(numbers.clone().map(|n| format!("mem#{n}")).collect()),
            ),
            (
                "source",
                strings(numbers.clone().map(|n| source(n).into()).collect()),
            ),
            (
                "ts",
                Arc::new(TimestampMicrosecondArray::from_iter_values(hours).with_timezone("UTC")),
            ),
            (
                "text",
                Arc::new(StringViewArray::from_iter_values(numbers.clone().map(text))),
            ),
            (
                "topic",
                strings(numbers.clone().map(|n| format!("topic{}", n % 4)).collect()),
            ),
            // As an entity has one, too.
            (
                "label",
                strings(numbers.map(|n| format!("label{}", n % 3)).collect()),
            ),
        ];
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, c)| Field::new(*name, c.data_type().clone(), true))
            .collect();
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
        let path = store.documents().join(format!("{run}-0001.parquet"));
        let file = std::fs::File::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        std::fs::write(store.ingests().join(format!("{run}.json")), "{}").unwrap();
    }
}

const CONFIG: &str = r#"
[[recognizer]]
model = "mock"
labels = { PER = "PERSON" }
"#;

/// A session over a store of its own, in one folder.
async fn open(dir: &Path, threads: usize) -> Session {
    let store = dir.join("store");
    if !store.exists() {
        write_store(&store);
        std::fs::write(dir.join("spanql.toml"), CONFIG).unwrap();
    }
    let options = SessionOptions {
        store: Some(store),
        config: Some(dir.join("spanql.toml")),
        threads: Some(threads),
        models: Catalog::default().with("mock", Arc::new(mock::Mock::new(None))),
        ..SessionOptions::default()
    };
    Session::open(options).await.unwrap()
}

/// All rows as text.
async fn rows(session: &Session, query: &str, params: ParamValues) -> Result<Vec<String>> {
    let query = session.sql(query, params).await?;
    let batches: Vec<_> = query.stream().await?.try_collect().await?;
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in &batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|c| ArrayFormatter::try_new(c, &options).unwrap())
            .collect();
        rows.extend((0..batch.num_rows()).map(|row| {
            let cells = columns.iter().map(|c| c.value(row).to_string());
            cells.collect::<Vec<_>>().join("|")
        }));
    }
    Ok(rows)
}

/// Switches the rule on or off.
async fn set(session: &Session, on: bool) {
    let set = format!("SET spanql.one_scan = {on}");
    let none = ParamValues::Map(Default::default());
    rows(session, &set, none).await.unwrap();
}
