//! Users who read whatever their device receives, shown in the terminal.

use bulla::base::Number;
use bulla::content::{Body, Content, Progress};
use bulla::device::{Device, DeviceError, DeviceEvent, DeviceEventKind, SendError};
use bulla::store::Store;
use bulla::transport::Transport;

use crate::attachments::{self, Received};
use crate::escaped_text::EscapedText;
use crate::exit_error::ExitError;
use crate::terminal::Terminal;
use crate::typed_content::{Offers, buttons, titles};

/// A user who reads whatever the device receives, as soon as it does, until the carrier wants the number
/// proven.
pub(crate) async fn run<S: Store, T: Transport>(
    device: Device<S, T>,
    number: Number,
    terminal: Terminal,
    (offers, received): (Offers, Option<Received>),
) -> Result<(), ExitError> {
    loop {
        let event = tokio::select! {
            event = device.next() => event,
            typing = device.typing_changed() => {
                for business in typing.keys() {
                    terminal.shown(format!("{} <- {business} is typing", number.digits())).await;
                }
                continue;
            }
        };
        let event = match event {
            Ok(event) => event,
            Err(why) if matches!(&*why, DeviceError::Replaced(_)) => {
                terminal.line(format_args!("{}: {why}", number.digits()));
                // The others go on.
                return std::future::pending().await;
            }
            Err(why) if matches!(&*why, DeviceError::Unproven) => return Ok(()),
            Err(why) => return Err(ExitError::because("a user's device has stopped")(why)),
        };
        if let DeviceEventKind::Message(content) = event.kind() {
            offers.shown(&number, event.id(), content);
        }
        for line in in_words(&event, number.digits()) {
            terminal.shown(line).await;
        }
        if let DeviceEventKind::Message(content) = event.kind()
            && let Some(count) = received.as_ref().and_then(|received| received.note(content))
        {
            terminal.shown(format!("{} -- /save {count} FILE saves it", number.digits())).await;
        }
        match device.acknowledge(event).await {
            Ok(()) => {}
            Err(error @ SendError::Store(_)) => {
                return Err(ExitError::because("a user's device has stopped")(error));
            }
            // It stays in the mailbox and is shown again when the program is started the next time.
            Err(error) => terminal.line(format_args!("{}: not marked as read: {error}", number.digits())),
        }
    }
}

fn in_words(event: &DeviceEvent, user: &str) -> Vec<String> {
    let business = event.business();
    let told = |news: &str| format!("{user} <- {business} {news}");
    match event.kind() {
        DeviceEventKind::Message(content) => vec![told(&format!("{} {}", event.id(), said(content)))],
        DeviceEventKind::Receipt(receipt) => {
            let progress = match receipt.progress() {
                Progress::Delivered => "delivered",
                Progress::Read => "read",
                Progress::Played => "played",
                _ => "(a progress this program does not know)",
            };
            receipt.messages().iter().map(|id| told(&format!("{progress} {id}"))).collect()
        }
        DeviceEventKind::IdentityChanged => {
            vec![told(&format!("has another identity, since {}", event.id()))]
        }
        DeviceEventKind::NotDelivered => vec![told(&format!("failed {}", event.id()))],
        DeviceEventKind::MessageLost => vec![told(&format!("lost {}", event.id()))],
        _ => vec![told("(news this program does not know)")],
    }
}

fn said(content: &Content) -> String {
    match content.body() {
        Body::Text(text) => {
            let context = content.in_reply_to().map(|id| format!(" re {id}")).unwrap_or_default();
            format!("{}{context}", EscapedText::whole(text.body()))
        }
        Body::Reaction(reaction) => {
            format!(
                "reaction {} on {}",
                EscapedText::whole(reaction.emoji().unwrap_or_default()),
                reaction.to()
            )
        }
        Body::Location(place) => {
            let name = EscapedText::whole(place.name().unwrap_or_default());
            format!("place {} {} {name}", place.latitude(), place.longitude())
        }
        Body::Contacts(contacts) => {
            let names = contacts.contacts().iter().map(|contact| contact.name().formatted());
            names.map(|name| format!("contact {}", EscapedText::whole(name))).collect::<Vec<_>>().join(", ")
        }
        Body::Interactive(interactive) => {
            let titles =
                titles(interactive).into_iter().map(|title| format!(" [{}]", EscapedText::whole(title)));
            let body = EscapedText::whole(interactive.body().unwrap_or_default());
            format!("{body}{}", titles.collect::<String>())
        }
        Body::Template(template) => {
            let titles =
                buttons(template).into_iter().map(|title| format!(" [{}]", EscapedText::whole(title)));
            format!("template {}{}", EscapedText::whole(template.body()), titles.collect::<String>())
        }
        body if attachments::in_words(content).is_some() => {
            let caption = match body {
                Body::Image(image) => image.caption(),
                Body::Video(video) => video.caption(),
                Body::Document(document) => document.caption(),
                _ => None,
            };
            let caption = caption.map(|text| format!(": {}", EscapedText::whole(text)));
            format!("{}{}", attachments::in_words(content).unwrap_or_default(), caption.unwrap_or_default())
        }
        other => {
            let fallback = content.fallback().map(|text| format!(": {}", EscapedText::whole(text)));
            format!("({} that this program does not show{})", other.name(), fallback.unwrap_or_default())
        }
    }
}
