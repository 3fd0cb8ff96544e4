use bulla_content::Body;
use bulla_envelope::Kind;

/// Whether `body` is what an envelope of this `kind` declares.
///
/// The carrier meters by the kind and cannot see the body; so nobody seals or takes one in an envelope of
/// another kind.
pub(crate) const fn declares(kind: Kind, body: &Body) -> bool {
    match body {
        Body::Text(_) | Body::Reaction(_) => matches!(kind, Kind::Message(_)),
        Body::Receipt(_) => matches!(kind, Kind::Receipt),
        Body::RetryRequest(_) => matches!(kind, Kind::RetryRequest),
        _ => false,
    }
}
