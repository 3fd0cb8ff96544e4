//! Pictures of codes: what a camera reads the link from. They are drawn anew each time, and not kept.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response};
use qrcode::{EcLevel, QrCode};

use super::GraphApi;
use super::records::Kind;
use super::request_headers::query;
use crate::api_error::{ApiError, Methods};
use crate::limits::{MAX_PICTURED_LINK_BYTES, PICTURE_MODULE_PIXELS, QUIET_MODULES};
use crate::{Grant, RelayApi, TokenLookup};

/// What a field of pictures is called.
pub(super) const PICTURE: &str = "qr_image_url";

/// How a picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PictureFormat {
    Png,
    Svg,
}

impl PictureFormat {
    /// The format with this name, which `field` says.
    pub(super) fn read(field: &'static str, name: &str) -> Result<Self, ApiError> {
        match name {
            _ if name.eq_ignore_ascii_case("PNG") => Ok(Self::Png),
            _ if name.eq_ignore_ascii_case("SVG") => Ok(Self::Svg),
            _ => Err(ApiError::one_of(field, "PNG, SVG")),
        }
    }

    /// The format in which `fields` asks for pictures, as in `qr_image_url.format(SVG)`; PNG if it says none.
    pub(super) fn asked(head: &Parts) -> Result<Option<Self>, ApiError> {
        let fields = query(head, "fields").unwrap_or_default();
        let Some((_, behind)) = fields.split_once(PICTURE) else { return Ok(None) };
        let named = behind.strip_prefix(".format(").and_then(|named| named.split_once(')'));
        named.map_or(Ok(Self::Png), |(name, _)| Self::read(PICTURE, name.trim())).map(Some)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Svg => "SVG",
        }
    }
}

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// The picture of a code of a number.
    pub(super) async fn qr_picture(
        &self,
        head: &Parts,
        (grant, number, code): (&Grant, &str, &str),
        span: &tracing::Span,
    ) -> Result<Response<Body>, ApiError> {
        if head.method != Method::GET {
            return Err(ApiError::method(Methods::Get));
        }
        let business = self.granted(grant, number, span).ok_or_else(ApiError::number)?;
        let format = query(head, "format").filter(|name| !name.is_empty());
        let format = format.map_or(Ok(PictureFormat::Png), |name| PictureFormat::read("format", &name))?;
        self.kept(business, (Kind::QrCode, code)).await?.ok_or_else(ApiError::number)?;
        let modules = Modules::of(&self.deep_link(head, code)?)?;
        let (media_type, bytes) = match format {
            PictureFormat::Png => ("image/png", modules.png()),
            PictureFormat::Svg => ("image/svg+xml", modules.svg().into_bytes()),
        };
        let mut response = Response::new(Body::from(bytes));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        response.headers_mut().insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        Ok(response)
    }
}

/// The squares of a code, with the white around them that a reader needs (ISO/IEC 18004).
struct Modules {
    /// How many there are on a side.
    width: usize,
    /// Which are dark, row by row.
    are_dark: Vec<bool>,
}

impl Modules {
    fn of(link: &str) -> Result<Self, ApiError> {
        let long = || {
            let (actual, limit) = (link.len(), MAX_PICTURED_LINK_BYTES);
            ApiError::unreadable(format!(
                "{PICTURE}: the link has {actual} bytes, more than the {limit} of which there are pictures"
            ))
        };
        if link.len() > MAX_PICTURED_LINK_BYTES {
            return Err(long());
        }
        let code = QrCode::with_error_correction_level(link, EcLevel::M).map_err(|_| long())?;
        let width = code.width() + 2 * QUIET_MODULES;
        let mut are_dark = vec![false; QUIET_MODULES * width];
        for row in code.to_colors().chunks(code.width()) {
            are_dark.extend([false; QUIET_MODULES]);
            are_dark.extend(row.iter().map(|color| *color == qrcode::Color::Dark));
            are_dark.extend([false; QUIET_MODULES]);
        }
        are_dark.resize(width * width, false);
        Ok(Self { width, are_dark })
    }

    fn svg(&self) -> String {
        let width = self.width;
        let mut path = String::new();
        for (place, _) in self.are_dark.iter().enumerate().filter(|(_, is_dark)| **is_dark) {
            path += &format!("M{} {}h1v1h-1z", place % width, place / width);
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {width}\" \
             shape-rendering=\"crispEdges\"><rect width=\"{width}\" height=\"{width}\" fill=\"#fff\"/>\
             <path d=\"{path}\"/></svg>"
        )
    }

