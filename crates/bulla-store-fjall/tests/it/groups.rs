use std::sync::Arc;

use bulla_store::{Batch, Commit, Counter, Key, Store, StoreError};
use bulla_store_fjall::{MAX_DAYS, MAX_GROUP_BATCHES, MAX_GROUP_BYTES};

use crate::{ALICE, Fresh, NOW, SPACE, committed, day, put, run, today, value};

#[test]
fn a_group_costs_one_sync_and_many_commits_share_it() {
    run(async {
        let Fresh { store, folder: _folder } = Fresh::open();
        let callers = (0..64_u64).map(|caller| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0..50_u64 {
                    committed(&store, put(&today(&format!("{caller}/{number}")), vec![0; 200])).await;
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.unwrap();
        }
        let stats = store.stats();
        assert_eq!(stats.commits, 64 * 50);
        assert_eq!(stats.syncs, stats.groups);
        assert!(stats.syncs * 4 <= stats.commits, "{stats:?}");
    });
}

#[test]
fn a_group_with_nothing_to_write_does_not_sync() {
    run(async {
        let Fresh { store, folder: _folder } = Fresh::open();
        committed(&store, put(&today("taken"), "first")).await;
        let before = store.stats();
        let mut conflicting = put(&today("taken"), "second");
        conflicting.expect_absent(today("taken"));
        assert_eq!(store.commit(conflicting).await.unwrap(), Commit::Conflict(today("taken")));
        committed(&store, Batch::new(ALICE)).await;
        let after = store.stats();
        assert_eq!(
            (after.syncs, after.groups, after.commits, after.refused),
            (before.syncs, before.groups + 2, before.commits + 1, before.refused + 1)
        );
        assert!(after.longest_sync > std::time::Duration::ZERO && after.sync_time >= after.longest_sync);
        assert_eq!((after.days, after.waiting, after.unavailable, after.reopened), (1, 0, 0, 0));
    });
}

#[test]
fn a_batch_beyond_one_group_is_carried_out_in_the_next() {
    run(async {
        let Fresh { store, folder: _folder } = Fresh::open();
        let store = Arc::new(store);
        let count = 3 * MAX_GROUP_BATCHES as u64;
        let tasks: Vec<_> = (0..count)
            .map(|number| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let mut batch = put(&today(&number.to_string()), vec![1; 3000]);
                    batch.add(Counter::new(SPACE, "all"), 1);
                    committed(&store, batch).await
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(store.counters(SPACE, b"all", None).await.unwrap()[0].1, count);
        assert!(store.stats().groups >= 3, "{:?}", store.stats());
    });
}

#[test]
fn a_dropped_commit_that_was_taken_is_carried_out() {
    run(async {
        let Fresh { store, folder: _folder } = Fresh::open();
        {
            let commit = std::pin::pin!(store.commit(put(&today("dropped"), "value")));
            let waker = std::task::Waker::noop();
            assert!(commit.poll(&mut std::task::Context::from_waker(waker)).is_pending());
        }
        // Jobs are carried out in order.
        committed(&store, put(&today("behind"), "value")).await;
        assert_eq!(value(&store, &today("dropped")).await.as_deref(), Some(&b"value"[..]));
    });
}

/// The first to commit wakes the writer when its executor comes round to it again. One that is held and not
/// polled any more must not be what the others wait for.
#[test]
fn a_commit_nobody_polls_any_more_holds_nobody_up() {
    run(async {
        let Fresh { store, folder: _folder } = Fresh::open();
        let waker = std::task::Waker::noop();
        let mut held: Vec<_> = (0..4)
            .map(|number| {
                // Of all the room there is.
                let large = put(&today(&format!("held {number}")), vec![0; MAX_GROUP_BYTES]);
                let mut commit = Box::pin(store.commit(large));
                assert!(commit.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
                commit
            })
            .collect();
        committed(&store, put(&today("next"), "value")).await;
        store.drop_days_before(day(5)).await.unwrap();
        let mut last = Box::pin(store.commit(put(&today("last"), "value")));
        assert!(last.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
        held.push(last);
        store.close().await.unwrap();
        for commit in held {
            assert!(matches!(commit.await, Ok(Commit::Committed(_))));
        }
    });
}

#[test]
fn days_are_kept_up_to_the_bound_and_one_more_is_refused() {
    run(async {
        let Fresh { store, folder: _folder } = Fresh::open();
        let on = |ago| Key::dated(SPACE, day(ago), "record");
        let (mut all, mut more) = (Batch::new(ALICE), Batch::new(ALICE));
        for ago in 0..u32::try_from(MAX_DAYS).unwrap() {
            all.put(on(ago), "value");
        }
        committed(&store, all).await;
        more.put(today("more"), "not stored");
        more.put(on(1000), "not stored");
        let error = store.commit(more.clone()).await.unwrap_err();
        assert!(
            matches!(error, StoreError::TooLarge { actual, limit: MAX_DAYS, .. } if actual == MAX_DAYS + 1),
            "{error}"
        );
        assert_eq!(value(&store, &today("more")).await, None);
        committed(&store, put(&Key::undated(SPACE, "undated"), "stored")).await;
        store.drop_days_before(NOW.day()).await.unwrap();
        committed(&store, more).await;
    });
}

/// While one group is written the next is checked: what the first leaves behind must count as if it stood
/// there.
#[test]
fn batch_checked_during_a_write_stands_on_what_is_being_written() {
    const CALLERS: u64 = 128;
    const IDS: u64 = 60;
    run(async {
        let Fresh { store, folder: _folder } = Fresh::open();
        let tasks: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let store = store.clone();
                tokio::spawn(async move {
                    let session = Key::undated(SPACE, format!("session {caller}"));
                    let (mut version, mut first) = (None, 0);
                    for number in 0..IDS {
                        // Everybody wants every id; who comes too late says so of the id alone.
                        let id = today(&format!("id {number}"));
                        let mut batch = put(&id, "taken");
                        batch.expect_absent(id.clone());
                        batch.add(Counter::new(SPACE, "taken"), 1);
                        match store.commit(batch).await.unwrap() {
                            Commit::Committed(_) => first += 1,
                            conflict => assert_eq!(conflict, Commit::Conflict(id)),
                        }
                        // Never read: each step stands on the version that was told, now and then on a
                        // deletion.
                        let mut step = Batch::new(ALICE);
                        step.expect(session.clone(), version);
                        let ends = number % 7 == 6;
                        if ends {
                            step.delete(session.clone())
                        } else {
                            step.put(session.clone(), "step")
                        }
                        step.add(Counter::new(SPACE, "steps"), 1);
                        let Commit::Committed(told) = store.commit(step).await.unwrap() else {
                            panic!("{caller} lost step {number}")
                        };
                        version = (!ends).then_some(told);
                    }
                    first
                })
            })
            .collect();
        let mut first = 0;
        for task in tasks {
            first += task.await.unwrap();
        }
        let counters = store.counters(SPACE, b"", None).await.unwrap();
        let counts: Vec<u64> = counters.iter().map(|(_, count)| *count).collect();
        assert_eq!((first, counts), (IDS, vec![CALLERS * IDS, IDS]));
    });
}
