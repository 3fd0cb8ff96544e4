use bulla_store::StoreError;
use bytes::Bytes;
use prost::Message as _;

/// The form of the row: it stands before the protobuf.
const FORM: u8 = 1;

/// A message of a user that could not be opened, and how often it was asked for again.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RetryRequest {
    #[prost(uint32, tag = "1")]
    pub(crate) times: u32,
    /// The last time it was sent that could not be opened.
    #[prost(uint32, tag = "2")]
    pub(crate) attempt: u32,
}

impl RetryRequest {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let damaged = StoreError::Damaged { what: "retry request" };
        let Some((&FORM, row)) = bytes.split_first() else { return Err(damaged) };
        Self::decode(row).map_err(|_| damaged)
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(1 + self.encoded_len());
        bytes.push(FORM);
        bytes.extend_from_slice(&self.encode_to_vec());
        bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_another_form_and_cut_ones_are_damaged_and_none_panics() {
        let asked = RetryRequest { times: 6, attempt: 5 }.to_bytes();
        assert_eq!(RetryRequest::read(&asked).unwrap(), RetryRequest { times: 6, attempt: 5 });
        for bad in [&[][..], &[0], &[2, 8, 1], &[1, 0xff], &asked[..asked.len() - 1]] {
            assert!(matches!(RetryRequest::read(bad), Err(StoreError::Damaged { .. })), "{bad:?}");
        }
    }
}
