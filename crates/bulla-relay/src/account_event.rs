use bulla_base::{BusinessAccountId, PhoneNumberId, Quality, Tier, Timestamp};
use bulla_meter::{LocalDate, ReachedTier};
use bulla_transport::Restriction;

use crate::MessageTemplate;

/// What the relay tells a business of its account, and of no conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "of an account there is one at a time")]
pub enum AccountEvent {
    /// A template has come into another status, or was reviewed again.
    Template(TemplateUpdate),
    /// The carrier restricts a number, for what it did before.
    Restriction(RestrictionUpdate),
    /// What was delivered in a month has come to another tier of a price.
    VolumeTier(VolumeTierUpdate),
    /// A number stands otherwise with the carrier than before.
    Standing(StandingUpdate),
}

/// A number that the carrier restricts. It is told when the carrier says so, or with the first message that
/// is refused: once for each restriction, and once more if the relay dies while it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestrictionUpdate {
    /// The number.
    pub business: PhoneNumberId,
    /// Its account.
    pub account: BusinessAccountId,
    /// What holds.
    pub restriction: Restriction,
    /// Until when, if that is known.
    pub until: Option<Timestamp>,
    /// When the relay heard of it.
    pub at: Timestamp,
}

impl RestrictionUpdate {
    /// An update, for hosts that test their sinks.
    #[must_use]
    pub const fn new(
        business: PhoneNumberId,
        account: BusinessAccountId,
        (restriction, until): (Restriction, Option<Timestamp>),
        at: Timestamp,
    ) -> Self {
        Self { business, account, restriction, until, at }
    }
}

/// A tier of a price that an account has come to. It is told once for each month
/// ([`Relay::tell_volume_tiers`](crate::Relay::tell_volume_tiers)).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VolumeTierUpdate {
    /// One of the account's numbers.
    pub business: PhoneNumberId,
    /// The account.
    pub account: BusinessAccountId,
    /// The first day of the month, by the account's clock.
    pub month: LocalDate,
    /// Of what, and which units it is for.
    pub reached: ReachedTier,
    /// When that was seen.
    pub at: Timestamp,
}

impl VolumeTierUpdate {
    /// An update, for hosts that test their sinks.
    #[must_use]
    pub const fn new(
        (business, account): (PhoneNumberId, BusinessAccountId),
        month: LocalDate,
        reached: ReachedTier,
        at: Timestamp,
    ) -> Self {
        Self { business, account, month, reached, at }
    }
}

/// A number that stands otherwise with the carrier than the business was told. Told like a restriction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StandingUpdate {
    /// The number.
    pub business: PhoneNumberId,
    /// Its account.
    pub account: BusinessAccountId,
    /// What is otherwise.
    pub change: StandingChange,
    /// When the relay heard of it.
    pub at: Timestamp,
}

impl StandingUpdate {
    /// An update, for hosts that test their sinks.
    #[must_use]
    pub const fn new(
        business: PhoneNumberId,
        account: BusinessAccountId,
        change: StandingChange,
        at: Timestamp,
    ) -> Self {
        Self { business, account, change, at }
    }
}

/// How a number stands otherwise than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StandingChange {
    /// It was warned.
    Warned,
    /// Nothing restricts it any more: the time is over, or an appeal was granted.
    RestrictionEnded {
        /// What did.
        was: Restriction,
    },
    /// Users think otherwise of what it sends.
    Quality {
        /// What it was rated.
        was: Quality,
        /// What it is.
        is: Quality,
        /// In which tier the number is, if the carrier counts whom it writes to.
        tier: Option<Tier>,
    },
    /// It may write to more or fewer users first.
    Tier {
        /// In which tier it was.
        was: Tier,
        /// In which it is.
        is: Tier,
    },
}

/// A template as it was reviewed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TemplateUpdate {
    /// One of the account's numbers.
    pub business: PhoneNumberId,
    /// The account.
    pub account: BusinessAccountId,
    /// The template, as it was then.
    pub template: MessageTemplate,
    /// When that was.
    pub at: Timestamp,
}

impl TemplateUpdate {
    /// An update, for hosts that test their sinks.
    #[must_use]
    pub const fn new(
        business: PhoneNumberId,
        account: BusinessAccountId,
        template: MessageTemplate,
        at: Timestamp,
    ) -> Self {
        Self { business, account, template, at }
    }
}

impl AccountEvent {
    /// The number that it is about, or one of those of its account.
    #[must_use]
    pub const fn business(&self) -> PhoneNumberId {
        match self {
            Self::Template(update) => update.business,
            Self::Restriction(update) => update.business,
            Self::VolumeTier(update) => update.business,
            Self::Standing(update) => update.business,
        }
    }
}
