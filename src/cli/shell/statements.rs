//! Where statements end, and backslash commands between them, in lines as they come.
//!
//! What is a string, a comment or a semicolon is decided by the tokenizer of DataFusion's parser, so that this and the
//! parser cannot disagree. What a statement means, and where lines come from, is not known here.

use std::ops::Range;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{
    Location, Token, TokenWithSpan, Tokenizer, TokenizerError,
};

/// Up to here an unfinished statement is looked at with each line that may end it; beyond, only when it has doubled, so
/// that a script is read in linear time whatever its strings hold.
const LOOK_ALWAYS: usize = 8 << 10;

/// What can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The line it begins on, from 1.
    pub(super) line: usize,
    pub(super) kind: Kind,
    pub(super) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// SQL without its semicolon.
    Statement,
    /// A line that begins with a backslash, from there on.
    Command,
}

/// Lines that have not become pieces yet.
#[derive(Debug, Default)]
pub(super) struct Statements {
    pending: String,
    /// Lines before `pending`.
    before: usize,
    /// How long `pending` must be to be looked at.
    look_at: usize,
}

impl Statements {
    /// Takes a line, without its line break, and gives what it completes.
    ///
    /// A backslash that begins a line or follows a semicolon begins a command, unless a string or comment is open. In
    /// the midst of a statement the command comes first, and the statement stays as it is.
    pub(super) fn line(&mut self, line: &str) -> Vec<Piece> {
        let look = self.pending.len() >= self.look_at
            && (line.contains(';') || line.trim_start().starts_with('\\'));
        self.pending.push_str(line);
        self.pending.push('\n');
        if look { self.take() } else { Vec::new() }
    }

    /// The end of the lines: a last statement needs no semicolon.
    pub(super) fn end(mut self) -> Vec<Piece> {
        let mut pieces = self.take();
        let (tokens, error) = tokens(&self.pending);
        let first = tokens.iter().find(|token| is_sql(&token.token));
        // Where nothing is left but an open string, the parser is the one to say so.
        if first.is_some() || error.is_some() {
            let line = first.map_or(1, |token| token.span.start.line as usize);
            pieces.push(self.piece(line, Kind::Statement, self.pending.trim()));
        }
        pieces
    }

    /// What the next line continues: nothing, [`STATEMENT`], or the character that opened a string, a quoted name or
    /// a comment.
    pub(super) fn open(&self) -> Option<char> {
        let (tokens, error) = tokens(&self.pending);
        if error.is_none() {
            return tokens
                .iter()
                .any(|token| is_sql(&token.token))
                .then_some(STATEMENT);
        }
        let end = tokens.last().map_or(Location::new(1, 1), |t| t.span.end);
        let rest = &self.pending[Places::of(&self.pending).offset(end)..];
        rest.chars()
            .find(|c| OPENING.contains(c))
            .or(Some(STATEMENT))
    }

    /// The lines of the statement that has begun.
    pub(super) fn pending(&self) -> &str {
        &self.pending
    }

    /// Cuts the complete statements and the commands out of `pending`.
    fn take(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while let Some(done) = self.cut(&mut pieces) {
            self.before += self.pending[done.clone()].matches('\n').count();
            self.pending.drain(done);
        }
        self.look_at = match self.pending.len() {
            short if short <= LOOK_ALWAYS => 0,
            long => 2 * long,
        };
        pieces
    }

    /// Pushes the statements up to the next command, then that command; gives what of `pending` is done with.
    fn cut(&self, pieces: &mut Vec<Piece>) -> Option<Range<usize>> {
        let mut places = Places::of(&self.pending);
        let mut first: Option<(usize, usize)> = None;
        let mut done = 0;
        for token in tokens(&self.pending).0 {
            if first.is_some() && !matches!(token.token, Token::SemiColon | Token::Backslash) {
                continue;
            }
            let at = places.offset(token.span.start);
            let line = token.span.start.line as usize;
            // Within `/*! … */` the tokenizer counts from the comment on, and its places are others'.
            let is_there = |sign: char| self.pending[at..].starts_with(sign);
            match (token.token, first) {
                (Token::SemiColon, _) if is_there(';') => {
                    if let Some((start, line)) = first.take() {
                        let text = &self.pending[start..at];
                        pieces.push(self.piece(line, Kind::Statement, text));
                    }
                    done = at + 1;
                }
                (Token::Backslash, _)
                    if is_there('\\') && (first.is_none() || self.begins_line(at)) =>
                {
                    // The tokenizer's view of the rest of this line, and of what comes after it, is void.
                    let end = at
                        + self.pending[at..]
                            .find('\n')
                            .unwrap_or(self.pending.len() - at);
                    pieces.push(self.piece(line, Kind::Command, &self.pending[at..end]));
                    return Some(if first.is_none() { 0..end } else { at..end });
                }
                (token, None) if is_sql(&token) => first = Some((at, line)),
                _ => {}
            }
        }
        (done > 0).then_some(0..done)
    }

