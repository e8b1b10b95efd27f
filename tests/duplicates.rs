//! Copies among documents: which ones are found, and that the table says the same whatever was kept, merged, replaced or
//! removed before.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::common::ParamValues;
use futures::TryStreamExt;
use spanql::care::{CompactOptions, compact, drop_duplicates, prune, verify};
use spanql::duplicates::{Summary, keep_duplicates};
use spanql::ingest::{Changed, IngestOptions, ingest};
use spanql::{Error, Session, SessionOptions, Store};
use tempfile::TempDir;

mod rows;

use rows::rows;

/// Numbers that differ, from a seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % below
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Document {
    id: String,
    day: Option<usize>,
    text: String,
    dropped: bool,
}

struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn store(&self) -> Store {
        Store::open(self.path("store")).unwrap()
    }

    /// Writes a file of documents, whose ids are then known, and ingests it.
    fn ingest(&self, name: &str, texts: &[(Option<usize>, String)]) -> Vec<Document> {
        let mut lines = String::new();
        let mut documents = Vec::new();
        let input = self.path(name).display().to_string();
        for (number, (day, text)) in (1..).zip(texts) {
            let ts = day.map(|day| format!("2026-11-{:02}", day + 1));
            lines += &format!("{}\n", serde_json::json!({"text": text, "ts": ts}));
            documents.push(Document {
                id: format!("{input}#{number}"),
                day: *day,
                text: text.clone(),
                dropped: false,
            });
        }
        fs::write(&input, lines).unwrap();
        let options = IngestOptions {
            row_group_bytes: 2048,
            changed: Changed::Replace,
            ..IngestOptions::default()
        };
        ingest(&[input], &self.path("store"), &options, &()).unwrap();
        documents
    }

    async fn session(&self) -> Session {
        let options = SessionOptions {
            store: Some(self.path("store")),
            threads: Some(3),
            ..SessionOptions::default()
        };
        Session::open(options).await.unwrap()
    }

    async fn keep(&self) -> Summary {
        keep_duplicates(&self.session().await, Arc::new(()))
            .await
            .unwrap()
    }

    async fn rows(&self, query: &str) -> Vec<String> {
        rows(&self.session().await, query).await
    }

    async fn found(&self) -> Vec<String> {
        self.rows("SELECT doc_id, duplicate_of, cluster_id FROM duplicates")
            .await
    }

    /// The table is the same where nothing is kept.
    async fn check(&self, when: &str) {
        let kept = self.rows("SELECT * FROM duplicates").await;
        let folders = ["signatures", "duplicates"];
        let [store, aside] = [self.path("store"), self.path("aside")];
        fs::create_dir_all(&aside).unwrap();
        let there = folders.map(|folder| store.join(folder).exists());
        for (folder, there) in folders.iter().zip(there) {
            if there {
                fs::rename(store.join(folder), aside.join(folder)).unwrap();
            }
        }
        assert_eq!(kept, self.rows("SELECT * FROM duplicates").await, "{when}");
        for (folder, there) in folders.iter().zip(there) {
            if there {
                fs::rename(aside.join(folder), store.join(folder)).unwrap();
            }
        }
    }

    fn files(&self, folder: &str) -> usize {
        let Ok(entries) = fs::read_dir(self.path("store").join(folder)) else {
            return 0;
        };
        let names = entries.map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.to_string_lossy().ends_with(".parquet"))
            .count()
    }
}

