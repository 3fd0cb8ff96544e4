//! A device that a dishonest carrier adds to those of every user: nothing is ever sealed for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bulla::envelope::{Envelope, KeyBundle, KeyUpload};
use bulla::transport::TransportError;
use bulla_base::{Address, DeviceId, MAX_DEVICES, Party};

use crate::invariants::Invariant;
use crate::run_log::RunLog;

/// What a carrier that adds a device says and sees.
pub(crate) struct GhostDevice {
    run_log: Arc<RunLog>,
    /// What the first device of each user has left last.
    keys: Mutex<BTreeMap<Vec<u8>, KeyUpload>>,
}

impl GhostDevice {
    pub(crate) const fn new(run_log: Arc<RunLog>) -> Self {
        Self { run_log, keys: Mutex::new(BTreeMap::new()) }
    }

    /// Which of a user's devices it is said to be: none that anybody has in the simulator.
    fn device() -> DeviceId {
        DeviceId::new(MAX_DEVICES).unwrap()
    }

    /// `owner` has left `keys`.
    pub(crate) fn sees_keys(&self, owner: &Address, keys: &KeyUpload) {
        if is_of_user(owner) && owner.device() == DeviceId::PRIMARY {
            self.keys.lock().unwrap().insert(owner.party().to_bytes().to_vec(), keys.clone());
        }
    }

    /// Its keys, if `of` is it: those that somebody has left, and the list of the user's own.
    pub(crate) fn keys_of(&self, of: &Address) -> Option<KeyBundle> {
        if !is_of_user(of) || of.device() != Self::device() {
            return None;
        }
        let all = self.keys.lock().unwrap();
        let own = all.get(&of.party().to_bytes()[..])?;
        let somebody = all.values().find(|keys| keys.identity != own.identity).unwrap_or(own);
        let bundle = KeyBundle::new(of.device(), somebody, None).ok()?.listed(own.device_list.clone());
        bundle.among([DeviceId::PRIMARY, of.device()].into_iter().collect()).ok()
    }

    /// `bundle` of another device, which tells of it as well.
    pub(crate) fn joins(&self, of: &Address, bundle: KeyBundle) -> KeyBundle {
        if !is_of_user(of) {
            return bundle;
        }
        let devices = bundle.devices().unwrap().with(Self::device());
        bundle.among(devices).unwrap()
    }

    /// `envelope` as the carrier itself takes it.
    pub(crate) fn passes(&self, envelope: Envelope) -> Result<Envelope, TransportError> {
        if !is_of_user(envelope.to()) {
            return Ok(envelope);
        }
        if envelope.to().device() == Self::device() {
            let what = format_args!("{} is sealed for a device that nobody has listed", envelope.id());
            self.run_log.violated(Invariant::Sealed, what);
        }
        match envelope.devices() {
            Some(known) if !known.contains(Self::device()) => {
                Err(TransportError::Devices { now: known.with(Self::device()) })
            }
            Some(known) => Ok(envelope.among(known.without(Self::device()))?),
            None => Ok(envelope),
        }
    }
}

const fn is_of_user(address: &Address) -> bool {
    matches!(address.party(), Party::User(_))
}
