//! Markets: their names, the codes that they allot, and tickers in one form for all.
//!
//! Where codes stand in a text is `stock.rs`'s business.

use super::super::border;

/// Where a code is traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Market {
    Shanghai,
    Shenzhen,
    Beijing,
    HongKong,
    /// Any exchange of the United States.
    UnitedStates,
}
use Market::{Beijing, HongKong, Shanghai, Shenzhen, UnitedStates};

/// Exchanges by their Latin names, in the cases that are written, as they stand before a colon and a code.
pub(super) const LATIN: [(&str, Market); 26] = [
    ("SH", Shanghai),
    ("sh", Shanghai),
    ("SSE", Shanghai),
    ("SHSE", Shanghai),
    ("SHA", Shanghai),
    ("SZ", Shenzhen),
    ("sz", Shenzhen),
    ("SZSE", Shenzhen),
    ("SHE", Shenzhen),
    ("BJ", Beijing),
    ("bj", Beijing),
    ("BJSE", Beijing),
    ("HK", HongKong),
    ("hk", HongKong),
    ("HKEX", HongKong),
    ("SEHK", HongKong),
    ("HKSE", HongKong),
    ("HKG", HongKong),
    ("NASDAQ", UnitedStates),
    ("Nasdaq", UnitedStates),
    ("NYSE", UnitedStates),
    ("AMEX", UnitedStates),
    ("NYSEAMERICAN", UnitedStates),
    ("NYSEARCA", UnitedStates),
    ("ARCA", UnitedStates),
    ("BATS", UnitedStates),
];
/// And by their Chinese ones.
pub(super) const CHINESE: [(&str, Market); 16] = [
    ("上交所", Shanghai),
    ("上海证券交易所", Shanghai),
    ("沪市", Shanghai),
    ("深交所", Shenzhen),
    ("深圳证券交易所", Shenzhen),
    ("深市", Shenzhen),
    ("北交所", Beijing),
    ("北京证券交易所", Beijing),
    ("港交所", HongKong),
    ("联交所", HongKong),
    ("香港交易所", HongKong),
    ("香港联合交易所", HongKong),
    ("港股", HongKong),
    ("纳斯达克", UnitedStates),
    ("纽交所", UnitedStates),
    ("美股", UnitedStates),
];

impl Market {
    /// The market that stands behind a code and a dot (`SH`, Yahoo's and Reuters' `SS`, ISO 10383's `XSHG`), any case.
    pub(super) fn suffix(word: &str) -> Option<Self> {
        const SUFFIXES: [(&str, Market); 8] = [
            ("SH", Shanghai),
            ("SS", Shanghai),
            ("XSHG", Shanghai),
            ("SZ", Shenzhen),
            ("XSHE", Shenzhen),
            ("BJ", Beijing),
            ("HK", HongKong),
            ("US", UnitedStates),
        ];
        let known = SUFFIXES
            .iter()
            .find(|(suffix, _)| suffix.eq_ignore_ascii_case(word));
        known.map(|(_, market)| *market)
    }

    /// The exchange whose name ends `text`, and where the name begins.
    pub(super) fn named(text: &str) -> Option<(usize, Self)> {
        /// Letters of the longest Latin name, and one more.
        const LATIN_NAME: usize = 13;
        let letters = text.bytes().rev().take(LATIN_NAME);
        let length = letters.take_while(u8::is_ascii_alphabetic).count();
        let (before, word) = text.split_at(text.len() - length);
        let (name, market) = if word.is_empty() {
            let named = CHINESE.iter().filter(|(name, _)| text.ends_with(name));
            named.max_by_key(|(name, _)| name.len())?
        } else {
            let whole = !border::joins(before.chars().next_back());
            LATIN.iter().find(|(name, _)| whole && *name == word)?
        };
        Some((text.len() - name.len(), *market))
    }

    /// The market of a code that stands alone: six digits tell their exchange, fewer are Hong Kong's.
    pub(super) fn of_code(code: &str) -> Option<Self> {
        let all = [Shanghai, Shenzhen, Beijing, HongKong, UnitedStates];
        // 000001 is a bank in Shenzhen before it is an index in Shanghai.
        let known = all.into_iter().filter(|market| market.lists(code));
        known.max_by_key(|market| *market == Shenzhen)
    }

    /// Whether such codes are allotted: shares, funds and indices in China, shares in Hong Kong, any letters in the
    /// United States.
    pub(super) fn lists(self, code: &str) -> bool {
        let digits = code.bytes().all(|b| b.is_ascii_digit());
        let begins = |prefixes: &[&str]| {
            digits && code.len() == 6 && prefixes.iter().any(|prefix| code.starts_with(prefix))
        };
        match self {
            Shanghai => begins(&["60", "68", "90", "5", "000"]),
            Shenzhen => begins(&["00", "30", "20", "39", "15", "16", "18"]),
            Beijing => begins(&["43", "83", "87", "88", "899", "920"]),
            HongKong => {
                let number = code.parse().unwrap_or(0);
                digits && code.len() <= 5 && matches!(number, 1..=9_999 | 80_000..=89_999)
            }
            UnitedStates => !digits,
        }
    }

    /// Code and market: `600519.SH`, `00700.HK`, `BRK.B.US`.
    pub(super) fn ticker(self, code: &str) -> String {
        match self {
            Shanghai => format!("{code}.SH"),
            Shenzhen => format!("{code}.SZ"),
            Beijing => format!("{code}.BJ"),
            HongKong => format!("{code:0>5}.HK"),
            UnitedStates => format!("{}.US", code.replace('-', ".")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_their_markets() {
        for (code, market) in [
            ("600519", Some(Shanghai)),
            ("688981", Some(Shanghai)),
            ("900901", Some(Shanghai)),
            ("510300", Some(Shanghai)),
            ("000001", Some(Shenzhen)),
            ("300750", Some(Shenzhen)),
            ("399001", Some(Shenzhen)),
            ("159915", Some(Shenzhen)),
            ("830799", Some(Beijing)),
            ("920002", Some(Beijing)),
            ("00700", Some(HongKong)),
            ("700", Some(HongKong)),
            ("80700", Some(HongKong)),
            ("AAPL", Some(UnitedStates)),
            ("123456", None),
            ("700000", None),
            ("00000", None),
            ("12345", None),
            ("1234567", None),
        ] {
            assert_eq!(Market::of_code(code), market, "{code}");
        }
        assert!(Shanghai.lists("000300"));
    }

    #[test]
    fn the_longest_name_that_stands_whole() {
        for (text, named) in [
            ("在上交所", Some((3, Shanghai))),
            ("SSE", Some((0, Shanghai))),
            ("SZSE", Some((0, Shenzhen))),
            ("(NYSEARCA", Some((1, UnitedStates))),
            ("XSSE", None),
            ("Nasdaq", Some((0, UnitedStates))),
            ("nasdaq", None),
        ] {
            assert_eq!(Market::named(text), named, "{text}");
        }
    }
}
