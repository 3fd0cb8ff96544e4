//! Chance, fast and by a seed (SplitMix64).

#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % bound
    }

    /// Whether it happens, so often in ten thousand.
    pub(crate) fn is_one_of_10k(&mut self, often: u64) -> bool {
        self.below(10_000) < often
    }

    /// How long somebody takes to react, in milliseconds: half an hour on average, some hours at most.
    pub(crate) fn delay(&mut self) -> u64 {
        // The least of what several draws come to is distributed about so.
        self.below(7_200_000).min(self.below(7_200_000)) * (1 + self.below(3)) / 2
    }
}
