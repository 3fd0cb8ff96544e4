/// Which end of the session a party is. It never changes, while the roles in an epoch's exchange are swapped
/// each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// The party that started the session; it offers the first key.
    Initiator,
    /// The other party.
    Responder,
}
