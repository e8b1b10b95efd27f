//! The first rows of a result as HTML, for notebooks.
//!
//! No colour is named, so that it is legible in light and dark; entities are shown as people read them, not as structs.

use std::fmt::Write as _;

use arrow::array::{Array, AsArray, ListArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// Rows shown.
pub const ROWS: usize = 20;

/// Characters shown of a value.
const CHARACTERS: usize = 200;

/// Bytes of a word that may be broken: Han, three bytes a character, may be anyway.
const LONG_WORD: usize = 32;

/// Entities shown of a text.
const ENTITIES: usize = 8;

const LABEL: &str = "border:1px solid;border-radius:3px;padding:0 .3em;font-size:80%;opacity:.75;white-space:nowrap";

/// A table of the rows; `more` says that there are others.
pub fn html(schema: &Schema, batches: &[RecordBatch], more: bool) -> Result<String, ArrowError> {
    let options = FormatOptions::default().with_null("NULL");
    let mut out = String::from("<div style=\"overflow-x:auto\">\n<table>\n<thead><tr>");
    for field in schema.fields() {
        out.push_str("<th title=\"");
        escape(&field.data_type().to_string(), &mut out);
        let _ = write!(out, "\" style=\"{}\">", style(field.data_type()));
        escape(field.name(), &mut out);
        out.push_str("</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for batch in batches {
        let columns = batch
            .columns()
            .iter()
            .map(|column| Column::new(column.as_ref(), &options))
            .collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            out.push_str("<tr>");
            for (column, array) in columns.iter().zip(batch.columns()) {
                let mut cell = String::new();
                let long = column.cell(row, &mut cell)?;
                // Only where need be, since whatever may be broken gives way to its neighbours.
                let anywhere = if long { ";overflow-wrap:anywhere" } else { "" };
                let style = style(array.data_type());
                let _ = write!(out, "<td style=\"{style}{anywhere}\">{cell}</td>");
            }
            out.push_str("</tr>\n");
        }
    }
    out.push_str("</tbody>\n</table>\n</div>");
    if more {
        // Writing to a string does not fail.
        let _ = write!(out, "\n<p>The first {ROWS} rows; there are more.</p>");
    }
    Ok(out)
}

/// Numbers end where those above them end; only texts may be broken into lines.
fn style(data_type: &DataType) -> &'static str {
    if data_type.is_numeric() {
        "text-align:right"
    } else if data_type.is_temporal() {
        "text-align:left;white-space:nowrap"
    } else {
        "text-align:left"
    }
}

enum Column<'a> {
    Values(ArrayFormatter<'a>),
    Entities {
        lists: &'a ListArray,
        labels: ArrayFormatter<'a>,
        entities: ArrayFormatter<'a>,
    },
}

impl<'a> Column<'a> {
    fn new(array: &'a dyn Array, options: &FormatOptions<'a>) -> Result<Self, ArrowError> {
        let lists = array.as_list_opt::<i32>();
        if let Some(lists) = lists
            && let Some(entity) = lists.values().as_any().downcast_ref::<StructArray>()
            && let Some(labels) = entity.column_by_name("label")
            && let Some(entities) = entity.column_by_name("entity")
        {
            return Ok(Self::Entities {
                lists,
                labels: ArrayFormatter::try_new(labels.as_ref(), options)?,
                entities: ArrayFormatter::try_new(entities.as_ref(), options)?,
            });
        }
        Ok(Self::Values(ArrayFormatter::try_new(array, options)?))
    }

    /// Says whether a word of it is too long for a line.
    fn cell(&self, row: usize, out: &mut String) -> Result<bool, ArrowError> {
        let mut long = false;
        match self {
            Self::Values(values) => long = cut(&values.value(row).try_to_string()?, out),
            Self::Entities { lists, .. } if lists.is_null(row) => out.push_str("NULL"),
            Self::Entities {
                lists,
                labels,
                entities,
            } => {
                let offsets = lists.value_offsets();
                let (first, end) = (offsets[row] as usize, offsets[row + 1] as usize);
                for entity in first..end.min(first + ENTITIES) {
                    if entity > first {
                        out.push_str("<br>");
                    }
                    let _ = write!(out, "<span style=\"{LABEL}\">");
                    escape(&labels.value(entity).try_to_string()?, out);
                    out.push_str("</span> ");
                    long |= cut(&entities.value(entity).try_to_string()?, out);
                }
                if end - first > ENTITIES {
                    let _ = write!(out, "<br>… {} more", end - first - ENTITIES);
                }
            }
        }
        Ok(long)
    }
}

/// The value, or its beginning. Says whether a word of it is too long for a line.
fn cut(value: &str, out: &mut String) -> bool {
    let shown = match value.char_indices().nth(CHARACTERS) {
        Some((end, _)) => &value[..end],
        None => value,
    };
    escape(shown, out);
    if shown.len() < value.len() {
        out.push('…');
    }
    shown.split_whitespace().any(|word| word.len() > LONG_WORD)
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
