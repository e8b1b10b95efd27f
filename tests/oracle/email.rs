//! EMAIL and names of hosts, read slowly. Of characters beyond ASCII only those of the test's pieces are known.

use super::{joins, previous, regex};

pub fn emails(text: &str) -> Vec<String> {
    let local = regex(r"^[A-Za-z0-9_é](?:\.?[A-Za-z0-9_%+'é-])*$");
    let literal = regex(r"^\[[0-9.]+\]");
    let path = regex(r"^:(?:~|[A-Za-z0-9._-]*/)");
    let (mut all, mut floor) = (Vec::new(), 0);
    for (at, _) in text.match_indices('@') {
        if at < floor {
            continue;
        }
        let (domain, cut_short) = match literal.find(&text[at + 1..]) {
            Some(found) => (found.as_str(), true),
            None => host(&text[at + 1..]),
        };
        let end = at + 1 + domain.len();
        let next = text[end..].chars().find(|&c| c != '_');
        let cut_out = !cut_short && (next == Some('@') || joins(next));
        let start = local_start(text, at, floor);
        // What `<` delimits may hold more than words.
        let fine = |start| local.is_match(&text[start..at].replace(['=', '$', '#', '*', '/'], "a"));
        let is_path = !domain.starts_with('[') && path.is_match(&text[end..]);
        if let Some(start) = start.filter(|&start| fine(start))
            && !domain.is_empty()
            && previous(text, at).is_some_and(|c| joins(Some(c)) || "%+-".contains(c))
            && !cut_out
            && !is_path
        {
            all.push(text[start..end].to_string());
            floor = end;
        }
    }
    all
}

/// Where the local part before the sign at `at` begins, if nothing before it spoils it.
fn local_start(text: &str, at: usize, floor: usize) -> Option<usize> {
    let run = regex(r"(?:[A-Za-z0-9._%+'-]|é)*$");
    let run_start = |end: usize| floor + run.find(&text[floor..end]).unwrap().start();
    let mut start = run_start(at);
    let encoded = regex("%([0-9A-Fa-f]{2})");
    let delimiters = encoded.captures_iter(&text[start..at]).filter(|found| {
        let byte = u8::from_str_radix(&found[1], 16).unwrap();
        byte < 128 && !b"@._%+'-".contains(&byte) && !byte.is_ascii_alphanumeric()
    });
    let delimiter = delimiters.map(|found| start + found.get(0).unwrap().end());
    if let Some(after) = delimiter.filter(|&after| after < at).last() {
        start = after;
    } else if text[floor..start].ends_with('=') && text[start..at].starts_with("3D") {
        start += 2;
    } else {
        let delimited = regex(r"<([A-Za-z0-9][A-Za-z0-9._%+'=$#*/-]*[=$#*/])$");
        let bounce = regex(r"(?:[+].*|-|-.*[0-9].*|[0-9].*-.*)$");
        let atoms = text[floor..start].ends_with(['=', '$', '#', '*', '/']);
        if let Some(all) = delimited
            .captures(&text[..start])
            .map(|found| found.get(1).unwrap().start())
            .filter(|&all| atoms && all >= floor)
        {
            start = all;
        } else {
            while let Some(sign) = text[floor..start].chars().next_back() {
                let left = run_start(start - sign.len_utf8());
                let word = &text[left..start - sign.len_utf8()];
                if word.is_empty() || !"#$=".contains(sign) || sign == '=' && !bounce.is_match(word)
                {
                    break;
                }
                start = left;
            }
        }
        let before = previous(text, start);
        if at - start > 64 || before == Some('@') || joins(before) {
            return None;
        }
    }
    let name = text[start..at].trim_start_matches(['.', '%', '+', '-', '\'']);
    Some(at - name.len())
}

/// The host name that a text begins with, empty where it begins with none, and whether it is cut short.
fn host(text: &str) -> (&str, bool) {
    let form = regex(r"^(?:[^.]+\.)+(?:[A-Za-z]{2,63}|(?i:xn--)[A-Za-z0-9-]+|é{2,})$");
    let is_name = |name: &str| form.is_match(name) && !name.ends_with(".png");
    let glues = |c: char| "中国😀".contains(c);
    let mut end = 0;
    for c in text.chars() {
        let complete = is_name(text[..end].trim_end_matches(['.', '-']));
        if !(c.is_ascii_alphanumeric() || ".-é".contains(c) || glues(c) && !complete) {
            break;
        }
        end += c.len_utf8();
    }
    let run = text[..end].trim_end_matches(['.', '-']);
    let whole = run.split("..").next().unwrap();
    let before_dash = regex(r"^((?:[^.]+\.)+[^.]*?)--[^.]*$");
    let known = regex(r"^(?:[^.]+\.)+中国");
    let found = if is_name(whole) {
        whole
    } else {
        // The last label may go on in prose, or after a dash.
        let listed = known.find(whole).map(|found| found.as_str());
        let dash = before_dash
            .captures(whole)
            .map(|found| found.get(1).unwrap().as_str());
        let cut = listed.or(dash.filter(|name| is_name(name) && !name.ends_with(".xn")));
        cut.filter(|cut| !whole[cut.len()..].contains('.'))
            .unwrap_or_default()
    };
    let fine = |label: &str| label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-');
    if found.split('.').all(fine) {
        (found, found.len() < run.len())
    } else {
        ("", false)
    }
}
