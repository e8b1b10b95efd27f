//! The table: a query as an analyst writes it, and how many texts it scans of a store of 40.

use datafusion::common::{ParamValues, ScalarValue};

use super::{open, rows, set};

/// What a query is, how it is written, and how many texts it scans as DataFusion plans it, and with the rule.
type Shape = (&'static str, &'static str, usize, usize);

const SHAPES: &[Shape] = &[
    (
        "two struct fields",
        "SELECT extract_entities(text)[1]['value'] AS v, extract_entities(text)[1]['label'] AS l FROM documents",
        80,
        40,
    ),
    (
        "list twice",
        "SELECT entity_values(text, 'EMAIL') AS a, array_length(entity_values(text, 'EMAIL')) AS n FROM documents",
        40,
        40,
    ),
    (
        "WHERE and SELECT, the same call",
        "SELECT doc_id, entity_values(text, 'EMAIL') AS v FROM documents WHERE array_length(entity_values(text, 'EMAIL')) > 1",
        60,
        40,
    ),
    (
        "WHERE and SELECT, different labels",
        "SELECT doc_id, entity_values(text, 'URL') AS v FROM documents WHERE array_length(entity_values(text, 'EMAIL')) > 1",
        60,
        60,
    ),
    (
        "WHERE and SELECT, a label among those of the condition",
        "SELECT doc_id, entity_values(text, 'EMAIL') AS v FROM documents WHERE array_length(extract_entities(text, 'EMAIL,URL')) > 2",
        47,
        40,
    ),
    (
        "WHERE and SELECT, the condition's label and another",
        "SELECT doc_id, entity_values(text, 'URL') AS u, entity_values(text, 'EMAIL') AS v FROM documents WHERE array_length(entity_values(text, 'EMAIL')) > 1",
        80,
        60,
    ),
    (
        "WHERE of two labels",
        "SELECT doc_id FROM documents WHERE array_length(entity_values(text, 'EMAIL')) > 1 AND array_length(entity_values(text, 'URL')) > 0",
        80,
        60,
    ),
    (
        "WHERE and SELECT, all labels",
        "SELECT doc_id, redact(text) AS r FROM documents WHERE array_length(entity_values(text, 'URL')) > 0",
        54,
        54,
    ),
    (
        "WHERE and SELECT, a model",
        "SELECT doc_id, array_length(ner(text, 'mock')) AS n FROM documents WHERE array_length(entity_values(text, 'URL')) > 0",
        54,
        54,
    ),
    (
        "WHERE and SELECT, the same model",
        "SELECT doc_id, array_length(ner(text, 'mock')) AS n FROM documents WHERE array_length(ner(text, 'mock')) > 0",
        79,
        40,
    ),
    (
        "filter over a subquery",
        "SELECT doc_id, v FROM (SELECT doc_id, entity_values(text, 'EMAIL') AS v FROM documents) AS d WHERE array_length(v) > 1",
        60,
        40,
    ),
    (
        "filter over a CTE",
        "WITH d AS (SELECT doc_id, entity_values(text, 'EMAIL') AS v FROM documents) SELECT doc_id, v FROM d WHERE array_length(v) > 1",
        60,
        40,
    ),
    (
        "CTE twice",
        "WITH d AS (SELECT doc_id, entity_values(text, 'EMAIL') AS v FROM documents) SELECT a.doc_id, a.v FROM d AS a JOIN d AS b ON a.doc_id = b.doc_id WHERE array_length(b.v) > 1",
        80,
        40,
    ),
    (
        "CTE of entities twice",
        "WITH e AS (SELECT doc_id, value FROM entities WHERE label = 'EMAIL') SELECT value, count(*) AS n FROM e GROUP BY value UNION ALL SELECT 'all', count(*) FROM e",
        80,
        40,
    ),
    (
        "UNION ALL of two labels, functions",
        "SELECT doc_id, entity_values(text, 'EMAIL') AS v FROM documents UNION ALL SELECT doc_id, entity_values(text, 'URL') FROM documents",
        80,
        40,
    ),
    (
        "UNION ALL of two labels, entities",
        "SELECT doc_id, value FROM entities WHERE label = 'EMAIL' UNION ALL SELECT doc_id, value FROM entities WHERE label = 'URL'",
        80,
        40,
    ),
    (
        "window functions over calls",
        "SELECT doc_id, rank() OVER (ORDER BY array_length(entity_values(text, 'EMAIL')) DESC, doc_id) AS r, entity_values(text, 'EMAIL') AS v FROM documents",
        121,
        40,
    ),
    (
        "OR of labels, each with its condition",
        "SELECT value FROM entities WHERE (label = 'EMAIL' AND value LIKE 'u%') OR (label = 'URL' AND value LIKE '%1')",
        40,
        40,
    ),
    (
        "CASE gate",
        "SELECT doc_id, CASE WHEN source = 'even' THEN entity_values(text, 'EMAIL') END AS v FROM documents",
        20,
        20,
    ),
    (
        "cheap AND dear",
        "SELECT doc_id FROM documents WHERE source = 'even' AND array_length(entity_values(text, 'URL')) > 0",
        40,
        20,
    ),
    (
        "dear AND cheap",
        "SELECT doc_id FROM documents WHERE array_length(entity_values(text, 'URL')) > 0 AND source = 'even'",
        40,
        20,
    ),
    (
        "IN list of labels",
        "SELECT label, value FROM entities WHERE label IN ('EMAIL', 'URL')",
        40,
        40,
    ),
    (
        "OR of labels",
        "SELECT label, value FROM entities WHERE label = 'EMAIL' OR label = 'URL'",
        40,
        40,
    ),
    (
        "GROUP BY value, HAVING",
        "SELECT value, count(*) AS n FROM entities WHERE label = 'EMAIL' GROUP BY value HAVING count(*) > 3",
        40,
        40,
    ),
    (
        "GROUP BY a call",
        "SELECT array_length(entity_values(text, 'EMAIL')) AS n, count(*) AS c FROM documents WHERE array_length(entity_values(text, 'URL')) > 0 GROUP BY 1",
        54,
        54,
    ),
    (
        "unnest and GROUP BY, HAVING",
        "SELECT v, count(*) AS n FROM (SELECT unnest(entity_values(text, 'EMAIL')) AS v FROM documents) GROUP BY v HAVING count(*) > 3",
        40,
        40,
    ),
    (
        "ORDER BY and LIMIT, documents",
        "SELECT doc_id, entity_values(text, 'EMAIL') AS v FROM documents ORDER BY ts LIMIT 5",
        40,
        5,
    ),
    (
        "ORDER BY and LIMIT, entities",
        "SELECT doc_id, value FROM entities WHERE label = 'EMAIL' ORDER BY ts, span_start LIMIT 3",
        9,
        9,
    ),
    (
        "ORDER BY what is of entities, and LIMIT",
        "SELECT doc_id, value FROM entities WHERE label = 'EMAIL' ORDER BY span_start DESC, doc_id LIMIT 3",
        40,
        40,
    ),
    (
        "the latest entities",
        "SELECT doc_id, value FROM entities WHERE label = 'EMAIL' ORDER BY ts DESC, span_start LIMIT 3",
        14,
        14,
    ),
    (
        "LIMIT, entities",
        "SELECT doc_id, value FROM entities WHERE label = 'EMAIL' LIMIT 3",
        3,
        3,
    ),
    (
        "LIMIT, entities that are as wanted",
        "SELECT doc_id, value FROM entities WHERE label = 'EMAIL' AND value LIKE 'user%' LIMIT 2",
        8,
        8,
    ),
    (
        "LIMIT",
        "SELECT entity_values(text, 'EMAIL') AS v FROM documents LIMIT 7",
        7,
        7,
    ),
    (
        "count(*) over a subquery",
        "SELECT count(*) AS n FROM (SELECT doc_id, entity_values(text, 'EMAIL') AS v FROM documents) AS d",
        0,
        0,
    ),
    (
        "DISTINCT",
        "SELECT DISTINCT value FROM entities WHERE label = 'EMAIL'",
        40,
        40,
    ),
    (
        "window function over one of two readers",
        "WITH e AS (SELECT doc_id, value, span_start FROM entities WHERE label = 'EMAIL') SELECT value, 0 AS r FROM e UNION ALL SELECT value, row_number() OVER (ORDER BY value, doc_id, span_start) FROM e",
        80,
        40,
    ),
    (
        "window function over entities",
        "SELECT doc_id, value, row_number() OVER (PARTITION BY value ORDER BY doc_id, span_start) AS r FROM entities WHERE label = 'EMAIL'",
        40,
        40,
    ),
    (
        "entities JOIN documents",
        "SELECT e.value, d.topic FROM entities AS e JOIN documents AS d USING (doc_id) WHERE e.label = 'EMAIL'",
        40,
        40,
    ),
    (
        "entities JOIN documents, with the text",
        "SELECT e.value, d.text FROM entities AS e JOIN documents AS d USING (doc_id) WHERE e.label = 'EMAIL' AND d.topic = 'topic2'",
        40,
        10,
    ),
    (
        "self-join of entities",
        "SELECT a.value, b.value AS other FROM entities AS a JOIN entities AS b ON a.doc_id = b.doc_id AND a.span_start < b.span_start WHERE a.label = 'EMAIL' AND b.label = 'EMAIL'",
        80,
        40,
    ),
    (
        "EXISTS on entities",
        "SELECT d.doc_id FROM documents AS d WHERE EXISTS (SELECT 1 FROM entities AS e WHERE e.doc_id = d.doc_id AND e.label = 'URL')",
        40,
        40,
    ),
    (
        "IN on entities",
        "SELECT doc_id, topic FROM documents WHERE doc_id IN (SELECT doc_id FROM entities WHERE label = 'URL')",
        40,
        40,
    ),
    (
        "entities twice with different labels",
        "SELECT a.doc_id, a.value, b.value AS url FROM entities AS a JOIN entities AS b USING (doc_id) WHERE a.label = 'EMAIL' AND b.label = 'URL'",
        80,
        40,
    ),
    (
        "a view on entities",
        "SELECT value, count(*) AS n FROM mails WHERE source = 'even' GROUP BY value",
        20,
        20,
    ),
    (
        "prepared, with a bound label",
        "SELECT doc_id, value FROM entities WHERE label = $label",
        40,
        40,
    ),
    (
        "prepared, a call with a bound label",
        "SELECT doc_id, entity_values(text, $label) AS v FROM documents WHERE array_length(entity_values(text, $label)) > 1",
        60,
        40,
    ),
    (
        "ner and extract_entities",
        "SELECT doc_id, array_length(ner(text, 'mock')) AS n, array_length(extract_entities(text, 'EMAIL')) AS m FROM documents",
        80,
        40,
    ),
    (
        "redact and its entities",
        "SELECT doc_id, redact(text, 'EMAIL,URL') AS r, entity_values(text, 'HASHTAG') AS h FROM documents",
        80,
        40,
    ),
];

