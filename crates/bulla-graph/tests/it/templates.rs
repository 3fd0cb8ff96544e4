//! Message templates: what clients ask about them, and messages that are sent with one.

use axum::body::Body;
use axum::http::Request;
use bulla_relay::{Outgoing, OutgoingBody, TemplateRefusal, TemplateStatus};
use serde_json::{Value, json};

use crate::fake_relay::{ACCOUNT, Asked, NUMBER, OTHER_ACCOUNT, media_name};
use crate::harness::{Bench, Reply, TOKEN};

/// Asks for `target` of the account of [`NUMBER`].
async fn ask(bench: &Bench, method: &str, target: &str, body: Value) -> Reply {
    let request = Request::builder().method(method).uri(target).header("host", "relay.example");
    let request = request.header("authorization", format!("Bearer {TOKEN}"));
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    bench.call(request.body(body).unwrap()).await
}

fn templates(rest: &str) -> String {
    format!("/v23.0/{ACCOUNT}/message_templates{rest}")
}

fn order(name: &str, language: &str) -> Value {
    json!({
        "name": name, "language": language, "category": "utility",
        "components": [
            { "type": "HEADER", "format": "TEXT", "text": "Order {{1}}", "example": { "header_text": ["7"] } },
            { "type": "body", "text": "Hi {{1}}, {{2}} is here.", "example": { "body_text": [["Ann", "it"]] } },
            { "type": "FOOTER", "text": "Bye" },
            { "type": "BUTTONS", "buttons": [
                { "type": "QUICK_REPLY", "text": "Stop" },
                { "type": "URL", "text": "Track", "url": "https://a.b/{{1}}", "example": ["https://a.b/7"] },
                { "type": "PHONE_NUMBER", "text": "Call", "phone_number": "+16505551234" },
            ] },
        ],
    })
}

fn sent(name: &str, language: &str, components: Value) -> Value {
    json!({
        "messaging_product": "whatsapp", "to": "16505551234", "type": "template",
        "template": { "name": name, "language": { "code": language }, "components": components },
    })
}

#[tokio::test]
async fn what_is_created_is_listed_as_it_was_written() {
    let bench = Bench::new();
    let created = ask(&bench, "POST", &templates(""), order("order", "en_US")).await;
    assert_eq!(created.status, 200, "{}", created.json);
    assert_eq!((&created.json["status"], &created.json["category"]), (&json!("APPROVED"), &json!("UTILITY")));
    let id = created.json["id"].as_str().unwrap();

    let one = ask(&bench, "GET", &format!("/v23.0/{id}"), Value::Null).await.json;
    let listed = ask(&bench, "GET", &templates("?name=order"), Value::Null).await.json;
    assert_eq!(listed["data"], json!([one]));
    assert!(listed["paging"].get("next").is_none(), "{listed}");
    let mut components = order("order", "en_US")["components"].clone();
    components[1]["type"] = "BODY".into();
    assert_eq!(one["components"], components);
    // Some clients ask for it under its account; it is under no other.
    let nested = ask(&bench, "GET", &templates(&format!("/{id}")), Value::Null).await.json;
    assert_eq!(nested, one);
    let other = ask(&bench, "GET", &format!("/v23.0/7/message_templates/{id}"), Value::Null).await;
    assert_eq!((other.status.as_u16(), other.code()), (400, 100));
    let unknown = ask(&bench, "GET", &templates("/77"), Value::Null).await;
    assert_eq!((unknown.status.as_u16(), unknown.code()), (400, 100));
    // Also for whoever may see both accounts.
    for (account, status) in [(ACCOUNT, 200), (OTHER_ACCOUNT, 400)] {
        let request = Request::get(format!("/v23.0/{account}/message_templates/{id}"));
        let request = request.header("authorization", "Bearer both").body(Body::empty());
        assert_eq!(bench.call(request.unwrap()).await.status.as_u16(), status);
    }
    assert_eq!(one["language"], "en_US");
    assert_eq!(one["parameter_format"], "POSITIONAL");
    let few =
        ask(&bench, "GET", &format!("/{id}?fields=name,status,components{{type}}"), Value::Null).await.json;
    let keys: Vec<_> = few.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["components", "id", "name", "status"]);

    let again = ask(&bench, "POST", &templates(""), order("order", "en_US")).await;
    assert_eq!(
        (again.code(), again.details()),
        (100, "name: the account has a template of this name in this language")
    );
    assert_eq!(again.json["error"]["error_subcode"], 2_388_024);
}

