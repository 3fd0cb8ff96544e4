//! What holds whatever the bytes: the corpora are replayed with these, and fuzzing looks for more with the
//! same.

pub(crate) mod exchange;
pub(crate) mod message;
pub(crate) mod stored;
