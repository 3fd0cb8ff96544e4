//! Two relays on one store, of which one acts: what is done to them, and what must hold of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bulla::relay::RelayError;
use bulla_base::Clock as _;

use crate::faults::FaultKind;
use crate::invariants::Invariant;
use crate::machine::Process;
use crate::world::{SimRelay, World};

/// How often it is looked which of them acts.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// In this time another has taken over from one that died.
const TAKEOVER: Duration = Duration::from_secs(5);
/// And in this from one that was closed.
const HAND_OVER: Duration = Duration::from_millis(1_500);
/// For so long a relay may be slow, or stopped, and believe that it still acts.
const OVERLAP: Duration = Duration::from_secs(3);
/// For so long what has happened to a relay may be why another takes over.
const EXCUSED: Duration = Duration::from_secs(10);
/// How long a relay that is started anew needs until it stands by.
const START: Duration = Duration::from_secs(2);

/// Which relay acts, as far as it knows, and its process.
pub(crate) fn acting(world: &World) -> Option<(Arc<Process>, SimRelay)> {
    let relays = world.relays.lock().unwrap();
    relays.iter().find(|(process, relay)| acts(process, relay)).cloned()
}

fn acts(process: &Process, relay: &SimRelay) -> bool {
    !process.is_dead() && !process.is_stopped() && relay.suspended().is_empty()
}

/// Whether `relay` stands by.
pub(crate) fn stands_by(relay: &SimRelay) -> bool {
    relay.suspended().iter().any(|part| matches!(*part.why, RelayError::StandsBy))
}

/// The one that acts dies.
pub(crate) fn kill_acting(world: &World) {
    if let Some((process, _)) = acting(world) {
        world.run_log.count(FaultKind::Takeover);
        process.kill();
    }
}

/// The one that acts is closed as it should be.
pub(crate) fn close_acting(world: &World) {
    if let Some((process, _)) = acting(world) {
        world.run_log.count(FaultKind::Closed);
        process.close();
    }
}

/// The one that acts is stopped in the middle of what it does, and goes on after a while.
pub(crate) fn stop_acting(world: &World, span: Duration) {
    let Some((process, _)) = acting(world) else { return };
    world.run_log.count(FaultKind::Stopped);
    // What it was about to tell may come after what the other has told.
    world.model.two_tell();
    process.stop(true);
    let clock = Arc::clone(&world.clock);
    tokio::spawn(async move {
        clock.sleep(span).await;
        process.stop(false);
    });
}

/// Sees to it that at most one of them acts, and that nobody is replaced who lives.
pub(crate) async fn keep_checking(world: Arc<World>) {
    let (mut last, mut both, mut troubles) = (None::<Arc<Process>>, Duration::ZERO, 0);
    // Until when each is excused.
    let (mut excused, mut all_excused) = (BTreeMap::<u64, Duration>::new(), Duration::ZERO);
    while world.has_failover.load(Ordering::SeqCst) {
        world.clock.sleep(POLL_INTERVAL).await;
        let now = world.clock.elapsed();
        let disk_troubles = world.relay.disk_troubles.load(Ordering::SeqCst);
        if disk_troubles != std::mem::replace(&mut troubles, disk_troubles) {
            all_excused = now + EXCUSED;
        }
        let relays = world.relays.lock().unwrap().clone();
        for (process, _) in relays.iter().filter(|(process, _)| process.is_stopped()) {
            excused.insert(process.number, now + EXCUSED);
        }
        let acting: Vec<_> = relays.iter().filter(|(process, relay)| acts(process, relay)).collect();
        both = if acting.len() > 1 { both + POLL_INTERVAL } else { Duration::ZERO };
        if both > OVERLAP && now > all_excused {
            world.run_log.violated(Invariant::OneActs, format_args!("{} act", acting.len()));
        }
        let acts_still =
            |before: &Arc<Process>| acting.iter().any(|(process, _)| process.number == before.number);
        // One that wakes believes for a moment that it acts.
        let Some((newest, _)) = acting.last().filter(|_| !last.as_ref().is_some_and(acts_still)) else {
            continue;
        };
        if let Some(before) = last.replace(Arc::clone(newest)).filter(|before| before.number != newest.number)
        {
            let is_excused = before.is_dead()
                || before.is_closing()
                || now < all_excused
                || excused.get(&before.number).is_some_and(|until| now < *until);
            if !is_excused {
                let what = format_args!("relay {} replaces {}, which lives", newest.number, before.number);
                world.run_log.violated(Invariant::OneActs, what);
            }
        }
    }
}

/// All is well: the one that acts dies, and the next is closed; each time another acts soon enough.
pub(crate) async fn last_takeovers(world: &Arc<World>) {
    acts_within(world, TAKEOVER * 4, "all is well").await;
    for (is_killed, within) in [(true, TAKEOVER), (false, HAND_OVER)] {
        // The other has to be there.
        world.clock.sleep(START).await;
        if is_killed {
            kill_acting(world);
        } else {
            close_acting(world);
        }
        acts_within(world, within, if is_killed { "it died" } else { "it was closed" }).await;
    }
}

async fn acts_within(world: &World, span: Duration, since: &str) {
    let begun = world.clock.elapsed();
    // One that is about to end is still listed.
    world.clock.sleep(POLL_INTERVAL / 4).await;
    while acting(world).is_none_or(|(process, _)| process.is_closing()) {
        if world.clock.elapsed() > begun + span {
            let what = format_args!("nobody acts {span:?} after {since}");
            return world.run_log.violated(Invariant::TakesOver, what);
        }
        world.clock.sleep(POLL_INTERVAL / 4).await;
    }
}

/// One relay is enough from now on, and it has no lease: nobody renews one for two months.
pub(crate) async fn ends(world: &Arc<World>) {
    world.has_failover.store(false, Ordering::SeqCst);
    world.relay.end_pair();
    while world.relays.lock().unwrap().iter().all(|(process, _)| process.is_dead()) {
        world.clock.sleep(POLL_INTERVAL).await;
    }
}
