//! [`OneScan`]: the answers of several calls over the same texts, from one scan.
//!
//! What a label's entities are does not depend on the other labels asked for. So the calls' labels are looked for together,
//! and each call takes its own of what is found. A model asked by name (`ner`) answers alone: in a scan its spans
//! would have to win against those of other recognizers.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewArray};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::Expr;

use super::entity_columns::{EntityColumns, EntityField, Extractor, entity_lists, value_lists};
use super::extract_entities::{ExtractEntities, Shape};
use super::lookahead::Lookahead;
use super::ner::Ner;
use super::redact::{Redact, Redacted};
use super::run::Run;
use super::text::map_texts;
use super::{labels, scans_texts};
use crate::ner::{Models, Usage};
use crate::recognize::{Redactor, Span, Tally};

/// Whether an expression is a call that [`OneScan`] can answer: of a function of ours, over a column, its other arguments
/// known.
#[must_use]
pub fn is_answerable(call: &Expr) -> bool {
    let Expr::ScalarFunction(call) = call else {
        return false;
    };
    let Some((Expr::Column(_), constants)) = call.args.split_first() else {
        return false;
    };
    scans_texts(&call.func) && constants.iter().all(|constant| string(constant).is_some())
}

/// Whether a call gives lists of entities, with all their fields.
#[must_use]
pub fn gives_entities(call: &Expr) -> bool {
    let Expr::ScalarFunction(call) = call else {
        return false;
    };
    let function = call.func.inner().as_ref();
    let extract = function.downcast_ref::<ExtractEntities>();
    function.is::<Ner>() || extract.is_some_and(|e| e.shape() == Shape::Entities)
}

/// Whether a scan that answers `others` finds all that a call asks for, which then costs it a list: of entities or values, whose
/// labels are among theirs.
#[must_use]
pub fn is_found_by<'a>(call: &Expr, others: impl Iterator<Item = &'a Expr>) -> bool {
    let Some(call) = LookedFor::of(call).filter(|call| call.gives_lists) else {
        return false;
    };
    let (mut found, mut all) = (BTreeSet::new(), false);
    let others = others.filter_map(LookedFor::of);
    for other in others.filter(|other| Arc::ptr_eq(other.models, call.models)) {
        match other.labels {
            Some(labels) => found.extend(labels),
            None => all = true,
        }
    }
    let labels = call.labels.as_ref();
    all || labels.is_some_and(|labels| labels.iter().all(|label| found.contains(label)))
}

/// What a call looks for. Nothing is said of a model that is asked by name.
struct LookedFor<'a> {
    models: &'a Arc<Models>,
    /// All where there is nothing.
    labels: Option<Vec<&'a str>>,
    gives_lists: bool,
}

impl<'a> LookedFor<'a> {
    fn of(call: &'a Expr) -> Option<Self> {
        let Expr::ScalarFunction(call) = call else {
            return None;
        };
        let function = call.func.inner().as_ref();
        let extract = function.downcast_ref().map(ExtractEntities::models);
        let models = extract.or_else(|| function.downcast_ref().map(Redact::models))?;
        let labels = labels::names(function.name(), call.args.get(1).and_then(string)).ok()?;
        Some(Self {
            models,
            labels,
            gives_lists: extract.is_some(),
        })
    }
}

