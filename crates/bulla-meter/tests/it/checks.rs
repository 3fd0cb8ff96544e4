//! What must hold of any bytes. Fuzzing runs the same.

pub(crate) mod forms;
