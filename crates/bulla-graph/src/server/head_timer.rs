//! How long a client may take for the head of its next request, told to hyper as a timer of our clock.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bulla_base::Clock;
use hyper::rt::{Sleep, Timer};

use super::connection_activity::Activity;
use crate::limits::{HEAD_TIMEOUT, IDLE_TIMEOUT};

type Sleeping = Pin<Box<dyn Future<Output = ()> + Send>>;

/// hyper asks for one sleep for each head, and for nothing else. We let it last as long as a client may be
/// idle, and once the head has begun as long as a head may take.
pub(super) struct HeadTimer {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) activity: Arc<Activity>,
}

impl Timer for HeadTimer {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
        let Self { clock, activity } = self;
        // Who comes has something to say; who has been answered may want to stay.
        let timeout = if activity.has_answered() { IDLE_TIMEOUT } else { HEAD_TIMEOUT };
        Box::pin(HeadSleep {
            before: activity.received(),
            activity: activity.clone(),
            sleeping: Mutex::new(asleep(clock, timeout)),
            head: Mutex::new(activity.has_answered().then(|| clock.clone())),
        })
    }

    /// hyper adds to an instant of its own and gives the sum, which is not looked at.
    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(HEAD_TIMEOUT)
    }
}

fn asleep(clock: &Arc<dyn Clock>, span: Duration) -> Sleeping {
    let clock = clock.clone();
    Box::pin(async move { clock.sleep(span).await })
}

struct HeadSleep {
    /// How many bytes had come before the head.
    before: u64,
    activity: Arc<Activity>,
    // hyper wants sleeps that can be shared, which ours cannot; they never are, so the locks are never taken.
    sleeping: Mutex<Sleeping>,
    /// The clock, until the head has begun.
    head: Mutex<Option<Arc<dyn Clock>>>,
}

impl Sleep for HeadSleep {}

impl Future for HeadSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let sleeping = this.sleeping.get_mut().unwrap_or_else(PoisonError::into_inner);
        if this.activity.received() > this.before
            && let Some(clock) = this.head.get_mut().unwrap_or_else(PoisonError::into_inner).take()
        {
            *sleeping = asleep(&clock, HEAD_TIMEOUT);
        }
        sleeping.as_mut().poll(cx)
    }
}