fn string(constant: &Expr) -> Option<&str> {
    match constant {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

/// See the module. Shared by threads.
#[derive(Debug)]
pub struct OneScan {
    passes: Vec<Pass>,
    /// By call: its pass, and its answer there.
    places: Vec<(usize, usize)>,
}

/// One finder and what is made of its spans.
#[derive(Debug)]
struct Pass {
    extractor: Arc<Extractor>,
    answers: Vec<Answer>,
}

#[derive(Debug)]
struct Answer {
    form: Form,
    /// Of lists: what is built of their items.
    fields: Vec<EntityField>,
    /// By recognizer: whether its spans are asked for; all are where there is nothing.
    wanted: Option<Vec<bool>>,
}

impl Answer {
    fn new(form: Form, wanted: Option<Vec<bool>>) -> Self {
        let fields = match &form {
            Form::Lists(Shape::Entities) => EntityField::ALL.to_vec(),
            Form::Lists(Shape::Values) => vec![EntityField::Value],
            Form::Redacted(_) => Vec::new(),
        };
        Self {
            form,
            fields,
            wanted,
        }
    }
}

#[derive(Debug)]
enum Form {
    Lists(Shape),
    Redacted(Redactor),
}

/// The calls whose labels are looked for together.
struct Together {
    models: Arc<Models>,
    /// By call: its number, its form, its labels; of all labels where there is nothing.
    calls: Vec<(usize, Form, Option<Vec<String>>)>,
}

impl OneScan {
    /// What answers `calls`, which [`is_answerable`].
    ///
    /// # Errors
    /// As those of the functions when they are planned.
    pub fn new(calls: &[Expr]) -> Result<Self> {
        let mut together: Vec<Together> = Vec::new();
        let mut passes: Vec<Pass> = Vec::new();
        let mut places = vec![(0, 0); calls.len()];
        for (number, call) in calls.iter().enumerate() {
            let Expr::ScalarFunction(call) = call else {
                return internal_err!("{call} is not a call that scans texts");
            };
            let constant = |at: usize| call.args.get(at).and_then(string);
            let function = call.func.inner().as_ref();
            let (models, form) = if let Some(extract) = function.downcast_ref::<ExtractEntities>() {
                (extract.models(), Form::Lists(extract.shape()))
            } else if let Some(redact) = function.downcast_ref::<Redact>() {
                let redactor = redact.redactor(constant(1), constant(2))?;
                (redact.models(), Form::Redacted(redactor.1.clone()))
            } else if let Some(ner) = function.downcast_ref::<Ner>() {
                let extractor = ner.extractor(constant(1))?;
                let known = passes
                    .iter()
                    .position(|p| Arc::ptr_eq(&p.extractor, &extractor));
                places[number] = (known.unwrap_or(passes.len()), 0);
                if known.is_none() {
                    let form = Form::Lists(Shape::Entities);
                    let answers = vec![Answer::new(form, None)];
                    passes.push(Pass { extractor, answers });
                }
                continue;
            } else {
                return internal_err!("{} does not scan texts", function.name());
            };
            let names = labels::names(function.name(), constant(1))?;
            let names = names.map(|names| names.into_iter().map(str::to_string).collect());
            let call = (number, form, names);
            match together.iter_mut().find(|t| Arc::ptr_eq(&t.models, models)) {
                Some(known) => known.calls.push(call),
                None => together.push(Together {
                    models: Arc::clone(models),
                    calls: vec![call],
                }),
            }
        }
        for Together { models, calls } in together {
            for (at, (number, ..)) in calls.iter().enumerate() {
                places[*number] = (passes.len(), at);
            }
            passes.push(Pass::new(&models, calls)?);
        }
        Ok(Self { passes, places })
    }

    /// The same answers, of whose entities only some fields are read: by call, which; all where there is nothing. What is not
    /// read holds nothing.
    #[must_use]
    pub fn reading(mut self, read: &[Option<&BTreeSet<EntityField>>]) -> Self {
        let mut fields: HashMap<(usize, usize), Option<BTreeSet<EntityField>>> = HashMap::new();
        for (&place, read) in self.places.iter().zip(read) {
            // Two names of one model have one answer.
            let known = fields.entry(place).or_insert_with(|| Some(BTreeSet::new()));
            *known = known.take().zip(*read).map(|(known, read)| &known | read);
        }
        for ((pass, answer), read) in fields {
            let answer = &mut self.passes[pass].answers[answer];
            if let (Some(read), Form::Lists(Shape::Entities)) = (read, &answer.form) {
                answer.fields = read.into_iter().collect();
            }
        }
        self
    }

    /// The fields of entities that are built, of each call that gives lists of them.
    pub fn builds(&self) -> impl Iterator<Item = &[EntityField]> {
        let answers = self.places.iter();
        let answers = answers.map(|&(pass, answer)| &self.passes[pass].answers[answer]);
        let lists = answers.filter(|answer| matches!(answer.form, Form::Lists(Shape::Entities)));
        lists.map(|answer| answer.fields.as_slice())
    }

    /// The labels that are looked for, sorted, and the recognizers that look for them, in registry order.
    #[must_use]
    pub fn looks_for(&self) -> (Vec<&str>, Vec<&str>) {
        let (mut labels, mut names) = (BTreeSet::new(), Vec::new());
        for pass in &self.passes {
            for recognizer in pass.extractor.finder().scanner().recognizers() {
                labels.insert(recognizer.label());
                if !names.contains(&recognizer.name()) {
                    names.push(recognizer.name());
                }
            }
        }
        (labels.into_iter().collect(), names)
    }

    /// The models that are run, one pass after the other.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        let finders = self.passes.iter().map(|pass| pass.extractor.finder());
        finders.flat_map(|finder| finder.models())
    }

    /// The answer of each call, an array of as many rows as `texts`, a column of any string type. `used` is told what models
    /// took: the first of them in [`OneScan::models`], then of each; `told`, what each recognizer had to do.
    ///
    /// # Errors
    /// As the functions.
    pub fn answers(
        &self,
        texts: &ArrayRef,
        run: &Run,
        mut used: impl FnMut(usize, &[Usage]),
        mut told: impl FnMut(&str, Tally),
    ) -> Result<Vec<ArrayRef>> {
        let mut first = 0;
        let mut found = Vec::with_capacity(self.passes.len());
        for pass in &self.passes {
            let mut lists = |texts: &StringViewArray| {
                pass.answers(
                    texts,
                    run,
                    &mut |usage: &[Usage]| used(first, usage),
                    &mut told,
                )
            };
            found.push(map_texts(texts, &mut lists)?);
            first += pass.extractor.finder().models().len();
        }
        let places = self.places.iter();
        Ok(places
            .map(|&(pass, answer)| Arc::clone(&found[pass][answer]))
            .collect())
    }
}

impl Pass {
    fn new(models: &Models, calls: Vec<(usize, Form, Option<Vec<String>>)>) -> Result<Self> {
        let mut all = Some(BTreeSet::new());
        for (_, _, labels) in &calls {
            all = all.zip(labels.as_ref()).map(|(mut all, labels)| {
                all.extend(labels);
                all
            });
        }
        let finder = match &all {
            None => models.finder_for_all(),
            Some(labels) => models.finder(&labels.iter().copied().collect::<Vec<_>>())?,
        };
        let wanted = |labels: &Option<Vec<String>>| {
            let labels = labels.as_ref()?;
            let distinct: BTreeSet<&String> = labels.iter().collect();
            let recognizers = models.registry().recognizers().iter();
            let wanted = recognizers.map(|r| labels.iter().any(|label| label == r.label()));
            (all.as_ref() != Some(&distinct)).then(|| wanted.collect())
        };
        let answers = calls
            .iter()
            .map(|(_, _, labels)| wanted(labels))
            .collect::<Vec<_>>();
        let answers = answers
            .into_iter()
            .zip(calls)
            .map(|(wanted, (_, form, _))| Answer::new(form, wanted));
        Ok(Self {
            answers: answers.collect(),
            extractor: Arc::new(Extractor::new(finder)),
        })
    }

    fn answers(
        &self,
        texts: &StringViewArray,
        run: &Run,
        used: &mut dyn FnMut(&[Usage]),
        told: &mut dyn FnMut(&str, Tally),
    ) -> Result<Vec<ArrayRef>> {
        let finder = self.extractor.finder();
        let mut building: Vec<Building> = self
            .answers
            .iter()
            .map(|answer| Building::new(answer, &self.extractor, texts))
            .collect();
        let mut ahead = Lookahead::default();
        let mut scratch = self.extractor.idle().take();
        scratch.stop_when(run.cancel());
        let mut kept: Vec<Span> = Vec::new();
        for row in 0..texts.len() {
            if !ahead.rows().contains(&row) {
                ahead = Lookahead::new(finder, texts, row, run.cancel())?;
                used(ahead.usage());
            }
            let spans = match texts.is_valid(row) {
                true => {
                    finder
                        .scanner()
                        .scan_with(texts.value(row), ahead.spans(row), &mut scratch)
                }
                false => &[],
            };
            run.check()?;
            for (answer, building) in self.answers.iter().zip(&mut building) {
                let Some(wanted) = &answer.wanted else {
                    building.push(row, spans)?;
                    continue;
                };
                kept.clear();
                kept.extend(spans.iter().filter(|span| wanted[span.recognizer]));
                building.push(row, &kept)?;
            }
        }
        scratch.tally(told);
        self.extractor.idle().give(scratch);
        building.into_iter().map(Building::finish).collect()
    }
}

/// An answer that is being built, row by row.
enum Building<'a> {
    Lists(Shape, Box<EntityColumns<'a>>, Vec<usize>),
    Redacted(&'a Redactor, Redacted<'a>),
}

impl<'a> Building<'a> {
    fn new(answer: &'a Answer, extractor: &'a Extractor, texts: &'a StringViewArray) -> Self {
        match &answer.form {
            Form::Lists(shape) => {
                let lengths = Vec::with_capacity(texts.len());
                let columns = EntityColumns::new(extractor, texts, &answer.fields);
                Self::Lists(*shape, Box::new(columns), lengths)
            }
            Form::Redacted(redactor) => Self::Redacted(redactor, Redacted::of(texts)),
        }
    }

    fn push(&mut self, row: usize, spans: &[Span]) -> Result<()> {
        match self {
            Self::Lists(_, columns, lengths) => {
                columns.add(row, spans);
                lengths.push(spans.len());
                Ok(())
            }
            Self::Redacted(redactor, redacted) => {
                redacted.push(row, |text| redactor.replace(text, spans))
            }
        }
    }

    fn finish(self) -> Result<ArrayRef> {
        match self {
            Self::Lists(shape, columns, lengths) => {
                let (texts, fields) = (columns.texts(), columns.fields());
                let columns = columns.finish()?;
                let lists = match shape {
                    Shape::Entities => entity_lists(texts, lengths, fields, columns)?,
                    Shape::Values => value_lists(texts, lengths, &columns)?,
                };
                Ok(Arc::new(lists))
            }
            Self::Redacted(_, redacted) => Ok(redacted.finish()),
        }
    }
}
