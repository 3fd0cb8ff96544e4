//! Numbers, accounts and what belongs to them: what is configured is kept, told and bounded.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use bulla_base::{ManualClock, Quality, Tier};
use bulla_graph::{MAX_BODY_BYTES, MAX_FORM_BYTES, Settings};
use bulla_relay::{BusinessStanding, Restriction};
use bytes::Bytes;
use futures_util::{FutureExt, stream};
use serde_json::{Value, json};

use crate::clock::WaitingClock;
use crate::fake_relay::{ACCOUNT, Asked, NUMBER, OTHER_NUMBER};
use crate::harness::{Bench, Reply, TOKEN};
use crate::sockets::within;

/// A flow, and what it shows, among the kinds of records.
const FLOW: u8 = 7;
const FLOW_ASSET: u8 = 8;

async fn done(bench: &Bench, method: &str, path: String, body: Value) -> Value {
    let reply = bench.ask(method, &path, body).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.json);
    reply.json
}

async fn told(bench: &Bench, path: String) -> Value {
    done(bench, "GET", path, Value::Null).await
}

async fn refused(bench: &Bench, path: String, body: Value, code: u64) -> Reply {
    let reply = bench.ask("POST", &path, body).await;
    assert_eq!(reply.code(), code, "{path}: {}", reply.json);
    reply
}

#[tokio::test]
async fn a_number_and_its_account_are_told_of_by_the_fields_that_are_asked_for() {
    let bench = Bench::new();
    let number = told(&bench, format!("/v26.0/{NUMBER}")).await;
    assert_eq!(number["display_phone_number"], "+15550783881");
    assert_eq!(number["verified_name"], "+15550783881");
    assert!(number.get("health_status").is_none());
    let picked = told(
        &bench,
        format!("/{NUMBER}?fields=throughput%7Blevel%7D,health_status.x(1)%7Bcan_send_message%7D"),
    )
    .await;
    let expected = json!({
        "id": NUMBER.to_string(), "throughput": { "level": "STANDARD" },
        "health_status": { "can_send_message": "AVAILABLE" },
    });
    assert_eq!(picked, expected);
    done(&bench, "POST", format!("/{NUMBER}"), json!({ "new_display_name": "The Bakery" })).await;
    let numbers = told(&bench, format!("/{ACCOUNT}/phone_numbers?fields=verified_name")).await;
    assert_eq!(numbers["data"], json!([{ "id": NUMBER.to_string(), "verified_name": "The Bakery" }]));
    assert!(numbers["paging"].get("next").is_none());
    assert_eq!(told(&bench, format!("/{ACCOUNT}?fields=name")).await["id"], ACCOUNT.to_string());

    // Whose it is not does not learn that it is there.
    for path in [format!("/{OTHER_NUMBER}"), "/1".into(), format!("/{OTHER_NUMBER}/register")] {
        let reply = bench.ask("GET", &path, Value::Null).await;
        assert_eq!((reply.code(), &reply.json["error"]["error_subcode"]), (100, &json!(33)), "{path}");
    }
}

