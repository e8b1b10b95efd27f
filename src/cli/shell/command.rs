//! Backslash commands: their grammar and their help. Carrying them out is the shell's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::cli::sql::split_param;
use crate::error::{Error, Result};
use crate::output::Format;

/// What a line that begins with a backslash asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// `\d`
    Tables,
    /// `\d NAME`, as written, since names may be quoted
    Columns(String),
    /// `\df [PART]`
    Functions(String),
    /// `\l`
    Labels,
    /// `\r`
    Reports,
    /// `\r NAME [PARAM=VALUE…]`
    Report(String, BTreeMap<String, String>),
    /// `\format [NAME]`
    Format(Option<Format>),
    /// `\x [on|off]`
    Expanded(Option<bool>),
    /// `\timing [on|off]`
    Timing(Option<bool>),
    /// `\o [FILE]`
    Output(Option<PathBuf>),
    /// `\i FILE`
    Include(PathBuf),
    /// `\?`
    Help,
    /// `\q`
    Quit,
}

/// The names as completed.
pub(super) const NAMES: [&str; 12] = [
    "\\?", "\\d", "\\df", "\\format", "\\h", "\\i", "\\l", "\\o", "\\q", "\\r", "\\timing", "\\x",
];

/// The formats of results that are text, one after another in one stream.
pub(super) const FORMATS: [Format; 5] = [
    Format::Table,
    Format::Vertical,
    Format::Json,
    Format::Ndjson,
    Format::Csv,
];

pub(super) const HELP: &str = "\
A statement ends with a semicolon and may take several lines. Tab completes.
Ctrl-C clears what is typed, or stops the query.

  \\d [NAME]          tables and views, or the columns of one
  \\df [PART]         functions, or those with PART in their names
  \\l                 labels and the recognizers that find them
  \\r [NAME [P=V …]]  reports, or the result of one, with parameters
  \\format [NAME]     table, vertical, json, ndjson or csv
  \\x [on|off]        vertical: one column a line, with whole texts
  \\timing [on|off]   say how long a statement took
  \\o [FILE]          the next result goes to FILE, in the format of its name
  \\i FILE            run the statements of a file
  \\? \\h              this
  \\q                 leave, as do Ctrl-D, quit and exit
";

impl Command {
    /// Reads a command. Words are split as in a shell, so that a name with spaces stands in quotes.
    ///
    /// # Errors
    /// [`Error::Usage`] with what is wrong and how it is written.
    pub(super) fn parse(line: &str) -> Result<Self> {
        let (name, rest) = line
            .split_once(char::is_whitespace)
            .map_or((line, ""), |(name, rest)| (name, rest.trim()));
        // A semicolon at the end is a habit.
        let (name, rest) = match rest {
            "" => (name.trim_end_matches(';'), rest),
            rest => (name, rest.trim_end_matches(';').trim_end()),
        };
        let words = shlex::split(rest)
            .ok_or_else(|| Error::Usage(format!("{line}: a quotation mark is not closed")))?;
        let usage = |form: &str| Error::Usage(format!("write {form}; \\? explains"));
        let at_most_one = |form: &str| match &words[..] {
            [] => Ok(None),
            [word] => Ok(Some(word.as_str())),
            _ => Err(usage(form)),
        };
        let switch = |form: &str| match at_most_one(form)? {
            None => Ok(None),
            Some("on") => Ok(Some(true)),
            Some("off") => Ok(Some(false)),
            Some(_) => Err(usage(form)),
        };
        Ok(match name {
            "\\d" if rest.is_empty() => Self::Tables,
            "\\d" => Self::Columns(rest.to_string()),
            "\\df" => Self::Functions(at_most_one("\\df [PART]")?.unwrap_or_default().to_string()),
            "\\l" if words.is_empty() => Self::Labels,
            "\\l" => return Err(usage("\\l")),
            "\\r" => match words.split_first() {
                None => Self::Reports,
                Some((name, params)) => {
                    let mut given = BTreeMap::new();
                    for param in params {
                        let (name, value) =
                            split_param(param).map_err(|_| usage("\\r NAME PARAM=VALUE …"))?;
                        given.insert(name, value);
                    }
                    Self::Report(name.clone(), given)
                }
            },
            "\\format" => Self::Format(
                at_most_one("\\format [NAME]")?
                    .map(text_format)
                    .transpose()?,
            ),
            "\\x" => Self::Expanded(switch("\\x [on|off]")?),
            "\\timing" => Self::Timing(switch("\\timing [on|off]")?),
            "\\o" => match at_most_one("\\o [FILE]")? {
                None => Self::Output(None),
                Some(file) => {
                    // Now, and not when a long query has run.
                    Format::from_extension(file.as_ref())?;
                    Self::Output(Some(file.into()))
                }
            },
            "\\i" => match &words[..] {
                [file] => Self::Include(file.into()),
                _ => return Err(usage("\\i FILE")),
            },
            "\\?" | "\\h" => Self::Help,
            "\\q" => Self::Quit,
            _ => {
                return Err(Error::Usage(format!(
                    "no command {name}: \\? lists the commands"
                )));
            }
        })
    }
}

