//! Where the events for the business go: its webhook, or the terminal.

use bulla::base::Number;
use bulla::relay::{AccountEvent, Event, EventSink, Failure, Incoming, SinkError, StandingChange, Status};
use bulla::webhook::WebhookSink;

use crate::escaped_text::EscapedText;
use crate::terminal::Terminal;

/// Where events for the business go.
pub(crate) enum ServeSink {
    /// To its webhook.
    Webhook(Box<WebhookSink>),
    /// To whoever watches the terminal.
    Terminal(Terminal),
}

impl EventSink for ServeSink {
    async fn forward(&self, event: &Event) -> Result<(), SinkError> {
        match self {
            Self::Webhook(sink) => sink.forward(event).await,
            Self::Terminal(terminal) => {
                terminal.shown(in_words(event)).await;
                Ok(())
            }
        }
    }

    async fn forward_account(&self, event: &AccountEvent) -> Result<(), SinkError> {
        match (self, event) {
            (Self::Webhook(sink), _) => sink.forward_account(event).await,
            (Self::Terminal(terminal), AccountEvent::Template(update)) => {
                let (template, status) = (&update.template, update.template.status.name());
                let name = EscapedText::whole(template.definition.name());
                terminal.shown(format!("{} -- template {name} is {status}", update.account)).await;
                Ok(())
            }
            (Self::Terminal(terminal), AccountEvent::Restriction(update)) => {
                let (business, held) = (update.business, update.restriction.label());
                terminal.shown(format!("{business} -- the carrier has {held} the number")).await;
                Ok(())
            }
            (Self::Terminal(terminal), AccountEvent::VolumeTier(update)) => {
                let (account, reached) = (update.account, update.reached);
                let (category, market) = (reached.category.name(), reached.market.country());
                let line =
                    format!("{account} -- {category} to {market} has come to its units {}", reached.tier);
                terminal.shown(line).await;
                Ok(())
            }
            (Self::Terminal(terminal), AccountEvent::Standing(update)) => {
                let change = match update.change {
                    StandingChange::Warned => "was warned".to_owned(),
                    StandingChange::RestrictionEnded { .. } => "is not restricted any more".to_owned(),
                    StandingChange::Quality { is, .. } => format!("has the quality {}", is.name()),
                    StandingChange::Tier { is, .. } => format!("is in {}", is.name()),
                    _ => "stands otherwise".to_owned(),
                };
                terminal.shown(format!("{} -- the number {change}", update.business)).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

const fn why(failure: Failure) -> &'static str {
    match failure {
        Failure::Undeliverable => "failed (no such user)",
        Failure::Expired => "failed (too late)",
        Failure::NotOpened => "failed (the user's device cannot open it)",
        Failure::WindowClosed => "failed (the user has not written for a day)",
        Failure::PairRate | Failure::Throughput => "failed (too many at once)",
        Failure::MessagingLimit => "failed (too many users who had not written)",
        Failure::MarketingLimit => "failed (the user gets enough promotions)",
        Failure::Restricted => "failed (the carrier has restricted the number)",
        _ => "failed (for a reason this program does not know)",
    }
}

fn in_words(event: &Event) -> String {
    let about = event.subject();
    let (business, user, id) = (about.business, Number::digits(&about.user), about.message.id());
    match event {
        Event::Message(_, Incoming::Text { text, in_reply_to }) => {
            let text = EscapedText::whole(text.body());
            let context = in_reply_to.map(|message| format!(" re {}", message.id())).unwrap_or_default();
            format!("{business} <- {user} {id} {text}{context}")
        }
        Event::Message(_, Incoming::Reaction { to, emoji }) => {
            let emoji = EscapedText::whole(emoji.as_deref().unwrap_or_default());
            format!("{business} <- {user} {id} reaction {emoji} on {}", to.id())
        }
        Event::Message(_, Incoming::Other { body, .. }) => {
            format!("{business} <- {user} {id} ({} that this program does not show)", body.name())
        }
        Event::Status(_, update) => {
            let status = match update.status {
                Status::Sent => "sent",
                Status::Delivered => "delivered",
                Status::Read => "read",
                Status::Failed(failure) => why(failure),
                _ => "(a status this program does not know)",
            };
            format!("{business} <- {user} {status} {id}")
        }
        _ => format!("{business} <- {user} {id} (something this program does not know)"),
    }
}
