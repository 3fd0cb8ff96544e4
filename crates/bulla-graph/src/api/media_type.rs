//! What a file is: by its first bytes, which are compared with what its sender says. Nothing is decoded.

use bulla_content::limits::{
    MAX_ANIMATED_STICKER_BYTES, MAX_AUDIO_BYTES, MAX_DOCUMENT_BYTES, MAX_IMAGE_BYTES, MAX_STICKER_BYTES,
    MAX_VIDEO_BYTES,
};

use crate::api_error::ApiError;

/// What says nothing of a file.
const ANYTHING: &str = "application/octet-stream";

/// Names of types, and what we call them.
const OTHER_NAMES: [(&str, &str); 7] = [
    ("image/jpg", "image/jpeg"),
    ("audio/m4a", "audio/mp4"),
    ("audio/x-m4a", "audio/mp4"),
    ("audio/mp3", "audio/mpeg"),
    ("audio/opus", "audio/ogg"),
    ("audio/x-aac", "audio/aac"),
    ("audio/amr-nb", "audio/amr"),
];

/// What the first bytes of a file look like.
pub(crate) struct Sniffed {
    media_type: Option<&'static str>,
    is_animated: bool,
    is_text: bool,
}

impl Sniffed {
    /// By its first bytes, or all of them.
    pub(crate) fn of(head: &[u8]) -> Self {
        // The crate knows no 3GP.
        let is_3gp = head.get(4..11) == Some(b"ftyp3gp");
        let found = infer::get(head).map(|found| usual_name(found.mime_type()));
        let is_text = match std::str::from_utf8(head) {
            Ok(text) => !text.contains('\0'),
            // It may be cut within a character.
            Err(error) => error.error_len().is_none() && !head.contains(&0),
        };
        Self {
            media_type: if is_3gp { Some("video/3gpp") } else { found },
            is_animated: is_animated_webp(head),
            is_text,
        }
    }

    /// Whether it is a picture that moves.
    pub(crate) const fn is_animated(&self) -> bool {
        self.is_animated
    }

    /// Whether it is a picture, of whatever type.
    pub(crate) fn is_picture(&self) -> bool {
        self.media_type.is_some_and(|kind| kind.starts_with("image/"))
    }

    /// How many bytes a file of this kind may have.
    pub(crate) fn limit(&self) -> u64 {
        match self.media_type.unwrap_or(ANYTHING) {
            // Words may begin as a signature does.
            _ if self.is_text => MAX_DOCUMENT_BYTES,
            "image/webp" if !self.is_animated => MAX_STICKER_BYTES,
            kind => limit_of(kind),
        }
    }

    /// What the file is called, if it can be what its sender says.
    pub(crate) fn compare(&self, declared: Option<&str>) -> Result<String, ApiError> {
        let declared = declared.map(str::trim).filter(|text| text.contains('/'));
        let lower = declared.unwrap_or(ANYTHING).to_ascii_lowercase();
        let essence = lower.split(';').next().unwrap_or_default().trim_end();
        let essence = usual_name_of(essence);
        if essence == ANYTHING {
            return Ok(self.media_type.unwrap_or(ANYTHING).to_owned());
        }
        let fits = match self.media_type {
            Some(sniffed) => sniffed == essence || self.may_be(sniffed, essence),
            // What has no signature.
            None => !is_shown(essence) && essence != "application/pdf",
        };
        if !fits {
            let found = self.media_type.unwrap_or("a file of no type that is known");
            return Err(ApiError::media(format!("file: it is declared as {essence} and looks like {found}")));
        }
        // With its parameters, such as a codec.
        let parameters = lower.split_once(';').map(|(_, parameters)| parameters.trim());
        Ok(match parameters {
            Some(parameters) if !parameters.is_empty() => format!("{essence}; {parameters}"),
            _ => essence.to_owned(),
        })
    }

    /// Whether what looks like `sniffed` may be `declared`, which is another.
    fn may_be(&self, sniffed: &str, declared: &str) -> bool {
        let is_office = ["application/vnd.", "application/msword", "application/epub"]
            .iter()
            .any(|start| declared.starts_with(start));
        match sniffed {
            // The same containers, with sound alone.
            "video/mp4" => declared == "audio/mp4",
            "video/3gpp" => declared == "audio/3gpp",
            "application/zip" | "application/x-ole-storage" => is_office,
            _ if declared.starts_with("text/") => self.is_text,
            _ => is_office && sniffed.starts_with("application/"),
        }
    }
}

/// How many bytes a file may have that is said to be of this type, before anything of it is seen.
pub(crate) fn limit_of(media_type: &str) -> u64 {
    match media_type {
        "image/webp" => MAX_ANIMATED_STICKER_BYTES,
        kind if kind.starts_with("image/") => MAX_IMAGE_BYTES,
        kind if kind.starts_with("video/") => MAX_VIDEO_BYTES,
        kind if kind.starts_with("audio/") => MAX_AUDIO_BYTES,
        _ => MAX_DOCUMENT_BYTES,
    }
}

/// Whether it is of a kind that is shown and not only kept.
fn is_shown(media_type: &str) -> bool {
    ["image/", "audio/", "video/"].iter().any(|family| media_type.starts_with(family))
}

