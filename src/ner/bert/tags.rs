//! What the classes of a token classifier mean: `B-PER`, `I-PER`, `S-ORG`, `O`, or plain names.
//!
//! Leaves out tokens: `spans.rs` puts them together.

/// The meaning of each class.
#[derive(Debug)]
pub(super) struct Tags {
    /// The labels, each once, by the names that SpanQL has for them.
    pub(super) labels: Vec<String>,
    /// By class.
    pub(super) classes: Vec<Option<Tag>>,
}

/// A class that is part of an entity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tag {
    /// Index into [`Tags::labels`].
    pub(super) label: usize,
    /// No entity before it goes on here: B, S and U.
    pub(super) begins: bool,
    /// The entity ends with it: E, L, S and U.
    pub(super) ends: bool,
}

impl Tags {
    /// Reads the names of classes. Names have prefixes if all of them have, but for `O`: an `E-MAIL` among other names is a
    /// label.
    ///
    /// # Errors
    /// A message, if the names say nothing.
    pub(super) fn new(classes: &[String]) -> Result<Self, String> {
        if classes.iter().all(|class| class.starts_with("LABEL_")) {
            return Err(
                "id2label has no names but LABEL_0 and the like: write what the labels mean"
                    .to_owned(),
            );
        }
        let outside = |class: &str| matches!(class, "O" | "o");
        let prefixed = classes
            .iter()
            .filter(|class| !outside(class))
            .all(|class| split(class).is_some());
        let mut labels: Vec<String> = Vec::new();
        let classes = classes
            .iter()
            .map(|class| {
                if outside(class) {
                    return None;
                }
                let (prefix, name) = split(class).filter(|_| prefixed).unwrap_or(('I', class));
                let name = ours(name);
                let label = labels
                    .iter()
                    .position(|label| *label == name)
                    .unwrap_or_else(|| {
                        labels.push(name);
                        labels.len() - 1
                    });
                Some(Tag {
                    label,
                    begins: matches!(prefix, 'B' | 'S' | 'U'),
                    ends: matches!(prefix, 'E' | 'L' | 'S' | 'U'),
                })
            })
            .collect();
        Ok(Self { labels, classes })
    }
}

/// `B-PER` as `B` and `PER`.
fn split(class: &str) -> Option<(char, &str)> {
    let (prefix, name) = class.split_once(['-', '_'])?;
    match prefix {
        "B" | "I" | "M" | "E" | "L" | "S" | "U" if !name.is_empty() => {
            Some((prefix.chars().next()?, name))
        }
        _ => None,
    }
}

/// The name that a label has in SpanQL.
fn ours(name: &str) -> String {
    let upper: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() {
                c.to_uppercase().next().unwrap_or(c)
            } else {
                '_'
            }
        })
        .collect();
    match upper.as_str() {
        "PER" => "PERSON".to_owned(),
        "ORGANIZATION" | "ORGANISATION" => "ORG".to_owned(),
        "LOCATION" => "LOC".to_owned(),
        _ => upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(classes: &[&str]) -> Tags {
        Tags::new(
            &classes
                .iter()
                .map(|class| (*class).to_owned())
                .collect::<Vec<_>>(),
        )
        .unwrap()
    }

    fn tag(label: usize, begins: bool, ends: bool) -> Option<Tag> {
        Some(Tag {
            label,
            begins,
            ends,
        })
    }

    #[test]
    fn prefixes_say_where_entities_begin_and_end() {
        let read = tags(&[
            "O",
            "B-PER",
            "I-PER",
            "S-ORG",
            "E_location",
            "L-LOC",
            "U-ORG",
            "M-ORG",
        ]);
        assert_eq!(read.labels, ["PERSON", "ORG", "LOC"]);
        assert_eq!(
            read.classes,
            [
                None,
                tag(0, true, false),
                tag(0, false, false),
                tag(1, true, true),
                tag(2, false, true),
                tag(2, false, true),
                tag(1, true, true),
                tag(1, false, false),
            ]
        );
    }

    #[test]
    fn names_without_prefixes_are_labels() {
        let read = tags(&["O", "person", "E-MAIL", "given name"]);
        assert_eq!(read.labels, ["PERSON", "E_MAIL", "GIVEN_NAME"]);
        assert_eq!(read.classes[2], tag(1, false, false));
    }

    #[test]
    fn names_that_say_nothing_are_refused() {
        let error = Tags::new(&["LABEL_0".to_owned(), "LABEL_1".to_owned()]).unwrap_err();
        assert!(error.contains("LABEL_0"), "{error}");
    }
}
