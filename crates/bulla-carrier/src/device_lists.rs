use bulla_base::{Address, DeviceId, Number, Partition, Party};
use bulla_envelope::{
    DeviceList, InstallationId, InvalidDeviceList, InvalidEnvelope, KeyUpload, SignedDeviceList,
};
use bulla_store::{Batch, Store, Version};
use bulla_transport::TransportError;
use prost::Message;

use crate::Carrier;
use crate::carrier::store_failed;
use crate::device_tokens::DeviceTokens;
use crate::store_layout::device_list;

/// The list of devices that is kept of a user, if there is one and it is as it was written.
#[derive(Default)]
pub(crate) struct KeptList {
    version: Option<Version>,
    /// Whether it could not even be read: whatever stands there is written over.
    is_unreadable: bool,
    pub(crate) signed: Option<SignedDeviceList>,
    pub(crate) list: Option<DeviceList>,
}

/// A list that a user's first device leaves, checked.
pub(crate) struct LeftList {
    /// What stood there, unless that could not be read.
    replaces: Option<Option<Version>>,
    signed: SignedDeviceList,
    pub(crate) list: DeviceList,
}

impl<S: Store> Carrier<S> {
    /// Checks the list of devices in what `owner` uploads, if there is one: the first device of a user may
    /// leave one, and nobody else. Under the lock.
    ///
    /// A device that it names need not be registered: after an erasure, or on a store that was put back, the
    /// first device could not come in else. It stands there by its key, so that nobody else is meant.
    pub(crate) async fn left_list(
        &self,
        owner: &Address,
        upload: &KeyUpload,
    ) -> Result<Option<LeftList>, TransportError> {
        let Some(signed) = upload.device_list.clone() else { return Ok(None) };
        let Some(user) = first_device_of(owner) else {
            return Err(refused("device list (only a user's first device leaves one)"));
        };
        let kept = self.kept_list(self.partition(owner)).await?;
        let list = match kept.signed == Some(signed.clone()) {
            // It was checked when it came.
            true => signed.unverified(),
            false => signed.verify(user, is_signed),
        };
        let list = list.map_err(|invalid| match invalid {
            InvalidDeviceList::NotSigned => refused("device list (it is not signed by its first device)"),
            _ => refused("device list (it is malformed)"),
        })?;
        if list.identity()[..] != upload.identity[..] {
            return Err(refused("device list (it is not of the identity that leaves it)"));
        }
        if kept.list.as_ref().is_some_and(|held| !list.may_follow(held)) {
            return Err(refused("device list (its version is not above that of the one that is kept)"));
        }
        let replaces = (!kept.is_unreadable).then_some(kept.version);
        Ok(Some(LeftList { replaces, signed, list }))
    }

    /// The list that is kept of the user of `partition`. One that is damaged is none: the first device leaves
    /// it again when it connects.
    pub(crate) async fn kept_list(&self, partition: Partition) -> Result<KeptList, TransportError> {
        let record = self.store.get(partition, &device_list(), self.clock.now()).await;
        let record = match record {
            Err(error) if error.is_of_a_record() => {
                tracing::error!(error = &error as &dyn std::error::Error, "a device list cannot be read");
                return Ok(KeptList { is_unreadable: true, ..KeptList::default() });
            }
            record => record.map_err(store_failed)?,
        };
        let Some(record) = record else { return Ok(KeptList::default()) };
        let signed = SignedDeviceList::decode(record.value).ok();
        let list = signed.as_ref().and_then(|signed| signed.unverified().ok());
        if list.is_none() {
            tracing::error!("a stored device list is damaged");
        }
        let (version, signed) = (Some(record.version), signed.filter(|_| list.is_some()));
        Ok(KeptList { version, is_unreadable: false, signed, list })
    }

    /// Says in `tokens` which devices of `owner`'s user are listed, now that `owner` leaves its keys, and
    /// perhaps a list; and keeps that in `batch`. Under the lock.
    pub(crate) async fn relist(
        &self,
        owner: &Address,
        left: Option<&LeftList>,
        tokens: &mut DeviceTokens,
        batch: &mut Batch,
    ) -> Result<(), TransportError> {
        if let Some(LeftList { replaces, signed, list }) = left {
            if let Some(version) = replaces {
                batch.expect(device_list(), *version);
            }
            batch.put(device_list(), signed.encode_to_vec());
            tokens.list(|device, installation| is_listed(list, device, installation));
            return Ok(());
        }
        let KeptList { version, is_unreadable, list, .. } = self.kept_list(batch.partition()).await?;
        match (version, list) {
            // Nobody has said that there are others than the first.
            (None, _) if !is_unreadable => tokens.list(|_, _| false),
            // Its first device is no more, and the next one leaves no list.
            (Some(version), Some(list)) if first_device_of(owner).is_some() && !is_of_now(&list, tokens) => {
                batch.expect_version(device_list(), version);
                batch.delete(device_list());
                tokens.list(|_, _| false);
            }
            (_, Some(list)) => {
                tokens.list(|device, installation| is_listed(&list, device, installation));
            }
            // It is damaged: who stood in it does so until it is left again.
            (_, None) => {}
        }
        Ok(())
    }

    /// The version of the list that is kept of `owner`'s own identity, 0 if there is none; nothing if it is
    /// not for `owner` to leave one.
    pub(crate) async fn kept_version(&self, owner: &Address) -> Result<Option<u64>, TransportError> {
        if first_device_of(owner).is_none() {
            return Ok(None);
        }
        let partition = self.partition(owner);
        let (_, tokens) = self.device_tokens(partition).await?;
        let own = self.kept_list(partition).await?.list.filter(|list| is_of_now(list, &tokens));
        Ok(Some(own.map_or(0, |list| list.version())))
    }
}

fn is_signed(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    bulla_xeddsa::verify(public, &[message], signature)
}

/// Whether the device that is this installation stands in `list`.
fn is_listed(list: &DeviceList, device: DeviceId, installation: InstallationId) -> bool {
    list.key_of(device).is_some_and(|key| InstallationId::of_identity(key) == installation)
}

/// Whether `list` is of the first device that there is, and not of one before it.
fn is_of_now(list: &DeviceList, tokens: &DeviceTokens) -> bool {
    let first = tokens.installation(DeviceId::PRIMARY);
    first.is_some_and(|installation| is_listed(list, DeviceId::PRIMARY, installation))
}

fn first_device_of(owner: &Address) -> Option<&Number> {
    match owner.party() {
        Party::User(user) if owner.device() == DeviceId::PRIMARY => Some(user),
        _ => None,
    }
}

fn refused(field: &'static str) -> TransportError {
    InvalidEnvelope::Field { field }.into()
}
