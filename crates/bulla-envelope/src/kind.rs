use bulla_base::Category;

/// What an envelope is for, as far as the carrier may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Something said, of the category its sender declares. Only these are metered.
    Message(Category),
    /// News of what became of other messages.
    Receipt,
    /// A request to send a message again, because it could not be opened.
    RetryRequest,
}

impl Kind {
    pub(crate) fn from_codes(kind: u32, category: u32) -> Option<Self> {
        match (kind, category) {
            (1, code) => u8::try_from(code).ok().and_then(Category::from_code).map(Self::Message),
            (2, 0) => Some(Self::Receipt),
            (3, 0) => Some(Self::RetryRequest),
            _ => None,
        }
    }

    pub(crate) const fn codes(self) -> (u32, u32) {
        match self {
            Self::Message(category) => (1, category.code() as u32),
            Self::Receipt => (2, 0),
            Self::RetryRequest => (3, 0),
        }
    }
}

/// Which of the two Signal ciphertexts an envelope holds. The numbers are Signal's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// A message in an established session (type 2).
    Signal,
    /// A message that brings the keys of a new session (type 3).
    PreKey,
}

impl Form {
    pub(crate) const fn from_code(code: u32) -> Option<Self> {
        match code {
            2 => Some(Self::Signal),
            3 => Some(Self::PreKey),
            _ => None,
        }
    }

    pub(crate) const fn code(self) -> u32 {
        match self {
            Self::Signal => 2,
            Self::PreKey => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_form_comes_back_and_no_other_codes_are_read() {
        let messages = (0..=u8::MAX).filter_map(Category::from_code).map(Kind::Message);
        let kinds: Vec<_> = messages.chain([Kind::Receipt, Kind::RetryRequest]).collect();
        for kind in &kinds {
            let (code, category) = kind.codes();
            assert_eq!(Kind::from_codes(code, category), Some(*kind));
        }
        let read = (0..9).flat_map(|kind| (0..300).filter_map(move |code| Kind::from_codes(kind, code)));
        assert_eq!(read.count(), kinds.len());
        assert_eq!((0..9).filter_map(Form::from_code).collect::<Vec<_>>(), [Form::Signal, Form::PreKey]);
        assert!([Form::Signal, Form::PreKey].iter().all(|form| Form::from_code(form.code()) == Some(*form)));
    }
}
