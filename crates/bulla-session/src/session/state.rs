//! One session: everything the Double Ratchet keeps.

use bulla_spqr::skipped_keys::Skipped;
use rand_core::CryptoRng;

use super::chain::{ChainKey, ReceivingChain, RootKey, SendingChain};
use super::post_quantum::PostQuantum;
use super::split_storage::StoredPart;
use crate::error::KeyError;
use crate::identity::IdentityKey;
use crate::key::{KeyPair, PublicKey};
use crate::kyber::KyberCiphertext;
use crate::limits::{MAX_RECEIVING_CHAINS, MAX_UNACKNOWLEDGED_SECONDS};
use crate::local_identity::LocalIdentity;
use crate::message::{PreKeyHeader, PreKeyIds};
use crate::numeric_ids::{KyberPreKeyId, OneTimePreKeyId, RegistrationId, SignedPreKeyId};
use crate::pqxdh::{Agreed, Initiated};
use crate::prekey::{PreKeyBundle, SignedPreKey};
use crate::time::UnixSeconds;

pub(super) struct Session {
    /// Names the session, the same at both ends.
    pub(super) base_key: PublicKey,
    pub(super) local_identity: IdentityKey,
    pub(super) remote_identity: IdentityKey,
    pub(super) local_registration: RegistrationId,
    pub(super) remote_registration: RegistrationId,
    pub(super) root: RootKey,
    pub(super) previous_counter: u32,
    pub(super) sending: SendingChain,
    pub(super) receiving: ReceivingChains,
    pub(super) pending: Option<Pending>,
    pub(super) post_quantum: PostQuantum,
    /// What stood in the caller's rows when it was loaded.
    pub(super) rows: Rows,
    /// Rows of message keys of chains that were given up.
    pub(super) given_up: Vec<StoredPart>,
}

/// What stood in rows besides what the parts of a session know themselves.
#[derive(Clone, Copy, Default)]
pub(super) struct Rows {
    pub(super) pending: bool,
}

/// What every message has to carry until the peer has answered once.
pub(super) struct Pending {
    pub(super) since: UnixSeconds,
    pub(super) one_time: Option<OneTimePreKeyId>,
    pub(super) signed: SignedPreKeyId,
    pub(super) kyber: KyberPreKeyId,
    pub(super) ciphertext: KyberCiphertext,
}

impl Session {
    /// The initiator's session, which takes its first ratchet step at once.
    pub(super) fn initiated(
        local: &LocalIdentity,
        bundle: &PreKeyBundle,
        initiated: Initiated,
        now: UnixSeconds,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, KeyError> {
        let Initiated { agreed, base_key, ciphertext } = initiated;
        let ratchet_key = bundle.signed.1;
        let pair = KeyPair::generate(rng);
        let (root, key) = RootKey(agreed.root).step(&pair.private.agree(&ratchet_key)?);
        let mut receiving = ReceivingChains::default();
        // The responder never sends on this chain: opening our first message moves it to a fresh one.
        let _none_before = receiving.push(ReceivingChain {
            ratchet_key,
            key: ChainKey(agreed.chain),
            index: 0,
            skipped: Skipped::default(),
        });
        Ok(Self {
            base_key,
            local_identity: *local.identity().public(),
            remote_identity: bundle.identity,
            local_registration: local.registration(),
            remote_registration: bundle.registration,
            root,
            previous_counter: 0,
            sending: SendingChain { pair, key, index: 0 },
            receiving,
            given_up: Vec::new(),
            rows: Rows::default(),
            pending: Some(Pending {
                since: now,
                one_time: bundle.one_time.as_ref().map(|(id, _)| *id),
                signed: bundle.signed.0,
                kyber: bundle.kyber.0,
                ciphertext,
            }),
            post_quantum: PostQuantum::initiated(&agreed.auth_key),
        })
    }

    /// The responder's session, whose first ratchet key is the signed prekey.
    pub(super) fn responded(
        local: &LocalIdentity,
        signed: &SignedPreKey,
        ids: &PreKeyIds,
        agreed: Agreed,
    ) -> Self {
        Self {
            base_key: ids.base_key,
            local_identity: *local.identity().public(),
            remote_identity: ids.identity,
            local_registration: local.registration(),
            remote_registration: ids.registration,
            root: RootKey(agreed.root),
            previous_counter: 0,
            // No ratchet pair of our own is drawn before the message has proved genuine: the initiator has
            // used the signed prekey in its place.
            sending: SendingChain { pair: signed.pair().duplicate(), key: ChainKey(agreed.chain), index: 0 },
            receiving: ReceivingChains::default(),
            given_up: Vec::new(),
            rows: Rows::default(),
            pending: None,
            post_quantum: PostQuantum::responded(&agreed.auth_key),
        }
    }

    /// Whether the peer has been silent for too long for the session to be sealed with.
    pub(super) fn is_stale(&self, now: UnixSeconds) -> bool {
        self.pending.as_ref().is_some_and(|pending| {
            // Added to the one and not taken from the other: a clock that was put back makes nothing stale.
            pending.since.value().saturating_add(MAX_UNACKNOWLEDGED_SECONDS) < now.value()
        })
    }

    /// What to wrap a message in while the peer has not answered.
    pub(super) fn prekey_header(&self) -> Option<PreKeyHeader<'_>> {
        self.pending.as_ref().map(|pending| PreKeyHeader {
            one_time: pending.one_time,
            base_key: self.base_key,
            identity: self.local_identity,
            registration: self.local_registration,
            signed: pending.signed,
            kyber: pending.kyber,
            kyber_ciphertext: pending.ciphertext.as_bytes(),
        })
    }
}

