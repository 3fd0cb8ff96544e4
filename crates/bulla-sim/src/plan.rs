//! The plan of a run: all that is drawn from its seed.

use std::fmt;
use std::time::Duration;

use bulla_base::{Address, DeviceId, Number, Party, Rng, SeededRng};

use crate::business_plan::BusinessPlan;
use crate::machine::MachineName;
use crate::phone_numbers;
use crate::protection_plan::ProtectionPlan;
use crate::random::{below, happens, one_of};

/// What a run consists of: drawn from its seed, and nothing else is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// What everything is drawn from.
    pub seed: u64,
    /// How many users there are.
    pub users: usize,
    /// How many messages there are, each way with each user.
    pub messages: usize,
    /// How the network, the sink and the disks are.
    pub rates: FaultRates,
    /// How long the faults go on.
    pub span: Duration,
    /// The devices that users have from the beginning besides their first: whose, and which.
    pub others: Vec<(usize, u8)>,
    /// Whether there are two relays, of which one stands by.
    pub failover: bool,
    /// Whether the carrier keeps a log of keys, which relay and devices look at.
    pub(crate) key_log: bool,
    /// Whether the carrier adds a device to those of every user.
    pub(crate) ghost: bool,
    /// Whether users are in different countries.
    pub(crate) abroad: bool,
    /// What the business is held to, and what it cannot bear.
    pub(crate) business: BusinessPlan,
    /// How the carrier protects users, if it does.
    pub(crate) protection: Option<ProtectionPlan>,
    /// What is done, and when.
    pub(crate) faults: Vec<(Duration, Fault)>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, users, messages, rates, span, others, failover, .. } = self;
        let Self { key_log, ghost, abroad, business, protection, faults, .. } = self;
        writeln!(f, "seed {seed}: {users} users, {messages} messages each way, {span:?} of {rates:?}")?;
        writeln!(f, "  other devices: {others:?}, a device that the carrier adds: {ghost}")?;
        writeln!(f, "  two relays: {failover}, a log of keys: {key_log}, abroad: {abroad}")?;
        writeln!(f, "  {business:?}, {protection:?}")?;
        faults.iter().try_for_each(|(at, fault)| writeln!(f, "  after {at:?}: {fault}"))
    }
}

/// What may happen to any call. In percent, but for times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is told by its name")]
pub struct FaultRates {
    pub lost: u64,
    pub doubled: u64,
    pub shuffled: u64,
    pub delay_ms: u64,
    pub refused: u64,
    /// Whether a call that connects may be doubled as well. No seed does so: one that comes after an erasure
    /// at the carrier makes the number known again, its device does not notice, and may wait for places of a
    /// queue that has begun anew.
    pub late_connects: bool,
}

impl FaultRates {
    pub(crate) const NONE: Self =
        Self { lost: 0, doubled: 0, shuffled: 0, delay_ms: 20, refused: 0, late_connects: false };
}

/// Something that is done to the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A machine loses power; its programs start again after a while.
    Crash(MachineName, Duration),
    /// A machine is cut off from the carrier.
    CutOff(MachineName, Duration),
    /// The business's server answers nothing but errors.
    SinkDown(Duration),
    /// A disk takes nothing more.
    Full(MachineName, Duration),
    /// A disk fails at the next write.
    Failing(MachineName),
    /// A clock is wrong by so many minutes.
    Jump(MachineName, i64, Duration),
    /// Another relay is started on the store of the first, which is stopped after a while.
    HandOver(Duration),
    /// The relay that acts dies, and the other takes over.
    Takeover,
    /// The relay that acts is closed, and hands over.
    CloseRelay,
    /// The relay that acts is stopped in the middle of what it does, and goes on after so long.
    StopRelay(Duration),
    /// A user's device is off.
    Absent(usize, Duration),
    /// A user has a new phone.
    Reinstall(usize),
    /// A copy of a disk is made.
    BackUp(MachineName),
    /// A disk is replaced by the copy.
    PutBack(MachineName),
    /// The relay's disk is gone.
    LoseStore,
    /// Everything about a user is erased, at the carrier and the relay.
    Erase(usize),
    /// A user has one more device.
    Appear(usize, u8),
    /// A user's device that is not the first is lost, and removed at the carrier.
    Vanish(usize, u8),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Which faults a seed may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    /// Nothing gets lost by them.
    Harmless,
    /// Something may be lost with them, and is then reported.
    Costly,
}

