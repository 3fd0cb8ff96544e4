//! What must hold of who is written to first, and of promotions: judged by what got to the carrier's disk and
//! by what it answered, and by nothing that it knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bulla::envelope::{Envelope, Kind};
use bulla::integrity::{LIMIT_PERIOD, PROMOTIONS_A_DAY};
use bulla::relay::Failure;
use bulla::transport::TransportError;
use bulla_base::{Category, Clock as _, MessageId, Party, Timestamp};
use bulla_store::{Batch, Space};

use crate::clock::VirtualClock;
use crate::faults::FaultKind;
use crate::invariants::Invariant;
use crate::phone_numbers::user_of;
use crate::protection_plan::{LIMIT, ProtectionPlan};
use crate::run_log::RunLog;

/// How much later than it is counted a message may be durable: so exactly a day is judged.
const SLACK: Duration = Duration::from_secs(30);
/// How long it takes at most, from when a message is let pass until it is durable.
const LAG: Duration = Duration::from_secs(5);

const QUEUE: Space = Space::new(0x44);

/// What is known of what the carrier lets pass.
pub(crate) struct ProtectionChecks {
    plan: Option<ProtectionPlan>,
    run_log: Arc<RunLog>,
    clock: Arc<VirtualClock>,
    begun: Timestamp,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// What the business has sent to users and was taken, as it was first.
    taken: BTreeMap<MessageId, Taken>,
    /// When it was last tried to send something to each user.
    tried: BTreeMap<usize, Timestamp>,
    /// When devices of each user sent something to the business, and when that was taken by the carrier that
    /// runs.
    wrote: BTreeMap<usize, Vec<Timestamp>>,
    heard: BTreeMap<usize, Vec<Timestamp>>,
    /// What was refused for a limit.
    refused: BTreeMap<MessageId, Failure>,
    /// Whether the carrier may have forgotten somebody: because they were erased, or it was put back.
    has_forgotten: bool,
    /// Whether a day may have been longer or shorter for it.
    clock_was_wrong: bool,
}

/// A message that the carrier has taken.
#[derive(Clone, Copy)]
struct Taken {
    user: usize,
    at: Timestamp,
    is_promotion: bool,
    /// Whether the user's window may have been open; and whether it was.
    may_be_open: bool,
    is_open: bool,
}

impl ProtectionChecks {
    pub(crate) fn new(
        (run_log, clock): (Arc<RunLog>, Arc<VirtualClock>),
        plan: Option<ProtectionPlan>,
    ) -> Self {
        let begun = clock.now();
        Self { plan, run_log, clock, begun, seen: Mutex::default() }
    }

    /// The carrier's disk has `batch`.
    pub(crate) fn committed(&self, batch: &Batch) {
        let Some(plan) = self.plan else { return };
        let queued = batch.puts().iter().filter(|put| put.key.space() == QUEUE);
        for envelope in queued.filter_map(|put| Envelope::from_bytes(put.value.clone()).ok()) {
            let Kind::Message(category) = envelope.kind() else { continue };
            match (envelope.from().party(), envelope.to().party()) {
                (Party::User(user), _) => {
                    let (now, user) = (self.clock.now(), user_of(user));
                    self.seen().heard.entry(user).or_default().push(now);
                }
                (_, Party::User(user)) => self.taken(plan, envelope.id(), user_of(user), category),
                _ => {}
            }
        }
    }

    fn taken(&self, plan: ProtectionPlan, id: MessageId, user: usize, category: Category) {
        let (at, mut seen) = (self.clock.now(), self.seen());
        if seen.taken.contains_key(&id) {
            return;
        }
        let (may_be_open, is_open) = (seen.may_be_open(user, at), seen.is_open(user, at));
        let is_promotion = category == Category::Marketing;
        seen.taken.insert(id, Taken { user, at, is_promotion, may_be_open, is_open });
        let broken = seen.is_overshot(plan.crowd(self.begun, at, SLACK).0, at);
        let broken = broken.or_else(|| seen.has_too_many_promotions(user, at));
        drop(seen);
        if let Some(broken) = broken {
            self.violated(format_args!("{id} to user {user} was taken: {broken}"));
        }
    }

    /// Somebody asks the carrier to take `envelope`.
    pub(crate) fn tries(&self, envelope: &Envelope) {
        if self.plan.is_none() || !matches!(envelope.kind(), Kind::Message(_)) {
            return;
        }
        let (now, mut seen) = (self.clock.now(), self.seen());
        match (envelope.from().party(), envelope.to().party()) {
            (Party::User(user), _) => seen.wrote.entry(user_of(user)).or_default().push(now),
            (_, Party::User(user)) => _ = seen.tried.insert(user_of(user), now),
            _ => {}
        }
    }

    /// It did not, for this reason.
    pub(crate) fn refused(&self, envelope: &Envelope, error: &TransportError) {
        let (Some(plan), Party::User(user)) = (self.plan, envelope.to().party()) else { return };
        let (id, user, now) = (envelope.id(), user_of(user), self.clock.now());
        let mut seen = self.seen();
        let wrong = match error {
            TransportError::MessagingLimit { retry_after } => {
                seen.refused.insert(id, Failure::MessagingLimit);
                let crowd = plan.crowd(self.begun, now, SLACK).1;
                if *retry_after > LIMIT_PERIOD {
                    Some("nobody counts for longer than a day")
                } else {
                    seen.is_wrongly_limited(user, crowd, now)
                }
            }
            TransportError::MarketingLimit { .. } => {
                seen.refused.insert(id, Failure::MarketingLimit);
                let is_wrong = seen.promotions(user, now.before(SLACK)) < PROMOTIONS_A_DAY;
                (is_wrong && !seen.clock_was_wrong).then_some("the user has not got as many")
            }
            _ => return,
        };
        // A carrier that was put back has lost the message, and may have lost that the window was open.
        let is_certain = !seen.has_forgotten && !seen.clock_was_wrong;
        let was_taken = is_certain && seen.taken.contains_key(&id);
        drop(seen);
        self.run_log.count(FaultKind::Limited);
        if let Some(why) = wrong.or(was_taken.then_some("it was taken")) {
            self.violated(format_args!("{id} to user {user} is refused ({error}): {why}"));
        }
    }

