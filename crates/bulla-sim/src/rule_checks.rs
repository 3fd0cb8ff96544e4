//! What must hold of the rule that a business is held to: judged by what it asked for and was answered, by
//! what left the relay and when users wrote, and by nothing that the relay knows.
//!
//! Of a message that goes at once its id tells when it was sealed. One that waits is sealed somewhere between
//! that and when it leaves: whatever that moment is, no span has more of them than the rule allows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bulla::relay::{Failure, OnBreach, Rule, SubmitError};
use bulla_base::{Category, Clock as _, MessageId, Timestamp};

use crate::business_plan::{BusinessRule, RuleKind};
use crate::clock::VirtualClock;
use crate::faults::FaultKind;
use crate::invariants::Invariant;
use crate::run_log::RunLog;

/// How long a window is open, and how long a user counts who was written to outside of one.
const DAY: Duration = Duration::from_secs(24 * 3600);
const SECOND: Duration = Duration::from_secs(1);

/// What is known of a rule and of those it is about.
pub(crate) struct RuleChecks {
    rule: Option<BusinessRule>,
    run_log: Arc<RunLog>,
    clock: Arc<VirtualClock>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    users: Vec<OfUser>,
    failed: BTreeMap<MessageId, Failure>,
    /// Whether the relay's clock was ever wrong: then a day may have been longer or shorter.
    clock_was_wrong: bool,
    /// Whether two relays may have acted at once: each knows for itself what it has in memory.
    two_acted: bool,
}

struct OfUser {
    /// The messages to the user, by their numbers.
    asked: BTreeMap<usize, Asked>,
    /// Those of the user.
    said: BTreeMap<usize, Said>,
    /// Before this, what was sent may have been forgotten.
    known_since: Timestamp,
    /// Whether it may have been forgotten when the user has written.
    has_forgotten: bool,
}

/// A message that the business asked the relay to send.
struct Asked {
    category: Category,
    /// When it did so first, and last.
    since: Timestamp,
    last: Timestamp,
    /// The answer, and when it came first.
    accepted: Option<(MessageId, Timestamp)>,
    /// Whether the user was shown something in its place.
    is_replaced: bool,
}

/// A message that a user wrote.
struct Said {
    /// When the device began to send it.
    begun: Timestamp,
    /// When the business heard it first.
    heard: Option<Timestamp>,
}

/// A message that was sealed at some moment from the one to the other.
#[derive(Clone, Copy)]
struct Sealed {
    from: Timestamp,
    until: Timestamp,
    user: usize,
    number: usize,
}

