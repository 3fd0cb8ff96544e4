//! The exchange's part of the stored form.

use super::reader::Reader;
use crate::authenticator::MAC_BYTES;
use crate::erasure_code::{CHUNK_BYTES, Chunk, Code, Collected};
use crate::error::StoredError;
use crate::kem::{CT1_BYTES, CT2_BYTES, KeyPair};
use crate::ml_kem_braid::State;
use crate::ml_kem_braid::offerer::Offerer;
use crate::ml_kem_braid::responder::{Half, Responder};

/// What a state keeps, as it is stored.
pub(super) struct StoredState<'a> {
    pub(super) code: u8,
    pub(super) next: u16,
    parts: [&'a [u8]; 3],
    pub(super) chunks: &'a [Chunk],
}

impl State {
    pub(super) fn kept_len(&self) -> usize {
        let StoredState { code: _, next: _, parts, chunks } = self.stored_state();
        parts.iter().map(|part| part.len()).sum::<usize>() + chunks.len() * (2 + CHUNK_BYTES)
    }

    pub(super) fn stored_state(&self) -> StoredState<'_> {
        let none: &[u8] = &[];
        let (code, next, parts, chunks): (_, _, [&[u8]; 3], &[Chunk]) = match self {
            Self::Offerer(offerer) => match offerer {
                Offerer::Fresh => (0, 0, [none; 3], &[]),
                Offerer::Header { pair, next } => (1, *next, [pair.expose(), none, none], &[]),
                Offerer::Key { pair, next, ct1 } => (2, *next, [pair.expose(), none, none], ct1.as_slice()),
                Offerer::KeyAndAck { pair, next, ct1 } => {
                    (3, *next, [pair.expose(), ct1.as_slice(), none], &[])
                }
                Offerer::AwaitingCt2 { pair, ct1, ct2 } => {
                    (4, 0, [pair.expose(), ct1.as_slice(), none], ct2.as_slice())
                }
            },
            Self::Responder(responder) => match responder {
                Responder::AwaitingHeader { header } => (5, 0, [none; 3], header.as_slice()),
                Responder::HasHeader { header } => (6, 0, [header, none, none], &[]),
                Responder::Ct1 { half, next, key } => (7, *next, half.parts(), key.as_slice()),
                Responder::Ct1HasKey { ct1, next, closing } => {
                    (8, *next, [ct1.as_slice(), closing, none], &[])
                }
                Responder::Ct1Acknowledged { half, key } => (9, 0, half.parts(), key.as_slice()),
                Responder::Ct2 { closing, next } => (10, *next, [closing, none, none], &[]),
            },
        };
        StoredState { code, next, parts, chunks }
    }
}

impl Half {
    fn parts(&self) -> [&[u8]; 3] {
        let Self { header, m, ct1 } = self;
        [header, m.expose(), ct1.as_slice()]
    }

    fn read(from: &mut Reader<'_>) -> Result<Box<Self>, StoredError> {
        let (header, m) = (from.array("header")?, from.secret("m")?);
        Ok(Box::new(Self { header, m, ct1: boxed("ciphertext 1", from)? }))
    }
}

/// A chunk as it is stored.
pub(super) const CHUNK_ROW: usize = 2 + CHUNK_BYTES;

