use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bulla_store::Store;
use bulla_transport::grpc::proto::blobs_server::{Blobs as Protocol, BlobsServer};
use bulla_transport::grpc::proto::{
    BeginUploadRequest, BlobRequest, DeleteBlobResponse, DownloadFrame, DownloadRequest, UploadFrame,
    UploadOpen, UploadProgress, upload_frame,
};
use bulla_transport::grpc::{BLOB_FRAME_DATA_BYTES, MAX_BLOB_FRAME_BYTES, blob_id, blob_status};
use bulla_transport::{
    BlobError, BlobProgress, BlobSize, Blobs, Caller, MAX_BLOB_PART_BYTES, TransportError,
};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use tonic::{Request, Response, Status, Streaming};

use super::connection::Token;
use super::download::Download;
use super::limits::{OPENING_DEADLINE, STALL_DEADLINE};
use super::{GrpcService, RequestContext};

/// The carrier's blobs as a service over gRPC, beside [`GrpcService`] and by the same authenticator.
pub struct GrpcBlobs<S>(GrpcService<S>);

impl<S: Store> GrpcBlobs<S> {
    pub(super) const fn new(service: GrpcService<S>) -> Self {
        Self(service)
    }

    pub(super) fn server(self) -> BlobsServer<Self> {
        BlobsServer::new(self)
            .max_decoding_message_size(MAX_BLOB_FRAME_BYTES)
            .max_encoding_message_size(MAX_BLOB_FRAME_BYTES)
    }

    /// The next frame of an upload, in time. None at its end.
    async fn next(
        &self,
        frames: &mut Streaming<UploadFrame>,
        deadline: Duration,
    ) -> Result<Option<upload_frame::Frame>, Status> {
        let mut stopping = self.0.stopping();
        let next = tokio::select! {
            biased;
            next = frames.next() => next,
            _ = stopping.wait_for(|is| *is) => return Err(shutting_down()),
            () = self.0.carrier().clock.sleep(deadline) => return Err(stalled()),
        };
        match next {
            Some(Ok(UploadFrame { frame: Some(frame) })) => Ok(Some(frame)),
            Some(Ok(UploadFrame { frame: None })) => Err(refused(&BlobError::Invalid { field: "data" })),
            Some(Err(status)) => Err(named(status)),
            None => Ok(None),
        }
    }

    /// Puts what an open upload brings, a part at a time.
    async fn receive(
        &self,
        caller: &Caller,
        open: &UploadOpen,
        frames: &mut Streaming<UploadFrame>,
    ) -> Result<BlobProgress, Status> {
        let blob = blob_id(&open.blob).map_err(|error| refused(&error))?;
        let (carrier, mut offset, mut part) = (self.0.carrier(), open.offset, BytesMut::new());
        loop {
            let frame = self.next(frames, STALL_DEADLINE).await?;
            let data = match frame {
                Some(upload_frame::Frame::Data(data)) if !data.is_empty() => data,
                None => Bytes::new(),
                Some(_) => return Err(refused(&BlobError::Invalid { field: "data" })),
            };
            let is_end = data.is_empty();
            if is_end || part.len() + data.len() > MAX_BLOB_PART_BYTES {
                let full = part.split().freeze();
                let bytes = full.len() as u64;
                let put = carrier.upload(caller, &blob, offset, full).await;
                let progress = put.map_err(|error| refused(&error))?;
                if is_end {
                    return Ok(progress);
                }
                offset = offset.saturating_add(bytes);
            }
            part.extend_from_slice(&data);
        }
    }
}

#[tonic::async_trait]
impl<S: Store> Protocol for GrpcBlobs<S> {
    type DownloadStream = Pin<Box<dyn Stream<Item = Result<DownloadFrame, Status>> + Send>>;

    async fn begin_upload(
        &self,
        request: Request<BeginUploadRequest>,
    ) -> Result<Response<UploadProgress>, Status> {
        let (context, BeginUploadRequest { caller, blob, size }) = RequestContext::of(request);
        let begun = async {
            let caller = self.0.caller(&context, caller).await?;
            self.0.carrier().begin_upload(&caller, &blob_id(&blob)?, BlobSize::new(size)?).await
        };
        answered(begun.await)
    }

