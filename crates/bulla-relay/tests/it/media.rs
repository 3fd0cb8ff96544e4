//! Pictures and files of a business: kept, sealed for each message, and forgotten.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bulla_base::{BusinessAccountId, Number, Rng, SeededRng};
use bulla_carrier::{BlobSettings, BlobStorage, Carrier, FolderBlobs, TrustedHost};
use bulla_content::{Action, Body, Card, CardAction, Carousel, Content, CtaUrl, Header, Image, Interactive};
use bulla_device::{Device, DeviceEventKind};
use bulla_relay::{
    Business, MEDIA_CHUNK_BYTES, MediaDescription, MediaError, MediaId, MediaKind, Outgoing, OutgoingBody,
    OutgoingMedia, Relay, SubmitError,
};
use bulla_store::MemoryStore;
use bulla_transport::InProcess;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::world::{BAKERY, RecordingSink, SHOP, World, alice};

pub(crate) type Link = InProcess<Carrier<MemoryStore>>;
pub(crate) type MediaRelay = Relay<MemoryStore, Link, RecordingSink>;

/// A carrier that keeps blobs below a folder, and a relay with a way to them, on the clock of a world.
pub(crate) struct Place {
    pub(crate) world: World,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) link: Link,
    pub(crate) relay: MediaRelay,
    pub(crate) sink: RecordingSink,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let (world, folder) = (World::new().await, tempfile::tempdir().unwrap());
        let blobs = BlobStorage::new(FolderBlobs::open(folder.path()).unwrap(), BlobSettings::default());
        let (clock, verifier) = (world.clock.clone(), Arc::new(TrustedHost));
        let carrier = Carrier::open_with_blobs(MemoryStore::new(), clock, &*world.rng, verifier, blobs).await;
        let link = InProcess::new(Arc::new(carrier.unwrap()));
        let (clock, rng) = (world.clock.clone(), world.rng.clone());
        let sink = RecordingSink::default();
        let relay = Relay::builder(MemoryStore::new(), link.clone(), sink.clone(), clock, rng);
        let relay = relay.blobs(link.clone()).businesses([SHOP, BAKERY].map(business)).open().await.unwrap();
        Self { world, folder, link, relay, sink }
    }

    pub(crate) async fn device(&self) -> Device<MemoryStore, Link> {
        let (clock, rng) = (self.world.clock.clone(), self.world.rng.clone());
        Device::open(MemoryStore::new(), self.link.clone(), clock, rng, alice()).await.unwrap()
    }

    async fn upload(&self, bytes: &[u8], media_type: &str) -> MediaId {
        let media = self.relay.begin_media(SHOP).unwrap();
        for (index, chunk) in (0..).zip(bytes.chunks(MEDIA_CHUNK_BYTES)) {
            self.relay.put_media_chunk(SHOP, media, index, Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        self.relay.finish_media(SHOP, media, described(bytes, media_type)).await.unwrap();
        media
    }

    pub(crate) async fn read(&self, media: MediaId) -> Result<Vec<u8>, MediaError> {
        let (mut stream, mut read) = (self.relay.read_media(SHOP, media).await?, Vec::new());
        while let Some(piece) = stream.next().await? {
            read.extend_from_slice(&piece);
        }
        Ok(read)
    }

    /// How many blobs the carrier has.
    fn blobs(&self) -> usize {
        files(&self.folder.path().join("complete"))
    }
}

fn files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

pub(crate) fn business(id: bulla_base::PhoneNumberId) -> Business {
    Business::new(id, BusinessAccountId::new(1), Number::parse("15550783881").unwrap())
}

pub(crate) fn described(bytes: &[u8], media_type: &str) -> MediaDescription {
    MediaDescription::new(media_type, bytes.len() as u64, Sha256::digest(bytes).into()).unwrap()
}

pub(crate) fn picture(bytes: usize) -> Vec<u8> {
    let mut picture = vec![0; bytes];
    SeededRng::new(3).fill(&mut picture);
    picture
}

pub(crate) fn image(media: MediaId) -> Outgoing {
    let image = OutgoingMedia::new(media, MediaKind::Image).caption("the view");
    Outgoing::new(alice(), OutgoingBody::Media(image))
}

/// The next message, which is an image. What came of our own messages is passed over.
pub(crate) async fn heard(device: &Device<MemoryStore, Link>) -> Image {
    loop {
        let event = device.next().await.unwrap();
        let image = match event.kind() {
            DeviceEventKind::Message(content) => match content.body() {
                Body::Image(image) => Some(image.clone()),
                other => panic!("{other:?}"),
            },
            DeviceEventKind::Receipt(_) => None,
            other => panic!("{other:?}"),
        };
        device.acknowledge(event).await.unwrap();
        if let Some(image) = image {
            return image;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_picture_stands_above_what_is_answered_by_tapping() {
    let place = Place::new().await;
    let (device, picture) = (place.device().await, picture(200_000));
    let media = place.upload(&picture, "image/jpeg").await;
    let link = Action::CtaUrl(CtaUrl::new("Go", "https://x.example").unwrap());
    let tapped = || Box::new(Interactive::new("Look", link.clone()).unwrap());
    let with = |media, kind| {
        let body = OutgoingBody::InteractiveWithMedia(tapped(), OutgoingMedia::new(media, kind));
        place.relay.submit(SHOP, Outgoing::new(alice(), body))
    };
    with(media, MediaKind::Image).await.unwrap();
    let event = device.next().await.unwrap();
    let DeviceEventKind::Message(content) = event.kind() else { panic!("{event:?}") };
    let Body::Interactive(interactive) = content.body() else { panic!("{content:?}") };
    let Some(Header::Image(image)) = interactive.header() else { panic!("{interactive:?}") };
    assert_eq!(interactive.body(), Some("Look"));
    let mut shown = Vec::new();
    device.download(image.attachment(), &mut shown).await.unwrap();
    assert!(shown == picture);
    device.acknowledge(event).await.unwrap();

    let (blobs, sticker) = (place.blobs(), place.upload(b"a sticker", "image/webp").await);
    let refused = with(sticker, MediaKind::Sticker).await;
    assert!(matches!(refused, Err(SubmitError::Content(_))), "{refused:?}");
    assert_eq!(place.blobs(), blobs);
    device.close().await;
    place.relay.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_picture_stands_on_each_card_of_a_carousel() {
    let place = Place::new().await;
    let (device, pictures) = (place.device().await, [picture(200_000), picture(3_000)]);
    let mut media = Vec::new();
    for picture in &pictures {
        media.push(OutgoingMedia::new(place.upload(picture, "image/jpeg").await, MediaKind::Image));
    }
    let card = || Card::new(CardAction::CtaUrl(CtaUrl::new("Go", "https://x.example").unwrap()));
    let cards = Carousel::new(vec![card().with_body("one").unwrap(), card()]).unwrap();
    let tapped = Interactive::new("Look", Action::Carousel(cards)).unwrap();
    let with = |interactive: &Interactive, media: &[OutgoingMedia]| {
        let body = OutgoingBody::CarouselWithMedia(Box::new(interactive.clone()), media.to_vec());
        place.relay.submit(SHOP, Outgoing::new(alice(), body))
    };
    with(&tapped, &media).await.unwrap();
    let event = device.next().await.unwrap();
    let DeviceEventKind::Message(content) = event.kind() else { panic!("{event:?}") };
    let Body::Interactive(interactive) = content.body() else { panic!("{content:?}") };
    let Action::Carousel(carousel) = interactive.action() else { panic!("{interactive:?}") };
    assert_eq!(interactive.body(), Some("Look"));
    assert_eq!(carousel.cards().iter().map(Card::body).collect::<Vec<_>>(), [Some("one"), None]);
    for (card, picture) in carousel.cards().iter().zip(&pictures) {
        let Some(Header::Image(image)) = card.header() else { panic!("{card:?}") };
        let mut shown = Vec::new();
        device.download(image.attachment(), &mut shown).await.unwrap();
        assert!(shown == *picture);
    }
    device.acknowledge(event).await.unwrap();

    // One too few, one too many, what stands on no card, and what has no cards.
    let blobs = place.blobs();
    let sticker = OutgoingMedia::new(place.upload(b"a sticker", "image/webp").await, MediaKind::Sticker);
    let link =
        Interactive::new("Look", Action::CtaUrl(CtaUrl::new("Go", "https://x.example").unwrap())).unwrap();
    for (interactive, media) in [
        (&tapped, media[..1].to_vec()),
        (&tapped, [&media[..], &media[..1]].concat()),
        (&tapped, vec![media[0].clone(), sticker]),
        (&link, media.clone()),
    ] {
        let refused = with(interactive, &media).await;
        assert!(matches!(refused, Err(SubmitError::Content(_))), "{refused:?}");
    }
    assert_eq!(place.blobs(), blobs);
    device.close().await;
    place.relay.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_picture_that_is_kept_goes_to_users_each_time_sealed_anew() {
    let place = Place::new().await;
    let (device, picture) = (place.device().await, picture(2 * MEDIA_CHUNK_BYTES + 1000));
    let media = place.upload(&picture, "image/jpeg").await;
    let known = place.relay.media(SHOP, media).await.unwrap();
    assert_eq!(known, described(&picture, "image/jpeg"));
    assert!(place.read(media).await.unwrap() == picture);
    assert_eq!(MediaId::from_bytes(media.to_bytes()), Ok(media));

    let mut pointers = Vec::new();
    for count in 1..=2 {
        place.relay.submit(SHOP, image(media)).await.unwrap();
        let image = heard(&device).await;
        assert_eq!((image.caption(), image.attachment().media_type()), (Some("the view"), "image/jpeg"));
        let mut shown = Vec::new();
        device.download(image.attachment(), &mut shown).await.unwrap();
        assert!(shown == picture);
        assert_eq!(place.blobs(), count);
        pointers.push(image.attachment().clone());
    }
    assert_ne!(pointers[0].locator(), pointers[1].locator(), "the carrier does not see that it is the same");
    assert!(pointers[0].key() != pointers[1].key());
    // What was sent is the user's, whatever the business deletes.
    place.relay.delete_media(SHOP, media).await.unwrap();
    device.download(&pointers[0], &mut Vec::new()).await.unwrap();
    assert!(matches!(place.read(media).await, Err(MediaError::Unknown)));
    assert!(matches!(place.relay.delete_media(SHOP, media).await, Err(MediaError::Unknown)));
    let refused = place.relay.submit(SHOP, image(media)).await;
    assert!(matches!(refused, Err(SubmitError::UnknownMedia)), "{refused:?}");
    device.close().await;
    place.relay.close().await;
}

/// The key and the id of what is sealed are drawn anew each time, so they are no part of what is compared.
#[tokio::test(start_paused = true)]
async fn asked_for_again_under_its_key_it_is_sent_and_sealed_once() {
    let place = Place::new().await;
    let device = place.device().await;
    let media = place.upload(&picture(1000), "image/png").await;
    let first = place.relay.submit(SHOP, image(media).idempotency_key("order 7")).await.unwrap();
    let again = place.relay.submit(SHOP, image(media).idempotency_key("order 7")).await.unwrap();
    assert_eq!((again, place.blobs()), (first, 1));
    let other = place.upload(&picture(1001), "image/png").await;
    let refused = place.relay.submit(SHOP, image(other).idempotency_key("order 7")).await;
    assert!(matches!(refused, Err(SubmitError::KeyReused { .. })), "{refused:?}");
    assert_eq!(place.blobs(), 1, "nothing was sealed for what was refused");
    heard(&device).await;
    device.close().await;
    place.relay.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_shown_so_is_refused_before_anything_is_sealed() {
    let place = Place::new().await;
    let media = place.upload(&picture(600 << 10), "image/webp").await;
    for (kind, refusal) in [
        (MediaKind::Video, "video.media_type is not video/mp4 or video/3gpp"),
        (MediaKind::Image, "image.media_type is not image/jpeg or image/png"),
        (
            MediaKind::Voice,
            "audio.media_type is not audio/aac, audio/amr, audio/mpeg, audio/mp4 or audio/ogg",
        ),
        (MediaKind::Sticker, "sticker has 614400 bytes, more than the 102400 allowed"),
    ] {
        let message = Outgoing::new(alice(), OutgoingBody::Media(OutgoingMedia::new(media, kind)));
        let Err(SubmitError::Content(why)) = place.relay.submit(SHOP, message).await else { panic!() };
        assert_eq!(why.to_string(), refusal);
    }
    let media = place.upload(&picture(1000), "image/png").await;
    let long = OutgoingMedia::new(media, MediaKind::Image).caption("é".repeat(1025));
    let refused = place.relay.submit(SHOP, Outgoing::new(alice(), OutgoingBody::Media(long))).await;
    let Err(SubmitError::Content(why)) = refused else { panic!() };
    assert_eq!(why.to_string(), "image.caption has 1025 characters, more than the 1024 allowed");
    // Another business has no such media.
    let refused = place.relay.submit(BAKERY, image(media)).await;
    assert!(matches!(refused, Err(SubmitError::UnknownMedia)), "{refused:?}");
    assert!(matches!(place.relay.media(BAKERY, media).await, Err(MediaError::Unknown)));
    assert_eq!(place.blobs(), 0);
    place.relay.close().await;

    // A relay that was opened without a way to blobs.
    let refused = place.world.relay.submit(SHOP, image(media)).await;
    assert!(matches!(refused, Err(SubmitError::NoBlobs)), "{refused:?}");
    place.world.relay.close().await;
}

#[tokio::test(start_paused = true)]
async fn chunks_are_bounded_and_what_is_not_all_there_is_no_media() {
    let place = Place::new().await;
    let media = place.relay.begin_media(SHOP).unwrap();
    let put = |index, bytes| place.relay.put_media_chunk(SHOP, media, index, Bytes::from(vec![7; bytes]));
    for (index, bytes) in [(0, 0), (0, MEDIA_CHUNK_BYTES + 1), (400, 1)] {
        let refused = put(index, bytes).await;
        assert!(matches!(refused, Err(MediaError::Chunk { .. })), "{index} {bytes}: {refused:?}");
    }
    put(0, MEDIA_CHUNK_BYTES).await.unwrap();
    put(1, 5).await.unwrap();
    put(399, MEDIA_CHUNK_BYTES).await.unwrap();
    for size in [MEDIA_CHUNK_BYTES as u64 + 4, MEDIA_CHUNK_BYTES as u64 + 6, 3 * MEDIA_CHUNK_BYTES as u64] {
        let described = MediaDescription::new("image/png", size, [7; 32]).unwrap();
        let refused = place.relay.finish_media(SHOP, media, described).await;
        assert!(matches!(refused, Err(MediaError::Incomplete)), "{size}: {refused:?}");
    }
    assert!(matches!(place.read(media).await, Err(MediaError::Unknown)), "it is not there yet");
    place.relay.abandon_media(SHOP, media).await.unwrap();
    let described = MediaDescription::new("image/png", MEDIA_CHUNK_BYTES as u64 + 5, [7; 32]).unwrap();
    let refused = place.relay.finish_media(SHOP, media, described).await;
    assert!(matches!(refused, Err(MediaError::Incomplete)), "{refused:?}");
    place.relay.close().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_gone_after_thirty_days_and_with_its_business() {
    let place = Place::new().await;
    let media = place.upload(&picture(1000), "application/pdf").await;
    place.world.pass(Duration::from_secs(30 * 86_400 - 60)).await;
    place.read(media).await.unwrap();
    let later = place.upload(&picture(2000), "application/pdf").await;
    place.world.pass(Duration::from_secs(60)).await;
    assert!(matches!(place.read(media).await, Err(MediaError::Unknown)));
    assert_eq!(place.read(later).await.unwrap().len(), 2000);

    place.relay.erase_business(SHOP).await.unwrap();
    place.relay.add_business(business(SHOP)).await.unwrap();
    assert!(matches!(place.read(later).await, Err(MediaError::Unknown)));
    place.relay.close().await;
}

/// A message with media is a message like any other: its content can be read back from what is kept of it.
#[tokio::test(start_paused = true)]
async fn a_document_keeps_its_name_and_a_voice_message_is_one() {
    let place = Place::new().await;
    let device = place.device().await;
    let file = place.upload(b"%PDF-1.7 the menu", "application/pdf").await;
    let voice = place.upload(b"OggS and so on", "audio/ogg; codecs=opus").await;
    let document = OutgoingMedia::new(file, MediaKind::Document).filename("menu.pdf").caption("today");
    let voice = OutgoingMedia::new(voice, MediaKind::Voice);
    let mut said = Vec::<Content>::new();
    for media in [document, voice] {
        place.relay.submit(SHOP, Outgoing::new(alice(), OutgoingBody::Media(media))).await.unwrap();
        let event = device.next().await.unwrap();
        let DeviceEventKind::Message(content) = event.kind() else { panic!("{event:?}") };
        said.push(content.clone());
        device.acknowledge(event).await.unwrap();
    }
    let [Body::Document(document), Body::Audio(voice)] = [said[0].body(), said[1].body()] else {
        panic!("{said:?}")
    };
    assert_eq!((document.filename(), document.caption()), (Some("menu.pdf"), Some("today")));
    assert!(voice.is_voice());
    device.close().await;
    place.relay.close().await;
}
