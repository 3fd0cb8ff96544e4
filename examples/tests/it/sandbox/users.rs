//! Users do what the seed says.

use serde_json::json;

use super::process::Sandbox;

#[test]
fn a_user_who_echoes_reads_and_says_the_same() {
    let sandbox = Sandbox::start();
    let answer = sandbox.say("16505551234", "hello there");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(sandbox.statuses("16505551234"), ["sent", "delivered", "read"]);
    let messages = sandbox.messages();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0]["text"]["body"], "hello there");
    assert_eq!(messages[0]["from"], "16505551234");
}

#[test]
fn a_user_reads_after_a_while_by_the_clock() {
    let sandbox = Sandbox::start();
    assert_eq!(sandbox.say("16505551235", "hello").status, 200);
    assert_eq!(sandbox.statuses("16505551235"), ["sent", "delivered"]);
    sandbox.advance("29s");
    assert_eq!(sandbox.statuses("16505551235"), ["sent", "delivered"]);
    sandbox.advance("1s");
    assert_eq!(sandbox.statuses("16505551235"), ["sent", "delivered", "read"]);
}

#[test]
fn a_user_taps_what_the_seed_says() {
    let sandbox = Sandbox::start();
    let buttons = json!([
        { "type": "reply", "reply": { "id": "yes", "title": "Yes" } },
        { "type": "reply", "reply": { "id": "no", "title": "No" } },
    ]);
    let asked = json!({ "type": "button", "body": { "text": "Well?" }, "action": { "buttons": buttons } });
    let answer = sandbox.send(&json!({ "to": "16505551236", "type": "interactive", "interactive": asked }));
    assert_eq!(answer.status, 200, "{answer:?}");
    let messages = sandbox.messages();
    assert_eq!(messages[0]["interactive"]["button_reply"], json!({ "id": "yes", "title": "Yes" }));
    assert_eq!(messages[0]["context"]["id"], answer.json()["messages"][0]["id"]);
}

#[test]
fn a_user_who_is_away_never_has_it_and_one_without_an_account_cannot_have_it() {
    let sandbox = Sandbox::start();
    assert_eq!(sandbox.say("16505551238", "hello").status, 200);
    let template = json!({ "name": "order_update", "language": { "code": "en_US" }, "components":
        [{ "type": "body", "parameters": [{ "type": "text", "text": "7" }] }] });
    let body = json!({ "to": "16505551239", "type": "template", "template": template });
    assert_eq!(sandbox.send(&body).status, 200);
    assert_eq!(sandbox.statuses("16505551238"), ["sent"]);
    assert_eq!(sandbox.statuses("16505551239"), ["failed 131026"]);
    sandbox.advance("30d");
    assert_eq!(sandbox.statuses("16505551238"), ["sent", "failed 131026"]);
}

#[test]
fn a_template_of_the_seed_has_the_status_it_says() {
    let sandbox = Sandbox::start();
    let template = json!({ "name": "paused_news", "language": { "code": "en_US" } });
    let answer = sandbox.send(&json!({ "to": "16505551234", "type": "template", "template": template }));
    assert_eq!(answer.json()["error"]["code"], 132_015);
}
