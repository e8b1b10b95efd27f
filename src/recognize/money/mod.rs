//! MONEY: amounts of a named currency.
//!
//! Grammar (ISO 4217 codes; Chinese and English usage):
//! ```text
//! money     = name [sp] amount [[sp] name] / amount [sp / "-"] name
//! name      = sign / code / word                     which they are: currency.rs
//! sign      = [country] $ / ¥ / ￥ / € / £ / ₩ / ₹ / ₽   `US$`, `HK$`, `NT$`, `A$`, `C$` …; € after the amount, too
//! word      = dollars, euros, yuan, yen … / 元, 美元, 人民币, 港币, 英镑, 块钱 …
//! amount    = figures [magnitude] / Chinese number / both: 3亿5000万, 1.5万, 100多万
//! figures   = digits [decimals], thousands with "," or a space, an apostrophe or ’; "." and "," the other way round for euros
//! magnitude = [sp / "-" / line break] thousand / lakh / million / crore / billion / trillion, in one or many;
//!             directly or after a space: mn mm mil mio mln bn bln mrd tn, and, if a name stands before, k m b; in any case
//! range     = name amount "-" / – / ~ / 至 / to / or … amount magnitude    no name at its second end, which is greater
//! change    = 元 [n 角 [n 分]] [整 / 正] [a currency's word]        `三元五角`, `壹万贰仟元整`, `100元人民币`
//! ```
//! `$` is USD, `¥` and `元` are CNY, unless something beside the amount says otherwise (`$100 CAD`, `港币100元`). Of a
//! range that names its currency once, the end beside the name is found (`100-200元`). Where that is the first end and its
//! magnitude stands at the second, the whole range is the entity, and the value is of the first end (`$10-20 million`,
//! 10,000,000 dollars); where the second end has a name, too, only that is found (`$10 to $20 million`). A first end that
//! is greater has no share in the magnitude (`$500 to $2 million`). `约`, `近` and `以上` are outside; `余` and `多` are
//! between amount and name, and the value is the amount without them. Left out: amounts that name no number (`数百万元`,
//! `几十元`), minus signs, pounds without `sterling` (a weight), cents, slang, and English number words.
//!
//! Borders: not cut out of a longer number, an identifier or a version. `元` begins words (`100元素`, `3元组`), and one
//! numeral before it often counts something else (`二元一次方程`, `三元桥`). `$1` is mostly a parameter in a
//! program: one digit after `$` is money only beside a word such as `only`, `for` or `each`, and no figures are before `{`,
//! `=`, an assembler's `, %esi` and the like. Spaces part the groups of one number only where no other digits stand beside
//! them, unless a group begins with 0 (`10 000`): `figures.rs`.
//!
//! The value is the code, a space, and a plain decimal: `CNY 12000`, `USD 1234.50`. It is exact; a fraction has two digits
//! or as many more as it takes. The score is 1; 0.6 of one digit after `$`.
//!
//! Cost: stops at runs of digits beside a space, a letter or a sign, and at `元`, `圆`, `块`, `镑`, `金`; at most 300
//! bytes at each.

mod amount;
mod currency;
mod figures;
mod magnitude;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use self::amount::{Amount, Written};
use self::currency::Named;
use self::figures::{ENGLISH, EUROPEAN, Separators};
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
    fn description(&self) -> &str {
        "amounts with a currency"
    }
    fn name(&self) -> &str {
        "money"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("2")
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
            let named = currency::may_be_before(bytes, at) || currency::may_be_after(text, end);
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

/// Whether the figures at `start`, with a comma before their decimals, stand before `€`.
fn euros_follow(text: &str, start: usize) -> bool {
    let digits = run(text.as_bytes(), start, 40);
    // Most numbers end before something else.
    let may = matches!(
        &text.as_bytes()[start + digits..],
        [b',' | b'.' | b'\'' | 0xC2 | 0xE2, ..] | [b' ', b'0'..=b'9' | 0xE2, ..]
    );
    may && figures::read(text.as_bytes(), start, EUROPEAN).is_some_and(|(_, end)| {
        let rest = &text[end..];
        rest.strip_prefix(' ').unwrap_or(rest).starts_with('€')
    })
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
    if figures::is_rest(text.as_bytes(), start) {
        return Some((
            start..end,
            Err("the digits before it are of the same number"),
        ));
    }
    let in_figures = text.as_bytes()[end - 1].is_ascii_digit();
    let mut scaled = in_figures
        .then(|| magnitude::after(text, end, before.is_some()))
        .flatten()
        .and_then(|(zeros, end)| Some((amount.times_ten_to(zeros)?, end)))
        .filter(|&(_, end)| before.is_some() || currency::after(text, end).is_some());
    if let Some(before) = before
        && in_figures
        && scaled.is_none()
        && let Some(range) = magnitude::shared(text, end, amount, separators)
    {
        if range.own {
            let reason = "its magnitude stands at the range's other end";
            return Some((before.edge..end, Err(reason)));
        }
        scaled = Some((amount.times_ten_to(range.zeros)?, range.end));
    }
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
        if text[sum_end..].starts_with(['{', '}', '^', '$', '=', '@', '~', '[', '\\', '|', '`'])
            || is_operand(&text[sum_end..])
        {
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

/// Whether what follows `$56` is the register that an assembler's instruction puts it in: `movl $56, %esi`,
/// `addl $56, -4(%ebp)`.
fn is_operand(after: &str) -> bool {
    let Some(after) = after.strip_prefix(',') else {
        return false;
    };
    let after = after.strip_prefix([' ', '\t']).unwrap_or(after);
    let offset = after.strip_prefix('-').unwrap_or(after);
    let digits = run(offset.as_bytes(), 0, 6);
    let register = offset[digits..].strip_prefix('(');
    let register = register.unwrap_or(&offset[digits..]).as_bytes();
    matches!(register, [b'%', letter, ..] if letter.is_ascii_alphabetic())
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
