//! STOCK: what is traded on an exchange, by its ticker.
//!
//! Grammar (codes as the exchanges allot them; forms as quote pages, data services and the press write them):
//! ```text
//! entity = code "." market                 600519.SH  000001.sz  830799.BJ  0700.HK  600519.SS  600519.XSHG  AAPL.US
//!        / market ["."] code               SH600519  sz000001  sh.600519  HK00700  HK.00700
//!        / exchange colon [" "] code       上交所：600519  SZ:000001  NASDAQ: AAPL  美股：BABA      (in `market.rs`)
//!        / code                            after 股票代码 or 证券代码; in Xueqiu's $苹果(AAPL)$
//!        / code                            after another of an exchange or a word, and 、 / ， / 和 / "and" …
//!        / "$" 2*5UPPER ["." UPPER]        a cashtag
//! code   = 6DIGIT                          shares, funds and indices of Shanghai, Shenzhen, Beijing   (in `market.rs`)
//!        / 1*5DIGIT                        shares of Hong Kong; before `HK` in lower case 4 or 5, after it 5
//!        / 1*5UPPER [("." / "-") UPPER]    the United States; a letter alone only before a closing bracket
//! ```
//! Digits alone are none: they may be anything. In a list (`(Nasdaq: GOOG, GOOGL)`, `股票代码：600519、000001`) each code
//! must be one of its market by itself; no word stands after digits, and after letters the list ends with a bracket, a
//! semicolon or the next exchange. Words that no ticker is (`NASDAQ: THE INDEX FELL`) are none. A cashtag stands between spaces, punctuation or Chinese text; it is
//! neither one of the shell's usual variables (`$PATH`) nor a currency (`$USD`); and nothing that only programs have
//! (options, pipes, brackets, other variables) stands within 40 bytes in the same line. Borders: not cut out of a
//! longer word, number or host name.
//!
//! The value is code and market: `600519.SH`, `00700.HK` (five digits), `AAPL.US` (whatever the exchange; for a cashtag
//! a guess).
//!
//! Score: 0.5 for a cashtag, else 1.
//!
//! Cost: stops at dots, colons and dollar signs beside what codes and markets have there, and at runs of 5 or 6 digits
//! after what a market or cue ends with; at most 80 bytes at each.

mod dollar;
mod list;
mod market;

use std::borrow::Cow;
use std::ops::Range;

use super::{Anchor, ByteSet, Bytes, DigitRuns, Found, Recognizer, border, digits};
use market::{CHINESE, LATIN, Market};

/// Recognizes tickers.
#[derive(Debug)]
pub(super) struct Stock;

