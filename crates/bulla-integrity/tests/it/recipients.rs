//! The limit is exact: at every tier, with anything under way, across days, keys and restarts.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use allocation_counter::measure;
use bulla_base::{Rng, SeededRng, Timestamp};
use bulla_integrity::{CountedUser, LIMIT_PERIOD, MAX_RECIPIENTS, Recipients, Reservation, Tier};

use crate::test_carrier::NOON;

const HOUR: Duration = Duration::from_secs(3600);

fn number(user: u64) -> Vec<u8> {
    format!("u1650{user:07}").into_bytes()
}

struct Limit {
    recipients: Recipients,
    rng: SeededRng,
    users: Option<u32>,
}

impl Limit {
    fn new(users: Option<u32>, now: Timestamp) -> Self {
        let rng = SeededRng::new(5);
        Self { recipients: Recipients::new(now, &rng), rng, users }
    }

    fn reserve(&mut self, user: u64, now: Timestamp) -> Result<Reservation, Duration> {
        self.recipients.reserve(&number(user), self.users, now, &self.rng)
    }

    fn commit(&mut self, user: u64, reservation: Reservation, now: Timestamp) -> bool {
        self.recipients.commit(&number(user), reservation, now, &self.rng)
    }

    fn release(&mut self, reservation: Reservation, now: Timestamp) {
        self.recipients.release(reservation, now, &self.rng);
    }

    fn send(&mut self, user: u64, now: Timestamp) -> Result<(), Duration> {
        let reservation = self.reserve(user, now)?;
        assert!(self.commit(user, reservation, now));
        Ok(())
    }

    fn restart(&mut self) {
        self.recipients = Recipients::from_bytes(&self.recipients.to_bytes()).unwrap();
    }
}

fn after(millis: u64) -> Timestamp {
    NOON.after(Duration::from_millis(millis))
}

#[test]
fn every_tier_takes_as_many_as_it_says_and_not_one_more() {
    for tier in Tier::ALL {
        let most = tier.users().unwrap_or(MAX_RECIPIENTS);
        let mut limit = Limit::new(tier.users(), NOON);
        for user in 0..u64::from(most) {
            assert!(limit.send(user, NOON).is_ok());
        }
        assert_eq!(limit.send(u64::from(most), after(1)), Err(LIMIT_PERIOD - Duration::from_millis(1)));
        assert!(limit.send(0, after(1)).is_ok(), "who counts may be written to");
        assert_eq!(limit.recipients.len(), usize::try_from(most).unwrap());
    }
}

#[test]
fn ten_thousand_under_way_do_not_overshoot_whatever_becomes_of_them() {
    let mut limit = Limit::new(Tier::Users2K.users(), NOON);
    let under_way: Vec<_> = (0..10_000).map(|user| (user, limit.reserve(user, NOON))).collect();
    let (taken, refused): (Vec<_>, Vec<_>) =
        under_way.into_iter().partition(|(_, reserved)| reserved.is_ok());
    assert_eq!((taken.len(), refused.len()), (2_000, 8_000));
    for (user, reservation) in taken {
        match user % 3 {
            0 => limit.release(reservation.unwrap(), after(5)),
            _ => assert!(limit.commit(user, reservation.unwrap(), after(5))),
        }
    }
    assert_eq!(limit.recipients.len(), 1_333);
    assert_eq!((20_000..30_000).filter(|user| limit.send(*user, after(6)).is_ok()).count(), 667);
}

#[test]
fn a_user_counts_for_24_hours_and_not_a_millisecond_longer() {
    let mut limit = Limit::new(Some(1), NOON);
    limit.send(1, NOON).unwrap();
    let day = 86_400_000;
    assert_eq!(limit.reserve(2, after(day - 1)), Err(Duration::from_millis(1)));
    assert!(limit.send(2, after(day)).is_ok());
    assert_eq!(limit.send(1, after(day)), Err(LIMIT_PERIOD));
}

