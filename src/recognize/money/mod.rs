//! MONEY: amounts of a named currency.
//!
//! Grammar (ISO 4217 codes; Chinese and English usage):
//! ```text
//! money     = name [sp] amount [[sp] name] / amount [sp / "-"] name
//! name      = sign / code / word                     which they are: currency.rs
//! sign      = [country] $ / ¥ / ￥ / € / £ / ₩ / ₹ / ₽   `US$`, `HK$`, `NT$`, `A$`, `C$` …; € after the amount, too
//! word      = dollars, euros, yuan, yen … / 元, 美元, 人民币, 港币, 英镑, 块钱 …
//! amount    = figures [magnitude] / Chinese number / both: 3亿5000万, 1.5万, 100多万
//! figures   = digits [decimals], thousands with ","; "." and "," the other way round for euros
//! magnitude = [sp / "-"] thousand / million / billion / trillion, directly: k m b bn mn mm tn, in any case
//! change    = 元 [n 角 [n 分]] [整 / 正] [a currency's word]        `三元五角`, `壹万贰仟元整`, `100元人民币`
//! ```
//! `$` is USD, `¥` and `元` are CNY, unless something beside the amount says otherwise (`$100 CAD`, `港币100元`). Of a
//! range that names its currency once, the end beside the name is found (`100-200元`). `约`, `近` and `以上` are outside;
//! `余` and `多` are between amount and name, and the value is the amount without them. Left out: amounts that name no
//! number (`数百万元`, `几十元`), minus signs, pounds without `sterling` (a weight), cents, slang, and English number words.
//!
//! Borders: not cut out of a longer number, an identifier or a version. `元` begins words (`100元素`, `3元组`), and one
//! numeral before it often counts something else (`二元一次方程`, `三元桥`). `$1` is mostly a parameter in a
//! program: one digit after `$` is money only beside a word such as `only`, `for` or `each`, and never before `{`, `=` and
//! the like.
//!
//! The value is the code, a space, and a plain decimal: `CNY 12000`, `USD 1234.50`. It is exact; a fraction has two digits
//! or as many more as it takes. The score is 1; 0.6 of one digit after `$`.
//!
//! Cost: stops at runs of digits beside a space, a letter or a sign, and at `元`, `圆`, `块`, `镑`, `金`; at most 160
//! bytes at each.

mod amount;
mod currency;

use std::borrow::Cow;
use std::ops::Range;

use self::amount::{Amount, ENGLISH, EUROPEAN, Separators, Written};
use self::currency::Named;
use super::numeral::{run, small_at};
use super::{Anchor, ByteSet, Bytes, DigitRuns, Found, Recognizer, border};

/// Recognizes amounts of money.
#[derive(Debug)]
pub(super) struct Money;

/// An amount and its currency's code.
#[derive(Debug, Clone, Copy)]
struct Sum {
    code: &'static str,
    amount: Amount,
    score: f32,
}

