use std::fmt;
use std::sync::{Arc, OnceLock};

use bulla_base::{Address, Partition, Rng, Timestamp};
use bulla_envelope::InstallationId;
use bulla_session::{IdentityKeyPair, LocalIdentity, RegistrationId};
use bulla_store::{Batch, Commit, SYSTEM_PARTITION, Store, Version};
use bytes::Bytes;
use prost::Message;
use zeroize::Zeroizing;

use crate::carrier_generation::CarrierGeneration;
use crate::limits::{ATTEMPTS, RENEWED_AFTER};
use crate::store_layout::{IDENTITY, STATE, only};
use crate::{EndpointError, Identity, IdentityPolicy, KeyLog, SessionCache, prekeys, restored_store};

/// One party to the Signal protocol: an address and the identity that speaks for it.
pub struct Endpoint {
    pub(crate) address: Address,
    pub(crate) home: Partition,
    /// Shared with what [signs](Self::signer) for it.
    pub(crate) local: Arc<LocalIdentity>,
    incarnation: u64,
    /// Whether it was registered when it was opened. Then it is for good.
    was_registered: bool,
    /// The generation of the store: sessions that began in an earlier one open, and are not sealed in.
    pub(crate) generation: u32,
    pub(crate) identity_policy: IdentityPolicy,
    pub(crate) held: Option<SessionCache>,
    pub(crate) key_log: OnceLock<KeyLog>,
    pub(crate) carrier: CarrierGeneration,
}

impl Endpoint {
    /// The endpoint at `address`, whose own records stand in the partition `home` of `store`. A new one draws
    /// its identity and prekeys.
    ///
    /// Takes the next incarnation, durably, before it returns. On a store that was put back from a backup,
    /// [`begin_generation`](crate::begin_generation) comes first.
    ///
    /// # Errors
    /// When the store fails, holds a damaged identity, or another instance is being opened on it at the same
    /// time.
    ///
    /// # Cost
    /// Two commits; a new endpoint also makes a Kyber-1024 key pair and two signatures.
    pub async fn open<S: Store>(
        store: &S,
        home: Partition,
        address: Address,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<Self, EndpointError> {
        let local = match load_identity(store, home, now).await? {
            Some(local) => local,
            None => create_identity(store, home, now, rng).await?,
        };
        let generation = restored_store::of(store, SYSTEM_PARTITION, Bytes::new(), now).await?;
        let EndpointState { incarnation, registered: was_registered, carrier_generation, .. } =
            begin_incarnation(store, home, generation, now).await?;
        let identity_policy = IdentityPolicy::default();
        Ok(Self {
            address,
            home,
            local: Arc::new(local),
            incarnation,
            was_registered,
            generation,
            identity_policy,
            held: None,
            key_log: OnceLock::new(),
            carrier: CarrierGeneration::new(carrier_generation),
        })
    }

    /// Whether the carrier has taken this installation for that of the number. Then it is to connect, and
    /// never to register again: a copy of an old store must not get in as a new phone does.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_registered<S: Store>(&self, store: &S, now: Timestamp) -> Result<bool, EndpointError> {
        Ok(self.was_registered || self.state(store, now).await?.0.registered)
    }

    /// Writes down that the carrier has taken this installation for that of the number.
    ///
    /// # Errors
    /// When the store fails, or another instance works on it at the same time.
    pub async fn set_registered<S: Store>(&self, store: &S, now: Timestamp) -> Result<(), EndpointError> {
        self.change_state(store, now, |state| !std::mem::replace(&mut state.registered, true)).await
    }

    /// Writes down what `change` does to the state, if it says that it has changed it.
    pub(crate) async fn change_state<S: Store>(
        &self,
        store: &S,
        now: Timestamp,
        change: impl Fn(&mut EndpointState) -> bool,
    ) -> Result<(), EndpointError> {
        for _ in 0..ATTEMPTS {
            let (mut state, version) = self.state(store, now).await?;
            if !change(&mut state) {
                return Ok(());
            }
            let mut batch = Batch::new(self.home);
            batch.expect_version(only(STATE), version);
            batch.put(only(STATE), state.encode_to_vec());
            if let Commit::Committed(_) = store.commit(batch).await? {
                return Ok(());
            }
        }
        Err(EndpointError::Shared { what: "state" })
    }

