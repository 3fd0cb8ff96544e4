use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tonic::{Request, Response, Status};

use super::pieces;
use super::refusal::blob_error_of;
use crate::grpc::GrpcTransport;
use crate::grpc::client::{Inner, another_answer};
use crate::grpc::connection::Channel;
use crate::grpc::limits::{CALL_DEADLINE, MAX_BLOB_FRAME_BYTES};
use crate::grpc::proto::blobs_client::BlobsClient;
use crate::grpc::proto::{
    BeginUploadRequest, BlobRequest, DownloadRequest, UploadFrame, UploadOpen, UploadProgress, upload_frame,
};
use crate::{
    BlobError, BlobId, BlobPart, BlobProgress, BlobSize, Blobs, Caller, MAX_BLOB_PART_BYTES, TransportError,
};

impl Inner {
    /// Makes a call about a blob, for which the carrier does not wait. If the credential is not taken,
    /// another is asked for, once.
    async fn blob_call<M: Clone, R, F: Future<Output = Result<R, Status>>>(
        &self,
        caller: &Caller,
        message: M,
        call: impl Fn(BlobsClient<Channel>, Request<M>) -> F,
    ) -> Result<R, BlobError> {
        let mut refused = None;
        loop {
            let channel = self.connection.channel().await?;
            let credential = Box::pin(self.credential(&channel, caller, refused.as_ref())).await?;
            let request = self.request(message.clone(), credential.as_ref());
            let client = BlobsClient::with_origin(channel.clone(), self.connection.origin().clone())
                .max_decoding_message_size(MAX_BLOB_FRAME_BYTES)
                .max_encoding_message_size(MAX_BLOB_FRAME_BYTES);
            let heard = channel.heard();
            let answer = match self.connection.within(CALL_DEADLINE, call(client, request)).await {
                Ok(answer) => answer.map_err(blob_error_of),
                Err(error) => {
                    channel.unanswered(heard);
                    return Err(error.into());
                }
            };
            // A refusal is an answer; an error of the network is none.
            if !matches!(&answer, Err(BlobError::Transport(error)) if error.may_pass()) {
                channel.answered();
            }
            match answer {
                Err(BlobError::Transport(TransportError::Unauthenticated { .. }))
                    if refused.is_none() && credential.is_some() =>
                {
                    refused = credential;
                }
                answer => return answer,
            }
        }
    }
}

/// Bytes go over the wire in frames of 64 KiB; HTTP/2 holds back whoever is faster than the other side.
impl Blobs for GrpcTransport {
    async fn begin_upload(
        &self,
        caller: &Caller,
        blob: &BlobId,
        size: BlobSize,
    ) -> Result<BlobProgress, BlobError> {
        let (blob, size) = (wire_id(blob), size.bytes());
        let request = BeginUploadRequest { caller: Some(caller.into()), blob, size };
        let begun = async |mut client: BlobsClient<Channel>, request| client.begin_upload(request).await;
        progress(self.inner.blob_call(caller, request, begun).await?)
    }

    async fn upload(
        &self,
        caller: &Caller,
        blob: &BlobId,
        offset: u64,
        part: Bytes,
    ) -> Result<BlobProgress, BlobError> {
        let open = UploadOpen { caller: Some(caller.into()), blob: wire_id(blob), offset };
        let frames = std::iter::once(upload_frame::Frame::Open(open))
            .chain(pieces(part).map(upload_frame::Frame::Data))
            .map(|frame| UploadFrame { frame: Some(frame) });
        // Their bytes are shared.
        let frames: Vec<_> = frames.collect();
        let uploaded = async |mut client: BlobsClient<Channel>, frames: Request<Vec<UploadFrame>>| {
            client.upload(frames.map(futures_util::stream::iter)).await
        };
        progress(self.inner.blob_call(caller, frames, uploaded).await?)
    }

    async fn upload_progress(&self, caller: &Caller, blob: &BlobId) -> Result<BlobProgress, BlobError> {
        let request = BlobRequest { caller: Some(caller.into()), blob: wire_id(blob) };
        let asked = async |mut client: BlobsClient<Channel>, request| client.get_progress(request).await;
        progress(self.inner.blob_call(caller, request, asked).await?)
    }

    async fn download(
        &self,
        caller: &Caller,
        blob: &BlobId,
        offset: u64,
        at_most: usize,
    ) -> Result<BlobPart, BlobError> {
        // On the wire 0 asks for everything.
        let wanted = at_most.clamp(1, MAX_BLOB_PART_BYTES);
        let (from, blob) = (Some(caller.into()), wire_id(blob));
        let request = DownloadRequest { caller: from, blob, offset, at_most: wanted as u64 };
        let fetched = async |mut client: BlobsClient<Channel>, request| {
            let mut frames = client.download(request).await?.into_inner();
            let (mut size, mut bytes) = (None, BytesMut::new());
            while let Some(frame) = frames.next().await {
                let frame = frame?;
                size = Some(frame.size);
                if bytes.len() + frame.data.len() > wanted {
                    return Err(Status::internal("the carrier sent more than it was asked for"));
                }
                bytes.extend_from_slice(&frame.data);
            }
            Ok((size, bytes))
        };
        let (size, mut bytes) = self.inner.blob_call(caller, request, fetched).await?;
        bytes.truncate(at_most);
        Ok(BlobPart::new(size.ok_or_else(another_answer)?, bytes.freeze()))
    }

    async fn delete(&self, caller: &Caller, blob: &BlobId) -> Result<(), BlobError> {
        let request = BlobRequest { caller: Some(caller.into()), blob: wire_id(blob) };
        let deleted = async |mut client: BlobsClient<Channel>, request| client.delete_blob(request).await;
        self.inner.blob_call(caller, request, deleted).await.map(|_| ())
    }
}

fn wire_id(blob: &BlobId) -> Bytes {
    Bytes::copy_from_slice(blob.as_bytes())
}

/// How far an upload is, if the carrier tells something that can be.
fn progress(answer: Response<UploadProgress>) -> Result<BlobProgress, BlobError> {
    let UploadProgress { stored, size } = answer.into_inner();
    match BlobSize::new(size) {
        Ok(of) if stored <= size => Ok(BlobProgress::new(stored, of)),
        _ => Err(another_answer().into()),
    }
}