impl Plan {
    /// The plan of `seed`, of every fourth with two relays on the store, and of three in four with a log of
    /// keys.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let rng = SeededRng::new(seed ^ 0x706c_616e);
        let rng: &dyn Rng = &rng;
        let span = Duration::from_secs(20 + below(rng, 60));
        let users = one_of(rng, &[1, 1, 2, 2, 3]);
        let messages = one_of(rng, &[2, 4, 6, 8, 12]);
        let rough = |at_most: u64| if happens(rng, 75) { below(rng, at_most + 1) } else { 0 };
        let rates = FaultRates {
            lost: rough(20),
            doubled: rough(20),
            shuffled: rough(60),
            delay_ms: one_of(rng, &[5, 50, 200, 800]),
            refused: rough(30),
            late_connects: false,
        };
        let severity = if happens(rng, 40) { Severity::Costly } else { Severity::Harmless };
        let mut faults = Vec::new();
        for _ in 0..4 + below(rng, 10) {
            let at = Duration::from_millis(below(rng, span.as_secs() * 1000));
            faults.push((at, draw_fault(rng, users, severity)));
        }
        let others = draw_others(seed, users, span, &mut faults);
        let failover = draw_failover(seed, span, &mut faults);
        let business = BusinessPlan::of(seed, span, users, messages);
        let key_log = draw_key_log(seed);
        if !key_log && !failover {
            draw_restored_carrier(seed, users, span, &mut faults);
        }
        faults.sort_by_key(|(at, _)| *at);
        let ghost = draw_ghost(seed);
        let (abroad, protection) = (draw_abroad(seed), ProtectionPlan::of(seed, span));
        Self {
            seed,
            users,
            messages,
            rates,
            span,
            others,
            failover,
            key_log,
            ghost,
            abroad,
            business,
            protection,
            faults,
        }
    }

    /// The number of a user.
    pub(crate) fn number(&self, user: usize) -> Number {
        if self.abroad { phone_numbers::number_abroad(user) } else { phone_numbers::number(user) }
    }

    /// The address of a user's device.
    pub(crate) fn device_address(&self, user: usize, device: u8) -> Address {
        Address::new(Party::User(self.number(user)), DeviceId::new(device).unwrap())
    }

    /// Plans that do less of the same, the smallest first.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut plans = Vec::new();
        let halves = self.faults.len() / 2;
        let without = |faults: Vec<(Duration, Fault)>| Self { faults, ..self.clone() };
        if halves > 0 {
            plans.push(without(self.faults[..halves].to_vec()));
            plans.push(without(self.faults[halves..].to_vec()));
        }
        let protections = self.protection.into_iter().flat_map(ProtectionPlan::smaller);
        plans.extend(protections.map(|protection| Self { protection, ..self.clone() }));
        if self.abroad {
            plans.push(Self { abroad: false, ..self.clone() });
        }
        plans.extend(self.business.smaller().into_iter().map(|business| Self { business, ..self.clone() }));
        for messages in [1, self.messages / 2, self.messages.saturating_sub(1)] {
            if messages > 0 && messages < self.messages {
                plans.push(Self { messages, ..self.clone() });
            }
        }
        if self.users > 1 {
            let users = self.users - 1;
            let faults = self.faults.iter().filter(|(_, fault)| fault.user().is_none_or(|user| user < users));
            let faults = faults.copied().collect();
            let others = self.others.iter().filter(|(user, _)| *user < users).copied().collect();
            plans.push(Self { users, others, faults, ..self.clone() });
        }
        for left_out in 0..self.others.len() {
            let mut others = self.others.clone();
            others.remove(left_out);
            plans.push(Self { others, ..self.clone() });
        }
        if self.failover {
            let of_two =
                |fault: &Fault| matches!(fault, Fault::Takeover | Fault::CloseRelay | Fault::StopRelay(_));
            let faults = self.faults.iter().filter(|(_, fault)| !of_two(fault)).copied().collect();
            plans.push(Self { failover: false, faults, ..self.clone() });
        }
        let calmer = [
            FaultRates { lost: 0, ..self.rates },
            FaultRates { doubled: 0, ..self.rates },
            FaultRates { shuffled: 0, ..self.rates },
            FaultRates { refused: 0, ..self.rates },
        ];
        for rates in calmer.into_iter().filter(|rates| *rates != self.rates) {
            plans.push(Self { rates, ..self.clone() });
        }
        for left_out in 0..self.faults.len() {
            let mut faults = self.faults.clone();
            faults.remove(left_out);
            plans.push(without(faults));
        }
        plans
    }
}

