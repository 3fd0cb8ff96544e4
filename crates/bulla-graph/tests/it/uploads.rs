//! Files that come in several parts.

use std::convert::Infallible;
use std::io;
use std::sync::atomic::Ordering;

use allocation_counter::measure;
use axum::body::Body;
use axum::http::Request;
use bulla_relay::{MAX_UPLOADS, MEDIA_CHUNK_BYTES};
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

use crate::fake_relay::NUMBER;
use crate::harness::{Bench, Reply, TOKEN};
use crate::media::{JPEG, about};

/// Begins an upload, and gives its id.
pub(crate) async fn begun(bench: &Bench, length: u64, media_type: &str) -> String {
    let path = format!("/v23.0/5/uploads?file_name=a.jpg&file_length={length}&file_type={media_type}");
    let reply = bench.call(about("POST", &path)).await;
    assert_eq!(reply.status, 200, "{}", reply.json);
    reply.json["id"].as_str().unwrap().to_owned()
}

/// Sends bytes from `offset` on.
pub(crate) async fn sent(bench: &Bench, id: &str, offset: u64, bytes: impl Into<Body>) -> Reply {
    let request = Request::post(format!("/v23.0/{id}")).header("authorization", format!("OAuth {TOKEN}"));
    let request = request.header("file_offset", offset).header("host", "relay.example:8080");
    bench.call(request.body(bytes.into()).unwrap()).await
}

/// Uploads a whole file: its handle.
pub(crate) async fn handle_of(bench: &Bench, media_type: &str, bytes: &[u8]) -> String {
    let id = begun(bench, bytes.len() as u64, media_type).await;
    let reply = sent(bench, &id, 0, bytes.to_vec()).await;
    reply.json["h"].as_str().unwrap_or_else(|| panic!("{}", reply.json)).to_owned()
}

async fn offset_of(bench: &Bench, id: &str) -> Value {
    let told = bench.call(about("GET", &format!("/v23.0/{id}"))).await;
    assert_eq!((told.status.as_u16(), &told.json["id"]), (200, &json!(id)), "{}", told.json);
    told.json["file_offset"].clone()
}

/// A picture of so many bytes.
fn picture(length: usize) -> Vec<u8> {
    let noise = (0_u32..).map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8);
    JPEG.iter().copied().chain(noise).take(length).collect()
}

/// A body that breaks off behind `bytes`.
fn broken(bytes: &[u8]) -> Body {
    let pieces: Vec<_> = bytes.chunks(10_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Body::from_stream(stream::iter(pieces.into_iter().chain([Err(io::Error::other("the line is cut"))])))
}

#[tokio::test]
async fn an_upload_that_is_given_up_makes_room_for_another() {
    let bench = Bench::new();
    let id = begun(&bench, 1_000, "image/jpeg").await;
    for _ in 1..MAX_UPLOADS {
        begun(&bench, 1_000, "image/jpeg").await;
    }
    sent(&bench, &id, 0, broken(&picture(500))).await;
    let path = format!("/v23.0/{id}");
    let given_up = bench.call(about("DELETE", &path)).await;
    assert_eq!((given_up.status.as_u16(), &given_up.json), (200, &json!({ "success": true })));
    for method in ["GET", "DELETE"] {
        assert_eq!(bench.call(about(method, &path)).await.status, 400, "it is gone");
    }
    let id = begun(&bench, 500, "image/jpeg").await;
    sent(&bench, &id, 0, picture(500)).await;
    let finished = bench.call(about("DELETE", &format!("/v23.0/{id}"))).await;
    assert_eq!(finished.status, 400, "it is a file");
}

#[tokio::test]
async fn an_upload_that_breaks_off_goes_on_from_where_it_is_told_to() {
    let (bench, file) = (Bench::new(), picture(2 * MEDIA_CHUNK_BYTES + 5_000));
    let id = begun(&bench, file.len() as u64, "image/jpeg").await;
    assert_eq!(offset_of(&bench, &id).await, 0);
    // Within the first bytes, by which it is told what a file is; within a chunk; at a chunk's end; at the
    // end.
    let mut from = 0;
    for until in [7, 300_000, 2 * MEDIA_CHUNK_BYTES, file.len()] {
        let reply = sent(&bench, &id, from as u64, broken(&file[from..until])).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, 100), "{}", reply.json);
        assert_eq!(offset_of(&bench, &id).await, until);
        from = until;
    }
    // All of it is there, and nobody has said that it ends: an empty body does.
    let reply = sent(&bench, &id, file.len() as u64, Body::empty()).await;
    let handle = reply.json["h"].as_str().unwrap_or_else(|| panic!("{}", reply.json)).to_owned();
    // Who has not read it asks again.
    assert_eq!(sent(&bench, &id, file.len() as u64, Body::empty()).await.json["h"], handle);
    assert_eq!(offset_of(&bench, &id).await, file.len());

    let name = handle.strip_prefix("4:").unwrap();
    let told = bench.call(about("GET", &format!("/{name}"))).await.json;
    let digest: String =
        <sha2::Sha256 as sha2::Digest>::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&told["sha256"], &told["file_size"]), (&json!(digest), &json!(file.len())));
    assert_eq!(told["mime_type"], "image/jpeg");
}