#[tokio::test]
async fn pages_go_on_where_they_end_and_filters_take_what_they_say() {
    let bench = Bench::new();
    for (name, language) in [("a", "en"), ("a", "de"), ("b", "en"), ("c", "en")] {
        ask(&bench, "POST", &templates(""), order(name, language)).await;
    }
    let (mut target, mut seen) = (templates("?limit=2&fields=name,language&summary=total_count"), Vec::new());
    loop {
        let page = ask(&bench, "GET", &target, Value::Null).await.json;
        assert_eq!(page["summary"]["total_count"], 4, "{page}");
        assert_eq!(page["summary"]["message_template_limit"], 10_000);
        let names = page["data"].as_array().unwrap().iter();
        seen.extend(
            names.map(|one| {
                format!("{} {}", one["name"].as_str().unwrap(), one["language"].as_str().unwrap())
            }),
        );
        let Some(next) = page["paging"]["next"].as_str() else { break };
        // An absolute URL, which clients follow as it is.
        target = next.strip_prefix("http://relay.example").unwrap().to_owned();
        assert!(target.contains("limit=2") && target.contains("fields=name"), "{target}");
    }
    assert_eq!(seen, ["a de", "a en", "b en", "c en"]);
    for (filter, count) in [
        ("?name=a", 2),
        ("?name=a&language=de", 1),
        ("?status=APPROVED", 4),
        ("?status=rejected", 0),
        ("?category=UTILITY", 4),
        ("?category=marketing", 0),
        ("?limit=100000", 4),
        ("?status=APPROVED,PENDING&language=de,en&category=UTILITY,MARKETING", 4),
        ("?status=[%22IN_APPEAL%22]", 0),
        ("?quality_score=GREEN,UNKNOWN", 4),
        ("?quality_score=RED", 0),
        ("?content=is+here", 4),
        ("?name_or_content=nowhere", 0),
    ] {
        let page = ask(&bench, "GET", &templates(filter), Value::Null).await.json;
        assert_eq!(page["data"].as_array().unwrap().len(), count, "{filter}");
    }
    for (filter, says) in [
        ("?limit=0", "limit: it is not a number from 1 on"),
        ("?status=MAYBE", "status: it must be one of APPROVED, DISABLED, PAUSED, PENDING, REJECTED"),
        ("?category=service", "category: it must be one of AUTHENTICATION, MARKETING, UTILITY"),
        ("?after=!", "after: it is none of the cursors that were given"),
        ("?before=x", "before: it is none of the cursors that were given"),
    ] {
        let refused = ask(&bench, "GET", &templates(filter), Value::Null).await;
        assert_eq!((refused.code(), refused.details()), (100, says), "{filter}");
    }
    // Who has the token in the query follows the link with it.
    let request = Request::get(templates(&format!("?limit=1&access_token={TOKEN}"))).header("host", "h");
    let page = bench.call(request.body(Body::empty()).unwrap()).await.json;
    assert!(page["paging"]["next"].as_str().unwrap().contains(&format!("access_token={TOKEN}")), "{page}");
}

