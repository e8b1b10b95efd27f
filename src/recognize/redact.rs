//! Redaction: a text with its entities replaced.
//!
//! Owns the three styles and the key. What is replaced is exactly what a scan finds, once: a text that was redacted may
//! hold entities that were none before, because their neighbours have changed (`#tag` in `13812345678#tag`). Where keys
//! come from is not known here.

use std::borrow::Cow;
use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{Scanner, Scratch, Span, overlap};

/// Bytes of a token: 80 bits, 20 hexadecimal digits. Among a million values two share a token with odds of 1 in 2 × 10¹²,
/// among a billion with 1 in 2 × 10⁶ (n² / 2⁸¹).
const TOKEN: usize = 10;

/// What takes the place of an entity.
#[derive(Debug, Clone)]
pub enum Style {
    /// Its label: `[EMAIL]`.
    Label,
    /// `*` for each of its characters. The number of characters stays, hence the offsets of all else; nothing else does.
    Mask,
    /// Its label and a token: `[EMAIL:5f0c…]`, the first 20 hexadecimal digits of HMAC-SHA-256 (RFC 2104, FIPS 180-4)
    /// over its normalised value. Who has the key can compute the token of a value and so tell who it is; who has not
    /// sees only which entities have one value. Spellings of one value have one token.
    Hash(Key),
}

/// The secret of [`Style::Hash`].
///
/// A hash without a key would be no protection: there are few enough phone numbers to hash them all.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// The fewest bytes: as many as the hash has (RFC 2104, section 3).
    pub const LEAST: usize = 32;

    /// A key of these bytes.
    ///
    /// # Errors
    /// A message with the length, and without the key, where it has fewer than [`Key::LEAST`] bytes.
    pub fn new(secret: &[u8]) -> Result<Self, String> {
        match Hmac::new_from_slice(secret) {
            Ok(mac) if secret.len() >= Self::LEAST => Ok(Self(mac)),
            _ => Err(format!(
                "the key has {} bytes and needs {} or more: make one with `openssl rand -hex 32`",
                secret.len(),
                Self::LEAST
            )),
        }
    }

    fn token(&self, value: &str) -> [u8; TOKEN] {
        let mac = self.0.clone().chain_update(value).finalize().into_bytes();
        std::array::from_fn(|i| mac[i])
    }
}

impl fmt::Debug for Key {
    /// Says nothing of the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Replaces the entities of some labels. Shared by threads; cloning is cheap.
///
/// ```
/// use spanql::recognize::{Key, Redactor, Registry, Scratch, Style};
///
/// let scanner = Registry::builtin().scanner_for_all();
/// let mut scratch = Scratch::default();
/// let text = "邮箱Ann@Example.com，电话138 1234 5678";
///
/// let labels = Redactor::new(scanner.clone(), Style::Label);
/// assert_eq!(labels.redact(text, &mut scratch), "邮箱[EMAIL]，电话[PHONE]");
///
/// let mask = Redactor::new(scanner.clone(), Style::Mask);
/// assert_eq!(mask.redact(text, &mut scratch), "邮箱***************，电话*************");
///
/// let key = Key::new(b"an example, which is no secret at all")?;
/// let hash = Redactor::new(scanner, Style::Hash(key));
/// let token = hash.redact("ann@example.com", &mut scratch).into_owned();
/// assert!(token.starts_with("[EMAIL:") && token.len() == 28);
/// assert_eq!(hash.redact("ANN@example.com", &mut scratch), token);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone)]
pub struct Redactor {
    scanner: Scanner,
    style: Style,
}

impl Redactor {
    /// Replaces what the scanner finds.
    #[must_use]
    pub fn new(scanner: Scanner, style: Style) -> Self {
        Self { scanner, style }
    }

    /// The text with its entities replaced; itself where it has none.
    ///
    /// Of entities that overlap, whatever their labels, the longest is named, then the earliest, then that of the earlier
    /// recognizer; all that any of them covers is replaced.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str, scratch: &mut Scratch) -> Cow<'t, str> {
        self.redact_with(text, &[], scratch)
    }

