//! What people type, as contents: a text, a place, or the tap on something that was offered last.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bulla::base::{MessageId, Number};
use bulla::content::{
    Action, Body, ButtonReply, CardAction, Carousel, Content, Interactive, InteractiveReply, InvalidContent,
    ListReply, Location, QuickReply, ReplyButton, Template, TemplateButton, Text,
};

/// What each user was offered last. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offers(Arc<Mutex<BTreeMap<String, (MessageId, Body)>>>);

impl Offers {
    /// `user` is shown what `content` offers, if it offers anything.
    pub(crate) fn shown(&self, user: &Number, id: MessageId, content: &Content) {
        if matches!(content.body(), Body::Interactive(_) | Body::Template(_)) {
            let offered = (id, content.body().clone());
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(user.digits().to_owned(), offered);
        }
    }

    /// What `line` says when `user` types it.
    ///
    /// # Errors
    /// Why it says nothing.
    pub(crate) fn read(&self, user: &Number, line: &str) -> Result<Content, String> {
        let content = match line.split_once(' ') {
            Some(("/tap", title)) => self.tap(user, title)?,
            Some(("/place", place)) => {
                let mut words = place.splitn(3, ' ');
                let mut degrees = || words.next().and_then(|word| word.parse().ok());
                let (Some(latitude), Some(longitude)) = (degrees(), degrees()) else {
                    return Err("a place is two numbers, as in /place 52.52 13.405 Berlin".to_owned());
                };
                let name = words.next().unwrap_or_default();
                let place = Location::new(latitude, longitude).and_then(|place| place.with_name(name));
                Content::new(Body::Location(place.map_err(why)?))
            }
            _ => Content::text(Text::new(line).map_err(why)?),
        };
        Ok(content)
    }

    fn tap(&self, user: &Number, title: &str) -> Result<Content, String> {
        let offers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, offered) = offers.get(user.digits()).ok_or("nothing was offered that can be tapped")?;
        let reply = match offered {
            Body::Interactive(interactive) => reply(interactive, title).map(Body::InteractiveReply),
            Body::Template(template) => quick_reply(template, title).map(Body::QuickReply),
            _ => Err("nothing was offered that can be tapped".to_owned()),
        };
        Ok(Content::new(reply?).replying_to(*id))
    }
}

const NO_SUCH_TITLE: &str = "nothing was offered under that title";

fn reply(interactive: &Interactive, title: &str) -> Result<InteractiveReply, String> {
    let reply = match interactive.action() {
        Action::Buttons(buttons) => {
            let button = buttons.buttons().iter().find(|button| button.title() == title);
            button.map(|button| ButtonReply::new(button.id(), title).map(InteractiveReply::Button))
        }
        Action::Carousel(carousel) => {
            let mut buttons = of_cards(carousel);
            let button = buttons.find(|button| button.title() == title);
            button.map(|button| ButtonReply::new(button.id(), title).map(InteractiveReply::Button))
        }
        Action::List(list) => {
            let mut rows = list.sections().iter().flat_map(|section| section.rows());
            rows.find(|row| row.title() == title).map(|row| {
                let reply = ListReply::new(row.id(), title)?;
                reply.with_description(row.description().unwrap_or_default()).map(InteractiveReply::List)
            })
        }
        _ => None,
    };
    reply.ok_or(NO_SUCH_TITLE)?.map_err(why)
}

fn quick_reply(template: &Template, title: &str) -> Result<QuickReply, String> {
    let of_cards = template.cards().iter().flat_map(|card| card.buttons());
    let payload = template.buttons().iter().chain(of_cards).find_map(|button| match button {
        TemplateButton::QuickReply(reply) if reply.text() == title => Some(reply.payload()),
        _ => None,
    });
    QuickReply::new(payload.ok_or(NO_SUCH_TITLE)?, title).map_err(why)
}

fn why(error: InvalidContent) -> String {
    error.to_string()
}

