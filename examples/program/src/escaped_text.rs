//! What people write, on one line of a terminal.

use std::fmt::{self, Write};

/// A text as a JSON string, in which nothing can break the line or move the cursor.
#[derive(Debug, Clone, Copy)]
pub struct EscapedText<'a> {
    text: &'a str,
    most_chars: usize,
}

impl<'a> EscapedText<'a> {
    /// The whole text.
    #[must_use]
    pub const fn whole(text: &'a str) -> Self {
        Self { text, most_chars: usize::MAX }
    }

    /// The first `most_chars` characters of the text, and how many there are in all.
    #[must_use]
    pub const fn start(text: &'a str, most_chars: usize) -> Self {
        Self { text, most_chars }
    }
}

impl fmt::Display for EscapedText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.text.chars().take(self.most_chars) {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                // The second and third ranges would turn round what follows them.
                '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    write!(f, "\\u{:04x}", u32::from(character))?;
                }
                _ if character.is_control() => write!(f, "\\u{:04x}", u32::from(character))?,
                _ => f.write_char(character)?,
            }
        }
        let chars = self.text.chars().count();
        if chars > self.most_chars { write!(f, "…\" ({chars} characters)") } else { f.write_char('"') }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_text_is_one_line_of_json() {
        let text = "a \"b\" \\ c\r\n\u{1b}[31m\u{9b}\u{2028}\u{202e}שלום 👩🏽‍🚀";
        let quoted = EscapedText::whole(text).to_string();
        assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        assert!(!quoted.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{202e}')), "{quoted}");
    }

    #[test]
    fn only_a_longer_text_is_cut() {
        assert_eq!(EscapedText::start("abc", 3).to_string(), "\"abc\"");
        assert_eq!(EscapedText::start("abcd", 3).to_string(), "\"abc…\" (4 characters)");
    }
}
