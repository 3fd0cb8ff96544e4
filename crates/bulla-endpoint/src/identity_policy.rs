/// What an endpoint does when a peer has another identity than before.
///
/// In both cases what the peer sends is opened, and the change is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum IdentityPolicy {
    /// It goes on with the new identity.
    #[default]
    Follow,
    /// It seals nothing for the peer until the new identity is [approved](crate::Peer::approve).
    Hold,
}
