//! What an implementation of sessions has to do to be measured.

/// Which end of a dialogue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Alice,
    Bob,
}

impl End {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Alice => Self::Bob,
            Self::Bob => Self::Alice,
        }
    }
}

/// Alice and Bob, and all either of them keeps.
pub(crate) trait ImplementationUnderTest {
    /// A message as it travels.
    type Message;

    /// Whether what is kept exists in its stored form only, so that it has to be loaded to be saved.
    const LOADS_TO_SAVE: bool;

    /// Two that never met.
    fn strangers() -> Self;

    /// Bob publishes prekeys, both forget the session they had.
    fn publish(&mut self);

    /// Alice starts a session from what was published and seals its first message.
    fn meet(&mut self, text: &[u8]) -> Self::Message;

    fn seal(&mut self, from: End, text: &[u8]) -> Self::Message;

    /// Bob starts his session with Alice's first message too.
    fn open(&mut self, to: End, message: &Self::Message) -> Vec<u8>;

    /// All that one end keeps, in its stored form.
    fn stored(&self, end: End) -> Vec<u8>;

    /// Brings what one end keeps into its stored form, and returns how long that is.
    fn save(&self, end: End) -> usize;

    /// Reads what one end keeps from its stored form, which is `stored` unless it is in parts.
    fn load(&self, end: End, stored: &[u8]);

    /// How long a message is.
    fn len(message: &Self::Message) -> usize;
}

/// Two that have heard of each other, so that neither needs prekeys any more.
pub(crate) fn acquainted<C: ImplementationUnderTest>() -> C {
    let mut both = C::strangers();
    both.publish();
    let hello = both.meet(b"hello");
    both.open(End::Bob, &hello);
    turn(&mut both, End::Bob, b"hello yourself");
    both
}

/// One says something and the other hears it.
pub(crate) fn turn<C: ImplementationUnderTest>(both: &mut C, from: End, text: &[u8]) {
    let message = both.seal(from, text);
    let heard = both.open(from.other(), &message);
    assert_eq!(heard, text, "a message was not opened as it was sealed");
}
