//! The users and the businesses: who writes and who is written to.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla::base::{Clock, Number, PhoneNumberId, Rng};
use bulla::content::{Content, Text};
use bulla::device::Device;
use bulla::relay::{Event, EventSink, Incoming, SinkError};
use bulla::store::{BoxStore, MemoryStore};
use bulla::transport::BoxTransport;

use super::canaries::Canaries;

/// Takes everything, every day.
pub(crate) const SHOP: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);
/// Takes nothing for weeks.
pub(crate) const BAKERY: PhoneNumberId = PhoneNumberId::new(106_540_352_242_923);

/// Writes to the shop and is written to, every day.
pub(crate) const ALICE: &str = "16505551234";
/// Is written to every day, and never comes back.
pub(crate) const BOB: &str = "4915112345678";
/// Writes to the bakery every day.
pub(crate) const CAROL: &str = "442079460958";
/// Writes to the shop once.
pub(crate) const EVE: &str = "81312345678";
pub(crate) const USERS: [&str; 4] = [ALICE, BOB, CAROL, EVE];

pub(crate) fn number(user: &str) -> Number {
    Number::parse(user).unwrap()
}

/// What the businesses take.
#[derive(Clone)]
pub(crate) struct RecordingSink {
    pub(crate) canaries: Canaries,
    pub(crate) bakery_takes: Arc<AtomicBool>,
    pub(crate) said: Arc<Mutex<BTreeSet<String>>>,
    pub(crate) statuses: Arc<AtomicUsize>,
    pub(crate) refused: Arc<AtomicUsize>,
}

impl RecordingSink {
    pub(crate) fn new(canaries: Canaries) -> Self {
        Self {
            canaries,
            bakery_takes: Arc::default(),
            said: Arc::default(),
            statuses: Arc::default(),
            refused: Arc::default(),
        }
    }
}

impl EventSink for RecordingSink {
    async fn forward(&self, event: &Event) -> Result<(), SinkError> {
        if event.subject().business == BAKERY && !self.bakery_takes.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(SinkError::new("the bakery is closed"));
        }
        match event {
            Event::Message(_, Incoming::Text { text, .. }) => {
                let ages = self.canaries.ages(text.body().as_bytes());
                assert!(ages.iter().all(|age| *age < super::DAY * 30), "told too late: {ages:?}");
                self.said.lock().unwrap().insert(text.body().to_owned());
            }
            Event::Status(..) => drop(self.statuses.fetch_add(1, Ordering::SeqCst)),
            other => panic!("nobody sent {other:?}"),
        }
        Ok(())
    }
}

/// A user's telephone, which is off most of the day; its store stays.
pub(crate) struct Phone {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) user: &'static str,
}

impl Phone {
    pub(crate) fn new(user: &'static str) -> Self {
        Self { store: Arc::default(), user }
    }

    /// Is on for a minute: says `words` to `business`, and reads what has come.
    pub(crate) async fn minute(
        &self,
        link: &BoxTransport,
        clock: &Arc<dyn Clock>,
        rng: &Arc<dyn Rng>,
        words: Option<(PhoneNumberId, String)>,
    ) -> usize {
        let (store, rng) = (BoxStore::new(Arc::clone(&self.store)), Arc::clone(rng));
        let device =
            Device::open(store, link.clone(), Arc::clone(clock), rng, number(self.user)).await.unwrap();
        if let Some((business, words)) = words {
            device.send(business, &Content::text(Text::new(words).unwrap())).await.unwrap();
        }
        let mut read = 0;
        let end = clock.now().after(Duration::from_secs(60));
        loop {
            tokio::select! {
                biased;
                event = device.next() => {
                    device.acknowledge(event.unwrap()).await.unwrap();
                    read += 1;
                }
                () = clock.sleep(end.since(clock.now())) => break,
            }
        }
        device.close().await;
        read
    }
}
