//! Files: uploaded, told of, downloaded, sent and deleted.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use allocation_counter::measure;
use axum::body::Body;
use axum::http::Request;
use bulla_base::{BusinessAccountId, Number, Rng, SeededRng};
use bulla_carrier::{BlobSettings, BlobStorage, Carrier, FolderBlobs, TrustedHost};
use bulla_device::{Device, DeviceEventKind};
use bulla_graph::{GraphApi, MAX_FORM_BYTES, MAX_FORM_FIELD_BYTES, Settings, Tokens};
use bulla_relay::{
    Business, Event, EventSink, MediaKind, Outgoing, OutgoingBody, OutgoingMedia, Relay, SinkError,
};
use bulla_store::MemoryStore;
use bulla_transport::InProcess;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::clock::WaitingClock;
use crate::fake_relay::{Asked, NUMBER, media, media_name};
use crate::harness::{Bench, Reply, TOKEN, messages};
use crate::sockets::within;

const BOUNDARY: &str = "----formdata-4711";
pub(crate) const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01";

/// A part of a form: the head of it beside the disposition, and its bytes.
fn part(name: &str, head: &str, bytes: &[u8]) -> Vec<u8> {
    let disposition = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"");
    [disposition.as_bytes(), head.as_bytes(), b"\r\n\r\n", bytes, b"\r\n"].concat()
}

fn text(name: &str, value: &str) -> Vec<u8> {
    part(name, "", value.as_bytes())
}

pub(crate) fn file(media_type: &str, bytes: &[u8]) -> Vec<u8> {
    part("file", &format!("; filename=\"a.jpg\"\r\nContent-Type: {media_type}"), bytes)
}

pub(crate) fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), format!("--{BOUNDARY}--\r\n").into_bytes()].concat()
}

pub(crate) fn upload(query: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(format!("/v23.0/{NUMBER}/media{query}"));
    let request = request.header("authorization", format!("Bearer {TOKEN}"));
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    request.header("content-type", content_type).body(body.into()).unwrap()
}

pub(crate) fn about(method: &str, target: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(target).header("host", "relay.example:8080");
    request.header("authorization", format!("Bearer {TOKEN}")).body(Body::empty()).unwrap()
}

/// What is found at `url`, which has to be on the origin that was called.
async fn fetched<D: bulla_graph::RelayApi>(api: &GraphApi<D>, url: &str) -> (u16, String, Bytes) {
    let target = url.strip_prefix("http://relay.example:8080").expect("the URL is on the same origin");
    let response = api.router().oneshot(about("GET", target)).await.unwrap();
    let (head, body) = response.into_parts();
    let media_type = head.headers["content-type"].to_str().unwrap().to_owned();
    (head.status.as_u16(), media_type, body.collect().await.unwrap().to_bytes())
}

pub(crate) fn id(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.json);
    reply.json["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_file_is_taken_told_of_handed_out_and_deleted() {
    let bench = Bench::new();
    let picture = [JPEG, &vec![7; 300_000][..]].concat();
    let body = form(&[
        file("image/jpeg", &picture),
        text("messaging_product", "whatsapp"),
        text("type", "image/jpeg"),
    ]);
    let id = id(&bench.call(upload("", body)).await);

    let told = bench.call(about("GET", &format!("/v23.0/{id}"))).await.json;
    let digest: String =
        <sha2::Sha256 as sha2::Digest>::digest(&picture).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(told["messaging_product"], "whatsapp");
    assert_eq!((&told["id"], &told["mime_type"]), (&json!(id), &json!("image/jpeg")));
    assert_eq!((&told["file_size"], &told["sha256"]), (&json!(picture.len()), &json!(digest)));
    let url = told["url"].as_str().unwrap();
    let (status, media_type, bytes) = fetched(&bench.api, url).await;
    assert_eq!((status, media_type.as_str()), (200, "image/jpeg"));
    assert!(bytes == picture);

    let sent = json!({
        "messaging_product": "whatsapp", "to": "16505551234", "type": "image",
        "image": { "id": id, "caption": "the view", "filename": null },
    });
    assert_eq!(bench.post(sent.to_string()).await.status, 200);
    let image = OutgoingMedia::new(media(0), MediaKind::Image).caption("the view");
    let to = Number::parse("16505551234").unwrap();
    let expected = Outgoing::new(to, OutgoingBody::Media(image));
    assert_eq!(bench.relay.take(), [Asked::Submit(NUMBER, expected)]);

    let deleted = bench.call(about("DELETE", &format!("/{id}"))).await;
    assert_eq!((deleted.status.as_u16(), deleted.json), (200, json!({ "success": true })));
    let gone = bench.call(about("GET", &format!("/{id}"))).await;
    assert_eq!((gone.code(), &gone.json["error"]["error_subcode"]), (100, &json!(33)));
    assert_eq!(fetched(&bench.api, url).await.0, 404);
    assert_eq!(bench.call(about("DELETE", &format!("/{id}"))).await.code(), 100);
}

