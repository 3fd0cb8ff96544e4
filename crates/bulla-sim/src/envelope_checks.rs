//! What is seen on the wire, and what must hold of it whatever else happens.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, MutexGuard};

use bulla::envelope::{Envelope, Form, InstallationId, KeyBundle, Kind};
use bulla::session::message::{PreKeySignalMessage, SignalMessage};
use bulla::transport::{Caller, Delivery, Sequence};
use bulla_base::{Address, Category, MessageId, Number, Party, Timestamp};
use memchr::memmem;

use crate::invariants::Invariant;
use crate::machine::Process;
use crate::run_log::RunLog;

/// What every text of a run has in it, and nothing else.
pub(crate) const CANARY: &str = "✉ مرحبا";

/// What passed so far.
#[derive(Default)]
pub(crate) struct WireHistory(Mutex<Observed>);

#[derive(Default)]
struct Observed {
    /// Who stepped which ratchet how far, and what came of it.
    steps: BTreeMap<(Vec<u8>, [u8; 33], u32), Vec<u8>>,
    /// Which installation speaks for whom, and from which incarnation on.
    speakers: BTreeMap<Vec<u8>, (InstallationId, u64)>,
    /// Who has asked to be registered and did not hear: the carrier may have died right after it was durable.
    registering: HashSet<(Vec<u8>, InstallationId)>,
    /// The one-time keys that were given away.
    given: BTreeSet<(Vec<u8>, Vec<u8>)>,
    /// How often each has left keys.
    published: BTreeMap<Vec<u8>, u64>,
    /// Which rows each program has read, for a planted bug.
    read: BTreeSet<(u64, Vec<u8>)>,
    /// Which program was which incarnation.
    incarnations: BTreeMap<(Vec<u8>, [u8; 16], u64), u64>,
    bundles: BTreeMap<Vec<u8>, KeyBundle>,
    /// Which envelopes were sent, and when first.
    left: BTreeMap<MessageId, Timestamp>,
    /// Which envelopes are messages, and no receipts; of which category they say that they are, and the
    /// user's number.
    messages: BTreeMap<MessageId, (Category, Number)>,
    /// Which messages were sent again, because whom they were for could not open them.
    again: BTreeSet<MessageId>,
    /// What was delivered where.
    delivered: BTreeMap<(Vec<u8>, Sequence), MessageId>,
    /// What this run of the carrier was told to be with its recipient, and after how many others.
    acknowledged: BTreeMap<(Vec<u8>, Sequence), (MessageId, u64)>,
    /// That of the places that this run of the carrier gives out, once it has.
    epoch: Option<u64>,
    /// How many were acknowledged, ever.
    acknowledgements: u64,
    /// The first that was delivered to each, for a planted bug.
    first: BTreeMap<Vec<u8>, Delivery>,
}

