//! A picture to a business, and one from it.

use bulla_carrier::{BlobSettings, BlobStorage, FolderBlobs, TrustedHost};
use bulla_content::{Document, Image};
use bulla_device::AttachmentIoError;
use bulla_endpoint::{AttachmentDownload, AttachmentUpload, TransferError};
use bulla_transport::BlobError;

use super::*;

/// A world whose carrier keeps blobs, below `folder`.
async fn world(folder: &std::path::Path) -> World {
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock { start: Instant::now(), days_ahead: Arc::default() });
    let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(1));
    let blobs = BlobStorage::new(FolderBlobs::open(folder).unwrap(), BlobSettings::default());
    let (store, verifier) = (MemoryStore::new(), Arc::new(TrustedHost));
    let carrier = Carrier::open_with_blobs(store, Arc::clone(&clock), &*rng, verifier, blobs).await.unwrap();
    World::around(Arc::new(carrier), clock, rng, Arc::default()).await
}

#[tokio::test(start_paused = true)]
async fn a_picture_goes_to_a_business_and_one_comes_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path()).await;
    let device = world.device(&Arc::default()).await;
    let mut picture = vec![0; 700_000];
    SeededRng::new(5).fill(&mut picture);

    let pointer = device.upload(700_000, "image/jpeg", &mut &picture[..]).await.unwrap();
    let image = Image::new(pointer).unwrap().with_caption("the view").unwrap();
    device.send(SHOP, &Content::new(Body::Image(image.clone()))).await.unwrap();
    let (_, heard) = world.hear(1).await.pop().unwrap();
    let Body::Image(heard) = heard.body() else { panic!("it was an image") };
    assert_eq!(*heard, image);
    let (line, shop) = (world.line.clone(), world.caller.clone());
    let (clock, rng) = (world.clock.clone(), world.rng.clone());
    let pointer = heard.attachment();
    let mut download =
        AttachmentDownload::begin(line.clone(), shop.clone(), pointer, clock.clone(), rng.clone())
            .await
            .unwrap();
    let mut opened = Vec::new();
    while let Some(plaintext) = download.next().await.unwrap() {
        opened.extend_from_slice(&plaintext);
    }
    assert!(opened == picture);

    let mut upload = AttachmentUpload::begin(line, shop, 9, clock, rng).await.unwrap();
    upload.push(&mut &b"the menu!"[..]).await.unwrap();
    let menu = Document::new(upload.finish("text/plain").await.unwrap()).unwrap();
    let content = Content::new(Body::Document(menu.with_filename("menu.txt").unwrap()));
    world.write(Kind::Message(Category::Service), &content).await;
    let event = device.next().await.unwrap();
    // It is told at once; its bytes are fetched when they are wanted.
    let DeviceEventKind::Message(said) = event.kind() else { panic!("it was a message") };
    let Body::Document(menu) = said.body() else { panic!("it was a document") };
    assert_eq!((menu.filename(), menu.attachment().size()), (Some("menu.txt"), 9));
    let mut written = Vec::new();
    device.download(menu.attachment(), &mut written).await.unwrap();
    assert_eq!(written, b"the menu!");
    device.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_of_another_size_than_was_said_is_not_brought_and_what_is_gone_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path()).await;
    let device = world.device(&Arc::default()).await;
    for size in [2, 4] {
        let refused = device.upload(size, "image/png", &mut &[1; 3][..]).await;
        assert!(matches!(refused, Err(AttachmentIoError::Transfer(TransferError::Attachment(_)))), "{size}");
    }
    let pointer = device.upload(3, "image/png", &mut &[1; 3][..]).await.unwrap();
    let blobs = std::fs::read_dir(folder.path().join("complete")).unwrap();
    blobs.for_each(|day| std::fs::remove_dir_all(day.unwrap().path()).unwrap());
    let gone = device.download(&pointer, &mut Vec::new()).await.unwrap_err();
    let unknown = TransferError::Blob(BlobError::Unknown);
    assert_eq!(gone.to_string(), AttachmentIoError::Transfer(unknown).to_string());
    device.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_keeps_no_blobs_says_so() {
    let world = World::new().await;
    let device = world.device(&Arc::default()).await;
    let refused = device.upload(3, "image/png", &mut &[1; 3][..]).await;
    assert!(
        matches!(refused, Err(AttachmentIoError::Transfer(TransferError::Blob(BlobError::NotOffered)))),
        "{refused:?}"
    );
    device.close().await;
}
