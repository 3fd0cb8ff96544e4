use bulla_base::SeededRng;
use bulla_store::Retention;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Key epochs, a true time, and a clock that may be off it.
struct World {
    epochs: KeyEpochs,
    rng: SeededRng,
    truth: Timestamp,
    /// How far the clock is ahead, in milliseconds.
    skew: i64,
}

impl World {
    fn new() -> Self {
        let rng = SeededRng::new(1);
        Self { epochs: KeyEpochs::begin(NOW, &rng), rng, truth: NOW, skew: 0 }
    }

    fn clock(&self) -> Timestamp {
        Timestamp::from_millis(self.truth.as_millis().saturating_add_signed(self.skew))
    }

    fn tick(&mut self) -> ClockState {
        self.truth = self.truth.after(MINUTE);
        let clock = self.clock();
        self.epochs.step(clock, &self.rng);
        self.epochs.clock_state()
    }

    fn pass(&mut self, span: Duration) {
        let end = self.truth.after(span);
        while self.truth < end {
            self.tick();
        }
    }

    fn jump(&mut self, ahead: Duration) {
        self.skew += i64::try_from(ahead.as_millis()).unwrap();
    }

    fn jump_back(&mut self, behind: Duration) {
        self.skew -= i64::try_from(behind.as_millis()).unwrap();
    }

    /// What is sealed for `span` by whoever reads this clock.
    fn seal(&mut self, span: Duration) -> (u16, u32) {
        let expiry = Retention::new(span).unwrap().from(self.clock());
        let (epoch, hour, _) = self.epochs.sealing_key(expiry).unwrap();
        (epoch, hour)
    }

    fn opens(&mut self, (epoch, hour): (u16, u32)) -> bool {
        self.epochs.opening_key(epoch, hour).is_some()
    }
}

#[test]
fn a_record_lives_until_its_expiry_and_at_most_an_hour_more() {
    for minutes in [0, 1, 17, 59, 60, 61, 600, 30 * 24 * 60] {
        let mut world = World::new();
        world.pass(7 * MINUTE);
        let span = MINUTE * minutes;
        let sealed = world.seal(span);
        let end = world.truth.after(span);
        let mut died = None;
        for _ in 0..minutes + 70 {
            let opens = world.opens(sealed);
            assert!(opens || world.truth >= end, "{minutes} minutes");
            if !opens {
                died.get_or_insert(world.truth);
            }
            world.tick();
        }
        let over = died.unwrap().since(end);
        assert!(over <= HOUR + MINUTE, "{minutes} minutes lived {over:?} too long");
    }
}

#[test]
fn a_jump_ahead_is_held_and_nothing_is_lost_when_it_is_taken_back() {
    let mut world = World::new();
    let before = world.seal(DAY);
    world.jump(40 * DAY);
    assert!(
        matches!(world.tick(), ClockState::Held { ahead, believed_after } if ahead > 39 * DAY && believed_after == HOUR)
    );
    let meanwhile = world.seal(DAY);
    world.pass(50 * MINUTE);
    assert!(
        matches!(world.epochs.clock_state(), ClockState::Held { believed_after, .. } if believed_after == 10 * MINUTE)
    );
    world.jump_back(40 * DAY);
    assert_eq!(world.tick(), ClockState::InStep);
    assert!(world.opens(before) && world.opens(meanwhile));
    world.pass(DAY - 2 * HOUR);
    assert!(world.opens(before) && world.opens(meanwhile));
    world.pass(3 * HOUR);
    assert!(!world.opens(before) && !world.opens(meanwhile));
}

#[test]
fn a_jump_ahead_is_believed_after_an_hour_of_ticks() {
    let mut world = World::new();
    let short = world.seal(DAY);
    let long = world.seal(30 * DAY);
    // The machine was off for three days.
    world.truth = world.truth.after(3 * DAY);
    let mut held = 0;
    while matches!(world.tick(), ClockState::Held { .. }) {
        held += 1;
        assert!(world.opens(short));
    }
    assert_eq!(held, 60);
    assert_eq!(world.epochs.clock_state(), ClockState::InStep);
    assert!(!world.opens(short) && world.opens(long));
}

#[test]
fn record_sealed_while_a_true_jump_is_held_lives_as_long_as_it_should() {
    for span in [HOUR, DAY, 30 * DAY] {
        let mut world = World::new();
        world.truth = world.truth.after(100 * DAY);
        world.tick();
        let sealed = world.seal(span);
        let end = world.truth.after(span);
        while world.truth < end {
            assert!(world.opens(sealed), "{span:?}");
            world.tick();
        }
        world.pass(HOUR + MINUTE);
        assert!(!world.opens(sealed), "{span:?}");
    }
}

