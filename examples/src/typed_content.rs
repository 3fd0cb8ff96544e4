//! What people type, as contents: a text, a place, or the tap on something that was offered last.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bulla::base::{MessageId, Number};
use bulla::content::{
    Action, Body, ButtonReply, Content, Interactive, InteractiveReply, InvalidContent, ListReply, Location,
    Text,
};

/// What each user was offered last. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offers(Arc<Mutex<BTreeMap<String, (MessageId, Interactive)>>>);

impl Offers {
    /// `user` is shown what `content` offers, if it offers anything.
    pub(crate) fn shown(&self, user: &Number, id: MessageId, content: &Content) {
        if let Body::Interactive(interactive) = content.body() {
            let offered = (id, (**interactive).clone());
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
        let reply = match offered.action() {
            Action::Buttons(buttons) => {
                let button = buttons.buttons().iter().find(|button| button.title() == title);
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
        let reply = reply.ok_or("nothing was offered under that title")?.map_err(why)?;
        Ok(Content::new(Body::InteractiveReply(reply)).replying_to(*id))
    }
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
        Action::CtaUrl(link) => vec![link.display_text()],
        other => vec![other.name()],
    }
}

#[cfg(test)]
mod tests {
    use bulla::base::{SeededRng, Timestamp};
    use bulla::content::{ReplyButton, ReplyButtons};

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
    }
}
