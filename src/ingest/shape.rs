//! What of the options a source's documents depend on, as words that a run's record keeps: so that a file which was read
//! with the wrong ones can be read again.
//!
//! Options that a format has no use for, and those that are as they are when nobody sets them, are not among the words. Who
//! compares them is `known.rs`.

use std::fmt::Write as _;

use super::{IngestOptions, InputFormat};

impl IngestOptions {
    /// `csv --text content --delimiter ;`
    pub(super) fn shape(&self, format: InputFormat) -> String {
        use InputFormat::{Csv, Json, Jsonl, Parquet, Text, Tsv, Warc};
        let usual = Self::default();
        let archive = format.is_archive();
        let table = archive || matches!(format, Csv | Tsv);
        let fields = table || matches!(format, Json | Jsonl | Parquet);
        let text = archive || format == Text;
        let decoded = format != Parquet;
        let character =
            |mark: Option<u8>| mark.map(char::from).map_or_else(String::new, String::from);
        let name = |format: InputFormat| format!("{format:?}").to_lowercase();
        let options = [
            (
                "format",
                archive && self.format.is_some(),
                self.format.map(name).unwrap_or_default(),
            ),
            ("text", fields && self.text != usual.text, self.text.clone()),
            ("time", fields && self.time != usual.time, self.time.clone()),
            (
                "document",
                text && self.document != usual.document,
                format!("{:?}", self.document).to_lowercase(),
            ),
            ("html", (fields || text) && self.html, self.html.to_string()),
            (
                "delimiter",
                table && self.delimiter.is_some(),
                character(self.delimiter),
            ),
            (
                "quote",
                table && self.quote.is_some(),
                character(self.quote),
            ),
            (
                "encoding",
                decoded && format != Warc && self.encoding != usual.encoding,
                self.encoding.to_string(),
            ),
            (
                "bad-bytes",
                decoded && self.bad_bytes != usual.bad_bytes,
                format!("{:?}", self.bad_bytes).to_lowercase(),
            ),
            (
                "max-expansion",
                self.max_expansion != usual.max_expansion,
                self.max_expansion.to_string(),
            ),
            (
                "max-record-bytes",
                self.max_record_bytes != usual.max_record_bytes,
                self.max_record_bytes.to_string(),
            ),
        ];
        let mut words = name(format);
        for (option, _, value) in options.iter().filter(|(_, counts, _)| *counts) {
            // Writing to a String cannot fail.
            let _ = write!(words, " --{option} {value}");
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_format_has_a_use_for_is_said() {
        let options = IngestOptions {
            text: "content".into(),
            delimiter: Some(b';'),
            html: true,
            encoding: "gbk".parse().unwrap(),
            format: Some(InputFormat::Csv),
            ..IngestOptions::default()
        };
        for (format, words) in [
            (
                InputFormat::Csv,
                "csv --text content --html true --delimiter ; --encoding GBK",
            ),
            (
                InputFormat::Jsonl,
                "jsonl --text content --html true --encoding GBK",
            ),
            (InputFormat::Parquet, "parquet --text content --html true"),
            (InputFormat::Text, "text --html true --encoding GBK"),
            (InputFormat::Eml, "eml --encoding GBK"),
            (
                InputFormat::Zip,
                "zip --format csv --text content --html true --delimiter ; --encoding GBK",
            ),
        ] {
            assert_eq!(options.shape(format), words);
        }
        assert_eq!(IngestOptions::default().shape(InputFormat::Zip), "zip");
    }
}