fn text_format(name: &str) -> Result<Format> {
    let format: Format = name.parse()?;
    if FORMATS.contains(&format) {
        return Ok(format);
    }
    Err(Error::Usage(format!(
        "{format} is not for several results one after another: write one to a file with \\o FILE"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        let report = |params: &[(&str, &str)]| {
            let params = params.iter().map(|(k, v)| (k.to_string(), v.to_string()));
            Command::Report("top_domains".into(), params.collect())
        };
        for (line, expected) in [
            ("\\d", Command::Tables),
            ("\\d;", Command::Tables),
            (
                "\\d  \"My Table\" ;",
                Command::Columns("\"My Table\"".into()),
            ),
            ("\\df", Command::Functions(String::new())),
            ("\\df entit", Command::Functions("entit".into())),
            ("\\l", Command::Labels),
            ("\\r", Command::Reports),
            ("\\r top_domains", report(&[])),
            (
                "\\r top_domains top=3 q='a b=c'",
                report(&[("top", "3"), ("q", "a b=c")]),
            ),
            ("\\format", Command::Format(None)),
            ("\\format csv", Command::Format(Some(Format::Csv))),
            ("\\x", Command::Expanded(None)),
            ("\\x off", Command::Expanded(Some(false))),
            ("\\timing on", Command::Timing(Some(true))),
            ("\\o", Command::Output(None)),
            (
                "\\o 'my file.csv'",
                Command::Output(Some("my file.csv".into())),
            ),
            ("\\i 查询.sql", Command::Include("查询.sql".into())),
            ("\\?", Command::Help),
            ("\\h", Command::Help),
            ("\\q", Command::Quit),
        ] {
            assert_eq!(Command::parse(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for (line, part) in [
            ("\\", "\\?"),
            ("\\dt", "no command \\dt"),
            ("\\df a b", "\\df [PART]"),
            ("\\l x", "write \\l"),
            ("\\r top_domains 3", "PARAM=VALUE"),
            ("\\format xlsx", "ndjson"),
            ("\\format parquet", "\\o FILE"),
            ("\\timing maybe", "\\timing [on|off]"),
            ("\\o out.xlsx", "out.xlsx"),
            ("\\o 'out.csv", "not closed"),
            ("\\o a.csv b.csv", "\\o [FILE]"),
            ("\\i", "\\i FILE"),
        ] {
            let error = Command::parse(line).unwrap_err();
            assert!(matches!(error, Error::Usage(_)), "{line}");
            assert!(error.to_string().contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn every_name_is_a_command_and_in_the_help() {
        for name in NAMES {
            let known =
                !matches!(Command::parse(name), Err(e) if e.to_string().contains("no command"));
            assert!(known && HELP.contains(name), "{name}");
        }
    }
}
