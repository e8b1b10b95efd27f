//! DATE, TIME, MONEY, PHONE and MENTION against means that share nothing with their recognizers: writers that put a
//! known day, time, sum or number into every documented form, and slow re-readings of a part of each grammar in noise.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use chrono::{Datelike, NaiveDate};
use proptest::prelude::*;
use proptest::sample::select;
use regex::Regex;
use spanql::recognize::{Registry, Scratch};

/// What one label finds: entities and values.
fn found(label: &str, text: &str) -> Vec<(String, String)> {
    let registry = Registry::builtin();
    let scanner = registry.scanner(&[label]).unwrap();
    let mut scratch = Scratch::default();
    let spans = scanner.scan(text, &mut scratch);
    spans
        .iter()
        .map(|span| {
            let entity = span.of(text);
            let value = registry.value(span.recognizer, entity).into_owned();
            (entity.to_string(), value)
        })
        .collect()
}

/// Checks that `entity` is found whole, with this value, between neighbours that must not matter.
fn is_found(label: &str, entity: &str, value: &str) {
    for (left, right) in [
        ("", ""),
        ("在", "，"),
        ("x: ", " y"),
        ("（", "）"),
        ("😀", "😀"),
    ] {
        let text = format!("{left}{entity}{right}");
        assert_eq!(
            found(label, &text),
            [(entity.to_string(), value.to_string())],
            "{text}"
        );
    }
}

const DIGITS: [char; 10] = ['〇', '一', '二', '三', '四', '五', '六', '七', '八', '九'];
const FORMAL: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];

/// A number below 10,000 in Chinese, as a cheque has it: `二千零三十`.
fn section(number: u64, digits: &[char; 10], units: [&str; 4]) -> String {
    let (mut text, mut gap) = (String::new(), false);
    for place in (0..4).rev() {
        let digit = number / 10_u64.pow(place) % 10;
        if digit == 0 {
            gap = !text.is_empty();
            continue;
        }
        if gap {
            text.push('零');
        }
        gap = false;
        text.push(digits[digit as usize]);
        text += units[place as usize];
    }
    text
}

/// A number below 10^12 in Chinese.
fn in_chinese(number: u64, digits: &[char; 10], units: [&str; 4]) -> String {
    let mut text = String::new();
    let mut short = false;
    for (size, name) in [(100_000_000, "亿"), (10_000, "万"), (1, "")] {
        let part = number / size % 10_000;
        if part == 0 {
            short = !text.is_empty();
            continue;
        }
        if !text.is_empty() && (short || part < 1000) {
            text.push('零');
        }
        short = false;
        text += &section(part, digits, units);
        text += name;
    }
    text
}

fn with_commas(number: u64) -> String {
    grouped(number, ',')
}

fn grouped(number: u64, separator: char) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

