//! The grammar of a report's header, and the check that header and SQL speak of the same parameters.

use std::collections::HashSet;
use std::path::Path;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::{Column, Missed, Moment, Param, ParamDefault, ParamType, Report, Schedule};
use crate::error::{Error, Result};

/// The keys that a line of the header may begin with.
const KEYS: [&str; 5] = ["question", "param", "column", "schedule", "missed"];

/// What went wrong, and on which line.
type Refusal = (usize, String);

pub(super) fn parse(text: &str, path: &Path) -> Result<Report> {
    parse_text(text, path).map_err(|(line, message)| Error::Config {
        path: path.to_path_buf(),
        line,
        message,
    })
}

fn parse_text(text: &str, path: &Path) -> Result<Report, Refusal> {
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    let name = stem.filter(|name| is_name(name)).ok_or((
        1,
        "a report's file name is lower-case letters, digits and underscores before .sql"
            .to_string(),
    ))?;
    let mut question = None;
    let mut params: Vec<(usize, Param)> = Vec::new();
    let mut columns: Vec<Column> = Vec::new();
    let mut schedule: Option<Schedule> = None;
    let mut missed: Option<(usize, Missed)> = None;
    let mut lines = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .lines()
        .zip(1..);
    for (line, number) in lines.by_ref() {
        let Some(comment) = line.strip_prefix("--") else {
            break;
        };
        let comment = comment.trim();
        if comment.is_empty() {
            continue;
        }
        let refuse = |message: String| (number, message);
        match comment
            .split_once(':')
            .map(|(key, rest)| (key.trim_end(), rest.trim()))
        {
            Some(("question", "")) => return Err(refuse("the question is empty".into())),
            Some(("question", _)) if question.is_some() => {
                return Err(refuse("a second question: a report answers one".into()));
            }
            Some(("question", rest)) => question = Some(rest.to_string()),
            Some(("param", rest)) => {
                let param = param(rest).map_err(refuse)?;
                if params.iter().any(|(_, known)| known.name == param.name) {
                    return Err(refuse(format!(
                        "parameter {:?} is declared twice",
                        param.name
                    )));
                }
                params.push((number, param));
            }
            Some(("column", rest)) => {
                let column = column(rest).map_err(refuse)?;
                if columns.iter().any(|known| known.name == column.name) {
                    return Err(refuse(format!(
                        "column {:?} is declared twice",
                        column.name
                    )));
                }
                columns.push(column);
            }
            Some(("schedule", _)) if schedule.is_some() => {
                return Err(refuse("a second schedule: a report has one".into()));
            }
            Some(("schedule", rest)) => schedule = Some(rest.parse().map_err(refuse)?),
            Some(("missed", _)) if missed.is_some() => {
                return Err(refuse("a second policy for missed runs".into()));
            }
            Some(("missed", rest)) => missed = Some((number, rest.parse().map_err(refuse)?)),
            _ => {
                let keys = KEYS.map(|key| format!("`-- {key}: …`")).join(", ");
                return Err(refuse(format!(
                    "{comment:?} is no header line, which are {keys}; an empty line ends the header, comments may \
                     follow it"
                )));
            }
        }
    }
    for (line, number) in lines {
        if let Some(comment) = line.trim_start().strip_prefix("--")
            && let Some((key, _)) = comment.trim_start().split_once(':')
            && KEYS.contains(&key)
        {
            return Err((
                number,
                "this line stands below the header: the header is the comment lines at the top"
                    .into(),
            ));
        }
    }
    let question = question.ok_or((
        1,
        "no question: begin with `-- question: what the report answers`".to_string(),
    ))?;
    if columns.is_empty() {
        return Err((
            1,
            "no columns: add `-- column: NAME what it means` for each column of the result".into(),
        ));
    }
    if schedule.is_none() {
        check_unscheduled(&params, missed)?;
    }
    check_placeholders(text, &params)?;
    let params = params.into_iter().map(|(_, param)| param).collect();
    Ok(Report {
        name,
        question,
        params,
        columns,
        schedule,
        missed: missed.map(|(_, missed)| missed).unwrap_or_default(),
        sql: text.to_string(),
    })
}

