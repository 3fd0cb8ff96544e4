//! What a user's device does with what comes.

use std::sync::Arc;

use bulla::base::{Clock, Number};
use bulla::content::{Body, Content, Text};
use bulla::device::{Device, DeviceEvent, DeviceEventKind};
use bulla::store::MemoryStore;
use bulla::transport::InProcess;

use super::seed::{Answers, Reads};
use super::world::SandboxCarrier;
use crate::typed_content::{self, Offers};

/// A user's device.
pub(crate) type UserDevice = Device<MemoryStore, InProcess<SandboxCarrier>>;

/// A user, as the seed has them.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) number: Number,
    pub(crate) reads: Reads,
    pub(crate) answers: Answers,
}

/// Does what the script says, until the device ends.
pub(crate) async fn follow(device: UserDevice, script: Script, clock: Arc<dyn Clock>) {
    let script = Arc::new(script);
    while let Ok(event) = device.next().await {
        let content = match event.kind() {
            DeviceEventKind::Message(content) => content.clone(),
            // Nobody reads it, and nobody is told that it was read.
            _ => {
                acknowledge(&device, event).await;
                continue;
            }
        };
        let (business, id) = (event.business(), event.id());
        match script.reads {
            Reads::Never => {}
            Reads::AtOnce => acknowledge(&device, event).await,
            Reads::After(span) => {
                let (device, clock) = (device.clone(), clock.clone());
                tokio::spawn(async move {
                    clock.sleep(span.0).await;
                    acknowledge(&device, event).await;
                });
            }
        }
        let answer = match script.answers {
            Answers::Nothing => None,
            Answers::Echo => Some(echo(&content)),
            Answers::Taps(number) => {
                let offers = Offers::default();
                offers.shown(&script.number, id, &content);
                let title = offered(content.body()).into_iter().nth(number.saturating_sub(1));
                title.and_then(|title| offers.read(&script.number, &format!("/tap {title}")).ok())
            }
        };
        if let Some(answer) = answer
            && let Err(error) = device.send(business, &answer).await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "a user's answer was not sent");
        }
    }
}

async fn acknowledge(device: &UserDevice, event: DeviceEvent) {
    if let Err(error) = device.acknowledge(event).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "a user could not read a message");
    }
}

/// What can be tapped, by its titles.
fn offered(body: &Body) -> Vec<String> {
    let titles = match body {
        Body::Interactive(interactive) => typed_content::titles(interactive),
        Body::Template(template) => typed_content::buttons(template),
        _ => Vec::new(),
    };
    titles.into_iter().map(str::to_owned).collect()
}

/// The same again, where a user can say it; else what kind of message it was.
fn echo(content: &Content) -> Content {
    match content.body() {
        body @ (Body::Text(_)
        | Body::Image(_)
        | Body::Video(_)
        | Body::Document(_)
        | Body::Audio(_)
        | Body::Sticker(_)
        | Body::Location(_)
        | Body::Contacts(_)
        | Body::Reaction(_)) => Content::new(body.clone()),
        other => {
            let said = Text::new(format!("({})", other.name()));
            said.map_or_else(|_| Content::new(other.clone()), Content::text)
        }
    }
}

#[cfg(test)]
mod tests {
    use bulla::content::{Action, Interactive, ReplyButton, ReplyButtons};

    use super::*;

    #[test]
    fn a_text_is_echoed_and_what_users_do_not_say_is_named() {
        let text = Content::text(Text::new("hello").unwrap());
        assert_eq!(echo(&text), text);
        let buttons = ReplyButtons::new(vec![ReplyButton::new("y", "Yes").unwrap()]).unwrap();
        let offer = Body::Interactive(Box::new(Interactive::new("Well?", Action::Buttons(buttons)).unwrap()));
        assert_eq!(offered(&offer), ["Yes"]);
        assert_eq!(echo(&Content::new(offer)), Content::text(Text::new("(interactive)").unwrap()));
    }
}
