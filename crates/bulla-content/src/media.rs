//! What is attached to a message, and what is said with it.

mod audio;
mod document;
mod image;
mod sticker;
mod video;

pub use self::audio::Audio;
pub use self::document::Document;
pub use self::image::Image;
pub use self::sticker::Sticker;
pub use self::video::Video;
