//! What the nodes above a scan say while they run leaves no entity out that they want.

use datafusion::common::ParamValues;

use super::{open, rows, set};

const QUERIES: &[&str] = &[
    // Columns of one name, of which each sorts.
    "SELECT e.source, o.source, e.value FROM (VALUES ('a', 'user0@example.com'), ('z', 'user4@example.com')) \
        AS o(source, email) JOIN entities e ON e.value = o.email AND e.label = 'EMAIL' \
        ORDER BY o.source DESC, e.doc_id LIMIT 3",
    "SELECT o.source, e.source, e.value FROM (VALUES ('a', 'user0@example.com'), ('z', 'user4@example.com')) \
        AS o(source, email) JOIN entities e ON e.value = o.email AND e.label = 'EMAIL' \
        ORDER BY o.source, e.doc_id LIMIT 3",
    "SELECT e.label, d.label, e.doc_id FROM entities e JOIN documents d USING (doc_id) \
        WHERE e.label IN ('EMAIL', 'URL') ORDER BY e.label DESC, e.doc_id, e.span_start LIMIT 5",
    "SELECT e.label, d.label, e.doc_id FROM entities e JOIN documents d USING (doc_id) \
        WHERE e.label IN ('EMAIL', 'URL') ORDER BY d.label DESC, e.doc_id, e.span_start LIMIT 5",
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

#[tokio::test]
async fn dynamic_filters_leave_nothing_out() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path(), 1).await;
    let none = || ParamValues::Map(Default::default());
    let one_by_one = "SET datafusion.execution.batch_size = 1";
    rows(&session, one_by_one, none()).await.unwrap();
    for query in QUERIES {
        set(&session, false).await;
        let expected = rows(&session, query, none()).await.unwrap();
        assert!(expected.len() > 2, "{query}: {expected:?}");
        set(&session, true).await;
        let actual = rows(&session, query, none()).await.unwrap();
        assert_eq!(actual, expected, "{query}");
    }
}
