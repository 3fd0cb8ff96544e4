use std::convert::Infallible;
use std::fmt;
use std::sync::Mutex;

use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};

/// The port through which randomness comes in.
///
/// # Security
/// Every key of the system is drawn from here. In production hand in the operating system's generator and
/// nothing else.
pub trait Rng: fmt::Debug + Send + Sync + 'static {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Rng {
    /// The same source in the form cryptographic crates ask for.
    pub fn draw(&self) -> Draw<'_> {
        Draw(self)
    }
}

/// An [`Rng`] as a `rand_core` generator.
#[derive(Debug)]
pub struct Draw<'a>(&'a dyn Rng);

impl<'a> Draw<'a> {
    /// Draws from `rng`.
    #[must_use]
    pub fn from(rng: &'a dyn Rng) -> Self {
        Self(rng)
    }
}

impl TryRng for Draw<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Draw<'_> {}

/// A generator that says the same again for the same seed: for tests and simulations, never for real keys.
///
/// Block *n* of its output is SHA-256(seed ‖ n).
#[derive(Debug)]
pub struct SeededRng {
    seed: u64,
    drawn: Mutex<u64>,
}

impl SeededRng {
    /// The generator of `seed`, at its start.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, drawn: Mutex::new(0) }
    }

    fn block(&self) -> [u8; 32] {
        // A poisoned lock still holds a good counter: nothing can panic while it is held.
        let mut drawn = self.drawn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let block = Sha256::new().chain_update(self.seed.to_be_bytes()).chain_update(drawn.to_be_bytes());
        *drawn += 1;
        block.finalize().into()
    }
}

impl Rng for SeededRng {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            chunk.copy_from_slice(&self.block()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_stream() {
        let (mut first, mut again, mut other) = ([0; 80], [0; 80], [0; 80]);
        SeededRng::new(1).fill(&mut first);
        SeededRng::new(1).fill(&mut again);
        SeededRng::new(2).fill(&mut other);
        assert_eq!(first, again);
        assert_ne!(first, other);
        assert_ne!(first[..32], first[32..64]);
    }
}
