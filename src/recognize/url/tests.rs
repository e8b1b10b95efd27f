//! URL's tables of cases: what is found, what is refused and why, and what a hostile text costs.

use super::*;
use crate::recognize::testing::{assert_linear, assert_table};

#[test]
fn table() {
    assert_table(
        &Url,
        &[
            ("http://example.com", &["http://example.com"]),
            ("见https://example.com/a。谢谢", &["https://example.com/a"]),
            ("官网http://example.com官网", &["http://example.com"]),
            (
                "HTTP://Example.COM:80/Path?Q=1#F",
                &["HTTP://Example.COM:80/Path?Q=1#F → http://example.com/Path?Q=1#F"],
            ),
            (
                "https://example.com:443/",
                &["https://example.com:443/ → https://example.com"],
            ),
            (
                "https://example.com:8443/",
                &["https://example.com:8443/ → https://example.com:8443"],
            ),
            (
                "ftp://user:pass@ftp.example.org/x.gz",
                &["ftp://user:pass@ftp.example.org/x.gz"],
            ),
            (
                "www.example.com/a",
                &["www.example.com/a → http://www.example.com/a"],
            ),
            (
                "http://localhost:8000/x http://10.0.0.1/ http://[::1]:8080/x",
                &[
                    "http://localhost:8000/x",
                    "http://10.0.0.1/ → http://10.0.0.1",
                    "http://[::1]:8080/x",
                ],
            ),
            (
                "(http://example.com/a_(b)) [x](http://example.com/c)[y]",
                &["http://example.com/a_(b)", "http://example.com/c"],
            ),
            (
                "http://example.com(see below) http://example.com/(",
                &[
                    "http://example.com",
                    "http://example.com/ → http://example.com",
                ],
            ),
            (
                "http://example.com/a, http://example.com/b. http://example.com/c?!",
                &[
                    "http://example.com/a",
                    "http://example.com/b",
                    "http://example.com/c",
                ],
            ),
            (
                "\"http://example.com/a\" 'http://example.com/b' <http://example.com/c>",
                &[
                    "http://example.com/a",
                    "http://example.com/b",
                    "http://example.com/c",
                ],
            ),
            (
                "**http://example.com/a** http://example.com/it's",
                &["http://example.com/a", "http://example.com/it's"],
            ),
            (
                "http://example.com/_'a' http://example.com/dogs' l'http://example.com/d'y",
                &[
                    "http://example.com/_'a'",
                    "http://example.com/dogs",
                    "http://example.com/d",
                ],
            ),
            (
                "http://example.com/{id}/x {\"u\":http://example.com/a}",
                &["http://example.com/{id}/x", "http://example.com/a"],
            ),
            (
                "&lt;http://example.com/a?b&amp;c&gt;x http://example.com/?a=b&copy;",
                &["http://example.com/a?b&amp;c", "http://example.com/?a=b"],
            ),
            (
                "href=3Dhttp://example.com/a= http://example.com/a_",
                &["http://example.com/a=", "http://example.com/a_"],
            ),
            ("http://example.com. Then", &["http://example.com"]),
            ("http://example.com...then", &["http://example.com"]),
            ("http://example.com./a", &["http://example.com./a"]),
            (
                "https://example.com/wiki/Žižek http://bücher.example/x",
                &["https://example.com/wiki/Žižek", "http://bücher.example/x"],
            ),
            (
                "https://example.com/路径 http://example.com/%E8%B7%AF",
                &[
                    "https://example.com/ → https://example.com",
                    "http://example.com/%E8%B7%AF",
                ],
            ),
            (
                "https://example.com/a？b http://example.com/a😀",
                &["https://example.com/a", "http://example.com/a"],
            ),
            (
                "http://example.com/?u=http://example.org/",
                &["http://example.com/?u=http://example.org/"],
            ),
            (
                "www.example.com?u=http://b.example",
                &["www.example.com?u=http://b.example → http://www.example.com?u=http://b.example"],
            ),
            (
                "http://例子.中国/a http://例子.公司的 www.58同城.com http://✪df.ws",
                &[
                    "http://例子.中国/a",
                    "http://例子.公司",
                    "www.58同城.com → http://www.58同城.com",
                    "http://✪df.ws",
                ],
            ),
            (
                "http://localhost官网 http://10.0.0.1在 http://web:8080/x http://WEB-1:80",
                &[
                    "http://localhost",
                    "http://10.0.0.1",
                    "http://web:8080/x",
                    "http://WEB-1:80 → http://web-1",
                ],
            ),
            (
                "ssh://git@example.com:22/a WSS://example.com git+https://example.com/a",
                &[
                    "ssh://git@example.com:22/a → ssh://git@example.com/a",
                    "WSS://example.com → wss://example.com",
                    "https://example.com/a",
                ],
            ),
            (
                "view-source:http://a-b.example_x.com/",
                &["http://a-b.example_x.com/ → http://a-b.example_x.com"],
            ),
            // No URL.
            ("", &[]),
            (":", &[]),
            ("http://", &[]),
            ("http://x", &[]),
            ("http://example.c", &[]),
            (
                "http://1.2.3 http://1.2.3.400 http://[::g] http://[::1",
                &[],
            ),
            ("xhttp://example.com _http://example.com", &[]),
            ("gopher://example.com mailto:a@b.com //example.com", &[]),
            ("http://example.com:99999/", &[]),
            ("http://-example.com http://exa..mple.com", &[]),
            ("http://example.com_x", &[]),
            ("http://exa.comé http://例子 http://例子.然后", &[]),
            ("http://web http://web: http://web:123456/ http://9:80", &[]),
            ("http://www.examp=", &[]),
            ("http://www.example www.例子。", &[]),
            (
                "www.com a.www.example.com xwww.example.com path/www.example.com",
                &[],
            ),
            ("example.com", &[]),
        ],
    );
}

#[test]
fn reasons() {
    let scanner = super::super::Registry::builtin().scanner(&["URL"]).unwrap();
    for (text, part, reason) in [
        (
            "see http://example.",
            "http://example.",
            "neither a top-level domain nor",
        ),
        (
            "http://1.2.3.400/x y",
            "http://1.2.3.400/x",
            "neither an IP address",
        ),
        ("http://[::g]/", "http://[::g]/", "no IPv6"),
        (
            "_http://example.com",
            "http://example.com",
            "before its scheme",
        ),
        (
            "http://example.com:99999/",
            "http://example.com:99999/",
            "65535",
        ),
        (
            "path/www.example.com",
            "www.example.com",
            "longer host or path",
        ),
        ("www.com", "www.com", "follow its www."),
    ] {
        let (spans, refused) = scanner.explain(text);
        assert_eq!(spans, [], "{text}");
        assert_eq!(&text[refused[0].span.clone()], part, "{text}");
        assert!(
            refused[0].reason.contains(reason),
            "{text}: {}",
            refused[0].reason
        );
    }
    assert_eq!(scanner.explain("https:/ ftp: http://www.example.com").1, []);
}

#[test]
fn hostile_texts_are_linear() {
    assert_linear(
        &Url,
        &[
            "://",
            "http://",
            "http://a",
            "http://a.b/",
            "http://u:p@",
            "www.",
            "http://a.bc/(",
            "http://[",
            "http://x@",
            ":",
            ".",
        ],
    );
    assert_linear(
        &Url,
        &[
            "http://a.bc/)",
            "http://a.bc/'",
            "http://é.",
            "www.a.bc.",
            "http://中.",
            "http://中😀",
            "http://a.bc/&a;",
            "http://a:1",
        ],
    );
}
