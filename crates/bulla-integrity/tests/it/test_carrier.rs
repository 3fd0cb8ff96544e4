//! A carrier that stamps, a business that writes and a user who may report it.

use bulla_base::{Address, Category, MessageId, Number, PhoneNumberId, SeededRng, Timestamp};
use bulla_integrity::{Acceptance, Reason, Report, ReportedMessage, Stamp, StampKeys, commitment};

pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_795_262_400_000);
pub(crate) const KIND: u32 = 1;

pub(crate) fn business(number: u64) -> Address {
    Address::business(PhoneNumberId::new(number))
}

pub(crate) fn user(number: u64) -> Address {
    Address::user(Number::parse(&format!("1650{number:07}")).unwrap())
}

pub(crate) fn keys(now: Timestamp) -> StampKeys {
    let mut keys = StampKeys::new(now.day(), &SeededRng::new(9));
    keys.advance(now.day()).unwrap();
    keys
}

/// What a business has sent to a user, and the carrier has accepted.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) id: MessageId,
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) kind: u32,
    pub(crate) category: Option<Category>,
    pub(crate) plaintext: Vec<u8>,
    pub(crate) stamp: Stamp,
}

impl Sent {
    /// Message `number`, of some hundred bytes.
    pub(crate) fn new(number: u64, keys: &StampKeys, now: Timestamp) -> Self {
        let rng = SeededRng::new(number);
        let id = MessageId::new(now, &rng);
        let (from, to) = (business(number % 7), user(number % 1000));
        let category = Some(Category::ALL[usize::try_from(number % 4).unwrap()]);
        let mut plaintext = vec![0; 160];
        bulla_base::Rng::fill(&rng, &mut plaintext);
        let commitment = commitment(&plaintext).unwrap();
        let accepted = Acceptance::new(id, from.clone(), to.clone(), KIND, category, commitment);
        let stamp = keys.stamp(&accepted, now).unwrap();
        Self { id, from, to, kind: KIND, category, plaintext, stamp }
    }

    pub(crate) fn message(&self) -> ReportedMessage {
        let Self { id, from, to: _, kind, category, plaintext, stamp } = self.clone();
        ReportedMessage::new(id, from, kind, category, stamp, plaintext.into()).unwrap()
    }

    pub(crate) fn report(&self) -> Report {
        Report::new(Reason::Spam, vec![self.message()]).unwrap()
    }

    /// Whether a report of it, as bytes, counts for the user it says.
    pub(crate) fn is_proven(&self, keys: &StampKeys) -> bool {
        let report = Report::from_bytes(&self.report().to_bytes()).unwrap();
        report.verify(&self.to, keys).is_ok()
    }
}
