//! Sessions in parts, kept in memory: what a store would have to read and write, without the store.

use std::collections::BTreeMap;

use bulla_session::{Sessions, StoredPart};

/// The most parts that are read for every message: three and the chunks of a key.
const WORKING: usize = 3 + 36;

pub(crate) struct PartStore {
    /// Those that every message takes, by ascending name.
    working: Vec<(StoredPart, Vec<u8>)>,
    /// All others as they came, one behind the other: name and bytes behind their lengths.
    journal: Vec<u8>,
    /// The sessions themselves, if they are held.
    held: Option<Sessions>,
    hold: bool,
}

impl PartStore {
    pub(crate) fn new(hold: bool) -> Self {
        let journal = Vec::with_capacity(1 << 20);
        let mut store = Self { working: Vec::with_capacity(WORKING), journal, held: None, hold };
        store.put(Sessions::new());
        store
    }

    /// To be put back.
    pub(crate) fn take(&mut self) -> Sessions {
        self.held.take().unwrap_or_else(|| self.sessions())
    }

    /// What every message takes.
    pub(crate) fn sessions(&self) -> Sessions {
        Sessions::from_parts(self.working.iter().map(|(part, bytes)| (*part, bytes.as_slice()))).unwrap()
    }

    /// All there are.
    pub(crate) fn whole(&self) -> Sessions {
        let mut parts: BTreeMap<_, _> =
            self.working.iter().map(|(part, bytes)| (*part, bytes.as_slice())).collect();
        let mut journal = self.journal.as_slice();
        while let Some(name) = next(&mut journal) {
            let part = StoredPart::named(name).unwrap();
            match next(&mut journal).unwrap() {
                [] => parts.remove(&part),
                bytes => parts.insert(part, bytes),
            };
        }
        Sessions::from_all_parts(parts).unwrap()
    }

    /// Writes what has changed.
    pub(crate) fn put(&mut self, mut sessions: Sessions) {
        sessions.store_changes(|part, bytes| match (part.name().as_ref()[0], bytes) {
            (StoredPart::WORKING, bytes) => self.put_working(part, bytes),
            (_, bytes) => {
                for field in [part.name().as_ref(), bytes.unwrap_or_default()] {
                    self.journal.extend_from_slice(&u32::try_from(field.len()).unwrap().to_be_bytes());
                    self.journal.extend_from_slice(field);
                }
            }
        });
        self.held = Some(sessions).filter(|_| self.hold);
    }

    fn put_working(&mut self, part: StoredPart, bytes: Option<&[u8]>) {
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

/// The next field of a journal.
fn next<'a>(journal: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = journal.split_first_chunk()?;
    let (field, rest) = rest.split_at(usize::try_from(u32::from_be_bytes(*length)).unwrap());
    *journal = rest;
    Some(field)
}
