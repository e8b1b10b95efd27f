//! The ordered set of recognizers.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;
use std::sync::Arc;

use twox_hash::XxHash64;

use super::cn_id::CnId;
use super::cn_uscc::CnUscc;
use super::credit_card::CreditCard;
use super::cve::Cve;
use super::date::Date;
use super::email::Email;
use super::hashtag::Hashtag;
use super::iban::Iban;
use super::ip::Ip;
use super::mac::Mac;
use super::mention::Mention;
use super::money::Money;
use super::phone::Phone;
use super::qq::Qq;
use super::stock::Stock;
use super::time::Time;
use super::url::Url;
use super::uuid::Uuid;
use super::wechat::WeChat;
use super::{Evidence, Gazetteer, Pattern, Recognizer, Rules, Scanner, Span, shipped, width};
use crate::error::{Error, Result};

/// Recognizers in order; earlier ones win ties.
///
/// ```
/// use spanql::recognize::{Registry, Scratch};
///
/// let registry = Registry::builtin();
/// let scanner = registry.scanner(&["EMAIL"])?;
/// let text = "邮箱：Ann@Example.com，谢谢";
/// let mut scratch = Scratch::default();
/// let span = scanner.scan(text, &mut scratch)[0];
/// assert_eq!(span.of(text), "Ann@Example.com");
/// assert_eq!(registry.value(span.recognizer, span.of(text)), "ann@example.com");
/// # Ok::<(), spanql::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Registry {
    recognizers: Vec<Arc<dyn Recognizer>>,
    /// By label, what its entities are weighed by.
    rules: BTreeMap<String, Arc<Rules>>,
}

impl Registry {
    /// The built-in recognizers, with the context words that SpanQL ships.
    #[must_use]
    pub fn builtin() -> Self {
        Self {
            recognizers: vec![
                Arc::new(Email),
                Arc::new(Url),
                Arc::new(Ip),
                Arc::new(Mac),
                Arc::new(Uuid),
                Arc::new(Cve),
                Arc::new(CreditCard),
                Arc::new(Iban),
                Arc::new(CnId),
                Arc::new(CnUscc),
                Arc::new(Stock),
                Arc::new(Qq),
                Arc::new(WeChat),
                Arc::new(Phone),
                Arc::new(Date),
                Arc::new(Hashtag),
                Arc::new(Mention),
                Arc::new(Time),
                Arc::new(Money),
            ],
            rules: shipped::rules()
                .map(|(label, rules)| (label.to_string(), Arc::new(rules)))
                .collect(),
        }
    }

    /// Adds user patterns after what is there. A pattern under an existing label adds to it; the second pattern of a
    /// label is named `pattern:LABEL#2`, and so on.
    #[must_use]
    pub fn with_patterns(mut self, patterns: impl IntoIterator<Item = Pattern>) -> Self {
        for pattern in patterns {
            let number = self.named(pattern.name()) + 1;
            self.recognizers.push(Arc::new(pattern.numbered(number)));
        }
        self
    }

    /// Weighs the entities of a label by these rules, in place of those that it had. A label that no recognizer has is
    /// left alone.
    #[must_use]
    pub fn with_rules(mut self, label: &str, rules: Rules) -> Self {
        self.rules.insert(label.to_string(), Arc::new(rules));
        self
    }

    /// What the entities of a label are weighed by, where there is something.
    #[must_use]
    pub fn rules(&self, label: &str) -> Option<&Arc<Rules>> {
        self.rules.get(label)
    }

    /// The word of `text` that decided about the score of a span which was found in it.
    #[must_use]
    pub fn evidence(&self, text: &str, span: &Span) -> Option<Evidence> {
        let label = self.recognizers[span.recognizer].label();
        self.rules(label)?.evidence(text, span)
    }

    /// Adds a gazetteer after what is there. One under an existing label adds to it; the second gazetteer of a label is
    /// named `gazetteer:LABEL#2`, and so on.
    #[must_use]
    pub fn with_gazetteer(mut self, gazetteer: Gazetteer) -> Self {
        let number = self.named(gazetteer.name()) + 1;
        self.recognizers.push(Arc::new(gazetteer.numbered(number)));
        self
    }

    /// Adds recognizers of any kind after what is there; their names must be new.
    #[must_use]
    pub fn with(mut self, recognizers: impl IntoIterator<Item = Arc<dyn Recognizer>>) -> Self {
        self.recognizers.extend(recognizers);
        self
    }

    /// How many recognizers have this name, numbers aside.
    fn named(&self, name: &str) -> usize {
        let names = self.recognizers.iter().map(|r| r.name());
        names
            .filter(|known| known.split('#').next() == Some(name))
            .count()
    }

