use std::pin::pin;
use std::task::{Context, Waker};

use bulla_store::{Key, Space};
use fjall::OwnedWriteBatch;
use tempfile::TempDir;

use super::*;
use crate::FjallOptions;

fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn put(number: usize, bytes: usize) -> Batch {
    let mut batch = Batch::new(Partition::from_bytes([7; 16]));
    batch.put(Key::undated(Space::new(200), number.to_string()), vec![0; bytes]);
    batch
}

/// One that nobody writes for.
fn committer(folder: &TempDir) -> Committer {
    let tables = Tables::open(folder.path(), FjallOptions::default()).unwrap();
    Committer::new(Arc::new(Shared::new(tables)), Version::new(0))
}

fn taken(committer: &Committer) -> Taken {
    match committer.work() {
        Work::Write(group) => group,
        _ => panic!("there is no group"),
    }
}

#[test]
fn a_group_is_full_after_so_many_batches_or_so_many_bytes() {
    let folder = TempDir::new().unwrap();
    let committer = committer(&folder);
    for (bytes, fit) in
        [(1, MAX_GROUP_BATCHES), (MAX_GROUP_BYTES / 4, 3), (MAX_GROUP_BYTES, 1), (3 * MAX_GROUP_BYTES, 1)]
    {
        let mut commits: Vec<_> =
            (0..=fit).map(|number| Box::pin(committer.commit(put(number, bytes)))).collect();
        assert!(commits.iter_mut().all(|commit| poll(commit.as_mut()).is_pending()));
        let first = taken(&committer);
        assert_eq!(first.members.len(), fit, "of {bytes} bytes");
        committer.answer(first, Ok(()));
        assert!(commits[..fit].iter_mut().all(|commit| poll(commit.as_mut()).is_ready()));
        assert!(poll(commits[fit].as_mut()).is_pending());
        let second = taken(&committer);
        assert_eq!(second.members.len(), 1);
        committer.answer(second, Ok(()));
        assert!(poll(commits[fit].as_mut()).is_ready());
    }
}

#[test]
fn nobody_adds_anything_while_days_are_dropped() {
    let folder = TempDir::new().unwrap();
    let committer = committer(&folder);
    let mut before = pin!(committer.commit(put(1, 1)));
    assert!(poll(before.as_mut()).is_pending());
    let mut dropping = pin!(committer.drop_days_before(Day::from_number(1)));
    let mut behind = pin!(committer.commit(put(2, 1)));
    assert!(poll(dropping.as_mut()).is_pending());
    assert!(poll(behind.as_mut()).is_pending());
    let first = taken(&committer);
    assert_eq!(first.members.len(), 1);
    committer.answer(first, Ok(()));
    assert!(poll(dropping.as_mut()).is_pending());
    let Work::Carry(order) = committer.work() else { panic!("the days come next") };
    assert!(poll(behind.as_mut()).is_pending());
    assert!(committer.state().open.members.is_empty());
    // Nor now that nobody waits before him.
    let mut late = pin!(committer.commit(put(3, 1)));
    assert!(committer.state().waiting.len() == 1 && poll(late.as_mut()).is_pending());
    assert!(committer.state().open.members.is_empty());
    drop(order);
    assert_eq!(taken(&committer).members.len(), 2);
}

/// Nothing waits but the order itself, while it is carried out.
#[test]
fn nobody_adds_anything_during_an_order_that_nobody_stood_behind() {
    let folder = TempDir::new().unwrap();
    let committer = committer(&folder);
    let mut dropping = pin!(committer.drop_days_before(Day::from_number(1)));
    assert!(poll(dropping.as_mut()).is_pending());
    let Work::Carry(_order) = committer.work() else { panic!("there is an order") };
    let mut late = pin!(committer.commit(put(1, 1)));
    assert!(poll(late.as_mut()).is_pending());
    assert!(committer.state().open.members.is_empty());
    assert_eq!(taken(&committer).members.len(), 1);
}

