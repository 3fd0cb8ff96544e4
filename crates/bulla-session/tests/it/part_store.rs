//! Sessions stored in parts, of which only those are read that are needed.

use std::collections::BTreeMap;

use bulla_session::*;

#[derive(Default)]
pub(crate) struct PartStore {
    parts: BTreeMap<StoredPart, Vec<u8>>,
    /// Sessions that go on without being read again, for every other step.
    hot: Option<Sessions>,
    /// What the last step wrote, part by part; nothing for what it deleted.
    pub(crate) written: Vec<(StoredPart, Option<usize>)>,
    steps: usize,
}

impl PartStore {
    /// Sessions that were never stored in parts.
    pub(crate) fn of(sessions: &Sessions) -> Self {
        let mut store = Self::default();
        store.put(Sessions::from_bytes(&sessions.to_bytes().unwrap()).unwrap());
        store
    }

    /// What only some operations take.
    fn rest(&self) -> Vec<(StoredPart, &[u8])> {
        let lacking = |part: &StoredPart| part.name().as_ref()[0] != StoredPart::WORKING;
        self.parts.iter().filter(|(part, _)| lacking(part)).map(|(part, bytes)| (*part, &bytes[..])).collect()
    }

    /// All of them.
    pub(crate) fn whole(&self) -> Sessions {
        let parts = self.parts.iter().map(|(part, bytes)| (*part, bytes.as_slice()));
        let sessions = Sessions::from_all_parts(parts).unwrap();
        assert!(sessions.is_whole());
        sessions
    }

    /// What every message takes, as it is in memory or as it is stored.
    pub(crate) fn take(&mut self) -> Sessions {
        self.hot.take().unwrap_or_else(|| self.working())
    }

    /// What every message takes.
    pub(crate) fn working(&self) -> Sessions {
        let needed = |part: &StoredPart| part.name().as_ref()[0] == StoredPart::WORKING;
        let parts = self.parts.iter().filter(|(part, _)| needed(part));
        Sessions::from_parts(parts.map(|(part, bytes)| (*part, bytes.as_slice()))).unwrap()
    }

    /// Every part, by ascending name.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&StoredPart, &Vec<u8>)> {
        self.parts.iter()
    }

    /// Opens with no more parts than it takes.
    pub(crate) fn open(
        &mut self,
        mut step: impl FnMut(Sessions) -> Result<Opened, Failed<OpenError>>,
    ) -> Result<Opened, OpenError> {
        let mut sessions = self.take();
        loop {
            let (rest, error) = match step(sessions) {
                Ok(opened) => return Ok(opened),
                Err(failed) => failed.into_parts(),
            };
            sessions = rest;
            match error {
                OpenError::NotLoaded(part) => {
                    let bytes = self.parts.get(&part).map(Vec::as_slice);
                    sessions.load(part, bytes).unwrap();
                }
                OpenError::NotWhole(_) => {
                    sessions.load_rest(&self.rest()).unwrap();
                    // Whatever was here already, it comes to the same as reading everything.
                    assert_eq!(sessions.to_bytes().unwrap(), self.whole().to_bytes().unwrap());
                }
                error => return Err(error),
            }
        }
    }

    pub(crate) fn put(&mut self, mut sessions: Sessions) {
        self.written.clear();
        let mut last = None;
        sessions.store_changes(|part, bytes| {
            assert_eq!(StoredPart::named(part.name().as_ref()), Some(part));
            match bytes {
                Some(bytes) => self.parts.insert(part, bytes.to_vec()),
                None => self.parts.remove(&part),
            };
            self.written.push((part, bytes.map(<[u8]>::len)));
            last = Some(part);
        });
        assert_eq!(last, Some(StoredPart::Head));
        // Three steps in a row in memory, then one that reads.
        self.steps += 1;
        self.hot = Some(sessions).filter(|_| !self.steps.is_multiple_of(4));
    }

    /// How many bytes the last step wrote that it will write again.
    pub(crate) fn rewritten(&self) -> usize {
        self.written
            .iter()
            .filter(|(part, _)| matches!(part, StoredPart::Head | StoredPart::Chunk(_)))
            .filter_map(|(_, bytes)| *bytes)
            .sum()
    }
}
