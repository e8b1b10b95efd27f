//! Weights as bytes: a safetensors file, which other programs can read too, packed by zstd.
//!
//! Owns the names of the tensors and the checks on reading. A file that is cut short, of another version or inconsistent
//! is refused; nothing that can be read can make the tagger panic.

use std::collections::HashMap;
use std::io::{self, Read};

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use zstd::stream::read::Decoder;

use super::Side;
use super::kernel::Matrix;
use super::lexicon::{Keys, Lexicon};
use super::network::{Network, Shape, TAGS, Table, Vectors};
use super::variants::Variants;

/// The one key of the metadata, of this version; under it stand the shapes of both sides.
const FORMAT: &str = "spanql tagger 1";

/// The most that a file may hold when it is decompressed.
const LARGEST_FILE: u64 = 1 << 28;

/// zstd's; the weights are written once and read often.
const LEVEL: i32 = 19;

/// Reads both sides and the variants.
pub(super) fn read(bytes: &[u8]) -> Result<(Side, Side, Variants), String> {
    let bytes = &unpack(bytes).map_err(|e| format!("no weights, which zstd has packed: {e}"))?;
    let (_, header) =
        SafeTensors::read_metadata(bytes).map_err(|e| format!("no safetensors file: {e}"))?;
    let metadata = header.metadata().as_ref();
    let Some(shapes) = metadata.and_then(|metadata| metadata.get(FORMAT)) else {
        return Err(format!(
            "no weights of a tagger, or of another version of SpanQL: its metadata have no {FORMAT:?}"
        ));
    };
    let Some((words, characters)) = shapes.split_once(", ") else {
        return Err(format!("its shapes are {shapes:?}"));
    };
    let file = File(SafeTensors::deserialize(bytes).map_err(|e| format!("damaged: {e}"))?);
    let variants = Variants::new(
        file.characters("variants.from")?,
        file.characters("variants.to")?,
    )?;
    Ok((
        file.side("words", words)?,
        file.side("characters", characters)?,
        variants,
    ))
}

fn unpack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    let read = Decoder::new(bytes)?
        .take(LARGEST_FILE)
        .read_to_end(&mut unpacked)?;
    if read as u64 == LARGEST_FILE {
        return Err(io::Error::other(format!("more than {LARGEST_FILE} bytes")));
    }
    Ok(unpacked)
}

