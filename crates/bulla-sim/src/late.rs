//! What is left: after an erasure, and after everything's time.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Clock as _, Party, SeededRng};
use bulla_store::{Key, OWN, Space};
use memchr::memmem;

use crate::machine::{Machine, Name};
use crate::oracle::Invariant;
use crate::people::number;
use crate::wire::CANARY;
use crate::world::World;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// In which strides the last days pass: nothing happens within one but that everybody sleeps.
const STRIDES: [Duration; 3] = [DAY.saturating_mul(16), DAY.saturating_mul(14), DAY.saturating_mul(3)];

/// How long everybody is awake after each: every sweep has its turn.
const AWAKE: Duration = Duration::from_secs(2 * 3600);

/// The longest anything with a day stays: 30 days, the rest of the day on which it was made, and one for ids
/// that were made by a clock that was ahead.
const LONGEST_DAYS: u32 = 32;

/// The spaces of what lives as long as its owner does, without a day: keys, fences, heads, and peppers.
const OF_CARRIER: [u8; 8] = [0x40, 0x41, 0x42, 0x43, 0x46, 0x48, 0x4a, 0x4c];
const OF_RELAY: [u8; 6] = [0x10, 0x11, 0x12, 0x13, 0x14, 0x28];
const OF_DEVICE: [u8; 7] = [0x10, 0x11, 0x12, 0x13, 0x14, 0x33, 0x34];
/// Beside them in the partition of nobody: which life of the store this is.
const LIFE: [u8; 2] = [0x17, 0x4c];
/// And the day on which a relay looked last for what is over.
const ENDED: u8 = 0x2c;

const RELAYS_PEPPER: Space = Space::new(0x28);
const CARRIERS_PEPPER: Space = Space::new(0x46);

/// 33 days pass, after which nothing may be left of what was said.
pub(crate) async fn pass(world: &Arc<World>) {
    for stride in STRIDES {
        world.clock.leap(stride);
        world.clock.sleep(AWAKE).await;
        let today = world.clock.now().day().number();
        for machine in all(world) {
            let old = machine
                .disk()
                .find(|_, key, _| key.day() != Key::UNDATED && key.day().number() + LONGEST_DAYS < today);
            left(world, machine, &old);
        }
    }
    for machine in all(world) {
        let lasting: &[u8] = match machine.name {
            Name::Carrier => &OF_CARRIER,
            Name::Relay => &OF_RELAY,
            Name::Device(_) => &OF_DEVICE,
        };
        let found = machine.disk().find(|owner, key, _| {
            let space = key.space().number();
            let may_last =
                lasting.contains(&space) || owner == OWN && (space == ENDED || LIFE.contains(&space));
            key.day() != Key::UNDATED || !may_last
        });
        left(world, machine, &found);
    }
}

fn left(world: &World, machine: &Machine, found: &[(bulla_base::Partition, Key)]) {
    if let Some((_, key)) = found.first() {
        let (name, space, day) = (machine.name, key.space().number(), key.day().number());
        let what =
            format_args!("{} rows, the first of space {space:#x} and day {day}, at the {name}", found.len());
        world.oracle.blame(Invariant::Forgotten, what);
    }
}

/// Nobody reads at the carrier what is said.
pub(crate) fn is_blind(world: &World) {
    let read =
        world.carrier.disk().find(|_, _, record| memmem::find(&record.value, CANARY.as_bytes()).is_some());
    if !read.is_empty() {
        world.oracle.blame(Invariant::Sealed, "a text lies with the carrier");
    }
}

/// Nothing is left of `user` on this machine that was there when it had made `commits` commits.
pub(crate) async fn is_erased(world: &World, machine: &Machine, user: usize, commits: u64) {
    let space = if machine.name == Name::Carrier { CARRIERS_PEPPER } else { RELAYS_PEPPER };
    let (rows, chance) = (machine.disk(), SeededRng::new(0));
    let Ok(pepper) = bulla_store::pepper(&rows.copy(), space, world.clock.now(), &chance).await else {
        return;
    };
    let partition = pepper.partition(&Party::User(number(user)));
    let left = rows.find(|owner, _, record| owner == partition && record.version.number() <= commits);
    if let Some((_, key)) = left.first() {
        let (name, space) = (machine.name, key.space().number());
        let what =
            format_args!("{} rows of user {user}, the first of space {space:#x}, at the {name}", left.len());
        world.oracle.blame(Invariant::Erased, what);
    }
}

fn all(world: &World) -> impl Iterator<Item = &Arc<Machine>> {
    [&world.carrier, &world.relay].into_iter().chain(&world.devices)
}