/// What looks like money: where it stands, and the sum, or why there is none.
type Read = Option<(Range<usize>, Result<Sum, &'static str>)>;

impl Recognizer for Money {
    fn label(&self) -> &str {
        "MONEY"
    }
    fn name(&self) -> &str {
        "money"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("1")
    }
    fn anchors(&self) -> Vec<Anchor> {
        let figures = DigitRuns::of_length(1..=31);
        let letters = ByteSet::range(b'A', b'Z').union(ByteSet::range(b'a', b'z'));
        // A space or a hyphen, a magnitude, the first letters of the commonest codes, €, and Chinese.
        let after = ByteSet::of(b" -kKmMbBtTUERCHJG\xE2").union(ByteSet::range(0xE4, 0xE9));
        // Of the many numbers after a space, not those of times, dates and paths.
        let apart = figures.preceded_by(b" ").not_followed_by(b":/@_=&?#");
        let han = |byte: u8, before: &[u8]| {
            Anchor::Bytes(Bytes::of(ByteSet::of(&[byte])).preceded_by(ByteSet::of(before)))
        };
        vec![
            Anchor::Digits(figures.preceded_by(ByteSet::of(currency::LAST_BYTES))),
            Anchor::Digits(apart),
            Anchor::Digits(figures.followed_by(after).not_preceded_by(letters)),
            Anchor::Bytes(Bytes::of(b"$").followed_by(b".")),
            // 元 is E5 85 83, 圆 E5 9C 86, 円 E5 86 86, 块 E5 9D 97, 镑 E9 95 91, 金 E9 87 91.
            han(0x83, b"\x85"),
            han(0x86, b"\x9C\x86"),
            han(0x97, b"\x9D"),
            han(0x91, b"\x95\x87"),
        ]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let floor = found.floor();
        let Some((span, sum)) =
            read(text, at, floor, false).filter(|(span, _)| span.start >= floor)
        else {
            return at + 1;
        };
        match sum {
            Ok(sum) => {
                let end = span.end;
                found.push_scored(span, sum.score);
                end
            }
            Err(reason) => {
                found.refuse(span, reason);
                at + 1
            }
        }
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        let anchors = entity.char_indices().filter(|(at, c)| {
            let first_digit =
                c.is_ascii_digit() && !entity[..*at].ends_with(|c: char| c.is_ascii_digit());
            first_digit
                || matches!(
                    c,
                    '$' | '元' | '圆' | '圓' | '円' | '块' | '镑' | '鎊' | '金'
                )
        });
        let whole = anchors
            .filter_map(|(at, c)| read(entity, at + c.len_utf8() - 1, 0, true))
            .find(|(span, _)| *span == (0..entity.len()));
        match whole {
            Some((_, Ok(Sum { code, amount, .. }))) => {
                let value = format!("{code} {amount}");
                if value == entity {
                    Cow::Borrowed(entity)
                } else {
                    Cow::Owned(value)
                }
            }
            _ => Cow::Borrowed(entity),
        }
    }
}

/// The sum whose figures stand at `at`, or whose unit's last byte; nothing before `floor` names its currency. Where it is `known` to be one, what says so may be
/// missing around it.
fn read(text: &str, at: usize, floor: usize, known: bool) -> Read {
    let bytes = text.as_bytes();
    let start = match bytes[at] {
        b'$' => at + 1,
        byte if byte.is_ascii() => {
            let end = at + run(bytes, at, 40);
            let named = currency::may_be_before(bytes, at) || currency::may_be_after(bytes, end);
            named.then(|| amount::start_before(text, end))?
        }
        _ => {
            let name = currency::han_name_start(text, border::char_start(text, at))?;
            let end = name - usize::from(text[..name].ends_with(' '));
            let end = text[..end].trim_end_matches(['余', '餘', '多']).len();
            let start = amount::start_before(text, end);
            (start < end).then_some(start)?
        }
    };
    // `100 € 50 €`: a sign that is part of the last entity is not this one's.
    let before = currency::before(text, start).filter(|named| named.edge >= floor);
    beside(text, start, before, ENGLISH, known).or_else(|| {
        let euros = before.is_some_and(|named| named.code == "EUR") || euros_follow(text, start);
        euros.then(|| beside(text, start, before, EUROPEAN, known))?
    })
}

/// Whether the figures at `start`, whatever their separators, stand before `€`.
fn euros_follow(text: &str, start: usize) -> bool {
    let figures = text.as_bytes()[start..]
        .iter()
        .take(40)
        .take_while(|b| b.is_ascii_digit() || matches!(b, b',' | b'.'))
        .count();
    let rest = &text[start + figures..];
    rest.strip_prefix(' ').unwrap_or(rest).starts_with('€')
}

/// The amount at `start` with what stands before and after it.
fn beside(
    text: &str,
    start: usize,
    before: Option<Named>,
    separators: Separators,
    known: bool,
) -> Read {
    let written = amount::read(text, start, separators)?;
    let Written { amount, end, .. } = written;
    let scaled = text.as_bytes()[end - 1]
        .is_ascii_digit()
        .then(|| amount::magnitude(text, end))
        .flatten()
        .and_then(|(zeros, end)| Some((amount.times_ten_to(zeros)?, end)))
        .filter(|&(_, end)| before.is_some() || currency::after(text, end).is_some());
    let (amount, end) = scaled.unwrap_or((amount, end));
    let about = text[end..].starts_with(['余', '餘', '多']);
    let after = if about {
        currency::han_after(text, end + '余'.len_utf8())
    } else {
        currency::after(text, end)
    };
    let (after, refused) = match after {
        Some(named) => match belongs(text, &written, named, known) {
            Ok(()) => (Some(named), None),
            Err(reason) => (None, Some((named, reason))),
        },
        None => (None, None),
    };
    let (named, mut sum_end) = match (before, after) {
        (Some(before), Some(after)) => match currency::one_of(before, after) {
            Some(named) => (named, after.edge),
            None => (before, end),
        },
        (Some(before), None) => (before, end),
        (None, Some(after)) => (after, after.edge),
        (None, None) => {
            let (named, reason) = refused?;
            return Some((start..named.edge, Err(reason)));
        }
    };
    let mut sum = Sum {
        code: named.code,
        amount,
        score: 1.0,
    };
    if text[..sum_end].ends_with(['元', '圆', '圓']) {
        (sum, sum_end) = change(text, sum, sum_end)?;
    }
    let span = before.map_or(start, |before| before.edge)..sum_end;
    let spelt = scaled.is_some() || after.is_some();
    if before.is_none() && !opens(text, start) {
        let unnamed = text[..start].ends_with(['几', '数', '數']);
        return unnamed.then_some((span, Err("no number is named")));
    }
    // Text goes on directly behind a Chinese name (`5元1个`).
    if text.as_bytes()[sum_end - 1].is_ascii() && !closes(text, sum_end) {
        return None;
    }
    let dollar = before.is_some_and(|named| named.vague && named.code == "USD");
    if dollar && !spelt && !known {
        if text[sum_end..].starts_with(['{', '}', '^', '$', '=', '@', '~', '[', '\\', '|', '`']) {
            return Some((span, Err("rather a parameter than an amount")));
        }
        if written.digit {
            if !has_cue(text, &span) {
                return Some((span, Err("one digit after $ may be a parameter")));
            }
            sum.score = 0.6;
        }
    }
    Some((span, Ok(sum)))
}

/// Whether a currency's name after an amount is one there, or the beginning of another word.
fn belongs(text: &str, written: &Written, named: Named, known: bool) -> Result<(), &'static str> {
    const WORDS: [&str; 27] = [
        "旦", "宵", "素", "件", "组", "器件", "老", "帅", "首", "朝", "代", "年", "月", "数据",
        "宇宙", "勋", "次", "化", "方程", "函数", "运算", "表达", "字符", "信号", "条件", "音",
        "谋",
    ];
    if known || !named.vague || text[..named.edge].ends_with("dollars") {
        return Ok(());
    }
    let rest = &text[named.edge..];
    let Some(next) = rest.chars().next() else {
        return Ok(());
    };
    if next.is_ascii_digit() || matches!(next, '以' | '，' | '。') {
        return Ok(());
    }
    if WORDS.iter().any(|word| rest.starts_with(word)) {
        return Err("元 begins another word");
    }
    // `二元`, `三元`: pairs and triples, unless the sentence goes on as with a price.
    let goes_on =
        border::glues(next) && border::is_word(next) && !"钱至到人整正起左".contains(next);
    let has_change = || small_at(rest, 0).is_some_and(|(_, i)| rest[i..].starts_with(['角', '分']));
    if written.han_digit && (goes_on || matches!(next, '(' | '（')) && !has_change() {
        return Err("one numeral before 元 may count something else");
    }
    Ok(())
}

