//! `spanql shell`: statements and backslash commands, one after another, from a person or from a script.
//!
//! Owns what carries over from one to the next, and when to stop. Where statements end is `statements.rs`, what commands
//! there are `command.rs`, what they list `catalog.rs`; `editor.rs`, `complete.rs` and `pager.rs` are for people only.

mod catalog;
mod command;
mod complete;
mod editor;
mod pager;
mod position;
mod statements;

use std::fs::File;
use std::future::Future;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use datafusion::common::ParamValues;
use datafusion::execution::SendableRecordBatchStream;
use futures::{FutureExt, StreamExt};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::engine::{Engine, GRACE, Interrupts, interrupts, watch};
use super::{Outcome, complain, default_format};
use crate::error::{Error, Result};
use crate::output::{self, Format};
use crate::report::Report;
use crate::session::Session;

use command::{Command, FORMATS};
use editor::{Editor, Read};
use pager::{Page, Running, Screen};
use statements::{Kind, Piece, Statements};

/// How deep scripts may include each other.
const INCLUDES: usize = 16;

/// Type SQL, or run a script of several statements
///
/// On a terminal: line editing, history, completion with Tab, a pager; \? lists the commands. From a pipe or a file the
/// statements run in turn; the first that fails ends the script, with exit code 1.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    #[command(flatten)]
    engine: Engine,
    /// Folder of your own reports for \r, *.sql; one with a stock report's name replaces it
    #[arg(long, value_name = "DIR")]
    queries: Option<PathBuf>,
    /// How results are written [default: json; a table where stdout is a terminal]
    #[arg(long, value_name = "FORMAT", value_parser = text_format_parser())]
    format: Option<Format>,
    /// Do not keep what is typed, and do not recall what was
    #[arg(long)]
    no_history: bool,
}

const HELP: &str = "\
The history is spanql/history in $XDG_STATE_HOME or ~/.local/state, readable by its owner alone; a line that begins with \
a space is not kept. $PAGER shows results that do not fit the terminal (default: less); empty, there is no pager.

Examples:
  spanql shell --store S
  spanql shell --store S < monthly.sql
  echo \"SELECT 1 AS one; SELECT 2 AS two;\" | spanql shell --format table";

fn text_format_parser() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(FORMATS.map(Format::name)).try_map(|name| name.parse::<Format>())
}

pub(super) fn run(args: Args) -> Result<Outcome> {
    let history = !args.no_history;
    let watch = Rc::new(watch()?);
    let session = watch.block_on(Session::open(args.engine.options()))?;
    let interrupts = watch.block_on(async { interrupts() })?;
    let mut shell = Shell::new(args, session, interrupts)?;
    let outcome = if io::stdin().is_terminal() && io::stdout().is_terminal() {
        interact(&mut shell, &watch, history)
    } else {
        watch.block_on(shell.script(io::stdin, None))
    };
    shell.workers.shutdown_background();
    outcome
}

/// Reads from the terminal until its end. Statements that fail are told of, and end nothing.
fn interact(shell: &mut Shell, watch: &Rc<Runtime>, history: bool) -> Result<Outcome> {
    shell.people = true;
    let words = {
        let (session, queries) = (Arc::clone(&shell.session), shell.queries.clone());
        let watch = Rc::clone(watch);
        move || {
            let words = watch.block_on(catalog::words(&session, queries.as_deref()));
            words.unwrap_or_default()
        }
    };
    let mut editor = Editor::open(words, history)?;
    shell.say(format_args!(
        "spanql {}: \\? lists the commands",
        env!("CARGO_PKG_VERSION")
    ));
    let mut statements = Statements::default();
    let mut typed = String::new();
    loop {
        match editor.read(&statements)? {
            Read::Line(line) => {
                typed += &line;
                if ["exit", "quit"].contains(&typed.trim().trim_end_matches(';')) {
                    return Ok(Outcome::Done);
                }
                let pieces = statements.line(&line);
                match statements.open() {
                    Some(_) => typed.push('\n'),
                    None => editor.remember(&std::mem::take(&mut typed)),
                }
                shell.page = editor.page();
                for piece in pieces {
                    match watch.block_on(shell.piece(&piece)) {
                        Ok(Next::Go) => {}
                        Ok(Next::Quit) => return Ok(Outcome::Done),
                        Ok(Next::Failed) => break,
                        Err(error) => {
                            complain(error);
                            break;
                        }
                    }
                }
            }
            Read::Cleared => {
                statements = Statements::default();
                typed.clear();
            }
            Read::End => return Ok(Outcome::Done),
        }
    }
}

/// What a piece means for those after it.
enum Next {
    Go,
    /// No more of this terminal or script.
    Quit,
    /// What failed has been told.
    Failed,
}

