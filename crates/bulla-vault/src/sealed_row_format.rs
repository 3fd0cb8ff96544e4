//! The sealed form of a record.
//!
//! ```text
//! own        1                         the vault's own rows, under the lasting key, with no conversation's salt
//! lasting    2                         a record without an expiry, under the lasting key
//! hourly     3 ‖ epoch (2)             a record with an expiry, under the key of the hour in which that lies
//! elsewhen   4 ‖ epoch (2) ‖ hour (4)  the same under another hour's key: its own was over, or too far ahead
//!
//! each followed by    salt (16) ‖ commitment (16) ‖ ciphertext ‖ tag (16)
//! an empty value      the first byte with its top bit set, and followed by   proof (16)
//! context             partition (16) ‖ space (1) ‖ day (4) ‖ expiry (8, all ones if none) ‖ name
//! ```
//!
//! A lasting record is 49 bytes longer than its value, an hourly one 51, and one elsewhen 55; what is empty
//! becomes 17, 19 or 23 bytes. The first byte tells the form.

use bulla_base::Partition;
use bulla_store::{Expiry, Key, SEAL_ROOM_BYTES};

use crate::committing_aead::{Bound, OVERHEAD_BYTES, PROOF_BYTES};
use crate::key_epochs::hour_of;

const OWN: u8 = 1;
const LASTING: u8 = 2;
const HOURLY: u8 = 3;
const ELSEWHEN: u8 = 4;

/// Set in the first byte when the value is empty.
const EMPTY: u8 = 0x80;

const MOST_HEAD_BYTES: usize = 1 + 2 + 4;

/// How much longer than its value the longest sealed form is, in bytes: that of a record elsewhen.
const MOST_OVERHEAD_BYTES: usize = MOST_HEAD_BYTES + OVERHEAD_BYTES;

// So whatever a store takes, a vault on it takes as well.
const _: () = assert!(MOST_OVERHEAD_BYTES <= SEAL_ROOM_BYTES);

/// What stands before a sealed record, in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    Own,
    Lasting,
    Hourly { epoch: u16 },
    Elsewhen { epoch: u16, hour: u32 },
}

/// What follows the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body<'a> {
    Sealed(&'a [u8]),
    /// The proof that the value is empty.
    Empty(&'a [u8; PROOF_BYTES]),
}

impl Head {
    /// The head of a record that expires at `expiry` and is sealed under the key of `hour`.
    pub(crate) fn timed(expiry: Expiry, epoch: u16, hour: u32) -> Self {
        if hour == hour_of(expiry) { Self::Hourly { epoch } } else { Self::Elsewhen { epoch, hour } }
    }

    /// The head of `row` and what follows it.
    pub(crate) fn split(row: &[u8]) -> Option<(Self, Body<'_>)> {
        let (form, rest) = row.split_first()?;
        let (head, rest) = match form & !EMPTY {
            OWN => (Self::Own, rest),
            LASTING => (Self::Lasting, rest),
            HOURLY => {
                let (epoch, rest) = rest.split_first_chunk()?;
                (Self::Hourly { epoch: u16::from_be_bytes(*epoch) }, rest)
            }
            ELSEWHEN => {
                let (epoch, rest) = rest.split_first_chunk()?;
                let (hour, rest) = rest.split_first_chunk()?;
                (Self::Elsewhen { epoch: u16::from_be_bytes(*epoch), hour: u32::from_be_bytes(*hour) }, rest)
            }
            _ => return None,
        };
        let body = if form & EMPTY == 0 { Body::Sealed(rest) } else { Body::Empty(rest.try_into().ok()?) };
        Some((head, body))
    }

    /// Appends the head of a value that is empty or not.
    pub(crate) fn write(self, is_empty: bool, bytes: &mut Vec<u8>) {
        let emptiness = if is_empty { EMPTY } else { 0 };
        match self {
            Self::Own => bytes.push(OWN | emptiness),
            Self::Lasting => bytes.push(LASTING | emptiness),
            Self::Hourly { epoch } => {
                bytes.push(HOURLY | emptiness);
                bytes.extend_from_slice(&epoch.to_be_bytes());
            }
            Self::Elsewhen { epoch, hour } => {
                bytes.push(ELSEWHEN | emptiness);
                bytes.extend_from_slice(&epoch.to_be_bytes());
                bytes.extend_from_slice(&hour.to_be_bytes());
            }
        }
    }
}

/// Where a record belongs, as it is sealed with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) partition: Partition,
    pub(crate) key: &'a Key,
    pub(crate) expiry: Option<Expiry>,
}

