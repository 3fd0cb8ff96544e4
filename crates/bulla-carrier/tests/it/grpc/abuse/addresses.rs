//! What one address may take.

use bulla_carrier::grpc::GrpcSettings;
use tokio::io::AsyncReadExt;

use super::frames::{self, DATA, END_HEADERS, HEADERS, RST_STREAM, frame};
use super::{Link, served, serves_others, tcp};

#[tokio::test]
async fn one_connection_too_many_of_an_address_is_closed_and_other_addresses_have_theirs() {
    let served = served(GrpcSettings::default().with_connections_per_address(3)).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(Link::from(&served, [127, 0, 0, 2]).await.unwrap());
    }
    for _ in 0..100 {
        let mut refused = tcp(&served, [127, 0, 0, 2]).await.unwrap();
        assert!(matches!(refused.read(&mut [0; 16]).await, Ok(0) | Err(_)));
    }
    Link::from(&served, [127, 0, 0, 3]).await.unwrap();
    serves_others(&served).await;

    // When one has left there is a place again, soon.
    held.pop();
    while Link::from(&served, [127, 0, 0, 2]).await.is_err() {}
}

/// Announces a message of 600 kB and sends nothing of it.
fn announcing(stream: u32) -> Vec<u8> {
    let headers = frame(HEADERS, END_HEADERS, stream, &frames::call_headers(frames::PUBLISH));
    [headers, frame(DATA, 0, stream, &frames::message(600_000, &[]))].concat()
}

#[tokio::test]
async fn unfinished_messages_of_an_address_take_no_more_than_they_may() {
    let settings = GrpcSettings::default().with_unfinished_bytes_per_address(1 << 20).unwrap();
    let served = served(settings).await;
    let mut first = Link::from(&served, [127, 0, 0, 2]).await.unwrap();
    first.send(&[frames::opening(), announcing(1)].concat()).await.unwrap();

    // On another connection of the address there is no room for another: which of the two came first is
    // theirs to settle.
    let mut second = Link::from(&served, [127, 0, 0, 2]).await.unwrap();
    second.send(&[frames::opening(), announcing(1)].concat()).await.unwrap();
    let refused = |kind: u8, flags: u8| kind == HEADERS && flags & frames::END_STREAM != 0;
    let ended = async |link: &mut Link| {
        while let Some((kind, flags, ..)) = link.next().await {
            if refused(kind, flags) {
                return;
            }
        }
    };
    let first_was_refused = tokio::select! {
        () = ended(&mut first) => true,
        () = ended(&mut second) => false,
    };
    // Another address has room of its own.
    serves_others(&served).await;

    // What is taken back frees its room: the next is refused no more, and waited for.
    let (mut holding, mut other) = if first_was_refused { (second, first) } else { (first, second) };
    holding.send(&frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes())).await.unwrap();
    for stream in (3..).step_by(2) {
        other.send(&[announcing(stream), frame(frames::PING, 0, 0, &[7; 8])].concat()).await.unwrap();
        let mut was_refused = false;
        while let Some((kind, flags, ..)) = other.next().await {
            was_refused |= refused(kind, flags);
            if kind == frames::PING {
                break;
            }
        }
        // It may be refused behind the answer to the ping: another call shows whether it was.
        let call = frames::call(stream + 100_000, frames::CHALLENGE, &[]);
        other.send(&call).await.unwrap();
        while let Some((kind, flags, on, _)) = other.next().await {
            was_refused |= refused(kind, flags) && on == stream;
            if kind == HEADERS && on == stream + 100_000 {
                break;
            }
        }
        if !was_refused {
            break;
        }
    }
}
