use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bulla_base::{Category, Day, MessageId, Number, Partition, Party, PhoneNumberId, Timestamp};
use bulla_endpoint::{Kept as KeptSessions, Peer};
use bulla_envelope::Envelope;
use bulla_meter::{Flow, Tally};
use bulla_store::{
    Batch, Commit, Counter, Expiry, Key, Queue, Queued, Record, Retention, Space, Store, StoreError, Version,
};
use bulla_transport::Transport;
use bytes::Bytes;
use futures_util::FutureExt;

use super::fault::Reach;
use super::pumps::{Next, Pump, Seen, Waiting};
use super::tenant::Tenant;
use super::{Inner, jitter};
use crate::row::{Asked, Head, Held, Outbound, Pending, Stage, Unconfirmed};
use crate::space::{self, ASKED, CONTACT, CONTENT, EVENTS, HEAD, HELD, MESSAGE, METER, OUTBOX, SEEN};
use crate::{EventSink, Failure, RelayError, Status};

/// How often a record that lost against another is made anew. Within one relay the lane keeps others out.
pub(super) const ATTEMPTS: usize = 4;

/// A business and a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Conversation {
    pub(super) business: PhoneNumberId,
    pub(super) user: Partition,
}

/// The next atomic record of a conversation, while it is being put together.
///
/// To be used from within the conversation's lane.
pub(super) struct Draft {
    pub(super) batch: Batch,
    pub(super) conversation: Conversation,
    pub(super) now: Timestamp,
    head: Head,
    head_version: Option<Version>,
    head_before: Head,
    /// What messages of the business have come to with it.
    pub(super) reached: Vec<Status>,
    /// What is put into the queues.
    added: Vec<(Pump, u64, Key, Bytes, Expiry)>,
    /// Events that the business has taken, which it removes.
    taken: Vec<Read>,
    /// The sessions in it, to be held when it is durable.
    kept: Vec<KeptSessions>,
}

/// What became of what an envelope came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is durable.
    Now,
    /// It was before: nothing was stored.
    Before,
    /// Another changed the conversation first: nothing was stored.
    Not,
    /// It is more than the store takes: nothing was stored, nor will be.
    TooLarge,
}

/// A record that was read to be taken out, and when: after so many erasures.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) place: u64,
    pub(super) key: Key,
    pub(super) version: Version,
    pub(super) begun: u64,
}

impl Draft {
    /// Puts the sessions with `peer` into it.
    pub(super) fn keep(&mut self, peer: Peer<'_>) {
        self.kept.push(peer.keep(&mut self.batch));
    }

    /// Puts `envelope` at the end of the outbox, and says where.
    pub(super) fn send(&mut self, envelope: &Envelope) -> u64 {
        self.send_until(envelope, self.expiry())
    }

    /// As [`send`](Self::send), for what is to go with something older.
    pub(super) fn send_until(&mut self, envelope: &Envelope, expiry: Expiry) -> u64 {
        let (day, place) = self.head.outbox.append(self.now.day());
        self.add(Pump::Outbox, day, place, envelope.to_bytes(), expiry);
        place
    }

    /// Puts a row into the queue of a pump, and has it handed on when it is durable.
    fn add(&mut self, pump: Pump, day: Day, place: u64, value: Bytes, expiry: Expiry) {
        let key = self.queue(pump.space()).key(day, place);
        self.batch.put_until(key.clone(), value.clone(), expiry);
        self.added.push((pump, place, key, value, expiry));
    }

    /// Puts `envelope` into the place in the outbox of what was `read` there, on the condition that nobody
    /// has.
    pub(super) fn replace_sent(&mut self, read: &Read, envelope: &Envelope, expiry: Expiry) {
        self.batch.expect_version(read.key.clone(), read.version);
        self.batch.put_until(read.key.clone(), envelope.to_bytes(), expiry);
    }

    /// Takes what stands at `place` out of the outbox, if it is there.
    pub(super) fn remove_sent(&mut self, place: u64) {
        if let Some(day) = self.head.outbox.remove(place) {
            self.batch.delete(self.queue(OUTBOX).key(day, place));
        }
    }

