//! What users attach, from their devices to clients of the API.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Request;
use bulla_base::{BusinessAccountId, Number, Rng, SeededRng};
use bulla_carrier::{BlobSettings, BlobStorage, Carrier, FolderBlobs, TrustedHost};
use bulla_content::{Body as Said, Content, Image};
use bulla_device::Device;
use bulla_graph::{GraphApi, Tokens};
use bulla_relay::{Business, Event, EventSink, MessageRef, Relay, SinkError};
use bulla_store::MemoryStore;
use bulla_transport::InProcess;
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use crate::clock::WaitingClock;
use crate::fake_relay::{NUMBER, OTHER_NUMBER};
use crate::harness::TOKEN;
use crate::media::about;
use crate::sockets::within;

type Link = InProcess<Carrier<MemoryStore>>;

/// Remembers of which messages it was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<MessageRef>>>);

impl EventSink for Told {
    async fn forward(&self, event: &Event) -> Result<(), SinkError> {
        if let Event::Message(about, _) = event {
            self.0.lock().unwrap().push(about.message);
        }
        Ok(())
    }
}

struct Place {
    folder: tempfile::TempDir,
    relay: Relay<MemoryStore, Link, Told>,
    api: GraphApi<Relay<MemoryStore, Link, Told>>,
    device: Device<MemoryStore, Link>,
    told: Told,
}

impl Place {
    async fn new() -> Self {
        let (clock, rng) = (Arc::new(WaitingClock), Arc::new(SeededRng::new(3)));
        let (folder, told) = (tempfile::tempdir().unwrap(), Told::default());
        let blobs = BlobStorage::new(FolderBlobs::open(folder.path()).unwrap(), BlobSettings::default());
        let (store, verifier) = (MemoryStore::new(), Arc::new(TrustedHost));
        let carrier = Carrier::open_with_blobs(store, clock.clone(), &*rng, verifier, blobs).await;
        let link = InProcess::new(Arc::new(carrier.unwrap()));
        let numbers = [(NUMBER, "15550783881"), (OTHER_NUMBER, "15550783882")];
        let businesses = numbers
            .map(|(id, number)| Business::new(id, BusinessAccountId::new(1), Number::parse(number).unwrap()));
        let relay =
            Relay::builder(MemoryStore::new(), link.clone(), told.clone(), clock.clone(), rng.clone());
        let relay = relay.blobs(link.clone()).businesses(businesses).open().await.unwrap();
        let opening = Device::open(MemoryStore::new(), link, clock.clone(), rng.clone(), user());
        let tokens = Tokens::new(&*rng);
        tokens.grant(TOKEN, [NUMBER]).unwrap();
        tokens.grant("of another", [OTHER_NUMBER]).unwrap();
        let api = GraphApi::new(relay.clone(), tokens, clock, rng);
        Self { folder, relay, api, device: opening.await.unwrap(), told }
    }

