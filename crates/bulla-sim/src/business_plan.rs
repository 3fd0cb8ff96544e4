//! What the business of a run is held to, and what it cannot bear. Drawn apart, so that all else of a seed is
//! as it was for a business without.

use std::num::NonZeroU32;
use std::time::Duration;

use bulla::relay::{MessagingLimit, OnBreach, PairRate, Rules, Settings, Throughput};
use bulla_base::{Rng, SeededRng};

use crate::random::{below, happens, one_of};

/// The business of a run; by default one that sends what it likes and bears what it hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BusinessPlan {
    /// The rule that holds for what it sends.
    pub(crate) rule: Option<BusinessRule>,
    /// The event that it cannot bear. Without one, events are tried for as long as they live.
    pub(crate) unbearable: Option<Unbearable>,
}

/// A rule on what the business sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BusinessRule {
    pub(crate) kind: RuleKind,
    pub(crate) on_breach: OnBreach,
    /// How long each message lives, if not for as long as any.
    pub(crate) lives: Option<Duration>,
    /// For how long no user writes at first: until then the windows are closed.
    pub(crate) silence: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleKind {
    /// The service window; and whether something else goes when it is closed.
    Window { has_fallback: bool },
    /// One message in so long to each user, and so many at once.
    PairRate { every: Duration, ahead: u32 },
    /// So many users in a day outside their windows.
    Users(u32),
    /// So many messages a second.
    Throughput(u32),
}

/// An event that the business refuses whenever it is offered, until it is mended, if ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unbearable {
    /// After how many tries the relay sets an event aside.
    pub(crate) tries: u32,
    /// The user it is about.
    pub(crate) user: usize,
    /// Which message of the user, or to the user.
    pub(crate) number: usize,
    /// What is told of it, as [`kind`](crate::business::kind) has it.
    pub(crate) kind: u8,
    /// Whether it is discarded in the end, and not replayed to a business that was mended.
    pub(crate) is_discarded: bool,
}

impl BusinessPlan {
    /// That of `seed`, of which every other has a rule, and every fourth an event that the business cannot
    /// bear, among those of so many users and messages.
    pub(crate) fn of(seed: u64, span: Duration, users: usize, messages: usize) -> Self {
        let rng = SeededRng::new(seed ^ 0x7275_6c65);
        let rule = happens(&rng, 50).then(|| draw_rule(&rng, span));
        let rng = SeededRng::new(seed ^ 0x6c65_7474_6572);
        let unbearable = happens(&rng, 25).then(|| draw_unbearable(&rng, users, messages));
        Self { rule, unbearable }
    }

    /// The same with less of it.
    pub(crate) fn smaller(self) -> Vec<Self> {
        let mut smaller = Vec::new();
        if self.rule.is_some() {
            smaller.push(Self { rule: None, ..self });
        }
        if self.unbearable.is_some() {
            smaller.push(Self { unbearable: None, ..self });
        }
        if let Some(rule) = self.rule.filter(|rule| rule.lives.is_some()) {
            smaller.push(Self { rule: Some(BusinessRule { lives: None, ..rule }), ..self });
        }
        smaller
    }

    /// The settings with what it is held to, and how often what it does not take is tried.
    pub(crate) fn settings(self, settings: Settings) -> Settings {
        let settings = settings.rules(self.rule.map_or_else(Rules::none, BusinessRule::rules));
        match self.unbearable.and_then(|unbearable| NonZeroU32::new(unbearable.tries)) {
            Some(tries) => settings.event_tries(tries),
            None => settings,
        }
    }

    /// Whether users have to write before the business may go on.
    pub(crate) fn has_windows(self) -> bool {
        let kind = self.rule.map(|rule| rule.kind);
        matches!(kind, Some(RuleKind::Window { .. } | RuleKind::Users(_)))
    }
}

