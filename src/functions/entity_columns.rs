//! Spans as Arrow columns: the one place where what `recognize/` finds becomes arrays.
//!
//! Owns the fields of an entity and the builder behind `extract_entities`, `entity_values` and the `entities` table.
//! Entity text is a view into the document's own buffer; bytes are copied only where a value differs from the text.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    Array, ArrayRef, DictionaryArray, Float32Array, Int32Array, ListArray, StringArray,
    StringViewArray, StructArray,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int32Type};
use datafusion::common::{Result, exec_datafusion_err};

use super::compiled::Idle;
use super::lookahead::Lookahead;
use super::run::Run;
use super::text::{Copies, bytes, view_of_part};
use crate::ner::Finder;
use crate::recognize::{CharOffsets, Registry, Scratch, Span, Tally};

/// A field of an entity, in the order in which SQL shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityField {
    /// What kind of thing it is.
    Label,
    /// Its text as it stands in the document.
    Entity,
    /// Its normalised form.
    Value,
    /// Its first character, counted from 0.
    SpanStart,
    /// The character after its last.
    SpanEnd,
    /// How sure the recognizer is, from 0 to 1.
    Score,
    /// Who found it.
    Recognizer,
}

impl EntityField {
    /// All fields, in order.
    pub const ALL: [Self; 7] = [
        Self::Label,
        Self::Entity,
        Self::Value,
        Self::SpanStart,
        Self::SpanEnd,
        Self::Score,
        Self::Recognizer,
    ];

    /// Its name and Arrow type; never NULL.
    #[must_use]
    pub fn field(self) -> FieldRef {
        let words = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let (name, data_type) = match self {
            Self::Label => ("label", words()),
            Self::Entity => ("entity", DataType::Utf8View),
            Self::Value => ("value", DataType::Utf8View),
            Self::SpanStart => ("span_start", DataType::Int32),
            Self::SpanEnd => ("span_end", DataType::Int32),
            Self::Score => ("score", DataType::Float32),
            Self::Recognizer => ("recognizer", words()),
        };
        Arc::new(Field::new(name, data_type, false))
    }

    /// So many of it as say nothing.
    fn nothing(self, count: usize) -> ArrayRef {
        match self {
            Self::Label | Self::Recognizer => {
                let words = StringArray::from_iter_values([""]);
                let keys = Int32Array::from_value(0, count);
                Arc::new(DictionaryArray::<Int32Type>::new(keys, Arc::new(words)))
            }
            Self::Entity | Self::Value => {
                let views = ScalarBuffer::from(vec![0_u128; count]);
                Arc::new(StringViewArray::new(views, Vec::<Buffer>::new(), None))
            }
            Self::SpanStart | Self::SpanEnd => Arc::new(Int32Array::from_value(0, count)),
            Self::Score => Arc::new(Float32Array::from_value(0.0, count)),
        }
    }

    /// The fields of the struct that `extract_entities` gives.
    #[must_use]
    pub fn struct_fields() -> Fields {
        Self::ALL.iter().map(|f| f.field()).collect()
    }
}

/// A finder with what its columns need: the dictionaries of labels and recognizers.
#[derive(Debug)]
pub struct Extractor {
    finder: Finder,
    labels: Arc<StringArray>,
    /// Index into `labels` by recognizer.
    label_keys: Vec<i32>,
    names: Arc<StringArray>,
    /// Index into `names` by recognizer: the labels of one model have one name.
    name_keys: Vec<i32>,
    /// Scratch of builders that are done.
    idle: Idle,
}

impl Extractor {
    /// Prepares a finder's output.
    #[must_use]
    pub fn new(finder: Finder) -> Self {
        let registry: &Registry = finder.scanner().registry();
        let labels: Vec<&str> = registry.labels().collect();
        let label_keys = registry
            .recognizers()
            .iter()
            .map(|r| {
                labels
                    .binary_search(&r.label())
                    .expect("labels() lists every recognizer's label, sorted")
                    as i32
            })
            .collect();
        let mut names: Vec<&str> = Vec::new();
        let mut name_keys = Vec::new();
        for recognizer in registry.recognizers() {
            if names.last() != Some(&recognizer.name()) {
                names.push(recognizer.name());
            }
            name_keys.push(names.len() as i32 - 1);
        }
        Self {
            labels: Arc::new(StringArray::from(labels)),
            label_keys,
            names: Arc::new(StringArray::from(names)),
            name_keys,
            idle: Idle::default(),
            finder,
        }
    }

    /// What finds the entities.
    #[must_use]
    pub fn finder(&self) -> &Finder {
        &self.finder
    }

    pub(super) fn idle(&self) -> &Idle {
        &self.idle
    }

