use bulla_base::{Address, MessageId, Number};
use bulla_meter::Flow;
use bulla_transport::{Caller, Incarnation, Sequence, Transport, TransportError};

use crate::{NOW, SHOP, World, alice, days, shop};

#[tokio::test]
async fn envelopes_arrive_in_the_order_they_were_taken_and_stay_until_acknowledged() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let transport = world.transport();
    let sent: Vec<_> = (0..100).map(|_| world.envelope(&shop, &alice)).collect();
    for envelope in &sent {
        transport.send(&shop, envelope.clone()).await.unwrap();
    }
    let (mut after, mut received) = (Sequence::START, Vec::new());
    while received.len() < sent.len() {
        for delivery in transport.receive(&alice, after).await.unwrap() {
            assert_eq!(delivery.previous, after);
            after = delivery.sequence;
            received.push(delivery.envelope);
        }
    }
    assert_eq!(received, sent);

    let first = transport.receive(&alice, Sequence::START).await.unwrap();
    assert_eq!(first[0].envelope, sent[0], "nothing was acknowledged, so all is still there");
    let acknowledged: Vec<_> = first.iter().map(|delivery| delivery.sequence).collect();
    transport.acknowledge(&alice, &acknowledged).await.unwrap();
    let rest = transport.receive(&alice, Sequence::START).await.unwrap();
    assert_eq!(rest[0].envelope, sent[acknowledged.len()]);
    assert_eq!(rest[0].previous, Sequence::START, "what was acknowledged is no gap");
}

#[tokio::test]
async fn an_envelope_sent_twice_is_queued_and_counted_once() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let transport = world.transport();
    let envelope = world.envelope(&shop, &alice);
    for _ in 0..3 {
        transport.send(&shop, envelope.clone()).await.unwrap();
    }
    let queued = transport.receive(&alice, Sequence::START).await.unwrap();
    assert_eq!(queued.len(), 1);
    transport.acknowledge(&alice, &[queued[0].sequence]).await.unwrap();
    transport.send(&shop, envelope).await.unwrap();
    assert_eq!(world.carrier.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), 1);

    // Were the repeated one queued again after its acknowledgement, it would now come first.
    let next = world.envelope(&shop, &alice);
    transport.send(&shop, next.clone()).await.unwrap();
    assert_eq!(transport.receive(&alice, Sequence::START).await.unwrap()[0].envelope, next);
}

#[tokio::test]
async fn an_id_belongs_to_one_envelope() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let id = MessageId::new(NOW, &world.rng);
    let transport = world.transport();
    transport.send(&shop, world.envelope_with(id, &shop, &alice)).await.unwrap();
    let refused = transport.send(&shop, world.envelope_with(id, &shop, &alice)).await;
    assert!(matches!(refused, Err(TransportError::Id { .. })));
    assert_eq!(world.carrier.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), 1);
}

#[tokio::test]
async fn an_id_is_taken_at_thirty_days_and_refused_a_millisecond_beyond() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let at = |time| world.envelope_with(MessageId::new(time, &world.rng), &shop, &alice);
    let (oldest, latest) = (NOW.before(days(30)), NOW.after(days(1)));
    let millisecond = std::time::Duration::from_millis(1);
    for good in [oldest, latest] {
        world.transport().send(&shop, at(good)).await.unwrap();
    }
    for bad in [oldest.before(millisecond), latest.after(millisecond)] {
        let refused = world.transport().send(&shop, at(bad)).await;
        assert!(matches!(refused, Err(TransportError::Id { .. })));
    }
}

#[tokio::test]
async fn nobody_speaks_for_another_or_to_their_own_kind_or_to_nobody() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let transport = world.transport();
    let forged = transport.send(&alice, world.envelope(&shop, &alice)).await;
    assert!(matches!(forged, Err(TransportError::NotTheSender)));
    let to_herself = transport.send(&alice, world.envelope(&alice, &alice)).await;
    assert!(matches!(to_herself, Err(TransportError::Invalid { .. })));
    let bob = Caller::new(Address::user(Number::parse("4915112345678").unwrap()), Incarnation::new(1));
    let to_nobody = transport.send(&shop, world.envelope(&shop, &bob)).await;
    assert!(matches!(to_nobody, Err(TransportError::UnknownRecipient)));
    assert_eq!(world.carrier.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), 0);
}

#[tokio::test]
async fn who_has_connected_can_be_answered_before_their_keys_arrive() {
    // A relay whose upload of keys was lost wrote to users all the same. Their receipts were refused for good, and the messages they were
    // for never came to be delivered.
    let world = World::new().await;
    let alice = world.join(alice()).await;
    let shop = Caller::new(shop(), Incarnation::new(1));
    world.transport().connect(&shop).await.unwrap();
    world.transport().send(&shop, world.envelope(&shop, &alice)).await.unwrap();
    world.transport().send(&alice, world.envelope(&alice, &shop)).await.unwrap();
    assert_eq!(world.transport().receive(&shop, Sequence::START).await.unwrap().len(), 1);
}

#[tokio::test]
async fn both_ways_are_counted_apart_and_receipts_not_at_all() {
    use bulla_envelope::{Envelope, Form, FrankingTag, Kind};
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let transport = world.transport();
    transport.send(&shop, world.envelope(&shop, &alice)).await.unwrap();
    transport.send(&alice, world.envelope(&alice, &shop)).await.unwrap();
    transport.send(&alice, world.envelope(&alice, &shop)).await.unwrap();
    let receipt = Envelope::new(
        MessageId::new(NOW, &world.rng),
        alice.address().clone(),
        shop.address().clone(),
        Kind::Receipt,
        FrankingTag::from_bytes([0; 32]),
        Form::Signal,
        vec![1],
    );
    transport.send(&alice, receipt.unwrap()).await.unwrap();
    let bill = world.carrier.bill(SHOP).await.unwrap();
    assert_eq!((bill.total(SHOP, Flow::ToUser), bill.total(SHOP, Flow::ToBusiness)), (1, 2));
}

#[tokio::test]
async fn what_was_never_fetched_is_gone_after_thirty_days() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let transport = world.transport();
    transport.send(&shop, world.envelope(&shop, &alice)).await.unwrap();
    world.clock.set(NOW.after(days(30)));
    let later = world.envelope_with(MessageId::new(NOW.after(days(30)), &world.rng), &shop, &alice);
    transport.send(&shop, later.clone()).await.unwrap();
    let queued = transport.receive(&alice, Sequence::START).await.unwrap();
    assert_eq!(queued.iter().map(|delivery| &delivery.envelope).collect::<Vec<_>>(), [&later]);

    world.carrier.sweep().await.unwrap();
    let queued = transport.receive(&alice, Sequence::START).await.unwrap();
    assert_eq!(queued.len(), 1, "a sweep takes nothing that can still be delivered");
}

#[tokio::test]
async fn more_acknowledgements_than_were_ever_delivered_at_once_are_refused() {
    let world = World::new().await;
    let alice = world.join(alice()).await;
    let sequences = |count: u64| (1..=count).map(Sequence::new).collect::<Vec<_>>();
    let most = bulla_transport::MAX_DELIVERIES as u64;
    world.transport().acknowledge(&alice, &sequences(most)).await.unwrap();
    let refused = world.transport().acknowledge(&alice, &sequences(most + 1)).await;
    assert!(matches!(refused, Err(TransportError::Invalid { .. })));
}
