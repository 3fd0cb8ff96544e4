//! What the carrier and the relay see of each message, kept for the report.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use bulla::base::{Address, MessageId, Party};
use bulla::envelope::Envelope;
use bulla::relay::{Event, EventSink, Incoming, SinkError};
use bulla::webhook::WebhookSink;

use crate::carrier_log::{hex, kind};
use crate::observed_transport::EnvelopeObserver;

/// How much of the ciphertext is shown.
const SHOWN_BYTES: usize = 32;

/// An envelope, as the carrier sees it.
#[derive(Debug, Clone)]
pub(super) struct EnvelopeView {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) kind: String,
    pub(super) sealed_bytes: usize,
    pub(super) sealed_start: String,
}

/// Every envelope the carrier was handed.
#[derive(Debug, Default)]
pub(super) struct CarrierView(Mutex<BTreeMap<MessageId, EnvelopeView>>);

impl CarrierView {
    pub(super) fn of(&self, id: MessageId) -> Option<EnvelopeView> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }
}

impl EnvelopeObserver for CarrierView {
    fn observe(&self, envelope: &Envelope) -> io::Result<()> {
        let sealed = envelope.sealed();
        let (name, category) = kind(envelope.kind());
        let view = EnvelopeView {
            from: address(envelope.from()),
            to: address(envelope.to()),
            kind: category.map_or(name.to_owned(), |category| format!("{name}, {category}")),
            sealed_bytes: sealed.len(),
            sealed_start: hex(sealed.get(..SHOWN_BYTES).unwrap_or(sealed)),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(envelope.id(), view);
        Ok(())
    }
}

fn address(address: &Address) -> String {
    match address.party() {
        Party::User(number) => format!("user +{}", number.digits()),
        Party::Business(id) => format!("business {id}"),
        _ => "nobody we know".to_owned(),
    }
}

/// A webhook sink that keeps the texts it forwards.
pub(super) struct RecordingSink {
    sink: WebhookSink,
    texts: std::sync::Arc<RelayView>,
}

/// The texts the relay handed over, with the numbers of their users.
#[derive(Debug, Default)]
pub(super) struct RelayView(Mutex<BTreeMap<MessageId, (String, String)>>);

impl RelayView {
    pub(super) fn of(&self, id: MessageId) -> Option<(String, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }
}

impl RecordingSink {
    pub(super) const fn new(sink: WebhookSink, texts: std::sync::Arc<RelayView>) -> Self {
        Self { sink, texts }
    }
}

impl EventSink for RecordingSink {
    async fn forward(&self, event: &Event) -> Result<(), SinkError> {
        if let Event::Message(about, Incoming::Text { text, .. }) = event {
            let seen = (text.body().to_owned(), about.user.digits().to_owned());
            self.texts.0.lock().unwrap_or_else(PoisonError::into_inner).insert(about.message.id(), seen);
        }
        self.sink.forward(event).await
    }
}