impl Place<'_> {
    /// Binds what stands here, under `head`, to this place.
    pub(crate) fn bind(self, head: Head, is_empty: bool, bound: &mut Bound) {
        let Self { partition, key, expiry } = self;
        let context = |bytes: &mut Vec<u8>| {
            bytes.extend_from_slice(partition.as_bytes());
            bytes.push(key.space().number());
            bytes.extend_from_slice(&key.day().number().to_be_bytes());
            // Whether there is an expiry is told by the head as well, so that the last moment there is is not
            // taken for none.
            bytes.extend_from_slice(&expiry.map_or(u64::MAX, |expiry| expiry.at().as_millis()).to_be_bytes());
            bytes.extend_from_slice(key.name());
        };
        let head = |bytes: &mut Vec<u8>| {
            bytes.reserve(MOST_HEAD_BYTES + 16 + 1 + 4 + 8 + key.name().len());
            head.write(is_empty, bytes);
        };
        bound.rewrite(head, context);
    }

    /// What one of the vault's own rows that stands here is bound to.
    pub(crate) fn own(partition: Partition, key: &Key) -> Bound {
        let mut bound = Bound::default();
        Place { partition, key, expiry: None }.bind(Head::Own, false, &mut bound);
        bound
    }
}

/// What is sealed in one of the vault's own rows.
pub(crate) fn own_body(row: &[u8]) -> Option<&[u8]> {
    match Head::split(row)? {
        (Head::Own, Body::Sealed(sealed)) => Some(sealed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::Timestamp;
    use bulla_store::Retention;

    use super::*;

    const HEADS: [(Head, usize); 4] = [
        (Head::Own, 1),
        (Head::Lasting, 1),
        (Head::Hourly { epoch: 0x0506 }, 3),
        (Head::Elsewhen { epoch: 0x0506, hour: 0x0708_090a }, 7),
    ];

    fn written(head: Head, is_empty: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        head.write(is_empty, &mut bytes);
        bytes
    }

    #[test]
    fn heads_are_read_as_they_were_written() {
        for (head, length) in HEADS {
            let [full, empty] = [false, true].map(|is_empty| written(head, is_empty));
            assert_eq!((full.len(), full[0] | 0x80, &full[1..]), (length, empty[0], &empty[1..]));
            let row = [&full[..], b"rest"].concat();
            assert_eq!(Head::split(&row), Some((head, Body::Sealed(b"rest"))));
            let row = [&empty[..], &[7; 17]].concat();
            assert_eq!(Head::split(&row[..length + 16]), Some((head, Body::Empty(&[7; 16]))));
            assert_eq!(Head::split(&row[..length + 15]), None);
            assert_eq!(Head::split(&row), None);
            for length in 0..length {
                assert_eq!(Head::split(&full[..length]), None);
            }
        }
        for form in [0, 5, 0x80, 0x85, 0x7f, 255] {
            assert_eq!(Head::split(&[form; 20]), None);
        }
    }

    #[test]
    fn sealing_adds_what_the_page_says() {
        let lengths = HEADS.map(|(head, _)| written(head, false).len());
        assert_eq!(lengths.map(|head| head + OVERHEAD_BYTES), [49, 49, 51, 55]);
        assert_eq!(lengths.map(|head| head + PROOF_BYTES), [17, 17, 19, 23]);
        assert_eq!(MOST_OVERHEAD_BYTES, 55);
    }

    #[test]
    fn the_hour_is_written_only_when_it_is_not_that_of_the_expiry() {
        let expiry = Retention::LONGEST.from(Timestamp::from_millis(1_795_293_590_960));
        let hour = hour_of(expiry);
        assert_eq!(Head::timed(expiry, 3, hour), Head::Hourly { epoch: 3 });
        for other in [hour - 1, hour + 1] {
            assert_eq!(Head::timed(expiry, 3, other), Head::Elsewhen { epoch: 3, hour: other });
        }
    }
}
