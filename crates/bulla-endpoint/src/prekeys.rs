use bulla_base::{Day, Partition, Rng, Timestamp};
use bulla_envelope::{KeyUpload, OneTimeKey, SignedKey};
use bulla_session::{
    IdentityKeyPair, KyberPreKey, KyberPreKeyId, LoadedPreKeys, OneTimePreKey, OneTimePreKeyId, PreKeyIds,
    SignedPreKey, SignedPreKeyId, UnixMillis,
};
use bulla_store::{BEFORE_ALL, Batch, Commit, Key, Retention, Scan, Space, Store, StoreError};
use bytes::Bytes;
use prost::Message;

use crate::endpoint::{EndpointState, ReplacedKeys};
use crate::limits::{ATTEMPTS, ONE_TIME_KEYS, REFILL_BELOW, REPLACED_KEYS_KEPT};
use crate::store_layout::{KYBER, ONE_TIME, SIGNED, STATE, one_time, only};
use crate::{Endpoint, EndpointError, OpenError};

/// A one-time prekey that has started a session and must go, once the session is durable.
///
/// Prekey and session stand in different partitions, so they cannot go in one batch. If it is not spent
/// because the program dies, the key stays behind unused until
/// it is [replaced](crate::REPLACED_KEYS_KEPT): the carrier has given it away and will not again.
#[derive(Debug)]
#[must_use = "a one-time prekey is to be deleted when its session is durable"]
pub struct SpentKey {
    pub(crate) id: u32,
}

/// The signed and the Kyber prekey of a new identity.
pub(crate) fn create_lasting(batch: &mut Batch, identity: &IdentityKeyPair, now: Timestamp, rng: &dyn Rng) {
    let (created, mut draw) = (UnixMillis::new(now.as_millis()), rng.draw());
    let signed = SignedPreKey::generate(SignedPreKeyId::new(1), identity, created, &mut draw);
    let kyber = KyberPreKey::generate(KyberPreKeyId::new(1), identity, created, &mut draw);
    batch.put(only(SIGNED), Bytes::copy_from_slice(&signed.to_record()));
    batch.put(only(KYBER), Bytes::copy_from_slice(&kyber.to_record()));
}

impl Endpoint {
    /// Whether the carrier lacks nothing of ours when it has `left` one-time keys and `highest` was the last
    /// of them: more than [`REFILL_BELOW`], and the last that was made; and the signed and the Kyber prekey
    /// need no renewal. Then there is nothing to make or to leave there.
    ///
    /// A carrier or a store that was put back has another last one than the other side, unless nothing was
    /// left in between.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Cost
    /// One look-up.
    pub async fn is_stocked<S: Store>(
        &self,
        store: &S,
        left: usize,
        highest: u32,
        now: Timestamp,
    ) -> Result<bool, EndpointError> {
        let state = self.state(store, now).await?.0;
        let has_one_time = left > REFILL_BELOW && state.next_one_time == highest;
        Ok(has_one_time && state.are_published() && !state.is_renewal_due(now))
    }

