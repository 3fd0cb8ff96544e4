//! What children were told, to be compared with what is there.

use std::collections::HashMap;
use std::path::Path;

use bulla_store::{Commit, Store};
use bulla_store_fjall::FjallStore;

use crate::entries::{self, WRITERS};
use crate::wait;

/// What one store has to hold, over the lives of all who write to it.
///
/// It is a failure if an entry that was reported is absent, differs or has another version; if entries have a
/// gap or stand there twice; if the three tables disagree; if a version was used before; if a day that was
/// dropped is there; or if the store does not open.
#[derive(Debug, Default, Clone)]
pub(crate) struct Expected {
    acknowledged: HashMap<(u8, u64), u64>,
    newest: u64,
}

impl Expected {
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    /// Enters what one child reported, and opens the store to see.
    pub(crate) fn compare(&mut self, report: &str, folder: &Path) {
        // The last line may have been cut.
        let whole = report.rfind('\n').and_then(|end| report.get(..end)).unwrap_or_default();
        let mut dropped = None;
        for line in whole.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |place: usize| words[place].parse::<u64>().unwrap();
            match words[0] {
                "entry" => self.enter(u8::try_from(number(1)).unwrap(), number(2), number(3)),
                "dropped" => dropped = Some(number(1)),
                _ => {}
            }
        }
        wait(self.look(folder, dropped));
    }

    fn enter(&mut self, writer: u8, number: u64, version: u64) {
        let newest = self.newest;
        assert!(version > newest, "version {version} was used before the child began, which was at {newest}");
        let first = self.acknowledged.insert((writer, number), version);
        assert_eq!(first, None, "entry {number} of writer {writer} is acknowledged once");
    }

    async fn look(&mut self, folder: &Path, dropped: Option<u64>) {
        let store = FjallStore::open(folder, entries::options()).unwrap();
        let mut found = HashMap::new();
        for writer in 0..WRITERS {
            for (number, record) in entries::entries(&store, writer).await {
                found.insert((writer, number), record.version.number());
            }
        }
        for (entry, version) in &self.acknowledged {
            assert_eq!(found.get(entry), Some(version), "{entry:?} was acknowledged");
        }
        let back = entries::doomed_rounds(&store).await;
        assert!(back.iter().all(|round| Some(*round) > dropped), "{back:?} were dropped: {dropped:?}");
        self.newest = found.values().copied().max().unwrap_or(0).max(self.newest);
        // It goes on.
        store.drop_days_before(entries::NOW.day()).await.unwrap();
        let last = u64::try_from(found.keys().filter(|(writer, _)| *writer == 0).count()).unwrap();
        let head = store.get(entries::partition(0), &entries::head(), entries::NOW).await.unwrap();
        match store.commit(entries::batch(0, last + 1, head.as_ref())).await.unwrap() {
            Commit::Committed(version) => self.enter(0, last + 1, version.number()),
            other => panic!("{other:?}"),
        }
        store.close().await.unwrap();
    }
}
