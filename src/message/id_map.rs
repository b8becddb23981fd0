//! Tables keyed by ids.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::OwnedId;

/// A map from ids: integers, which nearly all are, in a table of their own.
#[derive(Debug)]
pub(crate) struct IdMap<V> {
    integers: Integers<V>,
    others: HashMap<OwnedId, V>,
}

impl<V> Default for IdMap<V> {
    fn default() -> Self {
        Self { integers: Integers::default(), others: HashMap::new() }
    }
}

impl<V: Copy> IdMap<V> {
    /// Returns what was there.
    pub(crate) fn insert(&mut self, id: &OwnedId, value: V) -> Option<V> {
        match id.as_i64() {
            Some(id) => self.integers.insert(id, value),
            None => self.others.insert(id.clone(), value),
        }
    }

    pub(crate) fn remove(&mut self, id: &OwnedId) -> Option<V> {
        match id.as_i64() {
            Some(id) => self.integers.remove(id),
            None => self.others.remove(id),
        }
    }

    pub(crate) fn get(&self, id: &OwnedId) -> Option<V> {
        match id.as_i64() {
            Some(id) => self.integers.get(id),
            None => self.others.get(id).copied(),
        }
    }

    pub(crate) fn contains(&self, id: &OwnedId) -> bool {
        self.get(id).is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.integers.len + self.others.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = V> + '_ {
        self.integers.cells.iter().flatten().map(|cell| cell.1).chain(self.others.values().copied())
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = OwnedId> + '_ {
        let integers = self.integers.cells.iter().flatten().map(|cell| OwnedId::from(cell.0));
        integers.chain(self.others.keys().cloned())
    }
}

/// Open addressing with linear probing, at most half full.
///
/// The hash is one multiplication. It is seeded, and tables are bounded by the number of pending calls, so
/// that the worst a peer can buy with chosen ids is a walk over that many cells.
#[derive(Debug)]
struct Integers<V> {
    cells: Vec<Option<(i64, V)>>,
    len: usize,
    seed: u64,
}

impl<V> Default for Integers<V> {
    fn default() -> Self {
        Self { cells: Vec::new(), len: 0, seed: RandomState::new().hash_one(0_u8) }
    }
}

impl<V: Copy> Integers<V> {
    fn home(&self, id: i64) -> usize {
        let mixed = (id as u64 ^ self.seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 32) as usize & (self.cells.len() - 1)
    }

    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.cells.len() - 1)
    }

    /// The cell of `id`, or the free one where it would go. There are cells, and a free one among them.
    fn find(&self, id: i64) -> usize {
        let mut at = self.home(id);
        while self.cells[at].as_ref().is_some_and(|cell| cell.0 != id) {
            at = self.next(at);
        }
        at
    }

    fn get(&self, id: i64) -> Option<V> {
        if self.len == 0 {
            return None;
        }
        self.cells[self.find(id)].map(|cell| cell.1)
    }

    fn insert(&mut self, id: i64, value: V) -> Option<V> {
        if self.len * 2 >= self.cells.len() {
            self.grow();
        }
        let at = self.find(id);
        let before = self.cells[at].replace((id, value));
        self.len += usize::from(before.is_none());
        before.map(|cell| cell.1)
    }

    fn grow(&mut self) {
        let cells = vec![None; (self.cells.len() * 2).max(16)];
        for cell in std::mem::replace(&mut self.cells, cells).into_iter().flatten() {
            let at = self.find(cell.0);
            self.cells[at] = Some(cell);
        }
    }

    /// Moves back what had to go on because of the cell, so that no walk ends too early.
    fn remove(&mut self, id: i64) -> Option<V> {
        if self.len == 0 {
            return None;
        }
        let mut hole = self.find(id);
        let (_, value) = self.cells[hole].take()?;
        self.len -= 1;
        let mut at = self.next(hole);
        while let Some(cell) = self.cells[at] {
            let home = self.home(cell.0);
            let mask = self.cells.len() - 1;
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.cells[hole] = self.cells[at].take();
                hole = at;
            }
            at = self.next(at);
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_hash_map_holds(steps in prop::collection::vec((0_u8..3, -40_i64..40, any::<bool>()), 0..400)) {
            let (mut map, mut model) = (IdMap::default(), HashMap::new());
            for (step, (what, number, text)) in steps.into_iter().enumerate() {
                let id = if text { OwnedId::from(&*number.to_string()) } else { OwnedId::from(number) };
                match what {
                    0 => prop_assert_eq!(map.insert(&id, step), model.insert(id, step)),
                    1 => prop_assert_eq!(map.remove(&id), model.remove(&id)),
                    _ => prop_assert_eq!(map.get(&id), model.get(&id).copied()),
                }
                prop_assert_eq!(map.len(), model.len());
            }
            let mut held: Vec<_> = map.values().collect();
            let mut expected: Vec<_> = model.values().copied().collect();
            held.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(held, expected);
            prop_assert!(map.ids().all(|id| model.contains_key(&id)));
        }
    }
}
