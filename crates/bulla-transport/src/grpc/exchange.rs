mod calls;

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

use bulla_base::{Clock, Party};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tonic::{Status, Streaming};

use self::calls::{Calls, Waiting, Written, lock};
use super::connection::Channel;
use super::limits::{MAX_CALLS_IN_FLIGHT, MAX_HEARTBEAT, MAX_WAITING_FRAMES};
use super::proto::carrier_frame::Frame;
use super::proto::{self, CarrierFrame, ClientFrame, Opened, Refusal, client_frame};
use super::refusal::error_of;
use super::unacknowledged::Unacknowledged;
use super::waiting_sends::WaitingSends;
use crate::{Caller, SendOutcome, Sequence, TransportError};

/// One caller's stream, from its opening to its end.
pub(crate) struct Exchange {
    caller: Caller,
    channel: Channel,
    /// In boxes: a channel makes room for 32 of what it carries, and every stream that is idle would hold it.
    frames: mpsc::Sender<Box<ClientFrame>>,
    calls: Arc<Mutex<Calls>>,
    unacknowledged: Mutex<Unacknowledged>,
    /// That of the carrier's store.
    generation: AtomicU64,
    in_flight: Semaphore,
    /// The call that receives, after what. It goes on when who waits for it leaves, and whoever asks the same
    /// again has it.
    receiving: Standing<Sequence>,
    /// The call that waits for a low stock, of how many keys.
    stock: Standing<usize>,
}

type Standing<Q> = tokio::sync::Mutex<Option<(Q, Pending)>>;

/// How a stream has ended. Each of those who wait is told.
#[derive(Clone)]
enum End {
    Refused(Box<Refusal>),
    Broken(&'static str),
}

impl Exchange {
    /// A stream for `caller`, before it is opened: beside it, what is to be written to it, the opening first.
    pub(crate) fn begin(caller: &Caller, channel: &Channel) -> (Arc<Self>, Written) {
        let (frames, written) = mpsc::channel(MAX_WAITING_FRAMES);
        // It has room for the first.
        let _ = frames.try_send(frame(client_frame::Frame::Open(caller.into())));
        let calls = Arc::<Mutex<Calls>>::default();
        let written = Written { frames: written, calls: Arc::clone(&calls) };
        let exchange = Self {
            caller: caller.clone(),
            channel: channel.clone(),
            frames,
            calls,
            unacknowledged: Mutex::default(),
            generation: AtomicU64::new(0),
            in_flight: Semaphore::new(MAX_CALLS_IN_FLIGHT),
            receiving: Standing::default(),
            stock: Standing::default(),
        };
        (Arc::new(exchange), written)
    }

    /// Reads the stream from here on, until it or the last who holds it is gone.
    pub(crate) fn keep_reading(
        self: &Arc<Self>,
        opened: &Opened,
        incoming: Streaming<CarrierFrame>,
        clock: Arc<dyn Clock>,
    ) {
        self.generation.store(opened.generation, Ordering::Relaxed);
        let heartbeat = Duration::from_secs(u64::from(opened.heartbeat_seconds.max(1))).min(MAX_HEARTBEAT);
        // No longer than who calls: what is dropped ends the stream.
        let (exchange, channel) = (Arc::downgrade(self), self.channel.clone());
        tokio::spawn(async move {
            let end = read(&exchange, incoming, &channel, heartbeat * 2, &*clock).await;
            if let Some(exchange) = exchange.upgrade() {
                exchange.end(end);
            }
        });
    }

    /// Whether it is this caller's, and goes on.
    pub(crate) fn serves(&self, caller: &Caller) -> bool {
        self.caller == *caller && self.calls().ended.is_none() && self.channel.is_open()
    }

    /// The generation of the carrier's store when it was opened.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// The connection it is on.
    pub(crate) const fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Makes a call, and waits for its answer.
    pub(crate) async fn call(
        &self,
        call: impl FnOnce(u64) -> client_frame::Frame,
    ) -> Result<Frame, TransportError> {
        let _permit = self.in_flight.acquire().await.map_err(TransportError::unavailable)?;
        let mut pending = self.ask(call).await?;
        pending.answer(self).await
    }