/// A business that was stopped was told by the API that it could send.
#[tokio::test]
async fn whom_the_carrier_restricts_hears_it_when_it_asks() {
    let bench = Bench::new();
    let asked = "quality_rating,status,messaging_limit_tier,health_status";
    let red = BusinessStanding::new(Quality::Red).within(Tier::Users250);
    let whole = "AVAILABLE";
    for (standing, number_is, can_send) in [
        (None, ("UNKNOWN", "CONNECTED"), whole),
        (Some(BusinessStanding::new(Quality::Green)), ("GREEN", "CONNECTED"), whole),
        (Some(red.warned()), ("RED", "CONNECTED"), whole),
        (Some(red.restricted(Restriction::Limited, None)), ("RED", "RESTRICTED"), "LIMITED"),
        (Some(red.restricted(Restriction::Paused, None)), ("RED", "RESTRICTED"), "BLOCKED"),
        (Some(red.restricted(Restriction::Stopped, None)), ("RED", "BANNED"), "BLOCKED"),
    ] {
        *bench.relay.standing.lock().unwrap() = standing;
        let number = told(&bench, format!("/{NUMBER}?fields={asked}")).await;
        let is = (number["quality_rating"].as_str().unwrap(), number["status"].as_str().unwrap());
        assert_eq!(is, number_is, "{standing:?}");
        let tier = standing.and_then(|standing| standing.tier).map(Tier::name);
        assert_eq!(number["messaging_limit_tier"].as_str(), tier, "{standing:?}");
        let account = told(&bench, format!("/{ACCOUNT}?fields=health_status")).await;
        // It has another number of which the carrier says the same.
        for of in [number, account] {
            let (health, entity) = (&of["health_status"], &of["health_status"]["entities"][0]);
            assert_eq!(
                (&health["can_send_message"], &entity["can_send_message"]),
                (&json!(can_send), &json!(can_send))
            );
            let says_why = [&entity["errors"][0]["error_code"], &entity["additional_info"]];
            assert_eq!(says_why.iter().any(|why| !why.is_null()), can_send != whole, "{entity}");
        }
    }
}

#[tokio::test]
async fn a_profile_keeps_what_is_not_said_and_refuses_what_is_too_long() {
    let (bench, path) = (Bench::new(), format!("/{NUMBER}/whatsapp_business_profile"));
    let first = json!({
        "messaging_product": "whatsapp", "about": "Bread", "email": "a@b.example", "vertical": "retail",
        "websites": ["https://a.example"],
    });
    done(&bench, "POST", path.clone(), first).await;
    done(&bench, "POST", path.clone(), json!({ "about": "Cake", "email": "" })).await;
    let expected = json!({ "data": [{
        "messaging_product": "whatsapp", "about": "Cake", "vertical": "RETAIL",
        "websites": ["https://a.example"],
    }] });
    assert_eq!(told(&bench, path.clone()).await, expected);
    let picked = told(&bench, format!("{path}?fields=about")).await;
    assert_eq!(picked, json!({ "data": [{ "about": "Cake" }] }));

    done(&bench, "POST", path.clone(), json!({ "about": "a".repeat(139) })).await;
    for bad in [
        json!({ "about": "a".repeat(140) }),
        json!({ "about": 7.5e300, "vertical": "x" }),
        json!({ "about": ["x"] }),
        json!({ "vertical": "BAKERY" }),
        json!({ "websites": ["https://a", "https://b", "https://c"] }),
        json!({ "messaging_product": "sms" }),
    ] {
        refused(&bench, path.clone(), bad, 100).await;
    }
    refused(&bench, path.clone(), json!({ "websites": ["a.example"] }), 131_009).await;
    refused(&bench, path.clone(), json!({ "profile_picture_handle": "4:x" }), 131_009).await;
    assert_eq!(told(&bench, path).await["data"][0]["about"], "a".repeat(139));
}

#[tokio::test]
async fn a_number_is_registered_with_the_pin_it_was_registered_with() {
    let clock = std::sync::Arc::new(ManualClock::default());
    clock.advance(Duration::from_secs(3_000_000));
    let bench = Bench::with_clock(clock.clone());
    let register = format!("/{NUMBER}/register");
    let pin = |pin: &str| json!({ "messaging_product": "whatsapp", "pin": pin });
    done(&bench, "POST", register.clone(), pin("123456")).await;
    refused(&bench, register.clone(), pin("12345"), 131_009).await;
    refused(&bench, register.clone(), json!({}), 100).await;
    done(&bench, "POST", format!("/{NUMBER}/deregister"), Value::Null).await;
    let number = told(&bench, format!("/{NUMBER}?fields=status,is_pin_enabled")).await;
    assert_eq!((&number["status"], &number["is_pin_enabled"]), (&json!("DISCONNECTED"), &json!(true)));
    for _ in 0..5 {
        refused(&bench, register.clone(), pin("654321"), 133_005).await;
    }
    // Five are wrong: not even the right one is looked at.
    refused(&bench, register.clone(), pin("123456"), 133_008).await;
    clock.advance(Duration::from_secs(12 * 3600));
    done(&bench, "POST", register.clone(), pin("123456")).await;
    done(&bench, "POST", register.clone(), pin("123456")).await;
    // Ten in three days.
    refused(&bench, register.clone(), pin("123456"), 133_016).await;
    clock.advance(Duration::from_secs(72 * 3600));
    done(&bench, "POST", format!("/{NUMBER}"), json!({ "pin": "111111" })).await;
    refused(&bench, register.clone(), pin("123456"), 133_005).await;
    done(&bench, "POST", register, pin("111111")).await;
    assert_eq!(told(&bench, format!("/{NUMBER}")).await["status"], "CONNECTED");
}

