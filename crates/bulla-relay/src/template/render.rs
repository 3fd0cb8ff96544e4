//! Filling in: what a definition and a message come to.

use bulla_content::attachment::AttachmentPointer;
use bulla_content::{
    Body, CopyCodeButton, Flow, Header, HeaderText, PhoneNumberButton, QuickReplyButton, Template,
    TemplateButton, TemplateCard, UrlButton,
};

use super::{
    ButtonDefinition, ButtonParameter, HeaderDefinition, HeaderFormat, HeaderParameter, OutgoingTemplate,
    ParameterFormat, TemplateDefinition, TemplateParameters, TemplatePart, TemplateRefusal, TemplateText,
    TextParameter,
};

/// Where the media of a message is, and whether it moves; in the order in which it is shown.
pub(crate) type Attached = Vec<(AttachmentPointer, bool)>;

impl TemplateDefinition {
    /// What the user sees of `message`, whose media is at `attached`.
    ///
    /// # Errors
    /// When what is filled in is not what the template takes.
    ///
    /// # Cost
    /// In the length of what comes of it; nothing is read.
    pub(crate) fn render(
        &self,
        message: &OutgoingTemplate,
        attached: Attached,
    ) -> Result<Template, TemplateRefusal> {
        let mut attached = attached.into_iter();
        let given = &message.parameters;
        let header = self.header().map(|header| self.header_of(header, None, given, &mut attached));
        if header.is_none() && !given.header.is_empty() {
            return Err(count(TemplatePart::header(None), given.header.len(), 0));
        }
        let body = self.words(self.body(), TemplatePart::body(None), &given.body)?;
        let buttons = self.buttons_of(self.buttons(), None, given)?;
        let mut template = Template::new(body)?;
        if let Some(header) = header.transpose()? {
            template = template.with_header(header)?;
        }
        if let Some(footer) = self.footer() {
            template = template.with_footer(footer)?;
        }
        if !buttons.is_empty() {
            template = template.with_buttons(buttons)?;
        }
        if message.cards.len() != self.cards().len() {
            return Err(count(TemplatePart::CARDS, message.cards.len(), self.cards().len()));
        }
        let cards = self.cards().iter().zip(&message.cards).enumerate().map(|(index, (card, given))| {
            let at = Some(index);
            let header = self.header_of(&card.header, at, given, &mut attached)?;
            let rendered = TemplateCard::new(header, self.buttons_of(&card.buttons, at, given)?)?;
            match &card.body {
                Some(body) => {
                    Ok(rendered.with_body(self.words(body, TemplatePart::body(at), &given.body)?)?)
                }
                None if given.body.is_empty() => Ok(rendered),
                None => Err(count(TemplatePart::body(at), given.body.len(), 0)),
            }
        });
        let cards = cards.collect::<Result<Vec<_>, TemplateRefusal>>()?;
        Ok(if cards.is_empty() { template } else { template.with_cards(cards)? })
    }

    /// `text` with what is given in its places: all of them, and no others.
    fn words(
        &self,
        text: &TemplateText,
        part: TemplatePart,
        given: &[TextParameter],
    ) -> Result<String, TemplateRefusal> {
        let places = text.places();
        if given.len() != places.len() {
            return Err(count(part, given.len(), places.len()));
        }
        let value = |name: &str| match self.format() {
            ParameterFormat::Positional => {
                let index = name.parse::<usize>().ok()?.checked_sub(1)?;
                given.get(index)
            }
            ParameterFormat::Named => given.iter().find(|given| given.name.as_deref() == Some(name)),
        };
        if places.iter().any(|name| value(name).is_none()) {
            let expected = places.iter().map(|name| (*name).to_owned()).collect();
            return Err(TemplateRefusal::Names { part, expected });
        }
        Ok(text.fill(|name| value(name).map(|given| given.text.as_str())))
    }

    fn header_of(
        &self,
        header: &HeaderDefinition,
        card: Option<usize>,
        given: &TemplateParameters,
        attached: &mut impl Iterator<Item = (AttachmentPointer, bool)>,
    ) -> Result<Header, TemplateRefusal> {
        let part = TemplatePart::header(card);
        let other = |expected| TemplateRefusal::Format { part, expected };
        if header.format() == HeaderFormat::Text {
            let words = given.header.iter().map(|parameter| match parameter {
                HeaderParameter::Text(text) => Ok(text.clone()),
                HeaderParameter::Media(_) | HeaderParameter::Location(_) => Err(other("TEXT")),
            });
            let words = words.collect::<Result<Vec<_>, _>>()?;
            return Ok(Header::Text(HeaderText::new(self.words(header.words(), part, &words)?)?));
        }
        let expected = header.format().name();
        let parameter = match given.header.as_slice() {
            [parameter] => parameter,
            [] => return Err(other(expected)),
            more => return Err(count(part, more.len(), 1)),
        };
        match (header.format(), parameter) {
            (HeaderFormat::Location, HeaderParameter::Location(location)) => {
                Ok(Header::Location(location.clone()))
            }
            (format, HeaderParameter::Media(media)) => {
                let (pointer, moves) = attached.next().ok_or_else(|| other(expected))?;
                match (format, media.body(pointer, moves)?) {
                    (HeaderFormat::Image, Body::Image(image)) => Ok(Header::Image(image)),
                    (HeaderFormat::Video, Body::Video(video)) => Ok(Header::Video(video)),
                    (HeaderFormat::Document, Body::Document(document)) => Ok(Header::Document(document)),
                    _ => Err(other(expected)),
                }
            }
            _ => Err(other(expected)),
        }
    }

