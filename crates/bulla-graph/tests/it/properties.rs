//! Whatever is sent, the answer is an answer.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::fake_relay::wamid;
use crate::harness::Bench;

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// Any JSON, with words in it that mean something here.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[+0-9 ()-]{0,20}".prop_map(Value::from),
        prop::sample::select(vec!["whatsapp", "individual", "text", "reaction", "read", "", "👍"])
            .prop_map(Value::from),
        Just(json!(wamid(1))),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any_name(), inner, 0..6)
                .prop_map(|fields| Value::from(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    let names = [
        "messaging_product",
        "recipient_type",
        "to",
        "recipient",
        "type",
        "text",
        "body",
        "preview_url",
        "reaction",
        "message_id",
        "emoji",
        "context",
        "biz_opaque_callback_data",
        "status",
        "typing_indicator",
    ];
    prop::sample::select(names.map(str::to_owned).to_vec())
}

proptest! {
    #[test]
    fn any_bytes_are_refused_with_an_error(body in prop::collection::vec(any::<u8>(), 0..600)) {
        let bench = Bench::new();
        let reply = runtime().block_on(bench.post(body));
        prop_assert_eq!(reply.code(), 100);
        prop_assert_eq!(bench.relay.take(), []);
    }

    /// A good message in which up to three fields were replaced by anything: some of these are accepted, the
    /// others refused as a whole.
    #[test]
    fn any_fields_are_either_accepted_or_refused(
        changes in prop::collection::btree_map(any_name(), any_json(), 0..4),
        is_reaction in any::<bool>(),
    ) {
        let mut body = json!({
            "messaging_product": "whatsapp", "to": "16505551234", "type": if is_reaction { "reaction" } else { "text" },
            "text": { "body": "x" }, "reaction": { "message_id": wamid(2), "emoji": "👍" },
        });
        body.as_object_mut().unwrap().extend(changes);
        let bench = Bench::new();
        let reply = runtime().block_on(bench.post(body.to_string()));
        let asked = bench.relay.take().len();
        if reply.status == 200 {
            prop_assert_eq!(asked, 1);
        } else {
            reply.code();
            prop_assert_eq!(asked, 0);
        }
    }

    #[test]
    fn any_path_and_token_are_answered(path in "/[!-~]{0,40}", token in "[ -~]{0,40}") {
        let Ok(uri) = path.parse::<axum::http::Uri>() else { return Ok(()) };
        let request = axum::http::Request::post(uri).header("authorization", token);
        let reply = runtime().block_on(Bench::new().call(request.body(axum::body::Body::empty()).unwrap()));
        prop_assert_eq!(reply.code(), 190);
    }
}
