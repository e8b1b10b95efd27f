//! Every architecture: a small network of it with random weights answers through SpanQL as through rust-bert alone.

use std::fs;
use std::path::Path;

use rust_bert::albert::AlbertConfig;
use rust_bert::bert::BertConfig;
use rust_bert::deberta::DebertaConfig;
use rust_bert::deberta_v2::DebertaV2Config;
use rust_bert::distilbert::DistilBertConfig;
use rust_bert::electra::ElectraConfig;
use rust_bert::fnet::FNetConfig;
use rust_bert::longformer::LongformerConfig;
use rust_bert::mobilebert::MobileBertConfig;
use rust_bert::xlnet::XLNetConfig;
use serde::Serialize;
use serde_json::{Value, json};
use tch::{Device, Tensor, nn};

use super::same::{Direct, assert_same, found};
use super::{Bert, Model};
use crate::ner::bert::architecture::Architecture;

/// Small sizes, by all names that the architectures have for them; each takes those that it knows.
fn sizes() -> Value {
    json!({
        "vocab_size": 400, "max_position_embeddings": 40, "type_vocab_size": 2,
        "hidden_size": 16, "dim": 16, "d_model": 16, "embedding_size": 16,
        "intermediate_size": 24, "hidden_dim": 24, "d_inner": 24, "pooler_hidden_size": 16,
        "num_hidden_layers": 2, "n_layers": 2, "n_layer": 2,
        "num_attention_heads": 2, "n_heads": 2, "n_head": 2, "d_head": 8,
        "true_hidden_size": 16, "intra_bottleneck_size": 16, "attention_window": [4, 4],
        // Without it MobileBERT's random weights add up to numbers that rust-bert's own pipeline cannot exponentiate.
        "normalization_type": "layer_norm",
        "pad_token_id": 0,
        "id2label": {"0": "O", "1": "B-PER", "2": "I-PER", "3": "B-LOC", "4": "I-LOC"},
        "label2id": {"O": 0, "B-PER": 1, "I-PER": 2, "B-LOC": 3, "I-LOC": 4},
    })
}

/// `config.json` of a small network: what rust-bert has by default, in small.
fn config(name: &str, defaults: impl Serialize) -> String {
    let mut config = serde_json::to_value(defaults).unwrap();
    let fields = config.as_object_mut().unwrap();
    // What is absent by default is null here, which not every architecture reads again.
    fields.retain(|_, value| !value.is_null());
    for (field, value) in sizes().as_object().unwrap() {
        if fields.contains_key(field) || field.starts_with("id2") {
            fields.insert(field.clone(), value.clone());
        }
    }
    fields.insert("model_type".to_owned(), json!(name));
    config.to_string()
}

