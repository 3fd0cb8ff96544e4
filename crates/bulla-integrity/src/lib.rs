#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`commitment`] is what a sender binds itself to, and [`Acceptance`] what the carrier sees of a message;
//! [`StampKeys`] make a [`Stamp`] of it, and verify the [`Report`] of its recipient; [`Reporters`] are
//! those of one user. [`Recipients`] counts whom a business writes to, within its [`Tier`]; a [`Rate`] says
//! how fast, and [`Promotions`] what a user gets of those. [`Standing`] is all about a business: the
//! [`Signal`]s that speak against it, its [`Quality`], and the [`Ladder`] on which something is done about
//! it.

mod acceptance;
mod franking;
mod stamp;
mod stamp_keys;

mod report;
mod reporters;

mod promotions;
mod rate;
mod recipients;
mod tier;

mod ladder;
mod signal;
mod standing;

mod byte_reader;
mod error;
mod limits;
mod secret;

pub use acceptance::Acceptance;
pub use franking::commitment;
pub use stamp::Stamp;
pub use stamp_keys::StampKeys;

pub use report::{Reason, Report, ReportedMessage};
pub use reporters::Reporters;

pub use bulla_base::Tier;
pub use promotions::Promotions;
pub use rate::{Rate, RateState};
pub use recipients::{CountedUser, LIMIT_PERIOD, Recipients, Reservation};
pub use tier::TierState;

pub use bulla_base::Quality;
pub use ladder::{Enforcement, EnforcementEvent, Ladder, Rung};
pub use signal::{Evidence, Signal};
pub use standing::{Observation, Refused, Standing};

pub use error::{InvalidForm, NotProven};
pub use limits::{
    APPEAL_SPAN, CLEAN_DAYS_A_STEP, DAYS_OF_LOW_QUALITY, MAX_DAYS_FORWARD, MAX_NOTE_BYTES, MAX_RECIPIENTS,
    MAX_REPORT_BYTES, MAX_REPORTED_BYTES, MAX_REPORTED_MESSAGES, PROMOTIONS_A_DAY, REPORTERS_SPAN,
    REPORTERS_TO_PAUSE, STAMP_KEY_DAYS, USED_DAYS, USERS_TO_LEAVE_FIRST_TIER,
};
