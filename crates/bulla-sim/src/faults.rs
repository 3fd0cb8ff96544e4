//! How each fault is done to the system, and the kinds they are counted by. A new one is a variant of
//! [`Fault`], drawn in `plan.rs`, and an arm here.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bulla_base::{Address, Clock as _, DeviceId};

use crate::machine::MachineName;
use crate::plan::Fault;
use crate::world::World;
use crate::{failover, retention, supervisor};

/// What was done to the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is told by its name")]
pub enum FaultKind {
    Crash,
    LostRequest,
    LostAnswer,
    LostDelivery,
    Doubled,
    Shuffled,
    CutOff,
    Unheard,
    Refused,
    SinkDown,
    Full,
    Failing,
    Jump,
    HandOver,
    Takeover,
    Closed,
    Stopped,
    Absent,
    Reinstall,
    LostStore,
    Restored,
    Erased,
    Appeared,
    Vanished,
    Limited,
    Unbearable,
    DeadLetter,
}

impl FaultKind {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Crash,
        Self::LostRequest,
        Self::LostAnswer,
        Self::LostDelivery,
        Self::Doubled,
        Self::Shuffled,
        Self::CutOff,
        Self::Unheard,
        Self::Refused,
        Self::SinkDown,
        Self::Full,
        Self::Failing,
        Self::Jump,
        Self::HandOver,
        Self::Takeover,
        Self::Closed,
        Self::Stopped,
        Self::Absent,
        Self::Reinstall,
        Self::LostStore,
        Self::Restored,
        Self::Erased,
        Self::Appeared,
        Self::Vanished,
        Self::Limited,
        Self::Unbearable,
        Self::DeadLetter,
    ];
}

/// Does `fault` to the system. What lasts a while ends by itself, or when all is healed.
pub(crate) fn inject(world: &Arc<World>, fault: Fault) {
    world.run_log.trace_line(fault);
    match fault {
        Fault::Crash(name, down) => {
            world.run_log.count(FaultKind::Crash);
            let machine = Arc::clone(world.machine(name));
            machine.switch(true);
            later(world, down, move || machine.switch(false));
        }
        Fault::CutOff(name, span) => {
            let machine = Arc::clone(world.machine(name));
            machine.is_cut_off.store(true, Ordering::SeqCst);
            later(world, span, move || machine.is_cut_off.store(false, Ordering::SeqCst));
        }
        Fault::SinkDown(span) => {
            let current_faults = Arc::clone(&world.current_faults);
            current_faults.is_sink_down.store(true, Ordering::SeqCst);
            later(world, span, move || current_faults.is_sink_down.store(false, Ordering::SeqCst));
        }
        Fault::Full(name, span) => {
            let machine = Arc::clone(world.machine(name));
            machine.is_full.store(true, Ordering::SeqCst);
            later(world, span, move || machine.is_full.store(false, Ordering::SeqCst));
        }
        Fault::Failing(name) => world.machine(name).is_failing.store(true, Ordering::SeqCst),
        Fault::Jump(name, minutes, span) => {
            world.run_log.count(FaultKind::Jump);
            let machine = Arc::clone(world.machine(name));
            let model = Arc::clone(&world.model);
            let set_wrong = move |by_ms: i64| {
                machine.clock.set_wrong(by_ms);
                match name {
                    MachineName::Relay => model.rules.clock_changes(),
                    MachineName::Carrier => model.protection.clock_changes(),
                    _ => {}
                }
            };
            set_wrong(minutes * 60_000);
            later(world, span, move || set_wrong(0));
        }
        Fault::HandOver(overlap) => {
            world.run_log.count(FaultKind::HandOver);
            world.model.two_tell();
            world.relay.add_program();
            tokio::spawn(supervisor::relay(Arc::clone(world)));
            let machine = Arc::clone(&world.relay);
            later(world, overlap, move || machine.end_all_but_the_last());
        }
        Fault::Takeover => failover::kill_acting(world),
        Fault::CloseRelay => failover::close_acting(world),
        Fault::StopRelay(span) => failover::stop_acting(world, span),
        Fault::Absent(user, span) => {
            world.run_log.count(FaultKind::Absent);
            let machine = Arc::clone(&world.devices[user]);
            machine.switch(true);
            later(world, span, move || machine.switch(false));
        }
        Fault::Reinstall(user) => reinstall(world, user),
        Fault::BackUp(name) => world.machine(name).back_up(),
        Fault::PutBack(name) => put_back(world, name),
        Fault::LoseStore => {
            world.run_log.count(FaultKind::LostStore);
            world.current_faults.forgets();
            world.current_faults.loses_ledger();
            world.model.forget_all();
            world.relay.lose_disk();
        }
        Fault::Erase(user) => erase(world, user),
        Fault::Appear(user, device) => {
            world.run_log.count(FaultKind::Appeared);
            tokio::spawn(supervisor::other_device(Arc::clone(world), user, device));
        }
        Fault::Vanish(user, device) => vanish(world, user, device),
    }
}

