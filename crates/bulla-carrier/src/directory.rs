use std::pin::Pin;

use bulla_base::{Address, DeviceId, DeviceSet, Party};
use bulla_envelope::{InvalidEnvelope, KeyBundle, KeyUpload, MAX_ONE_TIME_KEYS, OneTimeKey};
use bulla_store::{Batch, Commit, Key, Record, Scan, Store, Version, Watch};
use bulla_transport::{Caller, Connected, TransportError};
use bytes::Bytes;
use prost::Message;

use crate::Carrier;
use crate::carrier::{not_alone, store_failed};
use crate::device_lists::LeftList;
use crate::device_tokens::Standing;
use crate::limits::MAX_COUNTED_KEYS;
use crate::store_layout::{FENCE, HIGHEST, KEYS, ONE_TIME, device, fence, of_device};

/// What is kept of the keys that a party has left.
struct Held {
    version: KeysVersion,
    /// The lasting keys, if there are any and they are as they were written.
    keys: Option<KeyUpload>,
}

/// What a change of the keys expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeysVersion {
    Absent,
    At(Version),
    /// They could not even be read: whatever stands there is written over.
    Unreadable,
}

impl<S: Store> Carrier<S> {
    /// Keeps what `owner` uploads. One-time keys are given away beside the signed prekey they were left with,
    /// and by no other: their owner keeps the private halves no longer than that of the signed prekey.
    pub(crate) async fn keep_keys(
        &self,
        owner: &Address,
        upload: KeyUpload,
    ) -> Result<Connected, TransportError> {
        upload.check()?;
        let partition = self.partition(owner);
        let _lock = self.lock(partition).await?;
        let list = self.left_list(owner, &upload).await?;
        // First: a key that is given away stands in the log.
        self.log_key(owner, &upload.identity).await?;
        let held = self.held(owner).await?;
        let stock = self.one_time_keys(owner, MAX_ONE_TIME_KEYS + 1).await?;
        // Beside which they were left is not known any more of keys that are damaged.
        let is_renewed = held.keys.as_ref().is_none_or(|keys| keys.signed != upload.signed);

        let mut batch = Batch::new(partition);
        let keys_key = of_device(KEYS, owner);
        match held.version {
            KeysVersion::Absent => batch.expect_absent(keys_key.clone()),
            KeysVersion::At(version) => batch.expect_version(keys_key.clone(), version),
            KeysVersion::Unreadable => {}
        }
        let (mut highest, mut one_time_keys) = (self.highest_one_time(owner).await?, 0);
        for (key, record) in stock {
            // What an earlier generation of the store had may have been given away in it.
            match !is_renewed && self.generation.is_of(&record) {
                true => one_time_keys += 1,
                false => batch.delete(key),
            }
        }
        // A repeated upload must not bring back what has been given away since.
        let fresh = |key: &&OneTimeKey| key.id > highest;
        let fresh: Vec<&OneTimeKey> = upload.one_time.iter().filter(fresh).collect();
        one_time_keys += fresh.len();
        if one_time_keys > MAX_ONE_TIME_KEYS {
            let (field, limit) = ("one-time prekeys", MAX_ONE_TIME_KEYS);
            return Err(InvalidEnvelope::TooLarge { field, actual: one_time_keys, limit }.into());
        }
        for key in fresh {
            batch.put(one_time_key(owner, key.id), self.generation.with(&key.encode_to_vec()));
            highest = highest.max(key.id);
        }
        batch.put(of_device(HIGHEST, owner), highest.to_be_bytes().to_vec());
        let mut lasting = upload;
        lasting.one_time.clear();
        // It stands apart, for it is of all devices.
        lasting.device_list = None;
        batch.put(keys_key, lasting.to_bytes());
        self.put_in_use(owner, list.as_ref(), &mut batch).await?;
        self.commit(batch).await?;
        Ok(Connected::new(one_time_keys, highest).keeping(list.map(|left| left.list.version())))
    }

    /// Notes in `batch` which devices can be written to, of which `owner` leaves keys and perhaps a list.
    /// Under the lock.
    async fn put_in_use(
        &self,
        owner: &Address,
        list: Option<&LeftList>,
        batch: &mut Batch,
    ) -> Result<(), TransportError> {
        let (version, mut tokens) = self.device_tokens(batch.partition()).await?;
        let before = tokens.clone();
        // One that is not the first has to be listed, if there is a list.
        let standing = if owner.device() == DeviceId::PRIMARY { Standing::InUse } else { Standing::Unlisted };
        if let Some(token) = tokens.of(owner.device()).filter(|token| token.standing == Standing::Registered)
        {
            tokens.put(owner.device(), token.with_standing(standing));
        }
        if let Party::User(_) = owner.party() {
            self.relist(owner, list, &mut tokens, batch).await?;
        }
        if tokens != before {
            batch.expect(fence(), version);
            batch.put(fence(), tokens.to_bytes());
        }
        Ok(())
    }

