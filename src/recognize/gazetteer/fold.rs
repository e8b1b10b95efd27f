//! What counts as the same character: letters of either case, full-width and half-width forms.
//!
//! One character folds to one character, so that offsets stay those of the text; the one exception, a half-width kana
//! with its sound mark (`ｶﾞ`), is one token of two characters. Neither canonical equivalence (`é` in one code point or
//! two) nor anything of the kind is folded.

use std::sync::LazyLock;

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

/// Which differences between a phrase and the text do not count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Folding {
    /// Case, by Unicode's simple case folding (as `(?i)` of a pattern): `K` (the Kelvin sign) is `k`, `ſ` is `s`, `ẞ` is
    /// `ß`; but `ß` is not `ss`, and `İ` and `ı` are nobody's `i`, because these would take other lengths or languages.
    pub case: bool,
    /// Width: full-width letters, digits and signs are ASCII's (`Ｈ＆Ｍ`), half-width kana the usual ones (`ｶﾞ` is `ガ`),
    /// as Unicode's `<wide>` and `<narrow>` decompositions have it.
    pub width: bool,
}

/// Half-width forms from U+FF61 on.
const HALF_WIDTH: &str = "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン\u{3099}\u{309A}";

/// No code point from here on has another case.
const CASELESS_FROM: u32 = 0x2_0000;

/// By code point: what stands for a character and its other cases. That is the lowest of them, ASCII's in lower case.
static CASE: LazyLock<Vec<char>> = LazyLock::new(|| {
    let of = |code| char::from_u32(code).map_or('\0', orbit);
    (0..CASELESS_FROM).map(of).collect()
});

static KANA: LazyLock<Vec<char>> = LazyLock::new(|| HALF_WIDTH.chars().collect());

fn orbit(c: char) -> char {
    if c.to_lowercase().eq([c]) && c.to_uppercase().eq([c]) {
        return c;
    }
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
    class.case_fold_simple();
    class
        .ranges()
        .first()
        .map_or(c, |range| range.start().to_ascii_lowercase())
}

impl Folding {
    /// The character that stands for `c`.
    pub(super) fn of(self, c: char) -> char {
        let c = if self.width { usual_width(c) } else { c };
        if !self.case {
            c
        } else if c.is_ascii() {
            c.to_ascii_lowercase()
        } else {
            CASE.get(c as usize).copied().unwrap_or(c)
        }
    }

    /// The one character that a half-width kana and the half-width sound mark after it are.
    pub(super) fn voiced(self, kana: char, mark: char) -> Option<char> {
        let (voiced, half_voiced) = (mark == 'ﾞ', mark == 'ﾟ');
        if !self.width || !voiced && !half_voiced {
            return None;
        }
        let step = match kana {
            'ｳ' if voiced => return Some('ヴ'),
            'ｶ'..='ﾄ' | 'ﾊ'..='ﾎ' if voiced => 1,
            'ﾊ'..='ﾎ' => 2,
            _ => return None,
        };
        char::from_u32(u32::from(usual_width(kana)) + step)
    }
}

fn usual_width(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '\u{FF61}'..='\u{FF9F}' => KANA[c as usize - 0xFF61],
        '｟' => '⦅',
        '｠' => '⦆',
        '￠' => '¢',
        '￡' => '£',
        '￢' => '¬',
        '￣' => '¯',
        '￤' => '¦',
        '￥' => '¥',
        '￦' => '₩',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: Folding = Folding {
        case: true,
        width: false,
    };
    const WIDTH: Folding = Folding {
        case: false,
        width: true,
    };
    const BOTH: Folding = Folding {
        case: true,
        width: true,
    };

    fn fold(folding: Folding, text: &str) -> String {
        text.chars().map(|c| folding.of(c)).collect()
    }

    #[test]
    fn case_folds_as_patterns_do() {
        for (text, folded) in [
            ("AbC-12", "abc-12"),
            ("\u{212A}ſ", "ks"),
            ("ẞß", "ßß"),
            ("İıi", "İıi"),
            ("ΣσςΩω", "ΣΣΣΩΩ"),
            ("éÉЖж中Ａａ𞤢𞤀", "ÉÉЖЖ中ＡＡ𞤀𞤀"),
        ] {
            assert_eq!(
                fold(CASE, text),
                folded.replace('ß', &fold(CASE, "ß")),
                "{text}"
            );
        }
        // Every character, by the tables of regular expressions, to which the orbits are no news; and none is left out.
        for c in '\0'..=char::MAX {
            let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
            class.case_fold_simple();
            for other in class
                .ranges()
                .iter()
                .flat_map(|range| range.start()..=range.end())
            {
                assert_eq!(CASE.of(c), CASE.of(other), "{c:?} {other:?}");
            }
            assert!(
                CASE.of(c) == c
                    || class
                        .ranges()
                        .iter()
                        .any(|r| (r.start()..=r.end()).contains(&CASE.of(c)))
            );
        }
    }

    #[test]
    fn width_folds_to_the_usual_forms() {
        assert_eq!(fold(WIDTH, "Ｈ＆Ｍ（１２）！～￥￡"), "H&M(12)!~¥£");
        assert_eq!(fold(WIDTH, "ｱｶﾝｰ｡｢"), "アカンー。「");
        assert_eq!(fold(WIDTH, "中aアA、"), "中aアA、");
        assert_eq!(fold(BOTH, "Ｈ＆Ｍ"), "h&m");
        assert_eq!(fold(Folding::default(), "Ｈ＆ｱ"), "Ｈ＆ｱ");
        let voiced = |text: &str| {
            let [kana, mark] = text.chars().collect::<Vec<_>>()[..] else {
                return None;
            };
            WIDTH.voiced(kana, mark)
        };
        for (text, expected) in [
            ("ｶﾞ", Some('ガ')),
            ("ﾄﾞ", Some('ド')),
            ("ﾊﾞ", Some('バ')),
            ("ﾎﾟ", Some('ポ')),
            ("ｳﾞ", Some('ヴ')),
            ("ｱﾞ", None),
            ("ｶﾟ", None),
            ("ｳﾟ", None),
            ("カﾞ", None),
            ("ｶｶ", None),
        ] {
            assert_eq!(voiced(text), expected, "{text}");
        }
        assert_eq!(CASE.voiced('ｶ', 'ﾞ'), None);
    }
}