#[test]
fn who_finds_the_writer_asleep_lets_the_others_go_first_and_then_wakes_it() {
    let folder = TempDir::new().unwrap();
    let committer = committer(&folder);
    let sleeps = || committer.state().is_idle;
    committer.state().is_idle = true;
    let mut commits: Vec<_> = (0..32).map(|number| Box::pin(committer.commit(put(number, 1)))).collect();
    assert!(commits.iter_mut().all(|commit| poll(commit.as_mut()).is_pending()));
    assert!(sleeps() && committer.state().open.members.len() == 32);
    // Of the first nobody hears any more; the executor comes round to the second.
    assert!(poll(commits[1].as_mut()).is_pending());
    assert!(!sleeps());
    committer.answer(taken(&committer), Ok(()));
    assert!(commits.iter_mut().all(|commit| poll(commit.as_mut()).is_ready()));

    committer.state().is_idle = true;
    let mut dropped = Box::pin(committer.commit(put(0, 1)));
    assert!(poll(dropped.as_mut()).is_pending() && sleeps());
    drop(dropped);
    assert!(!sleeps());

    committer.state().is_idle = true;
    let mut commits: Vec<_> =
        (0..WORTH_A_SYNC).map(|number| Box::pin(committer.commit(put(number, 1)))).collect();
    assert!(commits.iter_mut().all(|commit| poll(commit.as_mut()).is_pending()));
    assert!(!sleeps(), "so many are worth a sync whoever else may come");
}

#[test]
fn what_failed_is_told_to_everybody_who_stood_on_it() {
    let folder = TempDir::new().unwrap();
    let committer = committer(&folder);
    let mut first = pin!(committer.commit(put(1, 1)));
    assert!(poll(first.as_mut()).is_pending());
    let group = taken(&committer);
    let mut conflicting = put(1, 1);
    conflicting.expect_absent(Key::undated(Space::new(200), "1"));
    let mut second = pin!(committer.commit(conflicting));
    assert!(poll(second.as_mut()).is_pending());
    committer.answer(group, Err(Unwritten::Failed(io::ErrorKind::StorageFull.into())));
    let next = taken(&committer);
    let failed = committer.failed();
    assert!(failed.is_err());
    committer.answer(next, failed.map_err(Unwritten::Failed));
    for commit in [first, second] {
        let Poll::Ready(Err(StoreError::Poisoned { source: Some(source) })) = poll(commit) else {
            panic!("it was told something else")
        };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    }
}

/// A day's table could not be made, and the store was dead for good, though nothing had been written.
#[test]
fn what_was_not_begun_can_be_tried_again_and_so_can_what_stood_on_it() {
    let folder = TempDir::new().unwrap();
    let committer = committer(&folder);
    for round in 0..3 {
        let mut first = pin!(committer.commit(put(1, 1)));
        assert!(poll(first.as_mut()).is_pending());
        let group = taken(&committer);
        // They stand on what is being written: one would conflict with it.
        let mut conflicting = put(1, 1);
        conflicting.expect_absent(Key::undated(Space::new(200), "1"));
        let mut second = pin!(committer.commit(conflicting));
        let mut third = pin!(committer.commit(put(2, 1)));
        assert!(poll(second.as_mut()).is_pending() && poll(third.as_mut()).is_pending());
        committer.answer(group, Err(Unwritten::NotBegun(io::Error::from_raw_os_error(24))));
        for commit in [first, second, third] {
            let Poll::Ready(Err(StoreError::Unavailable { source })) = poll(commit) else {
                panic!("it was told something else in round {round}")
            };
            assert_eq!(source.raw_os_error(), Some(24), "the system's own reason");
        }
        assert!(committer.failed().is_ok() && committer.state().open.members.is_empty());
        assert_eq!(committer.places.available_permits(), MAX_WAITING);
    }
    // As if nothing had ever been asked for.
    let mut absent = put(1, 1);
    absent.expect_absent(Key::undated(Space::new(200), "1"));
    let mut again = pin!(committer.commit(absent));
    assert!(poll(again.as_mut()).is_pending());
    committer.answer(taken(&committer), Ok(()));
    let Poll::Ready(Ok(Commit::Committed(version))) = poll(again) else { panic!("it is stored now") };
    assert_eq!(version, Version::new(1));
    assert_eq!(committer.shared().tally.stats(0, 0).unavailable, 9);
}