#[tokio::test]
async fn templates_are_edited_and_deleted_by_name_and_by_id() {
    let bench = Bench::new();
    let mut ids = Vec::new();
    for language in ["en", "de", "fr"] {
        let created = ask(&bench, "POST", &templates(""), order("order", language)).await.json;
        ids.push(created["id"].as_str().unwrap().to_owned());
    }
    let edit = json!({ "components": [{ "type": "BODY", "text": "Hi" }] });
    let edited = ask(&bench, "POST", &format!("/{}", ids[0]), edit).await;
    assert_eq!(edited.json, json!({ "success": true, "id": ids[0] }));
    let one = ask(&bench, "GET", &format!("/{}", ids[0]), Value::Null).await.json;
    assert_eq!(one["components"], json!([{ "type": "BODY", "text": "Hi" }]));
    let moved = ask(&bench, "POST", &format!("/{}", ids[1]), json!({ "category": "MARKETING" })).await;
    assert_eq!(moved.status, 200);
    let one = ask(&bench, "GET", &format!("/{}", ids[1]), Value::Null).await.json;
    assert_eq!((&one["category"], one["components"].as_array().unwrap().len()), (&json!("MARKETING"), 4));

    let by_id = templates(&format!("?name=order&hsm_id={}", ids[2]));
    assert_eq!(ask(&bench, "DELETE", &by_id, Value::Null).await.json, json!({ "success": true }));
    assert_eq!(ask(&bench, "DELETE", &by_id, Value::Null).await.code(), 100);
    assert_eq!(ask(&bench, "GET", &format!("/{}", ids[2]), Value::Null).await.code(), 100);
    assert_eq!(ask(&bench, "DELETE", &templates("?name=order"), Value::Null).await.status, 200);
    assert_eq!(ask(&bench, "DELETE", &templates("?name=order"), Value::Null).await.code(), 100);
    assert_eq!(ask(&bench, "DELETE", &templates(""), Value::Null).await.details(), "name is missing");
    for (method, target) in [("PUT", templates("")), ("DELETE", format!("/{}", ids[0]))] {
        assert_eq!(ask(&bench, method, &target, Value::Null).await.status, 405);
    }
    // Of an account that the token does not open nothing is said.
    let other = ask(&bench, "GET", "/99/message_templates", Value::Null).await;
    assert_eq!((other.code(), &other.json["error"]["error_subcode"]), (100, &json!(33)));
}

#[tokio::test]
async fn what_is_no_template_is_refused_by_the_field_that_is_wrong() {
    let bench = Bench::new();
    let with = |change: fn(&mut Value)| {
        let mut template = order("order", "en");
        change(&mut template);
        template
    };
    for (template, says) in [
        (json!({}), "name is missing"),
        (
            with(|of| of["category"] = "SERVICE".into()),
            "category: it must be one of AUTHENTICATION, MARKETING, UTILITY",
        ),
        (
            with(|of| of["name"] = "Order".into()),
            "name is not made of lowercase letters, digits and underscores",
        ),
        (with(|of| of["language"] = "English".into()), "language is not one such as en or en_US"),
        (with(|of| of["components"] = json!([])), "components.body is missing"),
        (with(|of| of["components"] = json!({ "a": 1 })), "components must be a list"),
        (
            with(|of| of["components"][0]["type"] = "HEAD".into()),
            "components.type: it must be one of BODY, BUTTONS, CAROUSEL, FOOTER, HEADER",
        ),
        (
            with(|of| of["components"][0]["text"] = "x".repeat(61).into()),
            "components.header.text: it has 61 characters, more than the 60 allowed",
        ),
        (
            with(|of| of["components"][1]["text"] = "{{2}}".into()),
            "components.body.text is not a text whose places are {{1}}, {{2}} and so on",
        ),
        (
            with(|of| of["components"][1]["example"] = json!({ "body_text": [["a"]] })),
            "components.body.text is not a text with as many examples as places, or none",
        ),
        (
            with(|of| of["components"][3]["buttons"][0]["text"] = "x".repeat(26).into()),
            "components.buttons.text: it has 26 characters, more than the 25 allowed",
        ),
        (
            with(|of| of["components"][3]["buttons"][0]["type"] = "VOICE".into()),
            "components.buttons.type: it must be one of COPY_CODE, FLOW, OTP, PHONE_NUMBER, QUICK_REPLY, URL",
        ),
        (
            with(|of| {
                of["components"][3]["buttons"] =
                    json!(vec![json!({ "type": "QUICK_REPLY", "text": "a" }); 11])
            }),
            "components.buttons: it has 11 buttons, more than the 10 allowed",
        ),
        (
            with(|of| of["parameter_format"] = "BOTH".into()),
            "parameter_format: it must be one of NAMED, POSITIONAL",
        ),
    ] {
        let refused = ask(&bench, "POST", &templates(""), template).await;
        assert_eq!((refused.code(), refused.details()), (100, says));
    }
}

