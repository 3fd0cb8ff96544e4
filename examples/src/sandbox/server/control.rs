//! What tests ask for.

use std::time::Duration;

use axum::http::header::ORIGIN;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use bulla::base::Clock;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::inbound::Inbound;
use super::super::log::{Kind, written};
use super::super::seed::{Seed, WebhookSeed};
use super::super::span::Span;
use super::super::{magic, page};
use super::reply::Reply;
use super::{CONTROL, Server};

/// How long the log waits, by the machine's clock, for what is on its way to the program.
const LOG_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance: Span,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    webhook: Option<WebhookSeed>,
}

impl Server {
    /// Answers a request for `path`, below where tests ask.
    pub(super) async fn control(&self, head: &Parts, path: &str, body: Bytes) -> Reply {
        // Only pages in a browser say where they come from, and none of somebody else's may change anything.
        if head.method != Method::GET && head.headers.contains_key(ORIGIN) {
            return Reply::error(StatusCode::FORBIDDEN, "pages in a browser change nothing here");
        }
        match (&head.method, path) {
            (&Method::GET, "/log") => self.show_log(head).await,
            (&Method::GET, "/clock") => Reply::json(&json!({ "now": self.now().await })),
            (&Method::POST, "/clock") => self.push_clock(&body).await,
            (&Method::POST, "/inbound") => self.write(&body).await,
            (&Method::GET, "" | "/") => self.show_page().await,
            (&Method::GET, "/numbers") => Reply::json(&json!({ "data": numbers() })),
            (&Method::POST, "/reset") => self.reset(&body).await,
            _ => Reply::error(StatusCode::NOT_FOUND, "there is no such path; sandbox --help tells them"),
        }
    }

    async fn show_log(&self, head: &Parts) -> Reply {
        let query = head.uri.query().unwrap_or_default().as_bytes();
        let after = form_urlencoded::parse(query).find(|(key, _)| key == "after");
        let after = match after.map(|(_, value)| value.parse()).transpose() {
            Ok(after) => after.unwrap_or(0),
            Err(_) => return Reply::refused("after: it is no number"),
        };
        let world = self.world().await;
        let is_settled = world.settle(LOG_PATIENCE).await;
        let (data, forgotten) = (world.log.entries_after(after), world.log.forgotten());
        let now = written(world.clock.now());
        Reply::json(&json!({ "now": now, "settled": is_settled, "forgotten": forgotten, "data": data }))
    }

    async fn show_page(&self) -> Reply {
        let world = self.world().await;
        Reply::page(page::write(&written(world.clock.now()), &world.log.entries_after(0)))
    }

    /// Has a user write.
    async fn write(&self, body: &[u8]) -> Reply {
        let inbound = match Inbound::read(body) {
            Ok(inbound) => inbound,
            Err(why) => return Reply::refused(why),
        };
        let (_turn, world) = self.take_turn().await;
        let n = world.log.begin(Kind::Sandbox, "POST", &format!("{CONTROL}/inbound"), body);
        let reply = match world.write(&inbound).await {
            Ok(id) => Reply::json(&json!({ "id": id.to_string() })),
            Err(why) => Reply::refused(why),
        };
        world.log.answered(n, reply.status.as_u16(), reply.body.as_bytes());
        reply
    }

    async fn push_clock(&self, body: &[u8]) -> Reply {
        let advance = match serde_json::from_slice::<Advance>(body) {
            Ok(Advance { advance }) => advance,
            Err(error) => return Reply::refused(error),
        };
        // Without a turn of its own: the program may ask while time passes.
        let (turn, world) = self.take_turn().await;
        drop(turn);
        let n = world.log.begin(Kind::Sandbox, "POST", &format!("{CONTROL}/clock"), body);
        world.push(advance.0).await;
        let reply = Reply::json(&json!({ "now": written(world.clock.now()) }));
        world.log.answered(n, reply.status.as_u16(), reply.body.as_bytes());
        reply
    }

    async fn reset(&self, body: &[u8]) -> Reply {
        let asked = if body.is_empty() { Ok(Reset::default()) } else { serde_json::from_slice(body) };
        let webhook = match asked {
            Ok(Reset { webhook }) => webhook,
            Err(error) => return Reply::refused(error),
        };
        let change = |seed: &mut Seed| {
            if webhook.is_some() {
                seed.webhook = webhook;
            }
        };
        match self.begin_anew(change).await {
            Ok(()) => Reply::json(&json!({ "now": self.now().await })),
            Err(error) => Reply::refused(error.with_causes()),
        }
    }

    async fn now(&self) -> String {
        written(self.world().await.clock.now())
    }
}

fn numbers() -> Vec<Value> {
    magic::all().into_iter().map(|(number, course)| json!({ "number": number, "course": course })).collect()
}
