//! The network on its device: its weights, and a batch of token ids in, a class and a score for each token out.
//!
//! Leaves out where it runs (`workers.rs`) and what classes mean.

use std::collections::HashMap;
use std::path::Path;

use tch::{Device, Kind, TchError, Tensor, nn, no_grad};

use super::architecture::Forward;
use super::folder::Folder;
use super::tokenizer::Input;

/// A network with its weights.
pub(super) struct Network {
    forward: Forward,
    device: Device,
    /// Ids from here on are not in the table of embeddings.
    vocabulary: i64,
    padding: i64,
}

/// The likeliest class of a token, and its probability.
pub(super) type Guess = (usize, f32);

impl Network {
    /// Loads the weights, onto a CUDA device where libtorch has one.
    ///
    /// # Errors
    /// A message that names the file, and the parameter where one is at fault.
    pub(super) fn load(folder: &Folder, padding: i64) -> Result<Self, String> {
        let device = Device::cuda_if_available();
        let store = nn::VarStore::new(device);
        let forward = folder.architecture.build(&store.root(), &folder.config)?;
        let path = folder.weights();
        let said = |problem: String| format!("{}: {problem}", path.display());
        let weights = read(&path).map_err(|e| said(e.to_string()))?;
        for (name, mut parameter) in store.variables() {
            let weight = weights
                .get(&name)
                .ok_or_else(|| said(format!("it has no {name}, which config.json asks for")))?;
            if weight.size() != parameter.size() {
                return Err(said(format!(
                    "{name} is {:?}, where config.json, with {} labels in id2label, asks for {:?}",
                    weight.size(),
                    folder.classes.len(),
                    parameter.size()
                )));
            }
            no_grad(|| parameter.f_copy_(weight)).map_err(|e| said(format!("{name}: {e}")))?;
        }
        Ok(Self {
            forward,
            device,
            vocabulary: folder.vocabulary,
            padding,
        })
    }

    /// Whether the processor runs it.
    pub(super) fn on_cpu(&self) -> bool {
        self.device == Device::Cpu
    }

    /// The guesses for a batch of texts, of which there is at least one; those for the padding are left out.
    ///
    /// # Errors
    /// A message for the user.
    pub(super) fn guess(&self, batch: &[Vec<Input>]) -> Result<Vec<Vec<Guess>>, String> {
        let length = batch.iter().map(Vec::len).max().unwrap_or(0);
        let (mut ids, mut mask, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
        for text in batch {
            let fill = length - text.len();
            let kind = text.last().map_or(0, |input| input.kind);
            ids.extend(text.iter().map(|input| input.id));
            ids.extend(std::iter::repeat_n(self.padding, fill));
            kinds.extend(text.iter().map(|input| input.kind));
            kinds.extend(std::iter::repeat_n(kind, fill));
            mask.extend(std::iter::repeat_n(1_i64, text.len()));
            mask.extend(std::iter::repeat_n(0_i64, fill));
        }
        if let Some(id) = ids.iter().find(|id| **id >= self.vocabulary) {
            return Err(format!(
                "the tokenizer has a token with the number {id}, but by vocab_size in config.json there are only {}: \
                 tokenizer and network belong to different models",
                self.vocabulary
            ));
        }
        let (scores, classes) = self
            .run(&ids, &mask, &kinds, batch.len())
            .map_err(|e| e.to_string())?;
        if scores.iter().any(|score| !score.is_finite()) {
            return Err("the network's output is not a number: its weights are damaged".to_owned());
        }
        let mut guesses = classes.into_iter().map(|class| class as usize).zip(scores);
        Ok(batch
            .iter()
            .map(|text| {
                let row: Vec<Guess> = guesses.by_ref().take(length).collect();
                row[..text.len()].to_vec()
            })
            .collect())
    }

    fn run(
        &self,
        ids: &[i64],
        mask: &[i64],
        kinds: &[i64],
        texts: usize,
    ) -> Result<(Vec<f32>, Vec<i64>), rust_bert::RustBertError> {
        let tensor = |values: &[i64]| -> Result<Tensor, TchError> {
            Tensor::f_from_slice(values)?
                .f_view([texts as i64, -1])?
                .f_to(self.device)
        };
        no_grad(|| {
            let (ids, mask, kinds) = (tensor(ids)?, tensor(mask)?, tensor(kinds)?);
            let logits = (self.forward)(Some(&ids), Some(&mask), Some(&kinds))?;
            let (scores, classes) = logits.f_softmax(-1, Kind::Float)?.f_max_dim(-1, false)?;
            let (scores, classes) = (scores.f_view([-1])?, classes.f_view([-1])?);
            Ok((Vec::try_from(scores)?, Vec::try_from(classes)?))
        })
    }
}

fn read(path: &Path) -> Result<HashMap<String, Tensor>, TchError> {
    let weights = match path.extension() {
        Some(extension) if extension == "safetensors" => Tensor::read_safetensors(path)?,
        _ => Tensor::load_multi(path)?,
    };
    Ok(weights.into_iter().collect())
}
