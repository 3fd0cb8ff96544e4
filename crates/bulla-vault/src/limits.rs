//! Everything that could grow, and how far it may.

use std::time::Duration;

/// How many hours ahead of the present one a key can be made: the 30 days of the longest retention, one for
/// rounding up, and one for callers whose clock is ahead of the vault's. What would be kept longer is
/// forgotten with the last of them.
pub const MAX_HOURS_AHEAD: u32 = 30 * 24 + 2;

/// How far the clock may be off the vault's time before it is taken for a jump: an hour. A larger jump that
/// is true costs an hour in which what has expired is still there; a smaller one that is false costs that
/// much of every record's time.
pub const MAX_STEP: Duration = Duration::from_secs(60 * 60);

/// How long the clock has to go on, tick by tick, before a jump ahead is believed.
pub const TRUST_DELAY: Duration = Duration::from_secs(60 * 60);

/// How much of [`TRUST_DELAY`] one tick can earn: five minutes. A host that ticks less often waits longer.
pub const MAX_TICK_CREDIT: Duration = Duration::from_secs(5 * 60);

/// How often a vault wants to be ticked by its [upkeep](bulla_store::Store::upkeep): once a minute. Less
/// often, hours end late by as much.
pub const TICK: Duration = Duration::from_secs(60);

/// How far vault time may run before it is written down: five minutes. It is also written whenever an hour is
/// over.
pub const MAX_UNSAVED: Duration = Duration::from_secs(5 * 60);

/// The most epochs a vault keeps. Each jump of the clock to where it has not been begins one, and it is over
/// 30 days after the clock was last there. One more takes the place of the one that was the present for the
/// shortest time, and what was sealed in that is lost.
pub const MAX_KEY_EPOCHS: usize = 64;

/// The size of a keyring, in bytes: two slots. A file of another size is not a keyring.
pub const KEYRING_BYTES: usize = 2 * SLOT_BYTES;

/// The size of one of the two slots.
pub(crate) const SLOT_BYTES: usize = 8192;

/// The longest form in which a [`KeyEncryption`](crate::KeyEncryption) may return a wrapped key, in bytes. A
/// longer one is refused when the keyring is made.
pub const MAX_WRAPPED_BYTES: usize = 2048;

/// How many conversations' salts are kept in memory, about 11 MB. Those beyond are read again from the store.
pub const MAX_CACHED_SALTS: usize = 65_536;

/// How often it is looked whether anything is left of a conversation, in days: its salt goes that much later
/// than its last record. More often, conversations that live are looked at in vain; less often, it can be
/// seen for longer that there was one.
pub const SALT_CHECK_DAYS: u32 = 8;

/// At how many conversations one upkeep looks. What is due beyond that is looked at in the next, a minute
/// later: a store of more than three million conversations keeps up with them more slowly.
pub const MAX_SALT_CHECKS: usize = 256;

/// The most memory a stored passphrase setting may ask for, in KiB: 1 GiB. A setting beyond is refused, not
/// tried.
pub const MAX_PASSPHRASE_KIB: u32 = 1 << 20;

/// The most passes a stored passphrase setting may ask for. A setting beyond is refused, not tried.
pub const MAX_PASSPHRASE_PASSES: u32 = 64;

/// The most lanes a stored passphrase setting may ask for. A setting beyond is refused, not tried.
pub const MAX_PASSPHRASE_LANES: u32 = 64;

/// How many locks keep erasures and writes apart: a power of two.
pub(crate) const PARTITION_LOCKS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// What is documented, worked out by hand.
    #[test]
    fn every_bound_has_its_documented_value() {
        assert_eq!(MAX_HOURS_AHEAD, 722);
        let seconds =
            [MAX_STEP, TRUST_DELAY, MAX_TICK_CREDIT, TICK, MAX_UNSAVED].map(|span| span.as_millis());
        assert_eq!(seconds, [3_600_000, 3_600_000, 300_000, 60_000, 300_000]);
        assert_eq!((MAX_KEY_EPOCHS, KEYRING_BYTES, MAX_WRAPPED_BYTES), (64, 16_384, 2_048));
        assert_eq!((MAX_CACHED_SALTS, SALT_CHECK_DAYS, MAX_SALT_CHECKS), (65_536, 8, 256));
        // A gibibyte, in KiB.
        let passphrase = (MAX_PASSPHRASE_KIB, MAX_PASSPHRASE_PASSES, MAX_PASSPHRASE_LANES);
        assert_eq!(passphrase, (1_048_576, 64, 64));
    }
}
