//! Random queries: with one scan and without, the answers are equal.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Int64Array, LargeStringArray, RecordBatch, StringArray,
};
use arrow::datatypes::Int32Type;
use datafusion::common::ParamValues;
use datafusion::datasource::MemTable;

use super::{open, rows, set, text};

/// Queries of a run. Each comes from a number, so that one that fails can be run again; another `PROPTEST_RNG_SEED`, as for
/// the property tests, gives others.
const QUERIES: u64 = 150;

fn first_query() -> u64 {
    let seed = std::env::var("PROPTEST_RNG_SEED");
    let seed = seed.map_or(0, |seed| seed.parse::<u64>().unwrap());
    seed.wrapping_mul(QUERIES)
}

/// A table of the user's: texts of other types, NULLs among them, many more than once.
fn notes() -> MemTable {
    let words = (0..9).map(|n| (n != 4).then(|| text(n)));
    let words: StringArray = words.collect();
    let keys = (0..30).map(|n| (n % 7 != 3).then_some(n % 9));
    let body = DictionaryArray::<Int32Type>::try_new(keys.collect(), Arc::new(words)).unwrap();
    let title = (0..30).map(|n| (n % 5 != 1).then(|| text(n + 3)));
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new(Int64Array::from_iter_values(0..30)) as _),
        (
            "doc_id",
            Arc::new(
                (0..30)
                    .map(|n| Some(format!("mem#{}", n % 20)))
                    .collect::<StringArray>(),
            ),
        ),
        ("body", Arc::new(body)),
        ("title", Arc::new(title.collect::<LargeStringArray>())),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    MemTable::try_new(
        batch.schema(),
        vec![vec![batch.slice(0, 13)], vec![batch.slice(13, 17)]],
    )
    .unwrap()
}

struct Draw(u64);

