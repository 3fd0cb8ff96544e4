//! The port between an endpoint and the carrier
