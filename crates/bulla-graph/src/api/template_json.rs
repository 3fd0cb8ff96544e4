//! What a template is, as an answer says it.

use bulla_content::{FlowMode, Header, Template, TemplateButton};
use bulla_relay::{
    ButtonDefinition, CardDefinition, HeaderDefinition, HeaderFormat, MessageTemplate, ParameterFormat,
    TemplateDefinition, TemplateText,
};
use serde_json::{Map, Value, json};

/// What is answered of a template.
pub(crate) fn template(template: &MessageTemplate) -> Value {
    let definition = &template.definition;
    let format = match definition.format() {
        ParameterFormat::Named => "NAMED",
        _ => "POSITIONAL",
    };
    json!({
        "id": template.id.to_string(),
        "name": definition.name(),
        "parameter_format": format,
        "components": components(definition),
        "language": definition.language(),
        "status": template.status.name(),
        "category": definition.category().name().to_ascii_uppercase(),
        "rejected_reason": template.reason.as_deref().unwrap_or("NONE"),
        // No quality_score: none is known, and pywa takes no score without its date.
    })
}

/// What a user sees of a template.
pub(crate) fn rendered(template: &Template) -> Vec<Value> {
    let mut components: Vec<Value> = template.header().map(shown_header).into_iter().collect();
    components.push(json!({ "type": "BODY", "text": template.body() }));
    components.extend(template.footer().map(|words| json!({ "type": "FOOTER", "text": words })));
    components.extend(shown_buttons(template.buttons()));
    let cards = template.cards().iter().map(|card| {
        let mut components = vec![shown_header(card.header())];
        components.extend(card.body().map(|body| json!({ "type": "BODY", "text": body })));
        components.extend(shown_buttons(card.buttons()));
        json!({ "components": components })
    });
    let cards: Vec<Value> = cards.collect();
    if !cards.is_empty() {
        components.push(json!({ "type": "CAROUSEL", "cards": cards }));
    }
    components
}

fn shown_header(header: &Header) -> Value {
    let (format, text) = match header {
        Header::Text(text) => (HeaderFormat::Text, Some(text.text())),
        Header::Image(_) => (HeaderFormat::Image, None),
        Header::Video(_) => (HeaderFormat::Video, None),
        Header::Document(_) => (HeaderFormat::Document, None),
        _ => (HeaderFormat::Location, None),
    };
    let mut shown = json!({ "type": "HEADER", "format": format.name() });
    if let Some(text) = text {
        shown["text"] = text.into();
    }
    shown
}

fn shown_buttons(buttons: &[TemplateButton]) -> Option<Value> {
    let buttons: Vec<Value> = buttons.iter().filter_map(shown_button).collect();
    (!buttons.is_empty()).then(|| json!({ "type": "BUTTONS", "buttons": buttons }))
}

fn shown_button(button: &TemplateButton) -> Option<Value> {
    Some(match button {
        TemplateButton::QuickReply(reply) => {
            json!({ "type": "QUICK_REPLY", "text": reply.text(), "payload": reply.payload() })
        }
        TemplateButton::Url(link) => json!({ "type": "URL", "text": link.text(), "url": link.url() }),
        TemplateButton::PhoneNumber(call) => {
            let number = format!("+{}", call.number().digits());
            json!({ "type": "PHONE_NUMBER", "text": call.text(), "phone_number": number })
        }
        TemplateButton::CopyCode(copy) => {
            json!({ "type": "COPY_CODE", "text": copy.text(), "code": copy.code() })
        }
        TemplateButton::Flow(flow) => {
            json!({ "type": "FLOW", "text": flow.button(), "flow_id": flow.flow() })
        }
        _ => return None,
    })
}