fn small_in_chinese(number: u32) -> String {
    let ones = |n: u32| {
        if n == 0 {
            String::new()
        } else {
            DIGITS[n as usize].to_string()
        }
    };
    match number {
        0 => "零".to_string(),
        1..=9 => ones(number),
        10..=19 => format!("十{}", ones(number - 10)),
        _ => format!("{}十{}", DIGITS[(number / 10) as usize], ones(number % 10)),
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_day_in_every_form_is_found(days in 0_i64..730_000) {
        let first = NaiveDate::from_ymd_opt(1000, 1, 1).unwrap();
        let day = first + chrono::Duration::days(days);
        let (y, m, d) = (day.year(), day.month(), day.day());
        let iso = format!("{y}-{m:02}-{d:02}");
        let name = MONTHS[day.month0() as usize];
        let short = &name[..3];
        let year: String = y.to_string().bytes().map(|b| DIGITS[usize::from(b - b'0')]).collect();
        let (month, number) = (small_in_chinese(m), small_in_chinese(d));
        for entity in [
            iso.clone(),
            format!("{y}/{m}/{d}"),
            format!("{y}.{m:02}.{d:02}"),
            format!("{y}年{m}月{d}日"),
            format!("{y} 年 {m} 月 {d} 号"),
            format!("{year}年{month}月{number}日"),
            format!("{name} {d}, {y}"),
            format!("{short}. {d} {y}"),
            format!("{d} {name} {y}"),
            format!("{d:02}-{short}-{y}"),
            format!("{short} {d:2} 10:30:45 {y}"),
        ] {
            is_found("DATE", &entity, &iso);
        }
        let of_months = format!("{y}-{m:02}");
        for entity in [format!("{y}年{m}月"), format!("{year}年{month}月"), format!("{name} {y}"), format!("{short}. {y}")] {
            is_found("DATE", &entity, &of_months);
        }
        let of_no_year = format!("--{m:02}-{d:02}");
        for entity in [format!("{m}月{d}日"), format!("{month}月{number}日"), format!("{name} {d}"), format!("{d} {short}")] {
            is_found("DATE", &entity, &of_no_year);
        }
    }

    #[test]
    fn every_time_in_every_form_is_found(h in 0_u32..24, m in 0_u32..60, s in 0_u32..60, zone in -48_i32..=56) {
        let (half, twelve) = (if h < 12 { "AM" } else { "PM" }, (h + 11) % 12 + 1);
        let minute = format!("{h:02}:{m:02}");
        let second = format!("{minute}:{s:02}");
        let (sign, hours, quarters) = (if zone < 0 { '-' } else { '+' }, zone.abs() / 4, zone.abs() % 4 * 15);
        let zoned = if zone == 0 { format!("{second}Z") } else { format!("{second}{sign}{hours:02}:{quarters:02}") };
        let cases = [
            (minute.clone(), &minute),
            (second.clone(), &second),
            (format!("{twelve}:{m:02} {half}"), &minute),
            (format!("{twelve}.{m:02}{}", half.to_lowercase()), &minute),
            (format!("{second} {sign}{hours:02}{quarters:02}"), &zoned),
            (format!("{second}{sign}{hours:02}:{quarters:02}"), &zoned),
            (format!("{h:02}：{m:02}"), &minute),
            (format!("{h}：{m:02}：{s:02}"), &second),
            (format!("{h}点{m:02}分"), &minute),
            (format!("{h}时{m}分{s}秒"), &second),
            (format!("{}点{}分", small_in_chinese(h), small_in_chinese(m)), &minute),
        ];
        for (entity, value) in cases {
            is_found("TIME", &entity, value);
        }
    }

    #[test]
    fn ranges_that_say_the_half_of_the_day_once_begin_in_it(first in 1_u32..11, hours in 1_u32..10, m in 0_u32..60) {
        let last = (first + hours).min(11);
        let value = format!("{}:{m:02}", first + 12);
        for entity in [
            format!("下午{first}:{m:02}-{last}:{m:02}"),
            format!("下午{first}：{m:02}至{last}点{m}分"),
            format!("下午{first}点{m}分—{last}点{m}分"),
            format!("{first}:{m:02}-{last}:{m:02}pm"),
            format!("{first}:{m:02} to {last}:{m:02} p.m."),
        ] {
            is_found("TIME", &entity, &value);
        }
        is_found("TIME", &format!("下午{}点到{}点", small_in_chinese(first), small_in_chinese(last)), &format!("{}:00", first + 12));
    }

    #[test]
    fn days_of_one_month_begin_with_the_first(y in 1000_i32..3000, m in 1_u32..13, first in 1_u32..28, days in 1_u32..9) {
        let last = (first + days).min(28);
        let name = MONTHS[m as usize - 1];
        let iso = format!("{y}-{m:02}-{first:02}");
        for entity in [
            format!("{y}年{m}月{first}-{last}日"),
            format!("{y} 年 {m} 月 {first} - {last} 日"),
            format!("{name} {first}-{last}, {y}"),
            format!("{name} {first} – {last} {y}"),
            format!("{first}-{last} {name} {y}"),
            format!("{first} – {last} {} {y}", &name[..3]),
        ] {
            is_found("DATE", &entity, &iso);
        }
    }

    #[test]
    fn every_sum_in_every_form_is_found(number in prop_oneof![1_u64..20_000, 1_u64..1_000_000_000_000], cents in 1_u64..100, more in 1_u64..500) {
        let whole = format!("CNY {number}");
        let exact = format!("{number}.{cents:02}");
        let units = ["", "十", "百", "千"];
        let formal = in_chinese(number, &FORMAL, ["", "拾", "佰", "仟"]);
        let ten_thousands = format!("{}.{:04}", number / 10_000, number % 10_000);
        for (entity, value) in [
            (format!("{}元", in_chinese(number, &DIGITS, units)), whole.clone()),
            (format!("人民币{formal}元整"), whole.clone()),
            (format!("{number}元"), whole.clone()),
            (format!("¥{}", with_commas(number)), whole.clone()),
            (format!("{ten_thousands}万元"), whole.clone()),
            (format!("{number}万元"), format!("CNY {number}0000")),
            (format!("US${}.{cents:02}", with_commas(number)), format!("USD {exact}")),
            (format!("EUR {exact}"), format!("EUR {exact}")),
            (format!("{exact} GBP"), format!("GBP {exact}")),
            (format!("{} million dollars", with_commas(number)), format!("USD {number}000000")),
            (format!("{exact} 亿美元"), format!("USD {number}{cents:02}000000")),
            (format!("{} CHF", grouped(number, '\'')), format!("CHF {number}")),
            (format!("{},{cents:02} €", grouped(number, ' ')), format!("EUR {exact}")),
            (format!("EUR {}.{cents:02}", grouped(number, '\u{a0}')), format!("EUR {exact}")),
            (format!("{}元", grouped(number, ' ')), whole.clone()),
            (format!("₹{number} lakh"), format!("INR {number}00000")),
            (format!("${exact} bn"), format!("USD {number}{cents:02}0000000")),
            (format!("${number}\nmillion"), format!("USD {number}000000")),
            (format!("${number}-{} million", number + more), format!("USD {number}000000")),
            (format!("¥{number}至{}万", number + more), format!("CNY {number}0000")),
        ] {
            is_found("MONEY", &entity, &value);
        }
    }

    #[test]
    fn every_number_in_every_form_is_found(
        mobile in "1[3-9][0-9]{9}",
        beijing in "[2-8][0-9]{7}",
        taiyuan in "[2-8][0-9]{6}",
        area in "[2-9]([02-8][0-9]|1[02-9])",
        exchange in "[2-9]([02-9][0-9]|1[02-9])",
        line in "[0-9]{4}",
        extension in "[1-9][0-9]{0,3}",
    ) {
        for entity in [
            mobile.clone(),
            format!("+86{mobile}"),
            format!("+86 {} {} {}", &mobile[..3], &mobile[3..7], &mobile[7..]),
            format!("{}-{}-{}", &mobile[..3], &mobile[3..7], &mobile[7..]),
        ] {
            is_found("PHONE", &entity, &format!("+86{mobile}"));
        }
        for (area, number) in [("10", &beijing), ("351", &taiyuan)] {
            let value = format!("+86{area}{number}");
            for entity in [
                format!("0{area}-{number}"), format!("0{area} - {number}"), format!("0{area}—{number}"),
                format!("(0{area}){number}"), format!("+86 {area} {number}"),
            ] {
                is_found("PHONE", &entity, &value);
            }
            for entity in [format!("0{area}-{number}转{extension}"), format!("0{area}-{number}-{extension}")] {
                is_found("PHONE", &entity, &format!("{value};ext={extension}"));
            }
        }
        for entity in [format!("00852-{beijing}"), format!("00852 {} {}", &beijing[..4], &beijing[4..])] {
            is_found("PHONE", &entity, &format!("+852{beijing}"));
        }
        for entity in [
            format!("({area}) {exchange}-{line}"),
            format!("1-{area}-{exchange}-{line}"),
            format!("+1 {area} {exchange} {line}"),
        ] {
            is_found("PHONE", &entity, &format!("+1{area}{exchange}{line}"));
        }
    }

    #[test]
    fn clocks_equal_their_oracle(text in text_of(CLOCK_PIECES, 12)) {
        let entities = found("TIME", &text).into_iter().map(|(entity, _)| entity);
        let entities: Vec<_> = entities.filter(|entity| entity.contains([':', '：'])).collect();
        prop_assert_eq!(entities, clocks(&text), "{}", text);
    }

    #[test]
    fn yuan_equal_their_oracle(text in text_of(YUAN_PIECES, 10)) {
        let entities: Vec<_> = found("MONEY", &text).into_iter().map(|(entity, _)| entity).collect();
        prop_assert_eq!(entities, yuan(&text), "{}", text);
    }

    #[test]
    fn mentions_equal_their_oracle(text in text_of(MENTION_PIECES, 14)) {
        let entities: Vec<_> = found("MENTION", &text).into_iter().map(|(entity, _)| entity).collect();
        prop_assert_eq!(entities, mentions(&text), "{}", text);
    }
}

fn text_of(pieces: &'static [&'static str], length: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(select(pieces), 0..length).prop_map(|parts| parts.concat())
}

