//! What Tab offers: a function of the words there are, the text so far, and the cursor.
//!
//! A statement in the making does not parse, so this goes by tokens: what stands right before the cursor, which list or
//! call it is in, which tables the statement names. Where the words come from, and the menu, are the editor's.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::ast::{Expr, SelectItem, SetExpr, Statement};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Whitespace};

use super::command;
use super::position::{
    BEGINNINGS, KEYWORDS, Labels, Position, folded, is_operand, is_word, keyword, position,
    takes_labels,
};
use super::statements::{Places, tokens};

/// The names that can be completed.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// Tables and views with their columns.
    pub(super) tables: BTreeMap<String, Vec<String>>,
    pub(super) functions: Vec<String>,
    pub(super) labels: Vec<String>,
    pub(super) reports: Vec<String>,
}

/// What can stand at the cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Completion {
    /// One of these, in place of what is from this byte to the cursor.
    Words(usize, Vec<String>),
    /// The name of a file.
    File,
}

/// Completes what stands before byte `at` of `text`, which is all that was typed since the last statement.
pub(super) fn complete(words: &Words, text: &str, at: usize) -> Completion {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    if text[line..at].trim_start().starts_with('\\') {
        return in_command(words, &text[..at], line);
    }
    let (mut before, error) = tokens(&text[..at]);
    let end = before.last().map_or(Location::new(1, 1), |t| t.span.end);
    let end = Places::of(text).offset(end);
    let open = match error {
        Some(_) => &text[end..at],
        None => "",
    };
    if let Some(Token::Whitespace(Whitespace::SingleLineComment { comment, .. })) =
        before.last().map(|token| &token.token)
        && !comment.ends_with('\n')
    {
        return nothing(at);
    }
    // The word under the cursor is what is completed, not what stands before it.
    let word = match before.last().map(|token| &token.token) {
        // A word that does not end at the cursor is out of a hint, `/*! … */`, which the tokenizer opens.
        Some(Token::Word(word)) if open.is_empty() && text[..at].ends_with(&word.value) => {
            word.value.clone()
        }
        Some(token) if open.is_empty() && is_operand(token) => return nothing(at),
        _ => String::new(),
    };
    if !word.is_empty() {
        before.pop();
    }
    let statement = before.iter().rposition(|t| t.token == Token::SemiColon);
    let before: Vec<Token> = before
        .drain(statement.map_or(0, |semicolon| semicolon + 1)..)
        .map(|token| token.token)
        .filter(|token| !matches!(token, Token::Whitespace(_)))
        .collect();
    let whole = Whole::of(words, &text[end - word.len()..], &before);

    let found = match open.chars().next() {
        Some('\'') => return in_string(words, &before, &open[1..], at),
        Some('"') => whole
            .names(position(&before))
            .into_iter()
            .filter(|name| starts_with(name, &open[1..]))
            .map(|name| quoted(&name))
            .collect(),
        Some(_) => Vec::new(),
        None => whole.candidates(position(&before), &word),
    };
    let typed = if open.is_empty() {
        word.len()
    } else {
        open.len()
    };
    Completion::Words(at - typed, found)
}

fn nothing(at: usize) -> Completion {
    Completion::Words(at, Vec::new())
}

/// `line` is where the command's line begins.
fn in_command(words: &Words, text: &str, line: usize) -> Completion {
    let start = text
        .rfind(char::is_whitespace)
        .map_or(line, |space| space + 1);
    let typed = &text[start..];
    let mut parts = text[line..start].split_whitespace();
    let offered: Vec<&str> = match (parts.next(), parts.next()) {
        (None, _) => command::NAMES.to_vec(),
        (Some("\\o" | "\\i"), _) => return Completion::File,
        (Some("\\d"), None) => words.tables.keys().map(String::as_str).collect(),
        (Some("\\df"), None) => words.functions.iter().map(String::as_str).collect(),
        (Some("\\r"), None) => words.reports.iter().map(String::as_str).collect(),
        (Some("\\format"), None) => command::FORMATS.iter().map(|f| f.name()).collect(),
        (Some("\\x" | "\\timing"), None) => vec!["on", "off"],
        _ => Vec::new(),
    };
    let found = offered.into_iter().filter(|name| starts_with(name, typed));
    Completion::Words(start, found.map(str::to_string).collect())
}

