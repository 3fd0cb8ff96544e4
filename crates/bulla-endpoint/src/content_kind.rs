use bulla_content::Body;
use bulla_envelope::Kind;

/// Whether `body` is what an envelope of this `kind` declares.
///
/// The carrier meters by the kind and cannot see the body; so nobody seals or takes one in an envelope of
/// another kind. Signals that are no request to send again go as receipts do, also those that are not known.
pub(crate) const fn declares(kind: Kind, body: &Body) -> bool {
    match body {
        Body::RetryRequest(_) => matches!(kind, Kind::RetryRequest),
        _ if body.is_message() => matches!(kind, Kind::Message(_)),
        _ => matches!(kind, Kind::Receipt),
    }
}
