use std::fmt;

use super::ParameterFormat;
use crate::limits::{MAX_TEMPLATE_PARAMETER_NAME_CHARS, MAX_TEMPLATE_PARAMETERS};

/// A text with places for what is filled in, such as `{{1}}` and `{{2}}`, or `{{first_name}}`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct TemplateText {
    text: String,
    examples: Vec<String>,
}

/// A piece of such a text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    /// It stands as it is.
    Words(&'a str),
    /// Something is filled in here.
    Place(&'a str),
    /// Braces that open a place and do not close it.
    Open,
}

impl TemplateText {
    /// The text `text`. It is checked with the definition it becomes a part of.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), examples: Vec::new() }
    }

    /// Gives an example for each place, in the order in which they first come. Whoever reviews the template
    /// sees them; nobody else does.
    #[must_use]
    pub fn with_examples(mut self, examples: Vec<String>) -> Self {
        self.examples = examples;
        self
    }

    /// The text, with its places.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// An example for each place, or none.
    #[must_use]
    pub fn examples(&self) -> &[String] {
        &self.examples
    }

    /// The names of its places, each once, in the order in which they first come.
    #[must_use]
    pub fn places(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for piece in Pieces(&self.text) {
            if let Piece::Place(name) = piece
                && !names.contains(&name)
            {
                names.push(name);
                // More of them are refused, and looking each up among all others would take its time.
                if names.len() > MAX_TEMPLATE_PARAMETERS {
                    break;
                }
            }
        }
        names
    }

    /// What is wrong with its places, if something is.
    pub(crate) fn fault(&self, format: ParameterFormat) -> Option<&'static str> {
        if Pieces(&self.text).any(|piece| piece == Piece::Open) {
            return Some("a text in which every {{ is closed by }}");
        }
        let places = self.places();
        let is_named = |name: &&str| {
            let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            name.len() <= MAX_TEMPLATE_PARAMETER_NAME_CHARS
                && name.bytes().all(is_word)
                && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
        };
        let fits = match format {
            // Each from 1 on is there, in whatever order.
            ParameterFormat::Positional => {
                (1..=places.len()).all(|number| places.contains(&number.to_string().as_str()))
            }
            ParameterFormat::Named => places.iter().all(is_named),
        };
        match format {
            _ if fits => None,
            ParameterFormat::Positional => Some("a text whose places are {{1}}, {{2}} and so on"),
            ParameterFormat::Named => {
                Some("a text whose places are named by up to 20 lowercase letters, digits and underscores")
            }
        }
    }

    /// The text with `value` of each place in it.
    pub(crate) fn fill<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> String {
        let mut filled = String::with_capacity(self.text.len());
        for piece in Pieces(&self.text) {
            match piece {
                Piece::Words(words) => filled.push_str(words),
                Piece::Place(name) => filled.push_str(value(name).unwrap_or_default()),
                Piece::Open => {}
            }
        }
        filled
    }
}

/// Walks over the pieces of a text.
struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let Some((words, rest)) = self.0.split_once("{{") else {
            return Some(Piece::Words(std::mem::take(&mut self.0)));
        };
        if !words.is_empty() {
            // The braces are met again, at the beginning.
            self.0 = self.0.split_at(words.len()).1;
            return Some(Piece::Words(words));
        }
        match rest.split_once("}}") {
            Some((name, rest)) if !name.contains("{{") => {
                self.0 = rest;
                Some(Piece::Place(name.trim()))
            }
            _ => {
                self.0 = "";
                Some(Piece::Open)
            }
        }
    }
}

impl fmt::Debug for TemplateText {
    /// It prints its length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, examples } = self;
        write!(f, "TemplateText({} bytes, {} examples)", text.len(), examples.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str, format: ParameterFormat) -> bool {
        TemplateText::new(text).fault(format).is_some()
    }

    #[test]
    fn places_are_found_and_filled() {
        let text = TemplateText::new("Hi {{1}}, {{ 2 }} and {{1}} again");
        assert_eq!(text.places(), ["1", "2"]);
        let value = |name: &str| if name == "1" { Some("Ann") } else { Some("{{1}}") };
        // What is filled in is not looked at for places.
        assert_eq!(text.fill(value), "Hi Ann, {{1}} and Ann again");
        assert_eq!(TemplateText::new("a } b { c").fill(|_| None), "a } b { c");
    }

    #[test]
    fn positions_are_counted_from_one_without_gaps() {
        use ParameterFormat::{Named, Positional};
        for (text, format) in
            [("no place", Positional), ("{{2}} before {{1}}", Positional), ("{{first_name}} {{b2}}", Named)]
        {
            assert!(!fault(text, format), "{text}");
        }
        for (text, format) in [
            ("{{0}}", Positional),
            ("{{1}} {{3}}", Positional),
            ("{{name}}", Positional),
            ("{{01}}", Positional),
            ("{{}}", Positional),
            ("{{1", Positional),
            ("{{a {{1}}", Positional),
            ("{{1}}", Named),
            ("{{Name}}", Named),
            ("{{}}", Named),
        ] {
            assert!(fault(text, format), "{text}");
        }
        let (longest, longer) = ("a".repeat(20), "a".repeat(21));
        assert!(!fault(&format!("{{{{{longest}}}}}"), Named) && fault(&format!("{{{{{longer}}}}}"), Named));
    }
}