/// What may follow `元`: tenths and hundredths, `整`, and the currency's word.
fn change(text: &str, mut sum: Sum, end: usize) -> Option<(Sum, usize)> {
    let mut end = end;
    for (unit, hundredths) in [('角', 10), ('分', 1)] {
        if let Some((number, i)) = small_at(text, end)
            && number < 10
            && text[i..].starts_with(unit)
        {
            sum.amount = sum.amount.plus(Amount::hundredths(number * hundredths))?;
            end = i + unit.len_utf8();
        }
    }
    if text[end..].starts_with(['整', '正']) {
        end += '整'.len_utf8();
    }
    if let Some(named) = currency::han_after(text, end)
        && text[..named.edge].ends_with(['币', '幣'])
        && (sum.code == "CNY" || sum.code == named.code)
    {
        sum.code = named.code;
        end = named.edge;
    }
    Some((sum, end))
}

/// Whether an amount may begin at `start`, where no currency stands before it.
fn opens(text: &str, start: usize) -> bool {
    let Some(c) = border::before(text, start) else {
        return true;
    };
    let further = border::before(text, start - c.len_utf8());
    match c {
        '.' | ',' | '/' | ':' => !further.is_some_and(|f| f.is_ascii_digit()),
        '-' => !further.is_some_and(|f| f.is_ascii_alphabetic()),
        '$' | '#' | '几' | '数' | '數' | '第' => false,
        _ => !border::joins(Some(c)),
    }
}

