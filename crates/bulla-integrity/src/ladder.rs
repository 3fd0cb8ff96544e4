//! What is done about a business, step by step. It is the sum of its events and of nothing else.

mod event;

use std::time::Duration;

use bulla_base::{Day, Timestamp};

use crate::InvalidForm;
use crate::byte_reader::ByteReader;
use crate::limits::{
    APPEAL_SPAN, BETWEEN_RUNGS, CLEAN_DAYS_A_STEP, FRESH_EVIDENCE, LIMIT_SPANS, PAUSE_SPANS, THRESHOLDS,
};

pub use self::event::{Enforcement, EnforcementEvent};

/// How far up somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Rung {
    /// Nothing was done.
    #[default]
    Clear,
    /// The business was warned.
    Warned,
    /// For some days it writes to nobody who has not written first.
    Limited,
    /// For some days nothing goes in either direction.
    Paused,
    /// Nothing goes until an appeal is granted.
    Stopped,
}

impl Rung {
    /// All of them, from the lowest.
    pub const ALL: [Self; 5] = [Self::Clear, Self::Warned, Self::Limited, Self::Paused, Self::Stopped];

    /// The rung with this code, if there is one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|rung| rung.code() == code)
    }

    /// The code under which it is stored.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Clear => 0,
            Self::Warned => 1,
            Self::Limited => 2,
            Self::Paused => 3,
            Self::Stopped => 4,
        }
    }

    /// A name for counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Warned => "warned",
            Self::Limited => "limited",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }

    /// The one that evidence of `score` thousandths reaches.
    fn reached_by(score: u16) -> Self {
        let reached = Self::ALL.into_iter().zip(THRESHOLDS).rev().find(|(_, threshold)| score >= *threshold);
        reached.map_or(Self::Clear, |(rung, _)| rung)
    }

    fn above(self) -> Self {
        Self::ALL.into_iter().find(|rung| *rung > self).unwrap_or(self)
    }

    fn below(self) -> Self {
        Self::ALL.into_iter().rev().find(|rung| *rung < self).unwrap_or(self)
    }
}

/// What speaks against a business, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scores {
    /// All of it: what warns.
    pub(crate) all: u16,
    /// Numbers that nobody has aside while they are few: what leads further up.
    pub(crate) beyond_warning: u16,
    /// What users say of it, and nothing else.
    pub(crate) complaints: u16,
}

/// Where a business stands on the ladder.
///
/// * It goes up towards the rung that the evidence reaches: by one an hour, so that a warning can be heeded,
///   and at once and several at a time if users who complain are enough for it.
/// * Numbers that nobody has lead to a warning and no further while they are few.
/// * When a restriction has ended, a little fresh evidence leads to the next rung. The evidence before is
///   still there: it does not go away by waiting, and neither does the rung.
/// * It goes down by one rung for [`CLEAN_DAYS_A_STEP`](crate::CLEAN_DAYS_A_STEP) days on each of which it
///   wrote to new users, and nobody minded. Days on which it is silent do not count. From the last there is
///   no way down but an appeal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ladder {
    rung: Rung,
    /// When what the rung brings ends.
    until: Option<Timestamp>,
    /// How often it went up, ever.
    strikes: u8,
    /// The score at which it went up last, in thousandths.
    score: u16,
    clean_days: u8,
    /// The last day that was counted.
    counted: Day,
    /// When it went up last, and whether that was appealed against.
    since: Timestamp,
    is_appealed: bool,
}

impl Ladder {
    /// How many bytes it takes when it is stored.
    pub const BYTES: usize = 27;

