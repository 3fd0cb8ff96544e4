//! Files that a message has by their link.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::Request;
use bulla_base::ManualClock;
use bulla_content::{Action, Card, CardAction, Carousel, CtaUrl, Interactive, ReplyButton, ReplyButtons};
use bulla_graph::{Answering, FetchedLink, LinkError, LinkFetcher, MAX_LINK_CHARS, MediaApi};
use bulla_relay::{MediaKind, OutgoingBody, OutgoingMedia};
use bytes::Bytes;
use futures_util::{FutureExt, stream};
use serde_json::{Value, json};

use crate::clock::WaitingClock;
use crate::fake_relay::{Asked, NUMBER, OTHER_NUMBER, media, media_name};
use crate::harness::Bench;

/// The beginnings of files, by how their names end.
const FILES: [(&str, &[u8]); 6] = [
    (".jpg", b"\xff\xd8\xff\xe0\0\x10JF"),
    (".mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"),
    (".mp3", b"ID3\x04\0\0\0\0\0\0"),
    (".webp", b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0"),
    (".pdf", b"%PDF-1.7"),
    (".empty", b""),
];

/// A web with these files, everywhere.
#[derive(Debug, Default)]
pub(crate) struct Web {
    fetched: AtomicUsize,
    says: Mutex<Option<String>>,
}

impl LinkFetcher for Web {
    fn fetch<'a>(&'a self, url: &'a str) -> Answering<'a, FetchedLink, LinkError> {
        self.fetched.fetch_add(1, Ordering::Relaxed);
        let file = FILES.iter().find(|(name, _)| url.ends_with(name)).map(|(_, bytes)| *bytes);
        let says = self.says.lock().unwrap().clone();
        Box::pin(async move {
            if url.starts_with("ftp:") {
                return Err(LinkError::Refused("a scheme that nobody speaks".into()));
            }
            let file = file.ok_or_else(|| LinkError::Failed("404".into()))?;
            let broken = url.contains("broken").then(|| Err(LinkError::Failed("it broke off".into())));
            let pieces = file.chunks(3).map(|piece| Ok(Bytes::from_static(piece)));
            Ok(FetchedLink::new(says, stream::iter(pieces.chain(broken).collect::<Vec<_>>())))
        })
    }
}

impl Bench {
    /// The same, with links that are followed.
    pub(crate) fn following_links(self) -> (Self, Arc<Web>) {
        let web = Arc::<Web>::default();
        (Self { api: self.api.links(Arc::clone(&web)), ..self }, web)
    }
}

fn linked(kind: &str, link: &str) -> String {
    json!({ "messaging_product": "whatsapp", "to": "16505551234", "type": kind, kind: { "link": link } })
        .to_string()
}

fn sent(bench: &Bench) -> OutgoingMedia {
    let asked = bench.relay.take();
    let [Asked::Submit(NUMBER, message)] = &asked[..] else { panic!("{asked:?}") };
    match message.clone().into_body() {
        OutgoingBody::Media(media) => media,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_behind_a_link_is_sent_as_one_that_was_uploaded() {
    let (bench, web) = Bench::new().following_links();
    for (count, (kind, of, name, media_type)) in [
        ("image", MediaKind::Image, "a.jpg", "image/jpeg"),
        ("video", MediaKind::Video, "a.mp4", "video/mp4"),
        ("audio", MediaKind::Audio, "a.mp3", "audio/mpeg"),
        ("sticker", MediaKind::Sticker, "a.webp", "image/webp"),
        ("document", MediaKind::Document, "a.pdf", "application/pdf"),
    ]
    .into_iter()
    .enumerate()
    {
        let reply = bench.post(linked(kind, &format!("https://x.example/{name}"))).await;
        assert_eq!(reply.status, 200, "{kind}: {}", reply.json);
        let id = media(count as u64);
        assert_eq!(sent(&bench), OutgoingMedia::new(id, of));
        let known = bench.relay.media(NUMBER, id).await.unwrap();
        assert_eq!(known.media_type(), media_type);
    }
    assert_eq!(web.fetched.load(Ordering::Relaxed), 5);
}

#[tokio::test]
async fn a_link_is_followed_once_in_ten_minutes() {
    let clock = Arc::new(ManualClock::default());
    let (bench, web) = Bench::with_clock(clock.clone()).following_links();
    for (passed, fetched) in [(0, 1_u64), (599, 1), (1, 2), (0, 2)] {
        clock.advance(Duration::from_secs(passed));
        let reply = bench.post(linked("image", "https://x.example/a.jpg")).await;
        assert_eq!(reply.status, 200, "{}", reply.json);
        assert_eq!(sent(&bench), OutgoingMedia::new(media(fetched - 1), MediaKind::Image));
        assert_eq!(web.fetched.load(Ordering::Relaxed) as u64, fetched);
    }
}

#[tokio::test]
async fn a_header_of_a_template_may_have_a_link() {
    let (bench, web) = Bench::new().following_links();
    let image = json!({ "type": "image", "image": { "link": "https://x.example/a.jpg" } });
    let header = json!({ "type": "header", "parameters": [image] });
    let card = |index: u64| json!({ "card_index": index, "components": [header] });
    let cards = json!({ "type": "carousel", "cards": [card(0), card(1)] });
    let template = json!({ "name": "t", "language": { "code": "en" }, "components": [header, cards] });
    let message = json!({ "messaging_product": "whatsapp", "to": "16505551234", "type": "template", "template": template });
    let reply = bench.post(message.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.json);
    let asked = format!("{:?}", bench.relay.take());
    assert!(asked.contains("Submit"), "{asked}");
    // The same three times in one request.
    assert_eq!(web.fetched.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_header_above_what_is_tapped_has_a_link_or_the_id_of_an_upload() {
    let (bench, web) = Bench::new().following_links();
    bench.relay.keep_media(NUMBER, b"a picture").await;
    let uploaded = json!({ "type": "image", "image": { "id": media_name(0) } });
    let linked =
        json!({ "type": "document", "document": { "link": "https://x.example/a.pdf", "filename": "a.pdf" } });
    for (header, expected) in [
        (uploaded, OutgoingMedia::new(media(0), MediaKind::Image)),
        (linked, OutgoingMedia::new(media(1), MediaKind::Document).filename("a.pdf")),
    ] {
        let button = json!({ "type": "reply", "reply": { "id": "1", "title": "Yes" } });
        let tapped = json!({
            "type": "button", "header": header, "body": { "text": "Look" }, "action": { "buttons": [button] },
        });
        let message = json!({
            "messaging_product": "whatsapp", "to": "16505551234", "type": "interactive", "interactive": tapped,
        });
        let reply = bench.post(message.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.json);
        let asked = bench.relay.take();
        let [Asked::Submit(_, message)] = &asked[..] else { panic!("{asked:?}") };
        match message.clone().into_body() {
            OutgoingBody::InteractiveWithMedia(tapped, media) => {
                assert_eq!((tapped.body(), media), (Some("Look"), expected));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(web.fetched.load(Ordering::Relaxed), 1);
}

/// A message with cards; their order in the list is not their order on the screen.
fn cards(cards: &[Value]) -> String {
    let carousel = json!({ "type": "carousel", "body": { "text": "Look" }, "action": { "cards": cards } });
    json!({
        "messaging_product": "whatsapp", "to": "16505551234", "type": "interactive", "interactive": carousel,
    })
    .to_string()
}

/// The same with a picture above all of them.
fn with_top(of: &[Value]) -> String {
    let mut message: Value = serde_json::from_str(&cards(of)).unwrap();
    message["interactive"]["header"] =
        json!({ "type": "image", "image": { "link": "https://x.example/b.jpg" } });
    message.to_string()
}

#[tokio::test]
async fn each_card_of_a_carousel_has_a_link_or_the_id_of_an_upload() {
    let (bench, web) = Bench::new().following_links();
    bench.relay.keep_media(NUMBER, b"a picture").await;
    let replies = json!([{ "type": "quick_reply", "quick_reply": { "id": "y", "title": "Yes" } }]);
    let link =
        json!({ "name": "cta_url", "parameters": { "display_text": "Go", "url": "https://x.example" } });
    let of_uploaded = json!({
        "card_index": 0, "type": "cta_url", "header": { "type": "image", "image": { "id": media_name(0) } },
        "body": { "text": "one" }, "action": link,
    });
    let of_link = json!({
        "card_index": "1", "type": "cta_url", "action": { "buttons": replies },
        "header": { "type": "video", "video": { "link": "https://x.example/a.mp4" } },
    });
    let reply = bench.post(cards(&[of_link.clone(), of_uploaded.clone()])).await;
    assert_eq!(reply.status, 200, "{}", reply.json);
    let asked = bench.relay.take();
    let [Asked::Submit(_, message)] = &asked[..] else { panic!("{asked:?}") };
    let OutgoingBody::CarouselWithMedia(tapped, shown) = message.clone().into_body() else {
        panic!("{message:?}")
    };
    let one = CardAction::CtaUrl(CtaUrl::new("Go", "https://x.example").unwrap());
    let two = CardAction::Buttons(ReplyButtons::new(vec![ReplyButton::new("y", "Yes").unwrap()]).unwrap());
    let carousel = Carousel::new(vec![Card::new(one).with_body("one").unwrap(), Card::new(two)]).unwrap();
    assert_eq!(*tapped, Interactive::new("Look", Action::Carousel(carousel)).unwrap());
    let expected =
        [OutgoingMedia::new(media(0), MediaKind::Image), OutgoingMedia::new(media(1), MediaKind::Video)];
    assert_eq!(shown, expected);
    assert_eq!(web.fetched.load(Ordering::Relaxed), 1);

    // Products are shown as the catalog has them.
    let product = json!({ "type": "product", "action": { "catalog_id": "1", "product_retailer_id": "p" } });
    assert_eq!(bench.post(cards(&[product.clone(), product.clone()])).await.status, 200);
    let asked = bench.relay.take();
    let [Asked::Submit(_, message)] = &asked[..] else { panic!("{asked:?}") };
    assert!(matches!(message.clone().into_body(), OutgoingBody::Interactive(_)), "{message:?}");

    let with = |pointer: &str, value: Value| {
        let mut card = of_uploaded.clone();
        *card.pointer_mut(pointer).unwrap() = value;
        cards(&[card, of_link.clone()])
    };
    let index = "interactive.action.cards.card_index";
    for (body, details) in [
        (cards(&[]), "interactive.action.cards has 0 cards, fewer than the 2 it takes"),
        (
            cards(&vec![of_link.clone(); 11]),
            "interactive.action.cards: it has 11 cards, more than the 10 allowed",
        ),
        (with("/card_index", json!(1)), &*format!("{index}: the cards are to be counted from 0, each once")),
        (with("/card_index", json!(-1)), &*format!("{index}: it is not a number from 0 on")),
        (with("/header", json!(null)), "interactive.action.cards.header is missing"),
        (
            with("/header", json!({ "type": "text", "text": "H" })),
            "interactive.action.cards.header.type: it must be one of IMAGE, VIDEO",
        ),
        (with("/action/parameters", json!(null)), "interactive.action.cards.action.parameters is missing"),
        (cards(&[of_uploaded.clone(), product]), "interactive.action.cards.header is missing"),
        (
            with("/header", json!({ "type": "document", "document": { "link": "https://x.example/a.pdf" } })),
            "interactive.action.cards.header.type: it must be one of IMAGE, VIDEO",
        ),
        (
            with_top(&[of_link.clone(), of_uploaded.clone()]),
            "interactive.header: each card has its own, and the carousel none",
        ),
    ] {
        let fetched = web.fetched.load(Ordering::Relaxed);
        let reply = bench.post(body).await;
        assert_eq!((reply.status.as_u16(), reply.details()), (400, details));
        assert_eq!(bench.relay.take(), [], "something was asked of the relay");
        assert_eq!(web.fetched.load(Ordering::Relaxed), fetched, "something was fetched for nothing");
    }
}

#[tokio::test]
async fn what_is_no_file_or_another_is_refused_and_nothing_is_sent() {
    let (bench, web) = Bench::new().following_links();
    for (kind, link, code) in [
        ("image", "https://x.example/gone", 131_052),
        ("image", "ftp://x.example/a.jpg", 131_052),
        ("image", "https://x.example/broken.jpg", 131_052),
        ("image", "https://x.example/a.empty", 131_053),
    ] {
        let details = bench.refused(linked(kind, link), code).await;
        assert!(details.starts_with("image.link: "), "{details}");
        assert!(!details.contains("404") && !details.contains("example"), "{details}");
    }
    *web.says.lock().unwrap() = Some("image/png".into());
    bench.refused(linked("image", "https://x.example/a.jpg"), 131_053).await;
    *web.says.lock().unwrap() = Some("application/octet-stream".into());
    assert_eq!(bench.post(linked("image", "https://x.example/a.jpg")).await.status, 200);
    bench.relay.take();

    let before = web.fetched.load(Ordering::Relaxed);
    let long = |chars: usize| format!("https://x.example/{}.jpg", "a".repeat(chars - 22));
    assert_eq!(long(MAX_LINK_CHARS).len(), MAX_LINK_CHARS);
    bench.refused(linked("image", &long(MAX_LINK_CHARS + 1)), 100).await;
    assert_eq!(web.fetched.load(Ordering::Relaxed), before);
    assert_eq!(bench.post(linked("image", &long(MAX_LINK_CHARS))).await.status, 200);
}

/// A message with the template `name`, whose header has `in_header` files, and each of ten cards one.
fn with_links(name: &str, in_header: usize) -> Value {
    let link = |name: String| format!("https://x.example/{name}.jpg");
    let image = |name: String| json!({ "type": "image", "image": { "link": link(name) } });
    let of_header: Vec<_> = (0..in_header).map(|count| image(format!("h{count}"))).collect();
    let card = |index: usize| {
        let header = json!({ "type": "header", "parameters": [image(index.to_string())] });
        json!({ "card_index": index, "components": [header] })
    };
    let cards = json!({ "type": "carousel", "cards": (0..10).map(card).collect::<Vec<_>>() });
    let components = json!([{ "type": "header", "parameters": of_header }, cards]);
    let template = json!({ "name": name, "language": { "code": "en" }, "components": components });
    json!({ "messaging_product": "whatsapp", "to": "16505551234", "type": "template", "template": template })
}

#[tokio::test]
async fn a_request_has_at_most_eleven_links_whether_they_were_fetched_before_or_not() {
    let (bench, web) = Bench::new().following_links();
    let details = bench.refused(with_links("t", 2).to_string(), 131_009).await;
    assert!(details.ends_with("more links than the 11 allowed"), "{details}");
    assert_eq!(web.fetched.load(Ordering::Relaxed), 0);
    let reply = bench.post(with_links("t", 1).to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.json);
    assert!(matches!(bench.relay.take()[..], [Asked::Submit(..)]));
    assert_eq!(web.fetched.load(Ordering::Relaxed), 11);
    bench.refused(with_links("t", 2).to_string(), 131_009).await;
    assert_eq!(web.fetched.load(Ordering::Relaxed), 11);
}

/// One message could have the relay fetch a thousand files before anybody asked whether it can be sent.
#[tokio::test]
async fn nothing_is_fetched_for_what_cannot_be_sent() {
    let (bench, web) = Bench::new().following_links();
    let mut to_itself = with_links("t", 1);
    to_itself["to"] = "15550783881".into();
    bench.refused(to_itself.to_string(), 131_021).await;
    bench.refused(with_links("unknown", 1).to_string(), 132_001).await;
    let tried = format!("/{NUMBER}/messages?dry_run=true");
    let image: Value = serde_json::from_str(&linked("image", "https://x.example/a.jpg")).unwrap();
    for (message, code) in [(with_links("unknown", 1), 132_001), (image, 131_009)] {
        assert_eq!(bench.ask("POST", &tried, message).await.code(), code);
    }
    assert_eq!(web.fetched.load(Ordering::Relaxed), 0);
    // What is tried and is in want of nothing but its files has them fetched.
    assert_eq!(bench.ask("POST", &tried, with_links("t", 1)).await.code(), 131_009);
    assert_eq!(web.fetched.load(Ordering::Relaxed), 11);
    assert_eq!(bench.relay.take(), []);
}

/// A web whose files never come.
#[derive(Debug, Default)]
struct Silence(AtomicUsize);

impl LinkFetcher for Silence {
    fn fetch<'a>(&'a self, _: &'a str) -> Answering<'a, FetchedLink, LinkError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn all_files_of_a_request_have_one_time_to_come_in() {
    let clock = Arc::new(ManualClock::default());
    let bench = Bench::with_clock(clock.clone());
    let bench = Bench { api: bench.api.links(Silence::default()), ..bench };
    let details = bench.refused(with_links("t", 1).to_string(), 131_052).await;
    assert!(details.ends_with("did not come within 60 seconds"), "{details}");
    assert_eq!(bulla_base::Clock::now(&*clock).as_millis(), 60_000);
}

#[tokio::test]
async fn one_number_takes_four_places_of_those_that_fetch_and_leaves_the_others() {
    let (bench, web) = (Bench::with_clock(Arc::new(WaitingClock)), Arc::<Silence>::default());
    let bench = Bench { api: bench.api.links(Arc::clone(&web)), ..bench };
    let mut under_way = Vec::new();
    for (number, token, fetched) in [
        (NUMBER, "EAATESTTOKEN", 1),
        (NUMBER, "EAATESTTOKEN", 2),
        (NUMBER, "EAATESTTOKEN", 3),
        (NUMBER, "EAATESTTOKEN", 4),
        (NUMBER, "EAATESTTOKEN", 4),
        (OTHER_NUMBER, "another", 5),
    ] {
        let request = Request::post(format!("/{number}/messages"));
        let request = request.header("authorization", format!("Bearer {token}"));
        let message = linked("image", &format!("https://x.example/{}.jpg", under_way.len()));
        let mut sending = Box::pin(bench.call(request.body(message.into()).unwrap()));
        assert!(sending.as_mut().now_or_never().is_none());
        under_way.push(sending);
        assert_eq!(web.0.load(Ordering::Relaxed), fetched);
    }
    // Who gives up makes room for who has waited.
    drop(under_way.remove(0));
    assert!(under_way[3].as_mut().now_or_never().is_none());
    assert_eq!(web.0.load(Ordering::Relaxed), 6);
}