/// Writes what [`read`] reads.
pub(super) fn write(
    words: &Side,
    characters: &Side,
    variants: &Variants,
) -> Result<Vec<u8>, String> {
    let mut tensors: Vec<(String, Dtype, usize, Vec<u8>)> = Vec::new();
    let mut shapes = Vec::new();
    let (from, to) = variants.pairs();
    let of_characters =
        |characters: &[char]| bytes_of(characters.iter().map(|&c| (c as u32).to_le_bytes()));
    tensors.push((
        "variants.from".into(),
        Dtype::U32,
        from.len(),
        of_characters(from),
    ));
    tensors.push((
        "variants.to".into(),
        Dtype::U32,
        to.len(),
        of_characters(to),
    ));
    for (name, side) in [("words", words), ("characters", characters)] {
        let Side { network, lexicon } = side;
        let Shape {
            embedding,
            hidden,
            units,
        } = network.shape;
        shapes.push(format!("{embedding} {hidden} {units} {}", network.shift));
        let mut add = |tensor: &str, dtype, length, bytes| {
            tensors.push((format!("{name}.{tensor}"), dtype, length, bytes))
        };
        let i16s = |values: &[i16]| bytes_of(values.iter().map(|v| v.to_le_bytes()));
        let u16s = |values: &[u16]| bytes_of(values.iter().map(|v| v.to_le_bytes()));
        let u32s = |values: &[u32]| bytes_of(values.iter().map(|v| v.to_le_bytes()));
        let f32s = |values: &[f32]| bytes_of(values.iter().map(|v| v.to_le_bytes()));
        let i32s = |values: &[i32]| bytes_of(values.iter().map(|v| v.to_le_bytes()));
        let rows = bytes_of(network.rows.iter().map(|v| v.to_le_bytes()));
        add("rows", Dtype::I8, network.rows.len(), rows);
        add(
            "rows.seen",
            Dtype::U8,
            network.table.seen.len(),
            network.table.seen.clone(),
        );
        let vectors = &network.vectors;
        add(
            "vectors.keys",
            Dtype::U16,
            vectors.keys.checks.len(),
            u16s(&vectors.keys.checks),
        );
        add(
            "vectors.codes",
            Dtype::U8,
            vectors.codes.len(),
            vectors.codes.clone(),
        );
        add(
            "vectors.codebook",
            Dtype::F32,
            vectors.codebook.len(),
            f32s(&vectors.codebook),
        );
        for (at, projection) in vectors.projections.iter().enumerate() {
            add(
                &format!("vectors.projection.{at}"),
                Dtype::F32,
                projection.len(),
                f32s(projection),
            );
        }
        add(
            "convolution",
            Dtype::I16,
            network.convolution.len(),
            i16s(&network.convolution),
        );
        add("bias", Dtype::I16, network.bias.len(), i16s(&network.bias));
        add("out", Dtype::I16, network.out.len(), i16s(&network.out));
        add(
            "out.bias",
            Dtype::I32,
            network.out_bias.len(),
            i32s(&network.out_bias),
        );
        let transitions = network.transitions.concat();
        add(
            "transitions",
            Dtype::I32,
            transitions.len(),
            i32s(&transitions),
        );
        add(
            "lexicon.keys",
            Dtype::U16,
            lexicon.keys.checks.len(),
            u16s(&lexicon.keys.checks),
        );
        add(
            "lexicon.sets",
            Dtype::U16,
            lexicon.sets.len(),
            u16s(&lexicon.sets),
        );
        add(
            "lexicon.costs",
            Dtype::U8,
            lexicon.costs.len(),
            lexicon.costs.clone(),
        );
        add(
            "lexicon.longest",
            Dtype::U8,
            lexicon.longest.len(),
            lexicon.longest.clone(),
        );
        add(
            "lexicon.ends",
            Dtype::U32,
            lexicon.ends.len(),
            u32s(&lexicon.ends),
        );
        add(
            "lexicon.classes",
            Dtype::U16,
            lexicon.classes.len(),
            u16s(&lexicon.classes),
        );
    }
    let views = tensors
        .iter()
        .map(|(name, dtype, length, bytes)| {
            let view = TensorView::new(*dtype, vec![*length], bytes)
                .map_err(|e| format!("{name}: {e}"))?;
            Ok((name.as_str(), view))
        })
        .collect::<Result<Vec<_>, String>>()?;
    // One key: the order of several would change from run to run.
    let metadata = HashMap::from([(FORMAT.to_string(), shapes.join(", "))]);
    let bytes = serialize(views, &Some(metadata)).map_err(|e| e.to_string())?;
    zstd::bulk::compress(&bytes, LEVEL).map_err(|e| e.to_string())
}

fn bytes_of<const N: usize>(values: impl Iterator<Item = [u8; N]>) -> Vec<u8> {
    values.flatten().collect()
}

struct File<'a>(SafeTensors<'a>);

