use std::fmt;
use std::sync::Arc;

use bulla_base::{PhoneNumberId, Timestamp};

use crate::{RelayError, UserId};

/// A part of the relay that can stop by itself while the others go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SuspendedPart {
    /// Everything of one business number.
    Business(PhoneNumberId),
    /// What one business number and one user say to each other.
    Conversation {
        /// The number.
        business: PhoneNumberId,
        /// The user, as this number knows them.
        user: UserId,
    },
}

impl SuspendedPart {
    /// The business number it is, or belongs to.
    #[must_use]
    pub const fn business(self) -> PhoneNumberId {
        match self {
            Self::Business(business) | Self::Conversation { business, .. } => business,
        }
    }
}

impl fmt::Display for SuspendedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Business(business) => write!(f, "the number {business}"),
            Self::Conversation { business, .. } => write!(f, "a conversation of the number {business}"),
        }
    }
}

/// A part of the relay that has stopped, because something of it cannot be read or may not go on. Nothing of
/// it is lost or acknowledged meanwhile; the other parts do not notice.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Suspended {
    /// What has stopped.
    pub part: SuspendedPart,
    /// When, by the relay's clock.
    pub since: Timestamp,
    /// Why.
    pub why: Arc<RelayError>,
}