#[test]
fn writing_again_counts_from_then_and_the_wait_is_for_the_one_who_is_first_to_go() {
    let mut limit = Limit::new(Some(2), NOON);
    limit.send(1, NOON).unwrap();
    limit.send(2, after(1_000)).unwrap();
    limit.send(1, after(2_000)).unwrap();
    assert_eq!(limit.send(3, after(3_000)), Err(LIMIT_PERIOD - Duration::from_secs(2)));
    // A limit that was brought down waits for as many as are too many.
    limit.users = Some(1);
    assert_eq!(limit.send(3, after(3_000)), Err(LIMIT_PERIOD - Duration::from_secs(1)));
}

#[test]
fn what_was_released_counts_as_before() {
    let mut limit = Limit::new(Some(2), NOON);
    let first = limit.reserve(1, NOON).unwrap();
    let second = limit.reserve(1, after(10)).unwrap();
    assert_eq!((first.is_new(), second.is_new()), (true, false));
    limit.release(first, after(20));
    assert_eq!(limit.recipients.len(), 1, "the second is under way");
    limit.release(second, after(30));
    assert!(limit.recipients.is_empty());
    limit.send(1, after(40)).unwrap();
    let again = limit.reserve(1, after(50)).unwrap();
    limit.release(again, after(60));
    assert_eq!(limit.recipients.len(), 1, "the user was written to before");
    assert!(limit.send(2, after(70)).is_ok());
    assert!(limit.send(3, after(86_400_039)).is_err());
    assert!(limit.send(3, after(86_400_040)).is_ok(), "and counts from then");
}

#[test]
fn a_reservation_that_nobody_settles_lapses_after_24_hours() {
    let mut limit = Limit::new(Some(1), NOON);
    let lost = limit.reserve(1, NOON).unwrap();
    assert!(limit.reserve(2, after(86_399_999)).is_err());
    let next = limit.reserve(2, after(86_400_000)).unwrap();
    assert!(!limit.commit(1, lost, after(86_400_000)), "it has lapsed");
    assert!(limit.commit(2, next, after(86_400_000)));
    assert_eq!(limit.recipients.len(), 1);
}

#[test]
fn a_restart_is_no_way_around_the_limit() {
    let mut limit = Limit::new(Some(100), NOON);
    (0..60).for_each(|user| limit.send(user, after(user)).unwrap());
    let under_way = (60..100).map(|user| limit.reserve(user, after(user)).unwrap().counted_user());
    let under_way: Vec<_> = under_way.collect();
    for hour in 0..24 {
        // They were stored with their messages, as often as they are found there.
        limit.restart();
        let now = NOON.after(HOUR * hour).after(Duration::from_millis(100));
        under_way.iter().for_each(|counted| _ = limit.recipients.recount(*counted, now, &limit.rng));
        assert!(limit.send(1_000, now).is_err());
        assert!(limit.send(99, now).is_ok());
    }
    limit.restart();
    assert_eq!((2_000..3_000).filter(|user| limit.send(*user, after(86_400_099)).is_ok()).count(), 99);
}

#[test]
fn who_is_not_stored_with_their_message_was_not_written_to() {
    let mut limit = Limit::new(Some(1), NOON);
    let _lost = limit.reserve(1, NOON).unwrap();
    assert!(limit.send(2, NOON).is_err());
    limit.restart();
    assert!(limit.send(2, NOON).is_ok());
}

#[test]
fn a_clock_that_goes_back_lets_nobody_in_and_nobody_count_twice() {
    let mut limit = Limit::new(Some(1), NOON);
    limit.send(1, NOON).unwrap();
    assert_eq!(limit.send(2, NOON.before(HOUR)), Err(LIMIT_PERIOD));
    assert!(limit.send(1, NOON.before(HOUR)).is_ok());
    assert_eq!(limit.recipients.len(), 1);
}

