//! What a business's web server is sent.

use std::sync::Arc;

use axum::body::Body;
use bulla_base::{BusinessAccountId, Category, Clock, Number, SeededRng, Timestamp};
use bulla_content::{AttachmentKey, AttachmentPointer, Sticker, Text};
use bulla_relay::{
    Business, Event, EventSink, Failure, Incoming, PricingType, SinkError, SinkErrorKind, Status,
    StatusUpdate, Subject, UserId, WindowState,
};
use bulla_webhook::{
    AllowedNetworks, Connector, MAX_RESPONSE_BODY_BYTES, MAX_RESPONSE_HEAD_BYTES, MAX_RETRY_AFTER,
    StatusPricing, Webhook, WebhookError, WebhookSink, signature,
};
use http::{Method, Response};
use serde_json::{Value, json};

use crate::api_ids::{NUMBER, OTHER_NUMBER, reference, wamid};
use crate::clock::{HastyClock, WaitingClock};
use crate::listeners::Listener;
use crate::receiver::{Receiver, plain, well_behaved};

pub(crate) const VERIFY_TOKEN: &str = "tok&en = é";
pub(crate) const APP_SECRET: &str = "app secret";
const USER_ID: &str = "ZZ.228189351935217557851910030866009271211";

pub(crate) fn business() -> Business {
    Business::new(NUMBER, BusinessAccountId::new(102_290_129_340_398), Number::parse("15550783881").unwrap())
}

pub(crate) fn webhook(receiver: &Receiver) -> Webhook {
    Webhook::new(&format!("http://{}/hook?key=1", receiver.address), VERIFY_TOKEN, APP_SECRET).unwrap()
}

pub(crate) fn sink(receiver: &Receiver) -> WebhookSink {
    sink_to(webhook(receiver), Arc::new(WaitingClock))
}

/// A sink that may call this machine.
pub(crate) fn local(clock: Arc<dyn Clock>) -> WebhookSink {
    let connector = Connector::new().allow(AllowedNetworks::loopback());
    WebhookSink::new(connector, clock, Arc::new(SeededRng::new(1)))
}

fn sink_to(webhook: Webhook, clock: Arc<dyn Clock>) -> WebhookSink {
    let sink = local(clock);
    sink.subscribe([business()], webhook).unwrap();
    sink
}

fn subject() -> Subject {
    let user = Number::parse("16505551234").unwrap();
    Subject::new(
        NUMBER,
        user,
        UserId::from_bytes([0xab; 16]),
        reference(1),
        Timestamp::from_millis(1_795_293_590_960),
    )
}

fn text(body: &str) -> Incoming {
    Incoming::Text { text: Text::new(body).unwrap(), in_reply_to: None }
}

pub(crate) fn message(incoming: Incoming) -> Event {
    Event::Message(subject(), incoming)
}

pub(crate) fn hello() -> Event {
    message(text("hello"))
}

fn status(status: Status, tracking: Option<&str>) -> Event {
    Event::Status(subject(), StatusUpdate::new(status, Category::Service, tracking.map(str::to_owned)))
}

pub(crate) fn cause(error: &SinkError) -> &WebhookError {
    std::error::Error::source(error).unwrap().downcast_ref().unwrap()
}

/// Delivers `event` and gives `value` of the one update that arrived, having looked at everything around it.
pub(crate) async fn delivered(event: Event) -> Value {
    let receiver = Receiver::start().await;
    let sink = sink(&receiver);
    sink.verify().await.unwrap();
    receiver.take();
    sink.forward(&event).await.unwrap();
    let seen = receiver.take();
    let [update] = &seen[..] else { panic!("{} requests", seen.len()) };
    assert_eq!((&update.method, update.target.as_str()), (&Method::POST, "/hook?key=1"));
    assert_eq!(update.headers["content-type"], "application/json");
    assert_eq!(update.headers["host"], receiver.address);
    assert_eq!(update.headers["content-length"], update.body.len().to_string());
    assert_eq!(update.headers.get("transfer-encoding"), None);
    assert!(update.body.is_ascii());
    let signed = update.headers[signature::HEADER].to_str().unwrap();
    assert!(signature::verify(APP_SECRET.as_bytes(), &update.body, signed));
    assert!(!signature::verify(VERIFY_TOKEN.as_bytes(), &update.body, signed));
    let mut json: Value = serde_json::from_slice(&update.body).unwrap();
    let text = std::str::from_utf8(&update.body).unwrap();
    assert!(!text.contains("\": ") && !text.contains(", \"") && !text.contains('\n'), "not compact: {text}");
    assert_eq!(json["object"], "whatsapp_business_account");
    assert_eq!(json["entry"].as_array().unwrap().len(), 1);
    assert_eq!(json["entry"][0]["id"], "102290129340398");
    assert_eq!(json["entry"][0]["changes"].as_array().unwrap().len(), 1);
    assert_eq!(json["entry"][0]["changes"][0]["field"], "messages");
    let mut value = json["entry"][0]["changes"][0]["value"].take();
    // The same in every update: taken off, so that a test shows what is its own.
    let fields = value.as_object_mut().unwrap();
    assert_eq!(fields.remove("messaging_product").unwrap(), "whatsapp");
    assert_eq!(
        fields.remove("metadata").unwrap(),
        json!({ "display_phone_number": "15550783881", "phone_number_id": "106540352242922" })
    );
    assert_eq!(
        fields.remove("contacts").unwrap(),
        json!([{ "profile": { "name": "+16505551234" }, "wa_id": "16505551234", "user_id": USER_ID }])
    );
    value
}

