use bulla_store::Counter;

/// A message of a business that is being queued, and whose user counts for its limit. Dropped, it did not go,
/// and nothing of it counts any more.
pub(crate) struct Held {
    /// That its user counts: to be in the record of the message.
    counted: Option<Counter>,
    settle: Option<Box<dyn FnOnce(bool) + Send>>,
}

impl Held {
    /// One of which `settle` is told whether it went.
    pub(super) fn new(counted: Option<Counter>, settle: impl FnOnce(bool) + Send + 'static) -> Self {
        Self { counted, settle: Some(Box::new(settle)) }
    }

    /// What has to be in its record.
    pub(crate) const fn counted(&self) -> Option<&Counter> {
        self.counted.as_ref()
    }

    /// The message is in the store.
    pub(crate) fn went(mut self) {
        self.settle(true);
    }

    fn settle(&mut self, went: bool) {
        if let Some(settle) = self.settle.take() {
            settle(went);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.settle(false);
    }
}
