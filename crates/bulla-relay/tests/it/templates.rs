//! Message templates: kept for an account, filled in for a message, and gone with its last number.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla_base::{BusinessAccountId, Category, Number};
use bulla_content::{Body, Template};
use bulla_device::DeviceEventKind;
use bulla_meter::{Flow, Tally};
use bulla_relay::{
    AccountEvent, Business, ButtonDefinition, Event, EventSink, MAX_TEMPLATES, OnBreach, Outgoing,
    OutgoingBody, OutgoingTemplate, PageStart, Relay, Review, Rules, Settings, SinkError, SubmitError,
    TemplateDefinition, TemplateError, TemplateParameters, TemplateQuery, TemplateRefusal, TemplateReview,
    TemplateStatus, TemplateText, TextParameter,
};
use bulla_store::{BoxStore, CountingStore, MemoryStore};

use crate::cancellation::everything;
use crate::world::{BAKERY, SHOP, TestDevice, World, alice, business, to};

fn order(language: &str) -> TemplateDefinition {
    let body = TemplateText::new("Hi {{1}}, your order is on its way.");
    let button = ButtonDefinition::QuickReply { text: "Thanks".into() };
    TemplateDefinition::new("order_update", language, Category::Utility, body).with_buttons(vec![button])
}

fn named(name: &str) -> TemplateDefinition {
    TemplateDefinition::new(name, "en", Category::Marketing, TemplateText::new("Hello"))
}

fn sent(name: &str, language: &str, texts: &[&str]) -> OutgoingTemplate {
    let texts = texts.iter().map(|text| TextParameter::new(*text)).collect();
    OutgoingTemplate::new(name, language).with(TemplateParameters::new().body(texts))
}

fn to_alice(template: OutgoingTemplate) -> Outgoing {
    Outgoing::new(alice(), OutgoingBody::Template(Box::new(template)))
}

