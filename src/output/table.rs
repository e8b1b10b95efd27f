//! The table for people: aligned, bounded, safe to print.
//!
//! Arrow's own pretty printer wants the whole result, prints control characters raw (a text may hold escape
//! sequences for the terminal) and makes one document's text a line of thousands of columns. Here a screenful is
//! kept, cells are cut at [`CELL_WIDTH`], and widths count as terminals do: two columns for a Han character.

use std::fmt::Write as _;
use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use unicode_width::UnicodeWidthChar;

use super::Encoder;
use crate::error::Result;

/// Rows shown; further ones are counted.
const ROWS: usize = 1_000;

/// Terminal columns of a cell; longer ones end in `…`.
const CELL_WIDTH: usize = 60;

pub(super) struct Table<W: Write> {
    out: W,
    header: Vec<Cell>,
    /// Numbers stand on the right.
    right: Vec<bool>,
    rows: Vec<Vec<Cell>>,
    printed: bool,
    total: usize,
}

pub(super) struct Cell {
    pub(super) text: String,
    pub(super) width: usize,
}

impl<W: Write> Table<W> {
    pub(super) fn new(schema: &SchemaRef, out: W) -> Self {
        let fields = schema.fields();
        Self {
            out,
            header: fields.iter().map(|field| Cell::new(field.name())).collect(),
            right: fields
                .iter()
                .map(|field| field.data_type().is_numeric())
                .collect(),
            rows: Vec::new(),
            printed: false,
            total: 0,
        }
    }

    fn print(&mut self) -> io::Result<()> {
        let mut widths: Vec<usize> = self.header.iter().map(|cell| cell.width).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.width.max(*width);
            }
        }
        let rule: String = widths
            .iter()
            .map(|width| format!("+-{:-<width$}-", ""))
            .collect();
        writeln!(self.out, "{rule}+")?;
        let left = vec![false; widths.len()];
        write_row(&mut self.out, &self.header, &widths, &left)?;
        writeln!(self.out, "{rule}+")?;
        for row in self.rows.drain(..) {
            write_row(&mut self.out, &row, &widths, &self.right)?;
        }
        writeln!(self.out, "{rule}+")?;
        self.printed = true;
        self.out.flush()
    }
}

impl<W: Write + Send> Encoder for Table<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        self.total += batch.num_rows();
        let shown = batch.num_rows().min(ROWS - self.rows.len());
        if self.printed {
            return Ok(());
        }
        let options = FormatOptions::new()
            .with_null("NULL")
            .with_display_error(true);
        let columns = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        for row in 0..shown {
            let cells = columns.iter().map(|column| Cell::new(column.value(row)));
            self.rows.push(cells.collect());
        }
        if self.total > ROWS {
            // Shown before the rest is counted, which may take a while.
            self.print().map_err(ArrowError::from)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.close().map_err(|e| ArrowError::from(e).into())
    }
}

impl<W: Write> Table<W> {
    fn close(&mut self) -> io::Result<()> {
        if !self.printed {
            self.print()?;
        }
        match self.total.checked_sub(ROWS) {
            None | Some(0) => writeln!(self.out, "{}", row_count(self.total))?,
            Some(more) => writeln!(
                self.out,
                "{}, {more} more than shown: another format or a file has them all",
                row_count(self.total)
            )?,
        }
        self.out.flush()
    }
}

pub(super) fn row_count(total: usize) -> String {
    format!("{total} row{}", if total == 1 { "" } else { "s" })
}

fn write_row(
    out: &mut impl Write,
    cells: &[Cell],
    widths: &[usize],
    right: &[bool],
) -> io::Result<()> {
    for ((cell, width), right) in cells.iter().zip(widths).zip(right) {
        let fill = width - cell.width;
        match right {
            true => write!(out, "| {:fill$}{} ", "", cell.text)?,
            false => write!(out, "| {}{:fill$} ", cell.text, "")?,
        }
    }
    writeln!(out, "|")
}

impl Cell {
    /// Formats no more of the value than is shown: a document may have megabytes.
    pub(super) fn new(value: impl std::fmt::Display) -> Self {
        let mut cut = Cut {
            cell: Self {
                text: String::new(),
                width: 0,
            },
            last: 0,
        };
        if write!(cut, "{value}").is_err() {
            // The cell is full: the last character makes way for the sign.
            let end = cut.last;
            cut.cell.width = width_of(&cut.cell.text[..end]);
            cut.cell.text.truncate(end);
            cut.cell.text.push('…');
            cut.cell.width += 1;
        }
        cut.cell
    }
}

/// Takes characters until the cell is full, then refuses.
struct Cut {
    cell: Cell,
    /// Where the text ends when one column is left for the sign.
    last: usize,
}

impl std::fmt::Write for Cut {
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        for c in s.chars() {
            // Line breaks, tabs and escape sequences would break the frame, or worse.
            let Some(width) = c.width() else {
                for escaped in c.escape_default() {
                    self.push(escaped, 1)?;
                }
                continue;
            };
            self.push(c, width)?;
        }
        Ok(())
    }
}

impl Cut {
    fn push(&mut self, c: char, width: usize) -> std::fmt::Result {
        if self.cell.width + width > CELL_WIDTH {
            return Err(std::fmt::Error);
        }
        self.cell.text.push(c);
        self.cell.width += width;
        if self.cell.width < CELL_WIDTH {
            self.last = self.cell.text.len();
        }
        Ok(())
    }
}

fn width_of(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}
