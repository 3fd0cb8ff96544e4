//! What came with a stamp can be reported, once, by whom it came to; nothing else can.

use std::sync::Arc;

use bulla_base::{Address, Clock, MessageId, PhoneNumberId, Rng, SeededRng, Timestamp};
use bulla_carrier::Carrier;
use bulla_envelope::{Envelope, Form, FrankingStamp, FrankingTag, Kind};
use bulla_integrity::{Reason, Report, ReportedMessage, Stamp, commitment};
use bulla_store::{Batch, BoxStore, Pause, SlowStore, Space, Store, StoreCall};
use bulla_transport::{Caller, Restriction, Sequence, Transport, TransportError};
use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::erase::{bob, number, rows};
use crate::{NOW, World, alice, days, shop};

/// What a business has sealed, and the envelope as its recipient got it.
pub(crate) struct Received {
    plaintext: Vec<u8>,
    envelope: Envelope,
}

impl Received {
    fn message(&self) -> ReportedMessage {
        let Kind::Message(category) = self.envelope.kind() else { panic!("no message") };
        let stamp = Stamp::from_bytes(self.envelope.stamp().unwrap().as_bytes()).unwrap();
        let (id, from) = (self.envelope.id(), self.envelope.from().clone());
        ReportedMessage::new(id, from, 1, Some(category), stamp, self.plaintext.clone().into()).unwrap()
    }

    pub(crate) fn report(&self) -> Bytes {
        Report::new(Reason::Spam, vec![self.message()]).unwrap().to_bytes().to_vec().into()
    }
}

/// A message from `from` to `to`, through the carrier.
pub(crate) async fn exchange(world: &World, from: &Caller, to: &Caller) -> Received {
    let mut plaintext = vec![0; 160];
    world.rng.fill(&mut plaintext);
    let template = world.envelope_with(MessageId::new(world.clock.now(), &world.rng), from, to);
    let tag = FrankingTag::from_bytes(commitment(&plaintext).unwrap());
    let envelope = Envelope::new(
        template.id(),
        template.from().clone(),
        template.to().clone(),
        template.kind(),
        tag,
        Form::Signal,
        vec![7; 40],
    );
    // What a sender puts there is not passed on.
    let forged = envelope.unwrap().stamped(FrankingStamp::from_bytes([9; 44]));
    world.transport().send(from, forged.clone()).await.unwrap();
    let received = world.transport().receive(to, Sequence::START).await.unwrap();
    let envelope = received.into_iter().map(|delivery| delivery.envelope).find(|it| it.id() == forged.id());
    let envelope = envelope.unwrap();
    assert_ne!(envelope.stamp(), forged.stamp());
    Received { plaintext, envelope }
}

async fn report(world: &World, caller: &Caller, report: Bytes) -> Result<(), TransportError> {
    world.transport().report(caller, report).await
}

async fn taken(world: &World, of: &Address) -> Vec<Report> {
    let reports = world.carrier.reports(of.party(), None, 100).await.unwrap();
    reports.into_iter().map(|taken| taken.report).collect()
}

#[tokio::test]
async fn what_came_is_reported_once_with_its_evidence() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let received = exchange(&world, &us, &her).await;
    for _ in 0..3 {
        report(&world, &her, received.report()).await.unwrap();
    }
    let reports = taken(&world, &shop()).await;
    assert_eq!(reports.len(), 1, "who repeats it has not heard that it was taken");
    assert_eq!(reports[0].messages()[0].plaintext(), received.plaintext);
    assert_eq!(reports[0].messages()[0].stamp().accepted(), NOW);
    // With another that was not reported yet it is another report.
    let second = exchange(&world, &us, &her).await;
    world.clock.set(NOW.after(days(1)));
    let both = Report::new(Reason::Scam, vec![received.message(), second.message()]).unwrap().and_block();
    report(&world, &her, both.to_bytes().to_vec().into()).await.unwrap();
    report(&world, &her, second.report()).await.unwrap();
    let reasons: Vec<_> = taken(&world, &shop()).await.iter().map(Report::reason).collect();
    assert_eq!(reasons, [Reason::Spam, Reason::Scam], "what it holds was reported before");
}