    pub(crate) fn read(reader: &mut ByteReader<'_>) -> Result<Self, InvalidForm> {
        let field = |expected| InvalidForm::Field { field: "ladder", expected };
        let rung = Rung::from_code(reader.u8()?).ok_or(field("a rung"))?;
        let until = Some(reader.u64()?).filter(|until| *until > 0).map(Timestamp::from_millis);
        let (strikes, score, clean_days) = (reader.u8()?, reader.u16()?, reader.u8()?);
        let (counted, since) = (Day::from_number(reader.u32()?), Timestamp::from_millis(reader.u64()?));
        let is_appealed = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(field("whether it was appealed against")),
        };
        match clean_days {
            0..CLEAN_DAYS_A_STEP => {
                Ok(Self { rung, until, strikes, score, clean_days, counted, since, is_appealed })
            }
            _ => Err(field("fewer clean days than lead down")),
        }
    }

    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        let Self { rung, until, strikes, score, clean_days, counted, since, is_appealed } = self;
        bytes.push(rung.code());
        bytes.extend_from_slice(&until.map_or(0, Timestamp::as_millis).to_be_bytes());
        bytes.push(*strikes);
        bytes.extend_from_slice(&score.to_be_bytes());
        bytes.push(*clean_days);
        bytes.extend_from_slice(&counted.number().to_be_bytes());
        bytes.extend_from_slice(&since.as_millis().to_be_bytes());
        bytes.push(u8::from(*is_appealed));
    }

    /// The rung.
    #[must_use]
    pub const fn rung(&self) -> Rung {
        self.rung
    }

    /// When what the rung brings ends, if it does.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// What holds `now`: the rung, or a warning once its time is over.
    #[must_use]
    pub fn restriction(&self, now: Timestamp) -> Rung {
        match self.until.is_some_and(|until| now >= until) {
            true => self.rung.min(Rung::Warned),
            false => self.rung,
        }
    }

    /// What is to be done about evidence of these scores, if anything: the rung, and until when.
    pub(crate) fn decide(&self, scores: Scores, now: Timestamp) -> Option<Enforcement> {
        let is_fresh = scores.beyond_warning >= self.score.saturating_add(FRESH_EVIDENCE);
        let is_over = self.rung == Rung::Warned || self.until.is_some_and(|until| now >= until);
        let leads_up = match self.rung {
            Rung::Clear => Rung::reached_by(scores.all) > Rung::Clear,
            _ if now.since(self.since) < BETWEEN_RUNGS => false,
            _ => Rung::reached_by(scores.beyond_warning) > self.rung || is_over && is_fresh,
        };
        let next = if leads_up { self.rung.above() } else { self.rung };
        let rung = Rung::reached_by(scores.complaints).max(next);
        if rung <= self.rung {
            return None;
        }
        // Fewer steps before than a business takes that comes this far for the first time.
        let span = |[first, again]: [Duration; 2], steps| {
            now.after(if self.strikes <= steps { first } else { again })
        };
        Some(match rung {
            Rung::Limited => Enforcement::Limited { until: span(LIMIT_SPANS, 1) },
            Rung::Paused => Enforcement::Paused { until: span(PAUSE_SPANS, 2) },
            Rung::Stopped => Enforcement::Stopped,
            _ => Enforcement::Warned,
        })
    }

    /// A day is over on which the business wrote to new users and nobody minded. Returns what comes of it.
    pub(crate) fn count_clean_day(&mut self, today: Day) -> Option<Enforcement> {
        if today <= self.counted || matches!(self.rung, Rung::Clear | Rung::Stopped) {
            return None;
        }
        self.counted = today;
        self.clean_days += 1;
        (self.clean_days >= CLEAN_DAYS_A_STEP).then(|| Enforcement::Lowered { to: self.rung.below() })
    }

    /// Whether the business may appeal `now`: once against each step up, within
    /// [`APPEAL_SPAN`](crate::APPEAL_SPAN).
    #[must_use]
    pub fn may_appeal(&self, now: Timestamp) -> bool {
        self.rung > Rung::Clear && !self.is_appealed && now.since(self.since) < APPEAL_SPAN
    }

    /// Whether an appeal waits to be decided on, or was denied.
    #[must_use]
    pub const fn is_appealed(&self) -> bool {
        self.is_appealed
    }

    /// Takes an event in: the ladder is the sum of them.
    pub fn apply(&mut self, event: &EnforcementEvent) {
        let at = event.at();
        let up = |ladder: &mut Self, rung, until| {
            (ladder.rung, ladder.until, ladder.since) = (rung, until, at);
            (ladder.strikes, ladder.score) = (ladder.strikes.saturating_add(1), event.score());
            (ladder.clean_days, ladder.is_appealed) = (0, false);
        };
        match event.what() {
            Enforcement::Warned => up(self, Rung::Warned, None),
            Enforcement::Limited { until } => up(self, Rung::Limited, Some(until)),
            Enforcement::Paused { until } => up(self, Rung::Paused, Some(until)),
            Enforcement::Stopped => up(self, Rung::Stopped, None),
            Enforcement::Lowered { to } => {
                (self.rung, self.clean_days, self.score) = (to, 0, event.score());
                self.until = self.until.filter(|_| to > Rung::Warned);
            }
            Enforcement::Appealed => self.is_appealed = true,
            Enforcement::AppealDenied => {}
            // It was a mistake: as if it had never been.
            Enforcement::AppealGranted => *self = Self { counted: self.counted, ..Self::default() },
        }
    }
}
