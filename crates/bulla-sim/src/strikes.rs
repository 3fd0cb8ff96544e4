//! How each fault is done to the system. A new one is a variant of [`Strike`], drawn in `plan.rs`, and an arm
//! here.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bulla_base::{Address, Clock as _};

use crate::machine::Name;
use crate::oracle::Fault;
use crate::people::number;
use crate::plan::Strike;
use crate::world::World;
use crate::{late, lives};

/// Does `strike` to the system. What lasts a while ends by itself, or when all is healed.
pub(crate) fn strike(world: &Arc<World>, strike: Strike) {
    world.oracle.note(strike);
    match strike {
        Strike::Crash(name, down) => {
            world.oracle.count(Fault::Crash);
            let machine = Arc::clone(world.machine(name));
            machine.switch(true);
            later(world, down, move || machine.switch(false));
        }
        Strike::CutOff(name, span) => {
            let machine = Arc::clone(world.machine(name));
            machine.is_cut_off.store(true, Ordering::SeqCst);
            later(world, span, move || machine.is_cut_off.store(false, Ordering::SeqCst));
        }
        Strike::SinkDown(span) => {
            let sky = Arc::clone(&world.sky);
            sky.is_sink_down.store(true, Ordering::SeqCst);
            later(world, span, move || sky.is_sink_down.store(false, Ordering::SeqCst));
        }
        Strike::Full(name, span) => {
            let machine = Arc::clone(world.machine(name));
            machine.is_full.store(true, Ordering::SeqCst);
            later(world, span, move || machine.is_full.store(false, Ordering::SeqCst));
        }
        Strike::Failing(name) => world.machine(name).is_failing.store(true, Ordering::SeqCst),
        Strike::Jump(name, minutes, span) => {
            world.oracle.count(Fault::Jump);
            let machine = Arc::clone(world.machine(name));
            machine.clock.set_wrong(minutes * 60_000);
            later(world, span, move || machine.clock.set_wrong(0));
        }
        Strike::HandOver(overlap) => {
            world.oracle.count(Fault::HandOver);
            world.model.two_tell();
            world.relay.add_program();
            tokio::spawn(lives::relay(Arc::clone(world)));
            let machine = Arc::clone(&world.relay);
            later(world, overlap, move || machine.end_all_but_the_last());
        }
        Strike::Absent(user, span) => {
            world.oracle.count(Fault::Absent);
            let machine = Arc::clone(&world.devices[user]);
            machine.switch(true);
            later(world, span, move || machine.switch(false));
        }
        Strike::Reinstall(user) => reinstall(world, user),
        Strike::BackUp(name) => world.machine(name).back_up(),
        Strike::PutBack(name) => put_back(world, name),
        Strike::LoseStore => {
            world.oracle.count(Fault::LostStore);
            world.sky.forgets();
            world.model.forget_all();
            world.relay.lose_disk();
        }
        Strike::Erase(user) => erase(world, user),
    }
}

/// What is sealed for the old phone may never be read: all that is said before the carrier knows the new one.
fn reinstall(world: &Arc<World>, user: usize) {
    world.oracle.count(Fault::Reinstall);
    world.sky.forgets();
    world.model.other_phone(user);
    world.devices[user].lose_disk();
    let (world, address) = (Arc::clone(world), Address::user(number(user)));
    let old = world.oracle.wire.installation(&address);
    tokio::spawn(async move {
        while world.oracle.wire.installation(&address) == old {
            world.clock.sleep(Duration::from_millis(50)).await;
        }
        world.model.other_phone(user);
    });
}

fn put_back(world: &Arc<World>, name: Name) {
    if !world.machine(name).put_back() {
        return;
    }
    world.oracle.count(Fault::Restored);
    world.sky.forgets();
    match name {
        Name::Device(user) => world.model.other_phone(user),
        _ => world.model.forget_all(),
    }
}

/// The carrier first, as the relay's page says; each until it is done.
fn erase(world: &Arc<World>, user: usize) {
    world.oracle.count(Fault::Erased);
    world.sky.forgets();
    world.model.forget(user);
    let (world, address) = (Arc::clone(world), Address::user(number(user)));
    tokio::spawn(async move {
        let published = world.oracle.wire.published(&address);
        loop {
            let commits = world.carrier.disk().commits();
            if let Some(carrier) = world.hub.carrier()
                && carrier.erase(&number(user)).await.is_ok()
            {
                // Known and not mended: a late upload brings them back (`corpus.rs`).
                world.oracle.wire.erased(&address);
                break late::is_erased(&world, &world.carrier, user, commits).await;
            }
            world.clock.sleep(Duration::from_secs(1)).await;
        }
        loop {
            let commits = world.relay.disk().commits();
            let relay = world.relays.lock().unwrap().last().map(|(_, relay)| relay.clone());
            if let Some(relay) = relay
                && relay.erase(&number(user)).await.is_ok()
            {
                break late::is_erased(&world, &world.relay, user, commits).await;
            }
            world.clock.sleep(Duration::from_secs(1)).await;
        }
        world.model.forget(user);
        world.oracle.note(format_args!("user {user} is erased"));
        // What the device says before it has left new keys cannot be answered, nor asked for again.
        while world.oracle.wire.published(&address) == published {
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