/// Nothing in the header of a report without a schedule hangs on one.
fn check_unscheduled(
    params: &[(usize, Param)],
    missed: Option<(usize, Missed)>,
) -> Result<(), Refusal> {
    const FORM: &str = "add `-- schedule: 30 6 * * 1-5 Asia/Shanghai`";
    if let Some((line, _)) = missed {
        return Err((
            line,
            format!("nothing is missed without a schedule: {FORM}"),
        ));
    }
    let hanging =
        |param: &&(usize, Param)| matches!(param.1.default, Some(ParamDefault::Moment(_)));
    match params.iter().find(hanging) {
        Some((line, param)) => Err((
            *line,
            format!(
                "parameter {:?}: its default hangs on a schedule: {FORM}",
                param.name
            ),
        )),
        None => Ok(()),
    }
}

/// `NAME TYPE [= DEFAULT] [-- what it means]`
fn param(rest: &str) -> Result<Param, String> {
    const FORM: &str = "write `-- param: NAME TYPE = DEFAULT -- what it means`";
    let (name, rest) = word(rest);
    if !is_name(name) {
        return Err(format!(
            "{name:?} is no parameter name (lower-case letters, digits, underscores): {FORM}"
        ));
    }
    let (kind, rest) = word(rest);
    let kind: ParamType = kind
        .parse()
        .map_err(|e| format!("parameter {name:?}: {e}; {FORM}"))?;
    let (written, meaning) = match rest.strip_prefix('=') {
        Some(rest) => {
            let (written, meaning) = default(rest.trim_start()).ok_or_else(|| {
                format!("parameter {name:?}: the default is not complete: {FORM}")
            })?;
            (Some(written), meaning)
        }
        None => (None, rest),
    };
    let meaning = match meaning.strip_prefix("--") {
        Some(meaning) => meaning.trim(),
        None if meaning.is_empty() => "",
        None => {
            return Err(format!(
                "parameter {name:?}: {meaning:?} is not understood: {FORM}"
            ));
        }
    };
    let default = match &written {
        Some((value, _)) => Some(match Moment::named(kind, value) {
            Some(moment) => ParamDefault::Moment(moment),
            None => ParamDefault::Value(
                kind.value(value)
                    .map_err(|e| format!("parameter {name:?}: {e}"))?,
            ),
        }),
        None => None,
    };
    Ok(Param {
        name: name.to_string(),
        kind,
        default,
        meaning: meaning.to_string(),
        written: written.map(|(_, written)| written.to_string()),
    })
}

/// Splits `DEFAULT [-- meaning]` into the default's value, how it was written, and the rest. In single quotes a
/// quote is doubled.
fn default(rest: &str) -> Option<((String, &str), &str)> {
    if let Some(quoted) = rest.strip_prefix('\'') {
        let mut from = 0;
        loop {
            let quote = from + quoted[from..].find('\'')?;
            if quoted[quote + 1..].starts_with('\'') {
                from = quote + 2;
                continue;
            }
            let written = &rest[..quote + 2];
            return Some((
                (quoted[..quote].replace("''", "'"), written),
                quoted[quote + 1..].trim_start(),
            ));
        }
    }
    let end = if rest.starts_with("--") {
        0
    } else {
        rest.find(" --").unwrap_or(rest.len())
    };
    let value = rest[..end].trim_end();
    if value.is_empty() {
        None
    } else {
        Some(((value.to_string(), value), rest[end..].trim_start()))
    }
}

/// `NAME what it means`
fn column(rest: &str) -> Result<Column, String> {
    let (name, meaning) = word(rest);
    if !is_name(name) || meaning.is_empty() {
        return Err(format!(
            "{rest:?} is no column: write `-- column: NAME what it means`, the name in lower case"
        ));
    }
    Ok(Column {
        name: name.to_string(),
        meaning: meaning.to_string(),
    })
}

fn word(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| c.is_whitespace() || c == '=')
        .unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// Names that SQL takes without quotes and without changing them.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Every `$name` of the SQL is declared, and every declared one is used.
