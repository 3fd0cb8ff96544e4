//! The embedded storage engine
