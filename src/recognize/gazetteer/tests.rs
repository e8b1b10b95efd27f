//! What gazetteers find, by tables; what they make of bad lists and bad bytes.

use super::super::testing::{assert_linear, assert_table, find};
use super::*;

const EXACT: Folding = Folding {
    case: false,
    width: false,
};
const ALL: Folding = Folding {
    case: true,
    width: true,
};

fn of(list: &str, folding: Folding) -> Gazetteer {
    Gazetteer::compile("X", list.as_bytes(), ListFormat::Csv, folding).unwrap()
}

#[test]
fn words_are_whole_and_han_is_found_anywhere() {
    let gazetteer = of(
        "Go\nC++\n.NET\niPhone手机\n手机\n北京\n上海\n京上\n北京大学\n大学生\nn°5\n@\né",
        EXACT,
    );
    assert_table(
        &gazetteer,
        &[
            ("Go, Go-Go (Go)", &["Go", "Go", "Go", "Go"]),
            ("Going Gogo xGo Go_ 1Go Go2 go GO", &[]),
            ("用Go写的，Go。", &["Go", "Go"]),
            ("C++11 C++/C++ xC++ C+", &["C++", "C++", "C++"]),
            ("ASP.NET a .NETs .NET", &[".NET", ".NET"]),
            (
                "新iPhone手机壳 iPhone壳 myiPhone手机",
                &["iPhone手机", "手机"],
            ),
            ("北京上海", &["北京", "上海"]),
            ("去北京大学生活", &["北京大学"]),
            ("京上海", &["京上"]),
            ("n°5 n°55 an°5", &["n°5"]),
            ("a@b", &["@"]),
            ("é éa e\u{301}", &["é"]),
            ("", &[]),
        ],
    );
}

#[test]
fn the_longest_phrase_at_the_leftmost_place() {
    let gazetteer = of(
        "a\na b\na b c d\nb c\nc d\nd e f g\n中\n中中中\n中中中中中国",
        EXACT,
    );
    assert_table(
        &gazetteer,
        &[
            ("a b c d", &["a b c d"]),
            ("a b c e", &["a b"]),
            ("a x b c d", &["a", "b c"]),
            ("b c d e f g", &["b c", "d e f g"]),
            ("d e f a", &["a"]),
            ("中中中中", &["中中中", "中"]),
            ("中中中中中中国", &["中中中", "中中中"]),
            ("中中中中中国", &["中中中中中国"]),
        ],
    );
}

#[test]
fn a_space_is_any_white_space_without_an_empty_line() {
    let gazetteer = of("New  York\n张 三", EXACT);
    assert_table(
        &gazetteer,
        &[
            ("New York", &["New York"]),
            (
                "New \t York, New\nYork, New\r\n  York, New\u{3000}York",
                &[
                    "New \t York → New York",
                    "New\nYork → New York",
                    "New\r\n  York → New York",
                    "New\u{3000}York → New York",
                ],
            ),
            (
                "New\n\nYork New\r\n\r\nYork NewYork New-York New\u{200B}York",
                &[],
            ),
            ("张 三，张\n三，张三", &["张 三", "张\n三 → 张 三"]),
        ],
    );
}

#[test]
fn folding_keeps_the_offsets_of_the_text() {
    let gazetteer = of("h&m\nStraße\nkiss\nガス\nıI", ALL);
    assert_table(
        &gazetteer,
        &[
            ("H&M Ｈ＆ｍ", &["H&M → h&m", "Ｈ＆ｍ → h&m"]),
            ("STRAẞE strasse", &["STRAẞE → Straße"]),
            (
                "\u{212A}IſS ＫＩＳＳ",
                &["\u{212A}IſS → kiss", "ＫＩＳＳ → kiss"],
            ),
            ("ｶﾞｽと都市ガス、カス", &["ｶﾞｽ → ガス", "ガス"]),
            ("İi ıi İI", &["ıi → ıI"]),
        ],
    );
    // Only what was asked for.
    let case = of(
        "h&m",
        Folding {
            case: true,
            width: false,
        },
    );
    assert_table(&case, &[("H&M Ｈ&Ｍ", &["H&M → h&m"])]);
    let width = of(
        "h&m",
        Folding {
            case: false,
            width: true,
        },
    );
    assert_table(&width, &[("ｈ＆ｍ H&M", &["ｈ＆ｍ → h&m"])]);
}

