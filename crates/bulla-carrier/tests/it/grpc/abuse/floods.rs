//! Connections on which frames come without an end: HTTP/2 closes them, with these errors (RFC 9113, 7).

use bulla_carrier::grpc::GrpcSettings;

use super::frames::{self, DATA, END_HEADERS, HEADERS, frame};
use super::{Link, served, serves_others};

const PROTOCOL_ERROR: u32 = 1;
const FRAME_SIZE_ERROR: u32 = 6;
const ENHANCE_YOUR_CALM: u32 = 11;

fn begun(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &frames::call_headers(frames::EXCHANGE))
}

/// CVE-2023-44487: each costs its sender a few bytes, and a server all that a call does.
#[tokio::test]
async fn calls_that_are_taken_back_at_once_end_the_connection() {
    let served = served(GrpcSettings::default()).await;
    let mut link = Link::open(&served).await;
    link.send(&frames::opening()).await.unwrap();
    let cancel = 8_u32.to_be_bytes();
    let taken_back = |stream| [begun(stream), frame(frames::RST_STREAM, 0, stream, &cancel)].concat();
    let resets: Vec<_> = (1..4000).step_by(2).flat_map(taken_back).collect();
    assert_eq!(link.flood(resets).await, Some(ENHANCE_YOUR_CALM));
    serves_others(&served).await;
}

/// CVE-2024-27316: nothing of them is kept beyond the bound of a call's headers.
#[tokio::test]
async fn headers_without_an_end_end_the_connection() {
    let served = served(GrpcSettings::default()).await;
    let mut link = Link::open(&served).await;
    let start = frame(HEADERS, 0, 1, &frames::call_headers(frames::CONNECT));
    link.send(&[frames::opening(), start].concat()).await.unwrap();
    let part = frames::header("x-padding", &"y".repeat(100));
    assert_eq!(link.flood(frame(frames::CONTINUATION, 0, 1, &part)).await, Some(ENHANCE_YOUR_CALM));
    serves_others(&served).await;
}

/// CVE-2019-9518.
#[tokio::test]
async fn frames_with_nothing_in_them_end_the_connection() {
    let served = served(GrpcSettings::default()).await;
    let mut link = Link::open(&served).await;
    link.send(&[frames::opening(), begun(1)].concat()).await.unwrap();
    let empty = frame(DATA, 0, 1, &[]).repeat(100);
    assert_eq!(link.flood(empty).await, Some(ENHANCE_YOUR_CALM));
    serves_others(&served).await;
}

#[tokio::test]
async fn a_frame_that_is_too_long_or_none_ends_the_connection() {
    let served = served(GrpcSettings::default()).await;
    for (frames, why) in [
        (frame(DATA, 0, 1, &[0; 16_385]), FRAME_SIZE_ERROR),
        (frame(DATA, 0, 0, &[0; 8]), PROTOCOL_ERROR),
        // The library's answer; the standard's would be the other.
        (frame(frames::PING, 0, 0, &[0; 7]), PROTOCOL_ERROR),
    ] {
        let mut link = Link::open(&served).await;
        link.send(&frames::opening()).await.unwrap();
        assert_eq!(link.flood(frames).await, Some(why));
    }
    serves_others(&served).await;
}

/// Who asks without an end is answered no faster than it reads, and holds no others up.
#[tokio::test]
async fn who_floods_and_reads_nothing_does_not_hold_up_others() {
    let served = served(GrpcSettings::default()).await;
    for flood in [frame(frames::PING, 0, 0, &[7; 8]), frame(frames::SETTINGS, 0, 0, &[])] {
        let mut link = Link::open(&served).await;
        link.send(&frames::opening()).await.unwrap();
        let Link { read, mut write } = link;
        let flooding = tokio::spawn(async move {
            let together = flood.repeat(500);
            while tokio::io::AsyncWriteExt::write_all(&mut write, &together).await.is_ok() {}
        });
        for _ in 0..20 {
            serves_others(&served).await;
        }
        flooding.abort();
        drop(read);
    }
}

/// Refused calls cost as much as taken ones: those who make no others wait for their answers.
#[tokio::test]
async fn who_is_refused_again_and_again_is_answered_late_and_others_are_served() {
    let served = super::super::tls::served().await;
    let mut link = Link::open(&served).await;
    link.send(&frames::opening()).await.unwrap();
    let calls = |from: u32, count: u32| -> Vec<u8> {
        (from..from + count).flat_map(|call| frames::call(2 * call + 1, frames::CHALLENGE, &[])).collect()
    };
    let answers = async |link: &mut Link, count: u32| {
        let mut answered = 0;
        while answered < count {
            let (kind, flags, ..) = link.next().await.unwrap();
            answered += u32::from(kind == HEADERS && flags & frames::END_STREAM != 0);
        }
    };
    for batch in 0..64 {
        link.send(&calls(64 * batch, 64)).await.unwrap();
        answers(&mut link, 64).await;
    }
    link.send(&calls(4096, 40)).await.unwrap();
    link.send(&frame(frames::PING, 0, 0, &[7; 8])).await.unwrap();
    while let Some((kind, flags, ..)) = link.next().await {
        assert!(kind != HEADERS || flags & frames::END_STREAM == 0, "none of the others is answered");
        if kind == frames::PING {
            break;
        }
    }
    serves_others(&served).await;
    served.clock.advance(std::time::Duration::from_secs(2));
    answers(&mut link, 40).await;
}
