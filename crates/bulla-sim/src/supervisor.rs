//! How programs are started, die, and are started again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bulla::Host;
use bulla::carrier::Carrier;
use bulla::device::{Device, DeviceError, OnSplitLog};
use bulla::relay::Settings;
use bulla::transport::NumberProof;
use bulla_base::{Clock as _, DeviceId};

use crate::failover;
use crate::invariants::Invariant;
use crate::key_log;
use crate::ledger_checks;
use crate::machine::{Machine, MachineName, Process};
use crate::phone_numbers::business;
use crate::planted_bugs::PlantedBug;
use crate::workload;
use crate::world::{SimDevice, SimRelay, World};

/// How long whoever looks after a program waits before starting it again.
const RESTART_DELAY: Duration = Duration::from_millis(500);
/// How long a relay has to end when it is asked to.
const LONGEST_CLOSE: Duration = Duration::from_secs(10);
/// How often the operator looks whether the relay speaks for its business.
const POLL_INTERVAL: Duration = Duration::from_secs(3);

/// Keeps the carrier running.
pub(crate) async fn carrier(world: Arc<World>) {
    let machine = &world.carrier;
    loop {
        machine.powered().await;
        let process = machine.start_process();
        let opening = async {
            let (disk, clock) = (world.disk(machine, &process), Arc::clone(&machine.clock));
            let carrier = Carrier::open(disk, clock as _, &*process.rng).await?;
            let mut carrier = carrier.with_ledger(ledger_checks::settings());
            if world.plan.protection.is_some() {
                carrier = carrier.with_protection(Arc::clone(&process.rng) as _);
            }
            match world.keeps_key_log() {
                true => carrier.with_key_log(key_log::signer()).await,
                false => Ok(carrier),
            }
        };
        match until_dead(&process, opening).await {
            Some(Ok(carrier)) => {
                world.run_log.trace_line("the carrier runs");
                let carrier = Arc::new(carrier);
                world.carrier_endpoint.runs(Arc::clone(&carrier), Arc::clone(&process));
                let why = until_dead(&process, carrier.stopped()).await;
                world.carrier_endpoint.stops();
                explain(&world, machine, &process, why);
                process.kill();
                carrier.close().await;
            }
            Some(Err(why)) => explain(&world, machine, &process, Some(why)),
            None => {}
        }
        process.kill();
        world.clock.sleep(RESTART_DELAY).await;
    }
}

/// Keeps a relay running; during a hand-over there are two who do.
pub(crate) async fn relay(world: Arc<World>) {
    let machine = &world.relay;
    while !machine.is_one_too_many() {
        machine.powered().await;
        let process = machine.start_process();
        let (disk, link) = (world.disk(machine, &process), world.network_link(machine, &process));
        let opening = Host::with(Arc::clone(&machine.clock) as _, Arc::clone(&process.rng))
            .relay(disk, link, world.business_sink(&process))
            .business(business())
            .settings(settings(&world, &process))
            .open();
        match until_dead(&process, opening).await {
            Some(Ok(relay)) => {
                world.run_log.trace_line(format_args!("relay {} runs", process.number));
                world.relays.lock().unwrap().push((Arc::clone(&process), relay.clone()));
                let stopped = async {
                    tokio::select! {
                        biased;
                        why = relay.stopped() => format!("{why:?}"),
                        why = suspended(&world, &relay) => why,
                        never = key_log::relay_finds(&world, &relay) => match never {},
                        () = process.closes() => "closed".to_owned(),
                    }
                };
                let why = until_dead(&process, stopped).await;
                if process.is_closing() {
                    // What it has not done when it is ended by force is as after a crash.
                    let closing = async {
                        tokio::select! {
                            biased;
                            () = relay.close() => {}
                            () = world.clock.sleep(LONGEST_CLOSE) => {}
                        }
                    };
                    until_dead(&process, closing).await;
                } else {
                    explain(&world, machine, &process, why);
                }
                process.kill();
                world.model.relay_died(process.number);
                relay.close().await;
                world.relays.lock().unwrap().retain(|(other, _)| other.number != process.number);
                world.run_log.trace_line(format_args!("relay {} is dead", process.number));
            }
            Some(Err(why)) => explain(&world, machine, &process, Some(why)),
            None => {}
        }
        process.kill();
        world.clock.sleep(RESTART_DELAY).await;
    }
}

