//! What `spanql ingest` promises, through the library: every record in one place, all or nothing, the same rows for
//! any number of threads.

// Helpers of tests, which clippy does not take for tests.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Int32Array, Int32Builder, Int64Array, ListArray,
    MapBuilder, RecordBatch, StringArray, StringBuilder,
};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, FieldRef, Int32Type, Int64Type, TimestampMicrosecondType};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;
use spanql::ingest::{
    BadBytes, Changed, Codec, DocumentUnit, IngestOptions, InputFormat, Progress, Summary, ingest,
};
use spanql::store::{document_schema, merge_schemas};
use tempfile::TempDir;

/// A folder with inputs and a store.
struct Bench {
    dir: TempDir,
    options: IngestOptions,
}

impl Bench {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            options: IngestOptions::default(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn store(&self) -> PathBuf {
        self.path("store")
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    fn ingest(&self, names: &[&str]) -> spanql::Result<Summary> {
        let paths: Vec<String> = names
            .iter()
            .map(|name| self.path(name).display().to_string())
            .collect();
        ingest(&paths, &self.store(), &self.options, &())
    }

    fn documents(&self) -> Option<RecordBatch> {
        table(&self.store().join("documents"))
    }

    /// A column as text, NULL as `∅`.
    fn column(&self, name: &str) -> Vec<String> {
        self.documents()
            .map_or(Vec::new(), |batch| strings(&batch, name))
    }

    fn quarantine(&self) -> Vec<Refused> {
        let Some(batch) = table(&self.store().join("quarantine")) else {
            return Vec::new();
        };
        let source = tail(strings(&batch, "source"));
        let reason = strings(&batch, "reason");
        let record = batch["record"].as_primitive::<Int64Type>();
        let offset = batch["byte_offset"].as_primitive::<Int64Type>();
        let raw = batch["raw"].as_binary_view();
        let length = batch["length"].as_primitive::<Int64Type>();
        (0..batch.num_rows())
            .map(|row| Refused {
                file: source[row].clone(),
                record: record.value(row) as usize,
                offset: offset.is_valid(row).then(|| offset.value(row) as usize),
                reason: reason[row].clone(),
                raw: raw.value(row).to_vec(),
                length: length.value(row) as usize,
            })
            .collect()
    }

    fn listing(&self) -> Vec<String> {
        let mut all: Vec<String> = walkdir::WalkDir::new(self.store())
            .into_iter()
            .filter_map(|entry| entry.ok())
            .filter(|entry| entry.file_type().is_file())
            .filter(|entry| entry.file_name() != ".lock" && entry.file_name() != ".reading")
            .map(|entry| {
                entry
                    .path()
                    .strip_prefix(self.store())
                    .unwrap()
                    .display()
                    .to_string()
            })
            .collect();
        all.sort();
        all
    }
}

/// A row of `quarantine`.
#[derive(Debug, Clone, PartialEq)]
struct Refused {
    file: String,
    record: usize,
    offset: Option<usize>,
    reason: String,
    raw: Vec<u8>,
    length: usize,
}

fn strings(batch: &RecordBatch, name: &str) -> Vec<String> {
    let text = cast(batch.column_by_name(name).unwrap(), &DataType::Utf8View).unwrap();
    text.as_string_view()
        .iter()
        .map(|value| value.unwrap_or("∅").to_string())
        .collect()
}

fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// All rows of a folder under the schema that `merge_schemas` gives, as the engine reads it.
fn table(folder: &Path) -> Option<RecordBatch> {
    let mut batches = Vec::new();
    for path in parquet_files(folder) {
        let file = fs::File::open(path).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .unwrap()
            .build()
            .unwrap();
        batches.extend(reader.map(Result::unwrap));
    }
    let first = batches.first()?.schema();
    let schema = if first.field(0).name() == "doc_id" {
        Arc::new(merge_schemas(
            batches.iter().map(|batch| batch.schema_ref().as_ref()),
        ))
    } else {
        first
    };
    let widened: Vec<RecordBatch> = batches
        .iter()
        .map(|batch| {
            let column = |field: &FieldRef| match batch.column_by_name(field.name()) {
                Some(column) => cast(column, field.data_type()).unwrap(),
                None => arrow::array::new_null_array(field.data_type(), batch.num_rows()),
            };
            RecordBatch::try_new(schema.clone(), schema.fields().iter().map(column).collect())
                .unwrap()
        })
        .collect();
    Some(concat_batches(&schema, &widened).unwrap())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What follows the last slash.
fn tail(paths: Vec<String>) -> Vec<String> {
    paths
        .into_iter()
        .map(|path| path.rsplit('/').next().unwrap().to_string())
        .collect()
}

#[test]
fn json_lines_keep_their_fields_types_and_places() {
    let bench = Bench::new();
    let lines = [
        r#"{"text":"你好 user@example.com","ts":"2026-11-22T08:00:00+08:00","likes":3,"lang":"zh","tags":["a",1],"void":null}"#,
        "",
        r#"{"ts":1700000000,"likes":4.5,"text":"","ok":true,"id":18446744073709551616,"source":"web"}"#,
        r#"{"text":"t","ts":"soon","likes":"few","likes":"many"}"#,
    ];
    let summary = bench
        .write("a.jsonl", lines.join("\n"))
        .ingest(&["a.jsonl"])
        .unwrap();
    assert_eq!(
        (summary.documents, summary.quarantined, summary.unread_times),
        (3, 0, 1)
    );
    assert_eq!(
        tail(bench.column("doc_id")),
        ["a.jsonl#1", "a.jsonl#3", "a.jsonl#4"]
    );
    assert_eq!(bench.column("text"), ["你好 user@example.com", "", "t"]);
    assert_eq!(bench.column("likes"), ["3.0", "4.5", "many"]);
    assert_eq!(bench.column("tags"), [r#"["a",1]"#, "∅", "∅"]);
    assert_eq!(bench.column("ok"), ["∅", "true", "∅"]);
    assert_eq!(bench.column("id"), ["∅", "18446744073709551616", "∅"]);
    assert_eq!(bench.column("orig_source"), ["∅", "web", "∅"]);
    assert_eq!(bench.column("orig_ts"), ["∅", "∅", "soon"]);
    let documents = bench.documents().unwrap();
    let ts = documents["ts"].as_primitive::<TimestampMicrosecondType>();
    let expected = [
        Some(1_795_305_600_000_000),
        Some(1_700_000_000_000_000),
        None,
    ];
    assert_eq!(ts.iter().collect::<Vec<_>>(), expected);
    let schema = documents.schema();
    assert_eq!(
        schema.field_with_name("void").unwrap().data_type(),
        &DataType::Null
    );
    assert_eq!(schema.fields()[..5], document_schema().fields()[..5]);
}

#[test]
fn documents_with_the_same_text_have_the_same_hash() {
    let bench = Bench::new();
    bench
        .write(
            "a.jsonl",
            "{\"text\":\"abc\",\"n\":1,\"content_hash\":\"x\"}\n{\"text\":\"ab\"}\n",
        )
        .write("b.txt", "abc\nabc \n");
    bench.ingest(&["a.jsonl", "b.txt"]).unwrap();
    let hashes = bench.column("content_hash");
    assert_eq!(hashes[0], "ba7816bf8f01cfea414140de5dae2223");
    assert_eq!(hashes[0], hashes[2]);
    assert_ne!(hashes[1], hashes[0]);
    assert_ne!(hashes[3], hashes[0]);
    assert_eq!(bench.column("orig_content_hash"), ["x", "∅", "∅", "∅"]);
}

#[test]
fn csv_and_tsv_keep_strings_as_they_are() {
    let bench = Bench::new();
    bench.write(
        "a.csv",
        "\u{FEFF}id,text,text\r\n007,\"two\r\nlines, \"\"quoted\"\"\",x\r\n\r\n8,中文,\n",
    );
    bench.write("b.tsv", "id\ttext\ttext_2\n9\ta,b\tc\n");
    let summary = bench.ingest(&["a.csv", "b.tsv"]).unwrap();
    assert_eq!(
        (summary.documents, summary.quarantined, summary.sources),
        (3, 0, 2)
    );
    assert_eq!(
        tail(bench.column("doc_id")),
        ["a.csv#1", "a.csv#2", "b.tsv#1"]
    );
    assert_eq!(bench.column("id"), ["007", "8", "9"]);
    assert_eq!(
        bench.column("text"),
        ["two\r\nlines, \"quoted\"", "中文", "a,b"]
    );
    assert_eq!(bench.column("text_2"), ["x", "", "c"]);
}

#[test]
fn plain_text_is_cut_as_asked() {
    let text = "one\ntwo\n\n\nthree\n";
    let cases = [
        (
            DocumentUnit::Line,
            vec!["one", "two", "three"],
            vec!["t.txt#1", "t.txt#2", "t.txt#5"],
        ),
        (
            DocumentUnit::Paragraph,
            vec!["one\ntwo", "three"],
            vec!["t.txt#1", "t.txt#2"],
        ),
        (DocumentUnit::File, vec![text], vec!["t.txt#1"]),
    ];
    for (document, texts, ids) in cases {
        let mut bench = Bench::new();
        bench.options.document = document;
        bench.write("t.txt", text).ingest(&["t.txt"]).unwrap();
        assert_eq!(bench.column("text"), texts, "{document:?}");
        assert_eq!(tail(bench.column("doc_id")), ids, "{document:?}");
    }
}

#[test]
fn text_and_time_may_have_other_names() {
    let mut bench = Bench::new();
    bench.options.text = "body".into();
    bench.options.time = "created".into();
    let lines = "{\"body\":\"b\",\"text\":\"t\",\"created\":\"2026/11/22\",\"ts\":5}\n{\"body\":\"c\",\"created\":\"?\"}";
    bench.write("a.jsonl", lines).ingest(&["a.jsonl"]).unwrap();
    assert_eq!(bench.column("text"), ["b", "c"]);
    assert_eq!(bench.column("orig_text"), ["t", "∅"]);
    assert_eq!(bench.column("orig_ts"), ["5", "∅"]);
    assert_eq!(bench.column("orig_created"), ["∅", "?"]);
    assert_eq!(bench.documents().unwrap()["ts"].null_count(), 1);
}

#[test]
fn refused_records_are_in_quarantine_with_their_bytes() {
    let mut bench = Bench::new();
    bench.options.max_record_bytes = 100_000;
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(2_000_000));
    let lines: Vec<&[u8]> = vec![
        b"{\"text\":\"fine\"}",
        b"{\"text\":\"cut",
        b"[1]",
        b"{\"text\":\"\xff\"}",
        b"{\"other\":1}",
        b"{\"text\":null}",
        b"{\"text\":7}",
        long.as_bytes(),
        b"{\"text\":\"fine too\"}",
    ];
    let bytes = lines.join(&b'\n');
    let summary = bench.write("a.jsonl", &bytes).ingest(&["a.jsonl"]).unwrap();
    assert_eq!((summary.documents, summary.quarantined), (2, 7));
    assert_eq!(summary.reasons[0], ("no text".to_string(), 3));
    let quarantine = bench.quarantine();
    let kinds: Vec<(usize, &str)> = quarantine
        .iter()
        .map(|row| (row.record, row.reason.split(':').next().unwrap()))
        .collect();
    let expected = [
        (2, "not valid JSON"),
        (3, "not valid JSON"),
        (4, "not valid UTF-8"),
        (5, "no text"),
        (6, "no text"),
        (7, "no text"),
        (8, "too long"),
    ];
    assert_eq!(kinds, expected);
    for row in quarantine {
        let line = lines[row.record - 1];
        assert_eq!(row.length, line.len());
        assert_eq!(row.raw, &line[..line.len().min(64 << 10)]);
        assert!(bytes[row.offset.unwrap()..].starts_with(&row.raw));
    }
}

#[test]
fn broken_csv_costs_its_lines_only() {
    let bench = Bench::new();
    bench.write("a.csv", "text,n\na,1\nb,\"2\nc,3\nd\ne,5,6\nf,\"7\n8\"\n");
    bench.write("headless.csv", "te\"xt,\"n\nx,1\n");
    bench.write("other.csv", "body\nx\n");
    let summary = bench
        .ingest(&["a.csv", "headless.csv", "other.csv"])
        .unwrap();
    assert_eq!(bench.column("text"), ["a", "c", "f"]);
    assert_eq!(summary.documents, 3);
    let rows: Vec<(String, usize, String)> = bench
        .quarantine()
        .into_iter()
        .map(|row| (row.file, row.record, String::from_utf8(row.raw).unwrap()))
        .collect();
    let row = |name: &str, record, raw: &str| (name.to_string(), record, raw.to_string());
    let expected = [
        row("a.csv", 2, "b,\"2"),
        row("a.csv", 4, "d"),
        row("a.csv", 5, "e,5,6"),
        row("headless.csv", 0, "te\"xt,\"n"),
        row("headless.csv", 1, "x,1"),
        row("other.csv", 1, "x"),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn compressed_inputs_and_those_that_break_off() {
    let bench = Bench::new();
    let lines: String = (0..20_000)
        .map(|n| format!("{{\"text\":\"line {n}\",\"n\":{n}}}\n"))
        .collect();
    let members = [
        gzip(&lines.as_bytes()[..1000]),
        gzip(&lines.as_bytes()[1000..]),
    ]
    .concat();
    let zstd = zstd::encode_all(lines.as_bytes(), 1).unwrap();
    bench.write("in/a.jsonl.gz", &members);
    bench.write("in/b.ndjson.zst", &zstd);
    bench.write("in/c.jsonl.gz", &members[..members.len() - 2000]);
    bench.write("in/d.jsonl.zst", &zstd[..zstd.len() / 2]);
    bench.write("in/e.jsonl.gz", "no gzip");
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(lines.as_bytes()).unwrap();
    let bzip2 = bzip2.finish().unwrap();
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    xz.write_all(lines.as_bytes()).unwrap();
    let xz = xz.finish().unwrap();
    bench.write("in/g.jsonl.bz2", &bzip2);
    bench.write("in/h.jsonl.xz", &xz);
    bench.write("in/i.jsonl.bz2", &bzip2[..bzip2.len() - 20]);
    bench.write("in/j.jsonl.xz", &xz[..xz.len() / 2]);
    bench.write("in/f.jsonl", lines.as_bytes());
    let summary = bench.ingest(&["in"]).unwrap();
    let mut by_file = BTreeMap::new();
    for name in tail(bench.column("source")) {
        *by_file.entry(name).or_insert(0) += 1;
    }
    for whole in [
        "a.jsonl.gz",
        "b.ndjson.zst",
        "f.jsonl",
        "g.jsonl.bz2",
        "h.jsonl.xz",
    ] {
        assert_eq!(by_file[whole], 20_000, "{whole}");
    }
    let quarantine = bench.quarantine();
    let files: Vec<&str> = quarantine.iter().map(|row| row.file.as_str()).collect();
    let broken = [
        "c.jsonl.gz",
        "d.jsonl.zst",
        "e.jsonl.gz",
        "i.jsonl.bz2",
        "j.jsonl.xz",
    ];
    assert_eq!(files, broken);
    assert_eq!(summary.quarantined, 5);
    for row in quarantine.iter().filter(|row| row.file != "e.jsonl.gz") {
        // xz gives nothing of a part that is not whole.
        let much = row.file == "j.jsonl.xz" || row.record > 1_000;
        assert!(much, "{}: much was read before", row.file);
        let before: usize = lines
            .lines()
            .take(row.record - 1)
            .map(|line| line.len() + 1)
            .sum();
        let documents = by_file.get(&row.file).copied().unwrap_or_default();
        assert_eq!(documents, row.record - 1, "{}", row.file);
        assert_eq!(row.offset, Some(before), "{}", row.file);
        assert!(
            lines.as_bytes()[before..].starts_with(&row.raw),
            "{}",
            row.file
        );
        assert!(
            row.reason.starts_with("input cannot be read: at byte "),
            "{}",
            row.reason
        );
    }
}

/// What the run's record says of the encodings of its sources.
fn encodings(bench: &Bench) -> Vec<String> {
    let path = parquet_files(&bench.store().join("ingests")).pop().unwrap();
    let record: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let sources = record["sources"].as_array().unwrap();
    sources
        .iter()
        .map(|source| source["encoding"].as_str().unwrap_or("none").to_string())
        .collect()
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

fn encoded(text: &str, label: &str) -> Vec<u8> {
    let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
    let (bytes, _, unmappable) = encoding.encode(text);
    assert!(!unmappable, "{label}");
    bytes.into_owned()
}

/// The documents of a JSONL file: number and text.
fn texts_of(name: &str, bytes: &[u8], encoding: &str) -> (Vec<String>, Vec<String>, String) {
    let mut bench = Bench::new();
    bench.options.encoding = encoding.parse().unwrap();
    let summary = bench.write(name, bytes).ingest(&[name]).unwrap();
    assert_eq!(summary.quarantined, 0, "{:?}", bench.quarantine().first());
    let ids = tail(bench.column("doc_id"));
    (ids, bench.column("text"), encodings(&bench).remove(0))
}

#[test]
fn every_encoding_gives_the_documents_of_utf8() {
    let chinese: String = (0..300)
        .map(|n| {
            format!(
                "{{\"text\":\"第{n}条：中华人民共和国公民在法律面前一律平等。\\n𠮷\",\"n\":{n}}}\n"
            )
        })
        .collect();
    let expected = texts_of("a.jsonl", chinese.as_bytes(), "auto");
    assert_eq!((expected.0.len(), expected.2.as_str()), (300, "UTF-8"));
    let marked = format!("\u{FEFF}{chinese}");
    let cases = [
        (encoded(&chinese, "gb18030"), "auto", "GBK"),
        (encoded(&chinese, "gb18030"), "gb18030", "gb18030"),
        (encoded(&marked, "gb18030"), "auto", "gb18030"),
        (marked.clone().into_bytes(), "auto", "UTF-8"),
        (utf16(&marked, u16::to_le_bytes), "auto", "UTF-16LE"),
        (utf16(&marked, u16::to_be_bytes), "auto", "UTF-16BE"),
        (utf16(&chinese, u16::to_le_bytes), "auto", "UTF-16LE"),
        (utf16(&chinese, u16::to_be_bytes), "auto", "UTF-16BE"),
        (utf16(&chinese, u16::to_be_bytes), "utf-16be", "UTF-16BE"),
    ];
    for (bytes, encoding, found) in cases {
        let got = texts_of("a.jsonl", &bytes, encoding);
        assert_eq!(got.2, found);
        assert!(
            got.0 == expected.0 && got.1 == expected.1,
            "{encoding} {found}"
        );
    }
    for (text, label) in [
        (
            "{\"text\":\"臺灣與香港都使用這種編碼，功能\"}\n".repeat(9),
            "Big5",
        ),
        (
            "{\"text\":\"これは日本語の文章です。ソ連、表示。\"}\n".repeat(9),
            "Shift_JIS",
        ),
        (
            "{\"text\":\"Où est la clé de la forêt ? À côté.\"}\n".repeat(9),
            "windows-1252",
        ),
    ] {
        let utf8 = texts_of("a.jsonl", text.as_bytes(), "auto");
        let got = texts_of("a.jsonl", &encoded(&text, label), "auto");
        assert_eq!(got.2, label);
        assert!(
            got.0 == utf8.0 && got.1 == utf8.1,
            "{label}: {:?}",
            got.1.first()
        );
    }
}

/// The corpora are not part of the repository: without them the test says so.
#[test]
fn the_chinese_corpora_in_gb18030_are_the_same_documents() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/corpora");
    for name in [
        "zh_laws_quarter.jsonl.gz",
        "zh_lctt_linux_cn_2659_articles.jsonl.gz",
    ] {
        let Ok(packed) = fs::File::open(folder.join(name)) else {
            println!("skipped: {name} is not at hand");
            continue;
        };
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(packed)
            .read_to_string(&mut text)
            .unwrap();
        let utf8 = texts_of("a.jsonl", text.as_bytes(), "auto");
        for encoding in ["auto", "gb18030"] {
            let gb = texts_of("a.jsonl", &encoded(&text, "gb18030"), encoding);
            assert!(
                gb.0 == utf8.0 && gb.1 == utf8.1,
                "{name} {encoding} {}",
                gb.2
            );
        }
        println!("{name}: {} documents", utf8.0.len());
    }
}

#[test]
fn other_encodings_keep_places_and_bytes_of_what_is_refused() {
    let lines = "{\"text\":\"中华人民共和国\"}\n\n{\"text\":\"坏的\n{\"text\":\"人民的生活一天比一天好\"}\n";
    let at = lines.find("{\"text\":\"坏").unwrap();
    let line = "{\"text\":\"坏的";
    type Encode = fn(&str) -> Vec<u8>;
    let encodings: [Encode; 3] = [
        |text| encoded(text, "gb18030"),
        |text| utf16(text, u16::to_le_bytes),
        |text| utf16(text, u16::to_be_bytes),
    ];
    for encode in encodings {
        let bench = Bench::new();
        bench
            .write("a.jsonl", encode(lines))
            .ingest(&["a.jsonl"])
            .unwrap();
        assert_eq!(bench.column("text").len(), 2);
        let [row] = &bench.quarantine()[..] else {
            panic!("one row")
        };
        let raw = encode(line);
        assert_eq!(
            (row.record, row.offset),
            (3, Some(encode(&lines[..at]).len()))
        );
        assert_eq!((row.length, &row.raw), (raw.len(), &raw));
        assert!(row.reason.starts_with("not valid JSON"), "{}", row.reason);
    }
}

#[test]
fn a_small_file_is_what_it_is_as_a_stream() {
    let utf16 = utf16("{\"text\":\"甲\"}\n", u16::to_le_bytes);
    let gbk = encoded(
        &"{\"text\":\"第三条：公民在法律面前一律平等\"}\n".repeat(9),
        "gbk",
    );
    let cases: [(&str, &[u8]); 16] = [
        (
            "a.jsonl",
            b"{\"text\":\"one\"}\n\n{\"text\":\"two\"}\r\n{\"text\":3}\n{\"text\":\"end\"}",
        ),
        ("a.jsonl", "\u{FEFF}{\"text\":\"甲\"}\n".as_bytes()),
        ("a.jsonl", b"{\"text\":\"caf\xE9\"}\n{\"text\":\"x\"}\n"),
        ("a.jsonl", b"{\"text\":\"nul\0\"}\n"),
        ("a.jsonl", &utf16),
        ("a.jsonl", &gbk),
        (
            "a.json",
            "[{\"text\":\"甲\"},\n {\"text\":\"b\"}]".as_bytes(),
        ),
        ("a.json", b"[{\"text\":\"a\"},"),
        (
            "a.csv",
            "id;text\n1;\"甲;\n乙\"\n2;b\n3\n4;\"open\n".as_bytes(),
        ),
        ("a.tsv", b"text\tn\none\t1\n"),
        ("a.txt", b"BZh9 is how some text begins\r\n\r\nand ends"),
        ("a.txt", b" \n"),
        ("a.html", "<title>t</title><p>甲 &amp; b".as_bytes()),
        (
            "a.eml",
            b"Subject: s\r\nFrom: a@b.example\r\n\r\ncaf\xE9\r\n",
        ),
        (
            "a.mbox",
            b"From a\nSubject: 1\n\none\n\nFrom b Sat Nov 28 10:00:00 2026\nSubject: 2\n\ntwo\n",
        ),
        ("a.tar", &tar(&[("b.jsonl", b"{\"text\":\"in\"}\n")])),
    ];
    for (name, bytes) in cases {
        for max_record_bytes in [16 << 20, 20] {
            let found = [
                (name.to_string(), bytes.to_vec()),
                (format!("{name}.gz"), gzip(bytes)),
            ]
            .map(|(name, bytes)| {
                let mut bench = Bench::new();
                bench.options.max_record_bytes = max_record_bytes;
                bench.write(&name, bytes);
                let summary = bench.ingest(&[&name]).unwrap();
                let refused = bench.quarantine().into_iter();
                let refused: Vec<_> = refused
                    .map(|row| (row.record, row.offset, row.reason, row.raw, row.length))
                    .collect();
                let places: Vec<_> = bench.column("doc_id");
                let places: Vec<_> = places
                    .iter()
                    .filter_map(|id| id.rsplit('#').next())
                    .collect();
                (
                    bench.column("text"),
                    format!("{places:?}"),
                    refused,
                    summary.bytes,
                    encodings(&bench),
                )
            });
            let [small, stream] = found;
            assert_eq!(small, stream, "{name} of {bytes:?}");
            assert!(
                !small.0.is_empty() || !small.2.is_empty() || bytes == b" \n",
                "{bytes:?}"
            );
        }
    }
}

/// Removes a file once it is known that it is to be read.
struct Gone(PathBuf);

impl Progress for Gone {
    fn start(&self, _: u64) {
        fs::remove_file(&self.0).unwrap();
    }
}

#[test]
fn a_file_that_cannot_be_opened_stops_no_other_and_is_read_the_next_time() {
    let bench = Bench::new();
    bench.write("in/a.txt", "a\n").write("in/c.txt", "c\n");
    for size in [2, 200_000] {
        let text = "b".repeat(size - 1);
        bench.write("in/b.txt", format!("{text}\n"));
        let paths = [bench.path("in").to_str().unwrap().to_string()];
        let gone = Gone(bench.path("in/b.txt"));
        let summary = ingest(&paths, &bench.store(), &bench.options, &gone).unwrap();
        assert_eq!((summary.quarantined, summary.unfinished_sources), (1, 1));
        let row = &bench.quarantine()[0];
        assert_eq!(row.file, "b.txt");
        assert!(row.reason.contains("cannot be opened"), "{row:?}");

        bench.write("in/b.txt", format!("{text}\n"));
        let summary = bench.ingest(&["in"]).unwrap();
        assert_eq!((summary.documents, summary.skipped_sources), (1, 2));
        assert_eq!((summary.quarantined, summary.unfinished_sources), (0, 0));
        let mut texts = bench.column("text");
        texts.sort_unstable();
        assert_eq!(texts, ["a", &text, "c"]);
        assert!(bench.quarantine().is_empty());
        fs::remove_dir_all(bench.store()).unwrap();
    }
}

#[test]
fn bytes_that_are_no_text_are_never_passed_over_in_silence() {
    let good = encoded("中华人民共和国的法律\n", "gbk").repeat(20);
    let mixed = [
        &good[..],
        b"bad \xFF byte\n",
        "这一行是 UTF-8 的\n".as_bytes(),
        "Привет, мир\n".as_bytes(),
        &good,
    ]
    .concat();
    let bench = Bench::new();
    let summary = bench.write("a.txt", &mixed).ingest(&["a.txt"]).unwrap();
    assert_eq!((summary.documents, summary.quarantined), (40, 3));
    let rows: Vec<(usize, String)> = bench
        .quarantine()
        .into_iter()
        .map(|row| (row.record, row.reason))
        .collect();
    let other = "not valid in its encoding: the record is UTF-8 in an input taken for GBK (--encoding names one)";
    let expected = [
        (
            21,
            "not valid in its encoding: byte 4 of the record begins no character of GBK"
                .to_string(),
        ),
        (22, other.to_string()),
        (23, other.to_string()),
    ];
    assert_eq!(rows, expected);

    let mut bench = Bench::new();
    bench.options.bad_bytes = BadBytes::Replace;
    bench.options.encoding = "gbk".parse().unwrap();
    let summary = bench.write("a.txt", &mixed).ingest(&["a.txt"]).unwrap();
    assert_eq!((summary.documents, summary.quarantined), (43, 0));
    assert!((1..=2).contains(&summary.replaced), "{}", summary.replaced);
    assert_eq!(bench.column("text")[20], "bad \u{FFFD} byte");

    let mut bench = Bench::new();
    bench.options.bad_bytes = BadBytes::Replace;
    bench.write("a.txt", b"a\0b\nx\xFFy\n");
    bench.write("c.txt", [&b"\xFF\xFEa\0\x00\xD8b\0\n\0"[..], b"c"].concat());
    let summary = bench.ingest(&["a.txt", "c.txt"]).unwrap();
    assert_eq!(
        bench.column("text"),
        ["a\0b", "x\u{FFFD}y", "a\u{FFFD}b", "\u{FFFD}"]
    );
    assert_eq!((summary.quarantined, summary.replaced), (0, 3));
}

#[test]
fn csv_in_other_encodings() {
    let table = "\u{FEFF}编号,text\r\n007,\"两行\r\n文字, \"\"引\"\"\"\r\n8,中文\r\n";
    let expected = ["两行\r\n文字, \"引\"", "中文"];
    for bytes in [
        encoded(table, "gb18030"),
        encoded(&table[3..], "gbk"),
        utf16(table, u16::to_le_bytes),
        utf16(table, u16::to_be_bytes),
    ] {
        let bench = Bench::new();
        bench.write("a.csv", bytes).ingest(&["a.csv"]).unwrap();
        assert_eq!(bench.column("text"), expected);
        assert_eq!(bench.column("编号"), ["007", "8"]);
        assert_eq!(bench.quarantine(), []);
    }
    let mut bench = Bench::new();
    bench.options.encoding = "iso-2022-jp".parse().unwrap();
    bench.write("a.csv", encoded("text\n日本語\n", "iso-2022-jp"));
    bench.write("a.txt", encoded("日本語\n文章\n", "iso-2022-jp"));
    let summary = bench.ingest(&["a.csv", "a.txt"]).unwrap();
    assert_eq!((summary.documents, summary.quarantined), (2, 1));
    assert_eq!(bench.column("text"), ["日本語", "文章"]);
}

#[test]
fn a_bomb_is_given_up_and_what_came_before_stands() {
    let mut bench = Bench::new();
    bench.options.max_expansion = 100;
    let lines = "{\"text\":\"0123456789\"}\n".repeat(4_000_000);
    let zstd = zstd::encode_all(lines.as_bytes(), 3).unwrap();
    let summary = bench
        .write("a.jsonl.zst", zstd)
        .ingest(&["a.jsonl.zst"])
        .unwrap();
    let [row] = &bench.quarantine()[..] else {
        panic!("one row")
    };
    assert!(
        row.reason
            .ends_with("more than 100 times as long (--max-expansion)"),
        "{}",
        row.reason
    );
    let before = row.record as u64 - 1;
    assert_eq!(summary.documents, before);
    assert!(before * 23 > 63 << 20, "{before}");
}

#[test]
fn json_values_in_arrays_and_one_after_the_other() {
    let bench = Bench::new();
    bench.write("array.json", "[\n  {\"text\": \"a ]}\", \"n\": 1},\n  {\"text\": \"b\",\n   \"deep\": {\"text\": \"no\"}}, 7\n]\n");
    bench.write(
        "follow.json",
        "{\n\"text\": \"c\"\n}{\"text\":\"d\"} {\"text\":\"e\"",
    );
    bench.write("cut.json", "[{\"text\":\"f\"},");
    let summary = bench
        .ingest(&["array.json", "follow.json", "cut.json"])
        .unwrap();
    assert_eq!(bench.column("text"), ["a ]}", "b", "c", "d", "f"]);
    assert_eq!(
        tail(bench.column("doc_id")),
        [
            "array.json#1",
            "array.json#2",
            "follow.json#1",
            "follow.json#2",
            "cut.json#1"
        ]
    );
    let rows: Vec<(String, usize, Option<usize>, String)> = bench
        .quarantine()
        .into_iter()
        .map(|row| {
            (
                row.file,
                row.record,
                row.offset,
                String::from_utf8(row.raw).unwrap(),
            )
        })
        .collect();
    let row = |name: &str, record, offset, raw: &str| {
        (name.to_string(), record, Some(offset), raw.to_string())
    };
    let expected = [
        row("array.json", 3, 74, "7"),
        row("follow.json", 3, 28, "{\"text\":\"e\""),
        row("cut.json", 2, 14, ""),
    ];
    assert_eq!(rows, expected);
    assert_eq!(summary.quarantined, 3);
}

/// In GBK, Big5 and Shift_JIS a backslash, a bracket and `|` may be the second byte of a character.
#[test]
fn what_is_kept_of_a_long_record_may_end_anywhere() {
    let mut bench = Bench::new();
    bench.options.max_record_bytes = 70_000;
    // The first 64 KiB end with a third of a character; the next line begins with the rest of one.
    let mut bytes = "中".repeat(30_000).into_bytes();
    bytes.extend(b"\n\xB8\xADabc\nfine\n");
    bench.write("a.txt", bytes);
    bench.options.encoding = "utf-8".parse().unwrap();
    bench.ingest(&["a.txt"]).unwrap();
    assert_eq!(bench.column("text"), ["fine"]);
    assert_eq!(bench.quarantine().len(), 2);
}

#[test]
fn a_changed_archive_replaces_what_was_in_it_and_nothing_else() {
    let mut bench = Bench::new();
    bench.write("a.zip", zip(&[("x.txt", b"one"), ("in/y.txt", b"two")]));
    bench.write("a.zip.d/x.txt", "three");
    bench.ingest(&["a.zip", "a.zip.d"]).unwrap();
    bench.write("a.zip", zip(&[("x.txt", b"four!")]));
    bench.options.changed = Changed::Replace;
    assert_eq!(
        bench
            .ingest(&["a.zip", "a.zip.d"])
            .unwrap()
            .replaced_sources,
        1
    );
    let mut texts = bench.column("text");
    texts.sort();
    assert_eq!(texts, ["four!", "three"]);
}

#[test]
fn second_bytes_are_no_marks() {
    let known = "我们在这里说明这个文件用的是什么编码，以便程序猜对。";
    for (label, text, encoding) in [
        ("gbk", "乗a乣b乗", "gbk"),
        ("big5", "功能許蓋", "big5"),
        ("shift_jis", "表示ソ能十", "shift_jis"),
        ("gbk", &format!("乗a乣b乗{known}"), "auto"),
    ] {
        let mut bench = Bench::new();
        bench.options.encoding = encoding.parse().unwrap();
        bench.options.delimiter = Some(b'|');
        bench.write(
            "a.json",
            encoded(
                &format!("[{{\"text\":\"{text}\"}},\n{{\"text\":\"{text}{text}\"}}]"),
                label,
            ),
        );
        bench.write(
            "b.csv",
            encoded(
                &format!("n|text|m\n1|{text}|{text}\n2|\"{text}|\"|\n"),
                label,
            ),
        );
        bench.ingest(&["a.json", "b.csv"]).unwrap();
        let expected = [
            text.to_string(),
            text.repeat(2),
            text.to_string(),
            format!("{text}|"),
        ];
        assert_eq!(bench.column("text"), expected, "{label}");
        assert_eq!(bench.column("m")[2], text);
    }
}

#[test]
fn the_text_may_lie_inside_of_other_fields() {
    let mut bench = Bench::new();
    bench.options.text = "body.content".into();
    bench.options.time = "meta.at".into();
    let lines = [
        r#"{"id":1,"body":{"content":"a","lang":"zh"},"meta":{"at":"2026-11-22"}}"#,
        r#"{"id":2,"body":{"content":"b"},"meta":{"at":"?"}}"#,
        r#"{"id":3,"body":{"other":"c"}}"#,
        r#"{"id":4,"body.content":"d"}"#,
    ];
    let summary = bench
        .write("a.jsonl", lines.join("\n"))
        .ingest(&["a.jsonl"])
        .unwrap();
    assert_eq!((summary.documents, summary.quarantined), (3, 1));
    assert_eq!(bench.column("text"), ["a", "b", "d"]);
    assert_eq!(bench.column("body"), [r#"{"lang":"zh"}"#, "∅", "∅"]);
    assert_eq!(bench.column("orig_meta.at"), ["∅", "?", "∅"]);
    assert_eq!(bench.documents().unwrap()["ts"].null_count(), 2);
}

#[test]
fn csv_dialects_are_told_or_given() {
    let bench = Bench::new();
    bench.write("semicolon.csv", "id;text\n1;\"a, b; c\"\n2;1,5\n");
    bench.write(
        "pipe.csv",
        encoded("编号|text|备注\n1|中文，内容|无\n2|第二行|有\n", "gbk"),
    );
    bench.write("tab.csv", "id\ttext\n3\tx, y\n");
    bench.write("quote.csv", "'id','text'\n'4','it''s, fine'\n");
    let summary = bench
        .ingest(&["semicolon.csv", "pipe.csv", "tab.csv", "quote.csv"])
        .unwrap();
    assert_eq!(summary.quarantined, 0);
    let expected = [
        "a, b; c",
        "1,5",
        "中文，内容",
        "第二行",
        "x, y",
        "it's, fine",
    ];
    assert_eq!(bench.column("text"), expected);

    let mut given = Bench::new();
    given.options.delimiter = Some(b';');
    given.options.quote = Some(b'\'');
    given
        .write("a.csv", "text;b\n'x;y';z\n")
        .ingest(&["a.csv"])
        .unwrap();
    assert_eq!(given.column("text"), ["x;y"]);
    given.options.quote = Some(b';');
    assert!(given.ingest(&["a.csv"]).is_err());
}

const LETTER: &str = "From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: =?utf-8?B?5L2g5aW9?=\r\n\
    Date: Sat, 28 Nov 2026 18:00:00 +0800\r\nX-Mailer: m\r\nContent-Type: text/html; charset=gb2312\r\n\
    Content-Transfer-Encoding: base64\r\n\r\nPHA+1tDOxDxicj6y4srUPC9wPg==\r\n";

#[test]
fn letters_have_their_body_for_text_and_headers_for_columns() {
    let mut bench = Bench::new();
    bench.write("a.eml", LETTER);
    let plain = "Subject: two\n\nbody\n>From the start\n\nFrom within a paragraph\nend\n";
    let bad = "Subject: bad\nContent-Type: text/plain; charset=utf-8\n\n\u{1}";
    let bad = [bad.as_bytes(), b"\xD6\xD0\n"].concat();
    let mbox = [
        b"From ann Sat Nov 28 10:00:00 2026\n".as_slice(),
        LETTER.as_bytes(),
        b"\nFrom bob Sat Nov 28 10:00:00 2026\n",
        plain.replace("\n\nFrom", "\n\n>From").as_bytes(),
        b"\nFrom eve Sat Nov 28 10:00:00 2026\n",
        &bad,
    ]
    .concat();
    bench.write("b.mbox", &mbox).write("c.eml", "");
    let letters =
        "From ann Sat Nov 28 10:00:00 2026\nSubject: s\n\nThanks\n\nFrom the bottom of my heart\n";
    let heart = Bench::new();
    heart.write("e.mbox", letters).ingest(&["e.mbox"]).unwrap();
    assert_eq!(
        heart.column("text"),
        ["Thanks\n\nFrom the bottom of my heart"]
    );
    let summary = bench.ingest(&["a.eml", "b.mbox", "c.eml"]).unwrap();
    assert_eq!(
        bench.column("text"),
        [
            "中文\n测试",
            "中文\n测试",
            "body\nFrom the start\n\nFrom within a paragraph\nend"
        ]
    );
    assert_eq!(bench.column("subject"), ["你好", "你好", "two"]);
    assert_eq!(
        bench.column("from"),
        ["Ann <ann@example.com>", "Ann <ann@example.com>", "∅"]
    );
    assert_eq!(
        tail(bench.column("doc_id")),
        ["a.eml#1", "b.mbox#1", "b.mbox#2"]
    );
    assert!(bench.column("headers")[0].contains(r#"["X-Mailer","m"]"#));
    let ts = bench.documents().unwrap()["ts"].clone();
    assert_eq!(
        ts.as_primitive::<TimestampMicrosecondType>().value(0),
        1_795_860_000_000_000
    );
    let [row] = &bench.quarantine()[..] else {
        panic!("one row")
    };
    assert_eq!((row.record, summary.quarantined), (3, 1));
    assert!(mbox[row.offset.unwrap()..].starts_with(&row.raw));
    assert!(
        row.reason.starts_with("not valid in its encoding"),
        "{}",
        row.reason
    );

    bench.options.bad_bytes = BadBytes::Replace;
    let summary = bench.write("d.mbox", &mbox).ingest(&["d.mbox"]).unwrap();
    assert_eq!((summary.documents, summary.replaced), (3, 1));
}

#[test]
fn headers_in_another_encoding_are_read_refused_or_counted() {
    let mut bench = Bench::new();
    let gbk = b"From: a@example.cn\nContent-Type: text/plain; charset=gbk\nSubject: \xD6\xD0\xCE\xC4\n\n\xB2\xE2\xCA\xD4\n";
    let none = b"From: a@example.cn\nSubject: caf\xE9\n\nbody\n";
    bench.write("a.eml", gbk).write("b.eml", none);
    let summary = bench.ingest(&["a.eml", "b.eml"]).unwrap();
    assert_eq!(bench.column("subject"), ["中文"]);
    assert_eq!(bench.column("text"), ["测试"]);
    assert_eq!((summary.quarantined, summary.replaced), (1, 0));
    let reason = &bench.quarantine()[0].reason;
    assert!(
        reason.contains("headers") && reason.contains("--encoding"),
        "{reason}"
    );
    bench.write("c.eml", none).write("d.eml", none);
    bench.options.bad_bytes = BadBytes::Replace;
    assert_eq!(bench.ingest(&["c.eml"]).unwrap().replaced, 1);
    bench.options.encoding = "windows-1252".parse().unwrap();
    assert_eq!(bench.ingest(&["d.eml"]).unwrap().replaced, 0);
    assert_eq!(bench.column("subject"), ["中文", "caf\u{FFFD}", "café"]);
}

#[test]
fn of_pages_the_text_is_kept() {
    let mut bench = Bench::new();
    let page = "<html><head><title>题目</title></head><body><p>第一段&amp;<p>第二段</body></html>";
    bench.write("a.html", encoded(page, "gbk"));
    bench.write("b.html", page);
    bench.options.encoding = "gbk".parse().unwrap();
    bench.ingest(&["a.html"]).unwrap();
    bench.options.encoding = "auto".parse().unwrap();
    bench.ingest(&["b.html"]).unwrap();
    assert_eq!(bench.column("text"), ["第一段&\n第二段"; 2]);
    assert_eq!(bench.column("title"), ["题目"; 2]);
    let mut records = Bench::new();
    records.options.html = true;
    records.write(
        "a.jsonl",
        "{\"text\":\"<b>a</b> &lt; b<br>c\",\"raw\":\"<i>\"}\n",
    );
    records.ingest(&["a.jsonl"]).unwrap();
    assert_eq!(records.column("text"), ["a < b\nc"]);
    assert_eq!(records.column("raw"), ["<i>"]);
}

fn warc(kind: &str, media_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://example.com/{kind}\r\n\
         WARC-Date: 2026-11-28T10:00:00Z\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body, b"\r\n\r\n"].concat()
}

#[test]
fn of_web_archives_pages_and_plain_text_are_documents() {
    let http = "application/http; msgtype=response";
    let page = b"HTTP/1.1 404 Gone\r\nContent-Type: text/html; charset=gbk\r\n\r\n<title>T</title>\xD6\xD0\xCE\xC4";
    let image = b"HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\n\r\nGIF89a";
    let bad = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ncaf\xE9";
    let records = [
        warc("warcinfo", "application/warc-fields", b"software: x"),
        warc(
            "request",
            "application/http; msgtype=request",
            b"GET / HTTP/1.1\r\n\r\n",
        ),
        warc("response", http, page),
        warc("response", http, image),
        warc("response", http, bad),
        warc("conversion", "text/plain", b"from a WET"),
        String::from_utf8(warc("response", http, page.split_at(60).0))
            .unwrap()
            .replace("Content-Length: 60", "Content-Length: 4000000000")
            .into_bytes(),
        warc("resource", "text/html", b"<p>last"),
    ];
    let whole = records.concat();
    let members: Vec<u8> = records.iter().flat_map(|record| gzip(record)).collect();
    let offsets: Vec<usize> = records
        .iter()
        .scan(0, |at, record| {
            Some(std::mem::replace(at, *at + record.len()))
        })
        .collect();
    for (name, bytes) in [
        ("a.warc", &whole),
        ("a.warc.gz", &members),
        ("b.gz", &members),
    ] {
        let mut bench = Bench::new();
        // Longer than a small file that is read in one go, and with a window that the huge length leads beyond.
        let filler = warc("metadata", "text/plain", &[b'x'; 100_000]);
        bench.options.max_record_bytes = 200_000;
        let filler = if name.ends_with("gz") {
            gzip(&filler)
        } else {
            filler
        };
        bench.write(name, [bytes.as_slice(), &filler].concat());
        if name == "b.gz" {
            bench.options.format = Some(InputFormat::Warc);
        }
        let summary = bench.ingest(&[name]).unwrap();
        assert_eq!(summary.other_records, 4, "{name}");
        assert_eq!(
            bench.column("text"),
            ["中文", "from a WET", "last"],
            "{name}"
        );
        assert_eq!(
            bench.column("url"),
            ["response", "conversion", "resource"].map(|kind| format!("http://example.com/{kind}"))
        );
        assert_eq!(bench.column("http_status"), ["404", "∅", "∅"]);
        assert_eq!(bench.column("title"), ["T", "∅", "∅"]);
        assert_eq!(bench.column("ts")[0], "2026-11-28T10:00:00Z");
        assert!(bench.column("http_headers")[0].contains("charset=gbk"));
        let ids = tail(bench.column("doc_id"));
        assert_eq!(ids, ["3", "6", "8"].map(|n| format!("{name}#{n}")));
        let refused = bench.quarantine();
        let places: Vec<_> = refused
            .iter()
            .map(|row| (row.record, row.offset, row.length))
            .collect();
        let expected = [5, 7].map(|n| (n, Some(offsets[n - 1]), records[n - 1].len()));
        assert_eq!(places, expected, "{name}");
        assert!(refused[0].reason.contains("UTF-8"), "{}", refused[0].reason);
        assert!(
            refused[1]
                .reason
                .starts_with("not a WARC record: its Content-Length"),
            "{}",
            refused[1].reason
        );
        assert_eq!(refused[1].raw, records[6]);
    }
}

#[test]
fn a_damaged_web_archive_costs_what_is_damaged() {
    let page = |n: usize| warc("resource", "text/plain", format!("page {n}").as_bytes());
    let whole: Vec<u8> = (0..3).flat_map(page).collect();
    let cut = &whole[..whole.len() - 9];
    let bench = Bench::new();
    bench.write("cut.warc", cut);
    let torn = [gzip(&page(0)), gzip(&page(1))[..30].to_vec()].concat();
    bench.write("torn.warc.gz", torn);
    bench.write("none.warc", "nothing of the kind\n");
    let garbage = [page(0), b"lost\nbytes\n".to_vec(), page(1)].concat();
    bench.write("garbage.warc", garbage);
    bench.write(
        "long.warc",
        [
            page(0),
            warc("resource", "text/plain", &[b'x'; 3000]),
            page(1),
        ]
        .concat(),
    );
    let mut bench = bench;
    bench.options.max_record_bytes = 2000;
    bench
        .ingest(&[
            "cut.warc",
            "torn.warc.gz",
            "none.warc",
            "garbage.warc",
            "long.warc",
        ])
        .unwrap();
    let texts = [
        "page 0", "page 1", "page 0", "page 0", "page 1", "page 0", "page 1",
    ];
    assert_eq!(bench.column("text"), texts);
    let refused: Vec<_> = bench
        .quarantine()
        .into_iter()
        .map(|row| (row.file, row.record, row.reason))
        .collect();
    let kinds = [
        ("cut.warc", 3, "not a WARC record: its Content-Length"),
        ("torn.warc.gz", 2, "input cannot be read: "),
        ("none.warc", 1, "not a WARC record: it does not begin"),
        ("garbage.warc", 2, "not a WARC record: it does not begin"),
        ("long.warc", 2, "too long"),
    ];
    assert_eq!(refused.len(), kinds.len(), "{refused:?}");
    for ((file, record, reason), (expected, number, begin)) in refused.iter().zip(kinds) {
        assert_eq!((file.as_str(), *record), (expected, number), "{reason}");
        assert!(reason.starts_with(begin), "{file}: {reason}");
    }
}

/// Of each row group of the documents, how many bytes its texts have.
fn texts_by_row_group(store: &Path) -> Vec<usize> {
    let mut sizes = Vec::new();
    let mut files: Vec<_> = walkdir::WalkDir::new(store.join("documents"))
        .into_iter()
        .filter_map(|entry| entry.ok())
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "parquet"))
        .map(|entry| entry.into_path())
        .collect();
    files.sort();
    for path in files {
        let open = || fs::File::open(&path).unwrap();
        let groups = ParquetRecordBatchReaderBuilder::try_new(open()).unwrap();
        for group in 0..groups.metadata().num_row_groups() {
            let reader = ParquetRecordBatchReaderBuilder::try_new(open()).unwrap();
            let reader = reader.with_row_groups(vec![group]).build().unwrap();
            let bytes = reader.map(|batch| {
                let texts = strings(&batch.unwrap(), "text");
                texts.iter().map(String::len).sum::<usize>()
            });
            sizes.push(bytes.sum());
        }
    }
    sizes
}

#[test]
fn what_a_web_archive_unpacks_to_is_held_in_bounds() {
    let packed = |length: usize| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n\r\n";
        let body = [&head[..], &gzip(&vec![b'x'; length])].concat();
        warc("response", "application/http", &body)
    };
    let mut records = vec![packed(100_000); 30];
    records.push(packed(100_001));
    records.push(warc("resource", "text/plain", b"last"));
    for threads in [1, 3] {
        let mut bench = Bench::new();
        bench.options.threads = NonZeroUsize::new(threads);
        bench.options.max_record_bytes = 100_000;
        bench.options.row_group_bytes = 32 << 10;
        bench.write("a.warc", records.concat());
        bench.ingest(&["a.warc"]).unwrap();
        let sizes = texts_by_row_group(&bench.store());
        assert_eq!(sizes.iter().sum::<usize>(), 3_000_004);
        // Eight times as much as of packed bytes, and a record.
        assert!(
            sizes.iter().all(|&size| size <= 8 * (32 << 10) + 100_000),
            "{sizes:?}"
        );
        let ids = tail(bench.column("doc_id"));
        let expected: Vec<_> = (1..=30)
            .chain([32])
            .map(|n| format!("a.warc#{n}"))
            .collect();
        assert_eq!(ids, expected);
        let refused = bench.quarantine();
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].record, 31);
        let reason = "too long: its body, Content-Encoding \"gzip\": it becomes longer than \
                      100000 bytes (--max-record-bytes)";
        assert_eq!(refused[0].reason, reason);
    }
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_read_as_it_is_written() {
    let bench = Bench::new();
    let pipe = bench.path("pipe.jsonl");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    // A plain writer: it opens the pipe, writes and goes, as `cat` does.
    let writer = std::thread::spawn(move || {
        let mut pipe = fs::File::options().write(true).open(pipe).unwrap();
        (0..3).try_for_each(|n| pipe.write_all(format!("{{\"text\":\"{n}\"}}\n").as_bytes()))
    });
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let summary = bench.ingest(&["pipe.jsonl"]);
        let _ = done.send((summary.map(|summary| summary.documents), bench));
    });
    let ended = ended.recv_timeout(std::time::Duration::from_secs(60));
    let (documents, bench) = ended.expect("the ingest waits for another writer");
    assert_eq!(documents.unwrap(), 3);
    assert_eq!(bench.column("text"), ["0", "1", "2"]);
    writer.join().unwrap().unwrap();
}

#[cfg(unix)]
#[test]
fn a_pipe_is_never_the_same_twice() {
    let mut bench = Bench::new();
    let zipped = zip(&[("in.txt", b"zipped\n")]);
    for (name, bytes) in [
        ("p.txt", &b"one\n"[..]),
        ("q.txt.gz", &gzip(b"packed\n")),
        ("r.zip", &zipped),
    ] {
        let pipe = bench.path(name);
        assert!(
            Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        for _ in 0..2 {
            let (pipe, bytes) = (pipe.clone(), bytes.to_vec());
            let writer = std::thread::spawn(move || fs::write(pipe, bytes).unwrap());
            let summary = bench.ingest(&[name]).unwrap();
            writer.join().unwrap();
            assert_eq!(
                (summary.documents, summary.skipped_sources),
                (1, 0),
                "{name}"
            );
        }
    }
    assert_eq!(
        bench.column("text"),
        ["one", "one", "packed", "packed", "zipped", "zipped"]
    );
    let sources = tail(bench.column("source"));
    assert_eq!(sources[..2], ["p.txt-000001", "p.txt-000002"]);
    // Its name tells nothing: its first bytes do.
    let pipe = bench.path("nameless");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let writer = std::thread::spawn(move || fs::write(pipe, "{\"text\":\"json\"}\n").unwrap());
    bench.options.text = "text".into();
    assert_eq!(bench.ingest(&["nameless"]).unwrap().documents, 1);
    writer.join().unwrap();
}

#[cfg(unix)]
#[test]
fn links_to_nothing_and_strange_names_stop_nothing() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    let bench = Bench::new();
    bench.write("d/a.txt", "one\n");
    let strange = std::ffi::OsStr::from_bytes(b"bad\xFF.txt");
    fs::write(bench.path("d").join(strange), "two\n").unwrap();
    for (to, name) in [
        ("absent", "b.txt"),
        ("c.txt", "c.txt"),
        ("..", "up"),
        ("absent", ".#lock.txt"),
    ] {
        symlink(to, bench.path("d").join(name)).unwrap();
    }
    let summary = bench.ingest(&["d/*.txt"]).unwrap();
    assert_eq!((summary.documents, summary.broken_links), (2, 2));
    let summary = bench.ingest(&["d"]).unwrap();
    assert_eq!((summary.skipped_sources, summary.broken_links), (2, 2));
    assert_eq!(tail(bench.column("source")), ["a.txt", "bad\\xFF.txt"]);
}

#[test]
fn a_long_record_whose_length_is_wrong_costs_no_other() {
    let page = |n: usize| warc("resource", "text/plain", format!("page {n}").as_bytes());
    let long = |claimed: usize| {
        let body = vec![b'x'; 700_000];
        let record = warc("resource", "image/gif", &body);
        let length = format!("Content-Length: {}", body.len());
        let head = String::from_utf8(record[..250].to_vec()).unwrap();
        let head = head.replace(&length, &format!("Content-Length: {claimed}"));
        [head.as_bytes(), &record[250..]].concat()
    };
    // Too long by a little, by far, and too short.
    for claimed in [700_300, 1 << 50, 300_000] {
        let mut bench = Bench::new();
        bench.options.max_record_bytes = 100_000;
        let text = [page(0), long(claimed), page(1), page(2), page(3)].concat();
        bench.write("a.warc", text);
        bench.ingest(&["a.warc"]).unwrap();
        let pages = [0, 1, 2, 3].map(|n| format!("page {n}"));
        assert_eq!(bench.column("text"), pages, "{claimed}");
        let refused = bench.quarantine();
        assert_eq!(refused.len(), 1, "{claimed}");
        assert_eq!(refused[0].length, long(claimed).len(), "{claimed}");
    }
    // A body may speak of WARC, and hold what a record would begin with, if no header followed.
    let speaks = "\n\nWARC/1.0 is a format\r\n\r\nWARC/1.0\r\n\r\n".repeat(20_000);
    let mut bench = Bench::new();
    bench.options.max_record_bytes = 100_000;
    let about = warc("resource", "text/plain", speaks.as_bytes());
    bench.write("a.warc", [page(0), about.clone(), page(1)].concat());
    bench.ingest(&["a.warc"]).unwrap();
    assert_eq!(bench.column("text"), ["page 0", "page 1"]);
    let refused = bench.quarantine();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].length, about.len());
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn archives_are_read_file_by_file() {
    let bench = Bench::new();
    let packed = gzip(b"{\"text\":\"packed\"}\n");
    let table = encoded("text;n\n中文的内容在这里;1\n", "gbk");
    let parquet = sample_parquet();
    let members: Vec<(&str, &[u8])> = vec![
        ("in/a.jsonl.gz", &packed),
        ("in/table.csv", &table),
        ("in/notes.unknown", b"?"),
        ("p.parquet", &parquet),
        ("letter.eml", LETTER.as_bytes()),
        ("twice.txt", b"first\n"),
    ];
    let inner = zip(&[("deep.txt", b"deep\n")]);
    let mut all = members.clone();
    all.push(("inner.zip", &inner));
    all.push(("twice.txt", b"second\n"));
    bench.write("a.tar", tar(&all));
    bench.write("b.tgz", gzip(&tar(&members)));
    bench.write("c.zip", zip(&members));
    let summary = bench.ingest(&["a.tar", "b.tgz", "c.zip"]).unwrap();
    let text = [
        "packed",
        "中文的内容在这里",
        "a",
        "中",
        "中文\n测试",
        "first",
    ];
    let expected = [&text[..], &["deep", "second"], &text, &text].concat();
    assert_eq!(bench.column("text"), expected);
    let prefix = format!("{}/", bench.dir.path().display());
    let ids: Vec<String> = bench
        .column("doc_id")
        .iter()
        .map(|id| id.replace(&prefix, ""))
        .collect();
    assert_eq!(ids[0], "a.tar/in/a.jsonl.gz#1");
    assert_eq!(
        ids[6..8],
        ["a.tar/inner.zip/deep.txt#1", "a.tar/twice.txt (2)#1"]
    );
    // The row of Parquet that has no text, three times.
    assert_eq!(
        (summary.quarantined, summary.unknown_files, summary.sources),
        (3, 3, 3)
    );
    assert_eq!(bench.ingest(&["a.tar"]).unwrap().skipped_sources, 1);
}

#[test]
fn members_of_one_name_in_a_zip_are_all_read() {
    let bench = Bench::new();
    let names = ["one.txt", "two.txt", "6ne.txt", "7ne.txt", "two.md"];
    let members: Vec<(&str, &[u8])> = names.iter().map(|n| (*n, n.as_bytes())).collect();
    let mut bytes = zip(&members);
    // The crate writes no name twice.
    for other in [b"6ne.txt", b"7ne.txt"] {
        let places: Vec<usize> = (0..bytes.len() - other.len())
            .filter(|at| bytes[*at..].starts_with(other))
            .collect();
        for at in places {
            bytes[at] = b'o';
        }
    }
    bench
        .write("a.zip", &bytes)
        .write("b.zip", [&b"#!/bin/sh\n"[..], &bytes].concat());
    let summary = bench.ingest(&["a.zip", "b.zip"]).unwrap();
    let expected = [
        "a.zip/one.txt#1 one.txt",
        "a.zip/one.txt (2)#1 6ne.txt",
        "a.zip/two.txt#1 two.txt",
        "a.zip/one.txt (3)#1 7ne.txt",
    ];
    let prefix = format!("{}/", bench.dir.path().display());
    let ids = bench.column("doc_id");
    let mut found: Vec<String> = (ids.iter().zip(bench.column("text")))
        .map(|(id, text)| format!("{} {text}", id.replace(&prefix, "")))
        .collect();
    found.sort();
    let mut all: Vec<String> = expected
        .iter()
        .flat_map(|id| [(*id).to_string(), id.replace("a.zip", "b.zip")])
        .collect();
    all.sort();
    assert_eq!(found, all);
    assert_eq!((summary.quarantined, summary.unknown_files), (0, 2));
    // A list that says it is shorter than it is, as of a tool that counts in 16 bits.
    let end = bytes.len() - 22;
    bytes[end + 8] = 2;
    bytes[end + 10] = 2;
    let summary = bench.write("c.zip", &bytes).ingest(&["c.zip"]).unwrap();
    assert!(summary.documents >= 2, "{summary:?}");
    let reason = &bench.quarantine()[0].reason;
    assert!(reason.contains("more members than can be read"), "{reason}");
}

/// A member as `tar` has it, of any kind, with its header as `set` leaves it.
fn tar_member(name: &str, kind: u8, data: &[u8], set: impl FnOnce(&mut tar::GnuHeader)) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_size(data.len() as u64);
    header.set_mode(0o644);
    set(header.as_gnu_mut().unwrap());
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

#[test]
fn members_of_a_tar_are_read_whatever_their_kind_or_refused() {
    let bench = Bench::new();
    let pax = |pairs: &[(&str, &str)]| {
        let records = pairs.iter().map(|(key, value)| {
            // Less than a hundred bytes with its own length.
            format!("{:02} {key}={value}\n", key.len() + value.len() + 5)
        });
        records.collect::<String>().into_bytes()
    };
    // 600 bytes that are there, in a file of 2 kB.
    let there = format!("{}\n", "x".repeat(511)).into_bytes();
    let holes = tar_member("holes.txt", b'S', &there, |header| {
        header.set_real_size(2048);
        header.sparse[0].offset.copy_from_slice(b"00000001000\0");
        header.sparse[0].numbytes.copy_from_slice(b"00000001000\0");
        header.sparse[1].offset.copy_from_slice(b"00000004000\0");
        header.sparse[1].numbytes.copy_from_slice(b"00000000000\0");
    });
    let none = |_: &mut tar::GnuHeader| {};
    let map = pax(&[("GNU.sparse.major", "1"), ("GNU.sparse.name", "map.txt")]);
    let tar = [
        tar_member("plain.txt", b'0', b"plain\n", none),
        tar_member("whole.txt", b'7', b"contiguous\n", none),
        holes,
        tar_member("pax", b'x', &map, none),
        tar_member("GNUSparseFile.1/map.txt", b'0', b"1\n0\n5\nholes\n", none),
        tar_member("other.txt", b'Z', b"what\n", none),
        tar_member("other.unknown", b'Z', b"what\n", none),
        tar_member("folder", b'5', b"", none),
        tar_member("volume", b'V', b"", none),
        tar_member("last.txt", b'0', b"last\n", none),
        vec![0; 1024],
    ];
    let summary = bench
        .write("a.tar", tar.concat())
        .ingest(&["a.tar"])
        .unwrap();
    let text = bench.column("text");
    assert_eq!(
        [&text[0], &text[1], &text[4]],
        ["plain", "contiguous", "last"],
        "{text:?}"
    );
    assert_eq!(
        text[2],
        format!("{}{}", "\0".repeat(512), "x".repeat(511)),
        "what is before the first line feed"
    );
    assert_eq!(text[3], "\0".repeat(1024));
    let refused = bench.quarantine();
    let refused: Vec<(&str, bool)> = refused
        .iter()
        .map(|row| (row.file.as_str(), row.reason.contains("not read")))
        .collect();
    assert_eq!(refused, [("map.txt", true), ("other.txt", true)]);
    assert_eq!((summary.quarantined, summary.unknown_files), (2, 1));

    // A hole that would fill a disk.
    let bomb = tar_member("bomb.txt", b'S', b"", |header| {
        header.set_real_size(1 << 32);
        header.sparse[0].offset.copy_from_slice(b"40000000000\0");
        header.sparse[0].numbytes.copy_from_slice(b"00000000000\0");
    });
    let summary = bench.write("b.tar", bomb).ingest(&["b.tar"]).unwrap();
    assert_eq!((summary.documents, summary.quarantined), (0, 1));
}

#[test]
fn members_that_fill_a_disk_together_are_given_up() {
    let text = format!("{}\n", "x".repeat(1 << 20)).repeat(25);
    let members = ["a.txt", "b.txt", "c.txt", "d.txt"].map(|name| (name, text.as_bytes()));
    let bench = Bench::new();
    bench.write("all.zip", zip(&members));
    let summary = bench.ingest(&["all.zip"]).unwrap();
    assert!((60..65).contains(&summary.documents), "{summary:?}");
    let refused = bench.quarantine();
    let files: Vec<&str> = refused.iter().map(|row| row.file.as_str()).collect();
    assert_eq!(files, ["c.txt", "d.txt"]);
    for row in refused {
        let why = "with all that is in the same archive it becomes more than 500 times as long (--max-expansion)";
        assert!(row.reason.ends_with(why), "{}", row.reason);
    }
}

#[test]
fn what_stands_before_a_member_of_a_tar_is_bounded() {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |kind: tar::EntryType, name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, bytes).unwrap();
    };
    let file = tar::EntryType::Regular;
    // Neither what is passed over nor what is read counts.
    add(file, "unknown.bin", &vec![0; 3 << 20]);
    add(file, "long.txt", &b"a line of text\n".repeat(100_000));
    add(
        file,
        &format!("{}/named.txt", "far/".repeat(100)),
        b"named\n",
    );
    add(tar::EntryType::GNULongName, "name", &vec![b'n'; 2 << 20]);
    add(file, "after.txt", b"after\n");
    let bench = Bench::new();
    bench.write("a.tar", builder.into_inner().unwrap());
    let summary = bench.ingest(&["a.tar"]).unwrap();
    assert_eq!((summary.documents, summary.unknown_files), (100_001, 1));
    assert_eq!(bench.column("text")[100_000], "named");
    let [refused] = &bench.quarantine()[..] else {
        panic!("one row")
    };
    assert!(
        refused
            .reason
            .contains("what stands before a member is longer"),
        "{}",
        refused.reason
    );
}

