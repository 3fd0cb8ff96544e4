//! The description of the API, against what is served. That each path that is read is described, and that
//! limits are those that hold, is tested beside them; that answers are as described, by a fuzzer.

use std::collections::BTreeSet;

use bulla_graph::Settings;
use serde_json::{Value, json};

use crate::fake_relay::{ACCOUNT, NUMBER};
use crate::harness::{Bench, TOKEN};
use crate::media::{JPEG, file, form, upload};
use crate::uploads::handle_of;

const DESCRIPTION: &str = include_str!("../../openapi.json");
const METHODS: [&str; 3] = ["get", "post", "delete"];

fn description() -> Value {
    serde_json::from_str(DESCRIPTION).unwrap()
}

/// Where the references in `of` lead.
fn references(of: &Value, found: &mut BTreeSet<String>) {
    match of {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_everything_is_referred_to() {
    let description = description();
    let mut found = BTreeSet::new();
    references(&description, &mut found);
    let mut there = BTreeSet::new();
    for kind in ["headers", "parameters", "responses", "schemas"] {
        let names = description["components"][kind].as_object().unwrap().keys();
        there.extend(names.map(|name| format!("#/components/{kind}/{name}")));
    }
    assert_eq!(found, there);
}

/// So that what is looked for is found, and a change shows where it belongs.
#[test]
fn paths_and_components_stand_in_order() {
    for indent in [4, 6] {
        let is_name = |line: &&str| {
            let spaces = line.len() - line.trim_start().len();
            spaces == indent && line.trim_start().starts_with('"')
        };
        let mut last = "";
        for line in DESCRIPTION.lines() {
            if line.len() - line.trim_start().len() < indent {
                last = "";
            } else if is_name(&line) {
                let name = line.trim().split("\": ").next().unwrap();
                assert!(last < name, "{name} stands behind {last}");
                last = name;
            }
        }
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_and_tells_what_it_does() {
    let description = description();
    let mut names = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters")
        {
            assert!(METHODS.contains(&method.as_str()), "{method} {path}");
            assert!(names.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
            assert!(operation["summary"].as_str().unwrap().ends_with('.'), "{method} {path}");
            assert!(!operation["responses"]["200"].is_null(), "{method} {path}");
        }
    }
}

/// A relay in which something stands at every path, and what leads to it, by the parameter's name.
async fn filled(bench: &Bench) -> Vec<(&'static str, String)> {
    let made = async |path: String, body: Value, name: &str| {
        let reply = bench.ask("POST", path, body).await;
        reply.json[name].as_str().unwrap_or_else(|| panic!("{reply:?}")).to_owned()
    };
    let flow = json!({ "name": "f", "flow_json": "{}" });
    let flow = made(format!("/{ACCOUNT}/flows"), flow, "id").await;
    let code = json!({ "prefilled_message": "hello" });
    let code = made(format!("/{NUMBER}/message_qrdls"), code, "code").await;
    let template = json!({
        "name": "t", "language": "en", "category": "UTILITY", "components": [{ "type": "BODY", "text": "x" }],
    });
    let template = made(format!("/{ACCOUNT}/message_templates"), template, "id").await;
    let picture = bench.call(upload("?messaging_product=whatsapp", form(&[file("image/jpeg", JPEG)]))).await;
    let media = picture.json["id"].as_str().unwrap().to_owned();
    let mut filled: Vec<(&str, String)> =
        [NUMBER.to_string(), ACCOUNT.to_string(), template.clone(), flow.clone()]
            .map(|id| ("{id}", id))
            .into();
    filled.push(("{id}", media.clone()));
    filled.extend([("{flow_id}", flow), ("{code}", code), ("{media_id}", media)]);
    let file = json!({ "file_name": "a.jpg", "file_length": 9, "file_type": "image/jpeg" });
    let session = made("/5/uploads".to_owned(), file, "id").await;
    filled.push(("{upload_id}", session.strip_prefix("upload:").unwrap().to_owned()));
    filled.push(("{app_id}", "5".to_owned()));
    let handle = handle_of(bench, "image/jpeg", JPEG).await;
    let profile = format!("/{NUMBER}/whatsapp_business_profile");
    bench.ask("POST", profile, json!({ "profile_picture_handle": handle })).await;
    filled.push(("{template_id}", template));
    filled.extend([("{phone_number_id}", NUMBER.to_string()), ("{account_id}", ACCOUNT.to_string())]);
    filled
}

/// The API of an app that has a secret.
fn bench() -> Bench {
    Bench::new().settings(Settings::default().app(5).app_owner_secret("secret"))
}

/// The paths that `template` stands for, with the app's own token where that is asked for.
fn paths(template: &str, filled: &[(&str, String)]) -> Vec<String> {
    let put = |path: &str, names: &[(&str, String)]| {
        names.iter().fold(path.to_owned(), |path, (name, id)| path.replace(name, id))
    };
    if template == "/{app_id}/subscriptions" {
        return vec![format!("{}?access_token=5%7Csecret", put(template, filled))];
    }
    if template != "/{id}" {
        return vec![put(template, filled)];
    }
    filled.iter().filter(|(name, _)| *name == "{id}").map(|(_, id)| format!("/{id}")).collect()
}

#[tokio::test]
async fn every_path_is_called_with_the_methods_described_and_no_other() {
    let (bench, description) = (bench(), description());
    let filled = filled(&bench).await;
    for (template, item) in description["paths"].as_object().unwrap() {
        let described: BTreeSet<String> = item.as_object().unwrap().keys().cloned().collect();
        let described: BTreeSet<String> =
            METHODS.map(str::to_owned).into_iter().filter(|name| described.contains(name)).collect();
        let mut allowed = BTreeSet::new();
        for path in paths(template, &filled) {
            let reply = bench.ask("BREW", &path, Value::Null).await;
            if template == "/" {
                // Without a batch or ids it is no path at all, which no method can be named for.
                assert_eq!((reply.status.as_u16(), reply.code()), (400, 100));
                allowed.extend(["get".to_owned(), "post".to_owned()]);
                continue;
            }
            assert_eq!((reply.status.as_u16(), reply.code()), (405, 100), "{path}: {}", reply.json);
            let names = reply.headers["allow"].to_str().unwrap();
            allowed.extend(names.split(", ").map(str::to_ascii_lowercase));
        }
        assert_eq!(described, allowed, "{template}");
    }
}

#[tokio::test]
async fn every_operation_is_answered_by_one_that_stands_there() {
    let description = description();
    for (template, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters")
        {
            // A task that never waits is made to, and this clock lets nobody wait.
            tokio::task::yield_now().await;
            // Afresh: some delete what others ask for.
            let bench = bench();
            let filled = filled(&bench).await;
            let mut statuses = BTreeSet::new();
            for path in paths(template, &filled) {
                let path = match template.as_str() {
                    "/" if method == "get" => format!("/?ids={NUMBER}"),
                    "/oauth/access_token" => {
                        format!("{path}?client_id=5&client_secret=secret&grant_type=client_credentials")
                    }
                    "/debug_token" => format!("{path}?input_token={TOKEN}"),
                    "/{account_id}/pricing_analytics" => format!("{path}?start=0&end=900&granularity=DAILY"),
                    _ => path,
                };
                let body = match template.as_str() {
                    "/" if method == "post" => json!({ "batch": [] }),
                    _ => Value::Null,
                };
                let reply = bench.ask(&method.to_ascii_uppercase(), &path, body).await;
                let status = reply.status.as_u16();
                let is_described = !operation["responses"][status.to_string()].is_null();
                assert!(is_described, "{method} {path}: {status} {}", reply.json);
                assert_ne!(reply.json["error"]["message"], "(#100) This path is not supported", "{path}");
                statuses.insert(status);
            }
            // Whatever only asks is answered.
            assert!(method != "get" || statuses.contains(&200), "{method} {template}: {statuses:?}");
        }
    }
}
