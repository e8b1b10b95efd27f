//! Sentences with marked entities, read from CoNLL files.
//!
//! A line is a token, then its tag behind the last tab or space; a blank line ends a sentence. Tags are BIO (`B-PER`,
//! `I-PER`, `O`). Tokens are joined to a text again, Han characters without spaces, so that everything downstream sees
//! what it sees in real text: the tagger cuts its own tokens.

use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::Range;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::LABELS;
use crate::error::{Error, Result};
use crate::ner::sentences::is_han;

/// A text with its entities.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sentence {
    /// The tokens, joined.
    pub text: String,
    /// Spans in bytes and indices into [`LABELS`], ascending.
    pub entities: Vec<(Range<usize>, usize)>,
}

/// What a label of a data set is here; the others are no entities.
///
/// `corporation` and `group` of WNUT 2017, `CORP` and `GRP` of MultiCoNER are organisations.
pub(super) fn label_of(name: &str) -> Option<usize> {
    let ours = match name.to_ascii_lowercase().as_str() {
        "per" | "person" => "PERSON",
        "org" | "organization" | "organisation" | "corporation" | "corp" | "group" | "grp" => "ORG",
        "loc" | "location" | "gpe" => "LOC",
        _ => return None,
    };
    LABELS.iter().position(|label| *label == ours)
}

/// The sentences of a file; `.gz` is decompressed.
///
/// # Errors
/// [`Error::Io`] where it cannot be read; [`Error::Usage`] with file and line where a line has no tag or no BIO tag.
pub fn read(path: &Path) -> Result<Vec<Sentence>> {
    let text = read_text(path)?;
    let place = |line: usize| format!("{}:{}", path.display(), line + 1);
    let mut sentences = Vec::new();
    let mut sentence = Sentence::default();
    // The label that is being gone on with, as it is written.
    let mut open: Option<&str> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() {
            if !sentence.text.is_empty() {
                sentences.push(std::mem::take(&mut sentence));
            }
            open = None;
            continue;
        }
        let Some((token, tag)) = line.rsplit_once(['\t', ' ']) else {
            return Err(Error::Usage(format!(
                "{}: {line:?} has no tag behind a tab",
                place(number)
            )));
        };
        let token = token.split('\t').next().unwrap_or(token).trim();
        let separate = match (sentence.text.chars().next_back(), token.chars().next()) {
            (Some(before), Some(next)) => !is_dense(before) && !is_dense(next),
            _ => false,
        };
        if separate {
            sentence.text.push(' ');
        }
        let start = sentence.text.len();
        sentence.text.push_str(token);
        let span = start..sentence.text.len();
        let (goes_on, name) = match tag.split_once('-') {
            None if tag == "O" => {
                open = None;
                continue;
            }
            Some(("B", name)) => (false, name),
            Some(("I", name)) => (open == Some(name), name),
            _ => {
                return Err(Error::Usage(format!(
                    "{}: {tag:?} is no BIO tag, such as B-PER, I-PER or O",
                    place(number)
                )));
            }
        };
        open = Some(name);
        if let Some(label) = label_of(name) {
            match sentence.entities.last_mut() {
                Some((entity, _)) if goes_on => entity.end = span.end,
                _ => sentence.entities.push((span, label)),
            }
        }
    }
    if !sentence.text.is_empty() {
        sentences.push(sentence);
    }
    Ok(sentences)
}

/// Written without spaces: Han characters and the signs of Chinese text.
fn is_dense(c: char) -> bool {
    is_han(c)
        || matches!(c, '\u{3000}'..='\u{303F}' | '\u{FF00}'..='\u{FFEF}' | '“' | '”' | '‘' | '’' | '…' | '—' | '·')
}

/// A file's text; `.gz` is decompressed.
pub(super) fn read_text(path: &Path) -> Result<String> {
    let mut file = BufReader::new(File::open(path).map_err(Error::io(path))?);
    let mut text = String::new();
    let read = if path.extension().is_some_and(|e| e == "gz") {
        MultiGzDecoder::new(file).read_to_string(&mut text)
    } else {
        file.read_to_string(&mut text)
    };
    read.map_err(Error::io(path))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Sentence>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read(file.path())
    }

    fn entities(sentence: &Sentence) -> Vec<(&str, &str)> {
        sentence
            .entities
            .iter()
            .map(|(span, label)| (&sentence.text[span.clone()], LABELS[*label]))
            .collect()
    }

    #[test]
    fn sentences_with_their_entities() {
        let text = "Ann\tB-PER\nLee\tI-PER\nof\tO\nNew\tB-location\nYork\tI-location\n\n\
                    在\tO\n北\tB-LOC\n京\tI-LOC\n见\tO\nIBM\tB-corporation\n\n\n\
                    A\tB-PER\nB\tI-ORG\nC\tI-ORG\nD\tB-ORG\nE\tB-product\nF\tI-PER\n";
        let all = parse(text).unwrap();
        let texts: Vec<&str> = all.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(texts, ["Ann Lee of New York", "在北京见IBM", "A B C D E F"]);
        assert_eq!(
            entities(&all[0]),
            [("Ann Lee", "PERSON"), ("New York", "LOC")]
        );
        assert_eq!(entities(&all[1]), [("北京", "LOC"), ("IBM", "ORG")]);
        assert_eq!(
            entities(&all[2]),
            [
                ("A", "PERSON"),
                ("B C", "ORG"),
                ("D", "ORG"),
                ("F", "PERSON")
            ]
        );
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn what_is_no_conll_is_refused_with_its_line() {
        for (text, words) in [
            ("a\tO\nb\n", ":2: \"b\" has no tag"),
            ("a\tX-PER\n", ":1: \"X-PER\" is no BIO tag"),
            ("a\tPER\n", ":1: \"PER\" is no BIO tag"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert!(
            read(Path::new("missing.conll"))
                .unwrap_err()
                .to_string()
                .contains("missing.conll")
        );
    }
}
