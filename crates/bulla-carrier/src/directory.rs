use bulla_base::Address;
use bulla_envelope::{InvalidEnvelope, KeyBundle, KeyUpload, MAX_ONE_TIME_KEYS, OneTimeKey};
use bulla_store::{Batch, Commit, Key, Record, Scan, Store};
use bulla_transport::{Connected, TransportError};
use bytes::Bytes;
use prost::Message;

use crate::Carrier;
use crate::carrier::store_failed;
use crate::space::{HIGHEST, KEYS, ONE_TIME, device, of_device};

impl<S: Store> Carrier<S> {
    /// Keeps what `owner` uploads. A new identity key means a new installation, whose predecessor's one-time keys are worthless.
    pub(crate) async fn keep_keys(
        &self,
        owner: &Address,
        upload: KeyUpload,
    ) -> Result<Connected, TransportError> {
        upload.check()?;
        let partition = self.partition(owner);
        let _lane = self.lane(partition).await?;
        let held = self.keys(owner).await?;
        let stock = self.one_time_keys(owner, MAX_ONE_TIME_KEYS + 1).await?;
        let reinstalled = held.as_ref().is_some_and(|(_, held)| held.identity != upload.identity);

        let mut batch = Batch::new(partition);
        let keys_key = of_device(KEYS, owner);
        batch.expect(keys_key.clone(), held.map(|(record, _)| record.version));
        let (mut highest, mut one_time_keys) = (self.highest_one_time(owner).await?, stock.len());
        if reinstalled {
            stock.iter().for_each(|(key, _)| batch.delete(key.clone()));
            (highest, one_time_keys) = (0, 0);
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
            batch.put(one_time_key(owner, key.id), key.encode_to_vec());
            highest = highest.max(key.id);
        }
        batch.put(of_device(HIGHEST, owner), highest.to_be_bytes().to_vec());
        let mut lasting = upload;
        lasting.one_time.clear();
        batch.put(keys_key, lasting.to_bytes());
        self.commit(batch).await?;
        Ok(Connected::new(one_time_keys, highest))
    }

    /// Gives away the keys of `owner`, and one of its one-time keys for good.
    pub(crate) async fn give_bundle(&self, owner: &Address) -> Result<KeyBundle, TransportError> {
        let partition = self.partition(owner);
        let _lane = self.lane(partition).await?;
        let (_, keys) = self.keys(owner).await?.ok_or(TransportError::UnknownRecipient)?;
        let one_time = match self.one_time_keys(owner, 1).await?.pop() {
            Some((key, record)) => {
                let mut batch = Batch::new(partition);
                batch.expect_version(key.clone(), record.version);
                batch.delete(key);
                // Durable before visible: a key that could be given away again is not a one-time key.
                self.commit(batch).await?;
                Some(OneTimeKey::decode(record.value).map_err(|_| damaged())?)
            }
            None => None,
        };
        Ok(KeyBundle::new(owner.device(), &keys, one_time)?)
    }

    /// How many one-time keys of `owner` are left.
    pub(crate) async fn stock(&self, owner: &Address) -> Result<usize, TransportError> {
        Ok(self.one_time_keys(owner, MAX_ONE_TIME_KEYS).await?.len())
    }

    /// The lasting keys of `owner`, if it has left any.
    pub(crate) async fn keys(&self, owner: &Address) -> Result<Option<(Record, KeyUpload)>, TransportError> {
        let key = of_device(KEYS, owner);
        let held =
            self.store.get(self.partition(owner), &key, self.clock.now()).await.map_err(store_failed)?;
        held.map(|record| {
            let keys = KeyUpload::from_bytes(record.value.clone()).map_err(|_| damaged())?;
            Ok((record, keys))
        })
        .transpose()
    }

    /// The highest id of a one-time key that `owner` has ever left, 0 before the first.
    pub(crate) async fn highest_one_time(&self, owner: &Address) -> Result<u32, TransportError> {
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
            // The lane was ours, so only a second carrier on the same store can have come in between.
            _ => Err(TransportError::unavailable("another carrier writes to this store")),
        }
    }
}

fn one_time_key(owner: &Address, id: u32) -> Key {
    let mut name = device(owner).to_vec();
    name.extend_from_slice(&id.to_be_bytes());
    Key::undated(ONE_TIME, Bytes::from(name))
}

fn damaged() -> TransportError {
    TransportError::unavailable("a stored key is damaged")
}