const CLOCK_PIECES: &[&str] = &[
    "10:30", "9:05", "24:00", "25:00", "12:60", ":45", ".5", ",123", "1", "T", "-", "/", " ", ".",
    "PM", " am", "Z", "+0800", " -0400", " UTC", "a", "é", "中", "，", ":", "_", "$", "%",
    "10：30", "：45", "：", "2:00", "-3", " to ", "9am-", "个", "比分", " up ",
];

/// Times with a colon, by one expression and what may not stand beside it.
fn clocks(text: &str) -> Vec<String> {
    let form = |colon: &str| {
        let form = concat!(
            r"^(?<h>[0-9]{1,2})COLON(?<m>[0-9]{2})(?<s>COLON(?<ss>[0-9]{2})(?:\.[0-9]{1,9}|,[0-9]{3})?)?",
            r"(?<half> ?(?:[aA][mM]|[pP][mM]))?(?<zone>Z| UTC(?:[+-]0[48]00)?|[ ]?[+-](?:0800|0400))?"
        );
        Regex::new(&form.replace("COLON", colon)).unwrap()
    };
    let (form, wide_form) = (form(":"), form("："));
    let range = Regex::new(
        r"^(?: to | ?--? ?)(?<h>[0-9]{1,2})(?:[:：](?<m>[0-9]{2}))? ?(?<half>[aApP])[mM](?:[^0-9A-Za-z_é]|$)",
    )
    .unwrap();
    let digit_before_wide = Regex::new("[0-9]：$").unwrap();
    let digit_after_wide = Regex::new("^：[0-9]").unwrap();
    let elapsed = Regex::new("[0-9] {1,2}up {1,2}$").unwrap();
    let score = Regex::new("比分[： ]?$").unwrap();
    let after_half = Regex::new("[0-9] ?[aApP][mM]-$").unwrap();
    let after_letter = Regex::new("[a-zA-Z]-$").unwrap();
    let spoilt_before =
        Regex::new(r"(?:[0-9a-su-zA-SU-Z_é$%+]|[0-9]\.|[a-zA-Zé_][Tt]|:)$").unwrap();
    let after_year = Regex::new(r"(?:^|[^0-9])[0-9]{4}:$").unwrap();
    let spoilt_after = Regex::new(r"^(?:[0-9a-zA-Z_é%]|[.,][0-9]|:[0-9a-zA-Z:])").unwrap();
    let (mut all, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let (before, rest) = text.split_at(at);
        let wide = wide_form.is_match(rest);
        let end = (if wide { &wide_form } else { &form })
            .captures(rest)
            .and_then(|c| {
                let number = |name: &str| c[name].parse::<u32>().unwrap();
                let (hour, minute) = (number("h"), number("m"));
                let second = c.name("ss").map(|s| s.as_str().parse::<u32>().unwrap());
                let stands = (!spoilt_before.is_match(before) || after_year.is_match(before))
                    && (!after_letter.is_match(before) || after_half.is_match(before))
                    && !(wide && digit_before_wide.is_match(before));
                let digits_end = c
                    .name("s")
                    .map_or_else(|| c.name("m").unwrap().end(), |s| s.end());
                let joined = |end: usize| {
                    rest[end..]
                        .starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == 'é')
                };
                let exact = second.is_some() || before.ends_with('T');
                let half = c.name("half").filter(|half| !joined(half.end()));
                let read_on = c.name("half").is_none() || half.is_some();
                if let Some(until) = range
                    .captures(&rest[digits_end..])
                    .filter(|_| second.is_none())
                {
                    let last = until["h"].parse::<u32>().unwrap();
                    let last_minute = until.name("m").map_or(0, |m| m.as_str().parse().unwrap());
                    let pm = until["half"].eq_ignore_ascii_case("p");
                    let of_day = |hour: u32| hour % 12 + if pm { 12 } else { 0 };
                    let forward = of_day(hour) * 60 + minute < of_day(last) * 60 + last_minute;
                    let both = [hour, last].iter().all(|hour| (1..=12).contains(hour));
                    if both
                        && of_day(hour) != hour
                        && forward
                        && last_minute < 60
                        && minute < 60
                        && stands
                    {
                        let half = until.name("half").unwrap();
                        return Some(digits_end + half.end() + 1);
                    }
                }
                let mut end = half.map_or(digits_end, |half| half.end());
                let mut zoned = false;
                if let Some(zone) = c.name("zone").filter(|_| read_on) {
                    let fits = !joined(zone.end()) && (exact || !zone.as_str().starts_with('-'));
                    zoned = fits;
                    end = if fits { zone.end() } else { end };
                }
                let fine_half = half.is_none_or(|half| {
                    let afternoon = half.as_str().trim().eq_ignore_ascii_case("pm");
                    if afternoon {
                        (1..24).contains(&hour)
                    } else {
                        hour <= 12
                    }
                });
                let fine = match (hour, minute, second.unwrap_or(0)) {
                    (24, 0, 0) => half.is_none(),
                    (23, 59, 60) => true,
                    _ => hour < 24 && minute < 60 && second.unwrap_or(0) < 60,
                };
                let unsure = half.is_none() && !exact && !zoned;
                let counted = wide && rest[end..].starts_with('个');
                let short = unsure && (rest.starts_with("0:") || counted || score.is_match(before))
                    || elapsed.is_match(before)
                    || wide && digit_after_wide.is_match(&rest[end..]);
                (stands && fine && fine_half && !short && !spoilt_after.is_match(&rest[end..]))
                    .then_some(end)
            });
        if let Some(end) = end {
            all.push(rest[..end].to_string());
        }
        at += end.unwrap_or_else(|| rest.chars().next().map_or(1, char::len_utf8));
    }
    all
}

