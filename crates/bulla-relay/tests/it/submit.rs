use bulla_base::{BusinessAccountId, Category, MessageId, PhoneNumberId};
use bulla_device::DeviceEventKind;
use bulla_envelope::Kind;
use bulla_meter::{Flow, Hour, Market, Period, PricingCategory, Traits, WindowState, Zone};
use bulla_relay::{
    Event, MAX_IDEMPOTENCY_BYTES, MAX_TRACKING_CHARS, MarkReadError, OnBreach, Outgoing, OutgoingBody, Rules,
    Settings, SubmitError, UserId,
};

use crate::forward_events::words;
use crate::world::{BAKERY, SHOP, TestDevice, World, alice, bob, says, text, to};

/// What the next message with these words answers.
async fn quoted(phone: &TestDevice, words: &str) -> Option<MessageId> {
    loop {
        if let DeviceEventKind::Message(content) = phone.next().await.unwrap().kind()
            && content.body() == says(words).body()
        {
            return content.in_reply_to();
        }
    }
}

async fn accepted_and_counted(world: &World) -> u64 {
    world.relay.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser)
}

#[tokio::test(start_paused = true)]
async fn a_message_under_a_key_that_was_used_is_sent_once() {
    let world = World::new().await;
    let alice_phone = world.device(alice()).await;
    let first = world.relay.submit(SHOP, to(alice(), "hello").idempotency_key("key")).await.unwrap();
    for _ in 0..3 {
        assert_eq!(
            world.relay.submit(SHOP, to(alice(), "hello").idempotency_key("key")).await.unwrap(),
            first
        );
    }
    let other = world.relay.submit(SHOP, to(alice(), "something else").idempotency_key("key")).await;
    assert!(matches!(other, Err(SubmitError::KeyReused { .. })));
    let second = world.relay.submit(SHOP, to(alice(), "next").idempotency_key("another key")).await.unwrap();
    assert_ne!(second, first);

    for words in ["hello", "next"] {
        assert_eq!(alice_phone.next().await.unwrap().kind(), &DeviceEventKind::Message(says(words)));
    }
    assert_eq!(accepted_and_counted(&world).await, 2);
}