impl StoredState<'_> {
    /// What is written one behind the other.
    pub(super) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.parts.iter().copied()
    }

    pub(super) fn store(&self, out: &mut Vec<u8>) {
        self.parts.iter().for_each(|part| out.extend_from_slice(part));
        for Chunk { index, data } in self.chunks {
            out.extend_from_slice(&index.to_be_bytes());
            out.extend_from_slice(data);
        }
    }

    pub(super) fn read(
        code: u8,
        next: u16,
        from: &mut Reader<'_>,
        mut chunks: Chunks<'_, '_>,
    ) -> Result<State, StoredError> {
        // What a state has no use for has to be zero, or one ratchet could be written in two ways.
        let sends = matches!(code, 1 | 2 | 3 | 7 | 8 | 10);
        if next != 0 && !sends {
            return Err(StoredError::Value { field: "next chunk" });
        }
        let collects = matches!(code, 2 | 4 | 5 | 7 | 9);
        if chunks.count != 0 && !collects {
            return Err(StoredError::Value { field: "chunks" });
        }
        Ok(match code {
            0 => State::Offerer(Offerer::Fresh),
            1 => State::Offerer(Offerer::Header { pair: pair(from)?, next }),
            2 => {
                let pair = pair(from)?;
                State::Offerer(Offerer::Key { pair, next, ct1: chunks.collect(&Code::CT1, 1, from)? })
            }
            3 => {
                let (pair, ct1) = (pair(from)?, boxed("ciphertext 1", from)?);
                State::Offerer(Offerer::KeyAndAck { pair, next, ct1 })
            }
            4 => {
                let (pair, ct1) = (pair(from)?, boxed("ciphertext 1", from)?);
                let ct2 = chunks.collect(&Code::CT2, 1, from)?;
                State::Offerer(Offerer::AwaitingCt2 { pair, ct1, ct2 })
            }
            5 => {
                let header = chunks.collect(&Code::HEADER, 0, from)?;
                State::Responder(Responder::AwaitingHeader { header })
            }
            6 => State::Responder(Responder::HasHeader { header: from.array("header")? }),
            7 => {
                let half = Half::read(from)?;
                let key = chunks.collect(&Code::KEY, 0, from)?;
                State::Responder(Responder::Ct1 { half, next, key })
            }
            8 => {
                let (ct1, closing) = (boxed("ciphertext 1", from)?, from.array("ciphertext 2")?);
                State::Responder(Responder::Ct1HasKey { ct1, next, closing })
            }
            9 => {
                let half = Half::read(from)?;
                let key = chunks.collect(&Code::KEY, 0, from)?;
                State::Responder(Responder::Ct1Acknowledged { half, key })
            }
            10 => State::Responder(Responder::Ct2 { closing: from.array("ciphertext 2")?, next }),
            _ => return Err(StoredError::Value { field: "state" }),
        })
    }
}

const _: () = assert!(CT1_BYTES == 960 && CT2_BYTES + MAC_BYTES == 160, "the picture would be wrong");

fn pair(from: &mut Reader<'_>) -> Result<KeyPair, StoredError> {
    from.chunk("key pair").map(KeyPair::from_bytes)
}

fn boxed<const N: usize>(field: &'static str, from: &mut Reader<'_>) -> Result<Box<[u8; N]>, StoredError> {
    from.chunk(field).map(|bytes| Box::new(*bytes))
}

/// The chunks that have come in, as they are stored: so many, behind what is kept or each in a row of its
/// own.
pub(super) struct Chunks<'r, 'a> {
    pub(super) count: usize,
    pub(super) rows: Option<&'r mut (dyn Iterator<Item = &'a [u8]> + 'r)>,
}

impl Chunks<'_, '_> {
    /// At least as many chunks as the state begins with, fewer than would end it, each but once.
    fn collect(
        &mut self,
        code: &Code,
        least: usize,
        from: &mut Reader<'_>,
    ) -> Result<Collected, StoredError> {
        let impossible = StoredError::Value { field: "chunks" };
        if self.count < least || self.count >= code.chunks() {
            return Err(impossible);
        }
        let mut chunks = Collected::with_capacity(self.count + 1);
        // Nearly all have low indices, of which a bit tells whether they were there already.
        let mut low = 0_u64;
        for _ in 0..self.count {
            let chunk = match &mut self.rows {
                None => chunk(from)?,
                Some(rows) => {
                    // A row that is lacking reads as one that is cut short.
                    let mut row = Reader::new(rows.next().unwrap_or_default());
                    let chunk = chunk(&mut row)?;
                    row.end()?;
                    chunk
                }
            };
            let bit = 1_u64.checked_shl(u32::from(chunk.index)).unwrap_or(0);
            if low & bit != 0 || (bit == 0 && chunks.contains(chunk.index)) {
                return Err(impossible);
            }
            low |= bit;
            chunks.push(chunk);
        }
        Ok(chunks)
    }
}

fn chunk(from: &mut Reader<'_>) -> Result<Chunk, StoredError> {
    Ok(Chunk { index: from.u16("chunks")?, data: from.array("chunks")? })
}