fn refusal<R: std::fmt::Debug>(outcome: Result<R, SubmitError>) -> TemplateRefusal {
    match outcome {
        Err(SubmitError::Template(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

async fn hear(phone: &TestDevice) -> Template {
    let event = phone.next().await.unwrap();
    let DeviceEventKind::Message(content) = event.kind() else { panic!("{event:?}") };
    let Body::Template(template) = content.body().clone() else { panic!("{content:?}") };
    phone.acknowledge(event).await.unwrap();
    *template
}

#[tokio::test(start_paused = true)]
async fn the_device_gets_what_the_template_comes_to_also_outside_the_window() {
    let rules = Rules::none().service_window(OnBreach::Refuse);
    let world = World::with(Settings::default().rules(rules)).await;
    let phone = world.device(alice()).await;
    let template = world.relay.create_template(SHOP, order("en")).await.unwrap();
    assert_eq!(template.status, TemplateStatus::Approved);
    let service = world.relay.submit(SHOP, to(alice(), "too early")).await;
    assert!(matches!(service, Err(SubmitError::WindowClosed)));

    // A dry run shows the same, and sends and counts nothing.
    let message = sent("order_update", "en", &["Ann"]);
    let rows = everything(&world.rows).await.len();
    let (category, shown) = world.relay.preview_template(SHOP, message.clone()).await.unwrap();
    assert_eq!(category, Category::Utility);
    assert_eq!(everything(&world.rows).await.len(), rows);

    world.relay.submit(SHOP, to_alice(message)).await.unwrap();
    let heard = hear(&phone).await;
    assert_eq!(heard, shown);
    assert_eq!(heard.body(), "Hi Ann, your order is on its way.");
    assert_eq!(heard.buttons().len(), 1);
    // Any number of the account sends it, and it is counted as what it is.
    world.relay.submit(BAKERY, to_alice(sent("order_update", "en", &["Bo"]))).await.unwrap();
    assert_eq!(hear(&phone).await.body(), "Hi Bo, your order is on its way.");
    for business in [SHOP, BAKERY] {
        let day = world.clock.now().day();
        let tally = Tally::new(business, day, Flow::ToUser, Category::Utility);
        assert_eq!(world.relay.bill(business).await.unwrap().count(tally), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_sent_is_refused_before_anything_is_stored() {
    let world = World::new().await;
    world.relay.create_template(SHOP, order("en_US")).await.unwrap();
    world.relay.create_template(SHOP, order("de")).await.unwrap();
    let rows = everything(&world.rows).await.len();
    let submit = |name: &'static str, language: &'static str| {
        world.relay.submit(SHOP, to_alice(sent(name, language, &["Ann"])))
    };
    let unknown = |name: &str, language: &str| TemplateRefusal::Unknown {
        nearest: Some((name.to_owned(), language.to_owned())),
    };
    // Another country of the language comes before another language.
    assert_eq!(refusal(submit("order_update", "en").await), unknown("order_update", "en_US"));
    assert_eq!(refusal(submit("order_update", "fr").await), unknown("order_update", "de"));
    assert_eq!(refusal(submit("order_updates", "de").await), unknown("order_update", "de"));
    assert_eq!(refusal(submit("goodbye", "en").await), TemplateRefusal::Unknown { nearest: None });
    let long: &'static str = Box::leak("x".repeat(2000).into_boxed_str());
    assert_eq!(refusal(submit(long, "en").await), TemplateRefusal::Unknown { nearest: None });
    assert!(matches!(refusal(submit("order_update", long).await), TemplateRefusal::Unknown { .. }));

    let few = world.relay.submit(SHOP, to_alice(sent("order_update", "de", &[]))).await;
    assert_eq!(refusal(few).to_string(), "body: 0 parameters, where the template takes 1");
    assert_eq!(everything(&world.rows).await.len(), rows, "nothing was stored");
    assert_eq!(world.sink.taken(), []);
}

#[tokio::test(start_paused = true)]
async fn templates_are_listed_in_pages_edited_and_deleted() {
    let world = World::new().await;
    let relay = &world.relay;
    for name in ["b", "a", "c"] {
        relay.create_template(SHOP, named(name)).await.unwrap();
    }
    let longest = "d".repeat(512);
    let long = relay.create_template(SHOP, named(&longest)).await.unwrap();
    relay.create_template(BAKERY, order("en")).await.unwrap();
    let again = relay.create_template(BAKERY, named("a")).await;
    assert!(matches!(again, Err(TemplateError::Exists)));

    let (mut query, mut seen) = (TemplateQuery::new(2), Vec::new());
    loop {
        let page = relay.templates(SHOP, query.clone()).await.unwrap();
        assert!(page.templates.len() <= 2 && page.total == 5);
        seen.extend(page.templates.iter().map(|template| template.definition.name().to_owned()));
        let Some(place) = page.next else { break };
        query = query.start(PageStart::After(place));
    }
    assert_eq!(seen, ["a", "b", "c", &longest, "order_update"]);
    // And back, in pages that are in the same order.
    let mut back = Vec::new();
    query = query.start(PageStart::Before(("order_update".into(), "en".into())));
    loop {
        let page = relay.templates(SHOP, query.clone()).await.unwrap();
        let names = page.templates.iter().map(|template| template.definition.name().to_owned());
        back.splice(0..0, names);
        let Some(place) = page.next else { break };
        query = query.start(PageStart::Before(place));
    }
    assert_eq!(back, ["a", "b", "c", &longest]);
    query = TemplateQuery::new(1).name("b").start(PageStart::Before(("c".into(), String::new())));
    assert_eq!(relay.templates(SHOP, query).await.unwrap().templates.len(), 1);
    for (query, count) in [
        (TemplateQuery::new(9).name("order_update"), 1),
        (TemplateQuery::new(9).name("order"), 0),
        (TemplateQuery::new(9).category(Category::Marketing), 4),
        (TemplateQuery::new(9).language("en"), 5),
        (TemplateQuery::new(9).language("de"), 0),
        (TemplateQuery::new(9).status(TemplateStatus::Rejected), 0),
        (TemplateQuery::new(9).status(TemplateStatus::Approved), 5),
        (TemplateQuery::new(9).status(TemplateStatus::Rejected).status(TemplateStatus::Approved), 5),
        (TemplateQuery::new(9).name(longest.as_str()), 1),
        (TemplateQuery::new(9).content("on its way"), 1),
        (TemplateQuery::new(9).content("order_"), 0),
        (TemplateQuery::new(9).name_or_content("order_"), 1),
        (TemplateQuery::new(9).name_or_content("Hello"), 4),
    ] {
        assert_eq!(relay.templates(SHOP, query.clone()).await.unwrap().templates.len(), count, "{query:?}");
    }

    assert_eq!(relay.template(SHOP, long.id).await.unwrap(), long);
    let edited = named(&longest).with_footer("Bye");
    let after = relay.edit_template(SHOP, long.id, edited.clone()).await.unwrap();
    assert_eq!((after.id, &after.definition), (long.id, &edited));
    let renamed = relay.edit_template(SHOP, long.id, named("other")).await;
    assert!(matches!(renamed, Err(TemplateError::Invalid(_))), "{renamed:?}");
    relay.delete_template(SHOP, long.id).await.unwrap();
    assert!(matches!(relay.template(SHOP, long.id).await, Err(TemplateError::Unknown)));

    relay.create_template(SHOP, order("de")).await.unwrap();
    assert_eq!(relay.delete_templates(SHOP, "order_update".into()).await.unwrap(), 2);
    let gone = relay.delete_templates(SHOP, "order_update".into()).await;
    assert!(matches!(gone, Err(TemplateError::Unknown)));
    assert_eq!(relay.templates(SHOP, TemplateQuery::new(9)).await.unwrap().total, 3);

    // They are there after a restart.
    relay.close().await;
    let relay = world.reopen().await.unwrap();
    assert_eq!(relay.templates(SHOP, TemplateQuery::new(9)).await.unwrap().templates.len(), 3);
}

/// Rejects what says so.
#[derive(Debug)]
struct Strict;

impl TemplateReview for Strict {
    fn review(&self, account: BusinessAccountId, template: &TemplateDefinition) -> Review {
        assert_eq!(account, BusinessAccountId::new(1));
        match template.name() {
            "bad" => Review::rejected().because("INVALID_FORMAT"),
            _ => Review::pending(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_approved_is_not_sent_until_it_is() {
    let world = World::new().await;
    let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
    let store = BoxStore::new(MemoryStore::new());
    let relay = Relay::builder(store, world.line.clone(), world.sink.clone(), clock, rng);
    let other = Business::new(SHOP, BusinessAccountId::new(1), Number::parse("15550783881").unwrap());
    let relay = relay.business(other).template_review(Strict).open().await.unwrap();
    let bad = relay.create_template(SHOP, named("bad")).await.unwrap();
    assert_eq!((bad.status, bad.reason.as_deref()), (TemplateStatus::Rejected, Some("INVALID_FORMAT")));
    let good = relay.create_template(SHOP, named("good")).await.unwrap();
    assert_eq!(good.status, TemplateStatus::Pending);
    let preview = async || relay.preview_template(SHOP, OutgoingTemplate::new("good", "en")).await;
    let not = |status| TemplateRefusal::NotApproved { status };
    assert_eq!(refusal(preview().await), not(TemplateStatus::Pending));
    relay.review_template(SHOP, good.id, Review::approved()).await.unwrap();
    assert!(preview().await.is_ok());
    for status in [TemplateStatus::Paused, TemplateStatus::Disabled] {
        relay.review_template(SHOP, good.id, Review::new(status)).await.unwrap();
        assert_eq!(refusal(preview().await), not(status));
        let edited =
            relay.edit_template(SHOP, good.id, named("good").with_footer(status.name())).await.unwrap();
        assert_eq!((edited.status, edited.definition.footer()), (status, Some(status.name())));
        assert_eq!(refusal(preview().await), not(status));
    }
    relay.review_template(SHOP, good.id, Review::approved()).await.unwrap();
    assert!(preview().await.is_ok());
    assert_eq!(
        relay.edit_template(SHOP, good.id, named("good")).await.unwrap().status,
        TemplateStatus::Pending
    );
}

/// A crash between the wish and its end changes nothing of that: see `cancellation.rs`.
#[tokio::test(start_paused = true)]
async fn templates_go_with_the_last_number_of_their_account() {
    let world = World::new().await;
    let empty = everything(&world.rows).await.len();
    world.relay.create_template(SHOP, order("en")).await.unwrap();
    let with_template = everything(&world.rows).await.len();
    assert!(with_template > empty);
    world.relay.erase_business(BAKERY).await.unwrap();
    let page = world.relay.templates(SHOP, TemplateQuery::new(9)).await.unwrap();
    assert_eq!(page.total, 1, "another number of the account is there");
    world.relay.erase_business(SHOP).await.unwrap();
    world.relay.add_business(business(SHOP)).await.unwrap();
    let page = world.relay.templates(SHOP, TemplateQuery::new(9)).await.unwrap();
    assert_eq!((page.total, page.templates.len()), (0, 0));
}

/// What is looked up by name and language costs as much beside 2,000 templates as alone.
#[tokio::test(start_paused = true)]
async fn many_templates_make_no_call_dearer() {
    let world = World::new().await;
    let store = CountingStore::new(MemoryStore::new());
    let counts = store.counts();
    let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
    let relay = Relay::builder(store, world.line.clone(), world.sink.clone(), clock, rng);
    let relay = relay.business(business(SHOP)).open().await.unwrap();
    relay.create_template(SHOP, order("en")).await.unwrap();
    let (mut costs, mut lists) = (Vec::new(), Vec::new());
    for count in [0, MAX_TEMPLATES - 1] {
        for number in 0..count {
            relay.create_template(SHOP, named(&format!("order_{number:04}"))).await.unwrap();
        }
        let _ = counts.take();
        relay.preview_template(SHOP, sent("order_update", "en", &["Ann"])).await.unwrap();
        let known = counts.take();
        let unknown = relay.preview_template(SHOP, sent("order_updat", "en", &["Ann"])).await;
        assert!(matches!(refusal(unknown), TemplateRefusal::Unknown { nearest: Some(_) }));
        let unknown = counts.take().reads();
        let named = relay.templates(SHOP, TemplateQuery::new(9).name("order_update")).await.unwrap();
        let listed = (named.templates.len(), counts.take());
        costs.push((known.reads(), unknown));
        lists.push((listed.0, listed.1.reads(), listed.1.rows_read));
    }
    let [(known, unknown), (beside_many, unknown_beside_many)] = costs[..] else { panic!("{costs:?}") };
    // The one, and how many there are.
    assert!(lists.iter().all(|(found, reads, rows)| *found == 1 && *reads <= 2 && *rows <= 2), "{lists:?}");
    // One read, or none while it is in memory.
    assert!(known <= 1 && beside_many <= 1, "{costs:?}");
    assert!(unknown_beside_many <= unknown + 1 && unknown <= 5, "{costs:?}");
    let page = relay.templates(SHOP, TemplateQuery::new(100).language("de")).await.unwrap();
    assert!(page.templates.is_empty() && page.next.is_some(), "a page looks at a part of them");
}

/// What a review came to.
type Came = (TemplateStatus, Option<String>);

/// Takes what is told of accounts, after it has refused so many times.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<(usize, Vec<Came>)>>);

impl EventSink for Told {
    async fn forward(&self, _: &Event) -> Result<(), SinkError> {
        Ok(())
    }

    async fn forward_account(&self, event: &AccountEvent) -> Result<(), SinkError> {
        let AccountEvent::Template(update) = event else { panic!("{event:?}") };
        assert_eq!((update.business, update.account), (SHOP, BusinessAccountId::new(1)));
        let mut told = self.0.lock().unwrap();
        if told.0 > 0 {
            told.0 -= 1;
            return Err(SinkError::new("later"));
        }
        told.1.push((update.template.status, update.template.reason.clone()));
        Ok(())
    }
}

impl Told {
    fn take(&self) -> Vec<Came> {
        std::mem::take(&mut self.0.lock().unwrap().1)
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_review_comes_to_is_told_in_its_order_until_it_is_taken() {
    let (world, told) = (World::new().await, Told::default());
    let store = Arc::new(MemoryStore::new());
    let open = async || {
        let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
        let relay = Relay::builder(Arc::clone(&store), world.line.clone(), told.clone(), clock, rng);
        relay.business(business(SHOP)).template_review(Strict).open().await.unwrap()
    };
    let relay = open().await;
    let good = relay.create_template(SHOP, named("good")).await.unwrap();
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(told.take(), [], "it is still being looked at");
    told.0.lock().unwrap().0 = 3;
    relay.review_template(SHOP, good.id, Review::approved()).await.unwrap();
    relay.review_template(SHOP, good.id, Review::rejected().because("ABUSIVE_CONTENT")).await.unwrap();
    world.pass(Duration::from_secs(60)).await;
    let both =
        [(TemplateStatus::Approved, None), (TemplateStatus::Rejected, Some("ABUSIVE_CONTENT".to_owned()))];
    assert_eq!(told.take(), both);

    // What was not taken by one run is told by the next; what was, is not.
    told.0.lock().unwrap().0 = 1;
    relay.review_template(SHOP, good.id, Review::new(TemplateStatus::Paused)).await.unwrap();
    world.pass(Duration::from_millis(10)).await;
    relay.close().await;
    told.0.lock().unwrap().0 = 0;
    let relay = open().await;
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(told.take(), [(TemplateStatus::Paused, None)]);
    relay.close().await;
}