#[tokio::test]
async fn a_code_is_told_by_the_host_and_good_once_and_for_ten_minutes() {
    let clock = std::sync::Arc::new(ManualClock::default());
    clock.advance(Duration::from_secs(3_000_000));
    let bench = Bench::with_clock(clock.clone());
    let (request, verify) = (format!("/{NUMBER}/request_code"), format!("/{NUMBER}/verify_code"));
    let ask = json!({ "code_method": "SMS", "language": "en_US" });
    done(&bench, "POST", request.clone(), ask.clone()).await;
    let code = bench.codes.told.lock().unwrap()[0].0.clone();
    assert_eq!(code.len(), 6);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    refused(&bench, verify.clone(), json!({ "code": wrong }), 131_009).await;
    let split = code.split_at(3);
    done(&bench, "POST", verify.clone(), json!({ "code": format!("{}-{}", split.0, split.1) })).await;
    assert_eq!(*bench.codes.verified.lock().unwrap(), [NUMBER]);
    refused(&bench, verify.clone(), json!({ "code": code }), 131_009).await;

    done(&bench, "POST", format!("{request}?code_method=VOICE&language=de"), Value::Null).await;
    let code = bench.codes.told.lock().unwrap()[1].0.clone();
    clock.advance(Duration::from_secs(600));
    refused(&bench, verify.clone(), json!({ "code": code }), 131_009).await;

    done(&bench, "POST", request.clone(), ask.clone()).await;
    let code = bench.codes.told.lock().unwrap()[2].0.clone();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        refused(&bench, verify.clone(), json!({ "code": wrong }), 131_009).await;
    }
    refused(&bench, verify, json!({ "code": code }), 131_009).await;
    refused(&bench, request, json!({ "code_method": "FAX", "language": "en" }), 100).await;
}

#[tokio::test]
async fn users_are_blocked_listed_in_pages_and_freed() {
    let (bench, path) = (Bench::new(), format!("/v23.0/{NUMBER}/block_users"));
    let users = |users: &[&str]| {
        let users: Vec<_> = users.iter().map(|user| json!({ "user": user })).collect();
        json!({ "messaging_product": "whatsapp", "block_users": users })
    };
    let reply =
        done(&bench, "POST", path.clone(), users(&["+1 650 555 1234", "16505551235", "nobody"])).await;
    let added = json!([
        { "input": "+1 650 555 1234", "wa_id": "16505551234" },
        { "input": "16505551235", "wa_id": "16505551235" },
    ]);
    assert_eq!(reply["block_users"]["added_users"], added);
    assert_eq!(reply["block_users"]["failed_users"][0]["errors"][0]["code"], 139_101);
    let page = told(&bench, format!("{path}?limit=1")).await;
    assert_eq!(page["data"][0]["wa_id"], "16505551234");
    let next = page["paging"]["next"].as_str().unwrap();
    let next = next.strip_prefix("http://relay.example").unwrap();
    let page = told(&bench, next.to_owned()).await;
    assert_eq!(page["data"][0]["wa_id"], "16505551235");
    assert!(page["paging"].get("next").is_none());

    let reply = done(&bench, "DELETE", path.clone(), users(&["16505551234"])).await;
    assert_eq!(reply["block_users"]["removed_users"][0]["wa_id"], "16505551234");
    assert_eq!(told(&bench, path.clone()).await["data"].as_array().unwrap().len(), 1);
    refused(&bench, path.clone(), users(&[]), 100).await;
    refused(&bench, path.clone(), users(&["x"]), 139_101).await;
    refused(&bench, path.clone(), users(&["16505551234"; 1001]), 100).await;
    let after = bench.ask("GET", format!("{path}?after=AA"), Value::Null).await;
    assert_eq!(after.code(), 100);
}

