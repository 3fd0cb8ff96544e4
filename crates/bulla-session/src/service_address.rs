//! The names of both ends that a session is bound to.

use crate::numeric_ids::DeviceId;

/// What sort of name a [`ServiceAddress`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServiceKind {
    /// The name of an account.
    Account,
    /// The name of the phone number an account has at present.
    PhoneNumber,
}

/// A device of a service: kind of name, UUID, device.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServiceAddress {
    kind: ServiceKind,
    uuid: [u8; 16],
    device: DeviceId,
}

impl ServiceAddress {
    /// The address made of these.
    #[must_use]
    pub const fn new(kind: ServiceKind, uuid: [u8; 16], device: DeviceId) -> Self {
        Self { kind, uuid, device }
    }

    fn to_bytes(self) -> [u8; 18] {
        let mut bytes = [0; 18];
        bytes[0] = match self.kind {
            ServiceKind::Account => 0,
            ServiceKind::PhoneNumber => 1,
        };
        bytes[1..17].copy_from_slice(&self.uuid);
        bytes[17] = self.device.value();
        bytes
    }
}

impl std::fmt::Debug for ServiceAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Whose address it is shall not stand in a log.
        let Self { kind, uuid: _, device } = self;
        f.debug_struct("ServiceAddress").field("kind", kind).field("device", device).finish_non_exhaustive()
    }
}

/// Both ends' addresses, which messages that start a session are bound to.
///
/// Parties that do not go by service addresses pass none: what they seal is not bound, and what they receive
/// must not be either.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    local: ServiceAddress,
    remote: ServiceAddress,
}

impl Addresses {
    /// Our own address and the peer's.
    #[must_use]
    pub const fn new(local: ServiceAddress, remote: ServiceAddress) -> Self {
        Self { local, remote }
    }

    /// The value that binds what we send: sender, then recipient.
    #[must_use]
    pub fn outgoing(&self) -> [u8; 36] {
        concatenate(self.local, self.remote)
    }

    /// The value that binds what we receive.
    #[must_use]
    pub fn incoming(&self) -> [u8; 36] {
        concatenate(self.remote, self.local)
    }
}

fn concatenate(sender: ServiceAddress, recipient: ServiceAddress) -> [u8; 36] {
    let mut bytes = [0; 36];
    bytes[..18].copy_from_slice(&sender.to_bytes());
    bytes[18..].copy_from_slice(&recipient.to_bytes());
    bytes
}
