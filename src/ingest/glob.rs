//! A glob → the paths that match it, as a shell finds them: in order, hidden ones by a dot only.
//!
//! The crate `glob` says what matches; its own walk panics at a hidden-file check of names that are no UTF-8, and passes
//! them over where it does not, hence this one. `**` is any number of folders, as there.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf, is_separator};

use glob::{MatchOptions, Pattern};

use crate::error::{Error, Result};

const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: false,
    require_literal_leading_dot: true,
};

/// What stands between two separators.
enum Part {
    /// Its name, or `.` or `..`.
    Plain(String),
    Pattern(Pattern),
    /// `**`.
    Folders,
}

/// All that is there of what the pattern names.
pub(super) fn matching(pattern: &str) -> Result<Vec<PathBuf>> {
    let bad = |error: glob::PatternError| Error::Usage(format!("{pattern}: {error}"));
    Pattern::new(pattern).map_err(bad)?;
    let is_root = |part: &Component<'_>| matches!(part, Component::Prefix(_) | Component::RootDir);
    let root: PathBuf = Path::new(pattern)
        .components()
        .take_while(is_root)
        .collect();
    let rest = &pattern[root.as_os_str().len()..];
    let mut parts = Vec::new();
    for part in rest.split(is_separator).filter(|part| !part.is_empty()) {
        parts.push(match part {
            "**" if matches!(parts.last(), Some(Part::Folders)) => continue,
            "**" => Part::Folders,
            _ if part.contains(['*', '?', '[']) => Part::Pattern(Pattern::new(part).map_err(bad)?),
            _ => Part::Plain(part.to_string()),
        });
    }
    let mut walk = Walk {
        folders_only: pattern.ends_with(is_separator),
        found: Vec::new(),
    };
    walk.below(&root, &parts)?;
    Ok(walk.found)
}

struct Walk {
    folders_only: bool,
    found: Vec<PathBuf>,
}

impl Walk {
    /// What matches the parts in this folder.
    fn below(&mut self, folder: &Path, parts: &[Part]) -> Result<()> {
        let Some((first, rest)) = parts.split_first() else {
            return Ok(());
        };
        match first {
            Part::Plain(name) => {
                let path = folder.join(name);
                if path.symlink_metadata().is_ok() {
                    self.reached(path, rest)?;
                }
            }
            Part::Pattern(pattern) => {
                for name in names(folder)? {
                    if pattern.matches_with(&name.to_string_lossy(), OPTIONS) {
                        self.reached(folder.join(name), rest)?;
                    }
                }
            }
            Part::Folders => {
                for name in names(folder)? {
                    let path = folder.join(&name);
                    let is_folder = path.is_dir();
                    let matches = match rest.first() {
                        None => is_folder && !is_hidden(&name),
                        Some(Part::Plain(plain)) => name == plain.as_str(),
                        Some(Part::Pattern(pattern)) => {
                            pattern.matches_with(&name.to_string_lossy(), OPTIONS)
                        }
                        Some(Part::Folders) => false,
                    };
                    if matches {
                        self.reached(path.clone(), rest.get(1..).unwrap_or_default())?;
                    }
                    if is_folder && !is_hidden(&name) && !leads_back(folder, &path) {
                        self.below(&path, parts)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn reached(&mut self, path: PathBuf, rest: &[Part]) -> Result<()> {
        if !rest.is_empty() {
            return match path.is_dir() {
                true => self.below(&path, rest),
                false => Ok(()),
            };
        }
        if !self.folders_only || path.is_dir() {
            self.found.push(path);
        }
        Ok(())
    }
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Result<Vec<OsString>> {
    let here = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let names = std::fs::read_dir(here).and_then(|entries| {
        let names = entries.map(|entry| Ok(entry?.file_name()));
        names.collect::<std::io::Result<Vec<OsString>>>()
    });
    let mut names = names.map_err(Error::io(here))?;
    names.sort();
    Ok(names)
}

pub(super) fn is_hidden(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// Whether it is a link to the folder that it is in, or to one around that.
fn leads_back(folder: &Path, path: &Path) -> bool {
    path.is_symlink()
        && match (folder.canonicalize(), path.canonicalize()) {
            (Ok(folder), Ok(to)) => folder.starts_with(to),
            // A relative path of no parts is here.
            (Err(_), Ok(to)) => std::env::current_dir().is_ok_and(|here| here.starts_with(to)),
            _ => false,
        }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    /// As paths below the folder.
    fn found(folder: &Path, pattern: &str) -> Vec<PathBuf> {
        let found = matching(&folder.join(pattern).display().to_string()).expect("a glob");
        let below = |path: PathBuf| path.strip_prefix(folder).expect("below").to_path_buf();
        found.into_iter().map(below).collect()
    }

    #[test]
    fn it_finds_what_the_crate_finds() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path();
        for name in ["a/b/c", "a/.hidden/d", "b", "[x]"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        for name in [
            "1.txt",
            "2.txt",
            ".3.txt",
            "a/1.txt",
            "a/2.md",
            "a/b/1.txt",
            "a/b/c/1.txt",
            "a/.hidden/d/1.txt",
            "b/1.txt",
            "[x]/1.txt",
        ] {
            fs::write(folder.join(name), "").unwrap();
        }
        symlink("absent", folder.join("b/dangling.txt")).unwrap();
        symlink("../a/b", folder.join("b/link")).unwrap();
        let options = glob::MatchOptions {
            require_literal_leading_dot: true,
            ..glob::MatchOptions::default()
        };
        for pattern in [
            "*.txt",
            "*",
            "*/",
            "?.txt",
            "[13].txt",
            "[!1].txt",
            "*/1.txt",
            "a/*",
            "a/b/*.txt",
            "**",
            "**/*.txt",
            "**/1.txt",
            "a/**/1.txt",
            "**/b/**/1.txt",
            "**/**/c/*",
            "b/*",
            "./*.txt",
            "a/../*.txt",
            "[[]x]/*",
            "none/*",
            "*/none",
            "1.txt/*",
            "**/b/",
            "a//*.md",
        ] {
            let whole = folder.join(pattern).display().to_string();
            let theirs = glob::glob_with(&whole, options).unwrap();
            let theirs: Vec<PathBuf> = theirs.map(|path| path.unwrap()).collect();
            let mut ours = matching(&whole).unwrap();
            let mut sorted = theirs.clone();
            sorted.sort();
            ours.sort();
            assert_eq!(ours, sorted, "{pattern}");
        }
        for bad in ["a[", "a/***", "a**b"] {
            assert!(matches!(matching(bad), Err(Error::Usage(why)) if why.starts_with(bad)));
        }
    }

    #[test]
    fn names_of_any_bytes_and_links_that_lead_back() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path();
        let strange = std::ffi::OsStr::from_bytes(b"bad\xFF.txt");
        fs::write(folder.join(strange), "").unwrap();
        fs::create_dir(folder.join("a")).unwrap();
        symlink("..", folder.join("a/back")).unwrap();
        symlink(".", folder.join("here")).unwrap();
        fs::write(folder.join("a/1.txt"), "").unwrap();
        assert_eq!(found(folder, "*.txt"), [PathBuf::from(strange)]);
        assert_eq!(
            found(folder, "**/*.txt"),
            [PathBuf::from("a/1.txt"), PathBuf::from(strange)]
        );
    }
}
