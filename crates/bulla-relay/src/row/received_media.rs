use bulla_content::attachment::{AttachmentKey, AttachmentPointer};
use bulla_content::{Body, InvalidContent};
use bulla_store::StoreError;
use bytes::Bytes;
use prost::Message as _;

use crate::MediaDescription;

/// Where the attachment of a user's message is, and what opens it. Its bytes stay at the carrier.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct ReceivedMedia {
    #[prost(string, tag = "1")]
    locator: String,
    #[prost(bytes = "vec", tag = "2")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    digest: Vec<u8>,
    #[prost(uint64, tag = "4")]
    size: u64,
    #[prost(string, tag = "5")]
    media_type: String,
    #[prost(bytes = "vec", tag = "6")]
    plaintext_digest: Vec<u8>,
    #[prost(bool, tag = "7")]
    animated: bool,
}

impl ReceivedMedia {
    const DAMAGED: StoreError = StoreError::Damaged { what: "media of a message" };

    /// What is kept of `body`: nothing, when it has no attachment, or one of which it is not said what digest
    /// it has.
    pub(crate) fn of(body: &Body) -> Option<Self> {
        let pointer = body.attachment()?;
        Some(Self {
            locator: pointer.locator().to_owned(),
            key: pointer.key().as_bytes().to_vec(),
            digest: pointer.digest().to_vec(),
            size: pointer.size(),
            media_type: pointer.media_type().to_owned(),
            plaintext_digest: pointer.plaintext_digest()?.to_vec(),
            animated: matches!(body, Body::Sticker(sticker) if sticker.is_animated()),
        })
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::decode(bytes).map_err(|_| Self::DAMAGED)
    }

    pub(crate) fn pointer(&self) -> Result<AttachmentPointer, StoreError> {
        let [key, digest, plaintext] = [&self.key, &self.digest, &self.plaintext_digest].map(|bytes| {
            let bytes: Result<[u8; 32], _> = bytes[..].try_into();
            bytes.map_err(|_| Self::DAMAGED)
        });
        let (locator, media_type) = (self.locator.clone(), self.media_type.clone());
        let key = AttachmentKey::from_bytes(key?);
        let pointer = AttachmentPointer::new(locator, key, digest?, self.size, media_type);
        Ok(pointer.map_err(damaged)?.with_plaintext_digest(plaintext?))
    }

    pub(crate) fn description(&self) -> Result<MediaDescription, StoreError> {
        let sha256 = self.plaintext_digest[..].try_into().map_err(|_| Self::DAMAGED)?;
        let media = MediaDescription::new(self.media_type.clone(), self.size, sha256);
        Ok(media.map_err(damaged)?.animated(self.animated))
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }
}

fn damaged(_: InvalidContent) -> StoreError {
    ReceivedMedia::DAMAGED
}

impl std::fmt::Debug for ReceivedMedia {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReceivedMedia({} bytes)", self.size)
    }
}

#[cfg(test)]
mod tests {
    use bulla_content::{Sticker, Text};

    use super::*;

    fn pointer() -> AttachmentPointer {
        AttachmentPointer::new("blob", AttachmentKey::from_bytes([1; 32]), [2; 32], 9, "image/webp").unwrap()
    }

    #[test]
    fn a_pointer_comes_back_and_what_is_none_is_damaged() {
        let pointer = pointer().with_plaintext_digest([3; 32]);
        let body = Body::Sticker(Sticker::new(pointer.clone(), true).unwrap());
        let row = ReceivedMedia::of(&body).unwrap();
        let row = ReceivedMedia::read(&row.to_bytes()).unwrap();
        assert!(row.pointer().unwrap() == pointer);
        let described = MediaDescription::new("image/webp", 9, [3; 32]).unwrap().animated(true);
        assert_eq!(row.description().unwrap(), described);
        assert_eq!(format!("{row:?}"), "ReceivedMedia(9 bytes)");
        for bad in [
            ReceivedMedia { key: vec![1; 31], ..row.clone() },
            ReceivedMedia { digest: vec![2; 33], ..row.clone() },
            ReceivedMedia { plaintext_digest: Vec::new(), ..row.clone() },
            ReceivedMedia { size: 0, ..row.clone() },
            ReceivedMedia { locator: String::new(), ..row },
        ] {
            assert!(matches!(bad.pointer(), Err(StoreError::Damaged { what: "media of a message" })));
        }
    }

    #[test]
    fn nothing_is_kept_without_an_attachment_or_its_digest() {
        assert!(ReceivedMedia::of(&Body::Text(Text::new("x").unwrap())).is_none());
        let body = Body::Sticker(Sticker::new(pointer(), false).unwrap());
        assert!(ReceivedMedia::of(&body).is_none());
    }
}