    /// A picture of one bit a pixel. It is not compressed, which a few KiB are not worth a dependency.
    fn png(&self) -> Vec<u8> {
        let side = self.width * PICTURE_MODULE_PIXELS;
        let mut rows = Vec::with_capacity(side * (side / 8 + 2));
        for row in self.are_dark.chunks(self.width) {
            // A module is a whole number of bytes wide. A row begins with how it is filtered: not at all.
            let bytes = row.iter().map(|is_dark| if *is_dark { 0 } else { u8::MAX });
            let bytes: Vec<u8> = bytes.flat_map(|byte| [byte; PICTURE_MODULE_PIXELS / 8]).collect();
            for _ in 0..PICTURE_MODULE_PIXELS {
                rows.push(0);
                rows.extend_from_slice(&bytes);
            }
        }
        let side = u32::try_from(side).unwrap_or(u32::MAX).to_be_bytes();
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        // One bit a pixel, grey, and the one way each to compress, filter and order that there is.
        chunk(&mut png, *b"IHDR", &[&side[..], &side[..], &[1, 0, 0, 0, 0]].concat());
        chunk(&mut png, *b"IDAT", &stored(&rows));
        chunk(&mut png, *b"IEND", &[]);
        png
    }
}

/// Adds a chunk to a picture (PNG, section 5.3).
fn chunk(png: &mut Vec<u8>, kind: [u8; 4], bytes: &[u8]) {
    png.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    png.extend_from_slice(&kind);
    png.extend_from_slice(bytes);
    let sum = kind.iter().chain(bytes).fold(u32::MAX, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 },
        )
    });
    png.extend_from_slice(&(!sum).to_be_bytes());
}

/// The bytes as a zlib stream of stored blocks (RFC 1950; RFC 1951, section 3.2.4).
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = bytes.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend_from_slice(&length.to_le_bytes());
        stream.extend_from_slice(&(!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    stream.extend_from_slice(&(high << 16 | low).to_be_bytes());
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sums that the specifications print, and those of a stream of another writer.
    #[test]
    fn the_sums_are_those_of_the_specifications() {
        let mut end = Vec::new();
        chunk(&mut end, *b"IEND", &[]);
        assert_eq!(end, [0, 0, 0, 0, 73, 69, 78, 68, 0xae, 0x42, 0x60, 0x82]);
        let wikipedia = stored(b"Wikipedia");
        assert_eq!(wikipedia[wikipedia.len() - 4..], [0x11, 0xe6, 0x03, 0x98]);
        assert_eq!(wikipedia[..7], [0x78, 1, 1, 9, 0, 0xf6, 0xff]);
        let long = stored(&[7; 65_536]);
        assert_eq!((long[2], long[2 + 5 + 65_535], long.len()), (0, 1, 2 + 5 + 65_535 + 5 + 1 + 4));
    }

    #[test]
    fn both_pictures_show_the_modules_of_the_link_with_white_around() {
        let link = "https://m.example.org/ABCDEFGHIJKLMN";
        let (code, modules) =
            (QrCode::with_error_correction_level(link, EcLevel::M).unwrap(), Modules::of(link).unwrap());
        assert_eq!(modules.width, code.width() + 8);
        let dark = |column: usize, row: usize| {
            let inner = |at: usize| at.checked_sub(4).filter(|at| *at < code.width());
            inner(column).zip(inner(row)).is_some_and(|at| code[at] == qrcode::Color::Dark)
        };
        let (svg, png) = (modules.svg(), modules.png());
        let side = modules.width * 8;
        assert_eq!(png[16..24], [&u32::try_from(side).unwrap().to_be_bytes()[..]; 2].concat());
        // Before the rows stand the heads of the file, of the chunk, of the stream and of its block.
        let pixels = &png[8 + 25 + 8 + 2 + 5..];
        for row in 0..modules.width {
            for column in 0..modules.width {
                let is_dark = dark(column, row);
                assert_eq!(svg.contains(&format!("M{column} {row}h1")), is_dark, "{column}, {row}");
                let byte = pixels[row * 8 * (modules.width + 1) + 1 + column];
                assert_eq!(byte, if is_dark { 0 } else { 255 }, "{column}, {row}");
            }
        }
    }

    #[test]
    fn the_longest_link_has_a_picture_and_one_byte_more_has_none() {
        assert!(Modules::of(&"x".repeat(MAX_PICTURED_LINK_BYTES)).is_ok());
        assert!(Modules::of(&"x".repeat(MAX_PICTURED_LINK_BYTES + 1)).is_err());
    }
}
