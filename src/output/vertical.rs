//! One column a line: for texts, which a table has to cut.
//!
//! Rows are written whole and as they come. The lines of a text stand below each other; control characters other than
//! tabs and line breaks are escaped, since a text may hold sequences for the terminal.

use std::fmt::Write as _;
use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::Encoder;
use super::table::{Cell, row_count};
use crate::error::Result;

/// How long the line above a row is.
const RULE: usize = 40;

pub(super) struct Vertical<W: Write> {
    out: W,
    /// The columns' names, filled up to one width.
    names: Vec<String>,
    /// What stands in a name's place before the further lines of a value.
    gutter: String,
    total: usize,
}

impl<W: Write> Vertical<W> {
    pub(super) fn new(schema: &SchemaRef, out: W) -> Self {
        let fields = schema.fields();
        let names: Vec<Cell> = fields.iter().map(|field| Cell::new(field.name())).collect();
        let width = names.iter().map(|name| name.width).max().unwrap_or(0);
        Self {
            out,
            names: names
                .into_iter()
                .map(|Cell { text, width: own }| format!("{text}{:1$} | ", "", width - own))
                .collect(),
            gutter: format!("{:width$} | ", ""),
            total: 0,
        }
    }

    fn row(&mut self, columns: &[ArrayFormatter<'_>], row: usize) -> io::Result<()> {
        self.total += 1;
        let title = format!("-[ {} ]", self.total);
        writeln!(self.out, "{title:-<RULE$}")?;
        for (name, column) in self.names.iter().zip(columns) {
            self.out.write_all(name.as_bytes())?;
            let mut value = Value {
                out: &mut self.out,
                gutter: &self.gutter,
            };
            write!(value, "{}", column.value(row)).map_err(io::Error::other)?;
            writeln!(self.out)?;
        }
        Ok(())
    }
}

impl<W: Write + Send> Encoder for Vertical<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let options = FormatOptions::new()
            .with_null("NULL")
            .with_display_error(true);
        let columns = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            self.row(&columns, row).map_err(ArrowError::from)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        writeln!(self.out, "{}", row_count(self.total)).map_err(ArrowError::from)?;
        Ok(self.out.flush().map_err(ArrowError::from)?)
    }
}

/// Writes a value's characters on, so that megabytes are not gathered first.
struct Value<'a, W: Write> {
    out: &'a mut W,
    gutter: &'a str,
}

impl<W: Write> std::fmt::Write for Value<'_, W> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let mut write = |bytes: &str| {
            let written = self.out.write_all(bytes.as_bytes());
            // The sink below has kept what went wrong.
            written.map_err(|_| std::fmt::Error)
        };
        for part in text.split_inclusive(|c: char| c.is_control() && c != '\t') {
            let Some(control) = part
                .chars()
                .next_back()
                .filter(|c| c.is_control() && *c != '\t')
            else {
                write(part)?;
                continue;
            };
            write(&part[..part.len() - control.len_utf8()])?;
            if control == '\n' {
                write("\n")?;
                write(self.gutter)?;
            } else {
                write(&control.escape_default().to_string())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};

    use super::*;

    fn written(batches: &[RecordBatch]) -> String {
        let mut out = Vec::new();
        let mut vertical = Vertical::new(&batches[0].schema(), &mut out);
        batches.iter().for_each(|b| vertical.batch(b).unwrap());
        vertical.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_are_whole_and_their_lines_stand_below_each_other() {
        let long = "长".repeat(100);
        let texts = StringArray::from(vec![
            Some("Dear 安,\n\n\tfine\u{1b}[2J\r\n"),
            None,
            Some(&long),
        ]);
        let likes = Int64Array::from(vec![Some(5), None, Some(7)]);
        let batch = RecordBatch::try_from_iter([
            ("text", Arc::new(texts) as _),
            ("点赞数", Arc::new(likes) as _),
        ])
        .unwrap();
        let expected = format!(
            "-[ 1 ]----------------------------------
text   | Dear 安,
       | 
       | \tfine\\u{{1b}}[2J\\r
       | 
点赞数 | 5
-[ 2 ]----------------------------------
text   | NULL
点赞数 | NULL
-[ 3 ]----------------------------------
text   | {long}
点赞数 | 7
3 rows
"
        );
        assert_eq!(written(&[batch.slice(0, 1), batch.slice(1, 2)]), expected);
        assert_eq!(written(&[batch.slice(0, 0)]), "0 rows\n");
    }
}