/// Copies of one message have stamps of their own: to two devices, and whenever it is sent again.
#[tokio::test]
async fn a_message_counts_once_however_many_stamps_it_came_with() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let first = exchange(&world, &us, &her).await;
    world.clock.set(NOW.after(days(1)));
    let again = first.envelope.clone().sent_again(1).unwrap();
    world.transport().send(&us, again).await.unwrap();
    let deliveries = world.transport().receive(&her, Sequence::START).await.unwrap();
    let stamps: Vec<_> = deliveries.iter().map(|delivery| delivery.envelope.stamp().unwrap()).collect();
    assert_eq!(stamps.len(), 2);
    assert_ne!(stamps[0].as_bytes(), stamps[1].as_bytes());
    for delivery in deliveries {
        let copy = Received { plaintext: first.plaintext.clone(), envelope: delivery.envelope };
        report(&world, &her, copy.report()).await.unwrap();
        world.clock.set(NOW.after(days(2)));
    }
    assert_eq!(taken(&world, &shop()).await.len(), 1);
}

/// Whoever counts what is reported counts nothing twice, and what is known takes no room again.
#[tokio::test]
async fn of_a_report_only_what_is_new_is_kept_and_none_takes_anothers_place() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let [one, two, three] = [
        exchange(&world, &us, &her).await,
        exchange(&world, &us, &her).await,
        exchange(&world, &us, &her).await,
    ];
    report(&world, &her, one.report()).await.unwrap();
    let both = Report::new(Reason::Scam, vec![one.message(), two.message()]).unwrap();
    report(&world, &her, both.to_bytes().to_vec().into()).await.unwrap();
    // All three in one millisecond.
    report(&world, &her, three.report()).await.unwrap();
    let reports = world.carrier.reports(shop().party(), None, 100).await.unwrap();
    let mut ids: Vec<_> =
        reports.iter().flat_map(|taken| taken.report.messages()).map(ReportedMessage::id).collect();
    ids.sort();
    let mut expected = [&one, &two, &three].map(|received| received.envelope.id());
    expected.sort();
    assert_eq!(ids, expected);
    let behind = world.carrier.reports(shop().party(), Some(&reports[0]), 100).await.unwrap();
    assert_eq!(behind, reports[1..]);
}

#[tokio::test]
async fn a_business_reports_a_user_likewise() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let received = exchange(&world, &her, &us).await;
    report(&world, &us, received.report()).await.unwrap();
    assert_eq!(taken(&world, &alice()).await.len(), 1);
    assert!(taken(&world, &shop()).await.is_empty());
}

/// All that can be wrong with what a user shows can be with what a business does.
#[tokio::test]
async fn what_was_not_sent_to_the_business_that_reports_it_is_refused() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let other = world.join(Address::business(PhoneNumberId::new(5))).await;
    let received = exchange(&world, &her, &us).await;
    let mut said = received.plaintext.clone();
    said[50] ^= 1;
    let forged = Received { plaintext: said, envelope: received.envelope.clone() };
    let cut = Received { plaintext: received.plaintext[..159].to_vec(), envelope: received.envelope.clone() };
    let mine = exchange(&world, &us, &her).await;
    let transplanted = Received { plaintext: received.plaintext.clone(), envelope: mine.envelope.clone() };
    for (caller, bytes) in [
        (&other, received.report()),
        (&us, forged.report()),
        (&us, cut.report()),
        (&us, mine.report()),
        (&us, transplanted.report()),
    ] {
        let refused = report(&world, caller, bytes).await;
        assert!(matches!(refused, Err(TransportError::NotProven)), "{refused:?}");
    }
    for of in [alice(), shop()] {
        assert!(taken(&world, &of).await.is_empty());
    }
}

/// So many businesses to which the user writes, and that report it.
async fn reported_by(world: &World, her: &Caller, businesses: std::ops::Range<u64>) -> Vec<Caller> {
    let mut all = Vec::new();
    for business in businesses {
        let us = world.join(Address::business(PhoneNumberId::new(business))).await;
        for received in [exchange(world, her, &us).await, exchange(world, her, &us).await] {
            report(world, &us, received.report()).await.unwrap();
        }
        all.push(us);
    }
    all
}

fn protecting(carrier: Carrier<BoxStore>) -> Carrier<BoxStore> {
    carrier.with_protection(Arc::new(SeededRng::new(7)))
}