    /// Takes what stands at `place` out of the events, if it is there.
    pub(super) fn remove_event(&mut self, place: u64) {
        if let Some(day) = self.head.events.remove(place) {
            self.batch.delete(self.queue(EVENTS).key(day, place));
        }
    }

    /// Puts `held` at the end of what waits for the approval of the user's identity, and says where.
    pub(super) fn hold(&mut self, held: &Held) -> u64 {
        let (day, place) = self.head.held.append(self.now.day());
        let key = self.queue(HELD).key(day, place);
        self.batch.put_until(key, held.to_bytes(), self.expiry());
        place
    }

    /// Whether nothing stands in any queue of the conversation, as it was read.
    pub(super) const fn has_nothing_queued(&self) -> bool {
        self.head_before.outbox.is_empty()
            && self.head_before.events.is_empty()
            && self.head_before.held.is_empty()
    }

    /// Whether something is held, as far as is known: it may be over.
    pub(super) const fn has_held(&self) -> bool {
        !self.head.held.is_empty()
    }

    /// The next that is held.
    pub(super) async fn next_held<S: Store>(&self, store: &S) -> Result<Option<Queued>, StoreError> {
        let held = self.head.held.read(store, &self.queue(HELD), 0, 1, self.now).await?;
        Ok(held.into_iter().next())
    }

    /// Takes the next that is held out; what was before it is over.
    pub(super) fn release(&mut self, next: &Queued) {
        self.head.held.remove_through(next.place);
        self.batch.delete(next.key.clone());
    }

    /// Takes out what is held at `place`, wherever that is.
    fn take_back(&mut self, place: u64) {
        if let Some(day) = self.head.held.remove(place) {
            self.batch.delete(self.queue(HELD).key(day, place));
        }
    }

    fn queue(&self, space: Space) -> Queue {
        space::queue(space, self.conversation.business, self.conversation.user)
    }

    /// Remembers that `envelope` was opened, or never will be.
    pub(super) fn see(&mut self, envelope: &Envelope) {
        let seen = space::about(SEEN, self.conversation.business, envelope.id());
        let device = Bytes::copy_from_slice(&[envelope.from().device().number()]);
        self.batch.expect_absent(seen.clone());
        self.batch.put_until(seen, device, self.expiry());
    }

    /// Remembers what the message `id` of the business says, until the user's device confirms it.
    pub(super) fn keep_content(&mut self, id: MessageId, content: &Unconfirmed, expiry: Expiry) {
        let key = space::about(CONTENT, self.conversation.business, id);
        self.batch.put_until(key, content.to_bytes(), expiry);
    }

    /// Remembers that the message in `envelope` was asked for again, as `asked` says, on the condition that
    /// nobody has asked since.
    pub(super) fn ask(&mut self, envelope: &Envelope, asked: &Asked, before: Option<Version>) {
        let key = space::about(ASKED, self.conversation.business, envelope.id());
        self.batch.expect(key.clone(), before);
        self.batch.put_until(key, asked.to_bytes(), self.expiry());
    }

    /// Puts `event` at the end of the events, to be told for as long as what it is about lives.
    pub(super) fn tell(&mut self, event: &Pending, expiry: Expiry) {
        let (day, place) = self.head.events.append(self.now.day());
        self.add(Pump::Events, day, place, event.to_bytes(), expiry);
    }

    /// Counts a message of today for the bill.
    pub(super) fn count(&mut self, flow: Flow, category: Category) {
        let tally = Tally::new(self.conversation.business, self.now.day(), flow, category);
        self.batch.add(Counter::new(METER, tally.to_name().to_vec()), 1);
    }

    /// Remembers the user's number, for this business, as long as what is exchanged today lives.
    pub(super) fn remember(&mut self, number: &Number) {
        let digits = Bytes::copy_from_slice(number.digits().as_bytes());
        let key = Key::dated(CONTACT, self.now.day(), space::of(self.conversation.business));
        self.batch.put_until(key, digits, self.expiry());
    }

