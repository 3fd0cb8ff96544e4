//! What fuzzing checks; the corpora of it are replayed.

pub(crate) mod queue_index;