/// The newest [`MAX_RECEIVING_CHAINS`] chains, oldest first.
#[derive(Default)]
pub(super) struct ReceivingChains {
    chains: [Option<ReceivingChain>; MAX_RECEIVING_CHAINS],
    count: usize,
    /// What the oldest is called in rows; the others are called what follows.
    pub(super) first: u8,
}

impl ReceivingChains {
    pub(super) fn iter(&self) -> impl Iterator<Item = &ReceivingChain> {
        self.chains.iter().flatten()
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn find(&self, ratchet_key: &PublicKey) -> Option<&ReceivingChain> {
        // Nearly always it is the newest.
        self.chains.iter().rev().flatten().find(|chain| chain.ratchet_key == *ratchet_key)
    }

    pub(super) fn find_mut(&mut self, ratchet_key: &PublicKey) -> Option<&mut ReceivingChain> {
        self.chains.iter_mut().rev().flatten().find(|chain| chain.ratchet_key == *ratchet_key)
    }

    /// Every chain and what it is called.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (u8, &ReceivingChain)> {
        self.iter().zip(0..).map(|(chain, place)| (self.first.wrapping_add(place), chain))
    }

    /// What the chain is called in rows.
    pub(super) fn number(&self, ratchet_key: &PublicKey) -> u8 {
        let found = self.numbered().find(|(_, chain)| chain.ratchet_key == *ratchet_key);
        found.map_or(self.first, |(number, _)| number)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut ReceivingChain> {
        self.chains.iter_mut().flatten()
    }

    pub(super) fn numbered_mut(&mut self, number: u8) -> Option<&mut ReceivingChain> {
        self.chains.get_mut(usize::from(number.wrapping_sub(self.first)))?.as_mut()
    }

    /// Adds the newest chain; beyond the limit the oldest is given up.
    pub(super) fn push(&mut self, chain: ReceivingChain) -> Option<(u8, ReceivingChain)> {
        let mut oldest = None;
        if self.count == MAX_RECEIVING_CHAINS {
            oldest = self.chains[0].take().map(|chain| (self.first, chain));
            self.chains.rotate_left(1);
            // Names go round. Five are in use at most, so that one that comes again has long been free.
            self.first = self.first.wrapping_add(1);
            self.count -= 1;
        }
        if let Some(free) = self.chains.get_mut(self.count) {
            *free = Some(chain);
            self.count += 1;
        }
        oldest
    }
}