#[test]
fn what_was_seen_before_a_group_was_written_is_looked_up_again() {
    let folder = TempDir::new().unwrap();
    let committer = committer(&folder);
    let key = Key::dated(Space::new(200), Day::from_number(20_000), "key");
    committer.shared().write().as_mut().unwrap().begin(key.day()).unwrap();
    let batch = || {
        let mut batch = put(1, 1);
        batch.expect_absent(key.clone());
        batch.put(key.clone(), "");
        batch
    };
    let look = || committer.look(committer.shared().read().as_ref().unwrap(), &batch());
    let write = |mut group: Taken| {
        let values = std::mem::take(&mut group.values);
        let rows = group.writes.rows(values, committer.shared().read().as_ref().unwrap()).unwrap();
        rows.map_or(Ok(()), OwnedWriteBatch::commit).unwrap();
        committer.answer(group, Ok(()));
    };
    let commit = |sight: &Sight| {
        let (answer, answered) = oneshot::channel();
        let tables = committer.shared().read();
        committer.add_having_looked(tables.as_ref().unwrap(), sight, batch(), answer).unwrap();
        answered
    };

    // Each sight says that there is no record. The second comes when the first was added, the third when it
    // was being written, the others when it had been.
    let before = look();
    let (first, second) = (commit(&before), commit(&before));
    let group = taken(&committer);
    let third = commit(&before);
    let meanwhile = look();
    write(group);
    let (fourth, fifth) = (commit(&before), commit(&meanwhile));
    write(taken(&committer));
    for (mut answer, has_committed) in
        [(first, true), (second, false), (third, false), (fourth, false), (fifth, false)]
    {
        let commit = answer.try_recv().unwrap().unwrap();
        assert_eq!(matches!(commit, Commit::Committed(_)), has_committed, "{commit:?}");
    }
}

#[test]
fn what_was_seen_is_not_looked_up_again_while_it_holds() {
    let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (committer, other) = (committer(&folder), committer(&other));
    let key = Key::dated(Space::new(200), Day::from_number(20_000), "key");
    other.shared().write().as_mut().unwrap().begin(key.day()).unwrap();
    let mut there = put(1, 1);
    there.put(key.clone(), "");
    let mut writes = Writes::after(Version::new(0));
    let tables = other.shared().read();
    let tables = tables.as_ref().unwrap();
    let before = Before { tables, sight: None, known: &Known::default(), under_way: None };
    assert!(matches!(writes.add(before, &there), Ok(Commit::Committed(_))));
    let values = writes.take_values();
    writes.rows(values, tables).unwrap().unwrap().commit().unwrap();

    // Seen in the wrong tables, to tell whether it is believed.
    let mut batch = put(1, 1);
    batch.expect_absent(key);
    let sight = other.look(tables, &batch);
    let (answer, mut answered) = oneshot::channel();
    let own = committer.shared().read();
    committer.add_having_looked(own.as_ref().unwrap(), &sight, batch, answer).unwrap();
    drop(own);
    committer.answer(taken(&committer), Ok(()));
    assert!(matches!(answered.try_recv().unwrap(), Ok(Commit::Conflict(_))));
}

#[test]
fn nobody_waits_for_a_writer_that_has_ended() {
    let folder = TempDir::new().unwrap();
    let committer = committer(&folder);
    let mut added = pin!(committer.commit(put(1, 1)));
    assert!(poll(added.as_mut()).is_pending());
    let mut waiting = pin!(committer.drop_days_before(Day::from_number(1)));
    assert!(poll(waiting.as_mut()).is_pending());
    committer.end();
    assert!(matches!(poll(added), Poll::Ready(Err(StoreError::Poisoned { source: None }))));
    assert!(matches!(poll(waiting), Poll::Ready(Err(StoreError::Poisoned { source: None }))));
    let late = pin!(committer.commit(put(2, 1)));
    assert!(matches!(poll(late), Poll::Ready(Err(StoreError::Poisoned { source: None }))));
}

/// A panic in the middle of a change would leave half a batch in the group.
#[test]
fn nothing_is_written_after_a_thread_died_with_the_group_in_its_hands() {
    let folder = TempDir::new().unwrap();
    let committer = committer(&folder);
    let died = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let _state = committer.state();
                panic!("on purpose");
            })
            .join()
    });
    assert!(died.is_err());
    assert!(committer.failed().is_err());
}
