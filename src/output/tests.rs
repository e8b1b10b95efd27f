//! Tests of all writers together: what each format must keep, and what a failure must not leave behind.

use std::fs;
use std::io::Read;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Float64Array, Int32Array, Int64Array, ListArray,
    StringArray, StringViewArray, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use datafusion::error::DataFusionError;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use serde_json::{Value, json};

use super::*;

/// Two rows of every type that SpanQL's tables and functions give; the second is NULL throughout. Each batch has a
/// dictionary of its own, as batches of different files have.
fn batch(label: &str) -> RecordBatch {
    let labels: DictionaryArray<Int32Type> = [Some(label), None].into_iter().collect();
    let values = StringViewArray::from(vec![
        Some("a \"long\" value, longer than twelve bytes\n邮箱"),
        None,
    ]);
    let struct_labels: DictionaryArray<Int32Type> = [Some(label)].into_iter().collect();
    let entity = StructArray::from(vec![
        (
            Arc::new(Field::new(
                "label",
                struct_labels.data_type().clone(),
                false,
            )),
            Arc::new(struct_labels) as ArrayRef,
        ),
        (
            Arc::new(Field::new("entity", DataType::Utf8View, false)),
            Arc::new(StringViewArray::from(vec!["someone@example.com"])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("span_start", DataType::Int32, true)),
            Arc::new(Int32Array::from(vec![None])) as ArrayRef,
        ),
    ]);
    let entities = ListArray::new(
        Arc::new(Field::new("item", entity.data_type().clone(), true)),
        OffsetBuffer::new(vec![0, 1, 1].into()),
        Arc::new(entity),
        Some(vec![true, false].into()),
    );
    let ts = TimestampMicrosecondArray::from(vec![Some(1_763_798_400_500_000), None])
        .with_timezone("UTC");
    RecordBatch::try_from_iter_with_nullable([
        ("label", Arc::new(labels) as ArrayRef, true),
        ("value", Arc::new(values) as ArrayRef, true),
        ("entities", Arc::new(entities) as ArrayRef, true),
        ("ts", Arc::new(ts) as ArrayRef, true),
        (
            "n",
            Arc::new(Int64Array::from(vec![Some(-7), None])) as ArrayRef,
            true,
        ),
        (
            "x",
            Arc::new(Float64Array::from(vec![Some(f64::NAN), None])) as ArrayRef,
            true,
        ),
    ])
    .unwrap()
}

fn stream(batches: Vec<Result<RecordBatch, DataFusionError>>) -> SendableRecordBatchStream {
    let schema = batch("A").schema();
    Box::pin(RecordBatchStreamAdapter::new(
        schema,
        futures::stream::iter(batches),
    ))
}

fn two() -> SendableRecordBatchStream {
    stream(vec![Ok(batch("EMAIL")), Ok(batch("URL"))])
}

fn failing() -> SendableRecordBatchStream {
    stream(vec![
        Ok(batch("EMAIL")),
        Err(DataFusionError::Execution(
            "the disk of the store is gone".into(),
        )),
    ])
}

async fn written(stream: SendableRecordBatchStream, format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    write(stream, format, &mut out).await.unwrap();
    out
}

fn row(label: &str) -> Value {
    json!({
        "label": label,
        "value": "a \"long\" value, longer than twelve bytes\n邮箱",
        "entities": [{"label": label, "entity": "someone@example.com", "span_start": null}],
        "ts": "2025-11-22T08:00:00.500Z",
        "n": -7,
        "x": null,
    })
}

fn nulls() -> Value {
    json!({"label": null, "value": null, "entities": null, "ts": null, "n": null, "x": null})
}

#[tokio::test]
async fn json_is_one_array_with_one_object_a_line() {
    let out = written(two(), Format::Json).await;
    let value: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(value, json!([row("EMAIL"), nulls(), row("URL"), nulls()]));
    assert_eq!(String::from_utf8(out).unwrap().lines().count(), 6);
}

#[tokio::test]
async fn ndjson_is_one_object_a_line() {
    let out = String::from_utf8(written(two(), Format::Ndjson).await).unwrap();
    let rows: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows, [row("EMAIL"), nulls(), row("URL"), nulls()]);
}