#[tokio::test]
async fn parts_may_end_where_a_client_likes() {
    let (bench, file) = (Bench::new(), picture(100_000));
    let id = begun(&bench, 100_000, "image/jpg").await;
    let reply = sent(&bench, &id, 0, file[..60_000].to_vec()).await;
    assert_eq!(reply.json, json!({ "id": id, "file_offset": 60_000 }));
    let reply = sent(&bench, &id, 60_000, file[60_000..].to_vec()).await;
    assert!(reply.json["h"].is_string(), "{}", reply.json);
}

#[tokio::test]
async fn a_wrong_offset_and_more_bytes_than_were_said_are_refused_and_change_nothing() {
    let (bench, file) = (Bench::new(), picture(1_000));
    let id = begun(&bench, 1_000, "image/jpeg").await;
    sent(&bench, &id, 0, file[..600].to_vec()).await;
    for offset in [0, 599, 601, 1_000] {
        let reply = sent(&bench, &id, offset, file[600..].to_vec()).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, 131_009), "{}", reply.json);
        assert_eq!(reply.details(), "file_offset: 600 bytes are there; go on from 600");
    }
    let long = [&file[600..], b"!"].concat();
    let pieces = long.chunks(100).map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece)));
    let pieces: Vec<_> = pieces.collect();
    // Said by its length, and by nothing but its bytes.
    assert_eq!(sent(&bench, &id, 600, long.clone()).await.code(), 131_009);
    assert_eq!(offset_of(&bench, &id).await, 600);
    let reply = sent(&bench, &id, 600, Body::from_stream(stream::iter(pieces))).await;
    assert_eq!(reply.details(), "file_length: more bytes came than the 1000 that were said");
    let there = offset_of(&bench, &id).await.as_u64().unwrap();
    assert_eq!(there, 1_000, "what was said has come");
    assert!(sent(&bench, &id, there, Body::empty()).await.json["h"].is_string());
    let path = format!("/{id}?file_offset=none");
    assert_eq!(bench.call(about("POST", &path)).await.code(), 100);
}