    /// One list of entities a text: `List<Struct<label, entity, …>>`. NULL for a NULL text, empty where nothing is.
    ///
    /// # Errors
    /// As [`EntityColumns::finish`] and [`Lookahead::new`].
    pub fn entity_lists(&self, texts: &StringViewArray, run: &Run) -> Result<ListArray> {
        let (lengths, columns) = self.all_rows(texts, &EntityField::ALL, run)?;
        entity_lists(texts, lengths, &EntityField::ALL, columns)
    }

    /// One list of normalised values a text: `List<Utf8View>`.
    ///
    /// # Errors
    /// As [`EntityColumns::finish`] and [`Lookahead::new`].
    pub fn value_lists(&self, texts: &StringViewArray, run: &Run) -> Result<ListArray> {
        let (lengths, columns) = self.all_rows(texts, &[EntityField::Value], run)?;
        value_lists(texts, lengths, &columns)
    }

    fn all_rows(
        &self,
        texts: &StringViewArray,
        fields: &[EntityField],
        run: &Run,
    ) -> Result<(Vec<usize>, Vec<ArrayRef>)> {
        let begun = Instant::now();
        let mut builder = EntityColumns::new(self, texts, fields).for_run(run);
        let mut lengths: Vec<usize> = Vec::with_capacity(texts.len());
        while lengths.len() < texts.len() {
            let ahead = Lookahead::within(run, &self.finder, texts, lengths.len())?;
            let rows = lengths.len()..texts.len().min(ahead.rows().end);
            for row in rows {
                lengths.push(builder.push(row, ahead.spans(row)));
                run.check()?;
            }
        }
        builder.tally(|recognizer, tally| run.add_found(recognizer, tally));
        let columns = builder.finish()?;
        run.add_scanned(texts.len(), bytes(texts), begun);
        Ok((lengths, columns))
    }
}

/// One list of entities a text: `columns` are some fields, the others say nothing, and `lengths` how many entities each text
/// has.
pub(super) fn entity_lists(
    texts: &StringViewArray,
    lengths: Vec<usize>,
    built: &[EntityField],
    columns: Vec<ArrayRef>,
) -> Result<ListArray> {
    let count: usize = lengths.iter().sum();
    let columns: Vec<ArrayRef> = EntityField::ALL
        .into_iter()
        .map(
            |field| match built.iter().position(|&known| known == field) {
                Some(at) => Arc::clone(&columns[at]),
                None => field.nothing(count),
            },
        )
        .collect();
    let fields = EntityField::struct_fields();
    let item = Arc::new(Field::new_list_field(
        DataType::Struct(fields.clone()),
        true,
    ));
    let structs = match count == 0 {
        true => StructArray::new_null(fields, 0),
        false => StructArray::try_new(fields, columns, None)?,
    };
    Ok(ListArray::try_new(
        item,
        OffsetBuffer::from_lengths(lengths),
        Arc::new(structs),
        texts.nulls().cloned(),
    )?)
}

/// One list of values a text: `columns` are the values, and `lengths` how many each text has.
pub(super) fn value_lists(
    texts: &StringViewArray,
    lengths: Vec<usize>,
    columns: &[ArrayRef],
) -> Result<ListArray> {
    let item = Arc::new(Field::new_list_field(DataType::Utf8View, true));
    Ok(ListArray::try_new(
        item,
        OffsetBuffer::from_lengths(lengths),
        Arc::clone(&columns[0]),
        texts.nulls().cloned(),
    )?)
}

/// Builds the wanted fields of the entities of one text array, row by row.
#[derive(Debug)]
pub struct EntityColumns<'a> {
    extractor: &'a Extractor,
    texts: &'a StringViewArray,
    fields: &'a [EntityField],
    wants_entity: bool,
    wants_value: bool,
    wants_offsets: bool,
    /// Of who scans here; others bring their spans.
    scratch: Option<Scratch>,
    run: Run,
    recognizers: Vec<usize>,
    scores: Vec<f32>,
    entities: Vec<u128>,
    values: Vec<u128>,
    copies: Copies,
    starts: Vec<i32>,
    ends: Vec<i32>,
}

impl<'a> EntityColumns<'a> {
    /// A builder for `fields`; fields that are not wanted cost nothing.
    #[must_use]
    pub fn new(
        extractor: &'a Extractor,
        texts: &'a StringViewArray,
        fields: &'a [EntityField],
    ) -> Self {
        Self {
            extractor,
            texts,
            fields,
            wants_entity: fields.contains(&EntityField::Entity),
            wants_value: fields.contains(&EntityField::Value),
            wants_offsets: fields.contains(&EntityField::SpanStart)
                || fields.contains(&EntityField::SpanEnd),
            scratch: None,
            run: Run::default(),
            recognizers: Vec::new(),
            scores: Vec::new(),
            entities: Vec::new(),
            values: Vec::new(),
            copies: Copies::beside(texts),
            starts: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Scans for this run: once that is no longer wanted, what is found is not complete, see [`Run::check`].
    #[must_use]
    pub fn for_run(mut self, run: &Run) -> Self {
        self.run = run.clone();
        self
    }

    /// Entities so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.recognizers.len()
    }

    /// Whether there are none so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.recognizers.is_empty()
    }

