//! The business: a program that knows nothing of Bulla but a URL, a token and two secrets.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::history::History;
use super::script::Exchange;
use crate::exit_error::ExitError;
use crate::graph_client::GraphClient;
use crate::timing::Stopwatch;
use crate::webhook_receiver::Update;

/// What the shop answers, by the user's number.
pub(super) type Answers = BTreeMap<String, Vec<Exchange>>;

/// A message of a user.
struct Heard {
    id: String,
    body: String,
    context: Option<String>,
}

/// Takes updates and answers them, each user in a task of its own, until the webhook is gone or something is
/// wrong.
pub(super) async fn run(
    mut updates: mpsc::UnboundedReceiver<Update>,
    client: GraphClient,
    answers: Answers,
    history: Arc<History>,
) -> Result<(), ExitError> {
    let (mut queues, mut workers) = (BTreeMap::new(), JoinSet::new());
    for (user, exchanges) in answers {
        let (queue, heard) = mpsc::unbounded_channel();
        queues.insert(user.clone(), queue);
        workers.spawn(serve_user(user, exchanges, heard, client.clone(), history.clone()));
    }
    loop {
        let update = tokio::select! {
            Some(update) = updates.recv() => update,
            Some(ended) = workers.join_next() => {
                return ended.map_err(ExitError::because("the shop has broken off"))?;
            }
        };
        match update {
            Update::Text { id, from, body, context } => {
                history.note(|entries| {
                    entries.heard += 1;
                    entries.heard_last.clone_from(&body);
                });
                let queue =
                    queues.get(&from).ok_or_else(|| ExitError::new("a stranger writes to the shop"))?;
                // A worker that is gone is found by `join_next` above, with the reason.
                let _ = queue.send(Heard { id, body, context });
            }
            Update::Reaction { .. } => history.note(|entries| entries.reactions_seen += 1),
            Update::Status { id, status, .. } => {
                history.note(|entries| entries.statuses.entry(id).or_default().push(status));
            }
        }
    }
}

/// Reads what one user writes, checks that it is what comes next in the script, marks it as read, and
/// answers.
async fn serve_user(
    user: String,
    exchanges: Vec<Exchange>,
    mut heard: mpsc::UnboundedReceiver<Heard>,
    client: GraphClient,
    history: Arc<History>,
) -> Result<(), ExitError> {
    for (place, exchange) in exchanges.iter().enumerate() {
        let Some(Heard { id, body, context }) = heard.recv().await else { return Ok(()) };
        if body != exchange.asks {
            return Err(ExitError::new(format!(
                "the shop expected {:?} and was told {body:?}",
                exchange.asks
            )));
        }
        if context.is_some() != exchange.asks_in_context {
            return Err(ExitError::new(format!("{body:?} came with the context {context:?}")));
        }
        client.mark_read(&id).await?;
        if let Some(emoji) = exchange.business_reacts {
            let began = Stopwatch::start();
            client.react(&user, &id, emoji).await?;
            history.note(|entries| {
                entries.accept_times.push(began.span());
                entries.reactions_sent += 1;
            });
        }
        // Every other answer is one in context.
        let context = (place % 2 == 0).then_some(id.as_str());
        let began = Stopwatch::start();
        let accepted = client.say(&user, &exchange.answer, context, None).await?;
        history.note(|entries| {
            entries.accept_times.push(began.span());
            entries.accepted.insert(accepted);
        });
    }
    std::future::pending().await
}