fn settings(world: &World, process: &Process) -> Settings {
    let business = PlantedBug::held_to(world.planted_bug, process.number, world.plan.business);
    let settings = business.settings(Settings::default()).ledger(ledger_checks::settings());
    let settings = match world.keeps_key_log() {
        true => settings.key_log(key_log::signer().public().clone()),
        false => settings,
    };
    match world.has_failover.load(Ordering::SeqCst) {
        true => settings.failover(),
        false => settings,
    }
}

/// Waits until the relay does not speak for the business any more, although no other does: its operator
/// starts it again then.
async fn suspended(world: &World, relay: &SimRelay) -> String {
    loop {
        world.look_again_after(POLL_INTERVAL).await;
        if let [first, ..] = &relay.suspended()[..]
            && (world.relay.is_alone() || world.plan.failover && !failover::stands_by(relay))
        {
            return format!("{first:?}");
        }
    }
}

/// Keeps the device of a user running, and lets the user read what comes.
pub(crate) async fn device(world: Arc<World>, user: usize) {
    let machine = &world.devices[user];
    loop {
        machine.powered().await;
        let process = machine.start_process();
        let (disk, link) = (world.disk(machine, &process), world.network_link(machine, &process));
        let (clock, rng) = (Arc::clone(&machine.clock), Arc::clone(&process.rng));
        let opening = async {
            checking(
                &world,
                Device::register(disk, link, clock, rng, world.plan.number(user), NumberProof::none())
                    .await?,
            )
            .await
        };
        match until_dead(&process, opening).await {
            Some(Ok(device)) => {
                world.run_log.trace_line(format_args!("device {user} runs"));
                *world.running_devices[user].lock().unwrap() = Some(device.clone());
                let why =
                    until_dead(&process, watched(&world, &device, workload::reads(&world, user, &device)));
                let why = why.await;
                *world.running_devices[user].lock().unwrap() = None;
                explain(&world, machine, &process, why);
                process.kill();
                device.close().await;
                world.run_log.trace_line(format_args!("device {user} is dead"));
            }
            Some(Err(why)) => explain(&world, machine, &process, Some(why)),
            None => {}
        }
        process.kill();
        world.clock.sleep(RESTART_DELAY).await;
    }
}

/// Keeps another device of a user running, until it is gone for good, and lets the user read what comes.
pub(crate) async fn other_device(world: Arc<World>, user: usize, device: u8) {
    let machine = Arc::clone(&world.other_devices[&(user, device)]);
    tokio::spawn(is_approved(Arc::clone(&world), user, device));
    tokio::spawn(awaits_keys(Arc::clone(&world), user, device, 0));
    loop {
        machine.powered().await;
        if world.has_vanished(user, device) {
            return;
        }
        let process = machine.start_process();
        let (disk, link) = (world.disk(&machine, &process), world.network_link(&machine, &process));
        let (clock, rng, id) =
            (Arc::clone(&machine.clock), Arc::clone(&process.rng), DeviceId::new(device).unwrap());
        let proof = NumberProof::none();
        let opening = async {
            checking(
                &world,
                Device::register_as(disk, link, clock, rng, world.plan.number(user), id, proof).await?,
            )
            .await
        };
        match until_dead(&process, opening).await {
            Some(Ok(opened)) => {
                world.run_log.trace_line(format_args!("device {user}.{device} runs"));
                world.other_identities.lock().unwrap().insert((user, device), opened.identity());
                let reading = workload::reads_on_other(&world, (user, device), &opened);
                let why = until_dead(&process, watched(&world, &opened, reading)).await;
                explain(&world, &machine, &process, why);
                process.kill();
                opened.close().await;
                world.run_log.trace_line(format_args!("device {user}.{device} is dead"));
            }
            Some(Err(why)) => explain(&world, &machine, &process, Some(why)),
            None => {}
        }
        process.kill();
        world.clock.sleep(RESTART_DELAY).await;
    }
}

