use bulla_base::{Category, Number};
use bulla_content::FlowMode;
use bulla_store::StoreError;
use bytes::Bytes;
use prost::Message as _;

use super::category;
use crate::{
    ButtonDefinition, CardDefinition, HeaderDefinition, HeaderFormat, MessageTemplate, OneTimeCode,
    ParameterFormat, TemplateDefinition, TemplateId, TemplateStatus, TemplateText,
};

/// A template of an account.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct StoredTemplate {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    language: String,
    #[prost(uint32, tag = "4")]
    category: u32,
    /// From 1 on, as they stand in [`TemplateStatus::ALL`].
    #[prost(uint32, tag = "5")]
    status: u32,
    #[prost(string, optional, tag = "6")]
    reason: Option<String>,
    #[prost(bool, tag = "7")]
    is_named: bool,
    #[prost(message, optional, tag = "8")]
    header: Option<StoredHeader>,
    #[prost(message, required, tag = "9")]
    body: StoredText,
    #[prost(string, optional, tag = "10")]
    footer: Option<String>,
    #[prost(message, repeated, tag = "11")]
    buttons: Vec<StoredButton>,
    #[prost(message, repeated, tag = "12")]
    cards: Vec<StoredCard>,
    /// Of an authentication template: 1 and its minutes twice, and 1 more with the recommendation.
    #[prost(uint32, optional, tag = "13")]
    code: Option<u32>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct StoredText {
    #[prost(string, tag = "1")]
    text: String,
    #[prost(string, repeated, tag = "2")]
    examples: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct StoredHeader {
    /// As they stand in [`HeaderFormat::ALL`], from 1 on.
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(message, required, tag = "2")]
    text: StoredText,
    #[prost(string, repeated, tag = "3")]
    examples: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct StoredButton {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(string, tag = "2")]
    text: String,
    /// A link, a number, a code or a flow.
    #[prost(message, required, tag = "3")]
    value: StoredText,
    #[prost(string, optional, tag = "4")]
    screen: Option<String>,
    #[prost(bool, tag = "5")]
    asks_first: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct StoredCard {
    #[prost(message, required, tag = "1")]
    header: StoredHeader,
    #[prost(message, optional, tag = "2")]
    body: Option<StoredText>,
    #[prost(message, repeated, tag = "3")]
    buttons: Vec<StoredButton>,
}

const DAMAGED: StoreError = StoreError::Damaged { what: "template" };

impl StoredTemplate {
    pub(crate) fn new(template: &MessageTemplate) -> Self {
        let definition = &template.definition;
        Self {
            id: template.id.number(),
            name: definition.name().to_owned(),
            language: definition.language().to_owned(),
            category: u32::from(definition.category().code()),
            status: code_of(&TemplateStatus::ALL, &template.status),
            reason: template.reason.clone(),
            is_named: definition.format() == ParameterFormat::Named,
            header: definition.header().map(StoredHeader::new),
            body: StoredText::new(definition.body()),
            footer: definition.footer().map(str::to_owned),
            buttons: definition.buttons().iter().map(StoredButton::new).collect(),
            cards: definition.cards().iter().map(StoredCard::new).collect(),
            code: definition.one_time_code().map(|code| {
                let minutes = u32::from(code.minutes().unwrap_or_default());
                2 * minutes + u32::from(code.is_recommending())
            }),
        }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::decode(bytes).map_err(|_| DAMAGED)
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }

    /// The template, if it is one.
    pub(crate) fn template(self) -> Result<MessageTemplate, StoreError> {
        let id = TemplateId::from_number(self.id).ok_or(DAMAGED)?;
        let status = *of_code(&TemplateStatus::ALL, self.status)?;
        let category: Category = category(self.category).map_err(|_| DAMAGED)?;
        let format = if self.is_named { ParameterFormat::Named } else { ParameterFormat::Positional };
        let mut definition =
            TemplateDefinition::new(self.name, self.language, category, self.body.text()).with_format(format);
        if let Some(header) = self.header {
            definition = definition.with_header(header.header()?);
        }
        if let Some(footer) = self.footer {
            definition = definition.with_footer(footer);
        }
        let buttons = self.buttons.into_iter().map(StoredButton::button).collect::<Result<_, _>>()?;
        let cards = self.cards.into_iter().map(StoredCard::card).collect::<Result<_, _>>()?;
        definition = definition.with_buttons(buttons).with_cards(cards);
        if let Some(code) = self.code {
            let minutes = u8::try_from(code / 2).map_err(|_| DAMAGED)?;
            let one_time = OneTimeCode::new().recommending(code % 2 == 1);
            let expiring = if minutes == 0 { one_time } else { one_time.expiring(minutes) };
            definition = definition.with_code(expiring);
        }
        let mut template = MessageTemplate::new(id, definition, status);
        template.reason = self.reason;
        Ok(template)
    }
}

impl StoredText {
    fn new(text: &TemplateText) -> Self {
        Self { text: text.text().to_owned(), examples: text.examples().to_vec() }
    }

    fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), examples: Vec::new() }
    }

    fn text(self) -> TemplateText {
        TemplateText::new(self.text).with_examples(self.examples)
    }
}

