use std::fmt;

/// A part of a template, as an error names it: `body`, `buttons[1]` or `cards[0].header`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplatePart {
    card: Option<usize>,
    piece: Piece,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Header,
    Body,
    Button(usize),
    Cards,
}

impl TemplatePart {
    pub(crate) const CARDS: Self = Self { card: None, piece: Piece::Cards };

    pub(crate) const fn header(card: Option<usize>) -> Self {
        Self { card, piece: Piece::Header }
    }

    pub(crate) const fn body(card: Option<usize>) -> Self {
        Self { card, piece: Piece::Body }
    }

    pub(crate) const fn button(card: Option<usize>, index: usize) -> Self {
        Self { card, piece: Piece::Button(index) }
    }
}

impl fmt::Display for TemplatePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(card) = self.card {
            write!(f, "cards[{card}].")?;
        }
        match self.piece {
            Piece::Header => f.write_str("header"),
            Piece::Body => f.write_str("body"),
            Piece::Button(index) => write!(f, "buttons[{index}]"),
            Piece::Cards => f.write_str("cards"),
        }
    }
}
