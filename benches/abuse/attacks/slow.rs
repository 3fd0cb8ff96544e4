//! Those who take their time.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::{CONNECTED, CUT, DONE, more};
use crate::frames::{self, END_HEADERS, HEADERS, PREFACE};
use crate::link::{Link, tcp};
use crate::parties::client_config;

const PAUSE: Duration = Duration::from_millis(500);

/// What a ClientHello begins with: a record of 512 bytes, and a hello in it of 508.
const HELLO: [u8; 9] = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc];

/// Two thousand connections that say a byte of a ClientHello now and then.
pub(super) async fn handshakes(carrier: SocketAddr) {
    for _ in 0..2_000 {
        tokio::spawn(async move {
            loop {
                let Ok(mut stream) = tcp(carrier, 2).await else { return more(&CUT, 1) };
                more(&CONNECTED, 1);
                for byte in HELLO.into_iter().chain(std::iter::repeat(3)) {
                    if stream.write_all(&[byte]).await.is_err() {
                        break;
                    }
                    more(&DONE, 1);
                    tokio::time::sleep(PAUSE).await;
                }
                more(&CUT, 1);
            }
        });
        tokio::task::yield_now().await;
    }
}

/// A thousand that speak TLS and say a byte of HTTP/2's preface now and then.
pub(super) async fn prefaces(carrier: SocketAddr) {
    let config = client_config();
    for _ in 0..1_000 {
        let Ok(mut link) = Link::open(carrier, 3, &config).await else { return };
        more(&CONNECTED, 1);
        tokio::spawn(async move {
            for byte in PREFACE.iter().cycle() {
                if link.send(&[*byte]).await.is_err() {
                    return more(&CUT, 1);
                }
                more(&DONE, 1);
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
}

/// Sixty-four connections with as many calls each, all of which announce a message of 1 MiB, send 4 KiB of it
/// and then a byte now and then.
pub(super) async fn messages(carrier: SocketAddr) {
    let config = client_config();
    for _ in 0..64 {
        let config = config.clone();
        tokio::spawn(async move {
            loop {
                let Ok(mut link) = Link::open(carrier, 4, &config).await else { return };
                more(&CONNECTED, 1);
                let sent = async {
                    link.send(&frames::opening()).await?;
                    let streams = (0..64).map(|call| 2 * call + 1);
                    for stream in streams.clone() {
                        let headers = frames::call_headers(frames::PUBLISH);
                        let headers = frames::frame(HEADERS, END_HEADERS, stream, &headers);
                        let part = frames::message(1 << 20, &[0; 4096]);
                        link.send(&[headers, frames::frame(frames::DATA, 0, stream, &part)].concat()).await?;
                        more(&DONE, 1);
                    }
                    loop {
                        for stream in streams.clone() {
                            link.send(&frames::frame(frames::DATA, 0, stream, &[0])).await?;
                        }
                        tokio::time::sleep(PAUSE).await;
                    }
                };
                let _: std::io::Result<()> = sent.await;
                more(&CUT, 1);
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
}
