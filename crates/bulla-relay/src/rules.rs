//! Rules on what a business may send, as data: which are on, with which numbers, and what becomes of a
//! message that breaks one.
//!
//! The machines below are pure: a state and the time in, a decision and a state out. They know no store, no
//! clock and no relay. Where their states are kept, and when they are asked, is told in
//! `relay/rule_check.rs`.

mod messaging_limit;
mod pair_rate;
mod service_window;
mod throughput;

use std::fmt;

use bulla_base::Category;
use bulla_content::Text;
use thiserror::Error;

pub use self::messaging_limit::{LIMIT_PERIOD, MessagingLimit};
pub(crate) use self::messaging_limit::{Recipients, Reservation};
pub use self::pair_rate::PairRate;
pub use self::service_window::{SERVICE_WINDOW, ServiceWindow};
pub use self::throughput::Throughput;
pub(crate) use self::throughput::ThroughputLog;

/// Which rules hold for what a business sends. Each is on or off by itself, and says what becomes of a
/// message that breaks it.
///
/// They are asked in this order, and the first that is broken decides: the service window, the pair rate, the
/// messaging limit, the throughput. An answer repeated under its idempotency key breaks none. Receipts are
/// not asked about.
///
/// # Examples
/// ```
/// use bulla_relay::{MessagingLimit, OnBreach, PairRate, Rules, Throughput};
///
/// let rules = Rules::none()
///     .service_window(OnBreach::Fail)
///     .pair_rate(PairRate::CLOUD_API, OnBreach::Defer)
///     .throughput(Throughput::PER_SECOND_80, OnBreach::Defer)
///     .messaging_limit(MessagingLimit::USERS_250, OnBreach::Refuse);
/// assert_ne!(rules, Rules::none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    pub(crate) service_window: Option<OnBreach>,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) pair_rate: Option<(PairRate, OnBreach)>,
    pub(crate) messaging_limit: Option<(MessagingLimit, OnBreach)>,
    pub(crate) throughput: Option<(Throughput, OnBreach)>,
}

/// What becomes of a message that breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnBreach {
    /// It is refused at once, with the time after which it would be accepted, if that is known.
    Refuse,
    /// It is accepted, fails, and the business is told why in its status.
    Fail,
    /// It is accepted and waits, durably and unsealed, until the rule allows it, before whatever is accepted
    /// for the same user after it. Its time to live goes on meanwhile.
    Defer,
}

/// A rule that a message can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// [`Rules::service_window`].
    ServiceWindow,
    /// [`Rules::pair_rate`].
    PairRate,
    /// [`Rules::messaging_limit`].
    MessagingLimit,
    /// [`Rules::throughput`].
    Throughput,
}

/// What is sent in place of a service message when the user's window is closed.
#[derive(Clone, PartialEq, Eq)]
pub struct Fallback {
    text: Text,
    category: Category,
}

/// A rule that could never be followed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidRule {
    /// The number is nothing, or beyond what is kept.
    #[error("{field} is {actual}; it must be from {least} to {most}")]
    Number {
        /// Which.
        field: &'static str,
        /// The number given.
        actual: u128,
        /// The least there can be.
        least: u128,
        /// The most there can be.
        most: u128,
    },
    /// It would break the very rule it is there for.
    #[error("fallback: a service message does not go when the window is closed; take another category")]
    Fallback,
}

