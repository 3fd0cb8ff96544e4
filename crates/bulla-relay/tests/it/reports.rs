//! A business shows the carrier what a user has sent, as it came; the carrier pauses whom many report.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Address, BusinessAccountId, MessageId, Number, PhoneNumberId};
use bulla_carrier::{Carrier, Reason, VerifiedReport};
use bulla_content::Content;
use bulla_device::DeviceEventKind;
use bulla_relay::{Business, Event, MessageRef, PageStart, ReportError, Settings, SubmitError};
use bulla_store::{MemoryStore, Retention};

use crate::cancellation::{everything, partition};
use crate::world::{BAKERY, SHOP, TestDevice, World, alice, bob, says, to};

const DAY: Duration = Duration::from_secs(86_400);
const REPORTABLE: u8 = 0x6f;

async fn keeping(span: Duration) -> World {
    let settings = Settings::default().reportable_for(Retention::new(span).unwrap());
    World::on(settings, |carrier| carrier).await
}

/// The user says this, and the business has it.
async fn heard(world: &World, phone: &TestDevice, business: PhoneNumberId, words: &str) -> MessageRef {
    let before = world.sink.taken().len();
    phone.send(business, &says(words)).await.unwrap();
    world.sink.wait_for(before + 1, &*world.clock).await[before].subject().message
}

/// What the operator was shown of the user.
async fn shown(world: &World, user: &Number) -> Vec<VerifiedReport> {
    let user = Address::user(user.clone());
    world.line.ledger().reports(user.party(), None, 100).await.unwrap()
}

fn said(report: &VerifiedReport) -> Vec<Content> {
    let content = |bytes: &[u8]| Content::decode(bytes).unwrap().0;
    report.report.messages().iter().map(|message| content(message.plaintext())).collect()
}

#[tokio::test(start_paused = true)]
async fn what_came_is_reported_as_it_was_said_and_nothing_else_is_shown() {
    let world = keeping(30 * DAY).await;
    let phone = world.device(alice()).await;
    let mut came = Vec::new();
    for words in ["buy now", "or be sorry", "hello"] {
        came.push(heard(&world, &phone, SHOP, words).await);
    }
    assert!(shown(&world, &alice()).await.is_empty());
    world.relay.report(SHOP, &came[..2], Reason::Spam, false).await.unwrap();
    // Once more it counts no more, and blocks all the same.
    world.relay.report(SHOP, &came[..1], Reason::Scam, true).await.unwrap();
    let reports = shown(&world, &alice()).await;
    assert_eq!(reports.len(), 1);
    assert_eq!(said(&reports[0]), [says("buy now"), says("or be sorry")]);
    assert_eq!((reports[0].report.reason(), reports[0].report.blocks()), (Reason::Spam, false));
    let blocked = world.relay.blocked(SHOP, PageStart::First, 9).await.unwrap();
    assert_eq!(blocked.iter().map(|(_, number)| number).collect::<Vec<_>>(), [&alice()]);
    let refused = world.relay.submit(SHOP, to(alice(), "still there?")).await;
    assert!(matches!(refused, Err(SubmitError::Blocked)));
}

