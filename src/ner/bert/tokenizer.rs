//! Texts to tokens: where each lies in the text, and what the network is given for it.
//!
//! Leaves out what the tokens mean. rust_tokenizers counts characters; from here on offsets are bytes.

use std::path::Path;

use rust_bert::pipelines::common::{ModelType, TokenizerOption};
use rust_tokenizers::{Mask, TokenIdsWithOffsets};

use super::folder::Folder;

/// A model's tokenizer.
pub(super) struct Tokenizer {
    inner: TokenizerOption,
    /// What the network wants before and after each text.
    before: Vec<Input>,
    after: Vec<Input>,
    /// The type of a text's own tokens.
    kind: i64,
    /// What fills texts up to the length of the longest.
    pub(super) padding: i64,
}

/// What the network is given for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) id: i64,
    pub(super) kind: i64,
}

/// A token of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    /// First byte, and the byte after the last; spaces around the token are left out. Tokens ascend, but several may share
    /// a character, and some have none.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) id: i64,
    /// A text that spells `[SEP]` is given the separator, which is part of no entity.
    pub(super) special: bool,
}

impl Tokenizer {
    /// # Errors
    /// A message that names the file.
    pub(super) fn open(folder: &Folder) -> Result<Self, String> {
        let (vocabulary, merges) = folder.tokenizer();
        let kind = folder.architecture.kind();
        let casing = &folder.casing;
        let lower_case = casing
            .do_lower_case
            .unwrap_or_else(|| folder.architecture.lower_case_unless_told());
        // rust-bert refuses what a tokenizer has no use for.
        let word_pieces = folder.architecture.tokenizer_files().0 == "vocab.txt";
        let prefixed = matches!(kind, ModelType::Roberta | ModelType::Longformer);
        let utf8 = |path: &Path| {
            let text = path.to_str().map(str::to_owned);
            text.ok_or_else(|| format!("{}: rust-bert takes paths in UTF-8 only", path.display()))
        };
        let inner = TokenizerOption::from_file(
            kind,
            &utf8(&vocabulary)?,
            merges.as_deref().map(utf8).transpose()?.as_deref(),
            lower_case,
            casing.strip_accents.filter(|_| word_pieces),
            casing.add_prefix_space.filter(|_| prefixed),
        )
        .map_err(|e| format!("{}: {e}", vocabulary.display()))?;
        let padding = inner
            .get_pad_id()
            .ok_or_else(|| format!("{}: it has no token for padding", vocabulary.display()))?;
        // What is put around texts does not depend on them.
        let around = inner.build_input_with_special_tokens(
            TokenIdsWithOffsets {
                ids: vec![padding],
                offsets: vec![None],
                reference_offsets: vec![Vec::new()],
                masks: vec![Mask::None],
            },
            None,
        );
        let mut kinds: Vec<i64> = around
            .segment_ids
            .iter()
            .map(|kind| i64::from(*kind))
            .collect();
        // XLNet's tokenizer forgets the kind of the last token.
        kinds.resize(around.token_ids.len(), kinds.last().copied().unwrap_or(0));
        let inputs: Vec<Input> = around
            .token_ids
            .iter()
            .zip(kinds)
            .map(|(id, kind)| Input { id: *id, kind })
            .collect();
        let own = around
            .mask
            .iter()
            .position(|mask| *mask != Mask::Special)
            .unwrap_or(0);
        Ok(Self {
            inner,
            before: inputs[..own].to_vec(),
            after: inputs[own + 1..].to_vec(),
            kind: inputs[own].kind,
            padding,
        })
    }

    /// How many tokens are put around each text.
    pub(super) fn added(&self) -> usize {
        self.before.len() + self.after.len()
    }

    /// How many come first of those.
    pub(super) fn leading(&self) -> usize {
        self.before.len()
    }

    /// How many tokens a text has, with those around it.
    pub(super) fn count(&self, text: &str) -> usize {
        self.inner.tokenize_with_offsets(text).tokens.len() + self.added()
    }

    /// The tokens of a text.
    pub(super) fn tokens(&self, text: &str) -> Vec<Token> {
        let found = self.inner.tokenize_with_offsets(text);
        let ids = self.inner.convert_tokens_to_ids(&found.tokens);
        let mut bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        bytes.push(text.len());
        let byte = |char: u32| bytes[(char as usize).min(bytes.len() - 1)];
        ids.into_iter()
            .zip(found.offsets)
            .zip(found.masks)
            .map(|((id, offset), mask)| {
                let (start, end) = offset.map_or((0, 0), |o| (byte(o.begin), byte(o.end)));
                let piece = text.get(start..end).unwrap_or("");
                Token {
                    start: start + piece.len() - piece.trim_start().len(),
                    end: end - (piece.len() - piece.trim_end().len()).min(end - start),
                    id,
                    special: mask == Mask::Special,
                }
            })
            .collect()
    }

    /// What the network is given for some tokens of a text.
    pub(super) fn window(&self, tokens: &[Token]) -> Vec<Input> {
        let own = tokens.iter().map(|token| Input {
            id: token.id,
            kind: self.kind,
        });
        self.before
            .iter()
            .copied()
            .chain(own)
            .chain(self.after.iter().copied())
            .collect()
    }
}