/// A text that shares nothing with other seeds', in English or Chinese; so long that copies of copies are alike beyond doubt.
fn original(seed: usize) -> String {
    let mut numbers = Numbers(seed as u64 * 7919);
    let length = 60 + seed % 60;
    if seed.is_multiple_of(2) {
        let words = (0..length).map(|_| {
            format!(
                "{}{}",
                ["ra", "mi", "to", "ske"][numbers.below(4)],
                seed * 1000 + numbers.below(1000)
            )
        });
        let words: Vec<String> = words.collect();
        words
            .chunks(7)
            .map(|words| words.join(" "))
            .collect::<Vec<_>>()
            .join(", ")
            + "."
    } else {
        let han = |_| char::from_u32(0x4E00 + numbers.below(20_000) as u32).unwrap();
        let text: Vec<char> = (0..length * 2).map(han).collect();
        text.chunks(11)
            .map(|clause| clause.iter().collect::<String>())
            .collect::<Vec<_>>()
            .join("，")
            + "。"
    }
}

/// How people copy.
fn copy(text: &str, how: usize, numbers: &mut Numbers) -> String {
    let han = text.chars().any(|c| c > '\u{4E00}');
    match how {
        0 => text.to_string(),
        1 => format!("{}{text}", if han { "转发：" } else { "RT @someone: " }),
        2 => text.replace([',', '，'], " … ").replace(['.', '。'], "!!"),
        3 => {
            // To full width, and to upper case.
            let wide = |c: char| match c {
                '!'..='~' => char::from_u32(u32::from(c.to_ascii_uppercase()) + 0xFEE0).unwrap(),
                c => c,
            };
            text.chars().map(wide).collect()
        }
        4 => {
            text.chars()
                .take(text.chars().count() * 9 / 10)
                .collect::<String>()
                + "…"
        }
        _ => {
            let at = numbers.below(text.chars().count());
            let (start, end) = (text.chars().take(at), text.chars().skip(at + 1));
            start
                .chain(if han { "好" } else { "x" }.chars())
                .chain(end)
                .collect()
        }
    }
}

fn texts(numbers: &mut Numbers, count: usize) -> Vec<(Option<usize>, String)> {
    let mut some = || {
        let original = match numbers.below(10) {
            // Short texts, which are copies only where their words are the same.
            0 => ["Yes!", "yes", "No.", "好的", "好的。", "", "😀", "😡"][numbers.below(8)]
                .to_string(),
            // What is said over and over, of which the same holds.
            1 => {
                let word = format!(
                    "{}{} ",
                    ["ha", "6", "好"][numbers.below(3)],
                    numbers.below(40)
                );
                word.repeat(18 + numbers.below(3))
            }
            _ => {
                let seed = numbers.below(40);
                original(seed)
            }
        };
        let how = if shingles(&original).len() < 16 {
            0
        } else {
            numbers.below(9)
        };
        let day = (numbers.below(5) > 0).then(|| numbers.below(20));
        (day, copy(&original, how, numbers))
    };
    (0..count).map(|_| some()).collect()
}

/// Words and Han characters, as SpanQL's documentation has them.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut inside = false;
    for c in text.chars() {
        let c = match u32::from(c) {
            wide @ 0xFF01..=0xFF5E => char::from_u32(wide - 0xFEE0).unwrap(),
            _ => c,
        };
        let han = ('\u{3400}'..='\u{9FFF}').contains(&c);
        if han || !c.is_alphanumeric() {
            inside = false;
        }
        if han {
            tokens.push(c.to_string());
        } else if c.is_alphanumeric() {
            if !inside {
                tokens.push(String::new());
            }
            inside = true;
            tokens.last_mut().unwrap().extend(c.to_lowercase());
        }
    }
    tokens
}

fn shingles(text: &str) -> HashSet<Vec<String>> {
    tokens(text).windows(3).map(<[String]>::to_vec).collect()
}

fn resemblance(a: &HashSet<Vec<String>>, b: &HashSet<Vec<String>>) -> f64 {
    a.intersection(b).count() as f64 / a.union(b).count().max(1) as f64
}

