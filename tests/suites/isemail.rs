//! isemail by Dominic Sayers (BSD-3-Clause), which the list quotes: a validator of single addresses by RFC 5321 and 5322.
//! What it calls an error must not be found whole; everything else must, whatever it warns of.

use regex::{Captures, Regex};

use super::{Differences, compare, found, read};

const DIFFERENCES: Differences = &[
    (
        "comments and white space around the parts of an address are for headers; in prose they end it",
        &[
            " test @iana.org",
            "test@ iana .com",
            "test . test@iana.org",
            "\r\n test@iana.org",
            "\r\n \r\n test@iana.org",
            "(comment)test@iana.org",
            "(comment(comment))test@iana.org",
            "test@(comment)iana.org",
            "test@(comment)[255.255.255.255]",
            "(comment)abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghiklm@iana.org",
            "test@(comment)abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghikl.com",
            "(comment)test@abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghik.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghik.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk.abcdefghijklmnopqrstuvwxyzabcdefghijk.abcdefghijklmnopqrstu",
            "(\u{7f})test@iana.org",
            "(\u{7})test@iana.org",
            " \r\n test@iana.org",
            "test@iana.org\r\n ",
            "test@iana.org\r\n \r\n ",
            "test@iana.org \r\n ",
            " test@iana.org",
            "test@iana.org ",
            "test.(comment)test@iana.org",
        ],
    ),
    (
        "a quoted local part cannot be told from a quotation",
        &[
            "\"test\"@iana.org",
            "\"\"@iana.org",
            "\"\\a\"@iana.org",
            "\"\\\"\"@iana.org",
            "\"\\\\\"@iana.org",
            "\"test\".\"test\"@iana.org",
            "\"test\\ test\"@iana.org",
            "\"test\".test@iana.org",
            "\"test\\\u{0}\"@iana.org",
            "\"abcdefghijklmnopqrstuvwxyz abcdefghijklmnopqrstuvwxyz abcdefghj\"@iana.org",
            "\"abcdefghijklmnopqrstuvwxyz abcdefghijklmnopqrstuvwxyz abcdefg\\h\"@iana.org",
            "\"\u{7f}\"@iana.org",
            "\"\\\u{7f}\"@iana.org",
            "\"\\\n\"@iana.org",
            "\"\u{7}\"@iana.org",
            "\"\\\u{7}\"@iana.org",
        ],
    ),
    (
        "domain literals that are no IP address lead nowhere",
        &[
            "test@[255.255.255]",
            "test@[255.255.255.255.255]",
            "test@[255.255.255.256]",
            "test@[1111:2222:3333:4444:5555:6666:7777:8888]",
            "test@[IPv6:1111:2222:3333:4444:5555:6666:7777]",
            "test@[IPv6:1111:2222:3333:4444:5555:6666:7777:8888:9999]",
            "test@[IPv6:1111:2222:3333:4444:5555:6666:7777:888G]",
            "test@[IPv6:1111:2222:3333:4444:5555:6666::7777:8888]",
            "test@[IPv6::3333:4444:5555:6666:7777:8888]",
            "test@[IPv6:1111::4444:5555::8888]",
            "test@[IPv6:1111:2222:3333:4444:5555:255.255.255.255]",
            "test@[IPv6:1111:2222:3333:4444:5555:6666:7777:255.255.255.255]",
            "test@[IPv6:1111:2222:3333:4444:5555:6666::255.255.255.255]",
            "test@[IPv6:1111:2222:3333:4444:::255.255.255.255]",
            "test@[IPv6::255.255.255.255]",
            "test@[RFC-5322-domain-literal]",
            "test@[RFC-5322-\\\u{7}-domain-literal]",
            "test@[RFC-5322-\\\t-domain-literal]",
            "test@[RFC-5322-\\]-domain-literal]",
            "test@[RFC 5322 domain literal]",
            "test@[RFC-5322-domain-literal] (comment)",
            "test@[IPv6:1::2:]",
        ],
    ),
    (
        "longer than SMTP allows; isemail calls it valid in a header",
        &[
            "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghiklmn@iana.org",
            "test@abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghiklm.com",
            "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghiklm@abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghikl.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghikl.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghij",
            "a@abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghikl.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghikl.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghikl.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefg.hij",
            "a@abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghikl.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghikl.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghikl.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefg.hijk",
        ],
    ),
    (
        "a domain without a dot is a word in prose",
        &["test@io", "test@org"],
    ),
    (
        "no top-level domain has one letter, a digit alone, or a hyphen",
        &[
            "test@iana.a",
            "test@iana.123",
            "test@255.255.255.255",
            "test@iana.co-uk",
            "a@a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v",
        ],
    ),
    (
        "these signs are markup around an address in prose, but after `<`",
        &["!#$%&`*+/=?^`{|}~@iana.org", "test@iana/icann.org"],
    ),
];

#[test]
fn isemail() {
    let Some(xml) = read("isemail/tests.xml") else {
        return;
    };
    let case = Regex::new(r"(?s)<test id=.*?</test>").unwrap();
    let field = |name: &str| Regex::new(&format!("(?s)<{name}>(.*?)</{name}>")).unwrap();
    let (address, category) = (field("address"), field("category"));
    let cases: Vec<_> = case
        .find_iter(&xml)
        .map(|case| {
            // The first case has an empty element.
            let address = address
                .captures(case.as_str())
                .map_or("", |c| c.get(1).unwrap().as_str());
            let error = &category.captures(case.as_str()).unwrap()[1] == "ISEMAIL_ERR";
            let address = unescape(address);
            let whole = found("EMAIL", &address) == [address.as_str()];
            (address, whole != error)
        })
        .collect();
    compare("isemail", cases, DIFFERENCES);
}

/// XML's references; U+2400 and on stand for control characters, as the suite's head says.
fn unescape(text: &str) -> String {
    let reference = Regex::new("&(?:#x([0-9A-F]+)|([a-z]+));").unwrap();
    let character = |found: &Captures| -> String {
        let Some(code) = found.get(1) else {
            let names = [("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", "\"")];
            let known = names.iter().find(|(name, _)| *name == &found[2]);
            return known.unwrap().1.to_string();
        };
        let code = u32::from_str_radix(code.as_str(), 16).unwrap();
        let control = (0x2400..0x2420).contains(&code);
        char::from_u32(if control { code - 0x2400 } else { code })
            .unwrap()
            .to_string()
    };
    reference.replace_all(text, character).into_owned()
}
