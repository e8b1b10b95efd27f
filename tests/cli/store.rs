//! `spanql extract` and `spanql store`: words, tables and exit codes.

use std::fs;

use serde_json::Value;

use crate::{fails, names, ok, run};

fn words(folder: &std::path::Path, code: i32, args: &[&str]) -> String {
    let output = run(folder, args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
    assert_eq!(output.stdout, b"", "{args:?}");
    stderr
}

#[test]
fn entities_are_kept_and_the_store_is_looked_after() {
    let here = tempfile::tempdir().unwrap();
    let folder = here.path();
    let at = ["--store", "s"];
    let with = |args: &[&'static str]| [args, &at[..]].concat();
    for name in ["a.txt", "b.txt"] {
        fs::write(folder.join(name), format!("to {name}@example.com\n")).unwrap();
        words(folder, 0, &with(&["ingest", name]));
    }
    let kept = words(folder, 0, &with(&["extract", "--labels", "EMAIL"]));
    assert!(
        kept.starts_with("2 entities from 2 files of documents in "),
        "{kept}"
    );
    let again = words(folder, 0, &with(&["extract", "--labels", "EMAIL"]));
    assert!(again.starts_with("0 entities from 0 files"), "{again}");
    assert!(again.ends_with("; 2 files had theirs\n"), "{again}");
    assert!(fails(folder, 1, &with(&["extract", "--labels", "EMIAL"])).contains("EMIAL"));

    let table = ok(folder, &with(&["store", "info", "--format", "json"]));
    let table: Vec<Value> = serde_json::from_str(&table).unwrap();
    let email = table.iter().find(|row| row["label"] == "EMAIL").unwrap();
    assert_eq!(email["files"], 2);
    assert_eq!(
        words(folder, 0, &with(&["store", "compact"])),
        "2 files merged into 1\n"
    );
    let whole = words(folder, 0, &with(&["store", "verify"]));
    assert!(
        whole.starts_with("2 files (") && whole.ends_with(" as written, 0 damaged\n"),
        "{whole}"
    );
    let pruned = words(
        folder,
        0,
        &with(&["store", "prune", "--before", "2026-01-01"]),
    );
    assert_eq!(
        pruned,
        "0 rows removed; 0 files went, 0 came in their place\n"
    );
    assert!(fails(folder, 2, &with(&["store", "prune", "--before", "soon"])).contains("\"soon\""));

    for args in [
        &["store", "prune"][..],
        &["store", "prune", "--duplicates", "--before", "2026-01-01"],
    ] {
        assert!(fails(folder, 2, &with(args)).contains("--duplicates"));
    }

    let kept = names(&folder.join("s/entities"));
    let kept = kept.iter().find(|name| name.ends_with(".parquet")).unwrap();
    fs::write(folder.join("s/entities").join(kept), "x").unwrap();
    let damaged = words(folder, 1, &with(&["store", "verify"]));
    assert!(
        damaged.starts_with(&format!("error: s/entities/{kept}: ")),
        "{damaged}"
    );
    assert!(damaged.ends_with("1 damaged\n"), "{damaged}");
    assert!(fails(folder, 1, &["store", "info", "--store", "absent"]).contains("absent"));
}

#[test]
fn copies_are_found_kept_and_dropped() {
    let here = tempfile::tempdir().unwrap();
    let folder = here.path();
    let at = ["--store", "s"];
    let with = |args: &[&'static str]| [args, &at[..]].concat();
    fs::write(folder.join("a.txt"), "Yes.\nyes\nNo.\nYes.\n").unwrap();
    words(folder, 0, &with(&["ingest", "a.txt"]));
    let rows = with(&[
        "sql",
        "SELECT doc_id, duplicate_of, cluster_id, dropped FROM duplicates ORDER BY 1",
        "--format",
        "csv",
    ]);
    let csv =
        "doc_id,duplicate_of,cluster_id,dropped\na.txt#1,,a.txt#1,false\na.txt#2,,a.txt#1,false\n";
    let found = ok(folder, &rows);
    assert_eq!(found, format!("{csv}a.txt#4,a.txt#1,a.txt#1,false\n"));
    let kept = words(folder, 0, &with(&["duplicates"]));
    assert!(
        kept.starts_with("2 of 4 documents are copies, 1 of them exact, of 1 original; 1 file of documents read in "),
        "{kept}"
    );
    let again = words(folder, 0, &with(&["duplicates"]));
    assert!(again.ends_with(" s, 1 had been read before\n"), "{again}");
    assert_eq!(ok(folder, &rows), found);
    let dropped = words(folder, 0, &with(&["store", "prune", "--duplicates"]));
    assert_eq!(
        dropped,
        "1 row removed; 1 file went, 1 came in their place\n"
    );
    assert_eq!(
        ok(folder, &rows),
        format!("{csv}a.txt#4,a.txt#1,a.txt#1,true\n")
    );
    let info = ok(folder, &with(&["store", "info", "--format", "csv"]));
    assert!(info.contains("\ndropped,,1,1,"), "{info}");
    assert!(fails(folder, 2, &["duplicates"]).contains("--store"));
}

#[test]
fn a_store_may_be_named_by_way_of_another_folder() {
    let here = tempfile::tempdir().unwrap();
    fs::create_dir(here.path().join("sub")).unwrap();
    let folder = &here.path().join("sub");
    fs::write(folder.join("a.txt"), "to a@example.com\n").unwrap();
    let with = |args: &[&'static str]| [args, &["--store", "../up"]].concat();
    words(folder, 0, &with(&["ingest", "a.txt"]));
    words(folder, 0, &with(&["extract"]));
    words(folder, 0, &with(&["duplicates"]));
    for rows in ["documents", "entities WHERE label = 'EMAIL'", "duplicates"] {
        let query = format!("SELECT count(*) FROM {rows}");
        let args = ["sql", &query, "--format", "csv", "--store", "../up"];
        let count = if rows == "duplicates" { 0 } else { 1 };
        assert!(ok(folder, &args).ends_with(&format!("\n{count}\n")));
    }
    let absent = fails(folder, 1, &["sql", "SELECT 1", "--store", "../absent"]);
    assert!(absent.contains("no store at ../absent: "), "{absent}");
}
