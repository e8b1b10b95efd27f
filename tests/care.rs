//! Care of a store: what queries see stays the same while files are merged, damage is found and named, old documents go.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use datafusion::common::ParamValues;
use futures::TryStreamExt;
use spanql::care::{CompactOptions, Summary, compact, info, prune, verify};
use spanql::ingest::{IngestOptions, ingest};
use spanql::keep::keep_entities;
use spanql::{Session, SessionOptions, Store};
use tempfile::TempDir;

mod rows;

use rows::rows;

struct Bench {
    dir: TempDir,
}

impl Bench {
    /// A store of five ingests, one of which has other columns than the rest, with quarantined records.
    fn new() -> Self {
        let bench = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        for run in 0..5 {
            let lines: String = (0..30)
                .map(|n| {
                    let extra = if run == 3 { ",\"n\":1.5" } else { "" };
                    let day = n % 9 + 1;
                    format!("{{\"text\":\"to u{n}@example.com, #t{run}\",\"ts\":\"2026-11-0{day}\"{extra}}}\n")
                })
                .collect();
            bench.ingest(
                &format!("{run}.jsonl"),
                &format!("{lines}{{\n{{\"text\":\"no time\"}}\n"),
            );
        }
        bench
    }

    fn ingest(&self, name: &str, lines: &str) {
        let path = self.dir.path().join(name);
        fs::write(&path, lines).unwrap();
        let paths = [path.display().to_string()];
        let options = IngestOptions::default();
        ingest(&paths, &self.dir.path().join("store"), &options, &()).unwrap();
    }

    fn store(&self) -> Store {
        Store::open(self.dir.path().join("store")).unwrap()
    }

    async fn session(&self) -> Session {
        let options = SessionOptions {
            store: Some(self.store().root().to_path_buf()),
            ..SessionOptions::default()
        };
        Session::open(options).await.unwrap()
    }

    async fn rows(&self, query: &str) -> Vec<String> {
        rows(&self.session().await, query).await
    }

    /// All that queries see.
    async fn contents(&self) -> [Vec<String>; 3] {
        [
            self.rows("SELECT doc_id, source, ts, text, n FROM documents")
                .await,
            self.rows("SELECT * FROM quarantine").await,
            self.rows("SELECT * FROM entities").await,
        ]
    }

    async fn keep(&self) -> (u64, u64) {
        let kept = keep_entities(&self.session().await, &[], &())
            .await
            .unwrap();
        (kept.scanned, kept.current)
    }

    fn files(&self, folder: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.store().root().join(folder)).unwrap();
        let mut files: Vec<PathBuf> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "parquet"))
            .collect();
        files.sort();
        files
    }

    fn damaged(&self) -> Vec<String> {
        let verified = verify(&self.store()).unwrap();
        let damaged = verified.damaged.into_iter();
        damaged
            .map(|damage| {
                let name = damage
                    .path
                    .strip_prefix(self.store().root())
                    .unwrap()
                    .to_path_buf();
                let folder = name.parent().unwrap().display().to_string();
                format!("{folder}: {}", damage.what)
            })
            .collect()
    }
}