    pub(crate) async fn state<S: Store>(
        &self,
        store: &S,
        now: Timestamp,
    ) -> Result<(EndpointState, Version), EndpointError> {
        let damaged = EndpointError::Damaged { what: "state" };
        let Some(held) = store.get(self.home, &only(STATE), now).await? else { return Err(damaged) };
        let state = EndpointState::decode(&held.value[..]).map_err(|_| damaged)?;
        Ok((state, held.version))
    }

    /// The same endpoint with another policy for peers whose identity has changed; unless it is set, they are
    /// followed.
    #[must_use]
    pub const fn with_identity_policy(mut self, policy: IdentityPolicy) -> Self {
        self.identity_policy = policy;
        self
    }

    /// The same endpoint, whose sessions are held in memory between messages. All endpoints that share
    /// `held` have one store.
    #[must_use]
    pub fn with_session_cache(mut self, held: SessionCache) -> Self {
        self.held = Some(held);
        self
    }

    /// From now on it takes keys of businesses only with the proof that the log has them, and tells and
    /// compares heads inside what is sealed. False if it had a log before, which it keeps.
    pub fn check_with(&self, log: KeyLog) -> bool {
        self.key_log.set(log).is_ok()
    }

    /// What was seen of the carrier's log of keys, if it is looked at.
    #[must_use]
    pub fn key_log(&self) -> Option<&KeyLog> {
        self.key_log.get()
    }

    /// The installation that it is: that of its identity.
    #[must_use]
    pub fn installation(&self) -> InstallationId {
        InstallationId::of_identity(&self.identity().to_bytes())
    }

    /// The identity it speaks with.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity::new(*self.local.identity().public())
    }

    /// Who it speaks for.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// How many times it has been opened, this time included.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("address", &self.address)
            .field("incarnation", &self.incarnation)
            .finish_non_exhaustive()
    }
}

/// What an endpoint remembers of itself between two starts, besides its keys.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct EndpointState {
    #[prost(uint64, tag = "1")]
    pub(crate) incarnation: u64,
    #[prost(uint32, tag = "2")]
    pub(crate) next_one_time: u32,
    /// Whether the carrier has taken this identity for the number's.
    #[prost(bool, tag = "3")]
    pub(crate) registered: bool,
    /// The id of the signed prekey that the carrier has taken; 0 for the first.
    #[prost(uint32, tag = "4")]
    pub(crate) published_signed: u32,
    /// The id of the signed prekey; 0 for the first.
    #[prost(uint32, tag = "5")]
    pub(crate) signed: u32,
    /// Since when the signed and the Kyber prekey are those they are, in milliseconds.
    #[prost(uint64, tag = "6")]
    pub(crate) lasting_since: u64,
    /// The one-time prekeys that were left beside signed prekeys of before, oldest first.
    #[prost(message, repeated, tag = "7")]
    pub(crate) replaced: Vec<ReplacedKeys>,
    /// The generation of the carrier's store in which everything unconfirmed was handed over.
    #[prost(uint64, tag = "8")]
    pub(crate) carrier_generation: u64,
    /// The signed list of the user's devices, once the first of them has made one.
    #[prost(bytes = "vec", optional, tag = "9")]
    pub(crate) device_list: Option<Vec<u8>>,
    /// The version that the first list has at least.
    #[prost(uint64, tag = "10")]
    pub(crate) first_list: u64,
}

/// One-time prekeys that the carrier gives away no more.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct ReplacedKeys {
    /// The highest id of them.
    #[prost(uint32, tag = "1")]
    pub(crate) last: u32,
    /// Since when others are left, in milliseconds.
    #[prost(uint64, tag = "2")]
    pub(crate) since: u64,
}