#[tokio::test]
async fn codes_lead_to_a_number_and_are_changed_and_deleted() {
    let (bench, path) = (Bench::new(), format!("/{NUMBER}/message_qrdls"));
    let made =
        done(&bench, "POST", path.clone(), json!({ "prefilled_message": "Hi", "generate_qr_image": "SVG" }))
            .await;
    let code = made["code"].as_str().unwrap().to_owned();
    assert_eq!(code.len(), 14);
    assert_eq!(made["deep_link_url"], format!("http://relay.example/message/{code}"));
    // The picture is on the same origin, and asked for with the token.
    let at = format!("/{NUMBER}/message_qrdls/{code}/image");
    assert_eq!(made["qr_image_url"], format!("http://relay.example{at}?format=SVG"));
    let picture = bench.ask("GET", format!("{at}?format=SVG"), Value::Null).await;
    assert_eq!(
        (picture.status.as_u16(), &picture.headers["content-type"]),
        (200, &"image/svg+xml".parse().unwrap())
    );
    let picture = bench.ask("GET", &at, Value::Null).await;
    assert_eq!(picture.headers["content-type"], "image/png");
    let request = Request::get(&at).header("host", "relay.example").body(Body::empty()).unwrap();
    assert_eq!(bench.call(request).await.code(), 190);
    for (fields, format) in [("code,qr_image_url.format(SVG)", "SVG"), ("qr_image_url", "PNG")] {
        let listed = told(&bench, format!("{path}?fields={fields}")).await;
        assert_eq!(listed["data"][0]["qr_image_url"], format!("http://relay.example{at}?format={format}"));
        let one = told(&bench, format!("{path}/{code}?fields={fields}")).await;
        assert_eq!(one["data"][0]["qr_image_url"], listed["data"][0]["qr_image_url"]);
    }
    assert!(told(&bench, path.clone()).await["data"][0].get("qr_image_url").is_none());
    for bad in [
        format!("{path}?fields=qr_image_url.format(GIF)"),
        format!("{at}?format=GIF"),
        format!("{path}/GONE/image"),
    ] {
        assert_eq!(bench.ask("GET", &bad, Value::Null).await.code(), 100, "{bad}");
    }
    done(&bench, "POST", path.clone(), json!({ "prefilled_message": "Ho", "code": code })).await;
    let listed = told(&bench, format!("{path}/?fields=prefilled_message")).await;
    assert_eq!(listed["data"], json!([{ "prefilled_message": "Ho" }]));
    assert_eq!(told(&bench, format!("{path}/{code}")).await["data"][0]["code"], *code);
    refused(&bench, path.clone(), json!({ "prefilled_message": "Ho", "code": "GONE" }), 100).await;
    refused(&bench, path.clone(), json!({ "prefilled_message": "x".repeat(141) }), 100).await;
    done(&bench, "DELETE", format!("{path}/{code}"), Value::Null).await;
    assert_eq!(bench.ask("GET", format!("{path}/{code}"), Value::Null).await.code(), 100);
    assert_eq!(told(&bench, path).await["data"], json!([]));
}

