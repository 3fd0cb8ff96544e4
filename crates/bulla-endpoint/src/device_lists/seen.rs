use bulla_base::{Address, DeviceId, DeviceSet, Number, Partition, Timestamp};
use bulla_envelope::{DeviceList, InvalidDeviceList, KeyBundle};
use bulla_session::{PublicKey, Signature};
use bulla_store::{Batch, Key, Store, StoreError, Version};
use thiserror::Error;

use crate::session_store::SessionStore;
use crate::store_layout::{self, DEVICE_LIST};
use crate::{Endpoint, Identity, SealError};

/// Why a device is not taken for one of its user's. The move is the carrier's, or the user's, whose first
/// device has not listed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotListed {
    /// The keys come without a list, and none was seen.
    #[error("the keys come without a list of the user's devices")]
    Missing,
    /// The list is malformed, or not signed by the first device in it.
    #[error("the list of the user's devices is not to be believed")]
    Invalid(#[from] InvalidDeviceList),
    /// The list is of another identity than that of the user's first device.
    #[error("the list of the user's devices is of another identity than the user's")]
    OtherIdentity,
    /// A later list of the same identity was seen, in which the device does not stand with this key.
    #[error("the list of the user's devices is older than one that was seen")]
    Older,
    /// The device does not stand in the list, or with another key.
    #[error("the device does not stand in the list of the user's devices")]
    NotNamed,
}

impl NotListed {
    /// A name for counters, such as `older`.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Invalid(_) => "invalid",
            Self::OtherIdentity => "other_identity",
            Self::Older => "older",
            Self::NotNamed => "not_named",
        }
    }
}

/// What a business has seen of the list of a user's devices: the newest of the identity that is believed to
/// be the user's, which is that of its first device.
///
/// Sessions that are begun in one record share it, so that what the one is begun with holds for the next.
#[derive(Debug, Clone)]
pub struct SeenDevices {
    key: Key,
    version: Option<Version>,
    /// Of version 0 if there was none: only that the first device has an identity.
    seen: Option<DeviceList>,
    has_changed: bool,
}

/// What the keys of a user's first device say of its devices.
#[derive(Debug)]
pub(crate) struct Told {
    list: DeviceList,
    /// Whether that is less than was seen, which holds all the same.
    pub(crate) is_older: bool,
}

impl Endpoint {
    /// What was seen of the devices of the user of `address`, as it stands in `partition`, that of the user
    /// in the conversation.
    ///
    /// # Errors
    /// When the store fails or what it has is damaged, or the address is of our own kind.
    ///
    /// # Cost
    /// Two reads. To be asked for when a session is to be begun, which is seldom.
    pub async fn seen_devices<S: Store>(
        &self,
        store: &S,
        partition: Partition,
        address: &Address,
        now: Timestamp,
    ) -> Result<SeenDevices, SealError> {
        let first = Address::new(address.party().clone(), DeviceId::PRIMARY);
        let mut stored = SessionStore::new(partition, store_layout::sessions(&self.address, &first)?);
        let sessions = stored.read(store, now).await?;
        let known = stored.trust.trusted().or_else(|| sessions.peer_identity().copied().map(Identity::new));
        let key = Key::undated(DEVICE_LIST, stored.business().to_vec());
        let record = store.get(partition, &key, now).await?;
        let read = record.as_ref().map(|record| DeviceList::from_bytes(&record.value)).transpose();
        let damaged = |_| StoreError::Damaged { what: "list of a user's devices" };
        let seen = match (read.map_err(damaged)?, known) {
            (Some(seen), Some(known)) if *seen.identity() == known.to_bytes() => Some(seen),
            // The first device has spoken with another identity since, and is believed.
            (_, Some(known)) => Some(DeviceList::new(0, known.to_bytes())),
            (seen, None) => seen,
        };
        Ok(SeenDevices { key, version: record.map(|record| record.version), seen, has_changed: false })
    }
}

impl SeenDevices {
    /// Puts what was seen into `batch`, if it is new, on the condition that nobody has seen more meanwhile.
    pub fn write(&self, batch: &mut Batch) {
        if let Some(seen) = self.seen.as_ref().filter(|_| self.has_changed) {
            batch.expect(self.key.clone(), self.version);
            batch.put(self.key.clone(), seen.to_bytes());
        }
    }

    /// The devices that stood in the newest list, if one was seen.
    #[must_use]
    pub fn devices(&self) -> Option<DeviceSet> {
        self.seen.as_ref().map(DeviceList::devices)
    }

    /// Whose identity is believed to be the user's.
    pub(crate) fn identity(&self) -> Option<Identity> {
        self.identity_of(DeviceId::PRIMARY)
    }

    /// With which identity `device` stands in the newest list, if it does.
    pub(crate) fn identity_of(&self, device: DeviceId) -> Option<Identity> {
        Identity::from_bytes(self.seen.as_ref()?.key_of(device)?).ok()
    }

    /// What the keys of the user's first device, which are of `identity`, say of its devices: to be
    /// [remembered](Self::remember) if that identity is believed. Without a list it is the only one.
    pub(crate) fn told_by_first(
        &self,
        user: &Number,
        bundle: &KeyBundle,
        identity: &Identity,
    ) -> Result<Told, NotListed> {
        let signed = bundle.device_list.as_ref();
        let told = signed.map(|signed| signed.verify(user, is_signed)).transpose()?;
        let is_own = |list: &&DeviceList| *list.identity() == identity.to_bytes();
        let (held, told) = (self.seen.as_ref().filter(is_own), told.as_ref().filter(is_own));
        Ok(match (held, told) {
            (Some(held), Some(told)) if told.may_follow(held) => Told { list: told.clone(), is_older: false },
            (Some(held), _) => Told { list: held.clone(), is_older: held.version() > 0 },
            (None, Some(told)) => Told { list: told.clone(), is_older: false },
            (None, None) => Told { list: DeviceList::new(0, identity.to_bytes()), is_older: false },
        })
    }

    /// The first device is believed.
    pub(crate) fn remember(&mut self, told: Told) {
        self.set(told.list);
    }

    /// Takes note of what the keys of another device than the first say of the user's devices. Whether that
    /// is older than what was seen.
    pub(crate) fn learn(&mut self, user: &Number, bundle: &KeyBundle) -> Result<bool, NotListed> {
        let Some(signed) = &bundle.device_list else {
            let has_list = self.seen.as_ref().is_some_and(|seen| seen.version() > 0);
            return if has_list { Ok(true) } else { Err(NotListed::Missing) };
        };
        let told = signed.verify(user, is_signed)?;
        match &self.seen {
            Some(seen) if seen.identity() != told.identity() => return Err(NotListed::OtherIdentity),
            Some(seen) if !told.may_follow(seen) => return Ok(true),
            _ => self.set(told),
        }
        Ok(false)
    }

    fn set(&mut self, list: DeviceList) {
        if self.seen.as_ref() != Some(&list) {
            // That there are no others is believed without a list as well.
            let says_nothing = list.version() <= 1 && list.devices() == DeviceSet::PRIMARY;
            self.has_changed |= self.version.is_some() || !says_nothing;
            self.seen = Some(list);
        }
    }
}

fn is_signed(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let key = PublicKey::from_bytes(&[&[0x05][..], public].concat());
    let (Ok(key), Ok(signature)) = (key, Signature::from_bytes(signature)) else { return false };
    key.verify(message, &signature).is_ok()
}
