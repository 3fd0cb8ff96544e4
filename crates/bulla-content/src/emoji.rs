//! What one emoji is: a well-formed emoji sequence of Unicode Technical Standard #51, and nothing around it.

use std::iter::Peekable;
use std::str::Chars;

use unicode_properties::UnicodeEmoji;
use unicode_properties::emoji::{
    EmojiStatus, is_emoji_presentation_selector, is_regional_indicator, is_tag_character, is_zwj,
};

const ENCLOSING_KEYCAP: char = '\u{20e3}';
const CANCEL_TAG: char = '\u{e007f}';

/// Whether `text` is one emoji: a character, a keycap or a flag, with skin tone, or several joined into one.
///
/// Well-formed is enough: whether a font draws a new sequence as one picture is the device's matter. With or
/// without the selector that asks for colour, as keyboards differ in that; not with the one that asks for
/// black on white.
pub(crate) fn is_one(text: &str) -> bool {
    let mut rest = text.chars().peekable();
    element(&mut rest) && rest.peek().is_none()
}

/// Takes an emoji from the front of `rest`.
fn element(rest: &mut Peekable<Chars<'_>>) -> bool {
    match rest.peek() {
        Some(first) if is_regional_indicator(*first) => {
            rest.next();
            rest.next_if(|second| is_regional_indicator(*second)).is_some()
        }
        Some('0'..='9' | '#' | '*') => {
            rest.next();
            rest.next_if(|next| is_emoji_presentation_selector(*next));
            rest.next_if_eq(&ENCLOSING_KEYCAP).is_some()
        }
        _ => joined(rest),
    }
}

/// Takes emoji characters with joiners between them.
fn joined(rest: &mut Peekable<Chars<'_>>) -> bool {
    loop {
        if !modified(rest) {
            return false;
        }
        if rest.next_if(|next| is_zwj(*next)).is_none() {
            return true;
        }
    }
}

/// Takes an emoji character with what changes it: a skin tone, the colour selector, or tags.
fn modified(rest: &mut Peekable<Chars<'_>>) -> bool {
    let Some(base) = rest.next_if(|first| first.is_emoji_char() && !first.is_ascii()) else { return false };
    if takes_modifier(base) {
        rest.next_if(|next| is_modifier(*next));
    }
    rest.next_if(|next| is_emoji_presentation_selector(*next));
    let mut tagged = false;
    while rest.next_if(|next| is_tag_character(*next) && *next != CANCEL_TAG).is_some() {
        tagged = true;
    }
    !tagged || rest.next_if_eq(&CANCEL_TAG).is_some()
}

fn takes_modifier(base: char) -> bool {
    matches!(
        base.emoji_status(),
        EmojiStatus::EmojiModifierBase | EmojiStatus::EmojiPresentationAndModifierBase
    )
}

fn is_modifier(character: char) -> bool {
    ('\u{1f3fb}'..='\u{1f3ff}').contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_emoji_of_every_kind_is_one() {
        let all = [
            "👍",
            "👍🏽",
            "❤️",
            "❤",
            "©️",
            "1️⃣",
            "#⃣",
            "🇩🇪",
            "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
            "👨‍👩‍👧‍👦",
            "👩🏽‍🚀",
            "🏳️‍🌈",
            "🧑🏿‍🤝‍🧑🏻",
            "❤️‍🔥",
            "🫠",
            "🏽",
            "☝🏽",
        ];
        for emoji in all {
            assert!(is_one(emoji), "{emoji} {:?}", emoji.escape_unicode().to_string());
        }
    }

    #[test]
    fn nothing_and_anything_else_or_more_is_not() {
        let all = [
            "",
            "x",
            "1",
            "#",
            " ",
            "👍👍",
            "👍 ",
            " 👍",
            "ok 👍",
            "👍x",
            "🇩",
            "🇩🇪🇫",
            "🇩x",
            "1️",
            "1x",
            "❤\u{fe0e}",
            "👍‍",
            "\u{200d}👍",
            "\u{fe0f}",
            "👍🏽🏽",
            "🏴󠁧󠁢",
            "\u{e007f}",
            "🌍🏽",
            ":)",
            "+1",
            "&#128077;",
            "\0",
        ];
        for text in all {
            assert!(!is_one(text), "{text} {:?}", text.escape_unicode().to_string());
        }
    }
}
