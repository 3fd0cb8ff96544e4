#![doc = include_str!("../README.md")]
//!
//! # In reading order
//! [`Content`] is what was said, with what it answers; [`Body`] its kinds, a type each; [`Opening`] what
//! commits to it; [`attachment`] how the bytes that a medium points to are sealed. [`limits`] has all bounds.
//!
//! # On the wire
//! A content stands there in the Protocol Buffers form, as this schema has it:
//!
//! ```text
#![doc = include_str!("content.proto")]
//! ```

mod body;
mod content;
mod context;

mod text;

pub mod attachment;
mod media;

mod contacts;
mod location;

mod interactive;
mod interactive_reply;
mod order;
mod quick_reply;
mod template;

mod edit;
mod emoji;
mod reaction;
mod revoke;

mod receipt;
mod retry_request;
mod system;
mod typing;
mod unsupported;

mod franking_opening;
mod padding;
mod wire;

mod bounded_text;
mod error;
pub mod limits;

pub use body::Body;
pub use content::{Content, Encoded};
pub use context::{Forwarding, QuotedAuthor, ReferredProduct};

pub use text::Text;

pub use attachment::{AttachmentKey, AttachmentPointer};
pub use media::{Audio, Document, Image, Sticker, Video};

pub use contacts::{
    Contact, ContactAddress, ContactEmail, ContactName, ContactOrganization, ContactPhone, ContactUrl,
    Contacts,
};
pub use location::Location;

pub use interactive::{
    Action, AddressRequest, CallPermissionRequest, Card, CardAction, Carousel, Catalog, ContactInfoRequest,
    CtaUrl, Flow, FlowMode, Header, HeaderText, Interactive, List, ListRow, ListSection, LocationRequest,
    Product, ProductId, ProductList, ProductSection, ReplyButton, ReplyButtons, VoiceCall,
};
pub use interactive_reply::{
    ButtonReply, CallPermission, CallPermissionReply, FormReply, InteractiveReply, ListReply,
};
pub use order::{Order, OrderItem};
pub use quick_reply::QuickReply;
pub use template::{
    CopyCodeButton, PhoneNumberButton, QuickReplyButton, Template, TemplateButton, TemplateCard, UrlButton,
};

pub use edit::Edit;
pub use reaction::Reaction;
pub use revoke::Revoke;

pub use receipt::{Progress, Receipt};
pub use retry_request::RetryRequest;
pub use system::{System, SystemEvent};
pub use typing::Typing;
pub use unsupported::Unsupported;

pub use franking_opening::{NotWhatWasSent, Opening};

pub use error::InvalidContent;
pub use limits::{
    LOG_HEAD_BYTES, MAX_EMOJI_BYTES, MAX_PLAINTEXT_BYTES, MAX_RECEIPT_IDS, MAX_TEXT_CHARS, PADDING_STEP,
};
