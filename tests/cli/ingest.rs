//! `spanql ingest`: exit codes, closing words, and what is left by one that fails, is killed or is fed nonsense.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::{fails, names, ok, run, spanql};

/// The only row of a query on the store `s`.
fn row(folder: &Path, query: &str) -> Value {
    let args = ["sql", query, "--store", "s", "--format", "ndjson"];
    serde_json::from_str(&ok(folder, &args)).unwrap()
}

#[test]
fn quarantined_records_show_in_the_exit_code_on_stderr_and_in_sql() {
    let here = tempfile::tempdir().unwrap();
    let lines: [&[u8]; 6] = [
        b"{\"text\":\"to a@example.com\"}\n",
        b"{\"text\":\n",
        b"{\"text\":7}\n",
        b"{\"words\":\"no text\"}\n",
        b"{\"text\":\"\xFF\"}\n",
        b"{\"text\":\"to b@example.com\"}",
    ];
    fs::write(here.path().join("in.jsonl"), lines.concat()).unwrap();
    let output = run(here.path(), &["ingest", "in.jsonl", "--store", "s"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.starts_with("2 documents from 1 source ")
            && stderr.contains("\n4 records quarantined (")
            && stderr.contains("spanql sql 'SELECT * FROM quarantine' --store s"),
        "{stderr}"
    );
    assert_eq!(
        row(
            here.path(),
            "SELECT (SELECT count(*) FROM documents) AS d, (SELECT count(*) FROM quarantine) AS q"
        ),
        serde_json::json!({"d": 2, "q": 4})
    );
    let refused = "SELECT record, byte_offset, reason, length FROM quarantine WHERE raw = X'7B2274657874223A377D'";
    let refused = row(here.path(), refused);
    assert_eq!(
        (
            &refused["record"],
            &refused["byte_offset"],
            &refused["length"]
        ),
        (&3.into(), &37.into(), &10.into())
    );
    assert!(
        refused["reason"].as_str().unwrap().contains("text"),
        "{refused}"
    );
}

#[test]
fn what_cannot_be_read_stops_it_before_anything_is_made() {
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("in.txt"), "one\n").unwrap();
    fs::write(here.path().join("in.what"), "one\n").unwrap();
    fs::create_dir(here.path().join("empty")).unwrap();
    for (code, input) in [
        (1, "absent.txt"),
        (2, "in.what"),
        (2, "none-*.txt"),
        (2, "empty"),
        (2, "a[.txt"),
    ] {
        let error = fails(
            here.path(),
            code,
            &["ingest", "in.txt", input, "--store", "s"],
        );
        assert!(error.contains(input), "{error}");
    }
    for (option, value) in [
        ("--format", "docx"),
        ("--codec", "rar"),
        ("--document", "page"),
        ("--threads", "0"),
        ("--max-record-bytes", "many"),
    ] {
        let error = fails(
            here.path(),
            2,
            &["ingest", "in.txt", "--store", "s", option, value],
        );
        assert!(error.contains(value), "{error}");
    }
    let error = fails(here.path(), 1, &["ingest", "in.txt", "--store", "in.txt/s"]);
    assert!(error.contains("in.txt/s"), "{error}");
    assert_eq!(names(here.path()), ["empty", "in.txt", "in.what"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_write_that_fails_in_the_middle_is_an_error_and_leaves_nothing() {
    let here = tempfile::tempdir().unwrap();
    fs::write(
        here.path().join("in.txt"),
        "0123456789abcdef\n".repeat(100_000),
    )
    .unwrap();
    let script = format!(
        "trap '' XFSZ; ulimit -f 64; exec '{}' ingest in.txt --store s --codec none --row-group-bytes 64KiB",
        env!("CARGO_BIN_EXE_spanql")
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(here.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.starts_with("error: s/") && stderr.contains("000001-0001.parquet: File too large"),
        "{stderr}"
    );
    for folder in ["documents", "quarantine", "ingests"] {
        assert_eq!(
            names(&here.path().join("s").join(folder)),
            [""; 0],
            "{folder}"
        );
    }
    assert!(!here.path().join("s/.tmp-000001").exists());
}

/// An ingest of standard input into `s` that has begun to write and waits for more.
fn halfway(folder: &Path) -> Child {
    let mut child = spanql(folder)
        .args([
            "ingest", "in.txt", "-", "--format", "txt", "--store", "s", "--codec", "none",
        ])
        .args(["--row-group-bytes", "64KiB", "--threads", "1"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let part = folder.join("s/.tmp-000001/documents/000001-0001.parquet");
    let lines = "0123456789abcdef\n".repeat(64);
    while !part.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        child
            .stdin
            .as_mut()
            .unwrap()
            .write_all(lines.as_bytes())
            .unwrap();
    }
    child
}

#[test]
fn a_killed_one_leaves_nothing_to_see_and_can_be_repeated() {
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("in.txt"), "one\ntwo\n").unwrap();
    let mut child = halfway(here.path());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        here.path().join("s/.tmp-000001").exists(),
        "it was killed while it wrote"
    );
    assert_eq!(names(&here.path().join("s/documents")), [""; 0]);
    assert_eq!(
        row(here.path(), "SELECT count(*) AS n FROM documents")["n"],
        0
    );
    let output = run(here.path(), &["ingest", "in.txt", "--store", "s"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        row(
            here.path(),
            "SELECT string_agg(text, ',' ORDER BY doc_id) AS all FROM documents"
        )["all"],
        "one,two"
    );
    assert!(!here.path().join("s/.tmp-000001").exists());
}

#[test]
fn a_second_one_at_the_same_time_is_told_so_and_the_first_goes_on() {
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("in.txt"), "one\ntwo\n").unwrap();
    let mut first = halfway(here.path());
    let error = fails(here.path(), 75, &["ingest", "in.txt", "--store", "s"]);
    assert!(error.contains("another process is writing"), "{error}");
    drop(first.stdin.take());
    let output = first.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let both = "SELECT count(*) FILTER (WHERE source = 'in.txt') AS file, count(DISTINCT source) AS sources FROM documents";
    assert_eq!(
        row(here.path(), both),
        serde_json::json!({"file": 2, "sources": 2})
    );
}

/// Far longer than any buffer is allowed to be.
#[cfg(target_os = "linux")]
#[test]
fn an_endless_line_is_quarantined_in_bounded_memory() {
    const MIB: usize = 1 << 20;
    let here = tempfile::tempdir().unwrap();
    let mut child = spanql(here.path())
        .args(["ingest", "-", "--format", "jsonl", "--store", "s"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let letters = vec![b'x'; MIB];
    stdin.write_all(b"{\"text\":\"before\"}\n").unwrap();
    for _ in 0..200 {
        stdin.write_all(&letters).unwrap();
    }
    // What the pipe holds at most is missing here, which is little.
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    stdin.write_all(b"\n{\"text\":\"after\"}\n").unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(3),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let peak: usize = status
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmHWM:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .unwrap();
    assert!(peak < 150 << 10, "{peak} KiB for a line of 200 MiB");
    assert_eq!(
        row(
            here.path(),
            "SELECT record, byte_offset, length, length(CAST(raw AS VARCHAR)) AS kept FROM quarantine"
        ),
        serde_json::json!({"record": 2, "byte_offset": 18, "length": 200 * MIB, "kept": 64 << 10})
    );
    assert_eq!(
        row(here.path(), "SELECT count(*) AS n FROM documents")["n"],
        2
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_stderr_is_no_failure() {
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("in.jsonl"), "{\"text\":\"one\"}\n{\n").unwrap();
    for (run, closed) in [("full", "2>/dev/full"), ("closed", "2>&-")] {
        let script = format!(
            "exec '{}' ingest in.jsonl --store {run} {closed}",
            env!("CARGO_BIN_EXE_spanql")
        );
        let status = Command::new("bash")
            .args(["-c", &script])
            .current_dir(here.path())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(3), "{closed}");
    }
}

/// Name, bytes, the texts of its documents, and how many records are refused.
type Odd = (&'static str, &'static [u8], &'static [&'static str], usize);

const ODD: &[Odd] = &[
    (
        "bom.jsonl",
        b"\xEF\xBB\xBF{\"text\":\"a\"}\r\n\r\n{\"text\":\"b\"}",
        &["a", "b"],
        0,
    ),
    (
        "bom.csv",
        b"\xEF\xBB\xBFtext,n\r\na,1\r\n\"b\r\nc\",2\r\nd,3",
        &["a", "b\r\nc", "d"],
        0,
    ),
    (
        "case.jsonl",
        b"{\"Text\":\"A\",\"text\":\"a\",\"TEXT\":\"AA\"}\n",
        &["a"],
        0,
    ),
    (
        "twice.jsonl",
        b"{\"text\":\"a\",\"k\":1,\"text\":\"b\",\"k\":\"2\"}\n",
        &["b"],
        0,
    ),
    ("twice.csv", b"text,text,,\na,b,c,d\n", &["a"], 0),
    ("nul.txt", b"a\0b\n\0\n", &["a\0b", "\0"], 0),
    (
        "nul.jsonl",
        b"{\"text\":\"a\\u0000\"}\n{\"text\":\"\0\"}\n\0\n",
        &["a\0"],
        2,
    ),
    (
        "half.jsonl",
        b"{\"text\":\"\\ud83d\\ude00\"}\n{\"text\":\"\\ud83d\"}\n",
        &["\u{1F600}"],
        1,
    ),
    ("header.csv", b"text,n", &[], 0),
    ("blank.csv", b"\n\r\n\n", &[], 0),
    (
        "short.csv",
        b"text,a,b\nx\ny,1\nz,1,2,3\nw,1,2\n",
        &["w"],
        3,
    ),
    // Without a line feed it is one record, and no header.
    ("return.csv", b"text,n\ra,1\rb,2\r", &[], 1),
    ("return.txt", b"a\rb\r", &["a\rb"], 0),
    ("wide.csv", b"\xFF\xFEt\0e\0x\0t\0\n\0a\0\n\0", &["a"], 0),
    (
        "pretty.jsonl",
        b"{\n\"text\": 1\n}\n[{\"text\":\"a\"}]\n",
        &[],
        4,
    ),
    ("empty.jsonl", b"", &[], 0),
    ("empty.parquet", b"", &[], 1),
    ("junk.parquet", b"PAR1junkPAR1", &[], 1),
    ("empty.txt.gz", b"", &[], 1),
    ("line\nfeed #1 %41 [x] 邮件.txt", b"a\n", &["a"], 0),
];

#[test]
fn metrics_are_one_line_of_json_on_stdout() {
    let here = tempfile::tempdir().unwrap();
    let gbk = encoding_rs::GBK
        .encode("编号;正文\n1;中华人民共和国\n2;\n")
        .0;
    fs::write(here.path().join("in.csv"), gbk).unwrap();
    fs::write(here.path().join("bad.jsonl"), "{\n").unwrap();
    let args = [
        "ingest",
        "in.csv",
        "bad.jsonl",
        "--store",
        "s",
        "--text",
        "正文",
        "--metrics",
    ];
    let output = run(here.path(), &args);
    assert_eq!(output.status.code(), Some(3));
    let line = String::from_utf8(output.stdout).unwrap();
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    let metrics: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (
            &metrics["documents"],
            &metrics["quarantined"],
            &metrics["reasons"]
        ),
        (
            &2.into(),
            &1.into(),
            &serde_json::json!({"not valid JSON": 1})
        )
    );
    let record = fs::read_to_string(here.path().join("s/ingests/000001.json")).unwrap();
    assert!(record.contains("\"encoding\": \"GBK\""), "{record}");
    let same = ["ingest", "in.csv", "--store", "t", "--delimiter", ";;"];
    assert_eq!(run(here.path(), &same).status.code(), Some(2));
}

#[test]
fn odd_files_lose_no_record() {
    let here = tempfile::tempdir().unwrap();
    let folder = here.path().join("in");
    fs::create_dir(&folder).unwrap();
    for (name, bytes, ..) in ODD {
        fs::write(folder.join(name), bytes).unwrap();
    }
    // A store inside of the folder is none of its files.
    let output = run(&folder, &["ingest", ".", "--store", "s"]);
    assert_eq!(
        output.status.code(),
        Some(3),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let rows = |query: &str| -> Vec<Value> {
        serde_json::from_str(&ok(&folder, &["sql", query, "--store", "s"])).unwrap()
    };
    let documents = rows("SELECT source, text FROM documents ORDER BY source, doc_id");
    let refused = rows("SELECT source, count(*) AS n FROM quarantine GROUP BY source");
    for (name, _, texts, count) in ODD {
        let of_file = |row: &&Value| row["source"] == format!("./{name}");
        let found: Vec<&str> = documents
            .iter()
            .filter(of_file)
            .map(|row| row["text"].as_str().unwrap())
            .collect();
        assert_eq!(found, *texts, "{name:?}");
        let found = refused
            .iter()
            .find(of_file)
            .map_or(0, |row| row["n"].as_u64().unwrap());
        assert_eq!(found, *count as u64, "{name:?}");
    }
    let output = run(&folder, &["ingest", ".", "--store", "s"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.starts_with("0 documents")
            && stderr.contains(&format!("; {} sources already ingested", ODD.len())),
        "{stderr}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn file_names_that_are_no_utf8_are_files_of_their_own() {
    use std::os::unix::ffi::OsStrExt;
    let here = tempfile::tempdir().unwrap();
    fs::create_dir(here.path().join("in")).unwrap();
    let write = |name: &[u8], text: &str| {
        fs::write(
            here.path()
                .join("in")
                .join(std::ffi::OsStr::from_bytes(name)),
            text,
        )
    };
    write(b"a\xFE.txt", "one\n").unwrap();
    ok_but_words(here.path());
    write(b"a\xFF.txt", "two\n").unwrap();
    ok_but_words(here.path());
    let all = row(
        here.path(),
        "SELECT string_agg(doc_id || '=' || text, ' ' ORDER BY doc_id) AS all FROM documents",
    );
    assert_eq!(all["all"], "in/a\\xFE.txt#1=one in/a\\xFF.txt#1=two");
}

#[cfg(target_os = "linux")]
fn ok_but_words(folder: &Path) {
    let output = run(folder, &["ingest", "in", "--store", "s"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[cfg(unix)]
#[test]
fn a_link_to_a_folder_above_stops_nothing() {
    let here = tempfile::tempdir().unwrap();
    fs::create_dir_all(here.path().join("in/sub")).unwrap();
    fs::write(here.path().join("in/a.txt"), "one\n").unwrap();
    std::os::unix::fs::symlink("..", here.path().join("in/sub/up")).unwrap();
    let output = run(here.path(), &["ingest", "in", "--store", "s"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.starts_with("1 document from 1 source"), "{stderr}");
}

#[test]
fn what_is_not_there_is_said_as_the_system_says_it() {
    let here = tempfile::tempdir().unwrap();
    let error = fails(here.path(), 1, &["ingest", "no.jsonl", "--store", "s"]);
    assert!(
        error.starts_with("error: no.jsonl: ") && !error.contains("entity"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn a_pipe_has_a_path_too() {
    let here = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let mut child = spanql(here.path())
            .args(["ingest", "--store", "s", "/dev/stdin"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"{\"text\":\"piped\"}\n").unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.starts_with("1 document from 1 source"), "{stderr}");
    }
    let sources = "SELECT min(source) AS a, max(source) AS b FROM documents";
    assert_eq!(
        row(here.path(), sources),
        serde_json::json!({"a": "/dev/stdin-000001", "b": "/dev/stdin-000002"})
    );
}

#[test]
fn other_options_are_told_once() {
    let here = tempfile::tempdir().unwrap();
    for name in ["a.jsonl", "b.jsonl"] {
        fs::write(here.path().join(name), "{\"content\":\"words\"}\n").unwrap();
    }
    let files = ["ingest", "a.jsonl", "b.jsonl", "--store", "s"];
    assert_eq!(run(here.path(), &files).status.code(), Some(3));
    let with = [&files[..], &["--text", "content"]].concat();
    let output = run(here.path(), &with);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("a.jsonl was ingested with other options (then: jsonl; now: jsonl --text content), and so were 1 more")
            && stderr.contains("2 sources changed, kept as ingested"),
        "{stderr}"
    );
    let output = run(
        here.path(),
        &[&with[..], &["--changed", "replace"]].concat(),
    );
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("2 documents from 2 sources"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn a_terminal_is_shown_how_far_it_is() {
    let here = tempfile::tempdir().unwrap();
    let line = format!("{{\"text\": \"{}\"}}\n", "word ".repeat(20));
    let lines = format!("{}no JSON\n", line.repeat(99)).repeat(2_000);
    fs::write(here.path().join("posts.jsonl"), lines).unwrap();
    let spanql = env!("CARGO_BIN_EXE_spanql");
    let ingest = ["ingest", "posts.jsonl", "--store", "store"];
    let output = Command::new("python3")
        .args(["-c", crate::PTY, spanql])
        .args(ingest)
        .current_dir(here.path())
        .env("TERM", "xterm")
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{shown}");
    // Bytes of all bytes, a rate, what is counted so far, and the file that is being read.
    let bar = shown.split('\r').find(|bar| {
        bar.contains("iB/s") && bar.contains(" quarantined") && bar.contains("posts.jsonl")
    });
    let bar = bar.unwrap_or_else(|| panic!("{shown}"));
    assert!(
        bar.contains(" documents, ") && bar.contains("MiB/"),
        "{bar}"
    );
}
