//! HTML → what a reader sees of it.
//!
//! A tokenizer as browsers have it takes the markup apart; here tags that begin a new line do so, white space counts as
//! one space, and scripts, styles and templates are left out. Pages are not laid out: tables are lines with tabs.

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};

/// Begin and end a line.
const BLOCKS: &[&[u8]] = &[
    b"address",
    b"article",
    b"aside",
    b"blockquote",
    b"body",
    b"br",
    b"caption",
    b"dd",
    b"div",
    b"dl",
    b"dt",
    b"fieldset",
    b"figcaption",
    b"figure",
    b"footer",
    b"form",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"header",
    b"hr",
    b"li",
    b"main",
    b"nav",
    b"ol",
    b"option",
    b"p",
    b"pre",
    b"section",
    b"select",
    b"summary",
    b"table",
    b"tbody",
    b"textarea",
    b"tfoot",
    b"thead",
    b"tr",
    b"ul",
];
/// Are not seen.
const HIDDEN: &[&[u8]] = &[
    b"iframe",
    b"noembed",
    b"noframes",
    b"script",
    b"style",
    b"template",
    b"title",
];

/// A page's title and its text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub title: Option<String>,
    pub text: String,
}

pub(crate) fn read(html: &str) -> Page {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut page = Page::default();
    let mut body = Lines::default();
    let mut title = Lines::default();
    // The element that hides what is in it, and how often it is open.
    let mut hidden: Option<(Vec<u8>, usize)> = None;
    let mut pre = 0_usize;
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        match token {
            Token::StartTag(tag) => {
                let name: &[u8] = &tag.name;
                match &mut hidden {
                    Some((element, depth)) if element == name => *depth += 1,
                    Some(_) => {}
                    None if HIDDEN.contains(&name) && !tag.self_closing => {
                        hidden = Some((name.to_vec(), 1));
                    }
                    None if BLOCKS.contains(&name) => {
                        pre += usize::from(name == b"pre");
                        body.line();
                    }
                    None if name == b"td" || name == b"th" => body.cell(),
                    None => {}
                }
            }
            Token::EndTag(tag) => {
                let name: &[u8] = &tag.name;
                match &mut hidden {
                    Some((element, depth)) if element == name => {
                        *depth -= 1;
                        if *depth == 0 {
                            hidden = None;
                        }
                    }
                    None if BLOCKS.contains(&name) => {
                        pre -= usize::from(name == b"pre" && pre > 0);
                        body.line();
                    }
                    _ => {}
                }
            }
            Token::String(text) => {
                let text = String::from_utf8_lossy(&text);
                match &hidden {
                    None => body.push(&text, pre > 0),
                    Some((element, _)) if element == b"title" => title.push(&text, false),
                    Some(_) => {}
                }
            }
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    page.text = body.text;
    page.title = Some(title.text).filter(|title| !title.is_empty());
    page
}

/// Text whose white space is settled when something follows it.
#[derive(Debug, Default)]
struct Lines {
    text: String,
    gap: Gap,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    None,
    Space,
    Cell,
    Line,
}

impl Lines {
    fn line(&mut self) {
        self.gap = Gap::Line;
    }

    fn cell(&mut self) {
        self.gap = self.gap.max(Gap::Cell);
    }

    fn push(&mut self, text: &str, as_it_is: bool) {
        for char in text.chars() {
            match char {
                '\n' if as_it_is => self.gap = Gap::Line,
                ' ' | '\t' if as_it_is => {
                    self.settle();
                    self.text.push(char);
                }
                ' ' | '\t' | '\n' | '\r' | '\x0C' | '\u{A0}' => {
                    self.gap = self.gap.max(Gap::Space);
                }
                _ => {
                    self.settle();
                    self.text.push(char);
                }
            }
        }
    }

    fn settle(&mut self) {
        let gap = std::mem::take(&mut self.gap);
        if !self.text.is_empty() {
            self.text.push_str(match gap {
                Gap::None => "",
                Gap::Space => " ",
                Gap::Cell => "\t",
                Gap::Line => "\n",
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_is_kept_and_nothing_else() {
        let html = "<!DOCTYPE html><html><head><title>A &amp; B</title><style>p{color:red}</style></head>\
            <body><script>if (a<b) alert('<p>no</p>')</script><h1>Head&shy;</h1><p>one\n  <b>two</b>&nbsp;3&lt;4<br>new\
            <!-- hidden --></p><table><tr><td>a<td>b</tr></table><ul><li>写信给 <a href=x>a@b.com</a><li>last</ul>";
        let page = read(html);
        assert_eq!(page.title.as_deref(), Some("A & B"));
        assert_eq!(
            page.text,
            "Head\u{AD}\none two 3<4\nnew\na\tb\n写信给 a@b.com\nlast"
        );
    }

    #[test]
    fn preformatted_text_keeps_its_lines() {
        assert_eq!(read("<pre>a\n  b</pre>c").text, "a\n  b\nc");
    }

    #[test]
    fn plain_text_and_broken_markup() {
        assert_eq!(read("just  text").text, "just text");
        assert_eq!(read("a < b & c <b").text, "a < b & c");
        assert_eq!(read("").text, "");
        assert_eq!(read("<script>never closed").text, "");
    }
}
