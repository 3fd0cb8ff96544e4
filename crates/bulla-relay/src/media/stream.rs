use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::MediaError;

/// The bytes of media, as they are read from where they are kept: as large as they are, in the memory of one
/// piece of [`MEDIA_CHUNK_BYTES`](crate::MEDIA_CHUNK_BYTES).
pub struct MediaStream(Pin<Box<dyn Stream<Item = Result<Bytes, MediaError>> + Send>>);

impl MediaStream {
    /// The bytes that `pieces` yields, in their order.
    pub fn new(pieces: impl Stream<Item = Result<Bytes, MediaError>> + Send + 'static) -> Self {
        Self(Box::pin(pieces))
    }

    /// The next piece; nothing at the end.
    ///
    /// # Errors
    /// When it cannot be read: what was read before is the beginning of it, and no more comes.
    pub async fn next(&mut self) -> Result<Option<Bytes>, MediaError> {
        self.0.next().await.transpose()
    }

    /// Itself, for who serves it.
    #[must_use]
    pub fn into_inner(self) -> Pin<Box<dyn Stream<Item = Result<Bytes, MediaError>> + Send>> {
        self.0
    }
}

impl fmt::Debug for MediaStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MediaStream(…)")
    }
}
