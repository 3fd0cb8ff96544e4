//! Blobs as the wire has them.

use std::net::SocketAddr;
use std::sync::Arc;

use bulla_base::{Clock, SeededRng};
use bulla_carrier::grpc::{
    Admission, Authenticator, GrpcService, GrpcSettings, Listening, NoAuthentication, ProvenIdentity,
    RequestContext, STALL_DEADLINE, serve,
};
use bulla_carrier::{BlobSettings, BlobStorage, Carrier, FolderBlobs, TrustedHost};
use bulla_store::{BoxStore, MemoryStore, Store};
use bulla_transport::grpc::proto::blobs_client::BlobsClient;
use bulla_transport::grpc::proto::{
    BeginUploadRequest, BlobRequest, DownloadRequest, UploadFrame, UploadOpen, UploadProgress, upload_frame,
};
use bulla_transport::grpc::{GrpcTransport, MAX_BLOB_FRAME_BYTES, PlainTcp, Tls};
use bulla_transport::{
    BlobError, BlobId, BlobSize, Blobs, BoxBlobs, Caller, IdentityProblem, Transport, TransportError,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tonic::{Code, Status};

use super::{Requests, Steps, listener, tls};
use crate::identities::signing;
use crate::{alice, caller};

/// The way to the carrier's blobs over TLS.
pub(crate) async fn blobs_over_tls<S: Store>(carrier: &Arc<Carrier<S>>, clock: Arc<dyn Clock>) -> BoxBlobs {
    let listener = listener().await;
    let address = listener.local_addr().unwrap().to_string();
    let identities = ProvenIdentity::new(clock.clone(), &SeededRng::new(2));
    let service = GrpcService::new(Arc::clone(carrier), identities, GrpcSettings::default());
    let (shown, config) = tls::server();
    let listening = Listening::with_tls(listener, config).showing(&shown);
    tokio::spawn(serve(service, listening, std::future::pending()));
    let connector = Tls::new("carrier.example", 443, tls::client(clock.clone())).unwrap().at(address);
    BoxBlobs::new(signing(GrpcTransport::new(connector, clock, Arc::new(SeededRng::new(3)))))
}

/// 52 chunks: more than three parts.
const LARGE: u64 = 52 * 65_552;
const ID: [u8; 32] = [9; 32];

/// A carrier that is served, and a client as one in another language would be.
struct Wire {
    clock: Arc<Steps>,
    address: SocketAddr,
    client: BlobsClient<Requests>,
    her: Caller,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    _folder: TempDir,
}

impl Wire {
    async fn new(authenticator: impl Authenticator) -> Self {
        let (clock, folder, listener) = (Steps::new(), tempfile::tempdir().unwrap(), listener().await);
        let storage = BlobStorage::new(FolderBlobs::open(folder.path()).unwrap(), BlobSettings::default());
        let (store, rng, verifier) = (MemoryStore::new(), SeededRng::new(1), Arc::new(TrustedHost));
        let carrier = Carrier::open_with_blobs(BoxStore::new(store), clock.clone(), &rng, verifier, storage)
            .await
            .unwrap();
        let her = caller(alice(), 1);
        carrier.connect(&her).await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = GrpcService::new(Arc::new(carrier), authenticator, GrpcSettings::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(service, Listening::in_plain(listener), async move {
            // Also when the test is over.
            let _ = stopped.await;
        }));
        let client = raw(address).await;
        Self { clock, address, client, her, stop, server, _folder: folder }
    }

    async fn begin(&mut self, size: u64) -> Result<UploadProgress, Status> {
        let (caller, blob) = (Some((&self.her).into()), Bytes::from_static(&ID));
        let begun = self.client.begin_upload(BeginUploadRequest { caller, blob, size }).await;
        begun.map(tonic::Response::into_inner)
    }

    /// What is durable.
    async fn stored(&mut self) -> u64 {
        let request = BlobRequest { caller: Some((&self.her).into()), blob: Bytes::from_static(&ID) };
        self.client.get_progress(request).await.unwrap().into_inner().stored
    }

    fn open(&self, offset: u64) -> UploadFrame {
        let (caller, blob) = (Some((&self.her).into()), Bytes::from_static(&ID));
        UploadFrame { frame: Some(upload_frame::Frame::Open(UploadOpen { caller, blob, offset })) }
    }

    /// An upload of these frames.
    async fn upload(&mut self, frames: Vec<UploadFrame>) -> Result<u64, Status> {
        self.client.upload(stream::iter(frames)).await.map(|answer| answer.into_inner().stored)
    }

    async fn download(&mut self, offset: u64, at_most: u64) -> Result<Vec<u8>, Status> {
        let (caller, blob) = (Some((&self.her).into()), Bytes::from_static(&ID));
        let request = DownloadRequest { caller, blob, offset, at_most };
        let mut frames = self.client.download(request).await?.into_inner();
        let mut bytes = Vec::new();
        while let Some(frame) = frames.next().await {
            let frame = frame?;
            assert_eq!(frame.size, LARGE);
            bytes.extend_from_slice(&frame.data);
        }
        Ok(bytes)
    }
}

async fn raw(address: SocketAddr) -> BlobsClient<Requests> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (requests, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    BlobsClient::with_origin(Requests(requests), format!("http://{address}").parse().unwrap())
}

fn data(bytes: impl Into<Bytes>) -> UploadFrame {
    UploadFrame { frame: Some(upload_frame::Frame::Data(bytes.into())) }
}

fn content() -> Vec<u8> {
    (0..LARGE).map(|place| u8::try_from(place * 31 / 7 % 251).unwrap()).collect()
}

#[tokio::test]
async fn a_whole_blob_goes_up_on_one_stream_and_comes_down_on_one() {
    let mut wire = Wire::new(NoAuthentication).await;
    assert_eq!(wire.begin(LARGE).await.unwrap().stored, 0);
    let content = content();
    let mut frames = vec![wire.open(0)];
    // As large as they may be.
    frames.extend(content.chunks(MAX_BLOB_FRAME_BYTES - 4).map(|piece| data(piece.to_vec())));
    assert_eq!(wire.upload(frames).await.unwrap(), LARGE);
    assert!(wire.download(0, 0).await.unwrap() == content);
    assert!(wire.download(1_000_001, 0).await.unwrap() == content[1_000_001..]);
    assert!(wire.download(1_000_001, 200_000).await.unwrap() == content[1_000_001..1_200_001]);
    assert!(wire.download(LARGE, 0).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_upload_whose_connection_is_cut_goes_on_where_it_is_durable() {
    let mut wire = Wire::new(NoAuthentication).await;
    wire.begin(LARGE).await.unwrap();
    let (content, mut cuts) = (content(), 0);
    loop {
        let stored = wire.stored().await;
        let rest = &content[usize::try_from(stored).unwrap()..];
        if rest.len() <= 20 * 65_552 {
            let mut frames = vec![wire.open(stored)];
            frames.extend(rest.chunks(65_552).map(|piece| data(piece.to_vec())));
            assert_eq!(wire.upload(frames).await.unwrap(), LARGE);
            break;
        }
        // A connection that is gone after some frames more than a part.
        let (frames, mut written) = mpsc::unbounded_channel();
        frames.send(wire.open(stored)).unwrap();
        for piece in rest.chunks(65_552).take(18) {
            frames.send(data(piece.to_vec())).unwrap();
        }
        let mut other = raw(wire.address).await;
        let written = stream::poll_fn(move |cx| written.poll_recv(cx));
        let uploading = tokio::spawn(async move { other.upload(written).await });
        while wire.stored().await == stored {
            tokio::task::yield_now().await;
        }
        uploading.abort();
        assert!(uploading.await.is_err());
        drop(frames);
        cuts += 1;
    }
    assert!(cuts >= 2, "{cuts}");
    assert!(wire.download(0, 0).await.unwrap() == content);
}

#[tokio::test]
async fn what_is_too_much_or_nothing_at_all_is_refused_by_name() {
    let mut wire = Wire::new(NoAuthentication).await;
    let refused = wire.begin(LARGE + 1).await.err().unwrap();
    let words = (refused.code(), refused.message());
    assert_eq!(words, (Code::InvalidArgument, "3408705 bytes are no size to which a blob is sealed"));
    let refused = wire.begin(u64::MAX).await.err().unwrap();
    assert_eq!(refused.message(), format!("blob (bytes) is {}, but at most 104883200 is allowed", u64::MAX));
    wire.begin(LARGE).await.unwrap();
    let open = wire.open(0);
    let short =
        UploadOpen { caller: Some((&wire.her).into()), blob: Bytes::from_static(&[1; 31]), offset: 0 };
    let short = UploadFrame { frame: Some(upload_frame::Frame::Open(short)) };
    for (frames, why) in [
        (vec![], "open is missing or not valid"),
        (vec![data(vec![1])], "open is missing or not valid"),
        (vec![short], "blob is missing or not valid"),
        (vec![open.clone(), open.clone()], "data is missing or not valid"),
        (vec![open.clone(), data(vec![])], "data is missing or not valid"),
        (vec![open.clone(), UploadFrame { frame: None }], "data is missing or not valid"),
        (
            vec![open.clone(), data(vec![0; MAX_BLOB_FRAME_BYTES])],
            "frame (bytes) is 0, but at most 262144 is allowed",
        ),
        (vec![wire.open(1), data(vec![1])], "the upload goes on at byte 0, not at 1"),
    ] {
        let refused = wire.upload(frames).await.unwrap_err();
        assert_eq!(refused.message(), why);
    }
    assert_eq!(wire.stored().await, 0);
    let refused = wire.download(0, 0).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::FailedPrecondition, "the blob's upload is not done")
    );
}

/// A place among uploads is not for who says nothing.
#[tokio::test]
async fn an_upload_that_falls_silent_ends_and_so_does_a_server_with_one() {
    let mut wire = Wire::new(NoAuthentication).await;
    wire.begin(LARGE).await.unwrap();
    let mut silent = Vec::new();
    for _ in 0..2 {
        let (frames, mut written) = mpsc::unbounded_channel();
        frames.send(wire.open(0)).unwrap();
        let mut client = wire.client.clone();
        let written = stream::poll_fn(move |cx| written.poll_recv(cx));
        let uploading = tokio::spawn(async move { client.upload(written).await.err().unwrap() });
        if silent.is_empty() {
            while !uploading.is_finished() {
                wire.clock.advance(STALL_DEADLINE);
                for _ in 0..50 {
                    tokio::task::yield_now().await;
                }
            }
            let ended = uploading.await.unwrap();
            assert_eq!(ended.code(), Code::Unavailable, "{ended:?}");
            silent.push(frames);
            continue;
        }
        // It is open when another call behind it was answered.
        for _ in 0..3 {
            wire.stored().await;
        }
        wire.stop.send(()).unwrap();
        assert_eq!(uploading.await.unwrap().code(), Code::Unavailable);
        drop(wire.client);
        wire.server.await.unwrap();
        break;
    }
}

/// Lets nobody speak.
struct Nobody;

impl Authenticator for Nobody {
    fn may_speak<'a>(&'a self, _: &'a RequestContext, _: &'a Caller) -> Admission<'a> {
        let refused = TransportError::Unauthenticated { problem: IdentityProblem::Missing };
        Box::pin(std::future::ready(Err(refused)))
    }
}

#[tokio::test]
async fn who_may_not_speak_comes_to_no_blob() {
    let wire = Wire::new(Nobody).await;
    let connector = PlainTcp::new(wire.address.to_string()).unwrap();
    let blobs = GrpcTransport::new(connector, wire.clock.clone(), Arc::new(SeededRng::new(5)));
    let id = BlobId::from_bytes(ID);
    for refused in [
        blobs.begin_upload(&wire.her, &id, BlobSize::LARGEST).await.map(drop),
        blobs.upload(&wire.her, &id, 0, Bytes::new()).await.map(drop),
        blobs.upload_progress(&wire.her, &id).await.map(drop),
        blobs.download(&wire.her, &id, 0, 1).await.map(drop),
        blobs.delete(&wire.her, &id).await,
    ] {
        assert!(
            matches!(refused, Err(BlobError::Transport(TransportError::Unauthenticated { .. }))),
            "{refused:?}"
        );
    }
}