#[test]
fn an_archive_in_the_place_of_a_folder_has_names_of_its_own() {
    for archive_first in [false, true] {
        let bench = Bench::new();
        let folder = || {
            let _ = fs::remove_file(bench.path("a.zip"));
            bench.write("a.zip/x.txt", "in a folder\n");
        };
        let archive = || {
            let _ = fs::remove_dir_all(bench.path("a.zip"));
            bench.write("a.zip", zip(&[("x.txt", b"in an archive\n")]));
        };
        let texts = if archive_first {
            archive();
            bench.ingest(&["a.zip"]).unwrap();
            folder();
            ["in an archive", "in a folder"]
        } else {
            folder();
            bench.ingest(&["a.zip"]).unwrap();
            archive();
            ["in a folder", "in an archive"]
        };
        assert_eq!(bench.ingest(&["a.zip"]).unwrap().documents, 1);
        assert_eq!(bench.column("text"), texts);
        let ids = bench.column("doc_id");
        assert!(ids[0].ends_with("a.zip/x.txt#1"), "{ids:?}");
        assert_ne!(ids[0], ids[1]);
    }
}

#[test]
fn broken_archives_cost_what_cannot_be_read() {
    let bench = Bench::new();
    let lines = "a line of text\n".repeat(2_000);
    let whole = tar(&[("a.txt", b"one\n"), ("b.txt", lines.as_bytes())]);
    bench.write("cut.tar", &whole[..whole.len() / 2]);
    let whole = zip(&[
        ("a.txt", b"one\n"),
        ("b.txt", b"two\n"),
        ("c.txt", b"three\n"),
    ]);
    bench.write("cut.zip", &whole[..whole.len() - 30]);
    let mut flipped = whole.clone();
    let at = flipped
        .windows(5)
        .position(|name| name == b"b.txt")
        .unwrap()
        + 5;
    flipped[at] ^= 0x55;
    bench
        .write("flipped.zip", &flipped)
        .write("none.tar", "no archive");
    let summary = bench
        .ingest(&["cut.tar", "cut.zip", "flipped.zip", "none.tar"])
        .unwrap();
    let mut by_file: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for source in tail(bench.column("source")) {
        by_file.entry(source).or_default().0 += 1;
    }
    assert!(
        summary.documents > 900 && by_file["b.txt"].0 < 2_000,
        "{by_file:?}"
    );
    assert!(
        bench
            .column("text")
            .iter()
            .all(|text| ["one", "three", "a line of text"].contains(&text.as_str()))
    );
    let quarantine = bench.quarantine();
    let of = |name: &str| quarantine.iter().filter(|row| row.file == name).count();
    assert!(of("cut.zip") == 1 && of("none.tar") == 1, "{quarantine:?}");
    assert!(
        of("b.txt") == 2,
        "the line cut off in the tar, and the bytes flipped in the zip: {quarantine:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_archives_and_letters_end_in_documents_or_quarantine(
        at in 0usize..4_000,
        byte in any::<u8>(),
        cut in 0usize..4_000,
        kind in 0usize..4,
    ) {
        let members: [(&str, &[u8]); 3] = [
            ("a.txt", b"one\n"), ("b.jsonl", b"{\"text\":\"two\"}\n"), ("c.eml", LETTER.as_bytes()),
        ];
        let (name, mut bytes) = match kind {
            0 => ("x.tar", tar(&members)),
            1 => ("x.zip", zip(&members)),
            2 => ("x.mbox", format!("From a\n{LETTER}\nFrom b Sat Nov 28 10:00:00 2026\n{LETTER}").into_bytes()),
            _ => ("x.tgz", gzip(&tar(&members))),
        };
        if let Some(there) = bytes.get_mut(at) {
            *there = byte;
        }
        bytes.truncate(cut.max(1));
        let bench = Bench::new();
        let summary = bench.write(name, &bytes).ingest(&[name]).unwrap();
        let rows = bench.documents().map_or(0, |batch| batch.num_rows()) + bench.quarantine().len();
        prop_assert_eq!(summary.documents + summary.quarantined, rows as u64);
    }
}

