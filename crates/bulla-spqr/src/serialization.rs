//! The stored form of a [`Ratchet`], version 1.
//!
//! Numbers are big-endian; the form is canonical, so what reads back writes the same. What every message
//! changes comes first, is at most [`WHOLE_HEAD_BYTES`] long, and says how long everything behind it is. What
//! follows is written once in several messages (`kept`, per state), only grows (`chunks`), or is empty unless
//! messages overtake each other (`skipped`): stored in rows, each is a [`Row`] of its own, and the head says
//! of the last where they are, not how many.
//!
//! ```text
//! head
//!    0    1   form: 1
//!    1    1   role in the session: 0 initiator, 1 responder
//!    2    8   epoch under way, from 1 and below 2^63
//!   10    1   state: see below
//!   11    2   index of the chunk to send next; 0 in states that send none
//!   13    1   number c of chunks collected; 0 in states that collect none
//!   14   32   authenticator: root
//!   46   32   authenticator: MAC key
//!   78   32   chains: next root
//!  110    1   number n of epochs with chains, 1 to 3; the last is the epoch under way in states 7 to 10,
//!             else the one before
//!  111    1   number of them, 0 or 1, that are not sent in any more: the oldest
//!  112        for each epoch, oldest first:
//!         4     sending: number of keys given      (both left out if not sent in any more)
//!        32     sending: what the next comes from
//!         4     receiving: number of keys given
//!        32     receiving: what the next comes from
//!         2     number s of skipped keys, 0 to 2000
//! kept, by state
//!         0   0 offerer, fresh: nothing
//!      2400   1 offerer, sending the header: key pair
//!      2400   2 offerer, sending the key: key pair
//!      3360   3 offerer, sending the key, has ciphertext 1: key pair, ciphertext 1
//!      3360   4 offerer, awaiting ciphertext 2: key pair, ciphertext 1
//!         0   5 responder, awaiting the header: nothing
//!        64   6 responder, has the header: header
//!      1056   7 responder, sending ciphertext 1: header, m, ciphertext 1
//!      1120   8 responder, sending ciphertext 1, has the key: ciphertext 1, ciphertext 2, MAC
//!      1056   9 responder, ciphertext 1 acknowledged, awaiting the key: header, m, ciphertext 1
//!       160  10 responder, sending ciphertext 2: ciphertext 2, MAC
//! chunks, c times, in the order they came in
//!         2   index
//!        32   chunk
//! skipped, of each epoch in turn, s times
//!         4   index, ascending, and within the window behind what was received last
//!        32   key
//! ```

mod chain;
mod ml_kem_braid;
mod reader;
mod rows;

use self::chain::{Heads, Layout};
use self::ml_kem_braid::{Chunks, StoredState};
use self::reader::Reader;
pub(crate) use self::rows::Rows;
#[doc(hidden)]
pub use self::rows::{HEAD_BYTES, Row};
use crate::authenticator::Authenticator;
use crate::error::StoredError;
use crate::limits::{MAX_EPOCHS, MAX_STORED_BYTES};
use crate::ml_kem_braid::Braid;
use crate::ratchet::Ratchet;
use crate::role::Role;
use crate::wiped_bytes::Out;

/// The one form there is.
const FORM: u8 = 1;

/// The states from this on have the chains of the epoch under way.
const FIRST_WITH_CHAINS: u8 = 7;
/// The last state there is.
const NEWEST_STATE: u8 = 10;

/// The most bytes of the stored form, from its start, that change with every message.
pub const WHOLE_HEAD_BYTES: usize = 112 + MAX_EPOCHS * (4 + 32 + 4 + 32 + 2) - (4 + 32);

impl Ratchet {
    pub(crate) fn load(bytes: &[u8]) -> Result<Self, StoredError> {
        if bytes.len() > MAX_STORED_BYTES {
            return Err(StoredError::TooLong { most: MAX_STORED_BYTES, actual: bytes.len() });
        }
        let mut from = Reader::new(bytes);
        let Head { epoch, authenticator, state: (code, next, chunks), chains } =
            Head::read(FORM, Layout::Whole, &mut from)?;
        let state = StoredState::read(code, next, &mut from, Chunks { count: chunks, rows: None })?;
        let chain = chains.fill(&mut from)?;
        from.end()?;
        let braid = Braid { epoch, authenticator, state };
        Ok(Self { braid, chain, steps: 0, rows: Rows::default() })
    }

    /// How long the stored form is.
    #[must_use]
    pub fn stored_len(&self) -> usize {
        self.head_len() + self.braid.state.kept_len() + self.chain.skipped_len()
    }

    /// How much of the stored form, from its start, changes with every message.
    #[must_use]
    pub fn head_len(&self) -> usize {
        112 + self.chain.head_len()
    }

    /// Appends the stored form.
    pub fn store(&self, out: &mut Vec<u8>) {
        self.store_head_as(FORM, Layout::Whole, out);
        self.braid.state.stored_state().store(out);
        self.chain.store_skipped(out);
    }

    fn store_head_as(&self, form: u8, layout: Layout, out: &mut impl Out) {
        let Self { braid: Braid { epoch, authenticator, state }, chain, steps: _, rows: _ } = self;
        let role = match chain.role {
            Role::Initiator => 0,
            Role::Responder => 1,
        };
        let kept = state.stored_state();
        out.put(&[form, role]);
        out.put(&epoch.to_be_bytes());
        out.put(&[kept.code]);
        out.put(&kept.next.to_be_bytes());
        out.put(&[kept.chunks.len().to_le_bytes()[0]]);
        out.put(authenticator.root.expose());
        out.put(authenticator.mac_key.expose());
        chain.store_head(layout, out);
    }
}

/// What every message changes, as it is read.
struct Head {
    epoch: u64,
    authenticator: Authenticator,
    /// Its code, the chunk to send next, and the number of chunks collected.
    state: (u8, u16, usize),
    chains: Heads,
}

impl Head {
    fn read(form: u8, layout: Layout, from: &mut Reader<'_>) -> Result<Self, StoredError> {
        let found = from.u8("form")?;
        if found != form {
            return Err(StoredError::Form { found, newest: form });
        }
        let role = match from.u8("role")? {
            0 => Role::Initiator,
            1 => Role::Responder,
            _ => return Err(StoredError::Value { field: "role" }),
        };
        let epoch = u64::from_be_bytes(from.array("epoch")?);
        // Far beyond any epoch there will be, and far enough below the end for whatever is added.
        if epoch == 0 || epoch > u64::MAX / 2 {
            return Err(StoredError::Value { field: "epoch" });
        }
        let (code, next, chunks) = (from.u8("state")?, from.u16("next chunk")?, from.u8("chunks")?);
        if code > NEWEST_STATE {
            return Err(StoredError::Value { field: "state" });
        }
        let authenticator =
            Authenticator { root: from.secret("authenticator")?, mac_key: from.secret("authenticator")? };
        let knows_secret = code >= FIRST_WITH_CHAINS;
        // Who responds knows an epoch's secret before the epoch is over.
        let newest = if knows_secret { epoch } else { epoch - 1 };
        let chains = Heads::read(role, newest, layout, from)?;
        Ok(Self { epoch, authenticator, state: (code, next, usize::from(chunks)), chains })
    }
}
