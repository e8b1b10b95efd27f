//! What is grouped by document is grouped batch by batch, with the same answer.

use datafusion::common::ParamValues;

use super::{open, rows, set};

const NONE: fn() -> ParamValues = || ParamValues::Map(Default::default());

/// How many aggregates are done by document, and the query.
const QUERIES: &[(usize, &str)] = &[
    (
        1,
        "SELECT value, count(DISTINCT doc_id) FROM entities GROUP BY value",
    ),
    (
        1,
        "SELECT label, value, doc_id, count(*), min(span_start) FROM entities GROUP BY 1, 2, 3",
    ),
    (
        1,
        "SELECT doc_id FROM entities GROUP BY doc_id HAVING count(*) > 2",
    ),
    // Filters cut batches, expressions hide columns, and none of it takes documents apart.
    (
        1,
        "SELECT upper(value) AS big, count(DISTINCT d) FROM (\
            SELECT doc_id AS d, value FROM entities WHERE length(value) < 20) GROUP BY big",
    ),
    // One upon the other.
    (
        2,
        "SELECT doc_id, count(*) FROM (SELECT label, doc_id FROM entities GROUP BY 1, 2) GROUP BY doc_id",
    ),
    // Joined with its documents, which is one scan.
    (
        1,
        "SELECT topic, sum(n), count(*) FROM (\
            SELECT d.topic, e.doc_id, count(*) AS n FROM (\
                SELECT doc_id, value FROM entities WHERE label = 'EMAIL') AS e \
            JOIN documents d ON d.doc_id = e.doc_id AND d.topic <> 'topic1' GROUP BY 1, 2) GROUP BY topic",
    ),
    // Not by document; by something made of it; by sets; in an order; of what is no entity; after a join.
    (0, "SELECT value, count(*) FROM entities GROUP BY value"),
    (
        0,
        "SELECT concat(doc_id, value) AS both, count(*) FROM entities GROUP BY 1",
    ),
    (
        0,
        "SELECT doc_id, label, count(*) FROM entities GROUP BY GROUPING SETS ((doc_id), (label))",
    ),
    (
        0,
        "SELECT doc_id, array_agg(value ORDER BY value DESC) FROM entities GROUP BY doc_id",
    ),
    (0, "SELECT doc_id, count(*) FROM documents GROUP BY doc_id"),
    (
        0,
        "SELECT e.doc_id, count(*) FROM entities e JOIN entities o ON o.value = e.value GROUP BY e.doc_id",
    ),
    (
        0,
        "SELECT doc_id, count(*) FROM (SELECT * FROM entities ORDER BY value, span_start, doc_id LIMIT 9) \
            GROUP BY doc_id",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_of_documents_are_made_batch_by_batch() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path(), 2).await;
    for batch_size in [1, 3, 2048] {
        let size = format!("SET datafusion.execution.batch_size = {batch_size}");
        rows(&session, &size, NONE()).await.unwrap();
        for (by_document, query) in QUERIES {
            set(&session, false).await;
            let mut expected = rows(&session, query, NONE()).await.unwrap();
            set(&session, true).await;
            let plan = rows(&session, &format!("EXPLAIN {query}"), NONE())
                .await
                .unwrap();
            let plan = plan.join("\n");
            let found = plan.lines().find(|line| line.contains("ByDocumentExec"));
            let steps = found.map_or(0, |line| line.matches("mode=Single,").count());
            assert_eq!(steps, *by_document, "{query}\n{plan}");
            let mut actual = rows(&session, query, NONE()).await.unwrap();
            expected.sort();
            actual.sort();
            assert!(!expected.is_empty(), "{query}");
            assert_eq!(actual, expected, "{query}");
        }
    }
}
