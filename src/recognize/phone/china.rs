//! Chinese numbers: mobiles, landlines, and the 400 and 800 services.
//!
//! The numbering plan (YD/T 2511, 电信网编号计划): mobiles are eleven digits from 13 to 19; a landline is a trunk 0, an area
//! code of two or three digits, and a subscriber number of seven or eight that begins with 2-8. Which codes there are,
//! and which have eight digits, is read off libphonenumber 9.0.

use std::ops::RangeInclusive;

use super::super::numeral::{run, value};
use super::{Parts, extension};

/// The number that begins at `at`, after the country code or none: a trunk 0 is allowed, with the code in brackets.
pub(super) fn national(text: &str, at: usize) -> Option<Parts> {
    let bytes = text.as_bytes();
    if let Some((end, separator)) = mobile(bytes, at) {
        return Some(Parts {
            score: if separator.is_none() { 0.8 } else { 1.0 },
            ..Parts::of(at, end)
        });
    }
    let open = usize::from(bytes.get(at) == Some(&b'('));
    let trunk = match &bytes[(at + open).min(bytes.len())..] {
        [b'0', b')', ..] if open > 0 => return landline(text, after_space(bytes, at + 3), false),
        [b'0', ..] => 1,
        _ => 0,
    };
    let at = at + open;
    landline(text, at + trunk, open > 0).or_else(|| service(text, at).filter(|_| open + trunk == 0))
}

/// Where the eleven digits of a mobile that begin at `at` end, and what separates them: nothing, or twice the same.
pub(super) fn mobile(bytes: &[u8], at: usize) -> Option<(usize, Option<u8>)> {
    if bytes.get(at) != Some(&b'1') || !matches!(bytes.get(at + 1), Some(b'3'..=b'9')) {
        return None;
    }
    match run(bytes, at, 12) {
        11 => Some((at + 11, None)),
        3 => {
            let separator = *bytes.get(at + 3).filter(|b| matches!(b, b' ' | b'-'))?;
            let fine = run(bytes, at + 4, 5) == 4
                && bytes.get(at + 8) == Some(&separator)
                && run(bytes, at + 9, 5) == 4;
            fine.then_some((at + 13, Some(separator)))
        }
        _ => None,
    }
}

/// The landline whose area code begins at `at`, after the trunk 0; `bracketed`: whether a bracket closes after it.
pub(super) fn landline(text: &str, at: usize, bracketed: bool) -> Option<Parts> {
    let bytes = text.as_bytes();
    let digits = run(bytes, at, 12);
    let (end, score) = match digits {
        2 | 3 => {
            let lengths = subscriber(value(&bytes[at..at + digits]))?;
            let rest = &text[at + digits..];
            let start = if bracketed {
                let rest = rest.strip_prefix([')', '）'])?;
                rest.strip_prefix([' ', '-']).unwrap_or(rest)
            } else {
                // Longer ones before what they begin with.
                let signs = [" - ", " ", "-", "——", "—", "–"];
                signs.iter().find_map(|sign| rest.strip_prefix(sign))?
            };
            (
                subscriber_end(bytes, text.len() - start.len(), lengths)?,
                1.0,
            )
        }
        9..=11 if !bracketed => {
            let fits = |&area: &usize| {
                let whole = value(&bytes[at..at + area]);
                subscriber(whole).is_some_and(|lengths| lengths.contains(&(digits - area)))
                    && matches!(bytes[at + area], b'2'..=b'8')
            };
            [2, 3].iter().find(|area| fits(area))?;
            (at + digits, 0.6)
        }
        _ => return None,
    };
    let extension = extension::after(text, end, true);
    Some(Parts {
        extension,
        score,
        ..Parts::of(at, end)
    })
}

