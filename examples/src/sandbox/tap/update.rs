//! What becomes of an update on its way to the program.

use bulla::base::Number;
use serde_json::{Value, json};

use super::super::error_codes::ErrorCode;
use super::super::magic::{self, Course};

/// What becomes of an update.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It is handed on.
    AsItIs,
    /// This is, in its place.
    Changed(Vec<u8>),
    /// It is taken, and handed to nobody.
    Unheard,
}

/// Where a status ends in an update, which is written without blanks.
const END: &str = "}]}}]}]}";
const SENT: &str = r#""status":"sent""#;

/// Judges the update `body`. Whether a user's messages are heard is told by `is_heard`; of an update about
/// nobody it is asked about nobody.
pub(super) fn judge(body: &[u8], mut is_heard: impl FnMut(&str) -> bool) -> Judgement {
    let update: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |path: &str| update.pointer(path).and_then(Value::as_str);
    let Some(status) = text("/entry/0/changes/0/value/statuses/0/status") else {
        let from = text("/entry/0/changes/0/value/messages/0/from").unwrap_or_default();
        return if is_heard(from) { Judgement::AsItIs } else { Judgement::Unheard };
    };
    let user = text("/entry/0/changes/0/value/statuses/0/recipient_id").unwrap_or_default();
    if !is_heard("") {
        return Judgement::Unheard;
    }
    let course = Number::parse(user).ok().filter(magic::is_magic).and_then(|user| magic::course(&user).ok());
    match (course, status) {
        (Some(Course::Fails(code)), "sent") => fail(body, code).map_or(Judgement::AsItIs, Judgement::Changed),
        (Some(Course::Fails(_) | Course::Sent), status) if status != "sent" => Judgement::Unheard,
        _ => Judgement::AsItIs,
    }
}

/// The update that a message has failed, in place of `body`, which says that it was sent.
fn fail(body: &[u8], code: ErrorCode) -> Option<Vec<u8>> {
    let body = std::str::from_utf8(body).ok()?;
    let (before, after) = body.rsplit_once(SENT)?;
    let after = after.strip_suffix(END)?;
    let error = json!({
        "code": code.code,
        "title": code.title,
        "message": code.title,
        "error_data": { "details": "the number asks for this error" },
        "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
    });
    Some(format!(r#"{before}"status":"failed"{after},"errors":[{error}]{END}"#).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(to: &str, status: &str) -> String {
        format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"statuses":[{{"id":"wamid.x","status":"{status}","timestamp":"1","recipient_id":"{to}"}}]}}}}]}}]}}"#
        )
    }

    fn judged(body: &str) -> Judgement {
        judge(body.as_bytes(), |_| true)
    }

    #[test]
    fn a_number_that_fails_has_failed_instead_of_sent_and_nothing_else() {
        let Judgement::Changed(body) = judged(&status("99910131047", "sent")) else {
            panic!("it is changed")
        };
        let body: Value = serde_json::from_slice(&body).unwrap();
        let line = body.pointer("/entry/0/changes/0/value/statuses/0").unwrap();
        assert_eq!(line["status"], "failed");
        assert_eq!(line["errors"][0]["code"], 131_047);
        assert_eq!(judged(&status("99910131047", "delivered")), Judgement::Unheard);
    }

    #[test]
    fn a_number_that_is_sent_to_hears_no_more() {
        assert_eq!(judged(&status("99900000001", "sent")), Judgement::AsItIs);
        assert_eq!(judged(&status("99900000001", "delivered")), Judgement::Unheard);
        assert_eq!(judged(&status("99900000002", "delivered")), Judgement::AsItIs);
        assert_eq!(judged(&status("16505551234", "read")), Judgement::AsItIs);
    }

    #[test]
    fn who_is_not_heard_is_not_heard_of() {
        let message = r#"{"entry":[{"changes":[{"value":{"messages":[{"from":"16505551234"}]}}]}]}"#;
        assert_eq!(judge(message.as_bytes(), |user| user != "16505551234"), Judgement::Unheard);
        assert_eq!(judged(message), Judgement::AsItIs);
    }
}
