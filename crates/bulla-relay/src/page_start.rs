use bulla_store::{Key, Scan};

/// From where a page of a list is read.
///
/// Whichever it is, the page is in the order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "a list is read from its beginning, on or back")]
pub enum PageStart<K> {
    /// From the beginning of the list.
    #[default]
    First,
    /// From behind this one, which may be gone.
    After(K),
    /// From before this one, which may be gone: those that are nearest to it.
    Before(K),
}

impl<K> PageStart<K> {
    /// Whether the page is read back.
    #[must_use]
    pub const fn is_back(&self) -> bool {
        matches!(self, Self::Before(_))
    }

    /// The same of what stands for each of its places.
    #[must_use]
    pub fn map<T>(self, place: impl FnOnce(K) -> T) -> PageStart<T> {
        match self {
            Self::First => PageStart::First,
            Self::After(known) => PageStart::After(place(known)),
            Self::Before(known) => PageStart::Before(place(known)),
        }
    }

    /// Where the page after one that was read from here begins, in the same direction: `end` is its last, or
    /// its first if it was read back.
    #[must_use]
    pub fn go_on(&self, end: K) -> Self {
        match self {
            Self::First | Self::After(_) => Self::After(end),
            Self::Before(_) => Self::Before(end),
        }
    }
}

impl PageStart<Key> {
    /// What is to be scanned for the page, whose rows [`in_order`] puts in order.
    pub(crate) fn begin(self, scan: Scan) -> Scan {
        match self {
            Self::First => scan,
            Self::After(key) => scan.after(key),
            Self::Before(key) => scan.before(key),
        }
    }
}

/// Has what was read back stand in the order of its list.
pub(crate) fn in_order<T>(is_back: bool, mut page: Vec<T>) -> Vec<T> {
    if is_back {
        page.reverse();
    }
    page
}