#[test]
fn values_are_resolved() {
    let gazetteer = of(
        "NYC,New York\nNew York,New York City\nBig Apple,NYC\nIBM,IBM\nBig Blue,ibm\na,b\nb,c\nc,a\nGotham,Batman's city",
        ALL,
    );
    assert_table(
        &gazetteer,
        &[
            (
                "nyc, new york, big apple",
                &[
                    "nyc → New York City",
                    "new york → New York City",
                    "big apple → New York City",
                ],
            ),
            ("ibm big blue", &["ibm → IBM", "big blue → IBM"]),
            ("A b C", &["A → b", "b", "C → b"]),
            ("Gotham", &["Gotham → Batman's city"]),
        ],
    );
    let told: Vec<String> = gazetteer
        .skipped()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        ["line 7 and 1 more: a value that leads back to its own phrase"]
    );
}

#[test]
fn the_first_of_equal_phrases_counts() {
    let gazetteer = of(
        "a,1\nA\na,1\nB,2\nb,3\nC  d\nc d\nC d,C d",
        Folding {
            case: true,
            width: false,
        },
    );
    assert_eq!(gazetteer.phrases(), 3);
    assert_table(&gazetteer, &[("A b c D", &["A → 1", "b → 2", "c D → C d"])]);
    let told: Vec<String> = gazetteer
        .skipped()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "line 2 and 3 more: the phrase of an earlier line again",
            "line 5: the phrase of an earlier line, with another value than there",
        ]
    );
}

#[test]
fn a_list_without_a_phrase_says_why() {
    let error = |list: &[u8]| {
        Gazetteer::compile("X", list, ListFormat::Csv, EXACT)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(error(b""), "the list is empty");
    assert_eq!(error(b"phrase,value\n"), "the list is empty");
    assert_eq!(
        error(b"\n\n\xD6\xD0"),
        "the list holds no phrase: line 1 and 1 more: no phrase; line 3: not UTF-8"
    );
}

#[test]
fn definitions_tell_contents_and_options_apart() {
    let definition = |list: &str, folding| of(list, folding).definition().into_owned();
    let plain = definition("a\nb,c", EXACT);
    assert_eq!(
        plain,
        definition("b,c\nb\n\na", EXACT),
        "order and skipped lines change no answer"
    );
    let mut all = vec![
        plain,
        definition("a\nb,c", ALL),
        definition("a\nb", EXACT),
        definition("a\nb,d", EXACT),
        definition("a", EXACT),
        definition("b,a\nc", EXACT),
    ];
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn hostile_phrases_and_texts_are_linear() {
    let mut list = String::new();
    for length in 1..=300 {
        list += &format!("{}国\n{}y\n", "中".repeat(length), "x ".repeat(length));
    }
    let gazetteer = of(&list, EXACT);
    assert_linear(
        &gazetteer,
        &[
            "中", "x ", "x", " ", "\n", "中国", "x y ", "中x ", ".", "ａ", "é", "\u{301}",
        ],
    );
    let text = "中".repeat(1000) + "国";
    assert_eq!(
        find(&gazetteer, &text)[0].of(&text),
        "中".repeat(300) + "国"
    );
}

#[test]
fn damaged_forms_are_refused_and_forged_ones_are_harmless() {
    let gazetteer = of("北京,京\n上海\na b c d\nb c\nd\nd e\nFoo,Bar", ALL);
    let bytes = gazetteer.bytes();
    let again = Gazetteer::from_bytes("X", bytes.to_vec()).unwrap();
    assert_eq!(again.definition(), gazetteer.definition());
    for length in 0..bytes.len() {
        assert!(
            Gazetteer::from_bytes("X", bytes[..length].to_vec()).is_none(),
            "{length}"
        );
    }
    let text = "去北京上海 a b c d e b c d FOO d e ａ b c x\n\na";
    for at in 0..bytes.len() {
        for value in [0, 1, 0x7F, 0xFF, bytes[at] ^ 1, bytes[at] ^ 0x80] {
            if value == bytes[at] {
                continue;
            }
            let mut damaged = bytes.to_vec();
            damaged[at] = value;
            assert!(
                Gazetteer::from_bytes("X", damaged.clone()).is_none(),
                "byte {at} is {value}"
            );
            let Some(forged) = Gazetteer::from_bytes("X", format::sealed(damaged)) else {
                continue;
            };
            for span in find(&forged, text) {
                forged.value(span.of(text));
            }
        }
    }
}
