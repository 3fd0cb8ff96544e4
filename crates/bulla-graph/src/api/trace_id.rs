use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bulla_base::Rng;

/// The name of one request, by which the operator finds what a client complains about: `A` and 120 random
/// bits.
#[derive(Debug)]
pub(crate) struct TraceId(String);

impl TraceId {
    pub(crate) fn new(rng: &dyn Rng) -> Self {
        let mut bytes = [0; 15];
        rng.fill(&mut bytes);
        let mut name = String::from("A");
        URL_SAFE_NO_PAD.encode_string(bytes, &mut name);
        Self(name)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn header(&self) -> HeaderValue {
        // Base64 is always a header's value.
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static("A"))
    }
}
