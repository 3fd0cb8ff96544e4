//! What is remembered of a peer's identity beside the sessions.

use bulla_store::{Batch, Key, Record, StoreError, Version};
use prost::Message as _;

use crate::Identity;

/// What is remembered of a peer's identity beside the sessions: mostly nothing, and then there is no record.
#[derive(Debug, Default)]
pub(crate) struct TrustedIdentityRecord {
    now: Row,
    before: Row,
    version: Option<Version>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Row {
    /// The identity that is believed, where it need not be that of the session in use.
    #[prost(bytes = "vec", optional, tag = "1")]
    trusted: Option<Vec<u8>>,
    /// The identity that the peer has come with since, and that waits for approval.
    #[prost(bytes = "vec", optional, tag = "2")]
    held: Option<Vec<u8>>,
    /// Whether the session in use is with an installation that is no more.
    #[prost(bool, tag = "3")]
    stale: bool,
    /// The identity with which a device that is not the user's first stood in the list of the user's devices,
    /// when a session was begun with it last.
    #[prost(bytes = "vec", optional, tag = "4")]
    listed: Option<Vec<u8>>,
}

impl TrustedIdentityRecord {
    pub(crate) fn read(record: Option<Record>) -> Result<Self, StoreError> {
        let Some(record) = record else { return Ok(Self::default()) };
        let damaged = StoreError::Damaged { what: "peer's identity" };
        let Ok(row) = Row::decode(record.value) else { return Err(damaged) };
        let is_good = |bytes: &Vec<u8>| Identity::from_bytes(bytes).is_ok();
        if !row.trusted.iter().chain(&row.held).chain(&row.listed).all(is_good) {
            return Err(damaged);
        }
        Ok(Self { before: row.clone(), now: row, version: Some(record.version) })
    }

    pub(crate) fn trusted(&self) -> Option<Identity> {
        identity(self.now.trusted.as_ref())
    }

    pub(crate) fn held(&self) -> Option<Identity> {
        identity(self.now.held.as_ref())
    }

    /// The identity with which the device stood in the list of its user's devices.
    pub(crate) fn listed(&self) -> Option<Identity> {
        identity(self.now.listed.as_ref())
    }

    /// Notes with which identity the device stands in the list of its user's devices, if it does.
    pub(crate) fn set_listed(&mut self, identity: Option<&Identity>) {
        self.now.listed = identity.map(|identity| identity.to_bytes().to_vec());
    }

    pub(crate) const fn is_stale(&self) -> bool {
        self.now.stale
    }

    pub(crate) const fn set_stale(&mut self) {
        self.now.stale = true;
    }

    /// `identity` waits for approval; `trusted` is believed meanwhile.
    pub(crate) fn hold(&mut self, identity: &Identity, trusted: &Identity) {
        self.now.held = Some(identity.to_bytes().to_vec());
        self.trust(trusted);
    }

    /// `identity` is believed, whoever the session in use is with.
    pub(crate) fn trust(&mut self, identity: &Identity) {
        self.now.trusted = Some(identity.to_bytes().to_vec());
    }

    /// What was held is believed.
    pub(crate) fn approve(&mut self) {
        self.now.trusted = self.now.held.take();
    }

    /// A session that is believed is in use: there is nothing to remember, but that its device is listed.
    pub(crate) fn settle(&mut self) {
        self.now = Row { listed: self.now.listed.take(), ..Row::default() };
    }

    /// What [`write`](Self::write) put into a batch is durable with `version`.
    pub(crate) fn committed(&mut self, version: Version) {
        self.version = (self.now != Row::default()).then_some(version);
        self.before = self.now.clone();
    }

    pub(crate) fn has_changed(&self) -> bool {
        self.now != self.before
    }

    pub(crate) fn write(&self, key: Key, batch: &mut Batch) {
        batch.expect(key.clone(), self.version);
        match self.now == Row::default() {
            true => batch.delete(key),
            false => batch.put(key, self.now.encode_to_vec()),
        }
    }
}

fn identity(bytes: Option<&Vec<u8>>) -> Option<Identity> {
    bytes.and_then(|bytes| Identity::from_bytes(bytes).ok())
}
