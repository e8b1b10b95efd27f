//! Answers do not depend on how the work is cut up: threads, batches, files, and parameters instead of literals.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::{ParamValues, ScalarValue};
use futures::TryStreamExt;
use spanql::ingest::{Codec, IngestOptions, ingest};
use spanql::{Result, Session, SessionOptions};

/// Documents of all lengths, many of them without an entity, one with thousands, in three files of several row groups.
fn write_store(dir: &Path) {
    let config = "[[recognizer]]\nlabel = 'WORD'\ngazetteer = 'words.csv'\nignore_case = true\n";
    std::fs::write(dir.join("spanql.toml"), config).unwrap();
    std::fs::write(
        dir.join("words.csv"),
        "邮箱,mailbox\nnothing 邮箱\n#rust\n人工\n",
    )
    .unwrap();
    let words = [
        "nothing",
        "Ann.Person@Example.com",
        "#Rust",
        "邮箱",
        "https://example.org/a?b=1",
        "13812345678",
        "2026-11-22",
        "an.address.of.some.length@mail.example.net",
        "😀",
        "#人工智能#",
        "x@",
        "...",
    ];
    let mut state = 1u64;
    let mut next = move |below: usize| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    for file in 0..3 {
        let mut lines = String::new();
        for number in 0..120 {
            let count = if (file, number) == (1, 50) {
                4_000
            } else {
                next(14)
            };
            let text: Vec<&str> = (0..count).map(|_| words[next(words.len())]).collect();
            let day = next(9) + 1;
            let line = serde_json::json!({"text": text.join(" "), "ts": format!("2026-11-0{day}"), "n": number});
            lines += &format!("{line}\n");
        }
        let input = dir.join(format!("{file}.jsonl"));
        std::fs::write(&input, lines).unwrap();
        let options = IngestOptions {
            row_group_bytes: 4 << 10,
            codec: Codec::None,
            ..IngestOptions::default()
        };
        let summary = ingest(
            &[input.display().to_string()],
            &dir.join("store"),
            &options,
            &(),
        )
        .unwrap();
        assert_eq!((summary.documents, summary.quarantined), (120, 0));
    }
}

async fn open(dir: &Path, threads: usize, batch_size: usize) -> Session {
    let options = SessionOptions {
        store: Some(dir.join("store")),
        config: Some(dir.join("spanql.toml")),
        threads: Some(threads),
        ..SessionOptions::default()
    };
    let session = Session::open(options).await.unwrap();
    // Small files are read in pieces, too, as large ones are.
    for set in [
        format!("SET datafusion.execution.batch_size = {batch_size}"),
        "SET datafusion.optimizer.repartition_file_min_size = 0".to_string(),
    ] {
        rows(&session, &set, ParamValues::Map(Default::default()))
            .await
            .unwrap();
    }
    session
}

/// All rows as text, sorted.
async fn rows(session: &Session, query: &str, params: ParamValues) -> Result<Vec<String>> {
    let batches: Vec<_> = session
        .sql(query, params)
        .await?
        .stream()
        .await?
        .try_collect()
        .await?;
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in &batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|c| ArrayFormatter::try_new(c, &options).unwrap())
            .collect();
        rows.extend((0..batch.num_rows()).map(|row| {
            columns
                .iter()
                .map(|c| c.value(row).to_string())
                .collect::<Vec<_>>()
                .join("|")
        }));
    }
    rows.sort();
    Ok(rows)
}

