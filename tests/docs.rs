//! What the documentation shows is so: its SQL runs and gives the output that stands under it, its command lines are
//! those of `spanql`, its configurations are accepted, and the files and tasks that it names are there.
//!
//! Rows come from a store made of `tests/data`. A block of SQL that begins with a question is a report. Under a block of
//! SQL, or of one `spanql sql` or `spanql report`, a block of `text` is the result as a table, one of `json` the result
//! as JSON.

#![cfg(unix)] // Command lines are taken apart by /bin/sh itself.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "docs/recipes.rs"]
mod recipes;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ArgMatches;
use datafusion::common::ParamValues;
use datafusion::scalar::ScalarValue;
use spanql::ingest::{IngestOptions, ingest};
use spanql::output::{self, Format};
use spanql::report::Report;
use spanql::{Query, Session, SessionOptions};

/// A page, and how many blocks are at least run, compared with an output, and taken apart as command lines: less means
/// that this test no longer finds them.
const PAGES: [(&str, usize, usize, usize); 5] = [
    ("README.md", 7, 4, 7),
    ("README.zh.md", 7, 4, 7),
    ("ARCHITECTURE.md", 1, 0, 0),
    ("CONTRIBUTING.md", 0, 0, 0),
    ("queries/README.md", 2, 0, 7),
];

/// A fenced block.
struct Block {
    /// `README.md:12`, the line of its first fence.
    place: String,
    language: String,
    text: String,
    /// Whether nothing but blank lines is between it and the block before.
    follows: bool,
}

fn blocks(page: &str) -> Vec<Block> {
    let text = fs::read_to_string(page).unwrap_or_else(|e| panic!("{page}: {e}"));
    let mut blocks: Vec<Block> = Vec::new();
    let (mut open, mut follows) = (false, false);
    for (number, line) in (1..).zip(text.lines()) {
        match (open, line.strip_prefix("```")) {
            (false, Some(language)) => {
                blocks.push(Block {
                    place: format!("{page}:{number}"),
                    language: language.trim().to_string(),
                    text: String::new(),
                    follows,
                });
                open = true;
            }
            (true, Some(_)) => (open, follows) = (false, true),
            (true, None) => {
                let block = blocks.last_mut().unwrap();
                block.text += line;
                block.text.push('\n');
            }
            (false, None) => follows &= line.trim().is_empty(),
        }
    }
    assert!(!open, "{page}: a block is not closed");
    blocks
}

/// The command lines of `spanql` in a script, as the shell itself takes them apart. Nothing else in it is run.
fn shell_words(script: &str) -> Vec<Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    fs::write(&log, "").unwrap();
    let record = r#"spanql() { printf '%s\0' "$#" "$@" >> "$LOG"; }"#;
    Command::new("/bin/sh")
        .args(["-c", &format!("{record}\n{script}")])
        .env_clear()
        .env("PATH", "/nonexistent")
        .env("LOG", &log)
        .current_dir(dir.path())
        .output()
        .unwrap();
    let log = fs::read_to_string(&log).unwrap();
    let mut words = log.split_terminator('\0').map(str::to_string);
    let mut lines = Vec::new();
    while let Some(count) = words.next() {
        lines.push(words.by_ref().take(count.parse().unwrap()).collect());
    }
    lines
}

/// The command lines of `spanql` in a block.
fn command_lines(block: &Block) -> Vec<Vec<String>> {
    let lines = shell_words(&block.text);
    let written = block
        .text
        .lines()
        .filter(|line| line.starts_with("spanql ") || line.contains("| spanql "))
        .count();
    assert_eq!(lines.len(), written, "{}: the shell disagrees", block.place);
    lines
}

/// The store, and what of the page so far decides how SQL is read.
struct Reader {
    store: PathBuf,
    config: PathBuf,
    session: Session,
}