/// Everything at random for a fortnight, compared with a model that keeps the numbers.
#[test]
fn it_agrees_with_a_model_over_a_fortnight_of_sends_failures_and_restarts() {
    for seed in 0..6 {
        let (rng, mut limit) = (SeededRng::new(seed), Limit::new(Some(150), NOON));
        let mut written: HashMap<u64, Timestamp> = HashMap::new();
        let mut under_way: VecDeque<(u64, Reservation)> = VecDeque::new();
        let (mut now, mut refused) = (NOON, 0);
        while now < NOON.after(HOUR * 24 * 14) {
            let mut bytes = [0; 8];
            rng.fill(&mut bytes);
            let word = u64::from_be_bytes(bytes);
            now = now.after(Duration::from_millis((word >> 8) % 400_000));
            written.retain(|_, at| now < at.after(LIMIT_PERIOD));
            let user = (word >> 32) % 400;
            let counts = |user| written.contains_key(&user);
            let others = under_way.iter().map(|(user, _)| *user).filter(|user| !counts(*user));
            let mut counted: Vec<_> = written.keys().copied().chain(others).collect();
            counted.sort_unstable();
            counted.dedup();
            let fits = counted.contains(&user) || counted.len() < 150;
            let reserved = limit.reserve(user, now);
            assert_eq!(reserved.is_ok(), fits, "{seed} {user} {}", counted.len());
            refused += usize::from(!fits);
            under_way.extend(reserved.ok().map(|reservation| (user, reservation)));
            while under_way.len() > usize::try_from(word % 5).unwrap() {
                let (user, reservation) = under_way.pop_front().unwrap();
                if word % 7 == 0 {
                    limit.release(reservation, now);
                } else {
                    assert!(limit.commit(user, reservation, now));
                    written.insert(user, now);
                }
            }
            if word % 97 == 0 && under_way.is_empty() {
                limit.restart();
            }
        }
        assert!(refused > 100, "{refused}");
    }
}

/// What is stored together, whenever that was, and who was stored with their messages since: whoever reads
/// both knows who counts, across days and keys.
#[test]
fn whoever_died_counts_on_as_if_they_had_not() {
    for seed in 0..6 {
        let (rng, mut limit) = (SeededRng::new(seed), Limit::new(Some(150), NOON));
        let mut written: HashMap<u64, Timestamp> = HashMap::new();
        let (mut together, mut apart) = (limit.recipients.to_bytes(), Vec::new());
        let (mut now, mut epoch, mut deaths) = (NOON, limit.recipients.epoch(), 0);
        while now < NOON.after(HOUR * 24 * 14) {
            let mut bytes = [0; 8];
            rng.fill(&mut bytes);
            let word = u64::from_be_bytes(bytes);
            now = now.after(Duration::from_millis((word >> 8) % 400_000));
            written.retain(|_, at| now < at.after(LIMIT_PERIOD));
            limit.recipients.sweep(now, &limit.rng);
            // A new key is stored before anybody is counted under it.
            if word % 61 == 0 || limit.recipients.epoch() != epoch {
                (together, epoch) = (limit.recipients.to_bytes(), limit.recipients.epoch());
                apart.clear();
            }
            let user = (word >> 32) % 400;
            let fits = written.contains_key(&user) || written.len() < 150;
            let reserved = limit.reserve(user, now);
            assert_eq!(reserved.is_ok(), fits, "{seed} {user} {}", written.len());
            match reserved {
                Ok(reservation) if word % 7 == 0 => limit.release(reservation, now),
                Ok(reservation) => {
                    apart.push(CountedUser::from_bytes(&reservation.counted_user().to_bytes()).unwrap());
                    assert!(limit.commit(user, reservation, now));
                    written.insert(user, now);
                }
                Err(_) => {}
            }
            if word % 41 == 0 {
                deaths += 1;
                limit.recipients = Recipients::from_bytes(&together).unwrap();
                apart.iter().for_each(|counted| _ = limit.recipients.recount(*counted, now, &limit.rng));
                assert_eq!(limit.recipients.len(), written.len(), "{seed}");
            }
        }
        assert!(deaths > 50, "{deaths}");
    }
}

