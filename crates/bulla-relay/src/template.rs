//! Message templates: what a business may say to who has not written lately. They are defined once, reviewed,
//! and filled in with each message that is sent with one.
//!
//! ```text
//! TemplateDefinition ── review ──► MessageTemplate       kept by the relay, of an account
//!                                       │
//! OutgoingTemplate (its name, and what is filled in) ──► rendered: what the user's device shows
//! ```

mod authentication;
mod button;
mod card;
mod definition;
mod error;
mod header;
mod id;
mod known;
mod nearest;
mod outgoing;
mod part;
mod render;
mod review;
mod status;
mod text;

pub use self::authentication::OneTimeCode;
pub use self::button::ButtonDefinition;
pub use self::card::CardDefinition;
pub use self::definition::{ParameterFormat, TemplateDefinition};
pub use self::error::{TemplateError, TemplateRefusal};
pub use self::header::{HeaderDefinition, HeaderFormat};
pub use self::id::TemplateId;
pub use self::known::{MessageTemplate, TemplatePage, TemplateQuery};
pub(crate) use self::nearest::nearest;
pub use self::outgoing::{
    ButtonParameter, HeaderParameter, OutgoingTemplate, TemplateParameters, TextParameter,
};
pub use self::part::TemplatePart;
pub use self::review::{ApproveAtOnce, Review, TemplateReview};
pub use self::status::TemplateStatus;
pub use self::text::TemplateText;