impl StoredHeader {
    fn new(header: &HeaderDefinition) -> Self {
        Self {
            format: code_of(&HeaderFormat::ALL, &header.format()),
            text: StoredText::new(header.words()),
            examples: header.examples().to_vec(),
        }
    }

    fn header(self) -> Result<HeaderDefinition, StoreError> {
        let header = match of_code(&HeaderFormat::ALL, self.format)? {
            HeaderFormat::Text => HeaderDefinition::text(self.text.text()),
            format => HeaderDefinition::brought(*format),
        };
        Ok(header.with_examples(self.examples))
    }
}

impl StoredButton {
    fn new(button: &ButtonDefinition) -> Self {
        let (kind, value) = match button {
            ButtonDefinition::QuickReply { .. } => (1, StoredText::default()),
            ButtonDefinition::Url { url, .. } => (2, StoredText::new(url)),
            ButtonDefinition::PhoneNumber { number, .. } => (3, StoredText::plain(number.digits())),
            ButtonDefinition::CopyCode { example } => (4, StoredText::plain(example)),
            ButtonDefinition::OneTimeCode { .. } => (5, StoredText::default()),
            ButtonDefinition::Flow { flow, .. } => (6, StoredText::plain(flow)),
        };
        let mut stored = Self { kind, value, ..Self::default() };
        match button {
            ButtonDefinition::CopyCode { .. } => {}
            ButtonDefinition::Flow { text, mode, screen, .. } => {
                stored.text.clone_from(text);
                stored.screen.clone_from(screen);
                stored.asks_first = *mode == FlowMode::DataExchange;
            }
            other => other.text().clone_into(&mut stored.text),
        }
        stored
    }

    fn button(self) -> Result<ButtonDefinition, StoreError> {
        let Self { kind, text, value, screen, asks_first } = self;
        Ok(match kind {
            1 => ButtonDefinition::QuickReply { text },
            2 => ButtonDefinition::Url { text, url: value.text() },
            3 => {
                let number = Number::parse(&value.text).map_err(|_| DAMAGED)?;
                ButtonDefinition::PhoneNumber { text, number }
            }
            4 => ButtonDefinition::CopyCode { example: value.text },
            5 => ButtonDefinition::OneTimeCode { text },
            6 => {
                let mode = if asks_first { FlowMode::DataExchange } else { FlowMode::Navigate };
                ButtonDefinition::Flow { text, flow: value.text, mode, screen }
            }
            _ => return Err(DAMAGED),
        })
    }
}

impl StoredCard {
    fn new(card: &CardDefinition) -> Self {
        Self {
            header: StoredHeader::new(card.header()),
            body: card.body().map(StoredText::new),
            buttons: card.buttons().iter().map(StoredButton::new).collect(),
        }
    }

    fn card(self) -> Result<CardDefinition, StoreError> {
        let buttons = self.buttons.into_iter().map(StoredButton::button).collect::<Result<_, _>>()?;
        let card = CardDefinition::new(self.header.header()?, buttons);
        Ok(match self.body {
            Some(body) => card.with_body(body.text()),
            None => card,
        })
    }
}

fn code_of<T: PartialEq>(all: &[T], one: &T) -> u32 {
    // There are a handful of them.
    all.iter().zip(1..).find(|(other, _)| *other == one).map_or(0, |(_, code)| code)
}

fn of_code<T>(all: &[T], code: u32) -> Result<&T, StoreError> {
    let index = usize::try_from(code).ok().and_then(|code| code.checked_sub(1));
    index.and_then(|index| all.get(index)).ok_or(DAMAGED)
}

impl std::fmt::Debug for StoredTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoredTemplate(…)")
    }
}

impl std::fmt::Debug for StoredText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoredText(…)")
    }
}

impl std::fmt::Debug for StoredHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoredHeader(…)")
    }
}

impl std::fmt::Debug for StoredButton {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoredButton(…)")
    }
}

impl std::fmt::Debug for StoredCard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoredCard(…)")
    }
}
