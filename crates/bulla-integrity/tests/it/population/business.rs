//! What kinds of businesses do, and what users do about it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use bulla_base::Timestamp;
use bulla_integrity::{EnforcementEvent, Observation, Reason, Refused, Rung, Standing};

use super::dice::Dice;
use crate::test_carrier::NOON;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Thirty new users a day, in conversation.
    Shop,
    /// Twice a week to 2,500 subscribers.
    Newsletter,
    /// Four hundred notices a day, and five times as many at the end of each week.
    Bank,
    /// Its users' numbers stand close together.
    VillageClinic,
    /// It answers, and writes first seldom.
    Support,
    /// Everybody's number, all good.
    CleanList,
    /// A quarter of the numbers are nobody's.
    BoughtList,
    /// One number after the other.
    Enumerator,
    /// A shop for a month, and then it writes to everybody.
    TurnedShop,
    /// Ten a day.
    SlowDrip,
    /// It waits for so long whenever it is told to.
    Patient { wait_days: u64 },
    /// Promotions as notices, to its own customers.
    FalseCategory,
}

/// Of ten thousand users reached, how many react in which way.
struct Reactions {
    complain: u64,
    report_category: u64,
    reply: u64,
    unreachable: u64,
}

impl Kind {
    const fn reactions(self) -> Reactions {
        let (complain, report_category, reply, unreachable) = match self {
            Self::Shop => (30, 0, 3_000, 100),
            Self::Newsletter => (30, 0, 50, 100),
            Self::Bank => (5, 0, 100, 50),
            Self::VillageClinic => (10, 0, 2_000, 50),
            Self::Support => (20, 0, 6_000, 20),
            Self::CleanList | Self::TurnedShop | Self::SlowDrip => (2_000, 0, 50, 100),
            Self::Patient { .. } => (2_000, 0, 50, 100),
            Self::BoughtList => (1_200, 0, 50, 2_500),
            Self::Enumerator => (1_000, 0, 50, 6_000),
            Self::FalseCategory => (60, 150, 100, 50),
        };
        Reactions { complain, report_category, reply, unreachable }
    }
}

pub(crate) struct Outcome {
    pub(crate) events: Vec<EnforcementEvent>,
    /// How many new users it has reached of the list.
    pub(crate) reached: u32,
    pub(crate) standing: Standing,
}

pub(crate) struct Business {
    kind: Kind,
    dice: Dice,
    standing: Standing,
    now: u64,
    /// What users will do, and when.
    ahead: BinaryHeap<Reverse<(u64, u64, u8, u64)>>,
    events: Vec<EnforcementEvent>,
    users: u64,
}

impl Business {
    pub(crate) fn new(kind: Kind, seed: u64) -> Self {
        let (ahead, events, mut standing) = (BinaryHeap::new(), Vec::new(), Standing::new(NOON));
        if matches!(kind, Kind::Newsletter | Kind::Bank) {
            standing.verify();
        }
        Self { kind, dice: Dice::new(seed), standing, now: 0, ahead, events, users: 0 }
    }

    /// Its list is everybody. It goes on as fast as it is let, until it is stopped or through.
    pub(crate) fn write_to_everybody(mut self, list: u32) -> Outcome {
        if self.kind == Kind::TurnedShop {
            self.honest_days(Kind::Shop, 30);
        }
        let mut reached = 0;
        while reached < list && self.standing.ladder().rung() != Rung::Stopped {
            match self.standing.admit(true, self.time()) {
                Ok(()) => {
                    reached += u32::from(self.write(self.kind));
                    let pause = if self.kind == Kind::SlowDrip { DAY / 10 } else { 100 };
                    self.wait(pause);
                }
                Err(Refused::Pace { retry_after }) => self.wait(millis(retry_after)),
                Err(Refused::Restricted { until, .. }) => self.wait_out(until),
                Err(other) => panic!("{other}"),
            }
            // It survives a restart each day.
            if self.dice.below(50) == 0 {
                self.standing = Standing::from_bytes(&self.standing.to_bytes()).unwrap();
            }
        }
        // What users still say of it.
        self.wait(DAY);
        Outcome { events: self.events, reached, standing: self.standing }
    }

