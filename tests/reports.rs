//! The stock reports: over rows written by hand, with answers worked out by hand; and over the corpus of `tests/data`
//! against `tests/golden`, byte by byte. `UPDATE_GOLDEN=1 cargo test --test reports` rewrites the golden files; the
//! independent counts below then say whether what came out can be right.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, RecordBatch, StringViewArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Int32Type;
use datafusion::datasource::MemTable;
use serde_json::{Value, json};
use spanql::ingest::{IngestOptions, ingest};
use spanql::output::{self, Format};
use spanql::report::Report;
use spanql::{Session, SessionOptions};

fn params(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

async fn run(session: &Session, name: &str, given: &[(&str, &str)]) -> String {
    let report = Report::find(name, None).unwrap();
    let query = report
        .query(session, &params(given))
        .await
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut out = Vec::new();
    output::write(query.stream().await.unwrap(), Format::Json, &mut out)
        .await
        .unwrap();
    String::from_utf8(out).unwrap()
}

/// The rows of a report as arrays, without the keys.
async fn rows(session: &Session, name: &str, given: &[(&str, &str)]) -> Value {
    let columns: Vec<String> = Report::find(name, None)
        .unwrap()
        .columns
        .into_iter()
        .map(|c| c.name)
        .collect();
    let all: Vec<Value> = serde_json::from_str(&run(session, name, given).await).unwrap();
    all.into_iter()
        .map(|row| {
            columns
                .iter()
                .map(|column| row[column].clone())
                .collect::<Value>()
        })
        .collect()
}

mod by_hand {
    use super::*;

    /// day of 2026-11 and hour (None: no time), source, document, label, value
    type Row = (
        Option<(i64, i64)>,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
    );

    const ENTITIES: &[Row] = &[
        (Some((1, 1)), "s", "s#1", "EMAIL", "ann@example.com"),
        (Some((1, 1)), "s", "s#1", "EMAIL", "ann@example.com"),
        (
            Some((1, 1)),
            "s",
            "s#1",
            "URL",
            "https://www.Example.com:8080/a?b=c@d",
        ),
        (Some((1, 1)), "s", "s#1", "DATE", "2026-11-01"),
        (Some((1, 23)), "s", "s#2", "EMAIL", "bob@example.org"),
        (Some((1, 23)), "s", "s#2", "HASHTAG", "tea"),
        (Some((1, 23)), "s", "s#2", "HASHTAG", "tea"),
        (Some((8, 2)), "t", "t#1", "EMAIL", "ann@example.com"),
        (Some((8, 2)), "t", "t#1", "HASHTAG", "tea"),
        (Some((8, 2)), "t", "t#1", "PHONE", "+12025550143"),
        (Some((9, 2)), "t", "t#2", "EMAIL", "ann@example.com"),
        (Some((9, 2)), "t", "t#2", "HASHTAG", "tea"),
        (
            Some((9, 2)),
            "t",
            "t#2",
            "URL",
            "http://user:pw@[2001:db8::1]/x",
        ),
        (
            Some((9, 2)),
            "t",
            "t#2",
            "URL",
            "example.net?q=http://other.example/",
        ),
        (Some((9, 2)), "t", "t#2", "HASHTAG", "a b"),
        (None, "u", "u#1", "PHONE", "+12025550143"),
        (None, "u", "u#1", "HASHTAG", "new"),
    ];

    async fn session() -> Session {
        let micros = |time: &Option<(i64, i64)>| {
            // 2026-11-01 is day 20,758 of the Unix era.
            time.map(|(day, hour)| ((20_757 + day) * 24 + hour) * 3_600_000_000)
        };
        let text = |pick: fn(&Row) -> &'static str| {
            Arc::new(StringViewArray::from_iter_values(ENTITIES.iter().map(pick))) as ArrayRef
        };
        let ts = TimestampMicrosecondArray::from_iter(ENTITIES.iter().map(|row| micros(&row.0)))
            .with_timezone("UTC");
        let ts: ArrayRef = Arc::new(ts);
        let label: DictionaryArray<Int32Type> = ENTITIES.iter().map(|row| row.3).collect();
        let entities = RecordBatch::try_from_iter([
            ("doc_id", text(|row| row.2)),
            ("source", text(|row| row.1)),
            ("ts", Arc::clone(&ts)),
            ("label", Arc::new(label) as ArrayRef),
            ("value", text(|row| row.4)),
        ])
        .unwrap();
        let documents = RecordBatch::try_from_iter([("ts", ts)]).unwrap();
        let session = Session::open(SessionOptions {
            threads: Some(3),
            ..Default::default()
        })
        .await
        .unwrap();
        for (name, batch) in [("entities", entities), ("documents", documents)] {
            // Several batches and partitions, so that an order that is not total would show.
            let cut = |from: usize, to: usize| batch.slice(from, to - from);
            let n = batch.num_rows();
            let partitions = vec![vec![cut(5, n)], vec![cut(0, 2), cut(2, 5)]];
            session
                .register(
                    name,
                    Arc::new(MemTable::try_new(batch.schema(), partitions).unwrap()),
                )
                .unwrap();
        }
        session
    }

    #[tokio::test]
    async fn top_domains() {
        let session = session().await;
        assert_eq!(
            rows(&session, "top_domains", &[]).await,
            json!([
                ["example.com", 5, 3, 4, 1],
                ["[2001:db8::1]", 1, 1, 0, 1],
                ["example.net", 1, 1, 0, 1],
                ["example.org", 1, 1, 1, 0],
            ])
        );
        assert_eq!(
            rows(&session, "top_domains", &[("top", "1")]).await,
            json!([["example.com", 5, 3, 4, 1]])
        );
    }

    #[tokio::test]
    async fn entities_by_day() {
        let session = session().await;
        assert_eq!(
            rows(&session, "entities_by_day", &[("until", "2026-11-09")]).await,
            json!([
                ["2026-11-01", "DATE", 1, 1],
                ["2026-11-01", "EMAIL", 3, 2],
                ["2026-11-01", "HASHTAG", 2, 1],
                ["2026-11-01", "URL", 1, 1],
                ["2026-11-08", "EMAIL", 1, 1],
                ["2026-11-08", "HASHTAG", 1, 1],
                ["2026-11-08", "PHONE", 1, 1],
            ])
        );
        // 23 o'clock in Greenwich is the next morning in Beijing.
        let beijing = [
            ("since", "2026-11-01T02:00:00"),
            ("until", "2026-11-02"),
            ("utc_offset", "8"),
        ];
        assert_eq!(
            rows(&session, "entities_by_day", &beijing).await,
            json!([
                ["2026-11-02", "EMAIL", 1, 1],
                ["2026-11-02", "HASHTAG", 2, 1]
            ])
        );
    }

    #[tokio::test]
    async fn cooccurring_entities() {
        let session = session().await;
        // A pair counts once a document, however often it is named; dates are no partners.
        assert_eq!(
            rows(&session, "cooccurring_entities", &[]).await,
            json!([["EMAIL", "ann@example.com", "HASHTAG", "tea", 2]])
        );
        let pairs = rows(
            &session,
            "cooccurring_entities",
            &[("min_documents", "1"), ("max_per_document", "3")],
        )
        .await;
        assert_eq!(
            pairs,
            json!([
                ["EMAIL", "ann@example.com", "HASHTAG", "tea", 1],
                ["EMAIL", "ann@example.com", "PHONE", "+12025550143", 1],
                [
                    "EMAIL",
                    "ann@example.com",
                    "URL",
                    "https://www.Example.com:8080/a?b=c@d",
                    1
                ],
                ["EMAIL", "bob@example.org", "HASHTAG", "tea", 1],
                ["HASHTAG", "new", "PHONE", "+12025550143", 1],
                ["HASHTAG", "tea", "PHONE", "+12025550143", 1],
            ])
        );
        let all = rows(&session, "cooccurring_entities", &[("min_documents", "1")]).await;
        // A value may hold spaces.
        assert!(
            all.as_array().unwrap().contains(&json!([
                "EMAIL",
                "ann@example.com",
                "HASHTAG",
                "a b",
                1
            ])),
            "{all}"
        );
    }

    #[tokio::test]
    async fn new_in_window() {
        let session = session().await;
        // The last document is of the 9th, 02:00: seven days before that, the 1st is outside.
        assert_eq!(
            rows(&session, "new_in_window", &[]).await,
            json!([
                ["HASHTAG", "a b", "2026-11-09T02:00:00Z", "t#2", 1, 1],
                ["PHONE", "+12025550143", "2026-11-08T02:00:00Z", "t#1", 1, 1],
                [
                    "URL",
                    "example.net?q=http://other.example/",
                    "2026-11-09T02:00:00Z",
                    "t#2",
                    1,
                    1
                ],
                [
                    "URL",
                    "http://user:pw@[2001:db8::1]/x",
                    "2026-11-09T02:00:00Z",
                    "t#2",
                    1,
                    1
                ],
            ])
        );
        let first_day = [("until", "2026-11-02"), ("days", "1")];
        assert_eq!(
            rows(&session, "new_in_window", &first_day).await,
            json!([
                [
                    "EMAIL",
                    "ann@example.com",
                    "2026-11-01T01:00:00Z",
                    "s#1",
                    2,
                    1
                ],
                ["HASHTAG", "tea", "2026-11-01T23:00:00Z", "s#2", 2, 1],
                [
                    "EMAIL",
                    "bob@example.org",
                    "2026-11-01T23:00:00Z",
                    "s#2",
                    1,
                    1
                ],
                [
                    "URL",
                    "https://www.Example.com:8080/a?b=c@d",
                    "2026-11-01T01:00:00Z",
                    "s#1",
                    1,
                    1
                ],
            ])
        );
    }

    #[tokio::test]
    async fn top_hashtags() {
        let session = session().await;
        assert_eq!(
            rows(&session, "top_hashtags", &[]).await,
            json!([
                [
                    "tea",
                    4,
                    3,
                    2,
                    "2026-11-01T23:00:00Z",
                    "2026-11-09T02:00:00Z"
                ],
                [
                    "a b",
                    1,
                    1,
                    1,
                    "2026-11-09T02:00:00Z",
                    "2026-11-09T02:00:00Z"
                ],
                ["new", 1, 1, 1, null, null],
            ])
        );
    }

    #[tokio::test]
    async fn contacts_per_source() {
        let session = session().await;
        assert_eq!(
            rows(&session, "contacts_per_source", &[("per_source", "1")]).await,
            json!([
                ["s", "EMAIL", "ann@example.com", 2, 1],
                ["t", "EMAIL", "ann@example.com", 2, 2],
                ["u", "PHONE", "+12025550143", 1, 1],
            ])
        );
    }

    #[tokio::test]
    async fn a_report_whose_columns_are_not_those_declared_is_refused() {
        let session = session().await;
        let text = "-- question: q?\n-- column: a  x\nSELECT 1 AS a, 2 AS b";
        let report = Report::parse(text, "wrong.sql").unwrap();
        let error = report
            .query(&session, &params(&[]))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("declares the columns a, the query gives a, b"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn most_copied() {
        let day = |day: i64| Some((20_757 + day) * 86_400_000_000);
        // doc_id, source, time, the exact original, the original, text
        let all = [
            ("a#1", "a", day(1), None, "a#1", "Rain at noon. ".repeat(10)),
            ("b#1", "b", day(2), Some("a#1"), "a#1", String::new()),
            ("b#2", "b", day(3), None, "a#1", String::new()),
            ("b#3", "b", day(3), Some("b#2"), "a#1", String::new()),
            ("c#1", "c", None, None, "c#1", "晴天".to_string()),
            ("c#2", "c", None, Some("c#1"), "c#1", String::new()),
            ("d#1", "d", day(1), None, "d#1", "Sun".to_string()),
            ("d#2", "d", day(1), None, "d#1", String::new()),
        ];
        let strings = |of: &dyn Fn(usize) -> Option<String>| {
            Arc::new((0..all.len()).map(of).collect::<StringViewArray>()) as ArrayRef
        };
        let ts = TimestampMicrosecondArray::from_iter(all.iter().map(|row| row.2));
        let duplicates = RecordBatch::try_from_iter([
            ("doc_id", strings(&|row| Some(all[row].0.into()))),
            ("source", strings(&|row| Some(all[row].1.into()))),
            ("ts", Arc::new(ts.with_timezone("UTC")) as ArrayRef),
            (
                "duplicate_of",
                strings(&|row| all[row].3.map(str::to_string)),
            ),
            ("cluster_id", strings(&|row| Some(all[row].4.into()))),
            ("text", strings(&|row| Some(all[row].5.clone()))),
        ])
        .unwrap();
        let session = Session::open(SessionOptions::default()).await.unwrap();
        for name in ["duplicates", "documents"] {
            let partitions = vec![vec![duplicates.slice(3, 5)], vec![duplicates.slice(0, 3)]];
            let table = MemTable::try_new(duplicates.schema(), partitions).unwrap();
            session.register(name, Arc::new(table)).unwrap();
        }
        let (first, last) = ("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z");
        let rain = "Rain at noon. ".repeat(10)[..80].to_string();
        assert_eq!(
            rows(&session, "most_copied", &[]).await,
            json!([
                ["a#1", 3, 1, 2, first, last, rain],
                ["c#1", 1, 1, 1, null, null, "晴天"],
                ["d#1", 1, 0, 1, first, first, "Sun"],
            ])
        );
        assert_eq!(
            rows(&session, "most_copied", &[("top", "1")]).await,
            json!([["a#1", 3, 1, 2, first, last, rain]])
        );
    }

    /// What is NULL or text inside an entity cannot change the type of a column: JSON of an empty store is `[]`.
    #[tokio::test]
    async fn every_report_of_an_empty_store_is_empty() {
        let empty = Session::open(SessionOptions::default()).await.unwrap();
        let full = session().await;
        let store = tempfile::tempdir().unwrap();
        spanql::Store::create(store.path()).unwrap();
        let options = SessionOptions {
            store: Some(store.path().to_path_buf()),
            ..SessionOptions::default()
        };
        let stored = Session::open(options).await.unwrap();
        for (of, name) in [
            (&full, "entities"),
            (&stored, "documents"),
            (&stored, "duplicates"),
        ] {
            let query = of
                .sql(
                    &format!("SELECT * FROM {name}"),
                    Vec::<(String, _)>::new().into(),
                )
                .await
                .unwrap();
            let table = MemTable::try_new(query.schema(), vec![vec![]]).unwrap();
            empty.register(name, Arc::new(table)).unwrap();
        }
        for report in Report::stock() {
            assert_eq!(
                run(&empty, &report.name, &[]).await,
                "[]\n",
                "{}",
                report.name
            );
        }
    }
}

mod golden {
    use super::*;

    const INPUTS: [&str; 3] = [
        "tests/data/mails.jsonl",
        "tests/data/notes.txt",
        "tests/data/posts.csv",
    ];

    async fn open(store: &Path, threads: usize) -> Session {
        let options = SessionOptions {
            store: Some(store.to_path_buf()),
            threads: Some(threads),
            ..SessionOptions::default()
        };
        Session::open(options).await.unwrap()
    }

    fn ingested() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let summary = ingest(
            &INPUTS.map(String::from),
            folder.path(),
            &IngestOptions::default(),
            &(),
        )
        .unwrap();
        assert_eq!((summary.documents, summary.quarantined), (30 + 14 + 26, 0));
        folder
    }

    /// Byte-identical whatever the number of threads, and as they were when somebody last looked at them.
    #[tokio::test]
    async fn reports_are_byte_identical() {
        let store = ingested();
        let (one, four) = (open(store.path(), 1).await, open(store.path(), 4).await);
        for report in Report::stock() {
            let found = run(&one, &report.name, &[]).await;
            assert_eq!(
                found,
                run(&four, &report.name, &[]).await,
                "{}",
                report.name
            );
            let path = Path::new("tests/golden").join(format!("{}.json", report.name));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(&path, &found).unwrap();
            }
            let golden = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                found == golden,
                "{} differs; UPDATE_GOLDEN=1 rewrites it. Found:\n{found}",
                path.display()
            );
        }
    }

    /// Full-width letters and signs are read as their ASCII forms.
    fn half_width(text: &str) -> String {
        let ascii = |c: char| char::from_u32(u32::from(c).wrapping_sub(0xFEE0)).unwrap_or(c);
        text.chars()
            .map(|c| {
                if ascii(c).is_ascii_graphic() {
                    ascii(c)
                } else {
                    c
                }
            })
            .collect()
    }

    /// Counts from the raw files by means that share nothing with the recognizers.
    #[tokio::test]
    async fn the_counts_are_those_of_a_plain_search() {
        let store = ingested();
        let session = open(store.path(), 2).await;
        let raw: Vec<(&str, String)> = INPUTS.iter().map(|path| (*path, texts(path))).collect();
        let everywhere: String = raw.iter().map(|(_, text)| text.as_str()).collect();

        let hashtags = rows(&session, "top_hashtags", &[("top", "1000")]).await;
        for tag in ["opentins", "WinterBlend", "灯鱼茶开罐", "灯鱼茶"] {
            // `#tag` at its end, or `#tag#`: neither runs on into a longer word.
            let count = occurrences(&everywhere, &format!("#{tag}"), |next| {
                !next.is_alphanumeric()
            });
            let found = find(&hashtags, |row| {
                row[0].as_str().is_some_and(|s| s.eq_ignore_ascii_case(tag))
            });
            assert_eq!(found[1], json!(count), "{tag}");
        }

        let contacts = rows(&session, "contacts_per_source", &[("per_source", "1000")]).await;
        for (value, written) in [
            ("complaints@shop.example", "complaints@shop.example"),
            ("hezuo@chaguan.example", "hezuo@chaguan.example"),
            ("press@lanternfish.example", "ress@lanternfish.example"),
            ("+442079460018", "+442079460018"),
            ("+8613800138000", "13800138000"),
        ] {
            for (source, text) in &raw {
                let count = occurrences(&half_width(text).to_ascii_lowercase(), written, |next| {
                    !next.is_ascii_alphanumeric()
                });
                let found = contacts.as_array().unwrap().iter();
                let found = found.filter(|row| row[0] == json!(source) && row[2] == json!(value));
                let found: Vec<u64> = found.filter_map(|row| row[3].as_u64()).collect();
                assert_eq!(
                    found,
                    if count == 0 {
                        vec![]
                    } else {
                        vec![count as u64]
                    },
                    "{source} {value}"
                );
            }
        }

        let domains = rows(&session, "top_domains", &[("top", "1000")]).await;
        for host in ["news.example.net", "forum.example.org", "authority.example"] {
            let lower = half_width(&everywhere).to_ascii_lowercase();
            let in_mails = occurrences(&lower, &format!("@{host}"), |next| {
                !next.is_ascii_alphanumeric()
            });
            let in_links = occurrences(&lower, &format!("://{host}"), |next| {
                !next.is_ascii_alphanumeric()
            });
            let found = find(&domains, |row| row[0] == json!(host));
            assert_eq!(
                (&found[3], &found[4]),
                (&json!(in_mails), &json!(in_links)),
                "{host}"
            );
        }
    }

    /// The texts of an input, each on lines of its own.
    fn texts(path: &str) -> String {
        let text = fs::read_to_string(path).unwrap();
        match Path::new(path).extension().and_then(|e| e.to_str()) {
            Some("jsonl") => text
                .lines()
                .map(|line| {
                    serde_json::from_str::<Value>(line).unwrap()["text"]
                        .as_str()
                        .unwrap()
                        .to_string()
                        + "\n"
                })
                .collect(),
            Some("csv") => csv::Reader::from_reader(text.as_bytes())
                .records()
                .map(|record| record.unwrap()[4].to_string() + "\n")
                .collect(),
            _ => text,
        }
    }

    fn occurrences(text: &str, part: &str, may_follow: impl Fn(char) -> bool) -> usize {
        let ends = text.match_indices(part).map(|(at, _)| at + part.len());
        ends.filter(|&end| text[end..].chars().next().is_none_or(&may_follow))
            .count()
    }

    fn find(rows: &Value, wanted: impl Fn(&Value) -> bool) -> &Value {
        rows.as_array()
            .unwrap()
            .iter()
            .find(|row| wanted(row))
            .expect("the entity is in the report")
    }
}