/// Clients say what a file is in the form, in any order, in the query, in the head of its part, by a word
/// that is no type, or not at all; and send it with a length or in chunks.
#[tokio::test]
async fn whatever_order_and_place_clients_choose_is_understood() {
    let product = || text("messaging_product", "whatsapp");
    let kind = |said: &str| text("type", said);
    for (query, parts) in [
        ("", vec![product(), kind("image/jpeg"), file("image/jpeg", JPEG)]),
        ("", vec![file("image/jpeg", JPEG), kind("image/jpeg"), product()]),
        ("?messaging_product=whatsapp&type=image%2Fjpeg", vec![file("application/octet-stream", JPEG)]),
        ("?messaging_product=whatsapp", vec![file("image/jpeg", JPEG)]),
        ("", vec![product(), kind("image"), file("image/jpeg", JPEG)]),
        ("", vec![product(), text("unknown", "x"), part("file", "", JPEG)]),
    ] {
        let body = form(&parts);
        for piece in [body.len(), 1, 7] {
            let bench = Bench::with_clock(Arc::new(WaitingClock));
            let pieces: Vec<_> =
                body.chunks(piece).map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece))).collect();
            let reply = bench.call(upload(query, Body::from_stream(stream::iter(pieces)))).await;
            let id = id(&reply);
            let told = bench.call(about("GET", &format!("/{id}?phone_number_id={NUMBER}"))).await;
            assert_eq!(told.json["mime_type"], "image/jpeg", "{query}");
            let (_, _, bytes) = fetched(&bench.api, told.json["url"].as_str().unwrap()).await;
            assert_eq!(bytes, JPEG);
        }
    }
}

#[tokio::test]
async fn what_is_no_upload_is_refused_and_says_why() {
    let product = || text("messaging_product", "whatsapp");
    let long = "x".repeat(MAX_FORM_FIELD_BYTES + 1);
    let whole = form(&[product(), file("image/jpeg", JPEG)]);
    for (body, code, says) in [
        (form(&[file("image/jpeg", JPEG)]), 100, "messaging_product is missing"),
        (form(&[text("messaging_product", "sms"), file("image/jpeg", JPEG)]), 100, "one of WHATSAPP"),
        (form(&[product()]), 100, "file is missing"),
        (form(&[product(), file("image/jpeg", b"")]), 100, "file is missing"),
        (form(&[text("type", &long), product()]), 100, "type: it has 1025 bytes, more than the 1024"),
        (whole[..whole.len() - 20].to_vec(), 100, "is not the form it says"),
        (b"no form at all".to_vec(), 100, "is not the form it says"),
        (
            form(&[product(), file("image/png", JPEG)]),
            131_053,
            "declared as image/png and looks like image/jpeg",
        ),
        (
            form(&[product(), text("type", "video/mp4"), file("image/jpeg", JPEG)]),
            131_053,
            "declared as video/mp4",
        ),
    ] {
        let bench = Bench::new();
        let reply = bench.call(upload("", body)).await;
        assert_eq!(reply.code(), code, "{}", reply.json);
        assert!(reply.details().contains(says), "{says}: {}", reply.details());
        // Nothing of it is media.
        let name = media_name(0);
        assert_eq!(bench.call(about("GET", &format!("/{name}"))).await.code(), 100);
    }
    let bench = Bench::new();
    // One client sends a form and says that it is JSON.
    let mut wrong = upload("", whole.clone());
    wrong.headers_mut().insert("content-type", "application/json".parse().unwrap());
    let reply = bench.call(wrong).await;
    assert!(reply.code() == 100 && reply.details().contains("multipart/form-data"), "{}", reply.json);
    let mut other = upload("", whole);
    other.headers_mut().insert("authorization", "Bearer another".parse().unwrap());
    assert_eq!(bench.call(other).await.code(), 100, "the token is of another number");
    assert_eq!(bench.call(about("GET", &format!("/{NUMBER}/media"))).await.status, 405);
    assert_eq!(
        bench.call(about("POST", &format!("/{}", media_name(0)))).await.headers["allow"],
        "GET, DELETE"
    );
}

