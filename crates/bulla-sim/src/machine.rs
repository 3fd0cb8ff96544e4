//! Machines, and the processes that run on them.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla_base::{Clock as _, Rng, SeededRng};
use bulla_store::Generation;

use crate::clock::{MachineClock, VirtualClock};
use crate::disk_contents::DiskContents;
use crate::planted_bugs::PlantedBug;
use crate::waitable_flag::WaitableFlag;

/// How often a planted bug syncs what was committed.
const SYNC_INTERVAL: Duration = Duration::from_millis(700);

/// Which machine it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MachineName {
    Carrier,
    Relay,
    /// The first device of the user with this number in the plan.
    Device(usize),
    /// Another device of that user.
    OtherDevice(usize, u8),
}

impl MachineName {
    fn number(self) -> u64 {
        match self {
            Self::Carrier => 1,
            Self::Relay => 2,
            Self::Device(user) => 3 + user as u64,
            Self::OtherDevice(user, device) => 100 * u64::from(device) + user as u64,
        }
    }
}

impl fmt::Display for MachineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Carrier => f.write_str("carrier"),
            Self::Relay => f.write_str("relay"),
            Self::Device(user) => write!(f, "device {user}"),
            Self::OtherDevice(user, device) => write!(f, "device {user}.{device}"),
        }
    }
}

/// A machine: what outlives the programs that run on it, and what is wrong with it.
pub(crate) struct Machine {
    pub(crate) name: MachineName,
    seed: u64,
    pub(crate) clock: Arc<MachineClock>,
    /// Whether its disk takes nothing more.
    pub(crate) is_full: AtomicBool,
    /// Whether the next commit is cut short by the disk, after which the store has to be opened again.
    pub(crate) is_failing: AtomicBool,
    /// Whether it is cut off from the carrier.
    pub(crate) is_cut_off: AtomicBool,
    /// How often something was wrong with its disk.
    pub(crate) disk_troubles: AtomicU64,
    disk: Mutex<Arc<DiskContents>>,
    backup: Mutex<Option<DiskContents>>,
    /// Of a disk that was put back from a backup: its generation, until somebody took it for the present.
    pub(crate) restored: Mutex<Option<Generation>>,
    /// What a planted bug loses when the power goes: the disk as it was at the last sync.
    synced: Mutex<Option<DiskContents>>,
    generations: AtomicU64,
    processes: Mutex<Vec<Arc<Process>>>,
    is_off: WaitableFlag,
    /// How many programs of the same kind run on it, and how many should.
    programs: AtomicU64,
    wanted: AtomicU64,
    /// How many there are when all is well.
    usual: AtomicU64,
    had_company: AtomicBool,
}

impl Machine {
    pub(crate) fn new(
        name: MachineName,
        seed: u64,
        clock: &Arc<VirtualClock>,
        planted_bug: Option<PlantedBug>,
    ) -> Arc<Self> {
        Arc::new(Self {
            name,
            seed: seed.wrapping_mul(31).wrapping_add(name.number()),
            clock: Arc::new(MachineClock::new(Arc::clone(clock), name, planted_bug)),
            is_full: AtomicBool::new(false),
            is_failing: AtomicBool::new(false),
            is_cut_off: AtomicBool::new(false),
            disk_troubles: AtomicU64::new(0),
            disk: Mutex::default(),
            backup: Mutex::default(),
            restored: Mutex::default(),
            synced: Mutex::default(),
            generations: AtomicU64::new(0),
            processes: Mutex::default(),
            is_off: WaitableFlag::default(),
            programs: AtomicU64::new(1),
            wanted: AtomicU64::new(1),
            usual: AtomicU64::new(1),
            had_company: AtomicBool::new(false),
        })
    }

    /// What is on its disk now.
    pub(crate) fn disk(&self) -> Arc<DiskContents> {
        Arc::clone(&self.disk.lock().unwrap())
    }

    /// Starts a program on it.
    pub(crate) fn start_process(&self) -> Arc<Process> {
        let number = self.generations.fetch_add(1, Ordering::SeqCst) + 1;
        // Chance of its own: what a dead program draws changes nothing for those who live.
        let rng = Arc::new(SeededRng::new(self.seed.wrapping_mul(0x9e37_79b9).wrapping_add(number)));
        let process = Arc::new(Process {
            number,
            rng,
            troubles: self.disk_troubles.load(Ordering::SeqCst),
            is_dead: WaitableFlag::default(),
            is_stopped: WaitableFlag::default(),
            is_closing: WaitableFlag::default(),
        });
        self.processes.lock().unwrap().push(Arc::clone(&process));
        process
    }

    /// The power goes: every program on it dies where it stands.
    pub(crate) fn crash(&self) {
        self.wanted.store(self.usual.load(Ordering::SeqCst), Ordering::SeqCst);
        self.processes.lock().unwrap().drain(..).for_each(|process| process.kill());
        if let Some(synced) = self.synced.lock().unwrap().take() {
            *self.disk.lock().unwrap() = Arc::new(synced);
        }
    }