fn configs() -> [(&'static str, String); 12] {
    let of = |name: &'static str, config: String| (name, config);
    [
        of("albert", config("albert", AlbertConfig::default())),
        of("bert", config("bert", BertConfig::default())),
        of("deberta", config("deberta", DebertaConfig::default())),
        of(
            "deberta-v2",
            config("deberta-v2", DebertaV2Config::default()),
        ),
        of(
            "distilbert",
            config("distilbert", DistilBertConfig::default()),
        ),
        of("electra", config("electra", ElectraConfig::default())),
        of("fnet", config("fnet", FNetConfig::default())),
        of(
            "longformer",
            config("longformer", LongformerConfig::default()),
        ),
        of(
            "mobilebert",
            config("mobilebert", MobileBertConfig::default()),
        ),
        of("roberta", config("roberta", BertConfig::default())),
        of("xlm-roberta", config("xlm-roberta", BertConfig::default())),
        of("xlnet", config("xlnet", XLNetConfig::default())),
    ]
}

const LETTERS: &str =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?'-:;王小明北京";

/// The tokenizer's files: single letters, with and without what marks the middle or the beginning of a word.
fn write_tokenizer(folder: &Path, architecture: Architecture) {
    let special = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let write = |name: &str, contents: &[u8]| fs::write(folder.join(name), contents).unwrap();
    write("tokenizer_config.json", br#"{"do_lower_case": false}"#);
    match architecture.tokenizer_files() {
        ("vocab.txt", _) => {
            let mut words = special(&["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]);
            words.extend(
                LETTERS
                    .chars()
                    .flat_map(|c| [c.to_string(), format!("##{c}")]),
            );
            write("vocab.txt", words.join("\n").as_bytes());
        }
        ("vocab.json", _) => {
            let names: &[&str] = match architecture.to_string().as_str() {
                "deberta" => &["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
                _ => &["<pad>", "<unk>", "<s>", "</s>", "<mask>"],
            };
            let mut words = special(names);
            // The letters that stand for bytes.
            words.extend(
                ('!'..='~')
                    .chain('¡'..='¬')
                    .chain('®'..='ń')
                    .map(String::from),
            );
            words.push("Ġa".to_owned());
            let numbered = words
                .iter()
                .enumerate()
                .map(|(id, word)| (word.clone(), json!(id)));
            let vocabulary: serde_json::Map<String, Value> = numbered.collect();
            write("vocab.json", Value::from(vocabulary).to_string().as_bytes());
            write("merges.txt", "#version: 0.2\nĠ a\n".as_bytes());
        }
        (name, _) => {
            let names: &[&str] = match architecture.to_string().as_str() {
                "xlm-roberta" => &["<unk>", "<s>", "</s>"],
                "xlnet" => &[
                    "<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>",
                ],
                "deberta-v2" => &["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"],
                _ => &["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"],
            };
            let mut pieces = special(names);
            pieces.extend(
                LETTERS
                    .chars()
                    .flat_map(|c| [c.to_string(), format!("▁{c}")]),
            );
            pieces.push("▁".to_owned());
            write(name, &sentence_pieces(&pieces));
        }
    }
}

/// A SentencePiece model with these pieces, in the encoding of Protocol Buffers: field 1 is a piece, with its text in field
/// 1 and its score in field 2.
fn sentence_pieces(pieces: &[String]) -> Vec<u8> {
    let mut model = Vec::new();
    for (rank, piece) in pieces.iter().enumerate() {
        let mut message = vec![0x0a, piece.len() as u8];
        message.extend(piece.as_bytes());
        message.push(0x15);
        message.extend((-1.0 - rank as f32 / 100.0).to_le_bytes());
        model.extend([0x0a, message.len() as u8]);
        model.extend(message);
    }
    model
}

/// How far weights are from zero at most.
const WIDTH: f64 = 0.3;

/// Gives what is drawn when a network is built the same values each time: libtorch's generator is shared with tests that
/// run beside this one. What begins as a constant stays.
fn fill(store: &nn::VarStore) {
    let mut weights: Vec<_> = store.variables().into_iter().collect();
    weights.sort_by(|a, b| a.0.cmp(&b.0));
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1_u32 << 23) as f32 - 1.0
    };
    for (name, mut weight) in weights {
        if name == "classifier.bias" {
            // Of the label O: so that most of a text is of some entity.
            let _bias = tch::no_grad(|| weight.get(0).fill_(-1.0));
            continue;
        }
        let spread = match weight.numel() {
            0 | 1 => 0.0,
            _ => weight.std(true).double_value(&[]),
        };
        if spread > 0.0 {
            let values: Vec<f32> = (0..weight.numel()).map(|_| next()).collect();
            let values = Tensor::from_slice(&values).reshape(weight.size());
            tch::no_grad(|| weight.copy_(&(values * WIDTH)));
        }
    }
}

fn write_model(folder: &Path, name: &str, config: &str) -> Architecture {
    let architecture = Architecture::named(name).unwrap();
    let store = nn::VarStore::new(Device::Cpu);
    let _network = architecture.build(&store.root(), config).unwrap();
    fill(&store);
    store.save(folder.join("model.safetensors")).unwrap();
    fs::write(folder.join("config.json"), config).unwrap();
    write_tokenizer(folder, architecture);
    architecture
}

#[test]
fn every_architecture_answers_as_rust_bert_does() {
    let texts = [
        "Ann met Bob in Rome.",
        "a",
        "王小明 in 北京!",
        "Call 555-0147: ask for Joan.",
    ];
    for (name, config) in configs() {
        let folder = tempfile::tempdir().unwrap();
        let architecture = write_model(folder.path(), name, &config);
        let model = Bert::open(folder.path()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let direct = Direct::open(folder.path(), architecture, false);
        let ours = found(&model, &texts);
        assert!(
            ours.iter().map(Vec::len).sum::<usize>() > 10,
            "{name}: {ours:?}"
        );
        for (text, ours) in texts.iter().zip(ours) {
            assert_same(text, &ours, &direct.found(text));
        }
    }
}

#[test]
fn every_architecture_reads_long_texts_to_their_end() {
    let text = "Ann met Bob in Rome. ".repeat(40);
    for (name, config) in configs() {
        let folder = tempfile::tempdir().unwrap();
        write_model(folder.path(), name, &config);
        let model = Bert::open(folder.path()).unwrap();
        let found = found(&model, &[&text]).remove(0);
        assert!(
            found
                .last()
                .is_some_and(|(.., end, _, _)| *end > text.len() - 20),
            "{name}: {found:?}"
        );
        model
            .tag(&[&text])
            .unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

#[test]
fn weights_in_rust_berts_own_format_are_read() {
    let (name, config) = configs()
        .into_iter()
        .find(|(name, _)| *name == "bert")
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write_model(path, name, &config);
    let text = ["Ann met Bob in Rome."];
    let expected = found(&Bert::open(path).unwrap(), &text);
    let weights = tch::Tensor::read_safetensors(path.join("model.safetensors")).unwrap();
    tch::Tensor::save_multi(&weights, path.join("rust_model.ot")).unwrap();
    fs::remove_file(path.join("model.safetensors")).unwrap();
    assert_eq!(found(&Bert::open(path).unwrap(), &text), expected);
}
