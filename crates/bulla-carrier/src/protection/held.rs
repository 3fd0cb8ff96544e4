/// A message of a business that is being queued, and whose user counts for its limit. Dropped, it did not go,
/// and nothing of it counts any more.
pub(crate) struct Held(Option<Box<dyn FnOnce(bool) + Send>>);

impl Held {
    /// One of which `settle` is told whether it went.
    pub(super) fn new(settle: impl FnOnce(bool) + Send + 'static) -> Self {
        Self(Some(Box::new(settle)))
    }

    /// The message is in the store.
    pub(crate) fn went(mut self) {
        self.settle(true);
    }

    fn settle(&mut self, went: bool) {
        if let Some(settle) = self.0.take() {
            settle(went);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.settle(false);
    }
}
