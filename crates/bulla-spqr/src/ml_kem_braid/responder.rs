//! The party that encapsulates.

use rand_core::CryptoRng;

use super::offerer::advance;
use super::{Agreed, Change as BraidChange};
use crate::authenticator::{Authenticator, MAC_BYTES, epoch_secret};
use crate::erasure_code::{Arrival, Chunk, Code, Collected};
use crate::error::{ReceiveError, SendError};
use crate::kem::{CT1_BYTES, CT2_BYTES, HEADER_BYTES, encapsulate_first, encapsulate_second};
use crate::message::Payload;
use crate::secret::Secret;

/// The ciphertext's second part and the MAC over both.
pub(crate) type Closing = [u8; CT2_BYTES + MAC_BYTES];

/// `next` is the index of the chunk to send next.
pub(crate) enum Responder {
    /// The header comes in.
    AwaitingHeader { header: Collected },
    /// The header is here; nothing is encapsulated yet.
    HasHeader { header: [u8; HEADER_BYTES] },
    /// The ciphertext's first part is being sent, while the key comes in.
    Ct1 { half: Box<Half>, next: u16, key: Collected },
    /// The key is here; the first part is still being sent.
    Ct1HasKey { ct1: Box<[u8; CT1_BYTES]>, next: u16, closing: Closing },
    /// The peer has the first part; the key still comes in.
    Ct1Acknowledged { half: Box<Half>, key: Collected },
    /// The second part is being sent.
    Ct2 { closing: Closing, next: u16 },
}

/// An encapsulation of which only the first part is made.
pub(crate) struct Half {
    pub(crate) header: [u8; HEADER_BYTES],
    /// The randomness of the encapsulation.
    pub(crate) m: Secret<32>,
    pub(crate) ct1: Box<[u8; CT1_BYTES]>,
}

pub(crate) enum Change {
    /// A chunk of what is coming in, if it was new, and whether the peer has the ciphertext's first part.
    Chunk(Option<Chunk>, bool),
    /// All of the header.
    Header([u8; HEADER_BYTES]),
    /// All of the key, so that the ciphertext is made, and whether the peer has its first part.
    Key(Closing, bool),
    /// The peer has the ciphertext's first part.
    Acknowledged,
}

impl Responder {
    pub(super) fn send(
        &mut self,
        epoch: u64,
        authenticator: &Authenticator,
        rng: &mut impl CryptoRng,
    ) -> Result<(Payload, Option<Agreed>), SendError> {
        match self {
            Self::AwaitingHeader { .. } | Self::Ct1Acknowledged { .. } => Ok((Payload::Nothing, None)),
            Self::HasHeader { header } => {
                let mut m = Secret::<32>::ZERO;
                rng.fill_bytes(m.expose_mut());
                let (ct1, shared) = encapsulate_first(header, &m).ok_or(SendError::Header)?;
                let secret = epoch_secret(epoch, &shared);
                let authenticator = authenticator.updated(epoch, secret.expose());
                let payload = Payload::Ct1(Code::CT1.encode(ct1.as_slice(), 0));
                // With its randomness: the second part has to be made of the same.
                let half = Box::new(Half { header: *header, m, ct1 });
                *self = Self::Ct1 { half, next: 1, key: Collected::default() };
                Ok((payload, Some(Agreed { secret, authenticator })))
            }
            Self::Ct1 { half, next, .. } => {
                Ok((Payload::Ct1(Code::CT1.encode(half.ct1.as_slice(), advance(next))), None))
            }
            Self::Ct1HasKey { ct1, next, .. } => {
                Ok((Payload::Ct1(Code::CT1.encode(ct1.as_slice(), advance(next))), None))
            }
            Self::Ct2 { closing, next } => Ok((Payload::Ct2(Code::CT2.encode(closing, advance(next))), None)),
        }
    }

    pub(super) fn receive(
        &self,
        epoch: u64,
        authenticator: &Authenticator,
        payload: Payload,
    ) -> Result<BraidChange, ReceiveError> {
        let change = match (self, payload) {
            (Self::AwaitingHeader { header }, Payload::Header(chunk)) => {
                match header.with(chunk, &Code::HEADER) {
                    Arrival::Known => return Ok(BraidChange::Stay),
                    Arrival::New => Change::Chunk(Some(chunk), false),
                    Arrival::Complete(text) => {
                        let (header, mac) = text.split_first_chunk().ok_or(ReceiveError::Forged)?;
                        // Before anything is encapsulated to it: a header of somebody else's would get our
                        // secret.
                        if !authenticator.verifies_header(epoch, header, mac) {
                            return Err(ReceiveError::Forged);
                        }
                        Change::Header(*header)
                    }
                }
            }
            (
                Self::Ct1 { half, key, .. } | Self::Ct1Acknowledged { half, key },
                Payload::Key(chunk) | Payload::KeyAndAck(chunk),
            ) => {
                let acknowledged = matches!(payload, Payload::KeyAndAck(_));
                match key.with(chunk, &Code::KEY) {
                    Arrival::Known if !acknowledged => return Ok(BraidChange::Stay),
                    Arrival::Known => Change::Chunk(None, true),
                    Arrival::New => Change::Chunk(Some(chunk), acknowledged),
                    Arrival::Complete(key) => {
                        let closing = close(epoch, authenticator, half, &key)?;
                        Change::Key(closing, acknowledged)
                    }
                }
            }
            (Self::Ct1HasKey { .. }, Payload::KeyAndAck(_) | Payload::Ack) => Change::Acknowledged,
            // Late, doubled or out of turn: messages overtake each other, so that is no fault.
            _ => return Ok(BraidChange::Stay),
        };
        Ok(BraidChange::Responder(change))
    }