    /// Hands over envelopes that fit into one frame, all of them `to` one party or in a frame of their own.
    /// They go together with what else waits for the same party.
    pub(crate) async fn send(
        &self,
        to: Option<Party>,
        envelopes: Vec<Bytes>,
    ) -> Result<SendOutcome, TransportError> {
        let _permit = self.in_flight.acquire().await.map_err(TransportError::unavailable)?;
        let (outcome, writer) = {
            let mut calls = self.calls();
            if calls.ended.is_some() || calls.writer_left {
                drop(calls);
                return Err(self.ended());
            }
            (calls.sends.add(to, envelopes), calls.writer.take())
        };
        if let Some(writer) = writer {
            writer.wake();
        }
        outcome.await.map_err(|_| self.ended())
    }

    /// The frame that acknowledges `numbers` of `epoch`, the shortest that does.
    pub(crate) fn acknowledging(&self, call: u64, epoch: u64, numbers: Vec<u64>) -> client_frame::Frame {
        let merged = self.unacknowledged().acknowledge(epoch, numbers);
        client_frame::Frame::Acknowledge(proto::Acknowledge::merged(call, epoch, merged))
    }

    /// What is queued after `after`, when there is something.
    pub(crate) async fn receive(&self, after: Sequence) -> Result<Frame, TransportError> {
        let frame = |call| {
            let (epoch, number) = (after.epoch(), after.number());
            client_frame::Frame::Receive(proto::Receive { call, epoch, number })
        };
        self.stand(&self.receiving, after, frame).await
    }

    /// How many one-time keys are left, when it is so few.
    pub(crate) async fn low_stock(&self, at_most: usize) -> Result<Frame, TransportError> {
        let frame = |call| {
            let at_most = u32::try_from(at_most).unwrap_or(u32::MAX);
            client_frame::Frame::AwaitLowStock(proto::AwaitLowStock { call, at_most })
        };
        self.stand(&self.stock, at_most, frame).await
    }

    /// Waits for the standing call, which is made if it is not that already. Nothing is lost if it is
    /// dropped.
    async fn stand<Q: PartialEq>(
        &self,
        standing: &Standing<Q>,
        question: Q,
        call: impl FnOnce(u64) -> client_frame::Frame,
    ) -> Result<Frame, TransportError> {
        let mut standing = standing.lock().await;
        if standing.as_ref().is_none_or(|(asked, _)| *asked != question) {
            *standing = None;
            *standing = Some((question, self.ask(call).await?));
        }
        let answer = match standing.as_mut() {
            Some((_, pending)) => pending.answer(self).await,
            None => Err(self.ended()),
        };
        *standing = None;
        answer
    }

    async fn ask(&self, call: impl FnOnce(u64) -> client_frame::Frame) -> Result<Pending, TransportError> {
        let pending = {
            let mut calls = self.calls();
            if calls.ended.is_some() {
                drop(calls);
                return Err(self.ended());
            }
            let (told, answer) = oneshot::channel();
            let id = calls.begin(Waiting::Caller(told));
            Pending { id, answer }
        };
        match self.frames.send(frame(call(pending.id))).await {
            Ok(()) => Ok(pending),
            Err(_) => Err(self.ended()),
        }
    }

