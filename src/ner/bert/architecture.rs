//! The architectures that rust-bert has a token classifier for: their names in `config.json`, their tokenizers' files,
//! and the way from token ids to logits.
//!
//! Leaves out weights (`network.rs`) and everything about texts.

use std::fmt::{self, Display};

use rust_bert::RustBertError;
use rust_bert::albert::AlbertForTokenClassification;
use rust_bert::bert::BertForTokenClassification;
use rust_bert::deberta::DebertaForTokenClassification;
use rust_bert::deberta_v2::DebertaV2ForTokenClassification;
use rust_bert::distilbert::DistilBertForTokenClassification;
use rust_bert::electra::ElectraForTokenClassification;
use rust_bert::fnet::FNetForTokenClassification;
use rust_bert::longformer::LongformerForTokenClassification;
use rust_bert::mobilebert::MobileBertForTokenClassification;
use rust_bert::pipelines::common::ModelType;
use rust_bert::roberta::RobertaForTokenClassification;
use rust_bert::xlnet::XLNetForTokenClassification;
use serde::de::DeserializeOwned;
use tch::{Tensor, nn};

/// From token ids, attention mask and token types, all of the shape texts × tokens, to logits: texts × tokens × classes.
pub(super) type Forward =
    Box<dyn Fn(Option<&Tensor>, Option<&Tensor>, Option<&Tensor>) -> Result<Tensor, RustBertError>>;

/// An architecture, by its name in the key `model_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Architecture(ModelType);

/// Which texts may share a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Together {
    OfAnyLength,
    OfOneLength,
    None,
}

const NAMES: [(&str, ModelType); 12] = [
    ("albert", ModelType::Albert),
    ("bert", ModelType::Bert),
    ("deberta", ModelType::Deberta),
    ("deberta-v2", ModelType::DebertaV2),
    ("distilbert", ModelType::DistilBert),
    ("electra", ModelType::Electra),
    ("fnet", ModelType::FNet),
    ("longformer", ModelType::Longformer),
    ("mobilebert", ModelType::MobileBert),
    ("roberta", ModelType::Roberta),
    ("xlm-roberta", ModelType::XLMRoberta),
    ("xlnet", ModelType::XLNet),
];

