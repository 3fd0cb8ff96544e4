//! Pictures, voices and files of a business: what the relay keeps of them, and how a message names one.

mod description;
mod error;
mod id;
mod outgoing;
mod stream;
mod upload;

pub use description::MediaDescription;
pub use error::MediaError;
pub use id::MediaId;
pub use outgoing::{MediaKind, OutgoingMedia};
pub use stream::MediaStream;
pub use upload::Upload;
