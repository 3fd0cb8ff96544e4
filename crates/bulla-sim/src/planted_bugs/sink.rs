//! Bugs of whoever tells the business.

use std::sync::Mutex;

use bulla::relay::{Event, MessageRef, Status, StatusUpdate, Subject};
use bulla_base::Rng;

use super::PlantedBug;
use crate::random::below;

/// An event that a bug holds back.
#[derive(Default)]
pub(crate) struct HeldEvent(Mutex<Option<Event>>);

impl PlantedBug {
    /// What the business is told when `event` is forwarded; `is_again` if it was forwarded before.
    pub(crate) fn forwarded(
        planted_bug: Option<Self>,
        held: &HeldEvent,
        rng: &dyn Rng,
        event: &Event,
    ) -> Vec<Event> {
        let as_it_is = || vec![event.clone()];
        let status = |status: Status| match event {
            Event::Status(subject, update) => {
                let update = StatusUpdate::new(status, update.category, update.tracking.clone());
                Some(Event::Status(subject.clone(), update))
            }
            _ => None,
        };
        match planted_bug {
            Some(Self::StatusBackwards) if is(event, Status::Read) => {
                as_it_is().into_iter().chain(status(Status::Delivered)).collect()
            }
            Some(Self::StatusTooFar) if is(event, Status::Sent) => {
                as_it_is().into_iter().chain(status(Status::Read)).collect()
            }
            Some(Self::EventSwallowed) if below(rng, 8) == 0 => Vec::new(),
            Some(Self::EventRenamed) => match held.swap(event) {
                Some(last) if last == *event => vec![renamed(event)],
                _ => as_it_is(),
            },
            Some(Self::EventsSwapped) => match (held.take(), event) {
                (None, Event::Message(..)) => {
                    held.swap(event);
                    Vec::new()
                }
                (before, _) => as_it_is().into_iter().chain(before).collect(),
            },
            Some(Self::EventToldAgain) => held.swap(event).into_iter().chain(as_it_is()).collect(),
            _ => as_it_is(),
        }
    }
}

fn is(event: &Event, wanted: Status) -> bool {
    matches!(event, Event::Status(_, update) if update.status == wanted)
}

/// The same of a message with another id.
fn renamed(event: &Event) -> Event {
    let Event::Message(subject, said) = event else { return event.clone() };
    let mut bytes = subject.message.to_bytes();
    bytes[15] ^= 1;
    let reference = MessageRef::from_bytes(bytes).unwrap();
    let (user, at) = (subject.user.clone(), subject.at);
    Event::Message(Subject::new(subject.business, user, subject.user_id, reference, at), said.clone())
}

impl HeldEvent {
    fn swap(&self, event: &Event) -> Option<Event> {
        self.0.lock().unwrap().replace(event.clone())
    }

    fn take(&self) -> Option<Event> {
        self.0.lock().unwrap().take()
    }
}