#[tokio::test(start_paused = true)]
async fn what_came_is_reported_after_a_restart_and_for_30_days() {
    let world = keeping(30 * DAY).await;
    let phone = world.device(alice()).await;
    heard(&world, &phone, SHOP, "hello").await;
    let message = heard(&world, &phone, SHOP, "buy now").await;
    world.relay.close().await;
    let span = Retention::new(30 * DAY).unwrap();
    let relay = world.reopen_with(Settings::default().reportable_for(span)).await.unwrap();
    world.pass(29 * DAY).await;
    relay.report(SHOP, &[message], Reason::NeverAskedFor, false).await.unwrap();
    assert_eq!(said(&shown(&world, &alice()).await[0]), [says("buy now")]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_kept_any_more_or_never_came_is_no_report() {
    let world = keeping(2 * DAY).await;
    let (phone, other) = (world.device(alice()).await, world.device(bob()).await);
    let (hers, his) = (heard(&world, &phone, SHOP, "a").await, heard(&world, &other, SHOP, "b").await);
    let report = async |messages: &[MessageRef]| {
        world.relay.report(SHOP, messages, Reason::Other, false).await.unwrap_err()
    };
    let many = report(&[hers; 6]).await;
    assert!(matches!(many, ReportError::TooMany { actual: 6, limit: 5 }), "{many:?}");
    for none in [&[][..], &[hers, hers], &[hers, his]] {
        let refused = report(none).await;
        assert!(matches!(refused, ReportError::Invalid(_)), "{refused:?}");
    }
    let unknown = MessageId::new(world.clock.now(), &*world.rng);
    let mut bytes = hers.to_bytes();
    bytes[..16].copy_from_slice(unknown.as_bytes());
    let unknown = report(&[hers, MessageRef::from_bytes(bytes).unwrap()]).await;
    assert!(matches!(unknown, ReportError::NotKept { .. }), "{unknown:?}");
    // Another business has not got it.
    let theirs = world.relay.report(BAKERY, &[hers], Reason::Spam, false).await.unwrap_err();
    assert!(matches!(theirs, ReportError::NotKept { .. }), "{theirs:?}");
    world.pass(2 * DAY).await;
    let late = report(&[hers]).await;
    assert!(matches!(late, ReportError::NotKept { id } if id == hers.id()), "{late:?}");
    for user in [alice(), bob()] {
        assert!(shown(&world, &user).await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_for_a_report_unless_the_settings_say_so() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    let message = heard(&world, &phone, SHOP, "hello").await;
    let refused = world.relay.report(SHOP, &[message], Reason::Spam, false).await.unwrap_err();
    assert!(matches!(refused, ReportError::NotKept { .. }), "{refused:?}");
    assert!(!everything(&world.rows).await.iter().any(|row| row.key.space().number() == REPORTABLE));
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_for_a_report_ends_with_its_user_and_with_its_business() {
    let world = keeping(30 * DAY).await;
    let (phone, other) = (world.device(alice()).await, world.device(bob()).await);
    let kept = async || {
        let rows = everything(&world.rows).await;
        rows.into_iter()
            .filter(|row| row.key.space().number() == REPORTABLE)
            .map(|row| row.partition)
            .collect::<Vec<_>>()
    };
    for business in [SHOP, BAKERY] {
        heard(&world, &phone, business, "hello").await;
        heard(&world, &other, business, "hello").await;
    }
    let (hers, his) = (partition(&world.rows, &alice()).await, partition(&world.rows, &bob()).await);
    let mut all = kept().await;
    all.sort_unstable();
    let mut expected = [hers, hers, his, his];
    expected.sort_unstable();
    assert_eq!(all, expected);
    world.relay.erase(&alice()).await.unwrap();
    assert_eq!(kept().await, [his, his]);
    world.relay.erase_business(SHOP).await.unwrap();
    assert_eq!(kept().await, [his]);
    // With the last day that it is kept for, and with it the conversation.
    world.pass(33 * DAY).await;
    assert_eq!(kept().await, []);
}

/// The rule of the carrier, from end to end: each business for itself, and the user is told of what does not
/// go.
#[tokio::test(start_paused = true)]
async fn a_user_whom_five_businesses_report_writes_to_none_for_a_week() {
    let settings = Settings::default().reportable_for(Retention::LONGEST);
    let world = World::on(settings, |carrier: Carrier<Arc<MemoryStore>>| {
        carrier.with_protection(Arc::new(bulla_base::SeededRng::new(7)))
    });
    let world = world.await;
    let phone = world.device(alice()).await;
    let mut businesses = vec![SHOP, BAKERY];
    for number in 11..14 {
        let ours = Number::parse(&format!("155507838{number}")).unwrap();
        let business = Business::new(PhoneNumberId::new(number), BusinessAccountId::new(number), ours);
        businesses.push(business.id());
        world.relay.add_business(business).await.unwrap();
    }
    let until = async || world.line.ledger().user_paused_until(&alice()).await.unwrap();
    for business in &businesses {
        assert_eq!(until().await, None);
        let message = heard(&world, &phone, *business, "buy now").await;
        for _ in 0..2 {
            world.relay.report(*business, &[message], Reason::Spam, false).await.unwrap();
        }
    }
    assert!(until().await.is_some_and(|until| until.since(world.clock.now()) <= 7 * DAY));
    let before = world.sink.taken().len();
    let lost = phone.send(SHOP, &says("buy now!")).await.unwrap();
    let told = loop {
        let event = phone.next().await.unwrap();
        let is_told = matches!(event.kind(), DeviceEventKind::NotDelivered) && event.id() == lost;
        phone.acknowledge(event).await.unwrap();
        if is_told {
            break true;
        }
    };
    assert!(told && world.sink.taken().len() == before);
    // It is the user who is paused: businesses write to them, and the operator takes it back.
    world.relay.submit(SHOP, to(alice(), "calm down")).await.unwrap();
    assert!(world.line.ledger().forgive_user(&alice()).await.unwrap());
    heard(&world, &phone, BAKERY, "sorry").await;
    let is_text = |event: &Event| matches!(event, Event::Message(..));
    assert_eq!(world.sink.taken().iter().filter(|event| is_text(event)).count(), businesses.len() + 1);
}
