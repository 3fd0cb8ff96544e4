use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla_base::{Clock, Number, PhoneNumberId};
use bulla_relay::{AccountEvent, Destination, Event, EventSink, Incoming, SinkError};
use tokio::time::Instant;

/// A sink that does as it is told, and notes what it took.
#[derive(Clone, Default)]
pub(crate) struct RecordingSink(Arc<Mutex<SinkState>>);

#[derive(Default)]
struct SinkState {
    taken: Vec<Event>,
    of_accounts: Vec<AccountEvent>,
    /// Who was offered an event, and when.
    offers: Vec<(Instant, Number)>,
    refusals: VecDeque<&'static str>,
    refused_user: Option<Number>,
    refused_text: Option<&'static str>,
    /// How often that text was offered.
    text_refusals: usize,
    is_closed: bool,
    pace: BTreeMap<PhoneNumberId, Duration>,
    at_once: BTreeMap<PhoneNumberId, usize>,
    most_at_once: BTreeMap<PhoneNumberId, usize>,
    most_in_all: usize,
    shared_destination: bool,
}

impl RecordingSink {
    /// Refuses the next events, with these words. `panic` panics while the event is handed over, `panic at
    /// once` before.
    pub(crate) fn refuse(&self, words: &[&'static str]) {
        self.0.lock().unwrap().refusals.extend(words);
    }

    /// Refuses everything about this user, or nothing.
    pub(crate) fn refuse_user(&self, user: Option<Number>) {
        self.0.lock().unwrap().refused_user = user;
    }

    /// Refuses this text of whoever says it, or none.
    pub(crate) fn refuse_text(&self, text: Option<&'static str>) {
        self.0.lock().unwrap().refused_text = text;
    }

    /// How often the text that is refused was offered.
    pub(crate) fn text_refusals(&self) -> usize {
        self.0.lock().unwrap().text_refusals
    }

    /// Refuses everything, or nothing.
    pub(crate) fn close(&self, is_closed: bool) {
        self.0.lock().unwrap().is_closed = is_closed;
    }

    /// Takes so long for every event of `business`.
    pub(crate) fn pace(&self, business: PhoneNumberId, pace: Duration) {
        self.0.lock().unwrap().pace.insert(business, pace);
    }

    /// Says that all businesses share one destination.
    pub(crate) fn share_destination(&self) {
        self.0.lock().unwrap().shared_destination = true;
    }

    pub(crate) fn taken(&self) -> Vec<Event> {
        self.0.lock().unwrap().taken.clone()
    }

    pub(crate) fn of_accounts(&self) -> Vec<AccountEvent> {
        self.0.lock().unwrap().of_accounts.clone()
    }

    pub(crate) fn offered(&self) -> usize {
        self.0.lock().unwrap().offers.len()
    }

    /// When an event about `user` was offered.
    pub(crate) fn offers(&self, user: &Number) -> Vec<Instant> {
        let state = self.0.lock().unwrap();
        state.offers.iter().filter(|(_, to)| to == user).map(|(at, _)| *at).collect()
    }

    /// The most events of `business` there ever were at once.
    pub(crate) fn most_at_once(&self, business: PhoneNumberId) -> usize {
        self.0.lock().unwrap().most_at_once.get(&business).copied().unwrap_or_default()
    }

    /// The most events there ever were at once.
    pub(crate) fn most_in_all(&self) -> usize {
        self.0.lock().unwrap().most_in_all
    }

    /// Waits until so many events were taken.
    pub(crate) async fn wait_for(&self, count: usize, clock: &dyn Clock) -> Vec<Event> {
        for _ in 0..100_000 {
            if self.taken().len() >= count {
                return self.taken();
            }
            clock.sleep(Duration::from_millis(100)).await;
        }
        panic!("of {count} events only these came: {:#?}", self.taken());
    }

    async fn take(&self, event: &Event) -> Result<(), SinkError> {
        let pace = self.0.lock().unwrap().pace.get(&event.subject().business).copied();
        if let Some(pace) = pace {
            sleep(pace).await;
        }
        let mut state = self.0.lock().unwrap();
        match state.refusals.pop_front() {
            Some("panic") => {
                drop(state);
                panic!("the host's sink is broken");
            }
            Some(words) => return Err(SinkError::new(words)),
            None => {}
        }
        if state.is_closed || state.refused_user.as_ref() == Some(&event.subject().user) {
            return Err(SinkError::new("not this one"));
        }
        if let (Some(text), Event::Message(_, Incoming::Text { text: said, .. })) =
            (state.refused_text, event)
            && said.body() == text
        {
            state.text_refusals += 1;
            return Err(SinkError::new("not this text"));
        }
        state.taken.push(event.clone());
        Ok(())
    }
}

impl EventSink for RecordingSink {
    fn forward(&self, event: &Event) -> impl Future<Output = Result<(), SinkError>> + Send {
        let mut state = self.0.lock().unwrap();
        state.offers.push((Instant::now(), event.subject().user.clone()));
        if state.refusals.front() == Some(&"panic at once") {
            state.refusals.pop_front();
            drop(state);
            panic!("the host's sink is broken");
        }
        drop(state);
        async {
            let _here = Here::new(self, event.subject().business);
            self.take(event).await
        }
    }

    async fn forward_account(&self, event: &AccountEvent) -> Result<(), SinkError> {
        self.0.lock().unwrap().of_accounts.push(event.clone());
        Ok(())
    }

    fn destination(&self, event: &Event) -> Destination {
        if self.0.lock().unwrap().shared_destination {
            return Destination::named("http://127.0.0.1/hook");
        }
        Destination::business(event.subject().business)
    }
}

#[expect(clippy::disallowed_methods, reason = "the runtime's time is paused: this is the virtual time")]
async fn sleep(span: Duration) {
    tokio::time::sleep(span).await;
}

/// An event that is at the sink.
struct Here<'a>(&'a RecordingSink, PhoneNumberId);

impl<'a> Here<'a> {
    fn new(sink: &'a RecordingSink, business: PhoneNumberId) -> Self {
        let mut state = sink.0.lock().unwrap();
        let count = state.at_once.entry(business).or_default();
        *count += 1;
        let (count, in_all) = (*count, state.at_once.values().sum());
        let most = state.most_at_once.entry(business).or_default();
        *most = count.max(*most);
        state.most_in_all = state.most_in_all.max(in_all);
        Self(sink, business)
    }
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        let mut state = self.0.0.lock().unwrap();
        *state.at_once.entry(self.1).or_default() -= 1;
    }
}