const YUAN_PIECES: &[&str] = &[
    "1", "20", "300", "1,234", ",", ".", ".5", "万", "亿", "元", "美元", "元素", "余", " ", "，",
    "中", "-", "x", "/", ":", "几", "000", "'",
];

/// Amounts in digits before `元` and `美元`: the longest run of what numbers are written with must be one number.
fn yuan(text: &str) -> Vec<String> {
    let run = Regex::new(r"(?:[0-9,.万亿]*[0-9][ 余])?[0-9,.万亿]+$").unwrap();
    // 亿 counts once, 万 once before it and once after it.
    let figures = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?[ 余]?";
    let number = Regex::new(&format!(
        "^(?:{figures}|(?:{figures}万)?(?:{figures}亿)?(?:{figures}万)?|{figures}万亿(?:{figures}万)?)$"
    ))
    .unwrap();
    let none = Regex::new("^$|^[^亿]*万[^亿]*万$|[万亿]0+[ 余]?万|[ 余]$").unwrap();
    let spoilt_before = Regex::new(r"(?:[0-9a-zA-Z_几]|[0-9][.,/:]|[a-zA-Z]-)$").unwrap();
    // Groups of three behind one to three digits, a space or an apostrophe between them.
    let groups = Regex::new(r"(?:^|[^0-9])((?:[0-9]{1,3})(?:[ '][0-9]{3})*[ '])$").unwrap();
    let group = Regex::new(r"^[0-9]{3}(?:[^0-9]|$)").unwrap();
    let in_table = Regex::new("(?:-|[0-9] )$").unwrap();
    let of_more = Regex::new("[0-9a-zA-Z.,:/_#@万亿]$").unwrap();
    let (mut all, mut floor) = (Vec::new(), 0);
    for (unit, _) in text.match_indices('元') {
        let end = unit + '元'.len_utf8();
        let name = unit
            - if text[..unit].ends_with('美') {
                '美'.len_utf8()
            } else {
                0
            };
        let american = name < unit;
        let before = text[..name].strip_suffix(' ').unwrap_or(&text[..name]);
        let before = before.trim_end_matches('余');
        let about = before.len() < name && text[before.len()..name].starts_with('余');
        if about && text[before.len()..name] != *"余" || !american && text[end..].starts_with('素')
        {
            continue;
        }
        let Some(run) = run.find(before) else {
            continue;
        };
        // A unit apart from its figures is part of them, other figures are not.
        let written = run.as_str();
        let apart = written
            .split_once([' ', '余'])
            .filter(|(_, rest)| !rest.starts_with(['万', '亿']));
        let written = apart
            .map_or(written, |(_, rest)| rest)
            .trim_start_matches([',', '.']);
        let start = before.len() - written.len();
        let more = groups
            .captures(&text[..start])
            .filter(|_| group.is_match(written))
            .map_or("", |c| c.get(1).unwrap().as_str());
        let (left, sign) = (&text[..start - more.len()], more.chars().last());
        let sure = sign == Some('\'') || written.starts_with('0') || more.contains(" 0");
        let mixed = more.contains(' ') && more.contains('\'');
        let no_groups = more.is_empty() || more.starts_with('0') || mixed;
        let one = !no_groups && !of_more.is_match(left) && (sure || !in_table.is_match(left));
        let torn = group.is_match(written)
            && (written.starts_with("000") || written.starts_with('0') && !more.is_empty());
        let (start, written) = if one {
            (
                left.len(),
                format!("{more}{written}").replace([' ', '\''], ""),
            )
        } else {
            (start, written.to_string())
        };
        if torn && !one {
            continue;
        }
        if number.is_match(&written)
            && !none.is_match(&written)
            && start >= floor
            && !spoilt_before.is_match(&text[..start])
        {
            all.push(text[start..end].to_string());
            floor = end;
        }
    }
    all
}