fn label() -> ParamValues {
    let label = ("label".to_string(), ScalarValue::from("EMAIL").into());
    ParamValues::Map([label].into())
}

/// Texts scanned, as the metrics of EXPLAIN ANALYZE say.
pub(super) async fn scanned(session: &spanql::Session, query: &str) -> usize {
    let plan = rows(session, &format!("EXPLAIN ANALYZE {query}"), label()).await;
    let plan = plan.unwrap().join("\n");
    let counts = plan.split("texts_scanned=").skip(1).map(|rest| {
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
        digits.unwrap().parse::<usize>().unwrap()
    });
    counts.sum()
}

async fn view(session: &spanql::Session) {
    let create =
        "CREATE VIEW mails AS SELECT doc_id, source, value FROM entities WHERE label = 'EMAIL'";
    rows(session, create, label()).await.unwrap();
}

#[tokio::test]
async fn texts_scanned_by_shape() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path(), 1).await;
    view(&session).await;
    let mut wrong = String::new();
    for (shape, query, off, on) in SHAPES {
        let mut answers = Vec::new();
        for (is_on, expected) in [(false, *off), (true, *on)] {
            set(&session, is_on).await;
            let texts = scanned(&session, query).await;
            if texts != expected {
                let plan = format!("EXPLAIN {query}");
                let plan = rows(&session, &plan, label()).await.unwrap().join("\n");
                wrong +=
                    &format!("{shape}, {is_on}: {texts} texts scanned, not {expected}\n{plan}\n");
            }
            let mut rows = rows(&session, query, label()).await.unwrap();
            rows.sort_unstable();
            answers.push(rows);
        }
        assert!(!answers[0].is_empty(), "{shape}");
        if answers[0] != answers[1] {
            wrong += &format!(
                "{shape}: {:?}\nand with one scan {:?}\n",
                answers[0], answers[1]
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
