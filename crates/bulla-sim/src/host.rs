//! The host's operator, who sees to dead letters: replays them when the business is mended, or discards them.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use bulla::relay::{BusinessError, DeadLetter, Report, Reports};
use bulla_base::{Clock as _, MessageId, SeededRng};

use crate::business::{kind, number_of_event};
use crate::faults::FaultKind;
use crate::invariants::Invariant;
use crate::phone_numbers::{BUSINESS, user_of};
use crate::random::happens;
use crate::world::{SimRelay, World};

/// How often the operator looks for dead letters.
const POLL_INTERVAL: Duration = Duration::from_secs(4);
/// In how many of a hundred cases one is replayed at once, although the business is as it was.
const IMPATIENCE: u64 = 20;

/// What the operator knows of one run of the relay.
struct Shift {
    process: u64,
    reports: Reports,
    /// Of which messages it was told that a report about them was set aside.
    told: BTreeSet<MessageId>,
    /// How often it was looked since an event was first found, that was not there when the run began.
    waiting: BTreeMap<MessageId, u32>,
    /// Whether it was looked for dead letters in this run.
    has_looked: bool,
}

/// Sees to the dead letters, as long as the world lasts.
pub(crate) async fn sees_to_dead_letters(world: Arc<World>) {
    let rng = SeededRng::new(world.plan.seed ^ 0x686f_7374);
    let mut shift: Option<Shift> = None;
    loop {
        world.clock.sleep(POLL_INTERVAL).await;
        let is_calm = world.current_faults.is_calm();
        let Some((process, relay)) = world.process_that_acts() else { continue };
        let is_same = shift.as_ref().is_some_and(|shift| shift.process == process.number);
        if !is_same {
            let reports = relay.reports();
            let (told, waiting) = (BTreeSet::new(), BTreeMap::new());
            shift = Some(Shift { process: process.number, reports, told, waiting, has_looked: false });
        }
        let Ok(letters) = list(&relay).await else { continue };
        if let Some(shift) = &mut shift {
            shift.is_told(&world, &letters).await;
        }
        let count = letters.len();
        for letter in letters {
            see_to(&world, &relay, &letter, is_calm || happens(&rng, IMPATIENCE)).await;
        }
        if is_calm {
            world.model.refused.listed(count);
        }
    }
}

/// All dead letters there are.
pub(crate) async fn list(relay: &SimRelay) -> Result<Vec<DeadLetter>, BusinessError> {
    let mut letters: Vec<DeadLetter> = Vec::new();
    loop {
        let page = relay.dead_letters(BUSINESS, letters.last().map(|last| last.id)).await?;
        if page.is_empty() {
            return Ok(letters);
        }
        letters.extend(page);
    }
}

async fn see_to(world: &World, relay: &SimRelay, letter: &DeadLetter, is_replayed: bool) {
    let subject = letter.event.subject();
    let (user, id, kind) = (user_of(&subject.user), subject.message.id(), kind(&letter.event));
    let refused = &world.model.refused;
    if refused.found((id, kind)) {
        world.run_log.count(FaultKind::DeadLetter);
        world.run_log.trace_line(format_args!("report {kind} of {id} is a dead letter"));
    }
    if !is_replayed {
        return;
    }
    let done = if refused.is_to_be_discarded(user, number_of_event(&world.model, &letter.event), kind) {
        if !world.current_faults.is_calm() {
            return;
        }
        // Also if nobody answers: what is still there is discarded at the next look.
        refused.discarded((id, kind), user);
        relay.discard(BUSINESS, letter.id).await
    } else {
        world.model.replays(id, kind);
        let done = relay.replay(BUSINESS, letter.id).await;
        if matches!(done, Ok(true)) {
            refused.replayed((id, kind));
        }
        done
    };
    world.run_log.trace_line(format_args!("report {kind} of {id} is seen to: {done:?}"));
}

impl Shift {
    /// Each event that this run of the relay has set aside was told of, soon.
    async fn is_told(&mut self, world: &World, letters: &[DeadLetter]) {
        let mut is_complete = true;
        while let Some(report) = tokio::select! {
            biased;
            report = self.reports.next() => report,
            () = ready(()) => None,
        } {
            match report {
                Report::DeadLetter { message, .. } => drop(self.told.insert(message.id())),
                Report::Missed { .. } => is_complete = false,
                _ => {}
            }
        }
        let was_here = std::mem::replace(&mut self.has_looked, true);
        for letter in letters {
            let id = letter.event.subject().message.id();
            // What is there at the first look may be another's.
            let looks = self.waiting.entry(id).or_insert(if was_here { 0 } else { u32::MAX });
            *looks = looks.saturating_add(1);
            let is_its_own = *looks == 2 && is_complete && !world.relay.had_company();
            if is_its_own && !self.told.contains(&id) {
                let what = format_args!("relay {} has set {id} aside and told nobody", self.process);
                world.run_log.violated(Invariant::SetAside, what);
            }
        }
    }
}
