//! What holds whatever the bytes: the corpus is replayed with these, and fuzzing looks for more with the
//! same.

pub(crate) mod body;
