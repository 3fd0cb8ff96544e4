use crate::TransportError;

/// What became of envelopes that were handed over together.
#[derive(Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "transports make it")]
pub struct SendOutcome {
    /// So many of them, from the first on, are durable with the carrier.
    pub taken: usize,
    /// Why the next one is not; those after it were not looked at.
    pub error: Option<TransportError>,
}

impl SendOutcome {
    /// None of them was taken.
    #[must_use]
    pub const fn none(error: TransportError) -> Self {
        Self { taken: 0, error: Some(error) }
    }
}
