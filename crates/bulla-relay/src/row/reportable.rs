use bulla_base::{Address, Category};
use bulla_envelope::FrankingStamp;
use bulla_store::StoreError;
use bytes::Bytes;

/// What a report of a user's message takes, beside its id.
///
/// ```text
/// category (u8) ‖ stamp (44 bytes) ‖ length (u8) ‖ address of the device that sent it ‖ all that was sealed
/// ```
#[derive(PartialEq, Eq)]
pub(crate) struct Reportable {
    pub(crate) category: Category,
    pub(crate) stamp: [u8; FrankingStamp::BYTES],
    pub(crate) from: Address,
    pub(crate) plaintext: Bytes,
}

impl Reportable {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let read = || {
            let ([category], rest) = bytes.split_first_chunk()?;
            let (stamp, rest) = rest.split_first_chunk()?;
            let ([length], rest) = rest.split_first_chunk()?;
            let (from, plaintext) = rest.split_at_checked(usize::from(*length))?;
            let (category, from) = (Category::from_code(*category)?, Address::from_bytes(from).ok()?);
            Some(Self { category, stamp: *stamp, from, plaintext: Bytes::copy_from_slice(plaintext) })
        };
        read().ok_or(StoreError::Damaged { what: "what a report takes" })
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        let Self { category, stamp, from, plaintext } = self;
        let from = from.to_bytes();
        // An address takes 17 bytes at most.
        let length = u8::try_from(from.len()).unwrap_or(u8::MAX);
        [&[category.code()][..], stamp, &[length], &from, plaintext].concat().into()
    }
}
