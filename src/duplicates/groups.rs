//! Which of many items have equal keys, in bounded memory.
//!
//! Keys are hashes. Where there is no room to sort them all, they are sorted a range of keys at a time, and asked for again
//! for each range: that reads more often instead of writing anything.

/// After so many items it is asked whether to go on.
const GO_ON_ITEMS: u32 = 64 << 10;

/// Calls `visit` with the items of each key that several of `0..count` have, by key, the items of a key in their order.
/// `room` is how many are sorted at a time; only where more than that have one key there are more. `go_on` is asked all along,
/// also where no two have one key.
pub(super) fn groups<K: Ord + Copy, E>(
    count: u32,
    room: usize,
    key: impl Fn(u32) -> Option<K>,
    go_on: impl Fn() -> Result<(), E>,
    mut visit: impl FnMut(&[u32]) -> Result<(), E>,
) -> Result<(), E> {
    let room = room.max(2);
    let mut from: Option<K> = None;
    let (mut sorted, mut items) = (Vec::new(), Vec::new());
    loop {
        sorted.clear();
        // The least key that is left for the next range.
        let mut next: Option<K> = None;
        let mut full = room;
        sorted.reserve_exact(room.min(count as usize));
        for item in 0..count {
            if item % GO_ON_ITEMS == 0 {
                go_on()?;
            }
            let Some(key) = key(item) else { continue };
            if from.is_some_and(|from| key < from) || next.is_some_and(|next| key >= next) {
                continue;
            }
            sorted.push((key, item));
            if sorted.len() >= full {
                next = middle(&mut sorted).or(next);
                sorted.retain(|(key, _)| next.is_none_or(|next| *key < next));
                full = room.max(sorted.len() * 2);
                sorted.reserve_exact(full.min(count as usize) - sorted.len());
            }
        }
        sorted.sort_unstable();
        for group in sorted.chunk_by(|(a, _), (b, _)| a == b) {
            if group.len() > 1 {
                items.clear();
                items.extend(group.iter().map(|(_, item)| *item));
                visit(&items)?;
            }
        }
        if next.is_none() {
            return Ok(());
        }
        from = next;
    }
}

/// A key that parts them into two halves, as far as there is one; none where all have one key.
fn middle<K: Ord + Copy>(items: &mut [(K, u32)]) -> Option<K> {
    let half = items.len() / 2;
    let (_, &mut (middle, _), _) = items.select_nth_unstable(half);
    let least = items.iter().map(|(key, _)| *key).min()?;
    if middle > least {
        return Some(middle);
    }
    let others = items.iter().map(|(key, _)| *key);
    others.filter(|key| *key > least).min()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn found(keys: &[Option<u8>], room: usize) -> Vec<Vec<u32>> {
        let mut found = Vec::new();
        let visit = |group: &[u32]| {
            found.push(group.to_vec());
            Ok::<_, Infallible>(())
        };
        let key = |item| keys[item as usize];
        groups(keys.len() as u32, room, key, || Ok(()), visit).unwrap();
        found
    }

    #[test]
    fn it_stops_where_no_two_have_one_key() {
        let key = |item| (item < 10).then_some(item);
        let stopped = groups(10, 10, key, || Err("stop"), |_| Ok(()));
        assert_eq!(stopped, Err("stop"));
    }

    proptest! {
        #[test]
        fn groups_are_the_same_however_little_room_there_is(
            keys in prop::collection::vec(prop::option::of(0_u8..20), 0..300),
            room in 0_usize..400,
        ) {
            let mut all: BTreeMap<u8, Vec<u32>> = BTreeMap::new();
            for (item, key) in keys.iter().enumerate() {
                if let Some(key) = key {
                    all.entry(*key).or_default().push(item as u32);
                }
            }
            let expected: Vec<_> = all.into_values().filter(|group| group.len() > 1).collect();
            prop_assert_eq!(found(&keys, room), expected);
        }
    }
}
