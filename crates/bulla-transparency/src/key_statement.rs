use bulla_base::PhoneNumberId;

use crate::byte_reader::ByteReader;
use crate::error::InvalidForm;
use crate::{IdentityKey, TreeHash};

/// The form of statements: the first byte of each.
const FORM: u8 = 1;

/// A leaf of the log: which identity key a business has from here on.
///
/// ```text
///   form       1                            1 byte
///   business   phone number id              8 bytes   u64, big-endian
///   version    of the business's            4 bytes   u32, big-endian, from 1 on
///   key        as Signal writes it         33 bytes
///   previous   the leaf hash of the        32 bytes   zeros in the first one
///              business's version before
/// ```
///
/// There is one way to write it. It is about a business, which is known by its id to everybody; no number of
/// a user ever stands in the log.
///
/// No time stands in it either. The order of the log is what is proven; a time would be the word of whoever
/// keeps it, and checked by nobody. Whoever wants to know since when a key was there keeps the first head
/// under which it was seen. And two who build a statement from the same facts build the same bytes.
///
/// # Examples
/// ```
/// use bulla_base::PhoneNumberId;
/// use bulla_transparency::{IdentityKey, KeyStatement};
///
/// let first = KeyStatement::first(PhoneNumberId::new(7), IdentityKey::from_bytes(&[5; 33])?);
/// let second = first.next(IdentityKey::from_bytes(&[&[5; 32][..], &[6]].concat())?)?;
/// assert!(second.follows(&first) && second.version() == 2);
/// assert_eq!(KeyStatement::from_bytes(&second.to_bytes())?, second);
/// # Ok::<(), bulla_transparency::InvalidForm>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyStatement {
    business: PhoneNumberId,
    version: u32,
    key: IdentityKey,
    /// Zeros in the first one, and only there.
    previous: TreeHash,
}

const NONE_BEFORE: TreeHash = TreeHash::from_bytes([0; 32]);

impl KeyStatement {
    /// How many bytes each has.
    pub const BYTES: usize = 78;

    /// The first one of a business.
    #[must_use]
    pub const fn first(business: PhoneNumberId, key: IdentityKey) -> Self {
        Self { business, version: 1, key, previous: NONE_BEFORE }
    }

    /// Reads the bytes of a leaf.
    ///
    /// # Errors
    /// When there are not exactly [`KeyStatement::BYTES`], the form is another, the version is 0, the first
    /// version has one before it or a later one has none, or the key is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let mut reader = ByteReader::of(bytes, "bytes of a statement", Self::BYTES)?;
        if reader.array()? != [FORM] {
            return Err(InvalidForm::Field { field: "form of the statement", expected: "1" });
        }
        let business = PhoneNumberId::new(reader.u64()?);
        let version = u32::from_be_bytes(reader.array()?);
        let key = IdentityKey::from_bytes(&reader.array::<{ IdentityKey::BYTES }>()?)?;
        let previous = TreeHash::from_bytes(reader.array()?);
        if version == 0 {
            return Err(InvalidForm::Field { field: "version of the statement", expected: "1 or more" });
        }
        if (version == 1) != (previous == NONE_BEFORE) {
            let expected = "zeros in version 1, and a hash in later ones";
            return Err(InvalidForm::Field { field: "previous of the statement", expected });
        }
        Ok(Self { business, version, key, previous })
    }

    /// The one that follows it, with another key.
    ///
    /// # Errors
    /// After version 2³² − 1.
    pub fn next(&self, key: IdentityKey) -> Result<Self, InvalidForm> {
        let expected = "less than 4294967295, for one to follow";
        let version = self
            .version
            .checked_add(1)
            .ok_or(InvalidForm::Field { field: "version of the statement", expected })?;
        Ok(Self { business: self.business, version, key, previous: self.leaf_hash() })
    }

    /// Whose key it states.
    #[must_use]
    pub const fn business(&self) -> PhoneNumberId {
        self.business
    }

    /// The how-manieth statement of the business it is, from 1 on.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &IdentityKey {
        &self.key
    }

    /// Whether it is what comes next after `previous`.
    #[must_use]
    pub fn follows(&self, previous: &Self) -> bool {
        self.business == previous.business
            && Some(self.version) == previous.version.checked_add(1)
            && self.previous == previous.leaf_hash()
    }

    /// Whether it is the first one of its business.
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.version == 1
    }

    /// Its hash as a leaf of the tree.
    ///
    /// # Cost
    /// 79 bytes are hashed: two blocks of SHA-256.
    #[must_use]
    pub fn leaf_hash(&self) -> TreeHash {
        TreeHash::of_leaf(&self.to_bytes())
    }

    /// The bytes of the leaf.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [FORM; Self::BYTES];
        bytes[1..9].copy_from_slice(&self.business.number().to_be_bytes());
        bytes[9..13].copy_from_slice(&self.version.to_be_bytes());
        bytes[13..46].copy_from_slice(self.key.as_bytes());
        bytes[46..].copy_from_slice(self.previous.as_bytes());
        bytes
    }
}