    /// Scans the text of `row`, with what models found in it, and says how many entities it has; a NULL text has none.
    pub fn push(&mut self, row: usize, of_models: &[Span]) -> usize {
        if self.texts.is_null(row) {
            return 0;
        }
        let text = self.texts.value(row);
        let extractor = self.extractor;
        let run = &self.run;
        let mut scratch = self.scratch.take().unwrap_or_else(|| {
            let mut scratch = extractor.idle.take();
            scratch.stop_when(run.cancel());
            scratch
        });
        let scanner = extractor.finder.scanner();
        let spans = scanner.scan_with(text, of_models, &mut scratch);
        let found = spans.len();
        self.add(row, spans);
        self.scratch = Some(scratch);
        found
    }

    /// Adds the entities of `row`, whose spans are known; a NULL text has none.
    pub fn add(&mut self, row: usize, spans: &[Span]) {
        if spans.is_empty() {
            return;
        }
        let text = self.texts.value(row);
        let mut offsets = CharOffsets::new(text);
        for span in spans {
            self.recognizers.push(span.recognizer);
            self.scores.push(span.score);
            if self.wants_entity {
                self.entities
                    .push(view_of_part(self.texts, row, span.of(text), span.start));
            }
            if self.wants_value {
                let view = self.value_view(row, text, span.start, span.of(text), span.recognizer);
                self.values.push(view);
            }
            if self.wants_offsets {
                let start = offsets.at(span.start);
                let end = start + span.of(text).chars().count();
                self.starts.push(i32::try_from(start).unwrap_or(i32::MAX));
                self.ends.push(i32::try_from(end).unwrap_or(i32::MAX));
            }
        }
    }

    /// Tells what each recognizer had to do in the texts scanned here, as [`Scratch::tally`] does.
    pub fn tally(&mut self, told: impl FnMut(&str, Tally)) {
        if let Some(scratch) = &mut self.scratch {
            scratch.tally(told);
        }
    }

    /// The fields that are built.
    #[must_use]
    pub fn fields(&self) -> &'a [EntityField] {
        self.fields
    }

    /// The texts that entities are views of.
    #[must_use]
    pub fn texts(&self) -> &'a StringViewArray {
        self.texts
    }

    fn value_view(
        &mut self,
        row: usize,
        text: &str,
        start: usize,
        entity: &str,
        recognizer: usize,
    ) -> u128 {
        let registry = self.extractor.finder.scanner().registry();
        match registry.value(recognizer, entity) {
            Cow::Borrowed(part) if within(part, entity) => {
                let from = start + (part.as_ptr() as usize - entity.as_ptr() as usize);
                debug_assert_eq!(&text[from..from + part.len()], part);
                view_of_part(self.texts, row, part, from)
            }
            value => self.copies.view(&value),
        }
    }

    /// The wanted fields, in the order asked for.
    ///
    /// # Errors
    /// Where a text is so long that a character offset does not fit `Int32`.
    pub fn finish(self) -> Result<Vec<ArrayRef>> {
        if self.ends.contains(&i32::MAX) {
            return Err(exec_datafusion_err!(
                "a text of more than {} characters has entities beyond what span_end can hold; split it at ingest",
                i32::MAX
            ));
        }
        let Self {
            extractor,
            texts,
            scratch,
            recognizers,
            scores,
            entities,
            values,
            copies,
            starts,
            ends,
            ..
        } = self;
        if let Some(scratch) = scratch {
            extractor.idle.give(scratch);
        }
        let text_buffers = texts.data_buffers();
        let value_buffers = copies.with_those_of(texts);
        let strings = |views: &[u128], buffers: Vec<Buffer>| -> Result<ArrayRef> {
            Ok(Arc::new(StringViewArray::try_new(
                ScalarBuffer::from(views.to_vec()),
                buffers,
                None,
            )?))
        };
        let words = |keys: Int32Array, words: &Arc<StringArray>| -> Result<ArrayRef> {
            Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(
                keys,
                Arc::clone(words) as ArrayRef,
            )?))
        };
        self.fields
            .iter()
            .map(|field| match field {
                EntityField::Label => words(
                    recognizers
                        .iter()
                        .map(|&r| extractor.label_keys[r])
                        .collect::<Vec<_>>()
                        .into(),
                    &extractor.labels,
                ),
                EntityField::Recognizer => words(
                    recognizers
                        .iter()
                        .map(|&r| extractor.name_keys[r])
                        .collect::<Vec<_>>()
                        .into(),
                    &extractor.names,
                ),
                EntityField::Entity => strings(&entities, text_buffers.to_vec()),
                EntityField::Value => strings(&values, value_buffers.clone()),
                EntityField::SpanStart => {
                    Ok(Arc::new(Int32Array::from(starts.clone())) as ArrayRef)
                }
                EntityField::SpanEnd => Ok(Arc::new(Int32Array::from(ends.clone())) as ArrayRef),
                EntityField::Score => Ok(Arc::new(Float32Array::from(scores.clone())) as ArrayRef),
            })
            .collect()
    }
}