#[test]
fn who_was_counted_is_read_as_they_were_written_and_nothing_else_is() {
    let mut limit = Limit::new(None, NOON);
    let counted = limit.reserve(1, NOON).unwrap().counted_user();
    assert_eq!(counted.to_bytes().len(), 16);
    assert_eq!(CountedUser::from_bytes(&counted.to_bytes()).unwrap(), counted);
    for bytes in 0..40_usize {
        assert_eq!(CountedUser::from_bytes(&vec![7; bytes]).is_ok(), bytes == 16 || bytes == 24, "{bytes}");
    }
    // Of what is over, and of what is not yet, nobody counts for longer than a day.
    let mut other = Limit::new(None, after(2 * 86_400_000));
    assert!(!other.recipients.recount(counted, after(2 * 86_400_000), &other.rng));
    let ahead = CountedUser::from_bytes(&[&[0xff; 8][..], &[1; 8]].concat()).unwrap();
    assert!(other.recipients.recount(ahead, after(2 * 86_400_000), &other.rng));
    other.recipients.sweep(after(3 * 86_400_000), &other.rng);
    assert!(other.recipients.is_empty());
}

#[test]
fn a_user_takes_40_bytes_at_most() {
    for users in [250_u64, 2_000, 10_000, 10_923, 100_000, 349_000] {
        let mut limit = Limit::new(None, NOON);
        for user in 0..users {
            limit.send(user, NOON).unwrap();
        }
        let bytes = limit.recipients.memory();
        assert!(bytes as u64 <= 40 * users, "{users}: {bytes}");
        assert!(limit.recipients.to_bytes().len() as u64 <= 12 * users + 100);
    }
    // Whoever is silent takes nothing, and a call allocates nothing.
    let mut limit = Limit::new(None, NOON);
    (0..1_000).for_each(|user| limit.send(user, NOON).unwrap());
    let user = number(5);
    let measured = measure(|| assert!(limit.recipients.contains(&user, NOON, &limit.rng)));
    assert_eq!(measured.count_total, 0);
    limit.recipients.sweep(after(86_400_000), &limit.rng);
    assert_eq!((limit.recipients.len(), limit.recipients.memory()), (0, 0));
}

#[test]
fn no_key_lives_longer_than_48_hours_and_no_number_is_stored() {
    let mut limit = Limit::new(None, NOON);
    limit.send(7, NOON).unwrap();
    let keys_of = |limit: &Limit| {
        let bytes = limit.recipients.to_bytes();
        // Form, moment, base, then the key of now and perhaps the one before it.
        (bytes[17..49].to_vec(), (bytes[49] == 1).then(|| bytes[50..82].to_vec()))
    };
    let first = keys_of(&limit).0;
    limit.recipients.sweep(NOON.after(HOUR * 47), &limit.rng);
    assert_eq!(keys_of(&limit).1.as_ref(), Some(&first));
    limit.recipients.sweep(NOON.after(HOUR * 48), &limit.rng);
    assert!(!limit.recipients.to_bytes().windows(32).any(|bytes| bytes == first));
    let stored = limit.recipients.to_bytes();
    assert!(!stored.windows(7).any(|bytes| bytes == b"0000007"));
    assert_eq!(format!("{:?}", limit.recipients), "Recipients { len: 0, .. }");
}

#[test]
fn who_is_erased_is_not_known_any_more_and_frees_no_room_for_what_is_under_way() {
    let mut limit = Limit::new(Some(2), NOON);
    limit.send(1, NOON).unwrap();
    let pending = limit.reserve(2, NOON).unwrap();
    for user in [1, 2] {
        limit.recipients.erase(&number(user), NOON, &limit.rng);
        assert!(!limit.recipients.contains(&number(user), NOON, &limit.rng));
    }
    assert_eq!(limit.recipients.len(), 1);
    assert!(limit.commit(2, pending, NOON));
    assert!(limit.send(3, NOON).is_ok() && limit.send(4, NOON).is_err());
}