    /// As [`Redactor::redact`], with spans that something else found: as in [`Scanner::scan_with`].
    #[must_use]
    pub fn redact_with<'t>(
        &self,
        text: &'t str,
        more: &[Span],
        scratch: &mut Scratch,
    ) -> Cow<'t, str> {
        self.replace(text, self.scanner.scan_with(text, more, scratch))
    }

    /// As [`Redactor::redact`], of a text whose spans are known: those of its labels, as a scan orders them.
    #[must_use]
    pub fn replace<'t>(&self, text: &'t str, spans: &[Span]) -> Cow<'t, str> {
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        let registry = self.scanner.registry();
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        for cover in overlap::covers(spans) {
            out.push_str(&text[copied..cover.range.start]);
            copied = cover.range.end;
            if matches!(self.style, Style::Mask) {
                out.extend(text[cover.range].chars().map(|_| '*'));
                continue;
            }
            let label = registry.recognizers()[cover.span.recognizer].label();
            out.push('[');
            out.push_str(label);
            if let Style::Hash(key) = &self.style {
                out.push(':');
                let value = registry.value(cover.span.recognizer, cover.span.of(text));
                let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
                for byte in key.token(&value) {
                    out.extend([digit(byte >> 4), digit(byte & 15)]);
                }
            }
            out.push(']');
        }
        out.push_str(&text[copied..]);
        Cow::Owned(out)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Pattern, Registry};
    use super::*;

    fn redacted(registry: &Registry, style: Style, text: &str) -> String {
        Redactor::new(registry.scanner_for_all(), style)
            .redact(text, &mut Scratch::default())
            .into_owned()
    }

    fn key(secret: u8) -> Style {
        Style::Hash(Key::new(&[secret; 32]).unwrap())
    }

    #[test]
    fn entities_are_replaced_and_all_else_stays() {
        let builtin = Registry::builtin();
        for (text, label, mask) in [
            ("", "", ""),
            ("nothing", "nothing", "nothing"),
            ("a@b.com", "[EMAIL]", "*******"),
            (
                "😀a@b.com，#话题#！",
                "😀[EMAIL]，[HASHTAG]！",
                "😀*******，****！",
            ),
            (
                "电话：１３８１２３４５６７８。",
                "电话：[PHONE]。",
                "电话：***********。",
            ),
            // An address inside a link.
            (
                "http://a.com/?m=a@b.com b@c.org",
                "[URL] [EMAIL]",
                "*********************** *******",
            ),
            (
                "[EMAIL] and [URL]",
                "[EMAIL] and [URL]",
                "[EMAIL] and [URL]",
            ),
        ] {
            assert_eq!(redacted(&builtin, Style::Label, text), label);
            assert_eq!(redacted(&builtin, Style::Mask, text), mask);
            assert_eq!(redacted(&builtin, Style::Label, label), label, "twice");
        }
        let text = "nothing to see";
        let redactor = Redactor::new(builtin.scanner_for_all(), Style::Label);
        assert!(matches!(
            redactor.redact(text, &mut Scratch::default()),
            Cow::Borrowed(same) if std::ptr::eq(same, text)
        ));
    }

    #[test]
    fn what_sticks_out_of_the_winner_is_replaced_too() {
        let registry = Registry::default().with_patterns(
            [
                ("A", "bcd"),
                ("B", "abc"),
                ("C", "defgh"),
                ("D", "x"),
                ("E", "y"),
            ]
            .map(|(label, pattern)| Pattern::new(label, pattern, 0).unwrap()),
        );
        for (text, expected) in [
            (".abcd.", ".[B]."),
            (".bcdefgh.", ".[C]."),
            (".abcdefgh.", ".[B][C]."),
            (".xy.", ".[D][E]."),
        ] {
            assert_eq!(redacted(&registry, Style::Label, text), expected, "{text}");
        }
    }

    /// From Python: `hmac.new(b"\\1" * 32, b"ann@example.com", "sha256").hexdigest()[:20]`.
    #[test]
    fn tokens_depend_on_the_value_and_the_key_alone() {
        let builtin = Registry::builtin();
        let token = redacted(&builtin, key(1), "ann@example.com");
        assert_eq!(token, "[EMAIL:40288d8357fdf0ec2f4c]");
        let text = "ANN@Example.COM ａnn@example.com";
        assert_eq!(redacted(&builtin, key(1), text), format!("{token} {token}"));
        assert_ne!(redacted(&builtin, key(2), "ann@example.com"), token);
        assert_ne!(redacted(&builtin, key(1), "bob@example.com"), token);
        assert_eq!(redacted(&builtin, key(1), &token), token, "twice");
    }

    #[test]
    fn a_key_is_long_and_never_shown() {
        let error = Key::new(b"do not show me").unwrap_err();
        assert!(
            error.contains("14 bytes") && error.contains("32") && !error.contains("show"),
            "{error}"
        );
        let secret = b"this is a secret that nobody sees";
        let redactor = Redactor::new(
            Registry::builtin().scanner_for_all(),
            Style::Hash(Key::new(secret).unwrap()),
        );
        let shown = format!("{redactor:?} {redactor:#?}");
        let bytes = format!("{:?}", &secret[..4]);
        assert!(shown.contains("Key(…)") && !shown.contains("secret that"));
        assert!(!shown.contains(bytes.trim_matches(['[', ']'])));
    }
}
