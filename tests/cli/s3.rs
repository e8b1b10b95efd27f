//! `spanql ingest s3://…` against a real S3 server: the same documents as from a folder, also after kills, and whatever
//! becomes of the bucket meanwhile.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::write::GzEncoder;
use serde_json::Value;

use crate::server::{KEY, S3, SECRET, Server, as_s3};
use crate::{names, ok, run, spanql};

/// Ingests into `s` what a server has; the exit code and what was said.
fn ingest(folder: &Path, server: SocketAddr, args: &[&str]) -> (Option<i32>, String) {
    let mut command = spanql(folder);
    command.args(["ingest", "--store", "s"]).args(args);
    let output = as_s3(&mut command, server).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let secret = stderr.contains(KEY) || stderr.contains(SECRET);
    assert!(!secret && !stderr.contains("panicked"), "{stderr}");
    (output.status.code(), stderr)
}

fn rows(folder: &Path, store: &str, query: &str) -> Vec<Value> {
    let json = ok(
        folder,
        &["sql", query, "--store", store, "--format", "json"],
    );
    serde_json::from_str(&json).unwrap()
}

/// All documents and all that was refused, with sources as from within the bucket.
fn all(folder: &Path, store: &str) -> (Vec<Value>, Vec<Value>) {
    let columns = "replace(source, 's3://bucket/', '') AS source";
    let documents = format!(
        "SELECT replace(doc_id, 's3://bucket/', '') AS doc_id, {columns}, ts, text, content_hash FROM documents ORDER BY 1"
    );
    let quarantine = format!(
        "SELECT {columns}, record, byte_offset, reason, raw, length FROM quarantine ORDER BY 1, 2"
    );
    (
        rows(folder, store, &documents),
        rows(folder, store, &quarantine),
    )
}

fn count(folder: &Path) -> i64 {
    let rows = rows(folder, "s", "SELECT count(*) AS n FROM documents");
    rows[0]["n"].as_i64().unwrap()
}

fn sources(folder: &Path) -> Vec<String> {
    let rows = rows(
        folder,
        "s",
        "SELECT DISTINCT source FROM documents ORDER BY 1",
    );
    rows.iter()
        .map(|row| row["source"].as_str().unwrap().to_string())
        .collect()
}

/// A folder with files of several formats, some of them broken.
fn fill(folder: &Path) {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let lines: String = (0..500)
        .map(|n| format!("{{\"text\":\"line {n} 邮件\",\"ts\":{n}}}\n"))
        .collect();
    let mut gz = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, lines.as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    write("day/a.jsonl", format!("{lines}{{broken\n").as_bytes());
    write("day/b.jsonl.gz", &gz);
    write("day/cut.jsonl.gz", &gz[..gz.len() / 2]);
    write(
        "day/c.jsonl.zst",
        &zstd::encode_all(lines.as_bytes(), 1).unwrap(),
    );
    write("day/d.csv", "text,ts\n\"a, b\",2026-11-22\n".as_bytes());
    write("day/sub/文 1#2?.txt", "one\ntwo\n".as_bytes());
    write("day/empty.txt", b"");
    write("day/.hidden.txt", b"hidden");
    write("day/notes.md", b"unknown");
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("in/e.jsonl", zip::write::SimpleFileOptions::default())
        .unwrap();
    std::io::Write::write_all(&mut zip, lines.as_bytes()).unwrap();
    write("day/f.zip", &zip.finish().unwrap().into_inner());
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(lines.len() as u64);
    tar.append_data(&mut header, "in/g.jsonl", lines.as_bytes())
        .unwrap();
    write("day/h.tar", &tar.into_inner().unwrap());
}

