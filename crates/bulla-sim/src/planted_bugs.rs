//! Bugs that are put into the system on purpose, to see whether the simulator finds them. They sit at the
//! ports, so that no crate that is shipped has a switch for them.

mod key_log;
mod ledger;
mod network;
mod protection;
mod settings;
mod sink;
mod store;

use crate::invariants::Invariant;
use crate::plan::Plan;
use crate::simulation::run;

pub(crate) use sink::HeldEvent;

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the table says of each what it does")]
pub enum PlantedBug {
    LostCharge,
    DoubleCharge,
    Unsynced,
    TornBatch,
    ExpectationsIgnored,
    MessageRowLost,
    OutboxRowLost,
    EventRowLost,
    EventKept,
    SessionNotSaved,
    IncarnationNotSaved,
    IdempotencyForgotten,
    SeenNotNoted,
    NoticeLost,
    DeviceOutboxLost,
    QueueRowLost,
    DuplicateNotNoted,
    OneTimeKeyKept,
    QueueSkips,
    QueueReversed,
    ReadForgets,
    NothingDropped,
    TooMuchDropped,
    NothingErased,
    BackupHidden,
    EnvelopeLost,
    EnvelopeAltered,
    FenceLowered,
    KeyGivenTwice,
    AcknowledgedTooMuch,
    NotSealed,
    StepTwice,
    StatusBackwards,
    StatusTooFar,
    EventSwallowed,
    EventRenamed,
    EventsSwapped,
    EventToldAgain,
    SweepAsleep,
    RetryAtOnce,
    ChargedPerDevice,
    DeviceLeftOut,
    DevicesNotCompared,
    LeaseNotSeen,
    LeaseNeverOver,
    LeaseKept,
    AcknowledgedHandedOut,
    AcknowledgedKept,
    SettlingAsleep,
    RulesForgotten,
    WindowForgotten,
    PairRateForgotten,
    RecipientsForgotten,
    DeferredSkipped,
    SetAsideEarly,
    SetAsideBlocks,
    DeadLetterLost,
    DeadLetterUnlisted,
    ReplayLost,
    TwoHistories,
    RestoreNotTold,
    ChargedWhenSent,
    ChargedForEachAcknowledgement,
    ChargedApart,
    WrongMidnight,
    CategoryLeftOut,
    TagKept,
    ReservationKept,
    ReachedForgotten,
    PromotionForgotten,
}