#[tokio::test]
async fn codes_and_carousels_are_defined_as_clients_write_them() {
    let bench = Bench::new();
    let code = json!({
        "name": "login", "language": "en_US", "category": "AUTHENTICATION",
        "components": [
            { "type": "BODY", "add_security_recommendation": true },
            { "type": "FOOTER", "code_expiration_minutes": 5 },
            { "type": "BUTTONS", "buttons": [{ "type": "OTP", "otp_type": "COPY_CODE", "text": "Copy it" }] },
        ],
    });
    let id = ask(&bench, "POST", &templates(""), code).await.json["id"].as_str().unwrap().to_owned();
    let one = ask(&bench, "GET", &format!("/{id}"), Value::Null).await.json;
    assert_eq!(
        one["components"],
        json!([
            {
                "type": "BODY", "add_security_recommendation": true,
                "text": "{{1}} is your verification code. For your security, do not share this code.",
            },
            { "type": "FOOTER", "text": "This code expires in 5 minutes.", "code_expiration_minutes": 5 },
            { "type": "BUTTONS", "buttons": [{ "type": "OTP", "otp_type": "COPY_CODE", "text": "Copy it" }] },
        ])
    );
    let card = json!({ "components": [
        { "type": "HEADER", "format": "IMAGE", "example": { "header_handle": ["4::aW"] } },
        { "type": "BODY", "text": "{{name}} left", "example": {
            "body_text_named_params": [{ "param_name": "name", "example": "Two" }] } },
        { "type": "BUTTONS", "buttons": [{ "type": "QUICK_REPLY", "text": "More" }] },
    ] });
    let cards = json!([
        { "type": "BODY", "text": "Look" },
        { "type": "CAROUSEL", "cards": [card.clone(), card] },
    ]);
    let carousel = json!({
        "name": "look", "language": "en", "category": "MARKETING", "parameter_format": "NAMED", "components": cards,
    });
    let created = ask(&bench, "POST", &templates(""), carousel).await;
    let id = created.json["id"].as_str().unwrap_or_else(|| panic!("{}", created.json)).to_owned();
    let one = ask(&bench, "GET", &format!("/{id}"), Value::Null).await.json;
    assert_eq!((&one["components"], &one["parameter_format"]), (&cards, &json!("NAMED")));
}

/// What the relay was asked to send.
fn submitted(bench: &Bench) -> OutgoingBody {
    let [Asked::Submit(NUMBER, message)] = <[Asked; 1]>::try_from(bench.relay.take()).unwrap() else {
        panic!()
    };
    Outgoing::into_body(message)
}

/// A template with a one-time code in these languages.
fn code_in(languages: &[&str], minutes: u32) -> Value {
    json!({
        "name": "login", "languages": languages, "category": "AUTHENTICATION",
        "components": [
            { "type": "BODY", "add_security_recommendation": true },
            { "type": "FOOTER", "code_expiration_minutes": minutes },
            { "type": "BUTTONS", "buttons": [{ "type": "OTP", "otp_type": "COPY_CODE" }] },
        ],
    })
}

