use std::collections::BTreeMap;
use std::io::Write;
use std::process::ChildStdin;
use std::sync::Arc;

use bulla_examples::graph_client::GraphClient;
use bulla_examples::parties::PHONE_NUMBER_ID;
use bulla_examples::webhook_receiver::Update;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::conversation::Conversation;
use super::process::TOKEN;

/// How many messages of one sender may be under way.
const WINDOW: usize = 12;
/// How many lines of one user may wait for their acknowledgement.
const LINES_AHEAD: usize = 3;

/// All that is said, and how to say something now.
pub struct Traffic(watch::Sender<TrafficState>);

#[derive(Default)]
pub struct TrafficState {
    pub conversations: BTreeMap<String, Conversation>,
    /// The program's Graph API, when it is ready.
    pub api: Option<GraphClient>,
    /// The program's input.
    pub input: Option<ChildStdin>,
    /// Nothing new is to be said.
    pub ending: bool,
}

impl Traffic {
    pub fn new(users: &[&str]) -> Self {
        let conversations = users.iter().map(|user| ((*user).to_owned(), Conversation::default())).collect();
        Self(watch::Sender::new(TrafficState { conversations, ..TrafficState::default() }))
    }

    pub fn note(&self, note: impl FnOnce(&mut TrafficState)) {
        self.0.send_modify(note);
    }

    pub fn read<R>(&self, read: impl FnOnce(&TrafficState) -> R) -> R {
        read(&self.0.borrow())
    }

    pub async fn until(&self, holds: impl FnMut(&TrafficState) -> bool) {
        drop(self.0.subscribe().wait_for(holds).await.unwrap());
    }
}

impl TrafficState {
    /// Takes in a line the program has printed.
    pub fn take_in(&mut self, line: &str) {
        if let Some(address) = line.strip_prefix("ready on http://").and_then(|rest| rest.split(',').next()) {
            self.api = Some(GraphClient::new(address.parse().unwrap(), PHONE_NUMBER_ID, TOKEN));
        }
        let Some((user, rest)) = line.split_once(' ') else { return };
        let Some(conversation) = self.conversations.get_mut(user) else { return };
        let words: Vec<&str> = rest.splitn(4, ' ').collect();
        match words[..] {
            ["->", "sent", id] => conversation.acknowledged(id),
            ["<-", _, "delivered" | "read", id] => conversation.was_told_of(id),
            ["<-", _, id, text] if text.starts_with('"') => {
                conversation.received(id, &serde_json::from_str::<String>(text).unwrap());
            }
            _ => panic!("the program said {line}"),
        }
    }

    /// The program has ended.
    pub fn is_over(&mut self) {
        (self.api, self.input) = (None, None);
        self.conversations.values_mut().for_each(Conversation::forget_unacknowledged);
    }

    pub fn messages_under_way(&self) -> usize {
        self.conversations
            .values()
            .map(|conversation| conversation.to_user_under_way() + conversation.to_business_under_way())
            .sum()
    }
}

/// Lets everybody talk until the end is near.
pub fn begin(traffic: &Arc<Traffic>, updates: mpsc::UnboundedReceiver<Update>) -> JoinSet<()> {
    tokio::spawn(listen(traffic.clone(), updates));
    let mut talkers = JoinSet::new();
    for user in traffic.read(|all| all.conversations.keys().cloned().collect::<Vec<_>>()) {
        talkers.spawn(post(traffic.clone(), user.clone()));
        talkers.spawn(write(traffic.clone(), user));
    }
    talkers
}

async fn listen(traffic: Arc<Traffic>, mut updates: mpsc::UnboundedReceiver<Update>) {
    while let Some(update) = updates.recv().await {
        traffic.note(|all| match update {
            Update::Text { id, from, body, .. } => {
                all.conversations.get_mut(&from).unwrap().heard(&id, &body)
            }
            Update::Status { id, status, to } => all.conversations.get_mut(&to).unwrap().status(&id, &status),
            other => panic!("the business was told {other:?}"),
        });
    }
}

/// The business writes to `user`, one message after the other; each again, under its key, until it knows that
/// it was accepted.
async fn post(traffic: Arc<Traffic>, user: String) {
    for number in 0_u64.. {
        traffic.until(|all| all.ending || all.conversations[&user].to_user_under_way() < WINDOW).await;
        if traffic.read(|all| all.ending) {
            return;
        }
        let (text, key) = (format!("to {user} {number}"), format!("{user}-{number}"));
        loop {
            traffic.until(|all| all.api.is_some()).await;
            let Some(api) = traffic.read(|all| all.api.clone()) else { continue };
            match api.say(&user, &text, None, Some(&key)).await {
                Ok(id) => {
                    break traffic.note(|all| all.conversations.get_mut(&user).unwrap().accepted(&id, &text));
                }
                // It may have been accepted or not. In the next life we ask again.
                Err(problem) if !problem.with_causes().contains("answered") => {
                    traffic.until(|all| all.api.is_none()).await;
                }
                Err(problem) => panic!("{}", problem.with_causes()),
            }
        }
    }
}

/// The user writes, one line after the other; none again, because the input has no keys.
async fn write(traffic: Arc<Traffic>, user: String) {
    for number in 0_u64.. {
        traffic
            .until(|all| {
                let conversation = &all.conversations[&user];
                let room = conversation.unacknowledged() < LINES_AHEAD
                    && conversation.to_business_under_way() < WINDOW;
                all.ending || (room && all.api.is_some())
            })
            .await;
        if traffic.read(|all| all.ending) {
            return;
        }
        traffic.note(|all| {
            let text = format!("from {user} {number}");
            // A program that has just been killed does not read it: then it stays unacknowledged.
            if let Some(input) = &mut all.input {
                let _ = writeln!(input, "{user} {text}");
                all.conversations.get_mut(&user).unwrap().wrote(text);
            }
        });
    }
}