/// Whether `part` is a slice of `whole` itself rather than an equal string elsewhere.
fn within(part: &str, whole: &str) -> bool {
    let (part, whole) = (
        part.as_bytes().as_ptr_range(),
        whole.as_bytes().as_ptr_range(),
    );
    whole.start <= part.start && part.end <= whole.end
}

#[cfg(test)]
mod tests {
    use arrow::array::ByteView;

    use super::*;
    use crate::ner::Models;

    fn extractor(labels: &[&str]) -> Extractor {
        let models = Models::none(Arc::new(Registry::builtin()));
        Extractor::new(models.finder(labels).unwrap())
    }

    #[test]
    fn entities_are_views_into_the_text_and_values_are_copied_only_where_they_differ() {
        let texts = StringViewArray::from_iter(vec![
            Some("write to someone.special@example.com or SOMEONE.ELSE@EXAMPLE.COM"),
            None,
            Some("short@ex.io"),
        ]);
        let extractor = extractor(&["EMAIL"]);
        let fields = [EntityField::Entity, EntityField::Value];
        let mut builder = EntityColumns::new(&extractor, &texts, &fields);
        assert_eq!(
            (0..3).map(|row| builder.push(row, &[])).collect::<Vec<_>>(),
            [2, 0, 1]
        );
        let columns = builder.finish().unwrap();
        let (entities, values) = (
            columns[0].as_any().downcast_ref(),
            columns[1].as_any().downcast_ref(),
        );
        let (entities, values): (&StringViewArray, &StringViewArray) =
            (entities.unwrap(), values.unwrap());
        let input = texts.data_buffers()[0].as_ptr();
        assert_eq!(entities.data_buffers().len(), 1);
        assert_eq!(
            entities.data_buffers()[0].as_ptr(),
            input,
            "entities share the texts' buffer"
        );
        assert_eq!(
            values.data_buffers()[0].as_ptr(),
            input,
            "values share it, too, and add one of their own"
        );
        let own: Vec<u32> = values
            .views()
            .iter()
            .map(|&v| ByteView::from(v).buffer_index)
            .collect();
        assert_eq!(
            own[..2],
            [0, 1],
            "the first value is the text itself, the second is lower-cased"
        );
        assert_eq!(
            values.iter().flatten().collect::<Vec<_>>(),
            [
                "someone.special@example.com",
                "someone.else@example.com",
                "short@ex.io",
            ]
        );
    }

    #[test]
    fn a_part_of_the_text_need_not_start_with_the_entity() {
        let texts = StringViewArray::from_iter_values(["see #averylongtopicname today"]);
        let lists = extractor(&["HASHTAG"])
            .value_lists(&texts, &Run::default())
            .unwrap();
        let values = lists.value(0);
        let values: &StringViewArray = values.as_any().downcast_ref().unwrap();
        assert_eq!(values.value(0), "averylongtopicname");
        assert_eq!(values.data_buffers().len(), 1, "nothing was copied");
    }

    #[test]
    fn nothing_is_scanned_once_a_run_is_not_wanted() {
        let texts = StringViewArray::from_iter_values(["a@example.com", "b@example.com"]);
        let run = Run::default();
        run.cancel().cancel();
        let stopped = extractor(&["EMAIL"]).entity_lists(&texts, &run);
        let error = stopped.unwrap_err().to_string();
        assert!(error.contains("interrupted"), "{error}");
    }

    #[test]
    fn lists_keep_null_and_empty_apart() {
        let texts = StringViewArray::from_iter(vec![None, Some(""), Some("a@example.com")]);
        let lists = extractor(&["EMAIL"])
            .entity_lists(&texts, &Run::default())
            .unwrap();
        assert!(lists.is_null(0));
        assert_eq!((lists.value_length(1), lists.value_length(2)), (0, 1));
    }
}
