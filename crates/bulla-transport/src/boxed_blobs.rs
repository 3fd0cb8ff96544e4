use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::{BlobError, BlobId, BlobPart, BlobProgress, BlobSize, Blobs, Caller};

/// A way to blobs whose kind is known at run time only: for a host that picks it by configuration.
///
/// # Cost
/// One allocation a call, for its future; a clone is a counter.
#[derive(Clone)]
pub struct BoxBlobs(Arc<dyn DynBlobs>);

impl BoxBlobs {
    /// `blobs`, of whatever kind.
    #[must_use]
    pub fn new(blobs: impl Blobs) -> Self {
        Self(Arc::new(blobs))
    }
}

impl Blobs for BoxBlobs {
    async fn begin_upload(
        &self,
        caller: &Caller,
        blob: &BlobId,
        size: BlobSize,
    ) -> Result<BlobProgress, BlobError> {
        self.0.begin_upload(caller, blob, size).await
    }

    async fn upload(
        &self,
        caller: &Caller,
        blob: &BlobId,
        offset: u64,
        part: Bytes,
    ) -> Result<BlobProgress, BlobError> {
        self.0.upload(caller, blob, offset, part).await
    }

    async fn upload_progress(&self, caller: &Caller, blob: &BlobId) -> Result<BlobProgress, BlobError> {
        self.0.upload_progress(caller, blob).await
    }

    async fn download(
        &self,
        caller: &Caller,
        blob: &BlobId,
        offset: u64,
        at_most: usize,
    ) -> Result<BlobPart, BlobError> {
        self.0.download(caller, blob, offset, at_most).await
    }

    async fn delete(&self, caller: &Caller, blob: &BlobId) -> Result<(), BlobError> {
        self.0.delete(caller, blob).await
    }
}

impl fmt::Debug for BoxBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxBlobs(…)")
    }
}

type Answer<'a, R> = Pin<Box<dyn Future<Output = Result<R, BlobError>> + Send + 'a>>;

/// [`Blobs`] in the form of which there can be a `dyn`.
trait DynBlobs: Send + Sync {
    fn begin_upload<'a>(
        &'a self,
        caller: &'a Caller,
        blob: &'a BlobId,
        size: BlobSize,
    ) -> Answer<'a, BlobProgress>;

    fn upload<'a>(
        &'a self,
        caller: &'a Caller,
        blob: &'a BlobId,
        offset: u64,
        part: Bytes,
    ) -> Answer<'a, BlobProgress>;

    fn upload_progress<'a>(&'a self, caller: &'a Caller, blob: &'a BlobId) -> Answer<'a, BlobProgress>;

    fn download<'a>(
        &'a self,
        caller: &'a Caller,
        blob: &'a BlobId,
        offset: u64,
        at_most: usize,
    ) -> Answer<'a, BlobPart>;

    fn delete<'a>(&'a self, caller: &'a Caller, blob: &'a BlobId) -> Answer<'a, ()>;
}

impl<B: Blobs> DynBlobs for B {
    fn begin_upload<'a>(
        &'a self,
        caller: &'a Caller,
        blob: &'a BlobId,
        size: BlobSize,
    ) -> Answer<'a, BlobProgress> {
        Box::pin(Blobs::begin_upload(self, caller, blob, size))
    }

    fn upload<'a>(
        &'a self,
        caller: &'a Caller,
        blob: &'a BlobId,
        offset: u64,
        part: Bytes,
    ) -> Answer<'a, BlobProgress> {
        Box::pin(Blobs::upload(self, caller, blob, offset, part))
    }

    fn upload_progress<'a>(&'a self, caller: &'a Caller, blob: &'a BlobId) -> Answer<'a, BlobProgress> {
        Box::pin(Blobs::upload_progress(self, caller, blob))
    }

    fn download<'a>(
        &'a self,
        caller: &'a Caller,
        blob: &'a BlobId,
        offset: u64,
        at_most: usize,
    ) -> Answer<'a, BlobPart> {
        Box::pin(Blobs::download(self, caller, blob, offset, at_most))
    }

    fn delete<'a>(&'a self, caller: &'a Caller, blob: &'a BlobId) -> Answer<'a, ()> {
        Box::pin(Blobs::delete(self, caller, blob))
    }
}
