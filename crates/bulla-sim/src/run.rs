use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bulla::meter::Flow;
use bulla_base::Clock as _;
use tokio::task::JoinSet;

use crate::oracle::{Fault, Invariant, Violation};
use crate::people::SHOP;
use crate::plan::Plan;
use crate::plant::Plant;
use crate::world::World;
use crate::{late, lives, strikes, user};

/// By when, in virtual time, everything must have drained once all is well.
const PATIENCE: Duration = Duration::from_secs(6 * 3600);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_secs(2);

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
    pub faults: BTreeMap<Fault, u64>,
    /// How long it went on, in virtual time.
    pub lived: Duration,
}

/// Runs the system of `plan` to its end, or to the first promise that is broken.
///
/// # Panics
/// When no runtime can be built, or the simulation itself is wrong.
#[must_use]
pub fn run(plan: &Plan, plant: Option<Plant>, whole_trace: bool) -> Outcome {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(plan, plant);
        if whole_trace {
            world.oracle.keep_all();
        }
        tokio::select! {
            biased;
            () = world.oracle.broken() => {}
            () = live(&world) => {}
        }
        let (trace, hash) = world.oracle.trace();
        Outcome {
            violation: world.oracle.violation(),
            trace,
            hash,
            events: world.oracle.events(),
            steps: world.oracle.steps(),
            faults: world.oracle.counts(),
            lived: world.clock.elapsed(),
        }
    })
}

async fn live(world: &Arc<World>) {
    let writers = begin(world).await;
    suffer(world).await;
    late::is_blind(world);
    recover(world, writers).await;
    compare_counts(world).await;
    late::is_blind(world);
    late::pass(world).await;
}

/// Starts everything, in fair weather: who is unknown cannot be written to.
async fn begin(world: &Arc<World>) -> JoinSet<()> {
    let mut writers = JoinSet::new();
    tokio::spawn(lives::carrier(Arc::clone(world)));
    world.clock.sleep(Duration::from_secs(1)).await;
    for user in 0..world.plan.users {
        tokio::spawn(lives::device(Arc::clone(world), user));
    }
    tokio::spawn(lives::relay(Arc::clone(world)));
    world.clock.sleep(Duration::from_secs(10)).await;
    for user in 0..world.plan.users {
        writers.spawn(user::writes(Arc::clone(world), user, world.plan.messages));
        writers.spawn(user::business_writes(Arc::clone(world), user, world.plan.messages));
    }
    writers
}

/// The safety phase: whatever may happen does, and nothing that must not.
async fn suffer(world: &Arc<World>) {
    let begun = world.clock.elapsed();
    for (at, strike) in &world.plan.strikes {
        world.clock.sleep((begun + *at).saturating_sub(world.clock.elapsed())).await;
        strikes::strike(world, *strike);
    }
    world.clock.sleep((begun + world.plan.span).saturating_sub(world.clock.elapsed())).await;
}

/// The healing phase: all is well, one more message is said each way, and everything drains.
async fn recover(world: &Arc<World>, mut writers: JoinSet<()>) {
    world.oracle.note("all is well from now on");
    world.sky.clears();
    for machine in [&world.carrier, &world.relay].into_iter().chain(&world.devices) {
        machine.heal();
        machine.switch(false);
    }
    world.relay.end_all_but_the_last();
    let drained = async {
        while writers.join_next().await.is_some() {}
        for user in 0..world.plan.users {
            writers.spawn(last_words(Arc::clone(world), user));
        }
        while writers.join_next().await.is_some() {}
        while lacking(world).is_some() {
            world.clock.sleep(LOOK).await;
        }
    };
    tokio::select! {
        biased;
        () = drained => {}
        () = world.clock.sleep(PATIENCE) => {
            let lacking = lacking(world).unwrap_or_else(|| "somebody still tries to write".to_owned());
            world.oracle.blame(Invariant::Drains, lacking);
        }
    }
}

/// The device first: by what it says the relay learns which phone the user has now.
async fn last_words(world: Arc<World>, user: usize) {
    user::writes(Arc::clone(&world), user, 1).await;
    while world.model.lacks_of_business(user).is_some() {
        world.clock.sleep(LOOK).await;
    }
    user::business_writes(world, user, 1).await;
}

/// What is still to come.
fn lacking(world: &World) -> Option<String> {
    (0..world.plan.users).find_map(|user| world.model.lacks(user))
}

/// Relay, carrier and model agree on how many messages there were.
async fn compare_counts(world: &Arc<World>) {
    let relay = world.relays.lock().unwrap().last().map(|(_, relay)| relay.clone());
    let (Some(relay), Some(carrier)) = (relay, world.hub.carrier()) else {
        return world.oracle.blame(Invariant::Alive, "relay or carrier do not run");
    };
    if world.sky.is_forgetting() {
        return;
    }
    let (Ok(ours), Ok(theirs)) = (relay.bill(SHOP).await, carrier.bill(SHOP).await) else {
        return world.oracle.blame(Invariant::Counts, "nobody could count");
    };
    let (to_user, to_business) = world.model.counts();
    let counted =
        [&ours, &theirs].map(|bill| (bill.total(SHOP, Flow::ToUser), bill.total(SHOP, Flow::ToBusiness)));
    if counted != [(to_user, to_business); 2] {
        let what =
            format_args!("relay and carrier count {counted:?}, and there were {to_user}, {to_business}");
        world.oracle.blame(Invariant::Counts, what);
    }
}