#[tokio::test]
async fn csv_holds_nested_values_as_json() {
    let out = written(two(), Format::Csv).await;
    let mut reader = ::csv::Reader::from_reader(&out[..]);
    assert_eq!(
        reader.headers().unwrap(),
        vec!["label", "value", "entities", "ts", "n", "x"]
    );
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), 4);
    assert_eq!(&records[0][0], "EMAIL");
    assert_eq!(records[0][1], *row("EMAIL")["value"].as_str().unwrap());
    assert_eq!(
        serde_json::from_str::<Value>(&records[0][2]).unwrap(),
        row("EMAIL")["entities"]
    );
    assert_eq!(&records[2][3], "2025-11-22T08:00:00.500Z");
    assert!(records[1].iter().all(str::is_empty));
}

/// What the columnar formats must give back.
fn plain() -> RecordBatch {
    let schema = plain_schema(&batch("A").schema());
    let batches: Vec<RecordBatch> = [batch("EMAIL"), batch("URL")]
        .iter()
        .flat_map(|b| plain_batches(b, &schema).map(Result::unwrap))
        .collect();
    concat_batches(&schema, &batches).unwrap()
}

#[test]
fn plain_types_hold_the_same_values() {
    let plain = plain();
    assert_eq!(
        plain.column(0).as_string::<i32>(),
        &StringArray::from(vec![Some("EMAIL"), None, Some("URL"), None])
    );
    let entities = plain.column(2).as_list::<i32>();
    let first = entities.value(0);
    assert_eq!(
        first.as_struct().column(0).as_string::<i32>().value(0),
        "EMAIL"
    );
    assert_eq!(
        first.as_struct().column(1).as_string::<i32>().value(0),
        "someone@example.com"
    );
    assert!(entities.is_null(1));
}

fn collected(
    reader: impl Iterator<Item = Result<RecordBatch, arrow::error::ArrowError>>,
) -> RecordBatch {
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    concat_batches(&plain_schema(&batch("A").schema()), &batches).unwrap()
}

// NaN is not equal to itself, so the columnar comparisons are on what is printed.
fn assert_same(found: &RecordBatch, expected: &RecordBatch) {
    assert_eq!(found.schema(), expected.schema());
    assert_eq!(format!("{found:?}"), format!("{expected:?}"));
}

#[tokio::test]
async fn parquet_round_trip() {
    let out = bytes::Bytes::from(written(two(), Format::Parquet).await);
    let reader =
        ::parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(out, 100).unwrap();
    assert_same(&collected(reader), &plain());
}

#[tokio::test]
async fn arrow_is_a_stream_in_a_pipe_and_a_file_in_a_file() {
    let out = written(two(), Format::Arrow).await;
    let reader = arrow::ipc::reader::StreamReader::try_new(&out[..], None).unwrap();
    assert_same(&collected(reader), &plain());

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.arrow");
    assert_eq!(write_file(two(), Format::Arrow, &path).await.unwrap(), 4);
    let reader =
        arrow::ipc::reader::FileReader::try_new(fs::File::open(path).unwrap(), None).unwrap();
    assert_same(&collected(reader), &plain());
}

#[tokio::test]
async fn an_empty_result_is_complete_in_every_format() {
    for batches in [vec![], vec![batch("A").slice(0, 0)]] {
        let empty = || stream(batches.iter().cloned().map(Ok).collect());
        assert_eq!(written(empty(), Format::Json).await, b"[]\n");
        assert_eq!(written(empty(), Format::Ndjson).await, b"");
        assert_eq!(
            written(empty(), Format::Csv).await,
            b"label,value,entities,ts,n,x\n"
        );
        let parquet = bytes::Bytes::from(written(empty(), Format::Parquet).await);
        let reader =
            ::parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(parquet, 100)
                .unwrap();
        assert_eq!(collected(reader).num_rows(), 0);
        let ipc = written(empty(), Format::Arrow).await;
        let reader = arrow::ipc::reader::StreamReader::try_new(&ipc[..], None).unwrap();
        assert_eq!(reader.schema(), plain_schema(&batch("A").schema()));
        let table = String::from_utf8(written(empty(), Format::Table).await).unwrap();
        assert!(
            table.contains("| label | value |") && table.ends_with("0 rows\n"),
            "{table}"
        );
    }
}

