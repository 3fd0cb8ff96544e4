//! Messages that are too long, that do not come, and that are none.

use bulla_carrier::grpc::{GrpcSettings, MESSAGE_DEADLINE};

use super::frames::{self, DATA, END_HEADERS, END_STREAM, HEADERS, frame};
use super::{Link, served, serves_others};
use crate::grpc::Served;

/// The status with which a call on stream 1 ends that sends `data`, while time goes on if it is to.
async fn status(served: &Served, path: &str, data: &[u8], time: bool) -> String {
    let mut link = Link::open(served).await;
    let headers = frame(HEADERS, END_HEADERS, 1, &frames::call_headers(path));
    let body: Vec<_> = data.chunks(16_000).flat_map(|part| frame(DATA, 0, 1, part)).collect();
    link.send(&[frames::opening(), headers, body].concat()).await.unwrap();
    loop {
        let passing = async {
            loop {
                tokio::task::yield_now().await;
                if time {
                    served.clock.advance(MESSAGE_DEADLINE / 4);
                    super::super::real_time(std::time::Duration::from_millis(1)).await;
                }
            }
        };
        let next = tokio::select! {
            next = link.next() => next,
            () = passing => None,
        };
        let (kind, flags, _, block) = next.expect("it ends with a status, and not with the connection");
        if kind == HEADERS && flags & END_STREAM != 0 {
            return grpc_status(&block);
        }
    }
}

/// The status among headers: the name is sent as it is or in Huffman's code (RFC 7541, appendix B), and a
/// value of one or two digits too.
fn grpc_status(block: &[u8]) -> String {
    const NAME: &[u8] = &[0x9a, 0xca, 0xc8, 0xb2, 0x12, 0x34, 0xda, 0x8f];
    let after = |name: &[u8]| {
        let place = block.windows(name.len()).position(|window| window == name)?;
        block.get(place + name.len()..)
    };
    let value = after(NAME).or_else(|| after(b"grpc-status")).expect("there is a status");
    let length = usize::from(value[0] & 0x7f);
    match value[0] & 0x80 {
        0 => String::from_utf8(value[1..=length].to_vec()).unwrap(),
        _ => huffman_digits(&value[1..=length]),
    }
}

/// Digits in Huffman's code: 0, 1 and 2 have five bits, the others six.
fn huffman_digits(bytes: &[u8]) -> String {
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let number = |bits: &[u8]| bits.iter().fold(0_u8, |number, bit| number << 1 | bit);
    let (mut at, mut digits) = (0, String::new());
    while at + 5 <= bits.len() {
        let five = number(&bits[at..at + 5]);
        if five <= 2 {
            digits.push(char::from(b'0' + five));
            at += 5;
        } else if at + 6 <= bits.len() && (0x19..=0x1f).contains(&number(&bits[at..at + 6])) {
            digits.push(char::from(b'3' + number(&bits[at..at + 6]) - 0x19));
            at += 6;
        } else {
            break;
        }
    }
    digits
}

const OUT_OF_RANGE: &str = "11";
const INVALID: &str = "3";
const DEADLINE_EXCEEDED: &str = "4";
const UNAVAILABLE: &str = "14";

#[tokio::test]
async fn a_message_that_says_it_is_too_long_is_refused_before_it_comes() {
    let served = served(GrpcSettings::default()).await;
    for length in [(1 << 20) + 1, u32::MAX] {
        let announced = frames::message(length, &[]);
        assert_eq!(status(&served, frames::PUBLISH, &announced, false).await, OUT_OF_RANGE);
    }
}

#[tokio::test]
async fn what_is_no_message_or_stands_in_itself_is_refused() {
    let served = served(GrpcSettings::default()).await;
    let group = vec![0x0b; 10_000];
    // A message in a message in a message, each of which says how long the rest is.
    let nested = (0..1000).fold(Vec::new(), |inner: Vec<u8>, _| {
        let length = inner.len();
        let size = [u8::try_from(length & 0x7f).unwrap() | 0x80, u8::try_from(length >> 7).unwrap()];
        [&[0x0a][..], &size, &inner].concat()
    });
    for bytes in [group, nested, vec![0xff; 1000]] {
        let message = frames::message(u32::try_from(bytes.len()).unwrap(), &bytes);
        let call = async {
            let mut link = Link::open(&served).await;
            link.send(&frames::opening()).await.unwrap();
            let headers = frame(HEADERS, END_HEADERS, 1, &frames::call_headers(frames::CONNECT));
            link.send(&[headers, frame(DATA, END_STREAM, 1, &message)].concat()).await.unwrap();
            loop {
                let (kind, flags, _, block) = link.next().await.unwrap();
                if kind == HEADERS && flags & END_STREAM != 0 {
                    return grpc_status(&block);
                }
            }
        };
        assert_eq!(call.await, INVALID);
    }
    serves_others(&served).await;
}

/// A call that is begun and not ended, at each place where a sender can stop.
#[tokio::test]
async fn a_call_whose_message_does_not_come_ends() {
    let served = served(GrpcSettings::default()).await;
    let whole = frames::message(2, &[0x0a, 0]);
    for data in [&[][..], &whole[..3], &whole[..5], &whole[..6], &whole] {
        assert_eq!(status(&served, frames::CONNECT, data, true).await, UNAVAILABLE, "{}", data.len());
    }
    let begun = frames::message(1 << 20, &[0; 4096]);
    // A stream has to be opened sooner.
    assert_eq!(status(&served, frames::EXCHANGE, &begun, true).await, DEADLINE_EXCEEDED);
    serves_others(&served).await;
}