#[tokio::test]
async fn media_is_for_whoever_has_a_token_of_its_number() {
    let bench = Bench::new();
    let body = form(&[text("messaging_product", "whatsapp"), file("image/jpeg", JPEG)]);
    let id = id(&bench.call(upload("", body)).await);
    for target in [format!("/{id}"), format!("/{id}/content")] {
        let mut request = about("GET", &target);
        request.headers_mut().remove("authorization");
        assert_eq!(bench.call(request).await.code(), 190);
        let mut request = about("GET", &target);
        request.headers_mut().insert("authorization", "Bearer another".parse().unwrap());
        assert_eq!(bench.call(request).await.code(), 100);
        assert_eq!(bench.call(about("GET", &format!("{target}?phone_number_id=7"))).await.code(), 100);
        assert_eq!(bench.call(about("GET", &format!("{target}?phone_number_id={NUMBER}"))).await.status, 200);
    }
    let settings = Settings::default().origin("https://graph.example.org/api/");
    let told = bench.settings(settings).call(about("GET", &format!("/{id}"))).await.json;
    assert_eq!(told["url"], format!("https://graph.example.org/api/{id}/content"));
}

#[tokio::test]
async fn messages_with_media_are_read_as_they_are_said() {
    let bench = Bench::new();
    let name = media_name(0);
    let said = |kind: &str, fields: Value| {
        json!({ "messaging_product": "whatsapp", "to": "16505551234", "type": kind, kind: fields })
            .to_string()
    };
    let of = |kind| OutgoingMedia::new(media(0), kind);
    for (kind, fields, expected) in [
        ("image", json!({ "id": name }), of(MediaKind::Image)),
        ("video", json!({ "id": name, "caption": "c" }), of(MediaKind::Video).caption("c")),
        ("audio", json!({ "id": name }), of(MediaKind::Audio)),
        ("audio", json!({ "id": name, "voice": true }), of(MediaKind::Voice)),
        (
            "document",
            json!({ "id": name, "caption": "c", "filename": "a.pdf", "link": null }),
            of(MediaKind::Document).caption("c").filename("a.pdf"),
        ),
        ("sticker", json!({ "id": name }), of(MediaKind::Sticker)),
        (
            "image",
            json!({ "id": name, "caption": "é".repeat(1024) }),
            of(MediaKind::Image).caption("é".repeat(1024)),
        ),
    ] {
        let reply = bench.post(said(kind, fields)).await;
        assert_eq!(reply.status, 200, "{}", reply.json);
        let to = Number::parse("16505551234").unwrap();
        let expected = Outgoing::new(to, OutgoingBody::Media(expected));
        assert_eq!(bench.relay.take(), [Asked::Submit(NUMBER, expected)]);
    }
    for (kind, fields, code, says) in [
        ("image", json!({}), 100, "image.id is missing"),
        ("image", json!(null), 100, "image is missing"),
        ("video", json!({ "id": "900000000000008" }), 131_009, "video.id: it names no media"),
        ("image", json!({ "link": "https://x.co/a.jpg" }), 131_051, "image.link"),
        (
            "image",
            json!({ "id": name, "caption": "é".repeat(1025) }),
            100,
            "image.caption: it has 1025 characters",
        ),
        (
            "document",
            json!({ "id": name, "filename": "x".repeat(256) }),
            100,
            "document.filename: it has 256",
        ),
        ("audio", json!({ "id": name, "voice": 1 }), 100, "audio.voice must be true or false"),
    ] {
        let details = bench.refused(said(kind, fields), code).await;
        assert!(details.contains(says), "{says}: {details}");
    }
}

