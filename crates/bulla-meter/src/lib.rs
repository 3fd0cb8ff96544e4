#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`UsageKey`] says what is counted together, by its [`Traits`], and [`Usage`] counts; [`Zone`] says what
//! hour it is for an account. An [`Entry`] is what is held of a message: [`Event`]s change it, and the counts
//! with it, and a [`Ledger`] has all of an account. A [`CountedMessage`] is one as carrier and relay both
//! keep it, as [`LedgerSettings`] say. A [`RateCard`] says what everything costs; a [`Tariff`] is one as it
//! applies to an account; a [`Rater`] makes [`Leaf`]s with it, and a [`UsageRater`] rates counts. A
//! [`Statement`] sums leaves up and is signed as a [`SignedStatement`]; an [`Adjustment`] puts right what an
//! earlier one said, and a [`BillingProof`] shows a single message. Where two sides do not agree, a
//! [`Comparison`] of one [`Side`] with the other finds each message. [`Tally`] and [`Bill`] count all
//! messages, billed or not.

mod hour;
mod local_date;
mod market;
mod pricing;
mod zone;

mod usage;
mod usage_key;

mod message_tag;

mod counted_message;
mod entry;
mod event;
mod ledger;
mod ledger_settings;

mod amount;
mod month_volumes;
mod rate_card;
mod rater;
mod tariff;
mod usage_rater;

mod adjustment;
mod billing_key;
mod billing_proof;
mod billing_request;
mod leaf;
mod leaf_tree;
mod row_key;
mod signed_statement;
mod statement;

mod reconciliation;

mod export;

mod bill;
mod tally;

mod error;
mod form;
mod limits;

pub use hour::{Hour, Period};
pub use local_date::LocalDate;
pub use market::Market;
pub use pricing::{EntryPoint, PricingCategory, PricingType, Tier, Unit, WindowState};
pub use zone::Zone;

pub use usage::{KeyHasher, Usage};
pub use usage_key::{Traits, UsageKey};

pub use message_tag::{MessageTag, TagKey};

pub use counted_message::{CountedMessage, CountedPeriod};
pub use ledger_settings::LedgerSettings;

pub use entry::{Delivery, Entry, Irregularities, Outcome, Transition};
pub use event::{Event, Facts, Step};
pub use ledger::{Drift, Ledger};

pub use amount::{Amount, Currency};
pub use rate_card::{Allotment, CardHash, Price, PriceMode, RateCard, TierPrice, TypeRule};
pub use rater::Rater;
pub use tariff::{Rate, Tariff, Unrated, Volume};
pub use usage_rater::{RatedUnits, ReachedTier, TierRange, UsageRater};

pub use adjustment::{Adjustment, AdjustmentReason, Direction, compensate};
pub use billing_key::{BillingKey, BillingSigner, Purpose, Signature};
pub use billing_proof::BillingProof;
pub use billing_request::BillingRequest;
pub use leaf::Leaf;
pub use leaf_tree::LeafTree;
pub use row_key::{Row, RowKey};
pub use signed_statement::{Answer, SignedStatement};
pub use statement::{Statement, StatementFault, StatementHash, StatementParts, root_of};

pub use reconciliation::{
    Answers, Comparison, Difference, DifferenceKind, Parts, Place, Question, Report, Side, Summary, TagPrefix,
};

pub use export::{focus_csv, rows_csv, rows_json_lines, usage_csv, usage_json_lines};

pub use bill::Bill;
pub use tally::{Flow, Tally};

pub use bulla_transparency::{Head, NodeId, NotProven, TreeHash};

pub use error::InvalidForm;
pub use limits::*;
