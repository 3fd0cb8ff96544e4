//! The workload: what the users and the business write and read.

use std::sync::Arc;
use std::time::Duration;

use bulla::content::{Body, Content, Text};
use bulla::device::{DeviceError, DeviceEventKind};
use bulla::relay::{Fallback, Outgoing, OutgoingBody};
use bulla_base::{Category, Clock as _};
use bulla_store::Retention;

use crate::business_plan::{BusinessRule, RuleKind};
use crate::faults::FaultKind;
use crate::invariants::Invariant;
use crate::phone_numbers::BUSINESS;
use crate::random::{below, happens, one_of};
use crate::reference_model::{INSTEAD, text};
use crate::world::{SimDevice, World};

/// How long somebody waits before asking again.
const MAX_RETRY_MS: u64 = 1_500;

/// The user reads what the business writes, until the device stops.
pub(crate) async fn reads(world: &World, user: usize, device: &SimDevice) -> Arc<DeviceError> {
    loop {
        let event = match device.next().await {
            Ok(event) => event,
            Err(why) => return why,
        };
        let id = event.id();
        match event.kind() {
            DeviceEventKind::Message(content) => match content.body() {
                Body::Text(text) => world.model.shown(user, true, text.body(), id),
                other => world.run_log.violated(Invariant::Kept, format_args!("nobody said {other:?}")),
            },
            DeviceEventKind::Receipt(receipt) => {
                let (messages, progress) = (receipt.messages().to_vec(), receipt.progress());
                messages.into_iter().for_each(|id| world.model.progress(user, id, Some(progress)));
            }
            DeviceEventKind::NotDelivered => world.model.progress(user, id, None),
            _ => {}
        }
        // A disk that is full today has room tomorrow; until then the event stays.
        while let Err(error) = device.acknowledge(event.clone()).await {
            world.run_log.trace_line(format_args!("user {user} cannot finish {id}: {error:?}"));
            pause(world, MAX_RETRY_MS).await;
        }
        world.model.finished(user, id);
    }
}

/// The user reads on another device what the business writes, until the device stops.
pub(crate) async fn reads_on_other(
    world: &World,
    (user, number): (usize, u8),
    device: &SimDevice,
) -> Arc<DeviceError> {
    loop {
        let event = match device.next().await {
            Ok(event) => event,
            Err(why) => return why,
        };
        let id = event.id();
        if let DeviceEventKind::Message(content) = event.kind() {
            match content.body() {
                Body::Text(text) => world.model.shown_on_other((user, number), text.body(), id),
                other => world.run_log.violated(Invariant::Kept, format_args!("nobody said {other:?}")),
            }
        }
        while let Err(error) = device.acknowledge(event.clone()).await {
            world.run_log.trace_line(format_args!("user {user} cannot finish {id} on {number}: {error:?}"));
            pause(world, MAX_RETRY_MS).await;
        }
        world.model.finished_on_other((user, number), id);
    }
}

/// The user writes `messages` to the business. What had no answer was perhaps sent, and is not sent again.
pub(crate) async fn writes(world: Arc<World>, user: usize, messages: usize) {
    let mut answered = 0;
    let is_silent = world.plan.business.has_windows() && !world.current_faults.is_calm();
    if let Some(rule) = world.plan.business.rule.filter(|_| is_silent) {
        world.clock.sleep(rule.silence).await;
    }
    while answered < messages {
        pause(&world, pace(&world)).await;
        let Some(device) = world.running_devices[user].lock().unwrap().clone() else { continue };
        let number = {
            let messages = &mut world.model.of(user).to_business.messages;
            messages.push(Default::default());
            messages.len() - 1
        };
        world.model.rules.writes(user, number);
        let content = Content::text(Text::new(text("user", user, number)).unwrap());
        match device.send(BUSINESS, &content).await {
            Ok(id) => {
                world.run_log.trace_line(format_args!("sent: {number} of user {user} as {id}"));
                world.model.of(user).to_business.messages[number].id = Some(id);
                answered += 1;
            }
            Err(error) => {
                world.run_log.trace_line(format_args!("user {user} cannot send {number}: {error:?}"))
            }
        }
    }
}