fn sample_parquet() -> Vec<u8> {
    let text: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("中")]));
    let small: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    let lists = vec![Some(vec![Some(1), None]), None, Some(vec![])];
    let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists));
    let ts: ArrayRef = Arc::new(Int64Array::from(vec![Some(1_700_000_000_000), None, None]));
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let kind = cast(&text, &dictionary).unwrap();
    let columns = [
        ("text", text),
        ("small", small),
        ("list", list),
        ("ts", ts),
        ("kind", kind),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn parquet_keeps_its_types() {
    let bench = Bench::new();
    let bytes = sample_parquet();
    bench
        .write("a.parquet", &bytes)
        .write("b.parquet.gz", gzip(&bytes));
    bench
        .write("broken.parquet", &bytes[..bytes.len() - 9])
        .write("c.parquet", "not Parquet at all");
    let summary = bench
        .ingest(&["a.parquet", "b.parquet.gz", "broken.parquet", "c.parquet"])
        .unwrap();
    assert_eq!((summary.documents, summary.quarantined), (4, 4));
    let ids = [
        "a.parquet#1",
        "a.parquet#3",
        "b.parquet.gz#1",
        "b.parquet.gz#3",
    ];
    assert_eq!(tail(bench.column("doc_id")), ids);
    assert_eq!(bench.column("text"), ["a", "中", "a", "中"]);
    assert_eq!(bench.column("list")[..2], ["[1,null]", "[]"]);
    let documents = bench.documents().unwrap();
    assert_eq!(
        documents["small"].as_primitive::<Int32Type>().values()[..2],
        [1, 3]
    );
    assert_eq!(documents["kind"].data_type(), &DataType::Utf8View);
    let ts = documents["ts"].as_primitive::<TimestampMicrosecondType>();
    assert_eq!((ts.value(0), ts.is_null(1)), (1_700_000_000_000_000, true));
    let rows: Vec<(String, usize, Option<usize>)> = bench
        .quarantine()
        .into_iter()
        .map(|row| (row.file, row.record, row.offset))
        .collect();
    let row = |name: &str, record| (name.to_string(), record, None);
    let expected = [
        row("a.parquet", 2),
        row("b.parquet.gz", 2),
        row("broken.parquet", 1),
        row("c.parquet", 1),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn parquet_bytes_and_maps_without_string_keys_become_text() {
    let bench = Bench::new();
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![Some(&b"\xFF\x01"[..]), Some(b"ok")]));
    let mut maps = MapBuilder::new(None, Int32Builder::new(), StringBuilder::new());
    maps.keys().append_value(1);
    maps.values().append_value("one");
    maps.append(true).unwrap();
    maps.append(false).unwrap();
    let columns = [
        ("text", text),
        ("bytes", bytes),
        ("map", Arc::new(maps.finish()) as _),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    bench.write("a.parquet", writer.into_inner().unwrap());
    assert_eq!(bench.ingest(&["a.parquet"]).unwrap().documents, 2);
    assert_eq!(bench.column("bytes"), ["ff01", "ok"]);
    let map = bench.column("map");
    assert!(map[0].contains("1: one"), "{map:?}");
}

#[test]
fn a_wider_type_or_a_new_column_begins_a_part() {
    let mut bench = Bench::new();
    bench.options.row_group_bytes = 1;
    let values = ["1", "2.5", "3", "\"x\",\"m\":true"];
    let lines: String = values
        .iter()
        .map(|n| format!("{{\"text\":\"t\",\"n\":{n}}}\n"))
        .collect();
    bench.write("a.jsonl", lines).ingest(&["a.jsonl"]).unwrap();
    let types: Vec<String> = parquet_files(&bench.store().join("documents"))
        .iter()
        .map(|path| {
            let file = fs::File::open(path).unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
            let fields = reader.schema().fields();
            let own = fields
                .iter()
                .skip(5)
                .map(|f| format!("{} {}", f.name(), f.data_type()));
            own.collect::<Vec<_>>().join(", ")
        })
        .collect();
    assert_eq!(types, ["n Int64", "n Float64", "n Utf8View, m Boolean"]);
    assert_eq!(bench.column("n"), ["1", "2.5", "3.0", "x"]);
}

#[test]
fn columns_have_an_end() {
    let mut bench = Bench::new();
    bench.options.row_group_bytes = 20_000;
    let lines: String = (0..3_000)
        .map(|n| format!("{{\"text\":\"t\",\"c{}\":{n}}}\n", n % 1_500))
        .collect();
    let summary = bench.write("a.jsonl", lines).ingest(&["a.jsonl"]).unwrap();
    assert_eq!(bench.documents().unwrap().num_columns(), 5 + 1_000);
    assert_eq!(summary.documents, 2_000);
    assert_eq!(summary.reasons, [("too many columns".to_string(), 1_000)]);
    assert!(
        bench
            .quarantine()
            .iter()
            .all(|row| row.raw.starts_with(b"{\"text\":\"t\",\"c1"))
    );
    // All of it in one chunk.
    let wide: String = (0..1_500)
        .map(|n| format!("{{\"text\":\"t\",\"c{n}\":{n}}}\n"))
        .collect();
    let bench = Bench::new();
    let summary = bench.write("a.jsonl", wide).ingest(&["a.jsonl"]).unwrap();
    assert_eq!(summary.documents + summary.quarantined, 1_500);
    assert!(
        (990..=1_000).contains(&summary.documents),
        "{}",
        summary.documents
    );
}

#[test]
fn rows_are_the_same_for_any_number_of_threads() {
    let contents = |threads: usize| {
        let mut bench = Bench::new();
        bench.options.threads = NonZeroUsize::new(threads);
        bench.options.row_group_bytes = 4_000;
        for file in 0..40 {
            let line = |n: usize| match (n + file) % 17 {
                0 => "{broken\n".to_string(),
                1 => format!("{{\"text\":\"中文 {n}\",\"n\":{n}.5}}\n"),
                _ => format!(
                    "{{\"text\":\"text {n} of {file}\",\"n\":{n},\"f{}\":\"x\"}}\n",
                    file / 10
                ),
            };
            bench.write(
                &format!("in/{file:02}.jsonl"),
                (0..50).map(line).collect::<String>(),
            );
        }
        let summary = bench.ingest(&["in"]).unwrap();
        assert_eq!(summary.documents + summary.quarantined, 2_000);
        let mut files = Vec::new();
        for folder in ["documents", "quarantine"] {
            for path in parquet_files(&bench.store().join(folder)) {
                let reader = SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
                let rows: Vec<i64> = reader
                    .metadata()
                    .row_groups()
                    .iter()
                    .map(|group| group.num_rows())
                    .collect();
                files.push((path.file_name().unwrap().to_owned(), rows));
            }
        }
        let rows = ["text", "n", "f0", "f3"].map(|name| bench.column(name));
        (
            files,
            rows,
            bench.quarantine(),
            tail(bench.column("doc_id")),
        )
    };
    let one = contents(1);
    assert!(one.0.len() > 3, "several parts: {:?}", one.0);
    assert_eq!(contents(2), one);
    assert_eq!(contents(7), one);
}

#[test]
fn row_groups_span_small_files_and_carry_the_version() {
    let bench = Bench::new();
    for file in 0..100 {
        bench.write(&format!("in/{file}.txt"), format!("text {file}\n"));
    }
    let summary = bench.ingest(&["in"]).unwrap();
    assert_eq!((summary.documents, summary.sources), (100, 100));
    assert_eq!(
        bench.listing(),
        ["documents/000001-0001.parquet", "ingests/000001.json"]
    );
    let file = fs::File::open(bench.store().join("documents/000001-0001.parquet")).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    assert_eq!(reader.metadata().num_row_groups(), 1);
    let group = reader.metadata().row_group(0);
    assert!(
        group.column(3).statistics().is_none(),
        "no statistics of texts"
    );
    assert!(group.column(0).statistics().is_some());
    let metadata = reader
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .unwrap();
    let version = metadata
        .iter()
        .find(|entry| entry.key == "spanql.version")
        .unwrap();
    assert_eq!(version.value.as_deref(), Some(env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_codec_can_be_read_back() {
    for codec in [
        Codec::Zstd(1),
        Codec::Zstd(19),
        Codec::Lz4,
        Codec::Snappy,
        Codec::None,
    ] {
        let mut bench = Bench::new();
        bench.options.codec = codec;
        bench
            .write("a.txt", "中文\n".repeat(1_000))
            .ingest(&["a.txt"])
            .unwrap();
        assert_eq!(bench.column("text"), vec!["中文"; 1_000], "{codec:?}");
    }
}

#[test]
fn twice_the_same_adds_nothing() {
    let bench = Bench::new();
    bench.write("in/a.txt", "one\n");
    assert_eq!(
        bench.ingest(&["in"]).unwrap().run.as_deref(),
        Some("000001")
    );
    let again = bench.ingest(&["in"]).unwrap();
    assert_eq!(
        (
            again.run,
            again.documents,
            again.sources,
            again.skipped_sources
        ),
        (None, 0, 0, 1)
    );
    bench.write("in/b.txt", "two\n");
    let more = bench.ingest(&["in", "in/a.txt"]).unwrap();
    assert_eq!(
        (more.run.as_deref(), more.documents, more.skipped_sources),
        (Some("000002"), 1, 1)
    );
    assert_eq!(bench.column("text"), ["one", "two"]);
    assert_eq!(bench.listing().len(), 4);
}

#[test]
fn a_changed_file_is_noticed_and_replaces_its_documents_where_asked() {
    let mut bench = Bench::new();
    bench.options.row_group_bytes = 16;
    bench
        .write("in/a.jsonl", "{\"text\":\"a1\"}\n{\n{\"text\":\"a2\"}\n")
        .write("in/b.jsonl", "{\"text\":\"b1\"}\n{\"text\":1}\n")
        .write("in/c.txt", "c1\nc2\n");
    bench.ingest(&["in"]).unwrap();
    let all = ["a1", "a2", "b1", "c1", "c2"];
    assert_eq!(bench.column("text"), all);
    let counts = |summary: &Summary| {
        (
            summary.documents,
            summary.skipped_sources,
            summary.changed_sources,
            summary.replaced_sources,
        )
    };
    // Written anew with the same bytes.
    bench.write("in/c.txt", "c1\nc2\n");
    assert_eq!(counts(&bench.ingest(&["in"]).unwrap()), (0, 3, 0, 0));
    bench
        .write("in/a.jsonl", "{\"text\":\"a3\"}\n")
        .write("in/c.txt", "c1\nc3\n");
    assert_eq!(counts(&bench.ingest(&["in"]).unwrap()), (0, 1, 2, 0));
    assert_eq!(bench.column("text"), all);

    bench.options.changed = Changed::Replace;
    let summary = bench.ingest(&["in"]).unwrap();
    assert_eq!(counts(&summary), (3, 1, 0, 2));
    let mut rows: Vec<(String, String)> = tail(bench.column("doc_id"))
        .into_iter()
        .zip(bench.column("text"))
        .collect();
    rows.sort();
    let row = |id: &str, text: &str| (id.to_string(), text.to_string());
    let expected = [
        row("a.jsonl#1", "a3"),
        row("b.jsonl#1", "b1"),
        row("c.txt#1", "c1"),
        row("c.txt#2", "c3"),
    ];
    assert_eq!(rows, expected);
    let refused: Vec<String> = bench.quarantine().into_iter().map(|row| row.file).collect();
    assert_eq!(refused, ["b.jsonl"]);
    assert_eq!(counts(&bench.ingest(&["in"]).unwrap()), (0, 3, 0, 0));
    // Back to what it was once: what was read last counts.
    bench.write("in/c.txt", "c1\nc2\n");
    assert_eq!(counts(&bench.ingest(&["in"]).unwrap()), (2, 2, 0, 1));
    // To nothing.
    for name in ["in/a.jsonl", "in/b.jsonl", "in/c.txt"] {
        bench.write(name, "");
    }
    assert_eq!(counts(&bench.ingest(&["in"]).unwrap()), (0, 0, 0, 3));
    assert!(bench.documents().is_none());
    assert!(bench.quarantine().is_empty());
}

#[test]
fn what_was_read_with_other_options_can_be_read_again() {
    let mut bench = Bench::new();
    bench.write("a.csv", "content,ts\nsome words,2026-11-22\n");
    bench.write("b.txt", "a line\n");
    let wrong = bench.ingest(&["a.csv", "b.txt"]).unwrap();
    assert_eq!((wrong.documents, wrong.quarantined), (1, 1));
    let again = bench.ingest(&["a.csv", "b.txt"]).unwrap();
    assert_eq!((again.skipped_sources, again.changed_sources), (2, 0));
    // The name of a field is nothing to plain text.
    bench.options.text = "content".into();
    let kept = bench.ingest(&["a.csv", "b.txt"]).unwrap();
    assert_eq!((kept.skipped_sources, kept.changed_sources), (1, 1));
    assert_eq!(bench.column("text"), ["a line"]);
    bench.options.changed = Changed::Replace;
    let right = bench.ingest(&["a.csv", "b.txt"]).unwrap();
    assert_eq!((right.documents, right.replaced_sources), (1, 1));
    let of = |store: &Path| {
        let files = spanql::store::Store::open(store)
            .unwrap()
            .committed()
            .unwrap();
        (files.documents.len(), files.quarantine.len())
    };
    assert_eq!(of(&bench.store()), (2, 0));
    let again = bench.ingest(&["a.csv", "b.txt"]).unwrap();
    assert_eq!((again.skipped_sources, again.changed_sources), (2, 0));
    // Records of earlier versions say no options.
    for run in fs::read_dir(bench.store().join("ingests")).unwrap() {
        let path = run.unwrap().path();
        let mut record: serde_json::Value =
            serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for source in record["sources"].as_array_mut().unwrap() {
            assert!(source.as_object_mut().unwrap().remove("options").is_some());
        }
        fs::write(&path, record.to_string()).unwrap();
    }
    bench.options.text = "text".into();
    let old = bench.ingest(&["a.csv", "b.txt"]).unwrap();
    assert_eq!((old.skipped_sources, old.changed_sources), (2, 0));
}

#[test]
fn files_and_streams_are_recorded_with_what_tells_them_apart() {
    let bench = Bench::new();
    let text = "one\n".repeat(50_000);
    bench
        .write("a.txt", &text)
        .write("b.txt.gz", gzip(text.as_bytes()))
        .write("cut.txt.gz", &gzip(text.as_bytes())[..40])
        .write("c.parquet", sample_parquet());
    bench
        .ingest(&["a.txt", "b.txt.gz", "cut.txt.gz", "c.parquet"])
        .unwrap();
    let record = fs::read(bench.store().join("ingests/000001.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    for source in record["sources"].as_array().unwrap() {
        let path = source["path"].as_str().unwrap();
        let size = fs::metadata(path).unwrap().len();
        assert_eq!(source["stamp"]["size"], size, "{path}");
        assert_eq!(
            source["stamp"]["hash"].as_str().unwrap().len(),
            16,
            "{path}"
        );
    }
    for (folder, rows) in [("documents", 100_002 + 1), ("quarantine", 2)] {
        let files = record["files"][folder].as_array().unwrap();
        let recorded: u64 = files
            .iter()
            .map(|file| file["rows"].as_u64().unwrap())
            .sum();
        assert!(recorded >= rows - 1, "{folder}: {recorded}");
        for file in files {
            let path = bench
                .store()
                .join(folder)
                .join(file["name"].as_str().unwrap());
            assert_eq!(file["bytes"], fs::metadata(path).unwrap().len());
        }
    }
    let again = bench
        .ingest(&["a.txt", "b.txt.gz", "cut.txt.gz", "c.parquet"])
        .unwrap();
    assert_eq!((again.skipped_sources, again.changed_sources), (4, 0));
    // The rest of it has arrived.
    bench.write("cut.txt.gz", gzip(text.as_bytes()));
    assert_eq!(bench.ingest(&["cut.txt.gz"]).unwrap().changed_sources, 1);
}

#[cfg(unix)]
#[test]
fn a_file_in_the_place_of_a_link_is_a_source_of_its_own() {
    let bench = Bench::new();
    bench.write("real.txt", "one\n");
    std::os::unix::fs::symlink(bench.path("real.txt"), bench.path("link.txt")).unwrap();
    bench.ingest(&["link.txt"]).unwrap();
    fs::remove_file(bench.path("link.txt")).unwrap();
    bench
        .write("link.txt", "two\n")
        .ingest(&["link.txt"])
        .unwrap();
    let again = bench.ingest(&["link.txt", "real.txt"]).unwrap();
    assert_eq!((again.documents, again.skipped_sources), (0, 2));
    assert_eq!(
        tail(bench.column("doc_id")),
        ["link.txt#1", "link.txt (2)#1"]
    );
    assert_eq!(bench.column("text"), ["one", "two"]);
}

#[test]
fn nothing_to_read_is_fine_and_nothing_found_is_not() {
    let bench = Bench::new();
    bench
        .write("empty.txt", "")
        .write("blank.jsonl", "\n\n")
        .write("header.csv", "text\n");
    let empty = bench
        .ingest(&["empty.txt", "blank.jsonl", "header.csv"])
        .unwrap();
    assert_eq!(
        (empty.documents, empty.quarantined, empty.sources),
        (0, 0, 3)
    );
    assert_eq!(bench.listing(), ["ingests/000001.json"]);
    let fresh = Bench::new();
    let missing = fresh
        .write("a.txt", "one")
        .ingest(&["a.txt", "missing.txt"])
        .unwrap_err()
        .to_string();
    assert!(missing.contains("missing.txt"), "{missing}");
    assert!(
        !fresh.store().exists(),
        "nothing is made before the inputs are found"
    );
}

#[test]
fn a_stopped_ingest_leaves_nothing() {
    struct Impatient;
    impl Progress for Impatient {
        fn cancelled(&self) -> bool {
            true
        }
    }
    let bench = Bench::new();
    bench.write("a.txt", "one\n");
    let paths = [bench.path("a.txt").display().to_string()];
    let error = ingest(&paths, &bench.store(), &bench.options, &Impatient).unwrap_err();
    assert!(matches!(error, spanql::Error::Interrupted), "{error}");
    assert_eq!(bench.listing(), Vec::<String>::new());
    assert_eq!(bench.ingest(&["a.txt"]).unwrap().documents, 1);
}

#[test]
fn a_format_given_takes_any_name() {
    let mut bench = Bench::new();
    bench.options.format = Some(InputFormat::Text);
    bench
        .write("app.log", "{\"text\":\"x\"}\n")
        .ingest(&["app.log"])
        .unwrap();
    assert_eq!(bench.column("text"), ["{\"text\":\"x\"}"]);
}

/// Runs [`child`] in a process of its own, `before` being what the shell does first.
fn in_child(store: &Path, input: &str, before: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!(
            "{before}\nexec \"$0\" --exact child --ignored --nocapture"
        ))
        .arg(std::env::current_exe().unwrap())
        .env("INGEST_TEST_STORE", store)
        .env("INGEST_TEST_INPUT", input);
    command
}

/// Not a test: the process that others limit, feed and kill.
#[test]
#[ignore = "run by other tests"]
fn child() {
    let (Some(store), Ok(input)) = (
        std::env::var_os("INGEST_TEST_STORE"),
        std::env::var("INGEST_TEST_INPUT"),
    ) else {
        return;
    };
    let options = IngestOptions {
        codec: Codec::None,
        row_group_bytes: 1 << 16,
        ..IngestOptions::default()
    };
    match ingest(&[input], Path::new(&store), &options, &()) {
        Ok(summary) => println!("documents={}", summary.documents),
        Err(error) => println!("error={error}"),
    }
}

#[cfg(unix)]
#[test]
fn a_write_that_fails_in_the_middle_leaves_nothing() {
    let bench = Bench::new();
    bench.write("a.txt", "0123456789abcdef\n".repeat(100_000));
    let input = bench.path("a.txt").display().to_string();
    // No file may grow beyond 128 blocks; with the signal ignored, writing on fails as it does on a full disk.
    let output = in_child(&bench.store(), &input, "trap '' XFSZ; ulimit -f 128")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("error=") && said.contains("000001-0001.parquet"),
        "{said}"
    );
    assert_eq!(bench.listing(), Vec::<String>::new());
    assert_eq!(bench.ingest(&["a.txt"]).unwrap().documents, 100_000);
}

#[test]
fn standard_input_is_read_and_never_skipped() {
    let bench = Bench::new();
    let line = "{\"text\":\"piped\"}\n";
    for piped in [line.as_bytes().to_vec(), gzip(line.as_bytes())] {
        bench.write("piped", &piped);
        let stdin = fs::File::open(bench.path("piped")).unwrap();
        let output = in_child(&bench.store(), "-", "")
            .stdin(stdin)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("documents=1"), "{said}");
    }
    assert_eq!(bench.column("doc_id"), ["stdin-000001#1", "stdin-000002#1"]);
}

#[cfg(unix)]
#[test]
fn a_killed_ingest_leaves_nothing_that_counts_and_can_be_run_again() {
    let bench = Bench::new();
    let fifo = bench.path("slow.txt");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    // Opened for reading too, so that opening waits for nobody; the child waits for more, in the middle of its work.
    let mut pipe = fs::File::options()
        .read(true)
        .write(true)
        .open(&fifo)
        .unwrap();
    let lines = "0123456789abcdef\n".repeat(64);
    let mut child = in_child(&bench.store(), &fifo.display().to_string(), "")
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let part = bench
        .store()
        .join(".tmp-000001/documents/000001-0001.parquet");
    while !part.exists() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "the child ended by itself"
        );
        pipe.write_all(lines.as_bytes()).unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(part.exists(), "the child was killed while it wrote");
    let finals: Vec<String> = bench
        .listing()
        .into_iter()
        .filter(|path| !path.starts_with(".tmp"))
        .collect();
    assert_eq!(finals, Vec::<String>::new());
    bench.write("a.txt", "one\n").ingest(&["a.txt"]).unwrap();
    assert_eq!(
        bench.listing(),
        ["documents/000001-0001.parquet", "ingests/000001.json"]
    );
}

/// A line of JSONL, and its text if it is a document.
fn any_line() -> impl Strategy<Value = (Vec<u8>, Option<String>)> {
    prop_oneof![
        "[a-z中é\"\\\\ ]{0,12}".prop_map(|text| {
            let line = serde_json::json!({ "text": text, "n": text.len() }).to_string();
            (line.into_bytes(), Some(text))
        }),
        "[a-z{}\"]{1,8}".prop_map(|junk| (junk.into_bytes(), None)),
        Just((b"{\"text\":3}".to_vec(), None)),
        Just((b"{\"text\":\"\xC3\x28\"}".to_vec(), None)),
        (65usize..200).prop_map(|n| (
            format!("{{\"text\":\"{}\"}}", "y".repeat(n)).into_bytes(),
            None
        )),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_record_is_in_one_place(
        lines in proptest::collection::vec(any_line(), 0..60),
        row_group_bytes in 1usize..4_000,
        returns in any::<bool>(),
    ) {
        let mut bench = Bench::new();
        bench.options.max_record_bytes = 64;
        // What is no UTF-8 here is to be refused, however much of it there is.
        bench.options.encoding = "utf-8".parse().unwrap();
        bench.options.row_group_bytes = row_group_bytes;
        let end: &[u8] = if returns { b"\r\n" } else { b"\n" };
        let bytes: Vec<u8> = lines.iter().flat_map(|(line, _)| [line, end]).flatten().copied().collect();
        let summary = bench.write("a.jsonl", &bytes).ingest(&["a.jsonl"]).unwrap();
        let texts: Vec<String> = lines.iter().filter_map(|(_, text)| text.clone()).collect();
        prop_assert_eq!(bench.column("text"), texts);
        let quarantine = bench.quarantine();
        prop_assert_eq!(summary.documents + summary.quarantined, lines.len() as u64);
        prop_assert_eq!(summary.quarantined, quarantine.len() as u64);
        for row in quarantine {
            let (line, text) = &lines[row.record - 1];
            prop_assert!(text.is_none());
            prop_assert_eq!(&row.raw, line);
            prop_assert_eq!(row.length, line.len());
            prop_assert!(bytes[row.offset.unwrap()..].starts_with(&row.raw));
        }
    }
}