#[tokio::test]
async fn a_code_is_created_in_many_languages_at_once_and_changed_where_it_is() {
    let bench = Bench::new();
    let target = format!("/v23.0/{ACCOUNT}/upsert_message_templates");
    let first = ask(&bench, "POST", &target, code_in(&["en_US", "fr"], 5)).await;
    assert_eq!(first.status, 200, "{}", first.json);
    // As pywa writes it: a string of JSON with JSON in it.
    let within = Value::String(code_in(&["es", "fr", "es"], 10).to_string());
    let again = ask(&bench, "POST", &target, within).await.json;
    let told =
        |one: &Value| (one["language"].as_str().unwrap().to_owned(), one["id"].as_str().unwrap().to_owned());
    let first: Vec<_> = first.json["data"].as_array().unwrap().iter().map(told).collect();
    let second: Vec<_> = again["data"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(first.iter().map(|(language, _)| language).collect::<Vec<_>>(), ["en_US", "fr"]);
    assert_eq!(second.iter().map(|(language, _)| language).collect::<Vec<_>>(), ["es", "fr"]);
    assert_eq!(first[1].1, second[1].1, "it is another one");
    assert_eq!(
        (&again["data"][0]["status"], &again["data"][0]["category"]),
        (&json!("APPROVED"), &json!("AUTHENTICATION"))
    );
    for ((_, id), minutes) in first.iter().zip([5, 10]) {
        let known = ask(&bench, "GET", &format!("/{id}"), Value::Null).await.json;
        assert_eq!(known["components"][1]["code_expiration_minutes"], minutes, "{known}");
    }

    let names: Vec<String> = (0..101_u32).map(|number| format!("en_{number:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(ask(&bench, "POST", &target, code_in(&names[..100], 5)).await.status, 200);
    let many = ask(&bench, "POST", &target, code_in(&names, 5)).await;
    assert_eq!(
        (many.code(), many.details()),
        (100, "languages: it has 101 languages, more than the 100 allowed")
    );
    for (field, value) in [
        ("languages", json!([])),
        ("languages", json!("en_US")),
        ("languages", json!([7])),
        ("category", json!("UTILITY")),
        ("name", json!("")),
    ] {
        let mut said = code_in(&["de"], 5);
        said[field] = value;
        let reply = ask(&bench, "POST", &target, said).await;
        assert!(reply.code() == 100 && reply.details().starts_with(field), "{}", reply.json);
    }
    let of_library =
        json!({ "name": "o", "language": "en", "category": "UTILITY", "library_template_name": "x" });
    let reply = ask(&bench, "POST", &templates(""), of_library).await;
    assert!(reply.code() == 100 && reply.details().starts_with("library_template_name"), "{}", reply.json);
}

#[tokio::test]
async fn a_pause_is_not_lifted_by_the_business() {
    let bench = Bench::new();
    let created = ask(&bench, "POST", &templates(""), order("order", "en_US")).await.json;
    let target = format!("/v23.0/{}/unpause", created["id"].as_str().unwrap());
    let reply = ask(&bench, "POST", &target, Value::Null).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json),
        (200, &json!({ "success": false, "reason": "it is not paused" }))
    );
    assert_eq!(ask(&bench, "POST", "/v23.0/1000000000000009/unpause", Value::Null).await.code(), 100);
    assert_eq!(ask(&bench, "GET", &target, Value::Null).await.status, 405);

    let target = format!("/v23.0/{ACCOUNT}/upsert_message_templates");
    let code = ask(&bench, "POST", &target, code_in(&["fr"], 5)).await.json["data"][0]["id"].clone();
    let code = code.as_str().unwrap();
    bench.relay.review_template(code, TemplateStatus::Paused);
    let paused = async |what: &str| {
        let told = ask(&bench, "GET", &format!("/{code}"), Value::Null).await.json;
        assert_eq!(told["status"], "PAUSED", "{what}: {told}");
    };
    let edit = json!({ "components": code_in(&[], 7)["components"] });
    assert_eq!(ask(&bench, "POST", &format!("/{code}"), edit).await.json["success"], true);
    paused("an edit").await;
    for minutes in [7, 8] {
        let reply = ask(&bench, "POST", &target, code_in(&["fr"], minutes)).await;
        assert_eq!(reply.json["data"][0]["status"], "PAUSED", "{}", reply.json);
        paused("an upsert").await;
    }
}

/// Approved ones were looked at again, and could not be sent meanwhile.
#[tokio::test]
async fn a_code_that_is_as_it_was_is_not_changed() {
    let bench = Bench::new();
    let target = format!("/v23.0/{ACCOUNT}/upsert_message_templates");
    for (minutes, status) in [(5, "APPROVED"), (5, "APPROVED"), (6, "PENDING")] {
        let reply = ask(&bench, "POST", &target, code_in(&["de"], minutes)).await;
        assert_eq!(reply.json["data"][0]["status"], status, "{minutes}: {}", reply.json);
    }
}

/// What was created as `en_us` here was looked for as `en_US` when it was sent.
#[tokio::test]
async fn a_language_is_spelt_the_same_wherever_it_is_said() {
    let bench = Bench::new();
    let target = format!("/v23.0/{ACCOUNT}/upsert_message_templates");
    let made = ask(&bench, "POST", &target, code_in(&["en_us", "EN_US", "de"], 5)).await.json;
    let languages: Vec<_> = made["data"].as_array().unwrap().iter().map(|one| &one["language"]).collect();
    assert_eq!(languages, ["de", "en_US"]);
    for language in ["en_us", "en_US"] {
        let listed = ask(&bench, "GET", &templates(&format!("?language={language}")), Value::Null).await.json;
        assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{language}: {listed}");
        bench.post(sent("login", language, Value::Null).to_string()).await;
        let OutgoingBody::Template(template) = submitted(&bench) else { panic!() };
        assert_eq!(template.language(), "en_US");
    }
}

#[tokio::test]
async fn each_parameter_goes_to_the_relay_where_it_was_written() {
    let bench = Bench::new();
    let name = media_name(0);
    let components = json!([
        { "type": "header", "parameters": [{ "type": "image", "image": { "id": name } }] },
        { "type": "body", "parameters": [
            { "type": "text", "text": "Ann" },
            { "type": "currency", "currency": { "fallback_value": "$10", "code": "USD", "amount_1000": 10000 } },
            { "type": "date_time", "date_time": { "fallback_value": "Monday" } },
            { "type": "text", "parameter_name": "who", "text": "Bo" },
        ] },
        { "type": "button", "sub_type": "quick_reply", "index": "0", "parameters": [{ "type": "payload", "payload": "p" }] },
        { "type": "button", "sub_type": "url", "index": 1, "parameters": [{ "type": "text", "text": "7" }] },
        { "type": "button", "sub_type": "copy_code", "index": 2, "parameters": [{ "type": "coupon_code", "coupon_code": "SAVE" }] },
        { "type": "button", "sub_type": "flow", "index": 3, "parameters": [
            { "type": "action", "action": { "flow_token": "t", "flow_action_data": { "a": 1 } } }] },
        { "type": "carousel", "cards": [
            { "card_index": 1, "components": [{ "type": "body", "parameters": [{ "type": "text", "text": "second" }] }] },
            { "card_index": 0, "components": [] },
        ] },
    ]);
    assert_eq!(bench.post(sent("order", "en", components).to_string()).await.status, 200);
    let OutgoingBody::Template(template) = submitted(&bench) else { panic!() };
    assert_eq!((template.name(), template.language()), ("order", "en"));
    let written = format!("{template:?}");
    assert!(
        written.contains("1 of the header, 4 of the body, 4 of buttons") && written.contains("2 cards"),
        "{written}"
    );
    for (language, is_read) in [
        (json!({ "code": { "code": "en" } }), true),
        (json!("en"), true),
        (json!({}), false),
        (json!(7), false),
    ] {
        let mut message = sent("order", "en", Value::Null);
        message["template"]["language"] = language;
        let reply = bench.post(message.to_string()).await;
        assert_eq!(reply.status == 200, is_read, "{}", reply.json);
        assert_eq!(bench.relay.take().len(), usize::from(is_read));
    }
}

#[tokio::test]
async fn what_no_template_takes_is_refused_before_the_relay_is_asked() {
    let bench = Bench::new();
    let parameter =
        |parameter: Value| sent("a", "en", json!([{ "type": "body", "parameters": [parameter] }]));
    let button = |index: Value| {
        sent(
            "a",
            "en",
            json!([{ "type": "button", "index": index, "parameters": [{ "type": "payload", "payload": "p" }] }]),
        )
    };
    for (message, code, says) in [
        (sent("", "en", json!([])), 100, "template.name is missing"),
        (
            sent(&"x".repeat(513), "en", json!([])),
            100,
            "template.name: it has 513 characters, more than the 512 allowed",
        ),
        (
            sent("a", &"x".repeat(16), json!([])),
            100,
            "template.language.code: it has 16 characters, more than the 15 allowed",
        ),
        (
            sent("a", "en", json!([{ "type": "head" }])),
            100,
            "template.components.type: it must be one of BODY, BUTTON, CAROUSEL, HEADER",
        ),
        (
            sent("a", "en", json!([{ "type": "body" }, { "type": "body" }])),
            131_009,
            "template.components: it has more than one body",
        ),
        (
            sent("a", "en", json!(vec![json!({ "type": "footer" }); 17])),
            100,
            "template.components: it has 17 components, more than the 16 allowed",
        ),
        (parameter(json!({ "type": "text" })), 100, "template.components.parameters.text is missing"),
        (
            parameter(json!({ "type": "image", "image": {} })),
            132_012,
            "the places of a text take a text, a currency or a date_time",
        ),
        (button(json!(-1)), 131_009, "template.components.index: it is not a number from 0 on"),
        (
            sent(
                "a",
                "en",
                json!([{ "type": "body", "parameters": vec![json!({ "type": "text", "text": "a" }); 101] }]),
            ),
            100,
            "template.components.parameters: it has 101 parameters, more than the 100 allowed",
        ),
        (
            sent(
                "a",
                "en",
                json!([{ "type": "carousel", "cards": [{ "card_index": 1 }, { "card_index": 1 }] }]),
            ),
            131_009,
            "template.components.cards.card_index: the cards are to be counted from 0, each once",
        ),
    ] {
        assert_eq!(bench.refused(message.to_string(), code).await, says);
    }
}

#[tokio::test]
async fn refusals_of_the_relay_have_the_codes_that_clients_know() {
    let bench = Bench::new();
    let nearest = Some(("order_update".to_owned(), "en_US".to_owned()));
    let not = |status| TemplateRefusal::NotApproved { status };
    for (refusal, status, code, says) in [
        (
            TemplateRefusal::Unknown { nearest },
            404,
            132_001,
            "the account has no such template in this language; the nearest is order_update in the language en_US",
        ),
        (
            TemplateRefusal::Unknown { nearest: None },
            404,
            132_001,
            "the account has no such template in this language",
        ),
        (not(TemplateStatus::Rejected), 404, 132_001, "the template is REJECTED"),
        (not(TemplateStatus::Paused), 400, 132_015, "the template is PAUSED"),
        (not(TemplateStatus::Disabled), 400, 132_016, "the template is DISABLED"),
    ] {
        bench.relay.fail(bulla_relay::SubmitError::Template(refusal));
        let reply = bench.post(sent("order", "en", Value::Null).to_string()).await;
        assert_eq!((reply.status.as_u16(), reply.code(), reply.details()), (status, code, says));
    }
}

/// A request to define one, and one to send one, of whatever is short and means something.
#[test]
fn templates_take_less_than_four_mebibytes_while_they_are_read() {
    let most = |target: String, body: String| {
        let bench = Bench::new();
        assert!(body.len() <= bulla_graph::MAX_BODY_BYTES, "{}", body.len());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let request = Request::post(target).header("authorization", format!("Bearer {TOKEN}"));
        let request = request.header("host", "h").body(Body::from(body)).unwrap();
        allocation_counter::measure(|| drop(runtime.block_on(bench.call(request)))).bytes_max
    };
    let many = |piece: &str, count: usize| vec![piece; count].join(",");
    let parameters =
        format!(r#"{{"type":"body","parameters":[{}]}}"#, many(r#"{"type":"text","text":"a"}"#, 100));
    let card = format!(r#"{{"components":[{}]}}"#, many(&parameters, 1));
    let cards = format!(r#"{{"type":"carousel","cards":[{}]}}"#, many(&card, 10));
    for components in [
        format!("{parameters},{cards}"),
        many("{}", 80_000),
        many("[]", 80_000),
        format!(r#"{{"type":"body","parameters":[{}]}}"#, many("{}", 80_000)),
        format!(r#"{{"type":"carousel","cards":[{}]}}"#, many(r#"{"components":[]}"#, 13_000)),
    ] {
        let message = format!(
            r#"{{"messaging_product":"whatsapp","to":"16505551234","type":"template","template":{{"name":"a","language":{{"code":"en"}},"components":[{components}]}}}}"#
        );
        let bytes = most(format!("/{NUMBER}/messages"), message);
        assert!(bytes < 1 << 20, "{bytes}");
    }
    let buttons =
        format!(r#"{{"type":"BUTTONS","buttons":[{}]}}"#, many(r#"{"type":"QUICK_REPLY","text":"a"}"#, 10));
    let cards = format!(
        r#"{{"type":"CAROUSEL","cards":[{}]}}"#,
        many(&format!(r#"{{"components":[{}]}}"#, many(&buttons, 16)), 10)
    );
    for components in
        [cards, many("{}", 80_000), format!(r#"{{"type":"BUTTONS","buttons":[{}]}}"#, many("{}", 80_000))]
    {
        let body =
            format!(r#"{{"name":"a","language":"en","category":"UTILITY","components":[{components}]}}"#);
        let bytes = most(templates(""), body);
        assert!(bytes < 1 << 20, "{bytes}");
    }
}
