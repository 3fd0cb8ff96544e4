use std::marker::PhantomData;

use bulla_base::{Nested, flat_fields};
use bulla_envelope::InvalidEnvelope;
use bytes::Buf;
use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::limits::{BUFFER_BYTES, MAX_FIELDS, YIELD_BYTES};
use super::proto::{
    BillingRequest, BillingResponse, CarrierFrame, ChallengeRequest, ChallengeResponse, ClientFrame,
    ConnectRequest, Connected, Credential, FetchKeysRequest, FetchKeysResponse, FetchLogHeadRequest,
    FetchLogHeadResponse, FetchLogLeavesRequest, FetchLogLeavesResponse, ProveLogConsistencyRequest,
    ProveLogConsistencyResponse, ProveRequest, PublishRequest, Refusal, RegisterRequest, RemoveDeviceRequest,
    RemoveDeviceResponse, ReportRequest, ReportResponse,
};
use crate::TransportError;

/// How messages are written and read: as `prost` does, after a look at how many fields there are, and whether
/// any is a group.
#[derive(Debug)]
pub(crate) struct BoundedCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for BoundedCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for BoundedCodec<T, U>
where
    T: Message + 'static,
    U: Message + Default + Bounded + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = PlainEncoder<T>;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        PlainEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder(PhantomData)
    }
}

/// Writes messages.
#[derive(Debug)]
pub(crate) struct PlainEncoder<T>(PhantomData<T>);

impl<T: Message> Encoder for PlainEncoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, message: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(buffer).map_err(|_| Status::internal("no room to write a message"))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER_BYTES, YIELD_BYTES)
    }
}

/// Reads messages that keep to their bounds.
#[derive(Debug)]
pub(crate) struct BoundedDecoder<U>(PhantomData<U>);

impl<U: Message + Default + Bounded> Decoder for BoundedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        // Not copied: the buffer gives it away, and what is in it shares it.
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        decode(bytes)
            .map(Some)
            .map_err(|source| Refusal::of(&TransportError::Invalid { source }).into_status())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER_BYTES, YIELD_BYTES)
    }
}

/// Reads a stranger's message.
pub(crate) fn decode<U: Message + Default + Bounded>(bytes: bytes::Bytes) -> Result<U, InvalidEnvelope> {
    let actual = flat_fields(&bytes, U::NESTED).ok_or(InvalidEnvelope::Malformed)?;
    if actual > MAX_FIELDS {
        return Err(InvalidEnvelope::TooLarge { field: "fields of a frame", actual, limit: MAX_FIELDS });
    }
    U::decode(bytes).map_err(|_| InvalidEnvelope::Malformed)
}

/// A message of which it is known which fields are messages.
pub(crate) trait Bounded {
    /// Those fields.
    const NESTED: &'static [Nested];
}

const fn leaf(field: u32) -> Nested {
    Nested { field, within: &[] }
}

pub(super) const fn with(field: u32, within: &'static [Nested]) -> Nested {
    Nested { field, within }
}

/// Of a request: its caller.
pub(super) const CALLER: &[Nested] = &[leaf(1)];

impl Bounded for RegisterRequest {
    const NESTED: &'static [Nested] = CALLER;
}

impl Bounded for ConnectRequest {
    const NESTED: &'static [Nested] = CALLER;
}

impl Bounded for PublishRequest {
    const NESTED: &'static [Nested] = CALLER;
}

impl Bounded for FetchKeysRequest {
    const NESTED: &'static [Nested] = CALLER;
}

impl Bounded for RemoveDeviceRequest {
    const NESTED: &'static [Nested] = CALLER;
}

impl Bounded for ProveRequest {
    const NESTED: &'static [Nested] = CALLER;
}

impl Bounded for ChallengeRequest {
    const NESTED: &'static [Nested] = &[];
}

impl Bounded for ChallengeResponse {
    const NESTED: &'static [Nested] = &[];
}

impl Bounded for Credential {
    const NESTED: &'static [Nested] = &[];
}

impl Bounded for FetchLogHeadRequest {
    const NESTED: &'static [Nested] = CALLER;
}

