use bulla_base::Address;
use bulla_endpoint::RetrySchedule;
use bulla_store::StoreError;
use bytes::Bytes;
use prost::Message as _;

/// The form of the row: it stands before the protobuf.
const FORM: u8 = 2;

/// A message of a user that could not be opened, whose it is, and how often it was asked for again.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RetryRequest {
    #[prost(message, required, tag = "1")]
    pub(crate) schedule: RetrySchedule,
    /// The device that has sent it.
    #[prost(bytes = "vec", tag = "2")]
    from: Vec<u8>,
}

impl RetryRequest {
    const DAMAGED: StoreError = StoreError::Damaged { what: "retry request" };

    pub(crate) fn new(schedule: RetrySchedule, from: &Address) -> Self {
        Self { schedule, from: from.to_bytes() }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let Some((&FORM, row)) = bytes.split_first() else { return Err(Self::DAMAGED) };
        Self::decode(row).map_err(|_| Self::DAMAGED)
    }

    /// The device that is asked.
    pub(crate) fn from(&self) -> Result<Address, StoreError> {
        Address::from_bytes(&self.from).map_err(|_| Self::DAMAGED)
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
    use bulla_base::{Number, Timestamp};

    use super::*;

    #[test]
    fn rows_of_another_form_and_cut_ones_are_damaged_and_none_panics() {
        let device = Address::user(Number::parse("16505551234").unwrap());
        let schedule =
            RetrySchedule::never(Timestamp::from_millis(9)).once_more(5, Timestamp::from_millis(9));
        let asked = RetryRequest::new(schedule, &device);
        let read = RetryRequest::read(&asked.to_bytes()).unwrap();
        assert_eq!((read.schedule, read.from().unwrap()), (schedule, device));
        let asked = asked.to_bytes();
        for bad in [&[][..], &[0], &[1, 8, 1], &[2, 0xff], &asked[..asked.len() - 1]] {
            assert!(matches!(RetryRequest::read(bad), Err(StoreError::Damaged { .. })), "{bad:?}");
        }
        let of_nobody = RetryRequest { schedule, from: vec![1] };
        assert!(matches!(of_nobody.from(), Err(StoreError::Damaged { .. })));
    }
}
