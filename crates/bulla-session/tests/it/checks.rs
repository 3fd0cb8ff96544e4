//! What holds whatever the bytes: the corpora are replayed with these, and fuzzing looks for more with the
//! same.

pub(crate) mod dialogue;
pub(crate) mod message;
pub(crate) mod parts;
pub(crate) mod records;
pub(crate) mod stored;
