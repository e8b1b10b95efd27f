//! What the nodes above a scan say while they run leaves no entity out that they want.

use datafusion::common::ParamValues;
use spanql::ingest::{IngestOptions, ingest};
use spanql::{Session, SessionOptions};

use super::shapes::scanned;
use super::{open, rows, set};

const NONE: fn() -> ParamValues = || ParamValues::Map(Default::default());

/// Over documents that all come after `m`, of which the later half has addresses before it.
const NAMESAKES: &[&str] = &[
    "SELECT e.value, d.value FROM entities e JOIN documents d USING (doc_id) \
        WHERE e.label = 'EMAIL' ORDER BY e.value LIMIT 3",
    "SELECT o.source, e.source, e.value FROM \
        (SELECT arrow_cast(substr(email, 1, 1), 'Utf8View') AS source, email FROM documents) AS o \
        JOIN entities e ON e.value = o.email ORDER BY o.source, e.value LIMIT 3",
];

const QUERIES: &[&str] = &[
    // An error for documents that have no entity.
    "SELECT value, doc_id FROM entities WHERE label = 'EMAIL' \
        ORDER BY CAST(replace(source, 'even', '1') AS INT), doc_id, span_start LIMIT 3",
    // A plan that runs again.
    "WITH RECURSIVE r(ts, source) AS (\
        SELECT min(ts), min(source) FROM entities WHERE label = 'EMAIL' \
        UNION ALL \
        SELECT min(e.ts), min(e.source) FROM r JOIN entities e ON e.source = r.source AND e.ts > r.ts \
        WHERE e.label = 'EMAIL' HAVING min(e.ts) IS NOT NULL) \
        SELECT ts, source FROM r",
];

async fn nothing_is_left_out(session: &Session, query: &str) {
    set(session, false).await;
    let settings = "SET datafusion.optimizer.enable_dynamic_filter_pushdown";
    rows(session, &format!("{settings} = false"), NONE())
        .await
        .unwrap();
    let mut expected = rows(session, query, NONE()).await.unwrap();
    // The sides of a UNION come as they come.
    expected.sort_unstable();
    assert!(expected.len() > 1, "{query}: {expected:?}");
    rows(session, &format!("{settings} = true"), NONE())
        .await
        .unwrap();
    for on in [false, true] {
        set(session, on).await;
        let mut actual = rows(session, query, NONE()).await.unwrap();
        actual.sort_unstable();
        assert_eq!(actual, expected, "{on}: {query}");
    }
}

#[tokio::test]
async fn dynamic_filters_leave_nothing_out() {
    let dir = tempfile::tempdir().unwrap();
    for threads in [1, 2] {
        let session = open(dir.path(), threads).await;
        for query in QUERIES {
            nothing_is_left_out(&session, query).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_meets_no_other_column_of_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let (posts, store) = (dir.path().join("posts.jsonl"), dir.path().join("store"));
    let lines = (0..200).map(|n| {
        let email = format!("{}{n}@example.com", if n < 100 { 'm' } else { 'a' });
        format!("{{\"text\": \"to {email}\", \"email\": \"{email}\", \"value\": \"zzz\"}}\n")
    });
    std::fs::write(&posts, lines.collect::<String>()).unwrap();
    let paths = [posts.to_str().unwrap().to_string()];
    ingest(&paths, &store, &IngestOptions::default(), &()).unwrap();
    let options = SessionOptions {
        store: Some(store),
        threads: Some(1),
        ..SessionOptions::default()
    };
    let session = Session::open(options).await.unwrap();
    for query in NAMESAKES {
        nothing_is_left_out(&session, query).await;
    }
}

/// Over documents in time order, in many row groups, of which few are needed: as the first ones by time, or by what stands
/// in other documents.
const SPARING: &[&str] = &[
    "SELECT doc_id FROM documents WHERE array_length(entity_values(text, 'EMAIL')) > 0 ORDER BY ts LIMIT 20",
    "SELECT doc_id, entity_values(text, 'EMAIL') AS v FROM documents \
        WHERE array_length(entity_values(text, 'EMAIL')) > 0 ORDER BY ts LIMIT 20",
    "SELECT d.doc_id FROM documents d JOIN (VALUES (30), (36)) AS s(id) ON d.id = s.id \
        WHERE array_length(entity_values(d.text, 'EMAIL')) > 0",
    "SELECT ts, doc_id, value FROM entities WHERE label = 'EMAIL' \
        UNION ALL SELECT ts, doc_id, value FROM entities WHERE label = 'URL' ORDER BY ts, doc_id, value LIMIT 7",
    "(SELECT ts, value FROM entities WHERE label = 'EMAIL' ORDER BY ts LIMIT 7) \
        UNION ALL (SELECT ts, value FROM entities WHERE label = 'URL' ORDER BY ts LIMIT 7)",
    "SELECT doc_id FROM documents d WHERE id BETWEEN 30 AND 36 \
        AND EXISTS (SELECT 1 FROM entities e WHERE e.doc_id = d.doc_id AND e.label = 'EMAIL') \
        AND EXISTS (SELECT 1 FROM entities e WHERE e.doc_id = d.doc_id AND e.label = 'URL')",
];

#[tokio::test]
async fn documents_that_are_not_needed_are_spared_by_one_scan_too() {
    let dir = tempfile::tempdir().unwrap();
    let (posts, store) = (dir.path().join("posts.jsonl"), dir.path().join("store"));
    let lines = (0..900).map(|n| {
        let text = format!("to user{n}@example.com, see https://example.com/{n}");
        format!(
            "{{\"text\": \"{text}\", \"id\": {n}, \"ts\": {}}}\n",
            1_700_000_000 + n
        )
    });
    std::fs::write(&posts, lines.collect::<String>()).unwrap();
    let paths = [posts.to_str().unwrap().to_string()];
    let options = IngestOptions {
        row_group_bytes: 4_000,
        ..IngestOptions::default()
    };
    ingest(&paths, &store, &options, &()).unwrap();
    let options = SessionOptions {
        store: Some(store),
        threads: Some(1),
        ..SessionOptions::default()
    };
    let session = Session::open(options).await.unwrap();
    let batches = "SET datafusion.execution.batch_size = 16";
    rows(&session, batches, NONE()).await.unwrap();
    for query in SPARING {
        let mut scans = Vec::new();
        for on in [false, true] {
            set(&session, on).await;
            scans.push(scanned(&session, query).await);
        }
        // By a batch more or less, as it comes.
        assert!(
            scans[1] <= scans[0] + 16 && scans[1] < 100,
            "{scans:?}: {query}"
        );
        nothing_is_left_out(&session, query).await;
    }
    // One scan for both as long as neither side says which documents it needs.
    for by in ["value", "span_start, value"] {
        let query = format!(
            "SELECT value, span_start FROM entities WHERE label = 'EMAIL' \
             UNION ALL SELECT value, span_start FROM entities WHERE label = 'URL' ORDER BY {by} LIMIT 5"
        );
        set(&session, true).await;
        assert_eq!(scanned(&session, &query).await, 900, "{query}");
        nothing_is_left_out(&session, &query).await;
    }
}