#[tokio::test]
async fn a_flow_is_a_draft_until_it_is_published_and_is_not_changed_after_that() {
    let (bench, path) = (Bench::new(), format!("/{ACCOUNT}/flows"));
    let made = done(&bench, "POST", path.clone(), json!({ "name": "f", "categories": ["OTHER"] })).await;
    let id = made["id"].as_str().unwrap().to_owned();
    refused(&bench, format!("/{id}/publish"), Value::Null, 139_002).await;
    let form = "--b\r\ncontent-disposition: form-data; name=\"asset_type\"\r\n\r\nFLOW_JSON\r\n\
        --b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"flow.json\"\r\n\
        content-type: application/json\r\n\r\n{\"version\":\"7.0\"}\r\n--b--\r\n";
    let request = axum::http::Request::post(format!("/v23.0/{id}/assets"));
    let request = request.header("authorization", "Bearer EAATESTTOKEN");
    let request = request.header("content-type", "multipart/form-data; boundary=b");
    let reply = bench.call(request.body(form.into()).unwrap()).await;
    assert_eq!(reply.status, 200, "{}", reply.json);
    let assets = told(&bench, format!("/{id}/assets")).await;
    assert_eq!(assets["data"][0]["download_url"], format!("http://relay.example/{id}/flow.json"));
    assert_eq!(told(&bench, format!("/{id}/flow.json")).await, json!({ "version": "7.0" }));
    done(&bench, "POST", format!("/{id}"), json!({ "name": "g" })).await;
    done(&bench, "POST", format!("/{id}/publish"), Value::Null).await;
    refused(&bench, format!("/{id}/publish"), Value::Null, 139_002).await;
    refused(&bench, format!("/{id}/assets"), json!({ "file": "{}" }), 139_001).await;
    assert_eq!(bench.ask("DELETE", format!("/{id}"), Value::Null).await.code(), 139_004);
    done(&bench, "POST", format!("/{id}/deprecate"), Value::Null).await;
    let flow = told(&bench, format!("/{id}?fields=name,status,updated_at,endpoint_uri")).await;
    assert_eq!((&flow["name"], &flow["status"]), (&json!("g"), &json!("DEPRECATED")));
    assert_eq!(flow["updated_at"], "1970-01-01T00:00:00+0000");

    let made =
        done(&bench, "POST", path.clone(), json!({ "name": "h", "flow_json": "{}", "publish": true })).await;
    assert_eq!(told(&bench, path.clone()).await["data"].as_array().unwrap().len(), 2);
    assert_ne!(made["id"], *id);
    let made = done(&bench, "POST", path.clone(), json!({ "name": "i" })).await;
    let draft = format!("/{}", made["id"].as_str().unwrap());
    done(&bench, "DELETE", draft.clone(), Value::Null).await;
    assert_eq!(bench.ask("GET", draft, Value::Null).await.code(), 100);
    for bad in
        [json!({}), json!({ "name": "x", "categories": ["NONE"] }), json!({ "name": "x", "publish": true })]
    {
        refused(&bench, path.clone(), bad, 100).await;
    }
    refused(&bench, path, json!({ "name": "x", "flow_json": "[]" }), 131_009).await;
}

#[tokio::test]
async fn what_a_published_flow_shows_is_not_changed_by_who_began_before_it_was_published() {
    let (bench, path) = (Bench::with_clock(Arc::new(WaitingClock)), format!("/{ACCOUNT}/flows"));
    let made = done(&bench, "POST", path, json!({ "name": "f", "flow_json": "{\"version\":\"1\"}" })).await;
    let id = made["id"].as_str().unwrap().to_owned();
    let (publish, published) = tokio::sync::oneshot::channel();
    let late = stream::once(async move {
        published.await.unwrap();
        Ok::<_, std::io::Error>(Bytes::from(json!({ "file": "{\"version\":\"2\"}" }).to_string()))
    });
    let request = Request::post(format!("/v23.0/{id}/assets")).header("content-type", "application/json");
    let request = request.header("authorization", format!("Bearer {TOKEN}")).body(Body::from_stream(late));
    let publishing = async {
        done(&bench, "POST", format!("/{id}/publish"), Value::Null).await;
        assert!(publish.send(()).is_ok(), "its body is waited for");
    };
    let (reply, ()) = tokio::join!(bench.call(request.unwrap()), publishing);
    assert_eq!(reply.code(), 139_001, "{}", reply.json);
    assert_eq!(told(&bench, format!("/{id}/flow.json")).await, json!({ "version": "1" }));
    assert_eq!(bench.relay.configured_of(FLOW_ASSET), 1, "what was not taken is not kept");
}

