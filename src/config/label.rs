//! `[label.NAME]`: context words and the least score of a label. What they mean is `recognize/context.rs`.

use serde::Deserialize;
use toml::Spanned;

use crate::recognize::{Context, Registry, Rules};

/// The table as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    min_score: Option<Spanned<f32>>,
    /// None leaves the words that SpanQL ships; an empty list takes them away.
    context: Option<Vec<Spanned<Entry>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    words: Spanned<Vec<String>>,
    raise: Option<Spanned<f32>>,
    lower: Option<Spanned<f32>>,
    #[serde(default = "before")]
    before: usize,
    #[serde(default)]
    after: usize,
}

fn before() -> usize {
    Context::BEFORE
}

impl Table {
    /// The rules, where contexts are not given those that the label has in `registry`.
    ///
    /// # Errors
    /// The byte at which something is wrong, and what.
    pub(super) fn rules(&self, label: &str, registry: &Registry) -> Result<Rules, (usize, String)> {
        let mut rules = match (&self.context, registry.rules(label)) {
            (None, Some(shipped)) => Rules::clone(shipped),
            _ => Rules::default(),
        };
        for entry in self.context.iter().flatten() {
            let at = entry.get_ref().words.span().start;
            rules = entry
                .get_ref()
                .context(entry.span().start)
                .and_then(|context| rules.with_context(context).map_err(|e| (at, e)))?;
        }
        match &self.min_score {
            None => Ok(rules),
            Some(score) => rules
                .with_min_score(*score.get_ref())
                .map_err(|e| (score.span().start, format!("min_score: {e}"))),
        }
    }
}

impl Entry {
    fn context(&self, at: usize) -> Result<Context, (usize, String)> {
        let (change, sign) = match (&self.raise, &self.lower) {
            (Some(raise), None) => (raise, 1.0),
            (None, Some(lower)) => (lower, -1.0),
            (None, None) => {
                return Err((
                    at,
                    "a context says raise or lower, such as raise = 0.3".into(),
                ));
            }
            (Some(_), Some(lower)) => {
                return Err((
                    lower.span().start,
                    "a context says raise or lower, not both: write two contexts".into(),
                ));
            }
        };
        let size = *change.get_ref();
        // A negative raise would be a lower that nobody sees.
        if !(size > 0.0 && size <= 1.0) {
            return Err((
                change.span().start,
                format!("a score is raised or lowered by more than 0 and at most 1, not by {size}"),
            ));
        }
        let words = self.words.get_ref().iter().map(String::as_str);
        Context::new(words, sign * size, self.before, self.after)
            .map_err(|e| (self.words.span().start, e))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn error(text: &str) -> String {
        Config::parse(text, "spanql.toml").unwrap_err().to_string()
    }

    #[test]
    fn contexts_take_the_place_of_those_shipped() {
        let rules = |text: &str| {
            let registry = Config::parse(text, "spanql.toml").unwrap().registry();
            registry
                .rules("PHONE")
                .map(|rules| Rules::clone(rules))
                .unwrap()
        };
        let shipped = rules("");
        assert!(!shipped.contexts().is_empty());

        let least = rules("[label.PHONE]\nmin_score = 0.5");
        assert_eq!(
            (least.min_score(), least.contexts()),
            (0.5, shipped.contexts())
        );

        let none = rules("[label.PHONE]\ncontext = []");
        assert_eq!((none.min_score(), none.contexts()), (0.0, &[][..]));

        let own = rules(
            "[label.PHONE]\nmin_score = 1\n[[label.PHONE.context]]\nwords = ['tel', '电话']\nraise = 0.3\n\
             [[label.PHONE.context]]\nwords = ['order']\nlower = 0.6\nbefore = 5\nafter = 9",
        );
        assert_eq!(own.min_score(), 1.0);
        assert_eq!(
            own.contexts(),
            [
                Context::new(["tel", "电话"], 0.3, 20, 0).unwrap(),
                Context::new(["order"], -0.6, 5, 9).unwrap(),
            ]
        );
    }

    #[test]
    fn a_users_own_label_has_rules_too() {
        let text = "[label.ORDER]\nmin_score = 0.5\n[[recognizer]]\nlabel = 'ORDER'\npattern = 'x'";
        let registry = Config::parse(text, "spanql.toml").unwrap().registry();
        assert_eq!(registry.rules("ORDER").unwrap().min_score(), 0.5);
    }

    #[test]
    fn errors_name_the_line() {
        let context = |lines: &str| error(&format!("[[label.PHONE.context]]\n{lines}"));
        for (error, line, part) in [
            (
                error("\n[label.PHNE]\nmin_score = 0.5"),
                2,
                "unknown label \"PHNE\": the labels are ",
            ),
            (error("[label.PHONE]\n\nmin_scor = 0.5"), 3, "min_scor"),
            (
                error("[label.PHONE]\nmin_score = 5"),
                2,
                "label PHONE: min_score: 5 is no score",
            ),
            (
                error("[label.PHONE]\nmin_score = nan"),
                2,
                "NaN is no score",
            ),
            (error("[label.PHONE]\nmin_score = 'high'"), 2, "high"),
            (error("label = 1"), 1, "map"),
            (context("words = ['a']"), 1, "raise or lower, such as"),
            (
                context("words = ['a']\nraise = 0.1\nlower = 0.1"),
                4,
                "not both",
            ),
            (context("words = ['a']\nraise = -0.1"), 3, "not by -0.1"),
            (context("words = ['a']\nlower = 0"), 3, "not by 0"),
            (context("words = ['a']\nlower = nan"), 3, "not by NaN"),
            (context("raise = 0.1\nwords = ['a', '']"), 3, "word \"\""),
            (context("raise = 0.1\nwords = []"), 3, "no words"),
            (
                context("raise = 0.1\nwords = ['abc']\nbefore = 2"),
                3,
                "\"abc\" has 3 characters",
            ),
            (
                context("raise = 0.1\nwords = ['a']\nbefore = 101"),
                3,
                "101",
            ),
            (
                context("raise = 0.1\nwords = ['a']\nwithin = 5"),
                4,
                "within",
            ),
            (
                context("raise = 0.1\nwords = ['a', 'b', 'A']"),
                3,
                "\"A\" is there already",
            ),
            (
                context(
                    "raise = 0.1\nwords = ['a']\n[[label.PHONE.context]]\nlower = 0.2\nwords = ['Ａ']",
                ),
                6,
                "\"Ａ\" is there already",
            ),
        ] {
            let place = format!("spanql.toml:{line}: ");
            assert!(
                error.starts_with(&place) && error.contains(part),
                "{error}, not line {line}: {part}"
            );
        }
    }
}