impl Bounded for ProveLogConsistencyRequest {
    const NESTED: &'static [Nested] = CALLER;
}

impl Bounded for FetchLogLeavesRequest {
    const NESTED: &'static [Nested] = CALLER;
}

impl Bounded for ReportRequest {
    const NESTED: &'static [Nested] = CALLER;
}

impl Bounded for ReportResponse {
    const NESTED: &'static [Nested] = &[];
}

impl Bounded for BillingRequest {
    const NESTED: &'static [Nested] = CALLER;
}

impl Bounded for BillingResponse {
    const NESTED: &'static [Nested] = &[];
}

impl Bounded for FetchLogLeavesResponse {
    const NESTED: &'static [Nested] = &[];
}

impl Bounded for FetchLogHeadResponse {
    const NESTED: &'static [Nested] = &[];
}

impl Bounded for ProveLogConsistencyResponse {
    const NESTED: &'static [Nested] = &[];
}

impl Bounded for Connected {
    const NESTED: &'static [Nested] = &[leaf(6)];
}

impl Bounded for FetchKeysResponse {
    const NESTED: &'static [Nested] = &[];
}

impl Bounded for RemoveDeviceResponse {
    const NESTED: &'static [Nested] = &[];
}

impl Bounded for Refusal {
    const NESTED: &'static [Nested] = &[];
}

impl Bounded for ClientFrame {
    const NESTED: &'static [Nested] = &[leaf(1), leaf(2), leaf(3), leaf(4), leaf(5), leaf(6)];
}

impl Bounded for CarrierFrame {
    const NESTED: &'static [Nested] = &[
        leaf(1),
        with(2, &[leaf(3)]),
        with(3, &[leaf(3)]),
        leaf(4),
        leaf(5),
        with(6, &[leaf(4)]),
        leaf(7),
        with(8, &[leaf(2)]),
    ];
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::proto::{Deliveries, Delivery, Send, carrier_frame, client_frame};
    use super::*;

    fn sending(envelopes: usize) -> Bytes {
        let envelopes = vec![Bytes::new(); envelopes];
        let frame = client_frame::Frame::Send(Send { call: 1, envelopes });
        ClientFrame { frame: Some(frame) }.encode_to_vec().into()
    }

    #[test]
    fn a_frame_has_so_many_fields_and_no_more() {
        // The frame's one field, and the call.
        assert!(decode::<ClientFrame>(sending(MAX_FIELDS - 2)).is_ok());
        let refused = InvalidEnvelope::TooLarge {
            field: "fields of a frame",
            actual: MAX_FIELDS + 1,
            limit: MAX_FIELDS,
        };
        assert_eq!(decode::<ClientFrame>(sending(MAX_FIELDS - 1)).err(), Some(refused));
    }

    #[test]
    fn groups_are_refused_as_deep_as_messages_stand() {
        let group = Bytes::from_static(&[0x7b, 0x7c]);
        assert_eq!(decode::<Connected>(group.clone()).err(), Some(InvalidEnvelope::Malformed));
        // A delivery in deliveries in a frame.
        let delivery = Delivery { number: 1, previous: 0, envelope: Bytes::new() };
        let deliveries = Deliveries { call: 1, epoch: 2, deliveries: vec![delivery] };
        let frame =
            CarrierFrame { frame: Some(carrier_frame::Frame::Deliveries(deliveries)) }.encode_to_vec();
        assert!(decode::<CarrierFrame>(frame.clone().into()).is_ok());
        let mut spoilt = frame;
        spoilt.extend_from_slice(&[0x1a, 4, 0x1a, 2, 0x7b, 0x7c]);
        assert_eq!(decode::<CarrierFrame>(spoilt.into()).err(), Some(InvalidEnvelope::Malformed));
    }

    #[test]
    fn any_prefix_of_a_frame_is_read_or_refused() {
        let frame = sending(3);
        for length in 0..frame.len() {
            let read = decode::<ClientFrame>(frame.slice(..length));
            assert!(read.is_err() || length == 0, "{length}");
        }
    }
}
