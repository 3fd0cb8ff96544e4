//! What must hold of any bytes. Fuzzing runs the same.

pub(crate) mod bytes;
pub(crate) mod text;
