//! Tells whether an engine is right.
//!
//! Each function here is one rule of the [`Store`] port, tried on a store that is empty and used by nobody
//! else. [`all`] tries them all. They need nothing but the port and whatever runs their futures, and hold of
//! a vault as of the engine beneath it.
//!
//! ```
//! use bulla_store::{MemoryStore, conformance};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! conformance::all(async || MemoryStore::new()).await;
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! What it cannot tell: whether a commit survives a crash, and what happens when a disk fails. Those are the
//! engine's own tests. Nor has it a clock: a call that never returns is waited for, so give the test a limit.
//!
//! # Panics
//! Every function here panics when the engine breaks its rule, with the rule as the message.

mod assertions;
mod atomicity;
mod bounds;
mod concurrency;
mod counters;
mod days;
mod erasure;
mod expected_versions;
mod expiry;
mod random_walk;
mod scans;
mod upkeep;
mod versions;
mod watches;

use crate::Store;

pub use atomicity::{
    a_conflict_changes_nothing, a_partition_sees_nothing_of_another, the_last_word_in_a_batch_counts,
};
pub use bounds::{
    batches_are_taken_at_the_bound_and_refused_beyond,
    names_and_values_are_taken_at_the_bound_and_refused_beyond,
    sealed_batches_have_room_and_are_refused_beyond,
};
pub use concurrency::{concurrent_adds_lose_nothing, concurrent_increments_lose_nothing};
pub use counters::{counters_add_up, counters_are_read_in_pages, removed_counters_begin_anew};
pub use days::{dropped_days_are_gone_and_the_others_stay, dropped_days_begin_anew};
pub use erasure::erased_partitions_are_empty_and_the_others_stay;
pub use expected_versions::{conflicts_name_the_key, expectations_are_of_what_was_read};
pub use expiry::{expired_records_are_not_read, expired_records_still_count_as_records};
pub use random_walk::{walk, walks_end_where_the_model_does};
pub use scans::{
    keys_are_those_of_the_scan, scans_are_ordered, scans_begin_behind_a_key, scans_go_back_from_a_key,
    scans_keep_to_their_prefix, scans_stop_at_their_limit,
};
pub use upkeep::{
    a_closed_store_says_so_or_goes_on, a_store_that_was_not_put_back_does_not_say_so,
    upkeep_is_done_as_often_as_it_is_asked_for,
};
pub use versions::{a_batch_that_writes_nothing_takes_no_version, versions_are_never_used_again};
pub use watches::{watches_hear_of_their_own_changes_only, watches_miss_nothing};

/// Tries every rule, each on a fresh and empty store from `open`.
///
/// # Panics
/// When the engine breaks a rule, with the rule as the message.
pub async fn all<S: Store>(open: impl AsyncFn() -> S) {
    a_conflict_changes_nothing(&open().await).await;
    a_partition_sees_nothing_of_another(&open().await).await;
    the_last_word_in_a_batch_counts(&open().await).await;
    names_and_values_are_taken_at_the_bound_and_refused_beyond(&open().await).await;
    batches_are_taken_at_the_bound_and_refused_beyond(&open().await).await;
    sealed_batches_have_room_and_are_refused_beyond(&open().await).await;
    concurrent_increments_lose_nothing(&open().await).await;
    concurrent_adds_lose_nothing(&open().await).await;
    counters_add_up(&open().await).await;
    counters_are_read_in_pages(&open().await).await;
    removed_counters_begin_anew(&open().await).await;
    dropped_days_are_gone_and_the_others_stay(&open().await).await;
    dropped_days_begin_anew(&open().await).await;
    erased_partitions_are_empty_and_the_others_stay(&open().await).await;
    conflicts_name_the_key(&open().await).await;
    expectations_are_of_what_was_read(&open().await).await;
    expired_records_are_not_read(&open().await).await;
    expired_records_still_count_as_records(&open().await).await;
    scans_are_ordered(&open().await).await;
    scans_keep_to_their_prefix(&open().await).await;
    scans_begin_behind_a_key(&open().await).await;
    scans_go_back_from_a_key(&open().await).await;
    scans_stop_at_their_limit(&open().await).await;
    keys_are_those_of_the_scan(&open().await).await;
    upkeep_is_done_as_often_as_it_is_asked_for(&open().await).await;
    a_store_that_was_not_put_back_does_not_say_so(&open().await).await;
    a_closed_store_says_so_or_goes_on(&open().await).await;
    versions_are_never_used_again(&open().await).await;
    a_batch_that_writes_nothing_takes_no_version(&open().await).await;
    watches_hear_of_their_own_changes_only(&open().await).await;
    watches_miss_nothing(&open().await).await;
    walks_end_where_the_model_does(open).await;
}
