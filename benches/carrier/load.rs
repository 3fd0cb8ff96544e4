//! How much traffic there is, and what it came to.

use std::time::Instant;

use crate::clock::spent;

/// Traffic, the same for all that are measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// So many senders, each of which writes to a receiver of its own.
    pub(crate) pairs: usize,
    /// How many messages of one sender are not answered yet at a time.
    pub(crate) in_flight: usize,
    /// How many there are in all.
    pub(crate) messages: usize,
}

/// What a load came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) a_second: f64,
    /// Microseconds of processor time of this process, a message.
    pub(crate) cpu: f64,
}

impl Run {
    /// Times `work`, which carries so many messages.
    pub(crate) async fn of(messages: usize, work: impl Future<Output = ()>) -> Self {
        let (began, cpu) = (Instant::now(), spent());
        work.await;
        let (elapsed, cpu, messages) = (began.elapsed().as_secs_f64(), spent() - cpu, messages as f64);
        Self { a_second: messages / elapsed, cpu: cpu * 1e6 / messages }
    }
}
