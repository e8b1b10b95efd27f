//! spaCy's URLs for its tokenizer (MIT) and the WHATWG URL standard's test data (web-platform-tests, BSD-3-Clause), which
//! the lists quote. A URL must be found whole; what is none must not. spaCy's are mostly Mathias Bynens's list.

use serde_json::Value;

use super::{Differences, compare, found, read};

const SPACY: Differences = &[
    (
        "`mailto:` names an address, which EMAIL finds",
        &[
            "mailto:foo.bar@baz.com",
            "mailto:foo-bar@baz-co.com",
            "mailto:foo-bar@baz-co.com?subject=hi",
        ],
    ),
    (
        "a browser's own pages are not on the web",
        &[
            "chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai",
            "chrome://extensions/?id=mhjfbmdgcfjbbpaeojofohoefgiehjai",
        ],
    ),
    (
        "of nested schemes the last is found",
        &["svn+ssh://user@ssh.yourdomain.com/path"],
    ),
    (
        "Han, symbols and emoji end a path, for they stand directly beside URLs",
        &["http://foo.com/unicode_(✪)_in_parens", "http://➡.ws/䨹"],
    ),
    (
        "测试 was a top-level domain for tests, until 2013",
        &["http://例子.测试"],
    ),
    (
        "an address of a private or special network is written as a host too",
        &[
            "http://0.0.0.0",
            "http://10.1.1.0",
            "http://10.1.1.1",
            "http://10.1.1.255",
            "http://224.1.1.1",
        ],
    ),
    (
        "a host may end in the dot of the root",
        &["http://www.foo.bar./"],
    ),
];

#[test]
fn spacy() {
    let Some(json) = read("url/spacy_urls.json") else {
        return;
    };
    let all: Value = serde_json::from_str(&json).unwrap();
    let list = |key: &str| {
        all[key]
            .as_array()
            .unwrap()
            .iter()
            .map(|url| url.as_str().unwrap())
    };
    let urls = ["URLS_BASIC", "URLS_FULL", "URLS_SHOULD_MATCH"]
        .iter()
        .flat_map(|key| list(key).map(|url| (url.to_string(), is_whole(url))));
    let others = list("URLS_SHOULD_NOT_MATCH").map(|url| (url.to_string(), !is_whole(url)));
    compare("spaCy's URLs", urls.chain(others), SPACY);

    let affixed = list("URLS_FULL")
        .filter(|url| is_whole(url))
        .flat_map(|url| {
            list("PREFIXES").flat_map(move |prefix| {
                list("SUFFIXES").map(move |suffix| {
                    let text = format!("{prefix}{url}{suffix}");
                    let agrees = found("URL", &text) == [url];
                    (text, agrees)
                })
            })
        });
    compare("spaCy's URLs between punctuation", affixed, &[]);
}

