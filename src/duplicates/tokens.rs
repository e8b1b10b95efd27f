//! What of a text counts where texts are compared: its words and characters, without case, width, punctuation and space.
//!
//! A token is a word of letters and digits, or one character of a script that is written without spaces between words. So
//! three tokens in a row are three words of English and three characters of Chinese, and one measure does for both.

/// Calls `each` with a number for each token, in order; equal tokens have equal numbers.
pub(super) fn tokens(text: &str, mut each: impl FnMut(u64)) {
    let mut word = None;
    for c in text.chars() {
        let c = narrow(c);
        if c.is_ascii_alphanumeric() {
            word = Some(with(word, c.to_ascii_lowercase()));
        } else if !c.is_ascii() && !stands_alone(c) && c.is_alphanumeric() {
            word = c.to_lowercase().fold(word, |word, c| Some(with(word, c)));
        } else {
            if let Some(word) = word.take() {
                each(mix(word));
            }
            if stands_alone(c) {
                each(mix(with(None, c)));
            }
        }
    }
    if let Some(word) = word {
        each(mix(word));
    }
}

fn with(word: Option<u64>, c: char) -> u64 {
    (word.unwrap_or(0).rotate_left(5) ^ u64::from(c)).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// Spreads what differs in a number over all of its bits (the finaliser of SplitMix64).
pub(super) fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Full-width letters, digits and signs as their ASCII forms.
fn narrow(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

/// Characters of scripts in which spaces do not part words, or part them as the writer likes: Han, kana, bopomofo, Hangul,
/// Thai, Lao, Burmese, Khmer.
fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{3096}' | '\u{30A1}'..='\u{30FA}' | '\u{3105}'..='\u{312F}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}' | '\u{0E01}'..='\u{0E30}' | '\u{0E40}'..='\u{0E46}' | '\u{0E81}'..='\u{0EB0}'
        | '\u{0EC0}'..='\u{0EC6}' | '\u{1000}'..='\u{102A}' | '\u{1780}'..='\u{17B3}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<u64> {
        let mut all = Vec::new();
        tokens(text, |token| all.push(token));
        all
    }

    #[test]
    fn what_does_not_count() {
        for (a, b) in [
            ("Rain, at Noon!", "rain at　noon"),
            ("ＲＡＩＮ １２", "rain 12"),
            ("今天，下雨。", "今天下雨"),
            ("“ÉTÉ”", "été"),
            ("@ann_b: #tag", "ann b tag"),
            ("雨rain雨", "雨 Rain 雨"),
        ] {
            assert_eq!(all(a), all(b), "{a} {b}");
        }
    }

    #[test]
    fn what_does() {
        assert_eq!(all("Rain at noon").len(), 3);
        assert_eq!(all("今天rain下雨").len(), 5);
        assert_eq!(all("…！😀 --"), [0; 0]);
        for (a, b) in [
            ("ab", "ba"),
            ("a b", "ab"),
            ("今天", "天今"),
            ("12", "21"),
            ("aa", "a"),
        ] {
            assert_ne!(all(a), all(b), "{a} {b}");
        }
    }
}