    async fn upload(
        &self,
        request: Request<Streaming<UploadFrame>>,
    ) -> Result<Response<UploadProgress>, Status> {
        let (context, mut frames) = RequestContext::of(request);
        // The connection is in use while this goes on.
        let _connection = context.extensions().get::<Token>().cloned();
        let first = self.next(&mut frames, OPENING_DEADLINE).await?;
        let Some(upload_frame::Frame::Open(open)) = first else {
            return Err(refused(&BlobError::Invalid { field: "open" }));
        };
        let caller = self.0.caller(&context, open.caller.clone()).await;
        let caller = caller.map_err(|error| refused(&error.into()))?;
        let _place = self.0.blob_places().enter(&caller).map_err(|error| refused(&error.into()))?;
        answered(Ok(self.receive(&caller, &open, &mut frames).await?))
    }

    async fn get_progress(&self, request: Request<BlobRequest>) -> Result<Response<UploadProgress>, Status> {
        let (context, BlobRequest { caller, blob }) = RequestContext::of(request);
        let asked = async {
            let caller = self.0.caller(&context, caller).await?;
            self.0.carrier().upload_progress(&caller, &blob_id(&blob)?).await
        };
        answered(asked.await)
    }

    async fn download(
        &self,
        request: Request<DownloadRequest>,
    ) -> Result<Response<Self::DownloadStream>, Status> {
        let (context, message) = RequestContext::of(request);
        let DownloadRequest { caller, blob, offset, at_most } = message;
        let begun = async {
            let caller = self.0.caller(&context, caller).await?;
            let place = self.0.blob_places().enter(&caller)?;
            let (carrier, blob) = (Arc::clone(self.0.carrier()), blob_id(&blob)?);
            let left = if at_most == 0 { u64::MAX } else { at_most };
            // What is refused is so before anything is sent.
            let first = carrier.download(&caller, &blob, offset, frame_bytes(left)).await?;
            let stopping = self.0.stopping();
            let held = (place, context.extensions().get::<Token>().cloned());
            Ok(Download { carrier, caller, blob, offset, left, stopping, held }.begin(first))
        };
        let frames = begun.await.map_err(|error: BlobError| refused(&error))?;
        // The end of the frames is followed by why, if they were cut.
        let frames = stream::unfold(Some(frames), |state| async move {
            let (mut frames, cut) = state?;
            match frames.recv().await {
                Some(frame) => Some((Ok(frame), Some((frames, cut)))),
                None => cut.await.ok().map(|status| (Err(status), None)),
            }
        });
        Ok(Response::new(frames.boxed()))
    }

    async fn delete_blob(
        &self,
        request: Request<BlobRequest>,
    ) -> Result<Response<DeleteBlobResponse>, Status> {
        let (context, BlobRequest { caller, blob }) = RequestContext::of(request);
        let deleted = async {
            let caller = self.0.caller(&context, caller).await?;
            self.0.carrier().delete(&caller, &blob_id(&blob)?).await
        };
        let deleted = deleted.await.map_err(|error| refused(&error));
        deleted.map(|()| Response::new(DeleteBlobResponse {}))
    }
}

/// How many bytes the next frame has, of so many that are left.
pub(super) fn frame_bytes(left: u64) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(BLOB_FRAME_DATA_BYTES)
}

pub(super) fn refused(error: &BlobError) -> Status {
    blob_status(error)
}

pub(super) fn stalled() -> Status {
    refused(&TransportError::unavailable("the other side was silent for too long").into())
}

pub(super) fn shutting_down() -> Status {
    refused(&TransportError::unavailable("the carrier stops").into())
}

fn answered(outcome: Result<BlobProgress, BlobError>) -> Result<Response<UploadProgress>, Status> {
    let progress = outcome.map_err(|error| refused(&error))?;
    Ok(Response::new(UploadProgress { stored: progress.stored(), size: progress.size().bytes() }))
}

/// What a stream ends with that could not be read on. If that was for a frame that is too long, it says so as
/// we do.
fn named(status: Status) -> Status {
    match status.code() {
        tonic::Code::OutOfRange => {
            let (field, actual, limit) = ("frame (bytes)", 0, MAX_BLOB_FRAME_BYTES as u64);
            refused(&BlobError::TooLarge { field, actual, limit })
        }
        _ => status,
    }
}

impl<S> Clone for GrpcBlobs<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> fmt::Debug for GrpcBlobs<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GrpcBlobs(…)")
    }
}
