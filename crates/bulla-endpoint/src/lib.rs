//! One party to the Signal protocol, inside the caller's storage batch
