//! Files that users send from their disk, and those that came, to be saved there.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bulla::base::PhoneNumberId;
use bulla::content::attachment::AttachmentPointer;
use bulla::content::{Audio, Body, Content, Document, Image, Sticker, Video};
use bulla::device::Device;
use bulla::store::Store;
use bulla::transport::{Blobs, Transport};
use tokio::fs::File;

use crate::escaped_text::EscapedText;

/// How many of those that came can be saved: the last.
const MAX_RECEIVED: usize = 64;

/// What has come with a file. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received(Arc<Mutex<(usize, VecDeque<AttachmentPointer>)>>);

impl Received {
    /// The number by which the file of `content` can be saved, if it has one.
    pub(crate) fn note(&self, content: &Content) -> Option<usize> {
        let pointer = content.body().attachment()?.clone();
        let mut received = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, last) = &mut *received;
        *count += 1;
        last.push_back(pointer);
        if last.len() > MAX_RECEIVED {
            last.pop_front();
        }
        Some(*count)
    }

    fn numbered(&self, number: usize) -> Option<AttachmentPointer> {
        let received = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, last) = &*received;
        let first = count + 1 - last.len();
        last.get(number.checked_sub(first)?).cloned()
    }
}

/// Sends the file at `path`, as what its name says.
///
/// # Errors
/// Why it was not sent.
pub(crate) async fn send<S: Store, T: Transport + Blobs + Clone>(
    device: &Device<S, T>,
    business: PhoneNumberId,
    path: &str,
) -> Result<String, String> {
    let why = |error: &dyn std::fmt::Display| format!("{path}: {error}");
    let mut file = File::open(path).await.map_err(|error| why(&error))?;
    let size = file.metadata().await.map_err(|error| why(&error))?.len();
    let pointer = device.upload(size, media_type(path), &mut file).await.map_err(|error| why(&error))?;
    let body = body(pointer, path).map_err(|error| why(&error))?;
    let sent = device.send(business, &Content::new(body)).await.map_err(|error| why(&error))?;
    Ok(sent.to_string())
}

/// Saves the file that has come under this number to `path`, which must not be there.
///
/// # Errors
/// Why it was not saved.
pub(crate) async fn save<S: Store, T: Transport + Blobs + Clone>(
    device: &Device<S, T>,
    received: &Received,
    line: &str,
) -> Result<String, String> {
    let (number, path) = line.split_once(' ').ok_or("it is said as in /save 1 picture.jpg")?;
    let number = number.parse().map_err(|_| "it is said as in /save 1 picture.jpg")?;
    let pointer = received.numbered(number).ok_or("nothing has come under that number")?;
    let why = |error: &dyn std::fmt::Display| format!("{path}: {error}");
    let mut file = File::create_new(path).await.map_err(|error| why(&error))?;
    device.download(&pointer, &mut file).await.map_err(|error| why(&error))?;
    Ok(format!("{} bytes in {path}", pointer.size()))
}

/// What a file is, by the end of its name.
fn media_type(path: &str) -> &'static str {
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("png") => "image/png",
        Some("webp") => "image/webp",
        Some("mp4") => "video/mp4",
        Some("3gp") => "video/3gpp",
        Some("ogg" | "opus") => "audio/ogg; codecs=opus",
        Some("mp3") => "audio/mpeg",
        Some("m4a") => "audio/mp4",
        Some("pdf") => "application/pdf",
        Some("txt") => "text/plain",
        _ => "application/octet-stream",
    }
}

fn body(pointer: AttachmentPointer, path: &str) -> Result<Body, bulla::content::InvalidContent> {
    Ok(match media_type(path) {
        "image/webp" => Body::Sticker(Sticker::new(pointer, false)?),
        kind if kind.starts_with("image/") => Body::Image(Image::new(pointer)?),
        kind if kind.starts_with("video/") => Body::Video(Video::new(pointer)?),
        "audio/ogg; codecs=opus" => Body::Audio(Audio::new(pointer)?.with_voice(true)),
        kind if kind.starts_with("audio/") => Body::Audio(Audio::new(pointer)?),
        _ => {
            let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or("file");
            Body::Document(Document::new(pointer)?.with_filename(name)?)
        }
    })
}

/// A file that has come, in words; nothing when none has.
pub(crate) fn in_words(content: &Content) -> Option<String> {
    let pointer = content.body().attachment()?;
    let kind = content.body().name();
    let media_type = EscapedText::whole(pointer.media_type());
    Some(format!("{kind} of {} bytes, {media_type}", pointer.size()))
}

#[cfg(test)]
mod tests {
    use bulla::content::attachment::AttachmentKey;

    use super::*;

    fn image(size: u64) -> Content {
        let key = AttachmentKey::from_bytes([7; 32]);
        let pointer = AttachmentPointer::new("blob", key, [7; 32], size, "image/png").unwrap();
        Content::new(Body::Image(Image::new(pointer).unwrap()))
    }

    #[test]
    fn the_last_that_came_have_their_numbers() {
        let received = Received::default();
        for number in 1..=MAX_RECEIVED + 2 {
            assert_eq!(received.note(&image(number as u64)), Some(number));
        }
        let size = |number| received.numbered(number).map(|pointer| pointer.size());
        assert_eq!((size(0), size(2), size(3)), (None, None, Some(3)));
        assert_eq!((size(MAX_RECEIVED + 2), size(MAX_RECEIVED + 3)), (Some(MAX_RECEIVED as u64 + 2), None));
        assert_eq!(in_words(&image(9)).as_deref(), Some("image of 9 bytes, \"image/png\""));
        assert_eq!(received.note(&Content::text(bulla::content::Text::new("x").unwrap())), None);
    }
}
