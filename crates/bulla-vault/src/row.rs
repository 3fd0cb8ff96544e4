//! The sealed form of a record.
//!
//! ```text
//! own       1                                       the vault's own rows, under the lasting key
//! lasting   2 ‖ salt's name (4)                     a record without an expiry, under the lasting key
//! hourly    3 ‖ salt's name (4) ‖ era (2) ‖ hour (4)   a record with an expiry, under the key of the hour in which that lies
//!
//! each followed by   salt (20) ‖ commitment (32) ‖ ciphertext ‖ tag (16)
//! context            partition (16) ‖ space (1) ‖ day (4) ‖ expiry (8, all ones if none) ‖ name
//! ```
//!
//! A lasting record is 73 bytes longer than its value, an hourly one 79. The first byte is also the version of the form.

use bulla_base::Partition;
use bulla_store::{Expiry, Key, SEAL_ROOM_BYTES};

use crate::salt::Salt;
use crate::seal::OVERHEAD_BYTES;

const OWN: u8 = 1;
const LASTING: u8 = 2;
const HOURLY: u8 = 3;

/// How much longer than its value the sealed form of a record with an expiry is, in bytes; that of one without is 6 shorter.
const HOURLY_OVERHEAD_BYTES: usize = 1 + Salt::NAME_BYTES + 2 + 4 + OVERHEAD_BYTES;

// So whatever a store takes, a vault on it takes as well.
const _: () = assert!(HOURLY_OVERHEAD_BYTES <= SEAL_ROOM_BYTES);

/// What stands before a sealed record, in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    Own,
    Lasting { salt: [u8; Salt::NAME_BYTES] },
    Hourly { salt: [u8; Salt::NAME_BYTES], era: u16, hour: u32 },
}

impl Head {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Own => vec![OWN],
            Self::Lasting { salt } => [&[LASTING][..], &salt].concat(),
            Self::Hourly { salt, era, hour } => {
                [&[HOURLY][..], &salt, &era.to_be_bytes(), &hour.to_be_bytes()].concat()
            }
        }
    }

    /// The head of `row` and what follows it.
    pub(crate) fn split(row: &[u8]) -> Option<(Self, &[u8])> {
        let (form, rest) = row.split_first()?;
        if *form == OWN {
            return Some((Self::Own, rest));
        }
        let (salt, rest) = rest.split_first_chunk()?;
        let salt = *salt;
        match *form {
            LASTING => Some((Self::Lasting { salt }, rest)),
            HOURLY => {
                let (era, rest) = rest.split_first_chunk()?;
                let (hour, rest) = rest.split_first_chunk()?;
                let (era, hour) = (u16::from_be_bytes(*era), u32::from_be_bytes(*hour));
                Some((Self::Hourly { salt, era, hour }, rest))
            }
            _ => None,
        }
    }
}

/// Where a record belongs, as it is sealed with it.
pub(crate) fn context(partition: Partition, key: &Key, expiry: Option<Expiry>) -> Vec<u8> {
    let mut context = Vec::with_capacity(29 + key.name().len());
    context.extend_from_slice(partition.as_bytes());
    context.push(key.space().number());
    context.extend_from_slice(&key.day().number().to_be_bytes());
    // Whether there is an expiry is told by the head as well, so that the last moment there is is not taken for none.
    context.extend_from_slice(&expiry.map_or(u64::MAX, |expiry| expiry.at().as_millis()).to_be_bytes());
    context.extend_from_slice(key.name());
    context
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_they_were_written() {
        let heads = [
            Head::Own,
            Head::Lasting { salt: [1, 2, 3, 4] },
            Head::Hourly { salt: [1, 2, 3, 4], era: 5, hour: 6 },
        ];
        for head in heads {
            let bytes = head.to_bytes();
            assert_eq!(Head::split(&[&bytes[..], b"rest"].concat()), Some((head, &b"rest"[..])));
            for length in 0..bytes.len() {
                assert_eq!(Head::split(&bytes[..length]), None);
            }
        }
        for form in [0, 4, 255] {
            assert_eq!(Head::split(&[form; 20]), None);
        }
    }

    #[test]
    fn sealing_adds_what_the_page_says() {
        let head = |head: Head| head.to_bytes().len() + OVERHEAD_BYTES;
        assert_eq!(head(Head::Lasting { salt: [0; 4] }), 73);
        assert_eq!(head(Head::Hourly { salt: [0; 4], era: 0, hour: 0 }), 79);
        assert_eq!(HOURLY_OVERHEAD_BYTES, 79);
    }
}
