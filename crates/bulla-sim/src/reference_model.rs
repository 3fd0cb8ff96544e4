//! What ought to be, kept beside the system by somebody who has read none of its code.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bulla::content::Progress;
use bulla::relay::{Failure, Status};
use bulla_base::MessageId;

use crate::business::status_kind;
use crate::clock::VirtualClock;
use crate::envelope_checks::CANARY;
use crate::invariants::Invariant;
use crate::ledger_checks::Delivered;
use crate::plan::Plan;
use crate::protection_checks::ProtectionChecks;
use crate::refused_events::RefusedEvents;
use crate::rule_checks::{RuleChecks, is_of_rule};
use crate::run_log::RunLog;

/// All conversations of a run.
pub(crate) struct ReferenceModel {
    run_log: Arc<RunLog>,
    clock: Arc<VirtualClock>,
    /// When each process of the relay ended.
    ended: Mutex<BTreeMap<u64, Duration>>,
    /// When which report was last tried in vain, by the process of the relay.
    failed_reports: Mutex<BTreeMap<(MessageId, u8, u64), Duration>>,
    users: Vec<Mutex<Conversation>>,
    /// The rule that the business is held to.
    pub(crate) rules: RuleChecks,
    /// The events that the business does not take.
    pub(crate) refused: RefusedEvents,
    /// Whom the carrier protects.
    pub(crate) protection: Arc<ProtectionChecks>,
}

/// When the business took a report.
#[derive(Debug, Clone, Copy)]
struct Taken {
    /// In which process of the relay.
    process: u64,
    /// After how many troubles with its disk.
    troubles: u64,
    at: Duration,
}

/// How long a relay waits at least that has told a report in vain: half of its first wait.
const MIN_BACKOFF: Duration = Duration::from_millis(500);

/// How long a relay needs at most to note that a report was taken.
const SETTLING: Duration = Duration::from_secs(8);

/// What is known of the business's conversation with one user.
#[derive(Default)]
pub(crate) struct Conversation {
    pub(crate) to_user: Direction,
    pub(crate) to_business: Direction,
    /// What was reported of the business's messages.
    statuses: BTreeMap<MessageId, Vec<Status>>,
    /// In which process of the relay the business took which report about which message.
    taken: BTreeMap<(MessageId, u8), Taken>,
    /// Which ids may be told of in any way, because a disk or a phone has forgotten what was told.
    excused: BTreeSet<MessageId>,
    /// Whether two relays told the business at the same time.
    two_tell: bool,
    /// Whether something has happened that may have messages reported as failed.
    pub(crate) may_fail: bool,
    /// The user's devices besides the first.
    others: BTreeMap<u8, OtherDevice>,
}

/// What is known of a device of a user that is not the first: it is read on, and not written.
#[derive(Default)]
struct OtherDevice {
    /// From which message on it hears everything, if it is there.
    since: Option<usize>,
    /// Under which id which message was shown.
    shown: BTreeMap<usize, MessageId>,
    /// What the user has done with on it.
    finished: BTreeSet<MessageId>,
}

/// The messages that go one way, in the order in which they were said.
#[derive(Default)]
pub(crate) struct Direction {
    pub(crate) messages: Vec<Message>,
    /// The last one that was shown.
    last_shown: Option<usize>,
}

/// What has come between those who talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excuse {
    /// Another phone, or an older one: what was said may come twice and late, or be reported as failed; but
    /// something is reported.
    Phone,
    /// Whoever had it forgot it, with a disk or because it was wished: it need not arrive.
    Gone,
}

/// What is known of a message.
#[derive(Default, Clone)]
pub(crate) struct Message {
    /// Its id, if whoever said it has had an answer.
    pub(crate) id: Option<MessageId>,
    /// Under which id it was shown to whom it was meant for.
    pub(crate) shown: Option<MessageId>,
    /// How far the user's device was told it has come.
    pub(crate) progress: Option<Progress>,
    /// Whether the device was told that it will not arrive.
    pub(crate) failed: bool,
    /// Why not all that holds of others holds of it.
    pub(crate) excused: Option<Excuse>,
    /// Whether whom it was meant for has done with it.
    pub(crate) is_finished: bool,
    /// Whether the carrier may have lost that it was read: nobody says that again who has said that it came.
    pub(crate) may_end_unread: bool,
}