fn components(definition: &TemplateDefinition) -> Vec<Value> {
    let mut components = Vec::new();
    let is_named = definition.format() == ParameterFormat::Named;
    components.extend(definition.header().map(|header| self::header(header, is_named)));
    let mut body = text("BODY", definition.body(), is_named, ("body_text", "body_text_named_params"));
    let code = definition.one_time_code();
    if let Some(code) = code {
        body.insert("add_security_recommendation".into(), code.is_recommending().into());
    }
    components.push(Value::Object(body));
    if let Some(words) = definition.footer() {
        let mut footer = Map::from_iter([("type".into(), "FOOTER".into()), ("text".into(), words.into())]);
        if let Some(minutes) = code.and_then(|code| code.minutes()) {
            footer.insert("code_expiration_minutes".into(), minutes.into());
        }
        components.push(Value::Object(footer));
    }
    components.extend(buttons(definition.buttons()));
    if !definition.cards().is_empty() {
        let cards: Vec<Value> = definition.cards().iter().map(|card| self::card(card, is_named)).collect();
        components.push(json!({ "type": "CAROUSEL", "cards": cards }));
    }
    components
}

fn card(card: &CardDefinition, is_named: bool) -> Value {
    let mut components = vec![header(card.header(), is_named)];
    let names = ("body_text", "body_text_named_params");
    components.extend(card.body().map(|body| Value::Object(text("BODY", body, is_named, names))));
    components.extend(buttons(card.buttons()));
    json!({ "components": components })
}

fn header(header: &HeaderDefinition, is_named: bool) -> Value {
    let format = header.format();
    if format == HeaderFormat::Text {
        let names = ("header_text", "header_text_named_params");
        let mut fields = text("HEADER", header.words(), is_named, names);
        fields.insert("format".into(), format.name().into());
        return Value::Object(fields);
    }
    let mut fields = json!({ "type": "HEADER", "format": format.name() });
    if !header.examples().is_empty() {
        fields["example"] = json!({ "header_handle": header.examples() });
    }
    fields
}

/// A component of words, with its examples where `names` say, by position or by name.
fn text(kind: &str, text: &TemplateText, is_named: bool, names: (&str, &str)) -> Map<String, Value> {
    let mut fields = Map::from_iter([("type".into(), kind.into()), ("text".into(), text.text().into())]);
    if text.examples().is_empty() {
        return fields;
    }
    let (by_position, by_name) = names;
    let mut example = Map::new();
    if is_named {
        let named = text.places().into_iter().zip(text.examples());
        let named: Vec<Value> =
            named.map(|(name, example)| json!({ "param_name": name, "example": example })).collect();
        example.insert(by_name.into(), named.into());
    } else if kind == "BODY" {
        example.insert(by_position.into(), json!([text.examples()]));
    } else {
        example.insert(by_position.into(), json!(text.examples()));
    }
    fields.insert("example".into(), Value::Object(example));
    fields
}

fn buttons(buttons: &[ButtonDefinition]) -> Option<Value> {
    let buttons: Vec<Value> = buttons.iter().map(button).collect();
    (!buttons.is_empty()).then(|| json!({ "type": "BUTTONS", "buttons": buttons }))
}

fn button(button: &ButtonDefinition) -> Value {
    let mut fields = json!({ "type": button.kind(), "text": button.text() });
    match button {
        ButtonDefinition::Url { url, .. } => {
            fields["url"] = url.text().into();
            if !url.examples().is_empty() {
                fields["example"] = json!(url.examples());
            }
        }
        ButtonDefinition::PhoneNumber { number, .. } => {
            fields["phone_number"] = format!("+{}", number.digits()).into();
        }
        ButtonDefinition::CopyCode { example } => fields["example"] = json!([example]),
        ButtonDefinition::OneTimeCode { .. } => fields["otp_type"] = "COPY_CODE".into(),
        ButtonDefinition::Flow { flow, mode, screen, .. } => {
            fields["flow_id"] = flow.as_str().into();
            let is_asking = *mode == FlowMode::DataExchange;
            fields["flow_action"] = if is_asking { "DATA_EXCHANGE" } else { "NAVIGATE" }.into();
            if let Some(screen) = screen {
                fields["navigate_screen"] = screen.as_str().into();
            }
        }
        _ => {}
    }
    fields
}