const WHATWG: Differences = &[
    (
        "a host without a dot is a placeholder in prose, or a host cut short, unless a port follows",
        &[
            "https://test:@test",
            "https://:@test",
            "http://f:/c",
            "http://f:00000000000000/c",
            "http://f:00000000000000000000080/c",
            "http://&a:foo(b]c@d:2/",
            "http://foo.com:b@d/",
            "http://foo/path;a??e#f#g",
            "http://foo/abcd?efgh?ijkl",
            "http://foo/abcd#foo?bar",
            "http://www/foo%2Ehtml",
            "http://www/foo/%2E/html",
            "http://你好你好",
            "https://@@@example",
            "http://host/?'",
        ],
    ),
    (
        "white space, controls and invisible characters end a URL; browsers drop or encode them",
        &[
            "http://example\t.\norg",
            "http://f:21/ b ? d # e ",
            "http://f:\n/c",
            "http://example.com/foo\t\u{91}%91",
            "http://example.com/foo\tbar",
            "http://example.com/\u{feff}/foo",
            "http://example.com/\u{202e}/foo/\u{202d}/bar",
            "http://www.google.com/foo?bar=baz# »",
            "http://GOO\u{200b}\u{2060}\u{feff}goo.com",
            "https://x/�?�#�",
            "http://ho\tst/",
            "http://ho\nst/",
            "http://ho\rst/",
            "http://foo.bar/baz?qux#foo\u{8}bar",
            "http://example.org/test?a#b\u{0}c",
            "https://www.example.com/path{\u{7f}path.html?query'\u{7f}=query#fragment<\u{7f}fragment",
            "https://user:pass[\u{7f}@foo/bar",
            "wss:// !\"$%&'()*+,-.;<=>@[]^_`{|}~@host/",
            "wss://joe: !\"$%&'()*+,-.:;<=>@[]^_`{|}~@host/",
            "wss://host/ !\"$%&'()*+,-./:;<=>@[\\]^_`{|}~",
            "wss://host/dir/? !\"$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
            "wss://host/dir/# !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
            "https://x/\u{0}y",
            "https://x/?\u{0}y",
            "https://x/?#\u{0}y",
            "https://x/\u{ffff}y",
            "https://x/?\u{ffff}y",
            "https://x/?#\u{ffff}y",
        ],
    ),
    (
        "`\\`, backticks, quotes and angle brackets end a URL, for they delimit URLs in markup and code",
        &[
            "http://foo.com/\\@",
            "http://a:b@c\\",
            "ws://a@b\\c",
            "http://example.com\\\\foo\\\\bar",
            "http://`{}:`{}@h/`{}?`{}",
            "http://!\"$&'()*+,-.;=_`{}~/",
            "http://foo.bar/baz?qux#foo\"bar",
            "http://foo.bar/baz?qux#foo<bar",
            "http://foo.bar/baz?qux#foo>bar",
            "http://foo.bar/baz?qux#foo`bar",
            "http://example.org/test?\"",
            "http://example.org/test?<",
            "http://example.org/test?>",
            "wss://!\"$&'()*+,-.;=_`{}~/",
            "https://example.com/\"quoted\"",
        ],
    ),
    (
        "Han, symbols and emoji end a URL, for they stand directly beside URLs",
        &[
            "http://example.com/foo%2Â©zbar",
            "http://example.com/你好你好",
            "http://example.com/‥/foo",
            "http://foo:💩@example.com/bar",
            "http://example.org/test?⌣",
        ],
    ),
    ("a full stop ends a sentence", &["http://www.foo。bar.com"]),
    (
        "dots at the end are the sentence's",
        &[
            "http://example.com/foo/.",
            "http://example.com/foo/bar/..",
            "http://example.com/foo/../../..",
            "http://example.com////../..",
            "http://example.com/foo/bar//../..",
            "http://example.com/foo/bar//..",
        ],
    ),
    (
        "numbers in other forms than IPv4 addresses of four parts are not written in prose",
        &[
            "http://192.0x00A80001",
            "http://０Ｘｃ０．０２５０．０１",
            "http://192.168.257",
            "http://192.168.257.",
            "http://256",
            "http://999999999",
            "http://999999999.",
            "http://4294967295",
            "http://0xffffffff",
            "https://0x.0x.0",
            "http://0x7f.0.0.0x7g",
            "http://0X7F.0.0.0X7G",
        ],
    ),
    (
        "a host of dots, or that ends in a number, is none",
        &["http://./", "http://../", "http://foo.09.."],
    ),
    (
        "a host is written without percent-encoding",
        &[
            "http://%30%78%63%30%2e%30%32%35%30.01",
            "http://%30%78%63%30%2e%30%32%35%30.01%2e",
            "ftp://%e2%98%83",
            "https://%e2%98%83",
            "https://a%C2%ADb/",
        ],
    ),
    (
        "punycode is not decoded",
        &[
            "http://a.b.c.xn--pokxncvks",
            "http://10.0.0.xn--pokxncvks",
            "http://a.b.c.XN--pokxncvks",
            "http://a.b.c.Xn--pokxncvks",
            "http://10.0.0.XN--pokxncvks",
            "http://10.0.0.xN--pokxncvks",
        ],
    ),
];

/// Relative references, schemes that URL does not know, and what browsers repair (`http:/example.com`): no URLs in
/// prose, and most of the standard's cases.
const WITHOUT_OUR_SCHEMES: usize = 425;

#[test]
fn whatwg() {
    let Some(json) = read("url/urltestdata.json") else {
        return;
    };
    let all: Vec<Value> = serde_json::from_str(&json).unwrap();
    let scheme = regex::Regex::new("(?i)^(?:https?|ftp|wss?|ssh|git|irc|rsync)://").unwrap();
    let mut cases = Vec::new();
    let mut without = 0;
    // Strings between the cases are comments.
    for case in all.iter().filter(|case| case.is_object()) {
        let (input, valid) = (case["input"].as_str().unwrap(), case["failure"] != true);
        let whole = is_whole(input);
        if scheme.is_match(input) {
            cases.push((input.to_string(), whole == valid));
        } else {
            assert!(!whole, "{input:?}");
            without += usize::from(valid);
        }
    }
    compare("the WHATWG's URLs", cases, WHATWG);
    println!("the WHATWG's: {without} without a scheme that URL knows");
    assert_eq!(without, WITHOUT_OUR_SCHEMES);
}

fn is_whole(url: &str) -> bool {
    found("URL", url) == [url]
}