/// A device is lost, and its user has it removed.
fn vanish(world: &Arc<World>, user: usize, device: u8) {
    world.run_log.count(FaultKind::Vanished);
    world.vanished.lock().unwrap().insert((user, device));
    world.model.other_is_gone(user, device);
    world.other_devices[&(user, device)].switch(true);
    let world = Arc::clone(world);
    tokio::spawn(async move {
        let id = DeviceId::new(device).unwrap();
        while let None | Some(Err(_)) = match world.carrier_endpoint.carrier() {
            Some(carrier) => Some(carrier.remove_device(&world.plan.number(user), id).await),
            None => None,
        } {
            world.clock.sleep(Duration::from_secs(1)).await;
        }
        world.run_log.trace_line(format_args!("device {user}.{device} is removed"));
    });
}

/// What is sealed for the old phone may never be read: all that is said before the carrier knows the new one.
fn reinstall(world: &Arc<World>, user: usize) {
    world.run_log.count(FaultKind::Reinstall);
    world.current_faults.forgets();
    world.model.other_phone(user);
    list_begins_anew(world, user);
    world.devices[user].lose_disk();
    let (world, address) = (Arc::clone(world), Address::user(world.plan.number(user)));
    let old = world.run_log.wire.installation(&address);
    tokio::spawn(async move {
        while world.run_log.wire.installation(&address) == old {
            world.clock.sleep(Duration::from_millis(50)).await;
        }
        world.model.other_phone(user);
    });
}

/// The phone knows of no other device: each hears again what is said after the phone has listed it anew.
fn list_begins_anew(world: &Arc<World>, user: usize) {
    world.phone_lives[user].fetch_add(1, Ordering::SeqCst);
    for device in world.model.other_devices(user) {
        world.model.other_is_gone(user, device);
        tokio::spawn(supervisor::awaits_keys(Arc::clone(world), user, device, 0));
    }
}

fn put_back(world: &Arc<World>, name: MachineName) {
    if !world.machine(name).put_back() {
        return;
    }
    world.run_log.count(FaultKind::Restored);
    if name == MachineName::Carrier {
        world.carrier_endpoint.put_back();
        return world.model.carrier_put_back();
    }
    world.current_faults.forgets();
    match name {
        MachineName::Relay => {
            world.current_faults.loses_ledger();
            world.model.forget_all();
        }
        MachineName::Device(user) => {
            world.model.other_phone(user);
            list_begins_anew(world, user);
        }
        // No other device is put back.
        _ => world.model.forget_all(),
    }
}

/// The carrier first, as the relay's page says; each until it is done.
fn erase(world: &Arc<World>, user: usize) {
    world.run_log.count(FaultKind::Erased);
    world.current_faults.forgets();
    world.model.protection.forgets();
    world.model.forget(user);
    // They hear again what is said after they have left keys anew.
    let others = world.model.other_devices(user).into_iter().map(|device| {
        world.model.other_is_gone(user, device);
        (device, world.run_log.wire.published(&world.plan.device_address(user, device)))
    });
    let others: Vec<_> = others.collect();
    let (world, address) = (Arc::clone(world), Address::user(world.plan.number(user)));
    tokio::spawn(async move {
        let published = world.run_log.wire.published(&address);
        loop {
            let commits = world.carrier.disk().commits();
            if let Some(carrier) = world.carrier_endpoint.carrier()
                && carrier.erase(&world.plan.number(user)).await.is_ok()
            {
                // Known and not mended: a late upload brings them back (`corpus.rs`).
                world.run_log.wire.erased(&address);
                [2, 3]
                    .iter()
                    .for_each(|other| world.run_log.wire.erased(&world.plan.device_address(user, *other)));
                for (device, published) in others {
                    tokio::spawn(supervisor::awaits_keys(Arc::clone(&world), user, device, published));
                }
                break retention::is_erased(&world, &world.carrier, user, commits).await;
            }
            world.clock.sleep(Duration::from_secs(1)).await;
        }
        loop {
            let commits = world.relay.disk().commits();
            if let Some(relay) = world.relay_that_acts()
                && relay.erase(&world.plan.number(user)).await.is_ok()
            {
                break retention::is_erased(&world, &world.relay, user, commits).await;
            }
            world.clock.sleep(Duration::from_secs(1)).await;
        }
        world.model.forget(user);
        world.run_log.trace_line(format_args!("user {user} is erased"));
        // What the device says before it has left new keys cannot be answered, nor asked for again.
        while world.run_log.wire.published(&address) == published {
            world.clock.sleep(Duration::from_millis(50)).await;
        }
        world.model.forget(user);
    });
}

fn later(world: &World, span: Duration, what: impl FnOnce() + Send + 'static) {
    let clock = Arc::clone(&world.clock);
    tokio::spawn(async move {
        clock.sleep(span).await;
        what();
    });
}