    /// Has the user send `picture`, and says by what id it is told of. With `digest` as what the user says it
    /// is, if that is another.
    async fn shows(&self, picture: &[u8], digest: Option<[u8; 32]>) -> String {
        let size = picture.len() as u64;
        let pointer = self.device.upload(size, "image/jpeg", &mut &picture[..]).await.unwrap();
        let pointer = match digest {
            Some(digest) => pointer.with_plaintext_digest(digest),
            None => pointer,
        };
        let before = self.told.0.lock().unwrap().len();
        let image = Content::new(Said::Image(Image::new(pointer).unwrap()));
        self.device.send(NUMBER, &image).await.unwrap();
        within(async {
            while self.told.0.lock().unwrap().len() == before {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let message = self.told.0.lock().unwrap()[before];
        let [id, user] = [*message.id().as_bytes(), *message.user().as_bytes()].map(u128::from_be_bytes);
        format!("2{:0>20}{id:0>39}{user:0>39}", NUMBER.to_string())
    }

    async fn call(&self, request: Request<Body>) -> (u16, Value) {
        let response = self.api.router().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    async fn fetched(&self, id: &str) -> (u16, Option<Bytes>) {
        let response = self.api.router().oneshot(about("GET", &format!("/{id}/content"))).await.unwrap();
        let status = response.status().as_u16();
        (status, response.into_body().collect().await.ok().map(http_body_util::Collected::to_bytes))
    }
}

fn user() -> Number {
    Number::parse("16505551234").unwrap()
}

fn picture(bytes: usize) -> Vec<u8> {
    let mut picture = vec![0; bytes];
    SeededRng::new(5).fill(&mut picture);
    picture
}

#[tokio::test]
async fn a_picture_of_a_user_is_told_of_and_handed_out_to_whoever_has_the_token() {
    let (place, picture) = (Place::new().await, picture(700_000));
    let id = place.shows(&picture, None).await;
    let (status, told) = place.call(about("GET", &format!("/v23.0/{id}?phone_number_id={NUMBER}"))).await;
    let digest: String = Sha256::digest(&picture).iter().map(|byte| format!("{byte:02x}")).collect();
    let url = format!("http://relay.example:8080/{id}/content");
    let expected = json!({
        "messaging_product": "whatsapp", "url": url, "mime_type": "image/jpeg", "sha256": digest,
        "file_size": 700_000, "id": id,
    });
    assert_eq!((status, told), (200, expected));
    let (status, bytes) = place.fetched(&id).await;
    assert!(status == 200 && bytes.unwrap() == picture);

    for target in [format!("/{id}"), format!("/{id}/content")] {
        let mut other = about("GET", &target);
        other.headers_mut().insert("authorization", "Bearer of another".parse().unwrap());
        let (status, refused) = place.call(other).await;
        assert_eq!((status, &refused["error"]["error_subcode"]), (400, &json!(33)), "{target}");
    }
    // Under another number than its own there is none.
    let other = format!("2{:0>20}{}", OTHER_NUMBER.to_string(), id.split_at(21).1);
    let mut request = about("GET", &format!("/{other}"));
    request.headers_mut().insert("authorization", "Bearer of another".parse().unwrap());
    assert_eq!(place.call(request).await.1["error"]["error_subcode"], 33);

    let (status, deleted) = place.call(about("DELETE", &format!("/{id}"))).await;
    assert_eq!((status, deleted), (200, json!({ "success": true })));
    assert_eq!(place.fetched(&id).await.0, 404);
    place.device.close().await;
    place.relay.close().await;
}

#[tokio::test]
async fn what_is_over_is_404_and_what_the_carrier_has_lost_says_so() {
    let (place, picture) = (Place::new().await, picture(200_000));
    let lost = place.shows(&picture, None).await;
    std::fs::remove_file(only_file(&place.folder.path().join("complete"))).unwrap();
    let (status, told) = place.call(about("GET", &format!("/{lost}/content"))).await;
    assert_eq!((status, &told["error"]["code"]), (404, &json!(131_052)), "{told}");
    let details = told["error"]["error_data"]["details"].as_str().unwrap();
    assert!(details.contains("ask the user to send it again"), "{details}");

    let erased = place.shows(&picture, None).await;
    assert_eq!(place.fetched(&erased).await.0, 200);
    place.relay.erase(&user()).await.unwrap();
    let (status, told) = place.call(about("GET", &format!("/{erased}/content"))).await;
    assert_eq!(
        (status, &told["error"]["code"], &told["error"]["error_subcode"]),
        (404, &json!(100), &json!(33))
    );
    let (status, told) = place.call(about("GET", &format!("/{erased}"))).await;
    assert_eq!((status, &told["error"]["error_subcode"]), (400, &json!(33)));
    place.device.close().await;
    place.relay.close().await;
}

/// The answer has begun when it shows, so that it can only be cut: it breaks off, and is shorter than it
/// said.
#[tokio::test]
async fn an_answer_that_turns_out_wrong_breaks_off() {
    let (place, picture) = (Place::new().await, picture(200_000));
    let id = place.shows(&picture, Some([7; 32])).await;
    let response = place.api.router().oneshot(about("GET", &format!("/{id}/content"))).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-length"]),
        (200, &"200000".parse().unwrap())
    );
    let (mut body, mut came) = (response.into_body(), 0);
    let end = loop {
        match body.frame().await {
            Some(Ok(frame)) => came += frame.into_data().unwrap().len(),
            end => break end,
        }
    };
    assert!(matches!(end, Some(Err(_))) && came == 3 * 65_536, "{came}");
    place.device.close().await;
    place.relay.close().await;
}

/// The one file below `folder`.
fn only_file(folder: &Path) -> PathBuf {
    let entry = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    if entry.is_dir() { only_file(&entry) } else { entry }
}
