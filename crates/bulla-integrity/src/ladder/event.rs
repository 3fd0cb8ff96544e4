use std::fmt;

use bulla_base::Timestamp;

use super::Rung;
use crate::byte_reader::ByteReader;
use crate::{Evidence, InvalidForm, Signal};

const FORM: u8 = 1;

/// What was done about a business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Enforcement {
    /// It was warned.
    Warned,
    /// It writes to nobody who has not written first.
    Limited {
        /// Until when.
        until: Timestamp,
    },
    /// Nothing goes in either direction.
    Paused {
        /// Until when.
        until: Timestamp,
    },
    /// Nothing goes until an appeal is granted.
    Stopped,
    /// It has kept to the rules for long enough.
    Lowered {
        /// Where it stands now.
        to: Rung,
    },
    /// The business says that it was a mistake.
    Appealed,
    /// The operator says that it was none.
    AppealDenied,
    /// The operator says that it was one.
    AppealGranted,
}

impl Enforcement {
    /// A name for counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warned => "warned",
            Self::Limited { .. } => "limited",
            Self::Paused { .. } => "paused",
            Self::Stopped => "stopped",
            Self::Lowered { .. } => "lowered",
            Self::Appealed => "appealed",
            Self::AppealDenied => "appeal denied",
            Self::AppealGranted => "appeal granted",
        }
    }

    /// The code under which it is stored, and what stands behind it.
    const fn codes(self) -> (u8, u64) {
        match self {
            Self::Warned => (1, 0),
            Self::Limited { until } => (2, until.as_millis()),
            Self::Paused { until } => (3, until.as_millis()),
            Self::Stopped => (4, 0),
            Self::Lowered { to } => (5, to.code() as u64),
            Self::Appealed => (6, 0),
            Self::AppealDenied => (7, 0),
            Self::AppealGranted => (8, 0),
        }
    }

    fn from_codes(code: u8, number: u64) -> Option<Self> {
        let until = Timestamp::from_millis(number);
        match (code, number) {
            (1, 0) => Some(Self::Warned),
            (2, _) => Some(Self::Limited { until }),
            (3, _) => Some(Self::Paused { until }),
            (4, 0) => Some(Self::Stopped),
            (5, _) => Some(Self::Lowered { to: Rung::from_code(u8::try_from(number).ok()?)? }),
            (6, 0) => Some(Self::Appealed),
            (7, 0) => Some(Self::AppealDenied),
            (8, 0) => Some(Self::AppealGranted),
            _ => None,
        }
    }
}

/// What was done, when, and why: the signals that led to it, each with its numbers.
#[derive(Clone, PartialEq, Eq)]
pub struct EnforcementEvent {
    at: Timestamp,
    what: Enforcement,
    score: u16,
    signals: Vec<(Signal, Evidence)>,
}

impl EnforcementEvent {
    pub(crate) const fn new(
        at: Timestamp,
        what: Enforcement,
        score: u16,
        signals: Vec<(Signal, Evidence)>,
    ) -> Self {
        Self { at, what, score, signals }
    }