    /// Whether it is time to leave other lasting prekeys [with the carrier](Self::keys_to_publish): ours are
    /// older than [`RENEWED_AFTER`](crate::RENEWED_AFTER), or the carrier has not taken those that replaced
    /// them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn renewal_is_due<S: Store>(&self, store: &S, now: Timestamp) -> Result<bool, EndpointError> {
        let state = self.state(store, now).await?.0;
        Ok(state.is_renewal_due(now) || !state.are_published())
    }

    /// Notes that the carrier has taken `keys`. Until then a renewal is not done: the carrier gives away the
    /// keys of before, which are not kept for ever.
    ///
    /// # Errors
    /// When the store fails, or another instance makes keys at the same time; then the keys are left once
    /// more.
    pub async fn set_published<S: Store>(
        &self,
        store: &S,
        keys: &KeyUpload,
        now: Timestamp,
    ) -> Result<(), EndpointError> {
        let signed = keys.signed.as_ref().map_or(0, |key| key.id);
        // Two may leave keys at the same time: who was told that there are few, and who sees that it is time.
        for _ in 0..ATTEMPTS {
            let (mut state, version) = self.state(store, now).await?;
            if state.published_signed.max(1) == signed {
                return Ok(());
            }
            state.published_signed = signed;
            let mut batch = Batch::new(self.home);
            batch.expect_version(only(STATE), version);
            batch.put(only(STATE), state.encode_to_vec());
            if let Commit::Committed(_) = store.commit(batch).await? {
                return Ok(());
            }
        }
        Err(EndpointError::Shared { what: "prekeys" })
    }

    /// The keys to leave with the carrier when it has `left` one-time keys of ours: enough new ones to have
    /// [`ONE_TIME_KEYS`] again, all if there is another signed prekey than it has, with ids above `highest`,
    /// the highest it ever had of ours. They are durable here before they are returned. Those of a user's
    /// first device come with the list of the user's devices.
    ///
    /// # Errors
    /// When the store fails, or another instance makes keys at the same time.
    pub async fn keys_to_publish<S: Store>(
        &self,
        store: &S,
        left: usize,
        highest: u32,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<KeyUpload, EndpointError> {
        let mut attempts = 1..ATTEMPTS;
        let (signed, kyber) = loop {
            match self.renew_if_due(store, now, rng).await {
                Err(EndpointError::Shared { .. }) if attempts.next().is_some() => {}
                outcome => break outcome?,
            }
        };
        // With another signed prekey the carrier drops the one-time keys it has. If it has later ones, it has
        // done so already.
        let state = self.state(store, now).await?.0;
        let left = match state.replaced.last() {
            Some(replaced) if highest <= replaced.last => 0,
            _ => left,
        };
        attempts = 1..ATTEMPTS;
        let fresh = loop {
            match self.make_one_time(store, ONE_TIME_KEYS.saturating_sub(left), highest, now, rng).await {
                Err(EndpointError::Shared { .. }) if attempts.next().is_some() => {}
                outcome => break outcome?,
            }
        };
        let signed_key = SignedKey::new(
            signed.id().value(),
            signed.public().to_bytes().to_vec(),
            signed.signature().as_bytes().to_vec(),
        );
        let kyber_key = SignedKey::new(
            kyber.id().value(),
            kyber.public().as_bytes().to_vec(),
            kyber.signature().as_bytes().to_vec(),
        );
        let identity = self.local.identity().public().to_bytes().to_vec();
        let upload =
            KeyUpload::new(self.local.registration().value(), identity, signed_key, kyber_key, fresh);
        let list = self.list_to_publish(store, now, rng).await?;
        Ok(list.into_iter().fold(upload, KeyUpload::listing))
    }

    /// The signed and the Kyber prekey, which are made anew when it is time to. Those of before are kept for
    /// as long as anything sealed to them may be under way.
    async fn renew_if_due<S: Store>(
        &self,
        store: &S,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<(SignedPreKey, KyberPreKey), EndpointError> {
        let (signed, kyber) = (self.signed(store, now).await?, self.kyber(store, now).await?);
        // Told from the state, so that to ask whether it is time does not read the keys.
        let (mut state, version) = self.state(store, now).await?;
        if !state.is_renewal_due(now) {
            return Ok((signed, kyber));
        }
        self.end_replaced(store, &mut state, now).await?;
        state.replaced.push(ReplacedKeys { last: state.next_one_time, since: now.as_millis() });
        let identity = self.local.identity();
        let (created, mut draw) = (UnixMillis::new(now.as_millis()), rng.draw());
        let ids = (signed.id().value().wrapping_add(1), kyber.id().value().wrapping_add(1));
        let new = (
            SignedPreKey::generate(SignedPreKeyId::new(ids.0), identity, created, &mut draw),
            KyberPreKey::generate(KyberPreKeyId::new(ids.1), identity, created, &mut draw),
        );
        let (mut batch, expiry) = (Batch::new(self.home), Retention::LONGEST.from(now));
        // With a day, so that they are gone by themselves.
        let before = |space, id: u32| Key::dated(space, now.day(), id.to_be_bytes().to_vec());
        batch.put_until(
            before(SIGNED, signed.id().value()),
            Bytes::copy_from_slice(&signed.to_record()),
            expiry,
        );
        batch.put_until(
            before(KYBER, kyber.id().value()),
            Bytes::copy_from_slice(&kyber.to_record()),
            expiry,
        );
        batch.put(only(SIGNED), Bytes::copy_from_slice(&new.0.to_record()));
        batch.put(only(KYBER), Bytes::copy_from_slice(&new.1.to_record()));
        // Whoever makes keys changes the state: two renewals at once would give out two keys of one id.
        (state.signed, state.lasting_since) = (ids.0, now.as_millis());
        batch.expect_version(only(STATE), version);
        batch.put(only(STATE), state.encode_to_vec());
        match store.commit(batch).await? {
            Commit::Committed(_) => Ok(new),
            _ => Err(EndpointError::Shared { what: "prekeys" }),
        }
    }

    /// Deletes the one-time prekeys that were replaced so long ago that nothing sealed to them is opened any
    /// more, and forgets in `state` that there were any.
    async fn end_replaced<S: Store>(
        &self,
        store: &S,
        state: &mut EndpointState,
        now: Timestamp,
    ) -> Result<(), EndpointError> {
        let is_over =
            |keys: &ReplacedKeys| now.since(Timestamp::from_millis(keys.since)) >= REPLACED_KEYS_KEPT;
        let Some(last) = state.replaced.iter().filter(|keys| is_over(keys)).map(|keys| keys.last).max()
        else {
            return Ok(());
        };
        state.replaced.retain(|keys| !is_over(keys));
        let (end, mut scan) = (one_time(last), Scan::undated(ONE_TIME));
        loop {
            let page = store.keys(self.home, &scan, BEFORE_ALL).await?;
            let mut batch = Batch::new(self.home);
            page.iter().filter(|key| **key <= end).for_each(|key| batch.delete(key.clone()));
            if batch.writes() {
                // It expects nothing: no id is given to another key, so nobody can come in between.
                let _ = store.commit(batch).await?;
            }
            match page.last() {
                Some(key) if *key <= end => scan = Scan::undated(ONE_TIME).after(key.clone()),
                _ => return Ok(()),
            }
        }
    }

    async fn make_one_time<S: Store>(
        &self,
        store: &S,
        count: usize,
        highest: u32,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<Vec<OneTimeKey>, EndpointError> {
        let (mut state, version) = self.state(store, now).await?;
        // A store that was put back has forgotten ids that are taken.
        state.next_one_time = state.next_one_time.max(highest);
        let mut batch = Batch::new(self.home);
        let mut keys = Vec::with_capacity(count);
        for _ in 0..count {
            state.next_one_time = state.next_one_time.wrapping_add(1);
            let key = OneTimePreKey::generate(OneTimePreKeyId::new(state.next_one_time), &mut rng.draw());
            batch.put(one_time(state.next_one_time), Bytes::copy_from_slice(&key.to_record()));
            keys.push(OneTimeKey::new(state.next_one_time, key.public().to_bytes().to_vec()));
        }
        batch.expect_version(only(STATE), version);
        batch.put(only(STATE), state.encode_to_vec());
        match store.commit(batch).await? {
            Commit::Committed(_) => Ok(keys),
            _ => Err(EndpointError::Shared { what: "prekeys" }),
        }
    }

    /// Deletes a one-time prekey whose session is durable.
    ///
    /// # Errors
    /// When the store fails. The key then stays behind, unused.
    pub async fn spend<S: Store>(&self, store: &S, key: SpentKey) -> Result<(), EndpointError> {
        let mut batch = Batch::new(self.home);
        batch.delete(one_time(key.id));
        let _ = store.commit(batch).await?;
        Ok(())
    }

    /// The prekeys a message names, as far as we have them.
    pub(crate) async fn load_prekeys<S: Store>(
        &self,
        store: &S,
        ids: &PreKeyIds,
        now: Timestamp,
    ) -> Result<LoadedPreKeys, OpenError> {
        let mut prekeys = LoadedPreKeys::default();
        let (mut signed, mut kyber) = (
            self.signed(store, now).await.map_err(as_open_error)?,
            self.kyber(store, now).await.map_err(as_open_error)?,
        );
        if signed.id() != ids.signed
            && let Some(record) = self.before(store, SIGNED, ids.signed.value(), now).await?
        {
            let damaged = |_| OpenError::Damaged { what: "signed prekey" };
            signed = SignedPreKey::from_record(&record).map_err(damaged)?;
        }
        if kyber.id() != ids.kyber
            && let Some(record) = self.before(store, KYBER, ids.kyber.value(), now).await?
        {
            kyber =
                KyberPreKey::from_record(&record).map_err(|_| OpenError::Damaged { what: "Kyber prekey" })?;
        }
        (prekeys.signed, prekeys.kyber) = (Some(signed), Some(kyber));
        if let Some(id) = ids.one_time
            && let Some(record) = store.get(self.home, &one_time(id.value()), now).await?
        {
            let damaged = |_| OpenError::Damaged { what: "one-time prekey" };
            prekeys.one_time = Some(OneTimePreKey::from_record(&record.value).map_err(damaged)?);
        }
        Ok(prekeys)
    }

    /// A lasting prekey of before the last renewal, as it is stored.
    async fn before<S: Store>(
        &self,
        store: &S,
        space: Space,
        id: u32,
        now: Timestamp,
    ) -> Result<Option<Bytes>, StoreError> {
        let oldest = now.before(Retention::LONGEST.span()).day();
        // A clock that has jumped back does not hide what was made before it did.
        let days = oldest..=Day::from_number(now.day().number().saturating_add(31));
        let scan = Scan::dated(space, days).prefix(id.to_be_bytes().to_vec()).limit(1);
        Ok(store.scan(self.home, &scan, now).await?.pop().map(|(_, record)| record.value))
    }

    async fn signed<S: Store>(&self, store: &S, now: Timestamp) -> Result<SignedPreKey, EndpointError> {
        let record = load(store, self.home, only(SIGNED), now, "signed prekey").await?;
        SignedPreKey::from_record(&record).map_err(|_| EndpointError::Damaged { what: "signed prekey" })
    }

    async fn kyber<S: Store>(&self, store: &S, now: Timestamp) -> Result<KyberPreKey, EndpointError> {
        let record = load(store, self.home, only(KYBER), now, "Kyber prekey").await?;
        KyberPreKey::from_record(&record).map_err(|_| EndpointError::Damaged { what: "Kyber prekey" })
    }
}

async fn load<S: Store>(
    store: &S,
    home: Partition,
    key: Key,
    now: Timestamp,
    what: &'static str,
) -> Result<Bytes, EndpointError> {
    let record = store.get(home, &key, now).await?;
    record.map(|record| record.value).ok_or(EndpointError::Damaged { what })
}

fn as_open_error(error: EndpointError) -> OpenError {
    match error {
        EndpointError::Store(source) => OpenError::Store(source),
        EndpointError::Damaged { what } | EndpointError::Shared { what } => OpenError::Damaged { what },
    }
}
