use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use thiserror::Error;

use crate::Answering;

/// The port through which files are fetched that a message has by their link. Handed over with
/// [`GraphApi::links`](crate::GraphApi::links).
///
/// # For implementors
/// A business's client writes the URL, and it is fetched from where the host stands: go nowhere it must not,
/// check every address that a name leads to and every redirect, take nothing along of who asks, and end by
/// yourself. How long a file may be is seen to while it is read. Dropping the future, or the stream, gives it
/// up.
pub trait LinkFetcher: Send + Sync + 'static {
    /// Fetches what stands at `url`, which is not empty and has at most
    /// [`MAX_LINK_CHARS`](crate::MAX_LINK_CHARS) characters.
    fn fetch<'a>(&'a self, url: &'a str) -> Answering<'a, FetchedLink, LinkError>;
}

impl<L: LinkFetcher + ?Sized> LinkFetcher for Arc<L> {
    fn fetch<'a>(&'a self, url: &'a str) -> Answering<'a, FetchedLink, LinkError> {
        (**self).fetch(url)
    }
}

/// The bytes of a file that comes, piece by piece.
pub type LinkBytes = Pin<Box<dyn Stream<Item = Result<Bytes, LinkError>> + Send>>;

/// A file that comes.
pub struct FetchedLink {
    pub(crate) media_type: Option<String>,
    pub(crate) bytes: LinkBytes,
}

impl FetchedLink {
    /// A file of which its server says that it is of `media_type`, if it says so.
    #[must_use]
    pub fn new(
        media_type: Option<String>,
        bytes: impl Stream<Item = Result<Bytes, LinkError>> + Send + 'static,
    ) -> Self {
        Self { media_type, bytes: Box::pin(bytes) }
    }
}

impl fmt::Debug for FetchedLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { media_type, bytes: _ } = self;
        write!(f, "FetchedLink({media_type:?})")
    }
}

/// Why a link leads to no file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The business's move: the link is none that is followed.
    #[error("the link cannot be followed")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The web server's: the file did not come, or not whole.
    #[error("the link leads to no file")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}