    /// Removes all keys that `owner` has left, in `batch`.
    pub(crate) async fn forget_keys(&self, owner: &Address, batch: &mut Batch) -> Result<(), TransportError> {
        let stock = self.one_time_keys(owner, MAX_ONE_TIME_KEYS + 1).await?;
        stock.into_iter().for_each(|(key, _)| batch.delete(key));
        batch.delete(of_device(KEYS, owner));
        batch.delete(of_device(HIGHEST, owner));
        Ok(())
    }

    /// Gives away the keys of `owner`, and one of its one-time keys for good, if there is one left and
    /// `requester` may have it.
    pub(crate) async fn give_bundle(
        &self,
        requester: &Address,
        owner: &Address,
    ) -> Result<KeyBundle, TransportError> {
        self.lasting_keys(owner).await?;
        let may_have_one = self.take_quota(requester, owner).await?;
        let _lock = self.lock(self.partition(owner)).await?;
        let keys = self.lasting_keys(owner).await?;
        let one_time = if may_have_one { self.give_one_time_key(owner).await? } else { None };
        self.tallies.bundle(one_time.is_some());
        let (_, tokens) = self.device_tokens(self.partition(owner)).await?;
        let devices = tokens.in_use().with(owner.device());
        let bundle = KeyBundle::new(owner.device(), &keys, one_time)?.among(devices)?;
        if let Party::User(_) = owner.party() {
            return Ok(bundle.listed(self.kept_list(self.partition(owner)).await?.signed));
        }
        match self.log_entry(owner, &keys.identity).await? {
            Some(entry) => Ok(bundle.logged(entry)?),
            None => Ok(bundle),
        }
    }

    /// Gives away one of the one-time keys of `owner`. Under the lock.
    async fn give_one_time_key(&self, owner: &Address) -> Result<Option<OneTimeKey>, TransportError> {
        let mut batch = Batch::new(self.partition(owner));
        let mut given = None;
        for (key, record) in self.one_time_keys(owner, MAX_ONE_TIME_KEYS).await? {
            batch.expect_version(key.clone(), record.version);
            batch.delete(key);
            match self.generation.read(&record).map(OneTimeKey::decode) {
                Some(Ok(one_time)) => {
                    given = Some(one_time);
                    break;
                }
                Some(Err(_)) => tracing::error!("a stored one-time key was damaged, and is dropped"),
                // It may have been given away in an earlier generation of the store.
                None => {}
            }
        }
        if !batch.deletes().is_empty() {
            // Durable before visible: a key that could be given away again is not a one-time key.
            self.commit(batch).await?;
        }
        Ok(given)
    }

    /// The keys of `owner` without its one-time keys.
    async fn lasting_keys(&self, owner: &Address) -> Result<KeyUpload, TransportError> {
        match self.held(owner).await?.keys {
            Some(keys) => Ok(keys),
            None => {
                let (_, tokens) = self.device_tokens(self.partition(owner)).await?;
                Err(match tokens.in_use() {
                    _ if tokens.installation(owner.device()).is_some() => TransportError::NoKeys,
                    DeviceSet::EMPTY => TransportError::UnknownRecipient,
                    now => TransportError::Devices { now },
                })
            }
        }
    }

    /// What the carrier has of the keys of `owner`. Of one whose lasting keys are not there it says that it
    /// never had any, so that they are left anew.
    pub(crate) async fn connected(&self, owner: &Address) -> Result<Connected, TransportError> {
        let stock = self.stock(owner, MAX_COUNTED_KEYS).await?;
        let highest = match self.held(owner).await?.keys {
            Some(_) => self.highest_one_time(owner).await?,
            None => 0,
        };
        let connected = Connected::new(stock, highest).in_generation(self.generation.number());
        Ok(connected.keeping(self.kept_version(owner).await?))
    }