/// The beginning and the end of a form with one file, around `size` bytes that come in pieces.
fn large(head: &'static [u8], media_type: &str, size: u64) -> Body {
    let before = [text("messaging_product", "whatsapp"), file(media_type, head)].concat();
    let before = Bytes::copy_from_slice(&before[..before.len() - 2]);
    let (rest, piece) = (size - head.len() as u64, Bytes::from(vec![0xaa; 16 * 1024]));
    let count = rest / piece.len() as u64;
    let last = piece.slice(..usize::try_from(rest % piece.len() as u64).unwrap());
    let pieces = (0..count).map(move |_| piece.clone()).chain([last]);
    let end = Bytes::from(format!("\r\n--{BOUNDARY}--\r\n"));
    Body::from_stream(stream::iter([before].into_iter().chain(pieces).chain([end]).map(Ok::<_, Infallible>)))
}

#[tokio::test]
async fn each_kind_is_taken_up_to_its_limit_and_no_byte_more() {
    let bench = Bench::with_clock(Arc::new(WaitingClock));
    bench.relay.forgets_bytes.store(true, Ordering::Relaxed);
    let webp: &[u8] = b"RIFF\x1a\0\0\0WEBPVP8 \x0a\0\0\0\0";
    let animated: &[u8] = b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\x02";
    for (head, media_type, limit) in [
        (JPEG, "image/jpeg", 5 << 20),
        (&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], "image/png", 5 << 20),
        (webp, "image/webp", 100 << 10),
        (animated, "image/webp", 500 << 10),
        (b"OggS\0\x02 and more of it", "audio/ogg", 16 << 20),
        (b"\0\0\0\x20ftypisom\0\0\0\0", "video/mp4", 16 << 20),
        (b"%PDF-1.7\n\xff", "application/pdf", 100 << 20),
    ] {
        assert_eq!(bench.call(upload("", large(head, media_type, limit))).await.status, 200, "{media_type}");
        let reply = bench.call(upload("", large(head, media_type, limit + 1))).await;
        assert_eq!(reply.code(), 131_053, "{media_type}: {}", reply.json);
        assert!(reply.details().contains(&format!("more than the {limit} bytes")), "{}", reply.details());
    }
    // What says itself that it is too long is not begun.
    let mut told = upload("", Body::empty());
    told.headers_mut().insert("content-length", (MAX_FORM_BYTES + 1).into());
    assert_eq!(bench.call(told).await.status, 413);
}

