//! The party whose key pair it is.

use rand_core::CryptoRng;

use super::{Agreed, Change as BraidChange};
use crate::authenticator::{Authenticator, MAC_BYTES, epoch_secret};
use crate::erasure_code::{Arrival, Chunk, Code, Collected};
use crate::error::ReceiveError;
use crate::kem::{CT1_BYTES, CT2_BYTES, HEADER_BYTES, KeyPair};
use crate::message::Payload;

/// `next` is the index of the chunk to send next.
pub(crate) enum Offerer {
    /// Nothing is drawn yet.
    Fresh,
    /// The header is being sent.
    Header { pair: KeyPair, next: u16 },
    /// The key is being sent, while the ciphertext's first part comes in.
    Key { pair: KeyPair, next: u16, ct1: Collected },
    /// The first part is here; the key is still being sent.
    KeyAndAck { pair: KeyPair, next: u16, ct1: Box<[u8; CT1_BYTES]> },
    /// The second part comes in: so the peer has the key.
    AwaitingCt2 { pair: KeyPair, ct1: Box<[u8; CT1_BYTES]>, ct2: Collected },
}

pub(crate) enum Change {
    /// A chunk of the ciphertext, of whichever part is coming in or comes next.
    Chunk(Chunk),
    /// All of the first part.
    Ct1(Box<[u8; CT1_BYTES]>),
}

impl Offerer {
    pub(super) fn send(
        &mut self,
        epoch: u64,
        authenticator: &Authenticator,
        rng: &mut impl CryptoRng,
    ) -> Payload {
        if let Self::Fresh = self {
            *self = Self::Header { pair: KeyPair::generate(rng), next: 0 };
        }
        match self {
            Self::Header { pair, next } => {
                let mut text = [0; HEADER_BYTES + MAC_BYTES];
                text[..HEADER_BYTES].copy_from_slice(pair.header());
                // Made anew for every chunk: it follows from what is kept.
                text[HEADER_BYTES..].copy_from_slice(&authenticator.header_mac(epoch, pair.header()));
                Payload::Header(Code::HEADER.encode(&text, advance(next)))
            }
            Self::Key { pair, next, .. } => Payload::Key(Code::KEY.encode(pair.key(), advance(next))),
            Self::KeyAndAck { pair, next, .. } => {
                Payload::KeyAndAck(Code::KEY.encode(pair.key(), advance(next)))
            }
            Self::Fresh | Self::AwaitingCt2 { .. } => Payload::Ack,
        }
    }

    pub(super) fn receive(
        &self,
        epoch: u64,
        authenticator: &Authenticator,
        payload: Payload,
    ) -> Result<BraidChange, ReceiveError> {
        let keep = |chunk| Ok(BraidChange::Offerer(Change::Chunk(chunk)));
        match (self, payload) {
            // A chunk of what comes next says that the peer has what is being sent: there is no other word
            // for it.
            (Self::Header { .. }, Payload::Ct1(chunk)) | (Self::KeyAndAck { .. }, Payload::Ct2(chunk)) => {
                keep(chunk)
            }
            (Self::Key { ct1, .. }, Payload::Ct1(chunk)) => match ct1.with(chunk, &Code::CT1) {
                Arrival::Known => Ok(BraidChange::Stay),
                Arrival::New => keep(chunk),
                Arrival::Complete(text) => {
                    let ct1 = text.into_boxed_slice().try_into().map_err(|_| ReceiveError::Forged)?;
                    Ok(BraidChange::Offerer(Change::Ct1(ct1)))
                }
            },
            (Self::AwaitingCt2 { pair, ct1, ct2 }, Payload::Ct2(chunk)) => {
                match ct2.with(chunk, &Code::CT2) {
                    Arrival::Known => Ok(BraidChange::Stay),
                    Arrival::New => keep(chunk),
                    Arrival::Complete(text) => {
                        agree(epoch, authenticator, pair, ct1, &text).map(BraidChange::Agreed)
                    }
                }
            }
            // Late, doubled or out of turn, as messages are: no fault of anybody.
            _ => Ok(BraidChange::Stay),
        }
    }

    pub(super) fn accept(&mut self, change: Change) {
        *self = match (std::mem::replace(self, Self::Fresh), change) {
            (Self::Header { pair, .. }, Change::Chunk(chunk)) => {
                Self::Key { pair, next: 0, ct1: Collected::starting_with(chunk) }
            }
            (Self::Key { pair, next, mut ct1 }, Change::Chunk(chunk)) => {
                ct1.push(chunk);
                Self::Key { pair, next, ct1 }
            }
            (Self::Key { pair, next, .. }, Change::Ct1(ct1)) => Self::KeyAndAck { pair, next, ct1 },
            (Self::KeyAndAck { pair, ct1, .. }, Change::Chunk(chunk)) => {
                Self::AwaitingCt2 { pair, ct1, ct2: Collected::starting_with(chunk) }
            }
            (Self::AwaitingCt2 { pair, ct1, mut ct2 }, Change::Chunk(chunk)) => {
                ct2.push(chunk);
                Self::AwaitingCt2 { pair, ct1, ct2 }
            }
            (same, _) => same,
        };
    }
}

/// The epoch's secret, if the ciphertext is the peer's.
fn agree(
    epoch: u64,
    authenticator: &Authenticator,
    pair: &KeyPair,
    ct1: &[u8; CT1_BYTES],
    text: &[u8],
) -> Result<Agreed, ReceiveError> {
    let (ct2, mac) = text.split_first_chunk::<CT2_BYTES>().ok_or(ReceiveError::Forged)?;
    let secret = epoch_secret(epoch, &pair.decapsulate(ct1, ct2));
    // The MAC is under the key that the secret leads to, so that it shows at once whether both have the
    // same.
    let authenticator = authenticator.updated(epoch, secret.expose());
    if !authenticator.verifies_ciphertext(epoch, ct1, ct2, mac) {
        return Err(ReceiveError::Forged);
    }
    Ok(Agreed { secret, authenticator })
}

/// The index to send, which then moves on; after the last comes the first again.
pub(super) fn advance(next: &mut u16) -> u16 {
    // Chunks of any index do, so that to begin again is as good as going on.
    std::mem::replace(next, next.wrapping_add(1))
}