    /// Waits until there are `at_most` so many one-time keys of `caller` left, or it is a business and stands
    /// otherwise than it was told.
    pub(crate) async fn await_low_stock(
        &self,
        caller: &Caller,
        at_most: usize,
    ) -> Result<Connected, TransportError> {
        let partition = self.partition(caller.address());
        let mut keys = self.store.watch(partition, ONE_TIME);
        let mut fenced = self.store.watch(partition, FENCE);
        // In a box: nearly nobody has one, and everybody would hold the room for it.
        let mut standing = self.watch_standing(caller).map(Box::new);
        loop {
            // In boxes: everybody who waits would hold the room for them.
            drop(Box::pin(self.pass(caller)).await?);
            let stock = Box::pin(self.stock(caller.address(), at_most.saturating_add(1))).await?;
            let news = self.standing_news(caller);
            if stock <= at_most || news.is_some() {
                let highest = self.highest_one_time(caller.address()).await?;
                return Ok(Connected::new(stock, highest).standing(news));
            }
            tokio::select! {
                biased;
                () = fenced.changed() => {}
                () = keys.changed() => {}
                () = changed(standing.as_deref_mut()) => {}
            }
        }
    }

    /// How many one-time keys of `owner` are left, as far as it matters whether there are `limit`.
    async fn stock(&self, owner: &Address, limit: usize) -> Result<usize, TransportError> {
        if self.generation.is_first() {
            // All are of it, and need not be read to be counted.
            let scan = Scan::undated(ONE_TIME).prefix(device(owner)).limit(limit);
            let keys = self.store.keys(self.partition(owner), &scan, self.clock.now()).await;
            return Ok(keys.map_err(store_failed)?.len());
        }
        let found = self.one_time_keys(owner, limit).await?;
        Ok(found.iter().filter(|(_, record)| self.generation.is_of(record)).count())
    }

    /// What is kept of the keys of `owner`. Keys that are damaged are no keys: the owner leaves others when
    /// it connects, and nobody else is held up.
    async fn held(&self, owner: &Address) -> Result<Held, TransportError> {
        let key = of_device(KEYS, owner);
        match self.store.get(self.partition(owner), &key, self.clock.now()).await {
            Ok(None) => Ok(Held { version: KeysVersion::Absent, keys: None }),
            Ok(Some(record)) => {
                let keys = KeyUpload::from_bytes(record.value);
                if let Err(error) = &keys {
                    tracing::error!(error = error as &dyn std::error::Error, "stored keys are damaged");
                }
                Ok(Held { version: KeysVersion::At(record.version), keys: keys.ok() })
            }
            Err(error) if error.is_of_a_record() => {
                tracing::error!(error = &error as &dyn std::error::Error, "stored keys cannot be read");
                Ok(Held { version: KeysVersion::Unreadable, keys: None })
            }
            Err(error) => Err(store_failed(error)),
        }
    }

    /// The highest id of a one-time key that `owner` has ever left, 0 before the first.
    async fn highest_one_time(&self, owner: &Address) -> Result<u32, TransportError> {
        let (key, now) = (of_device(HIGHEST, owner), self.clock.now());
        let held = self.store.get(self.partition(owner), &key, now).await.map_err(store_failed)?;
        held.map_or(Ok(0), |record| {
            record.value[..].try_into().map(u32::from_be_bytes).map_err(|_| damaged())
        })
    }

    async fn one_time_keys(
        &self,
        owner: &Address,
        limit: usize,
    ) -> Result<Vec<(Key, Record)>, TransportError> {
        let scan = Scan::undated(ONE_TIME).prefix(device(owner)).limit(limit);
        self.store.scan(self.partition(owner), &scan, self.clock.now()).await.map_err(store_failed)
    }

    pub(crate) async fn commit(&self, batch: Batch) -> Result<(), TransportError> {
        match self.store.commit(batch).await.map_err(store_failed)? {
            Commit::Committed(_) => Ok(()),
            // The lock was ours, so only a second carrier on the same store can have come in between.
            _ => Err(not_alone()),
        }
    }
}

/// Ends when what is watched has changed, if something is. It takes room only then.
fn changed(watch: Option<&mut Watch>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
    match watch {
        Some(watch) => Box::pin(watch.changed()),
        None => Box::pin(std::future::pending()),
    }
}

fn one_time_key(owner: &Address, id: u32) -> Key {
    let mut name = device(owner).to_vec();
    name.extend_from_slice(&id.to_be_bytes());
    Key::undated(ONE_TIME, Bytes::from(name))
}

fn damaged() -> TransportError {
    TransportError::carrier_failed("a stored key's id is damaged")
}
