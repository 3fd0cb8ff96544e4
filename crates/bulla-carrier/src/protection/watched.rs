use bulla_base::{Partition, PhoneNumberId, Rng, Tier, Timestamp};
use bulla_integrity::{CountedUser, EnforcementEvent, Observation, Refused, Reservation, Rung, Standing};
use bulla_store::{Batch, StoreError};
use bulla_transport::{BusinessStanding, Restriction, TransportError};

use super::contacts::{Contacts, KindPut, Rows};
use super::tiers::Tiers;
use crate::limits::UNWATCHED_AFTER;
use crate::metrics::TIERS;
use crate::store_layout::{MET_REACHED, enforcement, standing, tier};

pub(super) const DAMAGED: StoreError = StoreError::Damaged { what: "standing of a business" };

/// A message that a business is about to send.
#[derive(Clone, Copy)]
pub(super) struct Sent {
    pub(super) user: Partition,
    pub(super) is_template: bool,
    pub(super) neighbourhood: u64,
}

/// A message that a business may send, and that is not in the store yet.
pub(super) struct UnderWay {
    /// Of the [business](Watched::serial) as it was then.
    pub(super) serial: u64,
    sent: Sent,
    to_new_user: bool,
    /// That its user counts, if it is outside a window.
    reservation: Option<Reservation>,
}

/// What was put into a batch.
pub(crate) struct Put {
    events: usize,
    /// How the business stands by it.
    standing: BusinessStanding,
}

/// What is written down of a business besides how it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Also {
    /// Nothing: what was done about it cannot wait.
    Nothing,
    /// Its tier, and so whom it has written to first.
    Tier,
    /// Whom it has met.
    All,
}

/// What keeps whom a business has met.
pub(super) struct Met {
    /// The changes up to which all is in it.
    pub(super) changes: u64,
    pub(super) puts: Vec<KindPut>,
}

/// Of whom it is known that a business has met them, in the store.
pub(super) struct StoredContacts {
    pub(super) rows: Rows,
    /// Those who stand there with their message.
    pub(super) apart: Vec<CountedUser>,
}

impl UnderWay {
    /// That its user counts, if they do.
    pub(super) fn counted_user(&self) -> Option<CountedUser> {
        self.reservation.as_ref().map(Reservation::counted_user)
    }
}

/// A business of which something was seen lately.
pub(super) struct Watched {
    pub(super) partition: Partition,
    pub(super) standing: Standing,
    /// Tells this one from another that was read of the same business.
    pub(super) serial: u64,
    /// Who has written to it or was written to in the last 24 hours: to everybody else it writes for the
    /// first time.
    contacts: Contacts,
    tiers: Tiers,
    /// The tier as it is in the store: it is written by the record that says who was written to first and no
    /// other, so that each of them is among its sum once.
    stored_tiers: Tiers,
    /// How many messages to new users are under way.
    new_under_way: u32,
    /// What was done about it and is not in the store yet, and the number of the first of these.
    events: Vec<EnforcementEvent>,
    next_event: u32,
    /// How it stands by what is in the store, and how it was told last that it does, if that is known.
    pub(super) durable: BusinessStanding,
    told: Option<BusinessStanding>,
    /// When somebody has looked at it last.
    pub(super) used: Timestamp,
    /// How often it has changed, and how often it had when all of it was written down.
    changes: u64,
    written: u64,
}