fn names(folder: &tempfile::TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    entries
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

#[tokio::test]
async fn a_query_that_fails_in_the_middle_leaves_no_file() {
    for format in Format::ALL {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let error = write_file(failing(), format, &path)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("the disk of the store is gone"), "{error}");
        assert_eq!(names(&folder), [""; 0]);

        fs::write(&path, "from yesterday").unwrap();
        write_file(failing(), format, &path).await.unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "from yesterday");
        assert_eq!(names(&folder), ["out"]);

        write_file(two(), format, &path).await.unwrap();
        assert_ne!(fs::read(&path).unwrap(), b"from yesterday");
        assert_eq!(names(&folder), ["out"]);
    }
}

/// Accepts so many bytes, then fails.
struct Full(usize, std::io::ErrorKind);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.0.min(bytes.len()) {
            0 => Err(std::io::Error::new(self.1, "as if")),
            n => {
                self.0 -= n;
                Ok(n)
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_the_system_says_is_kept_in_every_format() {
    for format in Format::ALL {
        let length = written(two(), format).await.len();
        for room in [0, 1, length / 2, length - 1] {
            let error = write(two(), format, Full(room, std::io::ErrorKind::StorageFull))
                .await
                .unwrap_err();
            assert!(
                matches!(&error, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull),
                "{format} {room}: {error}"
            );
            write(two(), format, Full(room, std::io::ErrorKind::BrokenPipe))
                .await
                .unwrap();
        }
        write(two(), format, Full(length, std::io::ErrorKind::StorageFull))
            .await
            .unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn permissions_links_devices_and_folders() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let ordinary = folder.path().join("ordinary");
    fs::write(&ordinary, "").unwrap();

    let target = folder.path().join("target.json");
    write_file(two(), Format::Json, &target).await.unwrap();
    assert_eq!(mode(&target), mode(&ordinary), "as any new file");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
    let link = folder.path().join("link.json");
    symlink(&target, &link).unwrap();
    write_file(stream(vec![]), Format::Json, &link)
        .await
        .unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&target).unwrap(), b"[]\n");
    assert_eq!(mode(&target), 0o600, "what was private stays private");

    let full = write_file(two(), Format::Json, Path::new("/dev/full"))
        .await
        .unwrap_err()
        .to_string();
    assert!(full.starts_with("/dev/full: "), "{full}");
    let error = write_file(two(), Format::Json, folder.path())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("is a folder"), "{error}");
    let absent = folder.path().join("absent/out.json");
    let error = write_file(two(), Format::Json, &absent)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("absent"), "{error}");
}

#[tokio::test]
async fn two_columns_of_one_name_are_refused_where_they_would_be_lost() {
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("id", DataType::Int64, true),
    ]));
    for format in Format::ALL {
        let empty = futures::stream::iter(Vec::<Result<RecordBatch, DataFusionError>>::new());
        let stream = Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), empty));
        let outcome = write(stream, format, Vec::new()).await;
        assert_eq!(
            outcome.is_err(),
            matches!(format, Format::Json | Format::Ndjson),
            "{format}"
        );
    }
}

#[tokio::test]
async fn formats_have_names_and_extensions() {
    for format in Format::ALL {
        assert_eq!(format.name().parse::<Format>().unwrap(), format);
    }
    let error = "xlsx".parse::<Format>().unwrap_err().to_string();
    assert!(
        error.contains("\"xlsx\"") && error.contains("ndjson"),
        "{error}"
    );
    assert_eq!(
        Format::from_extension(Path::new("a/b.feather")).unwrap(),
        Format::Arrow
    );
    assert!(Format::from_extension(Path::new("parquet")).is_err());
}

#[tokio::test]
async fn an_aborted_write_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json");
    let endless = futures::stream::repeat_with(|| Ok(batch("EMAIL")));
    let stream = Box::pin(RecordBatchStreamAdapter::new(batch("A").schema(), endless));
    let task = tokio::spawn({
        let path = path.clone();
        async move { write_file(stream, Format::Json, &path).await }
    });
    // Without a yield in the writing loop this test would never get its turn back.
    while names(&folder).is_empty() {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(names(&folder), [""; 0]);
}

fn lines(table: &[u8]) -> Vec<String> {
    String::from_utf8(table.to_vec())
        .unwrap()
        .lines()
        .map(str::to_string)
        .collect()
}

