//! [`Script`]: what a sentence is mainly written in.

use super::sentences::is_han;

/// A script that a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Latin letters.
    Latin,
    /// Han characters, and the kana and bopomofo beside them.
    Han,
}

/// What a sentence is mainly written in, as far as it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mainly {
    /// No letters: a number, an emoji.
    Nothing,
    This(Script),
    /// Some other script.
    Other,
}

impl Script {
    /// Its name in `spanql.toml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Latin => "latin",
            Self::Han => "han",
        }
    }
}

impl Mainly {
    /// Counts words. Two Chinese words have three characters, near enough; where there are as many words of both, Chinese
    /// with names in Latin letters is far more common than the other way round.
    pub(super) fn of(sentence: &str) -> Self {
        let (mut han, mut latin, mut other) = (0, 0, 0);
        let mut inside = false;
        for c in sentence.chars() {
            if is_han(c) {
                han += 2;
                inside = false;
            } else if c.is_alphabetic() {
                let words = if is_latin(c) { &mut latin } else { &mut other };
                *words += if inside { 0 } else { 3 };
                inside = true;
            } else {
                // An apostrophe ends no word.
                inside &= matches!(c, '\'' | '’');
            }
        }
        match han.max(latin).max(other) {
            0 => Self::Nothing,
            most if most == han => Self::This(Script::Han),
            most if most == latin => Self::This(Script::Latin),
            _ => Self::Other,
        }
    }
}

fn is_latin(c: char) -> bool {
    matches!(c, 'A'..='Z' | 'a'..='z' | '\u{AA}' | '\u{BA}' | '\u{C0}'..='\u{24F}' | '\u{250}'..='\u{2AF}'
        | '\u{1E00}'..='\u{1EFF}' | '\u{2C60}'..='\u{2C7F}' | '\u{A720}'..='\u{A7FF}' | '\u{FB00}'..='\u{FB06}'
        | '\u{FF21}'..='\u{FF3A}' | '\u{FF41}'..='\u{FF5A}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_written_in_what_most_of_its_words_are() {
        for (sentence, mainly) in [
            ("", Mainly::Nothing),
            ("2026-11-22 😀 \u{FFFD}", Mainly::Nothing),
            ("Then he left.", Mainly::This(Script::Latin)),
            ("他去了北京。", Mainly::This(Script::Han)),
            ("他去了Microsoft", Mainly::This(Script::Han)),
            ("我在Google工作", Mainly::This(Script::Han)),
            ("Ｇｏｏｇｌｅ", Mainly::This(Script::Latin)),
            ("I love 北京", Mainly::This(Script::Latin)),
            ("東京タワーへ行った", Mainly::This(Script::Han)),
            ("l’École n'était là", Mainly::This(Script::Latin)),
            ("Привет, Москва", Mainly::Other),
        ] {
            assert_eq!(Mainly::of(sentence), mainly, "{sentence}");
        }
    }
}
