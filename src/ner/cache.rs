//! [`Cache`]: what a model said of texts, by their hashes, within a bound of bytes. Reposts are most of social media.

use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::mem::size_of;
use std::sync::Arc;

use quick_cache::sync::{Cache as Shards, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};
use sha2::{Digest as _, Sha256};

use super::Tagged;

/// What an entry takes beside its spans: key, pointer, counts, and its share of tables that are half empty.
const ENTRY_BYTES: usize = 128;

/// The first half of a text's SHA-256. Nobody finds two texts with one key, so a wrong answer cannot be provoked, and the
/// texts themselves need not be kept. A model takes a hundred times as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key([u64; 2]);

impl Key {
    pub(super) fn of(text: &str) -> Self {
        let hash = Sha256::digest(text);
        let half = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| hash[at + i]));
        Self([half(0), half(8)])
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

/// Keys are hashes already.
#[derive(Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        // Only `Key` comes here, with one number; anything else would merely be slow.
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

pub(super) type BuildAsItIs = BuildHasherDefault<AsItIs>;

type Spans = Arc<[Tagged]>;

/// Spans by text. Shared by threads.
pub(super) struct Cache(Option<Shards<Key, Spans, Bytes, BuildAsItIs>>);

#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Spans> for Bytes {
    fn weight(&self, _: &Key, spans: &Spans) -> u64 {
        (ENTRY_BYTES + size_of_val(&**spans)) as u64
    }
}

impl Cache {
    /// A cache of at most so many bytes; none where not even one text fits.
    pub(super) fn new(bytes: usize) -> Self {
        let entries = bytes / (ENTRY_BYTES + size_of::<Tagged>());
        let options = OptionsBuilder::new()
            .estimated_items_capacity(entries)
            .weight_capacity(bytes as u64)
            .build();
        Self(options.ok().filter(|_| entries > 0).map(|options| {
            Shards::with_options(
                options,
                Bytes,
                BuildAsItIs::default(),
                DefaultLifecycle::default(),
            )
        }))
    }

    pub(super) fn get(&self, key: &Key) -> Option<Spans> {
        self.0.as_ref()?.get(key)
    }

    pub(super) fn insert(&self, key: Key, spans: Spans) {
        if let Some(shards) = &self.0 {
            shards.insert(key, spans);
        }
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let texts = self.0.as_ref().map_or(0, Shards::len);
        write!(f, "Cache({texts} texts)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(count: usize) -> Spans {
        let one = Tagged {
            start: 0,
            end: 1,
            label: 0,
            score: 1.0,
        };
        vec![one; count].into()
    }

    #[test]
    fn it_stays_within_its_bound() {
        let cache = Cache::new(64 << 10);
        for number in 0..10_000 {
            cache.insert(Key::of(&number.to_string()), spans(number % 5));
        }
        let shards = cache.0.as_ref().unwrap();
        assert!(shards.weight() <= 64 << 10, "{}", shards.weight());
        assert!(shards.len() > 100, "{}", shards.len());
        // What is larger than all of it is not kept.
        let key = Key::of("large");
        cache.insert(key, spans(10_000));
        assert!(cache.get(&key).is_none());
    }

    #[test]
    fn texts_are_told_apart() {
        let cache = Cache::new(1 << 20);
        cache.insert(Key::of("a"), spans(1));
        cache.insert(Key::of(""), spans(2));
        assert_eq!(cache.get(&Key::of("a")).map(|s| s.len()), Some(1));
        assert_eq!(cache.get(&Key::of("")).map(|s| s.len()), Some(2));
        assert!(cache.get(&Key::of("b")).is_none());
        let none = Cache::new(0);
        none.insert(Key::of("a"), spans(1));
        assert!(none.get(&Key::of("a")).is_none());
    }
}