/// `open` is the string so far, without its quotation mark.
fn in_string(words: &Words, before: &[Token], open: &str, at: usize) -> Completion {
    if matches!(position(before), Position::Table) {
        return Completion::File;
    }
    let label = match takes_labels(before) {
        None => return nothing(at),
        Some(Labels::One) => open,
        Some(Labels::List) => open.rsplit(',').next().unwrap_or_default().trim_start(),
    };
    let found = words.labels.iter().filter(|name| starts_with(name, label));
    Completion::Words(at - label.len(), found.cloned().collect())
}

/// The statement around the cursor: the words that matter in it.
struct Whole<'a> {
    words: &'a Words,
    /// Tables that the statement names, by their names and aliases there.
    named: Vec<(String, &'a [String])>,
}

impl<'a> Whole<'a> {
    /// `after` is the text from the word under the cursor on.
    fn of(words: &'a Words, after: &str, before: &[Token]) -> Self {
        let after = tokens(after).0.into_iter().map(|token| token.token);
        let after = after
            .filter(|token| !matches!(token, Token::Whitespace(_)))
            .take_while(|token| *token != Token::SemiColon);
        let all: Vec<Token> = before.iter().cloned().chain(after).collect();
        let mut named = Vec::new();
        for (i, token) in all.iter().enumerate() {
            let Token::Word(word) = token else { continue };
            let Some(columns) = words.tables.get(&folded(word)) else {
                continue;
            };
            named.push((folded(word), &columns[..]));
            let alias = match &all[i + 1..] {
                [token, alias, ..] if is_word(token, "as") => alias,
                [alias, ..] => alias,
                [] => continue,
            };
            if let Token::Word(alias) = alias
                && keyword(alias).is_none()
            {
                named.push((folded(alias), columns));
            }
        }
        Self { words, named }
    }

