use bulla_graph::{Answering, FetchedLink, LinkError, LinkFetcher};
use bulla_webhook::{FetchError, Fetcher};
use futures_util::StreamExt;

/// Has the Graph API fetch files from links by the same rules by which webhooks are called: a
/// [`Fetcher`] as a [`LinkFetcher`].
///
/// ```
/// use std::sync::Arc;
///
/// use bulla::webhook::{Connector, Fetcher};
/// use bulla::{FetchLinks, SystemClock};
///
/// let links = FetchLinks::by(Fetcher::new(Connector::new(), Arc::new(SystemClock)));
/// ```
#[derive(Debug, Clone)]
pub struct FetchLinks(Fetcher);

impl FetchLinks {
    /// By `fetcher`.
    #[must_use]
    pub const fn by(fetcher: Fetcher) -> Self {
        Self(fetcher)
    }
}

impl LinkFetcher for FetchLinks {
    fn fetch<'a>(&'a self, url: &'a str) -> Answering<'a, FetchedLink, LinkError> {
        Box::pin(async move {
            let fetched = self.0.fetch(url).await.map_err(refused)?;
            let media_type = fetched.media_type().map(str::to_owned);
            Ok(FetchedLink::new(media_type, fetched.into_bytes().map(|piece| piece.map_err(refused))))
        })
    }
}

fn refused(error: FetchError) -> LinkError {
    match error {
        FetchError::Url { .. } | FetchError::Https | FetchError::Redirects => {
            LinkError::Refused(error.into())
        }
        _ => LinkError::Failed(error.into()),
    }
}