#[tokio::test]
async fn a_user_whom_five_businesses_report_is_paused_and_four_however_often_do_not() {
    let mut world = World::changed(protecting).await;
    let (us, her, him) = (world.join(shop()).await, world.join(alice()).await, world.join(bob()).await);
    reported_by(&world, &her, 1..5).await;
    assert_eq!(world.carrier.user_paused_until(&number(&alice())).await.unwrap(), None);
    let taken_before = world.envelope(&her, &us);
    world.transport().send(&her, taken_before.clone()).await.unwrap();
    reported_by(&world, &her, 5..6).await;
    let until = NOW.after(days(7));
    assert_eq!(world.carrier.user_paused_until(&number(&alice())).await.unwrap(), Some(until));
    let restriction = Restriction::Paused;
    for restarts in [false, true] {
        if restarts {
            world = world.restart_changed(protecting).await;
        }
        let refused = world.transport().send(&her, world.envelope(&her, &us)).await;
        assert!(
            matches!(&refused, Err(TransportError::Restricted { restriction: is, until: till })
                if (*is, *till) == (restriction, Some(until))),
            "{refused:?}"
        );
        // What was taken is; who is reported still hears, and others still write.
        world.transport().send(&her, taken_before.clone()).await.unwrap();
        world.transport().send(&us, world.envelope(&us, &her)).await.unwrap();
        world.transport().send(&him, world.envelope(&him, &us)).await.unwrap();
    }
    world.clock.set(until);
    let later = MessageId::new(world.clock.now(), &world.rng);
    world.transport().send(&her, world.envelope_with(later, &her, &us)).await.unwrap();
}

/// Engines drop by themselves what stands by a day.
#[tokio::test]
async fn who_has_reported_a_user_stands_once_and_by_the_day_of_the_last_report() {
    let world = World::changed(protecting).await;
    let her = world.join(alice()).await;
    reported_by(&world, &her, 1..3).await;
    world.clock.set(NOW.after(days(3)));
    reported_by(&world, &her, 3..6).await;
    let all = rows(&world.store, &[&alice()]).await;
    let stands = all.iter().filter(|(_, key, _)| key.space() == Space::new(0x83));
    let stands: Vec<_> = stands.map(|(_, key, _)| key.day()).collect();
    assert_eq!(stands, [NOW.after(days(3)).day()]);
    let until = world.carrier.user_paused_until(&number(&alice())).await.unwrap();
    assert_eq!(until, Some(NOW.after(days(7))), "those of the first day count until their week is over");
}

#[tokio::test]
async fn the_operator_forgives_a_user_and_a_carrier_that_protects_nobody_pauses_nobody() {
    let world = World::changed(protecting).await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    assert!(!world.carrier.forgive_user(&number(&alice())).await.unwrap());
    reported_by(&world, &her, 1..6).await;
    world.transport().send(&her, world.envelope(&her, &us)).await.unwrap_err();
    assert!(world.carrier.forgive_user(&number(&alice())).await.unwrap());
    world.transport().send(&her, world.envelope(&her, &us)).await.unwrap();
    assert_eq!(taken(&world, &alice()).await.len(), 10, "what was shown stays");
    let plain = World::new().await;
    let (us, her) = (plain.join(shop()).await, plain.join(alice()).await);
    reported_by(&plain, &her, 1..9).await;
    plain.transport().send(&her, plain.envelope(&her, &us)).await.unwrap();
}

/// The pause was in the store and not in force: who had asked was gone when it was durable, and that the user
/// may write was remembered for good.
#[tokio::test]
async fn a_pause_is_in_force_although_who_reported_has_left() {
    let mut world = World::new().await;
    let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
    let kept = Arc::clone(&gate);
    let slow = SlowStore::new(Arc::clone(&world.store)).finishing_commits().before(move |call| {
        let is_of_reporters = |batch: &Batch| batch.puts().iter().any(|put| put.key.space().number() == 0x83);
        let (gate, waits) =
            (Arc::clone(&kept), matches!(call, StoreCall::Commit(batch) if is_of_reporters(batch)));
        Pause::until(async move {
            if waits {
                drop(gate.acquire().await);
            }
        })
    });
    let carrier = Carrier::open(BoxStore::new(slow), world.clock.clone(), &world.rng).await.unwrap();
    (world.carrier, world.wire) = (Arc::new(protecting(carrier)), None);
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    reported_by(&world, &her, 1..5).await;
    let fifth = exchange(&world, &her, &us).await.report();
    gate.forget_permits(Semaphore::MAX_PERMITS);
    let reporting = {
        let (carrier, us) = (Arc::clone(&world.carrier), us.clone());
        tokio::spawn(async move { carrier.report(&us, fifth).await })
    };
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!reporting.is_finished());
    reporting.abort();
    assert!(reporting.await.unwrap_err().is_cancelled());
    world.transport().send(&her, world.envelope(&her, &us)).await.unwrap();
    gate.add_permits(1);
    while world.carrier.user_paused_until(&number(&alice())).await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    let refused = world.transport().send(&her, world.envelope(&her, &us)).await;
    assert!(matches!(refused, Err(TransportError::Restricted { .. })), "{refused:?}");
}

