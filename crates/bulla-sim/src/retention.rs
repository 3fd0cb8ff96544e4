//! What may be left on the disks: after an erasure, and after everything's time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bulla::envelope::Envelope;
use bulla_base::{Clock as _, Party, SeededRng};
use bulla_store::{Key, SYSTEM_PARTITION, Space};
use memchr::memmem;

use crate::envelope_checks::CANARY;
use crate::invariants::Invariant;
use crate::machine::{Machine, MachineName};
use crate::world::World;

/// In which strides the last days pass, in hours: nothing happens within one but that everybody sleeps. In
/// the first awakenings it may still be asked for what nobody could open, which lives for 30 days then; in
/// the second what was said is 30 days old, and it is told of what did not arrive.
const STRIDES_H: [u32; 5] = [16 * 24, 14 * 24 - 3, 3 * 24, 14 * 24, 20 * 24];
const HOUR: Duration = Duration::from_secs(3600);

/// How long everybody is awake before the first.
const QUIET: Duration = Duration::from_secs(60);

/// How long everybody is awake after each: every sweep has its turn.
const AWAKE: Duration = Duration::from_secs(2 * 3600);

/// The longest anything with a day stays: 30 days, the rest of the day on which it was made, and one for ids
/// that were made by a clock that was ahead.
const LONGEST_DAYS: u32 = 32;

/// The spaces of what lives as long as its owner does, without a day: keys, what the log says of them,
/// fences, heads, peppers, lists of devices, the keys of stamps, and the log of keys.
const OF_CARRIER: [u8; 14] =
    [0x40, 0x41, 0x42, 0x43, 0x46, 0x48, 0x4a, 0x4c, 0x4f, 0x70, 0x71, 0x72, 0x73, 0x78];
const OF_RELAY: [u8; 7] = [0x10, 0x11, 0x12, 0x13, 0x14, 0x1a, 0x28];
const OF_DEVICE: [u8; 7] = [0x10, 0x11, 0x12, 0x13, 0x14, 0x33, 0x34];
/// Beside them in the partition of nobody: which life of the store this is, what was seen of the log of keys,
/// when it was last looked for conversations that are over, and which of several relays acted last.
const OF_NOBODY: [u8; 5] = [0x17, 0x18, 0x2c, 0x4c, 0x67];

/// How businesses stand, what was done about them, and their tiers: of a carrier that protects users; and how
/// the business was told that it stands.
const OF_PROTECTION: [u8; 3] = [0x7b, 0x7d, 0x81];
const OF_PROTECTED_RELAY: [u8; 1] = [0x7b];

/// Whom a business has met, together; and those who were written to first, apart.
const MET: Space = Space::new(0x7c);
const REACHED: Space = Space::new(0x85);

/// How long tags of users stay at most.
const TWO_DAYS: Duration = Duration::from_secs(48 * 3600);

/// Prekeys of an owner who lives on: some were replaced within the last 30 days, whatever the time.
const REPLACED: [u8; 2] = [0x12, 0x13];

const RELAYS_PEPPER: Space = Space::new(0x28);
const CARRIERS_PEPPER: Space = Space::new(0x46);
const CARRIERS_QUEUE: Space = Space::new(0x44);

/// Two days pass, and nobody counts any more: no tag of those who did is left. Says how much passed.
pub(crate) async fn two_days_pass(world: &Arc<World>) -> Duration {
    world.clock.sleep(QUIET).await;
    let rows = world.carrier.disk();
    let (commits, apart) = (rows.commits(), rows.counters_of(REACHED));
    world.clock.leap(TWO_DAYS);
    world.clock.sleep(QUIET * 3).await;
    let met = rows.find(|_, key, record| key.space() == MET && record.version.number() <= commits);
    let after = rows.counters_of(REACHED);
    let still = apart.iter().filter(|counted| after.contains(counted)).count();
    if !met.is_empty() || still > 0 {
        let what = format_args!("{} rows of users, and {still} apart, are left after two days", met.len());
        world.run_log.violated(Invariant::Forgotten, what);
    }
    TWO_DAYS
}

