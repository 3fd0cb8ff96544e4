//! An update, in the words of its consumers.
//!
//! Two things are always there that the original leaves out at times, because clients silently drop an update without them: the user's id,
//! and `contacts` on statuses.

mod words;

use bulla_relay::{Business, Failure, Incoming, Status};

use self::words::{
    Account, Answered, Change, Contact, Data, Entry, Fault, Message, Metadata, Notification, Profile,
    Reaction, StatusLine, TextBody, Value,
};
use super::WebhookError;
use super::ascii;
use super::notice::{News, Notice};
use crate::wamid;

/// The body of the update that tells `business` of `notice`.
pub(super) fn write(notice: &Notice<'_>, business: &Business) -> Result<Vec<u8>, WebhookError> {
    let display_number = business.display_number().digits();
    let user = notice.user.digits();
    let user_id = user_id(notice.user_id);
    let mut value = Value {
        messaging_product: "whatsapp",
        metadata: Metadata {
            display_phone_number: display_number,
            phone_number_id: business.id().to_string(),
        },
        contacts: [Contact { profile: Profile { name: format!("+{user}") }, wa_id: user, user_id: &user_id }],
        messages: None,
        statuses: None,
    };
    match &notice.news {
        News::Message(incoming) => {
            value.messages = Some([message(notice, incoming, &user_id, display_number)])
        }
        News::Status { status, tracking } => {
            value.statuses = Some([line(notice, *status, *tracking, &user_id)?])
        }
    }
    let notification = Notification {
        object: Account::WhatsappBusinessAccount,
        entry: [Entry { id: business.account().to_string(), changes: [Change { field: "messages", value }] }],
    };
    ascii::write(&notification).map_err(WebhookError::broken)
}

fn message<'a>(
    notice: &Notice<'a>,
    incoming: &'a Incoming,
    user_id: &'a str,
    display_number: &'a str,
) -> Message<'a> {
    let mut message = Message {
        from: notice.user.digits(),
        from_user_id: user_id,
        id: wamid::write(notice.message),
        timestamp: notice.at.as_secs().to_string(),
        kind: "unsupported",
        text: None,
        reaction: None,
        context: None,
        errors: None,
    };
    match incoming {
        Incoming::Text { text, in_reply_to } => {
            message.kind = "text";
            message.text = Some(TextBody { body: text.body() });
            message.context = in_reply_to.map(|id| Answered { from: display_number, id: wamid::write(id) });
        }
        Incoming::Reaction { to, emoji } => {
            message.kind = "reaction";
            message.reaction = Some(Reaction { message_id: wamid::write(*to), emoji: emoji.as_deref() });
        }
        _ => {
            message.errors =
                Some([fault(131_051, "Message type unknown", "this kind of message is not supported yet")])
        }
    }
    message
}

fn line<'a>(
    notice: &Notice<'a>,
    status: Status,
    tracking: Option<&'a str>,
    user_id: &'a str,
) -> Result<StatusLine<'a>, WebhookError> {
    let (name, errors) = match status {
        Status::Sent => ("sent", None),
        Status::Delivered => ("delivered", None),
        Status::Read => ("read", None),
        Status::Failed(failure) => ("failed", Some([undelivered(failure)])),
        _ => return Err(WebhookError::UnknownEvent),
    };
    Ok(StatusLine {
        id: wamid::write(notice.message),
        status: name,
        timestamp: notice.at.as_secs().to_string(),
        recipient_id: notice.user.digits(),
        recipient_user_id: user_id,
        biz_opaque_callback_data: tracking,
        errors,
    })
}

/// The original says nothing of a message whose time to live has ended. It is undeliverable like any other, and the details tell why.
fn undelivered(failure: Failure) -> Fault {
    let details = match failure {
        Failure::Expired => "the message was not delivered within its time to live",
        _ => "the recipient is not known, or cannot be delivered to",
    };
    fault(131_026, "Message undeliverable", details)
}

const fn fault(code: u32, title: &'static str, details: &'static str) -> Fault {
    Fault {
        code,
        title,
        message: title,
        error_data: Data { details },
        href: "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
    }
}

/// `ZZ`, the country nobody has, then 32 upper-case hexadecimal digits: the user's country is not told.
fn user_id(bytes: &[u8; 16]) -> String {
    use std::fmt::Write;

    let mut text = String::with_capacity(35);
    text.push_str("ZZ.");
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02X}");
    }
    text
}
