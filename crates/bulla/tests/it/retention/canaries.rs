//! The texts that were said, each findable, and when.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla::base::{Clock, Timestamp};

const MARK: &[u8] = b"canary-";
const DIGITS: usize = 6;

/// Every canary by its number, with the moment at which it is said.
#[derive(Clone)]
pub(crate) struct Canaries {
    clock: Arc<dyn Clock>,
    said: Arc<Mutex<Vec<Timestamp>>>,
}

impl Canaries {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, said: Arc::default() }
    }

    /// Words that were never said before.
    pub(crate) fn new_text(&self) -> String {
        let mut said = self.said.lock().unwrap();
        said.push(self.clock.now());
        format!("canary-{:0DIGITS$}", said.len() - 1)
    }

    pub(crate) fn count(&self) -> usize {
        self.said.lock().unwrap().len()
    }

    /// How long ago the canaries in `bytes` were said.
    pub(crate) fn ages(&self, bytes: &[u8]) -> Vec<Duration> {
        let now = self.clock.now();
        let said = self.said.lock().unwrap();
        let marks = bytes.windows(MARK.len() + DIGITS).filter(|window| window.starts_with(MARK));
        let numbers =
            marks.map(|window| str::from_utf8(&window[MARK.len()..]).unwrap().parse::<usize>().unwrap());
        numbers.map(|number| now.since(said[number])).collect()
    }
}
