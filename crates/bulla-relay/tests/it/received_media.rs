//! What users attach: told of, fetched from the carrier when it is asked for, and forgotten.

use std::time::Duration;

use bulla_content::attachment::{AttachmentError, AttachmentPointer};
use bulla_content::limits::ATTACHMENT_CHUNK_BYTES;
use bulla_content::{Audio, Body, Content, Image, InvalidContent, Sticker};
use bulla_device::Device;
use bulla_endpoint::TransferError;
use bulla_relay::{
    Event, Incoming, MediaDescription, MediaError, MediaId, RECEIVED_MEDIA_SPAN, Relay, SubmitError,
};
use bulla_store::MemoryStore;
use bulla_transport::BlobError;
use bytes::Bytes;

use crate::media::{Link, Place, business, described, heard, image, picture};
use crate::world::{BAKERY, RecordingSink, SHOP, alice};

type Phone = Device<MemoryStore, Link>;

async fn attached(device: &Phone, bytes: &[u8], media_type: &str) -> AttachmentPointer {
    device.upload(bytes.len() as u64, media_type, &mut &bytes[..]).await.unwrap()
}

impl Place {
    /// What the business can fetch of the message that says `body`, and what it was told.
    async fn says(&self, device: &Phone, body: Body) -> (MediaId, Body) {
        let before = self.sink.taken().len();
        device.send(SHOP, &Content::new(body)).await.unwrap();
        let told = self.sink.wait_for(before + 1, &*self.world.clock).await.pop().unwrap();
        let Event::Message(about, Incoming::Other { body, .. }) = told else { panic!("{told:?}") };
        (MediaId::of_message(about.message), body)
    }

