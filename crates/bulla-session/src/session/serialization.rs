//! The stored form of one session; the picture is at [`Sessions::to_bytes`](super::Sessions::to_bytes).

use std::ops::Range;

use bulla_spqr::Secret;
use bulla_spqr::skipped_keys::Skipped;
use bulla_spqr::wiped_bytes::{Out, Wiped};

use super::chain::{ChainKey, ReceivingChain, RootKey, SendingChain};
use super::post_quantum::PostQuantum;
use super::state::{Pending, ReceivingChains, Rows, Session};
use crate::error::StoredError;
use crate::identity::IdentityKey;
use crate::key::{KeyPair, PrivateKey, PublicKey};
use crate::kyber::KyberCiphertext;
use crate::limits::{MAX_RECEIVING_CHAINS, MAX_SKIPPED_KEYS};
use crate::numeric_ids::{KyberPreKeyId, OneTimePreKeyId, RegistrationId, SignedPreKeyId};
use crate::time::UnixSeconds;

/// What a session takes without receiving chains, skipped message keys and pending data.
const FIXED: usize = 3 * 32 + 2 * 4 + 32 + 4 + 3 * 32 + 4 + 1 + 1 + 4;
const CHAIN: usize = 32 + 32 + 4 + 2;
const PENDING: usize = 8 + 4 + 4 + 1 + 4 + KyberCiphertext::BYTES;

impl Session {
    pub(super) fn load(bytes: &[u8]) -> Result<Self, StoredError> {
        let mut from = Stored::new(bytes);
        let fixed = Fixed::read(&mut from)?;
        let heads = Chains::read(&mut from)?;
        let pending = if from.flag("pending prekeys")? { Some(Pending::read(&mut from)?) } else { None };
        // Too long for this machine is longer than the bytes: `take` refuses it.
        let length = usize::try_from(from.u32("post-quantum ratchet")?).unwrap_or(usize::MAX);
        let post_quantum = PostQuantum::load(from.take("post-quantum ratchet", length)?)?;
        let receiving = heads.fill(&mut from)?;
        from.end()?;
        Ok(fixed.with(receiving, pending, post_quantum, Rows::default()))
    }

    /// Reads what [`store_head`](Self::store_head) wrote, and what was pending.
    pub(super) fn from_parts(
        from: &mut Stored<'_>,
        pending: Option<&[u8]>,
        ratchet: impl FnOnce(&[u8]) -> Result<PostQuantum, StoredError>,
    ) -> Result<Self, StoredError> {
        let fixed = Fixed::read(from)?;
        let receiving = chains_in_parts(from)?;
        let post_quantum = ratchet(from.rest())?;
        let rows = Rows { pending: pending.is_some() };
        let pending = match pending {
            None => None,
            Some(bytes) => {
                let mut from = Stored::new(bytes);
                let pending = Pending::read(&mut from)?;
                from.end()?;
                Some(pending)
            }
        };
        Ok(fixed.with(receiving, pending, post_quantum, rows))
    }

    pub(super) fn stored_len(&self) -> usize {
        let chains: usize = self.receiving.iter().map(|chain| CHAIN + chain.skipped.as_bytes().len()).sum();
        FIXED + self.post_quantum.stored_len() + chains + if self.pending.is_some() { PENDING } else { 0 }
    }

    /// Appends the stored form to a buffer that has room for it.
    pub(super) fn store(&self, out: &mut Vec<u8>) {
        self.store_fixed(out);
        out.push(self.receiving.len().to_le_bytes()[0]);
        for chain in self.receiving.iter() {
            chain.store(out);
            let [low, high, ..] = chain.skipped.len().to_le_bytes();
            out.extend_from_slice(&[high, low]);
        }
        match &self.pending {
            None => out.push(0),
            Some(pending) => {
                out.push(1);
                pending.store(out);
            }
        }
        put_u32(out, u32::try_from(self.post_quantum.stored_len()).unwrap_or(u32::MAX));
        self.post_quantum.store(out);
        for chain in self.receiving.iter() {
            out.extend_from_slice(chain.skipped.as_bytes());
        }
    }

    /// Appends what every message changes, when the rest is in parts of its own.
    pub(super) fn store_head(&self, out: &mut impl Out) {
        self.store_fixed(out);
        out.put(&[self.receiving.len().to_le_bytes()[0], self.receiving.first]);
        for chain in self.receiving.iter() {
            chain.store(out);
            let bounds = chain.skipped.bounds();
            put_u32(out, bounds.start);
            put_u32(out, bounds.end);
        }
        self.post_quantum.ratchet().store_head(out);
    }

