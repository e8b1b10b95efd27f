//! Kept entities change what a query costs and nothing else: the same rows without them, with them, with some of them, and
//! after recognizers, models and documents have changed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use datafusion::common::ParamValues;
use futures::TryStreamExt;
use spanql::ingest::{Changed, IngestOptions, ingest};
use spanql::keep::{Summary, keep_entities};
use spanql::ner::Catalog;
use spanql::{Session, SessionOptions, Store};
use tempfile::TempDir;

mod mock;
mod rows;

use mock::Mock;
use rows::rows;

const CONFIG: &str = r#"
[[recognizer]]
label = "ORDER"
pattern = 'ORD-\d+'

[[recognizer]]
label = "EMAIL"
pattern = '<\w+>'
score = 0.7

[[recognizer]]
model = "quick"
labels = { PER = "PERSON" }

[[recognizer]]
model = "dear"
labels = { PER = "SIGHTED" }
when = ["ORDER", "quick"]

[label.ORDER]
min_score = 0.5

[[label.ORDER.context]]
words = ["no"]
lower = 0.8
before = 4
"#;

/// Each asks for something else: all columns, some, none; conditions on label, document, value; mixtures; limits.
const QUERIES: [&str; 15] = [
    "SELECT * FROM entities",
    "SELECT count(*) FROM entities",
    "SELECT label, count(*), count(DISTINCT value) FROM entities GROUP BY label",
    "SELECT * FROM entities WHERE label = 'EMAIL'",
    "SELECT doc_id, value FROM entities WHERE label = 'EMAIL' AND value = 'ann@example.com'",
    "SELECT * FROM entities WHERE value IN ('ORD-3', 'nothing', 'rust') OR score < 0.8",
    "SELECT * FROM entities WHERE label IN ('PERSON', 'ORDER') AND doc_id LIKE '%1' AND span_start > 5",
    "SELECT label FROM entities WHERE ts >= TIMESTAMP '2026-11-03' AND source LIKE '%a.jsonl'",
    "SELECT e.value, length(d.text) FROM entities e JOIN documents d USING (doc_id) WHERE e.label = 'SIGHTED'",
    "SELECT count(*) FROM entities WHERE label = 'EMAIL' AND label = 'URL'",
    "SELECT value FROM entities WHERE value > (SELECT min(value) FROM entities WHERE label = 'ORDER')",
    "SELECT count(*) FROM (SELECT 1 FROM entities WHERE label = 'HASHTAG' AND value = 'rust' LIMIT 3)",
    // What other labels' values, which lie in the same file, are not fit for.
    "SELECT value FROM entities WHERE label = 'ORDER' AND CAST(substr(value, 5) AS INT) >= 3",
    "SELECT value FROM entities WHERE label = 'ORDER' AND 10 / (length(value) - 15) < 5",
    "SELECT value FROM (SELECT value, CAST(substr(value, 5) AS INT) AS n FROM entities WHERE label = 'ORDER') \
        WHERE n >= 3 ORDER BY n, value LIMIT 100",
];

struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        bench.config(CONFIG);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn config(&self, text: &str) {
        fs::write(self.path("spanql.toml"), text).unwrap();
    }

    /// Documents whose entities depend on `seed`.
    fn ingest(&self, name: &str, seed: u64) {
        let parts = [
            "nothing. ",
            "Ann met Peter. ",
            "ann@example.com ",
            "<bob> and Ann@Example.com ",
            "ORD-3 ",
            "no ORD-4 ",
            "#Rust #人工智能# ",
            "see https://example.org/a ",
            "2026-11-22 ",
        ];
        let mut state = seed;
        let mut next = move |below: usize| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) as usize % below
        };
        let mut lines = String::new();
        for _ in 0..40 {
            let text: String = (0..next(9)).map(|_| parts[next(parts.len())]).collect();
            let ts = format!("2026-11-0{}", next(8) + 1);
            lines += &format!("{}\n", serde_json::json!({"text": text, "ts": ts}));
        }
        fs::write(self.path(name), lines).unwrap();
        let options = IngestOptions {
            row_group_bytes: 512,
            changed: Changed::Replace,
            ..IngestOptions::default()
        };
        let input = self.path(name).display().to_string();
        ingest(&[input], &self.path("store"), &options, &()).unwrap();
    }

    async fn session(&self) -> Session {
        let catalog = Catalog::default()
            .with("quick", Arc::new(Mock::new(None)))
            .with("dear", Arc::new(Mock::new(None)));
        let options = SessionOptions {
            store: Some(self.path("store")),
            config: Some(self.path("spanql.toml")),
            threads: Some(3),
            models: catalog,
            ..SessionOptions::default()
        };
        Session::open(options).await.unwrap()
    }

    async fn keep(&self, labels: &[&str]) -> Summary {
        let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
        keep_entities(&self.session().await, &labels, &())
            .await
            .unwrap()
    }

    /// The answers to all queries, rows in a fixed order.
    async fn answers(&self) -> Vec<Vec<String>> {
        let session = self.session().await;
        let mut answers = Vec::new();
        for query in QUERIES {
            answers.push(rows(&session, query).await);
        }
        answers
    }

    /// The answers as they are where nothing is kept.
    async fn computed(&self) -> Vec<Vec<String>> {
        let kept = self.path("store/entities");
        let aside = self.path("aside");
        if kept.exists() {
            fs::rename(&kept, &aside).unwrap();
        }
        let answers = self.answers().await;
        if aside.exists() {
            fs::rename(&aside, &kept).unwrap();
        }
        answers
    }

    /// Answers are the same with and without kept entities.
    async fn check(&self, when: &str) {
        let (computed, kept) = (self.computed().await, self.answers().await);
        for ((query, computed), kept) in QUERIES.iter().zip(computed).zip(kept) {
            assert!(!computed.is_empty(), "{when}: {query}");
            assert_eq!(kept, computed, "{when}: {query}");
        }
    }

    async fn explain(&self, query: &str) -> String {
        rows(&self.session().await, &format!("EXPLAIN ANALYZE {query}"))
            .await
            .concat()
    }

    fn kept_files(&self) -> Vec<String> {
        let names = fs::read_dir(self.path("store/entities")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| name != ".lock").collect();
        names.sort();
        names
    }
}