#[test]
fn clock_is_trusted_at_once_when_the_operator_says_so() {
    let mut world = World::new();
    let short = world.seal(DAY);
    world.truth = world.truth.after(3 * DAY);
    world.tick();
    let meanwhile = world.seal(DAY);
    world.epochs.believe();
    assert_eq!(world.epochs.clock_state(), ClockState::InStep);
    assert!(!world.opens(short) && world.opens(meanwhile));
    assert_eq!(world.epochs.time(), world.truth);
}

#[test]
fn trust_delay_takes_ticks_and_not_one_long_sleep() {
    let mut world = World::new();
    world.jump(2 * DAY);
    world.tick();
    for _ in 0..11 {
        world.truth = world.truth.after(30 * MINUTE);
        assert!(matches!(world.tick(), ClockState::Held { .. }));
    }
}

#[test]
fn clock_that_went_back_is_followed_by_its_own_steps() {
    let mut world = World::new();
    let before = world.seal(DAY);
    world.jump_back(40 * DAY);
    assert!(matches!(world.tick(), ClockState::Behind { behind } if behind > 39 * DAY));
    let after = world.seal(DAY);
    world.pass(DAY - 2 * HOUR);
    assert!(world.opens(before) && world.opens(after));
    world.pass(3 * HOUR + 2 * MINUTE);
    assert!(!world.opens(before) && !world.opens(after));
    world.jump(40 * DAY);
    assert_eq!(world.tick(), ClockState::InStep);
}

#[test]
fn an_hour_is_a_step_and_more_is_a_jump() {
    let mut world = World::new();
    let span = |clock: Duration| Timestamp::from_millis(NOW.as_millis()).after(clock);
    world.epochs.step(span(HOUR), &world.rng);
    assert_eq!((world.epochs.clock_state(), world.epochs.time()), (ClockState::InStep, span(HOUR)));
    world.epochs.step(NOW, &world.rng);
    assert_eq!((world.epochs.clock_state(), world.epochs.time()), (ClockState::InStep, span(HOUR)));
    world.epochs.step(span(2 * HOUR + Duration::from_millis(1)), &world.rng);
    assert!(matches!(world.epochs.clock_state(), ClockState::Held { .. }));
    assert_eq!(world.epochs.time(), span(HOUR));
    world.epochs.step(Timestamp::from_millis(NOW.as_millis() - 1), &world.rng);
    assert!(matches!(world.epochs.clock_state(), ClockState::Behind { .. }));
}

#[test]
fn clocks_at_both_ends_of_time_do_no_harm() {
    let mut world = World::new();
    let sealed = world.seal(DAY);
    for clock in [0, u64::MAX, 1, u64::MAX - 1, NOW.as_millis()] {
        for _ in 0..3 {
            world.epochs.step(Timestamp::from_millis(clock), &world.rng);
            assert!(
                world.epochs.sealing_key(Retention::LONGEST.from(Timestamp::from_millis(clock))).is_some()
            );
        }
    }
    assert!(world.opens(sealed));
}

#[test]
fn key_epochs_are_bounded_and_the_one_lived_in_longest_stays() {
    let mut world = World::new();
    world.pass(DAY);
    let sealed = world.seal(30 * DAY);
    for number in 1..=3 * MAX_KEY_EPOCHS {
        world.skew = -i64::try_from(number).unwrap() * 7_200_000;
        world.tick();
        assert!(world.epochs.epochs.len() <= MAX_KEY_EPOCHS);
    }
    assert_eq!(world.epochs.epochs.len(), MAX_KEY_EPOCHS);
    assert!(world.opens(sealed));
}

#[test]
fn key_epoch_is_over_thirty_days_after_the_clock_was_last_there() {
    let mut world = World::new();
    world.jump_back(10 * DAY);
    world.tick();
    world.jump(10 * DAY);
    world.tick();
    assert_eq!(world.epochs.epochs.len(), 2);
    world.pass(30 * DAY);
    assert_eq!(world.epochs.epochs.len(), 2);
    world.pass(3 * HOUR);
    assert_eq!(world.epochs.epochs.len(), 1);
}

#[test]
fn key_epochs_are_read_as_they_were_written() {
    let mut world = World::new();
    let before = world.seal(30 * DAY);
    for jump in [3, 11, 17] {
        world.jump(jump * DAY);
        world.pass(10 * MINUTE);
        world.jump_back(2 * jump * DAY);
        world.pass(10 * MINUTE);
    }
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    world.epochs.write(&mut bytes);
    let mut reader = crate::byte_reader::ByteReader::new(&bytes);
    let read = KeyEpochs::read(&mut reader).unwrap();
    assert!(reader.is_empty() && !read.has_turned_since(&world.epochs));
    assert_eq!((read.time(), read.clock_state()), (world.epochs.time(), world.epochs.clock_state()));
    world.epochs = read;
    assert!(world.opens(before));
    for length in 0..bytes.len() {
        assert!(KeyEpochs::read(&mut crate::byte_reader::ByteReader::new(&bytes[..length])).is_none());
    }
}
