//! Files that users send.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bulla::content::attachment::AttachmentPointer;
use bulla::content::{Audio, Body, Document, Image, Sticker, Video};

use super::NoMessage;
use super::field::Field;

/// The kinds of messages that are files.
pub(super) const KINDS: [&str; 5] = ["image", "video", "audio", "document", "sticker"];

/// A file, and what is said with it.
#[derive(Debug)]
pub(in super::super) struct File {
    kind: Kind,
    pub(in super::super) media_type: String,
    pub(in super::super) bytes: Vec<u8>,
    caption: Option<String>,
    filename: Option<String>,
    /// Of an audio, that it is a voice; of a sticker, that it moves.
    is_special: bool,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Image,
    Video,
    Audio,
    Document,
    Sticker,
}

impl File {
    /// Reads the file of a message of the kind `name`.
    pub(super) fn read(name: &str, file: &Field<'_>) -> Result<Self, NoMessage> {
        let (kind, media_type, sample): (_, _, &[u8]) = match name {
            "image" => (Kind::Image, "image/jpeg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\xff\xd9"),
            "video" => (Kind::Video, "video/mp4", b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"),
            "audio" => (Kind::Audio, "audio/ogg; codecs=opus", b"OggS\x00\x02OpusHead"),
            "document" => (Kind::Document, "application/pdf", b"%PDF-1.4\n%%EOF\n"),
            _ => (Kind::Sticker, "image/webp", b"RIFF\x0c\x00\x00\x00WEBPVP8 \x00\x00\x00\x00"),
        };
        let text = |name| file.optional_text(name).map(|text| text.map(str::to_owned));
        let bytes = match file.optional("data") {
            None => sample.to_vec(),
            Some(data) => BASE64_STANDARD.decode(data.text()?).map_err(|error| data.because(error))?,
        };
        let is = |name| file.optional(name).is_some_and(|field| field.is_true());
        Ok(Self {
            kind,
            media_type: text("mime_type")?.unwrap_or_else(|| media_type.to_owned()),
            bytes,
            caption: text("caption")?,
            filename: text("filename")?,
            is_special: is("voice") || is("animated"),
        })
    }

    /// The message with the file that `pointer` leads to.
    ///
    /// # Errors
    /// When it cannot be said of such a file.
    pub(in super::super) fn body(&self, pointer: AttachmentPointer) -> Result<Body, NoMessage> {
        let caption = self.caption.as_deref();
        Ok(match self.kind {
            Kind::Image => {
                let image = Image::new(pointer)?;
                Body::Image(caption.map_or(Ok(image.clone()), |caption| image.with_caption(caption))?)
            }
            Kind::Video => {
                let video = Video::new(pointer)?;
                Body::Video(caption.map_or(Ok(video.clone()), |caption| video.with_caption(caption))?)
            }
            Kind::Audio => Body::Audio(Audio::new(pointer)?.with_voice(self.is_special)),
            Kind::Document => {
                let name = self.filename.as_deref().unwrap_or("document.pdf");
                let document = Document::new(pointer)?.with_filename(name)?;
                Body::Document(
                    caption.map_or(Ok(document.clone()), |caption| document.with_caption(caption))?,
                )
            }
            Kind::Sticker => Body::Sticker(Sticker::new(pointer, self.is_special)?),
        })
    }
}
