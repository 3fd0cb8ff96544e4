//! What a template is, as a request that creates or edits one says it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use bulla_base::{Category, Number as PhoneNumber};
use bulla_content::FlowMode;
use bulla_content::limits::{MAX_CARDS, MAX_TEMPLATE_BUTTONS};
use bulla_relay::{
    ButtonDefinition, CardDefinition, HeaderDefinition, HeaderFormat, MAX_TEMPLATE_PARAMETERS,
    MessageTemplate, OneTimeCode, ParameterFormat, TemplateDefinition, TemplateText,
};
use serde::de::{IgnoredAny, MapAccess};
use serde_json::value::RawValue;

use super::json_field::{Field, Fields, Number, Text, fields};
use super::raw_items::{items, object};
use super::template_message::spelt;
use crate::api_error::ApiError;
use crate::limits::{MAX_COMPONENTS, MAX_TRANSLATIONS};

/// The fields of a request.
#[derive(Default)]
pub(crate) struct DefinitionFields<'de> {
    name: Field<Text<'de>>,
    language: Field<Text<'de>>,
    category: Field<Text<'de>>,
    format: Field<Text<'de>>,
    components: Option<&'de RawValue>,
    languages: Option<&'de RawValue>,
    library_name: Option<&'de RawValue>,
}