    /// Whether it has refused a message, which may come all the same if it was doubled on its way.
    pub(crate) fn was_refused(&self, id: MessageId) -> bool {
        self.seen().refused.contains_key(&id)
    }

    /// Whether the carrier has taken a message.
    pub(crate) fn has_taken(&self, id: MessageId) -> bool {
        self.seen().taken.contains_key(&id)
    }

    /// Whether a message was taken by a carrier that has lost it since, because it was put back.
    pub(crate) fn may_be_lost(&self, id: MessageId) -> bool {
        let seen = self.seen();
        seen.clock_was_wrong && seen.taken.contains_key(&id)
    }

    /// Whether a message may fail for this reason.
    pub(crate) fn may_fail(&self, id: MessageId, failure: Failure) -> bool {
        self.seen().refused.get(&id) == Some(&failure)
    }

    /// The carrier is started: windows that were opened last may be forgotten, and nobody who counts.
    pub(crate) fn carrier_starts(&self) {
        self.seen().heard.clear();
    }

    /// It may have forgotten somebody.
    pub(crate) fn forgets(&self) {
        self.seen().has_forgotten = true;
    }

    /// It has lost what came after its backup: the same as if nobody knew what a day was.
    pub(crate) fn put_back(&self) {
        self.seen().clock_was_wrong = true;
    }

    pub(crate) fn clock_changes(&self) {
        self.seen().clock_was_wrong = true;
    }

    /// All is well: as many users count at the carrier as were written to, and nobody else does.
    pub(crate) fn check(&self, counted: usize) {
        let Some(plan) = self.plan else { return };
        let (now, seen) = (self.clock.now(), self.seen());
        if seen.clock_was_wrong {
            return;
        }
        let crowd = plan.crowd(self.begun, now, SLACK);
        let least = crowd.0 + seen.counting(now.after(SLACK), |taken| !taken.may_be_open).len();
        let most = crowd.1 + seen.counting(now.before(SLACK), |taken| !taken.is_open).len();
        let is_right = counted <= most && (counted >= least || seen.has_forgotten);
        drop(seen);
        if !is_right {
            self.violated(format_args!("{counted} users count at the carrier, and {least} to {most} do"));
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn violated(&self, what: impl std::fmt::Display) {
        self.run_log.violated(Invariant::Limits, what);
    }
}

impl Seen {
    /// Whether the carrier may take the user's window for open.
    fn may_be_open(&self, user: usize, at: Timestamp) -> bool {
        let day = LIMIT_PERIOD + SLACK;
        self.wrote.get(&user).into_iter().flatten().any(|wrote| *wrote <= at && at < wrote.after(day))
    }

    /// Whether it has to.
    fn is_open(&self, user: usize, at: Timestamp) -> bool {
        // What is durable now may have been let pass before that was.
        let opens = |heard: &Timestamp| heard.after(LAG) <= at && at.after(SLACK) < heard.after(LIMIT_PERIOD);
        let is_certain = !self.has_forgotten && !self.clock_was_wrong;
        is_certain && self.heard.get(&user).into_iter().flatten().any(opens)
    }

    /// The users who count at `now` by such messages.
    fn counting(&self, now: Timestamp, which: impl Fn(&Taken) -> bool) -> BTreeSet<usize> {
        let counts = |taken: &&Taken| which(taken) && now < taken.at.after(LIMIT_PERIOD);
        self.taken.values().filter(counts).map(|taken| taken.user).collect()
    }

    fn is_overshot(&self, crowd: usize, at: Timestamp) -> Option<String> {
        let users = self.counting(at.after(SLACK), |taken| !taken.may_be_open);
        let is_certain = !self.has_forgotten && !self.clock_was_wrong;
        let is_over = is_certain && crowd + users.len() > LIMIT;
        is_over.then(|| format!("{users:?} and {crowd} others were written to first in a day"))
    }

    fn is_wrongly_limited(&self, user: usize, crowd: usize, now: Timestamp) -> Option<&'static str> {
        if self.clock_was_wrong {
            return None;
        }
        if self.is_open(user, now) {
            return Some("the window is open");
        }
        let counts = self.counting(now.after(SLACK), |taken| !taken.may_be_open).contains(&user);
        if counts && !self.has_forgotten {
            return Some("the user counts already");
        }
        // Who is being written to counts until that has failed.
        let mut others = self.counting(now.before(SLACK), |taken| !taken.is_open);
        others.extend(self.tried.iter().filter(|(_, at)| now < at.after(SLACK)).map(|(user, _)| *user));
        others.remove(&user);
        (crowd + others.len() < LIMIT).then_some("there is room")
    }

    fn promotions(&self, user: usize, now: Timestamp) -> usize {
        let counts =
            |taken: &&Taken| taken.user == user && taken.is_promotion && now < taken.at.after(LIMIT_PERIOD);
        self.taken.values().filter(counts).count()
    }

    fn has_too_many_promotions(&self, user: usize, at: Timestamp) -> Option<String> {
        let count = self.promotions(user, at.after(SLACK));
        let is_over = count > PROMOTIONS_A_DAY && !self.has_forgotten && !self.clock_was_wrong;
        is_over.then(|| format!("the user got {count} promotions in a day"))
    }
}