/// The table, by comparing each with each.
fn oracle(documents: &[Document]) -> Vec<String> {
    let of: Vec<_> = documents
        .iter()
        .map(|document| {
            let tokens = tokens(&document.text);
            let long = shingles(&document.text).len() >= 16;
            let tokens = if tokens.is_empty() {
                vec![document.text.clone()]
            } else {
                tokens
            };
            (tokens, long, shingles(&document.text))
        })
        .collect();
    let mut cluster: Vec<usize> = (0..documents.len()).collect();
    for a in 0..documents.len() {
        for b in 0..a {
            let alike = of[a].1 && of[b].1 && resemblance(&of[a].2, &of[b].2) >= 0.6;
            if (of[a].0 == of[b].0 || alike) && cluster[a] != cluster[b] {
                let (from, to) = (cluster[a], cluster[b]);
                for of in &mut cluster {
                    if *of == from {
                        *of = to;
                    }
                }
            }
        }
    }
    let order = |at: &usize| {
        let document = &documents[*at];
        let time = (document.day.is_none(), document.day);
        (document.dropped, time, document.id.clone())
    };
    let mut rows = Vec::new();
    for (at, document) in documents.iter().enumerate() {
        let all = 0..documents.len();
        let company: Vec<usize> = all.filter(|other| cluster[*other] == cluster[at]).collect();
        if company.len() < 2 && !document.dropped {
            continue;
        }
        let original = *company.iter().min_by_key(|at| order(at)).unwrap();
        let same = company
            .iter()
            .filter(|other| documents[**other].text == document.text);
        let first = *same.min_by_key(|at| order(at)).unwrap();
        let first = if first == at {
            "NULL"
        } else {
            &documents[first].id
        };
        rows.push(format!(
            "{}|{first}|{}",
            document.id, documents[original].id
        ));
    }
    rows.sort();
    rows
}