#[tokio::test]
async fn a_flow_keeps_one_thing_that_it_shows_and_goes_with_it() {
    let (bench, path) = (Bench::new(), format!("/{ACCOUNT}/flows"));
    let made = done(&bench, "POST", path.clone(), json!({ "name": "f" })).await;
    let draft = format!("/{}", made["id"].as_str().unwrap());
    for version in ["1", "2"] {
        let asset = json!({ "file": json!({ "version": version }).to_string() });
        done(&bench, "POST", format!("{draft}/assets"), asset).await;
        assert_eq!(told(&bench, format!("{draft}/flow.json")).await["version"], version);
        assert_eq!(bench.relay.configured_of(FLOW_ASSET), 1);
    }
    let flow = told(&bench, format!("{draft}?fields=id,asset,name")).await;
    assert!(flow.get("asset").is_none(), "{flow}");
    done(&bench, "DELETE", draft, Value::Null).await;
    assert_eq!(bench.relay.configured_of(FLOW_ASSET), 0);
}

#[tokio::test]
async fn what_a_broken_off_request_left_of_a_flow_goes_when_it_is_published_or_deleted() {
    let (bench, path) = (Bench::new(), format!("/{ACCOUNT}/flows"));
    for is_published in [true, false] {
        let flow = json!({ "name": "f", "flow_json": "{\"version\":\"1\"}" });
        let made = done(&bench, "POST", path.clone(), flow).await;
        let id = made["id"].as_str().unwrap().to_owned();
        // Before and behind what is shown, and one of another flow.
        for name in [format!("{id}/0"), format!("{id}/9999999999999999999"), format!("{id}1/0")] {
            bench.relay.configured_before((FLOW_ASSET, name), "{}");
        }
        let before = bench.relay.configured_of(FLOW_ASSET);
        if is_published {
            done(&bench, "POST", format!("/{id}/publish"), Value::Null).await;
            assert_eq!(told(&bench, format!("/{id}/flow.json")).await, json!({ "version": "1" }));
            assert_eq!(bench.relay.configured_of(FLOW_ASSET), before - 2);
        } else {
            done(&bench, "DELETE", format!("/{id}"), Value::Null).await;
            assert_eq!(bench.relay.configured_of(FLOW_ASSET), before - 3);
        }
    }
}