#[tokio::test]
async fn the_table_aligns_han_and_escapes_what_would_break_it() {
    let words = StringViewArray::from(vec![
        "微信公众号",
        "mail",
        "a\tb\u{1b}[31m",
        "e\u{301}",
        "👍",
    ]);
    let batch = RecordBatch::try_from_iter([
        ("词", Arc::new(words) as ArrayRef),
        (
            "n",
            Arc::new(Int64Array::from(vec![1, 20, 300, 4, 5])) as ArrayRef,
        ),
    ])
    .unwrap();
    let schema = batch.schema();
    let stream = Box::pin(RecordBatchStreamAdapter::new(
        schema,
        futures::stream::iter([Ok(batch)]),
    ));
    let lines = lines(&written(stream, Format::Table).await);
    assert_eq!(
        lines,
        [
            "+----------------+-----+",
            "| 词             | n   |",
            "+----------------+-----+",
            "| 微信公众号     |   1 |",
            "| mail           |  20 |",
            "| a\\tb\\u{1b}[31m | 300 |",
            "| e\u{301}              |   4 |",
            "| 👍             |   5 |",
            "+----------------+-----+",
            "5 rows",
        ]
    );
}

#[tokio::test]
async fn the_table_cuts_long_cells_and_long_results() {
    let long = StringArray::from(vec![
        "汉".repeat(31),
        "汉".repeat(30),
        "x".repeat(10_000_000),
    ]);
    let batch = RecordBatch::try_from_iter([("text", Arc::new(long) as ArrayRef)]).unwrap();
    let stream = Box::pin(RecordBatchStreamAdapter::new(
        batch.schema(),
        futures::stream::iter([Ok(batch)]),
    ));
    let cut = lines(&written(stream, Format::Table).await);
    assert_eq!(cut[3], format!("| {}…  |", "汉".repeat(29)));
    assert_eq!(cut[4], format!("| {} |", "汉".repeat(30)));
    assert_eq!(cut[5], format!("| {}… |", "x".repeat(59)));

    let batch = RecordBatch::try_from_iter([(
        "n",
        Arc::new(Int64Array::from_iter_values(0..700)) as ArrayRef,
    )])
    .unwrap();
    let batches = vec![Ok(batch.clone()), Ok(batch.clone()), Ok(batch.clone())];
    let stream = Box::pin(RecordBatchStreamAdapter::new(
        batch.schema(),
        futures::stream::iter(batches),
    ));
    let table = lines(&written(stream, Format::Table).await);
    assert_eq!(table.len(), 3 + 1_000 + 1 + 1);
    assert!(table[1002].contains(" 299 "), "{}", table[1002]);
    assert_eq!(
        table[1004],
        "2100 rows, 1100 more than shown: another format or a file has them all"
    );
}

/// Every byte that reaches the pipe is part of the result, also when the query fails later.
#[tokio::test]
async fn a_pipe_gets_rows_before_the_query_ends() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let wide = {
        let text = StringArray::from(vec!["y".repeat(1 << 18)]);
        RecordBatch::try_from_iter([("text", Arc::new(text) as ArrayRef)]).unwrap()
    };
    let batches = vec![
        Ok(wide.clone()),
        Err(DataFusionError::Execution("late".into())),
    ];
    let stream = Box::pin(RecordBatchStreamAdapter::new(
        wide.schema(),
        futures::stream::iter(batches),
    ));
    let reading = std::thread::spawn(move || {
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        all
    });
    write(stream, Format::Ndjson, writer).await.unwrap_err();
    let got = reading.join().unwrap();
    assert!(got.starts_with(b"{\"text\":\"yyy") && got.ends_with(b"yyy\"}\n"));
}

/// What EXPLAIN says is longer than a cell.
#[tokio::test]
async fn plans_are_shown_whole_where_a_table_is_asked_for() {
    let plan = format!("ProjectionExec: {}\n  ExtractExec", "value@0, ".repeat(20));
    let names = Arc::new(Schema::new(vec![
        Field::new("plan_type", DataType::Utf8, false),
        Field::new("plan", DataType::Utf8, false),
    ]));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["physical_plan"])),
        Arc::new(StringArray::from(vec![plan.as_str()])),
    ];
    let batch = RecordBatch::try_new(names, columns).unwrap();
    let batches = futures::stream::iter([Ok(batch.clone())]);
    let stream = Box::pin(RecordBatchStreamAdapter::new(batch.schema(), batches));
    let shown = String::from_utf8(written(stream, Format::Table).await).unwrap();
    for line in plan.lines() {
        assert!(shown.contains(line), "{shown}");
    }
}
