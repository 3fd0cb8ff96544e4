//! Sessions in parts, kept in memory: what a store would have to read and write, without the store.

use std::collections::HashMap;

use bulla_session::{Part, Sessions};

/// The most parts that are read for every message: three and the chunks of a key.
const WORKING: usize = 3 + 36;

pub(crate) struct Shelf {
    /// Those that every message takes, by ascending name.
    working: Vec<(Part, Vec<u8>)>,
    rest: HashMap<Part, Vec<u8>>,
}

impl Shelf {
    pub(crate) fn new() -> Self {
        let mut shelf = Self { working: Vec::with_capacity(WORKING), rest: HashMap::with_capacity(2048) };
        shelf.put(Sessions::new());
        shelf
    }

    /// What every message takes.
    pub(crate) fn sessions(&self) -> Sessions {
        let mut parts = [(Part::Head, &[][..]); WORKING];
        for (place, (part, bytes)) in parts.iter_mut().zip(&self.working) {
            *place = (*part, bytes);
        }
        Sessions::from_parts(&parts[..self.working.len()]).unwrap()
    }

    /// All there are.
    pub(crate) fn whole(&self) -> Sessions {
        let rest = self.rest.iter().map(|(part, bytes)| (*part, bytes.as_slice()));
        let mut parts: Vec<_> =
            self.working.iter().map(|(part, bytes)| (*part, bytes.as_slice())).chain(rest).collect();
        parts.sort_unstable_by_key(|(part, _)| *part);
        Sessions::from_all_parts(&parts).unwrap()
    }

    /// Writes what has changed.
    pub(crate) fn put(&mut self, sessions: Sessions) {
        sessions.into_changes(|part, bytes| match (part.name().as_ref()[0], bytes) {
            (Part::WORKING, bytes) => self.put_working(part, bytes),
            (_, Some(bytes)) => drop(self.rest.insert(part, bytes.to_vec())),
            (_, None) => drop(self.rest.remove(&part)),
        });
    }

    fn put_working(&mut self, part: Part, bytes: Option<&[u8]>) {
        match (self.working.binary_search_by_key(&part, |(there, _)| *there), bytes) {
            // In place, as a store would copy into its journal.
            (Ok(place), Some(bytes)) => {
                let (_, stored) = &mut self.working[place];
                stored.clear();
                stored.extend_from_slice(bytes);
            }
            (Err(place), Some(bytes)) => self.working.insert(place, (part, bytes.to_vec())),
            (Ok(place), None) => drop(self.working.remove(place)),
            (Err(_), None) => {}
        }
    }
}
