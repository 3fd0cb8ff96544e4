//! What fuzzing asks, one question a file. The fuzz targets take them from here.

pub(crate) mod keyring;
pub(crate) mod row;
