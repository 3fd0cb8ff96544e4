//! Which devices the user has, as the first of them lists them.

use bulla_base::DeviceId;
use bulla_endpoint::{DeviceList, Identity, ONE_TIME_KEYS};
use bulla_store::Store;
use bulla_transport::{Transport, TransportError};
use tracing::Instrument;

use super::{Device, Inner, trace_span};
use crate::DeviceError;

impl<S: Store, T: Transport> Device<S, T> {
    /// The identity that this device speaks with: what the user's first device
    /// [approves of](Self::approve_device), and no secret.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.0.endpoint.identity()
    }

    /// The devices that the user has, as this one, the first, has listed them; nothing if it is not the
    /// first.
    ///
    /// # Errors
    /// When the store fails or is damaged.
    pub async fn device_list(&self) -> Result<Option<DeviceList>, DeviceError> {
        Ok(self.0.endpoint.device_list(&self.0.store, self.0.clock.now()).await?)
    }

    /// Lists `device`, which has this identity, among the user's devices: from now on businesses believe what
    /// it says, and write to it. To be called on the user's first device, for each other one that was
    /// registered, and again for one that was installed anew, or when the first itself was.
    ///
    /// Durable when this returns, and left with the carrier. False on a device that is not the first, and for
    /// the first itself.
    ///
    /// # Errors
    /// When the store fails; nothing is listed then. [`DeviceError::Transport`] when the carrier cannot be
    /// reached: it is listed, and the carrier has it when the device connects next, or when this is called
    /// again.
    ///
    /// # Security
    /// `identity` must have come from the other device by a way that is not the carrier's, such as a picture
    /// on its screen: whoever stands in the list reads what is written to the user, and writes in their name.
    pub async fn approve_device(&self, device: DeviceId, identity: &Identity) -> Result<bool, DeviceError> {
        let inner = &self.0;
        let approving = async {
            let (now, rng) = (inner.clock.now(), &*inner.rng);
            if !inner.endpoint.list_device(&inner.store, device, identity, now, rng).await? {
                return Ok(false);
            }
            inner.leave_list().await?;
            Ok(true)
        };
        approving.instrument(trace_span::of("approve device", inner.home, None)).await
    }

    /// Removes another device of the user's, or this one: what is queued for it is forgotten, and businesses
    /// write to it no more. To come back it has to be registered anew. One that is not there is removed
    /// already. The user's first device also takes it off the list of the user's devices.
    ///
    /// # Errors
    /// When the store fails. [`DeviceError::Transport`] with why the carrier did not do it; after
    /// [`TransportError::Unavailable`] it may have been done. To ask again does no harm.
    pub async fn remove(&self, device: DeviceId) -> Result<(), DeviceError> {
        let inner = &self.0;
        let removing = async {
            let (now, rng) = (inner.clock.now(), &*inner.rng);
            let is_unlisted = inner.endpoint.unlist_device(&inner.store, device, now, rng).await?;
            inner.transport.remove(&inner.caller, device).await?;
            if is_unlisted {
                inner.leave_list().await?;
            }
            Ok(())
        };
        removing.instrument(trace_span::of("remove", inner.home, None)).await
    }
}

impl<S: Store, T: Transport> Inner<S, T> {
    /// Leaves the list of the user's devices with the carrier, as it is now, and the keys that go with it.
    async fn leave_list(&self) -> Result<(), DeviceError> {
        // It is answered at once: there are never more.
        let left = Box::pin(self.transport.low_stock(&self.caller, ONE_TIME_KEYS)).await?;
        match self.publish(left).await? {
            true => Ok(()),
            false => Err(DeviceError::Transport(TransportError::unavailable("the carrier takes no keys"))),
        }
    }
}