#[tokio::test]
async fn a_flow_that_is_half_deleted_is_a_draft_that_shows_nothing_and_can_be_deleted_again() {
    let (bench, path) = (Bench::new(), format!("/{ACCOUNT}/flows"));
    let made = done(&bench, "POST", path, json!({ "name": "f", "flow_json": "{}" })).await;
    let id = made["id"].as_str().unwrap().to_owned();
    bench.relay.configured_before((FLOW, id.clone()), r#"{"name":"f","status":"GOING"}"#);
    assert_eq!(told(&bench, format!("/{id}?fields=status")).await["status"], "DRAFT");
    refused(&bench, format!("/{id}/publish"), Value::Null, 139_002).await;
    refused(&bench, format!("/{id}/assets"), json!({ "file": "{}" }), 139_001).await;
    done(&bench, "DELETE", format!("/{id}"), Value::Null).await;
    assert_eq!([FLOW, FLOW_ASSET].map(|kind| bench.relay.configured_of(kind)), [0, 0]);
}

#[tokio::test]
async fn settings_take_what_they_can_mean_here_and_say_what_they_cannot() {
    let bench = Bench::new();
    let commerce = format!("/{NUMBER}/whatsapp_commerce_settings");
    done(&bench, "POST", format!("{commerce}?is_catalog_visible=true"), Value::Null).await;
    assert_eq!(told(&bench, commerce).await["data"][0]["is_catalog_visible"], true);
    let automation = format!("/{NUMBER}/conversational_automation");
    let words = json!({ "prompts": ["Prices"], "commands": [{ "command_name": "help", "command_description": "h" }] });
    done(&bench, "POST", automation.clone(), words.clone()).await;
    let kept = told(&bench, format!("/{NUMBER}?fields=conversational_automation")).await;
    assert_eq!(kept["conversational_automation"]["commands"], words["commands"]);
    refused(&bench, automation.clone(), json!({ "enable_welcome_message": true }), 100).await;
    refused(&bench, automation, json!({ "prompts": ["", "", "", "", ""] }), 100).await;
    let settings = format!("/{NUMBER}/settings");
    assert_eq!(told(&bench, settings.clone()).await["calling"]["status"], "DISABLED");
    done(&bench, "POST", settings.clone(), json!({ "calling": { "status": "DISABLED" } })).await;
    refused(&bench, settings, json!({ "calling": { "status": "ENABLED" } }), 100).await;

    let apps = format!("/{ACCOUNT}/subscribed_apps");
    assert_eq!(told(&bench, apps.clone()).await["data"], json!([]));
    done(&bench, "POST", apps.clone(), Value::Null).await;
    assert_eq!(told(&bench, apps.clone()).await["data"][0]["whatsapp_business_api_data"]["id"], "1");
    done(&bench, "DELETE", apps.clone(), Value::Null).await;
    assert_eq!(told(&bench, apps.clone()).await["data"], json!([]));
    refused(&bench, apps, json!({ "override_callback_uri": "https://x.example" }), 100).await;
}

#[tokio::test]
async fn a_request_that_configures_has_at_most_so_many_bytes() {
    let (bench, path) = (Bench::new(), format!("/{NUMBER}/settings"));
    let body = |bytes: usize| json!({ "x": "a".repeat(bytes - 8) });
    assert_eq!(body(64 * 1024).to_string().len(), 64 * 1024);
    done(&bench, "POST", path.clone(), body(64 * 1024)).await;
    let reply = bench.ask("POST", &path, body(64 * 1024 + 1)).await;
    assert_eq!((reply.code(), reply.status.as_u16()), (100, 413));
    assert!(bench.relay.take().iter().all(|asked| matches!(asked, Asked::Submit(..))));
}

/// A form that says that it has so many bytes, of which none comes.
fn form(kind: &str, declared: u64) -> Request<Body> {
    let body = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let request = Request::post(format!("/{NUMBER}/settings")).header("content-type", kind);
    let request = request.header("content-length", declared);
    request.header("authorization", format!("Bearer {TOKEN}")).body(body).unwrap()
}

const WORDS: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=b";

#[tokio::test]
async fn a_form_that_says_that_it_is_too_long_is_refused_before_it_is_read() {
    for (kind, longest) in [(WORDS, MAX_BODY_BYTES as u64), (PARTS, MAX_FORM_BYTES)] {
        // With this clock, what is waited for has taken too long.
        let bench = Bench::new();
        assert_eq!(bench.call(form(kind, longest)).await.status, 408, "{kind}");
        assert_eq!(bench.call(form(kind, longest + 1)).await.status, 413, "{kind}");
    }
}

/// One that said that it is as long as a file took all the room there is for as long as it liked to take.
#[tokio::test]
async fn a_form_takes_no_more_room_than_is_read_of_it_at_once() {
    let settings = Settings::default().body_bytes(2 * MAX_BODY_BYTES);
    let bench = Bench::with_clock(Arc::new(WaitingClock)).settings(settings);
    let mut waiting = Box::pin(bench.call(form(PARTS, MAX_FORM_BYTES)));
    assert!(waiting.as_mut().now_or_never().is_none());
    let body = Body::from(json!({ "x": "a".repeat(60_000) }).to_string());
    let request = Request::post(format!("/{NUMBER}/settings")).header("content-length", 60_008);
    let request = request.header("authorization", format!("Bearer {TOKEN}"));
    let reply = within(bench.call(request.body(body).unwrap())).await;
    assert_eq!(reply.status, 200, "{}", reply.json);
}

#[tokio::test]
async fn a_category_of_a_flow_is_kept_once_however_often_it_is_said() {
    let (bench, path) = (Bench::new(), format!("/{ACCOUNT}/flows"));
    let mut said = vec!["SURVEY"];
    said.resize(1000, "OTHER");
    let made = done(&bench, "POST", path, json!({ "name": "f", "categories": said })).await;
    let flow = told(&bench, format!("/{}", made["id"].as_str().unwrap())).await;
    assert_eq!(flow["categories"], json!(["SURVEY", "OTHER"]));
}
