use bulla_base::{Number, PhoneNumberId, Timestamp};
use bulla_relay::{Event, Handle, Incoming, Status};

/// An event, taken apart into what an update says of it.
pub(super) struct Notice<'a> {
    pub(super) business: PhoneNumberId,
    pub(super) user: &'a Number,
    pub(super) user_id: &'a [u8; 16],
    pub(super) message: Handle,
    pub(super) at: Timestamp,
    pub(super) news: News<'a>,
}

/// What has happened.
pub(super) enum News<'a> {
    Message(&'a Incoming),
    Status { status: Status, tracking: Option<&'a str> },
}

impl<'a> Notice<'a> {
    /// The notice of an event; nothing for a kind of event this version does not know.
    pub(super) fn of(event: &'a Event) -> Option<Self> {
        let news = match event {
            Event::Message(_, incoming) => News::Message(incoming),
            Event::Status(_, update) => {
                News::Status { status: update.status, tracking: update.tracking.as_deref() }
            }
            _ => return None,
        };
        let about = event.subject();
        Some(Self {
            business: about.business,
            user: &about.user,
            user_id: about.user_id.as_bytes(),
            message: about.message,
            at: about.at,
            news,
        })
    }

    pub(super) const fn business(&self) -> PhoneNumberId {
        self.business
    }
}
