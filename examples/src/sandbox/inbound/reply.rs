//! What users tap.

use bulla::content::{
    Body, ButtonReply, CallPermission, CallPermissionReply, FormReply, InteractiveReply, ListReply,
    QuickReply,
};

use super::NoMessage;
use super::field::Field;

/// A button of a template.
pub(super) fn read_button(button: &Field<'_>) -> Result<Body, NoMessage> {
    let (payload, text) = (button.required("payload")?.text()?, button.required("text")?.text()?);
    Ok(Body::QuickReply(QuickReply::new(payload, text)?))
}

/// Something of an interactive message.
pub(super) fn read(interactive: &Field<'_>) -> Result<Body, NoMessage> {
    let kind = interactive.required("type")?;
    let name = kind.text()?;
    let reply = || interactive.required(name);
    let of = |reply: &Field<'_>, name: &str| reply.required(name)?.text().map(str::to_owned);
    let read = match name {
        "button_reply" => {
            let reply = reply()?;
            InteractiveReply::Button(ButtonReply::new(of(&reply, "id")?, of(&reply, "title")?)?)
        }
        "list_reply" => {
            let reply = reply()?;
            let row = ListReply::new(of(&reply, "id")?, of(&reply, "title")?)?;
            InteractiveReply::List(match reply.optional_text("description")? {
                Some(description) => row.with_description(description)?,
                None => row,
            })
        }
        "nfm_reply" => {
            let reply = reply()?;
            let form = FormReply::new(of(&reply, "name")?, of(&reply, "response_json")?)?;
            InteractiveReply::Form(match reply.optional_text("body")? {
                Some(body) => form.with_body(body)?,
                None => form,
            })
        }
        "call_permission_reply" => {
            let reply = reply()?;
            let response = reply.required("response")?;
            let permission = match response.text()? {
                "accept" => CallPermission::Accepted,
                "reject" => CallPermission::Rejected,
                _ => return Err(response.because("it is accept or reject")),
            };
            let until = reply.optional("expiration_timestamp").and_then(|end| end.whole_number());
            InteractiveReply::CallPermission(CallPermissionReply::new(permission).until(until.unwrap_or(0)))
        }
        _ => return Err(kind.because("nothing is tapped so")),
    };
    Ok(Body::InteractiveReply(read))
}
