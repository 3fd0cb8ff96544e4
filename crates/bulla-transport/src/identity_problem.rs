/// What is missing of a proof of identity: why a carrier has not taken it, or the credential it had given for
/// one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdentityProblem {
    /// There is no credential.
    Missing,
    /// The credential, or the nonce, is none that this start of the carrier has given.
    Unknown,
    /// The credential, or the nonce, was given on another connection.
    OtherConnection,
    /// The credential was given for another address or installation.
    OtherCaller,
    /// The time of the credential, or of the nonce, is over.
    Expired,
    /// The nonce was used before.
    NonceUsed,
    /// The proof is not bound to the connection in a way that is good there.
    Binding,
    /// The identity key is not that of the installation.
    OtherKey,
    /// The signature is not the identity key's over the challenge, this connection and this caller.
    Signature,
    /// It was not said, or is one that this version does not know.
    Unspecified,
}

impl IdentityProblem {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Missing,
        Self::Unknown,
        Self::OtherConnection,
        Self::OtherCaller,
        Self::Expired,
        Self::NonceUsed,
        Self::Binding,
        Self::OtherKey,
        Self::Signature,
        Self::Unspecified,
    ];

    /// The problem in a word, by which it is counted.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::OtherConnection => "other_connection",
            Self::OtherCaller => "other_caller",
            Self::Expired => "expired",
            Self::NonceUsed => "nonce_used",
            Self::Binding => "binding",
            Self::OtherKey => "other_key",
            Self::Signature => "signature",
            Self::Unspecified => "unspecified",
        }
    }
}
