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
/// So many bytes of bodies are kept in all: those of the last.
const MAX_KEPT_BYTES: usize = 32 << 20;

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
    /// How many bytes of bodies these have.
    bytes: usize,
}

impl Entries {
    /// Forgets the oldest until there are no more than may be; the newest stays.
    fn bound(&mut self) {
        while self.kept.len() > MAX_ENTRIES || (self.bytes > MAX_KEPT_BYTES && self.kept.len() > 1) {
            if let Some(oldest) = self.kept.pop_front() {
                self.bytes -= oldest.bytes;
            }
            self.dropped += 1;
        }
    }
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
    /// How many bytes both bodies have.
    #[serde(skip)]
    pub(crate) bytes: usize,
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
        let bytes = body.len().min(MAX_LOGGED_BYTES);
        let (method, path, body) = (method.to_owned(), without_token(path), logged(body));
        let at = written(self.clock.now());
        let mut entries = self.entries();
        let n = entries.dropped + entries.kept.len() + 1;
        let (status, answer, error) = (None, Value::Null, None);
        entries.kept.push_back(Entry { n, at, kind, method, path, body, status, answer, error, bytes });
        entries.bytes += bytes;
        entries.bound();
        n
    }

    /// Notes the answer to what has the number `n`.
    pub(crate) fn answered(&self, n: usize, status: u16, answer: &[u8]) {
        self.change(n, |entry| {
            entry.status = Some(status);
            entry.answer = logged(answer);
            entry.bytes += answer.len().min(MAX_LOGGED_BYTES);
        });
    }

    /// Notes that there is no answer to what has the number `n`.
    pub(crate) fn failed(&self, n: usize, why: String) {
        self.change(n, |entry| entry.error = Some(why));
    }

    /// How many there were before those that are kept.
    pub(crate) fn forgotten(&self) -> usize {
        self.entries().dropped
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
            let before = entry.bytes;
            change(entry);
            let more = entry.bytes - before;
            entries.bytes += more;
            entries.bound();
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
        Some((name, _)) if is_token(name) => format!("{name}=…"),
        _ => field.to_owned(),
    });
    format!("{path}?{}", fields.collect::<Vec<_>>().join("&"))
}

/// Whether this is what a token is called in a query, however it is written.
fn is_token(name: &str) -> bool {
    let decoded = form_urlencoded::parse(name.as_bytes()).next();
    decoded.is_some_and(|(name, _)| name == "access_token" || name == "input_token")
}

/// A JSON text without the tokens that stand in addresses, as in those of a batch.
fn without_tokens(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('?') => *text = without_token(text),
        Value::Array(items) => items.iter_mut().for_each(without_tokens),
        Value::Object(fields) => {
            for (name, field) in fields {
                match is_token(name) {
                    true => *field = json!("…"),
                    false => without_tokens(field),
                }
            }
        }
        _ => {}
    }
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
        (Ok(mut value), _) => {
            without_tokens(&mut value);
            value
        }
        // A form is written as a query is.
        (Err(_), Ok(text)) => json!(without_token(&format!("?{text}")).split_off(1)),
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
        assert_eq!(
            without_token("/1/x?access%5Ftoken=t&input_token=u"),
            "/1/x?access%5Ftoken=…&input_token=…"
        );
        let batch = br#"{"batch":[{"relative_url":"1/x?access_token=t"}],"access_token":"t"}"#;
        let shown = json!({ "batch": [{ "relative_url": "1/x?access_token=…" }], "access_token": "…" });
        assert_eq!(logged(batch), shown);
        assert_eq!(logged(b"a=1&access_token=t"), json!("a=1&access_token=…"));
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

    #[test]
    fn so_many_bytes_of_bodies_are_kept_with_those_of_the_answers() {
        let (log, body) = (log(), vec![b'1'; MAX_LOGGED_BYTES]);
        let most = MAX_KEPT_BYTES / MAX_LOGGED_BYTES;
        for _ in 0..most {
            log.begin(Kind::Request, "POST", "/", &body);
        }
        assert_eq!(log.entries_after(0).len(), most);
        log.answered(most, 200, &body);
        assert_eq!((log.entries_after(0).len(), log.entries_after(0)[0].n), (most - 1, 2));
        assert_eq!(log.forgotten(), 1);
        log.answered(1, 200, b"it is gone");
        log.begin(Kind::Request, "POST", "/", &body);
        assert_eq!(log.entries_after(0).len(), most - 1);
    }
}