    fn begins_line(&self, at: usize) -> bool {
        let before = self.pending[..at].trim_end_matches([' ', '\t']);
        before.is_empty() || before.ends_with('\n')
    }

    /// `line` counts in `pending`, from 1.
    fn piece(&self, line: usize, kind: Kind, text: &str) -> Piece {
        Piece {
            line: self.before + line,
            kind,
            text: text.trim_end().to_string(),
        }
    }
}

/// What is open where it is a statement itself.
pub(super) const STATEMENT: char = '-';

/// First characters of what the tokenizer reads as one: strings, quoted names, dollar strings, `/*`.
const OPENING: [char; 5] = ['\'', '"', '`', '$', '*'];

/// The tokens up to the first that is not complete.
pub(super) fn tokens(text: &str) -> (Vec<TokenWithSpan>, Option<TokenizerError>) {
    let mut tokens = Vec::new();
    let error = Tokenizer::new(&GenericDialect {}, text)
        .with_unescape(false)
        .tokenize_with_location_into_buf(&mut tokens)
        .err();
    (tokens, error)
}

fn is_sql(token: &Token) -> bool {
    !matches!(token, Token::Whitespace(_) | Token::SemiColon)
}

/// Turns the tokenizer's lines and columns, in characters, into bytes; asked in ascending order.
pub(super) struct Places<'a> {
    text: &'a str,
    offset: usize,
    at: Location,
}

