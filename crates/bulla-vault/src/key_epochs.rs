//! What time it is for the vault, and which keys are alive at it.
//!
//! An *epoch* is a stretch in which the clock ran evenly. It has a chain of hour keys of its own, whose hours
//! are those the clock showed, and an offset: how far that clock is ahead of vault time. Vault time never
//! goes back, and every epoch's hours pass with it. So a record that was sealed while the clock was wrong
//! dies when its time is over, not when the wrong clock says so.
//!
//! The rule is on the page of [`ClockState`].

mod encoding;

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Rng, Timestamp};
use bulla_store::Expiry;

use crate::hour_key_chain::HourKeyChain;
use crate::limits::{MAX_HOURS_AHEAD, MAX_KEY_EPOCHS, MAX_STEP, MAX_TICK_CREDIT, TRUST_DELAY};
use crate::secret::Secret;

const MILLIS_PER_HOUR: u64 = 3_600_000;

/// No clock is taken to be later than this, so that the span between any two fits.
const LATEST: u64 = 1 << 62;

/// How the clock stands to the vault's time.
///
/// Hours pass in vault time, which never goes back:
///
/// 1. While the clock is within [`MAX_STEP`] of what is expected, vault time follows it, forwards only.
/// 2. A clock further off has jumped: vault time goes on from where it was, by the clock's own steps from
///    tick to tick. What is sealed meanwhile gets hours of its own, so that it dies when its time is over and
///    not when the wrong clock says so.
/// 3. A clock that is ahead is believed after it has gone on for [`TRUST_DELAY`] of ticks, or when the
///    operator says so: vault time leaps to it.
/// 4. A clock that is behind is never believed.
/// 5. A clock that comes back to where it was before is in step again, and nothing was lost.
///
/// # Tolerance
/// Of what is put with an expiry, nothing becomes unreadable before it but by a clock that was wrong by up to
/// an hour (then up to an hour early), or ahead for longer than an hour (then what had expired by it).
/// Nothing can be read with the keys later than three hours after its expiry, and so 30 days and three hours
/// after it was put: one hour for rounding up, one for a wrong step, one for a jump that was held. To that
/// comes the time in which the vault does not run or is not told the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockState {
    /// They agree.
    InStep,
    /// The clock leapt ahead and is not believed yet: what would have expired by it is kept.
    Held {
        /// How far the clock is ahead of the vault's time.
        ahead: Duration,
        /// For how long it has to go on, tick by tick, to be believed.
        believed_after: Duration,
    },
    /// The clock went back: vault time goes on from where it was, by the clock's steps.
    Behind {
        /// How far the clock is behind the vault's time.
        behind: Duration,
    },
}

/// All epochs, one of them the present.
#[derive(Debug, Clone)]
pub(crate) struct KeyEpochs {
    /// Vault time, in milliseconds since the Unix epoch.
    time: u64,
    /// The present epoch's place.
    present: usize,
    /// How long a clock that is ahead has gone on, in milliseconds.
    gone_on: u64,
    /// Never empty.
    epochs: Vec<KeyEpoch>,
    next_id: u16,
}

#[derive(Debug, Clone)]
struct KeyEpoch {
    id: u16,
    /// How far its clock is ahead of vault time, in milliseconds.
    offset: i64,
    /// The last hour that may have been sealed under.
    until: u32,
    /// For how long it was the present, in milliseconds.
    present_for: u64,
    chain: HourKeyChain,
}

impl KeyEpochs {
    /// The first epoch, begun at `clock`.
    pub(crate) fn begin(clock: Timestamp, rng: &dyn Rng) -> Self {
        let mut epochs = Self { time: shown(clock), present: 0, gone_on: 0, epochs: Vec::new(), next_id: 0 };
        epochs.begin_epoch(0, rng);
        epochs.pass();
        epochs
    }

    /// Takes note of what the clock shows.
    pub(crate) fn step(&mut self, clock: Timestamp, rng: &dyn Rng) {
        let clock = shown(clock);
        if !within(self.off(self.present, clock)) {
            self.gone_on = 0;
            // A clock that comes back to where it was finds its epoch again, with all that was sealed in
            // it.
            let nearest = (0..self.epochs.len()).min_by_key(|&epoch| self.off(epoch, clock).unsigned_abs());
            match nearest.filter(|&epoch| within(self.off(epoch, clock))) {
                Some(epoch) => self.present = epoch,
                None => self.begin_epoch(clock, rng),
            }
        }
        let ahead = u64::try_from(self.off(self.present, clock)).unwrap_or(0);
        self.time = self.time.saturating_add(ahead);
        let present = &mut self.epochs[self.present];
        present.present_for = present.present_for.saturating_add(ahead);
        if present.offset > 0 {
            // No more than one tick's worth, however long nobody ticked: that the machine slept says
            // nothing for its clock.
            self.gone_on = self.gone_on.saturating_add(ahead.min(millis(MAX_TICK_CREDIT)));
            if self.gone_on >= millis(TRUST_DELAY) {
                self.leap();
            }
        }
        self.pass();
    }

    /// Believes a clock that is ahead.
    pub(crate) fn believe(&mut self) {
        self.leap();
        self.pass();
    }

    /// Whether the clock is so far off that [`Self::step`] would see a jump.
    pub(crate) fn is_jump(&self, clock: Timestamp) -> bool {
        !within(self.off(self.present, shown(clock)))
    }

