//! The first rows of a result as HTML, for notebooks.

use std::fmt::Write as _;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// Rows shown.
pub const ROWS: usize = 20;

/// Characters shown of a value.
const CHARACTERS: usize = 200;

/// A table of the rows; `more` says that there are others.
pub fn html(schema: &Schema, batches: &[RecordBatch], more: bool) -> Result<String, ArrowError> {
    let options = FormatOptions::default().with_null("NULL");
    let mut out = String::from("<table>\n<thead><tr>");
    for field in schema.fields() {
        out.push_str("<th title=\"");
        escape(&field.data_type().to_string(), &mut out);
        out.push_str("\">");
        escape(field.name(), &mut out);
        out.push_str("</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for batch in batches {
        let columns = batch
            .columns()
            .iter()
            .map(|c| ArrayFormatter::try_new(c, &options))
            .collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            out.push_str("<tr>");
            for column in &columns {
                let value = column.value(row).try_to_string()?;
                out.push_str("<td>");
                match value.char_indices().nth(CHARACTERS) {
                    Some((end, _)) => {
                        escape(&value[..end], &mut out);
                        out.push('…');
                    }
                    None => escape(&value, &mut out),
                }
                out.push_str("</td>");
            }
            out.push_str("</tr>\n");
        }
    }
    out.push_str("</tbody>\n</table>");
    if more {
        // Writing to a string does not fail.
        let _ = write!(out, "\n<p>The first {ROWS} rows; there are more.</p>");
    }
    Ok(out)
}

/// Text from documents is anybody's: nothing of it may become markup.
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}
