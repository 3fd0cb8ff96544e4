//! One run: its phases, and what it showed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bulla::meter::Flow;
use bulla_base::Clock as _;
use tokio::task::{JoinHandle, JoinSet};

use crate::faults::FaultKind;
use crate::invariants::{Invariant, Violation};
use crate::phone_numbers::BUSINESS;
use crate::plan::Plan;
use crate::planted_bugs::PlantedBug;
use crate::world::World;
use crate::{failover, faults, host, ledger_checks, retention, supervisor, workload};

/// By when, in virtual time, everything must have drained once all is well.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(6 * 3600);
/// After so long the windows of users are closed who write nothing.
const MORE_THAN_A_DAY: Duration = Duration::from_secs(25 * 3600);
/// How long the business waits then until users write.
const ANSWERED_AFTER: Duration = Duration::from_secs(20);
/// How often it is looked whether it has.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// How often it is looked at what a relay has that was just started.
const LOOKS: u32 = 10;

/// What one run showed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// The first promise that was broken.
    pub violation: Option<Violation>,
    /// The last lines of what happened; all of them, if that was asked for.
    pub trace: Vec<String>,
    /// Stands for all that happened.
    pub hash: u64,
    /// How often a port was called.
    pub events: u64,
    /// How many ratchet steps were taken.
    pub steps: usize,
    /// What was done to the system, and how often.
    pub faults: BTreeMap<FaultKind, u64>,
    /// How long it went on, in virtual time.
    pub lived: Duration,
}

/// Runs the system of `plan` to its end, or to the first promise that is broken.
///
/// # Panics
/// When no runtime can be built, or the simulation itself is wrong.
#[must_use]
pub fn run(plan: &Plan, planted_bug: Option<PlantedBug>, whole_trace: bool) -> Outcome {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(plan, planted_bug);
        if whole_trace {
            world.run_log.keep_all();
        }
        tokio::select! {
            biased;
            () = world.run_log.broken() => {}
            () = run_phases(&world) => {}
        }
        let (trace, hash) = world.run_log.trace();
        Outcome {
            violation: world.run_log.violation(),
            trace,
            hash,
            events: world.run_log.events(),
            steps: world.run_log.steps(),
            faults: world.run_log.counts(),
            lived: world.clock.elapsed(),
        }
    })
}

async fn run_phases(world: &Arc<World>) {
    let writers = begin(world).await;
    let has_host = world.plan.business.unbearable.is_some();
    let host = has_host.then(|| tokio::spawn(host::sees_to_dead_letters(Arc::clone(world))));
    inject_faults(world).await;
    retention::carrier_reads_nothing(world);
    recover(world, writers).await;
    compare_limits(world).await;
    if world.plan.failover {
        failover::ends(world).await;
    }
    let has_windows = world.plan.business.has_windows();
    if has_windows {
        a_day_passes(world).await;
    }
    host.iter().for_each(JoinHandle::abort);
    world.model.rules.check();
    no_dead_letters(world).await;
    compare_counts(world).await;
    ledger_checks::compare_ledgers(world).await;
    compare_limits(world).await;
    retention::carrier_reads_nothing(world);
    let mut passed = if has_windows { MORE_THAN_A_DAY } else { Duration::ZERO };
    if world.plan.protection.is_some() {
        passed += retention::two_days_pass(world).await;
    }
    retention::two_months_pass(world, passed).await;
}

/// Starts everything, before anything fails: who is unknown cannot be written to.
async fn begin(world: &Arc<World>) -> JoinSet<()> {
    let mut writers = JoinSet::new();
    if let Some(protection) = world.plan.protection {
        protection.begin(&world.carrier.disk(), world.clock.now(), world.plan.seed).await;
    }
    tokio::spawn(supervisor::carrier(Arc::clone(world)));
    world.clock.sleep(Duration::from_secs(1)).await;
    for user in 0..world.plan.users {
        tokio::spawn(supervisor::device(Arc::clone(world), user));
    }
    for (user, device) in &world.plan.others {
        tokio::spawn(supervisor::other_device(Arc::clone(world), *user, *device));
    }
    tokio::spawn(supervisor::relay(Arc::clone(world)));
    if world.plan.failover {
        world.relay.begin_pair();
        tokio::spawn(supervisor::relay(Arc::clone(world)));
        tokio::spawn(failover::keep_checking(Arc::clone(world)));
    }
    world.clock.sleep(Duration::from_secs(10)).await;
    for user in 0..world.plan.users {
        writers.spawn(workload::writes(Arc::clone(world), user, world.plan.messages));
        writers.spawn(workload::business_writes(Arc::clone(world), user, world.plan.messages));
    }
    writers
}

/// The safety phase: whatever may happen does, and nothing that must not.
async fn inject_faults(world: &Arc<World>) {
    let begun = world.clock.elapsed();
    for (at, fault) in &world.plan.faults {
        world.clock.sleep((begun + *at).saturating_sub(world.clock.elapsed())).await;
        faults::inject(world, *fault);
    }
    world.clock.sleep((begun + world.plan.span).saturating_sub(world.clock.elapsed())).await;
}