impl<'a> Places<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self {
            text,
            offset: 0,
            at: Location::new(1, 1),
        }
    }

    pub(super) fn offset(&mut self, wanted: Location) -> usize {
        for c in self.text[self.offset..].chars() {
            if self.at >= wanted {
                break;
            }
            self.offset += c.len_utf8();
            if c == '\n' {
                self.at = Location::new(self.at.line + 1, 1);
            } else {
                self.at.column += 1;
            }
        }
        self.offset
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// What begins, ends and looks like strings, names, comments and commands.
    #[rustfmt::skip]
    pub(in super::super) const PARTS: &[&str] = &[
        "SELECT ", "label", " = ", "'", "\"", "`", "$$", "$t$", ";", "--", "/*", "/*!", "*/", "\\", "\n", " ", "(", ")",
        ",", ".", "作者", "ＦＲＯＭ", "FROM ", "entities", " e", "U&'", "E'", "1", "😀", "\r", "extract_entities(",
    ];

    fn split(text: &str) -> Vec<Piece> {
        let mut statements = Statements::default();
        let mut pieces: Vec<Piece> = text.lines().flat_map(|l| statements.line(l)).collect();
        pieces.extend(statements.end());
        pieces
    }

    /// Each piece as `LINE:TEXT`.
    fn pieces(text: &str) -> Vec<String> {
        let pieces = split(text);
        for piece in &pieces {
            assert_eq!(piece.kind == Kind::Command, piece.text.starts_with('\\'));
        }
        let shown = pieces.iter().map(|p| format!("{}:{}", p.line, p.text));
        shown.collect()
    }

    #[test]
    fn statements_end_at_semicolons_that_are_sql() {
        for (text, expected) in [
            ("", &[][..]),
            (";; \n;", &[]),
            ("-- only; a comment\n/* and; another */", &[]),
            ("SELECT 1", &["1:SELECT 1"]),
            ("SELECT 1;", &["1:SELECT 1"]),
            ("SELECT\n1\n;\n\nSELECT 2 ;", &["1:SELECT\n1", "5:SELECT 2"]),
            (
                "SELECT 1; SELECT 2;SELECT 3",
                &["1:SELECT 1", "1:SELECT 2", "1:SELECT 3"],
            ),
            (
                "SELECT ';\n''' AS a; SELECT 2",
                &["1:SELECT ';\n''' AS a", "2:SELECT 2"],
            ),
            ("SELECT \"a;b\", `c;d`;", &["1:SELECT \"a;b\", `c;d`"]),
            (
                "SELECT $$;'$$;\nSELECT $x$;$$;$x$;",
                &["1:SELECT $$;'$$", "2:SELECT $x$;$$;$x$"],
            ),
            ("-- it's; not\nSELECT 1; -- so;\n", &["2:SELECT 1"]),
            (
                "/* ; /* nested; */ ; */ SELECT 1 /* ; */ ;",
                &["1:SELECT 1 /* ; */"],
            ),
            (
                "SELECT '邮箱；' AS 邮箱;SELECT 2",
                &["1:SELECT '邮箱；' AS 邮箱", "1:SELECT 2"],
            ),
            ("SELECT 'open;\n", &["1:SELECT 'open;"]),
            ("\n'open;", &["1:'open;"]),
        ] {
            assert_eq!(pieces(text), expected, "{text}");
        }
    }

    #[test]
    fn commands_stand_on_lines_of_their_own_or_after_a_semicolon() {
        for (text, expected) in [
            (
                "\\d\n  \\timing  \nSELECT 1;",
                &["1:\\d", "2:\\timing", "3:SELECT 1"][..],
            ),
            ("\\o it's.csv\nSELECT 1;", &["1:\\o it's.csv", "2:SELECT 1"]),
            (
                "SELECT 1; \\o it's.csv\nSELECT 2;",
                &["1:SELECT 1", "1:\\o it's.csv", "2:SELECT 2"],
            ),
            // In the midst of a statement it is carried out at once, as psql does.
            ("SELECT\n\\x\n1;", &["2:\\x", "1:SELECT\n\n1"]),
            // In a string it is text.
            ("SELECT '\n\\x\n';", &["1:SELECT '\n\\x\n'"]),
            ("/*\n\\x\n*/", &[]),
        ] {
            assert_eq!(pieces(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_open_is_known() {
        for (text, open) in [
            ("", None),
            ("-- comment", None),
            ("SELECT 1;", None),
            ("SELECT", Some(STATEMENT)),
            ("SELECT 1; SELECT", Some(STATEMENT)),
            ("SELECT 'a", Some('\'')),
            ("SELECT 'it''s", Some('\'')),
            ("SELECT \"作", Some('"')),
            ("SELECT $t$ ' ", Some('$')),
            ("SELECT /* '", Some('*')),
        ] {
            let mut statements = Statements::default();
            statements.line(text);
            assert_eq!(statements.open(), open, "{text}");
        }
    }

    #[test]
    fn a_long_statement_is_not_looked_at_with_each_line_and_still_ends() {
        let mut text = "SELECT '".to_string();
        text += &"a;\n\\x;\n".repeat(LOOK_ALWAYS);
        text += "';\n\\x\nSELECT 2;\nSELECT 3;";
        let pieces = pieces(&text);
        assert_eq!(pieces.len(), 4);
        assert!(pieces[0].starts_with("1:SELECT 'a;\n\\x;") && pieces[0].ends_with("\\x;\n'"));
        let after = 2 * LOOK_ALWAYS + 1;
        assert_eq!(pieces[1], format!("{}:\\x", after + 1));
        assert_eq!(pieces[3], format!("{}:SELECT 3", after + 3));
    }

    #[test]
    fn hints_in_comments_are_no_places_to_cut_at() {
        assert_eq!(pieces("/*!;ＦＲＯＭ;*/\nSELECT 1;").len(), 1);
    }

    proptest! {
        /// Cutting twice changes nothing: what was taken as a statement has no end in it.
        #[test]
        fn any_text_is_taken(parts in vec(select(PARTS), 0..30)) {
            for piece in split(&parts.concat()) {
                if piece.kind == Kind::Statement && tokens(&piece.text).1.is_none() {
                    let again = split(&piece.text);
                    prop_assert_eq!(again.len(), 1);
                    prop_assert_eq!(&again[0].text, &piece.text);
                }
            }
        }
    }
}