    fn store_fixed(&self, out: &mut impl Out) {
        out.put(self.base_key.as_raw());
        out.put(self.local_identity.public().as_raw());
        out.put(self.remote_identity.public().as_raw());
        put_u32(out, self.local_registration.value());
        put_u32(out, self.remote_registration.value());
        out.put(self.root.0.expose());
        put_u32(out, self.previous_counter);
        out.put(self.sending.pair.private.expose());
        out.put(self.sending.pair.public.as_raw());
        out.put(self.sending.key.0.expose());
        put_u32(out, self.sending.index);
    }

    /// The base key of a stored session, without reading the rest.
    pub(super) fn stored_base_key(bytes: &[u8]) -> Option<PublicKey> {
        bytes.first_chunk().copied().map(PublicKey::from_raw)
    }
}

impl ReceivingChain {
    fn store(&self, out: &mut impl Out) {
        out.put(self.ratchet_key.as_raw());
        out.put(self.key.0.expose());
        put_u32(out, self.index);
    }

    fn read(from: &mut Stored<'_>) -> Result<Self, StoredError> {
        Ok(Self {
            ratchet_key: from.public("receiving chain")?,
            key: ChainKey(from.secret("receiving chain")?),
            index: from.u32("receiving chain")?,
            skipped: Skipped::default(),
        })
    }
}

/// What stands first in every form.
struct Fixed {
    base_key: PublicKey,
    local_identity: IdentityKey,
    remote_identity: IdentityKey,
    local_registration: RegistrationId,
    remote_registration: RegistrationId,
    root: RootKey,
    previous_counter: u32,
    sending: SendingChain,
}

impl Fixed {
    fn read(from: &mut Stored<'_>) -> Result<Self, StoredError> {
        Ok(Self {
            base_key: from.public("base key")?,
            local_identity: IdentityKey::from(from.public("local identity")?),
            remote_identity: IdentityKey::from(from.public("remote identity")?),
            local_registration: RegistrationId::new(from.u32("local registration")?),
            remote_registration: RegistrationId::new(from.u32("remote registration")?),
            root: RootKey(from.secret("root key")?),
            previous_counter: from.u32("previous counter")?,
            sending: SendingChain {
                pair: KeyPair { private: from.private("ratchet key")?, public: from.public("ratchet key")? },
                key: ChainKey(from.secret("sending chain")?),
                index: from.u32("sending chain")?,
            },
        })
    }

    fn with(
        self,
        receiving: ReceivingChains,
        pending: Option<Pending>,
        post_quantum: PostQuantum,
        rows: Rows,
    ) -> Session {
        let Self {
            base_key,
            local_identity,
            remote_identity,
            local_registration,
            remote_registration,
            root,
            previous_counter,
            sending,
        } = self;
        Session {
            base_key,
            local_identity,
            remote_identity,
            local_registration,
            remote_registration,
            root,
            previous_counter,
            sending,
            receiving,
            pending,
            post_quantum,
            rows,
            given_up: Vec::new(),
        }
    }
}

/// Receiving chains as they stand in the first part, their skipped message keys still to come, so many for
/// each.
struct Chains {
    receiving: ReceivingChains,
    skipped: [u16; MAX_RECEIVING_CHAINS],
}

impl Chains {
    fn read(from: &mut Stored<'_>) -> Result<Self, StoredError> {
        let mut chains = Self { receiving: ReceivingChains::default(), skipped: [0; MAX_RECEIVING_CHAINS] };
        let count = usize::from(from.u8("receiving chains")?);
        let present =
            chains.skipped.get_mut(..count).ok_or(StoredError::Value { field: "receiving chains" })?;
        for counted in present {
            let _never_too_many = chains.receiving.push(ReceivingChain::read(from)?);
            *counted = u16::from_be_bytes(from.array("skipped message keys")?);
        }
        Ok(chains)
    }

    fn fill(self, from: &mut Stored<'_>) -> Result<ReceivingChains, StoredError> {
        let Self { mut receiving, skipped } = self;
        for (chain, count) in receiving.iter_mut().zip(skipped) {
            if count != 0 {
                let bytes = from.take("skipped message keys", usize::from(count) * Skipped::ENTRY)?;
                chain.skipped = Skipped::from_bytes(bytes, &window(chain.index))
                    .ok_or(StoredError::Value { field: "skipped message keys" })?;
            }
        }
        Ok(receiving)
    }
}

