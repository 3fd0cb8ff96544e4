use std::sync::Arc;

use bulla_store::Store;
use bulla_transport::grpc::proto::DownloadFrame;
use bulla_transport::{BlobId, BlobPart, Blobs, Caller};
use tokio::sync::{mpsc, oneshot, watch};
use tonic::Status;

use super::blob_places::BlobPlace;
use super::blobs::{frame_bytes, refused, shutting_down, stalled};
use super::connection::Token;
use super::limits::STALL_DEADLINE;
use crate::Carrier;

/// One download, from its first frame to its end. It reads on when there is room for the next frame.
pub(super) struct Download<S> {
    pub(super) carrier: Arc<Carrier<S>>,
    pub(super) caller: Caller,
    pub(super) blob: BlobId,
    pub(super) offset: u64,
    /// How many bytes are wanted from there.
    pub(super) left: u64,
    pub(super) stopping: watch::Receiver<bool>,
    /// Its place, and the connection, which is in use.
    pub(super) held: (BlobPlace, Option<Token>),
}

/// The frames, and why there are no more, if it was cut.
pub(super) type Frames = (mpsc::Receiver<DownloadFrame>, oneshot::Receiver<Status>);

impl<S: Store> Download<S> {
    /// Sends `first` and what follows it, in a task that ends with the download.
    pub(super) fn begin(self, first: BlobPart) -> Frames {
        let (outgoing, frames) = mpsc::channel(1);
        let (cut, why) = oneshot::channel();
        tokio::spawn(async move {
            if let Err(status) = self.run(first, outgoing).await {
                // Who has left does not hear it.
                let _ = cut.send(status);
            }
        });
        (frames, why)
    }

    async fn run(mut self, first: BlobPart, outgoing: mpsc::Sender<DownloadFrame>) -> Result<(), Status> {
        let mut next = first;
        loop {
            let bytes = next.bytes.len() as u64;
            self.send(next, &outgoing).await?;
            (self.offset, self.left) = (self.offset + bytes, self.left.saturating_sub(bytes));
            if self.left == 0 || bytes == 0 {
                break;
            }
            let read =
                self.carrier.download(&self.caller, &self.blob, self.offset, frame_bytes(self.left)).await;
            next = read.map_err(|error| refused(&error))?;
            if next.bytes.is_empty() {
                break;
            }
        }
        drop(self.held);
        Ok(())
    }

    /// Hands on a part when there is room, in time.
    async fn send(&mut self, part: BlobPart, outgoing: &mpsc::Sender<DownloadFrame>) -> Result<(), Status> {
        let frame = DownloadFrame { size: part.size, data: part.bytes };
        tokio::select! {
            biased;
            sent = outgoing.send(frame) => sent.map_err(|_| stalled()),
            _ = self.stopping.wait_for(|is| *is) => Err(shutting_down()),
            () = self.carrier.clock.sleep(STALL_DEADLINE) => Err(stalled()),
        }
    }
}
