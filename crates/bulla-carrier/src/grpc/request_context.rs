use std::fmt;

use tonic::metadata::MetadataMap;
use tonic::{Extensions, Request};

use super::ClientConnection;

/// What a request has besides its message: its metadata, and the connection on which it came.
pub struct RequestContext {
    metadata: MetadataMap,
    extensions: Extensions,
}

impl RequestContext {
    /// Takes a request apart.
    pub(crate) fn of<M>(request: Request<M>) -> (Self, M) {
        let (metadata, extensions, message) = request.into_parts();
        (Self { metadata, extensions }, message)
    }

    /// The request's metadata.
    #[must_use]
    pub const fn metadata(&self) -> &MetadataMap {
        &self.metadata
    }

    /// What the server has put beside the request.
    #[must_use]
    pub const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The connection on which it came, if the server has said so.
    #[must_use]
    pub fn connection(&self) -> Option<&ClientConnection> {
        self.extensions.get()
    }
}

impl fmt::Debug for RequestContext {
    /// Nothing of the metadata: credentials stand there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext").field("connection", &self.connection()).finish_non_exhaustive()
    }
}
