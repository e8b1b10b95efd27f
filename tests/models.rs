//! SQL over models, from outside: answers do not depend on how the work is cut up, a dropped query stops its models, and
//! EXPLAIN ANALYZE says what they took.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::{ParamValues, ScalarValue};
use futures::{StreamExt, TryStreamExt};
use spanql::ingest::{IngestOptions, ingest};
use spanql::ner::{Catalog, Model, Tagged};
use spanql::{Result, Session, SessionOptions};

mod mock;

use mock::Mock;

const CONFIG: &str = r#"
[[recognizer]]
model = "quick"
labels = { PER = "PERSON", ORG = "ORG" }

[[recognizer]]
label = "PERSON"
pattern = 'Dr\. \w+'

[[recognizer]]
model = "dear"
labels = { PER = "SIGHTED" }
when = ["quick", "EMAIL"]
min_score = 0.6
"#;

/// Documents of all lengths, many of them more than once, in several row groups.
fn write_store(dir: &Path, documents: usize) {
    std::fs::write(dir.join("spanql.toml"), CONFIG).unwrap();
    let parts = [
        "nothing. ",
        "Ann met Peter. ",
        "王五说。",
        "😀 ",
        "ACME and IBM\n",
        "mail ann@example.com ",
        "Dr. Who? ",
        "\u{FFFD}",
    ];
    let mut state = 7u64;
    let mut next = move |below: usize| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    let mut lines = String::new();
    for number in 0..documents {
        let count = if number == 50 { 3_000 } else { next(9) };
        let text: String = (0..count).map(|_| parts[next(parts.len())]).collect();
        lines += &format!("{}\n", serde_json::json!({"text": text}));
    }
    let input = dir.join("in.jsonl");
    std::fs::write(&input, lines).unwrap();
    let options = IngestOptions {
        row_group_bytes: 4 << 10,
        ..IngestOptions::default()
    };
    ingest(
        &[input.display().to_string()],
        &dir.join("store"),
        &options,
        &(),
    )
    .unwrap();
}

async fn open(dir: &Path, threads: usize, batch_size: usize, models: Catalog) -> Session {
    let options = SessionOptions {
        store: Some(dir.join("store")),
        config: Some(dir.join("spanql.toml")),
        threads: Some(threads),
        models,
        ..SessionOptions::default()
    };
    let session = Session::open(options).await.unwrap();
    for set in [
        format!("SET datafusion.execution.batch_size = {batch_size}"),
        "SET datafusion.optimizer.repartition_file_min_size = 0".to_string(),
    ] {
        rows(&session, &set).await.unwrap();
    }
    session
}

fn none() -> ParamValues {
    ParamValues::Map(Default::default())
}

/// All rows as text, in order.
async fn rows(session: &Session, query: &str) -> Result<Vec<String>> {
    let query = session.sql(query, none()).await?;
    let batches: Vec<_> = query.stream().await?.try_collect().await?;
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in &batches {
        let columns = batch.columns().iter();
        let columns: Vec<_> = columns
            .map(|c| ArrayFormatter::try_new(c, &options).unwrap())
            .collect();
        rows.extend((0..batch.num_rows()).map(|row| {
            let cells = columns.iter().map(|c| c.value(row).to_string());
            cells.collect::<Vec<_>>().join("|")
        }));
    }
    Ok(rows)
}

fn mocks(window: Option<usize>) -> Catalog {
    Catalog::default()
        .with("quick", Arc::new(Mock::new(None)))
        .with("dear", Arc::new(Mock::new(window)))
}