/// What a query that must fail says.
async fn failure(session: &Session, query: &str) -> String {
    let planned = session.sql(query, ParamValues::Map(Default::default()));
    let run = async move {
        let batches = planned.await?.stream().await?;
        Ok::<Vec<RecordBatch>, spanql::Error>(batches.try_collect().await?)
    };
    run.await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn merging_changes_nothing_but_the_number_of_files() {
    let bench = Bench::new();
    assert_eq!(bench.keep().await, (5, 0));
    let before = bench.contents().await;
    assert_eq!(before.each_ref().map(Vec::len), [155, 5, 300]);
    let tiny = CompactOptions {
        below: 1,
        ..CompactOptions::default()
    };
    assert_eq!(compact(&bench.store(), tiny).unwrap(), Summary::default());
    let reading = bench.session().await;
    let planned = reading.sql(
        "SELECT count(*) FROM documents",
        ParamValues::Map(Default::default()),
    );
    let planned = planned.await.unwrap();
    let merged = compact(&bench.store(), CompactOptions::default()).unwrap();
    let expected = Summary {
        replaced: 4,
        written: 1,
        removed: 0,
    };
    assert_eq!(merged, expected);
    assert_eq!(bench.contents().await, before);
    let batches: Vec<_> = planned.stream().await.unwrap().try_collect().await.unwrap();
    assert_eq!(
        batches[0].column(0).as_primitive::<Int64Type>().value(0),
        155
    );
    drop(planned);
    assert_eq!(bench.keep().await, (0, 2), "kept entities are merged, too");
    assert_eq!(bench.damaged(), [""; 0]);

    bench.ingest("5.txt", "one more\n");
    assert_eq!(bench.files("documents").len(), 3);
    assert_eq!(
        bench.files("quarantine").len(),
        5,
        "prune goes by their runs"
    );
    assert_eq!(bench.files("entities").len(), 2);
    let again = compact(&bench.store(), CompactOptions::default()).unwrap();
    assert_eq!((again.replaced, again.written), (2, 1));
    let small = CompactOptions {
        up_to: 1,
        ..CompactOptions::default()
    };
    assert_eq!(compact(&bench.store(), small).unwrap(), Summary::default());
    assert_eq!(bench.contents().await[1..], before[1..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_found_and_named() {
    let bench = Bench::new();
    bench.keep().await;
    let whole = verify(&bench.store()).unwrap();
    assert_eq!((whole.files, whole.damaged.len()), (15, 0));
    for folder in ["documents", "quarantine", "entities"] {
        let path = &bench.files(folder)[1];
        let bytes = fs::read(path).unwrap();
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        fs::write(path, &flipped).unwrap();
        let damaged = bench.damaged();
        assert_eq!(damaged.len(), 1, "{damaged:?}");
        assert!(
            damaged[0].starts_with(&format!("{folder}: its checksum is")),
            "{damaged:?}"
        );
        fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(bench.damaged().len(), 1, "{folder}, cut");
        fs::write(path, &bytes).unwrap();
    }
    let lost = bench.store().ingests().join("000002.json");
    let bytes = fs::read(&lost).unwrap();
    fs::remove_file(&lost).unwrap();
    let damaged = bench.damaged();
    assert!(
        damaged[0].starts_with("ingests: it is not there"),
        "{damaged:?}"
    );
    fs::write(&lost, bytes).unwrap();
    assert_eq!(bench.damaged(), [""; 0]);

    fs::remove_file(&bench.files("documents")[2]).unwrap();
    let record = bench.store().ingests().join("000005.json");
    let bytes = fs::read(&record).unwrap();
    fs::write(&record, "{").unwrap();
    let damaged = bench.damaged();
    assert_eq!(damaged.len(), 2, "{damaged:?}");
    assert!(damaged[0].starts_with("ingests: "), "{damaged:?}");
    assert_eq!(damaged[1], "documents: it is not there");
    // A store of a version that recorded names only.
    fs::write(&record, bytes).unwrap();
    let mut old: serde_json::Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    old["files"]["documents"] = serde_json::json!(["000005-0001.parquet"]);
    fs::write(&record, old.to_string()).unwrap();
    assert_eq!(bench.damaged().len(), 1);
    fs::write(&bench.files("documents")[3], "no Parquet").unwrap();
    assert_eq!(bench.damaged().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_documents_go_and_stay_away() {
    let bench = Bench::new();
    bench.keep().await;
    let [documents, quarantine, entities] = bench.contents().await;
    let nothing = prune(&bench.store(), "2026-11-01T00:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(nothing, Summary::default());
    let pruned = prune(&bench.store(), "2026-11-05T00:00:00Z".parse().unwrap()).unwrap();
    let is_new = |row: &String| {
        !["01", "02", "03", "04"]
            .iter()
            .any(|day| row.contains(&format!("2026-11-{day}")))
    };
    let left: Vec<String> = documents
        .iter()
        .filter(|row| is_new(row))
        .cloned()
        .collect();
    assert_eq!(pruned.removed as usize, documents.len() - left.len());
    assert_eq!((pruned.replaced, pruned.written), (5, 5));
    let after = bench.contents().await;
    assert_eq!(after[0], left);
    assert_eq!(after[1], quarantine, "they were quarantined today");
    assert!(after[2].len() < entities.len() && !after[2].is_empty());
    let lines = fs::read_to_string(bench.dir.path().join("0.jsonl")).unwrap();
    bench.ingest("0.jsonl", &lines);
    assert_eq!(
        bench.contents().await[0],
        left,
        "known sources do not come back"
    );
    let all = prune(&bench.store(), "2999-01-01T00:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(all.removed as usize, left.len() - 5 + quarantine.len());
    let [documents, quarantine, _] = bench.contents().await;
    assert_eq!(
        (documents.len(), quarantine.len()),
        (5, 0),
        "those without a time stay"
    );
    assert_eq!(bench.damaged(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn info_counts() {
    let bench = Bench::new();
    let session = bench.session().await;
    keep_entities(&session, &["EMAIL".to_string()], &())
        .await
        .unwrap();
    let table = info(&bench.store(), session.models()).unwrap();
    let text = |name: &str, row: usize| {
        let column = table[name].as_string::<i32>();
        column.is_valid(row).then(|| column.value(row).to_string())
    };
    let number = |name: &str, row: usize| {
        let column = table[name].as_primitive::<Int64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    let find = |part: &str, label: Option<&str>| {
        (0..table.num_rows())
            .find(|&row| {
                text("part", row).as_deref() == Some(part) && text("label", row).as_deref() == label
            })
            .unwrap()
    };
    let documents = find("documents", None);
    assert_eq!(
        (number("files", documents), number("rows", documents)),
        (Some(5), Some(155))
    );
    let bytes: u64 = bench
        .files("documents")
        .iter()
        .map(|f| f.metadata().unwrap().len())
        .sum();
    assert_eq!(number("bytes", documents), Some(bytes as i64));
    let entities = find("entities", None);
    assert_eq!(
        (number("files", entities), number("rows", entities)),
        (Some(5), Some(150))
    );
    for (label, files) in [("EMAIL", 5), ("HASHTAG", 0)] {
        let row = find("entities", Some(label));
        assert_eq!(number("files", row), Some(files), "{label}");
        let fingerprint = session.models().label_fingerprint(label);
        assert_eq!(text("fingerprint", row), Some(fingerprint));
    }
    assert_eq!(number("files", find("replaced", None)), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_not_written_anew() {
    let bench = Bench::new();
    bench.keep().await;
    let before = bench.contents().await;
    let path = &bench.files("documents")[1];
    let bytes = fs::read(path).unwrap();
    // Where a reader may well take it for data.
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 3] ^= 1;
    fs::write(path, &flipped).unwrap();
    let damaged = bench.damaged();
    let merging = compact(&bench.store(), CompactOptions::default());
    let pruning = prune(&bench.store(), "2026-11-05T00:00:00Z".parse().unwrap());
    for refused in [merging, pruning] {
        let error = refused.unwrap_err().to_string();
        let name = path.display().to_string();
        assert!(
            error.starts_with(&format!("{name}: its checksum is ")),
            "{error}"
        );
        assert!(error.contains("spanql store verify"), "{error}");
        assert_eq!(bench.damaged(), damaged, "and nothing else is");
        assert_eq!(bench.files("documents").len(), 5);
    }
    fs::write(path, &bytes).unwrap();
    // Kept entities can be computed anew: those of a damaged file are not carried along.
    let kept = &bench.files("entities")[0];
    let mut flipped = fs::read(kept).unwrap();
    let middle = flipped.len() / 3;
    flipped[middle] ^= 1;
    fs::write(kept, &flipped).unwrap();
    assert_eq!(
        compact(&bench.store(), CompactOptions::default())
            .unwrap()
            .replaced,
        4
    );
    assert_eq!(bench.damaged(), [""; 0]);
    assert_eq!(bench.contents().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_fails_on_kept_entities_names_their_file() {
    let bench = Bench::new();
    bench.keep().await;
    let before = bench.contents().await;
    let path = &bench.files("entities")[1];
    let mut bytes = fs::read(path).unwrap();
    // The first page, behind the magic number; what stands at the end is looked at when the query is planned.
    bytes[4..64].fill(0xFF);
    fs::write(path, &bytes).unwrap();
    let session = bench.session().await;
    let error = failure(&session, "SELECT * FROM entities").await;
    assert!(
        error.starts_with(&format!("{}: its checksum is ", path.display())),
        "{error}"
    );
    assert!(
        error.contains("delete the file") && error.contains("spanql store verify"),
        "{error}"
    );
    // Nothing is made of what fails for another reason, or of a file that the query does not read.
    let error = failure(&session, "SELECT CAST(text AS DATE) FROM documents").await;
    assert!(!error.contains("checksum"), "{error}");
    let elsewhere = tempfile::tempdir().unwrap();
    let other = elsewhere.path().join("other.parquet");
    let mut bytes = fs::read(&bench.files("documents")[0]).unwrap();
    bytes[4..64].fill(0xFF);
    fs::write(&other, bytes).unwrap();
    let other = session.register_files("other", other.to_str().unwrap());
    other.await.unwrap();
    let error = failure(&session, "SELECT * FROM other").await;
    assert!(!error.contains("checksum"), "{error}");
    fs::remove_file(path).unwrap();
    assert_eq!(bench.contents().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_is_older_than_a_merge_says_that_its_files_have_gone() {
    let bench = Bench::new();
    let session = bench.session().await;
    rows(&session, "CREATE VIEW old AS SELECT text FROM documents").await;
    assert_eq!(rows(&session, "SELECT * FROM old").await.len(), 155);
    compact(&bench.store(), CompactOptions::default()).unwrap();
    let error = failure(&session, "SELECT * FROM old").await;
    assert!(
        error.contains("000001-0001.parquet") && error.contains("No such file"),
        "{error}"
    );
    assert_eq!(
        rows(&session, "SELECT text FROM documents").await.len(),
        155
    );
}

/// Merges and keeps at once, each as often as it finds the other at rest.
#[tokio::test(flavor = "multi_thread")]
async fn merging_and_keeping_at_once_change_no_answer() {
    let bench = Bench::new();
    let store = bench.store();
    let merging = std::thread::spawn(move || {
        let mut merged = 0;
        let small = CompactOptions {
            // Pairs, so that there is something to merge more than once.
            up_to: 12_000,
            ..CompactOptions::default()
        };
        let mut turns = [small, CompactOptions::default()]
            .into_iter()
            .cycle()
            .take(40);
        let mut turn = turns.next();
        while let Some(options) = turn {
            match compact(&store, options) {
                Ok(summary) => {
                    merged += summary.written;
                    turn = turns.next();
                }
                Err(spanql::Error::Busy { .. }) => std::thread::sleep(Duration::from_millis(1)),
                Err(error) => panic!("{error}"),
            }
        }
        merged
    });
    let count = "SELECT label, count(*), min(value), max(doc_id) FROM entities GROUP BY label";
    let before = bench.rows(count).await;
    while !merging.is_finished() {
        let session = bench.session().await;
        match keep_entities(&session, &[], &()).await {
            Ok(_) | Err(spanql::Error::Busy { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        assert_eq!(rows(&session, count).await, before);
    }
    assert!(merging.join().unwrap() > 0);
    bench.keep().await;
    assert_eq!(bench.rows(count).await, before);
    assert_eq!(bench.damaged(), [""; 0]);
}
