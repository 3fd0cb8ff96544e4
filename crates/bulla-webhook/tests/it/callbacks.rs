//! What is set by a business's clients goes before its webhook, and only where a webhook may go.

use std::sync::{Arc, Mutex};

use bulla_base::SeededRng;
use bulla_relay::EventSink;
use bulla_webhook::{
    AllowedNetworks, CallbackError, CallbackLookup, CallbackNotKnown, CallbackVerifier, Connector,
    LookingUpCallback, Webhook, WebhookError, WebhookSink, signature,
};
use http::Method;

use crate::clock::{HastyClock, WaitingClock};
use crate::listeners::Listener;
use crate::receiver::{Receiver, plain};
use crate::updates::{APP_SECRET, VERIFY_TOKEN, business, cause, hello, local, webhook};

/// What is set; not known when there is no word on it.
#[derive(Clone, Default)]
struct Set(Arc<Mutex<Option<Option<String>>>>);

impl Set {
    fn to(&self, url: Option<&str>) {
        *self.0.lock().unwrap() = Some(url.map(str::to_owned));
    }
}

impl CallbackLookup for Set {
    fn callback(&self, _: bulla_base::PhoneNumberId) -> LookingUpCallback<'_> {
        let known = self.0.lock().unwrap().clone();
        Box::pin(async { known.ok_or_else(CallbackNotKnown::unavailable) })
    }
}

fn verifier(networks: AllowedNetworks) -> CallbackVerifier {
    let connector = Connector::new().allow(networks);
    CallbackVerifier::new(connector, Arc::new(WaitingClock), Arc::new(SeededRng::new(1)))
}

#[tokio::test]
async fn updates_go_to_the_callback_from_the_next_one_on_and_back_when_it_is_removed() {
    let (own, first, second) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    let set = Set::default();
    let sink = local(Arc::new(WaitingClock)).callbacks(set.clone());
    sink.subscribe([business()], webhook(&own)).unwrap();
    let host = sink.destination(&hello());
    for receiver in [&first, &second] {
        let secret = "a query is where some have their secret";
        set.to(Some(&format!("http://{}/there?key={}", receiver.address, secret.replace(' ', "+"))));
        sink.forward(&hello()).await.unwrap();
        assert_ne!(sink.destination(&hello()), host);
        let seen = receiver.take();
        let [update] = &seen[..] else { panic!("{} requests", seen.len()) };
        // The handshake was made before it was set.
        assert_eq!(update.method, Method::POST);
        let signed = update.headers[signature::HEADER].to_str().unwrap();
        assert!(signature::verify(APP_SECRET.as_bytes(), &update.body, signed));
        assert!(!format!("{sink:?}").contains("key"));
    }
    assert_eq!(own.take().len(), 0);
    set.to(None);
    sink.forward(&hello()).await.unwrap();
    assert_eq!(sink.destination(&hello()), host);
    assert_eq!(own.take().len(), 2, "a handshake and an update");
    assert_eq!(first.take().len() + second.take().len(), 0);
}

#[tokio::test]
async fn an_update_whose_callback_is_not_known_goes_nowhere() {
    let own = Receiver::start().await;
    let set = Set::default();
    let sink = local(Arc::new(WaitingClock)).callbacks(set.clone());
    sink.subscribe([business()], webhook(&own)).unwrap();
    let error = sink.forward(&hello()).await.unwrap_err();
    assert!(matches!(cause(&error), WebhookError::UnknownCallback(_)), "{error:?}");
    // Nor does one whose record is none any more.
    set.to(Some("ftp://elsewhere.example"));
    let error = sink.forward(&hello()).await.unwrap_err();
    assert!(matches!(cause(&error), WebhookError::UnknownCallback(_)), "{error:?}");
    assert_eq!(own.take().len(), 0);
}

#[tokio::test]
async fn a_callback_in_a_private_network_is_not_called_also_when_it_was_set() {
    let within = Receiver::start().await;
    let set = Set::default();
    set.to(Some(&format!("http://{}/hook", within.address)));
    let sink = WebhookSink::new(Connector::new(), Arc::new(WaitingClock), Arc::new(SeededRng::new(1)));
    let sink = sink.callbacks(set);
    sink.subscribe([business()], Webhook::new("http://shop.example/", "t", "s").unwrap()).unwrap();
    let error = sink.forward(&hello()).await.unwrap_err();
    assert!(matches!(cause(&error), WebhookError::ForbiddenAddress { .. }), "{error:?}");
    let url = format!("http://{}/hook", within.address);
    let refused = verifier(AllowedNetworks::none()).verify(&url, VERIFY_TOKEN).await.unwrap_err();
    let CallbackError::NotVerified(WebhookError::ForbiddenAddress { .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(within.take().len(), 0);
}

#[tokio::test]
async fn a_handshake_is_made_to_the_byte_with_the_token_and_in_time() {
    let receiver = Receiver::start().await;
    let (verifier, url) =
        (verifier(AllowedNetworks::loopback()), format!("http://{}/hook", receiver.address));
    verifier.verify(&url, VERIFY_TOKEN).await.unwrap();
    let wrong = verifier.verify(&url, "another").await.unwrap_err();
    assert!(matches!(wrong, CallbackError::NotVerified(WebhookError::Status { status: 403, .. })));
    receiver.answer(|_| plain(200, "welcome"));
    let wrong = verifier.verify(&url, VERIFY_TOKEN).await.unwrap_err();
    assert!(matches!(wrong, CallbackError::NotVerified(WebhookError::WrongChallenge)));
    assert_eq!(receiver.take().len(), 3);
    let not_spoken = verifier.verify("https://shop.example/", "t").await.unwrap_err();
    assert!(matches!(not_spoken, CallbackError::NotVerified(WebhookError::NoTls)), "{not_spoken:?}");
    for url in ["ftp://shop.example/", "http://u:p@shop.example/", ""] {
        assert!(matches!(verifier.verify(url, "t").await, Err(CallbackError::Invalid(_))), "{url}");
    }
    assert!(matches!(verifier.verify(&url, "").await, Err(CallbackError::Invalid(_))), "an empty token");

    let silent = Listener::start("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let connector = Connector::new().allow(AllowedNetworks::loopback());
    let hasty = CallbackVerifier::new(connector, Arc::new(HastyClock), Arc::new(SeededRng::new(1)));
    let slow = hasty.verify(&format!("http://{}/", silent.address), "t").await.unwrap_err();
    assert!(matches!(slow, CallbackError::NotVerified(WebhookError::TooSlow { .. })), "{slow:?}");
}
