//! The list of a user's devices: as its first device makes it, and as a business has seen it.

mod seen;

pub use seen::{NotListed, SeenDevices};

use bulla_base::{DeviceId, Number, Party, Rng, Timestamp};
use bulla_envelope::{DeviceList, SignedDeviceList};
use bulla_store::{Batch, Commit, Store};
use prost::Message as _;

use crate::endpoint::EndpointState;
use crate::limits::ATTEMPTS;
use crate::store_layout::{STATE, only};
use crate::{Endpoint, EndpointError, Identity};

impl Endpoint {
    /// Lists `device` with this identity among the user's devices, from the next upload of
    /// [keys](Self::keys_to_publish) on. False if this is not the user's first device, or `device` is that:
    /// only the first lists others.
    ///
    /// # Errors
    /// When the store fails, or another instance changes the state at the same time.
    ///
    /// # Security
    /// `identity` must have come from the device by a way that is not the carrier's: whoever stands in the
    /// list reads what is written to the user.
    pub async fn list_device<S: Store>(
        &self,
        store: &S,
        device: DeviceId,
        identity: &Identity,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<bool, EndpointError> {
        let key = identity.to_bytes();
        let next = |list: &DeviceList| match list.key_of(device) {
            Some(held) if *held == key && device != DeviceId::PRIMARY => Some(list.clone()),
            _ => list.with(device, key),
        };
        self.change_list(store, next, now, rng).await
    }

    /// Takes `device` off the list of the user's devices, from the next upload of
    /// [keys](Self::keys_to_publish) on. False if this is not the user's first device, or `device` is that.
    ///
    /// # Errors
    /// When the store fails, or another instance changes the state at the same time.
    pub async fn unlist_device<S: Store>(
        &self,
        store: &S,
        device: DeviceId,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<bool, EndpointError> {
        let next = |list: &DeviceList| match list.key_of(device) {
            None => Some(list.clone()),
            Some(_) => list.without(device),
        };
        self.change_list(store, next, now, rng).await
    }

    /// The list of the user's devices, if this is the first of them and has made one.
    ///
    /// # Errors
    /// When the store fails, or the list is damaged.
    pub async fn device_list<S: Store>(
        &self,
        store: &S,
        now: Timestamp,
    ) -> Result<Option<DeviceList>, EndpointError> {
        let state = self.state(store, now).await?.0;
        state.device_list.as_deref().map(read).transpose().map(|read| read.map(|(_, list)| list))
    }

    /// Whether the carrier lacks our list of devices, when it has `kept` the version it says: it never had
    /// it, it was put back, or the list has changed since.
    ///
    /// # Errors
    /// As [`device_list`](Self::device_list).
    pub async fn list_is_due<S: Store>(
        &self,
        store: &S,
        kept: Option<u64>,
        now: Timestamp,
    ) -> Result<bool, EndpointError> {
        let Some(kept) = kept.filter(|_| self.lists_for().is_some()) else { return Ok(false) };
        Ok(self.device_list(store, now).await?.is_none_or(|list| kept < list.version()))
    }

    /// The list to leave with the keys; nothing for all but a user's first device. The first is made now.
    pub(crate) async fn list_to_publish<S: Store>(
        &self,
        store: &S,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<Option<SignedDeviceList>, EndpointError> {
        if self.lists_for().is_none() {
            return Ok(None);
        }
        self.change_list(store, |list| Some(list.clone()), now, rng).await?;
        let state = self.state(store, now).await?.0;
        state.device_list.as_deref().map(read).transpose().map(|read| read.map(|(signed, _)| signed))
    }

    /// Makes the list the `next` of what it is, durably. False if there is none to be made.
    async fn change_list<S: Store>(
        &self,
        store: &S,
        next: impl Fn(&DeviceList) -> Option<DeviceList>,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<bool, EndpointError> {
        let Some(user) = self.lists_for() else { return Ok(false) };
        for _ in 0..ATTEMPTS {
            let (mut state, version) = self.state(store, now).await?;
            let held = state.device_list.as_deref().map(read).transpose()?.map(|(_, list)| list);
            // The first of this life of the store.
            let first = || DeviceList::new(state.first_list.max(1), self.identity().to_bytes());
            let Some(changed) = next(held.as_ref().unwrap_or(&first())) else { return Ok(false) };
            if held.as_ref() == Some(&changed) {
                return Ok(true);
            }
            state.device_list = Some(changed.sign(user, &*self.signer(), rng).encode_to_vec());
            let mut batch = Batch::new(self.home);
            batch.expect_version(only(STATE), version);
            batch.put(only(STATE), state.encode_to_vec());
            if let Commit::Committed(_) = store.commit(batch).await? {
                return Ok(true);
            }
        }
        Err(EndpointError::Shared { what: "device list" })
    }

    /// The user whose devices are listed here.
    fn lists_for(&self) -> Option<&Number> {
        match self.address.party() {
            Party::User(user) if self.address.device() == DeviceId::PRIMARY => Some(user),
            _ => None,
        }
    }
}

impl EndpointState {
    /// The store was put back. Who was listed in the one before is not
    /// known: the list begins anew with the first device alone, above every version that there was.
    pub(crate) fn begin_list_anew(&mut self, first_of_life: u64) {
        (self.device_list, self.first_list) = (None, first_of_life);
    }
}

fn read(bytes: &[u8]) -> Result<(SignedDeviceList, DeviceList), EndpointError> {
    let damaged = EndpointError::Damaged { what: "device list" };
    let Ok(signed) = SignedDeviceList::decode(bytes) else { return Err(damaged) };
    match signed.unverified() {
        Ok(list) => Ok((signed, list)),
        Err(_) => Err(damaged),
    }
}
