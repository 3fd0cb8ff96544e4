//! A user with a device.

use std::collections::VecDeque;
use std::sync::Arc;

use bulla::base::{MessageId, Number};
use bulla::content::{Body, Content, Reaction, Text};
use bulla::device::{Device, DeviceEventKind};
use bulla::store::Store;
use bulla::transport::Transport;

use super::history::History;
use super::script::{Exchange, IN_A_ROW};
use crate::escaped_text::EscapedText;
use crate::exit_error::ExitError;
use crate::parties::PHONE_NUMBER_ID;
use crate::terminal::Terminal;

/// How much of a text is shown.
const SHOWN_CHARS: usize = 34;

/// The user.
pub(super) struct User<S, T> {
    pub(super) name: &'static str,
    pub(super) number: Number,
    /// Which of a few exchanges is shown.
    shown: usize,
    device: Device<S, T>,
    history: Arc<History>,
    /// What was written and not answered yet.
    open: VecDeque<(MessageId, Exchange)>,
    /// How many answers came, and the last of them.
    answers: usize,
    last: Option<MessageId>,
}

impl<S: Store, T: Transport> User<S, T> {
    pub(super) fn new(
        name: &'static str,
        number: Number,
        shown: usize,
        device: Device<S, T>,
        history: Arc<History>,
    ) -> Self {
        Self { name, number, shown, device, history, open: VecDeque::new(), answers: 0, last: None }
    }

    /// Has the conversation, a few messages at a time, and shows one of each few.
    pub(super) async fn converse(
        &mut self,
        exchanges: &[Exchange],
        terminal: Terminal,
    ) -> Result<(), ExitError> {
        for few in exchanges.chunks(IN_A_ROW) {
            for exchange in few {
                self.write(exchange).await?;
            }
            while !self.open.is_empty() {
                self.read_next().await?;
            }
            if let Some(Exchange { asks, answer, .. }) = few.get(self.shown) {
                let (asks, answer) =
                    (EscapedText::start(asks, SHOWN_CHARS), EscapedText::start(answer, SHOWN_CHARS));
                let (name, so_far) = (self.name, self.answers);
                terminal.line(format_args!("  {name:<6} {so_far:>2}/{}  {asks} → {answer}", exchanges.len()));
            }
        }
        Ok(())
    }

    /// Writes what `exchange` begins with.
    pub(super) async fn write(&mut self, exchange: &Exchange) -> Result<MessageId, ExitError> {
        let text =
            Text::new(&*exchange.asks).map_err(ExitError::because("a line of the script is no text"))?;
        let mut content = Content::text(text);
        if let (true, Some(last)) = (exchange.asks_in_context, self.last) {
            content = content.replying_to(last);
        }
        let id = self.send(&content).await?;
        self.history.note(|entries| {
            entries.said.entry(id).or_default();
        });
        self.open.push_back((id, exchange.clone()));
        Ok(id)
    }

    /// Reads what comes next, and checks that it is what the script says.
    pub(super) async fn read_next(&mut self) -> Result<(), ExitError> {
        let event = self.device.next().await.map_err(ExitError::because("a user's device has stopped"))?;
        let mut reaction = None;
        match event.kind() {
            DeviceEventKind::Message(content) => match content.body() {
                Body::Text(text) => reaction = self.check(event.id(), text, content.in_reply_to())?,
                Body::Reaction(_) => self.history.note(|entries| entries.reactions_seen += 1),
                other => {
                    let (name, kind) = (self.name, other.name());
                    return Err(ExitError::new(format!("{name} was sent something else: {kind}")));
                }
            },
            DeviceEventKind::Receipt(receipt) => self.history.note(|entries| {
                // Reactions are told of as well, and are not counted here.
                for id in receipt.messages() {
                    if let Some(told) = entries.said.get_mut(id) {
                        told.insert(receipt.progress());
                    }
                }
            }),
            _ => return Err(ExitError::new(format!("a message of {} failed", self.name))),
        }
        self.device.acknowledge(event).await.map_err(ExitError::because("an event cannot be finished"))?;
        if let Some(reaction) = reaction {
            self.send(&Content::new(Body::Reaction(reaction))).await?;
            self.history.note(|entries| entries.reactions_sent += 1);
        }
        Ok(())
    }

    /// Checks that the message `id` answers what was asked first of what is still open; what to react with,
    /// if the script says so.
    fn check(
        &mut self,
        id: MessageId,
        text: &Text,
        context: Option<MessageId>,
    ) -> Result<Option<Reaction>, ExitError> {
        let Some((asked, exchange)) = self.open.pop_front() else {
            return Err(ExitError::new(format!("nobody asked for {:?}", text.body())));
        };
        if text.body() != exchange.answer {
            let (name, expected, told) = (self.name, &exchange.answer, text.body());
            return Err(ExitError::new(format!("{name} expected {expected:?} and was told {told:?}")));
        }
        if context.is_some_and(|context| context != asked) {
            return Err(ExitError::new(format!("{:?} answers another message", text.body())));
        }
        self.history.note(|entries| entries.received += 1);
        self.answers += 1;
        self.last = Some(id);
        let reaction = exchange.user_reacts.map(|emoji| Reaction::put(id, emoji));
        reaction.transpose().map_err(ExitError::because("a line of the script is no reaction"))
    }

    async fn send(&self, content: &Content) -> Result<MessageId, ExitError> {
        let sent = self.device.send(PHONE_NUMBER_ID, content).await;
        sent.map_err(ExitError::because(format!("{} cannot send", self.name)))
    }
}
