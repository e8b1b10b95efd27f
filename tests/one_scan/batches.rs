//! Batches of long documents have fewer rows; those of short ones stay as they are.

use datafusion::common::ParamValues;
use futures::TryStreamExt;
use spanql::ingest::{IngestOptions, ingest};
use spanql::{Session, SessionOptions};

#[tokio::test]
async fn batches_have_some_megabytes_whatever_the_documents() {
    let dir = tempfile::tempdir().unwrap();
    for (name, documents, length) in [("long", 60, 100_000), ("short", 3_000, 20)] {
        let input = dir.path().join(format!("{name}.jsonl"));
        let line = |n: usize| {
            let words: String = (0..length / 8)
                .map(|at| format!("{:07} ", at * n))
                .collect();
            format!("{}\n", serde_json::json!({ "text": words }))
        };
        std::fs::write(&input, (0..documents).map(line).collect::<String>()).unwrap();
        let store = dir.path().join(name);
        ingest(
            &[input.display().to_string()],
            &store,
            &IngestOptions::default(),
            &(),
        )
        .unwrap();
        let options = SessionOptions {
            store: Some(store),
            threads: Some(1),
            ..SessionOptions::default()
        };
        let session = Session::open(options).await.unwrap();
        let most = async |query: &str| {
            let query = session
                .sql(query, ParamValues::Map(Default::default()))
                .await
                .unwrap();
            let batches: Vec<_> = query.stream().await.unwrap().try_collect().await.unwrap();
            batches.iter().map(|batch| batch.num_rows()).max().unwrap()
        };
        let (texts, ids) = (
            most("SELECT text FROM documents").await,
            most("SELECT doc_id FROM documents").await,
        );
        match name {
            "long" => assert!(
                (10..=21).contains(&texts) && ids == documents,
                "{texts}, {ids}"
            ),
            _ => assert_eq!((texts, ids), (2048, 2048)),
        }
    }
}