#[test]
fn a_bucket_gives_what_a_folder_gives() {
    let Some(s3) = S3::start() else { return };
    let here = tempfile::tempdir().unwrap();
    fill(&s3.bucket());
    let parquet = s3.bucket().join("day/rows.parquet");
    let query = "SELECT 'text ' || row AS text FROM (SELECT unnest(range(1, 9)) AS row)";
    ok(
        here.path(),
        &["sql", query, "-o", parquet.to_str().unwrap()],
    );
    let local = here.path().join("local");
    let output = run(
        &s3.bucket(),
        &["ingest", "day", "--store", local.to_str().unwrap()],
    );
    assert_eq!(output.status.code(), Some(3));
    let (code, stderr) = ingest(here.path(), s3.address, &["s3://bucket/day/"]);
    assert_eq!(code, Some(3), "{stderr}");
    // But for the seconds that it took.
    let words = |stderr: &str| {
        let (before, after) = stderr.split_once(" in ").unwrap();
        let (_, after) = after.split_once(" s;").unwrap();
        let (after, _) = after.split_once("to look at them").unwrap();
        format!("{before}{after}")
    };
    assert_eq!(
        words(&stderr),
        words(&String::from_utf8_lossy(&output.stderr))
    );
    let (documents, quarantine) = all(here.path(), "s");
    let (expected, refused) = all(here.path(), "local");
    assert!(documents.len() > 2500 && documents == expected);
    assert!(
        refused.len() == 2 && quarantine == refused,
        "{quarantine:?} {refused:?}"
    );
    // Again, however it is named: nothing is new.
    for address in [
        "s3://bucket/day",
        "s3a://bucket/",
        "s3://bucket",
        "s3://bucket/day/*",
    ] {
        let (code, stderr) = ingest(here.path(), s3.address, &[address]);
        assert_eq!(code, Some(0), "{stderr}");
        assert!(
            stderr.contains("0 documents from 0 sources") && stderr.contains("10 sources already"),
            "{stderr}"
        );
    }
    // Another content, and none the other way.
    fs::write(s3.bucket().join("day/d.csv"), "text\nnew\n").unwrap();
    let (_, stderr) = ingest(here.path(), s3.address, &["s3://bucket/day/"]);
    assert!(
        stderr.contains("9 sources already") && stderr.contains("1 source changed, kept"),
        "{stderr}"
    );
    let (_, stderr) = ingest(
        here.path(),
        s3.address,
        &["s3://bucket/day/", "--changed", "replace"],
    );
    assert!(stderr.contains("1 source changed, replaced"), "{stderr}");
    let new = rows(
        here.path(),
        "s",
        "SELECT text FROM documents WHERE source LIKE '%.csv'",
    );
    assert_eq!(new, [serde_json::json!({"text": "new"})]);
}

#[test]
fn objects_are_named_one_by_one_and_by_globs() {
    let Some(s3) = S3::start() else { return };
    let here = tempfile::tempdir().unwrap();
    for name in [
        "2026/1/a.txt",
        "2026/1/b.csv",
        "2026/2/a.txt",
        "2025/1/a.txt",
        "x[1].txt",
    ] {
        let path = s3.bucket().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "text\nx\n").unwrap();
    }
    let address = |names: &[&str]| -> Vec<String> {
        let mut names: Vec<_> = names
            .iter()
            .map(|name| format!("s3://bucket/{name}"))
            .collect();
        names.sort();
        names
    };
    for (given, found) in [
        ("s3://bucket/2026/1/a.txt", &["2026/1/a.txt"][..]),
        ("s3://bucket/x[1].txt", &["x[1].txt"]),
        (
            "s3://bucket/2026/?/*.txt",
            &["2026/1/a.txt", "2026/2/a.txt"],
        ),
        (
            "s3://bucket/202[56]/1/*",
            &["2025/1/a.txt", "2026/1/a.txt", "2026/1/b.csv"],
        ),
        ("s3://bucket/*/2", &["2026/2/a.txt"]),
        (
            "s3://bucket/2026",
            &["2026/1/a.txt", "2026/1/b.csv", "2026/2/a.txt"],
        ),
    ] {
        let _ = fs::remove_dir_all(here.path().join("s"));
        let (code, stderr) = ingest(here.path(), s3.address, &[given, given]);
        assert_eq!(code, Some(0), "{stderr}");
        assert_eq!(sources(here.path()), address(found), "{given}");
    }
    fs::write(here.path().join("in.txt"), "one\n").unwrap();
    let _ = fs::remove_dir_all(here.path().join("s"));
    for (code, given, words) in [
        (1, "s3://bucket/2024/", "no such object, and none below it"),
        (1, "s3://bucket/2026/1/absent.txt", "no such object"),
        (1, "s3://absent/x.txt", "no such bucket"),
        (1, "s3://absent/", "no such bucket"),
        (2, "s3://bucket/2024/*", "no files there"),
        (2, "s3://bucket/2026/[", "2026/["),
        (2, "s3://bucket/2026//1", "empty parts"),
    ] {
        let (exit, stderr) = ingest(here.path(), s3.address, &["in.txt", given]);
        assert!(
            exit == Some(code) && stderr.contains(given) && stderr.contains(words),
            "{stderr}"
        );
        assert_eq!(names(here.path()), ["in.txt"]);
    }
    // Another's keys, and none.
    let mut command = spanql(here.path());
    command.args(["ingest", "s3://bucket/2026/", "--store", "s"]);
    as_s3(&mut command, s3.address).env("AWS_SECRET_ACCESS_KEY", "another");
    let stderr = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(
        stderr.contains(
            "s3://bucket/2026/: access denied (HTTP 403, SignatureDoesNotMatch): AWS_ACCESS_KEY_ID"
        ),
        "{stderr}"
    );
    as_s3(&mut command, s3.address).env_remove("AWS_ALLOW_HTTP");
    let stderr = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(stderr.contains("AWS_ALLOW_HTTP=true"), "{stderr}");
}

