//! Media at the top of what is answered by tapping.

use bulla_content::{Action, Body, Carousel, Header, Interactive, InvalidContent};

/// `interactive` with `media` at its top.
pub(super) fn headed(interactive: &Interactive, media: Body) -> Result<Body, InvalidContent> {
    Ok(Body::Interactive(Box::new(interactive.clone().with_header(header(media)?)?)))
}

/// `interactive`, which is a carousel, with one of `media` at the top of each of its cards.
pub(super) fn dealt(interactive: &Interactive, media: Vec<Body>) -> Result<Body, InvalidContent> {
    let unfit = InvalidContent::Unfit { field: "header", expected: "one for each card of a carousel" };
    let cards = match interactive.action() {
        Action::Carousel(carousel) if carousel.cards().len() == media.len() => carousel.cards().to_vec(),
        _ => return Err(unfit),
    };
    let cards = cards.into_iter().zip(media).map(|(card, media)| card.with_header(header(media)?));
    let carousel = Carousel::new(cards.collect::<Result<_, _>>()?)?;
    let body = interactive.body().unwrap_or_default();
    Ok(Body::Interactive(Box::new(Interactive::new(body, Action::Carousel(carousel))?)))
}

fn header(media: Body) -> Result<Header, InvalidContent> {
    match media {
        Body::Image(image) => Ok(Header::Image(image)),
        Body::Video(video) => Ok(Header::Video(video)),
        Body::Document(document) => Ok(Header::Document(document)),
        _ => Err(InvalidContent::Unfit { field: "header", expected: "an image, a video or a document" }),
    }
}