impl Rules {
    /// No rule: what a host that says nothing gets.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            service_window: None,
            fallback: None,
            pair_rate: None,
            messaging_limit: None,
            throughput: None,
        }
    }

    /// A message of the category [`Service`](Category::Service) goes to a user only within [`SERVICE_WINDOW`]
    /// of what the user sent last; the other categories, which are what the Cloud API calls templates, go at
    /// any time. The API's code for it is 131047.
    ///
    /// The window opens when the relay opens the user's message, for this number alone. It is kept from when
    /// this rule or [`messaging_limit`](Self::messaging_limit) is on: before that every window is closed.
    ///
    /// # Cost
    /// None: the moment stands in a row that is read and written in any case.
    #[must_use]
    pub const fn service_window(mut self, on_breach: OnBreach) -> Self {
        self.service_window = Some(on_breach);
        self
    }

    /// Sends `fallback` in place of a service message when the window is closed: the user is asked back, and
    /// what was to be said is not. Without [`service_window`](Self::service_window) it does nothing; with it,
    /// no service message breaks that rule. It is counted in its own category, and the statuses of the
    /// message name that.
    #[must_use]
    pub fn fallback(mut self, fallback: Fallback) -> Self {
        self.fallback = Some(fallback);
        self
    }

    /// How fast a business may write to one user. The API's code for it is 131056.
    ///
    /// # Cost
    /// None: the state stands in a row that is read and written in any case.
    #[must_use]
    pub const fn pair_rate(mut self, rate: PairRate, on_breach: OnBreach) -> Self {
        self.pair_rate = Some((rate, on_breach));
        self
    }

    /// How many users a business may write to outside their windows in a moving 24 hours. The API's code for
    /// it is 131048.
    ///
    /// # Cost
    /// Another commit for each message outside a window. The first after a start reads every user that
    /// counts; from then on they are in memory, about 100 bytes each.
    #[must_use]
    pub const fn messaging_limit(mut self, limit: MessagingLimit, on_breach: OnBreach) -> Self {
        self.messaging_limit = Some((limit, on_breach));
        self
    }

    /// How many messages a business may send in a second, to all users together. The API's code for it is
    /// 130429.
    ///
    /// # Cost
    /// Nothing is stored. After a start it is taken for granted that as many as may be were sent just before:
    /// nothing goes in the first second, and a restart is no way around the rule.
    #[must_use]
    pub const fn throughput(mut self, throughput: Throughput, on_breach: OnBreach) -> Self {
        self.throughput = Some((throughput, on_breach));
        self
    }

    /// Whether it is to be kept when users have written last.
    pub(crate) const fn keep_windows(&self) -> bool {
        self.service_window.is_some() || self.messaging_limit.is_some()
    }

    /// What becomes of a message that breaks `rule`.
    pub(crate) fn on_breach(&self, rule: Rule) -> OnBreach {
        let on_breach = match rule {
            Rule::ServiceWindow => self.service_window,
            Rule::PairRate => self.pair_rate.map(|(_, on_breach)| on_breach),
            Rule::MessagingLimit => self.messaging_limit.map(|(_, on_breach)| on_breach),
            Rule::Throughput => self.throughput.map(|(_, on_breach)| on_breach),
        };
        on_breach.unwrap_or(OnBreach::Refuse)
    }
}

impl Rule {
    /// A name for counters.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ServiceWindow => "service window",
            Self::PairRate => "pair rate",
            Self::MessagingLimit => "messaging limit",
            Self::Throughput => "throughput",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Fallback {
    /// Sends `text`, as a message of `category`.
    ///
    /// # Errors
    /// When the category is [`Service`](Category::Service), which does not go when the window is closed.
    pub fn text(text: Text, category: Category) -> Result<Self, InvalidRule> {
        if category == Category::Service { Err(InvalidRule::Fallback) } else { Ok(Self { text, category }) }
    }

    pub(crate) const fn body(&self) -> &Text {
        &self.text
    }

    pub(crate) const fn category(&self) -> Category {
        self.category
    }
}

impl fmt::Debug for Fallback {
    /// What it says is the business's: it prints its length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, category } = self;
        write!(f, "Fallback({category:?}, {} bytes)", text.body().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fallback_is_no_service_message_and_does_not_print() {
        let text = || Text::new("please write to us").unwrap();
        assert_eq!(Fallback::text(text(), Category::Service), Err(InvalidRule::Fallback));
        let fallback = Fallback::text(text(), Category::Utility).unwrap();
        assert_eq!(format!("{fallback:?}"), "Fallback(Utility, 18 bytes)");
    }
}
