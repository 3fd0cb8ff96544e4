//! What has happened so far: each party adds to it, and the demo waits on it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bulla::base::MessageId;
use bulla::content::Progress;
use tokio::sync::watch;

use crate::exit_error::ExitError;
use crate::timing::within;

/// How long nothing may happen before the demo is given up.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The history: written by all, and waited on.
#[derive(Debug, Default)]
pub(super) struct History(watch::Sender<Entries>);

/// What stands in it.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// The texts the business had accepted, by name.
    pub(super) accepted: BTreeSet<String>,
    /// What the business was told of anything, accepted texts and others.
    pub(super) statuses: BTreeMap<String, Vec<String>>,
    /// The texts users sent, and what they were told of them.
    pub(super) said: BTreeMap<MessageId, BTreeSet<Progress>>,
    /// How many texts reached the business.
    pub(super) heard: usize,
    /// The last of them.
    pub(super) heard_last: String,
    /// How many texts reached users.
    pub(super) received: usize,
    /// How many reactions were sent and arrived, either way.
    pub(super) reactions_sent: usize,
    pub(super) reactions_seen: usize,
    /// How long each HTTP request that sent something took.
    pub(super) accept_times: Vec<Duration>,
}

impl Entries {
    /// How many messages were sent, either way.
    pub(super) fn messages(&self) -> usize {
        self.accepted.len() + self.said.len() + self.reactions_sent
    }

    /// How many accepted texts the business was told have come to `status`.
    pub(super) fn reached(&self, status: &str) -> usize {
        self.told().filter(|told| told.iter().any(|one| one == status)).count()
    }

    /// How many texts of users have come to `progress`.
    pub(super) fn came_to(&self, progress: Progress) -> usize {
        self.said.values().filter(|told| told.contains(&progress)).count()
    }

    /// Whether everything that was said has been answered and read, and everybody knows.
    pub(super) fn is_settled(&self) -> bool {
        let all = |count: usize, of: usize| count == of;
        // A user can know that a text was read before the shop has the answer to its answer.
        all(self.accepted.len(), self.said.len())
            && all(self.reached("read"), self.accepted.len())
            && all(self.came_to(Progress::Delivered), self.said.len())
            && all(self.came_to(Progress::Read), self.said.len())
            && all(self.reactions_seen, self.reactions_sent)
    }

    /// An accepted text of which the business was told something else than that it was sent, delivered and
    /// read, once each.
    pub(super) fn out_of_order(&self) -> Option<&[String]> {
        self.told().find(|told| **told != ["sent", "delivered", "read"]).map(Vec::as_slice)
    }

    fn told(&self) -> impl Iterator<Item = &Vec<String>> {
        self.accepted.iter().filter_map(|id| self.statuses.get(id))
    }
}

impl History {
    /// Writes something down.
    pub(super) fn note(&self, note: impl FnOnce(&mut Entries)) {
        self.0.send_modify(note);
    }

    /// Reads something.
    pub(super) fn read<R>(&self, read: impl FnOnce(&Entries) -> R) -> R {
        read(&self.0.borrow())
    }

    /// Takes everything out.
    pub(super) fn take(&self) -> Entries {
        self.0.send_replace(Entries::default())
    }

    /// Waits until something holds.
    pub(super) async fn until(&self, holds: impl FnMut(&Entries) -> bool) {
        // The sender is ours, so it cannot be gone.
        drop(self.0.subscribe().wait_for(holds).await);
    }

    /// Waits until nothing has happened for too long.
    pub(super) async fn stalled(&self) -> ExitError {
        let mut changes = self.0.subscribe();
        while within(TIMEOUT, "progress", changes.changed()).await.is_ok() {}
        self.read(|entries| {
            ExitError::new(format!(
                "nothing has happened for {} s: {} of {} accepted texts read, {} of {} texts of users read, {} of {} reactions seen",
                TIMEOUT.as_secs(),
                entries.reached("read"),
                entries.accepted.len(),
                entries.came_to(Progress::Read),
                entries.said.len(),
                entries.reactions_seen,
                entries.reactions_sent,
            ))
        })
    }
}
