//! All parties in one process: the carrier, the relay and the users' devices, each party on a
//! sealed store of its own.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bulla::Host;
use bulla::base::{BusinessAccountId, InvalidWord, Number, PhoneNumberId};
use bulla::carrier::{BlobSettings, BlobStorage, Carrier, FolderBlobs, TrustedHost};
use bulla::device::{Device, DeviceError};
use bulla::relay::{Business, EventSink, Relay};
use bulla::store::Store;
use bulla::transport::InProcess;

use crate::exit_error::ExitError;
use crate::observed_transport::{EnvelopeObserver, ObservedTransport};
use crate::storage::{self, IfLost, SealedStore};

/// The sending number of the business, unless another is named.
pub const PHONE_NUMBER_ID: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);
/// Its account.
pub const BUSINESS_ACCOUNT_ID: BusinessAccountId = BusinessAccountId::new(102_290_129_340_398);
/// The number users see.
const DISPLAY_NUMBER: &str = "15550783881";

/// The folders of the three stores, below the data folder.
pub(crate) const FOLDERS: [&str; 3] = ["relay", "carrier", "devices"];

/// The folder of what is too large for an envelope, sealed by who sends it.
const BLOBS: &str = "blobs";

/// The way to the carrier.
pub(crate) type Link<W> = ObservedTransport<InProcess<Carrier<SealedStore>>, W>;

/// The relay, the carrier and the devices.
pub struct Parties<W, K> {
    /// The carrier.
    pub(crate) carrier: Arc<Carrier<SealedStore>>,
    /// The relay.
    pub(crate) relay: Relay<SealedStore, Link<W>, K>,
    /// The users' devices, in the order in which they were named.
    pub(crate) devices: Vec<(Number, Device<SealedStore, Link<W>>)>,
    stores: [SealedStore; 3],
}

/// The business with this id in this account.
///
/// # Errors
/// Never; but the number users see is read like any other.
pub fn business(id: PhoneNumberId, account: BusinessAccountId) -> Result<Business, InvalidWord> {
    Ok(Business::new(id, account, Number::parse(DISPLAY_NUMBER)?))
}

impl<W: EnvelopeObserver, K: EventSink> Parties<W, K> {
    /// Opens everything on stores below `folder`, which are new or were these parties' before. Those of
    /// `begin_anew` are given up if their files are lost.
    ///
    /// # Errors
    /// When a folder or a store cannot be used.
    pub async fn open(
        folder: &Path,
        business: Business,
        users: &[Number],
        observer: Arc<W>,
        sink: K,
        begin_anew: &[&str],
        protect: bool,
    ) -> Result<Self, ExitError> {
        let [relay, carrier, devices] = FOLDERS;
        let if_lost = |name| match begin_anew.contains(&name) {
            true => IfLost::BeginAnew,
            false => IfLost::Refuse,
        };
        let host = Host::new();
        let relay_store = storage::open(&host, folder, relay, if_lost(relay)).await?;
        let carrier_store = storage::open(&host, folder, carrier, if_lost(carrier)).await?;
        // A phone that has lost what was on it is set up anew; nobody waits for its files.
        let device_store = storage::open(&host, folder, devices, IfLost::BeginAnew).await?;
        let stores = [relay_store.clone(), carrier_store.clone(), device_store.clone()];

        let blobs = FolderBlobs::open(folder.join(BLOBS));
        let blobs = blobs.map_err(ExitError::because("the folder of blobs cannot be used"))?;
        let blobs = BlobStorage::new(blobs, BlobSettings::default());
        let (clock, verifier) = (host.clock(), Arc::new(TrustedHost));
        let carrier = Carrier::open_with_blobs(carrier_store, clock, &*host.rng(), verifier, blobs).await;
        let carrier = carrier.map_err(ExitError::because("the carrier cannot be opened"))?;
        let carrier = Arc::new(if protect { carrier.with_protection(host.rng()) } else { carrier });
        let link = || ObservedTransport::new(InProcess::new(carrier.clone()), observer.clone());
        // What is too large for an envelope goes by nobody who observes.
        let blobs = InProcess::new(carrier.clone());
        let relay = host.relay(relay_store, link(), sink).blobs(blobs).business(business).open().await;
        let relay = relay.map_err(ExitError::because("the relay cannot be opened"))?;

        let mut devices = Vec::new();
        for user in users {
            match host.open_device(device_store.clone(), link(), user.clone()).await {
                Ok(device) => devices.push((user.clone(), device)),
                // Somebody else has the number now. That is no reason why the others could not start.
                Err(error @ (DeviceError::Replaced(_) | DeviceError::Unproven)) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a user's device stays closed");
                }
                Err(error) => return Err(ExitError::because("a user's device cannot be opened")(error)),
            }
        }
        Ok(Self { carrier, relay, devices, stores })
    }

    /// Stops everybody. What is not finished stays in the stores, which stay open.
    pub(crate) async fn stop(&self) {
        for (_, device) in &self.devices {
            device.close().await;
        }
        self.relay.close().await;
        self.carrier.close().await;
    }

    /// Makes what was deleted leave the disk.
    pub(crate) async fn compact(&self) -> Result<(), ExitError> {
        let [relay, carrier, devices] = self.stores.each_ref().map(|store| store.engine());
        let (relay, carrier, devices) = tokio::join!(relay.compact(), carrier.compact(), devices.compact());
        relay.and(carrier).and(devices).map_err(ExitError::because("a store cannot be compacted"))
    }

    /// Closes the stores.
    pub(crate) async fn close(self) -> Result<(), ExitError> {
        for store in &self.stores {
            store.close().await.map_err(ExitError::because("a store cannot be closed"))?;
        }
        Ok(())
    }
}

impl<W, K> fmt::Debug for Parties<W, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parties").field("devices", &self.devices.len()).finish_non_exhaustive()
    }
}
