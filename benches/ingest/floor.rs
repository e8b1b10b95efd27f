//! The least that JSONL.gz → Parquet can cost: lines are decompressed, checked by serde_json, and written.
//!
//! `floor INPUT.jsonl.gz OUTPUT.parquet`, on one thread. Nothing that `ingest` does besides is done here: no file is looked at
//! for its encoding, fields are known beforehand, texts get no hash, nothing is refused, nothing is put on disk before it
//! counts. The columns that every store has are written, texts as a store has them, in row groups of the same size.

use std::borrow::Cow;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, RecordBatch, StringViewBuilder};
use flate2::bufread::MultiGzDecoder;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use serde::Deserialize;

/// As the program has it: the C library's asks the system anew for each large batch.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROW_GROUP_BYTES: usize = 8 << 20;

/// What the generator writes; serde_json checks all of the line.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
    n: i64,
}

#[derive(Default)]
struct Rows {
    ids: StringViewBuilder,
    sources: StringViewBuilder,
    texts: StringViewBuilder,
    numbers: Int64Builder,
    bytes: usize,
}

impl Rows {
    fn batch(&mut self) -> Result<RecordBatch, Box<dyn Error>> {
        self.bytes = 0;
        Ok(RecordBatch::try_from_iter([
            ("doc_id", Arc::new(self.ids.finish()) as ArrayRef),
            ("source", Arc::new(self.sources.finish())),
            ("text", Arc::new(self.texts.finish())),
            ("n", Arc::new(self.numbers.finish())),
        ])?)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds `--bench`.
    let mut paths = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    let (Some(input), Some(output)) = (paths.next(), paths.next()) else {
        println!("floor INPUT.jsonl.gz OUTPUT.parquet: see benches/ingest/jsonl_gz.py");
        return Ok(());
    };
    let packed = BufReader::with_capacity(128 << 10, File::open(&input)?);
    let mut lines = BufReader::with_capacity(256 << 10, MultiGzDecoder::new(packed));
    let properties = WriterProperties::builder()
        .set_compression(Compression::LZ4_RAW)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_column_dictionary_enabled("text".into(), false)
        .set_column_dictionary_enabled("doc_id".into(), false)
        .set_column_statistics_enabled("text".into(), EnabledStatistics::None)
        .set_write_batch_size(64)
        .build();
    let mut rows = Rows::default();
    let empty = rows.batch()?;
    let mut writer =
        ArrowWriter::try_new(File::create(&output)?, empty.schema(), Some(properties))?;
    let (mut line, mut number) = (Vec::new(), 0_u64);
    while lines.read_until(b'\n', &mut line)? > 0 {
        number += 1;
        let Line { text, n } = serde_json::from_slice(&line)?;
        rows.ids.append_value(format!("{input}#{number}"));
        rows.sources.append_value(&input);
        rows.texts.append_value(&text);
        rows.numbers.append_value(n);
        rows.bytes += line.len();
        line.clear();
        if rows.bytes >= ROW_GROUP_BYTES {
            writer.write(&rows.batch()?)?;
            writer.flush()?;
        }
    }
    writer.write(&rows.batch()?)?;
    writer.close()?;
    println!("{number} lines");
    Ok(())
}