fn usual_name(name: &'static str) -> &'static str {
    OTHER_NAMES.iter().find(|(other, _)| *other == name).map_or(name, |(_, usual)| usual)
}

fn usual_name_of(name: &str) -> &str {
    OTHER_NAMES.iter().find(|(other, _)| *other == name).map_or(name, |(_, usual)| usual)
}

/// Whether a WebP file says of itself that it moves: in its extended header (RFC 9649, section 2.7).
fn is_animated_webp(head: &[u8]) -> bool {
    const ANIMATION: u8 = 0x02;
    let is_extended = head.starts_with(b"RIFF") && head.get(8..16) == Some(b"WEBPVP8X");
    is_extended && head.get(20).is_some_and(|flags| flags & ANIMATION != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF";
    const OPUS: &[u8] = b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01";

    fn webp(flags: u8) -> Vec<u8> {
        [&b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0"[..], &[flags], &[0; 9]].concat()
    }

    #[test]
    fn what_fits_is_taken_by_its_usual_name_and_with_its_parameters() {
        for (head, declared, expected) in [
            (PNG, Some("image/png"), "image/png"),
            (PNG, Some("IMAGE/PNG"), "image/png"),
            // A word that is no type, as one client says it, says nothing.
            (PNG, Some("image"), "image/png"),
            (PNG, None, "image/png"),
            (PNG, Some("application/octet-stream"), "image/png"),
            (JPEG, Some("image/jpg"), "image/jpeg"),
            (OPUS, Some("audio/ogg; codecs=opus"), "audio/ogg; codecs=opus"),
            (OPUS, Some("audio/opus"), "audio/ogg"),
            (b"ID3\x04\0\0\0\0\0\0", Some("audio/mpeg"), "audio/mpeg"),
            (b"#!AMR\n\0\0\0\0\0\0", Some("audio/amr"), "audio/amr"),
            (b"\xff\xf1\x50\x80\x02\x1f\xfc\0", Some("audio/aac"), "audio/aac"),
            (b"\0\0\0\x20ftypM4A \0\0\0\0", Some("audio/mp4"), "audio/mp4"),
            (b"\0\0\0\x20ftypisom\0\0\0\0", Some("video/mp4"), "video/mp4"),
            (b"\0\0\0\x20ftypisom\0\0\0\0", Some("audio/mp4"), "audio/mp4"),
            (b"\0\0\0\x20ftyp3gp5\0\0\0\0", Some("video/3gpp"), "video/3gpp"),
            (b"%PDF-1.7\n", Some("application/pdf"), "application/pdf"),
            (b"hello", Some("text/plain"), "text/plain"),
            (b"BM is no bitmap here", Some("text/plain; charset=utf-8"), "text/plain; charset=utf-8"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Some("application/msword"), "application/msword"),
            (b"anything", None, "application/octet-stream"),
            (b"anything", Some("application/x-mine"), "application/x-mine"),
        ] {
            let found = Sniffed::of(head).compare(declared);
            assert_eq!(found.ok().as_deref(), Some(expected), "{declared:?}");
        }
        let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        assert_eq!(Sniffed::of(b"PK\x03\x04\x14\0\x06\0").compare(Some(docx)).ok().as_deref(), Some(docx));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_both_names() {
        for (head, declared) in [
            (PNG, "image/jpeg"),
            (PNG, "application/pdf"),
            (PNG, "text/plain"),
            (JPEG, "video/mp4"),
            (b"hello", "image/png"),
            (b"hello", "audio/mpeg"),
            (b"hello", "application/pdf"),
            (b"MZ\x90\0 and more of a program", "image/png"),
        ] {
            let refused = format!("{:?}", Sniffed::of(head).compare(Some(declared)).unwrap_err());
            assert!(refused.contains("131053") && refused.contains(declared), "{refused}");
        }
    }

    /// A stranger's bytes: signatures that are cut, and whatever follows them.
    #[test]
    fn no_beginning_of_a_file_panics() {
        use bulla_base::{Rng, SeededRng};
        for seed in 0..10 {
            let mut noise = [0; 64];
            SeededRng::new(seed).fill(&mut noise);
            let animated = webp(2);
            let starts =
                [&[][..], PNG, JPEG, OPUS, &animated, b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\0\0\0\x20ftyp"];
            for start in starts {
                let head = [start, &noise].concat();
                for length in 0..head.len() {
                    let sniffed = Sniffed::of(&head[..length]);
                    assert!(sniffed.limit() <= MAX_DOCUMENT_BYTES && sniffed.compare(None).is_ok());
                }
            }
        }
    }

    #[test]
    fn each_kind_has_the_limit_of_the_original() {
        for (head, limit) in [
            (JPEG, 5 << 20),
            (PNG, 5 << 20),
            (OPUS, 16 << 20),
            (b"\0\0\0\x20ftypisom\0\0\0\0", 16 << 20),
            (&webp(0)[..], 100 << 10),
            (&webp(2)[..], 500 << 10),
            (b"%PDF-1.7\n", 100 << 20),
            (b"hello", 100 << 20),
        ] {
            assert_eq!(Sniffed::of(head).limit(), limit, "{head:?}");
        }
        assert!(Sniffed::of(&webp(2)).is_animated() && !Sniffed::of(&webp(0)).is_animated());
    }
}