const QUERIES: &[&str] = &[
    "SELECT * FROM entities",
    "SELECT count(*) FROM entities",
    "SELECT doc_id, span_start, value FROM entities WHERE label = 'EMAIL' AND ts > TIMESTAMP '2026-11-04'",
    "SELECT label, value, count(*), min(ts), max(doc_id) FROM entities GROUP BY 1, 2",
    "SELECT doc_id, entity_values(text, 'EMAIL'), extract_entities(text, 'PHONE,URL') FROM documents",
    "SELECT doc_id, redact(text), redact(text, 'EMAIL,PHONE', 'mask') FROM documents",
    "SELECT redact(text, 'URL') AS r, count(*), max(length(redact(text))) FROM documents GROUP BY r ORDER BY 3 DESC, 1 LIMIT 40",
    "SELECT label, score, count(*) FROM entities GROUP BY 1, 2",
    "SELECT doc_id, regexp_extract_all(text, '#(\\S+)', 1) FROM documents WHERE n % 2 = 0",
    "SELECT doc_id, value FROM entities ORDER BY ts, doc_id, span_start, label LIMIT 500",
    "SELECT doc_id, value FROM entities WHERE label <> 'URL' ORDER BY doc_id DESC, span_start, label LIMIT 7 OFFSET 90",
    "SELECT value, row_number() OVER (PARTITION BY label ORDER BY doc_id, span_start) FROM entities",
    "SELECT doc_id, value, sum(span_end - span_start) OVER (PARTITION BY doc_id ORDER BY span_start, label ROWS 3 PRECEDING) FROM entities",
    "SELECT DISTINCT a.value, b.value FROM entities a JOIN entities b USING (doc_id) WHERE a.label = 'HASHTAG' AND b.label = 'PHONE'",
    "SELECT d.doc_id, e.value FROM documents d LEFT JOIN entities e ON d.doc_id = e.doc_id AND e.label = 'DATE' AND e.span_start < 20",
    "SELECT doc_id FROM documents d WHERE NOT EXISTS (SELECT 1 FROM entities e WHERE e.doc_id = d.doc_id AND e.label IN ('EMAIL', 'URL'))",
    "SELECT value FROM entities WHERE label = 'EMAIL' UNION ALL SELECT entity FROM entities WHERE label = 'HASHTAG'",
    "SELECT value FROM entities WHERE label = 'EMAIL' EXCEPT SELECT lower(entity) FROM entities WHERE label = 'EMAIL'",
    "WITH e AS (SELECT * FROM entities WHERE label = 'URL') SELECT x.doc_id, (SELECT count(*) FROM e) FROM e x",
    "SELECT count(*) FROM (SELECT 1 FROM entities LIMIT 1000)",
    "SELECT doc_id, u FROM (SELECT doc_id, unnest(entity_values(text, 'EMAIL')) AS u FROM documents) WHERE u LIKE 'an.%'",
    "SELECT list, count(*) FROM (SELECT entity_values(text, 'HASHTAG') AS list FROM documents) GROUP BY list",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_depend_on_neither_threads_nor_batches() {
    let dir = tempfile::tempdir().unwrap();
    write_store(dir.path());
    let none = || ParamValues::Map(Default::default());
    let plain = open(dir.path(), 1, 8192).await;
    let mut expected = Vec::new();
    for query in QUERIES {
        let answer = rows(&plain, query, none()).await.unwrap();
        assert!(!answer.is_empty() || query.contains("EXCEPT"), "{query}");
        expected.push(answer);
    }
    for (threads, batch_size) in [(1, 7), (2, 8192), (2, 64), (4, 7), (4, 1)] {
        let session = open(dir.path(), threads, batch_size).await;
        for (query, expected) in QUERIES.iter().zip(&expected) {
            let answer = rows(&session, query, none()).await.unwrap();
            assert!(
                answer == *expected,
                "{threads} threads, batches of {batch_size}: {} rows instead of {}: {query}",
                answer.len(),
                expected.len()
            );
        }
    }
}

#[tokio::test]
async fn parameters_narrow_as_literals_do() {
    let dir = tempfile::tempdir().unwrap();
    write_store(dir.path());
    let session = open(dir.path(), 2, 8192).await;
    let text = |value: &str| ScalarValue::from(value);
    let list = |values: Vec<ScalarValue>| ParamValues::from(values);
    for (query, params, literal) in [
        ("label = $1", list(vec![text("EMAIL")]), "label = 'EMAIL'"),
        (
            "label IN ($1, $2) AND span_start < $3",
            list(vec![text("URL"), text("DATE"), ScalarValue::from(30i64)]),
            "label IN ('URL', 'DATE') AND span_start < 30",
        ),
        (
            "label = $1 OR label = $2",
            list(vec![text("URL"), ScalarValue::Utf8(None)]),
            "label = 'URL'",
        ),
        (
            "label <> $1 AND doc_id > $2",
            list(vec![ScalarValue::Utf8View(Some("URL".into())), text("m")]),
            "label <> 'URL' AND doc_id > 'm'",
        ),
        (
            "label = $word",
            ParamValues::from(vec![("word".to_string(), text("PHONE"))]),
            "label = 'PHONE'",
        ),
    ] {
        let sql = |condition: &str| {
            format!("SELECT label, value, doc_id FROM entities WHERE {condition}")
        };
        let bound = rows(&session, &sql(query), params).await.unwrap();
        let written = rows(
            &session,
            &sql(literal),
            ParamValues::Map(Default::default()),
        )
        .await
        .unwrap();
        assert_eq!(bound, written, "{query}");
    }
    let unknown = rows(
        &session,
        "SELECT * FROM entities WHERE label = $1",
        list(vec![text("EMIAL")]),
    )
    .await
    .unwrap_err();
    assert!(
        unknown.to_string().contains("unknown label \"EMIAL\""),
        "{unknown}"
    );
    let unbound = rows(
        &session,
        "SELECT * FROM entities WHERE label = $1",
        ParamValues::Map(Default::default()),
    )
    .await
    .unwrap_err();
    assert!(unbound.to_string().contains("$1"), "{unbound}");
}
