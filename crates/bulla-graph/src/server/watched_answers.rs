//! Answers of a connection of HTTP/2 that are being taken by its client.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::answer_body::AnswerBody;

/// The answers of one connection that are under way, and whether the client takes them.
///
/// Over HTTP/2 a client opens a window for each answer. One that opens none lets its answer stand for ever,
/// while the connection as a whole looks alive.
#[derive(Debug, Default)]
pub(super) struct WatchedAnswers(Mutex<UnderWay>);

#[derive(Debug, Default)]
struct UnderWay {
    next: u64,
    rounds: BTreeMap<u64, u32>,
}

impl WatchedAnswers {
    /// One more look at them: whether any was not taken anything of for so many looks.
    pub(super) fn have_stalled(&self, limit: u32) -> bool {
        let mut under_way = self.lock();
        under_way.rounds.values_mut().for_each(|rounds| *rounds = rounds.saturating_add(1));
        under_way.rounds.values().any(|rounds| *rounds > limit)
    }

    fn begin(self: &Arc<Self>) -> u64 {
        let mut under_way = self.lock();
        let number = under_way.next;
        under_way.next += 1;
        under_way.rounds.insert(number, 0);
        number
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of an answer, and whether it is taken.
pub(super) struct WatchedBody {
    body: AnswerBody,
    answers: Arc<WatchedAnswers>,
    number: u64,
}

impl WatchedBody {
    pub(super) fn new(body: AnswerBody, answers: &Arc<WatchedAnswers>) -> Self {
        Self { body, number: answers.begin(), answers: Arc::clone(answers) }
    }
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let mut under_way = self.answers.lock();
        match &polled {
            // The client waits for us, and not we for it.
            Poll::Pending => under_way.rounds.remove(&self.number),
            Poll::Ready(_) => under_way.rounds.insert(self.number, 0),
        };
        drop(under_way);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        self.answers.lock().rounds.remove(&self.number);
    }
}
