use bulla_base::{InvalidWord, is_flat};
use thiserror::Error;

/// The bytes or parts handed in do not make an envelope, a bundle or an upload. The move is their sender's;
/// nothing was kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidEnvelope {
    /// The bytes are not the wire form at all.
    #[error("the bytes are not well-formed")]
    Malformed,
    /// A field that must be there is missing or is none of its known values.
    #[error("{field} is missing or unknown")]
    Field {
        /// The field's name.
        field: &'static str,
    },
    /// A field is larger than allowed.
    #[error("{field} of {actual} is larger than the {limit} allowed")]
    TooLarge {
        /// The field's name, with its unit.
        field: &'static str,
        /// How large it is.
        actual: usize,
        /// How large it may be.
        limit: usize,
    },
    /// An address or id is not one.
    #[error("{field} is not valid")]
    Word {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        #[source]
        source: InvalidWord,
    },
}

impl InvalidEnvelope {
    pub(crate) fn at_most(field: &'static str, limit: usize, actual: usize) -> Result<(), Self> {
        if actual > limit { Err(Self::TooLarge { field, actual, limit }) } else { Ok(()) }
    }

    /// For a stranger's bytes, before they are decoded: `messages` are the fields that are messages.
    pub(crate) fn unless_flat(bytes: &[u8], messages: &[u32]) -> Result<(), Self> {
        if is_flat(bytes, messages) { Ok(()) } else { Err(Self::Malformed) }
    }

    pub(crate) fn word(field: &'static str) -> impl FnOnce(InvalidWord) -> Self {
        move |source| Self::Word { field, source }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::{Envelope, InvalidEnvelope, KeyBundle, KeyUpload, MAX_KEY_BYTES, SignedKey};

    /// A group of a field that is not known, which the decoder alone would pass over.
    #[test]
    fn groups_are_refused_however_few() {
        let group = [0x7b, 0x7c];
        let flat = InvalidEnvelope::unless_flat(&[], &[]);
        assert_eq!(flat, Ok(()));
        assert_eq!(InvalidEnvelope::unless_flat(&group, &[]), Err(InvalidEnvelope::Malformed));
        let signed = SignedKey::new(1, vec![1; 33], vec![2; 64]);
        let upload = KeyUpload::new(7, vec![5; 33], signed.clone(), signed, Vec::new()).to_bytes();
        assert!(KeyUpload::from_bytes(upload.clone()).is_ok());
        let with_group = Bytes::from([&upload[..], &group].concat());
        assert_eq!(KeyUpload::from_bytes(with_group), Err(InvalidEnvelope::Malformed));
    }

    /// Each byte begins a group, of a field that is not known, in the one before it. In a build in which
    /// somebody had turned off the decoder's own limit, it ended the carrier.
    #[test]
    fn however_deep_its_groups_go_what_comes_is_merely_malformed() {
        // As many as the least of them takes.
        let groups = vec![0x7b; MAX_KEY_BYTES * 7];
        let length =
            [u8::try_from(groups.len() & 0x7f | 0x80).unwrap(), u8::try_from(groups.len() >> 7).unwrap()];
        let nested = |field: u8| Bytes::from([&[field << 3 | 2][..], &length, &groups].concat());
        for bytes in [Bytes::from(groups.clone()), nested(3), nested(4), nested(5), nested(6)] {
            let read = [
                Envelope::from_bytes(bytes.clone()).err(),
                KeyUpload::from_bytes(bytes.clone()).err(),
                KeyBundle::from_bytes(bytes).err(),
            ];
            assert!(read.iter().all(Option::is_some), "{read:?}");
        }
    }
}
