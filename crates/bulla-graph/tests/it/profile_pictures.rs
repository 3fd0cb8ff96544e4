//! The picture of a profile: set by a handle, told of, downloaded, replaced and taken back.

use axum::body::Body;
use axum::http::Request;
use bulla_relay::MEDIA_CHUNK_BYTES;
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use crate::fake_relay::NUMBER;
use crate::harness::{Bench, Reply};
use crate::media::{JPEG, about};
use crate::uploads::handle_of;

/// The kind of records that pictures are kept in.
const PICTURES: u8 = 14;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

fn profile() -> String {
    format!("/v23.0/{NUMBER}/whatsapp_business_profile")
}

async fn set(bench: &Bench, handle: &str) -> Reply {
    let said = json!({ "messaging_product": "whatsapp", "profile_picture_handle": handle });
    bench.ask("POST", profile(), said).await
}

/// Where the picture is said to be, if there is one.
async fn url(bench: &Bench) -> Option<String> {
    let told = bench.ask("GET", profile() + "?fields=profile_picture_url", json!(null)).await;
    assert_eq!(told.status, 200, "{}", told.json);
    told.json["data"][0]["profile_picture_url"].as_str().map(str::to_owned)
}

async fn fetched(bench: &Bench, url: &str) -> (u16, String, Bytes) {
    let target = url.strip_prefix("http://relay.example").expect("the URL is on the same origin");
    let response = bench.api.router().oneshot(about("GET", target)).await.unwrap();
    let (head, body) = response.into_parts();
    let media_type = head.headers["content-type"].to_str().unwrap().to_owned();
    (head.status.as_u16(), media_type, body.collect().await.unwrap().to_bytes())
}

fn filled(start: &[u8], length: usize) -> Vec<u8> {
    let noise = (0_u32..).map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8);
    start.iter().copied().chain(noise).take(length).collect()
}

#[tokio::test]
async fn a_picture_is_told_of_downloaded_replaced_and_taken_back() {
    let bench = Bench::new();
    assert_eq!(url(&bench).await, None);
    assert_eq!(bench.call(about("GET", &format!("/{NUMBER}/profile_picture"))).await.status, 404);
    bench.ask("POST", profile(), json!({ "about": "Bread" })).await;
    // Of another type than it is said to be, as one client says of all.
    let first = filled(PNG, 2 * MEDIA_CHUNK_BYTES + 1);
    let handle = handle_of(&bench, "image/jpeg", &first).await;
    assert_eq!(set(&bench, &handle).await.status, 200);
    let at = url(&bench).await.unwrap();
    let (status, media_type, bytes) = fetched(&bench, &at).await;
    assert_eq!((status, media_type.as_str()), (200, "image/png"));
    assert!(bytes == first);
    assert_eq!(bench.relay.configured_of(PICTURES), 3);

    // It is a copy: the upload goes, and the picture stays.
    let name = handle.strip_prefix("4:").unwrap();
    assert_eq!(bench.call(about("DELETE", &format!("/{name}"))).await.status, 200);
    assert!(fetched(&bench, &at).await.2 == first);
    assert_eq!(set(&bench, &handle).await.code(), 131_009);
    assert!(fetched(&bench, &at).await.2 == first, "a refusal changes nothing");

    // What a request left that was cut off goes with the picture that is replaced.
    bench.relay.configured_before((PICTURES, "left behind".into()), "pieces");
    let second = filled(JPEG, 100);
    let handle = handle_of(&bench, "image/jpeg", &second).await;
    assert_eq!(set(&bench, &handle).await.status, 200);
    let now = url(&bench).await.unwrap();
    assert_ne!(now, at, "another picture has another address");
    assert!(fetched(&bench, &now).await.2 == second);
    assert_eq!(bench.relay.configured_of(PICTURES), 1);

    assert_eq!(set(&bench, "").await.status, 200);
    assert_eq!((url(&bench).await, bench.relay.configured_of(PICTURES)), (None, 0));
    let whole = bench.ask("GET", profile(), json!(null)).await.json;
    let expected = json!({ "messaging_product": "whatsapp", "about": "Bread", "vertical": "UNDEFINED" });
    assert_eq!(whole["data"][0], expected);
}

#[tokio::test]
async fn the_largest_picture_is_taken_and_what_is_none_is_refused() {
    let bench = Bench::new();
    let largest = filled(JPEG, 5 << 20);
    let handle = handle_of(&bench, "image/jpeg", &largest).await;
    assert_eq!(set(&bench, &handle).await.status, 200);
    let at = url(&bench).await.unwrap();
    assert!(fetched(&bench, &at).await.2 == largest);
    let text = handle_of(&bench, "text/plain", b"hello").await;
    let made_up = "4:VGVzdC5wbmc=:aW1hZ2UvanBlZw==:ARat4Mt";
    // Whoever uploaded it for another number does not set it here.
    let others = handle.replacen(&format!("{NUMBER}"), "000000000000007", 1);
    for (handle, why) in [
        (text.as_str(), "the file is no picture; a JPEG or PNG is one"),
        (made_up, "it names no file that was uploaded, or its time is over"),
        (&others, "it names no file that was uploaded, or its time is over"),
    ] {
        let refused = set(&bench, handle).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (400, 131_009), "{}", refused.json);
        assert_eq!(refused.details(), format!("profile_picture_handle: {why}"));
    }
    assert_eq!(set(&bench, &"4".repeat(257)).await.code(), 100);
    assert!(fetched(&bench, &at).await.2 == largest);
    // Nobody without the token of the number sees it.
    for token in ["another", "nobody"] {
        let request = Request::get(format!("/{NUMBER}/profile_picture"));
        let request =
            request.header("authorization", format!("Bearer {token}")).header("host", "relay.example");
        assert_ne!(bench.call(request.body(Body::empty()).unwrap()).await.status, 200);
    }
}

/// A picture of one byte more is no upload of its type.
#[tokio::test]
async fn a_picture_of_one_byte_more_is_refused_as_an_upload_of_whatever_type() {
    let bench = Bench::new();
    let large = filled(JPEG, (5 << 20) + 1);
    let id = crate::uploads::begun(&bench, large.len() as u64, "application/octet-stream").await;
    assert_eq!(crate::uploads::sent(&bench, &id, 0, large).await.code(), 131_053);
}

#[tokio::test]
async fn the_header_of_a_template_may_show_an_upload() {
    let bench = Bench::new();
    let handle = handle_of(&bench, "image/jpeg", JPEG).await;
    let path = format!("/{}/message_templates", crate::fake_relay::ACCOUNT);
    let template = json!({
        "name": "view", "language": "en", "category": "MARKETING",
        "components": [
            { "type": "HEADER", "format": "IMAGE", "example": { "header_handle": [handle] } },
            { "type": "BODY", "text": "the view" },
        ],
    });
    let made = bench.ask("POST", &path, template).await;
    assert_eq!(made.status, 200, "{}", made.json);
    let told = bench.ask("GET", format!("/{}", made.json["id"].as_str().unwrap()), json!(null)).await.json;
    assert_eq!(told["components"][0]["example"]["header_handle"], json!([handle]));
}
