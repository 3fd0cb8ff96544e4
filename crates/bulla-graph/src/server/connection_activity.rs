use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What has happened on one connection, as its parts tell each other.
#[derive(Debug, Default)]
pub(super) struct Activity {
    received: AtomicU64,
    ended: AtomicBool,
    answered: AtomicBool,
    unread: AtomicBool,
}

impl Activity {
    /// `bytes` more have come.
    pub(super) fn receive(&self, bytes: usize) {
        if bytes == 0 {
            // Relaxed here and below: all parts of one connection run in its one task.
            self.ended.store(true, Ordering::Relaxed);
        } else {
            self.received.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    /// How many bytes have come.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Whether the client has said all that it has to say.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// A request has been answered, and `unread` when the connection ends with it because some of the request
    /// was not read.
    pub(super) fn answer(&self, unread: bool) {
        self.answered.store(true, Ordering::Relaxed);
        self.unread.fetch_or(unread, Ordering::Relaxed);
    }

    /// Whether a request has been answered.
    pub(super) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Whether some of the last request was not read.
    pub(super) fn has_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }
}
