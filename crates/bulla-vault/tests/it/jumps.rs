//! The whole vault over ninety virtual days, with restarts and a clock that jumps. The rule itself is tried harder where it is written.

use std::collections::VecDeque;
use std::time::Duration;

use bulla_base::{Clock, Rng, SeededRng, Timestamp};
use bulla_store::{Batch, Commit, Key, Retention, Store};

use crate::world::{ALICE, DAY, HOUR, MINUTE, NOW, SPACE, World, run};

struct Dice(SeededRng);

impl Dice {
    fn roll(&self, below: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_be_bytes(bytes) % below
    }
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

#[test]
fn records_live_as_long_as_they_should_however_the_clock_jumps() {
    run(async {
        let (world, dice) = (World::new(1), Dice(SeededRng::new(2)));
        let mut truth = NOW;
        let mut kept: VecDeque<(Key, Timestamp)> = VecDeque::new();
        let (mut vault, mut read, mut restarts) = (world.vault().await, 0, 0);
        for number in 0_u32.. {
            if truth >= NOW.after(90 * DAY) {
                break;
            }
            let (ahead, behind, ticks) = match dice.roll(6) {
                // Taken back before it is believed.
                0 => (HOUR + minutes(dice.roll(40 * 24 * 60)), Duration::ZERO, dice.roll(18)),
                1 => (Duration::ZERO, minutes(dice.roll(40 * 24 * 60)), dice.roll(2 * 24 * 20)),
                _ => (Duration::ZERO, Duration::ZERO, dice.roll(24 * 20)),
            };
            world.clock.set(truth.after(ahead).before(behind));
            // Before the first tick after the jump: the vault notices it all the same.
            let span = minutes(dice.roll(30 * 24 * 60 + 1));
            let key = Key::undated(SPACE, number.to_be_bytes().to_vec());
            let mut batch = Batch::new(ALICE);
            batch.put_until(key.clone(), "value", Retention::new(span).unwrap().from(world.clock.now()));
            assert!(matches!(vault.commit(batch).await.unwrap(), Commit::Committed(_)));
            kept.push_back((key, truth.after(span)));
            if dice.roll(4) == 0 {
                drop(vault);
                vault = world.vault().await;
                restarts += 1;
            }
            for _ in 0..=ticks {
                truth = truth.after(3 * MINUTE);
                world.clock.set(truth.after(ahead).before(behind));
                vault.tick().await.unwrap();
            }
            for (key, over) in &kept {
                // The engine is told that nothing has expired, so the keys alone decide.
                let found = vault.get(ALICE, key, Timestamp::from_millis(0)).await.unwrap();
                if found.is_some() {
                    read += 1;
                    assert!(truth <= over.after(3 * HOUR), "opens {:?} too late", truth.since(*over));
                } else {
                    assert!(truth.after(HOUR) >= *over, "lost {:?} too early", over.since(truth));
                }
            }
            assert!(!vault.is_restored());
        }
        assert!(read > 1000 && restarts > 10, "{read} {restarts}");
    });
}
