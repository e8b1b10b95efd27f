//! The line of the terminal: its prompt, its history, and what Tab does. What the lines mean is not known here.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Helper};

use super::complete::{Completion, Words, complete};
use super::pager::Page;
use super::statements::Statements;
use crate::error::{Error, Result};

/// Entries that the history keeps.
const HISTORY: usize = 10_000;

/// What came of a prompt.
pub(super) enum Read {
    Line(String),
    /// Ctrl-C.
    Cleared,
    /// Ctrl-D on an empty line.
    End,
}

pub(super) struct Editor {
    inner: rustyline::Editor<Tab, FileHistory>,
    /// Where the history is kept; none where it is not wanted, or cannot be.
    history: Option<PathBuf>,
}

impl Editor {
    /// `words` is asked with each Tab. Where the history cannot be kept, that is said, and no reason not to go on.
    ///
    /// # Errors
    /// [`Error::Io`] where the terminal cannot be used.
    pub(super) fn open(words: impl Fn() -> Words + 'static, history: bool) -> Result<Self> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .history_ignore_space(true)
            .max_history_size(HISTORY)
            .map_err(terminal)?
            .build();
        let mut inner = rustyline::Editor::with_config(config).map_err(terminal)?;
        inner.set_helper(Some(Tab {
            words: Box::new(words),
            files: FilenameCompleter::new(),
            before: String::new(),
        }));
        let mut editor = Self {
            inner,
            history: None,
        };
        if history {
            match history_file() {
                Ok(path) => match editor.inner.load_history(&path) {
                    Err(ReadlineError::Io(e)) if e.kind() == io::ErrorKind::NotFound => {
                        editor.history = Some(path);
                    }
                    Ok(()) => editor.history = Some(path),
                    Err(error) => not_kept(&path, error),
                },
                Err((path, error)) => not_kept(&path, error),
            }
        }
        Ok(editor)
    }

    /// Asks for a line that continues what is open.
    ///
    /// # Errors
    /// [`Error::Io`] where the terminal is gone.
    pub(super) fn read(&mut self, statements: &Statements) -> Result<Read> {
        let prompt = match statements.open() {
            None => "spanql> ".to_string(),
            Some(open) => format!("     {open}> "),
        };
        if let Some(tab) = self.inner.helper_mut() {
            statements.pending().clone_into(&mut tab.before);
        }
        match self.inner.readline(&prompt) {
            Ok(line) => Ok(Read::Line(line)),
            Err(ReadlineError::Interrupted) => Ok(Read::Cleared),
            Err(ReadlineError::Eof) => Ok(Read::End),
            Err(error) => Err(terminal(error)),
        }
    }

    /// Remembers what was typed, in the file at once, so that a session that is killed has left it. What begins with a
    /// space is not remembered.
    pub(super) fn remember(&mut self, typed: &str) {
        let added = self.inner.add_history_entry(typed);
        if let (Ok(true), Some(path)) = (added, &self.history)
            && let Err(error) = self.inner.append_history(path)
        {
            not_kept(path, error);
            self.history = None;
        }
    }

    pub(super) fn page(&mut self) -> Option<Page> {
        let (columns, rows) = self.inner.dimensions()?;
        Some(Page {
            columns: columns.into(),
            rows: rows.into(),
            wrap: true,
        })
    }
}

fn not_kept(path: &Path, error: impl std::fmt::Display) {
    let _ = writeln!(
        io::stderr(),
        "the history is not kept: {}: {error}",
        path.display()
    );
}

fn terminal(error: ReadlineError) -> Error {
    Error::io("terminal")(match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other),
    })
}

/// `spanql/history` in the user's folder of state, made with its parents; nobody else may look into it.
fn history_file() -> Result<PathBuf, (PathBuf, String)> {
    let folders = etcetera::choose_base_strategy()
        .map_err(|error| (PathBuf::from("history"), error.to_string()))?;
    let state = folders.state_dir().unwrap_or_else(|| folders.data_dir());
    let folder = state.join("spanql");
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(&folder) {
        Ok(()) => Ok(folder.join("history")),
        Err(error) => Err((folder, error.to_string())),
    }
}

/// What Tab needs.
struct Tab {
    words: Box<dyn Fn() -> Words>,
    files: FilenameCompleter,
    /// The lines before this one that belong to its statement.
    before: String,
}

impl Completer for Tab {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let text = format!("{}{line}", self.before);
        match complete(&(self.words)(), &text, self.before.len() + at) {
            Completion::File => self.files.complete(line, at, context),
            Completion::Words(start, found) => {
                let pairs = found.into_iter().map(|word| Pair {
                    display: word.clone(),
                    replacement: word,
                });
                // A string that an earlier line has begun is not completed.
                let start = start.checked_sub(self.before.len());
                Ok(start.map_or((at, Vec::new()), |start| (start, pairs.collect())))
            }
        }
    }
}

impl Hinter for Tab {
    type Hint = String;
}
impl Highlighter for Tab {}
impl Validator for Tab {}
impl Helper for Tab {}