const MENTION_PIECES: &[&str] = &[
    "@", "@", "a", "abc", "X9", "_", "-", "中", "张三", "é", " ", "，", "：", ".", "/", "//", "(",
    ")", "\n", "1", "`", ";", "=", "😀", "\t",
];

/// Mentions, by expressions over what stands before and after each `@`.
fn mentions(text: &str) -> Vec<String> {
    let spoilt_before = Regex::new(r"[A-Za-z0-9_%+\\$&=~^#@`é-]$").unwrap();
    let name = Regex::new(r"^[\w-]+").unwrap();
    let handle = Regex::new(r"^[A-Za-z0-9_-]+").unwrap();
    let ended = Regex::new(r"^(?:$|[\s:：)）\]】])").unwrap();
    let indented = Regex::new(r"(?:^|\n)(?: {4,}|[ \t]*\t[ \t]*)$").unwrap();
    let dotted = Regex::new(r"(?:^|\s)\.$").unwrap();
    let forwarded = Regex::new(r"(?:^|[^:/])//$").unwrap();
    let columns = |name: &str| {
        name.chars()
            .map(|c| if c >= '\u{2E80}' { 2 } else { 1 })
            .sum::<usize>()
    };
    let (mut all, mut floor) = (Vec::new(), 0);
    for (at, _) in text.match_indices('@') {
        let (before, rest) = (&text[..at], &text[at + 1..]);
        let Some(run) = name.find(rest).map(|run| run.as_str()) else {
            continue;
        };
        let in_path = before.ends_with('.') && !dotted.is_match(before)
            || before.ends_with('/') && !forwarded.is_match(before);
        if at < floor || spoilt_before.is_match(before) || in_path || indented.is_match(before) {
            continue;
        }
        let ascii = handle.find(rest).map_or("", |handle| handle.as_str());
        let limit = if run.is_ascii() { 39 } else { 30 };
        let fits = columns(run) <= limit
            && (ascii.is_empty() || ended.is_match(&rest[run.len()..]) || ascii.len() == run.len());
        let taken = if fits { run } else { ascii };
        let joined =
            taken.len() < run.len() && run[taken.len()..].starts_with('é') && columns(run) > limit;
        let taken = taken.trim_end_matches('-');
        let after = &rest[taken.len()..];
        let ends_run =
            taken.is_ascii() && after.starts_with(['(', '[', '{', '}', ';', '=', '`', '@', '#']);
        let goes_on = after.len() > 1
            && after.starts_with(['.', '/', ':'])
            && after[1..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let spaced = after.trim_start_matches(' ');
        let assigned = spaced.len() < after.len() && spaced.starts_with('=');
        let named = columns(taken) >= 3
            && !taken.starts_with('-')
            && taken.chars().any(char::is_alphabetic);
        if named && !joined && !ends_run && !goes_on && !assigned && taken.len() <= 90 {
            all.push(format!("@{taken}"));
            floor = at + 1 + taken.len();
        }
    }
    all
}