#[test]
fn listings_have_as_many_pages_as_there_are() {
    let Some(s3) = S3::start() else { return };
    let here = tempfile::tempdir().unwrap();
    let folder = s3.bucket().join("many");
    fs::create_dir(&folder).unwrap();
    for n in 0..2500 {
        fs::write(folder.join(format!("{n}.txt")), format!("{n}\n")).unwrap();
    }
    let (code, stderr) = ingest(here.path(), s3.address, &["s3://bucket/many/"]);
    assert_eq!(code, Some(0), "{stderr}");
    let order =
        "SELECT count(*) AS n, count(DISTINCT text) AS texts, min(doc_id) AS first FROM documents";
    let expected =
        serde_json::json!({"n": 2500, "texts": 2500, "first": "s3://bucket/many/0.txt#1"});
    assert_eq!(rows(here.path(), "s", order), [expected]);
}

#[test]
fn what_was_killed_is_begun_again() {
    let Some(s3) = S3::start() else { return };
    let here = tempfile::tempdir().unwrap();
    let lines: String = (0..5_000).map(|n| format!("line {n}\n")).collect();
    for file in 0..8 {
        fs::write(s3.bucket().join(format!("{file}.txt")), &lines).unwrap();
    }
    for kill in 0..6 {
        let mut command = spanql(here.path());
        command.args([
            "ingest",
            "s3://bucket/",
            "--store",
            "s",
            "--row-group-bytes",
            "4KiB",
        ]);
        let mut child = as_s3(&mut command, s3.address).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(40 * kill));
        let _ = child.kill();
        child.wait().unwrap();
    }
    let (code, stderr) = ingest(here.path(), s3.address, &["s3://bucket/"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(count(here.path()), 8 * 5_000);
}

#[test]
fn a_bucket_that_vanishes_in_the_middle_costs_what_was_not_read_yet() {
    let Some(s3) = S3::start() else { return };
    let here = tempfile::tempdir().unwrap();
    // So large that none is asked for before its turn.
    for file in 0..5 {
        let line = format!("text {file}").repeat(200_000);
        fs::write(s3.bucket().join(format!("{file}.txt")), line).unwrap();
    }
    fs::write(here.path().join("in.txt"), "local\n").unwrap();
    let (bucket, away) = (s3.bucket(), s3.root.path().join("away"));
    let (from, to) = (bucket.clone(), away.clone());
    let server = Server::before(s3.address, move |request, _| {
        if request.path.ends_with("/2.txt") {
            let _ = fs::rename(&from, &to);
        }
    });
    let (code, stderr) = ingest(here.path(), server.address, &["s3://bucket/", "in.txt"]);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(
        stderr.contains("3 documents from 6 sources") && stderr.contains("3 sources not read"),
        "{stderr}"
    );
    let refused = rows(
        here.path(),
        "s",
        "SELECT source, reason FROM quarantine ORDER BY 1",
    );
    for (n, row) in (2..5).zip(&refused) {
        assert_eq!(row["source"], format!("s3://bucket/{n}.txt"));
        let reason = row["reason"].as_str().unwrap();
        assert!(
            reason.contains("does not exist") || reason.contains("no such bucket"),
            "{reason}"
        );
    }
    assert_eq!(refused.len(), 3);
    fs::rename(away, bucket).unwrap();
    let (code, stderr) = ingest(here.path(), s3.address, &["s3://bucket/", "in.txt"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(count(here.path()), 6);
    assert_eq!(
        rows(here.path(), "s", "SELECT * FROM quarantine"),
        Vec::<Value>::new()
    );
}

#[test]
fn a_server_that_goes_away_is_not_asked_for_each_object() {
    let Some(s3) = S3::start() else { return };
    let here = tempfile::tempdir().unwrap();
    for file in 0..200 {
        fs::write(
            s3.bucket().join(format!("{file:03}.txt")),
            format!("text {file}\n"),
        )
        .unwrap();
    }
    static PROXY: Mutex<Option<Server>> = Mutex::new(None);
    let asked = AtomicUsize::new(0);
    let proxy = Server::before(s3.address, move |request, _| {
        // A listing, and three objects.
        if request.method == "GET" && asked.fetch_add(1, Ordering::Relaxed) == 3 {
            PROXY.lock().unwrap().as_ref().unwrap().stop();
        }
    });
    let address = proxy.address;
    *PROXY.lock().unwrap() = Some(proxy);
    let (code, stderr) = ingest(here.path(), address, &["s3://bucket/"]);
    assert_eq!(code, Some(3), "{stderr}");
    let reasons = "SELECT reason LIKE '%not tried: it cannot be reached%AWS_ENDPOINT_URL%' AS spared, count(*) AS n \
                   FROM quarantine GROUP BY 1 ORDER BY 1";
    let counts = rows(here.path(), "s", reasons);
    let tried = counts[0]["n"].as_i64().unwrap();
    // Those that were asked for before their turn.
    assert!((1..=17).contains(&tried), "{counts:?}");
    let spared = counts[1]["n"].as_i64().unwrap();
    assert_eq!(spared + tried + count(here.path()), 200, "{counts:?}");
    let (code, stderr) = ingest(here.path(), s3.address, &["s3://bucket/"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(count(here.path()), 200);
}
