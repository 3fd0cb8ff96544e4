use std::sync::PoisonError;

use bulla_store::Store;
use bulla_transport::{
    BlobError, BlobId, BlobPart, BlobProgress, BlobSize, Blobs, Caller, MAX_BLOB_PART_BYTES, TransportError,
};
use bytes::Bytes;
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

use super::{BlobName, BlobWork};
use crate::Carrier;
use crate::metrics::{BLOB_BYTES, BLOBS, BLOBS_REFUSED};

/// The carrier as the way to blobs of a program that holds it.
impl<S: Store> Blobs for Carrier<S> {
    async fn begin_upload(
        &self,
        caller: &Caller,
        blob: &BlobId,
        size: BlobSize,
    ) -> Result<BlobProgress, BlobError> {
        let begun = async {
            let work = self.blob_work()?;
            self.nobody_is_being_erased(caller.address()).await?;
            let _pass = self.pass(caller).await?;
            let (uploader, name) = (self.partition(caller.address()), BlobName::of(blob));
            let quota = *work.storage.settings.quota_of(caller.address());
            let held = work.hold(uploader, &name).await;
            let task = work.clone();
            self.carried_through(async move { task.begin(uploader, name, size, quota, held).await }).await
        };
        let begun = self.watched_blob(self.call("begin upload", caller.address(), None), begun).await?;
        count("begun", begun.stored() == 0);
        Ok(begun)
    }

    async fn upload(
        &self,
        caller: &Caller,
        blob: &BlobId,
        offset: u64,
        part: Bytes,
    ) -> Result<BlobProgress, BlobError> {
        let bytes = part.len() as u64;
        let uploaded = async {
            let work = self.blob_work()?;
            let limit = MAX_BLOB_PART_BYTES as u64;
            if bytes > limit {
                return Err(BlobError::TooLarge { field: "part (bytes)", actual: bytes, limit });
            }
            self.nobody_is_being_erased(caller.address()).await?;
            let _pass = self.pass(caller).await?;
            let (uploader, name) = (self.partition(caller.address()), BlobName::of(blob));
            let held = work.hold(uploader, &name).await;
            let task = work.clone();
            self.carried_through(async move { task.put(uploader, name, offset, part, held).await }).await
        };
        let stored = self.watched_blob(self.call("upload", caller.address(), None), uploaded).await?;
        metrics::counter!(BLOB_BYTES, "kind" => "uploaded").increment(bytes);
        count("completed", stored.is_complete() && bytes > 0);
        Ok(stored)
    }

    async fn upload_progress(&self, caller: &Caller, blob: &BlobId) -> Result<BlobProgress, BlobError> {
        let asked = async {
            let work = self.blob_work()?;
            self.nobody_is_being_erased(caller.address()).await?;
            let _pass = self.pass(caller).await?;
            let (uploader, name) = (self.partition(caller.address()), BlobName::of(blob));
            let held = work.hold(uploader, &name).await;
            let task = work.clone();
            self.carried_through(async move { task.progress(uploader, name, held).await }).await
        };
        self.watched_blob(self.call("upload progress", caller.address(), None), asked).await
    }

    async fn download(
        &self,
        caller: &Caller,
        blob: &BlobId,
        offset: u64,
        at_most: usize,
    ) -> Result<BlobPart, BlobError> {
        let read = async {
            let work = self.blob_work()?;
            self.nobody_is_being_erased(caller.address()).await?;
            // Not held while a disk reads: nothing of the caller's is changed.
            drop(self.pass(caller).await?);
            work.read(BlobName::of(blob), offset, at_most.min(MAX_BLOB_PART_BYTES)).await
        };
        let read = self.watched_blob(self.call("download", caller.address(), None), read).await?;
        metrics::counter!(BLOB_BYTES, "kind" => "downloaded").increment(read.bytes.len() as u64);
        Ok(read)
    }

    async fn delete(&self, caller: &Caller, blob: &BlobId) -> Result<(), BlobError> {
        let deleted = async {
            let work = self.blob_work()?;
            self.nobody_is_being_erased(caller.address()).await?;
            let _pass = self.pass(caller).await?;
            let (uploader, name) = (self.partition(caller.address()), BlobName::of(blob));
            let held = work.hold(uploader, &name).await;
            let task = work.clone();
            self.carried_through(async move { task.delete(uploader, name, held).await }).await
        };
        self.watched_blob(self.call("delete blob", caller.address(), None), deleted).await?;
        count("deleted", true);
        Ok(())
    }
}

impl<S: Store> Carrier<S> {
    fn blob_work(&self) -> Result<&BlobWork<S>, BlobError> {
        self.blobs.as_ref().ok_or(BlobError::NotOffered)
    }

    /// What `work` comes to, which goes on when whoever waits leaves: else a file that is being written, and
    /// its row, were not under its lock.
    async fn carried_through<R: Send + 'static>(
        &self,
        work: impl Future<Output = Result<R, BlobError>> + Send + 'static,
    ) -> Result<R, BlobError> {
        let (done, outcome) = oneshot::channel();
        let working = async move {
            // Who has left does not hear it.
            let _ = done.send(work.await);
        };
        {
            let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
            while commits.try_join_next().is_some() {}
            commits.spawn(working.in_current_span());
        }
        // It is cut short when the carrier is dropped.
        outcome.await.map_err(TransportError::unavailable)?
    }

    /// Carries out a call about a blob in `span`, and takes note of what it comes to.
    async fn watched_blob<R>(
        &self,
        span: Span,
        call: impl Future<Output = Result<R, BlobError>> + Send,
    ) -> Result<R, BlobError> {
        let call = Box::pin(call);
        let outcome = call.instrument(span.clone()).await;
        let _entered = span.entered();
        if let Err(error) = &outcome {
            let reason = reason(error);
            metrics::counter!(BLOBS_REFUSED, "reason" => reason).increment(1);
            tracing::debug!(reason, "a call about a blob was refused");
        }
        match outcome {
            // A store that has failed for good is the end of the carrier, whoever met it.
            Err(BlobError::Transport(error)) => self.noted(Err(error)).map_err(BlobError::from),
            outcome => outcome,
        }
    }
}

fn count(kind: &'static str, happened: bool) {
    if happened {
        metrics::counter!(BLOBS, "kind" => kind).increment(1);
    }
}

fn reason(error: &BlobError) -> &'static str {
    match error {
        BlobError::Transport(_) => "call",
        BlobError::NotOffered => "not_offered",
        BlobError::Unknown => "unknown",
        BlobError::Incomplete => "incomplete",
        BlobError::Taken => "taken",
        BlobError::Gap { .. } => "gap",
        BlobError::NoBucket { .. } | BlobError::TooLarge { .. } | BlobError::Invalid { .. } => "invalid",
        BlobError::Quota { .. } => "quota",
        BlobError::StorageFull => "storage_full",
        _ => "other",
    }
}
