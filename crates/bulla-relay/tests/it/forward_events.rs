use std::time::Duration;

use bulla_content::{Body, Content, Location, Progress};
use bulla_device::DeviceEventKind;
use bulla_meter::Flow;
use bulla_relay::{Event, Incoming, Outgoing, OutgoingBody, Status, WindowState};

use crate::world::{SHOP, TestDevice, World, alice, bob, says, to};

pub(crate) fn words(events: &[Event]) -> Vec<String> {
    let words = |event: &Event| match event {
        Event::Message(_, Incoming::Text { text, .. }) => Some(text.body().to_owned()),
        _ => None,
    };
    events.iter().filter_map(words).collect()
}

#[tokio::test(start_paused = true)]
async fn a_business_that_refuses_gets_the_same_again_and_in_order() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.sink.refuse(&["503", "timeout", "500"]);
    for number in 0..3 {
        phone.send(SHOP, &says(&format!("{number}"))).await.unwrap();
    }
    let taken = world.sink.wait_for(3, &*world.clock).await;
    assert_eq!(words(&taken), ["0", "1", "2"]);
    assert_eq!(world.sink.offered(), 6);
}

/// A poll, say, of which this version knows nothing but what it says to those who do not know it.
fn of_newer_kind() -> Content {
    let mut plaintext = [&[7; 32][..], &[0x32, 2, b'o', b'k', 0xfa, 0x01, 1, b'x', 0x80]].concat();
    plaintext.resize(256, 0);
    Content::decode(&plaintext).unwrap().0
}

#[tokio::test(start_paused = true)]
async fn a_message_of_any_kind_is_told_and_confirmed_also_of_one_that_is_not_known() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    let place = Content::new(Body::Location(Location::new(48.2, 16.4).unwrap()));
    let first = phone.send(SHOP, &place).await.unwrap();
    let second = phone.send(SHOP, &of_newer_kind()).await.unwrap();
    let taken = world.sink.wait_for(2, &*world.clock).await;
    for (event, content) in taken.iter().zip([&place, &of_newer_kind()]) {
        let Event::Message(_, Incoming::Other { body, in_reply_to: None }) = event else {
            panic!("{event:?}")
        };
        assert_eq!(body, content.body());
    }
    let mut confirmed = Vec::new();
    while confirmed.len() < 2 {
        let event = phone.next().await.unwrap();
        let DeviceEventKind::Receipt(receipt) = event.kind() else { panic!("{event:?}") };
        assert_eq!(receipt.progress(), Progress::Delivered);
        confirmed.extend_from_slice(receipt.messages());
        phone.acknowledge(event).await.unwrap();
    }
    assert_eq!(confirmed, [first, second]);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_is_refused_does_not_hold_up_another() {
    let world = World::new().await;
    let (alice_phone, bob_phone) = (world.device(alice()).await, world.device(bob()).await);
    world.sink.refuse_user(Some(alice()));
    alice_phone.send(SHOP, &says("from alice")).await.unwrap();
    bob_phone.send(SHOP, &says("from bob")).await.unwrap();
    let taken = world.sink.wait_for(1, &*world.clock).await;
    assert_eq!(words(&taken), ["from bob"]);
    world.sink.refuse_user(None);
    let taken = world.sink.wait_for(2, &*world.clock).await;
    assert_eq!(words(&taken), ["from bob", "from alice"]);
}

/// Also when it comes to the business much later.
#[tokio::test(start_paused = true)]
async fn what_a_user_says_is_told_with_the_time_at_which_it_came() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.sink.close(true);
    let before = world.clock.now();
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.pass(Duration::from_secs(1)).await;
    let after = world.clock.now();
    world.pass(Duration::from_secs(3600)).await;
    world.sink.close(false);
    let told = world.sink.wait_for(1, &*world.clock).await[0].subject().at;
    assert!((before..after).contains(&told), "{before:?}, {told:?}, {after:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_business_did_not_take_before_a_restart_comes_after_it() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.sink.refuse_user(Some(alice()));
    phone.send(SHOP, &says("hello")).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    assert!(world.sink.offered() > 1);
    world.relay.close().await;
    world.sink.refuse_user(None);
    let relay = world.reopen().await.unwrap();
    let taken = world.sink.wait_for(1, &*world.clock).await;
    assert_eq!(words(&taken), ["hello"]);
    assert_eq!(relay.bill(SHOP).await.unwrap().total(SHOP, Flow::ToBusiness), 1);
}

