//! Handles and tickers against naive oracles: their documented grammars as regular expressions tried at every character.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[macro_use]
#[path = "oracle/naive.rs"]
mod naive;

use std::sync::LazyLock;

use naive::{WORD, begins, digits_of, ends, found, half_width, regex, text_of};
use proptest::prelude::*;
use regex::Regex;

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn qq_equals_its_oracle(text in text_of(QQ, 12)) {
        prop_assert_eq!(found("QQ", &text), qq(&half_width(&text)), "{}", text);
    }

    #[test]
    fn wechat_equals_its_oracle(text in text_of(WECHAT, 10)) {
        prop_assert_eq!(found("WECHAT", &text), wechat(&half_width(&text)), "{}", text);
    }

    #[test]
    fn stock_equals_its_oracle(text in text_of(STOCK, 9)) {
        prop_assert_eq!(found("STOCK", &text), stocks(&half_width(&text)), "{}", text);
    }
}

#[rustfmt::skip]
const QQ: &[&str] = &[
    "QQ", "qq", "Q群", "加q", "扣扣", "企鹅号", "企鹅", "号", "群", "码", "是", "：", ":", " ", "(", "）", "#", "-", "number", "ID",
    "交流", "微信", "12345678", "13812345678", "01234567", "1234", "123456789012", "、", "，", "/", "或", "和", ", ", "@",
    ".5", "a", "é", "中", "１２３４５", "Ｑ", "“", "\"", "《",
];

#[rustfmt::skip]
const WECHAT: &[&str] = &[
    "微信", "微", "信", "加微", "加V", "加v", "vx", "WX", "V信", "Weixin", "weixin", "WeChat", "wechat", "ID", "id", "号",
    "公众号", "同号", "是", "：", ":", " ", "（", "/", "qq", "abc_123", "zhangsan", "abc", "13812345678", "1234567", "-", "_",
    "@", ".", "é", "x", "中", "，", "ｖ", "“", "\"", "『", "iPhone", "windows", "版",
];

#[rustfmt::skip]
const STOCK: &[&str] = &[
    "600519", "000001", "300750", "830799", "00700", "0700", "5", "123456", "12345", "AAPL", "BRK.A", "TSLA", "Q",
    "F", "abc", ".", ".SH", ".sz", ".HK", ".hk", ".US", ".XSHG", "SH", "sz", "HK", "sh.", "：", ":", ": ", "上交所",
    "港交所", "深市", "美股", "NASDAQ", "NYSE", "Nasdaq", "SSE", "股票代码", "证券代码", "为", "（", "）", "(", ")", "$", "$", "$苹果(",
    ")$", "USD", "PATH", " ", "x", "é", "_", "@", "，", "中", "１", "、", ", ", "和", "THE",
];

/// As [`all`], for numbers that may follow one another.
fn qq(text: &str) -> Vec<String> {
    let cue = regex(
        "(?i:(?:^|[^0-9a-z_é])(?:qq|q群)|(?:^|[^0-9a-z_é])加q|加q|扣扣|企鹅号|企鹅群)(?i:[ ：:号群码是为#=/()（）【】“\"『《-]|number|group|id|交流|讨论|官方|粉丝|技术|客服|咨询|联系|微信){0,6}$",
    );
    let (mut numbers, mut at, mut last) = (Vec::new(), 0, None);
    while let Some(c) = text[at..].chars().next() {
        let (before, rest) = text.split_at(at);
        let length = match_end!(rest, "[0-9]{5,11}").unwrap_or(0);
        let after = &rest[length..];
        let mobile = length == 11 && matches_regex!(rest, "^1[3-9]");
        let between = last.map_or("", |last: usize| &text[last..at]);
        let another = matches_regex!(between, "^(?:、|/| / |,|, |，|或|和)$") && !mobile;
        let whole = !matches_regex!(before, "[0-9]$") && ends(after);
        if length > 0 && whole && !rest.starts_with('0') && (another || cue.is_match(before)) {
            numbers.push(rest[..length].to_string());
            at += length;
            last = Some(at);
        } else {
            at += c.len_utf8();
        }
    }
    numbers
}