/// The user could write to nobody for good, and nobody could mend it.
#[tokio::test]
async fn a_damaged_record_of_who_has_reported_a_user_is_nobody() {
    let world = World::changed(protecting).await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    reported_by(&world, &her, 1..6).await;
    let stored = rows(&world.store, &[&alice()]).await;
    let (partition, key, _) = stored.into_iter().find(|(_, key, _)| key.space().number() == 0x83).unwrap();
    let mut batch = Batch::new(partition);
    batch.put(key, "not who");
    let _ = world.store.commit(batch).await.unwrap();
    let world = world.restart_changed(protecting).await;
    world.transport().send(&her, world.envelope(&her, &us)).await.unwrap();
    assert_eq!(world.carrier.user_paused_until(&number(&alice())).await.unwrap(), None);
    assert!(!world.carrier.forgive_user(&number(&alice())).await.unwrap());
    assert!(rows(&world.store, &[&alice()]).await.iter().all(|(_, key, _)| key.space().number() != 0x83));
    reported_by(&world, &her, 1..6).await;
    world.transport().send(&her, world.envelope(&her, &us)).await.unwrap_err();
}

/// Five who reported one old message after the other kept somebody from writing for a month.
#[tokio::test]
async fn what_was_written_before_a_pause_does_not_prolong_it() {
    let world = World::changed(protecting).await;
    let her = world.join(alice()).await;
    let mut before = Vec::new();
    for business in 11..16 {
        let us = world.join(Address::business(PhoneNumberId::new(business))).await;
        let received = exchange(&world, &her, &us).await;
        before.push((us, received));
    }
    reported_by(&world, &her, 1..6).await;
    world.clock.set(NOW.after(days(6)));
    for (us, received) in before {
        report(&world, &us, received.report()).await.unwrap();
    }
    assert_eq!(taken(&world, &alice()).await.len(), 15, "it is kept for the operator");
    let paused = async || world.carrier.user_paused_until(&number(&alice())).await.unwrap();
    assert_eq!(paused().await, Some(NOW.after(days(7))));
    let now = NOW.after(days(8));
    world.clock.set(now);
    assert_eq!(paused().await, None);
    reported_by(&world, &her, 1..6).await;
    assert_eq!(paused().await, Some(now.after(days(7))));
}

#[tokio::test]
async fn what_a_business_has_reported_ends_with_it_and_with_the_user() {
    let world = World::changed(protecting).await;
    let (us, her, him) = (world.join(shop()).await, world.join(alice()).await, world.join(bob()).await);
    let businesses = reported_by(&world, &her, 1..6).await;
    for _ in 0..2 {
        let received = exchange(&world, &him, &us).await;
        report(&world, &us, received.report()).await.unwrap();
    }
    let paused = async || world.carrier.user_paused_until(&number(&alice())).await.unwrap().is_some();
    assert!(paused().await);
    world.carrier.erase_business(PhoneNumberId::new(5)).await.unwrap();
    assert_eq!((paused().await, taken(&world, &alice()).await.len()), (false, 8));
    world.transport().send(&her, world.envelope(&her, &us)).await.unwrap();
    world.carrier.erase(&number(&alice())).await.unwrap();
    assert!(taken(&world, &alice()).await.is_empty());
    assert_eq!(taken(&world, &bob()).await.len(), 2);
    // Nor is it left with a business that she was one of those it has reported.
    let addresses: Vec<_> = businesses.iter().map(|business| business.address().clone()).collect();
    let left = rows(&world.store, &addresses.iter().collect::<Vec<_>>()).await;
    assert!(left.iter().all(|(_, key, _)| key.space().number() != 0x84));
    let ours = rows(&world.store, &[&shop()]).await;
    assert_eq!(ours.iter().filter(|(_, key, _)| key.space().number() == 0x84).count(), 1);
}