const QUERIES: &[&str] = &[
    "SELECT * FROM entities ORDER BY doc_id, span_start, span_end, label",
    "SELECT label, count(*), sum(span_end) FROM entities GROUP BY 1 ORDER BY 1",
    "SELECT doc_id, span_start FROM entities WHERE label = 'SIGHTED' ORDER BY 1, 2",
    "SELECT doc_id, ner(text, 'dear'), ner(text, 'quick') FROM documents ORDER BY 1",
    "SELECT doc_id, redact(text, 'PERSON,SIGHTED', 'mask') FROM documents ORDER BY 1",
    "SELECT doc_id, extract_entities(text, 'ORG,EMAIL') FROM documents WHERE array_length(ner(text, 'quick')) > 1 ORDER BY 1",
    "SELECT count(*) FROM (SELECT 1 FROM entities WHERE label = 'PERSON' LIMIT 77)",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_depend_on_neither_threads_nor_batches() {
    let dir = tempfile::tempdir().unwrap();
    write_store(dir.path(), 300);
    let plain = open(dir.path(), 1, 8192, mocks(Some(12))).await;
    let mut expected = Vec::new();
    for query in QUERIES {
        let answer = rows(&plain, query).await.unwrap();
        assert!(!answer.is_empty(), "{query}");
        expected.push(answer);
    }
    for (threads, batch_size) in [(1, 7), (2, 64), (4, 1)] {
        let session = open(dir.path(), threads, batch_size, mocks(Some(12))).await;
        // The second time from the cache.
        for _ in 0..2 {
            for (query, expected) in QUERIES.iter().zip(&expected) {
                let answer = rows(&session, query).await.unwrap();
                assert!(
                    answer == *expected,
                    "{threads} threads, batches of {batch_size}: {query}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_model_sees_no_more_than_it_must() {
    let dir = tempfile::tempdir().unwrap();
    write_store(dir.path(), 2_000);
    let quick = Arc::new(Mock::new(None));
    let models = mocks(None).with("quick", Arc::clone(&quick) as Arc<dyn Model>);
    let session = open(dir.path(), 1, 8192, models).await;
    let seen = || quick.seen.swap(0, Ordering::Relaxed);
    rows(&session, "SELECT * FROM entities WHERE label = 'EMAIL'")
        .await
        .unwrap();
    assert_eq!(seen(), 0, "none of its labels is asked for");
    rows(
        &session,
        "SELECT value FROM entities WHERE label = 'ORG' LIMIT 3",
    )
    .await
    .unwrap();
    assert!((1..100).contains(&seen()), "three are soon found");
    rows(
        &session,
        "SELECT count(*) FROM entities WHERE label = 'ORG'",
    )
    .await
    .unwrap();
    let all = seen();
    assert!((100..2_000).contains(&all), "{all}: each text once");
    rows(
        &session,
        "SELECT ner(text, 'quick') AS a, ner(text, 'quick') AS b FROM documents",
    )
    .await
    .unwrap();
    rows(
        &session,
        "SELECT max(span_end) FROM entities WHERE label = 'PERSON'",
    )
    .await
    .unwrap();
    assert_eq!(seen(), 0, "all is known");
}

#[tokio::test]
async fn explain_analyze_says_what_models_took() {
    let dir = tempfile::tempdir().unwrap();
    write_store(dir.path(), 100);
    let session = open(dir.path(), 1, 8192, mocks(None)).await;
    let count = "SELECT count(*) FROM documents WHERE trim(text, E' \\n') <> ''";
    let texts = rows(&session, count).await.unwrap().remove(0);
    let analyze = async |query: &str| {
        let plan = rows(&session, &format!("EXPLAIN ANALYZE {query}"))
            .await
            .unwrap();
        plan.join("\n")
    };
    let line = |plan: &str, node: &str| {
        let line = plan.lines().find(|line| line.contains(node));
        line.unwrap_or_else(|| panic!("no {node} in {plan}"))
            .to_string()
    };
    let plan = analyze("SELECT * FROM entities WHERE label = 'ORG'").await;
    let extract = line(&plan, "ExtractExec");
    assert!(
        extract.contains("labels=[ORG], models=[quick]"),
        "{extract}"
    );
    for metric in [
        &format!("quick.texts={texts}"),
        "quick.cache_hits=",
        "quick.tokens=",
        "quick.time=",
    ] {
        assert!(extract.contains(metric), "no {metric} in {extract}");
    }
    assert!(!extract.contains("quick.tokens=0"), "{extract}");
    assert!(!plan.contains("FunctionsExec"), "{plan}");

    // In a scan that calls share, and in the function itself.
    for (shares, node) in [(true, "ScanTextsExec"), (false, "FunctionsExec")] {
        let set = format!("SET spanql.one_scan = {shares}");
        rows(&session, &set).await.unwrap();
        let call = "SELECT doc_id FROM documents WHERE array_length(ner(text, 'quick')) > 1";
        let plan = analyze(call).await;
        let models = line(&plan, node);
        for metric in [
            format!("quick.texts={texts}"),
            format!("quick.cache_hits={texts}"),
            "quick.tokens=0".to_string(),
        ] {
            assert!(models.contains(&metric), "no {metric} in {models}");
        }
    }
    let plan = analyze("SELECT doc_id FROM documents").await;
    assert!(!plan.contains("FunctionsExec"), "{plan}");
    let plan = rows(&session, "EXPLAIN SELECT ner(text, 'quick') FROM documents")
        .await
        .unwrap();
    assert!(!plan.concat().contains("FunctionsExec"), "{plan:?}");
}

#[tokio::test]
async fn a_panic_is_an_error_of_the_query() {
    let dir = tempfile::tempdir().unwrap();
    write_store(dir.path(), 10);
    let mut model = Mock::new(None);
    model.poison = Some("Mallory");
    let session = open(
        dir.path(),
        2,
        8192,
        mocks(None).with("quick", Arc::new(model)),
    )
    .await;
    let query = "SELECT ner(text, 'quick') FROM (SELECT 'Mallory' AS text UNION ALL SELECT text FROM documents)";
    let error = rows(&session, query).await.unwrap_err().to_string();
    assert_eq!(error, "model quick: it panicked: poisoned");
    assert!(
        rows(&session, "SELECT ner(text, 'quick') FROM documents")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn results_say_which_models_they_come_from() {
    let dir = tempfile::tempdir().unwrap();
    write_store(dir.path(), 10);
    let models = mocks(None).with("tagger", Arc::new(Mock::new(None)));
    let session = open(dir.path(), 1, 8192, models.clone()).await;
    let marks = async |query: &str| {
        let query = session.sql(query, none()).await.unwrap();
        let schema = query.stream().await.unwrap().schema();
        assert_eq!(schema, query.schema());
        schema.metadata().get("spanql.models").cloned()
    };
    assert_eq!(
        marks("SELECT ner(text, 'quick') FROM documents").await,
        None
    );
    let tagger = Some("tagger mock 1".to_string());
    assert_eq!(marks("SELECT ner(text) AS n FROM documents").await, tagger);
    let nested = "SELECT doc_id FROM documents WHERE doc_id IN (SELECT doc_id FROM documents WHERE array_length(ner(text, 'tagger')) > 0)";
    assert_eq!(marks(nested).await, tagger);
    // Those that are configured change the registry's fingerprint.
    std::fs::write(dir.path().join("spanql.toml"), "").unwrap();
    let plain = open(dir.path(), 1, 8192, models).await;
    assert_ne!(
        plain.registry().fingerprint(),
        session.registry().fingerprint()
    );
}

#[tokio::test]
async fn inspection_shows_models() {
    let dir = tempfile::tempdir().unwrap();
    write_store(dir.path(), 10);
    let session = open(dir.path(), 1, 8192, mocks(None)).await;
    let table = |batch: arrow::array::RecordBatch, columns: &[&str]| {
        let options = FormatOptions::default().with_null("NULL");
        let columns = columns
            .iter()
            .map(|name| batch.column_by_name(name).unwrap());
        let columns: Vec<_> = columns
            .map(|c| ArrayFormatter::try_new(c, &options).unwrap())
            .collect();
        let row = |row| {
            columns
                .iter()
                .map(|c| c.value(row).to_string())
                .collect::<Vec<_>>()
                .join("|")
        };
        (0..batch.num_rows()).map(row).collect::<Vec<_>>()
    };
    let labels = ["PERSON".to_string(), "SIGHTED".to_string()];
    let list = spanql::inspect::recognizers(session.models(), &labels).unwrap();
    assert_eq!(
        table(
            list,
            &["label", "recognizer", "description", "score", "min_score"]
        ),
        [
            "PERSON|model:quick|capitalised words|NULL|0.0",
            "PERSON|pattern:PERSON|Dr\\. \\w+|1.0|0.0",
            "SIGHTED|model:dear|capitalised words; sentences with quick or EMAIL|NULL|0.6",
        ]
    );
    let text = "Ann met Dr. Who. no one. Peter";
    let found = spanql::inspect::explain(session.models(), &labels, text).unwrap();
    let beaten = "another entity of its label overlaps it, and is longer, earlier or of an earlier recognizer";
    assert_eq!(
        table(
            found,
            &[
                "label",
                "entity",
                "span_start",
                "score",
                "recognizer",
                "refused"
            ]
        ),
        [
            "PERSON|Ann|0|0.5|model:quick|NULL".to_string(),
            "SIGHTED|Ann|0|NULL|model:dear|its score 0.5 is below min_score 0.6 of model dear"
                .to_string(),
            format!("PERSON|Dr|8|NULL|model:quick|{beaten}"),
            "SIGHTED|Dr|8|NULL|model:dear|its score 0.5 is below min_score 0.6 of model dear"
                .to_string(),
            "PERSON|Dr. Who|8|1.0|pattern:PERSON|NULL".to_string(),
            format!("PERSON|Who|12|NULL|model:quick|{beaten}"),
            "SIGHTED|Who|12|NULL|model:dear|its score 0.5 is below min_score 0.6 of model dear"
                .to_string(),
            "PERSON|Peter|25|0.9|model:quick|NULL".to_string(),
            "SIGHTED|Peter|25|0.9|model:dear|NULL".to_string(),
        ]
    );
}

#[tokio::test]
async fn a_bound_model_is_checked() {
    let dir = tempfile::tempdir().unwrap();
    write_store(dir.path(), 10);
    let session = open(dir.path(), 1, 8192, mocks(None)).await;
    let sql = async |name: &str| {
        let params = ParamValues::from(vec![ScalarValue::from(name)]);
        session
            .sql("SELECT ner(text, $1) FROM documents", params)
            .await
    };
    assert!(sql("quick").await.unwrap().stream().await.is_ok());
    let error = match sql("quack").await {
        Err(error) => error,
        Ok(query) => query.stream().await.err().unwrap(),
    };
    assert_eq!(
        error.to_string(),
        "unknown model \"quack\": the models are dear, quick, tagger"
    );
}

/// Takes a text at a time: says that it has begun, and waits for leave to end.
#[derive(Debug)]
struct Slow {
    labels: Vec<String>,
    begun: Mutex<Sender<()>>,
    go: Mutex<Receiver<()>>,
    calls: AtomicUsize,
}

impl Model for Slow {
    fn labels(&self) -> &[String] {
        &self.labels
    }

    fn fingerprint(&self) -> String {
        "slow".to_string()
    }

    fn window(&self) -> Option<usize> {
        None
    }

    fn batch_tokens(&self) -> usize {
        1
    }

    fn count_tokens(&self, _: &str) -> usize {
        1
    }

    fn tag(&self, texts: &[&str]) -> Result<Vec<Vec<Tagged>>, String> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let _ = self.begun.lock().unwrap().send(());
        let _ = self
            .go
            .lock()
            .unwrap()
            .recv_timeout(Duration::from_secs(60));
        Ok(vec![Vec::new(); texts.len()])
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dropped_query_asks_its_models_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    write_store(dir.path(), 200);
    for query in [
        "SELECT * FROM entities WHERE label = 'X'",
        "SELECT ner(text, 'slow') FROM documents",
        "SELECT count(*) FROM documents WHERE array_length(ner(text, 'slow')) > 0",
        "SELECT max(redact(text, 'X')) FROM documents",
    ] {
        let (begun, has_begun) = channel();
        let (leave, go) = channel();
        let slow = Arc::new(Slow {
            labels: vec!["X".to_string()],
            begun: Mutex::new(begun),
            go: Mutex::new(go),
            calls: AtomicUsize::new(0),
        });
        let models = Catalog::default().with("slow", Arc::clone(&slow) as Arc<dyn Model>);
        std::fs::write(
            dir.path().join("spanql.toml"),
            "[[recognizer]]\nmodel = 'slow'\n",
        )
        .unwrap();
        let session = open(dir.path(), 1, 8192, models).await;
        let query = session.sql(query, none()).await.unwrap();
        let mut stream = query.stream().await.unwrap();
        let task = tokio::spawn(async move { stream.next().await });
        tokio::task::spawn_blocking(move || {
            has_begun.recv_timeout(Duration::from_secs(60)).unwrap();
            has_begun
        })
        .await
        .unwrap();
        task.abort();
        assert!(
            task.await.unwrap_err().is_cancelled(),
            "at once, with the model at work"
        );
        // The model may end what it has begun; all that it could say now would be lost.
        drop((leave, query, session));
        while Arc::strong_count(&slow) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(slow.calls.load(Ordering::Relaxed), 1);
    }
}