impl RuleChecks {
    pub(crate) fn new(
        (run_log, clock): (Arc<RunLog>, Arc<VirtualClock>),
        rule: Option<BusinessRule>,
        users: usize,
        two_act: bool,
    ) -> Self {
        let known_since = Timestamp::from_millis(0);
        let user =
            |_| OfUser { asked: BTreeMap::new(), said: BTreeMap::new(), known_since, has_forgotten: false };
        let users = (0..users).map(user).collect();
        let seen = Seen { users, two_acted: two_act, ..Seen::default() };
        Self { rule, run_log, clock, seen: Mutex::new(seen) }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn violated(&self, what: impl std::fmt::Display) {
        self.run_log.violated(Invariant::Rules, what);
    }

    /// The business asks the relay to send its `number`th message to `user`.
    pub(crate) fn asks(&self, user: usize, number: usize, category: Category) {
        let now = self.clock.now();
        let fresh = Asked { category, since: now, last: now, accepted: None, is_replaced: false };
        self.seen().users[user].asked.entry(number).or_insert(fresh).last = now;
    }

    /// It was accepted.
    pub(crate) fn accepted(&self, user: usize, number: usize, id: MessageId) {
        let (now, mut seen) = (self.clock.now(), self.seen());
        if let Some(asked) = seen.users[user].asked.get_mut(&number) {
            asked.accepted = Some(asked.accepted.filter(|(first, _)| *first == id).unwrap_or((id, now)));
        }
    }

    /// It was not, for this reason.
    pub(crate) fn refused(&self, user: usize, number: usize, error: &SubmitError) {
        if !matches!(error, SubmitError::Limited { .. } | SubmitError::WindowClosed) {
            return;
        }
        self.run_log.count(FaultKind::Limited);
        let seen = self.seen();
        let wrong = self.is_wrong(&seen, (user, number), error);
        drop(seen);
        if let Some(why) = wrong {
            self.violated(format_args!("{number} to user {user} is refused ({error}): {why}"));
        }
    }

    /// Why a refusal is wrong, if it is.
    fn is_wrong(&self, seen: &Seen, (user, number): (usize, usize), error: &SubmitError) -> Option<&str> {
        let Some(rule) = self.rule.filter(|rule| rule.on_breach == OnBreach::Refuse) else {
            return Some("no rule refuses anything");
        };
        let (of, now) = (&seen.users[user], self.clock.now());
        let asked = of.asked.get(&number)?;
        if asked.accepted.is_some() && !of.has_forgotten {
            return Some("it was accepted");
        }
        match (error, rule.kind) {
            (SubmitError::WindowClosed, RuleKind::Window { has_fallback }) => {
                self.is_wrongly_closed(seen, (user, asked), has_fallback, (asked.last, now))
            }
            (SubmitError::Limited { rule: Rule::PairRate, wait }, RuleKind::PairRate { every, ahead }) => {
                let is_exhausted = seen.is_exhausted((user, number), (every, ahead), asked.last);
                let is_wrong = *wait > every || !is_exhausted && !seen.clock_was_wrong;
                is_wrong.then_some("the rate is not exhausted")
            }
            (SubmitError::Limited { rule: Rule::MessagingLimit, .. }, RuleKind::Users(limit)) => {
                self.is_wrongly_limited(seen, user, limit, (asked.last, now))
            }
            (SubmitError::Limited { rule: Rule::Throughput, wait }, RuleKind::Throughput(_)) => {
                (*wait > SECOND).then_some("no second lasts longer")
            }
            _ => Some("there is no such rule"),
        }
    }

    fn is_wrongly_closed(
        &self,
        seen: &Seen,
        (user, asked): (usize, &Asked),
        has_fallback: bool,
        (from, until): (Timestamp, Timestamp),
    ) -> Option<&str> {
        if asked.category != Category::Service {
            return Some("it is no service message");
        }
        if has_fallback {
            return Some("something else was to go in its place");
        }
        seen.is_surely_open(user, from, until).then_some("the window is open")
    }

    fn is_wrongly_limited(
        &self,
        seen: &Seen,
        user: usize,
        limit: u32,
        (from, until): (Timestamp, Timestamp),
    ) -> Option<&str> {
        if seen.is_surely_open(user, from, until) {
            return Some("the window is open");
        }
        // Who was asked for may count, also if nothing came of it.
        let others = seen.users.iter().enumerate().filter(|(other, _)| *other != user);
        let others = others.filter(|(_, of)| of.asked.values().any(|asked| asked.since <= until));
        if others.count() < limit as usize && !seen.clock_was_wrong {
            return Some("so many others were never written to");
        }
        let counts = |sealed: &Sealed| {
            sealed.until <= from && until < sealed.from.after(DAY) && !seen.may_be_open(*sealed)
        };
        let has_forgotten = seen.users.iter().any(|of| of.has_forgotten);
        let is_certain = !has_forgotten && !seen.two_acted && !seen.clock_was_wrong;
        let counts = is_certain && self.sealed(seen, user).iter().any(counts);
        counts.then_some("the user counts already")
    }

    /// A message of the business failed for this reason.
    pub(crate) fn fails(&self, id: MessageId, failure: Failure) {
        let is_news = self.seen().failed.insert(id, failure).is_none();
        if is_news && is_of_rule(failure) {
            self.run_log.count(FaultKind::Limited);
        }
    }

    /// Whether it may, as far as can be said at once.
    pub(crate) fn may_fail(&self, id: MessageId, failure: Failure) -> bool {
        let Some(BusinessRule { kind, on_breach, lives, .. }) = self.rule else { return false };
        let (now, was_wrong) = (self.clock.now(), self.seen().clock_was_wrong);
        let is_its_own = match failure {
            Failure::WindowClosed => matches!(kind, RuleKind::Window { .. }),
            Failure::PairRate => matches!(kind, RuleKind::PairRate { .. }),
            Failure::MessagingLimit => matches!(kind, RuleKind::Users(_)),
            Failure::Throughput => matches!(kind, RuleKind::Throughput(_)),
            Failure::Expired => return lives.is_some_and(|lives| was_wrong || id.time().after(lives) <= now),
            _ => false,
        };
        is_its_own && on_breach == OnBreach::Fail
    }

    /// The device of `user` begins to send the user's `number`th message.
    pub(crate) fn writes(&self, user: usize, number: usize) {
        let said = Said { begun: self.clock.now(), heard: None };
        self.seen().users[user].said.insert(number, said);
    }

    /// The business hears it.
    pub(crate) fn hears(&self, user: usize, number: usize) {
        let (now, mut seen) = (self.clock.now(), self.seen());
        if let Some(said) = seen.users[user].said.get_mut(&number) {
            said.heard = said.heard.or(Some(now));
        }
    }

    /// The user was shown something in place of the business's `number`th message.
    pub(crate) fn replaced(&self, user: usize, number: usize) {
        if let Some(asked) = self.seen().users[user].asked.get_mut(&number) {
            asked.is_replaced = true;
        }
    }

    /// Something of `user` is forgotten by the relay, or may be.
    pub(crate) fn forget(&self, user: usize) {
        let (now, mut seen) = (self.clock.now(), self.seen());
        seen.users[user].has_forgotten = true;
        // A user who is forgotten leaves a place to others.
        let is_shared = self.rule.is_some_and(|rule| matches!(rule.kind, RuleKind::Users(_)));
        for (other, of) in seen.users.iter_mut().enumerate() {
            if other == user || is_shared {
                of.known_since = now;
            }
        }
    }

    /// Two relays act for a while.
    pub(crate) fn two_act(&self) {
        self.seen().two_acted = true;
    }

    /// The relay's clock is wrong from now on, or right again.
    pub(crate) fn clock_changes(&self) {
        let (now, mut seen) = (self.clock.now(), self.seen());
        seen.clock_was_wrong = true;
        seen.users.iter_mut().for_each(|of| of.known_since = now);
    }

    /// What was sealed to `user` and can be judged.
    fn sealed(&self, seen: &Seen, user: usize) -> Vec<Sealed> {
        let waits = self.rule.is_some_and(|rule| rule.on_breach == OnBreach::Defer);
        let of = &seen.users[user];
        let sealed = |(number, asked): (&usize, &Asked)| {
            let (id, answered) = asked.accepted?;
            let from = id.time();
            // By a clock that was wrong, or one that knew nothing of what was before.
            let is_known = from >= of.known_since && (asked.since..=answered).contains(&from);
            let is_sent = seen.failed.get(&id).is_none_or(|failure| *failure == Failure::Expired);
            let until = if waits { self.run_log.wire.left_at(id)? } else { from };
            (is_known && is_sent).then_some(Sealed { from, until, user, number: *number })
        };
        of.asked.iter().filter_map(sealed).collect()
    }

    /// All has been said: the rule was held, and nothing failed that need not have.
    pub(crate) fn check(&self) {
        let Some(rule) = self.rule else { return };
        let seen = self.seen();
        let broken = self.is_exceeded(&seen, rule).or_else(|| self.has_failed_wrongly(&seen, rule));
        drop(seen);
        if let Some(broken) = broken {
            self.violated(broken);
        }
    }

    fn is_exceeded(&self, seen: &Seen, rule: BusinessRule) -> Option<String> {
        let of_each = (0..seen.users.len()).map(|user| self.sealed(seen, user));
        match rule.kind {
            RuleKind::PairRate { every, ahead } => of_each
                .into_iter()
                .find_map(|sealed| exceeds(&sealed, |span| u64::from(ahead) + whole(span, every))),
            RuleKind::Throughput(per_second) => {
                let relays = if seen.two_acted { 2 } else { 1 };
                let sealed: Vec<_> = of_each.flatten().collect();
                exceeds(&sealed, |span| relays * u64::from(per_second) * (whole(span, SECOND) + 1))
            }
            RuleKind::Users(limit) => {
                let outside: Vec<_> = of_each.flatten().filter(|sealed| !seen.may_be_open(*sealed)).collect();
                outside.iter().find_map(|first| {
                    let end = first.from.after(DAY);
                    let within =
                        outside.iter().filter(|sealed| sealed.from >= first.from && sealed.until < end);
                    let users: BTreeSet<usize> = within.map(|sealed| sealed.user).collect();
                    let is_over = users.len() > limit as usize && !seen.two_acted && !seen.clock_was_wrong;
                    is_over.then(|| format!("{users:?} were written to outside their windows in a day"))
                })
            }
            RuleKind::Window { .. } => of_each.flatten().find_map(|sealed| {
                let Sealed { user, number, .. } = sealed;
                let asked = seen.users[user].asked.get(&number)?;
                // Whether or not it was shown before its time was over.
                let (id, _) = asked.accepted?;
                let is_replaced = asked.is_replaced
                    || self.run_log.wire.category(id).is_some_and(|of| of != asked.category);
                let is_wrong = match is_replaced {
                    true => seen.is_surely_open(user, sealed.from, sealed.until),
                    false => asked.category == Category::Service && !seen.may_be_open(sealed),
                };
                let what = if is_replaced { "replaced in an open" } else { "sealed in a closed" };
                is_wrong.then(|| format!("{number} to user {user} was {what} window"))
            }),
        }
    }

    fn has_failed_wrongly(&self, seen: &Seen, rule: BusinessRule) -> Option<String> {
        for (user, of) in seen.users.iter().enumerate() {
            for (number, asked) in &of.asked {
                let Some((id, answered)) = asked.accepted else { continue };
                let Some(failure) = seen.failed.get(&id) else { continue };
                let at = id.time();
                if at < of.known_since || !(asked.since..=answered).contains(&at) || seen.clock_was_wrong {
                    continue;
                }
                let wrong = match (failure, rule.kind) {
                    (Failure::WindowClosed, RuleKind::Window { has_fallback }) => {
                        self.is_wrongly_closed(seen, (user, asked), has_fallback, (at, at))
                    }
                    (Failure::PairRate, RuleKind::PairRate { every, ahead }) => {
                        let is_exhausted = seen.is_exhausted((user, *number), (every, ahead), at);
                        (!is_exhausted).then_some("the rate was not exhausted")
                    }
                    (Failure::MessagingLimit, RuleKind::Users(limit)) => {
                        self.is_wrongly_limited(seen, user, limit, (at, at))
                    }
                    _ => None,
                };
                if let Some(why) = wrong {
                    return Some(format!("{number} to user {user} failed for {failure:?}: {why}"));
                }
            }
        }
        None
    }

    /// Which messages to `user` were never counted, because the rule had them fail; and which may not have
    /// been, because their time ended before they were sealed, or before the carrier had them.
    pub(crate) fn uncounted(&self, ids: impl Iterator<Item = MessageId>) -> (u64, u64) {
        let (seen, mut uncounted) = (self.seen(), (0, 0));
        for failure in ids.filter_map(|id| seen.failed.get(&id)) {
            match failure {
                Failure::Expired => uncounted.1 += 1,
                failure if is_of_rule(*failure) => uncounted.0 += 1,
                _ => {}
            }
        }
        uncounted
    }
}

impl Seen {
    /// Whether the window of `user` was open from the one moment to the other, whatever the relay believes.
    fn is_surely_open(&self, user: usize, from: Timestamp, until: Timestamp) -> bool {
        let of = &self.users[user];
        let opens =
            |said: &Said| said.heard.is_some_and(|heard| heard <= from) && until < said.begun.after(DAY);
        let is_certain = !of.has_forgotten && !self.clock_was_wrong && !self.two_acted;
        is_certain && of.said.values().any(opens)
    }

