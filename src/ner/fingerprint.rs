//! What the entities of one label depend on, as a fingerprint.
//!
//! Labels are independent of each other, so that entities which are kept stay right while other labels change; but a model
//! may wait for what others find ([`ModelRecognizer::when`](super::ModelRecognizer::when)), and then depends on those.

use std::hash::Hasher;

use twox_hash::XxHash64;

use super::Models;
use super::recognizer::registered;

/// What no definition tells: borders, numerals, values, overlaps, sentences, the tagger's tokens. To be changed with them.
const RULES: &str = "1";

impl Models {
    /// Identifies all that decides about the entities of a label: equal fingerprints, equal entities, whatever else is in
    /// the registry. 16 hexadecimal digits, as [`Registry::fingerprint`](crate::recognize::Registry::fingerprint).
    #[must_use]
    pub fn label_fingerprint(&self, label: &str) -> String {
        let mut parts = Parts(XxHash64::with_seed(0));
        parts.add(env!("CARGO_PKG_VERSION"));
        parts.add(RULES);
        self.add_label(label, &mut parts);
        format!("{:016x}", parts.0.finish())
    }

    fn add_label(&self, label: &str, parts: &mut Parts) {
        parts.add("label");
        let of_label = self.registry().recognizers().iter();
        for recognizer in of_label.filter(|r| r.label() == label) {
            for part in [recognizer.name(), label, &recognizer.definition()] {
                parts.add(part);
            }
            self.add_when(recognizer.name(), parts);
        }
        if let Some(rules) = self.registry().rules(label) {
            parts.add("rules");
            parts.add(&rules.definition());
        }
        parts.add("end");
    }

    /// What a model waits for; `Models::check` has seen to it that this ends.
    fn add_when(&self, recognizer: &str, parts: &mut Parts) {
        let Some(model) = self.behind(recognizer) else {
            return;
        };
        for name in model.when() {
            let registered = registered(name);
            if self.behind(&registered).is_none() {
                self.add_label(name, parts);
                continue;
            }
            parts.add("model");
            let of_model = self.registry().recognizers().iter();
            for recognizer in of_model.filter(|r| r.name() == registered) {
                parts.add(recognizer.label());
                parts.add(&recognizer.definition());
            }
            self.add_when(&registered, parts);
            parts.add("end");
        }
    }
}

struct Parts(XxHash64);

impl Parts {
    fn add(&mut self, part: &str) {
        self.0.write(&(part.len() as u64).to_le_bytes());
        self.0.write(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::ModelRecognizer;
    use super::super::testing::Capitals;
    use super::*;
    use crate::recognize::{Pattern, Registry, Rules};

    /// The labels whose fingerprints differ.
    fn differ(a: &Models, b: &Models) -> Vec<String> {
        let labels = a.registry().labels().map(str::to_string);
        labels
            .filter(|label| a.label_fingerprint(label) != b.label_fingerprint(label))
            .collect()
    }

    fn plain(patterns: &[(&str, &str)]) -> Models {
        let patterns = patterns.iter().map(|(l, p)| Pattern::new(l, p, 0).unwrap());
        Models::none(Arc::new(Registry::builtin().with_patterns(patterns)))
    }

    #[test]
    fn a_recognizer_changes_its_own_label_only() {
        let base = plain(&[("A", "x"), ("B", "y")]);
        assert_eq!(differ(&base, &plain(&[("A", "x"), ("B", "y")])), [""; 0]);
        assert_eq!(differ(&base, &plain(&[("B", "y"), ("A", "x")])), [""; 0]);
        assert_eq!(differ(&base, &plain(&[("A", "z"), ("B", "y")])), ["A"]);
        assert_eq!(
            differ(&base, &plain(&[("A", "x"), ("B", "y"), ("EMAIL", "@")])),
            ["EMAIL"]
        );
        let two = plain(&[("A", "x"), ("A", "y")]);
        assert_eq!(differ(&two, &plain(&[("A", "y"), ("A", "x")])), ["A"]);
        let registry = Registry::clone(base.registry());
        let ruled = registry.with_rules("B", Rules::default().with_min_score(0.5).unwrap());
        assert_eq!(differ(&base, &Models::none(Arc::new(ruled))), ["B"]);
        assert_eq!(base.label_fingerprint("A").len(), 16);
    }

    fn cascade(brand: &str, min_score: f32, when: &str) -> Models {
        let model = |name: &str, label: &str| {
            let model = ModelRecognizer::new(name, Arc::new(Capitals::default()));
            model.with_labels([("NAME", label)]).unwrap()
        };
        let recognizers = vec![
            model("first", "ONE").with_min_score(min_score).unwrap(),
            model("second", "TWO").with_when([when.to_string()]),
            model("third", "THREE").with_when(["TWO".to_string()]),
        ];
        let registry = Registry::builtin()
            .with_patterns([Pattern::new("BRAND", brand, 0).unwrap()])
            .with(recognizers.iter().flat_map(ModelRecognizer::recognizers));
        Models::new(Arc::new(registry), recognizers, 0).unwrap()
    }

    #[test]
    fn a_model_depends_on_what_it_waits_for() {
        let by_label = cascade("acme", 0.5, "BRAND");
        assert_eq!(differ(&by_label, &cascade("acme", 0.5, "BRAND")), [""; 0]);
        assert_eq!(
            differ(&by_label, &cascade("ibm", 0.5, "BRAND")),
            ["BRAND", "THREE", "TWO"]
        );
        assert_eq!(differ(&by_label, &cascade("acme", 0.6, "BRAND")), ["ONE"]);
        let by_model = cascade("acme", 0.5, "first");
        assert_eq!(
            differ(&by_model, &cascade("acme", 0.6, "first")),
            ["ONE", "THREE", "TWO"]
        );
        assert_eq!(differ(&by_model, &cascade("ibm", 0.5, "first")), ["BRAND"]);
    }
}