#[test]
fn an_upload_takes_less_than_a_mebibyte_whatever_its_size() {
    let most = |size: u64, status: u16, body: fn(u64) -> Body| {
        let bench = Bench::with_clock(Arc::new(WaitingClock));
        bench.relay.forgets_bytes.store(true, Ordering::Relaxed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let request = upload("", body(size));
        let measured = measure(|| {
            let reply = runtime.block_on(bench.call(request));
            assert_eq!(reply.status, status, "{}", reply.json);
        });
        measured.bytes_max
    };
    let document = |size| large(b"%PDF-1.7\n\xff", "application/pdf", size);
    let (small, large_one) = (most(1 << 20, 200, document), most(32 << 20, 200, document));
    assert!(large_one < 1 << 20, "{large_one} bytes");
    assert!(large_one <= small + 16 * 1024, "{small} and {large_one} bytes");
    // The head of a part that never ends, and a part that nobody asked for.
    for begin in ["x", "\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n"] {
        let endless: fn(u64) -> Body = if begin == "x" {
            |size| endless("x", size)
        } else {
            |size| endless("\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n", size)
        };
        let held = most(32 << 20, 400, endless);
        assert!(held < 1 << 20, "{begin}: {held} bytes");
    }
}

fn endless(begin: &str, size: u64) -> Body {
    let begin = Bytes::from(format!("--{BOUNDARY}{begin}"));
    let piece = Bytes::from(vec![b'x'; 16 * 1024]);
    let pieces = std::iter::once(begin).chain((0..size / 16_384).map(move |_| piece.clone()));
    Body::from_stream(stream::iter(pieces.map(Ok::<_, Infallible>)))
}

/// Takes everything.
struct IgnoreEvents;

impl EventSink for IgnoreEvents {
    async fn forward(&self, _: &Event) -> Result<(), SinkError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_picture_goes_from_the_api_to_a_users_device_byte_for_byte() {
    let (clock, rng, folder) =
        (Arc::new(WaitingClock), Arc::new(SeededRng::new(3)), tempfile::tempdir().unwrap());
    let blobs = BlobStorage::new(FolderBlobs::open(folder.path()).unwrap(), BlobSettings::default());
    let verifier = Arc::new(TrustedHost);
    let carrier = Carrier::open_with_blobs(MemoryStore::new(), clock.clone(), &*rng, verifier, blobs).await;
    let link = InProcess::new(Arc::new(carrier.unwrap()));
    let business = Business::new(NUMBER, BusinessAccountId::new(1), Number::parse("15550783881").unwrap());
    let relay = Relay::builder(MemoryStore::new(), link.clone(), IgnoreEvents, clock.clone(), rng.clone());
    let relay = relay.blobs(link.clone()).business(business).open().await.unwrap();
    let user = Number::parse("16505551234").unwrap();
    let device = Device::open(MemoryStore::new(), link, clock.clone(), rng.clone(), user).await.unwrap();
    let tokens = Tokens::new(&*rng);
    tokens.grant(TOKEN, [NUMBER]).unwrap();
    let api = GraphApi::new(relay.clone(), tokens, clock, rng.clone());
    let call = async |request: Request<Body>| {
        let response = api.router().oneshot(request).await.unwrap();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice::<Value>(&bytes).unwrap()
    };

    let mut picture = vec![0; 700_000];
    rng.fill(&mut picture);
    picture[..JPEG.len()].copy_from_slice(JPEG);
    let body = form(&[file("image/jpeg", &picture), text("messaging_product", "whatsapp")]);
    let uploaded = call(upload("", body)).await;
    let id = uploaded["id"].as_str().unwrap_or_else(|| panic!("{uploaded}"));
    let sent = json!({
        "messaging_product": "whatsapp", "to": "16505551234", "type": "image",
        "image": { "id": id, "caption": "the view" },
    });
    let sent = call(messages().body(Body::from(sent.to_string())).unwrap()).await;
    assert!(sent["messages"][0]["id"].is_string(), "{sent}");
    let event = within(device.next()).await.unwrap();
    let DeviceEventKind::Message(content) = event.kind() else { panic!("{event:?}") };
    let bulla_content::Body::Image(image) = content.body() else { panic!("{content:?}") };
    assert_eq!(image.caption(), Some("the view"));
    let mut shown = Vec::new();
    device.download(image.attachment(), &mut shown).await.unwrap();
    assert!(shown == picture);

    // As a sticker it is none, and the client is told so before anything is sealed.
    let sent = json!({
        "messaging_product": "whatsapp", "to": "16505551234", "type": "sticker", "sticker": { "id": id },
    });
    let refused = call(messages().body(Body::from(sent.to_string())).unwrap()).await;
    assert!(refused["error"]["error_data"]["details"].as_str().unwrap().contains("sticker"), "{refused}");
    let told = call(about("GET", &format!("/{id}"))).await;
    let (status, _, bytes) = fetched(&api, told["url"].as_str().unwrap()).await;
    assert!(status == 200 && bytes == picture);
    device.close().await;
    relay.close().await;
}