/// What can be tapped of `interactive`, by its titles.
pub(crate) fn titles(interactive: &Interactive) -> Vec<&str> {
    match interactive.action() {
        Action::Buttons(buttons) => buttons.buttons().iter().map(|button| button.title()).collect(),
        Action::List(list) => {
            list.sections().iter().flat_map(|section| section.rows()).map(|row| row.title()).collect()
        }
        Action::Carousel(carousel) => of_cards(carousel).map(ReplyButton::title).collect(),
        Action::CtaUrl(link) => vec![link.display_text()],
        other => vec![other.name()],
    }
}

/// The buttons on the cards of `carousel` that are answered by tapping.
fn of_cards(carousel: &Carousel) -> impl Iterator<Item = &ReplyButton> {
    carousel.cards().iter().flat_map(|card| match card.action() {
        CardAction::Buttons(buttons) => buttons.buttons(),
        _ => &[],
    })
}

/// What stands on the buttons of `template`.
pub(crate) fn buttons(template: &Template) -> Vec<&str> {
    let of_cards = template.cards().iter().flat_map(|card| card.buttons());
    template.buttons().iter().chain(of_cards).filter_map(title).collect()
}

fn title(button: &TemplateButton) -> Option<&str> {
    match button {
        TemplateButton::QuickReply(reply) => Some(reply.text()),
        TemplateButton::Url(link) => Some(link.text()),
        TemplateButton::PhoneNumber(call) => Some(call.text()),
        TemplateButton::CopyCode(copy) => Some(copy.text()),
        TemplateButton::Flow(flow) => Some(flow.button()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bulla::base::{SeededRng, Timestamp};
    use bulla::content::{QuickReplyButton, ReplyButton, ReplyButtons};

    use super::*;

    #[test]
    fn a_line_is_a_text_a_place_or_a_tap() {
        let (offers, user) = (Offers::default(), Number::parse("16505551234").unwrap());
        let read = |line| offers.read(&user, line);
        assert_eq!(read("hello").unwrap(), Content::text(Text::new("hello").unwrap()));
        let place = Location::new(52.52, 13.405).unwrap().with_name("Berlin, Mitte").unwrap();
        let read_place = read("/place 52.52 13.405 Berlin, Mitte").unwrap();
        assert_eq!(read_place, Content::new(Body::Location(place)));
        assert!(read("/place here").unwrap_err().contains("two numbers"));
        assert!(read("/tap Yes").unwrap_err().contains("nothing was offered"));

        let id = MessageId::new(Timestamp::from_millis(1), &SeededRng::new(1));
        let buttons = ReplyButtons::new(vec![ReplyButton::new("y", "Yes, please").unwrap()]).unwrap();
        let offered = Interactive::new("Well?", Action::Buttons(buttons)).unwrap();
        assert_eq!(titles(&offered), ["Yes, please"]);
        offers.shown(&user, id, &Content::new(Body::Interactive(Box::new(offered))));
        let reply = InteractiveReply::Button(ButtonReply::new("y", "Yes, please").unwrap());
        let expected = Content::new(Body::InteractiveReply(reply)).replying_to(id);
        assert_eq!(read("/tap Yes, please").unwrap(), expected);
        assert!(read("/tap No").unwrap_err().contains("under that title"));

        let stop = TemplateButton::QuickReply(QuickReplyButton::new("Stop", "s").unwrap());
        let template = Template::new("News").unwrap().with_buttons(vec![stop]).unwrap();
        assert_eq!(super::buttons(&template), ["Stop"]);
        offers.shown(&user, id, &Content::new(Body::Template(Box::new(template))));
        let reply = Body::QuickReply(QuickReply::new("s", "Stop").unwrap());
        assert_eq!(read("/tap Stop").unwrap(), Content::new(reply).replying_to(id));
        assert!(read("/tap Yes, please").unwrap_err().contains("under that title"));
    }
}
