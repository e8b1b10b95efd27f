//! What the grammar wants after some tokens, as far as tokens tell.
//!
//! Knows keywords and brackets; the names that fit there are not known here.

use datafusion::sql::sqlparser::tokenizer::{Token, Word};

/// Functions whose arguments after the text are labels.
const TAKE_LABELS: [&str; 2] = ["extract_entities", "entity_values"];

pub(super) const BEGINNINGS: [&str; 10] = [
    "CREATE VIEW",
    "DESCRIBE",
    "DROP VIEW",
    "EXPLAIN",
    "EXPLAIN ANALYZE",
    "SELECT",
    "SET",
    "SHOW TABLES",
    "VALUES",
    "WITH",
];

/// The keywords of queries. The parser knows hundreds, among which these would not be found.
pub(super) const KEYWORDS: &str = "\
    ALL AND ANTI AS ASC BETWEEN BY CASE CAST CROSS CURRENT DATE DESC DISTINCT ELSE END EXCEPT EXISTS EXTRACT FALSE FILTER \
    FIRST FOLLOWING FROM FULL GROUP HAVING ILIKE IN INNER INTERSECT INTERVAL IS JOIN LAST LEFT LIKE LIMIT NOT NULL NULLS \
    OFFSET ON OR ORDER OUTER OVER PARTITION PRECEDING QUALIFY RANGE RECURSIVE RIGHT ROW ROWS SELECT SEMI SIMILAR THEN \
    TIMESTAMP TO TRUE TRY_CAST UNBOUNDED UNION UNNEST USING VALUES WHEN WHERE WINDOW WITH WITHIN";

/// What comes next.
pub(super) enum Position {
    Beginning,
    Table,
    /// A column of this table or alias.
    ColumnOf(String),
    /// An expression.
    Value,
    /// What can follow an expression or a table: keywords.
    Next,
    /// A new name, which nobody can know.
    Name,
}

pub(super) fn position(before: &[Token]) -> Position {
    match before {
        [] => Position::Beginning,
        [.., Token::Word(table), Token::Period] => Position::ColumnOf(folded(table)),
        [.., Token::Word(word)] => match keyword(word).as_deref() {
            Some("EXPLAIN" | "ANALYZE") => Position::Beginning,
            Some("FROM" | "JOIN" | "DESCRIBE" | "VIEW") => Position::Table,
            Some("AS") => Position::Name,
            Some("END" | "NULL" | "TRUE" | "FALSE" | "ASC" | "DESC" | "LAST" | "FIRST" | "ALL")
            | None => Position::Next,
            Some(_) => Position::Value,
        },
        [rest @ .., Token::Comma] if in_from(rest) => Position::Table,
        [rest @ .., Token::Mul] => match rest.last() {
            // `*` as all columns, not as a product.
            Some(Token::Comma | Token::LParen | Token::Period) => Position::Next,
            Some(Token::Word(word)) if keyword(word).is_some() => Position::Next,
            _ => Position::Value,
        },
        [.., token] if is_operand(token) => Position::Next,
        _ => Position::Value,
    }
}

/// Whether a comma after these tokens stands between tables.
fn in_from(tokens: &[Token]) -> bool {
    let from = enclosing_bracket(tokens).map_or(0, |bracket| bracket + 1);
    let mut depth = 0;
    let clause = tokens[from..].iter().rev().find_map(|token| {
        match token {
            Token::RParen => depth += 1,
            Token::LParen => depth -= 1,
            Token::Word(word) if depth == 0 => {
                return keyword(word).filter(|k| {
                    ["SELECT", "FROM", "WHERE", "BY", "ON", "HAVING"].contains(&k.as_str())
                });
            }
            _ => {}
        }
        None
    });
    clause.as_deref() == Some("FROM")
}

pub(super) fn is_operand(token: &Token) -> bool {
    !matches!(
        token,
        Token::Whitespace(_)
            | Token::SemiColon
            | Token::Comma
            | Token::Period
            | Token::LParen
            | Token::LBracket
            | Token::Eq
            | Token::DoubleEq
            | Token::Neq
            | Token::Lt
            | Token::Gt
            | Token::LtEq
            | Token::GtEq
            | Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::Mod
            | Token::StringConcat
            | Token::DoubleColon
            | Token::Tilde
    )
}

pub(super) enum Labels {
    One,
    List,
}

/// Whether a string after these tokens is a label: `label = '`, `label IN ('A', '`, `extract_entities(text, '`.
pub(super) fn takes_labels(before: &[Token]) -> Option<Labels> {
    let is_label = |token: Option<&Token>| token.is_some_and(|t| is_word(t, "label"));
    if let [.., subject, Token::Eq | Token::DoubleEq | Token::Neq] = before {
        return is_label(Some(subject)).then_some(Labels::One);
    }
    let bracket = enclosing_bracket(before)?;
    let (opening, inside) = (&before[..bracket], &before[bracket + 1..]);
    match opening {
        [.., function] if TAKE_LABELS.iter().any(|name| is_word(function, name)) => {
            inside.contains(&Token::Comma).then_some(Labels::List)
        }
        [rest @ .., is_in] if is_word(is_in, "in") => {
            let subject = match rest {
                [rest @ .., not] if is_word(not, "not") => rest.last(),
                rest => rest.last(),
            };
            is_label(subject).then_some(Labels::One)
        }
        _ => None,
    }
}

/// Where the bracket stands that is open at the end.
fn enclosing_bracket(tokens: &[Token]) -> Option<usize> {
    let mut closed = 0;
    tokens.iter().rposition(|token| {
        match token {
            Token::RParen => closed += 1,
            Token::LParen if closed == 0 => return true,
            Token::LParen => closed -= 1,
            _ => {}
        }
        false
    })
}

pub(super) fn is_word(token: &Token, name: &str) -> bool {
    matches!(token, Token::Word(word) if folded(word) == name)
}

/// The word in upper case if it is a keyword that matters here.
pub(super) fn keyword(word: &Word) -> Option<String> {
    let upper = word.value.to_uppercase();
    let known = word.quote_style.is_none()
        && KEYWORDS
            .split_whitespace()
            .chain(BEGINNINGS.iter().flat_map(|words| words.split_whitespace()))
            .any(|keyword| keyword == upper);
    known.then_some(upper)
}

/// The name that a word stands for: without quotation marks it is in lower case.
pub(super) fn folded(word: &Word) -> String {
    match word.quote_style {
        Some(_) => word.value.clone(),
        None => word.value.to_lowercase(),
    }
}