/// The healing phase: all is well, one more message is said each way, and everything drains.
async fn recover(world: &Arc<World>, mut writers: JoinSet<()>) {
    world.run_log.trace_line("all is well from now on");
    world.current_faults.become_calm();
    world.model.refused.become_calm();
    for machine in [&world.carrier, &world.relay].into_iter().chain(&world.devices) {
        machine.heal();
        machine.switch(false);
    }
    for ((user, device), machine) in &world.other_devices {
        machine.heal();
        machine.switch(world.has_vanished(*user, *device));
    }
    if world.plan.failover {
        world.relays.lock().unwrap().iter().for_each(|(process, _)| process.stop(false));
        failover::last_takeovers(world).await;
    } else {
        world.relay.end_all_but_the_last();
    }
    if world.plan.business.has_windows() {
        // The business may wait for users who have said all that they had to say.
        for user in 0..world.plan.users {
            writers.spawn(workload::writes(Arc::clone(world), user, 1));
        }
    }
    let drained = async {
        while writers.join_next().await.is_some() {}
        for user in 0..world.plan.users {
            writers.spawn(final_messages(Arc::clone(world), user));
        }
        while writers.join_next().await.is_some() {}
        drain(world).await;
    };
    within_time(world, drained).await;
}

/// The windows close: the business writes once more to each user, who answers after a while.
async fn a_day_passes(world: &Arc<World>) {
    world.run_log.trace_line("a day passes");
    world.clock.leap(MORE_THAN_A_DAY);
    if world.plan.seed.is_multiple_of(2) {
        world.relay.crash();
    }
    let mut writers = JoinSet::new();
    for user in 0..world.plan.users {
        writers.spawn(workload::business_writes(Arc::clone(world), user, 1));
    }
    let answered = async {
        world.clock.sleep(ANSWERED_AFTER).await;
        for user in 0..world.plan.users {
            writers.spawn(workload::writes(Arc::clone(world), user, 1));
        }
        while writers.join_next().await.is_some() {}
        drain(world).await;
    };
    within_time(world, answered).await;
}

async fn drain(world: &World) {
    while lacking(world).is_some() {
        world.clock.sleep(POLL_INTERVAL).await;
    }
}

/// Waits for `drained`, which comes if all is well.
async fn within_time(world: &World, drained: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = drained => {}
        () = world.clock.sleep(DRAIN_TIMEOUT) => {
            let lacking = lacking(world).unwrap_or_else(|| "somebody still tries to write".to_owned());
            world.run_log.violated(Invariant::Drains, lacking);
        }
    }
}

/// The device first: by what it says the relay learns which phone the user has now.
async fn final_messages(world: Arc<World>, user: usize) {
    workload::writes(Arc::clone(&world), user, 1).await;
    while world.model.lacks_of_business(user).is_some() {
        world.clock.sleep(POLL_INTERVAL).await;
    }
    workload::business_writes(world, user, 1).await;
}

/// What is still to come.
fn lacking(world: &World) -> Option<String> {
    let lacks = (0..world.plan.users).find_map(|user| world.model.lacks(user));
    lacks.or_else(|| world.model.refused.has_letters().then(|| "dead letters are left".to_owned()))
}

/// In seeds whose host sees to dead letters they are gone, and in others there never are any.
async fn no_dead_letters(world: &World) {
    for _ in 0..LOOKS {
        if let Some(relay) = world.relay_that_acts()
            && let Ok(letters) = host::list(&relay).await
        {
            if !letters.is_empty() {
                world.run_log.violated(Invariant::SetAside, format_args!("{letters:?} are left"));
            }
            return;
        }
        world.clock.sleep(POLL_INTERVAL).await;
    }
    world.run_log.violated(Invariant::Alive, "nobody lists dead letters");
}

/// As many users count at the carrier as the model knows of.
async fn compare_limits(world: &World) {
    if world.plan.protection.is_none() {
        return;
    }
    for _ in 0..LOOKS {
        if let Some(carrier) = world.carrier_endpoint.carrier()
            && let Ok(counted) = carrier.reached_users(BUSINESS).await
        {
            return world.model.protection.check(counted.unwrap_or_default());
        }
        world.clock.sleep(POLL_INTERVAL).await;
    }
    world.run_log.violated(Invariant::Alive, "nobody counts users");
}

/// Relay, carrier and model agree on how many messages there were.
async fn compare_counts(world: &Arc<World>) {
    let (Some(relay), Some(carrier)) = (world.relay_that_acts(), world.carrier_endpoint.carrier()) else {
        return world.run_log.violated(Invariant::Alive, "relay or carrier do not run");
    };
    if world.current_faults.is_forgetting() {
        return;
    }
    let (Ok(ours), Ok(theirs)) = (relay.bill(BUSINESS).await, carrier.bill(BUSINESS).await) else {
        return world.run_log.violated(Invariant::Counts, "nobody could count");
    };
    let (to_user, to_business) = world.model.counts();
    let counted = [&ours, &theirs]
        .map(|bill| (bill.total(BUSINESS, Flow::ToUser), bill.total(BUSINESS, Flow::ToBusiness)));
    let is_right = |(ours, theirs): &(u64, u64)| to_user.contains(ours) && *theirs == to_business;
    // What came after its backup a carrier does not count any more.
    let is_known = |(ours, theirs): &(u64, u64)| ours <= to_user.end() && *theirs <= to_business;
    let carrier_is_right = match world.carrier_endpoint.was_put_back() {
        true => is_known(&counted[1]),
        // What it refused for a limit it has not counted.
        false => is_right(&(counted[1].0 + world.model.limited(), counted[1].1)),
    };
    if !is_right(&counted[0]) || !carrier_is_right {
        let what =
            format_args!("relay and carrier count {counted:?}, and there were {to_user:?}, {to_business}");
        world.run_log.violated(Invariant::Counts, what);
    }
}
