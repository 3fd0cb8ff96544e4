use bulla_base::{Address, Category, MessageId, Number};
use bulla_envelope::{Envelope, Form, FrankingTag, Kind, MAX_RESENDS};
use bulla_meter::{Flow, Tally};
use bulla_store::{Batch, Commit, Store};
use bulla_transport::{Sequence, Transport, TransportError, in_order};

use crate::identities::installation;
use crate::{NOW, SHOP, World, alice, caller, days, shop};

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
            assert_eq!(delivery.previous.number(), after.number());
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
    assert_eq!(rest[0].previous.number(), 0, "what was acknowledged is no gap");
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
    let bob = caller(Address::user(Number::parse("4915112345678").unwrap()), 1);
    let to_nobody = transport.send(&shop, world.envelope(&shop, &bob)).await;
    assert!(matches!(to_nobody, Err(TransportError::UnknownRecipient)));
    assert_eq!(world.carrier.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), 0);
}

#[tokio::test]
async fn party_that_has_connected_can_be_answered_before_its_keys_arrive() {
    // A relay whose upload of keys was lost wrote to users all the same. Their receipts were refused for
    // good, and the messages they were for never came to be delivered.
    let world = World::new().await;
    let alice = world.join(alice()).await;
    let shop = caller(shop(), 1);
    world.transport().connect(&shop).await.unwrap();
    world.transport().send(&shop, world.envelope(&shop, &alice)).await.unwrap();
    world.transport().send(&alice, world.envelope(&alice, &shop)).await.unwrap();
    assert_eq!(world.transport().receive(&shop, Sequence::START).await.unwrap().len(), 1);
}

#[tokio::test]
async fn both_ways_are_counted_apart_and_receipts_not_at_all() {
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
    let sequences = |count: u64| (1..=count).map(|place| Sequence::new(1, place)).collect::<Vec<_>>();
    let most = bulla_transport::MAX_DELIVERIES as u64;
    world.transport().acknowledge(&alice, &sequences(most)).await.unwrap();
    let refused = world.transport().acknowledge(&alice, &sequences(most + 1)).await;
    assert!(matches!(refused, Err(TransportError::Invalid { .. })));
}

/// A clock that was a day ahead for a moment put one envelope on tomorrow. What came after it stood before
/// it, was taken to follow it, and looked like a gap that never closed: the recipient was handed nothing any
/// more.
#[tokio::test]
async fn what_was_queued_while_the_clock_was_ahead_mutes_nobody() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let (transport, mut sent) = (world.transport(), Vec::new());
    for ahead in [0, 1, 1, 0, 0, 20, 0] {
        world.clock.set(NOW.after(days(ahead)));
        let envelope = world.envelope(&shop, &alice);
        transport.send(&shop, envelope.clone()).await.unwrap();
        sent.push(envelope);
    }
    let received = in_order(transport.receive(&alice, Sequence::START).await.unwrap(), Sequence::START);
    assert_eq!(
        received.iter().map(|delivery| &delivery.envelope).collect::<Vec<_>>(),
        sent.iter().collect::<Vec<_>>()
    );
    for place in 0..received.len() - 1 {
        let rest = transport.receive(&alice, received[place].sequence).await.unwrap();
        let rest = in_order(rest, received[place].sequence);
        assert_eq!(rest.len(), received.len() - 1 - place);
    }
    let sequences: Vec<_> = received.iter().map(|delivery| delivery.sequence).collect();
    transport.acknowledge(&alice, &sequences).await.unwrap();
    assert_eq!(world.carrier.stats().await.unwrap().acknowledged, 7, "wherever they stand");
}

#[tokio::test]
async fn what_is_sealed_for_an_installation_that_is_no_more_is_refused() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let (gone, here) = (installation(b"another"), alice.installation());
    let refused = world.transport().send(&shop, world.envelope(&shop, &alice).sealed_for(gone)).await;
    assert!(matches!(refused, Err(TransportError::Reinstalled)));
    world.transport().send(&shop, world.envelope(&shop, &alice).sealed_for(here)).await.unwrap();
    assert_eq!(world.transport().receive(&alice, Sequence::START).await.unwrap().len(), 1);
    assert_eq!(
        world.carrier.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser),
        1,
        "it is not counted either"
    );
}

#[tokio::test]
async fn a_damaged_envelope_holds_up_no_other() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    for _ in 0..3 {
        world.transport().send(&us, world.envelope(&us, &her)).await.unwrap();
    }
    let rows = crate::erase::rows(&world.store, &[&alice()]).await;
    let second = rows.iter().filter(|row| Envelope::from_bytes(row.2.value.clone()).is_ok()).nth(1).unwrap();
    let mut batch = Batch::new(second.0);
    batch.put(second.1.clone(), &b"damaged"[..]);
    assert!(matches!(world.store.commit(batch).await.unwrap(), Commit::Committed(_)));
    let received = world.transport().receive(&her, Sequence::START).await.unwrap();
    assert_eq!(in_order(received, Sequence::START).len(), 2, "nor is it a gap");
}

