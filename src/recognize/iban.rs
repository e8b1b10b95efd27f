//! IBAN: international bank account numbers.
//!
//! Grammar (ISO 13616-1; structures of the IBAN registry, release 101):
//! ```text
//! iban  = country 2DIGIT bban              in upper or in lower case; in one piece, or in fours with single spaces
//! bban  = what the country prescribes      so many digits, letters, or either
//! ```
//! The check digits are right by ISO 7064 MOD 97-10. Borders: not cut out of a longer word, number, or code with
//! hyphens or dots.
//!
//! The value is in one piece and in upper case.
//!
//! Cost: stops at runs of two or more digits after a letter; most are dropped after two bytes more, none looks further
//! than 45.

use std::borrow::Cow;
use std::ops::Range;

use super::{Anchor, ByteSet, DigitRuns, Found, Recognizer, border, checksum};

/// Recognizes bank account numbers.
#[derive(Debug)]
pub(super) struct Iban;

impl Recognizer for Iban {
    fn label(&self) -> &str {
        "IBAN"
    }
    fn description(&self) -> &str {
        "bank account numbers with valid check digits"
    }
    fn name(&self) -> &str {
        "iban"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("1")
    }
    fn anchors(&self) -> Vec<Anchor> {
        let letters = ByteSet::range(b'A', b'Z').union(ByteSet::range(b'a', b'z'));
        vec![Anchor::Digits(
            DigitRuns::of_length(2..=40).preceded_by(letters),
        )]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let bytes = text.as_bytes();
        let Some((rest, country)) = bytes[..at].split_last_chunk() else {
            return at + 1;
        };
        let start = rest.len();
        let Some(span) = structure(country.map(|b| b.to_ascii_uppercase()))
            .filter(|_| !border::joins(border::before(text, start)))
            .and_then(|bban| written(bytes, start, bban))
        else {
            return at + 1;
        };
        let characters = || bytes[span.clone()].iter().copied().filter(|&b| b != b' ');
        let verdict = if !checksum::mod_97_10(characters().skip(4).chain(characters().take(4))) {
            Err("the checksum is wrong")
        } else if !border::stands_alone(text, &span) {
            Err("it is part of something longer")
        } else {
            Ok(())
        };
        found.decide(span, verdict, at + 1)
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        if entity.bytes().any(|b| b == b' ' || b.is_ascii_lowercase()) {
            Cow::Owned(entity.replace(' ', "").to_ascii_uppercase())
        } else {
            Cow::Borrowed(entity)
        }
    }
}

/// What follows the check digits in each country of the registry: so many digits (`n`), letters (`a`) or either (`c`).
/// `FR` and `FI` stand for their territories, too.
#[rustfmt::skip]
fn structure(country: [u8; 2]) -> Option<&'static str> {
    Some(match &country {
        b"AD" => "8n12c",
        b"AE" | b"IL" | b"SO" | b"TL" => "19n",
        b"AL" | b"CY" => "8n16c",
        b"AT" | b"BA" | b"EE" | b"LT" | b"MN" | b"XK" => "16n",
        b"AZ" => "4a20c",
        b"BE" => "12n",
        b"BG" => "4a6n8c",
        b"BH" => "4a14c",
        b"BI" | b"DJ" | b"MR" => "23n",
        b"BR" => "23n1a1c",
        b"BY" => "4c4n16c",
        b"CH" | b"LI" => "5n12c",
        b"CR" | b"DE" | b"ME" | b"RS" | b"VA" => "18n",
        b"CZ" | b"ES" | b"SE" | b"SK" | b"TN" => "20n",
        b"DK" | b"FI" | b"FO" | b"GL" | b"SD" => "14n",
        b"DO" => "4c20n",
        b"EG" => "25n",
        b"FK" => "2a12n",
        b"FR" | b"MC" => "10n11c2n",
        b"GB" | b"IE" => "4a14n",
        b"GE" => "2a16n",
        b"GI" => "4a15c",
        b"GR" => "7n16c",
        b"GT" => "24c",
        b"HN" | b"NI" | b"SV" => "4a20n",
        b"HR" => "17n",
        b"HU" | b"PL" => "24n",
        b"IQ" => "4a15n",
        b"IS" => "22n",
        b"IT" | b"SM" => "1a10n12c",
        b"JO" | b"YE" => "4a4n18c",
        b"KW" => "4a22c",
        b"KZ" | b"LU" => "3n13c",
        b"LB" => "4n20c",
        b"LC" => "4a24c",
        b"LV" => "4a13c",
        b"LY" | b"PT" | b"ST" => "21n",
        b"MD" => "20c",
        b"MK" => "3n10c2n",
        b"MT" => "4a5n18c",
        b"MU" => "4a19n3a",
        b"NL" => "4a10n",
        b"NO" => "11n",
        b"OM" => "3n16c",
        b"PK" | b"RO" => "4a16c",
        b"PS" | b"QA" => "4a21c",
        b"RU" => "14n15c",
        b"SA" => "2n18c",
        b"SC" => "4a20n3a",
        b"SI" => "15n",
        b"TR" => "6n16c",
        b"UA" => "6n19c",
        b"VG" => "4a16n",
        _ => return None,
    })
}

