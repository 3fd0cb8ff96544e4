//! A message with a template, as a request says it.

use std::borrow::Cow;

use bulla_content::Location;
use bulla_content::limits::{MAX_CARDS, MAX_JSON_BYTES};
use bulla_relay::{
    ButtonParameter, HeaderParameter, MAX_TEMPLATE_LANGUAGE_CHARS, MAX_TEMPLATE_NAME_CHARS,
    MAX_TEMPLATE_PARAMETERS, OutgoingBody, OutgoingTemplate, TemplateParameters, TextParameter,
};
use serde::de::{IgnoredAny, MapAccess};
use serde_json::value::RawValue;

use super::json_field::{Field, Fields, Kind, Number, Object, Text, fields};
use super::links::Links;
use super::location::{self, LocationFields};
use super::media_message::{self, MediaFields};
use super::raw_items::{items, object};
use crate::api_error::ApiError;
use crate::limits::MAX_COMPONENTS;

/// The fields of `template`.
#[derive(Default)]
pub(crate) struct TemplateFields<'de> {
    name: Field<Text<'de>>,
    language: Field<Language<'de>>,
    components: Option<&'de RawValue>,
}

impl<'de> Fields<'de> for TemplateFields<'de> {
    fn read<M: MapAccess<'de>>(&mut self, name: &str, value: &mut M) -> Result<(), M::Error> {
        match name {
            "name" => self.name = value.next_value()?,
            "language" => self.language = value.next_value()?,
            "components" => self.components = value.next_value()?,
            _ => drop(value.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

/// The code of a language, which stands in an object; some clients write it alone, or in an object in that.
struct Language<'de>(Cow<'de, str>);

impl<'de> Kind<'de> for Language<'de> {
    const NAME: &'static str = "an object with a code";

    fn text(text: Cow<'de, str>) -> Field<Self> {
        if text.is_empty() { Field::Absent } else { Field::Given(Self(spelt(text))) }
    }

    fn object<M: MapAccess<'de>>(mut fields: M) -> Result<Field<Self>, M::Error> {
        let mut language = Field::Absent;
        while let Some(name) = fields.next_key::<Cow<'de, str>>()? {
            match &*name {
                "code" => language = fields.next_value()?,
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(language)
    }
}

/// The code of a language as it is written: `en_us` is `en_US`. Some clients have all of it in small letters.
pub(crate) fn spelt(code: Cow<'_, str>) -> Cow<'_, str> {
    match code.split_once('_') {
        Some((language, region)) if region.len() == 2 => {
            let (language, region) = (language.to_ascii_lowercase(), region.to_ascii_uppercase());
            Cow::Owned(format!("{language}_{region}"))
        }
        _ => code,
    }
}

/// The fields of a component.
#[derive(Default)]
struct ComponentFields<'de> {
    kind: Field<Text<'de>>,
    sub_type: Field<Text<'de>>,
    index: Field<Number>,
    parameters: Option<&'de RawValue>,
    cards: Option<&'de RawValue>,
}

impl<'de> Fields<'de> for ComponentFields<'de> {
    fn read<M: MapAccess<'de>>(&mut self, name: &str, value: &mut M) -> Result<(), M::Error> {
        match name {
            "type" => self.kind = value.next_value()?,
            "sub_type" => self.sub_type = value.next_value()?,
            "index" => self.index = value.next_value()?,
            "parameters" => self.parameters = value.next_value()?,
            "cards" => self.cards = value.next_value()?,
            _ => drop(value.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

/// The fields of a card.
#[derive(Default)]
struct CardFields<'de> {
    index: Field<Number>,
    components: Option<&'de RawValue>,
}

impl<'de> Fields<'de> for CardFields<'de> {
    fn read<M: MapAccess<'de>>(&mut self, name: &str, value: &mut M) -> Result<(), M::Error> {
        match name {
            "card_index" => self.index = value.next_value()?,
            "components" => self.components = value.next_value()?,
            _ => drop(value.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

fields! {
    /// The fields of a parameter.
    struct ParameterFields<'de> {
        kind: Text<'de> = "type",
        name: Text<'de> = "parameter_name",
        text: Text<'de> = "text",
        currency: Object<FallbackFields<'de>> = "currency",
        date_time: Object<FallbackFields<'de>> = "date_time",
        image: Object<MediaFields<'de>> = "image",
        video: Object<MediaFields<'de>> = "video",
        document: Object<MediaFields<'de>> = "document",
        location: Object<LocationFields<'de>> = "location",
        payload: Text<'de> = "payload",
        coupon_code: Text<'de> = "coupon_code",
        action: Object<ActionFields<'de>> = "action",
    }
}

fields! {
    /// The field of a sum or a time that is shown: how it is written is not worked out here.
    struct FallbackFields<'de> {
        value: Text<'de> = "fallback_value",
    }
}

/// The fields of what a flow begins with.
#[derive(Default)]
pub(crate) struct ActionFields<'de> {
    token: Field<Text<'de>>,
    data: Option<&'de RawValue>,
}