#[tokio::test]
async fn what_a_user_sends_is_counted_as_service_whatever_it_says() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    for category in [Category::Marketing, Category::Authentication, Category::Service] {
        for (from, to) in [(&alice, &shop), (&shop, &alice)] {
            let id = MessageId::new(NOW, &world.rng);
            let (from_address, to) = (from.address().clone(), to.address().clone());
            let tag = FrankingTag::from_bytes([0; 32]);
            let kind = Kind::Message(category);
            let envelope = Envelope::new(id, from_address, to, kind, tag, Form::Signal, vec![1]).unwrap();
            world.transport().send(from, envelope).await.unwrap();
        }
    }
    let bill = world.carrier.bill(SHOP).await.unwrap();
    let count = |flow, category| bill.count(Tally::new(SHOP, NOW.day(), flow, category));
    assert_eq!(count(Flow::ToBusiness, Category::Service), 3);
    assert_eq!(count(Flow::ToBusiness, Category::Marketing), 0);
    assert_eq!(count(Flow::ToUser, Category::Marketing), 1);
}

#[tokio::test]
async fn the_statistics_say_what_happened_and_what_waits() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    for _ in 0..3 {
        world.transport().send(&her, world.envelope(&her, &us)).await.unwrap();
    }
    world.clock.set(NOW.after(std::time::Duration::from_secs(90)));
    drop(world.transport().send(&her, world.envelope(&us, &her)).await);
    let received = world.transport().receive(&us, Sequence::START).await.unwrap();
    world.transport().acknowledge(&us, &[received[0].sequence]).await.unwrap();
    for _ in 0..3 {
        world.transport().bundle(&us, her.address()).await.unwrap();
    }
    let stats = world.carrier.stats().await.unwrap();
    assert_eq!((stats.enqueued, stats.delivered, stats.acknowledged, stats.refused), (3, 3, 1, 1));
    assert_eq!((stats.bundles_with_one_time_key, stats.bundles_without), (2, 1));
    assert_eq!((stats.waiting, stats.oldest.as_secs()), (2, 90));
}

/// A message that could not be opened and is sent again was refused, as another envelope with its id.
#[tokio::test]
async fn what_is_sent_again_gets_through_and_its_message_is_counted_once() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let (transport, id) = (world.transport(), MessageId::new(NOW, &world.rng));
    let first = world.envelope_with(id, &shop, &alice);
    let again = |attempt| world.envelope_with(id, &shop, &alice).sent_again(attempt).unwrap();
    let (second, last) = (again(1), again(MAX_RESENDS));
    for envelope in [&first, &second, &second, &last, &first, &second] {
        transport.send(&shop, envelope.clone()).await.unwrap();
    }
    let queued = transport.receive(&alice, Sequence::START).await.unwrap();
    let queued: Vec<_> = queued.into_iter().map(|delivery| delivery.envelope).collect();
    assert_eq!(queued, [first, second, last]);
    let other = transport.send(&shop, again(1)).await;
    assert!(matches!(other, Err(TransportError::Id { .. })), "each time is one envelope");
    assert_eq!(world.carrier.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), 1);
}

/// What was sent first was refused: for instance since the phone it was sealed for is no more.
#[tokio::test]
async fn a_message_whose_first_envelope_never_came_is_counted_with_the_second_and_not_again() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let (transport, id) = (world.transport(), MessageId::new(NOW, &world.rng));
    let again = |attempt| world.envelope_with(id, &shop, &alice).sent_again(attempt).unwrap();
    let [second, third] = [again(2), again(3)];
    // Both may come in one record.
    let (one, other) =
        tokio::join!(transport.send(&shop, second.clone()), transport.send(&shop, third.clone()));
    assert!(one.is_ok() && other.is_ok());
    for envelope in [second, third, again(1)] {
        transport.send(&shop, envelope).await.unwrap();
    }
    assert_eq!(transport.receive(&alice, Sequence::START).await.unwrap().len(), 3);
    assert_eq!(world.carrier.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), 1);
    let late = transport.send(&shop, world.envelope_with(id, &shop, &alice)).await;
    assert!(matches!(late, Err(TransportError::Id { .. })));
}

/// Else a business would say to many, or at a low price, what is counted once.
#[tokio::test]
async fn message_sent_again_is_no_other_message() {
    let world = World::new().await;
    let (shop, alice) = (world.join(shop()).await, world.join(alice()).await);
    let bakery = world.join(Address::business(bulla_base::PhoneNumberId::new(7))).await;
    let bob = world.join(Address::user(Number::parse("4915112345678").unwrap())).await;
    let (transport, id) = (world.transport(), MessageId::new(NOW, &world.rng));
    transport.send(&shop, world.envelope_with(id, &shop, &alice)).await.unwrap();
    let again = |from, to| world.envelope_with(id, from, to).sent_again(1).unwrap();

    let refused = transport.send(&bakery, again(&bakery, &alice)).await;
    assert!(matches!(refused, Err(TransportError::Id { .. })), "that of another business");
    let marketing = Envelope::new(
        id,
        shop.address().clone(),
        alice.address().clone(),
        Kind::Message(Category::Marketing),
        FrankingTag::from_bytes([0; 32]),
        Form::Signal,
        vec![1, 2, 3],
    );
    let refused = transport.send(&shop, marketing.unwrap().sent_again(1).unwrap()).await;
    assert!(matches!(refused, Err(TransportError::Id { .. })), "of another category");
    transport.send(&shop, again(&shop, &bob)).await.unwrap();
    assert_eq!(world.carrier.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser), 2, "to another user");
}