/// The business writes `messages` to `user`, each until it is accepted, however often it has to ask.
pub(crate) async fn business_writes(world: Arc<World>, user: usize, messages: usize) {
    for _ in 0..messages {
        let number = {
            let messages = &mut world.model.of(user).to_user.messages;
            messages.push(Default::default());
            messages.len() - 1
        };
        loop {
            let hurry = world.plan.business.rule.and_then(BusinessRule::hurry_ms);
            pause(&world, hurry.unwrap_or_else(|| pace(&world))).await;
            let relays: Vec<_> =
                world.relays.lock().unwrap().iter().map(|(_, relay)| relay.clone()).collect();
            if relays.is_empty() {
                continue;
            }
            let which: Vec<usize> = (0..relays.len()).collect();
            let relay = &relays[one_of(&*world.rng, &which)];
            world.model.rules.asks(user, number, category(&world, number));
            match relay.submit(BUSINESS, outgoing(&world, user, number)).await {
                Ok(reference) => {
                    world.model.rules.accepted(user, number, reference.id());
                    world.model.accepted(user, number, reference.id());
                    if !happens(&*world.rng, world.current_faults.rates().lost) {
                        break;
                    }
                    // The business does not hear of it, and asks again.
                    world.run_log.count(FaultKind::Unheard);
                }
                Err(error) => {
                    let reason = error.reason();
                    world.model.rules.refused(user, number, &error);
                    world
                        .run_log
                        .trace_line(format_args!("{number} to user {user} is not accepted: {reason}"));
                }
            }
        }
    }
}

fn outgoing(world: &World, user: usize, message: usize) -> Outgoing {
    let body = OutgoingBody::Text(Text::new(text("shop", user, message)).unwrap());
    // A key is the business's, and for one recipient.
    let outgoing =
        Outgoing::new(world.plan.number(user), body).idempotency_key(format!("message {message} to {user}"));
    let promotes = world.plan.protection.is_some_and(|protection| protection.promotes);
    let Some(rule) = world.plan.business.rule else {
        return if promotes { outgoing.category(category(world, message)) } else { outgoing };
    };
    let outgoing = outgoing.category(category(world, message));
    let outgoing = match rule.lives.and_then(|lives| Retention::new(lives).ok()) {
        Some(lives) => outgoing.time_to_live(lives),
        None => outgoing,
    };
    match rule.kind {
        RuleKind::Window { has_fallback: true } => {
            let instead = Text::new(text(INSTEAD, user, message)).unwrap();
            outgoing.fallback(Fallback::text(instead, Category::Utility).unwrap())
        }
        _ => outgoing,
    }
}

/// What a message is declared as: where there are windows, some go whether they are open or not; and without
/// a rule, some are promotions.
fn category(world: &World, message: usize) -> Category {
    let kind = world.plan.business.rule.map(|rule| rule.kind);
    let is_template = matches!(kind, Some(RuleKind::Window { .. })) && message % 3 == 2;
    let promotes = world.plan.protection.is_some_and(|protection| protection.promotes);
    match kind {
        _ if is_template => Category::Utility,
        None if promotes && message % 2 == 1 => Category::Marketing,
        _ => Category::Service,
    }
}

/// How long the next message is waited for at most, so that there are some until the faults end.
fn pace(world: &World) -> u64 {
    let span = u64::try_from(world.plan.span.as_millis()).unwrap();
    (2 * span / world.plan.messages as u64).clamp(100, 10_000)
}

async fn pause(world: &World, at_most_ms: u64) {
    let span = Duration::from_millis(below(&*world.rng, at_most_ms));
    world.clock.sleep(span).await;
}