impl Reader {
    async fn new(dir: &Path) -> Self {
        let (store, config) = (dir.join("store"), dir.join("spanql.toml"));
        if !store.exists() {
            ingest(
                &["tests/data".to_string()],
                &store,
                &IngestOptions::default(),
                &(),
            )
            .unwrap();
        }
        fs::write(&config, "").unwrap();
        let session = Self::open(&store, &config).await.unwrap();
        Self {
            store,
            config,
            session,
        }
    }

    async fn open(store: &Path, config: &Path) -> spanql::Result<Session> {
        Session::open(SessionOptions {
            store: Some(store.to_path_buf()),
            config: Some(config.to_path_buf()),
            ..SessionOptions::default()
        })
        .await
    }

    /// What follows a configuration is read with it.
    async fn configure(&mut self, toml: &str) -> spanql::Result<()> {
        fs::write(&self.config, toml).unwrap();
        self.session = Self::open(&self.store, &self.config).await?;
        Ok(())
    }

    async fn sql(&self, sql: &str, params: ParamValues) -> spanql::Result<Query> {
        self.session.sql(sql, params).await
    }

    /// A block of SQL: a report, or a statement without parameters.
    async fn block(&self, block: &Block) -> spanql::Result<Query> {
        if block.text.starts_with("-- question:") {
            let report = Report::parse(&block.text, "shown.sql")?;
            return report.query(&self.session, &BTreeMap::new()).await;
        }
        self.sql(&block.text, ParamValues::Map(Default::default()))
            .await
    }

    /// The query of a command line, where it has one that can be run here.
    async fn query(&self, line: &ArgMatches) -> Option<spanql::Result<Query>> {
        match line.subcommand()? {
            ("sql", args) => {
                let sql = args.get_one::<String>("query")?;
                let params = args.get_many::<(String, ScalarValue)>("params");
                let params: Vec<_> = params.into_iter().flatten().cloned().collect();
                Some(self.sql(sql, ParamValues::from(params)).await)
            }
            ("report", args) if !args.contains_id("queries") => {
                let name = args.get_one::<String>("names")?;
                let given = args.get_many::<(String, String)>("params");
                let given: BTreeMap<_, _> = given.into_iter().flatten().cloned().collect();
                let report = match Report::find(name, None) {
                    Ok(report) => report,
                    Err(error) => return Some(Err(error)),
                };
                Some(report.query(&self.session, &given).await)
            }
            _ => None,
        }
    }
}

async fn shown(query: &Query, format: Format) -> spanql::Result<String> {
    let mut out = Vec::new();
    output::write(query.stream().await?, format, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}

#[tokio::test]
async fn sql_command_lines_and_configurations_are_as_shown() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("brands.csv"), "IBM\nH&M\n").unwrap();
    for (page, least_run, least_compared, least_lines) in PAGES {
        let (mut run, mut compared, mut lines) = (0, 0, 0);
        let mut reader = Reader::new(dir.path()).await;
        let mut last: Option<(Query, String)> = None;
        for block in blocks(page) {
            let place = &block.place;
            let fail = |e: &dyn std::fmt::Display| -> ! { panic!("{place}: {e}") };
            let mut query = None;
            match block.language.as_str() {
                "sql" => query = Some(reader.block(&block).await.unwrap_or_else(|e| fail(&e))),
                "toml" => reader
                    .configure(&block.text)
                    .await
                    .unwrap_or_else(|e| fail(&e)),
                "sh" => {
                    for words in command_lines(&block) {
                        let words = ["spanql".to_string()].into_iter().chain(words);
                        let line = spanql::cli::command().try_get_matches_from(words);
                        lines += 1;
                        let line = line.unwrap_or_else(|e| fail(&e));
                        if let Some(planned) = reader.query(&line).await {
                            let planned = planned.unwrap_or_else(|e| fail(&e));
                            shown(&planned, Format::Json)
                                .await
                                .unwrap_or_else(|e| fail(&e));
                            run += 1;
                            query = Some(planned);
                        }
                    }
                }
                "text" | "json" if block.follows => {
                    if let Some((query, at)) = last.take() {
                        let format = match block.language.as_str() {
                            "json" => Format::Json,
                            _ => Format::Table,
                        };
                        let output = shown(&query, format).await.unwrap_or_else(|e| fail(&e));
                        assert!(
                            output == block.text,
                            "{place} is not what {at} gives, which is\n{output}"
                        );
                        compared += 1;
                    }
                }
                _ => {}
            }
            if block.language == "sql" {
                let query = query.as_ref().unwrap();
                shown(query, Format::Json)
                    .await
                    .unwrap_or_else(|e| fail(&e));
                run += 1;
            }
            last = query.map(|query| (query, block.place.clone()));
        }
        assert!(
            run >= least_run && compared >= least_compared && lines >= least_lines,
            "{page}: {run} queries run, {compared} outputs compared, {lines} command lines: too few"
        );
    }
}