impl Watched {
    /// Reads what was [put](Self::put), or begins.
    pub(super) fn read(
        partition: Partition,
        [stored, in_tier]: [Option<&[u8]>; 2],
        people: StoredContacts,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<Self, StoreError> {
        let (next_event, standing) = match stored {
            Some(stored) => {
                let (next_event, standing) = split(stored)?;
                (next_event, Standing::from_bytes(standing).map_err(|_| DAMAGED)?)
            }
            None => (0, Standing::new(now)),
        };
        let (contacts, counted) = Contacts::read(&people.rows, people.apart, now, rng)?;
        let stored_tiers = in_tier.map_or_else(|| Ok(Tiers::new()), Tiers::from_bytes)?;
        let mut tiers = stored_tiers.clone();
        // What comes of it was to be written within the minute, as they were.
        (0..counted).for_each(|_| tiers.note_user(contacts.reached(), now));
        let mut serial = [0; 8];
        rng.fill(&mut serial);
        let (events, used, changes, written, new_under_way) = (Vec::new(), now, 0, 0, 0);
        let durable = in_short(&standing, stored_tiers.tier(), now);
        // Of whom nothing is known there is nothing to be told.
        let told =
            Some(durable).filter(|durable| *durable == BusinessStanding::default().within(Tier::default()));
        Ok(Self {
            partition,
            standing,
            serial: u64::from_be_bytes(serial),
            contacts,
            tiers,
            stored_tiers,
            new_under_way,
            events,
            next_event,
            durable,
            told,
            used,
            changes,
            written,
        })
    }

    /// Whether the business may write now; then it is about to. What comes of that is to be
    /// [settled](Self::settle): nothing is noted before, for what fails here is not its fault.
    pub(super) fn business_writes(
        &mut self,
        sent: &Sent,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<Option<UnderWay>, TransportError> {
        // Whoever writes first opens a window, in which they do not count.
        let held = match self.contacts.has_window(sent.user, now, rng) {
            true => None,
            // A day begins between that and this.
            false if !self.contacts.has_stored_key(now, rng) => {
                return Err(TransportError::unavailable("who is written to cannot be counted yet"));
            }
            false => Some(self.contacts.reserve(sent.user, self.tiers.tier().users(), now, rng)),
        };
        let to_new_user = held.as_ref().is_some_and(|held| held.as_ref().map_or(true, |held| held.is_new()));
        let admitted = self.standing.admit_beside(self.new_under_way, to_new_user, now);
        let reservation = match (held, admitted) {
            (None, Ok(())) => None,
            (Some(Ok(reservation)), Ok(())) => Some(reservation),
            (Some(Err(retry_after)), Ok(())) => return Err(TransportError::MessagingLimit { retry_after }),
            (held, Err(refused)) => {
                if let Some(Ok(reservation)) = held {
                    self.contacts.settle(sent.user, reservation, false, now, rng);
                }
                return Err(self.refusal(refused));
            }
        };
        self.new_under_way = self.new_under_way.saturating_add(u32::from(to_new_user));
        Ok(Some(UnderWay { serial: self.serial, sent: *sent, to_new_user, reservation }))
    }

    /// The message is queued, or is not: then it is as if it had never been written.
    pub(super) fn settle(&mut self, message: UnderWay, went: bool, now: Timestamp, rng: &dyn Rng) {
        let UnderWay { serial: _, sent, to_new_user, reservation } = message;
        self.new_under_way = self.new_under_way.saturating_sub(u32::from(to_new_user));
        if let Some(reservation) = reservation {
            self.contacts.settle(sent.user, reservation, went, now, rng);
        }
        if went {
            let Sent { is_template, neighbourhood, .. } = sent;
            self.note(Observation::Sent { to_new_user, is_template, neighbourhood }, now);
            // It is there for somebody who is: whether their device is on says nothing of the business.
            self.note(Observation::Delivered, now);
        }
        if went && to_new_user {
            self.tiers.note_user(self.contacts.reached(), now);
        }
        self.changes += 1;
    }

    /// Whether who is written to now can be counted in the record of the message.
    pub(super) fn has_stored_key(&mut self, now: Timestamp, rng: &dyn Rng) -> bool {
        self.contacts.has_stored_key(now, rng)
    }

    /// How many users count for the limit.
    pub(super) fn reached(&mut self, now: Timestamp, rng: &dyn Rng) -> usize {
        self.contacts.sweep(true, now, rng);
        self.contacts.reached()
    }

    /// Whether the business may write now what it has written before.
    pub(super) fn business_repeats(&mut self, now: Timestamp) -> Result<(), TransportError> {
        self.standing.admit(false, now).map_err(|refused| self.refusal(refused))
    }

    /// Whether a user may write to the business now; then they have met, unless that was so before.
    pub(super) fn user_writes(
        &mut self,
        user: Partition,
        is_known: bool,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<(), TransportError> {
        self.standing.admit_from_user(now).map_err(|refused| self.refusal(refused))?;
        if !is_known {
            self.contacts.note_wrote(user, now, rng);
            self.note(Observation::Replied, now);
        }
        Ok(())
    }

    /// Takes note that a user whom the business has written to is not there; once a day of each.
    pub(super) fn note_unreachable(&mut self, user: Partition, now: Timestamp, rng: &dyn Rng) {
        self.changes += 1;
        if self.contacts.note_missing(user, now, rng) {
            self.note(Observation::Unreachable, now);
        }
    }

    pub(super) fn note(&mut self, seen: Observation, now: Timestamp) {
        self.changes += 1;
        let event = self.standing.note(seen, now);
        self.events.extend(event);
    }

    /// Somebody has found out who the business is.
    pub(super) fn verify(&mut self) {
        self.changes += 1;
        self.standing.verify();
        self.tiers.verify();
    }

    /// The operator says how many users it may write to first.
    pub(super) const fn set_tier(&mut self, tier: Tier) {
        self.changes += 1;
        self.tiers.set(tier);
    }

    /// Takes note of what was done about it otherwise.
    pub(super) fn enforce(&mut self, event: Option<EnforcementEvent>) -> bool {
        let has_come = event.is_some();
        self.changes += 1;
        self.events.extend(event);
        has_come
    }

    /// Whether anything was known of them, or may still be in the store.
    pub(super) fn forget_user(&mut self, user: Partition, now: Timestamp, rng: &dyn Rng) -> bool {
        let has_met = self.contacts.forget(user, now, rng);
        let has_complained = self.standing.forget_user(tag(user));
        self.changes += u64::from(has_met || has_complained);
        self.has_changed() || self.contacts.is_stored()
    }

    /// Lets go of what says nothing any more, and rates the quality.
    pub(super) fn sweep(&mut self, now: Timestamp, rng: &dyn Rng) {
        let is_forgotten = self.contacts.sweep(self.is_in_use(now), now, rng);
        let was = self.standing.quality();
        let event = self.standing.sweep(now);
        let is_rated = self.standing.rate(now).is_some();
        if let Some(was) = self.tiers.judge(self.standing.quality(), now) {
            let (was, is) = (was.name(), self.tiers.tier().name());
            metrics::counter!(TIERS, "tier" => is).increment(1);
            tracing::info!(was, is, "a business came into another tier");
        }
        // A restriction ends by itself.
        let stands_otherwise = in_short(&self.standing, self.tiers.tier(), now) != self.durable;
        self.changes += u64::from(is_forgotten || event.is_some() || is_rated || stands_otherwise);
        self.events.extend(event);
        if is_rated {
            tracing::info!(was = was.name(), is = self.standing.quality().name(), "a business is rated anew");
        }
    }

    /// Whether nobody has looked at it since, all of it is written down, it has met nobody for a day, and
    /// there is no restriction whose end is to be told.
    pub(super) fn is_idle(&self, since: Timestamp) -> bool {
        let has_met = !self.contacts.is_empty() || self.contacts.is_stored();
        let is_free = self.durable.restriction.is_none() && !has_met;
        self.used < since && is_free && !self.has_changed() && !self.has_events()
    }

    pub(super) const fn has_changed(&self) -> bool {
        self.changes != self.written || self.contacts.has_apart()
    }

    /// Whether so many users stand in the store with their messages that they are to be put together.
    pub(super) const fn has_many_apart(&self) -> bool {
        self.contacts.has_many_apart()
    }

    /// To how many users it has written first in the last 30 days.
    #[cfg(test)]
    pub(super) fn users(&self) -> u64 {
        self.tiers.users()
    }

    /// Whether somebody stands in the store with their message alone.
    pub(super) const fn has_apart(&self) -> bool {
        self.contacts.has_apart()
    }

    /// Whether somebody has looked at it lately.
    fn is_in_use(&self, now: Timestamp) -> bool {
        self.used >= now.before(UNWATCHED_AFTER)
    }

    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Puts how it stands into `batch`, and what was done about it.
    pub(super) fn put(&self, batch: &mut Batch, now: Timestamp) -> Put {
        let mut next = self.next_event;
        for event in &self.events {
            batch.put(enforcement(next), event.to_bytes());
            next = next.saturating_add(1);
        }
        batch.put(standing(), joined(next, &self.standing));
        // In the tier that is in the store: that of now is written with whom it has written to first.
        let standing = in_short(&self.standing, self.stored_tiers.tier(), now);
        Put { events: self.events.len(), standing }
    }

    /// What keeps `also` more of it. To be told of [each](Self::kept_kind) when it is in the store, and then
    /// [that all is](Self::kept_all).
    pub(super) fn put_also(&self, business: PhoneNumberId, also: Also, now: Timestamp) -> Met {
        let place = (business, self.partition);
        let mut puts = match also {
            Also::Nothing => Vec::new(),
            Also::Tier => vec![self.contacts.put_reached(place, self.contacts.has_reached_rows(), now)],
            Also::All => self.contacts.put(place, self.is_in_use(now), now),
        };
        puts.iter_mut().filter(|put| put.kind == MET_REACHED).for_each(|put| self.put_tiers(put));
        Met { changes: self.changes, puts }
    }

    /// What keeps those of them whom it has written to first, and the key of their tags.
    pub(super) fn put_reached(&self, business: PhoneNumberId, now: Timestamp) -> KindPut {
        let mut put = self.contacts.put_reached((business, self.partition), true, now);
        self.put_tiers(&mut put);
        put
    }

    /// Whoever does not stand apart any more is among the sum of the tier, by one record.
    fn put_tiers(&self, reached: &mut KindPut) {
        if let Some(batch) = &mut reached.batch
            && self.tiers != self.stored_tiers
        {
            batch.put(tier(), self.tiers.to_bytes());
            reached.tiers = Some(self.tiers.clone());
        }
    }

    /// What was put is in the store. What was done about the business, and whether it stands otherwise now.
    pub(super) fn kept(&mut self, put: Put) -> (Vec<EnforcementEvent>, bool) {
        let stands_otherwise = std::mem::replace(&mut self.durable, put.standing) != put.standing;
        let kept: Vec<_> = self.events.drain(..put.events.min(self.events.len())).collect();
        let count = u32::try_from(kept.len()).unwrap_or(u32::MAX);
        self.next_event = self.next_event.saturating_add(count);
        (kept, stands_otherwise)
    }

    /// What was put of one kind of people is in the store. Whether the business is in another tier by it.
    pub(super) fn kept_kind(&mut self, put: KindPut) -> bool {
        self.contacts.stored(&put);
        if let Some(tiers) = put.tiers {
            self.stored_tiers = tiers;
        }
        let durable = self.durable.within(self.stored_tiers.tier());
        std::mem::replace(&mut self.durable, durable) != durable
    }

    /// All of it is in the store, and how it stands as well.
    pub(super) const fn kept_all(&mut self, changes: u64) {
        self.written = changes;
    }

    /// How it stands, if it was not told so yet; then it is.
    pub(super) fn news(&mut self) -> Option<BusinessStanding> {
        (self.told.replace(self.durable) != Some(self.durable)).then_some(self.durable)
    }

    /// What the business hears, or who writes to it.
    fn refusal(&self, refused: Refused) -> TransportError {
        match refused {
            Refused::Pace { retry_after } => TransportError::TooFast { retry_after },
            // Nobody hears of it before it is in the store.
            _ if self.has_events() => TransportError::unavailable("it is being written down how it stands"),
            Refused::Restricted { rung, until } => {
                TransportError::Restricted { restriction: restriction_of(rung), until }
            }
            // A newer rule: what it does not say passes by waiting.
            _ => TransportError::Restricted { restriction: Restriction::Limited, until: None },
        }
    }
}

/// How a business that is in `tier` stands `now`, as it is told.
fn in_short(standing: &Standing, tier: Tier, now: Timestamp) -> BusinessStanding {
    let told = BusinessStanding::new(standing.quality()).within(tier);
    let ladder = standing.ladder();
    match ladder.restriction(now) {
        Rung::Clear => told,
        Rung::Warned => told.warned(),
        rung => told.restricted(restriction_of(rung), ladder.until()),
    }
}

fn restriction_of(rung: Rung) -> Restriction {
    match rung {
        Rung::Stopped => Restriction::Stopped,
        Rung::Paused => Restriction::Paused,
        _ => Restriction::Limited,
    }
}

/// The number of the next event, and how the business stands.
pub(super) fn split(stored: &[u8]) -> Result<(u32, &[u8]), StoreError> {
    let (next_event, standing) = stored.split_first_chunk().ok_or(DAMAGED)?;
    Ok((u32::from_be_bytes(*next_event), standing))
}

/// What [`split`] reads.
pub(super) fn joined(next_event: u32, standing: &Standing) -> Vec<u8> {
    [&next_event.to_be_bytes()[..], &standing.to_bytes()].concat()
}

/// Eight bytes of a keyed tag are enough to tell a few hundred users apart.
pub(super) fn tag(partition: Partition) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *partition.as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