    /// The epoch, hour and key under which a record that expires at `expiry` is sealed now.
    ///
    /// An expiry that has passed gets the hour that runs, one that is too far ahead the last there is.
    pub(crate) fn sealing_key(&mut self, expiry: Expiry) -> Option<(u16, u32, Arc<Secret>)> {
        let epoch = &mut self.epochs[self.present];
        let hour = hour_of(expiry).clamp(epoch.chain.first(), epoch.chain.last());
        Some((epoch.id, hour, epoch.chain.key(hour)?))
    }

    /// The key of `hour` of the epoch `id`, unless it is over.
    pub(crate) fn opening_key(&mut self, id: u16, hour: u32) -> Option<Arc<Secret>> {
        self.epochs.iter_mut().find(|epoch| epoch.id == id)?.chain.key(hour)
    }

    /// How the clock of the present epoch stands to vault time.
    pub(crate) fn clock_state(&self) -> ClockState {
        let offset = self.epochs[self.present].offset;
        let span = Duration::from_millis(offset.unsigned_abs());
        if offset > 0 {
            let left = millis(TRUST_DELAY).saturating_sub(self.gone_on);
            ClockState::Held { ahead: span, believed_after: Duration::from_millis(left) }
        } else if span > MAX_STEP {
            ClockState::Behind { behind: span }
        } else {
            ClockState::InStep
        }
    }

    /// Vault time.
    pub(crate) const fn time(&self) -> Timestamp {
        Timestamp::from_millis(self.time)
    }

    /// Whether a key that is alive in `earlier` is not in this one, or the other way round.
    pub(crate) fn has_turned_since(&self, earlier: &Self) -> bool {
        let lives = |epochs: &Self| -> Vec<_> {
            epochs.epochs.iter().map(|epoch| (epoch.id, epoch.offset, epoch.chain.first())).collect()
        };
        self.epochs[self.present].id != earlier.epochs[earlier.present].id || lives(self) != lives(earlier)
    }

    /// How many hours of the present epoch were forgotten since `earlier`.
    pub(crate) fn forgotten_since(&self, earlier: &Self) -> u64 {
        let present = &self.epochs[self.present];
        let before = earlier.epochs.iter().find(|epoch| epoch.id == present.id);
        before.map_or(0, |before| present.chain.first().saturating_sub(before.chain.first()).into())
    }

    /// How far `clock` is ahead of what it should show if `epoch` were the present.
    fn off(&self, epoch: usize, clock: u64) -> i128 {
        i128::from(clock) - i128::from(self.time) - i128::from(self.epochs[epoch].offset)
    }

    fn begin_epoch(&mut self, clock: u64, rng: &dyn Rng) {
        if self.epochs.len() >= MAX_KEY_EPOCHS {
            self.give_up_one();
        }
        let ahead = i128::from(clock) - i128::from(self.time);
        let offset = if self.epochs.is_empty() {
            0
        } else if within(ahead) {
            // Nobody was here of late, but it is no jump: vault time follows.
            self.time = self.time.max(clock);
            i64::try_from(ahead.min(0)).unwrap_or(0)
        } else {
            i64::try_from(ahead).unwrap_or(i64::MAX)
        };
        // Ids come round, and an old epoch may still have the next one.
        while self.epochs.iter().any(|epoch| epoch.id == self.next_id) {
            self.next_id = self.next_id.wrapping_add(1);
        }
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        let first = running_hour(self.time, offset);
        let chain = HourKeyChain::begin(first, rng);
        self.present = self.epochs.len();
        self.epochs.push(KeyEpoch { id, offset, until: first, present_for: 0, chain });
    }

    /// Forgets the epoch that was the present for the shortest time.
    fn give_up_one(&mut self) {
        let others = (0..self.epochs.len()).filter(|&epoch| epoch != self.present);
        if let Some(epoch) = others.min_by_key(|&epoch| self.epochs[epoch].present_for) {
            self.epochs.remove(epoch);
        }
    }

    /// Vault time becomes what the clock shows, if that is ahead.
    fn leap(&mut self) {
        let present = &mut self.epochs[self.present];
        self.time = self.time.saturating_add_signed(present.offset.max(0));
        present.offset = present.offset.min(0);
        self.gone_on = 0;
    }

    /// Lets the hours of every epoch pass, and the epochs that are over.
    fn pass(&mut self) {
        let (time, present) = (self.time, self.epochs[self.present].id);
        self.epochs.retain_mut(|epoch| {
            let running = running_hour(time, epoch.offset);
            if epoch.id == present {
                // Only in the present epoch is anything sealed: the others are over with the last hour that
                // was used in them.
                epoch.until = epoch.until.max(running.saturating_add(MAX_HOURS_AHEAD));
            }
            let lives = running <= epoch.until;
            if lives {
                epoch.chain.forget_before(running);
            }
            lives
        });
        // Those before it may have gone, and it has another place.
        self.present = self.epochs.iter().position(|epoch| epoch.id == present).unwrap_or(0);
    }
}

/// The hour in which `expiry` lies, by the clock it was made with.
pub(crate) fn hour_of(expiry: Expiry) -> u32 {
    hours(expiry.at().as_millis().div_ceil(MILLIS_PER_HOUR))
}

/// The hour that runs in an epoch of `offset`: the first whose end has not come.
fn running_hour(time: u64, offset: i64) -> u32 {
    hours((time.saturating_add_signed(offset) / MILLIS_PER_HOUR).saturating_add(1))
}

fn shown(clock: Timestamp) -> u64 {
    clock.as_millis().min(LATEST)
}

fn hours(hours: u64) -> u32 {
    u32::try_from(hours).unwrap_or(u32::MAX)
}

fn within(off: i128) -> bool {
    off.unsigned_abs() <= MAX_STEP.as_millis()
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod clock_jump_simulation;
#[cfg(test)]
mod tests;