/// Documents go; where one goes whose text dropped ones had that stay, the first of these is a document again.
fn remove(files: &mut BTreeMap<String, Vec<Document>>, goes: impl Fn(&str, &Document) -> bool) {
    let mut gone = HashSet::new();
    for (name, documents) in files.iter_mut() {
        documents.retain(|document| {
            let goes = goes(name, document);
            if goes && !document.dropped {
                gone.insert(document.text.clone());
            }
            !goes
        });
    }
    for text in gone {
        let of_text = files.values_mut().flatten();
        let of_text = of_text.filter(|document| document.dropped && document.text == text);
        let first = of_text
            .min_by_key(|document| (document.day.is_none(), document.day, document.id.clone()));
        if let Some(first) = first {
            first.dropped = false;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_are_those_of_a_comparison_of_each_with_each() {
    for seed in 0..3 {
        let mut numbers = Numbers(seed);
        let bench = Bench::new();
        let mut documents = Vec::new();
        for file in 0..3 {
            documents.extend(bench.ingest(&format!("{file}.jsonl"), &texts(&mut numbers, 70)));
        }
        let expected = oracle(&documents);
        assert!(expected.len() > 100 && expected.len() < 210);
        assert_eq!(bench.found().await, expected, "seed {seed}");
    }
}

/// Among so many, a sketch of one run of words would be that of another one.
#[tokio::test(flavor = "multi_thread")]
async fn what_says_little_over_and_over_is_no_copy_of_the_like() {
    let bench = Bench::new();
    let texts = (0..200).map(|n| (None, format!("word{n} ").repeat(18)));
    bench.ingest("a.jsonl", &texts.collect::<Vec<_>>());
    assert_eq!(bench.found().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_is_the_same_whatever_was_done_before() {
    let mut numbers = Numbers(11);
    let bench = Bench::new();
    let mut files: BTreeMap<String, Vec<Document>> = BTreeMap::new();
    let of = |files: &BTreeMap<String, Vec<Document>>| {
        let documents: Vec<Document> = files.values().flatten().cloned().collect();
        oracle(&documents)
    };
    bench.ingest("empty.jsonl", &[]);
    bench.check("an empty store").await;
    for step in 0..20 {
        let name = format!("{}.jsonl", numbers.below(4));
        let when = format!("step {step}");
        match step % 10 {
            7 => {
                let rows = oracle(&files.values().flatten().cloned().collect::<Vec<_>>());
                let copies: BTreeSet<&str> = rows
                    .iter()
                    .map(|row| row.split('|').collect::<Vec<_>>())
                    .filter(|row| row[1] != "NULL")
                    .map(|row| row[0])
                    .collect();
                let mut removed = 0;
                for document in files.values_mut().flatten() {
                    if copies.contains(&*document.id) && !document.dropped {
                        document.dropped = true;
                        removed += 1;
                    }
                }
                assert!(removed > 0, "{when}");
                assert_eq!(drop_duplicates(&bench.store()).unwrap().removed, removed);
                assert_eq!(bench.found().await, rows, "{when}");
            }
            3 => {
                let all = CompactOptions::default();
                compact(&bench.store(), all).unwrap();
            }
            5 => {
                let before = "2026-11-04T00:00:00Z".parse().unwrap();
                prune(&bench.store(), before).unwrap();
                remove(&mut files, |_, document| {
                    document.day.is_some_and(|day| day < 3)
                });
            }
            6 => {
                let kept = bench.keep().await;
                assert_eq!(kept.signed + kept.current, bench.files("documents") as u64);
            }
            _ => {
                let count = 20 + numbers.below(20);
                let documents = bench.ingest(&name, &texts(&mut numbers, count));
                remove(&mut files, |of, _| of == name);
                files.insert(name, documents);
            }
        }
        if step % 3 == 0 {
            bench.keep().await;
            assert_eq!(bench.files("duplicates"), 1, "{when}");
        }
        assert_eq!(bench.found().await, of(&files), "{when}");
        let mut expected: Vec<String> = files
            .values()
            .flatten()
            .filter(|document| !document.dropped)
            .map(|document| {
                let day = document
                    .day
                    .map_or("NULL".to_string(), |day| (day + 1).to_string());
                format!("{}|{day}|{}", document.id, document.text)
            })
            .collect();
        expected.sort();
        let documents = "SELECT doc_id, date_part('day', ts), text FROM documents";
        assert_eq!(bench.rows(documents).await, expected, "{when}");
        bench.check(&when).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_read_and_only_new_documents_are() {
    let bench = Bench::new();
    let rain = "Rain at noon, and sun at night: so it was said on Monday, and so it was said on Tuesday, too.";
    bench.ingest(
        "a.jsonl",
        &[(Some(1), rain.to_string()), (Some(2), "other".to_string())],
    );
    bench.ingest(
        "b.jsonl",
        &[
            (Some(2), rain.to_string()),
            (None, format!("RT @x: {rain}")),
        ],
    );
    let explain = "EXPLAIN SELECT * FROM duplicates";
    assert!(
        bench
            .rows(explain)
            .await
            .concat()
            .contains("StreamingTableExec")
    );
    let first = bench.keep().await;
    let expected = Summary {
        signed: 2,
        current: 0,
        documents: 4,
        clusters: 1,
        copies: 2,
        exact: 1,
    };
    assert_eq!(first, expected);
    let plan = bench.rows(explain).await.concat();
    assert!(
        !plan.contains("StreamingTableExec") && plan.contains("store/duplicates/"),
        "{plan}"
    );
    let again = Summary {
        signed: 0,
        current: 2,
        ..expected
    };
    assert_eq!(bench.keep().await, again);
    assert_eq!(verify(&bench.store()).unwrap().files, 2 + 2 + 1);

    bench.ingest("c.jsonl", &[(Some(0), rain.to_uppercase())]);
    bench.check("a new file").await;
    let third = bench.keep().await;
    assert_eq!(
        (third.signed, third.current, third.copies, third.exact),
        (1, 2, 3, 1)
    );
    let originals = bench
        .rows("SELECT DISTINCT cluster_id, similarity FROM duplicates")
        .await;
    assert_eq!(originals.len(), 2, "{originals:?}");
    assert!(
        originals.iter().all(|row| row.contains("c.jsonl#1|")),
        "{originals:?}"
    );

    // Merged documents have the signatures of their parts.
    compact(&bench.store(), CompactOptions::default()).unwrap();
    let merged = bench.keep().await;
    assert_eq!((merged.signed, merged.current, merged.copies), (0, 1, 3));
    assert_eq!(
        (bench.files("signatures"), bench.files("duplicates")),
        (1, 1)
    );

    // What is damaged is told, and costs time only.
    let folder = bench.store().signatures();
    let name = fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::write(&name, "x").unwrap();
    let damaged = verify(&bench.store()).unwrap().damaged;
    assert_eq!(damaged.len(), 1, "{damaged:?}");
    fs::remove_dir_all(bench.store().duplicates()).unwrap();
    assert_eq!(bench.keep().await.signed, 1);
    bench.check("after damage").await;
}

/// Files are read as they were while the store changes, and one process at a time keeps.
#[tokio::test(flavor = "multi_thread")]
async fn beside_others() {
    let bench = Bench::new();
    bench.ingest(
        "a.jsonl",
        &[(None, "Yes".to_string()), (None, "yes!".to_string())],
    );
    bench.keep().await;
    let session = bench.session().await;
    let none = || ParamValues::Map(Default::default());
    let planned = session
        .sql("SELECT * FROM duplicates", none())
        .await
        .unwrap();
    bench.ingest("a.jsonl", &[(None, "No".to_string())]);
    bench.keep().await;
    let batches: Vec<_> = planned.stream().await.unwrap().try_collect().await.unwrap();
    assert_eq!(
        batches.iter().map(|batch| batch.num_rows()).sum::<usize>(),
        2
    );
    drop(planned);
    assert_eq!(bench.found().await, [""; 0]);
    bench.keep().await;
    assert_eq!(bench.files("duplicates"), 1);

    let lock = fs::File::options()
        .write(true)
        .open(bench.store().duplicates().join(".lock"))
        .unwrap();
    lock.try_lock().unwrap();
    let busy = keep_duplicates(&session, Arc::new(())).await;
    assert!(matches!(busy, Err(Error::Busy { .. })), "{busy:?}");
    let busy = compact(&bench.store(), CompactOptions::default());
    assert!(matches!(busy, Err(Error::Busy { .. })), "{busy:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_copies_are_counted_as_before() {
    let bench = Bench::new();
    let mut numbers = Numbers(8);
    let [mut some, more] = [90, 60].map(|count| texts(&mut numbers, count));
    some.push((Some(30), some[0].1.clone()));
    bench.ingest("a.jsonl", &some);
    bench.ingest("b.jsonl", &more);
    let query = "SELECT doc_id, duplicate_of, cluster_id, similarity FROM duplicates";
    let kept = bench.keep().await;
    assert!(kept.exact > 10, "{kept:?}");
    let [before, distinct] = [query, "SELECT DISTINCT text FROM documents"];
    let (before, distinct) = (bench.rows(before).await, bench.rows(distinct).await);

    let dropped = drop_duplicates(&bench.store()).unwrap();
    assert_eq!(dropped.removed, kept.exact);
    assert_eq!(bench.rows("SELECT text FROM documents").await, distinct);
    assert_eq!(bench.rows(query).await, before);
    let count = |of: &str| format!("SELECT count(*) FROM duplicates WHERE {of}");
    for of in ["dropped", "duplicate_of IS NOT NULL"] {
        assert_eq!(
            bench.rows(&count(of)).await,
            [kept.exact.to_string()],
            "{of}"
        );
    }
    // Signatures are carried along.
    let again = bench.keep().await;
    assert_eq!((again.signed, again.copies), (0, kept.copies));
    assert_eq!(bench.rows(query).await, before);
    assert_eq!(drop_duplicates(&bench.store()).unwrap(), Default::default());
    assert_eq!(verify(&bench.store()).unwrap().damaged, []);

    // What was ingested is known; what has changed takes the place of its dropped documents, too.
    bench.ingest("a.jsonl", &some);
    assert_eq!(bench.rows(query).await, before);
    let new = "Nothing that was there before".to_string();
    bench.ingest("a.jsonl", &[(None, new.clone()), (None, new)]);
    let of_a = "SELECT doc_id FROM duplicates WHERE source LIKE '%a.jsonl'";
    assert_eq!(bench.rows(of_a).await.len(), 2);
    bench.check("after a replacement").await;
    // By their time they go as others do.
    prune(&bench.store(), "2027-01-01T00:00:00Z".parse().unwrap()).unwrap();
    let timed = "SELECT count(*) FROM duplicates WHERE ts IS NOT NULL";
    assert_eq!(bench.rows(timed).await, ["0"]);
}

/// What a store with own columns has of two documents with one text, the first of them months older, in two files.
#[tokio::test(flavor = "multi_thread")]
async fn no_text_goes_that_a_dropped_copy_had() {
    let documents = "SELECT doc_id, source, ts, text, length(content_hash) = 32, likes
        FROM documents";
    let dropped =
        "SELECT doc_id, duplicate_of, cluster_id, similarity FROM duplicates WHERE dropped";
    let ingest_lines = |bench: &Bench, name: &str, lines: &str| {
        fs::write(bench.path(name), lines).unwrap();
        let options = IngestOptions {
            changed: Changed::Replace,
            ..IngestOptions::default()
        };
        let input = [bench.path(name).display().to_string()];
        ingest(&input, &bench.path("store"), &options, &()).unwrap();
    };
    let bench = || {
        let bench = Bench::new();
        let line =
            |ts, likes| format!("{{\"text\": \"T\", \"ts\": \"{ts}\", \"likes\": {likes}}}\n");
        ingest_lines(&bench, "a.jsonl", &line("2026-01-01", 1));
        ingest_lines(
            &bench,
            "b.jsonl",
            &(line("2026-11-27", 2) + &line("2026-11-26", 3)),
        );
        assert_eq!(drop_duplicates(&bench.store()).unwrap().removed, 2);
        let (a, b) = ("a.jsonl", "b.jsonl");
        let [a, b] = [a, b].map(|name| bench.path(name).display().to_string());
        (bench, a, b)
    };
    let february = "2026-02-01T00:00:00Z".parse().unwrap();

    let (store, a, b) = bench();
    let (first, second) = (format!("{b}#2"), format!("{b}#1"));
    assert_eq!(
        store.rows(dropped).await,
        [
            format!("{second}|{a}#1|{a}#1|1.0"),
            format!("{first}|{a}#1|{a}#1|1.0")
        ]
    );
    prune(&store.store(), february).unwrap();
    let heir = format!("{first}|{b}|2026-11-26T00:00:00Z|T|true|NULL");
    assert_eq!(store.rows(documents).await, [heir]);
    let left = [format!("{second}|{first}|{first}|1.0")];
    assert_eq!(store.rows(dropped).await, left);
    assert_eq!(prune(&store.store(), february).unwrap(), Default::default());
    store.check("after a prune").await;

    let (store, a, b) = bench();
    ingest_lines(&store, "a.jsonl", "{\"text\": \"other\", \"likes\": 4}\n");
    let [first, second] = [format!("{b}#2"), format!("{b}#1")];
    let other = format!("{a}#1|{a}|NULL|other|true|4");
    let heir = format!("{first}|{b}|2026-11-26T00:00:00Z|T|true|NULL");
    assert_eq!(store.rows(documents).await, [other, heir]);
    assert_eq!(
        store.rows(dropped).await,
        [format!("{second}|{first}|{first}|1.0")]
    );
    assert_eq!(verify(&store.store()).unwrap().damaged, []);
    ingest_lines(&store, "b.jsonl", "");
    assert_eq!(store.rows(documents).await.len(), 1);
    assert_eq!(store.rows(dropped).await, [""; 0]);

    // Where the text is lost all the same, the table still says that there was one.
    let (store, ..) = bench();
    let first = fs::read_dir(store.store().ingests()).unwrap();
    let first = first.map(|entry| entry.unwrap().path()).min().unwrap();
    fs::remove_file(first).unwrap();
    assert_eq!(store.rows("SELECT doc_id FROM documents").await, [""; 0]);
    assert_eq!(store.rows(dropped).await.len(), 2);
    store.keep().await;
    store.check("without documents").await;
}

/// Signatures that are those of other documents would make copies of what is none.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_removed_by_damaged_signatures() {
    let bench = Bench::new();
    for (name, text) in [("a.jsonl", "one"), ("b.jsonl", "another")] {
        bench.ingest(name, &[(None, text.to_string())]);
    }
    bench.keep().await;
    let kept = |folder: PathBuf| -> Vec<PathBuf> {
        let files = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = files
            .filter(|path| path.extension().is_some_and(|of| of == "parquet"))
            .collect();
        files.sort();
        files
    };
    let damage = || {
        let signatures = kept(bench.store().signatures());
        fs::copy(&signatures[0], &signatures[1]).unwrap();
        let found = kept(bench.store().duplicates());
        fs::write(&found[0], "x").unwrap();
        assert_eq!(verify(&bench.store()).unwrap().damaged.len(), 2);
        signatures
    };
    damage();
    let found = bench.keep().await;
    assert_eq!((found.signed, found.copies), (1, 0));
    assert_eq!(verify(&bench.store()).unwrap().damaged, []);

    damage();
    assert_eq!(drop_duplicates(&bench.store()).unwrap(), Default::default());
    bench.keep().await;
    assert_eq!(verify(&bench.store()).unwrap().damaged, []);

    // A checksum that is right does not make them those of the documents: nothing is removed but by its text.
    let signatures = damage();
    let of = |at: usize| -> Vec<String> {
        let name = signatures[at].file_name().unwrap().to_string_lossy();
        name.split('.').map(str::to_string).collect()
    };
    let (first, second) = (of(0), of(1));
    let forged = format!("{}.{}.parquet", second[0], first[1]);
    fs::rename(&signatures[1], signatures[1].with_file_name(forged)).unwrap();
    let error = drop_duplicates(&bench.store()).unwrap_err().to_string();
    for part in ["b.jsonl#1", "nothing is removed", "signatures"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(bench.rows("SELECT * FROM documents").await.len(), 2);
    fs::remove_dir_all(bench.store().signatures()).unwrap();
    bench.keep().await;

    damage();
    compact(&bench.store(), CompactOptions::default()).unwrap();
    assert_eq!(bench.keep().await.signed, 1);
    assert_eq!(bench.found().await, [""; 0]);
}

/// What takes long to make is made once.
#[tokio::test(flavor = "multi_thread")]
async fn signatures_that_dropping_needs_are_kept() {
    let bench = Bench::new();
    for name in ["a.jsonl", "b.jsonl"] {
        let texts = ["the same".to_string(), name.to_string()];
        bench.ingest(name, &texts.map(|text| (None, text)));
    }
    assert_eq!(drop_duplicates(&bench.store()).unwrap().removed, 1);
    assert_eq!(bench.keep().await.signed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded() {
    let bench = Bench::new();
    let mut numbers = Numbers(3);
    bench.ingest("a.jsonl", &texts(&mut numbers, 300));
    let expected = bench.found().await;
    for (memory, enough) in [(4 << 20, true), (1 << 20, false)] {
        let options = SessionOptions {
            store: Some(bench.path("store")),
            memory: Some(memory),
            ..SessionOptions::default()
        };
        let session = Session::open(options).await.unwrap();
        let found = keep_duplicates(&session, Arc::new(())).await;
        if enough {
            found.unwrap();
            assert_eq!(
                rows(
                    &session,
                    "SELECT doc_id, duplicate_of, cluster_id FROM duplicates"
                )
                .await,
                expected
            );
            fs::remove_dir_all(bench.store().duplicates()).unwrap();
        } else {
            let error = found.unwrap_err().to_string();
            assert!(error.contains("duplicates"), "{error}");
        }
    }
}

/// Real texts, and copies of them as people make them: how many are found, and how many of those found are copies.
#[tokio::test(flavor = "multi_thread")]
async fn reposts_of_real_texts_are_found() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/corpora");
    for (name, least_recall) in [
        ("en_spamassassin_6046_emails.jsonl.gz", 0.95),
        ("zh_lctt_linux_cn_2659_articles.jsonl.gz", 0.95),
    ] {
        let path = folder.join(name);
        if !path.exists() {
            println!("skipped: no corpus at {}", path.display());
            continue;
        }
        let mut lines = String::new();
        flate2::read::MultiGzDecoder::new(fs::File::open(&path).unwrap())
            .read_to_string(&mut lines)
            .unwrap();
        // Paragraphs of a post's length, each once.
        let mut seen = BTreeSet::new();
        let mut originals = Vec::new();
        'all: for line in lines.lines() {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = record["text"].as_str().unwrap();
            for paragraph in text.split("\n\n").skip(1) {
                let tokens = tokens(paragraph);
                if (24..300).contains(&tokens.len()) && seen.insert(tokens) {
                    originals.push(paragraph.trim().to_string());
                    if originals.len() == 600 {
                        break 'all;
                    }
                }
            }
        }
        let mut numbers = Numbers(1);
        let mut all: Vec<(Option<usize>, String)> = originals
            .iter()
            .map(|text| (Some(0), text.clone()))
            .collect();
        for how in 1..6 {
            all.extend(
                originals
                    .iter()
                    .map(|text| (Some(how), copy(text, how, &mut numbers))),
            );
        }
        let bench = Bench::new();
        let documents = bench.ingest("all.jsonl", &all);
        let number = |id: &str| id.rsplit('#').next().unwrap().parse::<usize>().unwrap() - 1;
        let mut cluster: Vec<Option<usize>> = vec![None; all.len()];
        for row in bench.found().await {
            let ids: Vec<&str> = row.split('|').collect();
            cluster[number(ids[0])] = Some(number(ids[2]));
        }
        let kinds = [
            "",
            "prefix",
            "punctuation",
            "width and case",
            "cut tail",
            "one character",
        ];
        let (mut copies, mut found) = (0, 0);
        for how in 1..6 {
            let of = |at: usize| {
                cluster[how * originals.len() + at].is_some_and(|of| Some(of) == cluster[at])
            };
            let hits = (0..originals.len()).filter(|at| of(*at)).count();
            println!(
                "{name}: {}: recall {:.4}",
                kinds[how],
                hits as f64 / originals.len() as f64
            );
            copies += originals.len();
            found += hits;
        }
        let recall = found as f64 / copies as f64;
        // Real texts hold copies of their own: right is what is made of the original, or has half of its shingles.
        let (mut right, mut joined) = (0, 0);
        for (at, of) in cluster.iter().enumerate() {
            let Some(of) = of.filter(|of| *of != at) else {
                continue;
            };
            joined += 1;
            let made_of_it = at % originals.len() == of % originals.len();
            let half = || {
                resemblance(
                    &shingles(&documents[at].text),
                    &shingles(&documents[of].text),
                ) >= 0.5
            };
            right += usize::from(made_of_it || half());
        }
        let precision = right as f64 / joined as f64;
        println!("{name}: recall {recall:.4} of {copies}, precision {precision:.4} of {joined}");
        assert!(recall >= least_recall, "{recall}");
        assert!(precision >= 0.97, "{precision}");
    }
}