#[tokio::test]
async fn each_type_has_its_limit_and_one_byte_more_is_refused() {
    let bench = Bench::new();
    for (media_type, limit) in [
        ("image/png", 5 << 20),
        ("video/mp4", 16 << 20),
        ("audio/ogg", 16 << 20),
        ("application/pdf", 100 << 20),
    ] {
        begun(&bench, limit, media_type).await;
        let path = format!("/5/uploads?file_length={}&file_type={media_type}", limit + 1);
        let refused = bench.call(about("POST", &path)).await;
        assert_eq!(refused.code(), 131_053);
        let expected = format!("file_length: it is more than the {limit} bytes allowed of its type");
        assert_eq!(refused.details(), expected);
    }
    for (query, code) in [
        ("file_type=image/png", 100),
        ("file_length=5", 100),
        ("file_length=0&file_type=image/png", 131_009),
        ("file_length=-1&file_type=image/png", 131_009),
        ("file_length=five&file_type=image/png", 131_009),
        ("file_length=99999999999999999999&file_type=image/png", 131_009),
        (&format!("file_length=5&file_type=image/png&file_name={}", "n".repeat(257)), 100),
    ] {
        let reply = bench.call(about("POST", &format!("/5/uploads?{query}"))).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, code), "{query}: {}", reply.json);
    }
    let longest = format!("/5/uploads?file_length=5&file_type=image/png&file_name={}", "n".repeat(256));
    assert_eq!(bench.call(about("POST", &longest)).await.status, 200);
    // The longest type is one, and one character more is none.
    let of_type =
        |chars: usize| json!({ "file_length": 5, "file_type": format!("image/{}", "x".repeat(chars - 6)) });
    let longest = bench.ask("POST", "/5/uploads", of_type(255)).await;
    assert_eq!(longest.status, 200, "{}", longest.json);
    let longer = bench.ask("POST", "/5/uploads", of_type(256)).await;
    assert_eq!(longer.details(), "file_type: it has 256 characters, more than the 255 allowed");
    // In a body as well.
    let said = json!({ "file_length": 5, "file_type": "image/png", "file_name": "a.png" });
    assert_eq!(bench.ask("POST", "/5/uploads", said).await.status, 200);
}

#[tokio::test]
async fn a_file_that_is_not_what_it_was_said_to_be_is_given_up() {
    let bench = Bench::new();
    let id = begun(&bench, 5, "image/png").await;
    let reply = sent(&bench, &id, 0, "hello").await;
    assert_eq!((reply.status.as_u16(), reply.code()), (400, 131_053), "{}", reply.json);
    let gone = bench.call(about("GET", &format!("/{id}"))).await;
    assert_eq!((gone.status.as_u16(), gone.code()), (400, 100));
}

#[tokio::test]
async fn an_upload_of_another_number_is_none() {
    let (bench, file) = (Bench::new(), picture(50));
    let id = begun(&bench, 50, "image/jpeg").await;
    for method in ["GET", "POST"] {
        let request = Request::builder().method(method).uri(format!("/{id}"));
        let request = request.header("authorization", "OAuth another");
        let reply = bench.call(request.body(Body::from(file.clone())).unwrap()).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, 100), "{}", reply.json);
        assert_eq!(reply.json["error"]["type"], "GraphMethodException");
    }
    assert_eq!(offset_of(&bench, &id).await, 0);
    let other = id.replacen(&format!("{NUMBER}"), "000000000000007", 1);
    assert_eq!(bench.call(about("GET", &format!("/{other}"))).await.code(), 100);
}

#[tokio::test]
async fn as_many_as_may_be_are_begun_and_one_more_is_told_so() {
    let bench = Bench::new();
    for _ in 0..MAX_UPLOADS {
        begun(&bench, 5, "image/png").await;
    }
    let refused = bench.call(about("POST", "/5/uploads?file_length=5&file_type=image/png")).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (400, 100));
    assert!(refused.details().contains(&MAX_UPLOADS.to_string()), "{}", refused.json);
}

#[test]
fn memory_does_not_grow_with_the_file() {
    let bench = Bench::new();
    bench.relay.forgets_bytes.store(true, Ordering::Relaxed);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let size: u64 = 32 << 20;
    let id = runtime.block_on(begun(&bench, size, "application/octet-stream"));
    let piece = Bytes::from(vec![0; 64 << 10]);
    let pieces = (0..size / piece.len() as u64).map(move |_| Ok::<_, Infallible>(piece.clone()));
    let body = Body::from_stream(stream::iter(pieces));
    let info = measure(|| {
        let reply = runtime.block_on(sent(&bench, &id, 0, body));
        assert!(reply.json["h"].is_string(), "{}", reply.json);
    });
    assert!(info.bytes_max < 1 << 20, "{} bytes", info.bytes_max);
}
