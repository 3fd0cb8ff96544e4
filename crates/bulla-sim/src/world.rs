//! Everything a run has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla::device::{Device, Identity};
use bulla::relay::Relay;
use bulla_base::{Clock as _, Rng, SeededRng, Timestamp};

use crate::business::BusinessSink;
use crate::carrier_endpoint::CarrierEndpoint;
use crate::clock::VirtualClock;
use crate::current_faults::CurrentFaults;
use crate::disk::Disk;
use crate::failover;
use crate::machine::{Machine, MachineName, Process};
use crate::network::NetworkLink;
use crate::plan::Plan;
use crate::planted_bugs::{HeldEvent, PlantedBug};
use crate::reference_model::ReferenceModel;
use crate::run_log::RunLog;

/// When every run begins.
const EPOCH: Timestamp = Timestamp::from_millis(1_795_293_590_960);

/// How often it is looked at what does not change any more.
const RARELY: Duration = Duration::from_secs(600);

pub(crate) type SimRelay = Relay<Disk, NetworkLink, BusinessSink>;
pub(crate) type SimDevice = Device<Disk, NetworkLink>;

/// Everything a run has.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) planted_bug: Option<PlantedBug>,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) run_log: Arc<RunLog>,
    pub(crate) model: Arc<ReferenceModel>,
    pub(crate) current_faults: Arc<CurrentFaults>,
    pub(crate) carrier_endpoint: Arc<CarrierEndpoint>,
    held: Arc<HeldEvent>,
    pub(crate) carrier: Arc<Machine>,
    pub(crate) relay: Arc<Machine>,
    pub(crate) devices: Vec<Arc<Machine>>,
    /// The devices that users have or may get besides.
    pub(crate) other_devices: BTreeMap<(usize, u8), Arc<Machine>>,
    /// The identity of each that has run.
    pub(crate) other_identities: Mutex<BTreeMap<(usize, u8), Identity>>,
    /// Which of them which life of the user's phone has listed.
    pub(crate) approved: Mutex<BTreeMap<(usize, u8), u64>>,
    /// How often each user had another phone, or the same as it was once.
    pub(crate) phone_lives: Vec<AtomicU64>,
    /// Which of them are gone for good.
    pub(crate) vanished: Mutex<BTreeSet<(usize, u8)>>,
    /// The relays that run: one, or two during a hand-over.
    pub(crate) relays: Mutex<Vec<(Arc<Process>, SimRelay)>>,
    /// Whether there are two, of which one stands by.
    pub(crate) has_failover: AtomicBool,
    /// The device that each user has in hand, if it runs.
    pub(crate) running_devices: Vec<Mutex<Option<SimDevice>>>,
    /// Whether nothing is done to anybody any more, but that time passes.
    pub(crate) is_idle: AtomicBool,
}

impl World {
    pub(crate) fn new(plan: &Plan, planted_bug: Option<PlantedBug>) -> Arc<Self> {
        let clock = Arc::new(VirtualClock::new(EPOCH));
        let run_log = Arc::new(RunLog::new(Arc::clone(&clock) as _));
        let machine = |name| Machine::new(name, plan.seed, &clock, planted_bug);
        let model = Arc::new(ReferenceModel::new(Arc::clone(&run_log), Arc::clone(&clock), plan));
        let checks = Arc::clone(&model.protection);
        Arc::new(Self {
            model,
            current_faults: Arc::new(CurrentFaults::new(plan.rates)),
            carrier_endpoint: Arc::new(CarrierEndpoint::new(Arc::clone(&run_log), planted_bug, plan, checks)),
            rng: Arc::new(SeededRng::new(plan.seed)),
            held: Arc::default(),
            carrier: machine(MachineName::Carrier),
            relay: machine(MachineName::Relay),
            devices: (0..plan.users).map(|user| machine(MachineName::Device(user))).collect(),
            other_devices: (0..plan.users)
                .flat_map(|user| [2, 3].map(|device| (user, device)))
                .map(|(user, device)| ((user, device), machine(MachineName::OtherDevice(user, device))))
                .collect(),
            other_identities: Mutex::default(),
            approved: Mutex::default(),
            phone_lives: (0..plan.users).map(|_| AtomicU64::new(0)).collect(),
            vanished: Mutex::default(),
            relays: Mutex::default(),
            has_failover: AtomicBool::new(plan.failover),
            running_devices: (0..plan.users).map(|_| Mutex::default()).collect(),
            is_idle: AtomicBool::new(false),
            plan: plan.clone(),
            planted_bug,
            clock,
            run_log,
        })
    }

    /// Waits until it is time to look again: after `span`, or rarely when nothing is done to anybody. Months
    /// pass then, and who looked every second would do nothing else.
    pub(crate) async fn look_again_after(&self, span: Duration) {
        let span = if self.is_idle.load(Ordering::SeqCst) { RARELY } else { span };
        self.clock.sleep(span).await;
    }

    /// Whether the carrier keeps a log of keys.
    pub(crate) fn keeps_key_log(&self) -> bool {
        self.plan.key_log || self.planted_bug == Some(PlantedBug::TwoHistories)
    }

    /// Whether a device that is not its user's first is gone for good.
    pub(crate) fn has_vanished(&self, user: usize, device: u8) -> bool {
        self.vanished.lock().unwrap().contains(&(user, device))
    }

    /// The relay that acts, or else the one that was started last.
    pub(crate) fn relay_that_acts(&self) -> Option<SimRelay> {
        self.process_that_acts().map(|(_, relay)| relay)
    }

    /// The same with its process.
    pub(crate) fn process_that_acts(&self) -> Option<(Arc<Process>, SimRelay)> {
        let last = || self.relays.lock().unwrap().last().cloned();
        failover::acting(self).filter(|_| self.plan.failover).or_else(last)
    }

    pub(crate) fn machine(&self, name: MachineName) -> &Arc<Machine> {
        match name {
            MachineName::Carrier => &self.carrier,
            MachineName::Relay => &self.relay,
            MachineName::Device(user) => &self.devices[user],
            MachineName::OtherDevice(user, device) => &self.other_devices[&(user, device)],
        }
    }

    pub(crate) fn disk(&self, machine: &Arc<Machine>, process: &Arc<Process>) -> Disk {
        Disk {
            rows: machine.disk(),
            machine: Arc::clone(machine),
            process: Arc::clone(process),
            rng: Arc::clone(&process.rng),
            run_log: Arc::clone(&self.run_log),
            slowness: 30,
            planted_bug: self.planted_bug,
            protection: (machine.name == MachineName::Carrier).then(|| Arc::clone(&self.model.protection)),
        }
    }

    pub(crate) fn network_link(&self, machine: &Arc<Machine>, process: &Arc<Process>) -> NetworkLink {
        NetworkLink {
            carrier_endpoint: Arc::clone(&self.carrier_endpoint),
            machine: Arc::clone(machine),
            process: Arc::clone(process),
            rows: machine.disk(),
            planted_bug: self.planted_bug,
            current_faults: Arc::clone(&self.current_faults),
            rng: Arc::clone(&process.rng),
            run_log: Arc::clone(&self.run_log),
        }
    }

    pub(crate) fn business_sink(&self, process: &Arc<Process>) -> BusinessSink {
        BusinessSink {
            machine: Arc::clone(&self.relay),
            process: Arc::clone(process),
            current_faults: Arc::clone(&self.current_faults),
            rng: Arc::clone(&process.rng),
            run_log: Arc::clone(&self.run_log),
            model: Arc::clone(&self.model),
            held: Arc::clone(&self.held),
            planted_bug: self.planted_bug,
        }
    }
}