impl EndpointState {
    /// Whether it is time to replace the signed and the Kyber prekey. A clock that was ahead when they were
    /// made puts that off.
    pub(crate) fn is_renewal_due(&self, now: Timestamp) -> bool {
        now.since(Timestamp::from_millis(self.lasting_since)) >= RENEWED_AFTER
    }

    /// Whether the carrier has them. That the first were never left shows in the one-time keys, which are
    /// left with them.
    pub(crate) fn are_published(&self) -> bool {
        self.published_signed.max(1) == self.signed.max(1)
    }
}

async fn load_identity<S: Store>(
    store: &S,
    home: Partition,
    now: Timestamp,
) -> Result<Option<LocalIdentity>, EndpointError> {
    let record = store.get(home, &only(IDENTITY), now).await?;
    record.map(|record| read_identity(&record.value)).transpose()
}

/// identity key pair (69 bytes) ‖ registration id (u32, big-endian)
pub(crate) fn read_identity(bytes: &[u8]) -> Result<LocalIdentity, EndpointError> {
    let damaged = EndpointError::Damaged { what: "identity" };
    let Some((pair, registration)) = bytes.split_last_chunk::<4>() else { return Err(damaged) };
    let Ok(pair) = IdentityKeyPair::from_bytes(pair) else { return Err(damaged) };
    Ok(LocalIdentity::new(pair, RegistrationId::new(u32::from_be_bytes(*registration))))
}

async fn create_identity<S: Store>(
    store: &S,
    home: Partition,
    now: Timestamp,
    rng: &dyn Rng,
) -> Result<LocalIdentity, EndpointError> {
    let pair = IdentityKeyPair::generate(&mut rng.draw());
    // Fourteen bits, as the official service has it, and never zero.
    let mut bits = [0; 2];
    rng.fill(&mut bits);
    let registration = u32::from(u16::from_be_bytes(bits) & 0x3fff).max(1);

    let mut value = Zeroizing::new(pair.to_bytes().to_vec());
    value.extend_from_slice(&registration.to_be_bytes());
    let mut batch = Batch::new(home);
    batch.expect_absent(only(IDENTITY));
    batch.put(only(IDENTITY), Bytes::copy_from_slice(&value));
    prekeys::create_lasting(&mut batch, &pair, now, rng);
    match store.commit(batch).await? {
        Commit::Committed(_) => Ok(LocalIdentity::new(pair, RegistrationId::new(registration))),
        _ => Err(EndpointError::Shared { what: "identity" }),
    }
}

async fn begin_incarnation<S: Store>(
    store: &S,
    home: Partition,
    generation: u32,
    now: Timestamp,
) -> Result<EndpointState, EndpointError> {
    let held = store.get(home, &only(STATE), now).await?;
    let mut state = match &held {
        Some(record) => {
            EndpointState::decode(&record.value[..]).map_err(|_| EndpointError::Damaged { what: "state" })?
        }
        None => EndpointState::default(),
    };
    // Above all that were spoken in earlier lives of the store, which it may not know of.
    let first_of_life = u64::from(generation) << 32;
    if first_of_life > state.incarnation {
        // Nor does it know whether the prekeys that it has are those with the carrier. None has this id, so
        // that they go there.
        state.published_signed = u32::MAX;
        state.begin_list_anew(first_of_life);
    }
    state.incarnation = (state.incarnation + 1).max(first_of_life);
    if state.lasting_since == 0 {
        state.lasting_since = now.as_millis();
    }
    let mut batch = Batch::new(home);
    batch.expect(only(STATE), held.map(|record| record.version));
    batch.put(only(STATE), state.encode_to_vec());
    match store.commit(batch).await? {
        Commit::Committed(_) => Ok(state),
        _ => Err(EndpointError::Shared { what: "state" }),
    }
}