/// The device, which checks the carrier's log from now on if there is one.
async fn checking(world: &World, device: SimDevice) -> Result<SimDevice, DeviceError> {
    if !world.keeps_key_log() {
        return Ok(device);
    }
    device.check_log(key_log::signer().public().clone(), OnSplitLog::default()).await?;
    Ok(device)
}

/// What `task` comes to, while it is looked at what the device finds of the carrier's log.
async fn watched<R>(world: &World, device: &SimDevice, task: impl Future<Output = R>) -> R {
    tokio::select! {
        biased;
        outcome = task => outcome,
        never = key_log::device_finds(world, device) => match never {},
    }
}

/// The user shows the other device to the phone, which lists it; and to every phone that comes after it,
/// until the device is gone for good.
async fn is_approved(world: Arc<World>, user: usize, device: u8) {
    let id = DeviceId::new(device).unwrap();
    while !world.has_vanished(user, device) {
        world.look_again_after(POLL_INTERVAL / 3).await;
        let life = world.phone_lives[user].load(Ordering::SeqCst);
        if world.approved.lock().unwrap().get(&(user, device)) == Some(&life) {
            continue;
        }
        let identity = world.other_identities.lock().unwrap().get(&(user, device)).copied();
        let phone = world.running_devices[user].lock().unwrap().clone();
        let (Some(identity), Some(phone)) = (identity, phone) else { continue };
        match phone.approve_device(id, &identity).await {
            Ok(_) => {
                world.run_log.trace_line(format_args!("phone {user} lists device {device}"));
                world.approved.lock().unwrap().insert((user, device), life);
            }
            Err(error) => {
                world.run_log.trace_line(format_args!("phone {user} cannot list device {device}: {error:?}"))
            }
        }
    }
}

/// Once the device has left keys with the carrier more than `published` times, and the phone that there is
/// then has listed it, it hears everything.
pub(crate) async fn awaits_keys(world: Arc<World>, user: usize, device: u8, published: u64) {
    let (address, id) = (world.plan.device_address(user, device), DeviceId::new(device).unwrap());
    loop {
        world.look_again_after(POLL_INTERVAL / 10).await;
        if world.has_vanished(user, device) {
            return;
        }
        let life = world.phone_lives[user].load(Ordering::SeqCst);
        let is_approved = world.approved.lock().unwrap().get(&(user, device)) == Some(&life);
        if !is_approved || world.run_log.wire.published(&address) == published {
            continue;
        }
        let Some(carrier) = world.carrier_endpoint.carrier() else { continue };
        let is_heard =
            carrier.devices(&world.plan.number(user)).await.is_ok_and(|devices| devices.contains(id));
        if is_heard && world.phone_lives[user].load(Ordering::SeqCst) == life {
            break;
        }
    }
    if !world.has_vanished(user, device) {
        world.model.other_is_there(user, device);
    }
}

/// What `task` comes to, unless the program dies first.
async fn until_dead<R>(process: &Process, task: impl Future<Output = R>) -> Option<R> {
    tokio::select! {
        biased;
        () = process.died() => None,
        outcome = task => Some(outcome),
    }
}

/// A program that stops by itself needs a reason.
fn explain(world: &World, machine: &Machine, process: &Process, why: Option<impl std::fmt::Debug>) {
    let Some(why) = why else { return };
    world.run_log.trace_line(format_args!("{} stops: {why:?}", machine.name));
    // After a hand-over it may be the one that was started first that is left.
    let was_replaced = machine.name == MachineName::Relay
        && machine.had_company()
        && ["Fenced", "Shared"].iter().any(|word| format!("{why:?}").contains(word));
    if !machine.has_excuse(process) && !was_replaced {
        world.run_log.violated(Invariant::Alive, format_args!("{} stops: {why:?}", machine.name));
    }
}
