//! EXPLAIN says what is built, and EXPLAIN ANALYZE what each recognizer had to do, whoever asked it.

use datafusion::common::ParamValues;

use super::{open, rows, set};

#[tokio::test]
async fn candidates_and_spans_are_told_by_recognizer() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path(), 1).await;
    let none = || ParamValues::Map(Default::default());
    for (query, on, time) in [
        (
            "SELECT entity_values(text, 'EMAIL,HASHTAG') AS v FROM documents",
            true,
            "elapsed_compute=",
        ),
        (
            "SELECT value FROM entities WHERE label IN ('EMAIL', 'HASHTAG')",
            true,
            "elapsed_compute=",
        ),
        (
            "SELECT extract_entities(text, 'EMAIL,HASHTAG') AS v FROM documents",
            false,
            "scan_time=",
        ),
        (
            "SELECT redact(text, 'EMAIL,HASHTAG') AS v FROM documents",
            false,
            "scan_time=",
        ),
    ] {
        set(&session, on).await;
        let plan = rows(&session, &format!("EXPLAIN ANALYZE {query}"), none()).await;
        let plan = plan.unwrap().join("\n");
        let scan = plan.lines().find(|line| line.contains("texts_scanned="));
        let scan = scan.unwrap();
        let number = |what: &str| -> usize {
            let (_, rest) = scan
                .split_once(what)
                .unwrap_or_else(|| panic!("{what}: {scan}"));
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
            digits.unwrap().parse().unwrap()
        };
        // Two addresses in every second document, two hashtags in every fifth.
        assert_eq!(
            (number("email.spans="), number("hashtag.spans=")),
            (40, 16),
            "{scan}"
        );
        assert!(
            number("email.candidates=") >= 40 && number("hashtag.candidates=") >= 16,
            "{scan}"
        );
        assert!(!scan.contains("url."), "nobody asked: {scan}");
        assert!(scan.contains(time), "{scan}");
    }
}

#[tokio::test]
async fn fields_that_are_not_read_are_not_built() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path(), 1).await;
    let none = || ParamValues::Map(Default::default());
    for (query, built) in [
        (
            "SELECT extract_entities(text)[1]['value'] AS v, extract_entities(text)[1]['label'] AS l FROM documents",
            Some("[label, value]"),
        ),
        (
            "SELECT e['entity'] AS x FROM (SELECT unnest(extract_entities(text, 'EMAIL')) AS e FROM documents) WHERE e['score'] > 0.5",
            Some("[entity, score]"),
        ),
        (
            "SELECT doc_id FROM documents WHERE array_length(extract_entities(text, 'EMAIL')) > 1",
            Some("[]"),
        ),
        (
            "WITH d AS (SELECT doc_id, ner(text, 'mock') AS n FROM documents) SELECT a.n[1]['span_start'] AS s, b.n[2]['value'] AS v FROM d AS a JOIN d AS b ON a.doc_id = b.doc_id",
            Some("[value, span_start]"),
        ),
        (
            "SELECT l, l[1]['value'] AS v FROM (SELECT extract_entities(text, 'EMAIL') AS l FROM documents)",
            None,
        ),
        (
            "SELECT e['value'] AS v, e FROM (SELECT unnest(extract_entities(text, 'EMAIL')) AS e FROM documents)",
            None,
        ),
        (
            "SELECT DISTINCT l[1]['value'] AS v FROM (SELECT DISTINCT extract_entities(text, 'EMAIL') AS l FROM documents)",
            None,
        ),
    ] {
        let mut answers = Vec::new();
        for on in [false, true] {
            set(&session, on).await;
            let mut answer = rows(&session, query, none()).await.unwrap();
            answer.sort_unstable();
            answers.push(answer);
        }
        assert!(
            answers[0] == answers[1] && !answers[0].is_empty(),
            "{query}"
        );
        let plan = rows(&session, &format!("EXPLAIN {query}"), none()).await;
        let plan = plan.unwrap().join("\n");
        match built {
            Some(built) => assert!(plan.contains(&format!("builds={built}")), "{query}\n{plan}"),
            None => assert!(!plan.contains("builds="), "{query}\n{plan}"),
        }
    }
}

#[tokio::test]
async fn labels_that_no_branch_of_a_condition_wants_are_not_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path(), 1).await;
    let none = || ParamValues::Map(Default::default());
    for (condition, labels) in [
        (
            "(label = 'EMAIL' AND value LIKE 'u%') OR (label = 'URL' AND value LIKE '%1')",
            "[EMAIL, URL]",
        ),
        (
            "label IN ('EMAIL', 'URL') AND value > 'a' OR label = 'CVE' AND span_start > 9",
            "[CVE, EMAIL, URL]",
        ),
        // The second branch has whatever label.
        (
            "label = 'EMAIL' AND value LIKE 'u%' OR value LIKE '%1'",
            "[CN_ID, CN_USCC, CREDIT_CARD",
        ),
    ] {
        for on in [false, true] {
            set(&session, on).await;
            let explain = format!("EXPLAIN SELECT value FROM entities WHERE {condition}");
            let plan = rows(&session, &explain, none()).await.unwrap().join("\n");
            let expected = format!("labels={labels}");
            assert!(plan.contains(&expected), "{condition}: {plan}");
        }
    }
}