    /// Hands an answer to who waits for it. One for which nobody waits any more is let go.
    fn take(&self, answer: Frame) {
        let id = match &answer {
            Frame::Sent(sent) => sent.call,
            Frame::Deliveries(deliveries) => {
                // Before anybody can acknowledge it.
                let numbers = deliveries.deliveries.iter().map(|delivery| delivery.number);
                self.unacknowledged().delivered(deliveries.epoch, numbers);
                deliveries.call
            }
            Frame::Acknowledged(acknowledged) => acknowledged.call,
            Frame::LowStock(low) => low.call,
            Frame::Refused(refused) => refused.call,
            Frame::Heartbeat(_) => {
                // If there is no room, other frames are on their way, and say the same.
                let _ = self.frames.try_send(frame(client_frame::Frame::Heartbeat(proto::Heartbeat {})));
                return;
            }
            Frame::Opened(_) | Frame::QueueEmpty(_) => return,
        };
        let mut calls = self.calls();
        // Those who have left are forgotten with the next answer.
        calls.waiting.retain(|_, waiting| !waiting.is_abandoned());
        match calls.waiting.remove(&id) {
            Some(Waiting::Caller(told)) => {
                let _ = told.send(answer);
            }
            Some(Waiting::Senders(batch)) => {
                let again = batch.answered(answer);
                if !again.is_empty() && !calls.writer_left {
                    calls.sends.add_again(again);
                    let writer = calls.writer.take();
                    drop(calls);
                    writer.into_iter().for_each(Waker::wake);
                }
            }
            None => {}
        }
    }

    fn end(&self, end: End) {
        let mut calls = self.calls();
        calls.ended = Some(end);
        calls.waiting.clear();
        calls.sends = WaitingSends::default();
    }

    fn ended(&self) -> TransportError {
        match &self.calls().ended {
            Some(End::Refused(refusal)) => refusal.as_ref().clone().into_error(),
            Some(End::Broken(why)) => TransportError::unavailable(*why),
            None => TransportError::unavailable("the stream ends"),
        }
    }

    fn unacknowledged(&self) -> MutexGuard<'_, Unacknowledged> {
        self.unacknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        lock(&self.calls)
    }
}

/// A call that was made.
struct Pending {
    id: u64,
    answer: oneshot::Receiver<Frame>,
}

impl Pending {
    async fn answer(&mut self, exchange: &Exchange) -> Result<Frame, TransportError> {
        match (&mut self.answer).await {
            Ok(Frame::Refused(refused)) => Err(refused.refusal.unwrap_or_default().into_error()),
            Ok(answer) => Ok(answer),
            Err(_) => Err(exchange.ended()),
        }
    }
}

async fn read(
    exchange: &Weak<Exchange>,
    mut incoming: Streaming<CarrierFrame>,
    channel: &Channel,
    silence: Duration,
    clock: &dyn Clock,
) -> End {
    let mut given_up = pin!(channel.given_up());
    // Not made anew with each frame: what comes fast would set as many timers.
    let (mut heard, mut silent) = (clock.now(), clock.sleep(silence));
    loop {
        let next = tokio::select! {
            biased;
            next = incoming.next() => next,
            () = &mut given_up => return End::Broken("the connection is dead"),
            () = &mut silent => {
                let left = silence.saturating_sub(clock.now().since(heard));
                if left.is_zero() {
                    // All other streams would wait as long to learn it.
                    channel.give_up();
                    return End::Broken("the carrier has fallen silent");
                }
                silent = clock.sleep(left);
                continue;
            }
        };
        heard = clock.now();
        channel.answered();
        match next {
            Some(Ok(CarrierFrame { frame: Some(answer) })) => match exchange.upgrade() {
                Some(exchange) => exchange.take(answer),
                None => return End::Broken("nobody listens"),
            },
            // A frame of a newer version.
            Some(Ok(CarrierFrame { frame: None })) => {}
            Some(Err(status)) => return End::of(&status),
            None => return End::Broken("the carrier has ended the stream"),
        }
    }
}

impl End {
    fn of(status: &Status) -> Self {
        match Refusal::in_status(status) {
            Some(refusal) => Self::Refused(Box::new(refusal)),
            None => Self::Broken("the stream was cut off"),
        }
    }
}

fn frame(frame: client_frame::Frame) -> Box<ClientFrame> {
    Box::new(ClientFrame { frame: Some(frame) })
}

/// The first frame of a stream.
pub(crate) async fn opened(incoming: &mut Streaming<CarrierFrame>) -> Result<Opened, TransportError> {
    match incoming.next().await {
        Some(Ok(CarrierFrame { frame: Some(Frame::Opened(opened)) })) => Ok(opened),
        Some(Err(status)) => Err(error_of(status)),
        _ => Err(TransportError::unavailable("the carrier did not open the stream")),
    }
}