#[tokio::test]
async fn what_was_not_sent_to_the_reporter_is_refused() {
    let world = World::new().await;
    let (us, her, him) = (world.join(shop()).await, world.join(alice()).await, world.join(bob()).await);
    let received = exchange(&world, &us, &her).await;
    let mut other = received.plaintext.clone();
    other[50] ^= 1;
    let forged = Received { plaintext: other, envelope: received.envelope.clone() };
    let junk = received.envelope.clone().stamped(FrankingStamp::from_bytes({
        let mut stamp = *received.envelope.stamp().unwrap().as_bytes();
        stamp[20] ^= 1;
        stamp
    }));
    let junk = Received { plaintext: received.plaintext.clone(), envelope: junk };
    for (caller, bytes) in [(&him, received.report()), (&her, forged.report()), (&her, junk.report())] {
        let refused = report(&world, caller, bytes).await;
        assert!(matches!(refused, Err(TransportError::NotProven)), "{refused:?}");
    }
    for bytes in [Bytes::new(), Bytes::from_static(b"x"), received.report().slice(1..)] {
        let refused = report(&world, &her, bytes).await;
        assert!(matches!(refused, Err(TransportError::Invalid { .. })), "{refused:?}");
    }
    assert!(taken(&world, &shop()).await.is_empty());
}

#[tokio::test]
async fn what_came_is_reported_for_30_days_also_after_a_restart_and_never_after() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let (first, second) = (exchange(&world, &us, &her).await, exchange(&world, &us, &her).await);
    let world = world.restart().await;
    let last = NOW.after(days(30));
    world.clock.set(last);
    report(&world, &her, first.report()).await.unwrap();
    world.clock.set(Timestamp::from_millis(last.as_millis() + 1));
    let late = report(&world, &her, second.report()).await;
    assert!(matches!(late, Err(TransportError::NotProven)), "{late:?}");
}

/// The one who repeats it has not heard that it was taken, and sends it from another start of the carrier.
#[tokio::test]
async fn the_same_envelope_on_another_day_is_the_same_all_the_same() {
    let world = World::new().await;
    let (us, her) = (world.join(shop()).await, world.join(alice()).await);
    let envelope = world.envelope(&us, &her);
    for day in 0..3 {
        world.clock.set(NOW.after(days(day)));
        world.transport().send(&us, envelope.clone()).await.unwrap();
    }
    let received = world.transport().receive(&her, Sequence::START).await.unwrap();
    assert_eq!(received.len(), 1);
    let stamp = Stamp::from_bytes(received[0].envelope.stamp().unwrap().as_bytes()).unwrap();
    assert_eq!(stamp.accepted(), NOW);
}

#[tokio::test]
async fn the_keys_of_stamps_are_overwritten_day_by_day() {
    let world = World::new().await;
    let first = rows_of_keys(&world).await;
    assert_eq!(first.len(), 37);
    world.clock.set(NOW.after(days(38)));
    let carrier = Carrier::open(BoxStore::new(world.store.clone()), world.clock.clone(), &world.rng).await;
    let carrier = carrier.unwrap();
    carrier.sweep().await.unwrap();
    let later = rows_of_keys(&world).await;
    assert!(first[5..] != later[5..], "the value of a day that is over is gone");
}

async fn rows_of_keys(world: &World) -> Bytes {
    let rows = rows(&world.store, &[]).await;
    let row = rows.into_iter().find(|(_, key, _)| key.space().number() == 0x78).unwrap();
    row.2.value
}

#[tokio::test]
async fn who_is_erased_has_reported_nothing() {
    let world = World::new().await;
    let (us, her, him) = (world.join(shop()).await, world.join(alice()).await, world.join(bob()).await);
    for user in [&her, &him] {
        let received = exchange(&world, &us, user).await;
        report(&world, user, received.report()).await.unwrap();
    }
    assert_eq!(taken(&world, &shop()).await.len(), 2);
    world.carrier.erase(&number(&alice())).await.unwrap();
    let left = world.carrier.reports(shop().party(), None, 100).await.unwrap();
    assert_eq!(left.len(), 1);
    let next = world.carrier.reports(shop().party(), left.first(), 100).await.unwrap();
    assert!(next.is_empty(), "there is none behind it");
}