fn summary(scanned: u64, current: u64, entities: u64) -> Summary {
    Summary {
        scanned,
        current,
        entities,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_the_same_whatever_is_kept() {
    let bench = Bench::new();
    bench.ingest("a.jsonl", 1);
    bench.ingest("b.jsonl", 2);
    let all = rows(&bench.session().await, "SELECT * FROM entities")
        .await
        .len() as u64;

    let some = bench.keep(&["EMAIL", "ORDER"]).await;
    assert_eq!((some.scanned, some.current), (2, 0));
    bench.check("two labels of all documents").await;
    assert_eq!(bench.keep(&["ORDER"]).await, summary(0, 2, 0));
    assert_eq!(bench.keep(&[]).await, summary(2, 0, all - some.entities));
    bench.check("all").await;
    assert_eq!(bench.kept_files().len(), 4);
    assert_eq!(bench.keep(&[]).await, summary(0, 2, 0));

    bench.ingest("c.jsonl", 3);
    bench.check("two files of three").await;
    let plan = bench.explain("SELECT count(value) FROM entities").await;
    assert!(
        plan.contains("ExtractExec") && plan.contains("store/entities/"),
        "{plan}"
    );
    let third = bench.keep(&[]).await;
    assert_eq!((third.scanned, third.current), (1, 2));
    let plan = bench.explain("SELECT count(value) FROM entities").await;
    assert!(!plan.contains("ExtractExec"), "{plan}");
    bench.check("all of three").await;

    bench.ingest("b.jsonl", 4);
    bench.check("one was replaced").await;
    let replaced = bench.keep(&[]).await;
    assert_eq!((replaced.scanned, replaced.current), (1, 2));
    bench.check("all after a replacement").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_recognizer_is_computed_anew_alone() {
    let bench = Bench::new();
    bench.ingest("a.jsonl", 1);
    bench.keep(&[]).await;
    let changes = [
        (
            "a pattern, and the model that waits for it",
            "ORD-",
            "O[R]D-",
            "[ORDER, SIGHTED]",
        ),
        (
            "a pattern beside a built-in recognizer",
            r"<\w+>",
            r"<\w\w\w>",
            "[EMAIL]",
        ),
        (
            "a threshold of a label",
            "min_score = 0.5",
            "min_score = 0.1",
            "[ORDER, SIGHTED]",
        ),
        (
            "a word nearby",
            "lower = 0.8",
            "lower = 0.3",
            "[ORDER, SIGHTED]",
        ),
    ];
    for (what, from, to, labels) in changes {
        bench.config(&CONFIG.replace(from, to));
        let plan = bench.explain("SELECT count(value) FROM entities").await;
        assert!(plan.contains(&format!("labels={labels}")), "{what}: {plan}");
        bench.check(what).await;
        let computed = bench.keep(&[]).await;
        assert_eq!((computed.scanned, computed.current), (1, 0), "{what}");
        bench.check(what).await;
        // Back again.
        bench.config(CONFIG);
        bench.keep(&[]).await;
    }
    let with_score = CONFIG.replace(
        "[[recognizer]]\nmodel = \"dear\"",
        "[[recognizer]]\nmin_score = 0.8\nmodel = \"dear\"",
    );
    bench.config(&with_score);
    let plan = bench.explain("SELECT count(value) FROM entities").await;
    assert!(
        plan.contains("labels=[SIGHTED], models=[dear, quick]")
            || plan.contains("labels=[SIGHTED], models=[quick, dear]"),
        "{plan}"
    );
    bench.check("a threshold of a model").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outdated_files_go_and_damaged_ones_cost_time_only() {
    let bench = Bench::new();
    bench.ingest("a.jsonl", 1);
    bench.keep(&["ORDER"]).await;
    bench.config(&CONFIG.replace("ORD-", "O[R]D-"));
    bench.keep(&["ORDER"]).await;
    let files = bench.kept_files();
    assert_eq!(files.len(), 1, "{files:?}");
    fs::write(bench.path("store/entities").join(&files[0]), "no Parquet").unwrap();
    bench.check("a damaged file").await;
    // Remains of one that was killed.
    fs::write(
        bench.path("store/entities/.tmp-000001-0001.parquet"),
        "half",
    )
    .unwrap();
    bench.check("remains").await;
    assert_eq!(bench.keep(&["ORDER"]).await.scanned, 1);
    assert!(
        !bench
            .path("store/entities/.tmp-000001-0001.parquet")
            .exists()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reader_loses_its_files() {
    let bench = Bench::new();
    bench.ingest("a.jsonl", 1);
    bench.keep(&["ORDER"]).await;
    let session = bench.session().await;
    let query = "SELECT count(*) FROM entities WHERE label = 'ORDER'";
    let planned = session
        .sql(query, ParamValues::Map(Default::default()))
        .await
        .unwrap();
    let before = rows(&session, query).await;
    bench.config(&CONFIG.replace("ORD-", "O[R]D-"));
    bench.keep(&["ORDER"]).await;
    bench.ingest("a.jsonl", 2);
    let batches: Vec<_> = planned.stream().await.unwrap().try_collect().await.unwrap();
    let counted = batches[0].column(0).as_primitive::<Int64Type>().value(0);
    assert_eq!(vec![counted.to_string()], before);
    drop(planned);
    bench.ingest("b.jsonl", 2);
    let documents = fs::read_dir(bench.path("store/documents")).unwrap().count();
    let committed = Store::open(bench.path("store"))
        .unwrap()
        .committed()
        .unwrap();
    assert_eq!(documents, committed.documents.len());
    assert!(
        bench.kept_files().is_empty(),
        "those of replaced documents are gone"
    );
}

/// Labels of which nothing is kept are scanned as if nothing were kept at all: once, however often they are named.
#[tokio::test(flavor = "multi_thread")]
async fn scans_for_what_is_not_kept_are_shared() {
    let bench = Bench::new();
    bench.ingest("a.jsonl", 1);
    bench.keep(&["EMAIL"]).await;
    let documents = rows(&bench.session().await, "SELECT count(*) FROM documents").await;
    let documents: usize = documents[0].parse().unwrap();
    for (label, times) in [("HASHTAG", 1), ("EMAIL", 0)] {
        let query = format!(
            "SELECT doc_id, value FROM entities WHERE label = '{label}' UNION ALL SELECT value, doc_id FROM entities WHERE label = '{label}'"
        );
        let plan = bench.explain(&query).await;
        let scanned = plan.split("texts_scanned=").skip(1).map(|rest| {
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
            digits.unwrap().parse::<usize>().unwrap()
        });
        assert_eq!(scanned.sum::<usize>(), times * documents, "{plan}");
    }
}

/// A question about one value reads the row groups and pages that may hold it.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_found_without_reading_the_rest() {
    let bench = Bench::new();
    let lines: String = (0..60_000)
        .map(|n| format!("to user{n}@example.com and #topic{}\n", n % 7))
        .collect();
    let input = bench.path("in.txt");
    fs::write(&input, lines).unwrap();
    let paths = [input.display().to_string()];
    ingest(&paths, &bench.path("store"), &IngestOptions::default(), &()).unwrap();
    assert_eq!(bench.keep(&["EMAIL", "HASHTAG"]).await.entities, 120_000);
    let count = |plan: &str, metric: &str| -> Vec<usize> {
        let (_, rest) = plan
            .split_once(metric)
            .unwrap_or_else(|| panic!("{metric}: {plan}"));
        let digits = rest.split(|c: char| !c.is_ascii_digit());
        digits
            .filter(|d| !d.is_empty())
            .take(2)
            .map(|d| d.parse().unwrap())
            .collect()
    };
    let found = bench
        .explain(
            "SELECT doc_id FROM entities WHERE label = 'EMAIL' AND value = 'user777@example.com'",
        )
        .await;
    let groups = count(&found, "row_groups_pruned_statistics=");
    assert_eq!(groups, [2, 1], "{found}");
    let pages = count(&found, "page_index_pages_pruned=");
    assert!(pages[0] > 20 && pages[1] <= 2, "{found}");
    let absent = bench
        .explain(
            "SELECT doc_id FROM entities WHERE label = 'EMAIL' AND value = 'user777@example.org'",
        )
        .await;
    assert_eq!(
        count(&absent, "row_groups_pruned_bloom_filter=")[1],
        0,
        "{absent}"
    );
}
