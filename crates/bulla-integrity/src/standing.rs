//! How a business stands: what it does, what speaks against it, and what is done about it.

mod activity;
mod batches;
mod rating;
mod recent;

use std::fmt;
use std::time::Duration;

use bulla_base::{Day, Timestamp};

use self::activity::Activity;
use self::batches::Batches;
use self::rating::Rating;
use self::recent::Recent;
use crate::byte_reader::ByteReader;
use crate::error::at_most;
use crate::ladder::{Enforcement, EnforcementEvent, Ladder, Rung, Scores};
use crate::limits::{
    CLEAN_DAY_USERS, FASTER, FEW_UNREACHABLE_SCORE, FEW_UNREACHABLE_WEIGH, MANY, MAX_TOTAL_SCORE,
    MAX_WEAK_SHARE, PACE_FLOOR, PACE_SCORE, RECENT_COMPLAINERS, RECENT_NEIGHBOURHOODS, SLOW_PACE,
    VERIFIED_PACE_FLOOR,
};
use crate::{Evidence, InvalidForm, Quality, Reason, Signal};

const FORM: u8 = 1;

/// One thing that who cannot read messages sees of a business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Observation {
    /// It wrote to somebody.
    Sent {
        /// Whether to a user whom it had not written to for a day, outside a window.
        to_new_user: bool,
        /// Whether what it wrote was declared to be other than an answer.
        is_template: bool,
        /// A keyed tag of the number but for its last digit.
        neighbourhood: u64,
    },
    /// What it wrote has arrived.
    Delivered,
    /// It wrote to a number that nobody has. While it is limited, paused or stopped that counts for nothing.
    Unreachable,
    /// A user wrote to it.
    Replied,
    /// A user to whom it has written blocks it.
    Blocked {
        /// A keyed tag of the user.
        user: u64,
        /// When the business wrote to them last.
        reached: Timestamp,
    },
    /// A user has reported it, and the report was verified.
    Reported {
        /// A keyed tag of the user.
        user: u64,
        /// When the message was accepted: the stamp says so.
        reached: Timestamp,
        /// Why.
        reason: Reason,
    },
    /// It wrote to a user faster than it may.
    PairRate,
}

/// Why a business may not write now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// For what it did before.
    #[error("the business is {}", rung.name())]
    Restricted {
        /// What holds.
        rung: Rung,
        /// Until when, if that is known.
        until: Option<Timestamp>,
    },
    /// It writes to new users faster than it ever has, and what they think of it is not known yet.
    #[error("the business writes to new users faster than it ever has")]
    Pace {
        /// How long to wait.
        retry_after: Duration,
    },
}

/// How one business stands.
///
/// Every number in it is about the business. Of users it holds the tags of the last who complained, and of
/// where the last new ones have their numbers.
///
/// # Cost
/// In memory and stored some 500 bytes, at most two kilobytes, and next to nothing once a month has passed in
/// which nothing happened.
#[derive(Clone, PartialEq, Eq)]
pub struct Standing {
    registered: Timestamp,
    evidence: [Evidence; 4],
    ladder: Ladder,
    rating: Rating,
    /// New users reached on the day that runs, and whether any minded.
    day: Day,
    reached: u32,
    has_complaints: bool,
    is_verified: bool,
    active: Option<Box<Active>>,
}

/// What is there only of whom something was seen lately.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Active {
    activity: Activity,
    batches: Batches,
    complainers: Recent<RECENT_COMPLAINERS>,
    neighbourhoods: Recent<RECENT_NEIGHBOURHOODS>,
}

impl Standing {
    /// A business that was registered at this time.
    #[must_use]
    pub fn new(registered: Timestamp) -> Self {
        Self {
            registered,
            evidence: [Evidence::default(); 4],
            ladder: Ladder::default(),
            rating: Rating::default(),
            day: Day::default(),
            reached: 0,
            has_complaints: false,
            is_verified: false,
            active: None,
        }
    }