impl WireHistory {
    fn observed(&self) -> MutexGuard<'_, Observed> {
        self.0.lock().unwrap()
    }

    pub(crate) fn steps(&self) -> usize {
        self.observed().steps.len()
    }

    /// The lowest incarnation of `caller`'s installation that may speak: one beyond all if it is another's.
    pub(crate) fn floor(&self, caller: &Caller) -> u64 {
        let (observed, address) = (self.observed(), caller.address().to_bytes());
        match observed.speakers.get(&address) {
            _ if observed.registering.contains(&(address, caller.installation())) => 0,
            Some((installation, _)) if *installation != caller.installation() => u64::MAX,
            Some((_, lowest)) => *lowest,
            None => 0,
        }
    }

    /// `caller` asks the carrier to be registered.
    pub(crate) fn registers(&self, caller: &Caller) {
        self.observed().registering.insert((caller.address().to_bytes(), caller.installation()));
    }

    /// The carrier has forgotten which keys of `address` it gave away, and what it had for it.
    pub(crate) fn erased(&self, address: &Address) {
        let (address, mut observed) = (address.to_bytes(), self.observed());
        observed.given.retain(|(of, _)| *of != address);
        observed.acknowledged.retain(|(of, _), _| *of != address);
    }

    /// The carrier is started: what it was told before and did not write down it does not know.
    pub(crate) fn carrier_starts(&self) {
        let mut observed = self.observed();
        observed.acknowledged.clear();
        observed.epoch = None;
    }

    /// The carrier was told that `caller` has what stands at `sequences`.
    pub(crate) fn acknowledged(&self, caller: &Caller, sequences: &[Sequence]) {
        let (to, mut observed) = (caller.address().to_bytes(), self.observed());
        let epoch = observed.epoch;
        // Places of another run mean nothing to this one.
        for sequence in sequences.iter().filter(|sequence| Some(sequence.epoch()) == epoch) {
            let (place, before) = ((to.clone(), *sequence), observed.acknowledgements);
            if let Some(id) = observed.delivered.get(&place).copied() {
                observed.acknowledged.entry(place).or_insert((id, before));
                observed.acknowledgements += 1;
            }
        }
    }

    /// How many envelopes were acknowledged.
    pub(crate) fn acknowledgements(&self) -> u64 {
        self.observed().acknowledgements
    }

    /// What was acknowledged: by whom, where it stood, and what it was.
    pub(crate) fn all_acknowledged(&self) -> Vec<(Address, Sequence, MessageId)> {
        let observed = self.observed();
        let all = observed.acknowledged.iter();
        all.map(|((of, sequence), (id, _))| (Address::from_bytes(of).unwrap(), *sequence, *id)).collect()
    }

    /// The first that was ever delivered to `caller`, for a planted bug.
    pub(crate) fn first_delivery(&self, caller: &Caller, deliveries: &[Delivery]) -> Option<Delivery> {
        let (to, mut observed) = (caller.address().to_bytes(), self.observed());
        if let (None, Some(first)) = (observed.first.get(&to), deliveries.first()) {
            observed.first.insert(to.clone(), first.clone());
        }
        observed.first.get(&to).cloned()
    }

    /// How often `address` has left keys with the carrier.
    pub(crate) fn published(&self, address: &Address) -> u64 {
        self.observed().published.get(&address.to_bytes()).copied().unwrap_or_default()
    }

    pub(crate) fn publish(&self, address: &Address) {
        *self.observed().published.entry(address.to_bytes()).or_default() += 1;
    }

    /// Which installation speaks for `address`.
    pub(crate) fn installation(&self, address: &Address) -> Option<InstallationId> {
        self.observed().speakers.get(&address.to_bytes()).map(|(installation, _)| *installation)
    }

    /// Which envelope was delivered to `caller` under `sequence`.
    pub(crate) fn envelope(&self, caller: &Caller, sequence: Sequence) -> Option<MessageId> {
        self.observed().delivered.get(&(caller.address().to_bytes(), sequence)).copied()
    }

    /// The first keys that were ever given away of `of`, for a planted bug.
    pub(crate) fn first_bundle(&self, of: &Address, bundle: KeyBundle) -> KeyBundle {
        self.observed().bundles.entry(of.to_bytes()).or_insert(bundle).clone()
    }

    /// Whether the envelope was sent before.
    pub(crate) fn has_left(&self, id: MessageId) -> bool {
        self.observed().left.contains_key(&id)
    }

    /// When the envelope was sent first.
    pub(crate) fn left_at(&self, id: MessageId) -> Option<Timestamp> {
        self.observed().left.get(&id).copied()
    }

    /// Whether a program reads a row for the first time, for a planted bug.
    pub(crate) fn is_first_read(&self, process: u64, row: Vec<u8>) -> bool {
        self.observed().read.insert((process, row))
    }

    pub(crate) fn is_message(&self, id: MessageId) -> bool {
        self.observed().messages.contains_key(&id)
    }

    /// Every message that was sent, of which category it says that it is, and the user's number.
    pub(crate) fn all_messages(&self) -> Vec<(MessageId, Category, Number)> {
        let observed = self.observed();
        observed.messages.iter().map(|(id, (category, user))| (*id, *category, user.clone())).collect()
    }

    /// Of which category a message that was sent says that it is.
    pub(crate) fn category(&self, id: MessageId) -> Option<Category> {
        self.observed().messages.get(&id).map(|(category, _)| *category)
    }

    /// Whether the message was asked for again: then later ones may have come before it.
    pub(crate) fn was_sent_again(&self, id: MessageId) -> bool {
        self.observed().again.contains(&id)
    }

    pub(crate) fn deliver(&self, caller: &Caller, deliveries: &[Delivery]) {
        let (to, mut observed) = (caller.address().to_bytes(), self.observed());
        observed.epoch = deliveries.first().map(|delivery| delivery.sequence.epoch()).or(observed.epoch);
        for delivery in deliveries {
            observed.delivered.insert((to.clone(), delivery.sequence), delivery.envelope.id());
        }
    }
}