/// Where a subscriber number of one of `lengths` ends: in one piece, or its last four digits apart.
fn subscriber_end(bytes: &[u8], at: usize, lengths: RangeInclusive<usize>) -> Option<usize> {
    matches!(bytes.get(at)?, b'2'..=b'8').then_some(())?;
    let first = run(bytes, at, 9);
    if lengths.contains(&first) {
        return Some(at + first);
    }
    let apart = matches!(bytes.get(at + first)?, b' ' | b'-') && run(bytes, at + first + 1, 5) == 4;
    (apart && lengths.contains(&(first + 4))).then_some(at + first + 5)
}

/// The service number that begins at `at`: ten digits from 400 or 800, in one piece or three.
pub(super) fn service(text: &str, at: usize) -> Option<Parts> {
    let bytes = text.as_bytes();
    let code = bytes.get(at..at + 3)?;
    matches!(code, b"400" | b"800").then_some(())?;
    let first = run(bytes, at, 11);
    let (end, score) = match first {
        10 => (at + 10, 0.6),
        3 | 4 => {
            let separator = *bytes.get(at + first).filter(|b| matches!(b, b' ' | b'-'))?;
            let middle = run(bytes, at + first + 1, 8);
            let mut end = at + first + 1 + middle;
            if middle < 7 {
                (bytes.get(end) == Some(&separator)).then_some(())?;
                end += 1 + run(bytes, end + 1, 5);
            }
            let digits = bytes[at..end].iter().filter(|b| b.is_ascii_digit()).count();
            // `800-555-0199` is North American.
            let shared = code == b"800" && first == 3 && middle == 3;
            let fine = digits == 10 && bytes[end - 1].is_ascii_digit() && !shared;
            fine.then_some(())?;
            (end, if separator == b'-' { 1.0 } else { 0.8 })
        }
        _ => return None,
    };
    Some(Parts {
        extension: extension::after(text, end, true),
        score,
        ..Parts::of(at, end)
    })
}

/// The lengths of the subscriber numbers of an area; none where there is no such area.
fn subscriber(area: u32) -> Option<RangeInclusive<usize>> {
    Some(match area {
        10 | 20..=25 | 27..=29 => 8..=8,
        311
        | 371
        | 377
        | 379
        | 411
        | 415
        | 431
        | 432
        | 451
        | 510..=519
        | 523
        | 527
        | 531
        | 532
        | 551
        | 571
        | 573..=577
        | 579
        | 591
        | 595
        | 731
        | 755
        | 757
        | 760
        | 769
        | 791
        | 871
        | 898 => 8..=8,
        433 | 435 | 754 | 851 => 7..=8,
        310
        | 312..=319
        | 335
        | 349..=359
        | 370
        | 372..=376
        | 391
        | 393..=396
        | 398
        | 410
        | 412
        | 414
        | 416..=419
        | 421
        | 427
        | 429
        | 434
        | 436..=439
        | 452..=459
        | 464
        | 467..=479
        | 482
        | 483
        | 530
        | 533..=539
        | 543
        | 546
        | 550
        | 552..=559
        | 561..=564
        | 566
        | 570
        | 572
        | 578
        | 580
        | 592..=594
        | 596..=599
        | 631..=635
        | 660
        | 662
        | 663
        | 668
        | 691
        | 692
        | 701
        | 710..=719
        | 722
        | 724
        | 728
        | 730
        | 734..=739
        | 743..=746
        | 750
        | 751
        | 753
        | 756
        | 758
        | 759
        | 762
        | 763
        | 766
        | 768
        | 770..=779
        | 790
        | 792..=799
        | 812
        | 813
        | 816..=818
        | 825..=827
        | 830..=839
        | 854..=859
        | 870
        | 872..=879
        | 883
        | 886..=888
        | 891..=897
        | 901..=903
        | 906
        | 908
        | 909
        | 911..=917
        | 919
        | 930..=939
        | 941
        | 943
        | 951..=955
        | 970
        | 972..=979
        | 990..=999 => 7..=7,
        _ => return None,
    })
}

fn after_space(bytes: &[u8], at: usize) -> usize {
    at + usize::from(bytes.get(at) == Some(&b' '))
}