struct Shell {
    engine: Engine,
    /// What queries run on.
    workers: Runtime,
    interrupts: Interrupts,
    session: Arc<Session>,
    queries: Option<PathBuf>,
    format: Format,
    /// One column a line instead of `format`.
    expanded: bool,
    timing: bool,
    /// Where the next result goes.
    file: Option<PathBuf>,
    /// How many scripts include the present one.
    depth: usize,
    /// Whether a person is told what was done.
    people: bool,
    /// The terminal, where there is one.
    page: Option<Page>,
}

impl Shell {
    fn new(args: Args, session: Session, interrupts: Interrupts) -> Result<Self> {
        Ok(Self {
            interrupts,
            workers: args.engine.workers()?,
            session: Arc::new(session),
            engine: args.engine,
            queries: args.queries,
            format: args.format.unwrap_or_else(default_format),
            expanded: false,
            timing: false,
            file: None,
            depth: 0,
            people: false,
            page: None,
        })
    }

    /// Runs all statements and commands of an input, up to the first that fails.
    ///
    /// # Errors
    /// [`Error::Io`] where the input cannot be read. What fails in it is told with its place.
    async fn script<R: io::Read>(
        &mut self,
        open: impl FnOnce() -> R + Send + 'static,
        path: Option<&Path>,
    ) -> Result<Outcome> {
        let mut lines = lines(open);
        let mut statements = Statements::default();
        loop {
            let line = tokio::select! {
                line = lines.recv() => line.transpose(),
                _ = self.interrupts.recv() => return Ok(Outcome::Interrupted),
            };
            let line = line.map_err(Error::io(path.unwrap_or(Path::new("stdin"))))?;
            let (pieces, last) = match line {
                Some(line) => (statements.line(&line), false),
                None => (std::mem::take(&mut statements).end(), true),
            };
            for piece in pieces {
                match Box::pin(self.piece(&piece)).await {
                    Ok(Next::Go) => {}
                    Ok(Next::Quit) => return Ok(Outcome::Done),
                    Ok(Next::Failed) => return Ok(Outcome::Failed),
                    Err(Error::Interrupted) => return Ok(Outcome::Interrupted),
                    Err(error) => {
                        match path {
                            Some(path) => {
                                complain(format_args!("{}:{}: {error}", path.display(), piece.line))
                            }
                            None => complain(format_args!("line {}: {error}", piece.line)),
                        }
                        return Ok(Outcome::Failed);
                    }
                }
            }
            if last {
                return Ok(Outcome::Done);
            }
        }
    }

    async fn piece(&mut self, piece: &Piece) -> Result<Next> {
        match piece.kind {
            Kind::Statement => self.statement(piece.text.clone(), no_params()).await?,
            Kind::Command => return self.command(Command::parse(&piece.text)?).await,
        }
        Ok(Next::Go)
    }

    async fn command(&mut self, command: Command) -> Result<Next> {
        match command {
            Command::Tables => {
                self.statement(catalog::TABLES.to_string(), no_params())
                    .await?
            }
            Command::Columns(name) => {
                self.statement(format!("DESCRIBE {name}"), no_params())
                    .await?
            }
            Command::Functions(part) => {
                let part = ParamValues::from(vec![("part", part.into())]);
                self.statement(catalog::FUNCTIONS.to_string(), part).await?;
            }
            Command::Labels => {
                let labels = catalog::labels(&self.session);
                self.answer(async { labels }).await?;
            }
            Command::Reports => {
                let reports = catalog::reports(self.queries.as_deref());
                self.answer(async { reports }).await?;
            }
            Command::Report(name, given) => {
                let report = Report::find(&name, self.queries.as_deref())?;
                let session = Arc::clone(&self.session);
                self.answer(async move { report.query(&session, &given).await?.stream().await })
                    .await?;
            }
            Command::Format(format) => {
                if let Some(format) = format {
                    (self.format, self.expanded) = (format, false);
                }
                self.say(format_args!("results are written as {}", self.written_as()));
            }
            Command::Expanded(on) => {
                self.expanded = on.unwrap_or(!self.expanded);
                self.say(format_args!("results are written as {}", self.written_as()));
            }
            Command::Timing(on) => {
                self.timing = on.unwrap_or(!self.timing);
                self.say(format_args!(
                    "timing is {}",
                    if self.timing { "on" } else { "off" }
                ));
            }
            Command::Output(file) => {
                match &file {
                    Some(file) => {
                        self.say(format_args!("the next result goes to {}", file.display()))
                    }
                    None => self.say("results come here"),
                }
                self.file = file;
            }
            Command::Include(path) => return self.include(&path).await,
            Command::Help => {
                // Nobody to help where stdout is gone.
                let _ = io::stdout().write_all(command::HELP.as_bytes());
            }
            Command::Quit => return Ok(Next::Quit),
        }
        Ok(Next::Go)
    }

