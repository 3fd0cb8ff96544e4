use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bulla_base::Clock;
use bulla_transport::TransportError;
use bulla_transport::grpc::MAX_FRAME_BYTES;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use super::limits::{MESSAGE_DEADLINE, PREFIX_BYTES};
use super::service::refused;
use crate::metrics::MESSAGES_CUT;

/// What a call sends, message by message: each has to be there in time, and there has to be room for it.
///
/// A message that has begun takes as much memory as it says it is long, before the rest is there. So room is
/// taken for all of it first: of the connection's, for which it waits, held back by the network; and of its
/// address', and when that has none the call is refused.
pub(crate) struct CallBody<B> {
    body: B,
    room: MessageRoom,
    clock: Arc<dyn Clock>,
    /// What has come and is not passed on yet.
    come: Bytes,
    message: Message,
    /// How long what is unfinished may still take. Made when it is waited for.
    deadline: Option<Waiting<()>>,
    is_stream: bool,
    is_over: bool,
}

/// What unfinished messages may take, a permit a byte.
#[derive(Debug, Clone)]
pub(crate) struct MessageRoom {
    pub(crate) of_connection: Arc<Semaphore>,
    pub(crate) of_address: Arc<Semaphore>,
}

/// How far a message has come.
enum Message {
    /// Nothing of it. A stream's next message may be as late as it will; a call's first, and the end of one
    /// that has but one message, are waited for.
    None { is_awaited: bool },
    /// So many bytes of the announcement of its length.
    Announced([u8; PREFIX_BYTES], usize),
    /// So many bytes are missing, and room is being made for all. The announcement's last bytes, so many, are
    /// held back with it.
    Roomless { bytes: u32, held_back: usize, room: Waiting<Result<OwnedSemaphorePermit, AcquireError>> },
    /// So many bytes are missing.
    Coming { missing: usize, _room: [OwnedSemaphorePermit; 2] },
    /// It is longer than any may be. Who reads it says so.
    TooLong,
}

type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<B> CallBody<B> {
    /// `body`, of which nothing has come yet, of a call that sends a stream of messages, or one.
    pub(crate) fn new(body: B, is_stream: bool, room: MessageRoom, clock: Arc<dyn Clock>) -> Self {
        let message = Message::None { is_awaited: true };
        Self { body, room, clock, come: Bytes::new(), message, deadline: None, is_stream, is_over: false }
    }

    /// Takes of what has come as much as can be passed on now. `None` if there is nothing.
    fn take(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Status>> {
        loop {
            match &mut self.message {
                _ if self.come.is_empty() => return Poll::Ready(Ok(None)),
                Message::None { .. } => self.message = Message::Announced([0; PREFIX_BYTES], 0),
                Message::Announced(prefix, had) => {
                    let new = self.come.len().min(PREFIX_BYTES - *had);
                    prefix[*had..*had + new].copy_from_slice(&self.come[..new]);
                    *had += new;
                    if *had < PREFIX_BYTES {
                        return Poll::Ready(Ok(Some(self.come.split_to(new))));
                    }
                    let [_, length @ ..] = *prefix;
                    let bytes = u32::from_be_bytes(length);
                    if usize::try_from(bytes).is_ok_and(|bytes| bytes > MAX_FRAME_BYTES) {
                        self.message = Message::TooLong;
                        continue;
                    }
                    let room = Arc::clone(&self.room.of_connection).acquire_many_owned(bytes);
                    self.message = Message::Roomless { bytes, held_back: new, room: Box::pin(room) };
                }
                Message::Roomless { bytes, held_back, room } => {
                    let of_connection =
                        ready!(room.as_mut().poll(cx)).map_err(|_| Status::internal("no room"))?;
                    let (bytes, held_back) = (*bytes, *held_back);
                    let of_address = Arc::clone(&self.room.of_address).try_acquire_many_owned(bytes);
                    let Ok(of_address) = of_address else { return Poll::Ready(Err(no_room())) };
                    self.deadline = None;
                    let missing = held_back + usize::try_from(bytes).unwrap_or(usize::MAX);
                    self.message = Message::Coming { missing, _room: [of_connection, of_address] };
                }
                Message::Coming { missing, .. } => {
                    let part = self.come.split_to(self.come.len().min(*missing));
                    *missing -= part.len();
                    if *missing == 0 {
                        self.message = Message::None { is_awaited: !self.is_stream };
                        self.deadline = None;
                    }
                    return Poll::Ready(Ok(Some(part)));
                }
                Message::TooLong => return Poll::Ready(Ok(Some(std::mem::take(&mut self.come)))),
            }
        }
    }

    /// Whether what is waited for is late. Room is waited for without an end.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        if matches!(self.message, Message::None { is_awaited: false } | Message::Roomless { .. }) {
            return false;
        }
        let deadline = self.deadline.get_or_insert_with(|| {
            let clock = Arc::clone(&self.clock);
            Box::pin(async move { clock.sleep(MESSAGE_DEADLINE).await })
        });
        deadline.as_mut().poll(cx).is_ready()
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for CallBody<B>
where
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        loop {
            if this.is_over {
                return Poll::Ready(None);
            }
            match ready!(this.take(cx)) {
                Ok(Some(part)) => return Poll::Ready(Some(Ok(Frame::data(part)))),
                Ok(None) => {}
                Err(status) => return Poll::Ready(this.end(status)),
            }
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(come) => this.come = come,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(None) => {
                    this.is_over = true;
                    this.message = Message::None { is_awaited: false };
                }
                Poll::Pending if this.is_late(cx) => return Poll::Ready(this.end(late())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || (self.come.is_empty() && self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl<B> CallBody<B> {
    /// Nothing more is taken, and the room is given back.
    #[expect(clippy::unnecessary_wraps, reason = "it is what a body returns")]
    fn end(
        &mut self,
        status: Status,
    ) -> Option<Result<Frame<Bytes>, Box<dyn std::error::Error + Send + Sync>>> {
        self.is_over = true;
        self.come = Bytes::new();
        self.message = Message::None { is_awaited: false };
        self.deadline = None;
        Some(Err(status.into()))
    }
}

fn late() -> Status {
    metrics::counter!(MESSAGES_CUT, "reason" => "late").increment(1);
    refused(&TransportError::unavailable("a message did not come to its end in time"))
}

fn no_room() -> Status {
    metrics::counter!(MESSAGES_CUT, "reason" => "room").increment(1);
    refused(&TransportError::unavailable("too many unfinished messages come from one address"))
}

#[cfg(test)]
mod tests;