    pub(super) fn accept(&mut self, change: Change) {
        *self = match (std::mem::replace(self, Self::awaiting_header()), change) {
            (Self::AwaitingHeader { mut header }, Change::Chunk(chunk, _)) => {
                chunk.into_iter().for_each(|chunk| header.push(chunk));
                Self::AwaitingHeader { header }
            }
            (Self::AwaitingHeader { .. }, Change::Header(header)) => Self::HasHeader { header },
            (Self::Ct1 { half, next, mut key }, Change::Chunk(chunk, acknowledged)) => {
                chunk.into_iter().for_each(|chunk| key.push(chunk));
                if acknowledged { Self::Ct1Acknowledged { half, key } } else { Self::Ct1 { half, next, key } }
            }
            (Self::Ct1Acknowledged { half, mut key }, Change::Chunk(chunk, _)) => {
                chunk.into_iter().for_each(|chunk| key.push(chunk));
                Self::Ct1Acknowledged { half, key }
            }
            (Self::Ct1 { half, next, .. }, Change::Key(closing, false)) => {
                Self::Ct1HasKey { ct1: half.ct1, next, closing }
            }
            (Self::Ct1 { .. }, Change::Key(closing, true))
            | (Self::Ct1Acknowledged { .. }, Change::Key(closing, _))
            | (Self::Ct1HasKey { closing, .. }, Change::Acknowledged) => Self::Ct2 { closing, next: 0 },
            (same, _) => same,
        };
    }
}

/// The ciphertext's second part and the MAC, if the key is the header's.
fn close(
    epoch: u64,
    authenticator: &Authenticator,
    half: &Half,
    key: &[u8],
) -> Result<Closing, ReceiveError> {
    let ct2 = encapsulate_second(&half.header, &half.m, key).ok_or(ReceiveError::Forged)?;
    let mut closing = [0; CT2_BYTES + MAC_BYTES];
    closing[..CT2_BYTES].copy_from_slice(&ct2);
    closing[CT2_BYTES..].copy_from_slice(&authenticator.ciphertext_mac(epoch, &half.ct1, &ct2));
    Ok(closing)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::super::offerer::Offerer;
    use super::*;

    /// A responder that sends the ciphertext's first part and has one chunk of the key, and that chunk.
    fn sending_ct1() -> (Responder, Authenticator, Chunk) {
        let (authenticator, mut rng) = (Authenticator::new(&[7; 32]), ChaCha20Rng::from_seed([1; 32]));
        let (mut offerer, mut responder) = (Offerer::Fresh, Responder::awaiting_header());
        for _ in 0..Code::HEADER.chunks() {
            let payload = offerer.send(1, &authenticator, &mut rng);
            receive(&mut responder, &authenticator, payload);
        }
        responder.send(1, &authenticator, &mut rng).unwrap();
        let chunk = Chunk { index: 3, data: [7; 32] };
        receive(&mut responder, &authenticator, Payload::Key(chunk));
        (responder, authenticator, chunk)
    }

    fn receive(responder: &mut Responder, authenticator: &Authenticator, payload: Payload) {
        if let BraidChange::Responder(change) = responder.receive(1, authenticator, payload).unwrap() {
            responder.accept(change);
        }
    }

    /// Indices begin anew after 65 536 chunks, so that a peer can come by the same in good faith.
    #[test]
    fn a_known_chunk_of_the_key_acknowledges_what_its_message_says_and_no_more() {
        let (mut responder, authenticator, chunk) = sending_ct1();
        assert!(matches!(
            responder.receive(1, &authenticator, Payload::Key(chunk)).unwrap(),
            BraidChange::Stay
        ));
        receive(&mut responder, &authenticator, Payload::KeyAndAck(chunk));
        let Responder::Ct1Acknowledged { key, .. } = responder else { panic!("not acknowledged") };
        assert_eq!(key.as_slice().len(), 1);
    }
}