    /// What is committed from now on is lost with the power, for a while.
    pub(crate) fn will_be_synced(self: &Arc<Self>, rows: &DiskContents) {
        let mut synced = self.synced.lock().unwrap();
        if synced.is_some() {
            return;
        }
        *synced = Some(rows.copy());
        let machine = Arc::clone(self);
        tokio::spawn(async move {
            machine.clock.sleep(SYNC_INTERVAL).await;
            *machine.synced.lock().unwrap() = None;
        });
    }

    /// One more program is started on it, beside what runs.
    pub(crate) fn add_program(&self) {
        self.programs.fetch_add(1, Ordering::SeqCst);
        self.wanted.fetch_add(1, Ordering::SeqCst);
        self.had_company.store(true, Ordering::SeqCst);
    }

    /// There are two programs of the same kind on it, from now on.
    pub(crate) fn begin_pair(&self) {
        self.usual.store(2, Ordering::SeqCst);
        self.add_program();
    }

    /// One is enough again: all of them die, and one is started anew.
    pub(crate) fn end_pair(&self) {
        self.usual.store(1, Ordering::SeqCst);
        self.crash();
    }

    /// Whether there are more programs than wanted: who asks is one less.
    pub(crate) fn is_one_too_many(&self) -> bool {
        let is_too_many = self.programs.load(Ordering::SeqCst) > self.wanted.load(Ordering::SeqCst);
        if is_too_many {
            self.programs.fetch_sub(1, Ordering::SeqCst);
        }
        is_too_many
    }

    /// Whether two programs ever ran on it at once.
    pub(crate) fn had_company(&self) -> bool {
        self.had_company.load(Ordering::SeqCst)
    }

    /// Whether one program alone runs on it, or should.
    pub(crate) fn is_alone(&self) -> bool {
        self.wanted.load(Ordering::SeqCst) == 1
    }

    /// Every program but the one that was started last dies, for good.
    pub(crate) fn end_all_but_the_last(&self) {
        self.wanted.store(1, Ordering::SeqCst);
        let mut processes = self.processes.lock().unwrap();
        processes.retain(|process| !process.is_dead());
        let last = processes.pop();
        processes.drain(..).for_each(|process| process.kill());
        processes.extend(last);
    }

    /// Whether what was started as `process` has a reason to stop.
    pub(crate) fn has_excuse(&self, process: &Process) -> bool {
        process.is_dead() || self.disk_troubles.load(Ordering::SeqCst) > process.troubles
    }

    /// Switches it off, or on again.
    pub(crate) fn switch(&self, is_off: bool) {
        self.is_off.set(is_off);
        if is_off {
            self.crash();
        }
    }

    /// Waits until it is on.
    pub(crate) async fn powered(&self) {
        self.is_off.is(false).await;
    }

    /// Its disk is gone, and an empty one takes its place.
    pub(crate) fn lose_disk(&self) {
        self.crash();
        *self.disk.lock().unwrap() = Arc::default();
        *self.backup.lock().unwrap() = None;
        *self.restored.lock().unwrap() = None;
    }

    pub(crate) fn back_up(&self) {
        *self.backup.lock().unwrap() = Some(self.disk().copy());
    }

    /// Puts the backup in place of what is on its disk, if there is one.
    pub(crate) fn put_back(&self) -> bool {
        let backup = self.backup.lock().unwrap();
        let Some(backup) = &*backup else { return false };
        self.crash();
        *self.disk.lock().unwrap() = Arc::new(backup.copy());
        let generation = self.generations.fetch_add(1, Ordering::SeqCst) + 1;
        *self.restored.lock().unwrap() = Some(Generation::new(generation));
        true
    }

    /// Nothing is wrong with it any more.
    pub(crate) fn heal(&self) {
        for trouble in [&self.is_full, &self.is_failing, &self.is_cut_off] {
            trouble.store(false, Ordering::SeqCst);
        }
        self.clock.set_wrong(0);
    }

    pub(crate) fn note_disk_trouble(&self) {
        self.disk_troubles.fetch_add(1, Ordering::SeqCst);
    }
}

/// One run of a program on a machine, from its start to its death. Every port it was handed ends with it:
/// what a program does after its death is seen by nobody.
pub(crate) struct Process {
    /// Which one of this machine's.
    pub(crate) number: u64,
    /// What chance is for it, for its disk and for its network link.
    pub(crate) rng: Arc<dyn Rng>,
    /// What troubles its disk had had before.
    troubles: u64,
    is_dead: WaitableFlag,
    /// Whether it does nothing for now: each call of a port waits.
    is_stopped: WaitableFlag,
    /// Whether it was asked to end.
    is_closing: WaitableFlag,
}

impl Process {
    pub(crate) fn kill(&self) {
        self.is_dead.set(true);
    }

    /// Stops it in the middle of what it does, or lets it go on.
    pub(crate) fn stop(&self, is_stopped: bool) {
        self.is_stopped.set(is_stopped);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.is_set()
    }

    /// Waits until it is not stopped.
    pub(crate) async fn goes_on(&self) {
        self.is_stopped.is(false).await;
    }

    /// Asks it to end.
    pub(crate) fn close(&self) {
        self.is_closing.set(true);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing.is_set()
    }

    /// Waits until it is asked to end.
    pub(crate) async fn closes(&self) {
        self.is_closing.is(true).await;
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead.is_set()
    }

    /// Waits for its death.
    pub(crate) async fn died(&self) {
        self.is_dead.is(true).await;
    }
}
