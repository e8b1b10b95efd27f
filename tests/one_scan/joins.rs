//! Entities that are joined with their own documents: one scan, no join, no text read twice, and the same answers.

use datafusion::common::ParamValues;

use super::{open, rows, set};

/// Joins, each with how often it reads the store and how many joins are left.
const JOINS: &[(&str, usize, usize)] = &[
    (
        "SELECT e.value, d.text FROM entities AS e JOIN documents AS d USING (doc_id) WHERE e.label = 'EMAIL'",
        1,
        0,
    ),
    // What is named as something of an entity's, what is computed, and a condition on each side and on both.
    (
        "SELECT e.label, d.label, upper(d.topic) AS u, d.doc_id, e.source FROM documents AS d JOIN entities AS e ON d.doc_id = e.doc_id AND e.source = d.source WHERE e.value LIKE 'user%' AND d.topic <> 'topic2' AND e.span_start > length(d.topic)",
        1,
        0,
    ),
    (
        "SELECT e.value, d.u FROM entities AS e JOIN (SELECT doc_id, entity_values(text, 'URL') AS u FROM documents WHERE array_length(entity_values(text, 'URL')) > 0) AS d ON e.doc_id = d.doc_id WHERE e.label = 'EMAIL'",
        1,
        0,
    ),
    (
        "SELECT d.topic, count(*) FROM entities AS e JOIN documents AS d USING (doc_id) WHERE e.label IN ('EMAIL', 'URL') GROUP BY d.topic ORDER BY 1",
        1,
        0,
    ),
    // Other rows than those of a document's own entities.
    (
        "SELECT e.value, d.topic FROM entities AS e JOIN documents AS d ON e.source = d.source WHERE e.label = 'HASHTAG' AND d.topic = 'topic1'",
        2,
        1,
    ),
    (
        "SELECT d.doc_id, e.value FROM documents AS d LEFT JOIN (SELECT * FROM entities WHERE label = 'URL') AS e USING (doc_id)",
        2,
        1,
    ),
    (
        "SELECT e.value, d.topic FROM entities AS e JOIN (SELECT * FROM documents ORDER BY ts LIMIT 9) AS d USING (doc_id) WHERE e.label = 'EMAIL'",
        2,
        1,
    ),
];

#[tokio::test]
async fn entities_with_their_documents_are_one_scan() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path(), 1).await;
    let none = || ParamValues::Map(Default::default());
    for (query, reads, joins) in JOINS {
        let mut answers = Vec::new();
        for on in [false, true] {
            set(&session, on).await;
            let mut answer = rows(&session, query, none()).await.unwrap();
            answer.sort_unstable();
            answers.push(answer);
        }
        assert!(!answers[0].is_empty(), "{query}");
        assert_eq!(answers[0], answers[1], "{query}");
        let plan = rows(&session, &format!("EXPLAIN {query}"), none()).await;
        let plan = plan.unwrap().join("\n");
        let count = |what: &str| plan.matches(what).count();
        assert_eq!(
            (count("DataSourceExec"), count("JoinExec")),
            (*reads, *joins),
            "{query}\n{plan}"
        );
    }
}