    /// The names of tables or columns that can stand there, as they are.
    fn names(&self, position: Position) -> Vec<String> {
        let tables = self.words.tables.values().map(Vec::as_slice);
        let columns: Vec<&[String]> = match position {
            Position::Table => return self.words.tables.keys().cloned().collect(),
            Position::ColumnOf(table) => {
                let named = self.named.iter().filter(|(name, _)| *name == table);
                named.map(|(_, columns)| *columns).collect()
            }
            Position::Value if self.named.is_empty() => tables.collect(),
            Position::Value => self.named.iter().map(|(_, columns)| *columns).collect(),
            Position::Beginning | Position::Next | Position::Name => Vec::new(),
        };
        let mut columns = columns.concat();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// All that can stand there and begins as `word`, as it is written in SQL.
    fn candidates(&self, position: Position, word: &str) -> Vec<String> {
        // Without a first letter all functions and keywords are no help.
        let (functions, keywords) = match position {
            Position::Value if !word.is_empty() => (&self.words.functions[..], KEYWORDS),
            Position::Next => (&[][..], KEYWORDS),
            _ => (&[][..], ""),
        };
        let beginnings = match position {
            Position::Beginning => &BEGINNINGS[..],
            _ => &[],
        };
        let names = self.names(position);
        let names = names.iter().filter(|name| starts_with(name, word));
        let functions = functions.iter().filter(|name| starts_with(name, word));
        // Keywords in the case in which they are typed.
        let lower = word.contains(char::is_lowercase);
        let keywords = beginnings
            .iter()
            .copied()
            .chain(keywords.split_whitespace());
        let keywords = keywords.filter(|keyword| starts_with(keyword, word));
        names
            .map(|name| as_written(name))
            .chain(functions.map(|name| format!("{name}(")))
            .chain(keywords.map(|keyword| match lower {
                true => keyword.to_lowercase(),
                false => keyword.to_string(),
            }))
            .collect()
    }
}

fn starts_with(name: &str, prefix: &str) -> bool {
    name.to_lowercase().starts_with(&prefix.to_lowercase())
}

/// A name as it must be written: in quotation marks where the parser would not read it as itself.
fn as_written(name: &str) -> String {
    let statement = format!("SELECT {name} FROM t");
    let read = Parser::parse_sql(&GenericDialect {}, &statement);
    let plain = name == name.to_lowercase()
        && matches!(read.as_deref(), Ok([Statement::Query(query)]) if matches!(&*query.body, SetExpr::Select(select)
            if matches!(&select.projection[..], [SelectItem::UnnamedExpr(Expr::Identifier(read))] if read.value == name)));
    if plain {
        name.to_string()
    } else {
        quoted(name)
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::super::statements::tests::PARTS;
    use super::*;

    fn words() -> Words {
        let strings = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
        let table = |name: &str, columns: &[&str]| (name.to_string(), strings(columns));
        Words {
            tables: BTreeMap::from([
                table(
                    "documents",
                    &["doc_id", "source", "ts", "text", "Likes", "from", "作者"],
                ),
                table("entities", &["doc_id", "label", "value", "span_start"]),
                table("quarantine", &["reason", "raw"]),
            ]),
            functions: strings(&["concat", "count", "entity_values", "extract_entities"]),
            labels: strings(&["EMAIL", "ENV", "PHONE", "URL"]),
            reports: strings(&["top_domains", "top_hashtags"]),
        }
    }

    /// Completes at `|`; gives what is replaced and the candidates.
    fn completed(text: &str) -> (String, Vec<String>) {
        let at = text.find('|').unwrap();
        match complete(&words(), &text.replacen('|', "", 1), at) {
            Completion::Words(start, found) => (text[start..at].to_string(), found),
            Completion::File => ("a file".to_string(), Vec::new()),
        }
    }

    #[test]
    fn names_keywords_and_functions_where_they_can_stand() {
        for (text, replaced, expected) in [
            ("sel|", "sel", &["select"][..]),
            ("SELECT 1; DE|", "DE", &["DESCRIBE"]),
            ("explain s|", "s", &["select", "set", "show tables"]),
            (
                "SELECT * FROM |",
                "",
                &["documents", "entities", "quarantine"],
            ),
            ("SELECT * FROM d|", "d", &["documents"]),
            ("SELECT * FROM ENT|", "ENT", &["entities"]),
            ("SELECT * FROM documents d, e|", "e", &["entities"]),
            ("SELECT * FROM documents JOIN q|", "q", &["quarantine"]),
            ("DESCRIBE q|", "q", &["quarantine"]),
            ("SELECT * fr|", "fr", &["from"]),
            ("SELECT * FROM documents WH|", "WH", &["WHEN", "WHERE"]),
            ("SELECT co|", "co", &["concat(", "count("]),
            (
                "SELECT count(d| FROM documents",
                "d",
                &["doc_id", "date", "desc", "distinct"],
            ),
            (
                "SELECT d| FROM quarantine",
                "d",
                &["date", "desc", "distinct"],
            ),
            (
                "SELECT max(r|, 2) FROM quarantine",
                "r",
                &[
                    "raw",
                    "reason",
                    "range",
                    "recursive",
                    "right",
                    "row",
                    "rows",
                ],
            ),
            ("SELECT | FROM quarantine", "", &["raw", "reason"]),
            ("SELECT reason, | FROM quarantine", "", &["raw", "reason"]),
            (
                "SELECT e.| FROM entities AS e",
                "",
                &["doc_id", "label", "span_start", "value"],
            ),
            (
                "SELECT d.t|\nFROM entities e\nJOIN documents d",
                "t",
                &["text", "ts"],
            ),
            ("SELECT x.| FROM entities e", "", &[]),
            // What SQL would read otherwise stands in quotation marks.
            (
                "SELECT li| FROM documents",
                "li",
                &["\"Likes\"", "like", "limit"],
            ),
            ("SELECT \"li| FROM documents", "\"li", &["\"Likes\""]),
            ("SELECT documents.f| FROM documents", "f", &["\"from\""]),
            ("SELECT 作| FROM documents", "作", &["作者"]),
            ("SELECT 作者, 作| FROM documents", "作", &["作者"]),
            ("SELECT value AS v|", "v", &[]),
            ("SELECT 12|", "", &[]),
            ("SELECT 'co|", "", &[]),
            ("-- co|", "", &[]),
            ("SELECT /* co|", "/* co", &[]),
            ("SELECT /*!作*/|", "", &[]),
        ] {
            let expected = expected.iter().map(|name| name.to_string()).collect();
            assert_eq!(completed(text), (replaced.to_string(), expected), "{text}");
        }
    }

    #[test]
    fn labels_in_strings_that_are_labels() {
        for (text, replaced, count) in [
            ("SELECT * FROM entities WHERE label = '|", "", 4),
            ("SELECT * FROM entities WHERE label = 'em|'", "em", 1),
            ("SELECT * FROM entities e WHERE e.label <> 'E|", "E", 2),
            (
                "SELECT * FROM entities WHERE label IN ('EMAIL', 'p|')",
                "p",
                1,
            ),
            ("SELECT * FROM entities WHERE label NOT IN ('|", "", 4),
            ("SELECT extract_entities(text, 'U|", "U", 1),
            ("SELECT extract_entities(concat(a, b), 'EMAIL, ph|", "ph", 1),
            ("SELECT entity_values(text,\n'|", "", 4),
            ("SELECT extract_entities('E|", "", 0),
            ("SELECT * FROM entities WHERE value = 'E|", "", 0),
            ("SELECT * FROM entities WHERE value IN ('E|", "", 0),
            ("SELECT concat(text, 'E|", "", 0),
        ] {
            let (found_replaced, found) = completed(text);
            assert_eq!(
                (found_replaced.as_str(), found.len()),
                (replaced, count),
                "{text}: {found:?}"
            );
        }
        assert_eq!(
            completed("SELECT * FROM entities WHERE label = 'em|").1,
            ["EMAIL"]
        );
    }

    #[test]
    fn commands_and_what_they_take() {
        for (text, replaced, expected) in [
            ("\\d|", "\\d", &["\\d", "\\df"][..]),
            ("\\d e|", "e", &["entities"]),
            ("\\df ent|", "ent", &["entity_values"]),
            ("\\r top_d|", "top_d", &["top_domains"]),
            ("\\r top_domains t|", "t", &[]),
            ("\\format j|", "j", &["json"]),
            ("\\timing o|", "o", &["on", "off"]),
            ("SELECT\n\\ti|", "\\ti", &["\\timing"]),
        ] {
            let expected = expected.iter().map(|name| name.to_string()).collect();
            assert_eq!(completed(text), (replaced.to_string(), expected), "{text}");
        }
        for text in [
            "\\i que|",
            "\\o |",
            "SELECT * FROM 'dat|",
            "SELECT * FROM a JOIN '|",
        ] {
            assert_eq!(completed(text).0, "a file", "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_and_cursor_are_taken(parts in vec(select(PARTS), 0..12), cut in any::<Index>()) {
            let text = parts.concat();
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let at = *cut.get(&places);
            if let Completion::Words(start, _) = complete(&words(), &text, at) {
                prop_assert!(start <= at && text.is_char_boundary(start));
            }
        }
    }
}
