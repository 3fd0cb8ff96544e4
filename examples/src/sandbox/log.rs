//! What was asked, what was answered, and what was told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla::base::{Clock, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

/// So many are kept: the last.
pub(crate) const MAX_ENTRIES: usize = 10_000;
/// Of a longer body only the length is kept.
pub(crate) const MAX_LOGGED_BYTES: usize = 64 << 10;

/// What happened between the program and the sandbox, in its order.
#[derive(Debug)]
pub(crate) struct Log {
    clock: Arc<dyn Clock>,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    /// How many there were before those that are kept.
    dropped: usize,
    kept: VecDeque<Entry>,
}

/// One of them.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    /// Its number, from 1 on.
    pub(crate) n: usize,
    /// When it began, by the sandbox's clock.
    pub(crate) at: String,
    pub(crate) kind: Kind,
    pub(crate) method: String,
    /// Of a webhook the whole URL.
    pub(crate) path: String,
    pub(crate) body: Value,
    /// Of the answer; nothing while there is none.
    pub(crate) status: Option<u16>,
    pub(crate) answer: Value,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// Who asks whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The program, the Graph API.
    Request,
    /// The relay, the program.
    Webhook,
    /// The relay, whether the program knows the verify token.
    Handshake,
    /// The test, the sandbox itself.
    Sandbox,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Webhook => "webhook",
            Self::Handshake => "handshake",
            Self::Sandbox => "sandbox",
        }
    }
}

impl Log {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, entries: Mutex::default() })
    }

    /// Notes what begins, and returns its number.
    pub(crate) fn begin(&self, kind: Kind, method: &str, path: &str, body: &[u8]) -> usize {
        let (method, path, body) = (method.to_owned(), without_token(path), logged(body));
        let at = written(self.clock.now());
        let mut entries = self.entries();
        let n = entries.dropped + entries.kept.len() + 1;
        let (status, answer, error) = (None, Value::Null, None);
        entries.kept.push_back(Entry { n, at, kind, method, path, body, status, answer, error });
        if entries.kept.len() > MAX_ENTRIES {
            entries.kept.pop_front();
            entries.dropped += 1;
        }
        n
    }

    /// Notes the answer to what has the number `n`.
    pub(crate) fn answered(&self, n: usize, status: u16, answer: &[u8]) {
        self.change(n, |entry| {
            entry.status = Some(status);
            entry.answer = logged(answer);
        });
    }

    /// Notes that there is no answer to what has the number `n`.
    pub(crate) fn failed(&self, n: usize, why: String) {
        self.change(n, |entry| entry.error = Some(why));
    }

    /// Those behind the number `after`.
    pub(crate) fn entries_after(&self, after: usize) -> Vec<Entry> {
        let entries = self.entries();
        entries.kept.iter().filter(|entry| entry.n > after).cloned().collect()
    }

    fn change(&self, n: usize, change: impl FnOnce(&mut Entry)) {
        let mut entries = self.entries();
        let place = n.checked_sub(entries.dropped + 1);
        if let Some(entry) = place.and_then(|place| entries.kept.get_mut(place)) {
            change(entry);
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `now` as people write it.
pub(crate) fn written(now: Timestamp) -> String {
    let millis = i64::try_from(now.as_millis()).ok();
    let time = millis.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    time.map_or_else(|| format!("{} ms", now.as_millis()), |time| time.to_string())
}

/// A path without the token that may stand in its query.
fn without_token(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let fields = query.split('&').map(|field| match field.split_once('=') {
        Some(("access_token" | "input_token", _)) => "access_token=…",
        _ => field,
    });
    format!("{path}?{}", fields.collect::<Vec<_>>().join("&"))
}

/// A body as it stands in the log: JSON, or a text, or how long it is.
fn logged(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    if body.len() > MAX_LOGGED_BYTES {
        return json!(format!("({} bytes)", body.len()));
    }
    match (serde_json::from_slice(body), std::str::from_utf8(body)) {
        (Ok(value), _) => value,
        (Err(_), Ok(text)) => json!(text),
        (Err(_), Err(_)) => json!(format!("({} bytes)", body.len())),
    }
}

#[cfg(test)]
mod tests {
    use bulla::base::ManualClock;

    use super::*;

    fn log() -> Arc<Log> {
        Log::new(Arc::new(ManualClock::new(Timestamp::from_millis(1_767_603_600_500))))
    }

    #[test]
    fn an_entry_has_what_was_said_and_what_was_answered() {
        let log = log();
        let n = log.begin(Kind::Request, "POST", "/x", br#"{"a": 1}"#);
        log.answered(n, 200, b"not JSON");
        let entries = log.entries_after(0);
        assert_eq!(entries[0].at, "2026-01-05T09:00:00.5Z");
        assert_eq!((&entries[0].body, &entries[0].answer), (&json!({"a": 1}), &json!("not JSON")));
        assert!(log.entries_after(n).is_empty());
    }

    #[test]
    fn a_token_does_not_stand_in_the_log() {
        assert_eq!(without_token("/1/x?limit=2&access_token=t"), "/1/x?limit=2&access_token=…");
        assert_eq!(without_token("/1/x"), "/1/x");
    }

    #[test]
    fn the_last_are_kept_and_of_a_long_body_its_length() {
        let log = log();
        let first = log.begin(Kind::Webhook, "POST", "/", &vec![b'1'; MAX_LOGGED_BYTES]);
        let second = log.begin(Kind::Webhook, "POST", "/", &vec![b'"'; MAX_LOGGED_BYTES + 1]);
        let entries = log.entries_after(0);
        assert_ne!(entries[0].body, json!(format!("({MAX_LOGGED_BYTES} bytes)")));
        assert_eq!(entries[1].body, json!(format!("({} bytes)", MAX_LOGGED_BYTES + 1)));
        for _ in 0..MAX_ENTRIES - 1 {
            log.begin(Kind::Request, "GET", "/", b"");
        }
        log.answered(first, 200, b"1");
        log.answered(second, 204, b"2");
        let entries = log.entries_after(0);
        assert_eq!((entries.len(), entries[0].n, entries[0].status), (MAX_ENTRIES, second, Some(204)));
    }
}