#[tokio::test(start_paused = true)]
async fn statuses_of_a_message_are_told_in_their_order() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    let reference = world.relay.submit(SHOP, to(alice(), "hello").tracking("order 7")).await.unwrap();
    let event = phone.next().await.unwrap();
    world.sink.wait_for(2, &*world.clock).await;
    phone.acknowledge(event).await.unwrap();
    let taken = world.sink.wait_for(3, &*world.clock).await;
    let statuses = taken.iter().map(|event| match event {
        Event::Status(subject, update) => {
            assert_eq!((subject.message, update.tracking.as_deref()), (reference, Some("order 7")));
            update.status
        }
        other => panic!("{other:?}"),
    });
    assert_eq!(statuses.collect::<Vec<_>>(), [Status::Sent, Status::Delivered, Status::Read]);
    // When it is sent and when it is counted, which is once.
    let billed = taken.iter().filter_map(|event| match event {
        Event::Status(_, update) => Some(update.billed_in),
        _ => None,
    });
    let closed = Some(WindowState::Closed);
    assert_eq!(billed.collect::<Vec<_>>(), [closed, closed, None]);
    world.pass(Duration::from_secs(3600)).await;
    assert_eq!(world.sink.taken().len(), 3, "each once");
}

#[tokio::test(start_paused = true)]
async fn of_a_reaction_only_that_it_was_sent_is_told() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    phone.send(SHOP, &says("hello")).await.unwrap();
    let message = world.sink.wait_for(1, &*world.clock).await[0].subject().message;
    let reaction = OutgoingBody::Reaction { to: message, emoji: Some("👍".to_owned()) };
    world.relay.submit(SHOP, Outgoing::new(alice(), reaction)).await.unwrap();
    let mut shown = phone.next().await.unwrap();
    while !matches!(shown.kind(), DeviceEventKind::Message(_)) {
        shown = phone.next().await.unwrap();
    }
    phone.acknowledge(shown).await.unwrap();
    world.pass(Duration::from_secs(3600)).await;
    let taken = world.sink.taken();
    assert!(matches!(&taken[1..], [Event::Status(_, update)] if update.status == Status::Sent), "{taken:?}");
}

/// What the user's device has been told of its messages by now: how many each receipt speaks of.
async fn receipts(phone: &TestDevice, count: usize) -> Vec<usize> {
    let mut told = Vec::new();
    while told.iter().sum::<usize>() < count {
        let event = phone.next().await.unwrap();
        if let DeviceEventKind::Receipt(receipt) = event.kind() {
            told.push(receipt.messages().len());
        }
        phone.acknowledge(event).await.unwrap();
    }
    told
}

#[tokio::test(start_paused = true)]
async fn messages_that_wait_together_are_confirmed_in_one_receipt() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    phone.send(SHOP, &says("first")).await.unwrap();
    assert_eq!(receipts(&phone, 1).await, [1], "alone, and at once");
    world.sink.close(true);
    for number in 0..10 {
        phone.send(SHOP, &says(&format!("{number}"))).await.unwrap();
    }
    world.pass(Duration::from_secs(600)).await;
    world.sink.close(false);
    assert_eq!(
        words(&world.sink.wait_for(11, &*world.clock).await)[1..],
        (0..10).map(|number| number.to_string()).collect::<Vec<_>>()
    );
    assert_eq!(receipts(&phone, 10).await, [10]);
}

#[tokio::test(start_paused = true)]
async fn a_user_is_told_of_a_message_before_a_slow_business_has_the_next() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.sink.pace(SHOP, Duration::from_secs(5));
    for number in 0..4 {
        phone.send(SHOP, &says(&format!("{number}"))).await.unwrap();
    }
    let began = world.clock.now();
    assert_eq!(receipts(&phone, 1).await, [1]);
    let waited = world.clock.now().since(began);
    assert!(waited < Duration::from_secs(9), "{waited:?}");
    assert_eq!(receipts(&phone, 3).await, [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_is_closed_while_messages_are_taken_tells_at_most_the_last_again() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.sink.close(true);
    for number in 0..10 {
        phone.send(SHOP, &says(&format!("{number}"))).await.unwrap();
    }
    world.pass(Duration::from_secs(600)).await;
    world.sink.pace(SHOP, Duration::from_millis(20));
    world.sink.close(false);
    let before = world.sink.wait_for(4, &*world.clock).await.len();
    world.relay.close().await;
    assert!(before < 10, "it was closed too late");
    let _next = world.reopen().await.unwrap();
    assert_eq!(receipts(&phone, 10).await.iter().sum::<usize>(), 10);
    let told = words(&world.sink.taken());
    assert!((10..=11).contains(&told.len()), "{told:?}");
}
