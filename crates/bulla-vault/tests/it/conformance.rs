//! The rules of the port. Two of them say how large a value and a batch may be; sealing takes its share of that, so a vault has bounds of its
//! own, which [`super::bounds`] holds it to.

use std::error::Error;

use bulla_store::{MemoryStore, conformance};
use bulla_vault::{MemoryKeyring, Vault};

use crate::world::{World, run};

async fn vault() -> Vault<MemoryStore> {
    let world = World::new(1);
    let keys = world.operator(1);
    Vault::open(MemoryStore::new(), MemoryKeyring::new(), &keys, world.clock.clone(), world.rng.clone())
        .await
        .unwrap()
}

macro_rules! rules {
    ($($rule:ident),* $(,)?) => {$(
        #[test]
        fn $rule() {
            run(async { conformance::$rule(&vault().await).await });
        }
    )*};
}

rules!(
    a_conflict_changes_nothing,
    a_partition_sees_nothing_of_another,
    the_last_word_in_a_batch_counts,
    concurrent_increments_lose_nothing,
    concurrent_adds_lose_nothing,
    counters_add_up,
    counters_are_read_in_pages,
    dropped_days_are_gone_and_the_others_stay,
    dropped_days_begin_anew,
    erased_partitions_are_empty_and_the_others_stay,
    conflicts_name_the_key,
    expectations_are_of_what_was_read,
    expired_records_are_not_read,
    expired_records_still_count_as_records,
    scans_are_ordered,
    scans_begin_behind_a_key,
    scans_keep_to_their_prefix,
    scans_stop_at_their_limit,
    versions_are_never_used_again,
    a_batch_that_writes_nothing_takes_no_version,
    watches_hear_of_their_own_changes_only,
    watches_miss_nothing,
);

/// Two vaults over one another would keep their own rows in the same place.
#[test]
fn a_vault_over_a_vault_is_refused() {
    run(async {
        let world = World::new(2);
        let (inner, keys) = (vault().await, world.operator(2));
        let outer =
            Vault::open(inner, MemoryKeyring::new(), &keys, world.clock.clone(), world.rng.clone()).await;
        let error = outer.unwrap_err().source().unwrap().to_string();
        assert_eq!(error, "space 80 is reserved for keys");
    });
}
