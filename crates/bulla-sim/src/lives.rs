//! How programs are started, die, and are started again.

use std::sync::Arc;
use std::time::Duration;

use bulla::Host;
use bulla::carrier::Carrier;
use bulla::device::Device;
use bulla::transport::Proof;
use bulla_base::Clock as _;

use crate::machine::{Boot, Machine, Name};
use crate::oracle::Invariant;
use crate::people::{number, shop};
use crate::user;
use crate::world::{OurRelay, World};

/// How long whoever looks after a program waits before starting it again.
const RESTART: Duration = Duration::from_millis(500);
/// How often the operator looks whether the relay speaks for its business.
const LOOK: Duration = Duration::from_secs(3);

/// Keeps the carrier running.
pub(crate) async fn carrier(world: Arc<World>) {
    let machine = &world.carrier;
    loop {
        machine.powered().await;
        let boot = machine.boot();
        let opening = Carrier::open(world.disk(machine, &boot), Arc::clone(&machine.clock) as _, &*boot.rng);
        match until_death(&boot, opening).await {
            Some(Ok(carrier)) => {
                world.oracle.note("the carrier runs");
                let carrier = Arc::new(carrier);
                world.hub.runs(Arc::clone(&carrier), Arc::clone(&boot));
                let why = until_death(&boot, carrier.stopped()).await;
                world.hub.stops();
                explain(&world, machine, &boot, why);
                boot.kill();
                carrier.close().await;
            }
            Some(Err(why)) => explain(&world, machine, &boot, Some(why)),
            None => {}
        }
        boot.kill();
        world.clock.sleep(RESTART).await;
    }
}

/// Keeps a relay running; during a hand-over there are two who do.
pub(crate) async fn relay(world: Arc<World>) {
    let machine = &world.relay;
    while !machine.is_one_too_many() {
        machine.powered().await;
        let boot = machine.boot();
        let (disk, line) = (world.disk(machine, &boot), world.line(machine, &boot));
        let opening = Host::with(Arc::clone(&machine.clock) as _, Arc::clone(&boot.rng))
            .relay(disk, line, world.shop(&boot))
            .business(shop())
            .open();
        match until_death(&boot, opening).await {
            Some(Ok(relay)) => {
                world.oracle.note(format_args!("relay {} runs", boot.number));
                world.relays.lock().unwrap().push((boot.number, relay.clone()));
                let stopped = async {
                    tokio::select! {
                        biased;
                        why = relay.stopped() => format!("{why:?}"),
                        why = suspended(&world, &relay) => why,
                    }
                };
                let why = until_death(&boot, stopped).await;
                explain(&world, machine, &boot, why);
                boot.kill();
                world.model.relay_died(boot.number);
                relay.close().await;
                world.relays.lock().unwrap().retain(|(number, _)| *number != boot.number);
                world.oracle.note(format_args!("relay {} is dead", boot.number));
            }
            Some(Err(why)) => explain(&world, machine, &boot, Some(why)),
            None => {}
        }
        boot.kill();
        world.clock.sleep(RESTART).await;
    }
}

/// Waits until the relay does not speak for the business any more, although no other does: its operator
/// starts it again then.
async fn suspended(world: &World, relay: &OurRelay) -> String {
    loop {
        world.clock.sleep(LOOK).await;
        if let [first, ..] = &relay.suspended()[..]
            && world.relay.is_alone()
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
        let boot = machine.boot();
        let (disk, line) = (world.disk(machine, &boot), world.line(machine, &boot));
        let (clock, rng) = (Arc::clone(&machine.clock), Arc::clone(&boot.rng));
        let opening = Device::register(disk, line, clock, rng, number(user), Proof::none());
        match until_death(&boot, opening).await {
            Some(Ok(device)) => {
                world.oracle.note(format_args!("device {user} runs"));
                *world.in_hand[user].lock().unwrap() = Some(device.clone());
                let why = until_death(&boot, user::reads(&world, user, &device)).await;
                *world.in_hand[user].lock().unwrap() = None;
                explain(&world, machine, &boot, why);
                boot.kill();
                device.close().await;
                world.oracle.note(format_args!("device {user} is dead"));
            }
            Some(Err(why)) => explain(&world, machine, &boot, Some(why)),
            None => {}
        }
        boot.kill();
        world.clock.sleep(RESTART).await;
    }
}

/// What `task` comes to, unless the program dies first.
async fn until_death<R>(boot: &Boot, task: impl Future<Output = R>) -> Option<R> {
    tokio::select! {
        biased;
        () = boot.died() => None,
        outcome = task => Some(outcome),
    }
}

/// A program that stops by itself needs a reason.
fn explain(world: &World, machine: &Machine, boot: &Boot, why: Option<impl std::fmt::Debug>) {
    let Some(why) = why else { return };
    world.oracle.note(format_args!("{} stops: {why:?}", machine.name));
    // After a hand-over it may be the one that was started first that is left.
    let was_replaced = machine.name == Name::Relay
        && machine.had_company()
        && ["Fenced", "Shared"].iter().any(|word| format!("{why:?}").contains(word));
    if !machine.has_excuse(boot) && !was_replaced {
        world.oracle.blame(Invariant::Alive, format_args!("{} stops: {why:?}", machine.name));
    }
}
