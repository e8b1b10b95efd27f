//! A result on the terminal: as it is where it fits, through the pager where it does not.
//!
//! What is written, and in which format, is not known here.

use std::io::{self, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use unicode_width::UnicodeWidthStr;

/// What pages where `$PAGER` says nothing; what was seen stays on the terminal.
const DEFAULT: &str = "less -RX";

/// Also keeps long lines from being wrapped: they are scrolled sideways.
const DEFAULT_UNWRAPPED: &str = "less -RSX";

/// The terminal, and how a result stands on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// Whether long lines may be broken, unlike those of a table.
    pub(super) wrap: bool,
}

/// The pager of one result, shared by who writes to it and who waits for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Running(Arc<Mutex<Option<Child>>>);

impl Running {
    /// Waits until the reader has left the pager; says whether one was started.
    pub(super) fn wait(&self) -> bool {
        let child = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // How it ended is between the pager and its user.
        child.is_some_and(|mut child| {
            let _ = child.wait();
            true
        })
    }
}

/// Writes to the terminal. Nothing is shown before there is more than fits, or [`Screen::show`].
pub(super) struct Screen {
    page: Page,
    running: Running,
    to: To,
}

enum To {
    /// Everything so far.
    Held(Vec<u8>),
    Pager(ChildStdin),
    Terminal,
}

impl Screen {
    pub(super) fn new(page: Page, running: Running) -> Self {
        Self {
            page,
            running,
            to: To::Held(Vec::new()),
        }
    }

    /// Shows what fitted. An error before it leaves half a result unseen.
    pub(super) fn show(mut self) -> io::Result<()> {
        match &mut self.to {
            To::Held(held) => {
                let mut terminal = io::stdout().lock();
                terminal.write_all(held)?;
                terminal.flush()
            }
            // Dropped with `self`, which is the end of the pager's input.
            To::Pager(pager) => pager.flush(),
            To::Terminal => io::stdout().flush(),
        }
    }

    fn overflow(&self) -> To {
        let mut child = match spawn(self.page.wrap) {
            Ok(Some(child)) => child,
            Ok(None) => return To::Terminal,
            Err((pager, error)) => {
                let _ = writeln!(
                    io::stderr(),
                    "{pager}: {error}; set PAGER to another, or to nothing"
                );
                return To::Terminal;
            }
        };
        let Some(stdin) = child.stdin.take() else {
            return To::Terminal;
        };
        let mut running = self
            .running
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *running = Some(child);
        To::Pager(stdin)
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.to {
            To::Pager(pager) => return pager.write(bytes),
            To::Terminal => return io::stdout().write(bytes),
            To::Held(held) => held.extend_from_slice(bytes),
        }
        if let To::Held(held) = &mut self.to
            && !fits(&String::from_utf8_lossy(held), self.page)
        {
            let held = std::mem::take(held);
            self.to = self.overflow();
            self.write_all(&held)?;
        }
        Ok(bytes.len())
    }

    /// What is held stays held: writers flush when a part is complete, which is no reason not to page.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::Held(_) => Ok(()),
            To::Pager(pager) => pager.flush(),
            To::Terminal => io::stdout().flush(),
        }
    }
}

/// Starts `$PAGER`, or `less`. None where the user wants none, or where there is no `less`.
fn spawn(wrap: bool) -> Result<Option<Child>, (String, io::Error)> {
    let wanted = std::env::var("PAGER").ok();
    let line = match &wanted {
        Some(wanted) => wanted,
        None if wrap => DEFAULT,
        None => DEFAULT_UNWRAPPED,
    };
    let words = shlex::split(line).unwrap_or_default();
    let Some((program, args)) = words.split_first() else {
        return Ok(None);
    };
    match Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .spawn()
    {
        Ok(child) => Ok(Some(child)),
        Err(_) if wanted.is_none() => Ok(None),
        Err(error) => Err((line.to_string(), error)),
    }
}

/// Whether the text and the prompt after it are seen at once.
fn fits(text: &str, page: Page) -> bool {
    let mut rows = 0;
    text.lines().all(|line| {
        let broken = line.width().div_ceil(page.columns).max(1);
        rows += broken;
        rows < page.rows && (page.wrap || broken == 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits() {
        for (text, whole, wrapped) in [
            ("", true, true),
            ("123456\n", true, true),
            ("1234567\n", false, true),
            ("1234567\na\n", false, false),
            ("a\n\n", true, true),
            ("a\nb\nc", false, false),
            ("三个字\n", true, true),
            ("四个汉字\n", false, true),
            ("六个汉字在此处\n", false, false),
        ] {
            let page = |wrap| Page {
                columns: 6,
                rows: 3,
                wrap,
            };
            assert_eq!(fits(text, page(false)), whole, "{text}");
            assert_eq!(fits(text, page(true)), wrapped, "{text}");
        }
    }
}