    async fn shows(&self, device: &Phone, bytes: &[u8]) -> MediaId {
        let image = Image::new(attached(device, bytes, "image/jpeg").await).unwrap();
        self.says(device, Body::Image(image)).await.0
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_user_attaches_is_told_of_and_fetched_byte_for_byte_in_pieces() {
    let place = Place::new().await;
    let (device, picture) = (place.device().await, picture(700_000));
    let pointer = attached(&device, &picture, "image/jpeg").await;
    let said = Image::new(pointer.clone()).unwrap().with_caption("the view").unwrap();
    let (media, told) = place.says(&device, Body::Image(said.clone())).await;
    assert_eq!(told, Body::Image(said));
    assert_eq!(told.attachment().unwrap().plaintext_digest(), Some(described(&picture, "a/b").sha256()));

    assert_eq!(place.relay.media(SHOP, media).await.unwrap(), described(&picture, "image/jpeg"));
    let (mut stream, mut read) = (place.relay.read_media(SHOP, media).await.unwrap(), Vec::new());
    while let Some(piece) = stream.next().await.unwrap() {
        assert!(piece.len() <= ATTACHMENT_CHUNK_BYTES);
        read.extend_from_slice(&piece);
    }
    assert!(read == picture);
    // As often as it is asked for; and for nobody else.
    assert!(place.read(media).await.unwrap() == picture);
    assert!(matches!(place.relay.media(BAKERY, media).await, Err(MediaError::Unknown)));
    assert!(matches!(place.relay.read_media(BAKERY, media).await, Err(MediaError::Unknown)));
    device.close().await;
    place.relay.close().await;
}

#[tokio::test(start_paused = true)]
async fn it_can_be_deleted_sent_on_and_not_written_to() {
    let place = Place::new().await;
    let (device, picture) = (place.device().await, picture(300_000));
    let media = place.shows(&device, &picture).await;
    // Sealed anew, for the user it goes to.
    place.relay.submit(SHOP, image(media)).await.unwrap();
    let image = heard(&device).await;
    let mut shown = Vec::new();
    device.download(image.attachment(), &mut shown).await.unwrap();
    assert!(shown == picture);

    let put = place.relay.put_media_chunk(SHOP, media, 0, Bytes::from_static(b"x")).await;
    assert!(matches!(put, Err(MediaError::Unknown)), "{put:?}");
    let finished = place.relay.finish_media(SHOP, media, described(b"x", "a/b")).await;
    assert!(matches!(finished, Err(MediaError::Unknown)), "{finished:?}");
    assert!(matches!(place.relay.abandon_media(SHOP, media).await, Err(MediaError::Unknown)));
    assert!(place.read(media).await.unwrap() == picture);
    place.relay.delete_media(SHOP, media).await.unwrap();
    assert!(matches!(place.relay.media(SHOP, media).await, Err(MediaError::Unknown)));
    assert!(matches!(place.relay.delete_media(SHOP, media).await, Err(MediaError::Unknown)));
    device.close().await;
    place.relay.close().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_there_for_seven_days_and_gone_with_its_user_and_its_business() {
    let place = Place::new().await;
    let (device, picture) = (place.device().await, picture(200_000));
    let media = place.shows(&device, &picture).await;
    place.world.pass(RECEIVED_MEDIA_SPAN - Duration::from_secs(60)).await;
    assert!(place.read(media).await.unwrap() == picture);
    place.world.pass(Duration::from_secs(60)).await;
    assert!(matches!(place.relay.media(SHOP, media).await, Err(MediaError::Unknown)));
    assert!(matches!(place.read(media).await, Err(MediaError::Unknown)));

    let media = place.shows(&device, &picture).await;
    let mut stream = place.relay.read_media(SHOP, media).await.unwrap();
    assert!(stream.next().await.unwrap().is_some());
    place.relay.erase(&alice()).await.unwrap();
    let cut = stream.next().await;
    assert!(matches!(cut, Err(MediaError::Unknown)), "what is under way ends: {cut:?}");
    assert!(matches!(place.relay.media(SHOP, media).await, Err(MediaError::Unknown)));
    device.close().await;

    let device = place.device().await;
    let media = place.shows(&device, &picture).await;
    place.relay.media(SHOP, media).await.unwrap();
    place.relay.erase_business(SHOP).await.unwrap();
    place.relay.add_business(business(SHOP)).await.unwrap();
    assert!(matches!(place.relay.media(SHOP, media).await, Err(MediaError::Unknown)));
    device.close().await;
    place.relay.close().await;
}

/// The carrier has let it go before the relay did, or something stands in its place.
#[tokio::test(start_paused = true)]
async fn what_the_carrier_does_not_have_is_told_apart_from_what_nobody_knows() {
    let place = Place::new().await;
    let (device, picture) = (place.device().await, picture(200_000));
    let media = place.shows(&device, &picture).await;
    let file = only_file(&place.folder.path().join("complete"));
    let mut kept = std::fs::read(&file).unwrap();
    kept[150_000] ^= 1;
    std::fs::write(&file, kept).unwrap();
    let refused = place.read(media).await;
    let wrong = TransferError::Attachment(AttachmentError::WrongDigest);
    assert!(
        matches!(&refused, Err(MediaError::NotFetched(why)) if format!("{why:?}") == format!("{wrong:?}"))
    );
    std::fs::remove_file(&file).unwrap();
    let refused = place.read(media).await;
    let unknown = matches!(&refused, Err(MediaError::NotFetched(TransferError::Blob(BlobError::Unknown))));
    assert!(unknown, "{refused:?}");
    assert_eq!(place.relay.media(SHOP, media).await.unwrap().size(), 200_000, "what it was is known");
    device.close().await;
    place.relay.close().await;
}

/// A user who says the digest of something else: what is served ends before its end, so that nobody takes it
/// for what the message tells of.
#[tokio::test(start_paused = true)]
async fn what_is_not_what_its_user_says_is_cut_before_its_last_piece() {
    let place = Place::new().await;
    let (device, picture) = (place.device().await, picture(3 * ATTACHMENT_CHUNK_BYTES));
    let pointer = attached(&device, &picture, "image/jpeg").await.with_plaintext_digest([7; 32]);
    let (media, _) = place.says(&device, Body::Image(Image::new(pointer).unwrap())).await;
    let (mut stream, mut read) = (place.relay.read_media(SHOP, media).await.unwrap(), 0);
    let refused = loop {
        match stream.next().await {
            Ok(piece) => read += piece.expect("it does not end").len(),
            Err(refused) => break refused,
        }
    };
    let wrong = TransferError::Attachment(AttachmentError::WrongPlaintext);
    assert!(matches!(&refused, MediaError::NotFetched(why) if format!("{why:?}") == format!("{wrong:?}")));
    assert_eq!(read, 2 * ATTACHMENT_CHUNK_BYTES);
    assert!(matches!(stream.next().await, Ok(None)), "and nothing comes after it");
    device.close().await;
    place.relay.close().await;
}

#[tokio::test(start_paused = true)]
async fn stickers_and_voices_are_kept_and_what_has_no_digest_is_not() {
    let place = Place::new().await;
    let device = place.device().await;
    let moving = attached(&device, b"RIFF of a sticker", "image/webp").await;
    let (media, _) = place.says(&device, Body::Sticker(Sticker::new(moving, true).unwrap())).await;
    assert!(place.relay.media(SHOP, media).await.unwrap().is_animated());
    let voice = attached(&device, b"OggS and so on", "audio/ogg; codecs=opus").await;
    let voice = Audio::new(voice).unwrap().with_voice(true);
    let (media, told) = place.says(&device, Body::Audio(voice)).await;
    assert!(matches!(told, Body::Audio(voice) if voice.is_voice()));
    assert_eq!(place.relay.media(SHOP, media).await.unwrap().media_type(), "audio/ogg; codecs=opus");

    let whole = attached(&device, b"as before", "image/png").await;
    let (key, digest) = (whole.key().clone(), *whole.digest());
    let before = AttachmentPointer::new(whole.locator(), key, digest, whole.size(), "image/png").unwrap();
    let (media, told) = place.says(&device, Body::Image(Image::new(before).unwrap())).await;
    assert!(told.attachment().is_some(), "the message is told of all the same");
    assert!(matches!(place.relay.media(SHOP, media).await, Err(MediaError::Unknown)));
    device.close().await;
    place.relay.close().await;
}

/// It knows what there is, and cannot fetch it.
#[tokio::test(start_paused = true)]
async fn a_relay_without_a_way_to_blobs_says_so() {
    let place = Place::new().await;
    place.relay.close().await;
    let (sink, clock, rng) = (RecordingSink::default(), place.world.clock.clone(), place.world.rng.clone());
    let relay = Relay::builder(MemoryStore::new(), place.link.clone(), sink.clone(), clock, rng);
    let relay = relay.business(business(BAKERY)).open().await.unwrap();
    let device = place.device().await;
    let image = Image::new(attached(&device, b"a picture", "image/jpeg").await).unwrap();
    device.send(BAKERY, &Content::new(Body::Image(image))).await.unwrap();
    let told = sink.wait_for(1, &*place.world.clock).await;
    let media = MediaId::of_message(told[0].subject().message);
    let known: Result<MediaDescription, InvalidContent> =
        MediaDescription::new("image/jpeg", 9, *described(b"a picture", "a/b").sha256());
    assert_eq!(relay.media(BAKERY, media).await.unwrap(), known.unwrap());
    let refused = relay.read_media(BAKERY, media).await;
    assert!(matches!(refused, Err(MediaError::Submit(SubmitError::NoBlobs))), "{refused:?}");
    device.close().await;
    relay.close().await;
}

/// The one file below `folder`.
fn only_file(folder: &std::path::Path) -> std::path::PathBuf {
    let entry = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    if entry.is_dir() { only_file(&entry) } else { entry }
}
