//! `spanql ingest http://…`: a file from a web server is what it is on disk, whatever the server can do; what goes wrong is
//! said without secrets, and what was not read to its end is read anew.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use flate2::write::GzEncoder;
use serde_json::Value;

use crate::server::{Answer, Request, Server};
use crate::{names, ok, run, spanql};

/// Ingests into `s`; its exit code and what it said.
fn ingest(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let all = [&["ingest", "--store", "s"], args].concat();
    let output = run(folder, &all);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        !stderr.contains("hunter2") && !stderr.contains("panicked"),
        "{stderr}"
    );
    (output.status.code(), stderr)
}

fn rows(folder: &Path, store: &str, query: &str) -> Vec<Value> {
    let json = ok(
        folder,
        &["sql", query, "--store", store, "--format", "json"],
    );
    serde_json::from_str(&json).unwrap()
}

/// The texts of the store `s`, in order.
fn texts(folder: &Path) -> Vec<String> {
    let rows = rows(folder, "s", "SELECT text FROM documents ORDER BY text");
    rows.iter()
        .map(|row| row["text"].as_str().unwrap().to_string())
        .collect()
}

fn quarantine(folder: &Path) -> Vec<Value> {
    rows(
        folder,
        "s",
        "SELECT source, reason FROM quarantine ORDER BY 1, 2",
    )
}

/// So many lines, each about 100 bytes.
fn lines(count: usize) -> (Vec<u8>, Vec<String>) {
    let texts: Vec<String> = (0..count)
        .map(|n| format!("{n:07} {}", "word ".repeat(16)))
        .collect();
    let line = |text: &String| format!("{{\"text\":\"{text}\"}}\n");
    (texts.iter().map(line).collect::<String>().into(), texts)
}

#[test]
fn a_file_of_a_web_server_is_what_it_is_on_disk() {
    let here = tempfile::tempdir().unwrap();
    // More than two parts.
    let (file, texts) = lines(180_000);
    fs::create_dir(here.path().join("in")).unwrap();
    fs::write(here.path().join("in/posts.jsonl"), &file).unwrap();
    let mut gz = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, &file[..10_000]).unwrap();
    fs::write(here.path().join("in/few.jsonl.gz"), gz.finish().unwrap()).unwrap();
    let query = "SELECT CAST(row AS int) AS row, 'text ' || row AS text FROM (SELECT unnest(range(1, 9)) AS row)";
    ok(here.path(), &["sql", query, "-o", "in/rows.parquet"]);
    fs::write(here.path().join("in/empty.txt"), "").unwrap();
    let root = here.path().join("in");
    let server = Server::start(move |request, _| {
        let name = request.path.trim_start_matches('/');
        let name = name.split('?').next().unwrap();
        let file = fs::read(root.join(name)).unwrap();
        Answer::part(&file, request).with("ETag", "\"one\"")
    });
    let addresses = ["posts.jsonl", "few.jsonl.gz", "rows.parquet", "empty.txt"].map(|name| {
        let host = format!("me:hunter2@{}", server.address);
        format!("http://{host}/{name}?id=1&X-Amz-Signature=hunter2")
    });
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let (code, stderr) = ingest(here.path(), &addresses);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stderr.contains(&format!(
            "{} documents from 4 sources",
            texts.len() + 8 + 100
        )),
        "{stderr}"
    );
    let local = [
        "ingest",
        "in/posts.jsonl",
        "in/few.jsonl.gz",
        "in/rows.parquet",
        "in/empty.txt",
    ];
    run(here.path(), &[&local[..], &["--store", "local"]].concat());
    let row = |prefix: &str| {
        format!(
            "SELECT replace(doc_id, '{prefix}', '') AS doc_id, replace(source, '{prefix}', '') AS source, ts, text, \
             content_hash, \"row\" FROM documents ORDER BY doc_id"
        )
    };
    let web = rows(here.path(), "s", &row(&server.url("/")));
    assert!(web == rows(here.path(), "local", &row("in/")));
    let asked = server.requests();
    assert!(
        asked
            .iter()
            .all(|r| r.path.ends_with("?id=1&X-Amz-Signature=hunter2"))
    );
    assert!(
        asked
            .iter()
            .all(|r| r.header("authorization") == Some("Basic bWU6aHVudGVyMg=="))
    );
    let of_posts = asked.iter().filter(|r| r.path.starts_with("/posts"));
    let parts = of_posts
        .filter_map(Request::range)
        .filter(|range| range.len() > 1);
    let mut parts: Vec<_> = parts.map(|range| (range.start, range.end)).collect();
    parts.sort_unstable();
    let part = 8 << 20;
    assert_eq!(parts, [(0, part), (part, 2 * part), (2 * part, file.len())]);
    // Known again, also where it is signed anew.
    let signed = addresses[0].replace("Signature=hunter2", "Signature=OTHER");
    let (code, stderr) = ingest(here.path(), &[&signed, addresses[2]]);
    assert!(
        code == Some(0) && stderr.contains("0 documents from 0 sources"),
        "{stderr}"
    );
    assert!(stderr.contains("2 sources already ingested"), "{stderr}");
}

