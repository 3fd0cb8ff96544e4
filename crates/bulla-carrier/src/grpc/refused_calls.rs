use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bulla_base::Clock;
use hyper::HeaderMap;

use super::limits::{MAX_REFUSED_CALLS, REFUSED_CALL_DELAY};
use crate::metrics::ANSWERS_HELD;

/// How many calls of a connection came to nothing, since one last did not.
///
/// To refuse a call costs us as much as it costs whoever makes it. Who makes one after the other is answered
/// late, and takes as much of our processors as a connection has streams in that time, and no more. A nonce
/// that is asked for is nothing yet either: only who proves something with it was right to ask.
#[derive(Debug, Default)]
pub(crate) struct RefusedCalls(AtomicU32);

impl RefusedCalls {
    /// Counts a call that came to something or to nothing, and waits if it is one of too many that did not.
    pub(crate) async fn count(&self, came_to_nothing: bool, clock: &dyn Clock) {
        if !came_to_nothing {
            self.0.store(0, Ordering::Relaxed);
            return;
        }
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        if let Some(held) = before.checked_sub(MAX_REFUSED_CALLS) {
            if before == u32::MAX {
                self.0.store(MAX_REFUSED_CALLS, Ordering::Relaxed);
            }
            metrics::counter!(ANSWERS_HELD).increment(1);
            clock.sleep(delay(held)).await;
        }
    }
}

/// How long the answer is held that is the `held`th in its row, from 0 on: between once and twice
/// [`REFUSED_CALL_DELAY`], spread evenly over as many as there may be at once. All at the same time, they
/// would be one piece of work, and others would wait for it.
fn delay(held: u32) -> Duration {
    REFUSED_CALL_DELAY + REFUSED_CALL_DELAY * (held % MAX_REFUSED_CALLS) / MAX_REFUSED_CALLS
}

/// Whether an answer with these headers is a refusal: its status stands in front, in place of an answer,
/// which it would follow.
pub(crate) fn is_refusal(headers: &HeaderMap) -> bool {
    headers.get("grpc-status").is_some_and(|status| status != "0")
}

#[cfg(test)]
mod tests {
    use bulla_base::{Sleep, Timestamp};
    use futures_util::FutureExt;

    use super::*;

    /// A clock that stands still.
    #[derive(Debug)]
    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(0)
        }

        fn sleep(&self, _: std::time::Duration) -> Sleep<'_> {
            Box::pin(std::future::pending())
        }
    }

    fn is_at_once(calls: &RefusedCalls, came_to_nothing: bool) -> bool {
        calls.count(came_to_nothing, &Still).now_or_never().is_some()
    }

    #[test]
    fn so_many_refused_calls_are_answered_at_once_and_the_next_are_not_until_one_is_taken() {
        let calls = RefusedCalls::default();
        for _ in 0..3 {
            for _ in 0..MAX_REFUSED_CALLS {
                assert!(is_at_once(&calls, true));
            }
            for _ in 0..3 {
                assert!(!is_at_once(&calls, true));
            }
            assert!(is_at_once(&calls, false), "a proof, or a call of somebody who has proved it");
        }
    }

    #[test]
    fn held_answers_come_one_after_the_other() {
        let delays: Vec<_> = (0..MAX_REFUSED_CALLS).map(delay).collect();
        assert_eq!((delays[0], delay(MAX_REFUSED_CALLS)), (REFUSED_CALL_DELAY, REFUSED_CALL_DELAY));
        assert!(delays.is_sorted_by(|one, next| one < next), "no two at once");
        assert!(delays[delays.len() - 1] < 2 * REFUSED_CALL_DELAY);
        // A row that never ends is no end of it.
        let calls = RefusedCalls(AtomicU32::new(u32::MAX));
        assert!(!is_at_once(&calls, true) && !is_at_once(&calls, true));
    }

    #[test]
    fn a_refusal_says_its_status_in_front() {
        let with =
            |status: &str| HeaderMap::from_iter([("grpc-status".parse().unwrap(), status.parse().unwrap())]);
        assert!(is_refusal(&with("16")) && !is_refusal(&with("0")) && !is_refusal(&HeaderMap::new()));
    }
}
