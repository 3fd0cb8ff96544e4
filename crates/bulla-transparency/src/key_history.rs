use bulla_base::PhoneNumberId;
use thiserror::Error;

use crate::error::NotProven;
use crate::{Head, InclusionProof, KeyStatement};

/// The statements that a log shows of a business are not its whole history up to one of them. `at` counts
/// them from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidHistory {
    /// There are none.
    #[error("there are no statements")]
    Empty,
    /// One is about another business.
    #[error("statement {at} is about another business")]
    OtherBusiness {
        /// Which.
        at: usize,
    },
    /// One does not follow from the one before it, or the first one is not of version 1.
    #[error("statement {at} does not follow from the one before")]
    OutOfSequence {
        /// Which.
        at: usize,
    },
    /// One stands in front of the one that it follows.
    #[error("statement {at} stands in the log before the one that it follows")]
    OutOfOrder {
        /// Which.
        at: usize,
    },
    /// One is not proven to be in the log.
    #[error("statement {at} is not proven to be in the log")]
    NotIncluded {
        /// Which.
        at: usize,
        /// What is wrong with its proof.
        #[source]
        source: NotProven,
    },
}

/// Whether `statements` are a sequence from the business's first one on, and all of them in the log with this
/// head. What a business checks when it connects, and then compares with the keys that it has had.
///
/// # Errors
/// Says of the first statement at which it is not so, why.
///
/// # Cost
/// Two leaves and at most 63 nodes are hashed for each statement.
///
/// # Security
/// This shows that what is told is in the log. It does not show that there is nothing else: a log that adds a
/// second sequence for a business does not tell the business. Only who reads every leaf sees that, and a
/// [`Monitor`](crate::Monitor) does.
pub fn check_key_history(
    business: PhoneNumberId,
    statements: &[(KeyStatement, InclusionProof)],
    head: &Head,
) -> Result<(), InvalidHistory> {
    let mut before: Option<&(KeyStatement, InclusionProof)> = None;
    for (at, logged) in statements.iter().enumerate() {
        let (statement, proof) = logged;
        if statement.business() != business {
            return Err(InvalidHistory::OtherBusiness { at });
        }
        let (is_next, is_behind) = before.map_or((statement.is_first(), true), |(previous, place)| {
            (statement.follows(previous), proof.index() > place.index())
        });
        if !is_next {
            return Err(InvalidHistory::OutOfSequence { at });
        }
        if !is_behind {
            return Err(InvalidHistory::OutOfOrder { at });
        }
        let included = proof.verify(&statement.leaf_hash(), head);
        included.map_err(|source| InvalidHistory::NotIncluded { at, source })?;
        before = Some(logged);
    }
    if before.is_some() { Ok(()) } else { Err(InvalidHistory::Empty) }
}
