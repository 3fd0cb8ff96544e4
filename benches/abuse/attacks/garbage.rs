//! What is no TLS, no HTTP/2, no message, or too much of one.

use std::io;
use std::net::SocketAddr;

use bulla_base::Rng;
use bulla_transport::grpc::MAX_FRAME_BYTES;
use tokio::io::AsyncWriteExt;

use super::{CONNECTED, CUT, DONE, floods, more};
use crate::clock::Machine;
use crate::frames::{self, DATA, END_HEADERS, HEADERS, frame};
use crate::link::{Link, tcp};
use crate::parties::client_config;

fn noise(bytes: usize) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    Machine.fill(&mut noise);
    noise
}

pub(super) async fn instead_of_tls(carrier: SocketAddr) {
    loop {
        if let Ok(mut stream) = tcp(carrier, 7).await {
            more(&CONNECTED, 1);
            if stream.write_all(&noise(1024)).await.is_ok() {
                more(&DONE, 1);
            }
        }
        more(&CUT, 1);
        tokio::task::yield_now().await;
    }
}

/// Noise in place of the preface, behind it, and as frames.
pub(super) async fn in_tls(carrier: SocketAddr) {
    let config = client_config();
    loop {
        for start in [Vec::new(), frames::PREFACE.to_vec(), frames::opening()] {
            if let Ok(mut link) = Link::open(carrier, 7, &config).await {
                more(&CONNECTED, 1);
                let _ = link.send(&start).await;
                while link.send(&noise(4096)).await.is_ok() {
                    more(&DONE, 1);
                }
            }
            more(&CUT, 1);
        }
    }
}

/// Messages that say they have 4 GiB or one byte too many, one that comes to its bound again and again, and a
/// frame of HTTP/2 that is longer than any may be.
pub(super) async fn oversized(carrier: SocketAddr) {
    let config = client_config();
    let limit = u32::try_from(MAX_FRAME_BYTES).unwrap();
    loop {
        for length in [u32::MAX, limit + 1, limit, 0] {
            let attack = async {
                let mut link = Link::open(carrier, 7, &config).await?;
                more(&CONNECTED, 1);
                link.send(&frames::opening()).await?;
                let headers = frames::call_headers(frames::PUBLISH);
                for stream in (1..200).step_by(2) {
                    link.send(&frame(HEADERS, END_HEADERS, stream, &headers)).await?;
                    let part = match length {
                        0 => frame(DATA, 0, stream, &[0; 40_000]),
                        length => frame(DATA, 0, stream, &frames::message(length, &[0; 16_000])),
                    };
                    link.send(&part).await?;
                    more(&DONE, 1);
                }
                io::Result::Ok(())
            };
            if attack.await.is_err() {
                more(&CUT, 1);
            }
        }
    }
}

/// A call whose message stands in itself ten thousand times.
pub(super) async fn malformed(carrier: SocketAddr) {
    // A group that is begun, in a group that is begun.
    let nested = [0x0b; 10_000];
    floods::answered(carrier, frames::CONNECT, &nested).await;
}
