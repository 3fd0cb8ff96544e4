use bulla_store::StoreError;
use bytes::Bytes;
use prost::Message as _;

use crate::MediaDescription;

/// What media of a business is. Its bytes stand in rows of their own.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct StoredMedia {
    #[prost(string, tag = "1")]
    media_type: String,
    #[prost(uint64, tag = "2")]
    size: u64,
    #[prost(bytes = "vec", tag = "3")]
    sha256: Vec<u8>,
    #[prost(bool, tag = "4")]
    animated: bool,
}

impl StoredMedia {
    const DAMAGED: StoreError = StoreError::Damaged { what: "media" };

    pub(crate) fn new(media: &MediaDescription) -> Self {
        Self {
            media_type: media.media_type().to_owned(),
            size: media.size(),
            sha256: media.sha256().to_vec(),
            animated: media.is_animated(),
        }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::decode(bytes).map_err(|_| Self::DAMAGED)
    }

    pub(crate) fn description(&self) -> Result<MediaDescription, StoreError> {
        let sha256 = self.sha256[..].try_into().map_err(|_| Self::DAMAGED)?;
        let media = MediaDescription::new(self.media_type.clone(), self.size, sha256);
        Ok(media.map_err(|_| Self::DAMAGED)?.animated(self.animated))
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }
}

impl std::fmt::Debug for StoredMedia {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredMedia({} bytes)", self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_comes_back_and_what_is_none_is_damaged() {
        let media = MediaDescription::new("image/webp", 9, [7; 32]).unwrap().animated(true);
        let row = StoredMedia::new(&media).to_bytes();
        assert_eq!(StoredMedia::read(&row).unwrap().description().unwrap(), media);
        for bad in [&[0xff][..], &row[..row.len() - 3]] {
            assert!(matches!(StoredMedia::read(bad), Err(StoreError::Damaged { what: "media" })), "{bad:?}");
        }
        for bad in [StoredMedia::default(), StoredMedia { sha256: vec![7; 31], ..StoredMedia::new(&media) }] {
            assert!(matches!(bad.description(), Err(StoreError::Damaged { .. })));
        }
    }
}
