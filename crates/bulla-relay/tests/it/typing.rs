//! That a business is writing an answer: shown by the device for a while, and never kept.

use std::time::Duration;

use bulla_content::{Body, Content, Progress, Typing};
use bulla_device::DeviceEventKind;
use bulla_meter::Flow;
use bulla_relay::{Event, MarkReadError, MessageRef};

use crate::world::{BAKERY, SHOP, TestDevice, World, alice, says, to};

impl World {
    /// The user says something; how the business knows it.
    async fn hears(&self, phone: &TestDevice, words: &str) -> MessageRef {
        let before = self.sink.taken().len();
        phone.send(SHOP, &says(words)).await.unwrap();
        let told = self.sink.wait_for(before + 1, &*self.clock).await.pop().unwrap();
        let Event::Message(about, _) = told else { panic!("{told:?}") };
        about.message
    }
}

/// What is next in the mailbox, taken out of it.
async fn next(phone: &TestDevice) -> DeviceEventKind {
    let event = phone.next().await.unwrap();
    let kind = event.kind().clone();
    phone.acknowledge(event).await.unwrap();
    kind
}

fn is_receipt(kind: &DeviceEventKind, progress: Progress) -> bool {
    matches!(kind, DeviceEventKind::Receipt(receipt) if receipt.progress() == progress)
}

#[tokio::test(start_paused = true)]
async fn a_device_shows_it_until_the_answer_comes_or_its_time_is_over() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    let asked = world.hears(&phone, "are you there?").await;
    assert!(is_receipt(&next(&phone).await, Progress::Delivered));
    world.relay.mark_read_and_show_typing(SHOP, asked).await.unwrap();
    let began = world.clock.now();
    assert!(is_receipt(&next(&phone).await, Progress::Read));
    let shown = phone.typing_changed().await;
    let until = shown[&SHOP];
    assert_eq!(shown.len(), 1);
    assert!(until.since(began) <= Typing::SHOWN && until > world.clock.now(), "{until:?}");
    assert_eq!(phone.typing(), shown);
    world.relay.submit(SHOP, to(alice(), "yes")).await.unwrap();
    assert!(matches!(next(&phone).await, DeviceEventKind::Message(_)));
    assert!(phone.typing_changed().await.is_empty(), "the answer has come");

    // Receipts and signals are not billed, by neither side.
    world.relay.mark_read_and_show_typing(SHOP, asked).await.unwrap();
    assert_eq!(phone.typing_changed().await.len(), 1);
    world.pass(Typing::SHOWN).await;
    assert!(phone.typing().is_empty(), "nobody writes for ever");
    for bill in [world.line.bill(SHOP).await, world.relay.bill(SHOP).await.unwrap()] {
        assert_eq!(bill.total(SHOP, Flow::ToUser), 1, "the answer alone is counted");
    }
    let unknown = world.relay.mark_read_and_show_typing(BAKERY, asked).await;
    assert!(matches!(unknown, Err(MarkReadError::UnknownMessage)), "{unknown:?}");
    phone.close().await;
}

/// By the time it is heard of it would not be true any more.
#[tokio::test(start_paused = true)]
async fn what_comes_too_late_is_not_shown_and_what_left_too_late_is_not_sent() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    let asked = world.hears(&phone, "are you there?").await;
    assert!(is_receipt(&next(&phone).await, Progress::Delivered));
    // The line is cut between the relay and the carrier: the receipt waits, the signal does not.
    world.line.cut(true);
    world.relay.mark_read_and_show_typing(SHOP, asked).await.unwrap();
    world.pass(Typing::SHOWN).await;
    world.line.cut(false);
    assert!(is_receipt(&next(&phone).await, Progress::Read));
    world.pass(Duration::from_secs(60)).await;
    assert!(phone.typing().is_empty());
    tokio::select! {
        biased;
        shown = phone.typing_changed() => panic!("it was shown: {shown:?}"),
        () = world.pass(Duration::from_secs(60)) => {}
    }
    phone.close().await;
}

#[test]
fn a_typing_indicator_is_a_signal_and_no_message() {
    assert!(!Content::new(Body::Typing(Typing)).body().is_message());
}
