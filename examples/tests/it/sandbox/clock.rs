//! Time passes when a test says so.

use serde_json::json;

use super::http::ask;
use super::process::{ACCOUNT, BUSINESS, Sandbox};

#[test]
fn a_window_closes_when_25_hours_have_passed_and_opens_when_the_user_writes() {
    let sandbox = Sandbox::start();
    assert_eq!(sandbox.say("16505551234", "in time").status, 200);
    sandbox.advance("25h");
    assert_eq!(sandbox.get("/sandbox/clock").json()["now"], "2026-01-06T10:00:00Z");
    let refused = sandbox.say("16505551235", "too late");
    assert_eq!((refused.status, refused.json()["error"]["code"].as_u64()), (400, Some(131_047)));
    sandbox.inbound(&json!({ "from": "16505551235", "type": "text", "text": { "body": "still there?" } }));
    assert_eq!(sandbox.say("16505551235", "yes").status, 200);
}

#[test]
fn a_limit_is_by_the_clock() {
    let sandbox = Sandbox::start();
    let codes: Vec<_> =
        (0..46).map(|_| sandbox.say("16505551234", "again").json()["error"]["code"].as_u64()).collect();
    assert_eq!(codes[44..], [None, Some(131_056)], "{codes:?}");
    sandbox.advance("6s");
    assert_eq!(sandbox.say("16505551234", "once more").status, 200);
}

#[test]
fn a_token_ends_by_the_clock() {
    let sandbox = Sandbox::start();
    let ask = || {
        ask(
            sandbox.address(),
            "GET",
            &format!("/{ACCOUNT}"),
            "Authorization: Bearer a-token-for-a-day\r\n",
            "",
        )
    };
    assert_eq!(ask().status, 200);
    sandbox.advance("25h");
    assert_eq!((ask().status, ask().json()["error"]["error_subcode"].as_u64()), (401, Some(463)));
}

#[test]
fn a_clock_that_runs_goes_on_by_itself() {
    let number = json!({ "phone_number_id": BUSINESS, "business_account_id": ACCOUNT,
        "display_phone_number": "15550783881" });
    let user = json!({ "number": "16505551234", "reads": "500ms", "window_open": true });
    let sandbox = Sandbox::start_on(&json!({
        "clock": { "runs": true }, "numbers": [number], "tokens": [{ "token": "sandbox-token" }], "users": [user],
    }));
    assert_eq!(sandbox.say("16505551234", "hello").status, 200);
    // Not before the process is given up for hanging.
    while sandbox.statuses("16505551234") != ["sent", "delivered", "read"] {
        std::thread::yield_now();
    }
}

#[test]
fn what_is_no_span_is_refused_and_named() {
    let sandbox = Sandbox::start();
    for body in [json!({ "advance": "soon" }), json!({ "advance": 5 }), json!({ "forward": "1h" }), json!({})]
    {
        let answer = sandbox.post("/sandbox/clock", &body);
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.json()["error"].as_str().unwrap().len() > 10);
    }
}