    /// Brings a message of the business forward to `status`, if it is not there yet, and tells the business.
    ///
    /// Statuses are told in their order: what has been delivered was sent, whatever the carrier's answer came
    /// to.
    pub(super) fn reach(&mut self, id: MessageId, record: &Record, status: Status) -> Result<(), StoreError> {
        let mut outbound = Outbound::read(&record.value)?;
        let stage = outbound.stage()?;
        if !stage.may_reach(status) {
            return Ok(());
        }
        let arrived = matches!(status, Status::Delivered | Status::Read);
        let expiry = record.expiry.unwrap_or_else(|| self.expiry());
        if stage == Stage::Accepted && arrived {
            self.tell(&Pending::reached(id, &outbound, self.now, Status::Sent), expiry);
        }
        let is_over = arrived || matches!(status, Status::Failed(Failure::Expired | Failure::NotOpened));
        if stage == Stage::Accepted && is_over && outbound.held {
            self.take_back(outbound.outbox_place);
        } else if stage == Stage::Accepted && is_over {
            // The carrier has it or is never to have it, so the envelope need not go there.
            self.remove_sent(outbound.outbox_place);
        }
        if !(arrived && outbound.reaction) {
            self.tell(&Pending::reached(id, &outbound, self.now, status), expiry);
        }
        if stage <= Stage::Reached(Status::Sent) && status != Status::Sent {
            // What it says has served its purpose.
            self.batch.delete(space::about(CONTENT, self.conversation.business, id));
        }
        outbound.reach(status);
        self.reached.push(status);
        self.put_message(id, record, &outbound);
        Ok(())
    }

    /// Notes that a message of the business that was held stands in the outbox.
    pub(super) fn released_to(
        &mut self,
        id: MessageId,
        record: &Record,
        place: u64,
    ) -> Result<(), StoreError> {
        let mut outbound = Outbound::read(&record.value)?;
        (outbound.outbox_place, outbound.held) = (place, false);
        self.put_message(id, record, &outbound);
        Ok(())
    }

    /// Notes that a message of the business that stood in the outbox is held, at `place`.
    pub(super) fn held_back(&mut self, id: MessageId, record: &Record, place: u64) -> Result<(), StoreError> {
        let mut outbound = Outbound::read(&record.value)?;
        (outbound.outbox_place, outbound.held) = (place, true);
        self.put_message(id, record, &outbound);
        Ok(())
    }

    fn put_message(&mut self, id: MessageId, record: &Record, outbound: &Outbound) {
        // It holds what the message does, so it is kept no longer.
        let expiry = record.expiry.unwrap_or_else(|| self.expiry());
        let key = space::about(MESSAGE, self.conversation.business, id);
        self.batch.expect_version(key.clone(), record.version);
        self.batch.put_until(key, outbound.to_bytes(), expiry);
    }

