//! What is true of every text in a content: it has at most so many characters, and no NUL.

use crate::InvalidContent;

const NUL: char = '\0';
const REPLACEMENT: &str = "\u{fffd}";

/// A text that has to be there.
pub(crate) fn filled(field: &'static str, limit: usize, text: &mut String) -> Result<(), InvalidContent> {
    if text.is_empty() {
        return Err(InvalidContent::Empty { field });
    }
    at_most(field, limit, text)
}

/// A text that may be empty.
pub(crate) fn at_most(field: &'static str, limit: usize, text: &mut String) -> Result<(), InvalidContent> {
    // A NUL becomes U+FFFD, whoever wrote it: databases and programs behind a webhook refuse a text with a
    // NUL or cut it there, and a message is not to be lost for one character nobody sees.
    if text.contains(NUL) {
        *text = text.replace(NUL, REPLACEMENT);
    }
    InvalidContent::at_most(field, "characters", limit, text.chars().count())
}

/// A text that may be missing; an empty one is.
pub(crate) fn optional(
    field: &'static str,
    limit: usize,
    text: &mut Option<String>,
) -> Result<(), InvalidContent> {
    match text {
        Some(text) if !text.is_empty() => at_most(field, limit, text),
        _ => {
            *text = None;
            Ok(())
        }
    }
}

/// JSON that may be missing: nobody here reads it, so it is counted as bytes.
pub(crate) fn json(
    field: &'static str,
    limit: usize,
    text: &mut Option<String>,
) -> Result<(), InvalidContent> {
    optional(field, limit, text)?;
    InvalidContent::at_most(field, "bytes", limit, text.as_ref().map_or(0, String::len))
}
