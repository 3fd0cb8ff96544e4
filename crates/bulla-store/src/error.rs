use std::io;

use thiserror::Error;

/// Why a store did not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The caller's move: a batch, a name or a value is larger than the store takes. Nothing was stored.
    #[error("{what} of {actual} is larger than the {limit} allowed")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        actual: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The operator's move: the disk failed while it was written to. Whether the batch was kept is unknown
    /// until the store is reopened; until then every commit fails.
    #[error("the store has stopped after a failed write; free space or replace the disk, then open it again")]
    Poisoned {
        /// What the disk said.
        #[source]
        source: Option<io::Error>,
    },
    /// Nobody's for now, the operator's if it stays: what a write needs before it is begun was not to be had,
    /// such as open files or room on the disk. Nothing was stored, and trying again may succeed.
    #[error("the store could not begin to write, and stored nothing; try again")]
    Unavailable {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The operator's move: the disk could not be read.
    #[error("the store could not be read")]
    Unreadable {
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// Ours or the disk's: a record is not as it was written.
    #[error("a stored {what} is damaged")]
    Damaged {
        /// What kind of record.
        what: &'static str,
    },
    /// A wrapper around the engine, such as one that seals, did not do its part. Nothing was stored.
    #[error("a wrapper around the store did not do its part")]
    Wrapper {
        /// What that means for whoever asked.
        fault: Fault,
        /// What the wrapper says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The caller's move: the store has been closed.
    #[error("the store is closed")]
    Closed,
}

/// What the trouble of a [wrapper](StoreError::Wrapper) means for whoever asked, by whose move it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The caller's move: this cannot be asked of the store.
    Request,
    /// Ours, the disk's, or that of somebody who wrote to the database: this record cannot be read, and
    /// others can.
    Record,
    /// The operator's move: something that the wrapper needs is not to be had. It may work later, with the
    /// same store.
    Unavailable,
    /// The operator's move: the wrapper may not go on with this store, which has to be opened again.
    Final,
}

impl StoreError {
    /// The error of a wrapper, of which `source` tells more.
    pub fn wrapper(fault: Fault, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Wrapper { fault, source: source.into() }
    }

    /// Whether the store does nothing any more until it is opened again: whoever lives by it stops.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Poisoned { .. } | Self::Closed | Self::Wrapper { fault: Fault::Final, .. })
    }

    /// Whether the same may work later, with the same store: nothing was stored, and nothing is lost.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. }
                | Self::Unreadable { .. }
                | Self::Wrapper { fault: Fault::Unavailable, .. }
        )
    }

    /// Whether it is about what was asked for alone, which is there and cannot be read; the rest of the store
    /// can.
    #[must_use]
    pub const fn is_of_a_record(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Wrapper { fault: Fault::Record, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_how_far_it_reaches() {
        let wrappers = [Fault::Request, Fault::Record, Fault::Unavailable, Fault::Final];
        let [request, record, unavailable, ended] = wrappers.map(|fault| StoreError::wrapper(fault, "why"));
        let poisoned = StoreError::Poisoned { source: None };
        let damaged = StoreError::Damaged { what: "record" };
        let unreadable = StoreError::Unreadable { source: io::ErrorKind::Other.into() };
        let wanting = StoreError::Unavailable { source: io::ErrorKind::StorageFull.into() };
        for error in [&ended, &poisoned, &StoreError::Closed] {
            assert!(error.is_final() && !error.is_of_a_record() && !error.may_pass(), "{error:?}");
        }
        for error in [&record, &damaged] {
            assert!(!error.is_final() && error.is_of_a_record() && !error.may_pass(), "{error:?}");
        }
        for error in [&unavailable, &unreadable, &wanting] {
            assert!(!error.is_final() && !error.is_of_a_record() && error.may_pass(), "{error:?}");
        }
        assert!(!request.is_final() && !request.is_of_a_record() && !request.may_pass());
    }
}