/// Words after which a code needs no market.
const CUES: [&str; 2] = ["股票代码", "证券代码"];
/// What may stand between such a word and its code.
const BETWEEN: [&str; 8] = ["：", ":", " ", "（", "(", "【", "为", "是"];
/// A candidate: a ticker, or what looks much like one and why it is none.
type Candidate = Result<Range<usize>, (Range<usize>, &'static str)>;

impl Recognizer for Stock {
    fn label(&self) -> &str {
        "STOCK"
    }
    fn description(&self) -> &str {
        "stocks with their exchange"
    }
    fn name(&self) -> &str {
        "stock"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("2")
    }
    fn anchors(&self) -> Vec<Anchor> {
        const DIGITS: ByteSet = ByteSet::of(b"0123456789");
        let upper = ByteSet::range(b'A', b'Z');
        let last = |words: &[&str]| {
            ByteSet::of(
                &words
                    .iter()
                    .filter_map(|word| word.bytes().last())
                    .collect::<Vec<_>>(),
            )
        };
        let names = last(&LATIN.map(|(name, _)| name)).union(last(&CHINESE.map(|(name, _)| name)));
        let markets = ByteSet::of(b"hHzZjJkK.");
        let before_code = markets.union(last(&CUES)).union(last(&BETWEEN));
        let after_colon = upper.union(DIGITS).union(ByteSet::of(b" "));
        vec![
            Anchor::Bytes(Bytes::of(b".").preceded_by(DIGITS).followed_by(b"sSbBhHxX")),
            Anchor::Bytes(Bytes::of(b".").preceded_by(upper).followed_by(b"U")),
            Anchor::Digits(DigitRuns::of_length(5..=6).preceded_by(before_code)),
            Anchor::Bytes(Bytes::of(b":").preceded_by(names).followed_by(after_colon)),
            // `：` is EF BC 9A, `）` EF BC 89.
            Anchor::Bytes(Bytes::of(b"\xEF").preceded_by(names).followed_by(b"\xBC")),
            Anchor::Bytes(Bytes::of(b"$").followed_by(upper)),
            Anchor::Bytes(Bytes::of(b"$").preceded_by(b")\x89")),
        ]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let bytes = text.as_bytes();
        let (candidate, score) = match bytes[at] {
            b'.' => (before_market(text, at), 1.0),
            b'0'..=b'9' if matches!(bytes[at - 1], b'.' | b'A'..=b'Z' | b'a'..=b'z') => {
                (after_market(text, at), 1.0)
            }
            b'0'..=b'9' => (after_cue(text, at), 1.0),
            b'$' => match dollar::in_brackets(text, at) {
                None => (dollar::cashtag(text, at), 0.5),
                code => (code, 1.0),
            },
            _ => (after_exchange(text, at), 1.0),
        };
        match candidate {
            Some(Ok(span)) if span.start >= found.floor() => {
                let mut end = span.end;
                let codes = match bytes[at] {
                    b':' | 0xEF => list::after(text, end, Some(read(&text[span.clone()]).0)),
                    b'0'..=b'9' if span.start == at => list::after(text, end, None),
                    _ => Vec::new(),
                };
                found.push_scored(span, score);
                for code in codes {
                    end = code.end;
                    found.push_scored(code, score);
                }
                return end;
            }
            Some(Err((span, reason))) => found.refuse(span, reason),
            _ => {}
        }
        at + 1
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        let (market, code) = read(entity);
        let value = market.ticker(code);
        if value == entity {
            Cow::Borrowed(entity)
        } else {
            Cow::Owned(value)
        }
    }
}

/// Market and code of an entity.
fn read(entity: &str) -> (Market, &str) {
    if let Some((exchange, code)) = entity.rsplit_once([':', '：'])
        && let Some((_, market)) = Market::named(exchange)
    {
        return (market, code.trim_start());
    }
    if let Some((code, suffix)) = entity.rsplit_once('.')
        && let Some(market) = Market::suffix(suffix)
    {
        return (market, code);
    }
    if let Some((prefix, code)) = entity.split_at_checked(2)
        && let Some(market) = Market::suffix(prefix)
        && code.ends_with(|c: char| c.is_ascii_digit())
    {
        return (market, code.trim_start_matches('.'));
    }
    let code = entity.trim_start_matches('$');
    (Market::of_code(code).unwrap_or(Market::UnitedStates), code)
}

/// The candidate, if nothing longer goes on beside it.
fn checked(text: &str, span: Range<usize>, market: Market, code: &str) -> Option<Candidate> {
    if !border::stands_alone(text, &span) {
        None
    } else if market.lists(code) {
        Some(Ok(span))
    } else {
        Some(Err((span, "the exchange has no such codes")))
    }
}

/// `600519.SH`, `0700.HK`, `AAPL.US`: the dot is at `at`.
fn before_market(text: &str, at: usize) -> Option<Candidate> {
    let bytes = text.as_bytes();
    let letters = bytes[at + 1..]
        .iter()
        .take(5)
        .take_while(|b| b.is_ascii_alphabetic())
        .count();
    let end = at + 1 + letters;
    let suffix = &text[at + 1..end];
    let market = Market::suffix(suffix)?;
    let inside = if market == Market::UnitedStates {
        u8::is_ascii_uppercase
    } else {
        u8::is_ascii_digit
    };
    let length = bytes[..at]
        .iter()
        .rev()
        .take(7)
        .take_while(|b| inside(b))
        .count();
    let fits = match market {
        Market::UnitedStates => (1..=5).contains(&length) && suffix == "US",
        Market::HongKong if suffix == "HK" => (1..=5).contains(&length),
        Market::HongKong => (4..=5).contains(&length),
        _ => length == 6,
    };
    let code = &text[at - length..at];
    fits.then(|| checked(text, at - length..end, market, code))?
}

/// `SH600519`, `sh.600519`, `HK00700`: the digits stand at `at`.
fn after_market(text: &str, at: usize) -> Option<Candidate> {
    let bytes = text.as_bytes();
    let end = at + digits::run(bytes, at, 7);
    let prefix_end = at - usize::from(bytes[..at].ends_with(b"."));
    let start = prefix_end.checked_sub(2)?;
    bytes[start].is_ascii_alphabetic().then_some(())?;
    let market = Market::suffix(text.get(start..prefix_end)?)?;
    let fits = match market {
        Market::UnitedStates => false,
        Market::HongKong => end - at == 5,
        _ => end - at == 6,
    };
    fits.then(|| checked(text, start..end, market, &text[at..end]))?
}

/// `股票代码：600519`: the digits stand at `at`.
fn after_cue(text: &str, at: usize) -> Option<Candidate> {
    let mut before = &text[..at];
    // A word of Chinese and at most two signs.
    if before.bytes().rev().take(3).all(|b| b.is_ascii()) {
        return None;
    }
    for _ in 0..2 {
        let shorter = BETWEEN.iter().find_map(|word| before.strip_suffix(word));
        before = shorter.unwrap_or(before);
    }
    CUES.iter().any(|cue| before.ends_with(cue)).then_some(())?;
    let end = at + digits::run(text.as_bytes(), at, 7);
    let code = &text[at..end];
    if !border::ends(text, end) {
        return None;
    }
    Some(match Market::of_code(code) {
        Some(_) => Ok(at..end),
        None => Err((at..end, "no exchange has such codes")),
    })
}

/// `上交所：600519`, `NASDAQ: AAPL`: the colon is at `at`.
fn after_exchange(text: &str, at: usize) -> Option<Candidate> {
    let after = text[at..].strip_prefix([':', '：'])?;
    let after = after.strip_prefix(' ').unwrap_or(after);
    let start = text.len() - after.len();
    // The code first: it is sooner read than an exchange's name.
    let end = match letters_end(text, start) {
        Some(end) => end,
        None => start + digits::run(text.as_bytes(), start, 7),
    };
    let code = &text[start..end];
    if code.is_empty() {
        return None;
    }
    let (start, market) = Market::named(&text[..at])?;
    let letters = code.starts_with(|c: char| c.is_ascii_uppercase());
    if is_word_of_english(text, text.len() - after.len()..end) {
        return Some(Err((start..end, "a word that no ticker is")));
    }
    (letters == (market == Market::UnitedStates))
        .then(|| checked(text, start..end, market, code))?
}

/// Whether letters are a word in a sentence of capitals (`NASDAQ: THE INDEX FELL`), not a code in brackets.
fn is_word_of_english(text: &str, span: Range<usize>) -> bool {
    const WORDS: [&str; 9] = ["THE", "AND", "BUT", "OF", "TO", "IN", "IS", "WAS", "NOT"];
    WORDS.contains(&&text[span.clone()]) && !text[span.end..].starts_with([')', '）'])
}

/// Where letters that begin at `start` and may be a code of the United States end. One alone is one only in brackets.
fn letters_end(text: &str, start: usize) -> Option<usize> {
    let bytes = &text.as_bytes()[start..];
    let letters = bytes.iter().take(6).take_while(|b| b.is_ascii_uppercase());
    let length = letters.count();
    let class = match bytes.get(length..)? {
        [b'.' | b'-', b'A'..=b'Z', rest @ ..] => {
            !rest.first().is_some_and(u8::is_ascii_alphanumeric)
        }
        _ => false,
    };
    let fits = match length {
        1 => class || text[start + 1..].starts_with([')', '）']),
        _ => (2..=5).contains(&length),
    };
    fits.then_some(start + length + if class { 2 } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table, find};
    use super::*;

    #[test]
    fn china() {
        let moutai = |entity: &str| format!("{entity} → 600519.SH");
        for entity in [
            "600519.sh",
            "600519.SS",
            "600519.XSHG",
            "SH600519",
            "sh600519",
            "sh.600519",
            "SH.600519",
            "SH:600519",
            "SH：600519",
            "上交所：600519",
            "上海证券交易所: 600519",
            "SSE: 600519",
            "６００５１９．ＳＨ",
        ] {
            let expected = moutai(entity);
            assert_table(
                &Stock,
                &[
                    (entity, &[&expected]),
                    (
                        &format!("茅台（{entity}）今天涨停，{entity}。"),
                        &[&expected, &expected],
                    ),
                ],
            );
        }
        assert_table(
            &Stock,
            &[
                ("600519.SH", &["600519.SH"]),
                (
                    "买入600519.SH、000001.SZ和830799.BJ",
                    &["600519.SH", "000001.SZ", "830799.BJ"],
                ),
                (
                    "000001.SS SH000001",
                    &["000001.SS → 000001.SH", "SH000001 → 000001.SH"],
                ),
                (
                    "股票代码：600519，证券代码 000001",
                    &["600519 → 600519.SH", "000001 → 000001.SZ"],
                ),
                (
                    "(股票代码:600519.SH) 股票代码为300750",
                    &["600519.SH", "300750 → 300750.SZ"],
                ),
                ("（证券代码（830799））", &["830799 → 830799.BJ"]),
                (
                    "股票代码：600519、000001，300750。上交所：600519，510300",
                    &[
                        "600519 → 600519.SH",
                        "000001 → 000001.SZ",
                        "300750 → 300750.SZ",
                        "上交所：600519 → 600519.SH",
                        "510300 → 510300.SH",
                    ],
                ),
                // Of another market by itself, an amount, a number.
                (
                    "上交所：600519、000001；股票代码：600519，300000元，300750 600519.SH，300750",
                    &[
                        "上交所：600519 → 600519.SH",
                        "600519 → 600519.SH",
                        "600519.SH",
                    ],
                ),
                ("$贵州茅台(SH600519)$", &["SH600519 → 600519.SH"]),
                // No ticker, or only a part of something longer.
                ("", &[]),
                ("600519 代码：600519 编号SH 600519", &[]),
                (
                    "123456.SH 600519.SZ SZ600519 股票代码：123456 上交所：000001X",
                    &[],
                ),
                ("60051.SH 6005190.SH 600519.SHA 600519.SH1 1.600519.SH", &[]),
                ("xSH600519 SH6005190 SH600519a push600519 SH-600519", &[]),
                ("sh.600519.5 600519.sh.example 3.600519 v1.Should", &[]),
                ("éSH600519 600519.SHé", &[]),
            ],
        );
    }

    #[test]
    fn hong_kong() {
        assert_table(
            &Stock,
            &[
                ("00700.HK", &["00700.HK"]),
                (
                    "0700.HK 700.HK 5.HK",
                    &["0700.HK → 00700.HK", "700.HK → 00700.HK", "5.HK → 00005.HK"],
                ),
                (
                    "0700.hk HK00700 hk00700 HK.00700",
                    &[
                        "0700.hk → 00700.HK",
                        "HK00700 → 00700.HK",
                        "hk00700 → 00700.HK",
                        "HK.00700 → 00700.HK",
                    ],
                ),
                (
                    "（港交所：0700）（HK：00700）",
                    &["港交所：0700 → 00700.HK", "HK：00700 → 00700.HK"],
                ),
                (
                    "SEHK: 5, HKG:9988",
                    &["SEHK: 5 → 00005.HK", "HKG:9988 → 09988.HK"],
                ),
                ("股票代码：00700", &["00700 → 00700.HK"]),
                (
                    "（港交所：0700、9988和3690）港交所：0700，2020年",
                    &[
                        "港交所：0700 → 00700.HK",
                        "9988 → 09988.HK",
                        "3690 → 03690.HK",
                        "港交所：0700 → 00700.HK",
                    ],
                ),
                ("$腾讯控股(00700)$", &["00700 → 00700.HK"]),
                (
                    "88.hk 0.HK 12345.HK HK0700 HK123456 700 HK 1.0700.HK 港交所：123456",
                    &[],
                ),
            ],
        );
    }

    #[test]
    fn united_states() {
        assert_table(
            &Stock,
            &[
                ("AAPL.US", &["AAPL.US"]),
                (
                    "Apple (NASDAQ: AAPL), Alibaba (NYSE:BABA), Qwest (NYSE: Q)",
                    &[
                        "NASDAQ: AAPL → AAPL.US",
                        "NYSE:BABA → BABA.US",
                        "NYSE: Q → Q.US",
                    ],
                ),
                (
                    "（纳斯达克：JD）（纽交所：BABA）",
                    &["纳斯达克：JD → JD.US", "纽交所：BABA → BABA.US"],
                ),
                (
                    "Nasdaq：AAPL 美股: TSLA",
                    &["Nasdaq：AAPL → AAPL.US", "美股: TSLA → TSLA.US"],
                ),
                (
                    "NYSE: BRK.A NYSE: BF-B",
                    &["NYSE: BRK.A → BRK.A.US", "NYSE: BF-B → BF.B.US"],
                ),
                (
                    "(Nasdaq: GOOG, GOOGL), (NYSE: BRK.A and BRK.B) (NASDAQ: GOOG, GOOGL, NYSE: IBM)",
                    &[
                        "Nasdaq: GOOG → GOOG.US",
                        "GOOGL → GOOGL.US",
                        "NYSE: BRK.A → BRK.A.US",
                        "BRK.B → BRK.B.US",
                        "NASDAQ: GOOG → GOOG.US",
                        "GOOGL → GOOGL.US",
                        "NYSE: IBM → IBM.US",
                    ],
                ),
                (
                    "NASDAQ: AAPL, THE MAKER OF PHONES. NYSE: IBM AND NOT GOOG;",
                    &["NASDAQ: AAPL → AAPL.US", "NYSE: IBM → IBM.US"],
                ),
                ("$AAPL, GOOG) x", &["$AAPL → AAPL.US"]),
                ("NASDAQ: THE INDEX FELL; NASDAQ: IN BRIEF", &[]),
                ("(NASDAQ: THE)", &["NASDAQ: THE → THE.US"]),
                ("$AAPL", &["$AAPL → AAPL.US"]),
                (
                    "买$TSLA和$NVDA！ ($BRK.B) $AMD, $INTC.",
                    &[
                        "$TSLA → TSLA.US",
                        "$NVDA → NVDA.US",
                        "$BRK.B → BRK.B.US",
                        "$AMD → AMD.US",
                        "$INTC → INTC.US",
                    ],
                ),
                (
                    "$苹果(AAPL)$ $Apple（AAPL）$",
                    &["AAPL → AAPL.US", "AAPL → AAPL.US"],
                ),
                // No ticker.
                ("$ $1 $a $F $ABCDEF $Abc $PATH $USD", &[]),
                (
                    "$HOME/bin \"$CODE\" `$CODE` $CODE=1 ${CODE} x$CODE $$CODE $CODE_X $CODE-1",
                    &[],
                ),
                (
                    "$B$h$1 (AAPL)$ $(AAPL)$ $苹果(aapl)$ $苹果(123456)$ $O(N)$ $\\log(AB)$",
                    &[],
                ),
                ("if [ $COUNT -gt 0 ]", &[]),
                ("get $POD -c all", &[]),
                ("$SERVICE $EVENT", &[]),
                ("for f in $FILES; do", &[]),
                ("echo $ALPHA", &[]),
                ("    $CMD &", &[]),
                (
                    "NASDAQ: The NASDAQ: ABCDEF NASDAQ:  AAPL NASDAQ AAPL XNYSE: ABC nasdaq:ABC",
                    &[],
                ),
                ("AAPL.USA aapl.us www.EXAMPLE.US ABC.US.com", &[]),
            ],
        );
    }

    #[test]
    fn cashtags_are_half_sure() {
        assert_eq!(find(&Stock, "$AAPL")[0].score, 0.5);
        assert_eq!(find(&Stock, "NYSE: AAPL")[0].score, 1.0);
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &Stock,
            &[
                "$",
                "$A",
                "$AAPL ",
                "$A(",
                ")$",
                "(AAPL)$",
                "600519.SH",
                "600519.S",
                "SH600519",
                "SH:",
                "上交所：",
                "：600519",
                "H：",
                ".U",
                "A.US",
                "600519",
                " 600519",
                "股票代码：",
                "股票代码：600519、",
                "NASDAQ: AAPL, ",
                "AAPL, ",
                "1.h",
            ],
        );
    }
}
