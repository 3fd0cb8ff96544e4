//! What was measured, by row and implementation.

use crate::clock::median;

/// Who was measured.
#[derive(Clone, Copy)]
pub(crate) enum Who {
    /// Ours, held in memory from message to message.
    Ours,
    /// Ours, read from what is stored for every message.
    Read,
    Olm,
    Floor,
}

/// Samples of every row, in the order in which the rows first came up.
#[derive(Default)]
pub(crate) struct Measurements {
    rows: Vec<(String, [Vec<f64>; 4])>,
}

impl Measurements {
    pub(crate) fn add(&mut self, row: &str, who: Who, sample: f64) {
        let place = self.rows.iter().position(|(name, _)| name == row).unwrap_or_else(|| {
            self.rows.push((row.to_owned(), Default::default()));
            self.rows.len() - 1
        });
        let (_, samples) = &mut self.rows[place];
        samples[who as usize].push(sample);
    }

    pub(crate) fn median(&self, row: &str, who: Who) -> Option<f64> {
        let (_, samples) = self.rows.iter().find(|(name, _)| name == row)?;
        median(&samples[who as usize])
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|(name, _)| name.as_str())
    }
}