    /// Whether the window of a message's user may have been open when it was sealed.
    fn may_be_open(&self, sealed: Sealed) -> bool {
        let day = if self.clock_was_wrong { DAY * 2 } else { DAY };
        let opens = |said: &Said| {
            let is_over = said.heard.is_some_and(|heard| heard.after(day) <= sealed.from);
            said.begun <= sealed.until && !is_over
        };
        self.users[sealed.user].said.values().any(opens)
    }

    /// Whether the rate may be exhausted at `at` for the `number`th message to `user`, by those before it.
    fn is_exhausted(
        &self,
        (user, number): (usize, usize),
        (every, ahead): (Duration, u32),
        at: Timestamp,
    ) -> bool {
        let mut sealed = Vec::new();
        for asked in self.users[user].asked.range(..number).map(|(_, asked)| asked) {
            match asked.accepted {
                Some((id, _)) if self.failed.get(&id).is_some_and(|why| *why == Failure::PairRate) => {}
                Some((id, answered)) if (asked.since..=answered).contains(&id.time()) => {
                    sealed.push(id.time())
                }
                Some((_, answered)) => sealed.push(answered),
                None => sealed.push(at),
            }
        }
        sealed.sort_unstable();
        let paid = sealed.into_iter().fold(Timestamp::from_millis(0), |paid, at| paid.max(at).after(every));
        paid.max(at).after(every) > at.after(every * ahead)
    }
}

/// Whether it is for a rule that a message failed.
pub(crate) const fn is_of_rule(failure: Failure) -> bool {
    matches!(
        failure,
        Failure::WindowClosed | Failure::PairRate | Failure::MessagingLimit | Failure::Throughput
    )
}

/// How often `part` fits into `span`.
fn whole(span: Duration, part: Duration) -> u64 {
    u64::try_from(span.as_millis() / part.as_millis().max(1)).unwrap()
}

/// A span in which more were sealed than are allowed in as long a one, if there is one.
fn exceeds(sealed: &[Sealed], allowed: impl Fn(Duration) -> u64) -> Option<String> {
    for first in sealed {
        for last in sealed.iter().filter(|last| last.until >= first.from) {
            let within = |one: &&Sealed| one.from >= first.from && one.until <= last.until;
            let (count, span) = (sealed.iter().filter(within).count() as u64, last.until.since(first.from));
            if count > allowed(span) {
                let most = allowed(span);
                return Some(format!("{count} messages went within {span:?}, and {most} may"));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    fn sealed(moments: &[(u64, u64)]) -> Vec<Sealed> {
        let one =
            |(from, until): &(u64, u64)| Sealed { from: at(*from), until: at(*until), user: 0, number: 0 };
        moments.iter().map(one).collect()
    }

    #[test]
    fn more_than_a_span_may_have_is_found_and_what_may_have_been_later_is_not() {
        let one_in_two = |span| 1 + whole(span, SECOND * 2);
        assert_eq!(exceeds(&sealed(&[(0, 0), (2, 2), (4, 4)]), one_in_two), None);
        assert!(exceeds(&sealed(&[(0, 0), (1, 1)]), one_in_two).is_some());
        // All were asked for at once, and left one after the other.
        assert_eq!(exceeds(&sealed(&[(0, 0), (0, 2), (0, 4)]), one_in_two), None);
        assert!(exceeds(&sealed(&[(0, 0), (0, 3), (0, 3)]), one_in_two).is_some());
    }

    #[test]
    fn a_window_is_judged_by_what_is_sure() {
        let user = |said: &[Said]| {
            let said = said.iter().map(|said| Said { begun: said.begun, heard: said.heard }).enumerate();
            let known_since = at(0);
            OfUser { asked: BTreeMap::new(), said: said.collect(), known_since, has_forgotten: false }
        };
        let seen = |said: &[Said]| Seen { users: vec![user(said)], ..Seen::default() };
        let moment = |second| sealed(&[(second, second)])[0];
        let (day, heard) = (24 * 3600, [Said { begun: at(10), heard: Some(at(20)) }]);
        let nobody = seen(&[]);
        assert!(!nobody.may_be_open(moment(50)) && !nobody.is_surely_open(0, at(50), at(50)));
        let open = |second| {
            let seen = seen(&heard);
            (seen.may_be_open(moment(second)), seen.is_surely_open(0, at(second), at(second)))
        };
        assert_eq!([9, 10, 19].map(open), [(false, false), (true, false), (true, false)]);
        assert_eq!([20, day + 9].map(open), [(true, true); 2]);
        assert_eq!([day + 10, day + 19, day + 20].map(open), [(true, false), (true, false), (false, false)]);
    }
}