    /// Reads what [`Standing::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are of another form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let field = |expected| InvalidForm::Field { field: "standing", expected };
        let mut reader = ByteReader::new(bytes, "standing");
        reader.form(FORM)?;
        let mut read = Self::new(Timestamp::from_millis(reader.u64()?));
        for evidence in &mut read.evidence {
            *evidence = Evidence::new(reader.u16()?, reader.u32()?, reader.u32()?);
            let most = u64::from(crate::limits::MAX_SCORE);
            at_most("score", most, u64::from(evidence.score()))?;
        }
        read.ladder = Ladder::read(&mut reader)?;
        read.rating.quality = Quality::from_code(reader.u8()?).ok_or(field("a quality"))?;
        (read.rating.since, read.day) = (Day::from_number(reader.u32()?), Day::from_number(reader.u32()?));
        read.reached = reader.u32()?;
        read.has_complaints = bool_of(reader.u8()?).ok_or(field("whether there are complaints"))?;
        read.is_verified = bool_of(reader.u8()?).ok_or(field("whether it is verified"))?;
        if bool_of(reader.u8()?).ok_or(field("whether it is active"))? {
            read.active = Some(Box::new(Active {
                activity: Activity::read(&mut reader)?,
                batches: Batches::read(&mut reader)?,
                complainers: Recent::read(&mut reader)?,
                neighbourhoods: Recent::read(&mut reader)?,
            }));
            read.active.iter_mut().for_each(|active| active.batches.work_out(&read.evidence));
        }
        reader.end()?;
        Ok(read)
    }

    /// What is to be stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { registered, evidence, ladder, rating, day, reached, has_complaints, is_verified, active } =
            self;
        let mut bytes = vec![FORM];
        bytes.extend_from_slice(&registered.as_millis().to_be_bytes());
        for evidence in evidence {
            bytes.extend_from_slice(&evidence.score().to_be_bytes());
            bytes.extend_from_slice(&evidence.bad().to_be_bytes());
            bytes.extend_from_slice(&evidence.seen().to_be_bytes());
        }
        ladder.write(&mut bytes);
        bytes.push(rating.quality.code());
        bytes.extend_from_slice(&rating.since.number().to_be_bytes());
        bytes.extend_from_slice(&day.number().to_be_bytes());
        bytes.extend_from_slice(&reached.to_be_bytes());
        let flags = [*has_complaints, *is_verified, active.is_some()].map(u8::from);
        bytes.extend_from_slice(&flags);
        if let Some(active) = active {
            active.activity.write(&mut bytes);
            active.batches.write(&mut bytes);
            active.complainers.write(&mut bytes);
            active.neighbourhoods.write(&mut bytes);
        }
        bytes
    }

    /// Whether the business may write `now`: to a new user, outside a window, or else to somebody who has
    /// written or was written to.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn admit(&mut self, to_new_user: bool, now: Timestamp) -> Result<(), Refused> {
        self.admit_beside(0, to_new_user, now)
    }

    /// As [`admit`](Self::admit), while so many messages to new users are `under_way`, which are
    /// [noted](Self::note) when they have gone: they count for the pace.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn admit_beside(&mut self, under_way: u32, to_new_user: bool, now: Timestamp) -> Result<(), Refused> {
        let (rung, until) = (self.ladder.restriction(now), self.ladder.until());
        if rung >= Rung::Paused || rung == Rung::Limited && to_new_user {
            return Err(Refused::Restricted { rung, until });
        }
        if to_new_user && self.new_this_hour(now).saturating_add(under_way) >= self.pace() {
            let hour = Duration::from_secs(3600);
            let into = Duration::from_millis(now.as_millis() % 3_600_000);
            return Err(Refused::Pace { retry_after: hour - into });
        }
        Ok(())
    }

    /// Whether users may write to the business `now`.
    ///
    /// # Errors
    /// [`Refused::Restricted`].
    pub fn admit_from_user(&self, now: Timestamp) -> Result<(), Refused> {
        match self.ladder.restriction(now) {
            rung @ (Rung::Paused | Rung::Stopped) => {
                Err(Refused::Restricted { rung, until: self.ladder.until() })
            }
            _ => Ok(()),
        }
    }

    /// Takes note of something. Returns what comes of it, which was applied already and is to be stored with
    /// the standing.
    pub fn note(&mut self, seen: Observation, now: Timestamp) -> Option<EnforcementEvent> {
        let _ = self.active.get_or_insert_default();
        let clean = self.go_on(now);
        let active = self.active.get_or_insert_default();
        let counts = active.activity.today();
        let is_restricted = self.ladder.restriction(now) >= Rung::Limited;
        let mut is_near = false;
        match seen {
            // It may write to none of them anyway, and whoever asks again has learnt nothing by it.
            Observation::Unreachable if is_restricted => return clean,
            Observation::Sent { to_new_user, is_template, neighbourhood } => {
                counts.sent = counts.sent.saturating_add(1);
                counts.templates = counts.templates.saturating_add(u32::from(is_template));
                if to_new_user {
                    counts.new = counts.new.saturating_add(1);
                    active.batches.note_reached();
                    is_near = active.neighbourhoods.insert(neighbourhood);
                    self.reached = self.reached.saturating_add(1);
                    self.note_evidence(Signal::Neighbours, is_near);
                    self.note_evidence(Signal::Unreachable, false);
                }
            }
            Observation::Delivered => counts.delivered = counts.delivered.saturating_add(1),
            Observation::Unreachable => self.note_evidence(Signal::Unreachable, true),
            Observation::Replied => counts.replies = counts.replies.saturating_add(1),
            Observation::PairRate => counts.pair_rate = counts.pair_rate.saturating_add(1),
            Observation::Blocked { user, reached } => self.note_complaint(user, reached, None),
            Observation::Reported { user, reached, reason } => {
                self.note_complaint(user, reached, Some(reason));
            }
        }
        // What is good leads nowhere up.
        match seen {
            Observation::Sent { .. } | Observation::Delivered | Observation::Replied if !is_near => clean,
            _ => clean.or_else(|| self.judge(now)),
        }
    }

    /// The business says that what was done was a mistake.
    pub fn appeal(&mut self, now: Timestamp) -> Option<EnforcementEvent> {
        self.ladder.may_appeal(now).then(|| self.enforce(Enforcement::Appealed, now))
    }

    /// The operator decides on the appeal. Granted, all that spoke against the business is forgotten.
    pub fn decide_appeal(&mut self, is_granted: bool, now: Timestamp) -> Option<EnforcementEvent> {
        if !self.ladder.is_appealed() {
            return None;
        }
        let what = if is_granted { Enforcement::AppealGranted } else { Enforcement::AppealDenied };
        let event = self.enforce(what, now);
        if is_granted {
            self.evidence = [Evidence::default(); 4];
            if let Some(active) = &mut self.active {
                active.batches = Batches::default();
            }
        }
        Some(event)
    }

    /// Rates the quality anew; returns what it was, if it changed. To be called after something was noted, or
    /// once an hour.
    pub fn rate(&mut self, now: Timestamp) -> Option<Quality> {
        let active = self.active.as_mut()?;
        active.activity.go_on(now);
        self.rating.judge(active.activity.days(), now.day())
    }

    /// Lets go of what takes memory and says nothing any more.
    pub fn sweep(&mut self, now: Timestamp) -> Option<EnforcementEvent> {
        let clean = self.go_on(now);
        self.active.take_if(|active| active.activity.is_empty() && active.batches.is_empty());
        clean
    }

    /// The quality, as it was rated last.
    #[must_use]
    pub const fn quality(&self) -> Quality {
        self.rating.quality
    }

    /// Where it stands on the ladder.
    #[must_use]
    pub const fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// All that says something about it `now`: the strong signals, then the weak ones.
    #[must_use]
    pub fn signals(&self, now: Timestamp) -> Vec<(Signal, Evidence)> {
        self.strong_signals()
            .chain(self.weak_signals(now))
            .filter(|(_, evidence)| evidence.score() > 0)
            .collect()
    }

    /// All of it together, in thousandths. What honest businesses show, too, makes it a quarter more at most.
    #[must_use]
    pub fn score(&self, now: Timestamp) -> u16 {
        self.weighed(self.strong_score(), now)
    }

    /// How many bytes it takes, besides itself.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.active.as_ref().map_or(0, |active| {
            size_of::<Active>() + active.complainers.memory() + active.neighbourhoods.memory()
        })
    }

    /// Somebody has found out who the business is: it begins faster.
    pub const fn verify(&mut self) {
        self.is_verified = true;
    }

    /// Forgets that the user of this tag has complained; what was done about it stays. Whether they had.
    pub fn forget_user(&mut self, user: u64) -> bool {
        self.active.as_mut().is_some_and(|active| active.complainers.forget(user))
    }

    /// How many new users it may write to in an hour: twice as many as in the busiest to which there was time
    /// to react, and fewer when something speaks against it. So nobody has written to everybody before any
    /// user can complain.
    fn pace(&self) -> u32 {
        let busiest = self.active.as_ref().map_or(0, |active| active.activity.busiest_hour());
        let floor = if self.is_verified { VERIFIED_PACE_FLOOR } else { PACE_FLOOR };
        match self.strong_score() >= PACE_SCORE {
            true => SLOW_PACE,
            false => busiest.saturating_mul(FASTER).max(floor),
        }
    }

    /// What so much of the strong signals makes with the weak ones.
    fn weighed(&self, strong: u32, now: Timestamp) -> u16 {
        let weak: u32 = self.weak_signals(now).map(|(_, evidence)| u32::from(evidence.score())).sum();
        let score = strong.saturating_add(weak.min(strong / MAX_WEAK_SHARE));
        u16::try_from(score.min(MAX_TOTAL_SCORE)).unwrap_or(u16::MAX)
    }

    fn scores(&self, now: Timestamp) -> Scores {
        let (mut beyond_warning, mut complaints) = (0, 0);
        for (signal, evidence) in self.strong_signals() {
            let score = evidence.score();
            let is_few = signal == Signal::Unreachable && score < FEW_UNREACHABLE_SCORE;
            beyond_warning += u32::from(if is_few { score.min(FEW_UNREACHABLE_WEIGH) } else { score });
            let is_complaint = matches!(signal, Signal::Feedback | Signal::Category);
            complaints += if is_complaint { u32::from(score) } else { 0 };
        }
        Scores {
            all: self.score(now),
            beyond_warning: self.weighed(beyond_warning, now),
            complaints: self.weighed(complaints, now),
        }
    }

    fn strong_score(&self) -> u32 {
        self.strong_signals().map(|(_, evidence)| u32::from(evidence.score())).sum()
    }

    fn strong_signals(&self) -> impl Iterator<Item = (Signal, Evidence)> {
        let open = self.active.as_ref().map(|active| active.batches.evidence());
        let settled = self.active.is_none().then(|| Signal::STRONG.into_iter().zip(self.evidence));
        open.into_iter().flatten().chain(settled.into_iter().flatten())
    }

    fn new_this_hour(&mut self, now: Timestamp) -> u32 {
        self.go_on_hours(now);
        self.active.as_ref().map_or(0, |active| active.batches.new_this_hour())
    }

    fn go_on_hours(&mut self, now: Timestamp) {
        if let Some(active) = &mut self.active {
            let busiest = active.batches.go_on(now, &mut self.evidence);
            active.activity.note_hour(busiest);
            active.activity.go_on(now);
        }
    }

    fn note_evidence(&mut self, signal: Signal, is_bad: bool) {
        let place = Signal::STRONG.iter().position(|strong| *strong == signal);
        if let Some(evidence) = place.and_then(|place| self.evidence.get_mut(place)) {
            evidence.note(signal, is_bad);
        }
        if let Some(active) = &mut self.active {
            active.batches.note_settled(signal, is_bad);
        }
    }

    /// Each user counts once, however often they complain: as one who reports the category, or else.
    fn note_complaint(&mut self, user: u64, reached: Timestamp, reason: Option<Reason>) {
        let Some(active) = &mut self.active else { return };
        if active.complainers.insert(user) {
            return;
        }
        let counts = active.activity.today();
        counts.complaints = counts.complaints.saturating_add(1);
        self.has_complaints = true;
        let signal = if reason == Some(Reason::WrongCategory) { Signal::Category } else { Signal::Feedback };
        if !active.batches.note_complaint(signal, reached) {
            self.note_evidence(signal, true);
        }
        if let Some(active) = &mut self.active {
            active.batches.work_out(&self.evidence);
        }
    }

    /// Goes on to the day of `now`. The one that is over may have been a clean one.
    fn go_on(&mut self, now: Timestamp) -> Option<EnforcementEvent> {
        self.go_on_hours(now);
        let today = now.day();
        if today <= self.day {
            return None;
        }
        let is_clean = self.reached >= CLEAN_DAY_USERS && !self.has_complaints;
        let over = std::mem::replace(&mut self.day, today);
        (self.reached, self.has_complaints) = (0, false);
        let lowered = if is_clean { self.ladder.count_clean_day(over) } else { None };
        lowered.map(|lowered| self.enforce(lowered, now))
    }

    fn judge(&mut self, now: Timestamp) -> Option<EnforcementEvent> {
        let decided = self.ladder.decide(self.scores(now), now)?;
        Some(self.enforce(decided, now))
    }

    fn enforce(&mut self, what: Enforcement, now: Timestamp) -> EnforcementEvent {
        let event = EnforcementEvent::new(now, what, self.score(now), self.signals(now));
        self.ladder.apply(&event);
        event
    }

    /// What honest businesses show, too.
    fn weak_signals(&self, now: Timestamp) -> impl Iterator<Item = (Signal, Evidence)> {
        let (week, hour, busiest) = self.active.as_ref().map_or_else(Default::default, |active| {
            (active.activity.week(), active.batches.new_this_hour(), active.activity.busiest_hour())
        });
        let is_young = now.since(self.registered) < Duration::from_secs(86_400);
        let level = |holds: bool, score| if holds { score } else { 0 };
        let is_burst = hour >= MANY && hour >= busiest.saturating_mul(FASTER);
        let is_silent = week.new >= MANY && week.replies.saturating_mul(50) < week.new;
        let is_templates = week.sent >= MANY && (week.sent - week.templates).saturating_mul(20) < week.sent;
        [
            (Signal::Burst, Evidence::weak(level(is_burst, 2_000), hour, busiest)),
            (Signal::Registration, Evidence::weak(level(is_young && week.new >= MANY, 2_000), week.new, 0)),
            (Signal::Silence, Evidence::weak(level(is_silent, 2_000), week.new, week.replies)),
            (Signal::Templates, Evidence::weak(level(is_templates, 500), week.templates, week.sent)),
            (Signal::PairRate, Evidence::weak(week.pair_rate.saturating_mul(100), week.pair_rate, 0)),
        ]
        .into_iter()
    }
}

const fn bool_of(byte: u8) -> Option<bool> {
    match byte {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { evidence, ladder, rating, .. } = self;
        (f.debug_struct("Standing").field("evidence", evidence).field("ladder", ladder))
            .field("quality", &rating.quality)
            .finish_non_exhaustive()
    }
}