/// The files of the repository below the folders that the pages speak of.
fn files() -> BTreeSet<String> {
    let roots = ["src", "python", "queries", "tests", "benches", ".ci"];
    let mut files: BTreeSet<String> = roots
        .iter()
        .flat_map(walkdir::WalkDir::new)
        .map(|entry| entry.unwrap())
        .map(|entry| match entry.file_type().is_dir() {
            true => format!("{}/", entry.path().display()),
            false => entry.path().display().to_string(),
        })
        .collect();
    let top = fs::read_dir(".").unwrap().map(|entry| entry.unwrap());
    files.extend(top.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    files
}

#[test]
fn files_that_the_map_names_exist() {
    let files = files();
    let page = fs::read_to_string("ARCHITECTURE.md").unwrap();
    let mut named = 0;
    for (number, line) in (1..).zip(page.lines()) {
        for word in line.split('`').skip(1).step_by(2) {
            let is_file = [".rs", ".py", ".pyi", ".sql", ".sh", ".md", ".toml"]
                .iter()
                .any(|extension| word.ends_with(extension));
            let is_folder = word.ends_with('/') && !word.starts_with('<');
            if (is_file || is_folder) && !word.contains(['*', '<', ' ']) {
                named += 1;
                // `scan.rs` within a room's entry is enough where it is one of the repository's.
                let tail = format!("/{word}");
                let found = files.iter().any(|f| f == word || f.ends_with(&tail));
                assert!(found, "ARCHITECTURE.md:{number}: there is no {word}");
            }
        }
    }
    assert!(named > 50, "only {named} files are named");
}

#[test]
fn links_and_tasks_exist() {
    let makefile = fs::read_to_string("Makefile").unwrap();
    let tasks: BTreeSet<&str> = makefile
        .lines()
        .filter_map(|line| line.strip_prefix(".PHONY:"))
        .flat_map(str::split_whitespace)
        .collect();
    let (mut links, mut asked) = (0, 0);
    for (page, ..) in PAGES {
        let text = fs::read_to_string(page).unwrap();
        let mut prose = true;
        for (number, line) in (1..).zip(text.lines()) {
            prose ^= line.starts_with("```");
            for target in line.split("](").skip(1).filter(|_| prose) {
                let target = target.split([')', '#']).next().unwrap();
                if !target.contains("://") && !target.is_empty() {
                    let target = Path::new(page).with_file_name(target);
                    assert!(target.exists(), "{page}:{number}: no {}", target.display());
                    links += 1;
                }
            }
        }
        for block in blocks(page).iter().filter(|block| block.language == "sh") {
            for line in block.text.lines().filter(|line| line.starts_with("make ")) {
                let words = line.split('#').next().unwrap().split_whitespace().skip(1);
                for task in words.filter(|word| !word.contains('=')) {
                    assert!(tasks.contains(task), "{}: no task {task}", block.place);
                    asked += 1;
                }
            }
        }
    }
    assert!(links > 6 && asked > 6, "{links} links, {asked} tasks");
}
