use std::fmt;

use bulla_base::DeviceId;
use bulla_content::Content;
use bulla_endpoint::{SessionName, Unconfirmed};
use bulla_store::StoreError;
use bytes::{BufMut, Bytes, BytesMut};
use prost::Message as _;

/// The form of the row: it stands before the protobuf.
const FORM: u8 = 2;

/// What a message of the business says, for as long as a device of its user has not confirmed it; and in
/// which session it was sealed for each, and how often. Which of them have not confirmed it yet stands with
/// the message.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct UnconfirmedCopies {
    #[prost(bytes = "bytes", tag = "1")]
    words: Bytes,
    #[prost(message, repeated, tag = "2")]
    copies: Vec<DeviceCopy>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct DeviceCopy {
    #[prost(uint32, tag = "1")]
    device: u32,
    /// Without what it says.
    #[prost(message, required, tag = "2")]
    copy: Unconfirmed,
}

impl UnconfirmedCopies {
    const DAMAGED: StoreError = StoreError::Damaged { what: "unconfirmed message" };

    /// What `words` say, an encoded content that was sealed for nobody yet.
    pub(crate) fn new(words: Bytes) -> Self {
        Self { words, copies: Vec::new() }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let Some((&FORM, row)) = bytes.split_first() else { return Err(Self::DAMAGED) };
        Self::decode(row).map_err(|_| Self::DAMAGED)
    }

    /// Notes that it was sealed for `device` in `session`, for the first time, while the carrier's store was
    /// of the generation `carrier`.
    pub(crate) fn sealed_for(&mut self, device: DeviceId, session: Option<SessionName>, carrier: u64) {
        let copy = Unconfirmed::new(session, Bytes::new(), carrier);
        self.put(device, copy);
    }

    pub(crate) fn of(&self, device: DeviceId) -> Option<&Unconfirmed> {
        let of_device = |copy: &&DeviceCopy| copy.device == u32::from(device.number());
        self.copies.iter().find(of_device).map(|copy| &copy.copy)
    }

    pub(crate) fn put(&mut self, device: DeviceId, copy: Unconfirmed) {
        let device = u32::from(device.number());
        self.copies.retain(|other| other.device != device);
        self.copies.push(DeviceCopy { device, copy });
    }

    /// What it says.
    pub(crate) fn content(&self) -> Result<Content, StoreError> {
        Content::decode(&self.words).map(|(content, _)| content).map_err(|_| Self::DAMAGED)
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(1 + self.encoded_len());
        bytes.put_u8(FORM);
        self.encode_raw(&mut bytes);
        bytes.freeze()
    }
}

impl fmt::Debug for UnconfirmedCopies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnconfirmedCopies(…)")
    }
}

impl fmt::Debug for DeviceCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceCopy(…)")
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::Timestamp;

    use super::*;

    #[test]
    fn each_device_is_sent_its_own_again_and_the_words_come_back() {
        let [one, two, three] = [1, 2, 3].map(|number| DeviceId::new(number).unwrap());
        let words = Bytes::from_static(b"words");
        let mut copies = UnconfirmedCopies::new(words.clone());
        copies.sealed_for(one, Some([1; 8]), 0);
        copies.sealed_for(two, Some([2; 8]), 0);
        let mut again = copies.of(two).unwrap().clone();
        again.resealed(Some([3; 8]), 1, Timestamp::from_millis(5), 0);
        copies.put(two, again);
        let copies = UnconfirmedCopies::read(&copies.to_bytes()).unwrap();
        assert_eq!((copies.words.clone(), copies.of(three)), (words, None));
        assert_eq!([one, two].map(|device| copies.of(device).unwrap().next_resend()), [Some(1), Some(2)]);
        assert!(copies.of(two).unwrap().was_sealed_in(Some([3; 8])));
        assert_eq!(format!("{copies:?}"), "UnconfirmedCopies(…)");
    }

    #[test]
    fn rows_of_another_form_and_cut_ones_are_damaged_and_none_panics() {
        let mut row = UnconfirmedCopies::new(Bytes::from_static(b"words"));
        row.sealed_for(DeviceId::PRIMARY, Some([7; 8]), 0);
        let row = row.to_bytes();
        for bad in [&[][..], &[0], &[1, 8, 1], &[2, 0xff], &row[..row.len() - 1]] {
            assert!(matches!(UnconfirmedCopies::read(bad), Err(StoreError::Damaged { .. })), "{bad:?}");
        }
    }
}
