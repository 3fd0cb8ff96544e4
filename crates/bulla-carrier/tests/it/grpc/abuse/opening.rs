//! Connections that come to no call.

use bulla_carrier::grpc::{GrpcSettings, OPENING_DEADLINE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::frames::PREFACE;
use super::{Link, served, serves_others, tcp};

/// What a ClientHello of 508 bytes begins with.
const HELLO: [u8; 9] = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc];

/// With more of them than handshakes are computed at a time: none of these has come so far.
#[tokio::test]
async fn who_says_half_a_hello_keeps_nobody_from_being_served_and_is_closed() {
    let served = served(GrpcSettings::default()).await;
    let mut slow = Vec::new();
    for _ in 0..64 {
        let mut stream = tcp(&served, [127, 0, 0, 2]).await.unwrap();
        stream.write_all(&HELLO).await.unwrap();
        slow.push(stream);
    }
    serves_others(&served).await;
    for mut stream in slow {
        let mut place = [0; 16];
        let mut reading = Box::pin(stream.read(&mut place));
        let closed = loop {
            tokio::select! {
                read = &mut reading => break read,
                () = tokio::task::yield_now() => served.clock.advance(OPENING_DEADLINE),
            }
        };
        assert!(matches!(closed, Ok(0) | Err(_)));
    }
}

#[tokio::test]
async fn who_says_half_a_preface_is_closed() {
    let served = served(GrpcSettings::default()).await;
    let mut link = Link::open(&served).await;
    link.send(&PREFACE[..10]).await.unwrap();
    let mut reading = Box::pin(async { while link.next().await.is_some() {} });
    loop {
        tokio::select! {
            () = &mut reading => break,
            () = tokio::task::yield_now() => served.clock.advance(OPENING_DEADLINE),
        }
    }
}

#[tokio::test]
async fn what_is_no_tls_and_no_http_is_closed() {
    let served = served(GrpcSettings::default()).await;
    for garbage in [[0; 64], [0x16; 64], [0xff; 64]] {
        let mut stream = tcp(&served, [127, 0, 0, 2]).await.unwrap();
        stream.write_all(&garbage.repeat(400)).await.ok();
        while stream.read(&mut [0; 64]).await.is_ok_and(|read| read > 0) {}
        let mut link = Link::open(&served).await;
        link.send(&garbage).await.unwrap();
        while link.next().await.is_some() {}
    }
    serves_others(&served).await;
}