impl Draw {
    fn below(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) % below
    }

    fn of<'a>(&mut self, some: &[&'a str]) -> &'a str {
        some[self.below(some.len() as u64) as usize]
    }

    fn labels(&mut self) -> &'static str {
        self.of(&["EMAIL", "URL", "HASHTAG", "EMAIL,URL", "PERSON", "PHONE"])
    }

    fn list(&mut self, text: &str) -> String {
        match self.below(4) {
            0 => format!("extract_entities({text}, '{}')", self.labels()),
            1 => format!("ner({text}, 'mock')"),
            2 => format!("extract_entities({text})"),
            _ => format!("entity_values({text}, '{}')", self.labels()),
        }
    }

    /// Something that a call gives.
    fn dear(&mut self, text: &str) -> String {
        match self.below(6) {
            0 => format!("redact({text}, '{}')", self.labels()),
            1 => format!("entity_values({text}, '{}')[1]", self.labels()),
            2 => {
                let field = self.of(&["value", "entity", "label"]);
                format!(
                    "extract_entities({text}, '{}')[1]['{field}']",
                    self.labels()
                )
            }
            3 => format!(
                "arrow_cast({}, 'Utf8')",
                format_args!("array_length({})", self.list(text))
            ),
            4 => {
                let (gate, then) = (self.cheap(text), self.dear(text));
                format!("CASE WHEN {gate} THEN {then} ELSE 'none' END")
            }
            _ => format!(
                "coalesce(entity_values({text}, '{}')[1], redact({text}, 'URL'))",
                self.labels()
            ),
        }
    }

    fn cheap(&mut self, text: &str) -> String {
        match self.below(3) {
            0 => format!("length({text}) > {}", self.below(90)),
            1 => format!(
                "{text} LIKE '%{}%'",
                self.of(&["user", "1", "Rust", "path"])
            ),
            _ => format!("{text} IS {}NULL", self.of(&["", "NOT "])),
        }
    }

    fn condition(&mut self, text: &str, depth: u64) -> String {
        match self.below(if depth == 0 { 3 } else { 6 }) {
            0 => self.cheap(text),
            1 => format!("array_length({}) > {}", self.list(text), self.below(3)),
            2 => format!("{} IS NOT NULL", self.dear(text)),
            3 => format!("NOT ({})", self.condition(text, depth - 1)),
            4 => {
                let (a, b) = (
                    self.condition(text, depth - 1),
                    self.condition(text, depth - 1),
                );
                format!("({a} OR {b})")
            }
            _ => {
                let (a, b) = (
                    self.condition(text, depth - 1),
                    self.condition(text, depth - 1),
                );
                format!("{a} AND {b}")
            }
        }
    }

    /// A table with a key, and its column of texts.
    fn table(&mut self) -> (&'static str, &'static str) {
        match self.below(4) {
            0 => ("notes", "body"),
            1 => ("notes", "title"),
            _ => ("documents", "text"),
        }
    }

    /// A query of the columns k, v and w.
    fn query(&mut self, depth: u64) -> String {
        let (table, text) = self.table();
        let (v, w) = (self.dear(text), self.dear(text));
        let plain = format!("SELECT doc_id AS k, {v} AS v, {w} AS w FROM {table}");
        if depth == 0 {
            return match self.below(3) {
                0 => plain,
                1 => self.of_entities(),
                _ => format!("{plain} WHERE {}", self.condition(text, 2)),
            };
        }
        let (a, b) = (self.query(depth - 1), self.query(depth - 1));
        match self.below(13) {
            0 => format!("{a} UNION ALL {b}"),
            1 => {
                let join = self.of(&["JOIN", "LEFT JOIN", "FULL JOIN"]);
                format!("SELECT a.k, a.v, b.w FROM ({a}) AS a {join} ({b}) AS b ON a.k = b.k")
            }
            2 => format!(
                "WITH c AS ({a}) SELECT x.k, y.v, x.w FROM c AS x JOIN c AS y ON x.k = y.k AND x.v = y.v WHERE y.w <> 'mem#2'"
            ),
            3 => format!("SELECT min(k) AS k, v, count(*)::text AS w FROM ({a}) AS a GROUP BY v"),
            4 => format!(
                "SELECT k, v, w FROM ({a}) AS a WHERE k IN (SELECT k FROM ({b}) AS b WHERE b.v IS NOT NULL)"
            ),
            5 => format!(
                "SELECT k, v, w FROM ({a}) AS a WHERE NOT EXISTS (SELECT 1 FROM ({b}) AS b WHERE b.k = a.k AND b.w LIKE '%e%')"
            ),
            6 => format!(
                "SELECT * FROM (SELECT k, v, w FROM ({a}) AS a ORDER BY k, v, w LIMIT {}) AS a",
                1 + self.below(9)
            ),
            7 => format!("SELECT DISTINCT k, w AS v, v AS w FROM ({a}) AS a WHERE v > 'a'"),
            8 => format!(
                "SELECT k, v, (row_number() OVER (PARTITION BY v ORDER BY k, v, w))::text AS w FROM ({a}) AS a"
            ),
            9 => {
                let condition = self.condition("text", 1);
                let (v, key) = (
                    self.dear("text"),
                    self.of(&["e.doc_id", "e.value", "d.topic"]),
                );
                format!(
                    "SELECT {key} AS k, d.v AS v, substr(d.text, 1, 9) AS w FROM entities AS e JOIN (SELECT *, {v} AS v FROM documents WHERE {condition}) AS d ON e.doc_id = d.doc_id WHERE e.label IN ('EMAIL', 'URL') AND e.span_start > {}",
                    self.below(80)
                )
            }
            10 => {
                let order = self.of(&[
                    "ts, k, v, w",
                    "ts DESC, k, v, w",
                    "k DESC, v, w, ts",
                    "v, w, k, ts",
                ]);
                let label = self.of(&["EMAIL", "URL", "HASHTAG"]);
                format!(
                    "SELECT k, v, w FROM (SELECT doc_id AS k, value AS v, ts::text AS w, ts, span_start FROM entities WHERE label = '{label}' ORDER BY {order}, span_start LIMIT {}) AS e",
                    1 + self.below(30)
                )
            }
            11 => {
                let (condition, other) = (self.condition(text, 1), self.dear(text));
                format!(
                    "SELECT t.doc_id AS k, {other} AS v, e.value AS w FROM {table} AS t JOIN entities AS e ON t.doc_id = e.doc_id WHERE e.label = 'EMAIL' AND {condition}"
                )
            }
            _ => {
                let (v, w) = (self.dear("text"), self.dear("text"));
                let key = self.of(&["doc_id", "doc_id DESC"]);
                format!(
                    "SELECT k, v, w FROM (SELECT doc_id AS k, {v} AS v, {w} AS w FROM documents ORDER BY {key} LIMIT {}) AS t WHERE k <> 'mem#1'",
                    1 + self.below(20)
                )
            }
        }
    }

    fn of_entities(&mut self) -> String {
        let columns = match self.below(3) {
            0 => "e.doc_id AS k, e.value AS v, e.entity AS w",
            1 => "e.doc_id AS k, e.value AS v, redact(e.entity) AS w",
            _ => "e.source AS k, e.label AS v, e.span_start::text AS w",
        };
        let labels = self.labels().replace(',', "','");
        let condition = match self.below(4) {
            0 => format!("e.label IN ('{labels}')"),
            1 => format!("e.label IN ('{labels}') AND e.source = 'even'"),
            2 => "e.span_start > 3 AND e.label <> 'EMAIL'".to_string(),
            _ => "e.label = 'EMAIL' OR e.label = 'URL' AND e.value LIKE '%3%'".to_string(),
        };
        format!("SELECT {columns} FROM entities AS e WHERE {condition}")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_queries_have_equal_answers() {
    let dir = tempfile::tempdir().unwrap();
    let none = || ParamValues::Map(Default::default());
    let mut sessions = Vec::new();
    for (threads, batch, on) in [(1, 8192, false), (1, 8192, true), (3, 5, true)] {
        let session = open(dir.path(), threads).await;
        session.register("notes", Arc::new(notes())).unwrap();
        let batches = format!("SET datafusion.execution.batch_size = {batch}");
        rows(&session, &batches, none()).await.unwrap();
        set(&session, on).await;
        sessions.push((threads, session));
    }
    let (mut answered, mut planned, mut refused) = (0, 0, String::new());
    for number in (0..QUERIES).map(|at| first_query().wrapping_add(at)) {
        let mut draw = Draw(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let depth = draw.below(4);
        let query = draw.query(depth);
        let mut expected = None;
        for (threads, session) in &sessions {
            let answer = rows(session, &query, none()).await.map(|mut rows| {
                rows.sort_unstable();
                rows
            });
            match (&expected, answer) {
                // What DataFusion alone cannot plan says nothing about us.
                (None, Err(error)) => {
                    refused += &format!("{number}: {query}\n{error}\n");
                    break;
                }
                (None, Ok(rows)) => expected = Some(rows),
                (Some(expected), Ok(rows)) => {
                    assert!(
                        rows == *expected,
                        "{number}, {threads} threads: {query}\n{expected:?}\n{rows:?}"
                    );
                }
                (Some(_), Err(error)) => panic!("{number}, {threads} threads: {query}\n{error}"),
            }
        }
        planned += usize::from(expected.is_some());
        answered += usize::from(expected.is_some_and(|rows| !rows.is_empty()));
    }
    let queries = QUERIES as usize;
    assert!(
        planned * 10 > queries * 9,
        "only {planned} of {queries} were planned\n{refused}"
    );
    assert!(
        answered * 2 > queries,
        "only {answered} of {queries} had answers"
    );
}
