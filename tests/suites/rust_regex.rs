//! The test suite of the `regex` crate (MIT or Apache-2.0): a user's pattern finds what that crate finds.

use std::fs;

use super::{suite, targets};

/// Every case that the `regex` crate itself would run with default flags.
#[test]
fn rust_regex() {
    let Some(folder) = suite("rust-regex") else {
        return;
    };
    let mut count = 0;
    for dir in [folder.clone(), folder.join("fowler")] {
        for file in fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if file.extension().is_none_or(|e| e != "toml") {
                continue;
            }
            let suite: toml::Table = fs::read_to_string(&file).unwrap().parse().unwrap();
            for test in suite["test"].as_array().unwrap() {
                if let (Some(pattern), Some(text)) =
                    (test["regex"].as_str(), test["haystack"].as_str())
                {
                    targets::equals_regex(pattern, text);
                    targets::equals_regex(pattern, &format!("中{text}😀{text}"));
                    count += 1;
                }
            }
        }
    }
    println!("rust-regex: {count} cases agree");
    assert!(count > 500, "only {count} cases were read");
}