impl Fault {
    /// The user it is about.
    const fn user(&self) -> Option<usize> {
        match self {
            Self::Absent(user, _)
            | Self::Reinstall(user)
            | Self::Erase(user)
            | Self::Appear(user, _)
            | Self::Vanish(user, _) => Some(*user),
            Self::Crash(name, _)
            | Self::CutOff(name, _)
            | Self::Full(name, _)
            | Self::Failing(name)
            | Self::Jump(name, ..)
            | Self::BackUp(name)
            | Self::PutBack(name) => match name {
                MachineName::Device(user) | MachineName::OtherDevice(user, _) => Some(*user),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Which users have more than one device: some from the beginning, some get one later, and some lose one.
/// Drawn apart, so that all else of a seed is as it was for one device each.
fn draw_others(
    seed: u64,
    users: usize,
    span: Duration,
    faults: &mut Vec<(Duration, Fault)>,
) -> Vec<(usize, u8)> {
    let rng = SeededRng::new(seed ^ 0x6f74_6865_7273);
    let rng: &dyn Rng = &rng;
    let moment = |rng: &dyn Rng| Duration::from_millis(below(rng, span.as_secs() * 1000));
    let mut others = Vec::new();
    for user in 0..users {
        for device in 2..2 + one_of(rng, &[0, 0, 0, 1, 1, 2]) {
            let mut since = Duration::ZERO;
            if happens(rng, 50) {
                since = moment(rng);
                faults.push((since, Fault::Appear(user, device)));
            } else {
                others.push((user, device));
            }
            let name = MachineName::OtherDevice(user, device);
            for _ in 0..below(rng, 3) {
                let down = Duration::from_millis(below(rng, 12_000));
                faults
                    .push((moment(rng), one_of(rng, &[Fault::Crash(name, down), Fault::CutOff(name, down)])));
            }
            if happens(rng, 30) {
                faults.push((moment(rng).max(since), Fault::Vanish(user, device)));
            }
        }
    }
    others
}

/// Whether there are two relays. Then they take over from each other, and no third one comes. Drawn apart, so
/// that all else of a seed is as it was for one relay.
fn draw_failover(seed: u64, span: Duration, faults: &mut Vec<(Duration, Fault)>) -> bool {
    let rng = SeededRng::new(seed ^ 0x6661_696c);
    let rng: &dyn Rng = &rng;
    if !happens(rng, 25) {
        return false;
    }
    faults.retain(|(_, fault)| !matches!(fault, Fault::HandOver(_)));
    for _ in 0..1 + below(rng, 4) {
        let at = Duration::from_millis(below(rng, span.as_secs() * 1000));
        let stopped = Duration::from_millis(below(rng, 12_000));
        faults.push((at, one_of(rng, &[Fault::Takeover, Fault::CloseRelay, Fault::StopRelay(stopped)])));
    }
    true
}

/// Whether there is a log of keys: of every four seeds, in three. Drawn apart, so that all else of a seed is
/// as it would be without.
fn draw_key_log(seed: u64) -> bool {
    happens(&SeededRng::new(seed ^ 0x6c6f_6773), 75)
}

/// Whether the carrier adds a device: of every twelve seeds, in one. Drawn apart as well.
fn draw_ghost(seed: u64) -> bool {
    happens(&SeededRng::new(seed ^ 0x6768_6f73_7421), 8)
}

/// Whether users are in different countries: in every fourth seed. Drawn apart as well.
fn draw_abroad(seed: u64) -> bool {
    happens(&SeededRng::new(seed ^ 0x6162_726f_6164), 25)
}

/// Whether the carrier is put back from a backup. Then nobody loses anything besides, no installation is
/// replaced and no device comes or goes: what the carrier knew of those is for its operator to mend. Drawn
/// apart, so that all else of a seed is as it would be without.
fn draw_restored_carrier(seed: u64, users: usize, span: Duration, faults: &mut Vec<(Duration, Fault)>) {
    let rng = SeededRng::new(seed ^ 0x6261_636b);
    let rng: &dyn Rng = &rng;
    let is_costly = |fault: &Fault| {
        matches!(
            fault,
            Fault::Reinstall(_)
                | Fault::BackUp(_)
                | Fault::LoseStore
                | Fault::Erase(_)
                | Fault::Appear(..)
                | Fault::Vanish(..)
        )
    };
    if faults.iter().any(|(_, fault)| is_costly(fault)) || !happens(rng, 60) {
        return;
    }
    faults.retain(|(_, fault)| !matches!(fault, Fault::HandOver(_)));
    let moment = |rng: &dyn Rng| Duration::from_millis(below(rng, span.as_secs() * 1000));
    let first = moment(rng);
    faults.push((first, Fault::BackUp(MachineName::Carrier)));
    for _ in 0..1 + below(rng, 2) {
        let put_back = first.max(moment(rng));
        faults.push((put_back, Fault::PutBack(MachineName::Carrier)));
        if happens(rng, 50) {
            // What waits for who is away is what is lost.
            let user = one_of(rng, &(0..users).collect::<Vec<_>>());
            faults.push((first, Fault::Absent(user, put_back - first + Duration::from_secs(1))));
        }
    }
}

fn draw_fault(rng: &dyn Rng, users: usize, severity: Severity) -> Fault {
    let user = usize::try_from(below(rng, users as u64)).unwrap();
    let anybody = one_of(
        rng,
        &[
            MachineName::Carrier,
            MachineName::Relay,
            MachineName::Relay,
            MachineName::Device(user),
            MachineName::Device(user),
        ],
    );
    let client = one_of(rng, &[MachineName::Relay, MachineName::Device(user)]);
    let shortly = Duration::from_millis(below(rng, 8_000));
    let costly = match severity {
        Severity::Costly => happens(rng, 35),
        Severity::Harmless => false,
    };
    if costly {
        return match below(rng, 8) {
            0 | 1 => Fault::Reinstall(user),
            2 | 3 => Fault::BackUp(client),
            4 => Fault::PutBack(client),
            5 => Fault::LoseStore,
            _ => Fault::Erase(user),
        };
    }
    match below(rng, 20) {
        0..=8 => Fault::Crash(anybody, shortly),
        9 | 10 => Fault::CutOff(client, shortly),
        11 => Fault::SinkDown(shortly * 2),
        12 | 13 => Fault::Full(anybody, shortly),
        14 => Fault::Failing(anybody),
        15 => Fault::Jump(anybody, i64::try_from(below(rng, 1440)).unwrap() - 720, shortly),
        16 | 17 => Fault::HandOver(shortly),
        _ => Fault::Absent(user, shortly * 3),
    }
}