/// As [`all`], from cue to cue.
fn wechat(text: &str) -> Vec<String> {
    // What the words after a cue must say for any handle, and for letters alone: 1 a space, 2 a colon, 3 `ID`.
    let cues = [
        (
            regex("^(?:微信|加微信?|加[vV]信|加[vV](?:[^xX信]|$))"),
            0,
            2,
        ),
        (regex("^(?i:[vw]x)"), 1, 2),
        (regex("^(?i:weixin)"), 2, 3),
        (regex("^(?i:(?:wechat|weixin) *(?:id)? *)[:：]"), 2, 3),
        (regex("^(?i:v信)[:：]"), 0, 2),
    ];
    let words = [
        regex("^(?i:[ /()（）【】「『《“\"]|同号|电话|手机|qq)"),
        regex("^[:：]"),
        regex("^(?i:号码|号|账号|帐号|公众号|订阅号|服务号|id|是|为)"),
    ];
    let (mut handles, mut at) = (Vec::new(), 0);
    'next: while let Some(c) = text[at..].chars().next() {
        let (before, rest) = text.split_at(at);
        for (cue, for_any, for_letters) in &cues {
            let latin = rest.starts_with(|c: char| c.is_ascii());
            if !cue.is_match(rest) || latin && matches_regex!(before, &format!("{WORD}$")) {
                continue;
            }
            let name =
                match_end!(rest, "微信|加微信?|加[vV]信?|(?i:vx|wx|weixin|wechat|v信)").unwrap();
            let (mut rest, mut says) = (&rest[name..], 0);
            for _ in 0..6 {
                let word = words
                    .iter()
                    .enumerate()
                    .find_map(|(i, word)| Some((i + 1, word.find(rest)?.end())));
                let Some((says_more, end)) = word else { break };
                (rest, says) = (&rest[end..], says.max(says_more));
            }
            let handle = match_end!(rest, "1[3-9][0-9]{9}|[A-Za-z][0-9A-Za-z_-]*")
                .map_or("", |end| &rest[..end]);
            let handle = handle.trim_end_matches('-');
            let letters = handle.chars().all(|c| c.is_ascii_alphabetic());
            let version = matches_regex!(
                handle,
                "^(?i:iphone|ipad|ipados|android|windows|macos|harmony|harmonyos)[0-9]*$"
            ) || rest[handle.len()..].starts_with('版');
            let needed = if letters || version {
                for_letters
            } else {
                for_any
            };
            let enough = says >= *needed;
            let name = matches_regex!(handle, "^(?i:wechat|weixin)$");
            if (6..=20).contains(&handle.len()) && !name && enough && ends(&rest[handle.len()..]) {
                handles.push(handle.to_string());
                at = text.len() - rest.len() + handle.len();
                continue 'next;
            }
        }
        at += c.len_utf8();
    }
    handles
}

const SHANGHAI: &str = "(?:(?:60|68|90|5[0-9])[0-9]{4}|000[0-9]{3})";
const SHENZHEN: &str = "(?:(?:00|30|20|39|15|16|18)[0-9]{4})";
const BEIJING: &str = "(?:(?:43|83|87|88)[0-9]{4}|(?:899|920)[0-9]{3})";
/// Of as many digits as are written.
const HONG_KONG: &str = "(?:0*[1-9][0-9]{0,3}|8[0-9]{4})";
const AMERICA: &str = "(?:[A-Z]{2,5}(?:[.-][A-Z])?|[A-Z][.-][A-Z])";

/// Exchanges before a colon.
const EXCHANGES: [&str; 5] = [
    "(?:上交所|上海证券交易所|沪市|SH|sh|SSE|SHSE|SHA)[：:] ?",
    "(?:深交所|深圳证券交易所|深市|SZ|sz|SZSE|SHE)[：:] ?",
    "(?:北交所|北京证券交易所|BJ|bj|BJSE)[：:] ?",
    "(?:港交所|联交所|香港交易所|香港联合交易所|港股|HK|hk|HKEX|SEHK|HKSE|HKG)[：:] ?",
    "(?:纳斯达克|纽交所|美股|NASDAQ|Nasdaq|NYSE|AMEX|NYSEAMERICAN|NYSEARCA|ARCA|BATS)[：:] ?",
];

