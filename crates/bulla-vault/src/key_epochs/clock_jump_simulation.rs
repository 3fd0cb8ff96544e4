//! Ninety days of a clock that jumps, in virtual time.
//!
//! What would count as failure, at any tick: a record that does not open although its time is not over but
//! for an hour, or one that opens more than three hours after it is: an hour for rounding up, one for a step
//! that was believed, one for a jump that was held.

use super::*;

use bulla_base::SeededRng;
use bulla_store::Retention;

const START: u64 = 1_795_293_590_960;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const EARLY: u64 = HOUR;
const LATE: u64 = 3 * HOUR;

struct Sealed {
    epoch: u16,
    hour: u32,
    /// When its time is over, by the true time.
    over: u64,
}

struct Run {
    epochs: KeyEpochs,
    rng: SeededRng,
    dice: SeededRng,
    truth: u64,
    skew: i64,
    kept: Vec<Sealed>,
    opened: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        let rng = SeededRng::new(seed);
        let epochs = KeyEpochs::begin(Timestamp::from_millis(START), &rng);
        Self { epochs, rng, dice: SeededRng::new(!seed), truth: START, skew: 0, kept: Vec::new(), opened: 0 }
    }

    fn roll(&self, below: u64) -> u64 {
        let mut bytes = [0; 8];
        self.dice.fill(&mut bytes);
        u64::from_be_bytes(bytes) % below
    }

    fn clock(&self) -> Timestamp {
        Timestamp::from_millis(self.truth.saturating_add_signed(self.skew))
    }

    fn tick(&mut self) {
        self.epochs.step(self.clock(), &self.rng);
        self.truth += MINUTE;
        if self.roll(20) != 0 {
            return;
        }
        let span = match self.roll(3) {
            0 => self.roll(30 * DAY + 1),
            1 => 30 * DAY,
            _ => self.roll(2 * HOUR),
        };
        let expiry = Retention::new(Duration::from_millis(span)).unwrap().from(self.clock());
        let (epoch, hour, _) = self.epochs.sealing_key(expiry).unwrap();
        self.kept.push(Sealed { epoch, hour, over: self.truth + span });
    }

    /// Looks at everything that was ever sealed and may still open.
    fn look(&mut self, must_open: bool) {
        let (truth, epochs, opened) = (self.truth, &mut self.epochs, &mut self.opened);
        self.kept.retain(|sealed| {
            let opens = epochs.opening_key(sealed.epoch, sealed.hour).is_some();
            let late = truth.saturating_sub(sealed.over);
            assert!(!opens || late <= LATE, "opens {late} ms too late");
            assert!(
                opens || !must_open || truth + EARLY >= sealed.over,
                "{} ms too early",
                sealed.over - truth
            );
            *opened += u64::from(opens);
            // Twice as long as anything may live: it would not come back.
            late < 60 * DAY && (opens || must_open)
        });
    }
}

#[test]
fn jumps_lose_nothing_and_keep_nothing() {
    for seed in 0..6 {
        let mut run = Run::new(seed);
        while run.truth < START + 90 * DAY {
            let millis = |span: u64| i64::try_from(span).unwrap();
            let ticks = match run.roll(4) {
                // Ahead, and taken back before it is believed.
                0 => {
                    run.skew = millis(HOUR + run.roll(40 * DAY));
                    run.roll(55)
                }
                1 => {
                    run.skew = -millis(run.roll(40 * DAY));
                    run.roll(3 * 24 * 60)
                }
                _ => {
                    run.skew = 0;
                    run.roll(4 * 24 * 60)
                }
            };
            for tick in 0..=ticks {
                run.tick();
                if tick % 211 == 0 || tick == ticks {
                    run.look(true);
                }
            }
        }
        assert!(run.opened > 5_000, "seed {seed}");
    }
}

#[test]
fn a_machine_that_is_off_now_and_then_keeps_nothing_for_long() {
    for seed in 0..6 {
        let mut run = Run::new(seed);
        while run.truth < START + 90 * DAY {
            run.truth += run.roll(4 * DAY);
            for tick in 0..61 + run.roll(4 * 24 * 60) {
                run.tick();
                // What was over while it was off is over an hour after it is on again.
                if tick > 60 && tick % 211 == 0 {
                    run.look(true);
                }
            }
        }
        assert!(run.opened > 5_000, "seed {seed}");
    }
}

/// A clock that is wrong for longer than an hour is believed, and what would have expired by it is lost; but
/// nothing is kept too long.
#[test]
fn jumps_that_were_wrongly_believed_keep_nothing() {
    for seed in 0..6 {
        let mut run = Run::new(seed);
        while run.truth < START + 90 * DAY {
            run.skew = i64::try_from(run.roll(80 * DAY)).unwrap() - i64::try_from(40 * DAY).unwrap();
            for tick in 0..run.roll(2 * 24 * 60) {
                run.tick();
                if tick % 211 == 0 {
                    run.look(false);
                }
            }
        }
        assert!(run.opened > 1_000, "seed {seed}");
    }
}