#[test]
fn a_server_may_lack_parts_but_not_the_length() {
    let here = tempfile::tempdir().unwrap();
    let (file, expected) = lines(20_000);
    let server = Server::start(move |request, _| {
        let mut answer = Answer::whole(&file);
        if request.path == "/endless.jsonl" {
            answer.headers.clear();
        }
        answer
    });
    let (code, stderr) = ingest(here.path(), &[&server.url("/endless.jsonl")]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("/endless.jsonl: the server does not say how long")
            && stderr.contains("spanql ingest -")
    );
    assert_eq!(names(here.path()), [""; 0]);
    let address = server.url("/posts.jsonl");
    let (code, stderr) = ingest(here.path(), &[&address]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(texts(here.path()) == expected);
    // It says nothing that tells one content from another: the bytes do.
    let (_, stderr) = ingest(here.path(), &[&address]);
    assert!(stderr.contains("1 source already ingested"), "{stderr}");
}

#[test]
fn bytes_tell_where_a_server_says_nothing_of_changes() {
    let here = tempfile::tempdir().unwrap();
    let file = Arc::new(Mutex::new("{\"text\":\"one\"}"));
    let served = file.clone();
    let server =
        Server::start(move |request, _| Answer::part(served.lock().unwrap().as_bytes(), request));
    let address = server.url("/posts.jsonl");
    assert_eq!(ingest(here.path(), &[&address]).0, Some(0));
    *file.lock().unwrap() = "{\"text\":\"two\"}";
    let (_, stderr) = ingest(here.path(), &[&address]);
    assert!(
        stderr.contains("1 source changed, kept as ingested"),
        "{stderr}"
    );
    assert_eq!(texts(here.path()), ["one"]);
    let (_, stderr) = ingest(here.path(), &[&address, "--changed", "replace"]);
    assert!(stderr.contains("1 source changed, replaced"), "{stderr}");
    assert_eq!(texts(here.path()), ["two"]);
}

#[test]
fn an_etag_tells_of_a_change_and_what_differs_in_the_query_is_another_file() {
    let here = tempfile::tempdir().unwrap();
    let version = Arc::new(AtomicUsize::new(1));
    let served = version.clone();
    let server = Server::start(move |request, _| {
        let version = served.load(Ordering::Relaxed);
        let page = request.path.rsplit('=').next().unwrap();
        let file = format!("{{\"text\":\"page {page} version {version}\"}}");
        Answer::part(file.as_bytes(), request).with("ETag", &format!("\"{version}\""))
    });
    let pages = [1, 2].map(|page| server.url(&format!("/posts.jsonl?page={page}")));
    let pages = [pages[0].as_str(), pages[1].as_str()];
    assert_eq!(ingest(here.path(), &pages).0, Some(0));
    assert_eq!(texts(here.path()), ["page 1 version 1", "page 2 version 1"]);
    let asked = server.requests().len();
    ingest(here.path(), &pages);
    // One byte of each; nothing was read.
    assert_eq!(server.requests().len(), asked + 2);
    version.store(2, Ordering::Relaxed);
    let (_, stderr) = ingest(here.path(), &pages[..1]);
    assert!(stderr.contains("1 source changed, kept"), "{stderr}");
    ingest(here.path(), &[pages[0], "--changed", "replace"]);
    assert_eq!(texts(here.path()), ["page 1 version 2", "page 2 version 1"]);
}

#[test]
fn what_breaks_off_is_read_on_from_there() {
    for etag in [true, false] {
        let here = tempfile::tempdir().unwrap();
        let (file, expected) = lines(20_000);
        let server = Server::start(move |request, number| {
            let answer = Answer::part(&file, request);
            let answer = match etag {
                true => answer.with("ETag", "\"one\""),
                false => answer,
            };
            match number {
                // The first is asked for one byte.
                0 => answer,
                1..4 => answer.cut(300_000),
                _ => answer,
            }
        });
        let (code, stderr) = ingest(here.path(), &[&server.url("/posts.jsonl")]);
        assert_eq!(code, Some(0), "{stderr}");
        assert!(texts(here.path()) == expected);
        assert_eq!(server.requests()[2].range().unwrap().start, 300_000);
    }
}

#[test]
fn what_was_not_read_to_its_end_is_read_anew() {
    let here = tempfile::tempdir().unwrap();
    let (file, expected) = lines(20_000);
    let broken = Arc::new(AtomicUsize::new(1));
    let serving = broken.clone();
    let server = Server::start(move |request, number| {
        if request.path == "/other.txt" {
            return Answer::part(b"zzz", request);
        }
        match (serving.load(Ordering::Relaxed), number) {
            (1, 2..) => Answer::whole(&file).cut(1_000_000),
            _ => Answer::whole(&file),
        }
    });
    let (posts, other) = (server.url("/posts.jsonl"), server.url("/other.txt"));
    let (code, stderr) = ingest(here.path(), &[&posts, &other]);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("1 source not read to the end"), "{stderr}");
    let read = texts(here.path());
    assert!(read.len() > 5_000 && read.len() < 15_000, "{}", read.len());
    assert_eq!(read.last().unwrap(), "zzz", "others go on");
    let refused = quarantine(here.path());
    assert_eq!(
        (refused.len(), &refused[0]["source"]),
        (1, &Value::from(posts.as_str()))
    );
    let reason = refused[0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("broke off") || reason.contains("less than it says"),
        "{reason}"
    );
    // It is whole now, and needs no asking for what has changed.
    broken.store(0, Ordering::Relaxed);
    let (code, stderr) = ingest(here.path(), &[&posts, &other]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(texts(here.path())[..expected.len()] == expected);
    assert_eq!(quarantine(here.path()), Vec::<Value>::new());
    let (_, stderr) = ingest(here.path(), &[&posts, &other]);
    assert!(stderr.contains("2 sources already ingested"), "{stderr}");
}

#[test]
fn what_is_there_whole_is_not_replaced_by_less() {
    let here = tempfile::tempdir().unwrap();
    let (old, expected) = lines(20_000);
    let new = [&old[..], b"{\"text\":\"more\"}\n"].concat();
    let changed = Arc::new(AtomicUsize::new(0));
    let serving = changed.clone();
    let server = Server::start(move |_, _| match serving.load(Ordering::Relaxed) {
        0 => Answer::whole(&old).with("ETag", "\"one\""),
        // What is asked to find it is answered, what is asked to read it breaks off.
        n if serving.fetch_add(1, Ordering::Relaxed) == n && n <= 2 => {
            Answer::whole(&new).with("ETag", "\"two\"")
        }
        _ => Answer::whole(&new).with("ETag", "\"two\"").cut(1_000_000),
    });
    let posts = server.url("/posts.jsonl");
    assert_eq!(ingest(here.path(), &[&posts]).0, Some(0));
    changed.store(1, Ordering::Relaxed);
    let (code, stderr) = ingest(here.path(), &[&posts, "--changed", "replace"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("the store has all of what it was"),
        "{stderr}"
    );
    assert!(texts(here.path()) == expected);
    assert_eq!(quarantine(here.path()), Vec::<Value>::new());
}

#[test]
fn a_file_that_changes_while_it_is_read_is_no_mix() {
    let here = tempfile::tempdir().unwrap();
    let (old, _) = lines(180_000);
    let new: Vec<u8> = old
        .iter()
        .map(|b| if *b == b'w' { b'W' } else { *b })
        .collect();
    let server = Server::start(move |request, _| {
        let later = request.range().is_some_and(|range| range.start > 0);
        let (file, etag) = if later {
            (&new, "\"two\"")
        } else {
            (&old, "\"one\"")
        };
        match request.header("if-match") {
            Some(asked) if asked != etag => Answer::status(412),
            _ => Answer::part(file, request).with("ETag", etag),
        }
    });
    let (code, stderr) = ingest(here.path(), &[&server.url("/posts.jsonl")]);
    assert_eq!(code, Some(3), "{stderr}");
    let reason = quarantine(here.path())[0]["reason"].to_string();
    assert!(reason.contains("it changed while it was read"), "{reason}");
    assert!(texts(here.path()).iter().all(|text| text.contains("word")));
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let here = tempfile::tempdir().unwrap();
    let server = Server::start(|request, number| match number {
        0 | 2 => Answer::status(500),
        _ => Answer::part(b"{\"text\":\"one\"}", request),
    });
    assert_eq!(
        ingest(here.path(), &[&server.url("/posts.jsonl")]).0,
        Some(0)
    );
    assert_eq!(texts(here.path()), ["one"]);
}

#[test]
fn what_cannot_be_read_by_url_stops_it_before_anything_is_made() {
    let here = tempfile::tempdir().unwrap();
    let server = Server::start(|request, _| match request.path.as_str() {
        path if path.starts_with("/denied") => Answer {
            status: 403,
            ..Answer::whole(b"hunter2")
        },
        path if path.starts_with("/what") => Answer::part(b"one", request),
        _ => Answer::status(404),
    });
    fs::write(here.path().join("in.txt"), "one\n").unwrap();
    let gone = {
        let gone = Server::start(|_, _| Answer::status(404));
        gone.address
    };
    for (code, address, words) in [
        (
            1,
            server.url("/absent.jsonl?sig=hunter2"),
            "/absent.jsonl: it does not exist",
        ),
        (
            1,
            server.url("/denied.jsonl?sig=hunter2"),
            "/denied.jsonl: access denied (HTTP 403)",
        ),
        (
            2,
            server.url("/what?sig=hunter2"),
            "/what: its name does not tell what it is",
        ),
        (
            1,
            format!("http://me:hunter2@{gone}/x.txt"),
            "/x.txt: it cannot be reached (Connection refused",
        ),
        (2, "hdfs://host/x.txt".to_string(), "s3://, gs://, az://"),
        (
            2,
            "s3://me:hunter2@bucket/x.txt".to_string(),
            "AWS_ACCESS_KEY_ID",
        ),
        (
            2,
            "az://container/x.txt".to_string(),
            "AZURE_STORAGE_ACCOUNT_NAME",
        ),
    ] {
        let (exit, stderr) = ingest(here.path(), &["in.txt", &address]);
        assert_eq!(exit, Some(code), "{stderr}");
        assert!(
            stderr.starts_with("error: ") && stderr.contains(words),
            "{stderr}"
        );
        assert_eq!(names(here.path()), ["in.txt"]);
    }
}

/// Untested against the services themselves; their protocols are object_store's. Here they answer nothing but this.
#[test]
fn google_and_azure_are_asked_where_the_environment_says() {
    let here = tempfile::tempdir().unwrap();
    let server = Server::start(|_, _| Answer::status(403));
    let root = format!("http://{}", server.address);
    let environment = [
        ("GOOGLE_BASE_URL", root.as_str()),
        ("GOOGLE_SKIP_SIGNATURE", "true"),
        ("GOOGLE_ALLOW_HTTP", "true"),
        ("AZURE_STORAGE_ACCOUNT_NAME", "me"),
        ("AZURE_SKIP_SIGNATURE", "true"),
        ("AZURE_ENDPOINT", root.as_str()),
        ("AZURE_ALLOW_HTTP", "true"),
    ];
    for (address, words) in [
        ("gs://bucket/day/x.txt", "GOOGLE_APPLICATION_CREDENTIALS"),
        ("az://container/day/x.txt", "AZURE_STORAGE_ACCOUNT_KEY"),
        ("abfs://container/day/x.txt", "AZURE_STORAGE_ACCOUNT_KEY"),
    ] {
        let mut command = spanql(here.path());
        command
            .args(["ingest", "--store", "s", address])
            .envs(environment);
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        let begin = format!("error: {address}: access denied (HTTP 403): ");
        assert!(
            stderr.starts_with(&begin) && stderr.contains(words),
            "{stderr}"
        );
    }
    let asked: Vec<String> = server.requests().into_iter().map(|r| r.path).collect();
    // For the object, and for what may lie below.
    assert!(asked.iter().all(|path| path.contains("day")), "{asked:?}");
    let listings = asked.iter().filter(|path| path.contains("prefix=day"));
    assert_eq!((listings.count(), asked.len()), (3, 6));
}