    /// When what is made now is forgotten at the latest.
    pub(super) fn expiry(&self) -> Expiry {
        Retention::LONGEST.from(self.now)
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// The conversation between `tenant` and the user with this number.
    pub(super) fn conversation(&self, tenant: &Tenant, number: &Number) -> Conversation {
        let user = self.pepper.partition(&Party::User(number.clone()));
        Conversation { business: tenant.business(), user }
    }

    /// An empty record of `conversation`.
    pub(super) async fn draft(&self, conversation: Conversation) -> Result<Draft, StoreError> {
        let now = self.clock.now();
        let key = Key::undated(HEAD, space::of(conversation.business));
        let record = self.store.get(conversation.user, &key, now).await?;
        let head = record.as_ref().map_or(Ok(Head::default()), |record| Head::read(&record.value))?;
        let head_version = record.map(|record| record.version);
        let batch = Batch::new(conversation.user);
        let taken = self.still_taken(conversation).await?;
        let mut draft = Draft {
            batch,
            conversation,
            now,
            head_version,
            head_before: head.clone(),
            head,
            taken: Vec::new(),
            reached: Vec::new(),
            added: Vec::new(),
            kept: Vec::new(),
        };
        taken.iter().for_each(|read| draft.remove_event(read.place));
        draft.taken = taken;
        Ok(draft)
    }

    /// What waits next in the queue of a pump, at most `limit`. What the business has taken does not wait.
    pub(super) async fn page(
        &self,
        conversation: Conversation,
        pump: Pump,
        limit: usize,
    ) -> Result<(Vec<Waiting>, Seen), StoreError> {
        loop {
            let (mut page, seen) = self.every_page(conversation, pump, limit).await?;
            let last = page.last().map(|waiting| waiting.read.place);
            if pump == Pump::Events {
                self.taken.retain_others(conversation, &mut page);
            }
            match last {
                Some(last) if page.is_empty() => self.pumps.pass(conversation, pump, last, seen),
                _ => return Ok((page, seen)),
            }
        }
    }

    async fn every_page(
        &self,
        conversation: Conversation,
        pump: Pump,
        limit: usize,
    ) -> Result<(Vec<Waiting>, Seen), StoreError> {
        let (Conversation { business, user }, now) = (conversation, self.clock.now());
        // Before anything is looked at: what is in memory is let go when its user is erased, so it is as
        // it was then.
        let begun = self.erasures.begun();
        let (next, seen) = self.pumps.next(conversation, pump, limit, now);
        let after = match next {
            Next::Here(mut waiting) => {
                waiting.iter_mut().for_each(|waiting| waiting.read.begun = begun);
                return Ok((waiting, seen));
            }
            Next::Nothing => return Ok((Vec::new(), seen)),
            Next::InStore(after) => after,
        };
        let head = self.store.get(user, &Key::undated(HEAD, space::of(business)), now).await?;
        let head = head.map_or(Ok(Head::default()), |record| Head::read(&record.value))?;
        let index = pump.index(&head);
        let queue = space::queue(pump.space(), business, user);
        let found = index.read(&self.store, &queue, after, limit, now).await?;
        if found.is_empty() {
            self.pumps.found_nothing(conversation, pump, index.last(), seen);
        }
        let waiting = |Queued { place, key, record, .. }: Queued| Waiting {
            read: Read { place, key, version: record.version, begun },
            value: record.value,
            expiry: record.expiry.unwrap_or_else(|| Retention::LONGEST.from(now)),
        };
        Ok((found.into_iter().map(waiting).collect(), seen))
    }

    /// Commits `draft` and wakes the pumps for what is in it. False when somebody else changed the
    /// conversation first.
    pub(super) async fn commit(self: &Arc<Self>, draft: Draft) -> Result<bool, StoreError> {
        Ok(matches!(self.try_commit(draft).await?, Commit::Committed(_)))
    }

    /// Commits `draft`, which notes that `envelope` was opened or never will be.
    pub(super) async fn keep(
        self: &Arc<Self>,
        draft: Draft,
        envelope: &Envelope,
    ) -> Result<Kept, StoreError> {
        let seen = space::about(SEEN, draft.conversation.business, envelope.id());
        match self.try_commit(draft).await {
            Ok(Commit::Committed(_)) => Ok(Kept::Now),
            // Whether or not it can be read any more: a guard against duplicates does not open by the clock.
            Ok(Commit::Conflict(key)) if key == seen => Ok(Kept::Before),
            Ok(_) => Ok(Kept::Not),
            Err(StoreError::TooLarge { what, actual, limit }) => {
                tracing::warn!(what, actual, limit, "an envelope comes to more than the store takes");
                Ok(Kept::TooLarge)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn try_commit(self: &Arc<Self>, draft: Draft) -> Result<Commit, StoreError> {
        let Draft {
            mut batch,
            conversation,
            now,
            head,
            head_version,
            head_before,
            reached,
            added,
            taken,
            kept,
        } = draft;
        let begun = self.erasures.begun();
        // What only takes things out makes no work, and nothing to end later.
        if !batch.puts().is_empty() {
            self.mark(conversation, head_version.is_none(), now).await?;
        }
        if head != head_before {
            let key = Key::undated(HEAD, space::of(conversation.business));
            batch.expect(key.clone(), head_version);
            batch.put(key, head.to_bytes());
        }
        let outcome = self.store.commit(batch).await?;
        let Commit::Committed(version) = outcome else { return Ok(outcome) };
        self.taken.settled(conversation, &taken);
        kept.into_iter().for_each(|kept| kept.committed(version));
        reached.into_iter().for_each(|status| self.counts.reached(status));
        let (mut envelopes, mut events) = (Vec::new(), Vec::new());
        for (pump, place, key, value, expiry) in added {
            let waiting = Waiting { read: Read { place, key, version, begun }, value, expiry };
            if pump == Pump::Outbox { &mut envelopes } else { &mut events }.push(waiting);
        }
        for (pump, added) in [(Pump::Outbox, envelopes), (Pump::Events, events)] {
            if !added.is_empty() {
                self.wake_for(conversation, pump, pump.index(&head).first(), added);
            }
        }
        Ok(outcome)
    }

    /// Starts what moves things out of the store, unless it is at work, or nobody speaks for the business
    /// now.
    pub(super) fn wake(self: &Arc<Self>, conversation: Conversation, pump: Pump) {
        self.wake_for(conversation, pump, 0, Vec::new());
    }

    /// As [`wake`](Self::wake), for what was `added` to a queue whose first place is `first`.
    fn wake_for(self: &Arc<Self>, conversation: Conversation, pump: Pump, first: u64, added: Vec<Waiting>) {
        let Some(tenant) = self.businesses.tenant(conversation.business) else { return };
        if self.suspensions.of(conversation).is_none()
            && self.pumps.wake(conversation, pump, self.clock.now(), first, added)
        {
            let pumping = Arc::clone(&tenant);
            let is_started = self.spawn_for(&tenant, Some(conversation), move |inner| async move {
                let ended = inner.keep_pumping(&pumping, conversation, pump).await;
                if ended.is_err() {
                    inner.pumps.stop(conversation, pump);
                }
                ended
            });
            if !is_started {
                self.pumps.stop(conversation, pump);
            }
        }
    }

    /// Pumps until nothing is left, however often something that may pass keeps it from that.
    async fn keep_pumping(
        self: &Arc<Self>,
        tenant: &Arc<Tenant>,
        conversation: Conversation,
        pump: Pump,
    ) -> Result<(), RelayError> {
        let mut failures = 0;
        loop {
            let inner = Arc::clone(self);
            let pumped = match pump {
                Pump::Outbox => {
                    AssertUnwindSafe(inner.pump_outbox(tenant, conversation)).catch_unwind().await
                }
                Pump::Events => {
                    AssertUnwindSafe(inner.pump_events(tenant, conversation)).catch_unwind().await
                }
            };
            match pumped.unwrap_or(Err(RelayError::Panicked)) {
                Err(error) if error.reach() == Reach::Passing => {
                    self.counts.retried("store");
                    if failures == 0 {
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(business = %tenant.business(), error, "a conversation waits, to be tried again");
                    }
                    let pause = self.settings.pause_after(failures);
                    self.clock.sleep(jitter::shortened(pause, &*self.rng)).await;
                    failures = failures.saturating_add(1);
                }
                ended => return ended,
            }
        }
    }

    /// Whether what was read still stands there. Within the lane.
    ///
    /// After an erasure another record can stand in its place: the new conversation counts from the
    /// beginning.
    pub(super) async fn is_still(&self, user: Partition, read: &Read) -> Result<bool, StoreError> {
        if self.erasures.begun() == read.begun {
            return Ok(true);
        }
        let found = self.store.get(user, &read.key, self.clock.now()).await?;
        Ok(found.is_some_and(|record| record.version == read.version))
    }

    /// The number of the conversation's user, as long as something exchanged in it lives.
    ///
    /// What a user has to do with another business tells this one nothing.
    pub(super) async fn number(&self, conversation: Conversation) -> Result<Option<Number>, StoreError> {
        let now = self.clock.now();
        // While something is exchanged, it is that of today.
        let today = Key::dated(CONTACT, now.day(), space::of(conversation.business));
        let mut found = self.store.get(conversation.user, &today, now).await?;
        if found.is_none() {
            let contact = space::all(CONTACT, now).prefix(space::of(conversation.business)).limit(1);
            found = self.store.scan(conversation.user, &contact, now).await?.pop().map(|(_, record)| record);
        }
        let Some(record) = found else { return Ok(None) };
        let digits =
            std::str::from_utf8(&record.value).map_err(|_| StoreError::Damaged { what: "number" })?;
        Number::parse(digits).map(Some).map_err(|_| StoreError::Damaged { what: "number" })
    }
}
