//! The business: a sink that is down or refuses now and then.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bulla::relay::{Event, EventSink, Incoming, SinkError, SinkErrorKind, Status};
use bulla_base::Rng;

use crate::current_faults::CurrentFaults;
use crate::faults::FaultKind;
use crate::invariants::Invariant;
use crate::machine::{Machine, Process};
use crate::phone_numbers::user_of;
use crate::planted_bugs::{HeldEvent, PlantedBug};
use crate::random::happens;
use crate::reference_model::{ReferenceModel, number_of};
use crate::run_log::RunLog;

/// The business: it is down, or refuses now and then, and notes what it takes.
#[derive(Clone)]
pub(crate) struct BusinessSink {
    pub(crate) machine: Arc<Machine>,
    pub(crate) process: Arc<Process>,
    pub(crate) current_faults: Arc<CurrentFaults>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) run_log: Arc<RunLog>,
    pub(crate) model: Arc<ReferenceModel>,
    pub(crate) held: Arc<HeldEvent>,
    pub(crate) planted_bug: Option<PlantedBug>,
}

impl EventSink for BusinessSink {
    async fn forward(&self, event: &Event) -> Result<(), SinkError> {
        self.run_log.event();
        self.process.goes_on().await;
        if self.process.is_dead() {
            return Err(SinkError::new("the relay is dead"));
        }
        if self.current_faults.is_sink_down.load(Ordering::SeqCst) {
            self.run_log.count(FaultKind::SinkDown);
            self.refuses(event);
            self.model.report_failed(event.subject().message.id(), kind(event), self.process.number);
            return Err(SinkError::new("the server is down").with_kind(SinkErrorKind::Unreachable));
        }
        let (user, number) = (user_of(&event.subject().user), number_of_event(&self.model, event));
        if self.model.refused.refuses(user, number, kind(event)) {
            self.run_log.count(FaultKind::Unbearable);
            self.refuses(event);
            return Err(SinkError::new("the business cannot bear it").with_kind(SinkErrorKind::Refused));
        }
        for event in PlantedBug::forwarded(self.planted_bug, &self.held, &*self.rng, event) {
            self.hear(&event);
        }
        // It may have taken the event and still not say so.
        if happens(&*self.rng, self.current_faults.rates().refused) {
            self.run_log.count(FaultKind::Refused);
            self.refuses(event);
            return Err(SinkError::new("the business is busy").with_kind(SinkErrorKind::Unavailable));
        }
        let id = event.subject().message.id();
        self.model.taken(user, id, kind(event), self.process.number, self.troubles());
        Ok(())
    }
}

impl BusinessSink {
    fn hear(&self, event: &Event) {
        let subject = event.subject();
        let (user, id) = (user_of(&subject.user), subject.message.id());
        self.model.told(user, id, kind(event), self.process.number, self.troubles());
        match event {
            Event::Message(_, Incoming::Text { text, .. }) => self.model.shown(user, false, text.body(), id),
            Event::Status(_, update) => self.model.status(user, id, update.status),
            other => self.run_log.violated(Invariant::Kept, format_args!("nobody sent {other:?}")),
        }
    }

    fn refuses(&self, event: &Event) {
        let name = (event.subject().message.id(), kind(event));
        self.model.refused.refused(name, self.process.number, self.troubles());
    }

    fn troubles(&self) -> u64 {
        self.machine.disk_troubles.load(Ordering::SeqCst)
    }
}

/// Which message with its user an event is about, if that is known.
pub(crate) fn number_of_event(model: &ReferenceModel, event: &Event) -> Option<usize> {
    match event {
        Event::Message(_, Incoming::Text { text, .. }) => number_of(text.body()),
        Event::Status(subject, _) => model.number_of_id(user_of(&subject.user), subject.message.id()),
        _ => None,
    }
}

/// What sort of report it is.
pub(crate) const fn kind(event: &Event) -> u8 {
    match event {
        Event::Message(..) => 0,
        Event::Status(_, update) => status_kind(update.status),
        _ => 5,
    }
}

/// What sort of report tells of it; later ones have higher numbers.
pub(crate) const fn status_kind(status: Status) -> u8 {
    match status {
        Status::Sent => 1,
        Status::Delivered => 2,
        Status::Read => 3,
        _ => 4,
    }
}