impl<'de> Fields<'de> for DefinitionFields<'de> {
    fn read<M: MapAccess<'de>>(&mut self, name: &str, value: &mut M) -> Result<(), M::Error> {
        match name {
            "name" => self.name = value.next_value()?,
            "language" => self.language = value.next_value()?,
            "category" => self.category = value.next_value()?,
            "parameter_format" => self.format = value.next_value()?,
            "components" => self.components = value.next_value()?,
            "languages" => self.languages = value.next_value()?,
            "library_template_name" => self.library_name = value.next_value()?,
            _ => drop(value.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

/// The fields of a component.
#[derive(Default)]
struct ComponentFields<'de> {
    kind: Field<Text<'de>>,
    format: Field<Text<'de>>,
    text: Field<Text<'de>>,
    example: Option<&'de RawValue>,
    buttons: Option<&'de RawValue>,
    cards: Option<&'de RawValue>,
    is_recommending: Field<bool>,
    minutes: Field<Number>,
}

impl<'de> Fields<'de> for ComponentFields<'de> {
    fn read<M: MapAccess<'de>>(&mut self, name: &str, value: &mut M) -> Result<(), M::Error> {
        match name {
            "type" => self.kind = value.next_value()?,
            "format" => self.format = value.next_value()?,
            "text" => self.text = value.next_value()?,
            "example" => self.example = value.next_value()?,
            "buttons" => self.buttons = value.next_value()?,
            "cards" => self.cards = value.next_value()?,
            "add_security_recommendation" => self.is_recommending = value.next_value()?,
            "code_expiration_minutes" => self.minutes = value.next_value()?,
            _ => drop(value.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

/// The fields of an example.
#[derive(Default)]
struct ExampleFields<'de> {
    header_text: Option<&'de RawValue>,
    header_handle: Option<&'de RawValue>,
    body_text: Option<&'de RawValue>,
    header_named: Option<&'de RawValue>,
    body_named: Option<&'de RawValue>,
}

impl<'de> Fields<'de> for ExampleFields<'de> {
    fn read<M: MapAccess<'de>>(&mut self, name: &str, value: &mut M) -> Result<(), M::Error> {
        match name {
            "header_text" => self.header_text = value.next_value()?,
            "header_handle" => self.header_handle = value.next_value()?,
            "body_text" => self.body_text = value.next_value()?,
            "header_text_named_params" => self.header_named = value.next_value()?,
            "body_text_named_params" => self.body_named = value.next_value()?,
            _ => drop(value.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

fields! {
    /// The fields of the example of a place with a name.
    struct NamedExampleFields<'de> {
        name: Text<'de> = "param_name",
        example: Text<'de> = "example",
    }
}

/// The fields of a card.
#[derive(Default)]
struct CardFields<'de> {
    components: Option<&'de RawValue>,
}

impl<'de> Fields<'de> for CardFields<'de> {
    fn read<M: MapAccess<'de>>(&mut self, name: &str, value: &mut M) -> Result<(), M::Error> {
        match name {
            "components" => self.components = value.next_value()?,
            _ => drop(value.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

/// The fields of a button.
#[derive(Default)]
struct ButtonFields<'de> {
    kind: Field<Text<'de>>,
    text: Field<Text<'de>>,
    url: Field<Text<'de>>,
    number: Field<Text<'de>>,
    example: Option<&'de RawValue>,
    otp_type: Field<Text<'de>>,
    flow_id: Field<Text<'de>>,
    flow_action: Field<Text<'de>>,
    screen: Field<Text<'de>>,
}

impl<'de> Fields<'de> for ButtonFields<'de> {
    fn read<M: MapAccess<'de>>(&mut self, name: &str, value: &mut M) -> Result<(), M::Error> {
        match name {
            "type" => self.kind = value.next_value()?,
            "text" => self.text = value.next_value()?,
            "url" => self.url = value.next_value()?,
            "phone_number" => self.number = value.next_value()?,
            "example" => self.example = value.next_value()?,
            "otp_type" => self.otp_type = value.next_value()?,
            "flow_id" => self.flow_id = value.next_value()?,
            "flow_action" => self.flow_action = value.next_value()?,
            "navigate_screen" => self.screen = value.next_value()?,
            _ => drop(value.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

const COMPONENTS: &str = "components";
const BUTTONS: &str = "components.buttons";
const CARDS: &str = "components.cards";
const EXAMPLE: &str = "components.example";

/// A template that is to be created.
pub(crate) fn read(fields: DefinitionFields<'_>) -> Result<TemplateDefinition, ApiError> {
    if fields.library_name.is_some() {
        return Err(ApiError::unsupported_field("library_template_name"));
    }
    let name = fields.name.required_filled("name")?.into_owned();
    let language = spelt(fields.language.required_filled("language")?).into_owned();
    let category = category(&fields.category.required_filled("category")?)?;
    let format = format(fields.format)?.unwrap_or_default();
    components(Head { name, language, category, format }, fields.components)
}

/// One with a one-time code that is to be there in several languages, the same in each.
pub(crate) fn read_translations(fields: DefinitionFields<'_>) -> Result<Vec<TemplateDefinition>, ApiError> {
    let name = fields.name.required_filled("name")?.into_owned();
    if category(&fields.category.required_filled("category")?)? != Category::Authentication {
        return Err(ApiError::one_of("category", "AUTHENTICATION"));
    }
    let mut languages = BTreeSet::new();
    for raw in items(fields.languages, "languages", "languages", MAX_TRANSLATIONS)? {
        let language: String = serde_json::from_str(raw.get())
            .map_err(|_| ApiError::mistyped("languages", "a list of strings"))?;
        languages.insert(spelt(Cow::Owned(language)).into_owned());
    }
    if languages.iter().all(String::is_empty) {
        return Err(ApiError::missing("languages"));
    }
    let translation = |language| {
        let (name, category, format) = (name.clone(), Category::Authentication, ParameterFormat::default());
        components(Head { name, language, category, format }, fields.components)
    };
    languages.into_iter().map(translation).collect()
}

/// What a template is to become: what is not said stays.
pub(crate) fn read_edit(
    fields: DefinitionFields<'_>,
    before: &MessageTemplate,
) -> Result<TemplateDefinition, ApiError> {
    let before = &before.definition;
    let category = match fields.category.filled("category")? {
        Some(name) => category(&name)?,
        None => before.category(),
    };
    let format = format(fields.format)?.unwrap_or(before.format());
    let (name, language) = (before.name().to_owned(), before.language().to_owned());
    if fields.components.is_some() {
        return components(Head { name, language, category, format }, fields.components);
    }
    if category == before.category() {
        return Ok(before.clone());
    }
    if [category, before.category()].contains(&Category::Authentication) {
        return Err(ApiError::missing(COMPONENTS));
    }
    let mut after = TemplateDefinition::new(name, language, category, before.body().clone());
    after = after.with_format(format).with_buttons(before.buttons().to_vec());
    after = after.with_cards(before.cards().to_vec());
    after = before.header().cloned().into_iter().fold(after, TemplateDefinition::with_header);
    Ok(before.footer().into_iter().fold(after, TemplateDefinition::with_footer))
}

struct Head {
    name: String,
    language: String,
    category: Category,
    format: ParameterFormat,
}

/// The category with this name, in any case.
pub(crate) fn category(name: &str) -> Result<Category, ApiError> {
    let named = |category: &Category| category.name().eq_ignore_ascii_case(name);
    let found = Category::ALL.into_iter().find(named).filter(|category| *category != Category::Service);
    found.ok_or_else(|| ApiError::one_of("category", "AUTHENTICATION, MARKETING, UTILITY"))
}

fn format(field: Field<Text<'_>>) -> Result<Option<ParameterFormat>, ApiError> {
    match field.filled("parameter_format")? {
        None => Ok(None),
        Some(format) if format.eq_ignore_ascii_case("positional") => Ok(Some(ParameterFormat::Positional)),
        Some(format) if format.eq_ignore_ascii_case("named") => Ok(Some(ParameterFormat::Named)),
        Some(_) => Err(ApiError::one_of("parameter_format", "NAMED, POSITIONAL")),
    }
}

/// What the components come to, each of which is there once.
#[derive(Default)]
struct Parts {
    header: Option<HeaderDefinition>,
    body: Option<TemplateText>,
    footer: Option<String>,
    buttons: Vec<ButtonDefinition>,
    cards: Vec<CardDefinition>,
    code: OneTimeCode,
    says_named: bool,
}

fn components(head: Head, raw: Option<&RawValue>) -> Result<TemplateDefinition, ApiError> {
    let Head { name, language, category, format } = head;
    let mut parts = Parts::default();
    for item in items(raw, COMPONENTS, "components", MAX_COMPONENTS)? {
        parts.add(object(item, COMPONENTS)?, true)?;
    }
    if category == Category::Authentication {
        let button = parts.buttons.into_iter().find_map(|button| match button {
            ButtonDefinition::OneTimeCode { text } => Some(text).filter(|text| !text.is_empty()),
            _ => None,
        });
        return TemplateDefinition::authentication(name, language, parts.code, button)
            .map_err(|error| bulla_relay::TemplateError::from(error).into());
    }
    let body = parts.body.ok_or_else(|| ApiError::missing("components.body"))?;
    // Whoever gives examples by name means names.
    let format = if parts.says_named { ParameterFormat::Named } else { format };
    let mut definition = TemplateDefinition::new(name, language, category, body).with_format(format);
    definition = definition.with_buttons(parts.buttons).with_cards(parts.cards);
    definition = parts.header.into_iter().fold(definition, TemplateDefinition::with_header);
    Ok(parts.footer.into_iter().fold(definition, TemplateDefinition::with_footer))
}

impl Parts {
    fn add(&mut self, fields: ComponentFields<'_>, has_cards: bool) -> Result<(), ApiError> {
        let kind = fields.kind.required_filled("components.type")?.to_ascii_uppercase();
        let example = match fields.example.filter(|example| example.get() != "null") {
            Some(example) => object(example, EXAMPLE)?,
            None => ExampleFields::default(),
        };
        match kind.as_str() {
            "HEADER" => {
                let format =
                    fields.format.filled("components.header.format")?.unwrap_or(Cow::Borrowed("TEXT"));
                let format = HeaderFormat::from_name(&format).ok_or_else(|| {
                    ApiError::one_of("components.header.format", "DOCUMENT, IMAGE, LOCATION, TEXT, VIDEO")
                })?;
                self.header = Some(match format {
                    HeaderFormat::Text => {
                        let text = fields.text.required_filled("components.header.text")?;
                        let (examples, is_named) = examples(example.header_text, example.header_named)?;
                        self.says_named |= is_named;
                        HeaderDefinition::text(TemplateText::new(text).with_examples(examples))
                    }
                    format => {
                        let shown = texts(example.header_handle, EXAMPLE)?;
                        HeaderDefinition::brought(format).with_examples(shown)
                    }
                });
            }
            "BODY" => {
                let recommending =
                    fields.is_recommending.optional("components.add_security_recommendation")?;
                self.code = self.code.recommending(recommending.unwrap_or(false));
                // An authentication template has no text of its own.
                if let Some(text) = fields.text.filled("components.body.text")? {
                    let (examples, is_named) = examples(first(example.body_text)?, example.body_named)?;
                    self.says_named |= is_named;
                    self.body = Some(TemplateText::new(text).with_examples(examples));
                }
            }
            "FOOTER" => {
                self.footer = fields.text.filled("components.footer.text")?.map(Cow::into_owned);
                if let Some(Number(minutes)) =
                    fields.minutes.optional("components.code_expiration_minutes")?
                {
                    let whole = (0..=u8::MAX).find(|whole| f64::from(*whole) == minutes);
                    let whole = whole.ok_or_else(|| {
                        ApiError::unreadable("components.code_expiration_minutes: it is not between 1 and 90")
                    })?;
                    self.code = self.code.expiring(whole);
                }
            }
            "BUTTONS" => {
                for item in items(fields.buttons, BUTTONS, "buttons", MAX_TEMPLATE_BUTTONS)? {
                    self.buttons.push(button(object(item, BUTTONS)?)?);
                }
            }
            "CAROUSEL" if has_cards => {
                for item in items(fields.cards, CARDS, "cards", MAX_CARDS)? {
                    self.cards.push(card(item)?);
                }
            }
            _ if has_cards => {
                return Err(ApiError::one_of("components.type", "BODY, BUTTONS, CAROUSEL, FOOTER, HEADER"));
            }
            _ => return Err(ApiError::one_of("components.cards.components.type", "BODY, BUTTONS, HEADER")),
        }
        Ok(())
    }
}

fn card(item: &RawValue) -> Result<CardDefinition, ApiError> {
    let path = "components.cards.components";
    let fields: CardFields<'_> = object(item, CARDS)?;
    let mut parts = Parts::default();
    for item in items(fields.components, path, "components", MAX_COMPONENTS)? {
        parts.add(object(item, path)?, false)?;
    }
    let header = parts.header.ok_or_else(|| ApiError::missing("components.cards.header"))?;
    let card = CardDefinition::new(header, parts.buttons);
    Ok(parts.body.into_iter().fold(card, CardDefinition::with_body))
}

fn button(fields: ButtonFields<'_>) -> Result<ButtonDefinition, ApiError> {
    let kind = fields.kind.required_filled("components.buttons.type")?.to_ascii_uppercase();
    let text = fields.text.filled("components.buttons.text")?.map(Cow::into_owned);
    let named = || text.clone().ok_or_else(|| ApiError::missing("components.buttons.text"));
    Ok(match kind.as_str() {
        "QUICK_REPLY" => ButtonDefinition::QuickReply { text: named()? },
        "URL" => {
            let url = fields.url.required_filled("components.buttons.url")?;
            let url = TemplateText::new(url).with_examples(texts(fields.example, EXAMPLE)?);
            ButtonDefinition::Url { text: named()?, url }
        }
        "PHONE_NUMBER" => {
            let number = fields.number.required_filled("components.buttons.phone_number")?;
            let number = PhoneNumber::parse(&number).map_err(|error| {
                ApiError::unreadable(format!("components.buttons.phone_number: {}", error.why()))
            })?;
            ButtonDefinition::PhoneNumber { text: named()?, number }
        }
        "COPY_CODE" => {
            let example = texts(fields.example, EXAMPLE)?.into_iter().next().unwrap_or_default();
            ButtonDefinition::CopyCode { example }
        }
        "OTP" => {
            // However the code gets into an app, it can be copied.
            let sort =
                fields.otp_type.filled("components.buttons.otp_type")?.unwrap_or(Cow::Borrowed("COPY_CODE"));
            if !["COPY_CODE", "ONE_TAP", "ZERO_TAP"].iter().any(|known| known.eq_ignore_ascii_case(&sort)) {
                return Err(ApiError::one_of("components.buttons.otp_type", "COPY_CODE, ONE_TAP, ZERO_TAP"));
            }
            ButtonDefinition::OneTimeCode { text: text.unwrap_or_default() }
        }
        "FLOW" => {
            let flow = fields.flow_id.required_filled("components.buttons.flow_id")?.into_owned();
            let mode = match fields.flow_action.filled("components.buttons.flow_action")? {
                Some(action) if action.eq_ignore_ascii_case("data_exchange") => FlowMode::DataExchange,
                Some(action) if !action.eq_ignore_ascii_case("navigate") => {
                    return Err(ApiError::one_of(
                        "components.buttons.flow_action",
                        "DATA_EXCHANGE, NAVIGATE",
                    ));
                }
                _ => FlowMode::Navigate,
            };
            let screen = fields.screen.filled("components.buttons.navigate_screen")?.map(Cow::into_owned);
            ButtonDefinition::Flow { text: named()?, flow, mode, screen }
        }
        _ => {
            return Err(ApiError::one_of(
                "components.buttons.type",
                "COPY_CODE, FLOW, OTP, PHONE_NUMBER, QUICK_REPLY, URL",
            ));
        }
    })
}

/// The examples of a text, by position or by name; and whether by name.
fn examples(
    positional: Option<&RawValue>,
    named: Option<&RawValue>,
) -> Result<(Vec<String>, bool), ApiError> {
    let by_name = items(named, EXAMPLE, "examples", MAX_TEMPLATE_PARAMETERS)?;
    if by_name.is_empty() {
        return Ok((texts(positional, EXAMPLE)?, false));
    }
    let example = |item| {
        let fields: NamedExampleFields<'_> = object(item, EXAMPLE)?;
        Ok(fields.example.filled("components.example.example")?.unwrap_or_default().into_owned())
    };
    Ok((by_name.into_iter().map(example).collect::<Result<_, ApiError>>()?, true))
}

/// The first list of a list of lists: one example of each is enough.
fn first(lists: Option<&RawValue>) -> Result<Option<&RawValue>, ApiError> {
    let lists = items(lists, EXAMPLE, "examples", MAX_TEMPLATE_PARAMETERS)?;
    Ok(lists.into_iter().next())
}

/// The texts in a list, or one that stands alone.
fn texts(raw: Option<&RawValue>, path: &'static str) -> Result<Vec<String>, ApiError> {
    let text = |raw: &RawValue| {
        let field: Field<Text<'_>> = serde_json::from_str(raw.get()).unwrap_or(Field::Mistyped);
        field.required(path).map(|Text(text)| text.into_owned())
    };
    match raw {
        Some(raw) if raw.get().starts_with('"') => Ok(vec![text(raw)?]),
        raw => items(raw, path, "examples", MAX_TEMPLATE_PARAMETERS)?.into_iter().map(text).collect(),
    }
}
