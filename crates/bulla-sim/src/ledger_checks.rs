//! What must hold of the two ledgers: relay and carrier count each delivered message once, and as the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bulla::meter::{CountedMessage, CountedPeriod, Hour, LedgerSettings, Period, TagKey};
use bulla_base::{BusinessAccountId, Clock as _};

use crate::invariants::Invariant;
use crate::phone_numbers::BUSINESS;
use crate::world::World;

/// How often it is looked before what differs is a difference: what a device has acknowledged last is counted
/// seconds later.
const LOOKS: u32 = 30;
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Whose the business is.
const ACCOUNT: BusinessAccountId = BusinessAccountId::new(1);

/// What is known of a message's delivery by who has read none of the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// It was shown, and the business was told so.
    Surely,
    /// Somebody has lost what there was to know of it.
    Perhaps,
    /// The business was told that it failed. It may have come to a device after that.
    Never,
}

/// How both sides keep their ledgers.
pub(crate) fn settings() -> LedgerSettings {
    LedgerSettings::new(TagKey::from_bytes([7; 32].into()))
}

/// Waits until the ledgers are as they must be.
pub(crate) async fn compare_ledgers(world: &Arc<World>) {
    if world.current_faults.has_lost_ledger() {
        return;
    }
    let mut wrong = None;
    for _ in 0..LOOKS {
        wrong = look(world).await;
        if wrong.is_none() {
            return;
        }
        world.clock.sleep(POLL_INTERVAL).await;
    }
    world.run_log.violated(Invariant::Ledgers, wrong.unwrap_or_default());
}

/// What is wrong with the ledgers now.
async fn look(world: &World) -> Option<String> {
    let (Some(relay), Some(carrier)) = (world.relay_that_acts(), world.carrier_endpoint.carrier()) else {
        return Some("relay or carrier do not run".to_owned());
    };
    let always = Period::new(Hour::from_minutes(0), Hour::from_minutes(u32::MAX)).unwrap();
    let (ours, theirs) =
        (relay.ledger(BUSINESS, ACCOUNT, always).await, carrier.ledger(BUSINESS, ACCOUNT, always).await);
    let (Ok(ours), Ok(theirs)) = (ours, theirs) else { return Some("nobody could count".to_owned()) };
    let settings = settings();
    let counted = |(id, category, user)| {
        let message = CountedMessage::new((BUSINESS, id), &user, category, settings.tags());
        (id, CountedMessage::from_name(ACCOUNT, &message.to_name()).unwrap())
    };
    let sent: BTreeMap<_, _> = world.run_log.wire.all_messages().into_iter().map(counted).collect();
    let may_be: BTreeSet<_> = sent.values().copied().collect();
    // What was erased while it was under way may be counted by one of both, or by the carrier twice: it has
    // forgotten that it was.
    let delivered: Vec<_> = (0..world.plan.users).flat_map(|user| world.model.delivered(user)).collect();
    let is_known = |(_, delivered): &&(_, Delivered)| *delivered != Delivered::Perhaps;
    let known = delivered.iter().filter(is_known).filter_map(|(id, _)| sent.get(id)).copied().collect();
    let forgotten = world.current_faults.is_forgetting();
    let once = if forgotten { &known } else { &may_be };
    let of_one = |(name, side): (&str, &CountedPeriod)| {
        is_wrong(side, &may_be, once).map(|it| format!("the {name} {it}"))
    };
    if let Some(wrong) = [("relay", &ours), ("carrier", &theirs)].into_iter().find_map(of_one) {
        return Some(wrong);
    }
    let [ours, theirs] = [ours, theirs]
        .map(|side| side.messages().iter().map(|(message, _)| *message).collect::<BTreeSet<_>>());
    // What came after its backup a carrier does not count any more.
    let carrier_has_all = !world.carrier_endpoint.was_put_back();
    let judge = |(id, delivered)| {
        let message = sent.get(&id)?;
        let (here, there) = (ours.contains(message), theirs.contains(message));
        let is_right = match delivered {
            Delivered::Surely => here && (there || !carrier_has_all),
            Delivered::Never => !here,
            Delivered::Perhaps => true,
        };
        (!is_right).then(|| format!("{id}, {delivered:?} delivered: relay {here}, carrier {there}"))
    };
    delivered.into_iter().find_map(judge)
}

/// What is wrong with one ledger by itself, in which some messages must stand once.
fn is_wrong(
    side: &CountedPeriod,
    may_be: &BTreeSet<CountedMessage>,
    once: &BTreeSet<CountedMessage>,
) -> Option<String> {
    let again = |(message, times): &&(CountedMessage, u64)| *times != 1 && once.contains(message);
    if let Some((message, times)) = side.messages().iter().find(again) {
        return Some(format!("counts {} {times} times", message.tag()));
    }
    if let Some((message, _)) = side.messages().iter().find(|(message, _)| !may_be.contains(message)) {
        return Some(format!("counts {message:?}, and nobody has sent that"));
    }
    // What stands there twice is one message, and two in the counts.
    let is_whole = side.messages().iter().all(|(_, times)| *times == 1);
    let drift = side.drift().into_iter().next().filter(|_| is_whole);
    drift.map(|drift| format!("has {drift:?}"))
}
