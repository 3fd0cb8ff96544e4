//! Whether a number can send, as far as its carrier lets it.

use bulla_base::Quality;
use bulla_relay::{BusinessStanding, Restriction};
use serde_json::{Value, json};

/// How far somebody can send. The later, the less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Health {
    Available,
    /// To nobody new.
    Limited,
    /// To nobody, for what was done.
    Restricted,
    /// To nobody: it is not registered.
    Unregistered,
}

impl Health {
    /// That of a number.
    pub(super) fn of(is_registered: bool, standing: Option<BusinessStanding>) -> Self {
        match standing.and_then(|standing| standing.restriction) {
            _ if !is_registered => Self::Unregistered,
            None => Self::Available,
            Some((Restriction::Limited, _)) => Self::Limited,
            Some(_) => Self::Restricted,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Available => "AVAILABLE",
            Self::Limited => "LIMITED",
            Self::Restricted | Self::Unregistered => "BLOCKED",
        }
    }

    /// It as JSON, of an entity of this kind with this id.
    pub(super) fn json(self, kind: &str, id: &str) -> Value {
        let mut entity = json!({ "entity_type": kind, "id": id, "can_send_message": self.name() });
        match self {
            Self::Available | Self::Unregistered => {}
            Self::Limited => {
                let info = "The carrier lets it write to nobody who has not written first.";
                entity["additional_info"] = json!([info]);
            }
            Self::Restricted => {
                entity["errors"] = json!([{
                    // As in the statuses of messages that the carrier does not take.
                    "error_code": 131_048,
                    "error_description": "For what the business did before, the carrier takes nothing of it.",
                    "possible_solution": "Write to fewer who have not asked for it. The operator of the \
                        carrier knows why, and decides on appeals.",
                }]);
            }
        }
        json!({ "can_send_message": self.name(), "entities": [entity] })
    }
}

/// What a number is called that stands so.
pub(super) const fn status(is_registered: bool, standing: Option<BusinessStanding>) -> &'static str {
    match standing {
        _ if !is_registered => "DISCONNECTED",
        Some(BusinessStanding { restriction: Some((Restriction::Stopped, _)), .. }) => "BANNED",
        Some(BusinessStanding { restriction: Some(_), .. }) => "RESTRICTED",
        _ => "CONNECTED",
    }
}

/// What users think of what it sends.
pub(super) fn quality(standing: Option<BusinessStanding>) -> &'static str {
    standing.map_or(Quality::Unknown, |standing| standing.quality).name()
}