/// Two months pass, of which so much has `passed` already. After the first nothing is open any more, after
/// the second nothing is left.
pub(crate) async fn two_months_pass(world: &Arc<World>, passed: Duration) {
    // What is put off for a while is done.
    world.clock.sleep(QUIET).await;
    world.is_idle.store(true, Ordering::SeqCst);
    acknowledged_is_gone(world).await;
    let [first, others @ ..] = STRIDES_H.map(|hours| HOUR * hours);
    for stride in [first - passed].into_iter().chain(others) {
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
    for user in 0..world.plan.users {
        if let Some(silent) = world.model.is_silent(user) {
            world.run_log.violated(Invariant::Kept, silent);
        }
    }
    for machine in all(world) {
        let lasting: &[u8] = match machine.name {
            MachineName::Carrier => &OF_CARRIER,
            MachineName::Relay => &OF_RELAY,
            MachineName::Device(_) | MachineName::OtherDevice(..) => &OF_DEVICE,
        };
        let protected: &[u8] = match machine.name {
            _ if world.plan.protection.is_none() => &[],
            MachineName::Carrier => &OF_PROTECTION,
            MachineName::Relay => &OF_PROTECTED_RELAY,
            _ => &[],
        };
        let found = machine.disk().find(|owner, key, _| {
            let space = key.space().number();
            let may_last = lasting.contains(&space)
                || protected.contains(&space)
                || owner == SYSTEM_PARTITION && OF_NOBODY.contains(&space);
            let is_over = key.day() != Key::UNDATED && !REPLACED.contains(&space);
            is_over || !may_last
        });
        left(world, machine, &found);
    }
    let apart = world.carrier.disk().counters_of(REACHED).len();
    if apart > 0 {
        world.run_log.violated(Invariant::Forgotten, format_args!("{apart} users stand apart for ever"));
    }
}

fn left(world: &World, machine: &Machine, found: &[(bulla_base::Partition, Key)]) {
    if let Some((_, key)) = found.first() {
        let (name, space, day) = (machine.name, key.space().number(), key.day().number());
        let what =
            format_args!("{} rows, the first of space {space:#x} and day {day}, at the {name}", found.len());
        world.run_log.violated(Invariant::Forgotten, what);
    }
}

/// Nobody reads at the carrier what is said.
pub(crate) fn carrier_reads_nothing(world: &World) {
    let read =
        world.carrier.disk().find(|_, _, record| memmem::find(&record.value, CANARY.as_bytes()).is_some());
    if !read.is_empty() {
        world.run_log.violated(Invariant::Sealed, "a text lies with the carrier");
    }
}

/// What the carrier was told to be with its recipient does not stand on its disk any more.
async fn acknowledged_is_gone(world: &World) {
    let (rows, chance) = (world.carrier.disk(), SeededRng::new(0));
    let Ok(pepper) = bulla_store::pepper(&rows.copy(), CARRIERS_PEPPER, world.clock.now(), &chance).await
    else {
        return;
    };
    for (address, sequence, id) in world.run_log.wire.all_acknowledged() {
        let partition = pepper.partition(address.party());
        let name = [&[address.device().number()], &sequence.number().to_be_bytes()[..]].concat();
        let left = rows.find(|owner, key, record| {
            owner == partition
                && key.space() == CARRIERS_QUEUE
                && key.name()[..] == name
                && Envelope::from_bytes(record.value.clone()).is_ok_and(|envelope| envelope.id() == id)
        });
        if !left.is_empty() {
            let what = format_args!("{id} was acknowledged and is still at the carrier");
            world.run_log.violated(Invariant::Forgotten, what);
        }
    }
}

/// Nothing is left of `user` on this machine that was there when it had made `commits` commits.
pub(crate) async fn is_erased(world: &World, machine: &Machine, user: usize, commits: u64) {
    let space = if machine.name == MachineName::Carrier { CARRIERS_PEPPER } else { RELAYS_PEPPER };
    let (rows, chance) = (machine.disk(), SeededRng::new(0));
    let Ok(pepper) = bulla_store::pepper(&rows.copy(), space, world.clock.now(), &chance).await else {
        return;
    };
    let partition = pepper.partition(&Party::User(world.plan.number(user)));
    let left = rows.find(|owner, _, record| owner == partition && record.version.number() <= commits);
    if let Some((_, key)) = left.first() {
        let (name, space) = (machine.name, key.space().number());
        let what =
            format_args!("{} rows of user {user}, the first of space {space:#x}, at the {name}", left.len());
        world.run_log.violated(Invariant::Erased, what);
    }
}

fn all(world: &World) -> impl Iterator<Item = &Arc<Machine>> {
    let gone = |(name, machine)| (!world.vanished.lock().unwrap().contains(name)).then_some(machine);
    let others = world.other_devices.iter().filter_map(gone);
    [&world.carrier, &world.relay].into_iter().chain(&world.devices).chain(others)
}