fn check_placeholders(text: &str, params: &[(usize, Param)]) -> Result<(), Refusal> {
    let tokens = Tokenizer::new(&GenericDialect {}, text)
        .tokenize_with_location()
        .map_err(|e| (e.location.line as usize, e.message))?;
    let mut used = HashSet::new();
    let mut statement = false;
    for token in tokens {
        statement |= !matches!(token.token, Token::Whitespace(_) | Token::SemiColon);
        let Token::Placeholder(placeholder) = token.token else {
            continue;
        };
        let line = token.span.start.line as usize;
        let name = placeholder.strip_prefix('$').unwrap_or(&placeholder);
        if !params.iter().any(|(_, param)| param.name == name) {
            return Err((
                line,
                format!("{placeholder} is not declared: add `-- param: {name} TYPE` to the header"),
            ));
        }
        used.insert(name.to_string());
    }
    if !statement {
        return Err((
            text.lines().count().max(1),
            "no SQL below the header".into(),
        ));
    }
    match params.iter().find(|(_, param)| !used.contains(&param.name)) {
        Some((line, param)) => Err((
            *line,
            format!(
                "parameter {:?} is not used: no ${} in the SQL",
                param.name, param.name
            ),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::scalar::ScalarValue;

    use super::*;

    const HEAD: &str = "-- question: q?\n-- column: a  first\n";

    #[test]
    fn a_full_header() {
        let report = parse(
            "-- question: What: then?\r\n--\n-- param: top int = 20  -- how many rows\n-- param: since timestamp\n\
             -- param: tag text = ' a''b -- c ' -- quoted\n-- param: x float=0.5\n-- param: empty text = ''\n\
             -- column: a   first -- of all\n-- column: b_2 second\n\n-- a comment: free\n\
             SELECT '$not' AS a, -- $neither\n $x AS b_2 WHERE $tag = $empty AND now() > $since LIMIT $top;",
            Path::new("dir/my_report.sql"),
        )
        .unwrap();
        assert_eq!(report.name, "my_report");
        assert_eq!(report.question, "What: then?");
        let shown: Vec<String> = report.params.iter().map(Param::to_string).collect();
        assert_eq!(
            shown,
            [
                "top int = 20 (how many rows)",
                "since timestamp",
                "tag text = ' a''b -- c ' (quoted)",
                "x float = 0.5",
                "empty text = ''"
            ]
        );
        assert_eq!(
            report.params[2].default,
            Some(ParamDefault::Value(ScalarValue::from(" a'b -- c ")))
        );
        assert_eq!(
            report.params[4].default,
            Some(ParamDefault::Value(ScalarValue::from("")))
        );
        assert_eq!(
            report.columns[0],
            Column {
                name: "a".into(),
                meaning: "first -- of all".into()
            }
        );
        assert_eq!(report.columns[1].name, "b_2");
    }

    #[test]
    fn schedules() {
        let report =
            |lines: &str, sql: &str| parse(&format!("{HEAD}{lines}\n{sql}"), Path::new("r.sql"));
        let plain = report("", "SELECT 1").unwrap();
        assert_eq!((plain.schedule, plain.missed), (None, Missed::Once));
        let due = report(
            "-- schedule:  30 6 * *  1-5 Asia/Shanghai\n-- missed: all\n-- param: day date = yesterday -- which\n\
             -- param: until timestamp = due\n-- param: word text = today",
            "SELECT $day, $until, $word",
        )
        .unwrap();
        assert_eq!(
            due.schedule.unwrap().to_string(),
            "30 6 * * 1-5 Asia/Shanghai"
        );
        assert_eq!(due.missed, Missed::All);
        let defaults: Vec<_> = due
            .params
            .iter()
            .map(|param| param.default.clone().unwrap())
            .collect();
        assert_eq!(
            defaults,
            [
                ParamDefault::Moment(Moment::Yesterday),
                ParamDefault::Moment(Moment::Due),
                ParamDefault::Value(ScalarValue::from("today"))
            ]
        );
        assert_eq!(due.params[0].to_string(), "day date = yesterday (which)");
    }

    #[test]
    fn refusals_name_the_line_and_what_is_wrong() {
        let with = |line: &str, sql: &str| format!("{HEAD}{line}\n{sql}");
        for (text, line, part) in [
            ("SELECT 1".to_string(), 1, "no question"),
            ("-- question: q?\nSELECT 1".to_string(), 1, "no columns"),
            ("-- question:\nSELECT 1".to_string(), 1, "empty"),
            (with("-- quesiton: again?", "SELECT 1"), 3, "quesiton"),
            (with("-- prose", "SELECT 1"), 3, "prose"),
            (with("-- question: two?", "SELECT 1"), 3, "second question"),
            (
                with("-- column: a  again", "SELECT 1"),
                3,
                "\"a\" is declared twice",
            ),
            (with("-- column: b", "SELECT 1"), 3, "\"b\" is no column"),
            (with("-- column: Big  x", "SELECT 1"), 3, "Big"),
            (with("-- param: top", "SELECT $top"), 3, "unknown type \"\""),
            (
                with("-- param: top integer = 3", "SELECT $top"),
                3,
                "\"integer\"",
            ),
            (with("-- param: Top int = 3", "SELECT $Top"), 3, "\"Top\""),
            (
                with("-- param: top int = many", "SELECT $top"),
                3,
                "\"many\"",
            ),
            (
                with("-- param: top int =", "SELECT $top"),
                3,
                "not complete",
            ),
            (
                with("-- param: top int = -- rows", "SELECT $top"),
                3,
                "not complete",
            ),
            (
                with("-- param: t text = 'open", "SELECT $t"),
                3,
                "not complete",
            ),
            (
                with("-- param: t text = 'a' b", "SELECT $t"),
                3,
                "\"b\" is not understood",
            ),
            (
                with("-- param: top int 3", "SELECT $top"),
                3,
                "\"3\" is not understood",
            ),
            (
                with("-- param: t int\n-- param: t int", "SELECT $t"),
                4,
                "\"t\" is declared twice",
            ),
            (
                with("-- param: top int = 3", "SELECT 1"),
                3,
                "\"top\" is not used",
            ),
            (with("", "SELECT 1\nLIMIT $top"), 5, "$top is not declared"),
            (
                with("", "SELECT 1 -- x\n-- param: top int"),
                5,
                "below the header",
            ),
            (
                with("-- missed: all\n-- schedule: 0 0 30 2 *", "SELECT 1"),
                4,
                "never fires",
            ),
            (
                with("-- schedule: 0 6 * * *\n-- schedule: 0 7 * * *", "SELECT 1"),
                4,
                "second schedule",
            ),
            (
                with("-- schedule: 0 6 * * * Mars/Olympus", "SELECT 1"),
                3,
                "Mars/Olympus",
            ),
            (with("-- missed: often", "SELECT 1"), 3, "\"often\""),
            (with("-- missed: once", "SELECT 1"), 3, "without a schedule"),
            (
                with("-- param: day date = today", "SELECT $day"),
                3,
                "hangs on a schedule",
            ),
            (
                with(
                    "-- schedule: 0 6 * * *\n-- param: day date = due",
                    "SELECT $day",
                ),
                4,
                "\"due\" is not a date",
            ),
            (
                with("", "SELECT 1 -- x\n-- schedule: 0 6 * * *"),
                5,
                "below the header",
            ),
            (with("", "SELECT 'open"), 4, "nterminated"),
            (HEAD.to_string(), 2, "no SQL"),
            (with("", ";"), 4, "no SQL"),
        ] {
            let error = parse(&text, Path::new("r.sql")).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("r.sql:{line}: ")),
                "{text}\n{error}"
            );
            assert!(error.contains(part), "{text}\n{error}");
        }
        let name = parse(&with("", "SELECT 1"), Path::new("My Report.sql"))
            .unwrap_err()
            .to_string();
        assert!(name.contains("file name"), "{name}");
    }
}