impl PlantedBug {
    /// Each with what it does, and what may find it.
    pub const TABLE: &[(Self, &str)] = &[
        (Self::LostCharge, "the relay's batch loses its charge, one in eight"),
        (Self::DoubleCharge, "the carrier's batch charges twice, one in eight"),
        (Self::Unsynced, "the relay's commits are told before they are durable"),
        (Self::TornBatch, "power that goes during the relay's commit leaves half a batch"),
        (Self::ExpectationsIgnored, "the relay's store does not check what a batch expects"),
        (Self::MessageRowLost, "the relay's batch loses the row of a message, one in eight"),
        (Self::OutboxRowLost, "the relay's batch loses the envelope to be sent, one in eight"),
        (Self::EventRowLost, "the relay's batch loses the event for the business, one in eight"),
        (Self::EventKept, "the relay's batch does not remove the event that was taken"),
        (Self::SessionNotSaved, "the relay's batch loses the session's step, one in eight"),
        (Self::IncarnationNotSaved, "the relay's incarnation is not raised at a start"),
        (Self::IdempotencyForgotten, "the relay's batch loses the idempotency key"),
        (Self::SeenNotNoted, "the relay's batch loses the guard against duplicates"),
        (Self::NoticeLost, "the device's batch loses what was said, one in two"),
        (Self::DeviceOutboxLost, "the device's batch loses the envelope to be sent, one in eight"),
        (Self::QueueRowLost, "the carrier's batch loses the envelope it queues, one in eight"),
        (Self::DuplicateNotNoted, "the carrier's batch loses the guard against duplicates"),
        (Self::OneTimeKeyKept, "the carrier's batch does not remove the key that was given away"),
        (Self::QueueSkips, "a page of a queue lacks its last row, one in eight"),
        (Self::QueueReversed, "a page of a queue is in the wrong order"),
        (Self::ReadForgets, "a read of the relay finds nothing where there is something, one in fifty"),
        (Self::NothingDropped, "days that are over are not dropped"),
        (Self::TooMuchDropped, "days that are not over are dropped with those that are"),
        (Self::NothingErased, "an erasure removes nothing"),
        (Self::BackupHidden, "a store that was put back is taken for the present one"),
        (Self::EnvelopeLost, "the carrier takes an envelope and forgets it, one in sixteen"),
        (Self::EnvelopeAltered, "the carrier alters an envelope, one in sixteen"),
        (Self::FenceLowered, "the carrier lets a replaced incarnation pass"),
        (Self::KeyGivenTwice, "the carrier gives the same one-time key twice"),
        (Self::AcknowledgedTooMuch, "an acknowledgement takes the next envelope with it"),
        (Self::NotSealed, "an envelope leaves as it was written, one in sixteen"),
        (Self::StepTwice, "a repeated envelope is sealed anew in the same step"),
        (Self::StatusBackwards, "after `read` a message is `delivered` again"),
        (Self::StatusTooFar, "a message that was sent is told as read"),
        (Self::EventSwallowed, "an event counts as taken and was not told, one in eight"),
        (Self::EventRenamed, "an event that is told again has another id"),
        (Self::EventsSwapped, "an event is told after the one that follows it"),
        (Self::EventToldAgain, "an event that was taken is told again"),
        (Self::SweepAsleep, "the relay's sweep does not wake"),
        (Self::RetryAtOnce, "who tries again does not wait"),
        (Self::ChargedPerDevice, "the carrier's batch charges a message for each device it goes to"),
        (Self::DeviceLeftOut, "the carrier takes what is for a second device and forgets it, one in four"),
        (Self::DevicesNotCompared, "the carrier does not compare whom a message goes to"),
        (Self::LeaseNotSeen, "a relay that stands by does not see that another acts"),
        (Self::LeaseNeverOver, "a relay that stands by takes every lease for one that was just renewed"),
        (Self::LeaseKept, "a relay that is closed does not give its lease back"),
        (Self::AcknowledgedHandedOut, "the carrier hands out again what was acknowledged"),
        (Self::AcknowledgedKept, "the carrier's batch does not remove what was acknowledged"),
        (Self::SettlingAsleep, "what was acknowledged last stays with the carrier"),
        (Self::RulesForgotten, "a relay that is started again knows no rule"),
        (Self::WindowForgotten, "a relay that is started again does not know when a user wrote"),
        (Self::PairRateForgotten, "a relay that is started again does not know what it sent to a user"),
        (Self::RecipientsForgotten, "the relay's batch loses that a user counts against the messaging limit"),
        (Self::DeferredSkipped, "a message that waits for a rule is skipped, one in four"),
        (Self::SetAsideEarly, "an event is set aside after its first try"),
        (Self::SetAsideBlocks, "an event that is to be set aside blocks its conversation"),
        (Self::DeadLetterLost, "an event that is set aside is lost"),
        (Self::DeadLetterUnlisted, "an event that is set aside is not listed"),
        (Self::ReplayLost, "an event that is replayed is lost"),
        (Self::TwoHistories, "the carrier signs a log for the relay in which the business has another key"),
        (Self::RestoreNotTold, "a carrier that was put back from a backup says that it never was"),
        (Self::ChargedWhenSent, "the relay charges a message when it is sent"),
        (Self::ChargedForEachAcknowledgement, "the carrier's batch loses that a message was charged"),
        (Self::ChargedApart, "the carrier charges in a record of its own, before what was acknowledged goes"),
        (Self::WrongMidnight, "the carrier rates a message by when it was acknowledged"),
        (Self::CategoryLeftOut, "the carrier charges without the category"),
        (Self::TagKept, "the carrier keeps the tags of users who count no more"),
        (Self::ReservationKept, "a user goes on to count when the message to them was not taken, one in two"),
        (Self::ReachedForgotten, "the carrier's batch loses that a user counts"),
        (Self::PromotionForgotten, "the carrier's batch loses that a user got a promotion"),
    ];

    /// The promise by which it has to be found, where one alone speaks of what it does.
    const fn breaks(self) -> Option<Invariant> {
        match self {
            Self::ReachedForgotten | Self::PromotionForgotten => Some(Invariant::Limits),
            _ => None,
        }
    }

    /// What it does.
    #[must_use]
    pub fn what(self) -> &'static str {
        Self::TABLE.iter().find(|(planted_bug, _)| *planted_bug == self).map_or("", |(_, what)| what)
    }
}

/// In how many seeds each planted bug has to be found.
pub const SEEDS_FOR_PLANTED: u64 = 1_000;

/// The first seed that finds `planted_bug`, and the promise that it saw broken.
#[must_use]
pub fn find(planted_bug: PlantedBug) -> Option<(u64, Invariant)> {
    (0..SEEDS_FOR_PLANTED).find_map(|seed| {
        let violation = run(&Plan::of(seed), Some(planted_bug), false).violation?;
        let counts = planted_bug.breaks().is_none_or(|breaks| breaks == violation.invariant);
        counts.then_some((seed, violation.invariant))
    })
}