/// A form, and the digits that it may have.
static WITH_MARKET: LazyLock<Vec<(Regex, std::ops::RangeInclusive<usize>)>> = LazyLock::new(|| {
    let whole = |form: String| regex(&format!("^(?:{form})$"));
    let [shanghai, shenzhen, beijing, hong_kong, america] = EXCHANGES;
    vec![
        (
            whole(format!(
                r"{SHANGHAI}\.(?i:SH|SS|XSHG)|(?i:SH|SH\.|SS\.){SHANGHAI}|{shanghai}{SHANGHAI}"
            )),
            6..=6,
        ),
        (
            whole(format!(
                r"{SHENZHEN}\.(?i:SZ|XSHE)|(?i:SZ\.?){SHENZHEN}|{shenzhen}{SHENZHEN}"
            )),
            6..=6,
        ),
        (
            whole(format!(
                r"{BEIJING}\.(?i:BJ)|(?i:BJ\.?){BEIJING}|{beijing}{BEIJING}"
            )),
            6..=6,
        ),
        (
            whole(format!(r"{HONG_KONG}\.HK|{hong_kong}{HONG_KONG}")),
            1..=5,
        ),
        (whole(format!(r"{HONG_KONG}\.(?i:HK)")), 4..=5),
        (whole(format!(r"(?i:HK\.?){HONG_KONG}")), 5..=5),
        (
            whole(format!(r"[A-Z]{{1,5}}\.US|{america}{AMERICA}")),
            0..=0,
        ),
    ]
});

/// As [`naive::all`], with the codes that follow in a list.
fn stocks(text: &str) -> Vec<String> {
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(c) = text[at..].chars().next() {
        let Some(end) = stock(text, at) else {
            at += c.len_utf8();
            continue;
        };
        let (before, entity) = (&text[..at], &text[at..end]);
        all.push(entity.to_string());
        at = end;
        let whole = |form: &str| regex(&format!("^(?:{form})$"));
        let of = |codes: &str, but: &str| (whole(codes), whole(but), false);
        let any = format!("{SHANGHAI}|{SHENZHEN}|{BEIJING}|{HONG_KONG}");
        let exchange = EXCHANGES
            .iter()
            .position(|name| regex(&format!("^{name}")).is_match(entity));
        let list = match exchange {
            Some(0) => Some(of(SHANGHAI, SHENZHEN)),
            Some(1) => Some(of(SHENZHEN, "x")),
            Some(2) => Some(of(BEIJING, "x")),
            Some(3) => Some(of(HONG_KONG, "[0-9]{1,3}")),
            Some(_) => Some((whole("[A-Z].*"), whole("x"), true)),
            None if matches_regex!(entity, "^[0-9]+$")
                && matches_regex!(before, "(?:股票|证券)代码[：: （(【为是]{0,2}$") =>
            {
                Some(of(&any, "[0-9]{1,4}"))
            }
            None => None,
        };
        let Some((codes, but, letters)) = list else {
            continue;
        };
        let (mut more, mut rest) = (Vec::new(), &text[end..]);
        while let Some(and) = match_end!(rest, "、|，|, |,|/|和") {
            let code = match_end!(
                &rest[and..],
                r"[A-Z][.-][A-Z]|[A-Z]{2,5}[.-][A-Z]|[A-Z]{1,5}|[0-9]{1,6}"
            );
            let Some(code) = code else { break };
            let class = matches_regex!(&rest[and..and + code], "[.-][A-Z]$");
            let joined = matches_regex!(&rest[and + code..], "^[0-9A-Za-z]");
            let code = if class && joined { code - 2 } else { code };
            let (code, after) = rest[and..].split_at(code);
            let closed = after.starts_with([')', '）']);
            let word = matches_regex!(code, "^(?:THE|[A-Z])$") && !closed;
            let followed =
                !letters && matches_regex!(after, r"^\w") && !matches_regex!(after, "^和");
            let fits = codes.is_match(code) && !but.is_match(code) && code.len() <= 7;
            let colon = after.starts_with([':', '：']);
            if !fits || word || followed || colon || !ends(after) || more.len() == 8 {
                break;
            }
            more.push(code.to_string());
            rest = after;
        }
        let next = EXCHANGES
            .map(|name| name.trim_end_matches(" ?").to_string())
            .join("|");
        let closed = regex(&format!("^(?:[)）]|(?:、|，|, |,|/|和)(?:{next}))"));
        if !letters || closed.is_match(rest) {
            at = text.len() - rest.len();
            all.extend(more);
        }
    }
    all
}

