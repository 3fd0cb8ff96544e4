//! The stored form of one session; the picture is at [`Sessions::to_bytes`](super::Sessions::to_bytes).

use super::chain::{ChainKey, ReceivingChain, RootKey, SendingChain};
use super::post_quantum::PostQuantum;
use super::skipped::SkippedSeeds;
use super::state::{Pending, ReceivingChains, Session};
use crate::error::StoredError;
use crate::id::{KyberPreKeyId, OneTimePreKeyId, RegistrationId, SignedPreKeyId};
use crate::identity::IdentityKey;
use crate::key::{KeyPair, PrivateKey, PublicKey};
use crate::kyber::KyberCiphertext;
use crate::limits::RECEIVING_CHAINS;
use crate::secret::Secret;
use crate::time::UnixSeconds;

/// What a session takes without receiving chains, skipped seeds and pending data.
const FIXED: usize = 3 * 32 + 2 * 4 + 32 + 4 + 3 * 32 + 4 + 1 + 1 + 4;
const CHAIN: usize = 32 + 32 + 4 + 2;
const PENDING: usize = 8 + 4 + 4 + 1 + 4 + KyberCiphertext::BYTES;

impl Session {
    pub(super) fn stored_len(&self) -> usize {
        let chains: usize = self.receiving.iter().map(|chain| CHAIN + chain.skipped.as_bytes().len()).sum();
        FIXED + self.post_quantum.stored_len() + chains + if self.pending.is_some() { PENDING } else { 0 }
    }

    /// Appends the stored form to a buffer that has room for it.
    pub(super) fn store(&self, out: &mut Vec<u8>) {
        let Self {
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
        } = self;
        out.extend_from_slice(base_key.as_raw());
        out.extend_from_slice(local_identity.public().as_raw());
        out.extend_from_slice(remote_identity.public().as_raw());
        put_u32(out, local_registration.value());
        put_u32(out, remote_registration.value());
        out.extend_from_slice(root.0.expose());
        put_u32(out, *previous_counter);
        out.extend_from_slice(sending.pair.private.expose());
        out.extend_from_slice(sending.pair.public.as_raw());
        out.extend_from_slice(sending.key.0.expose());
        put_u32(out, sending.index);
        out.push(receiving.len().to_le_bytes()[0]);
        for chain in receiving.iter() {
            out.extend_from_slice(chain.their.as_raw());
            out.extend_from_slice(chain.key.0.expose());
            put_u32(out, chain.index);
            let [low, high, ..] = chain.skipped.len().to_le_bytes();
            out.extend_from_slice(&[high, low]);
        }
        match pending {
            None => out.push(0),
            Some(Pending { since, one_time, signed, kyber, ciphertext }) => {
                out.push(1);
                out.extend_from_slice(&since.value().to_be_bytes());
                put_u32(out, signed.value());
                put_u32(out, kyber.value());
                out.push(u8::from(one_time.is_some()));
                put_u32(out, one_time.map_or(0, OneTimePreKeyId::value));
                out.extend_from_slice(ciphertext.as_bytes());
            }
        }
        put_u32(out, u32::try_from(post_quantum.stored_len()).unwrap_or(u32::MAX));
        post_quantum.store(out);
        for chain in receiving.iter() {
            out.extend_from_slice(chain.skipped.as_bytes());
        }
    }

    pub(super) fn load(bytes: &[u8]) -> Result<Self, StoredError> {
        let mut from = Stored::new(bytes);
        let base_key = from.public("base key")?;
        let local_identity = IdentityKey::from(from.public("local identity")?);
        let remote_identity = IdentityKey::from(from.public("remote identity")?);
        let local_registration = RegistrationId::new(from.u32("local registration")?);
        let remote_registration = RegistrationId::new(from.u32("remote registration")?);
        let root = RootKey(from.secret("root key")?);
        let previous_counter = from.u32("previous counter")?;
        let sending = SendingChain {
            pair: KeyPair { private: from.private("ratchet key")?, public: from.public("ratchet key")? },
            key: ChainKey(from.secret("sending chain")?),
            index: from.u32("sending chain")?,
        };
        let mut heads = Chains::read(&mut from)?;
        let pending = Pending::read(&mut from)?;
        let length = usize::try_from(from.u32("post-quantum ratchet")?).unwrap_or(usize::MAX);
        let post_quantum = PostQuantum::load(from.take("post-quantum ratchet", length)?)?;
        let receiving = heads.fill(&mut from)?;
        from.end()?;
        Ok(Self {
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
        })
    }

    /// The base key of a stored session, without reading the rest.
    pub(super) fn stored_base_key(bytes: &[u8]) -> Option<PublicKey> {
        bytes.first_chunk().copied().map(PublicKey::from_raw)
    }
}

/// Receiving chains as they stand in the first part, their skipped seeds still to come.
struct Chains([Option<(ReceivingChain, usize)>; RECEIVING_CHAINS]);

impl Chains {
    fn read(from: &mut Stored<'_>) -> Result<Self, StoredError> {
        let mut chains = [const { None }; RECEIVING_CHAINS];
        let count = usize::from(from.u8("receiving chains")?);
        let present = chains.get_mut(..count).ok_or(StoredError::Value { field: "receiving chains" })?;
        for slot in present {
            let chain = ReceivingChain {
                their: from.public("receiving chain")?,
                key: ChainKey(from.secret("receiving chain")?),
                index: from.u32("receiving chain")?,
                skipped: SkippedSeeds::default(),
            };
            *slot = Some((chain, usize::from(u16::from_be_bytes(from.array("skipped seeds")?))));
        }
        Ok(Self(chains))
    }

    fn fill(&mut self, from: &mut Stored<'_>) -> Result<ReceivingChains, StoredError> {
        let mut receiving = ReceivingChains::default();
        for (mut chain, count) in self.0.iter_mut().filter_map(Option::take) {
            let bytes = from.take("skipped seeds", count * SkippedSeeds::ENTRY)?;
            if count != 0 {
                chain.skipped = SkippedSeeds::from_bytes(bytes, chain.index)
                    .ok_or(StoredError::Value { field: "skipped seeds" })?;
            }
            receiving.push(chain);
        }
        Ok(receiving)
    }
}

impl Pending {
    fn read(from: &mut Stored<'_>) -> Result<Option<Self>, StoredError> {
        if !from.flag("pending prekeys")? {
            return Ok(None);
        }
        let since = UnixSeconds::new(u64::from_be_bytes(from.array("pending prekeys")?));
        let signed = SignedPreKeyId::new(from.u32("pending prekeys")?);
        let kyber = KyberPreKeyId::new(from.u32("pending prekeys")?);
        let one_time = match (from.flag("pending prekeys")?, from.u32("pending prekeys")?) {
            (true, id) => Some(OneTimePreKeyId::new(id)),
            (false, 0) => None,
            (false, _) => return Err(StoredError::Value { field: "pending prekeys" }),
        };
        let ciphertext = KyberCiphertext::view(from.take("Kyber ciphertext", KyberCiphertext::BYTES)?)
            .map_err(|_| StoredError::Value { field: "Kyber ciphertext" })?;
        Ok(Some(Self { since, one_time, signed, kyber, ciphertext: KyberCiphertext::from_view(ciphertext) }))
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
        let bytes = self.secret(field)?;
        let key = PrivateKey::parse(field, bytes.expose()).map_err(|_| StoredError::Value { field })?;
        // What is written is clamped; clamping in silence would hide that the bytes were altered.
        if key.expose() == bytes.expose() { Ok(key) } else { Err(StoredError::Value { field }) }
    }
}

pub(super) fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}