    fn buttons_of(
        &self,
        buttons: &[ButtonDefinition],
        card: Option<usize>,
        given: &TemplateParameters,
    ) -> Result<Vec<TemplateButton>, TemplateRefusal> {
        if let Some((index, _)) = given.buttons.iter().find(|(index, _)| *index >= buttons.len()) {
            return Err(count(TemplatePart::button(card, *index), 1, 0));
        }
        let code = given.body.first().map(|code| code.text.as_str());
        let rendered = buttons.iter().enumerate().map(|(index, button)| {
            let part = TemplatePart::button(card, index);
            let mut of_it = given.buttons.iter().filter(|(at, _)| *at == index).map(|(_, given)| given);
            match (of_it.next(), of_it.count()) {
                (given, 0) => button_of(button, part, given, code),
                (_, more) => Err(count(part, more + 1, 1)),
            }
        });
        rendered.collect()
    }
}

/// One button; `code` is the one-time code of the body.
fn button_of(
    button: &ButtonDefinition,
    part: TemplatePart,
    given: Option<&ButtonParameter>,
    code: Option<&str>,
) -> Result<TemplateButton, TemplateRefusal> {
    let other = |expected| TemplateRefusal::Format { part, expected };
    let missing = |expected| TemplateRefusal::Missing { part, expected };
    Ok(match button {
        ButtonDefinition::QuickReply { text } => {
            let payload = match given {
                Some(ButtonParameter::Payload(payload)) => payload,
                None => text,
                Some(_) => return Err(other("a payload")),
            };
            TemplateButton::QuickReply(QuickReplyButton::new(text, payload)?)
        }
        ButtonDefinition::Url { text, url } => {
            let end = match given {
                Some(ButtonParameter::Text(_)) if url.places().is_empty() => return Err(count(part, 1, 0)),
                Some(ButtonParameter::Text(end)) => Some(end.as_str()),
                Some(_) => return Err(other("a text")),
                None if url.places().is_empty() => None,
                None => return Err(missing("the text at the end of its link")),
            };
            TemplateButton::Url(UrlButton::new(text, url.fill(|_| end))?)
        }
        ButtonDefinition::PhoneNumber { text, number } => match given {
            None => TemplateButton::PhoneNumber(PhoneNumberButton::new(text, number.clone())?),
            Some(_) => return Err(count(part, 1, 0)),
        },
        ButtonDefinition::CopyCode { .. } => match given {
            Some(ButtonParameter::Code(code)) => {
                TemplateButton::CopyCode(CopyCodeButton::new(button.text(), code)?)
            }
            Some(_) => return Err(other("a coupon_code")),
            None => return Err(missing("its coupon_code")),
        },
        ButtonDefinition::OneTimeCode { text } => {
            let code = match given {
                Some(ButtonParameter::Text(code) | ButtonParameter::Code(code)) => code,
                Some(_) => return Err(other("the code, as a text")),
                // The body has it, so nobody has to say it twice.
                None => code.ok_or_else(|| missing("the code"))?,
            };
            TemplateButton::CopyCode(CopyCodeButton::new(text, code)?)
        }
        ButtonDefinition::Flow { text, flow, mode, screen } => {
            let (token, data) = match given {
                Some(ButtonParameter::Flow { token, data }) => (token.clone(), data.clone()),
                Some(_) => return Err(other("an action")),
                None => (None, None),
            };
            let flow = Flow::new(flow, text, *mode)?;
            let flow = flow.with_token(token.unwrap_or_default())?.with_data(data.unwrap_or_default())?;
            TemplateButton::Flow(flow.with_screen(screen.clone().unwrap_or_default())?)
        }
    })
}

const fn count(part: TemplatePart, actual: usize, expected: usize) -> TemplateRefusal {
    TemplateRefusal::Count { part, actual, expected }
}

#[cfg(test)]
mod tests;