impl BusinessRule {
    fn rules(self) -> Rules {
        let Self { kind, on_breach, .. } = self;
        match kind {
            RuleKind::Window { .. } => Rules::none().service_window(on_breach),
            RuleKind::PairRate { every, ahead } => {
                Rules::none().pair_rate(PairRate::new(every, ahead).unwrap(), on_breach)
            }
            RuleKind::Users(users) => {
                Rules::none().messaging_limit(MessagingLimit::users(users).unwrap(), on_breach)
            }
            RuleKind::Throughput(per_second) => {
                Rules::none().throughput(Throughput::per_second(per_second).unwrap(), on_breach)
            }
        }
    }

    /// How long the business waits at most before it sends the next message, if this rule is about that.
    pub(crate) const fn hurry_ms(self) -> Option<u64> {
        match self.kind {
            RuleKind::PairRate { .. } => Some(1_500),
            RuleKind::Throughput(_) => Some(800),
            RuleKind::Window { .. } | RuleKind::Users(_) => None,
        }
    }
}

fn draw_rule(rng: &dyn Rng, span: Duration) -> BusinessRule {
    let every = Duration::from_millis(one_of(rng, &[1_000, 2_000, 4_000, 8_000]));
    let kind = match below(rng, 8) {
        0 | 1 => RuleKind::Window { has_fallback: happens(rng, 35) },
        2 | 3 => RuleKind::PairRate { every, ahead: one_of(rng, &[1, 2, 4]) },
        4 | 5 => RuleKind::Users(one_of(rng, &[1, 1, 2])),
        _ => RuleKind::Throughput(one_of(rng, &[1, 1, 2])),
    };
    let on_breach = one_of(rng, &[OnBreach::Refuse, OnBreach::Fail, OnBreach::Defer, OnBreach::Defer]);
    let is_short = on_breach == OnBreach::Defer && happens(rng, 30);
    let lives = is_short.then(|| Duration::from_secs(10 + below(rng, 50)));
    let silence = Duration::from_millis(below(rng, span.as_secs() * 1_000));
    BusinessRule { kind, on_breach, lives, silence }
}

fn draw_unbearable(rng: &dyn Rng, users: usize, messages: usize) -> Unbearable {
    let less_than = |bound: usize| usize::try_from(below(rng, bound as u64)).unwrap();
    Unbearable {
        tries: one_of(rng, &[2, 3, 4]),
        user: less_than(users),
        number: less_than(messages),
        kind: one_of(rng, &[0, 0, 0, 1, 2, 3]),
        is_discarded: happens(rng, 50),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn plans() -> impl Iterator<Item = BusinessPlan> {
        (0..1_000).map(|seed| BusinessPlan::of(seed, Duration::from_secs(60), 3, 12))
    }

    #[test]
    fn half_of_all_seeds_have_a_rule_and_a_quarter_an_event_that_is_refused() {
        let rules: Vec<_> = plans().filter_map(|plan| plan.rule).collect();
        assert!((450..550).contains(&rules.len()), "{}", rules.len());
        let unbearable: Vec<_> = plans().filter_map(|plan| plan.unbearable).collect();
        assert!((200..300).contains(&unbearable.len()), "{}", unbearable.len());
        assert!(unbearable.iter().all(|which| which.user < 3 && which.number < 12 && which.kind < 4));
        let drawn = |rule: &BusinessRule| (std::mem::discriminant(&rule.kind), rule.on_breach);
        assert_eq!(rules.iter().map(drawn).collect::<HashSet<_>>().len(), 4 * 3, "each rule in each way");
        // No rule is such that it could not be followed.
        plans().for_each(|plan| drop(plan.settings(Settings::default())));
    }

    #[test]
    fn less_and_less_of_it_comes_to_a_plain_business() {
        for mut plan in plans() {
            for _ in 0..3 {
                plan = plan.smaller().into_iter().next_back().unwrap_or(plan);
            }
            assert_eq!(plan, BusinessPlan::default());
        }
    }
}
