//! Runs `tests/slt/*.slt` (sqllogictest) against a session over a small store.
//!
//! The store is written here, Parquet file by Parquet file, so that these tests say something about SQL alone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Int64Array, RecordBatch, StringArray, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ParamValues;
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use spanql::ner::Catalog;
use spanql::{Error, Session, SessionOptions, Store};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType};

mod mock;

struct Db(Session);

#[async_trait::async_trait]
impl AsyncDB for Db {
    type Error = Error;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Error> {
        let query = self
            .0
            .sql(sql, ParamValues::Map(Default::default()))
            .await?;
        let mut stream = query.stream().await?;
        let options = FormatOptions::default().with_null("NULL");
        let (mut rows, mut width) = (Vec::new(), 0);
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            let columns: Vec<ArrayFormatter> = batch
                .columns()
                .iter()
                .map(|c| ArrayFormatter::try_new(c, &options))
                .collect::<Result<_, _>>()?;
            width = columns.len();
            rows.extend((0..batch.num_rows()).map(|row| {
                columns
                    .iter()
                    .map(|c| match c.value(row).to_string() {
                        empty if empty.is_empty() => "(empty)".to_string(),
                        cell => cell.replace('\n', "\\n"),
                    })
                    .collect()
            }));
        }
        Ok(DBOutput::Rows {
            types: vec![DefaultColumnType::Any; width],
            rows,
        })
    }

    async fn shutdown(&mut self) {}
}

fn documents(first: i64, texts: &[&str], extra: (&str, ArrayRef)) -> RecordBatch {
    let numbers = first..first + texts.len() as i64;
    let strings = |s: Vec<String>| Arc::new(StringViewArray::from_iter_values(s)) as ArrayRef;
    let day = 86_400_000_000;
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "doc_id",
            strings(numbers.clone().map(|n| format!("mem#{n}")).collect()),
        ),
        (
            "source",
            strings(
                numbers
                    .clone()
                    .map(|n| if n % 2 == 0 { "even" } else { "odd" }.into())
                    .collect(),
            ),
        ),
        (
            "ts",
            Arc::new(
                TimestampMicrosecondArray::from_iter_values(numbers.map(|n| n * day))
                    .with_timezone("UTC"),
            ) as _,
        ),
        (
            "text",
            Arc::new(StringViewArray::from_iter_values(texts)) as _,
        ),
        extra,
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, c)| Field::new(*name, c.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns.into_iter().map(|(_, c)| c).collect(),
    )
    .unwrap()
}

/// Two files whose `likes` differ in type, as two ingests would leave them.
fn write_store(dir: &Path) {
    let store = Store::create(dir).unwrap();
    let first = documents(
        1,
        &[
            "Mail Ann@Example.com or bob@example.org, not ann@.",
            "邮箱：zhang.wei@example.cn，电话13812345678。 #人工智能# 😀 see https://Example.com/A?b=1.",
            "nothing to see",
            "",
        ],
        ("likes", Arc::new(Int64Array::from(vec![10, 1, 9, 1])) as _),
    );
    let second = documents(
        5,
        &[
            "On 2026-11-22 #Rust and #rust; ann@example.com again",
            "no entity here",
        ],
        ("likes", Arc::new(StringArray::from(vec!["many", "5"])) as _),
    );
    for (run, batch) in [("000001", first), ("000002", second)] {
        let file =
            std::fs::File::create(store.documents().join(format!("{run}-0001.parquet"))).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        std::fs::write(store.ingests().join(format!("{run}.json")), "{}").unwrap();
    }
}

const CONFIG: &str = r#"
redact_key_file = "redact.key"

[[recognizer]]
label = "ORDER"
pattern = '\bORD-\d{4}\b'

[[recognizer]]
label = "MAIL"
pattern = '[A-Za-z0-9.\-+_]+@[A-Za-z0-9.\-+_]+\.[A-Za-z]+'

[[recognizer]]
label = "NUM"
pattern = 'NUM-\d+'
score = 0.6

[[recognizer]]
label = "TEA"
gazetteer = "tea.csv"
ignore_case = true
ignore_width = true

[[recognizer]]
label = "TEA"
gazetteer = "more.txt"

[label.NUM]
min_score = 0.5

[[label.NUM.context]]
words = ["call", "电话"]
raise = 0.3
before = 8

[[label.NUM.context]]
words = ["order"]
lower = 0.3
before = 8
"#;

/// With a line end, as editors leave it.
const KEY: &str = "a key for tests, which is no secret\n";

/// No document of the store has any of these.
const TEA: &str = "\
phrase,value
Oolong,乌龙茶
Black Dragon,oolong
乌龙茶,
龙茶,dragon
Tea Pot,
";
const MORE: &str = "乌龙\n茶\nand #oolong\n";

/// Models beside recognizers. `tagger` and `short` are mocks, see `mock/mod.rs`; `short` takes a few words at a time.
const MODELS: &str = r#"
[[recognizer]]
label = "BRAND"
pattern = '\bacme\b'

[[recognizer]]
model = "tagger"
labels = { PER = "PERSON", ORG = "ORG" }

[[recognizer]]
label = "PERSON"
pattern = 'Dr\. \w+'

[[recognizer]]
model = "short"
name = "sure"
labels = { PER = "NAME" }
min_score = 0.8

[[recognizer]]
model = "short"
name = "after brands"
labels = { PER = "SIGHTED", ORG = "SIGHTED" }
when = ["BRAND", "sure"]

[[recognizer]]
model = "tagger"
name = "chinese"
labels = { PER = "XINGMING" }
script = "han"

[label.PERSON]
min_score = 0.4

[[label.PERSON.context]]
words = ["mount"]
lower = 0.5
"#;

#[test]
fn sql_logic_tests() {
    run("tests/slt", CONFIG, &Catalog::default());
}

#[test]
fn sql_logic_tests_of_models() {
    let mut catalog = Catalog::default();
    for (name, window) in [("tagger", None), ("short", Some(6)), ("unused", None)] {
        catalog = catalog.with(name, Arc::new(mock::Mock::new(window)));
    }
    run("tests/slt/models", MODELS, &catalog);
}

fn run(folder: &str, config_text: &str, models: &Catalog) {
    let dir = tempfile::tempdir().unwrap();
    write_store(dir.path());
    let config = dir.path().join("spanql.toml");
    std::fs::write(&config, config_text).unwrap();
    std::fs::write(dir.path().join("redact.key"), KEY).unwrap();
    std::fs::write(dir.path().join("tea.csv"), TEA).unwrap();
    std::fs::write(dir.path().join("more.txt"), MORE).unwrap();
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "slt"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    // However the work is cut up, the answers are the same.
    for (threads, batch_size) in [(1, 1), (1, 8192), (2, 3), (2, 8192), (4, 2)] {
        for file in &files {
            let mut runner = sqllogictest::Runner::new(|| async {
                let (store, config) = (dir.path().to_path_buf(), config.clone());
                let models = models.clone();
                let options = SessionOptions {
                    store: Some(store),
                    config: Some(config),
                    threads: Some(threads),
                    memory: None,
                    models,
                    ..SessionOptions::default()
                };
                let mut db = Db(Session::open(options).await?);
                let set = format!("SET datafusion.execution.batch_size = {batch_size}");
                db.run(&set).await?;
                Ok(db)
            });
            runtime
                .block_on(runner.run_file_async(file))
                .unwrap_or_else(|e| {
                    panic!(
                        "{threads} threads, batches of {batch_size}: {}: {e}",
                        file.display()
                    )
                });
        }
    }
}
