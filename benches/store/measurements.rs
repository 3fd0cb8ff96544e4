//! What was measured, by row and engine.

use std::collections::BTreeMap;

use crate::clock::median;

#[derive(Default)]
pub(crate) struct Measurements(BTreeMap<(String, &'static str), Vec<f64>>);

impl Measurements {
    pub(crate) fn add(&mut self, row: impl Into<String>, who: &'static str, sample: f64) {
        self.0.entry((row.into(), who)).or_default().push(sample);
    }

    pub(crate) fn samples(&self, row: &str, who: &'static str) -> &[f64] {
        self.0.get(&(row.to_owned(), who)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn median(&self, row: &str, who: &'static str) -> f64 {
        median(self.samples(row, who))
    }

    /// The median over rounds of one's sample divided by the other's of the same round: what disturbs a round
    /// disturbs both.
    pub(crate) fn ratio(&self, row: &str, who: &'static str, other: &'static str) -> f64 {
        let pairs = self.samples(row, who).iter().zip(self.samples(row, other));
        median(&pairs.map(|(one, other)| one / other).collect::<Vec<_>>())
    }

    pub(crate) fn range(&self, row: &str, who: &'static str) -> (f64, f64) {
        let samples = self.samples(row, who).iter().copied();
        samples.fold((f64::INFINITY, 0.0), |(least, most), sample| (least.min(sample), most.max(sample)))
    }
}