#[tokio::test(start_paused = true)]
async fn of_many_posts_at_once_under_one_key_one_is_sent() {
    let world = World::new().await;
    let _phone = world.device(alice()).await;
    let posts: Vec<_> = (0..64)
        .map(|_| {
            let relay = world.relay.clone();
            tokio::spawn(async move {
                relay.submit(SHOP, to(alice(), "hello").idempotency_key("key")).await.unwrap()
            })
        })
        .collect();
    let mut references = Vec::new();
    for post in posts {
        references.push(post.await.unwrap());
    }
    references.dedup();
    assert_eq!(references.len(), 1);
    assert_eq!(accepted_and_counted(&world).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_post_whose_caller_hangs_up_is_sent_all_the_same() {
    // The message was durable and the caller gone before anybody was told to send it: it waited for the next
    // message of its conversation.
    let world = World::new().await;
    let alice_phone = world.device(alice()).await;
    for milliseconds in 0..12 {
        let words = format!("hung up after {milliseconds} ms");
        let patience = std::time::Duration::from_millis(milliseconds);
        tokio::select! {
            biased;
            _ = world.relay.submit(SHOP, to(alice(), &words)) => {}
            () = world.pass(patience) => {}
        }
        assert_eq!(alice_phone.next().await.unwrap().kind(), &DeviceEventKind::Message(says(&words)));
    }
    assert_eq!(accepted_and_counted(&world).await, 12);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_accepted_for_a_number_that_is_not_ours() {
    let world = World::new().await;
    let stranger = PhoneNumberId::new(1);
    let refused = world.relay.submit(stranger, to(alice(), "hello")).await;
    assert!(matches!(refused, Err(SubmitError::UnknownBusiness { business }) if business == stranger));
}

#[tokio::test(start_paused = true)]
async fn tracking_and_keys_are_taken_at_their_limits_and_refused_beyond() {
    let world = World::new().await;
    let _phone = world.device(alice()).await;
    let (tracking, key) = ("é".repeat(MAX_TRACKING_CHARS), "k".repeat(MAX_IDEMPOTENCY_BYTES));
    let message = to(alice(), "hello").tracking(tracking.clone()).idempotency_key(key.clone());
    world.relay.submit(SHOP, message).await.unwrap();
    for message in
        [to(alice(), "hello").tracking(tracking + "x"), to(alice(), "hello").idempotency_key(key + "x")]
    {
        let refused = world.relay.submit(SHOP, message).await.unwrap_err();
        assert!(matches!(refused, SubmitError::TooLong { .. }), "{refused:?}");
    }
    assert_eq!(accepted_and_counted(&world).await, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_reacted_to_is_of_the_same_conversation() {
    let world = World::new().await;
    let (_alice, _bob) = (world.device(alice()).await, world.device(bob()).await);
    let with_alice = world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    let of_the_bakery = world.relay.submit(BAKERY, to(alice(), "hello")).await.unwrap();

    let reaction = |message| OutgoingBody::Reaction { to: message, emoji: Some("👍".to_owned()) };
    for message in
        [Outgoing::new(bob(), reaction(with_alice)), Outgoing::new(alice(), reaction(of_the_bakery))]
    {
        let refused = world.relay.submit(SHOP, message).await.unwrap_err();
        assert!(matches!(refused, SubmitError::OtherConversation { .. }), "{refused:?}");
    }
    world.relay.submit(SHOP, Outgoing::new(alice(), reaction(with_alice))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_message_that_is_not_known_is_sent_without_the_quote() {
    let world = World::new().await;
    let (phone, _bob) = (world.device(alice()).await, world.device(bob()).await);
    let ours = world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    phone.send(SHOP, &says("hello")).await.unwrap();
    let with_bob = world.relay.submit(SHOP, to(bob(), "hello")).await.unwrap();
    let of_the_bakery = world.relay.submit(BAKERY, to(alice(), "hello")).await.unwrap();
    let taken = world.sink.wait_for(7, &*world.clock).await;
    let theirs = taken.iter().find(|event| matches!(event, Event::Message(..))).unwrap().subject().message;

    for (answered, quote) in
        [(ours, Some(ours.id())), (theirs, Some(theirs.id())), (with_bob, None), (of_the_bakery, None)]
    {
        world.relay.submit(SHOP, to(alice(), "indeed").replying_to(answered)).await.unwrap();
        assert_eq!(quoted(&phone, "indeed").await, quote);
    }
    world.pass(std::time::Duration::from_secs(31 * 24 * 3600)).await;
    world.relay.submit(SHOP, to(alice(), "after all").replying_to(ours)).await.unwrap();
    assert_eq!(quoted(&phone, "after all").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_used_for_another_recipient_is_a_conflict() {
    let world = World::new().await;
    let (_alice, _bob) = (world.device(alice()).await, world.device(bob()).await);
    world.relay.submit(SHOP, to(alice(), "hello").idempotency_key("key")).await.unwrap();
    let other = world.relay.submit(SHOP, to(bob(), "hello").idempotency_key("key")).await;
    assert!(matches!(other, Err(SubmitError::KeyReused { .. })), "{other:?}");
    // Another business's keys are its own.
    world.relay.submit(BAKERY, to(bob(), "hello").idempotency_key("key")).await.unwrap();
    let posts =
        [alice(), bob()].map(|user| world.relay.submit(SHOP, to(user, "hello").idempotency_key("another")));
    let [one, two] = posts;
    let (one, two) = tokio::join!(one, two);
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    // For as long as the key lives, over days.
    world.pass(std::time::Duration::from_secs(29 * 24 * 3600)).await;
    let other = world.relay.submit(SHOP, to(bob(), "hello").idempotency_key("key")).await;
    assert!(matches!(other, Err(SubmitError::KeyReused { .. })), "{other:?}");
    assert_eq!(accepted_and_counted(&world).await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_repeated_under_its_key_is_the_same_when_what_it_answers_is_forgotten() {
    let world = World::new().await;
    let _phone = world.device(alice()).await;
    let first = world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    world.pass(std::time::Duration::from_secs(29 * 24 * 3600)).await;
    let answer = || to(alice(), "indeed").replying_to(first).idempotency_key("key");
    let reference = world.relay.submit(SHOP, answer()).await.unwrap();
    world.pass(std::time::Duration::from_secs(2 * 24 * 3600)).await;
    assert_eq!(world.relay.submit(SHOP, answer()).await.unwrap(), reference);
}

#[tokio::test(start_paused = true)]
async fn a_business_reaches_a_user_by_id_only_while_its_own_conversation_lives() {
    // The number stood once for all businesses: who wrote to the user kept it at hand for every other.
    let day = std::time::Duration::from_secs(24 * 3600);
    let world = World::new().await;
    let _phone = world.device(alice()).await;
    let at_the_bakery = world.relay.submit(BAKERY, to(alice(), "hello")).await.unwrap().user();
    world.pass(20 * day).await;
    let at_the_shop = world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap().user();
    world.relay.submit(BAKERY, Outgoing::new(at_the_bakery, text("still here?"))).await.unwrap();
    world.pass(20 * day).await;
    world.relay.submit(SHOP, Outgoing::new(at_the_shop, text("hello"))).await.unwrap();
    world.pass(11 * day).await;
    let refused = world.relay.submit(BAKERY, Outgoing::new(at_the_bakery, text("hello"))).await;
    assert!(matches!(refused, Err(SubmitError::UnknownUser)), "{refused:?}");
    world.relay.submit(SHOP, Outgoing::new(at_the_shop, text("hello"))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_is_counted_as_what_the_business_declares() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    let message = to(alice(), "buy more").category(Category::Marketing);
    world.relay.submit(SHOP, message).await.unwrap();
    phone.next().await.unwrap();
    for bill in [world.relay.bill(SHOP).await.unwrap(), world.line.bill(SHOP).await] {
        let categories: Vec<_> = bill.lines().map(|(tally, count)| (tally.category(), count)).collect();
        assert_eq!(categories, [(Category::Marketing, 1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_delivered_and_read_is_counted_once_and_what_waits_is_not() {
    // Windows are known where a rule keeps them.
    let settings = Settings::default().rules(Rules::none().service_window(OnBreach::Refuse));
    let world = World::with(settings).await;
    let phone = world.device(alice()).await;
    let (account, market) = (BusinessAccountId::new(7), Market::of(&alice()));
    let (zone, always) = (Zone::utc(), [0, u32::MAX].map(Hour::from_minutes));
    let within = async |from, to| {
        let period = Period::new(from, to).unwrap();
        world.relay.usage((account, &zone), SHOP, period).await.unwrap().counts()
    };
    let usage = async || within(always[0], always[1]).await;
    world.relay.submit(SHOP, to(alice(), "hello").category(Category::Utility)).await.unwrap();
    let event = phone.next().await.unwrap();
    world.pass(std::time::Duration::from_secs(60)).await;
    let counted = usage().await;
    let traits = Traits::message(PricingCategory::Utility, market);
    assert_eq!(counted.len(), 1);
    let (key, units) = counted[0];
    assert_eq!((key.account(), key.number(), key.traits(), units), (account, SHOP, traits, 1));
    let next = Hour::from_minutes(key.hour().minutes() + 60);
    assert_eq!(within(key.hour(), next).await, counted);
    assert!(within(always[0], key.hour()).await.is_empty() && within(next, always[1]).await.is_empty());
    // It is read in a later hour.
    world.pass(std::time::Duration::from_secs(7200)).await;
    phone.acknowledge(event).await.unwrap();
    world.pass(std::time::Duration::from_secs(60)).await;
    assert_eq!(usage().await, counted);
    // Who wrote has a window, and the answer is of another price.
    phone.send(SHOP, &says("and?")).await.unwrap();
    world.pass(std::time::Duration::from_secs(60)).await;
    world.relay.submit(SHOP, to(alice(), "yes").category(Category::Utility)).await.unwrap();
    world.pass(std::time::Duration::from_secs(60)).await;
    let windows: Vec<_> = usage().await.iter().map(|(key, units)| (key.traits().window, *units)).collect();
    assert_eq!(windows, [(WindowState::Closed, 1), (WindowState::Open, 1)]);
    phone.close().await;
    world.relay.submit(SHOP, to(alice(), "nobody is there")).await.unwrap();
    world.pass(std::time::Duration::from_secs(60)).await;
    assert_eq!(usage().await.iter().map(|(_, units)| units).sum::<i64>(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_user_declares_changes_no_bill() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    for (number, category) in Category::ALL.into_iter().enumerate() {
        world.line.declare(Kind::Message(category));
        phone.send(SHOP, &says("hello")).await.unwrap();
        world.sink.wait_for(number + 1, &*world.clock).await;
    }
    for bill in [world.relay.bill(SHOP).await.unwrap(), world.line.bill(SHOP).await] {
        let categories: Vec<_> = bill.lines().map(|(tally, count)| (tally.category(), count)).collect();
        assert_eq!(categories, [(Category::Service, 4)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_that_is_declared_as_a_receipt_is_not_taken() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    for declared in [Kind::Receipt, Kind::RetryRequest] {
        world.line.declare(declared);
        phone.send(SHOP, &says("free of charge")).await.unwrap();
    }
    world.pass(std::time::Duration::from_secs(60)).await;
    world.line.declare(Kind::Message(Category::Service));
    phone.send(SHOP, &says("counted")).await.unwrap();
    let taken = world.sink.wait_for(1, &*world.clock).await;
    assert_eq!(words(&taken), ["counted"]);
    assert_eq!(world.relay.bill(SHOP).await.unwrap().total(SHOP, Flow::ToBusiness), 1);
}

#[tokio::test(start_paused = true)]
async fn a_user_is_known_by_an_id_that_is_of_one_business() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    let reference = world.relay.submit(SHOP, to(alice(), "by number")).await.unwrap();
    world.relay.submit(SHOP, Outgoing::new(reference.user(), text("by id"))).await.unwrap();
    for words in ["by number", "by id"] {
        assert_eq!(phone.next().await.unwrap().kind(), &DeviceEventKind::Message(says(words)));
    }
    let elsewhere = world.relay.submit(BAKERY, Outgoing::new(reference.user(), text("hello"))).await;
    assert!(matches!(elsewhere, Err(SubmitError::UnknownUser)));
    let nobody = world.relay.submit(SHOP, Outgoing::new(UserId::from_bytes([7; 16]), text("hello"))).await;
    assert!(matches!(nobody, Err(SubmitError::UnknownUser)));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_stored_when_keys_are_needed_and_the_line_is_cut() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.line.cut(true);
    let refused = world.relay.submit(SHOP, to(alice(), "hello")).await;
    assert!(matches!(refused, Err(SubmitError::Unavailable(_))));
    assert_eq!(accepted_and_counted(&world).await, 0);
    world.line.cut(false);
    world.relay.submit(SHOP, to(alice(), "again")).await.unwrap();
    assert_eq!(phone.next().await.unwrap().kind(), &DeviceEventKind::Message(says("again")));
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_while_the_line_is_cut_arrives_when_it_is_whole() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    world.relay.submit(SHOP, to(alice(), "first")).await.unwrap();
    assert_eq!(phone.next().await.unwrap().kind(), &DeviceEventKind::Message(says("first")));
    world.line.cut(true);
    for words in ["second", "third"] {
        world.relay.submit(SHOP, to(alice(), words)).await.unwrap();
    }
    world.pass(std::time::Duration::from_secs(600)).await;
    world.line.cut(false);
    for words in ["second", "third"] {
        assert_eq!(phone.next().await.unwrap().kind(), &DeviceEventKind::Message(says(words)));
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_a_user_sent_can_be_marked_as_read() {
    let world = World::new().await;
    let phone = world.device(alice()).await;
    let sent = world.relay.submit(SHOP, to(alice(), "hello")).await.unwrap();
    let refused = world.relay.mark_read(SHOP, sent).await;
    assert!(matches!(refused, Err(MarkReadError::UnknownMessage)));

    let id = phone.send(SHOP, &says("hello")).await.unwrap();
    let taken = world.sink.wait_for(3, &*world.clock).await;
    let message = taken.iter().find(|event| matches!(event, Event::Message(..))).unwrap().subject().message;
    assert_eq!(message.id(), id);
    let elsewhere = world.relay.mark_read(BAKERY, message).await;
    assert!(matches!(elsewhere, Err(MarkReadError::UnknownMessage)));
    world.relay.mark_read(SHOP, message).await.unwrap();
    let mut read = false;
    while !read {
        if let DeviceEventKind::Receipt(receipt) = phone.next().await.unwrap().kind() {
            assert_eq!(receipt.messages(), [id]);
            read = receipt.progress() == bulla_content::Progress::Read;
        }
    }
}
