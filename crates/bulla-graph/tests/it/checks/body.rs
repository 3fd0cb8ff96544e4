use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::http::Request;
use bulla_base::{ManualClock, Number, PhoneNumberId, SeededRng, Timestamp};
use bulla_graph::{GraphApi, MAX_BODY_BYTES, ManagementApi, MediaApi, RelayApi, TemplateApi, Tokens};
use bulla_relay::{MarkReadError, MessageRef, Outgoing, SubmitError};
use http_body_util::BodyExt;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

const BUSINESS: PhoneNumberId = PhoneNumberId::new(1);

/// A relay that takes everything and counts.
#[derive(Default)]
struct Taker(AtomicUsize);

impl MediaApi for Taker {}

impl TemplateApi for Taker {}

impl ManagementApi for Taker {}

impl RelayApi for Taker {
    fn number(&self, business: PhoneNumberId) -> Option<Number> {
        (business == BUSINESS).then(|| Number::parse("15550783881").unwrap())
    }

    async fn submit(&self, _: PhoneNumberId, message: Outgoing) -> Result<MessageRef, SubmitError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        drop(message);
        let id = bulla_base::MessageId::new(Timestamp::from_millis(1_795_293_590_960), &SeededRng::new(1));
        let mut reference = [0; MessageRef::BYTES];
        reference[..16].copy_from_slice(id.as_bytes());
        Ok(MessageRef::from_bytes(reference).unwrap())
    }

    async fn mark_read(&self, _: PhoneNumberId, _: MessageRef) -> Result<(), MarkReadError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// The body of a request. The relay is asked once for what is answered with 200, and not at all for what is
/// refused, with an error in the one shape; and only JSON objects of the right kind are taken, as another
/// parser reads them.
pub(crate) fn check(body: &[u8]) {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().unwrap());
    let relay = Arc::new(Taker::default());
    let rng = Arc::new(SeededRng::new(1));
    let tokens = Tokens::new(&*rng);
    tokens.grant("token", [BUSINESS]).unwrap();
    let api = GraphApi::new(relay.clone(), tokens, Arc::new(ManualClock::default()), rng);
    let request = Request::post("/1/messages").header("authorization", "Bearer token");
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let (status, answer) = RUNTIME.block_on(async {
        let response = api.router().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        (status, response.into_body().collect().await.unwrap().to_bytes())
    });
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let asked = relay.0.load(Ordering::SeqCst);
    let read: Result<Value, _> = serde_json::from_slice(body);
    if status == 200 {
        assert_eq!(asked, 1);
        // The other parser stops at a depth that makes no difference to ours.
        if let Ok(read) = read {
            let product = read["messaging_product"].as_str().unwrap();
            assert!(product.eq_ignore_ascii_case("whatsapp"), "{product}");
            let is_read = read["status"].as_str().is_some_and(|status| status.eq_ignore_ascii_case("read"));
            assert_eq!(answer["success"] == true, is_read);
        }
        return;
    }
    assert_eq!(asked, 0);
    let code = answer["error"]["code"].as_u64().unwrap();
    assert!([100, 131_009, 131_021, 131_051].contains(&code), "{answer}");
    assert!(answer["error"]["error_data"]["details"].as_str().is_some_and(|details| !details.is_empty()));
    if body.len() > MAX_BODY_BYTES {
        assert_eq!(status, 413);
    } else {
        assert_eq!(status, 400);
    }
    // A number that no float can hold is JSON all the same: in a field that nobody reads it does no harm.
    if serde_json::from_slice::<IgnoredAny>(body).is_err() {
        assert_eq!(code, 100);
    }
}
