//! Counters per business, category and day
