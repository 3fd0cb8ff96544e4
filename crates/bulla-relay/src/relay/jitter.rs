//! Waits by lot, so that what has failed in one moment does not come back in one.

use std::time::Duration;

use bulla_base::Rng;

/// Between a half and the whole of `span`.
pub(super) fn shortened(span: Duration, rng: &dyn Rng) -> Duration {
    let half = span / 2;
    half + below(span - half, rng)
}

/// Between nothing and `span`, every span as likely as the other.
pub(super) fn below(span: Duration, rng: &dyn Rng) -> Duration {
    let mut drawn = [0; 4];
    rng.fill(&mut drawn);
    let nanos = (span.as_nanos() * u128::from(u32::from_le_bytes(drawn))) >> 32;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use bulla_base::SeededRng;

    use super::*;

    #[test]
    fn waits_fall_evenly_between_their_ends() {
        let (rng, second) = (SeededRng::new(1), Duration::from_secs(1));
        let drawn: Vec<Duration> = (0..1000).map(|_| shortened(second, &rng)).collect();
        assert!(drawn.iter().all(|wait| (second / 2..second).contains(wait)));
        for tenth in 0..10 {
            let (from, to) = (second / 2 + second / 20 * tenth, second / 2 + second / 20 * (tenth + 1));
            let within = drawn.iter().filter(|wait| (from..to).contains(wait)).count();
            assert!((60..140).contains(&within), "{within} between {from:?} and {to:?}");
        }
        assert_eq!(below(Duration::ZERO, &rng), Duration::ZERO);
    }
}
