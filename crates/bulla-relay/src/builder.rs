use std::fmt;
use std::sync::Arc;

use bulla_base::{Clock, Rng};
use bulla_store::Store;
use bulla_transport::{Blobs, BoxBlobs, Transport};

use crate::{ApproveAtOnce, Business, EventSink, Relay, RelayError, Settings, TemplateReview};

/// Puts a relay together from its ports: made by [`Relay::builder`].
///
/// What it is opened with is a beginning: businesses are [added](Relay::add_business),
/// [changed](Relay::change_business), [removed](Relay::remove_business) and [erased](Relay::erase_business)
/// while it runs. Once it is open, a host reads its [reports](Relay::reports) and awaits the
/// [end](Relay::stopped).
#[must_use]
pub struct RelayBuilder<S, T, K> {
    pub(crate) store: S,
    pub(crate) transport: T,
    pub(crate) sink: K,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) businesses: Vec<Business>,
    pub(crate) settings: Settings,
    pub(crate) blobs: Option<BoxBlobs>,
    pub(crate) reviewer: Arc<dyn TemplateReview>,
}

impl<S: Store, T: Transport, K: EventSink> RelayBuilder<S, T, K> {
    pub(crate) fn new(store: S, transport: T, sink: K, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        let (businesses, settings, reviewer) = (Vec::new(), Settings::default(), Arc::new(ApproveAtOnce));
        Self { store, transport, sink, clock, rng, businesses, settings, blobs: None, reviewer }
    }

    /// Speaks for `business`, beside those named before; of two with one id, for the first. For a carrier
    /// that wants the number proven it has a [proof](Business::proven_by). One whose number the carrier
    /// refuses is suspended and reported; the relay opens all the same.
    pub fn business(self, business: Business) -> Self {
        self.businesses([business])
    }

    /// Speaks for all of `businesses`, as for [one](Self::business).
    pub fn businesses(mut self, businesses: impl IntoIterator<Item = Business>) -> Self {
        self.businesses.extend(businesses);
        self
    }

    /// Brings pictures and files to the carrier by `blobs`: a clone of the transport, or what shares its
    /// identity. Without it messages with media are refused.
    pub fn blobs(mut self, blobs: impl Blobs) -> Self {
        self.blobs = Some(BoxBlobs::new(blobs));
        self
    }

    /// Has `reviewer` say which message templates may be sent. Without it each is [approved at
    /// once](ApproveAtOnce).
    pub fn template_review(mut self, reviewer: impl TemplateReview) -> Self {
        self.reviewer = Arc::new(reviewer);
        self
    }

    /// Goes by `settings`.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Opens the relay, on a store that is new or was a relay's before, and takes up whatever
    /// was left undone.
    ///
    /// Must be called on a tokio runtime. A carrier that cannot be reached is no error: the relay goes on
    /// trying. What the store needs regularly, such as forgetting, the relay does for as long as it runs.
    ///
    /// If the store tells that it was put back from a backup, the sessions in it open what still comes in
    /// them and are not sealed in any more: the relay takes a later incarnation than any before, writes to
    /// users in new sessions, and then takes the store for the present one. What was accepted after the
    /// backup was taken is lost.
    ///
    /// A business that cannot be spoken for is no error either: one whose keys cannot be read, whose number
    /// the carrier wants proven, or of which a later incarnation has spoken to the carrier, since this relay,
    /// or the copy of the store it was opened on, has been replaced. It is [suspended](Relay::suspended) and
    /// [reported](Relay::reports), and the others are spoken for.
    ///
    /// # Errors
    /// When the store fails, or what it holds of all businesses is damaged. When no relay can run with
    /// these settings.
    ///
    /// # Security
    /// A store that keeps nothing outside of itself cannot tell that it was put back from a backup; then only
    /// a carrier that has seen a later incarnation can. A vault tells.
    ///
    /// # Cost
    /// Two commits a business, one scan of the conversations of the last 30 days, and one of what its account
    /// is still to be told.
    pub async fn open(self) -> Result<Relay<S, T, K>, RelayError> {
        Relay::open(self).await
    }
}

impl<S, T, K> fmt::Debug for RelayBuilder<S, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayBuilder").field("businesses", &self.businesses.len()).finish_non_exhaustive()
    }
}
