use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use bulla_base::{Sleep, Timestamp};
use bulla_transport::grpc::proto::Refusal;
use futures_util::FutureExt;

use super::*;

/// A clock on which a deadline is over at once, or never.
#[derive(Debug)]
struct Late(bool);

impl Clock for Late {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }

    fn sleep(&self, _: Duration) -> Sleep<'_> {
        match self.0 {
            true => Box::pin(std::future::ready(())),
            false => Box::pin(std::future::pending()),
        }
    }
}

/// What comes, part by part, and whether there is an end.
struct Coming(VecDeque<Bytes>, bool);

impl Body for Coming {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.pop_front() {
            Some(part) => Poll::Ready(Some(Ok(Frame::data(part)))),
            None if self.1 => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

fn room(of_connection: usize, of_address: usize) -> MessageRoom {
    let [of_connection, of_address] =
        [of_connection, of_address].map(|bytes| Arc::new(Semaphore::new(bytes)));
    MessageRoom { of_connection, of_address }
}

fn announced(length: u32) -> Vec<u8> {
    [&[0][..], &length.to_be_bytes()].concat()
}

fn message(length: u32) -> Vec<u8> {
    [announced(length), vec![7; usize::try_from(length).unwrap()]].concat()
}

fn body(parts: &[&[u8]], ends: bool, is_stream: bool, room: &MessageRoom, late: bool) -> CallBody<Coming> {
    let parts = parts.iter().map(|part| Bytes::copy_from_slice(part)).collect();
    CallBody::new(Coming(parts, ends), is_stream, room.clone(), Arc::new(Late(late)))
}

/// All that is passed on until nothing comes, and how it ends if it does.
fn read(body: &mut CallBody<Coming>) -> (Vec<u8>, Option<Result<(), Status>>) {
    let mut passed = Vec::new();
    loop {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).now_or_never();
        match frame {
            None => return (passed, None),
            Some(None) => return (passed, Some(Ok(()))),
            Some(Some(Ok(frame))) => passed.extend_from_slice(&frame.into_data().unwrap()),
            Some(Some(Err(error))) => {
                return (passed, Some(Err(*error.downcast::<Status>().unwrap())));
            }
        }
    }
}

fn reason(end: Option<Result<(), Status>>) -> &'static str {
    let status = end.unwrap().unwrap_err();
    Refusal::in_status(&status).unwrap().reason().as_str_name()
}

/// Wherever the network cuts it.
#[test]
fn what_comes_is_passed_on_to_the_byte_and_leaves_all_room() {
    let whole = [message(3), message(0), message(300), message(1)].concat();
    for length in 1..=whole.len() {
        let parts: Vec<_> = whole.chunks(length).collect();
        let room = room(300, 300);
        let mut body = body(&parts, true, true, &room, false);
        let (passed, end) = read(&mut body);
        assert!(passed == whole && matches!(end, Some(Ok(()))), "{length}");
        let left = (room.of_connection.available_permits(), room.of_address.available_permits());
        assert_eq!(left, (300, 300));
    }
}

#[test]
fn a_message_takes_the_room_it_announces_before_it_is_announced_further_and_gives_it_back() {
    let room = room(1000, 5000);
    let mut first = body(&[&announced(700), &[7; 10]], false, true, &room, false);
    let mut second = body(&[&announced(400)], false, true, &room, false);
    assert_eq!(read(&mut first).0.len(), 15);
    assert_eq!(room.of_connection.available_permits(), 300);
    let (passed, end) = read(&mut second);
    assert!(passed.is_empty() && end.is_none(), "it waits, and its reader has heard of nothing");
    drop(first);
    assert_eq!(read(&mut second).0.len(), 5);
    assert_eq!(room.of_address.available_permits(), 5000 - 400);
    drop(second);
    assert_eq!(room.of_connection.available_permits(), 1000);
}

#[test]
fn who_shares_an_address_without_room_is_told_so() {
    let room = room(1000, 500);
    let mut first = body(&[&announced(500)], false, true, &room, false);
    assert_eq!(read(&mut first).0.len(), 5);
    let mut second = body(&[&message(1)], true, true, &room, false);
    let (passed, end) = read(&mut second);
    assert_eq!((passed.len(), reason(end)), (0, "REASON_UNAVAILABLE"));
    assert_eq!(room.of_connection.available_permits(), 500, "it holds nothing");
}

#[test]
fn a_message_that_does_not_come_to_its_end_in_time_is_cut() {
    for part in [&message(9)[..13], &announced(9)[..4], &announced(9)] {
        let room = room(1000, 1000);
        let mut body = body(&[part], false, true, &room, true);
        let (passed, end) = read(&mut body);
        assert_eq!((passed.len(), reason(end)), (part.len(), "REASON_UNAVAILABLE"));
        assert_eq!(room.of_connection.available_permits(), 1000, "its room is free");
        assert!(matches!(read(&mut body).1, Some(Ok(()))), "and nothing follows");
    }
}

/// Else a call that nobody ends would be held for good.
#[test]
fn the_first_message_and_the_end_of_a_call_are_waited_for_and_the_next_of_a_stream_is_not() {
    let room = room(1000, 1000);
    for is_stream in [false, true] {
        assert_eq!(reason(read(&mut body(&[], false, is_stream, &room, true)).1), "REASON_UNAVAILABLE");
    }
    assert_eq!(reason(read(&mut body(&[&message(9)], false, false, &room, true)).1), "REASON_UNAVAILABLE");
    assert!(read(&mut body(&[&message(9)], false, true, &room, true)).1.is_none());
}

#[test]
fn a_message_that_is_too_long_takes_no_room_and_is_left_to_its_reader() {
    let room = room(10, 10);
    let long = [announced(u32::MAX), vec![7; 100]].concat();
    let (passed, end) = read(&mut body(&[&long], true, false, &room, false));
    assert!(passed == long && matches!(end, Some(Ok(()))));
    assert_eq!(room.of_connection.available_permits(), 10);
}