#[tokio::test]
async fn a_text_arrives_as_written() {
    let value = delivered(message(text("é👍 \"\\/\u{2028}\n"))).await;
    assert_eq!(
        value,
        json!({ "messages": [{
            "from": "16505551234", "from_user_id": USER_ID, "id": wamid(1), "timestamp": "1795293590", "type": "text",
            "text": { "body": "é👍 \"\\/\u{2028}\n" },
        }] })
    );
}

#[tokio::test]
async fn an_answer_names_the_business_and_the_message() {
    let answer = Incoming::Text { text: Text::new("yes").unwrap(), in_reply_to: Some(reference(2)) };
    let value = delivered(message(answer)).await;
    assert_eq!(value["messages"][0]["context"], json!({ "from": "15550783881", "id": wamid(2) }));
}

#[tokio::test]
async fn a_reaction_that_was_taken_off_has_no_emoji() {
    for (emoji, reaction) in [
        (Some("👍".to_owned()), json!({ "message_id": wamid(2), "emoji": "👍" })),
        (None, json!({ "message_id": wamid(2) })),
    ] {
        let value = delivered(message(Incoming::Reaction { to: reference(2), emoji })).await;
        assert_eq!(
            value,
            json!({ "messages": [{
                "from": "16505551234", "from_user_id": USER_ID, "id": wamid(1), "timestamp": "1795293590",
                "type": "reaction", "reaction": reaction,
            }] })
        );
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_told_of_is_told_as_unsupported_with_the_name_of_its_kind() {
    // Its sender is of a version that does not say what digest it has, by which a business would know it.
    let body = bulla_content::Body::Sticker(sticker());
    let value = delivered(message(Incoming::Other { body, in_reply_to: None })).await;
    let told = &value["messages"][0];
    assert_eq!((&told["type"], &told["id"]), (&json!("unsupported"), &json!(wamid(1))));
    assert_eq!(told["unsupported"], json!({ "type": "sticker" }));
    assert_eq!(told["errors"][0]["code"], 131_051);
    let details = told["errors"][0]["error_data"]["details"].as_str().unwrap();
    assert!(details.contains("digest"), "{details}");
}

fn sticker() -> Sticker {
    let (key, media_type) = (AttachmentKey::from_bytes([7; 32]), "image/webp");
    Sticker::new(AttachmentPointer::new("x", key, [9; 32], 1, media_type).unwrap(), false).unwrap()
}

#[tokio::test]
async fn a_status_names_the_user_and_gives_the_tracking_back() {
    for (reached, name) in [(Status::Sent, "sent"), (Status::Delivered, "delivered"), (Status::Read, "read")]
    {
        let value = delivered(status(reached, Some("order 7 é"))).await;
        assert_eq!(
            value,
            json!({ "statuses": [{
                "id": wamid(1), "status": name, "timestamp": "1795293590", "recipient_id": "16505551234",
                "recipient_user_id": USER_ID, "biz_opaque_callback_data": "order 7 é",
            }] })
        );
    }
    assert_eq!(
        delivered(status(Status::Sent, None)).await["statuses"][0].get("biz_opaque_callback_data"),
        None
    );
}

/// All that is in a window is free, for whoever has an account.
struct FreeInWindow;

impl StatusPricing for FreeInWindow {
    fn pricing_type(
        &self,
        account: BusinessAccountId,
        (_, window): (Category, WindowState),
        _: Timestamp,
    ) -> PricingType {
        assert_eq!(account, business().account());
        match window {
            WindowState::Open => PricingType::FreeCustomerService,
            _ => PricingType::Regular,
        }
    }
}

#[tokio::test]
async fn a_status_tells_what_a_message_is_billed_as() {
    let pricing = |kind: &str, category: &str| {
        json!({
            "billable": kind == "regular", "pricing_model": "PMP", "category": category, "type": kind,
        })
    };
    let status = |category| Event::Status(subject(), StatusUpdate::new(Status::Delivered, category, None));
    let billed = |category, window| match status(category) {
        Event::Status(subject, update) => Event::Status(subject, update.billed_in(window)),
        other => other,
    };
    let told = async |event| delivered(event).await["statuses"][0].get("pricing").cloned();
    for (category, window, kind) in [
        (Category::Service, WindowState::Open, "free_customer_service"),
        (Category::Service, WindowState::Closed, "free_customer_service"),
        (Category::Utility, WindowState::Open, "regular"),
        (Category::Marketing, WindowState::Closed, "regular"),
    ] {
        assert_eq!(told(billed(category, window)).await, Some(pricing(kind, category.name())));
    }
    assert_eq!(told(status(Category::Utility)).await, None);

    let receiver = Receiver::start().await;
    let sink = local(Arc::new(WaitingClock)).pricing(FreeInWindow);
    sink.subscribe([business()], webhook(&receiver)).unwrap();
    sink.forward(&billed(Category::Utility, WindowState::Open)).await.unwrap();
    let body: Value = serde_json::from_slice(&receiver.take().pop().unwrap().body).unwrap();
    let line = &body["entry"][0]["changes"][0]["value"]["statuses"][0];
    assert_eq!(line["pricing"], pricing("free_customer_service", "utility"));
}

#[tokio::test]
async fn a_failed_message_tells_why() {
    for (failure, why) in [
        (Failure::Undeliverable, "not known"),
        (Failure::Expired, "within its time to live"),
        (Failure::NotOpened, "could not open"),
    ] {
        let value = delivered(status(Status::Failed(failure), None)).await;
        let line = &value["statuses"][0];
        assert_eq!((&line["status"], &line["recipient_id"]), (&json!("failed"), &json!("16505551234")));
        let error = &line["errors"][0];
        assert_eq!((&error["code"], &error["title"]), (&json!(131_026), &json!("Message undeliverable")));
        assert_eq!(error["message"], error["title"]);
        assert!(error["href"].as_str().unwrap().starts_with("https://"));
        assert!(error["error_data"]["details"].as_str().unwrap().contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_message_that_broke_a_rule_fails_with_the_code_of_the_original() {
    for (failure, code, why) in [
        (Failure::WindowClosed, 131_047, "24 hours"),
        (Failure::PairRate, 131_056, "this recipient"),
        (Failure::MessagingLimit, 131_048, "service windows"),
        (Failure::Throughput, 130_429, "a second"),
        (Failure::MarketingLimit, 131_049, "marketing messages"),
    ] {
        let value = delivered(status(Status::Failed(failure), None)).await;
        let (line, error) = (&value["statuses"][0], &value["statuses"][0]["errors"][0]);
        assert_eq!((&line["status"], &error["code"]), (&json!("failed"), &json!(code)));
        assert!(error["error_data"]["details"].as_str().unwrap().contains(why), "{error}");
    }
}

#[tokio::test]
async fn only_200_is_a_yes() {
    let receiver = Receiver::start().await;
    let sink = sink(&receiver);
    for status in [201, 204, 301, 302, 307, 400, 401, 404, 500, 503] {
        receiver.answer(move |seen| match seen.method {
            Method::GET => well_behaved(seen),
            _ => Response::builder()
                .status(status)
                .header("location", "/elsewhere")
                .body(Body::empty())
                .unwrap(),
        });
        let error = sink.forward(&hello()).await.unwrap_err();
        assert!(
            matches!(cause(&error), WebhookError::Status { status: s, retry_after: None } if *s == status),
            "{error:?}"
        );
        let kind = if status < 500 { SinkErrorKind::Refused } else { SinkErrorKind::Unavailable };
        assert_eq!(error.kind(), kind);
        let seen = receiver.take();
        assert!(seen.iter().all(|seen| seen.target.starts_with("/hook?")), "a redirect was followed");
        assert_eq!(seen.iter().filter(|seen| seen.method == Method::POST).count(), 1);
    }
    receiver.answer(well_behaved);
    sink.forward(&hello()).await.unwrap();
}

#[tokio::test]
async fn a_busy_server_is_left_alone_as_long_as_it_asks() {
    let receiver = Receiver::start().await;
    let sink = sink(&receiver);
    for (seconds, pause) in [("7", Some(7)), ("999999", Some(MAX_RETRY_AFTER.as_secs())), ("soon", None)] {
        receiver.answer(move |seen| match seen.method {
            Method::GET => well_behaved(seen),
            _ => Response::builder().status(503).header("retry-after", seconds).body(Body::empty()).unwrap(),
        });
        let error = sink.forward(&hello()).await.unwrap_err();
        assert_eq!(error.kind(), SinkErrorKind::Unavailable);
        assert_eq!(error.retry_after().map(|pause| pause.as_secs()), pause);
    }
}

#[tokio::test]
async fn an_answer_that_never_ends_is_still_the_answer_it_began_with() {
    let receiver = Receiver::start().await;
    let sink = sink_to(webhook(&receiver), Arc::new(HastyClock));
    sink.verify().await.unwrap();
    let endless = || {
        futures_util::stream::repeat(Ok::<_, std::convert::Infallible>(bytes::Bytes::from(vec![b'x'; 4096])))
    };
    receiver.answer(move |_| plain(200, Body::from_stream(endless())));
    sink.forward(&hello()).await.unwrap();
    let stalled = futures_util::stream::pending::<Result<bytes::Bytes, std::convert::Infallible>>;
    receiver.answer(move |_| plain(200, Body::from_stream(stalled())));
    sink.forward(&hello()).await.unwrap();
    receiver.answer(|_| plain(200, "x".repeat(MAX_RESPONSE_BODY_BYTES + 1)));
    sink.forward(&hello()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let webhook = || Webhook::new(&url, "t", "s").unwrap();
    let sink = sink_to(webhook(), Arc::new(HastyClock));
    let error = sink.forward(&hello()).await.unwrap_err();
    assert!(matches!(cause(&error), WebhookError::TooSlow { .. }), "{error:?}");
    assert_eq!(error.kind(), SinkErrorKind::TimedOut);
    drop(listener);
    let sink = sink_to(webhook(), Arc::new(WaitingClock));
    let error = sink.forward(&hello()).await.unwrap_err();
    assert!(matches!(cause(&error), WebhookError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn an_answer_with_too_large_a_head_is_a_failure() {
    for (bytes, answer, is_taken) in [
        (MAX_RESPONSE_HEAD_BYTES, (|_: &str| with_head(MAX_RESPONSE_HEAD_BYTES)) as fn(&str) -> String, true),
        (MAX_RESPONSE_HEAD_BYTES + 1, |_| with_head(MAX_RESPONSE_HEAD_BYTES + 1), false),
        (10 * MAX_RESPONSE_HEAD_BYTES, |_| with_head(10 * MAX_RESPONSE_HEAD_BYTES), false),
    ] {
        let listener = Listener::start("127.0.0.1:0".parse().unwrap(), Some(answer)).await.unwrap();
        let webhook =
            Webhook::new(&format!("http://{}", listener.address), VERIFY_TOKEN, APP_SECRET).unwrap();
        let sink = sink_to(webhook, Arc::new(WaitingClock));
        // The handshake is answered so, too: with the wrong challenge.
        match sink.verify().await.unwrap_err() {
            WebhookError::WrongChallenge => assert!(is_taken, "{bytes}"),
            WebhookError::Unreachable(_) => assert!(!is_taken, "{bytes}"),
            other => panic!("{other:?}"),
        }
    }
}

/// An answer whose headers' names and values have so many bytes.
fn with_head(bytes: usize) -> String {
    let rest = bytes - "content-length".len() - "0".len() - "x".len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: {}\r\n\r\n", "y".repeat(rest))
}

#[tokio::test]
async fn every_number_reaches_its_own_webhook_and_others_none() {
    let (first, second) = (Receiver::start().await, Receiver::start().await);
    let other = Business::new(OTHER_NUMBER, BusinessAccountId::new(2), Number::parse("15550000000").unwrap());
    let sink = sink(&first);
    sink.subscribe([other], webhook(&second)).unwrap();
    sink.verify().await.unwrap();
    assert_eq!((first.take().len(), second.take().len()), (1, 1));

    let to = |business| {
        let subject = subject();
        Event::Message(
            Subject::new(business, subject.user, subject.user_id, subject.message, subject.at),
            text("x"),
        )
    };
    sink.forward(&to(OTHER_NUMBER)).await.unwrap();
    assert_eq!((first.take().len(), second.take().len()), (0, 1));
    sink.forward(&to(NUMBER)).await.unwrap();
    assert_eq!((first.take().len(), second.take().len()), (1, 0));
    assert_ne!(sink.destination(&to(NUMBER)), sink.destination(&to(OTHER_NUMBER)));
    sink.unsubscribe(OTHER_NUMBER);
    let error = sink.forward(&to(OTHER_NUMBER)).await.unwrap_err();
    assert!(matches!(cause(&error), WebhookError::UnknownBusiness { .. }));
    assert_eq!((first.take().len(), second.take().len()), (0, 0));
    let error = sink.forward(&to(bulla_base::PhoneNumberId::new(99))).await.unwrap_err();
    assert!(matches!(cause(&error), WebhookError::UnknownBusiness { .. }));
    // Neither secrets nor what stands in a query.
    let first = format!("Webhook(http://{}/hook)", first.address);
    assert_eq!(format!("{sink:?}"), format!("{{106540352242922: {first}}}"));
}
