//! Personal data, which nobody may be told: made up for this run, so that nothing else looks like it.

use std::sync::Mutex;

use aho_corasick::AhoCorasick;

use crate::canaries::{Canaries, shapes_of_number, shapes_of_text};

/// An emoji that stands nowhere else here.
pub(crate) const EMOJI: &str = "🦩";

/// Texts, names, secrets and numbers.
pub(crate) struct PersonalData {
    canaries: Canaries,
    numbers: Vec<String>,
    /// Numbers as somebody may have written them.
    spelled: Mutex<Vec<String>>,
}

impl PersonalData {
    pub(crate) fn new() -> Self {
        let canaries = Canaries::new(8);
        let numbers = canaries.numbers().iter().cloned().chain([canaries.stranger()]).collect();
        Self { canaries, numbers, spelled: Mutex::default() }
    }

    /// A text, a secret, a key: anything that stands nowhere else.
    pub(crate) fn text(&self) -> String {
        self.canaries.canary()
    }

    /// The number of user `place`.
    pub(crate) fn number(&self, place: usize) -> &str {
        &self.numbers[place]
    }

    /// The number of somebody nobody knows.
    pub(crate) fn stranger(&self) -> &str {
        &self.numbers[self.numbers.len() - 1]
    }

    /// The number of user `place` as people write it.
    pub(crate) fn spelled(&self, place: usize) -> String {
        let (country, rest) = self.number(place).split_at(3);
        let (area, rest) = rest.split_at(4);
        let (first, last) = rest.split_at(4);
        let spelled = format!("+{country} ({area}) {first}-{last}");
        self.spelled.lock().unwrap().push(spelled.clone());
        spelled
    }

    /// Every shape in which any of it could stand in a text.
    pub(crate) fn shapes(&self) -> Vec<(String, Vec<u8>)> {
        let mut shapes = Vec::new();
        for text in self.canaries.texts().into_iter().chain(self.spelled.lock().unwrap().clone()) {
            shapes.extend(readable(shapes_of_text(&text), &text));
        }
        for number in &self.numbers {
            shapes.extend(readable(shapes_of_number(number), number));
        }
        shapes.push(("the emoji".to_owned(), EMOJI.as_bytes().to_vec()));
        shapes.push(("the emoji, escaped".to_owned(), b"1f9a9".to_vec()));
        shapes.push(("the emoji's bytes".to_owned(), listed(EMOJI).into_bytes()));
        shapes
    }

    /// What of it stands in `told`, each with the line around it.
    pub(crate) fn find(&self, told: &[u8]) -> Vec<String> {
        let shapes = self.shapes();
        let search = AhoCorasick::new(shapes.iter().map(|(_, shape)| shape)).unwrap();
        let line = |at: usize| {
            let start = told[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            let end = told[at..].iter().position(|byte| *byte == b'\n').map_or(told.len(), |end| at + end);
            String::from_utf8_lossy(&told[start..end]).into_owned()
        };
        let found = search.find_iter(told);
        found
            .map(|found| format!("{}: {}", shapes[found.pattern().as_usize()].0, line(found.start())))
            .collect()
    }
}

/// The shapes that can stand in a text, with those in which bytes are printed.
fn readable(shapes: Vec<(&'static str, Vec<u8>)>, of: &str) -> Vec<(String, Vec<u8>)> {
    let mut readable: Vec<(String, Vec<u8>)> = shapes
        .into_iter()
        .filter(|(_, shape)| shape.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' '))
        .map(|(name, shape)| (name.to_owned(), shape))
        .collect();
    readable.push(("listed bytes".to_owned(), listed(of).into_bytes()));
    readable
}

/// As `{:?}` shows bytes.
fn listed(text: &str) -> String {
    text.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ")
}