/// Who says the number `number`th message to or of the user number `user`.
pub(crate) fn text(from: &str, user: usize, number: usize) -> String {
    format!("{from} {user} {number} {CANARY}")
}

/// Who says what goes in place of a message whose window is closed.
pub(crate) const INSTEAD: &str = "instead";

pub(crate) fn number_of(text: &str) -> Option<usize> {
    text.split(' ').nth(2)?.parse().ok()
}

impl ReferenceModel {
    pub(crate) fn new(run_log: Arc<RunLog>, clock: Arc<VirtualClock>, plan: &Plan) -> Self {
        let (users, business) = (plan.users, plan.business);
        let seen_by = (Arc::clone(&run_log), Arc::clone(&clock));
        Self {
            rules: RuleChecks::new(seen_by, business.rule, users, plan.failover),
            refused: RefusedEvents::new(Arc::clone(&run_log), business.unbearable, plan.failover),
            protection: Arc::new(ProtectionChecks::new(
                (Arc::clone(&run_log), Arc::clone(&clock)),
                plan.protection,
            )),
            run_log,
            clock,
            ended: Mutex::default(),
            failed_reports: Mutex::default(),
            users: (0..users).map(|_| Mutex::default()).collect(),
        }
    }

    pub(crate) fn of(&self, user: usize) -> MutexGuard<'_, Conversation> {
        self.users[user].lock().unwrap()
    }

    /// Whatever was said so far in the conversation with `user` was forgotten by somebody.
    pub(crate) fn forget(&self, user: usize) {
        self.rules.forget(user);
        self.refused.forget();
        let mut conversation = self.of(user);
        conversation.may_fail = true;
        let Conversation { to_user, to_business, statuses, taken, excused, .. } = &mut *conversation;
        for message in to_user.messages.iter_mut().chain(&mut to_business.messages) {
            message.excused = Some(Excuse::Gone);
            excused.extend(message.id.into_iter().chain(message.shown));
        }
        excused.extend(statuses.keys().copied());
        taken.clear();
    }

    pub(crate) fn forget_all(&self) {
        (0..self.users.len()).for_each(|user| self.forget(user));
    }

    /// The carrier has lost what it had taken after its backup. Everything arrives all the same.
    pub(crate) fn carrier_put_back(&self) {
        for user in &self.users {
            user.lock()
                .unwrap()
                .to_user
                .messages
                .iter_mut()
                .for_each(|message| message.may_end_unread = true);
        }
    }

    /// The user has another phone, or the same as it was once. What it was about to say is gone with it.
    pub(crate) fn other_phone(&self, user: usize) {
        let mut conversation = self.of(user);
        conversation.may_fail = true;
        let Conversation { to_user, to_business, .. } = &mut *conversation;
        for message in &mut to_user.messages {
            message.excused = message.excused.or(Some(Excuse::Phone));
        }
        to_business.messages.iter_mut().for_each(|message| message.excused = Some(Excuse::Gone));
    }

    /// Two relays tell the business, for a while: what it knows it may hear again, late, of the other.
    pub(crate) fn two_tell(&self) {
        self.rules.two_act();
        self.refused.forget();
        (0..self.users.len()).for_each(|user| self.of(user).two_tell = true);
    }

    /// The business has had an answer to its `number`th message to `user`.
    pub(crate) fn accepted(&self, user: usize, number: usize, id: MessageId) {
        self.run_log.trace_line(format_args!("accepted: {number} to user {user} as {id}"));
        let mut conversation = self.of(user);
        let message = &mut conversation.to_user.messages[number];
        let other = [message.shown, message.id].into_iter().flatten().find(|other| *other != id);
        if let Some(other) = other.filter(|_| message.excused.is_none()) {
            let what = format_args!("{number} to user {user} is accepted as {id} and was {other}");
            self.run_log.violated(Invariant::OneId, what);
        }
        message.id = Some(id);
    }

    /// Somebody is shown the message with `text`.
    pub(crate) fn shown(&self, user: usize, to_user: bool, text: &str, id: MessageId) {
        let whom = if to_user { "user" } else { "business, of user" };
        self.run_log.trace_line(format_args!("shown to the {whom} {user}: {text} as {id}"));
        let mut conversation = self.of(user);
        match number_of(text) {
            Some(number) if !to_user => self.rules.hears(user, number),
            Some(number) if text.starts_with(INSTEAD) => self.rules.replaced(user, number),
            _ => {}
        }
        let direction = if to_user { &mut conversation.to_user } else { &mut conversation.to_business };
        let Some(number) = number_of(text).filter(|number| *number < direction.messages.len()) else {
            return self.run_log.violated(Invariant::OneId, format_args!("nobody has said {text}"));
        };
        let message = &mut direction.messages[number];
        let is_excused = message.excused == Some(Excuse::Gone);
        let other = [message.shown, message.id].into_iter().flatten().find(|other| *other != id);
        if let Some(other) = other.filter(|_| !is_excused) {
            let what = format_args!("{text} came as {id} and is {other}");
            return self.run_log.violated(Invariant::OneId, what);
        }
        let is_first = message.shown.replace(id).is_none();
        if message.is_finished && message.excused.is_none() && to_user {
            self.run_log.violated(Invariant::ToldOnce, format_args!("{text} was shown, finished, and shown"));
        }
        // What has to be asked for comes late.
        let came_again = self.run_log.wire.was_sent_again(id)
            || self.protection.was_refused(id)
            || !to_user && self.refused.may_be_aside((id, 0));
        let in_order = came_again || direction.last_shown.is_none_or(|last| last < number);
        if is_first && !is_excused && !in_order {
            let last = direction.last_shown;
            self.run_log.violated(Invariant::Order, format_args!("{text} comes after the number {last:?}"));
        }
        if is_first && !is_excused {
            direction.last_shown = direction.last_shown.max(Some(number));
        }
    }

    /// A device of the user that is not the first is there: it hears what is said from now on.
    pub(crate) fn other_is_there(&self, user: usize, device: u8) {
        let mut conversation = self.of(user);
        let since = conversation.to_user.messages.len();
        self.run_log.trace_line(format_args!("device {user}.{device} hears everything from {since} on"));
        conversation.others.entry(device).or_default().since = Some(since);
    }

    /// It is gone, or will have to leave other keys before it hears anything.
    pub(crate) fn other_is_gone(&self, user: usize, device: u8) {
        self.of(user).others.entry(device).or_default().since = None;
    }

    /// Which of them are there.
    pub(crate) fn other_devices(&self, user: usize) -> Vec<u8> {
        let conversation = self.of(user);
        let there = conversation.others.iter().filter(|(_, other)| other.since.is_some());
        there.map(|(device, _)| *device).collect()
    }

    /// The user is shown the message with `text` on a device that is not the first.
    pub(crate) fn shown_on_other(&self, (user, device): (usize, u8), text: &str, id: MessageId) {
        self.run_log.trace_line(format_args!("shown on device {user}.{device}: {text} as {id}"));
        let mut conversation = self.of(user);
        let Conversation { to_user, others, .. } = &mut *conversation;
        let Some(number) = number_of(text).filter(|number| *number < to_user.messages.len()) else {
            return self.run_log.violated(Invariant::OneId, format_args!("nobody has said {text}"));
        };
        let (other, message) = (others.entry(device).or_default(), &to_user.messages[number]);
        if message.excused.is_some() {
            return;
        }
        if other.finished.contains(&id) {
            let what = format_args!("{text} was shown on device {user}.{device}, finished, and shown");
            self.run_log.violated(Invariant::ToldOnce, what);
        }
        // What has to be asked for comes late; so does what was said before it was there.
        let came_again = self.run_log.wire.was_sent_again(id)
            || self.protection.was_refused(id)
            || other.since.is_none_or(|since| number < since);
        let last = other.shown.last_key_value().map(|(last, _)| *last);
        let is_first = other.shown.insert(number, id).is_none();
        if is_first && !came_again && last.is_some_and(|last| last > number) {
            let what = format_args!("{text} comes after the number {last:?} on device {user}.{device}");
            self.run_log.violated(Invariant::Order, what);
        }
    }

    /// The user has done with a message on a device that is not the first.
    pub(crate) fn finished_on_other(&self, (user, device): (usize, u8), id: MessageId) {
        let mut conversation = self.of(user);
        let other = conversation.others.entry(device).or_default();
        // Other events bear the id of the message that brought them.
        if other.shown.values().any(|shown| *shown == id) {
            other.finished.insert(id);
        }
    }

    /// What a device of the user that is not the first still has to hear.
    fn lacks_on_others(&self, user: usize) -> Option<String> {
        let conversation = self.of(user);
        for (device, other) in &conversation.others {
            let Some(since) = other.since else { continue };
            for (number, message) in conversation.to_user.messages.iter().enumerate().skip(since) {
                let statuses = message.id.and_then(|id| conversation.statuses.get(&id));
                let failed = matches!(statuses.and_then(|all| all.last()), Some(Status::Failed(_)));
                // A carrier that was put back has lost it, and its time was over before that was known.
                let may_be_over = message.may_end_unread
                    && message.id.is_some_and(|id| self.rules.may_fail(id, Failure::Expired));
                let may_lack = message.id.is_none() || message.excused.is_some() || failed || may_be_over;
                if !may_lack && !other.shown.contains_key(&number) {
                    let id = message.id;
                    return Some(format!("{number} to device {user}.{device}: {id:?}, {statuses:?}"));
                }
            }
        }
        None
    }

    /// The user has done with a message.
    pub(crate) fn finished(&self, user: usize, id: MessageId) {
        let mut conversation = self.of(user);
        let of_id = conversation.to_user.messages.iter_mut().filter(|message| message.shown == Some(id));
        of_id.for_each(|message| message.is_finished = true);
    }

    /// The business hears that a message of its has come further.
    pub(crate) fn status(&self, user: usize, id: MessageId, status: Status) {
        self.run_log.trace_line(format_args!("the business hears {status:?} of {id}"));
        let mut conversation = self.of(user);
        let Conversation { may_fail, two_tell, .. } = *conversation;
        let is_excused = conversation.excused.contains(&id);
        let statuses = conversation.statuses.entry(id).or_default();
        let last = statuses.last().copied();
        let may_be_aside = |kind: u8| self.refused.may_be_aside((id, kind));
        let comes_late = may_be_aside(status_kind(status));
        if last == Some(status) || (two_tell || comes_late) && statuses.contains(&status) {
            return;
        }
        let may_fail = match status {
            // What the carrier refuses fails before it was sent, unless it had taken it and was put back.
            Status::Failed(failure) if self.protection.may_fail(id, failure) => {
                last.is_none() || self.protection.may_be_lost(id)
            }
            Status::Failed(failure) => {
                self.rules.fails(id, failure);
                // A rule has nothing fail but for its own reason, whatever happened, and before it was sent.
                self.rules.may_fail(id, failure) && (last.is_none() || !is_of_rule(failure))
                    || may_fail && !is_of_rule(failure)
            }
            _ => may_fail,
        };
        if comes_late && last.is_some_and(|last| last > status) {
            let place = statuses.iter().position(|later| *later > status).unwrap_or(statuses.len());
            return statuses.insert(place, status);
        }
        let is_next = match (last, status) {
            (None, Status::Sent) => true,
            (None | Some(Status::Sent), Status::Failed(_)) => may_fail,
            // What was set aside is passed. Who reads at once is not told of as having it.
            (None, _) => may_be_aside(status_kind(Status::Sent)),
            (Some(Status::Failed(_)), _) => false,
            (Some(Status::Delivered | Status::Read), Status::Failed(_)) => false,
            (Some(last), next) => last < next,
        };
        if !is_next && !is_excused {
            self.run_log.violated(Invariant::Statuses, format_args!("{id} came from {last:?} to {status:?}"));
        }
        statuses.push(status);
    }

    /// The business has taken a report of this kind, in this process of the relay: it is not told again in
    /// the same one, as long as the disk works.
    pub(crate) fn taken(&self, user: usize, id: MessageId, kind: u8, process: u64, troubles: u64) {
        let at = self.clock.elapsed();
        self.of(user).taken.insert((id, kind), Taken { process, troubles, at });
    }

    /// The business is told a report of this kind.
    pub(crate) fn told(&self, user: usize, id: MessageId, kind: u8, process: u64, troubles: u64) {
        let conversation = self.of(user);
        // One that believed that it still acts may have told it, and acts again: it does not know that the
        // other has left it to it.
        let Some(taken) = conversation.taken.get(&(id, kind)).copied().filter(|_| !conversation.two_tell)
        else {
            return;
        };
        drop(conversation);
        let ended = self.ended.lock().unwrap().get(&taken.process).copied();
        let had_time = ended.is_some_and(|ended| ended > taken.at + SETTLING);
        if troubles == taken.troubles && (process == taken.process || had_time) {
            let what = format_args!("{id}, of which the business took report {kind}, is told again");
            self.run_log.violated(Invariant::ToldOnce, what);
        }
    }

    /// A report was in vain, because nobody is there: it is not tried again at once.
    pub(crate) fn report_failed(&self, id: MessageId, kind: u8, process: u64) {
        let now = self.clock.elapsed();
        let last = self.failed_reports.lock().unwrap().insert((id, kind, process), now);
        if last.is_some_and(|last| now < last + MIN_BACKOFF) {
            self.run_log
                .violated(Invariant::Bounded, format_args!("report {kind} of {id} is tried again at once"));
        }
    }

    /// The host has a report about this message made again: it may come soon after it was in vain.
    pub(crate) fn replays(&self, id: MessageId, kind: u8) {
        self.failed_reports.lock().unwrap().retain(|(of, ..), _| *of != id);
        self.refused.replays((id, kind));
    }

    /// Which of the messages to `user` has this id, as far as the business knows.
    pub(crate) fn number_of_id(&self, user: usize, id: MessageId) -> Option<usize> {
        self.of(user).to_user.messages.iter().position(|message| message.id == Some(id))
    }

    /// The relay's process `process` is over.
    pub(crate) fn relay_died(&self, process: u64) {
        self.ended.lock().unwrap().entry(process).or_insert_with(|| self.clock.elapsed());
    }

    /// The device is told how far its messages have come, or that one failed.
    pub(crate) fn progress(&self, user: usize, id: MessageId, progress: Option<Progress>) {
        self.run_log.trace_line(format_args!("user {user} hears {progress:?} of {id}"));
        let mut conversation = self.of(user);
        let may_fail = conversation.may_fail;
        let of_id = |message: &&mut Message| message.id == Some(id) || message.shown == Some(id);
        let Some(message) = conversation.to_business.messages.iter_mut().find(of_id) else { return };
        match progress {
            Some(progress) => message.progress = Some(progress),
            None if may_fail => message.failed = true,
            None => {
                self.run_log.violated(Invariant::Kept, format_args!("{id} of user {user} failed for nothing"))
            }
        }
    }

    /// What the conversation with `user` still lacks; nothing when it is complete.
    pub(crate) fn lacks(&self, user: usize) -> Option<String> {
        let conversation = self.of(user);
        let may_fail = conversation.may_fail;
        for (number, message) in conversation.to_user.messages.iter().enumerate() {
            let Message { id, shown, excused, may_end_unread, .. } = message;
            let statuses = id.and_then(|id| conversation.statuses.get(&id));
            let is_done = match statuses.and_then(|statuses| statuses.last()) {
                _ if excused.is_some() => true,
                Some(Status::Read) => shown.is_some() || self.was_read_elsewhere(&conversation, number),
                Some(Status::Delivered) if *may_end_unread => shown.is_some(),
                Some(Status::Failed(failure)) => {
                    may_fail || id.is_some_and(|id| self.may_fail_at_once(id, *failure))
                }
                _ if id.is_some_and(|id| self.refused.was_discarded((id, status_kind(Status::Read)))) => {
                    shown.is_some()
                }
                _ => false,
            };
            if id.is_none() || !is_done {
                return Some(format!("{number} to user {user}: {id:?}, shown {shown:?}, {statuses:?}"));
            }
        }
        drop(conversation);
        self.lacks_of_business(user).or_else(|| self.lacks_on_others(user))
    }

    /// Whether another device has read a message whose time was over before the phone and a relay or a phone
    /// that had forgotten something had a session again.
    fn was_read_elsewhere(&self, conversation: &Conversation, number: usize) -> bool {
        let id = conversation.to_user.messages.get(number).and_then(|message| message.id);
        let is_over = id.is_some_and(|id| self.rules.may_fail(id, Failure::Expired));
        conversation.may_fail
            && is_over
            && conversation.others.values().any(|other| other.shown.contains_key(&number))
    }

    /// What the business still has to hear of `user`.
    pub(crate) fn lacks_of_business(&self, user: usize) -> Option<String> {
        let conversation = self.of(user);
        // Who has to write in a new session says no more than it has to until then.
        let may_be_mute = conversation.may_fail;
        for (number, message) in conversation.to_business.messages.iter().enumerate() {
            let Message { id, shown, progress, excused, failed, .. } = message;
            let is_discarded = id.is_some_and(|id| self.refused.was_discarded((id, 0)));
            let is_done = shown.is_some() && (progress.is_some() || may_be_mute)
                || excused.is_some()
                || *failed
                || is_discarded;
            // Who had no answer does not know whether it was sent.
            if id.is_some() && !is_done {
                return Some(format!("{number} of user {user}: {id:?}, shown {shown:?}, {progress:?}"));
            }
        }
        None
    }

    /// A message to `user` of which nothing was reported for good, although nobody has forgotten it.
    pub(crate) fn is_silent(&self, user: usize) -> Option<String> {
        let conversation = self.of(user);
        let of_phone = |message: &&Message| message.excused == Some(Excuse::Phone);
        let ids = conversation.to_user.messages.iter().filter(of_phone).filter_map(|message| message.id);
        for id in ids {
            let statuses = conversation.statuses.get(&id);
            if (1..=status_kind(Status::Read)).any(|kind| self.refused.was_discarded((id, kind))) {
                continue;
            }
            if let None | Some(Status::Sent) = statuses.and_then(|statuses| statuses.last()) {
                return Some(format!("{id} to user {user} ended with {statuses:?}"));
            }
        }
        None
    }

    /// Whether a message may fail for this reason although nobody has forgotten anything.
    fn may_fail_at_once(&self, id: MessageId, failure: Failure) -> bool {
        self.rules.may_fail(id, failure) || self.protection.may_fail(id, failure)
    }

    /// How many messages the carrier has refused and never taken. What is doubled on its way may come when
    /// there is room, and is taken although it was refused, and has failed.
    pub(crate) fn limited(&self) -> u64 {
        let of = |conversation: &Conversation| {
            let last = conversation.statuses.iter().filter_map(|(id, all)| Some((*id, *all.last()?)));
            let refused = last.filter(|(id, status)| match status {
                Status::Failed(failure) => {
                    self.protection.may_fail(*id, *failure) && !self.protection.has_taken(*id)
                }
                _ => false,
            });
            refused.count() as u64
        };
        (0..self.users.len()).map(|user| of(&self.of(user))).sum()
    }

    /// What is known of the delivery of the messages to `user`.
    pub(crate) fn delivered(&self, user: usize) -> Vec<(MessageId, Delivered)> {
        let conversation = self.of(user);
        let known = |message: &Message| {
            let id = message.id?;
            let last = conversation.statuses.get(&id).and_then(|statuses| statuses.last());
            let delivered = match last {
                _ if message.excused.is_some() || conversation.excused.contains(&id) => Delivered::Perhaps,
                Some(Status::Delivered | Status::Read) => Delivered::Surely,
                Some(Status::Failed(_)) => Delivered::Never,
                _ => Delivered::Perhaps,
            };
            Some((id, delivered))
        };
        conversation.to_user.messages.iter().filter_map(known).collect()
    }

    /// How many messages were counted if all were counted once: to users, and to the business. What lives for
    /// less time than it waits may not have been.
    pub(crate) fn counts(&self) -> (RangeInclusive<u64>, u64) {
        let sum = |count: &dyn Fn(&Conversation) -> usize| -> u64 {
            (0..self.users.len()).map(|user| count(&self.of(user)) as u64).sum()
        };
        let all =
            |user| self.of(user).to_user.messages.iter().filter_map(|message| message.id).collect::<Vec<_>>();
        let (failed, expired) = self.rules.uncounted((0..self.users.len()).flat_map(all));
        let unheard = |user: usize| {
            let discarded = self.refused.discarded_messages(user);
            let conversation = self.of(user);
            let heard = |id: &&MessageId| {
                conversation.to_business.messages.iter().any(|message| message.shown == Some(**id))
            };
            discarded.iter().filter(|id| !heard(id)).count() as u64
        };
        let unheard: u64 = (0..self.users.len()).map(unheard).sum();
        let answered = |conversation: &Conversation| {
            conversation.to_user.messages.iter().filter(|message| message.id.is_some()).count()
        };
        let heard = |conversation: &Conversation| {
            conversation.to_business.messages.iter().filter(|message| message.shown.is_some()).count()
        };
        let sent = sum(&answered) - failed;
        (sent - expired..=sent, sum(&heard) + unheard)
    }
}
