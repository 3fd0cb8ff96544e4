//! When nothing in this process can go on by itself.

use std::sync::Arc;

use tokio::sync::Notify;

/// Tells when the runtime has nothing left to do: whoever is not waiting for the clock, the network or a
/// request has done all they can. Clones are the same.
///
/// It works on a runtime of one thread, which calls [`parked`](Self::parked) before it goes idle.
#[derive(Debug, Clone, Default)]
pub struct Quiet(Arc<Notify>);

impl Quiet {
    /// The runtime is about to go idle. Who waits for that goes on, and the runtime with them.
    pub fn parked(&self) {
        self.0.notify_waiters();
    }

    /// Waits until nobody else can go on.
    pub(crate) async fn reached(&self) {
        self.0.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn it_is_quiet_when_all_that_can_go_on_has() {
        let quiet = Quiet::default();
        let parked = quiet.clone();
        let runtime =
            tokio::runtime::Builder::new_current_thread().on_thread_park(move || parked.parked()).build();
        runtime.unwrap().block_on(async {
            let steps = Arc::new(AtomicU32::new(0));
            let counted = steps.clone();
            tokio::spawn(async move {
                for _ in 0..1000 {
                    tokio::task::yield_now().await;
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            });
            tokio::spawn(async move {
                quiet.reached().await;
                assert_eq!(steps.load(Ordering::SeqCst), 1000);
            })
            .await
            .unwrap();
        });
    }
}