/// Whether an amount may end at `end`.
fn closes(text: &str, end: usize) -> bool {
    let after = border::after(text, end);
    match after {
        Some('.' | ',') => !text.as_bytes().get(end + 1).is_some_and(u8::is_ascii_digit),
        Some('%') => false,
        _ => !border::joins(after),
    }
}

/// Whether a word beside `$5` speaks of a price.
fn has_cue(text: &str, span: &Range<usize>) -> bool {
    const BEFORE: [&str; 27] = [
        "for", "only", "just", "about", "than", "to", "at", "under", "over", "least", "most",
        "cost", "costs", "costing", "pay", "paid", "paying", "save", "earn", "earned", "worth",
        "another", "extra", "spend", "win", "charge", "around",
    ];
    const AFTER: [&str; 13] = [
        "a", "an", "per", "each", "off", "more", "less", "apiece", "fee", "bill", "cash", "only",
        "today",
    ];
    let word_before = text[..span.start].strip_suffix(' ').map(|before| {
        let letters = before
            .bytes()
            .rev()
            .take(9)
            .take_while(u8::is_ascii_alphabetic)
            .count();
        &before[before.len() - letters..]
    });
    let word_after = text[span.end..].strip_prefix(' ').map(|after| {
        let letters = after
            .bytes()
            .take(9)
            .take_while(u8::is_ascii_alphabetic)
            .count();
        &after[..letters]
    });
    let cue = |word: Option<&str>, cues: &[&str]| {
        word.is_some_and(|word| cues.iter().any(|cue| word.eq_ignore_ascii_case(cue)))
    };
    cue(word_before, &BEFORE) || cue(word_after, &AFTER)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table, find};
    use super::*;

    #[test]
    fn signs_and_codes() {
        assert_table(
            &Money,
            &[
                ("$1,234.50", &["$1,234.50 → USD 1234.50"]),
                ("$12.5 and $100", &["$12.5 → USD 12.50", "$100 → USD 100"]),
                (
                    "$500k, $4M; $1.5bn $12.6 million, $25 billion $10-million",
                    &[
                        "$500k → USD 500000",
                        "$4M → USD 4000000",
                        "$1.5bn → USD 1500000000",
                        "$12.6 million → USD 12600000",
                        "$25 billion → USD 25000000000",
                        "$10-million → USD 10000000",
                    ],
                ),
                (
                    "US$50 HK$ 100 NT$3,000 A$5.00 C$7.5 U.S.$20",
                    &[
                        "US$50 → USD 50",
                        "HK$ 100 → HKD 100",
                        "NT$3,000 → TWD 3000",
                        "A$5.00 → AUD 5",
                        "C$7.5 → CAD 7.50",
                        "U.S.$20 → USD 20",
                    ],
                ),
                (
                    "$100 CAD, $60 USD annually, $30 Dollars, $12美金, ¥10000日元, ¥100元",
                    &[
                        "$100 CAD → CAD 100",
                        "$60 USD → USD 60",
                        "$30 Dollars → USD 30",
                        "$12美金 → USD 12",
                        "¥10000日元 → JPY 10000",
                        "¥100元 → CNY 100",
                    ],
                ),
                (
                    "¥100 ￥ 88.80 £250/$380 ₩5000 ₹100 €10 JP¥300 ＄２０",
                    &[
                        "¥100 → CNY 100",
                        "￥ 88.80 → CNY 88.80",
                        "£250 → GBP 250",
                        "$380 → USD 380",
                        "₩5000 → KRW 5000",
                        "₹100 → INR 100",
                        "€10 → EUR 10",
                        "JP¥300 → JPY 300",
                        "＄２０ → USD 20",
                    ],
                ),
                (
                    "100 € 12,50 € €1.234,56 5€",
                    &[
                        "100 € → EUR 100",
                        "12,50 € → EUR 12.50",
                        "€1.234,56 → EUR 1234.56",
                        "5€ → EUR 5",
                    ],
                ),
                (
                    "USD 30.00, USD33.6M; EUR 1,000, RMB100 USD1001",
                    &[
                        "USD 30.00 → USD 30",
                        "USD33.6M → USD 33600000",
                        "EUR 1,000 → EUR 1000",
                        "RMB100 → CNY 100",
                        "USD1001 → USD 1001",
                    ],
                ),
                (
                    "100 USD, 5k EUR, 1,234.50 CNY, 100USD 10 million yuan, 3 billion RMB",
                    &[
                        "100 USD → USD 100",
                        "5k EUR → EUR 5000",
                        "1,234.50 CNY → CNY 1234.50",
                        "100USD → USD 100",
                        "10 million yuan → CNY 10000000",
                        "3 billion RMB → CNY 3000000000",
                    ],
                ),
                (
                    "20 dollars, 10-dollar bill, 12 euros, 100 Hong Kong dollars, 5 US Dollars, 9 pounds sterling",
                    &[
                        "20 dollars → USD 20",
                        "10-dollar → USD 10",
                        "12 euros → EUR 12",
                        "100 Hong Kong dollars → HKD 100",
                        "5 US Dollars → USD 5",
                        "9 pounds sterling → GBP 9",
                    ],
                ),
                (
                    "$.18 a minute, only $5, $6 each",
                    &["$.18 → USD 0.18", "$5 → USD 5", "$6 → USD 6"],
                ),
                (
                    "$100-$200 $3 to $4 million",
                    &[
                        "$100 → USD 100",
                        "$200 → USD 200",
                        "$4 million → USD 4000000",
                    ],
                ),
                ("USD 1.2345 USD 0.10", &["USD 1.2345", "USD 0.10"]),
                // No money, or only a part of something longer.
                ("", &[]),
                ("1", &[]),
                ("$", &[]),
                ("$a $x1 x$100 1$100 $100x $1.2.3 $1,23 $1,2345 $100% $", &[]),
                (
                    "{print $1} print $1,$2; echo $1 \"$2\" $0x80 `$10` $6$Ddg$4fl $12{ $10=x",
                    &[],
                ),
                (
                    "100 users 5k 100m 25 cents 105 pounds 10 bucks 100 dollarsx",
                    &[],
                ),
                ("xUSD 100 E5CAD16 100 USDT USD RMB", &[]),
                ("１$100x", &[]),
            ],
        );
    }

    #[test]
    fn chinese() {
        assert_table(
            &Money,
            &[
                ("12000元", &["12000元 → CNY 12000"]),
                (
                    "1.2万元、1,234.5元，3000万元；1.5亿元 1.6 万亿美元 5 亿美元 25 万美元",
                    &[
                        "1.2万元 → CNY 12000",
                        "1,234.5元 → CNY 1234.50",
                        "3000万元 → CNY 30000000",
                        "1.5亿元 → CNY 150000000",
                        "1.6 万亿美元 → USD 1600000000000",
                        "5 亿美元 → USD 500000000",
                        "25 万美元 → USD 250000",
                    ],
                ),
                (
                    "三百万元，一亿元，两千五百元，十元，五十元以上三百元以下，三万五元，一万零五元，一万二千亿元",
                    &[
                        "三百万元 → CNY 3000000",
                        "一亿元 → CNY 100000000",
                        "两千五百元 → CNY 2500",
                        "十元 → CNY 10",
                        "五十元 → CNY 50",
                        "三百元 → CNY 300",
                        "三万五元 → CNY 35000",
                        "一万零五元 → CNY 10005",
                        "一万二千亿元 → CNY 1200000000000",
                    ],
                ),
                (
                    "26亿2千万美元，3亿5000万元，2万5千元，5百元",
                    &[
                        "26亿2千万美元 → USD 2620000000",
                        "3亿5000万元 → CNY 350000000",
                        "2万5千元 → CNY 25000",
                        "5百元 → CNY 500",
                    ],
                ),
                (
                    "壹万贰仟元整 人民币壹万贰仟叁佰元伍角整 三元五角 3元5角2分",
                    &[
                        "壹万贰仟元整 → CNY 12000",
                        "人民币壹万贰仟叁佰元伍角整 → CNY 12300.50",
                        "三元五角 → CNY 3.50",
                        "3元5角2分 → CNY 3.52",
                    ],
                ),
                (
                    "人民币3000元，人民币 100万，港币500元，100元人民币，100元港币，100人民币",
                    &[
                        "人民币3000元 → CNY 3000",
                        "人民币 100万 → CNY 1000000",
                        "港币500元 → HKD 500",
                        "100元人民币 → CNY 100",
                        "100元港币 → HKD 100",
                        "100人民币 → CNY 100",
                    ],
                ),
                (
                    "约3000余元，100多万元，3000多元，近5万元",
                    &[
                        "3000余元 → CNY 3000",
                        "100多万元 → CNY 1000000",
                        "3000多元 → CNY 3000",
                        "5万元 → CNY 50000",
                    ],
                ),
                (
                    "100美元/月，100 欧元，50英镑，三百万英镑，500美金，20块钱，十块钱，200日圆",
                    &[
                        "100美元 → USD 100",
                        "100 欧元 → EUR 100",
                        "50英镑 → GBP 50",
                        "三百万英镑 → GBP 3000000",
                        "500美金 → USD 500",
                        "20块钱 → CNY 20",
                        "十块钱 → CNY 10",
                        "200日圆 → JPY 200",
                    ],
                ),
                ("¥3万 $5亿", &["¥3万 → CNY 30000", "$5亿 → USD 500000000"]),
                ("5元1个，100元VIP", &["5元 → CNY 5", "100元 → CNY 100"]),
                (
                    "100-200元，5元、10元",
                    &["200元 → CNY 200", "5元 → CNY 5", "10元 → CNY 10"],
                ),
                (
                    "一元钱，二元以上，五元。",
                    &["一元 → CNY 1", "二元 → CNY 2", "五元 → CNY 5"],
                ),
                // No money, or only a part of something longer.
                (
                    "多元化 单元 公元 元旦 二元一次方程 三元组 2016元旦 100元素 3元组 三元桥 三元（triple）",
                    &[],
                ),
                (
                    "数百万元 几十元 百元大钞 万元户 上百万元 几百美金 数十亿美元 几块钱",
                    &[],
                ),
                ("二三百元 1.2.3元 1,23元 x100元 第3元 美元 人民币", &[]),
                ("３，０００", &[]),
            ],
        );
    }

    #[test]
    fn scores() {
        assert_eq!(find(&Money, "only $5")[0].score, 0.6);
        assert_eq!(find(&Money, "only $50")[0].score, 1.0);
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &Money,
            &[
                "$",
                "$1",
                "$1,",
                "1,",
                "1.",
                "1 ",
                "USD ",
                "USD1",
                "元",
                "1元",
                "一元",
                "万",
                "1万",
                "一万",
                "亿元",
                "人民币",
                "1 million ",
                "1k",
                "十",
                "三百",
                "1,000",
                "€1.",
                "块",
                "镑",
            ],
        );
    }
}