fn stock(text: &str, at: usize) -> Option<usize> {
    let (before, rest) = text.split_at(at);
    // Every end that a form allows; only at one of them can something end.
    let ends_at = |length: &usize| {
        let (written, after) = rest.split_at(*length);
        let mut forms = WITH_MARKET.iter();
        let digits = digits_of(written).len();
        let lone = after.starts_with([')', '）'])
            && matches_regex!(written, &format!("^{}[A-Z]$", EXCHANGES[4]));
        let word = matches_regex!(written, "[：:] ?THE$") && !after.starts_with([')', '）']);
        begins(before)
            && ends(after)
            && !word
            && (lone
                || forms.any(|(form, count)| count.contains(&digits) && form.is_match(written)))
    };
    let boundaries = (1..=rest.len())
        .rev()
        .filter(|&length| rest.is_char_boundary(length));
    if let Some(length) = boundaries.clone().find(ends_at) {
        return Some(at + length);
    }
    let is_code = |code: &str| {
        matches_regex!(
            code,
            &format!("^(?:{SHANGHAI}|{SHENZHEN}|{BEIJING}|{HONG_KONG})$")
        ) && code.len() <= 6
    };
    if matches_regex!(before, "(?:股票|证券)代码[：: （(【为是]{0,2}$")
        && let Some(length) = match_end!(rest, "[0-9]+")
        && (5..=6).contains(&length)
        && is_code(&rest[..length])
        && ends(&rest[length..])
    {
        return Some(at + length);
    }
    static NAME: LazyLock<Regex> = LazyLock::new(|| regex(r"\$([^$\\^_=+*/{}-]*)[(（]$"));
    if let Some(name) = NAME.captures(before)
        && (3..60).contains(&name[1].len())
        && !name[1].ends_with(' ')
        && let Some(length) = match_end!(rest, "[0-9]{1,6}|[A-Z]{2,5}(?:[.][A-Z])?|[A-Z][.][A-Z]")
        && matches_regex!(&rest[length..], r"^[)）]\$")
        && (is_code(&rest[..length]) || rest.starts_with(|c: char| c.is_ascii_uppercase()))
    {
        return Some(at + length);
    }
    cashtag(before, rest).map(|length| at + length)
}

fn cashtag(before: &str, rest: &str) -> Option<usize> {
    let length = match_end!(rest, r"\$[A-Z]{2,5}|\$[A-Z][.-][A-Z]")?;
    let class = match_end!(&rest[length..], "[.-][A-Z]")
        .filter(|end| length > 2 && !matches_regex!(&rest[length + end..], "^[0-9A-Za-z]"));
    let length = length + class.unwrap_or(0);
    let after = &rest[length..];
    let fits = matches_regex!(before, r"(?:^|[\s(]|[^\x00-\x7Fé])$")
        && matches_regex!(after, r"^[,.;:!?)]?(?:$|\s|[^\x00-\x7Fé])");
    // As far as the second dollar sign on either side, and 40 bytes at most.
    let dollars = |text: &str| {
        text.match_indices('$')
            .map(|(at, _)| at)
            .collect::<Vec<_>>()
    };
    let left = dollars(before)
        .into_iter()
        .rev()
        .filter(|at| before.len() - at <= 40)
        .take(2);
    let right = dollars(after).into_iter().filter(|at| *at < 40).take(2);
    let (left, right): (Vec<_>, Vec<_>) = (left.collect(), right.collect());
    let from = left
        .get(1)
        .copied()
        .unwrap_or(before.len().saturating_sub(40));
    let to = right.get(1).copied().unwrap_or(after.len().min(40));
    let variable =
        |next: Option<&u8>| !next.is_some_and(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    let shouts = |bytes: &[u8]| matches_regex!(&String::from_utf8_lossy(bytes), "[A-Z]{6}");
    let code = left
        .iter()
        .any(|at| variable(before.as_bytes().get(at + 1)))
        || right
            .iter()
            .any(|at| variable(after.as_bytes().get(at + 1)))
        || shouts(&before.as_bytes()[from..])
        || shouts(&after.as_bytes()[..to])
        || matches_regex!(before, "  $")
        || matches_regex!(&rest[..length], r"^\$(?:USD|PATH)$");
    (fits && !code).then_some(length)
}
