use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::Partition;
use bulla_store::Erased;

/// Which users' erasures were begun and are not known to be done.
#[derive(Debug, Default)]
pub(crate) struct RunningErasures(Mutex<HashMap<Partition, Arc<Asked>>>);

/// One erasure of one user, for everybody who asks for it until it is done.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The receipt, once it is done. Whoever carries it out has the lock.
    pub(crate) done: tokio::sync::Mutex<Option<Erased>>,
}

impl RunningErasures {
    /// The erasure of `user` that is under way, or a new one.
    pub(crate) fn begin(&self, user: Partition) -> Arc<Asked> {
        Arc::clone(self.users().entry(user).or_default())
    }

    pub(crate) fn end(&self, user: Partition) {
        self.users().remove(&user);
    }

    /// The erasure of `user` that is under way, if there is one.
    pub(crate) fn under_way(&self, user: Partition) -> Option<Arc<Asked>> {
        self.users().get(&user).cloned()
    }

    pub(crate) fn is_under_way(&self, user: Partition) -> bool {
        self.users().contains_key(&user)
    }

    fn users(&self) -> MutexGuard<'_, HashMap<Partition, Arc<Asked>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
