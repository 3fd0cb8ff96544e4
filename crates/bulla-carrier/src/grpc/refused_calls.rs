use std::sync::atomic::{AtomicU32, Ordering};

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
        if before >= MAX_REFUSED_CALLS {
            // It never comes to overflow.
            self.0.store(MAX_REFUSED_CALLS, Ordering::Relaxed);
            metrics::counter!(ANSWERS_HELD).increment(1);
            clock.sleep(REFUSED_CALL_DELAY).await;
        }
    }
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
    fn a_refusal_says_its_status_in_front() {
        let with =
            |status: &str| HeaderMap::from_iter([("grpc-status".parse().unwrap(), status.parse().unwrap())]);
        assert!(is_refusal(&with("16")) && !is_refusal(&with("0")) && !is_refusal(&HeaderMap::new()));
    }
}
