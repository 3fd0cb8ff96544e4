use std::sync::{Arc, Mutex};

use bulla::device::Device;
use bulla::relay::Relay;
use bulla_base::{Rng, SeededRng, Timestamp};

use crate::clock::VirtualClock;
use crate::disk::Disk;
use crate::hub::Hub;
use crate::line::Line;
use crate::machine::{Boot, Machine, Name};
use crate::model::Model;
use crate::oracle::Oracle;
use crate::plan::Plan;
use crate::plant::{Held, Plant};
use crate::shop::Shop;
use crate::weather::Sky;

/// When every run begins.
const EPOCH: Timestamp = Timestamp::from_millis(1_795_293_590_960);

pub(crate) type OurRelay = Relay<Disk, Line, Shop>;
pub(crate) type OurDevice = Device<Disk, Line>;

/// Everything a run has.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) plant: Option<Plant>,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) oracle: Arc<Oracle>,
    pub(crate) model: Arc<Model>,
    pub(crate) sky: Arc<Sky>,
    pub(crate) hub: Arc<Hub>,
    held: Arc<Held>,
    pub(crate) carrier: Arc<Machine>,
    pub(crate) relay: Arc<Machine>,
    pub(crate) devices: Vec<Arc<Machine>>,
    /// The relays that run: one, or two during a hand-over.
    pub(crate) relays: Mutex<Vec<(u64, OurRelay)>>,
    /// The device that each user has in hand, if it runs.
    pub(crate) in_hand: Vec<Mutex<Option<OurDevice>>>,
}

impl World {
    pub(crate) fn new(plan: &Plan, plant: Option<Plant>) -> Arc<Self> {
        let clock = Arc::new(VirtualClock::new(EPOCH));
        let oracle = Arc::new(Oracle::new(Arc::clone(&clock) as _));
        let machine = |name| Machine::new(name, plan.seed, &clock, plant);
        Arc::new(Self {
            model: Arc::new(Model::new(Arc::clone(&oracle), Arc::clone(&clock), plan.users)),
            sky: Arc::new(Sky::new(plan.weather)),
            hub: Arc::new(Hub::new(Arc::clone(&oracle), plant, plan.seed)),
            rng: Arc::new(SeededRng::new(plan.seed)),
            held: Arc::default(),
            carrier: machine(Name::Carrier),
            relay: machine(Name::Relay),
            devices: (0..plan.users).map(|user| machine(Name::Device(user))).collect(),
            relays: Mutex::default(),
            in_hand: (0..plan.users).map(|_| Mutex::default()).collect(),
            plan: plan.clone(),
            plant,
            clock,
            oracle,
        })
    }

    pub(crate) fn machine(&self, name: Name) -> &Arc<Machine> {
        match name {
            Name::Carrier => &self.carrier,
            Name::Relay => &self.relay,
            Name::Device(user) => &self.devices[user],
        }
    }

    pub(crate) fn disk(&self, machine: &Arc<Machine>, boot: &Arc<Boot>) -> Disk {
        Disk {
            rows: machine.disk(),
            machine: Arc::clone(machine),
            boot: Arc::clone(boot),
            rng: Arc::clone(&boot.rng),
            oracle: Arc::clone(&self.oracle),
            slowness: 30,
            plant: self.plant,
        }
    }

    pub(crate) fn line(&self, machine: &Arc<Machine>, boot: &Arc<Boot>) -> Line {
        Line {
            hub: Arc::clone(&self.hub),
            machine: Arc::clone(machine),
            boot: Arc::clone(boot),
            rows: machine.disk(),
            plant: self.plant,
            sky: Arc::clone(&self.sky),
            rng: Arc::clone(&boot.rng),
            oracle: Arc::clone(&self.oracle),
        }
    }

    pub(crate) fn shop(&self, boot: &Arc<Boot>) -> Shop {
        Shop {
            machine: Arc::clone(&self.relay),
            boot: Arc::clone(boot),
            sky: Arc::clone(&self.sky),
            rng: Arc::clone(&boot.rng),
            oracle: Arc::clone(&self.oracle),
            model: Arc::clone(&self.model),
            held: Arc::clone(&self.held),
            plant: self.plant,
        }
    }
}