    /// The labels, sorted, each once.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.recognizers
            .iter()
            .map(|r| r.label())
            .collect::<BTreeSet<_>>()
            .into_iter()
    }

    /// The recognizers in order; [`Span::recognizer`](super::Span::recognizer) indexes this.
    #[must_use]
    pub fn recognizers(&self) -> &[Arc<dyn Recognizer>] {
        &self.recognizers
    }

    /// The normalised form of an entity that the recognizer of this index found.
    #[must_use]
    pub fn value<'a>(&self, recognizer: usize, entity: &'a str) -> Cow<'a, str> {
        let recognizer = &self.recognizers[recognizer];
        if !recognizer.folds_width() {
            return recognizer.value(entity);
        }
        match width::fold(entity) {
            Cow::Borrowed(entity) => recognizer.value(entity),
            Cow::Owned(folded) => Cow::Owned(recognizer.value(&folded).into_owned()),
        }
    }

    /// Identifies the recognizers, their definitions and their labels' rules: equal fingerprints, equal answers.
    ///
    /// 16 hexadecimal digits: xxHash64 over name, label and definition of each in order, then over label and definition
    /// of the rules, each preceded by its length. The same on every platform and in every run. It tells definitions
    /// apart; it does not resist forgery.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hasher = XxHash64::with_seed(0);
        let mut write = |part: &str| {
            hasher.write(&(part.len() as u64).to_le_bytes());
            hasher.write(part.as_bytes());
        };
        for recognizer in &self.recognizers {
            write(recognizer.name());
            write(recognizer.label());
            write(&recognizer.definition());
        }
        for (label, rules) in &self.rules {
            write(label);
            write(&rules.definition());
        }
        format!("{:016x}", hasher.finish())
    }

    /// A scanner for some labels. Naming a label twice changes nothing.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`] for a label that no recognizer has.
    pub fn scanner<L: AsRef<str>>(&self, labels: &[L]) -> Result<Scanner> {
        for label in labels {
            if !self.recognizers.iter().any(|r| r.label() == label.as_ref()) {
                return Err(Error::UnknownLabel {
                    label: label.as_ref().to_string(),
                    known: self.labels().collect::<Vec<_>>().join(", "),
                });
            }
        }
        Ok(Scanner::new(self.clone(), |r| {
            labels.iter().any(|label| label.as_ref() == r.label())
        }))
    }

    /// A scanner for some recognizers.
    #[must_use]
    pub fn scanner_where(&self, want: impl Fn(&dyn Recognizer) -> bool) -> Scanner {
        Scanner::new(self.clone(), want)
    }

    /// A scanner for all labels.
    #[must_use]
    pub fn scanner_for_all(&self) -> Scanner {
        Scanner::new(self.clone(), |_| true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(label: &str, pattern: &str, group: usize) -> Pattern {
        Pattern::new(label, pattern, group).unwrap()
    }

    #[test]
    fn the_fingerprint_tells_definitions_and_their_order_apart() {
        let of = |patterns: Vec<Pattern>| Registry::builtin().with_patterns(patterns).fingerprint();
        let plain = of(vec![]);
        assert_eq!(plain, Registry::builtin().fingerprint());
        assert!(
            plain.len() == 16 && plain.bytes().all(|b| b.is_ascii_hexdigit()),
            "{plain}"
        );
        let mut all = vec![
            plain,
            of(vec![pattern("A", "x", 0)]),
            of(vec![pattern("B", "x", 0)]),
            of(vec![pattern("A", "y", 0)]),
            of(vec![pattern("A", "(x)", 0)]),
            of(vec![pattern("A", "(x)", 1)]),
            of(vec![pattern("A", "x", 0), pattern("B", "y", 0)]),
            of(vec![pattern("B", "y", 0), pattern("A", "x", 0)]),
        ];
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_ne!(
            of(vec![pattern("A", "x", 0).with_score(0.5).unwrap()]),
            of(vec![pattern("A", "x", 0)])
        );
        let ruled = |label| {
            Registry::builtin()
                .with_rules(label, Rules::default())
                .fingerprint()
        };
        assert_ne!(ruled("PHONE"), Registry::builtin().fingerprint());
        assert_ne!(ruled("URL"), ruled("EMAIL"));
    }

    #[test]
    fn labels_are_sorted_and_names_unique() {
        let registry = Registry::builtin().with_patterns([
            pattern("ORDER", "a", 0),
            pattern("EMAIL", "b", 0),
            pattern("ORDER", "c", 0),
            pattern("ORDER", "d", 0),
        ]);
        let labels: Vec<_> = registry.labels().collect();
        assert!(
            labels.is_sorted() && labels.contains(&"ORDER"),
            "{labels:?}"
        );
        assert_eq!(labels.len(), Registry::builtin().labels().count() + 1);
        let names: Vec<_> = registry.recognizers().iter().map(|r| r.name()).collect();
        assert_eq!(
            names[Registry::builtin().recognizers().len()..],
            [
                "pattern:ORDER",
                "pattern:EMAIL",
                "pattern:ORDER#2",
                "pattern:ORDER#3"
            ]
        );
    }

    #[test]
    fn an_unknown_label_is_named_with_the_known_ones() {
        let error = Registry::builtin()
            .scanner(&["EMAIL", "EMIAL"])
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            format!(
                "unknown label \"EMIAL\": the labels are {}",
                Registry::builtin().labels().collect::<Vec<_>>().join(", ")
            )
        );
    }
}
