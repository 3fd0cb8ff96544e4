//! A picture from one party to another: sealed, brought to the carrier, told of in a message, fetched,
//! checked and opened.

use std::path::Path;
use std::sync::Arc;

use bulla::Host;
use bulla::base::{Address, Number, PhoneNumberId, Rng, SeededRng};
use bulla::carrier::grpc::{GrpcService, GrpcSettings, Listening, NoAuthentication, serve};
use bulla::carrier::{BlobSettings, BlobStorage, Carrier, FolderBlobs, TrustedHost};
use bulla::content::attachment::{AttachmentError, AttachmentPointer, Checker, Opener, Sealer};
use bulla::content::limits::{MAX_ATTACHMENT_BYTES, MAX_SEALED_ATTACHMENT_BYTES};
use bulla::content::{Body, Content, Image};
use bulla::envelope::InstallationId;
use bulla::store::MemoryStore;
use bulla::transport::grpc::{GrpcTransport, PlainTcp};
use bulla::transport::{
    BlobId, BlobSize, Blobs, Caller, Incarnation, MAX_BLOB_BYTES, MAX_BLOB_PART_BYTES, Transport,
};
use bytes::Bytes;
use tokio::net::TcpListener;

/// What both sides have of the network.
struct Party {
    carrier: GrpcTransport,
    caller: Caller,
}

impl Party {
    async fn join(host: &Host, carrier: &str, address: Address) -> Self {
        let connector = PlainTcp::new(carrier).unwrap();
        let carrier = GrpcTransport::new(connector, host.clock(), host.rng());
        let caller = Caller::new(address, InstallationId::of_identity(b"identity"), Incarnation::new(1));
        carrier.connect(&caller).await.unwrap();
        Self { carrier, caller }
    }

    /// Seals `picture` chunk by chunk, and brings each to the carrier as it comes.
    async fn send(&self, host: &Host, picture: &[u8]) -> AttachmentPointer {
        let (id, rng) = (BlobId::new(&*host.rng()), host.rng());
        let mut sealer = Sealer::new(picture.len() as u64, &*rng).unwrap();
        let size = BlobSize::new(sealer.sealed_bytes()).unwrap();
        let mut progress = self.carrier.begin_upload(&self.caller, &id, size).await.unwrap();
        let mut rest = picture;
        while let Some(chunk) = sealer.push(&mut rest).unwrap() {
            let chunk = Bytes::copy_from_slice(chunk);
            progress = self.carrier.upload(&self.caller, &id, progress.stored(), chunk).await.unwrap();
        }
        assert!(progress.is_complete());
        sealer.finish().unwrap().pointer(&**id.locator(), "image/png").unwrap()
    }

    /// Everything the carrier has of what `pointer` leads to, part by part.
    async fn fetch(&self, pointer: &AttachmentPointer, mut take: impl FnMut(&[u8])) {
        let (id, mut offset) = (BlobId::from_locator(pointer.locator()).unwrap(), 0);
        loop {
            let part = self.carrier.download(&self.caller, &id, offset, MAX_BLOB_PART_BYTES).await.unwrap();
            take(&part.bytes);
            offset += part.bytes.len() as u64;
            if offset >= part.size {
                return;
            }
        }
    }

    /// The first pass: nothing is opened.
    async fn check(&self, pointer: &AttachmentPointer) -> Result<Opener, AttachmentError> {
        let mut checker = Checker::new(pointer);
        self.fetch(pointer, |part| checker.push(part).unwrap()).await;
        checker.finish()
    }

    /// The second.
    async fn open(
        &self,
        pointer: &AttachmentPointer,
        mut opener: Opener,
    ) -> Result<Vec<u8>, AttachmentError> {
        let (mut shown, mut wrong) = (Vec::new(), None);
        self.fetch(pointer, |mut part| {
            while wrong.is_none() {
                match opener.push(&mut part) {
                    Ok(Some(plaintext)) => shown.extend_from_slice(plaintext),
                    Ok(None) => break,
                    Err(error) => wrong = Some(error),
                }
            }
        })
        .await;
        match wrong {
            Some(error) => Err(error),
            None => opener.finish().map(|()| shown),
        }
    }
}

/// The one file below `folder`.
fn only_file(folder: &Path) -> std::path::PathBuf {
    let entry = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    if entry.is_dir() { only_file(&entry) } else { entry }
}

#[tokio::test]
async fn a_picture_arrives_and_one_that_was_changed_at_the_carrier_is_noticed() {
    let (host, folder) = (Host::new(), tempfile::tempdir().unwrap());
    let storage = BlobStorage::new(FolderBlobs::open(folder.path()).unwrap(), BlobSettings::default());
    let (store, rng) = (MemoryStore::new(), host.rng());
    let opening = Carrier::open_with_blobs(store, host.clock(), &*rng, Arc::new(TrustedHost), storage);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let service =
        GrpcService::new(Arc::new(opening.await.unwrap()), NoAuthentication, GrpcSettings::default());
    tokio::spawn(serve(service, Listening::in_plain(listener), std::future::pending()));

    let shop = Party::join(&host, &address, Address::business(PhoneNumberId::new(7))).await;
    let alice = Address::user(Number::parse("16505551234").unwrap());
    let alice = Party::join(&host, &address, alice).await;
    let mut picture = vec![0; 1_500_000];
    SeededRng::new(1).fill(&mut picture);

    let said = Content::new(Body::Image(Image::new(shop.send(&host, &picture).await).unwrap()));
    // It goes sealed in an envelope, as any message does.
    let heard = Content::decode(said.encode(&*host.rng()).plaintext()).unwrap().0;
    let Body::Image(image) = heard.body() else { panic!("it was an image") };
    let pointer = image.attachment();
    assert!(!format!("{pointer:?}").contains(pointer.locator()), "the id does not print");

    let opener = alice.check(pointer).await.unwrap();
    assert!(alice.open(pointer, opener).await.unwrap() == picture);

    // It is checked, and then changed before it is fetched again.
    let opener = alice.check(pointer).await.unwrap();
    let file = only_file(&folder.path().join("complete"));
    assert!(!file.to_str().unwrap().contains(pointer.locator()), "names give no right to read");
    let mut kept = std::fs::read(&file).unwrap();
    assert!(!kept.windows(64).any(|bytes| bytes == &picture[..64]), "the carrier has it sealed");
    kept[700_000] ^= 1;
    std::fs::write(&file, kept).unwrap();
    let changed = alice.open(pointer, opener).await;
    assert!(matches!(changed, Err(AttachmentError::WrongChunk { index: 10, .. })), "{changed:?}");
    assert!(matches!(alice.check(pointer).await, Err(AttachmentError::WrongDigest)));
}

/// The carrier's side cannot link the sealer's: what both know of sizes is compared here.
#[test]
fn the_carrier_takes_every_size_to_which_an_attachment_is_sealed() {
    assert_eq!(MAX_BLOB_BYTES, MAX_SEALED_ATTACHMENT_BYTES);
    let powers = (0..27).flat_map(|power| [1_u64 << power, (1 << power) + 1, (3 << power) / 2]);
    let others = (1..400).map(|count| count * 262_139);
    for size in
        powers.chain(others).chain([MAX_ATTACHMENT_BYTES]).filter(|size| *size <= MAX_ATTACHMENT_BYTES)
    {
        let sealed = Sealer::new(size, &SeededRng::new(1)).unwrap().sealed_bytes();
        assert!(BlobSize::new(sealed).is_ok(), "{size} bytes, {sealed} sealed");
        assert!(BlobSize::new(sealed + 1).is_err() && BlobSize::new(sealed - 1).is_err());
    }
}