/// Receiving chains as they stand in a head, their skipped message keys in parts of their own.
fn chains_in_parts(from: &mut Stored<'_>) -> Result<ReceivingChains, StoredError> {
    let count = usize::from(from.u8("receiving chains")?);
    if count > MAX_RECEIVING_CHAINS {
        return Err(StoredError::Value { field: "receiving chains" });
    }
    let mut receiving = ReceivingChains::default();
    receiving.first = from.u8("receiving chains")?;
    for _ in 0..count {
        let chain = ReceivingChain::read(from)?;
        let bounds = from.u32("skipped message keys")?..from.u32("skipped message keys")?;
        let window = window(chain.index);
        // Bounds that are none would have keys looked up that were never stored, at the word of damaged
        // bytes.
        let possible = bounds.start < bounds.end && window.start <= bounds.start && bounds.end <= window.end;
        if !possible && bounds != (0..0) {
            return Err(StoredError::Value { field: "skipped message keys" });
        }
        let _never_too_many = receiving.push(ReceivingChain { skipped: Skipped::in_store(bounds), ..chain });
    }
    Ok(receiving)
}

/// Where a chain keeps message keys whose next message has this index.
fn window(index: u32) -> Range<u32> {
    // The message before the next has been opened, so that its own key is never among the skipped ones.
    index.saturating_sub(1).saturating_sub(MAX_SKIPPED_KEYS)..index.saturating_sub(1)
}

impl Pending {
    fn store(&self, out: &mut impl Out) {
        let Self { since, one_time, signed, kyber, ciphertext } = self;
        out.put(&since.value().to_be_bytes());
        put_u32(out, signed.value());
        put_u32(out, kyber.value());
        out.put(&[u8::from(one_time.is_some())]);
        put_u32(out, one_time.map_or(0, OneTimePreKeyId::value));
        out.put(ciphertext.as_bytes());
    }

    pub(super) fn to_bytes(&self) -> Wiped {
        let mut out = Wiped::with_capacity(PENDING);
        self.store(&mut *out);
        out
    }

    fn read(from: &mut Stored<'_>) -> Result<Self, StoredError> {
        let since = UnixSeconds::new(u64::from_be_bytes(from.array("pending prekeys")?));
        let signed = SignedPreKeyId::new(from.u32("pending prekeys")?);
        let kyber = KyberPreKeyId::new(from.u32("pending prekeys")?);
        let one_time = match (from.flag("pending prekeys")?, from.u32("pending prekeys")?) {
            (true, id) => Some(OneTimePreKeyId::new(id)),
            (false, 0) => None,
            // What reads back has to write the same: a record has one form.
            (false, _) => return Err(StoredError::Value { field: "pending prekeys" }),
        };
        let ciphertext = KyberCiphertext::view(from.take("Kyber ciphertext", KyberCiphertext::BYTES)?)
            .map_err(|_| StoredError::Value { field: "Kyber ciphertext" })?;
        Ok(Self { since, one_time, signed, kyber, ciphertext: KyberCiphertext::from_view(ciphertext) })
    }
}

/// Stored bytes being read; every refusal names the field.
pub(super) struct Stored<'a> {
    rest: &'a [u8],
}

impl<'a> Stored<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn take(&mut self, field: &'static str, length: usize) -> Result<&'a [u8], StoredError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(StoredError::Truncated { field })?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], StoredError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(StoredError::Truncated { field })?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, StoredError> {
        self.array(field).map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, StoredError> {
        self.array(field).map(u32::from_be_bytes)
    }

    pub(super) fn end(&self) -> Result<(), StoredError> {
        match self.rest.len() {
            0 => Ok(()),
            surplus => Err(StoredError::Trailing { surplus }),
        }
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn flag(&mut self, field: &'static str) -> Result<bool, StoredError> {
        match self.u8(field)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(StoredError::Value { field }),
        }
    }

    fn public(&mut self, field: &'static str) -> Result<PublicKey, StoredError> {
        self.array(field).map(PublicKey::from_raw)
    }

    fn secret(&mut self, field: &'static str) -> Result<Secret<32>, StoredError> {
        self.array(field).map(Secret::new)
    }

    fn private(&mut self, field: &'static str) -> Result<PrivateKey, StoredError> {
        // What is written is clamped; clamping in silence would hide that the bytes were altered.
        PrivateKey::from_clamped(self.secret(field)?).ok_or(StoredError::Value { field })
    }
}

pub(super) fn put_u32(out: &mut impl Out, value: u32) {
    out.put(&value.to_be_bytes());
}
