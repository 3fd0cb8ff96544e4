/// How long the name of a store is at most, which is also that of a folder and of a file.
pub(crate) const MAX_STORE_NAME_BYTES: usize = 64;
