//! `redact` with a key: from the environment or a file, never shown, refused where it is none.

use std::fs;
use std::path::Path;
use std::process::Output;

use super::spanql;

const SECRET: &str = "this stays secret, whatever is asked for";
const HASH: &str = "SELECT redact('Ann@Example.com', 'EMAIL', 'hash') AS t";

fn with_key(folder: &Path, key: Option<&str>, args: &[&str]) -> Output {
    let mut command = spanql(folder);
    if let Some(key) = key {
        command.env("SPANQL_REDACT_KEY", key);
    }
    command
        .args(args)
        .env("RUST_LOG", "trace")
        .output()
        .unwrap()
}

fn token(output: &Output) -> String {
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    rows[0]["t"].as_str().unwrap().to_string()
}

#[test]
fn the_key_comes_from_the_environment_or_a_file() {
    let here = tempfile::tempdir().unwrap();
    let of = |key: Option<&str>| token(&with_key(here.path(), key, &["sql", HASH]));
    let first = of(Some(SECRET));
    assert!(first.starts_with("[EMAIL:") && first.len() == 28, "{first}");
    assert_eq!(of(Some(&format!("{SECRET}\n"))), first);
    assert_ne!(of(Some(&SECRET.replace("secret", "hidden"))), first);

    fs::write(
        here.path().join("spanql.toml"),
        "redact_key_file = 'redact.key'",
    )
    .unwrap();
    fs::write(here.path().join("redact.key"), format!("{SECRET}\n")).unwrap();
    assert_eq!(of(None), first);
    // The environment goes first, unless it is empty.
    let other = "x".repeat(32);
    assert_ne!(of(Some(&other)), first);
    assert_eq!(of(Some("")), first);
}

#[test]
fn without_a_key_hashing_is_refused_and_nothing_else() {
    let here = tempfile::tempdir().unwrap();
    let sql = |key: Option<&str>, query: &str| with_key(here.path(), key, &["sql", query]);
    let refused = |key: Option<&str>, query: &str| {
        let output = sql(key, query);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert_eq!(output.stdout, b"");
        stderr
    };
    // When the query is planned: EXPLAIN runs nothing.
    for query in [HASH, &format!("EXPLAIN {HASH}")] {
        let error = refused(None, query);
        assert!(
            error.contains("'hash' needs a key: set SPANQL_REDACT_KEY")
                && error.contains("redact_key_file")
                && error.contains("openssl rand -hex 32"),
            "{error}"
        );
    }
    let short = refused(Some("hunter2"), HASH);
    assert!(
        short.contains("SPANQL_REDACT_KEY: the key has 7 bytes") && !short.contains("hunter2"),
        "{short}"
    );
    let mask = HASH.replace("'hash'", "'mask'");
    assert_eq!(token(&sql(Some("hunter2"), &mask)), "*".repeat(15));

    fs::write(
        here.path().join("spanql.toml"),
        "redact_key_file = 'absent.key'",
    )
    .unwrap();
    let absent = refused(None, HASH);
    assert!(absent.contains("absent.key: "), "{absent}");
    assert_eq!(token(&sql(None, &mask)), "*".repeat(15));
}

#[test]
fn labels_and_style_may_be_parameters() {
    let here = tempfile::tempdir().unwrap();
    let query = "SELECT redact('a@b.com #c', $labels, $style) AS t";
    let bound = |labels: &str, style: &str| {
        let (labels, style) = (format!("labels={labels}"), format!("style={style}"));
        with_key(
            here.path(),
            None,
            &["sql", query, "--param", &labels, "--param", &style],
        )
    };
    assert_eq!(token(&bound("EMAIL", "mask")), "******* #c");
    assert_eq!(token(&bound("HASHTAG,EMAIL", "label")), "[EMAIL] [HASHTAG]");
    for (labels, style, part) in [
        ("EMIAL", "mask", "unknown label \"EMIAL\""),
        ("EMAIL", "blur", "unknown style \"blur\""),
        ("EMAIL", "hash", "needs a key"),
    ] {
        let output = bound(labels, style);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
        assert!(stderr.contains(part), "{stderr}");
    }
}

#[test]
fn the_key_is_shown_nowhere() {
    let here = tempfile::tempdir().unwrap();
    for query in [
        HASH.to_string(),
        format!("EXPLAIN VERBOSE {HASH}"),
        format!("EXPLAIN ANALYZE {HASH}"),
        HASH.replace("'EMAIL'", "'EMIAL'"),
        "SELECT redact(1, 'EMAIL', 'hash')".to_string(),
        "SHOW FUNCTIONS LIKE 'redact'".to_string(),
    ] {
        let output = with_key(here.path(), Some(SECRET), &["sql", &query]);
        let shown = [output.stdout, output.stderr].concat();
        let shown = String::from_utf8_lossy(&shown);
        assert!(
            !shown.is_empty() && !shown.contains("stays secret"),
            "{query}: {shown}"
        );
        // Neither as the bytes of a Debug output.
        assert!(!shown.contains("116, 104, 105, 115, 32, 115"), "{query}");
    }
}
