//! The outside of a message: route, kind, category, franking tag and sealed bytes
