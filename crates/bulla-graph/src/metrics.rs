//! What this crate counts. The guide's page "Monitoring" lists the same, and a test compares the two.

/// Counter of requests, by `route` and `status`: answered; `messages`, `media`, `templates` or `other`, and
/// the class of the answer's status.
pub(crate) const REQUESTS: &str = "bulla_graph_requests_total";

/// Counter of requests, by `reason`: refused, whosever move it is.
pub(crate) const REFUSED: &str = "bulla_graph_refused_total";

/// Gauge of requests: under way, from their head to their answer.
pub(crate) const IN_FLIGHT: &str = "bulla_graph_in_flight_requests";

/// Counter of bytes: of bodies, read or read away.
pub(crate) const BODY_BYTES: &str = "bulla_graph_body_bytes_total";

/// Gauge of connections: open, those included that wait for a request.
pub(crate) const CONNECTIONS: &str = "bulla_graph_open_connections";

/// Counter of connections, by `reason`: closed; by the `client`, `slow`, `wanted` for another, `unread` after
/// a refusal, or `ended` otherwise.
pub(crate) const CLOSED: &str = "bulla_graph_closed_total";

/// Counter of connections: not accepted, mostly for want of files.
pub(crate) const NOT_ACCEPTED: &str = "bulla_graph_not_accepted_total";

/// Adds one to a gauge until it is dropped.
pub(crate) struct GaugeGuard(&'static str);

impl GaugeGuard {
    pub(crate) fn new(gauge: &'static str) -> Self {
        ::metrics::gauge!(gauge).increment(1.0);
        Self(gauge)
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        ::metrics::gauge!(self.0).decrement(1.0);
    }
}