impl Architecture {
    /// # Errors
    /// A message that lists the names there are.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        match NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, kind)) => Ok(Self(*kind)),
            None => Err(format!(
                "its architecture is {name:?}, and rust-bert runs only {}",
                NAMES.map(|(known, _)| known).join(", ")
            )),
        }
    }

    /// What rust-bert calls it.
    pub(super) fn kind(self) -> ModelType {
        self.0
    }

    /// The file with the tokenizer's vocabulary, and the file with its merges where it has any.
    pub(super) fn tokenizer_files(self) -> (&'static str, Option<&'static str>) {
        match self.0 {
            ModelType::Roberta | ModelType::Longformer | ModelType::Deberta => {
                ("vocab.json", Some("merges.txt"))
            }
            ModelType::XLMRoberta => ("sentencepiece.bpe.model", None),
            ModelType::Albert | ModelType::XLNet | ModelType::FNet => ("spiece.model", None),
            ModelType::DebertaV2 => ("spm.model", None),
            _ => ("vocab.txt", None),
        }
    }

    /// Whether the tokenizer takes capitals for small letters where `tokenizer_config.json` does not say. As in
    /// Hugging Face's library.
    pub(super) fn lower_case_unless_told(self) -> bool {
        matches!(
            self.0,
            ModelType::Albert
                | ModelType::Bert
                | ModelType::DistilBert
                | ModelType::Electra
                | ModelType::MobileBert
        )
    }

    /// How many of `max_position_embeddings` no token can have: RoBERTa counts from the padding's id on.
    pub(super) fn unused_positions(self) -> usize {
        match self.0 {
            ModelType::Roberta | ModelType::XLMRoberta | ModelType::Longformer => 2,
            _ => 0,
        }
    }

    /// Which texts may share a batch, so that the answers depend on each alone.
    pub(super) fn together(self) -> Together {
        match self.0 {
            // Has no attention that could be kept from the padding.
            ModelType::FNet => Together::OfOneLength,
            // A token's embedding is made of its neighbours' too, and the last one's neighbour is padding.
            ModelType::MobileBert => Together::OfOneLength,
            // rust-bert adds the mask as it is, 1 for a token and 0 for padding.
            ModelType::Electra => Together::OfOneLength,
            // rust-bert compares token types along the wrong axis, and panics.
            ModelType::XLNet => Together::None,
            _ => Together::OfAnyLength,
        }
    }

    /// The network, with its parameters under `root` and random values in them.
    ///
    /// # Errors
    /// A message if `config`, the contents of `config.json`, lacks what the architecture needs.
    pub(super) fn build(self, root: &nn::Path, config: &str) -> Result<Forward, String> {
        // Which arguments the networks take, and in what order, differs, and their types would not tell.
        macro_rules! network {
            ($network:ident, |$net:ident, $ids:pat_param, $mask:pat_param, $types:pat_param| $logits:expr) => {{
                let $net = $network::new(root, &parsed(config)?).map_err(|e| e.to_string())?;
                let forward: Forward = Box::new(move |$ids, $mask, $types| Ok($logits));
                forward
            }};
        }
        Ok(match self.0 {
            ModelType::Albert => {
                network!(AlbertForTokenClassification, |net, ids, mask, types| net
                    .forward_t(ids, mask, types, None, None, false)
                    .logits)
            }
            ModelType::Bert => network!(BertForTokenClassification, |net, ids, mask, types| net
                .forward_t(ids, mask, types, None, None, false)
                .logits),
            ModelType::Deberta => {
                network!(DebertaForTokenClassification, |net, ids, mask, types| net
                    .forward_t(ids, mask, types, None, None, false)?
                    .logits)
            }
            ModelType::DebertaV2 => {
                network!(DebertaV2ForTokenClassification, |net, ids, mask, types| net
                    .forward_t(ids, mask, types, None, None, false)?
                    .logits)
            }
            ModelType::DistilBert => {
                network!(DistilBertForTokenClassification, |net, ids, mask, _| net
                    .forward_t(ids, mask, None, false)?
                    .logits)
            }
            ModelType::Electra => {
                network!(ElectraForTokenClassification, |net, ids, mask, types| net
                    .forward_t(ids, mask, types, None, None, false)
                    .logits)
            }
            ModelType::FNet => network!(FNetForTokenClassification, |net, ids, _, types| net
                .forward_t(ids, types, None, None, false)?
                .logits),
            ModelType::Longformer => {
                network!(LongformerForTokenClassification, |net, ids, mask, types| {
                    net.forward_t(ids, mask, None, types, None, None, false)?
                        .logits
                })
            }
            ModelType::MobileBert => {
                network!(MobileBertForTokenClassification, |net, ids, mask, _| net
                    .forward_t(ids, None, None, None, mask, false)?
                    .logits)
            }
            ModelType::Roberta | ModelType::XLMRoberta => {
                network!(RobertaForTokenClassification, |net, ids, mask, types| net
                    .forward_t(ids, mask, types, None, None, false)
                    .logits)
            }
            ModelType::XLNet => network!(XLNetForTokenClassification, |net, ids, mask, types| net
                .forward_t(ids, mask, None, None, None, types, None, false)
                .logits),
            other => return Err(format!("rust-bert has no token classifier for {other:?}")),
        })
    }
}

impl Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, kind)| *kind == self.0);
        f.write_str(name.map_or("?", |(name, _)| *name))
    }
}

fn parsed<C: DeserializeOwned>(config: &str) -> Result<C, String> {
    serde_json::from_str(config).map_err(|e| format!("config.json: {e}"))
}
