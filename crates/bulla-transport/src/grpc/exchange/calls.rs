//! The calls of one stream: those that wait to be written, and those that wait for an answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::{mpsc, oneshot};

use super::End;
use crate::grpc::proto::carrier_frame::Frame;
use crate::grpc::proto::{self, ClientFrame, client_frame};
use crate::grpc::waiting_sends::{SendBatch, WaitingSends};

/// The calls of one stream.
#[derive(Default)]
pub(super) struct Calls {
    last: u64,
    pub(super) waiting: HashMap<u64, Waiting>,
    /// What is to be sent and is not written yet.
    pub(super) sends: WaitingSends,
    /// Who writes the stream, while there is nothing to write.
    pub(super) writer: Option<Waker>,
    /// Nobody writes it any more.
    pub(super) writer_left: bool,
    pub(super) ended: Option<End>,
}

/// Who waits for an answer.
pub(super) enum Waiting {
    /// Who made the call.
    Caller(oneshot::Sender<Frame>),
    /// Those whose envelopes went together.
    Senders(SendBatch),
}

impl Calls {
    /// The number of the next call, for whose answer somebody is `waiting`.
    pub(super) fn begin(&mut self, waiting: Waiting) -> u64 {
        self.last += 1;
        self.waiting.insert(self.last, waiting);
        self.last
    }
}

impl Waiting {
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Caller(told) => told.is_closed(),
            Self::Senders(batch) => batch.is_abandoned(),
        }
    }
}

/// What is written to a stream.
pub(crate) struct Written {
    pub(super) frames: mpsc::Receiver<Box<ClientFrame>>,
    pub(super) calls: Arc<Mutex<Calls>>,
}

impl Written {
    /// The next frame, once there is one; `None` when nobody is left who could make any.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<ClientFrame>> {
        if let Poll::Ready(next) = self.frames.poll_recv(context) {
            return Poll::Ready(next.map(|frame| *frame));
        }
        let mut calls = lock(&self.calls);
        let Some(batch) = calls.sends.take_batch() else {
            calls.writer = Some(context.waker().clone());
            return Poll::Pending;
        };
        let envelopes = batch.envelopes();
        let call = calls.begin(Waiting::Senders(batch));
        let send = client_frame::Frame::Send(proto::Send { call, envelopes });
        Poll::Ready(Some(ClientFrame { frame: Some(send) }))
    }
}

impl Drop for Written {
    /// Who waits to be written hears that it will not be.
    fn drop(&mut self) {
        let mut calls = lock(&self.calls);
        calls.writer_left = true;
        calls.sends = WaitingSends::default();
    }
}

pub(super) fn lock(calls: &Mutex<Calls>) -> MutexGuard<'_, Calls> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}