    /// Reads what [`EnforcementEvent::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are of another form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let field = |expected| InvalidForm::Field { field: "enforcement", expected };
        let mut reader = ByteReader::new(bytes, "enforcement");
        reader.form(FORM)?;
        let at = Timestamp::from_millis(reader.u64()?);
        let what = Enforcement::from_codes(reader.u8()?, reader.u64()?).ok_or(field("what was done"))?;
        let (score, count) = (reader.u16()?, reader.u8()?);
        let mut signals: Vec<(Signal, Evidence)> = Vec::new();
        for _ in 0..count {
            let signal = Signal::from_code(reader.u8()?).ok_or(field("a signal"))?;
            if signals.last().is_some_and(|(last, _)| *last >= signal) {
                return Err(field("each signal once, in order"));
            }
            signals.push((signal, Evidence::new(reader.u16()?, reader.u32()?, reader.u32()?)));
        }
        reader.end()?;
        Ok(Self { at, what, score, signals })
    }

    /// What is to be stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { at, what, score, signals } = self;
        let (code, number) = what.codes();
        let mut bytes = vec![FORM];
        bytes.extend_from_slice(&at.as_millis().to_be_bytes());
        bytes.push(code);
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(&score.to_be_bytes());
        // There are nine signals.
        bytes.push(u8::try_from(signals.len()).unwrap_or(u8::MAX));
        for (signal, evidence) in signals {
            bytes.push(signal.code());
            bytes.extend_from_slice(&evidence.score().to_be_bytes());
            bytes.extend_from_slice(&evidence.bad().to_be_bytes());
            bytes.extend_from_slice(&evidence.seen().to_be_bytes());
        }
        bytes
    }

    /// When.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// What.
    #[must_use]
    pub const fn what(&self) -> Enforcement {
        self.what
    }

    /// All that speaks against the business together, in thousandths.
    #[must_use]
    pub const fn score(&self) -> u16 {
        self.score
    }

    /// The signals that said something, in their order.
    #[must_use]
    pub fn signals(&self) -> &[(Signal, Evidence)] {
        &self.signals
    }

    /// The signals in a line for people, as in `unreachable 5 of 6 (10075), registration 52 (2000)`: how
    /// often each was seen, of the strong ones of how many that could have shown it, and what it weighs.
    #[must_use]
    pub fn reasons(&self) -> String {
        let told = self.signals.iter().map(|(signal, evidence)| {
            let (name, bad, score) = (signal.name(), evidence.bad(), evidence.score());
            match Signal::STRONG.contains(signal) {
                true => format!("{name} {bad} of {} ({score})", bad.saturating_add(evidence.seen())),
                false => format!("{name} {bad} ({score})"),
            }
        });
        told.collect::<Vec<_>>().join(", ")
    }

    /// What the Graph API's `account_update` calls it, as programs that read it have it: its own pages do not
    /// list all of these names, and neither those below.
    #[must_use]
    pub const fn api_event(&self) -> &'static str {
        match self.what {
            Enforcement::Warned => "ACCOUNT_VIOLATION",
            Enforcement::Stopped => "DISABLED_UPDATE",
            Enforcement::AppealGranted | Enforcement::Lowered { .. } => "REINSTATE",
            _ => "ACCOUNT_RESTRICTION",
        }
    }

    /// The restrictions that `account_update` lists, and when they end.
    #[must_use]
    pub fn api_restrictions(&self) -> Vec<(&'static str, Timestamp)> {
        match self.what {
            Enforcement::Limited { until } => vec![
                ("RESTRICTED_ADD_PHONE_NUMBER_ACTION", until),
                ("RESTRICTED_BIZ_INITIATED_MESSAGING", until),
            ],
            Enforcement::Paused { until } => vec![
                ("RESTRICTED_ADD_PHONE_NUMBER_ACTION", until),
                ("RESTRICTED_BIZ_INITIATED_MESSAGING", until),
                ("RESTRICTED_CUSTOMER_INITIATED_MESSAGING", until),
            ],
            _ => Vec::new(),
        }
    }

    /// What `account_update` calls the violation: that of the signal that says most.
    #[must_use]
    pub fn api_violation(&self) -> Option<&'static str> {
        let (signal, _) = self.signals.iter().max_by_key(|(_, evidence)| evidence.score())?;
        Some(match signal {
            Signal::Category => "TEMPLATE_CATEGORY_MISUSE",
            Signal::Neighbours | Signal::Unreachable => "SCRAPING",
            _ => "SPAM",
        })
    }
}

impl fmt::Debug for EnforcementEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, what, score, signals } = self;
        (f.debug_struct("EnforcementEvent").field("at", at).field("what", what).field("score", score))
            .field("signals", signals)
            .finish()
    }
}