impl<'de> Fields<'de> for ActionFields<'de> {
    fn read<M: MapAccess<'de>>(&mut self, name: &str, value: &mut M) -> Result<(), M::Error> {
        match name {
            "flow_token" => self.token = value.next_value()?,
            "flow_action_data" => self.data = value.next_value()?,
            _ => drop(value.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

const COMPONENTS: &str = "template.components";
const PARAMETERS: &str = "template.components.parameters";

/// The message.
pub(crate) fn read(fields: TemplateFields<'_>, links: &mut Links<'_>) -> Result<OutgoingBody, ApiError> {
    let name = fields.name.required_filled("template.name")?;
    at_most("template.name", MAX_TEMPLATE_NAME_CHARS, &name)?;
    let Language(language) = fields.language.required("template.language.code")?;
    at_most("template.language.code", MAX_TEMPLATE_LANGUAGE_CHARS, &language)?;
    let (mut parameters, mut cards) = (Part::default(), Vec::new());
    for item in items(fields.components, COMPONENTS, "components", MAX_COMPONENTS)? {
        let mut component: ComponentFields<'_> = object(item, COMPONENTS)?;
        let kind = std::mem::take(&mut component.kind).required_filled("template.components.type")?;
        if kind.eq_ignore_ascii_case("carousel") {
            if !cards.is_empty() {
                return Err(ApiError::value("template.components", "it has more than one carousel"));
            }
            cards = carousel(component.cards, links)?;
        } else {
            parameters.add(&kind, component, links)?;
        }
    }
    let template = OutgoingTemplate::new(name, language).with(parameters.given).with_cards(cards);
    Ok(OutgoingBody::Template(Box::new(template)))
}

fn carousel(cards: Option<&RawValue>, links: &mut Links<'_>) -> Result<Vec<TemplateParameters>, ApiError> {
    let path = "template.components.cards";
    let mut placed = Vec::new();
    for (position, item) in items(cards, path, "cards", MAX_CARDS)?.into_iter().enumerate() {
        let CardFields { index, components } = object(item, path)?;
        let place = position_of(index, "template.components.cards.card_index", position)?;
        let mut part = Part::default();
        for item in items(components, "template.components.cards.components", "components", MAX_COMPONENTS)? {
            let mut component: ComponentFields<'_> = object(item, "template.components.cards.components")?;
            let kind = std::mem::take(&mut component.kind)
                .required_filled("template.components.cards.components.type")?;
            part.add(&kind, component, links)?;
        }
        placed.push((place, part.given));
    }
    placed.sort_by_key(|(place, _)| *place);
    if placed.iter().enumerate().any(|(place, (said, _))| place != *said) {
        let why = "the cards are to be counted from 0, each once";
        return Err(ApiError::value("template.components.cards.card_index", why));
    }
    Ok(placed.into_iter().map(|(_, part)| part).collect())
}

/// What was given for the template itself, or for one of its cards.
#[derive(Default)]
struct Part {
    given: TemplateParameters,
    has_header: bool,
    has_body: bool,
    buttons: usize,
}

impl Part {
    fn add(
        &mut self,
        kind: &str,
        component: ComponentFields<'_>,
        links: &mut Links<'_>,
    ) -> Result<(), ApiError> {
        let ComponentFields { sub_type, index, parameters, .. } = component;
        let given = items(parameters, PARAMETERS, "parameters", MAX_TEMPLATE_PARAMETERS)?;
        let given = given.into_iter().map(|item| object::<ParameterFields<'_>>(item, PARAMETERS));
        let twice = |what| Err(ApiError::value(COMPONENTS, format_args!("it has more than one {what}")));
        if kind.eq_ignore_ascii_case("header") {
            if std::mem::replace(&mut self.has_header, true) {
                return twice("header");
            }
            let header = given.map(|fields| of_header(fields?, links)).collect::<Result<_, _>>()?;
            self.given = std::mem::take(&mut self.given).header(header);
        } else if kind.eq_ignore_ascii_case("body") {
            if std::mem::replace(&mut self.has_body, true) {
                return twice("body");
            }
            let body = given.map(|fields| of_text(fields?)).collect::<Result<_, _>>()?;
            self.given = std::mem::take(&mut self.given).body(body);
        } else if kind.eq_ignore_ascii_case("button") {
            let place = position_of(index, "template.components.index", self.buttons)?;
            self.buttons += 1;
            let sub_type = sub_type.filled("template.components.sub_type")?.unwrap_or_default();
            for fields in given {
                let parameter = of_button(fields?, &sub_type)?;
                self.given = std::mem::take(&mut self.given).button(place, parameter);
            }
        } else if !kind.eq_ignore_ascii_case("footer") {
            return Err(ApiError::one_of("template.components.type", "BODY, BUTTON, CAROUSEL, HEADER"));
        }
        Ok(())
    }
}

fn of_header(fields: ParameterFields<'_>, links: &mut Links<'_>) -> Result<HeaderParameter, ApiError> {
    let media = |body| match body {
        OutgoingBody::Media(media) => Ok(HeaderParameter::Media(media)),
        // Nothing else is read of it.
        _ => Err(ApiError::missing(PARAMETERS)),
    };
    match &*kind_of(&fields)?.to_ascii_lowercase() {
        "image" => {
            media(media_message::read(fields.image.required("image")?.0, &media_message::IMAGE, links)?)
        }
        "video" => {
            media(media_message::read(fields.video.required("video")?.0, &media_message::VIDEO, links)?)
        }
        "document" => {
            let document = fields.document.required("document")?.0;
            media(media_message::read(document, &media_message::DOCUMENT, links)?)
        }
        "location" => {
            let place: Location = location::place(fields.location.required("location")?.0)?;
            Ok(HeaderParameter::Location(place))
        }
        _ => Ok(HeaderParameter::Text(of_text(fields)?)),
    }
}

fn of_text(fields: ParameterFields<'_>) -> Result<TextParameter, ApiError> {
    let text = match &*kind_of(&fields)?.to_ascii_lowercase() {
        "text" => fields.text.filled("template.components.parameters.text")?,
        "currency" => {
            let Object(currency) = fields.currency.required("template.components.parameters.currency")?;
            currency.value.filled("template.components.parameters.currency.fallback_value")?
        }
        "date_time" => {
            let Object(time) = fields.date_time.required("template.components.parameters.date_time")?;
            time.value.filled("template.components.parameters.date_time.fallback_value")?
        }
        _ => {
            return Err(ApiError::parameter_format(
                "the places of a text take a text, a currency or a date_time",
            ));
        }
    };
    let text = text.ok_or_else(|| ApiError::missing("template.components.parameters.text"))?;
    Ok(match fields.name.filled("template.components.parameters.parameter_name")? {
        Some(name) => TextParameter::named(name, text),
        None => TextParameter::new(text),
    })
}

fn of_button(fields: ParameterFields<'_>, sub_type: &str) -> Result<ButtonParameter, ApiError> {
    let path = "template.components.parameters";
    match &*kind_of(&fields)?.to_ascii_lowercase() {
        "payload" => {
            let payload = fields.payload.required_filled("template.components.parameters.payload")?;
            Ok(ButtonParameter::Payload(payload.into_owned()))
        }
        "coupon_code" => {
            let code = fields.coupon_code.required_filled("template.components.parameters.coupon_code")?;
            Ok(ButtonParameter::Code(code.into_owned()))
        }
        "text" => {
            let text = fields.text.required_filled("template.components.parameters.text")?;
            // Some clients write the payload of a quick reply so.
            Ok(match sub_type.eq_ignore_ascii_case("quick_reply") {
                true => ButtonParameter::Payload(text.into_owned()),
                false => ButtonParameter::Text(text.into_owned()),
            })
        }
        "action" => {
            let Object(action) = fields.action.required("template.components.parameters.action")?;
            let token = action.token.filled("template.components.parameters.action.flow_token")?;
            let data = action.data.map(RawValue::get).filter(|data| *data != "null");
            if let Some(data) = data.filter(|data| data.len() > MAX_JSON_BYTES) {
                let path = "template.components.parameters.action.flow_action_data";
                return Err(ApiError::long(path, "bytes", data.len(), MAX_JSON_BYTES));
            }
            let (token, data) = (token.map(Cow::into_owned), data.map(str::to_owned));
            Ok(ButtonParameter::Flow { token, data })
        }
        _ => Err(ApiError::value(path, "a button takes a payload, a text, a coupon_code or an action")),
    }
}

/// Of what type a parameter is: what nobody says is a text.
fn kind_of<'a>(fields: &'a ParameterFields<'_>) -> Result<&'a str, ApiError> {
    match &fields.kind {
        Field::Given(Text(kind)) if !kind.is_empty() => Ok(kind),
        Field::Mistyped => Err(ApiError::mistyped("template.components.parameters.type", "a string")),
        Field::Given(_) | Field::Absent => Ok("text"),
    }
}

/// Where in its list something stands, which some clients write as a string, and some not at all.
fn position_of(index: Field<Number>, path: &'static str, usual: usize) -> Result<usize, ApiError> {
    match index.optional(path)? {
        None => Ok(usual),
        Some(Number(index)) => (0..MAX_COMPONENTS)
            .find(|place| u32::try_from(*place).is_ok_and(|place| f64::from(place) == index))
            .ok_or_else(|| ApiError::value(path, "it is not a number from 0 on")),
    }
}

fn at_most(field: &'static str, limit: usize, text: &str) -> Result<(), ApiError> {
    let actual = text.chars().count();
    if actual > limit { Err(ApiError::long(field, "characters", actual, limit)) } else { Ok(()) }
}