impl RunLog {
    /// An envelope leaves its sender: its ratchet step must not have sealed anything else, and nothing of it
    /// is to be read.
    pub fn sealed(&self, envelope: &Envelope) {
        let sealed = envelope.sealed().to_vec();
        if memmem::find(&sealed, CANARY.as_bytes()).is_some() {
            self.violated(Invariant::Sealed, format_args!("{} can be read on its way", envelope.id()));
        }
        let Some(step) = step(envelope.from(), envelope) else {
            return self.violated(Invariant::Sealed, format_args!("{} is not sealed", envelope.id()));
        };
        let now = self.now();
        self.wire.observed().left.entry(envelope.id()).or_insert(now);
        let parties = [envelope.from().party(), envelope.to().party()];
        let user = parties.into_iter().find_map(|party| match party {
            Party::User(number) => Some(number.clone()),
            _ => None,
        });
        if let (Kind::Message(category), Some(user)) = (envelope.kind(), user) {
            self.wire.observed().messages.insert(envelope.id(), (category, user));
        }
        if envelope.attempt() > 0 {
            self.wire.observed().again.insert(envelope.id());
        }
        let before = self.wire.observed().steps.insert(step, sealed.clone());
        if before.is_some_and(|before| before != sealed) {
            self.violated(
                Invariant::Steps,
                format_args!("a step sealed {} and another message", envelope.id()),
            );
        }
        self.trace_line(format_args!("{:?} {} leaves", envelope.kind(), envelope.id()));
    }

    /// The carrier has let `caller` do something, who was `floor` when the call began.
    pub(crate) fn let_pass(&self, caller: &Caller, floor: u64, what: &str) {
        if caller.incarnation().number() < floor {
            let number = caller.incarnation().number();
            self.violated(
                Invariant::Fences,
                format_args!("incarnation {number} was replaced and may {what}"),
            );
        }
    }

    /// The carrier knows that `caller` speaks for its address, from now on.
    pub(crate) fn connected(&self, caller: &Caller) {
        let mut observed = self.wire.observed();
        let (installation, number) = (caller.installation(), caller.incarnation().number());
        // Whoever asked before is known, or replaced.
        observed.registering.retain(|(address, _)| *address != caller.address().to_bytes());
        let speaker = observed.speakers.entry(caller.address().to_bytes()).or_insert((installation, number));
        if speaker.0 != installation {
            *speaker = (installation, number);
        }
        speaker.1 = speaker.1.max(number);
    }

    /// `caller` wants to speak, from the program that was started as `process`: no two have the same
    /// incarnation.
    pub(crate) fn speaks(&self, caller: &Caller, process: &Process) {
        if process.is_dead() {
            return;
        }
        let (address, number) = (caller.address().to_bytes(), caller.incarnation().number());
        let incarnation = (address, *caller.installation().as_bytes(), number);
        let first = *self.wire.observed().incarnations.entry(incarnation).or_insert(process.number);
        if first != process.number {
            let what =
                format_args!("incarnation {number} is that of two programs, {first} and {}", process.number);
            self.violated(Invariant::Fences, what);
        }
    }

    /// The carrier hands `deliveries` to `caller`. When that one asked, `before` envelopes had been
    /// acknowledged: none of them comes again.
    pub(crate) fn handed_out(&self, caller: &Caller, deliveries: &[Delivery], before: u64) {
        self.wire.deliver(caller, deliveries);
        let (to, observed) = (caller.address().to_bytes(), self.wire.observed());
        let again = deliveries.iter().find(|delivery| {
            let known = observed.acknowledged.get(&(to.clone(), delivery.sequence));
            known.is_some_and(|(id, after)| *id == delivery.envelope.id() && *after < before)
        });
        let again = again.map(|delivery| delivery.envelope.id());
        drop(observed);
        if let Some(id) = again {
            self.violated(Invariant::ToldOnce, format_args!("{id} was acknowledged and is handed out again"));
        }
    }

    /// The carrier gives away keys of `of`.
    pub(crate) fn given(&self, of: &Address, bundle: &KeyBundle) {
        let Some(key) = &bundle.one_time else { return };
        let given = self.wire.observed().given.insert((of.to_bytes(), key.public.to_vec()));
        if !given {
            self.violated(Invariant::OneTimeKeys, format_args!("key {} was given away twice", key.id));
        }
    }
}

/// Which step of which ratchet sealed an envelope. Ratchet keys are drawn at random, so one names its chain.
fn step(from: &Address, envelope: &Envelope) -> Option<(Vec<u8>, [u8; 33], u32)> {
    let name =
        |message: &SignalMessage<'_>| (from.to_bytes(), message.ratchet_key().to_bytes(), message.counter());
    match envelope.form() {
        Form::PreKey => Some(name(PreKeySignalMessage::parse(envelope.sealed()).ok()?.message())),
        _ => Some(name(&SignalMessage::parse(envelope.sealed()).ok()?)),
    }
}