    async fn include(&mut self, path: &Path) -> Result<Next> {
        if self.depth == INCLUDES {
            return Err(Error::Usage(format!(
                "{}: scripts include each other more than {INCLUDES} deep",
                path.display()
            )));
        }
        let file = File::open(path).map_err(Error::io(path))?;
        self.depth += 1;
        let outcome = self.script(|| file, Some(path)).await;
        self.depth -= 1;
        match outcome? {
            Outcome::Interrupted | Outcome::Terminated => Err(Error::Interrupted),
            Outcome::Failed => Ok(Next::Failed),
            Outcome::Done | Outcome::Quarantined => Ok(Next::Go),
        }
    }

    async fn statement(&mut self, sql: String, params: ParamValues) -> Result<()> {
        let session = Arc::clone(&self.session);
        self.answer(async move { session.sql(&sql, params).await?.stream().await })
            .await
    }

    /// Runs a query and writes its result where it belongs. Ctrl-C stops it.
    async fn answer(
        &mut self,
        query: impl Future<Output = Result<SendableRecordBatchStream>> + Send + 'static,
    ) -> Result<()> {
        let began = Instant::now();
        let pager = Running::default();
        let target = Target {
            format: self.written_as(),
            file: self.file.clone(),
            page: self.page,
            pager: pager.clone(),
        };
        // The workers have the stack for deeply nested SQL, and this thread is left to see Ctrl-C.
        let mut tasks = JoinSet::new();
        tasks.spawn_on(
            async move { target.write(query.await?).await },
            self.workers.handle(),
        );
        let outcome = tokio::select! {
            Some(outcome) = tasks.join_next() => {
                outcome.unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic()))
            }
            _ = self.interrupts.recv() => {
                if tokio::time::timeout(GRACE, tasks.shutdown()).await.is_err() {
                    // It is in the midst of a long batch. Whatever comes next shall not wait for that.
                    let workers = std::mem::replace(&mut self.workers, self.engine.workers()?);
                    workers.shutdown_background();
                }
                Err(Error::Interrupted)
            }
        };
        let took = began.elapsed().as_secs_f64();
        if pager.wait() {
            // What was pressed in the pager was for the pager.
            while self.interrupts.recv().now_or_never().is_some() {}
        }
        match (outcome?, &self.file) {
            (None, _) => self.say("done"),
            (Some(rows), Some(file)) => {
                self.say(format_args!("{}: {rows} rows", file.display()));
                self.file = None;
            }
            (Some(_), None) => {}
        }
        if self.timing {
            let _ = writeln!(io::stderr(), "{took:.3} s");
        }
        Ok(())
    }

    fn written_as(&self) -> Format {
        if self.expanded {
            Format::Vertical
        } else {
            self.format
        }
    }

    /// Words for a person, if there is one.
    fn say(&self, words: impl std::fmt::Display) {
        if self.people {
            let _ = writeln!(io::stderr(), "{words}");
        }
    }
}

/// Where a result goes.
struct Target {
    format: Format,
    file: Option<PathBuf>,
    page: Option<Page>,
    pager: Running,
}

impl Target {
    /// Gives the number of rows; none where the statement has no result, as `CREATE VIEW`.
    async fn write(self, mut stream: SendableRecordBatchStream) -> Result<Option<u64>> {
        if stream.schema().fields().is_empty() {
            while let Some(batch) = stream.next().await {
                batch?;
            }
            return Ok(None);
        }
        let rows = match (self.file, self.page) {
            (Some(file), _) => {
                let format = Format::from_extension(&file)?;
                output::write_file(stream, format, &file).await?
            }
            (None, None) => output::write(stream, self.format, io::stdout()).await?,
            (None, Some(page)) => {
                let wrap = self.format != Format::Table;
                let mut screen = Screen::new(Page { wrap, ..page }, self.pager);
                let rows = output::write(stream, self.format, &mut screen).await?;
                screen.show().map_err(Error::io("terminal"))?;
                rows
            }
        };
        Ok(Some(rows))
    }
}

fn no_params() -> ParamValues {
    ParamValues::Map(Default::default())
}

/// The lines of an input, read on a thread of its own, so that waiting for them can be ended.
fn lines<R: io::Read>(
    open: impl FnOnce() -> R + Send + 'static,
) -> mpsc::Receiver<io::Result<String>> {
    let (sender, receiver) = mpsc::channel(64);
    std::thread::spawn(move || {
        let mut start = true;
        for line in BufReader::new(open()).lines() {
            let line = match line {
                // The byte order mark of some editors.
                Ok(line) if start => Ok(line.trim_start_matches('\u{feff}').to_string()),
                line => line,
            };
            start = false;
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
