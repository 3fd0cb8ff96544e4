//! A magic number names what becomes of a message.

use serde_json::json;

use super::process::Sandbox;

#[test]
fn a_course_is_taken_as_far_as_the_number_says() {
    let sandbox = Sandbox::start();
    for (number, course) in [
        ("99900000001", &["sent"][..]),
        ("99900000002", &["sent", "delivered"]),
        ("99900000003", &["sent", "delivered", "read"]),
        ("99910131049", &["failed 131049"]),
        ("99910131047", &["failed 131047"]),
    ] {
        let answer = sandbox.say(number, "hello");
        assert_eq!(answer.status, 200, "{number}: {answer:?}");
        assert_eq!(sandbox.statuses(number), course, "{number}");
        assert!(sandbox.messages().is_empty(), "{number} has opened its window without a word");
    }
    sandbox.advance("48h");
    assert_eq!(sandbox.say("99900000003", "two days later").status, 200);
    assert_eq!(sandbox.say("99910131049", "two days later").status, 200);
    assert_eq!(sandbox.statuses("99910131049"), ["failed 131049", "failed 131049"]);
}

#[test]
fn every_code_is_answered_with_its_status() {
    let sandbox = Sandbox::start();
    let numbers = sandbox.get("/sandbox/numbers").json();
    let refusing = numbers["data"].as_array().unwrap().iter();
    let refusing: Vec<_> = refusing
        .filter_map(|number| {
            let (digits, course) = (number["number"].as_str().unwrap(), number["course"].as_str().unwrap());
            let (code, rest) = course.strip_prefix("refused with ")?.split_once(" (HTTP ")?;
            Some((digits, code.parse::<u64>().unwrap(), rest.split(')').next().unwrap().parse().unwrap()))
        })
        .collect();
    assert!(refusing.len() > 100);
    for (digits, code, status) in refusing {
        let answer = sandbox.say(digits, "hello");
        let error = &answer.json()["error"];
        assert_eq!((answer.status, error["code"].as_u64()), (status, Some(code)), "{digits}");
        assert_eq!(answer.head.contains("\r\nretry-after: "), status == 429, "{digits}");
    }
}

#[test]
fn a_number_that_names_nothing_is_refused() {
    let sandbox = Sandbox::start();
    let answer = sandbox.say("99920000007", "hello");
    assert_eq!((answer.status, answer.json()["error"]["code"].as_u64()), (400, Some(131_009)));
    assert!(answer.json()["error"]["error_data"]["details"].as_str().unwrap().contains("code 7"));
    // What is wrong with the message itself comes first where there is somebody to send it to.
    let answer = sandbox.send(&json!({ "to": "99900000001", "text": {} }));
    assert_eq!(answer.json()["error"]["code"], 100);
}
