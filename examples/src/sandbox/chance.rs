//! Where the sandbox's keys, ids and lots come from.

use std::sync::Arc;

use bulla::base::{Rng, SeededRng};
use sha2::{Digest, Sha256};

/// The randomness of the part called `part` of a sandbox with this seed. Each has its own, so that what one
/// does changes nothing of what another draws.
pub(crate) fn of(seed: u64, part: &str) -> Arc<dyn Rng> {
    let digest = Sha256::new().chain_update(seed.to_be_bytes()).chain_update(part).finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    Arc::new(SeededRng::new(u64::from_be_bytes(first)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_draws_the_same_again_and_another_something_else() {
        let drawn = |seed, part| {
            let mut bytes = [0; 16];
            of(seed, part).fill(&mut bytes);
            bytes
        };
        assert_eq!(drawn(1, "relay"), drawn(1, "relay"));
        assert_ne!(drawn(1, "relay"), drawn(1, "carrier"));
        assert_ne!(drawn(1, "relay"), drawn(2, "relay"));
    }
}