/// The number whose country stands at `start`, if it is written as its country has it.
fn written(bytes: &[u8], start: usize, bban: &str) -> Option<Range<usize>> {
    let in_fours = bytes.get(start + 4) == Some(&b' ');
    // Country and check digits have been seen.
    let (mut end, mut length, mut count) = (start + 4 + usize::from(in_fours), 4, 0);
    for part in bban.bytes() {
        let fits = match part {
            b'n' => u8::is_ascii_digit,
            b'a' => u8::is_ascii_alphabetic,
            b'c' => u8::is_ascii_alphanumeric,
            digit => {
                count = 10 * count + usize::from(digit - b'0');
                continue;
            }
        };
        for _ in 0..std::mem::take(&mut count) {
            if in_fours && length > 4 && length % 4 == 0 {
                (bytes.get(end) == Some(&b' ')).then_some(())?;
                end += 1;
            }
            bytes.get(end).filter(|b| fits(b))?;
            end += 1;
            length += 1;
        }
    }
    let iban = &bytes[start..end];
    let mixed = iban.iter().any(u8::is_ascii_lowercase) && iban.iter().any(u8::is_ascii_uppercase);
    (!mixed).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table, find};
    use super::*;

    #[test]
    fn table() {
        let (de, gb) = ("DE89370400440532013000", "GB29NWBK60161331926819");
        assert_table(
            &Iban,
            &[
                (de, &[de]),
                (
                    "GB29 NWBK 6016 1331 9268 19",
                    &["GB29 NWBK 6016 1331 9268 19 → GB29NWBK60161331926819"],
                ),
                (
                    "账号：DE89 3704 0044 0532 0130 00，谢谢",
                    &["DE89 3704 0044 0532 0130 00 → DE89370400440532013000"],
                ),
                ("账户GB29NWBK60161331926819收款", &[gb]),
                (
                    "gb29nwbk60161331926819",
                    &["gb29nwbk60161331926819 → GB29NWBK60161331926819"],
                ),
                (
                    "ＤＥ８９３７０４００４４０５３２０１３０００",
                    &["ＤＥ８９３７０４００４４０５３２０１３０００ → DE89370400440532013000"],
                ),
                (
                    "IBAN:DE89370400440532013000/GB29NWBK60161331926819.",
                    &[de, gb],
                ),
                (
                    "DE89 3704 0044 0532 0130 00 2026",
                    &["DE89 3704 0044 0532 0130 00 → DE89370400440532013000"],
                ),
                // No number: checksum, country, structure, spaces; or only a part of something longer.
                ("", &[]),
                ("D1 DE8 DE89 X12 XX12 34 utf8 x86", &[]),
                ("DE88370400440532013000 GB29 NWBK 6016 1331 9268 18", &[]),
                (
                    "US89370400440532013000 DE8937040044053201300 GB2900006016133192681",
                    &[],
                ),
                (
                    "DE89 37040044 0532 0130 00 DE89-3704-0044-0532-0130-00 DE89  3704 0044 0532 0130 00",
                    &[],
                ),
                (
                    "DE893704004405320130001 xDE89370400440532013000 De89370400440532013000",
                    &[],
                ),
                (
                    "GB29NWbk60161331926819 GB29NWBK60161331926819é 1-GB29NWBK60161331926819",
                    &[],
                ),
                (
                    "DE89370400440532013000@example.com a.DE89370400440532013000",
                    &[],
                ),
            ],
        );
    }

    #[test]
    fn the_registrys_example_of_each_country() {
        let examples = "AD1200012030200359100100 AE070331234567890123456 AL47212110090000000235698741 AT611904300234573201 \
            AZ21NABZ00000000137010001944 BA391290079401028494 BE68539007547034 BG80BNBG96611020345678 \
            BH67BMAG00001299123456 BI4210000100010000332045181 BR1800360305000010009795493C1 \
            BY13NBRB3600900000002Z00AB00 CH9300762011623852957 CR05015202001026284066 \
            CY17002001280000001200527600 CZ6508000000192000145399 DE89370400440532013000 \
            DJ2100010000000154000100186 DK5000400440116243 DO28BAGR00000001212453611324 EE382200221020145685 \
            EG380019000500000000263180002 ES9121000418450200051332 FI2112345600000785 FK88SC123456789012 \
            FO6264600001631634 FR1420041010050500013M02606 GB29NWBK60161331926819 GE29NB0000000101904917 \
            GI75NWBK000000007099453 GL8964710001000206 GR1601101250000000012300695 GT82TRAJ01020000001210029690 \
            HN88CABF00000000000250005469 HR1210010051863000160 HU42117730161111101800000000 \
            IE29AIBK93115212345678 IL620108000000099999999 IQ98NBIQ850123456789012 IS140159260076545510730339 \
            IT60X0542811101000000123456 JO94CBJO0010000000000131000302 KW81CBKU0000000000001234560101 \
            KZ86125KZT5004100100 LB62099900000001001901229114 LC55HEMM000100010012001200023015 \
            LI21088100002324013AA LT121000011101001000 LU280019400644750000 LV80BANK0000435195001 \
            LY83002048000020100120361 MC5811222000010123456789030 MD24AG000225100013104168 \
            ME25505000012345678951 MK07250120000058984 MN121234123456789123 MR1300020001010000123456753 \
            MT84MALT011000012345MTLCAST001S MU17BOMM0101101030300200000MUR NI45BAPR00000013000003558124 \
            NL91ABNA0417164300 NO9386011117947 OM810180000001299123456 PK36SCBL0000001123456702 \
            PL61109010140000071219812874 PS92PALS000000000400123456702 PT50000201231234567890154 \
            QA58DOHB00001234567890ABCDEFG RO49AAAA1B31007593840000 RS35260005601001611379 \
            RU0304452522540817810538091310419 SA0380000000608010167519 SC18SSCB11010000000000001497USD \
            SD2129010501234001 SE4550000000058398257466 SI56263300012039086 SK3112000000198742637541 \
            SM86U0322509800000000270100 SO211000001001000100141 ST68000100010051845310112 \
            SV62CENR00000000000000700025 TL380080012345678910157 TN5910006035183598478831 \
            TR330006100519786457841326 UA213223130000026007233566001 VA59001123000012345678 \
            VG96VPVG0000012345678901 XK051212012345678906 YE15CBYE0001018861234567891234";
        let found: Vec<_> = find(&Iban, examples)
            .iter()
            .map(|span| span.of(examples))
            .collect();
        assert_eq!(found.join(" "), examples);
        assert_eq!(found.len(), 89);
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &Iban,
            &[
                "DE",
                "D89",
                "DE89",
                "DE89 ",
                "DE89370400440532013000",
                "DE88370400440532013000 ",
                "MD00",
                "8",
            ],
        );
    }
}
