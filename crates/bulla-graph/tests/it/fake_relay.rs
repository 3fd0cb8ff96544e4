//! Stand-ins for the relay: one that records what it is asked, one that blocks.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use bulla_base::{MessageId, Number, PhoneNumberId, SeededRng, Timestamp};
use bulla_graph::RelayApi;
use bulla_relay::{MarkReadError, MessageRef, Outgoing, SubmitError};
use tokio::sync::Semaphore;

use crate::sockets::within;

/// The numbers the relay speaks for.
pub(crate) const NUMBER: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);
pub(crate) const OTHER_NUMBER: PhoneNumberId = PhoneNumberId::new(7);

/// What users see of the business.
pub(crate) fn own_number() -> Number {
    Number::parse("15550783881").unwrap()
}

/// What the relay was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a test makes a few")]
pub(crate) enum Asked {
    Submit(PhoneNumberId, Outgoing),
    MarkRead(PhoneNumberId, MessageRef),
}

/// A relay that writes down what it is asked, and fails when it was told to.
#[derive(Debug, Default)]
pub(crate) struct RecordingRelay {
    asked: Mutex<Vec<Asked>>,
    failure: Mutex<Option<MarkReadError>>,
}

impl RecordingRelay {
    /// Fails the next call.
    pub(crate) fn fail(&self, failure: impl Into<MarkReadError>) {
        *self.failure.lock().unwrap() = Some(failure.into());
    }

    /// What it was asked since last.
    pub(crate) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl RelayApi for RecordingRelay {
    fn number(&self, business: PhoneNumberId) -> Option<Number> {
        [NUMBER, OTHER_NUMBER].contains(&business).then(own_number)
    }

    async fn submit(&self, from: PhoneNumberId, message: Outgoing) -> Result<MessageRef, SubmitError> {
        if let Some(failure) = self.failure.lock().unwrap().take() {
            match failure {
                MarkReadError::Submit(failure) => return Err(failure),
                other => panic!("accept cannot fail so: {other}"),
            }
        }
        self.asked.lock().unwrap().push(Asked::Submit(from, message));
        Ok(reference(1))
    }

    async fn mark_read(&self, business: PhoneNumberId, message: MessageRef) -> Result<(), MarkReadError> {
        if let Some(failure) = self.failure.lock().unwrap().take() {
            return Err(failure);
        }
        self.asked.lock().unwrap().push(Asked::MarkRead(business, message));
        Ok(())
    }
}

/// A relay that lets messages wait until it is opened.
#[derive(Debug)]
pub(crate) struct BlockingRelay {
    entered: Semaphore,
    open: Semaphore,
    breaks_down: AtomicBool,
}

impl Default for BlockingRelay {
    fn default() -> Self {
        Self { entered: Semaphore::new(0), open: Semaphore::new(0), breaks_down: AtomicBool::new(false) }
    }
}

impl BlockingRelay {
    /// Lets `messages` through.
    pub(crate) fn open(&self, messages: usize) {
        self.open.add_permits(messages);
    }

    /// Waits for one more message to have come.
    pub(crate) async fn is_entered(&self) {
        within(self.entered.acquire()).await.unwrap().forget();
    }

    /// Whether one more message has come.
    pub(crate) fn is_entered_now(&self) -> bool {
        self.entered.try_acquire().is_ok()
    }

    /// Panics at the next message.
    pub(crate) fn break_down(&self) {
        self.breaks_down.store(true, Ordering::SeqCst);
    }
}

impl RelayApi for BlockingRelay {
    fn number(&self, _: PhoneNumberId) -> Option<Number> {
        Some(own_number())
    }

    async fn submit(&self, _: PhoneNumberId, _: Outgoing) -> Result<MessageRef, SubmitError> {
        assert!(!self.breaks_down.swap(false, Ordering::SeqCst), "the relay breaks down, as it was told");
        self.entered.add_permits(1);
        self.open.acquire().await.unwrap().forget();
        Ok(reference(1))
    }

    async fn mark_read(&self, _: PhoneNumberId, _: MessageRef) -> Result<(), MarkReadError> {
        Ok(())
    }
}

/// A message's reference; each `seed` has its own.
pub(crate) fn reference(seed: u64) -> MessageRef {
    let id = MessageId::new(Timestamp::from_millis(1_795_293_590_960), &SeededRng::new(seed));
    let mut bytes = [0xa5; MessageRef::BYTES];
    bytes[..16].copy_from_slice(id.as_bytes());
    MessageRef::from_bytes(bytes).unwrap()
}

/// The same reference, as clients name it. Written here anew, so that a change of the form is noticed.
pub(crate) fn wamid(seed: u64) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut name = String::from("wamid.");
    for chunk in reference(seed).to_bytes().chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..=chunk.len() {
            let digit = bits >> (18 - 6 * position) & 63;
            name.push(char::from(DIGITS[usize::try_from(digit).unwrap()]));
        }
    }
    name
}