impl File<'_> {
    fn side(&self, name: &str, shape: &str) -> Result<Side, String> {
        let sizes: Result<Vec<usize>, _> = shape.split(' ').map(str::parse).collect();
        let Ok(&[embedding, hidden, units, shift]) = sizes.as_deref() else {
            return Err(format!("{name}: its shape is {shape:?}"));
        };
        if [embedding, hidden, units, shift]
            .iter()
            .any(|&size| size > LARGEST_SIZE)
        {
            return Err(format!("{name}: its shape is {shape:?}"));
        }
        let read = |tensor: &str| format!("{name}.{tensor}");
        let transitions = self.numbers(&read("transitions"), Dtype::I32, i32::from_le_bytes)?;
        let rows = self.numbers(&read("rows"), Dtype::I8, i8::from_le_bytes)?;
        let mut network = Network {
            shape: Shape {
                embedding,
                hidden,
                units,
            },
            table: Table {
                rows: rows.len().checked_div(embedding).unwrap_or(0),
                seen: self.numbers(&read("rows.seen"), Dtype::U8, u8::from_le_bytes)?,
            },
            rows,
            vectors: Vectors {
                keys: Keys {
                    checks: self.numbers(&read("vectors.keys"), Dtype::U16, u16::from_le_bytes)?,
                },
                codes: self.numbers(&read("vectors.codes"), Dtype::U8, u8::from_le_bytes)?,
                codebook: self.numbers(
                    &read("vectors.codebook"),
                    Dtype::F32,
                    f32::from_le_bytes,
                )?,
                projections: [
                    self.numbers(
                        &read("vectors.projection.0"),
                        Dtype::F32,
                        f32::from_le_bytes,
                    )?,
                    self.numbers(
                        &read("vectors.projection.1"),
                        Dtype::F32,
                        f32::from_le_bytes,
                    )?,
                ],
                ..Vectors::default()
            },
            convolution: self.numbers(&read("convolution"), Dtype::I16, i16::from_le_bytes)?,
            shift: shift as u32,
            bias: self.numbers(&read("bias"), Dtype::I16, i16::from_le_bytes)?,
            out: self.numbers(&read("out"), Dtype::I16, i16::from_le_bytes)?,
            out_bias: self.numbers(&read("out.bias"), Dtype::I32, i32::from_le_bytes)?,
            transitions: transitions.as_chunks::<TAGS>().0.to_vec(),
            packed_convolution: Matrix::default(),
            packed_out: Matrix::default(),
        };
        let mut lexicon = Lexicon {
            keys: Keys {
                checks: self.numbers(&read("lexicon.keys"), Dtype::U16, u16::from_le_bytes)?,
            },
            sets: self.numbers(&read("lexicon.sets"), Dtype::U16, u16::from_le_bytes)?,
            costs: self.numbers(&read("lexicon.costs"), Dtype::U8, u8::from_le_bytes)?,
            longest: self.numbers(&read("lexicon.longest"), Dtype::U8, u8::from_le_bytes)?,
            ends: self.numbers(&read("lexicon.ends"), Dtype::U32, u32::from_le_bytes)?,
            classes: self.numbers(&read("lexicon.classes"), Dtype::U16, u16::from_le_bytes)?,
            ..Lexicon::default()
        };
        let whole = network.check().and_then(|()| lexicon.check());
        whole.map_err(|e| format!("{name}: {e}"))?;
        network.prepare();
        lexicon.prepare();
        Ok(Side { network, lexicon })
    }

    fn numbers<T, const N: usize>(
        &self,
        name: &str,
        dtype: Dtype,
        number: fn([u8; N]) -> T,
    ) -> Result<Vec<T>, String> {
        let tensor = self
            .0
            .tensor(name)
            .map_err(|_| format!("it has no {name}"))?;
        if tensor.dtype() != dtype {
            return Err(format!(
                "its {name} is of {:?}, not of {dtype:?}",
                tensor.dtype()
            ));
        }
        Ok(tensor
            .data()
            .as_chunks::<N>()
            .0
            .iter()
            .map(|&bytes| number(bytes))
            .collect())
    }

    fn characters(&self, name: &str) -> Result<Vec<char>, String> {
        let numbers = self.numbers(name, Dtype::U32, u32::from_le_bytes)?;
        let characters: Option<Vec<char>> = numbers.into_iter().map(char::from_u32).collect();
        characters.ok_or_else(|| format!("its {name} are no characters"))
    }
}

/// No dimension of a network is larger; products of two stay far within the address space.
const LARGEST_SIZE: usize = 1 << 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ner::tagger::Tagger;
    use crate::ner::tagger::train::tests::small_weights;

    #[test]
    fn what_was_written_is_read() {
        let bytes = small_weights();
        let (words, characters, variants) = read(&bytes).unwrap();
        assert_eq!(
            write(&words, &characters, &variants).map(|again| read(&again).unwrap().0 == words),
            Ok(true)
        );
        assert_eq!(variants.read('們'), '们');
    }

    #[test]
    fn what_is_no_whole_weights_is_refused() {
        let bytes = small_weights();
        let refused = |bytes: &[u8]| Tagger::from_bytes(bytes).unwrap_err();
        assert!(refused(b"").contains("no weights"), "{}", refused(b""));
        assert!(refused(b"{}").contains("no weights"));
        assert!(refused(&bytes[..bytes.len() / 2]).contains("no weights"));
        let pack = |bytes: &[u8]| zstd::bulk::compress(bytes, 1).unwrap();
        assert!(refused(&pack(b"no tensors")).contains("no safetensors file"));
        let other = serialize(Vec::<(&str, TensorView<'_>)>::new(), &None).unwrap();
        assert!(refused(&pack(&other)).contains("another version"));
        let unpacked = unpack(&bytes).unwrap();
        assert!(refused(&pack(&unpacked[..unpacked.len() - 1])).contains("no safetensors file"));
    }

    /// A whole file of weights with some bytes changed is refused, or else works.
    #[test]
    fn no_bytes_make_it_panic() {
        use crate::ner::Model;
        let unpacked = unpack(&small_weights()).unwrap();
        for at in (0..unpacked.len()).step_by(unpacked.len() / 300 + 1) {
            let mut damaged = unpacked.clone();
            damaged[at] ^= 0xFF;
            if let Ok(tagger) = Tagger::from_bytes(&zstd::bulk::compress(&damaged, 1).unwrap()) {
                tagger
                    .tag(&["Ann Lee met 王小明 in Paris.", "他們在北京工作。"])
                    .unwrap();
            }
        }
    }
}
