//! How soon a query that is dropped lets go of its texts: within 200 ms is promised, five times that is tested.

use std::time::{Duration, Instant};

use arrow::array::StringArray;
use arrow::datatypes::DataType;
use datafusion::datasource::MemTable;
use futures::StreamExt as _;

use super::*;

/// Bytes of the one text: enough that no query is through with it before it is dropped.
const TEXT: usize = 256 << 20;
const PROMISED: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dropped_query_stops_in_the_middle_of_a_text() {
    let sentence = "Ms Ada Example of Example Ltd wrote to ada@example.com on 3 May 2026. ";
    let text: ArrayRef = Arc::new(StringArray::from(vec![
        sentence.repeat(TEXT / sentence.len()),
    ]));
    let bytes = text.to_data().buffers()[1].clone();
    let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, false)]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![text]).unwrap();

    let session = Session::open(SessionOptions::default()).await.unwrap();
    let table = MemTable::try_new(schema, vec![vec![batch]]).unwrap();
    session.register("posts", Arc::new(table)).unwrap();
    let idle = bytes.strong_count();

    for sql in [
        "SELECT extract_entities(text) FROM posts",
        "SELECT count(*) FROM posts WHERE array_length(entity_values(text, 'EMAIL')) > 0",
        "SELECT redact(text) FROM posts",
        "SELECT ner(text) FROM posts",
        "SELECT regexp_extract_all(text, '[a-z]+@[a-z]+') FROM posts",
    ] {
        let query = session.sql(sql, ParamValues::List(vec![])).await.unwrap();
        let mut stream = query.stream().await.unwrap();
        let early = tokio::time::timeout(PROMISED, stream.next()).await;
        assert!(early.is_err(), "{sql}: an answer before it is dropped");
        assert!(bytes.strong_count() > idle, "{sql}: not begun");

        let dropped = Instant::now();
        drop((stream, query));
        while bytes.strong_count() > idle {
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert!(dropped.elapsed() < 5 * PROMISED, "{sql}: not ended");
        }
    }
}