    pub(crate) fn live_honestly(mut self, weeks: u32) -> Outcome {
        self.honest_days(self.kind, u64::from(weeks) * 7);
        Outcome { events: self.events, reached: 0, standing: self.standing }
    }

    fn honest_days(&mut self, kind: Kind, days: u64) {
        for day in 0..days {
            let begin = (self.now / DAY + 1) * DAY;
            self.wait(begin - self.now);
            let today = match kind {
                Kind::Newsletter if day % 7 == 1 || day % 7 == 4 => 2_500,
                Kind::Newsletter => 5,
                Kind::Bank if day % 7 == 5 => 2_000,
                Kind::Bank => 400,
                Kind::VillageClinic => 40,
                Kind::Support => 15,
                _ => 30,
            };
            // A newsletter goes at once, the rest over ten hours.
            let pause = if today == 2_500 { 20 } else { 10 * HOUR / today };
            let mut left = today;
            while left > 0 && self.now < begin + DAY - HOUR {
                match self.standing.admit(true, self.time()) {
                    Ok(()) => {
                        let _ = self.write(kind);
                        left -= 1;
                        self.wait(pause);
                    }
                    Err(Refused::Pace { retry_after }) => self.wait(millis(retry_after)),
                    Err(_) => break,
                }
            }
        }
    }

    /// Writes to another user, who may do something about it. Returns whether there was one.
    fn write(&mut self, kind: Kind) -> bool {
        let Reactions { complain, report_category, reply, unreachable } = kind.reactions();
        self.users += 1;
        let user = self.users;
        let neighbourhood = match kind {
            Kind::Enumerator => user / 10,
            Kind::VillageClinic => self.dice.below(1_000),
            _ => self.dice.below(1 << 40),
        };
        if self.dice.is_one_of_10k(unreachable) {
            self.note(Observation::Unreachable);
            return false;
        }
        self.note(Observation::Sent { to_new_user: true, is_template: kind != Kind::Support, neighbourhood });
        self.note(Observation::Delivered);
        let what = match self.dice.below(10_000) {
            chance if chance < complain => 1,
            chance if chance < complain + report_category => 2,
            chance if chance < complain + report_category + reply => 3,
            _ => return true,
        };
        let at = self.now + self.dice.delay();
        self.ahead.push(Reverse((at, user, what, self.now)));
        true
    }

    fn wait_out(&mut self, until: Option<Timestamp>) {
        let until = until.map_or(0, |until| until.as_millis() - NOON.as_millis());
        let extra = if let Kind::Patient { wait_days } = self.kind { wait_days * DAY } else { 0 };
        let span = until.saturating_sub(self.now) + extra;
        self.wait(span.max(MINUTE));
    }

    /// Lets time pass, in which users do what they have decided to.
    fn wait(&mut self, span: u64) {
        let end = self.now + span;
        while let Some(Reverse((at, user, what, reached))) =
            self.ahead.peek().copied().filter(|next| next.0.0 <= end)
        {
            let reached = NOON.after(Duration::from_millis(reached));
            self.ahead.pop();
            self.now = at.max(self.now);
            self.note(match what {
                1 => Observation::Blocked { user, reached },
                2 => Observation::Reported { user, reached, reason: Reason::WrongCategory },
                _ => Observation::Replied,
            });
        }
        let is_another_hour = end / HOUR > self.now / HOUR;
        self.now = end;
        if is_another_hour {
            let event = self.standing.sweep(self.time());
            self.events.extend(event);
            let _ = self.standing.rate(self.time());
        }
    }

    fn note(&mut self, seen: Observation) {
        let now = self.time();
        self.events.extend(self.standing.note(seen, now));
    }

    fn time(&self) -> Timestamp {
        NOON.after(Duration::from_millis(self.now))
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap()
}
