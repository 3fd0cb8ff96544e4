use std::io;
use std::pin::pin;
use std::task::{Context, Waker};

use bulla_base::Partition;
use bulla_store::{Counter, Key, Space};
use fjall::OwnedWriteBatch;
use tempfile::TempDir;

use super::*;
use crate::commit::group_writes::{BaseView, Writes};
use crate::commit::queue::{Work, WriteGroup};
use crate::commit::version_cache::VersionCache;
use crate::commit::writer::WriteError;
use crate::store::Absence;
use crate::system_error::SystemError;
use crate::{FjallOptions, MAX_GROUP_BATCHES, MAX_GROUP_BYTES, MAX_GROUP_ROWS};

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

fn taken(committer: &Committer) -> WriteGroup {
    match committer.next_work() {
        Work::Write(group) => group,
        _ => panic!("there is no group"),
    }
}

/// A batch of so many rows of one kind.
fn batch_of(kind: &str, rows: usize) -> Batch {
    let mut batch = Batch::new(Partition::from_bytes([7; 16]));
    for number in 0..rows {
        let (space, name) = (Space::new(200), number.to_string());
        match kind {
            "puts" => batch.put(Key::undated(space, name), "value"),
            "deletes" => batch.delete(Key::undated(space, name)),
            _ => batch.add(Counter::new(space, name), 1),
        }
    }
    batch
}

#[test]
fn open_group_is_full_after_so_many_rows_of_whichever_kind() {
    let folder = TempDir::new().unwrap();
    let committer = committer(&folder);
    for kind in ["puts", "deletes", "adds"] {
        for (rows, fit) in [(MAX_GROUP_ROWS / 2, 2), (MAX_GROUP_ROWS / 2 + 1, 1)] {
            let mut commits: Vec<_> =
                (0..3).map(|_| Box::pin(committer.commit(batch_of(kind, rows)))).collect();
            assert!(commits.iter_mut().all(|commit| poll(commit.as_mut()).is_pending()));
            let mut left = 3;
            while left > 0 {
                let group = taken(&committer);
                assert_eq!(group.members.len(), fit.min(left), "{rows} {kind} each");
                left -= group.members.len();
                committer.answer(group, Ok(()));
                commits.drain(..commits.len() - left);
                // Those that had no room are added to the next.
                assert!(commits.iter_mut().all(|commit| poll(commit.as_mut()).is_pending()));
            }
        }
    }
}

#[test]
fn open_group_is_full_after_so_many_batches_or_so_many_bytes() {
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
fn exclusive_job_keeps_everybody_from_adding_while_it_is_carried_out() {
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
    let Work::Exclusive(job) = committer.next_work() else { panic!("the days come next") };
    assert!(poll(behind.as_mut()).is_pending());
    assert!(committer.queue().open.members.is_empty());
    // Nor now that nobody waits before him.
    let mut late = pin!(committer.commit(put(3, 1)));
    assert!(committer.queue().waiting.len() == 1 && poll(late.as_mut()).is_pending());
    assert!(committer.queue().open.members.is_empty());
    drop(job);
    assert_eq!(taken(&committer).members.len(), 2);
}

/// Nothing waits but the job itself, while it is carried out.
#[test]
fn exclusive_job_that_nobody_stood_behind_keeps_everybody_from_adding() {
    let folder = TempDir::new().unwrap();
    let committer = committer(&folder);
    let mut dropping = pin!(committer.drop_days_before(Day::from_number(1)));
    assert!(poll(dropping.as_mut()).is_pending());
    let Work::Exclusive(_job) = committer.next_work() else { panic!("there is an exclusive job") };
    let mut late = pin!(committer.commit(put(1, 1)));
    assert!(poll(late.as_mut()).is_pending());
    assert!(committer.queue().open.members.is_empty());
    assert_eq!(taken(&committer).members.len(), 1);
}

#[test]
fn sleeping_writer_is_woken_when_the_others_have_had_their_turn() {
    let folder = TempDir::new().unwrap();
    let committer = committer(&folder);
    let sleeps = || committer.queue().writer == WriterState::Asleep;
    committer.queue().writer = WriterState::Asleep;
    let mut commits: Vec<_> = (0..32).map(|number| Box::pin(committer.commit(put(number, 1)))).collect();
    assert!(commits.iter_mut().all(|commit| poll(commit.as_mut()).is_pending()));
    assert!(sleeps() && committer.queue().open.members.len() == 32);
    // Of the first nobody hears any more; the executor comes round to the second.
    assert!(poll(commits[1].as_mut()).is_pending());
    assert!(!sleeps());
    committer.answer(taken(&committer), Ok(()));
    assert!(commits.iter_mut().all(|commit| poll(commit.as_mut()).is_ready()));

    committer.queue().writer = WriterState::Asleep;
    let mut dropped = Box::pin(committer.commit(put(0, 1)));
    assert!(poll(dropped.as_mut()).is_pending() && sleeps());
    drop(dropped);
    assert!(!sleeps());

    committer.queue().writer = WriterState::Asleep;
    let mut commits: Vec<_> =
        (0..BATCHES_WORTH_A_SYNC).map(|number| Box::pin(committer.commit(put(number, 1)))).collect();
    assert!(commits.iter_mut().all(|commit| poll(commit.as_mut()).is_pending()));
    assert!(!sleeps(), "so many are worth a sync whoever else may come");
}

#[test]
fn failed_group_is_told_to_everybody_who_stood_on_it() {
    let folder = TempDir::new().unwrap();
    let committer = committer(&folder);
    let mut first = pin!(committer.commit(put(1, 1)));
    assert!(poll(first.as_mut()).is_pending());
    let group = taken(&committer);
    let mut conflicting = put(1, 1);
    conflicting.expect_absent(Key::undated(Space::new(200), "1"));
    let mut second = pin!(committer.commit(conflicting));
    assert!(poll(second.as_mut()).is_pending());
    committer.answer(group, Err(WriteError::Failed(io::ErrorKind::StorageFull.into())));
    let next = taken(&committer);
    let failed = committer.check_poison();
    assert!(failed.is_err());
    committer.answer(next, failed.map_err(WriteError::Failed));
    for commit in [first, second] {
        let Poll::Ready(Err(StoreError::Poisoned { source: Some(source) })) = poll(commit) else {
            panic!("it was told something else")
        };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    }
}

/// A day's table could not be made, and the store was dead for good, though nothing had been written.
#[test]
fn group_that_was_not_begun_can_be_tried_again_with_what_stood_on_it() {
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
        committer.answer(group, Err(WriteError::NotBegun(io::Error::from_raw_os_error(24))));
        for commit in [first, second, third] {
            let Poll::Ready(Err(StoreError::Unavailable { source })) = poll(commit) else {
                panic!("it was told something else in round {round}")
            };
            assert_eq!(source.raw_os_error(), Some(24), "the system's own reason");
        }
        assert!(committer.check_poison().is_ok() && committer.queue().open.members.is_empty());
        assert_eq!(committer.permits.available_permits(), MAX_WAITING);
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
fn prefetch_is_looked_up_again_when_a_group_was_written_meanwhile() {
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
    let prefetch = || committer.prefetch(committer.shared().read().as_ref().unwrap(), &batch());
    let write = |mut group: WriteGroup| {
        let values = std::mem::take(&mut group.values);
        let rows = group.writes.rows(values, committer.shared().read().as_ref().unwrap()).unwrap();
        rows.map_or(Ok(()), OwnedWriteBatch::commit).unwrap();
        committer.answer(group, Ok(()));
    };
    let commit = |prefetch: &Prefetch| {
        let (reply_to, reply) = oneshot::channel();
        let tables = committer.shared().read();
        committer.add_prefetched(tables.as_ref().unwrap(), prefetch, batch(), reply_to).unwrap();
        reply
    };

    // Each says that there is no record. The second comes when the first was added, the third when it
    // was being written, the others when it had been.
    let before = prefetch();
    let (first, second) = (commit(&before), commit(&before));
    let group = taken(&committer);
    let third = commit(&before);
    let meanwhile = prefetch();
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
fn prefetch_is_not_looked_up_again_while_it_holds() {
    let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (committer, other) = (committer(&folder), committer(&other));
    let key = Key::dated(Space::new(200), Day::from_number(20_000), "key");
    other.shared().write().as_mut().unwrap().begin(key.day()).unwrap();
    let mut there = put(1, 1);
    there.put(key.clone(), "");
    let mut writes = Writes::after(Version::new(0));
    let tables = other.shared().read();
    let tables = tables.as_ref().unwrap();
    let base = BaseView { tables, prefetch: None, cache: &VersionCache::default(), under_way: None };
    assert!(matches!(writes.add(base, &there), Ok(Commit::Committed(_))));
    let values = writes.take_values();
    writes.rows(values, tables).unwrap().unwrap().commit().unwrap();

    // Looked up in the wrong tables, to tell whether it is believed.
    let mut batch = put(1, 1);
    batch.expect_absent(key);
    let prefetch = other.prefetch(tables, &batch);
    let (reply_to, mut reply) = oneshot::channel();
    let own = committer.shared().read();
    committer.add_prefetched(own.as_ref().unwrap(), &prefetch, batch, reply_to).unwrap();
    drop(own);
    committer.answer(taken(&committer), Ok(()));
    assert!(matches!(reply.try_recv().unwrap(), Ok(Commit::Conflict(_))));
}

#[test]
fn ended_writer_is_waited_for_by_nobody() {
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

/// Whoever asks has it tried whether there can be tables again, unless there never can be.
#[test]
fn commit_waits_for_tables_only_if_there_may_be_some_again() {
    let folder = TempDir::new().unwrap();
    let committer = committer(&folder);
    *committer.shared().write() = None;
    let no_files = io::Error::from_raw_os_error(24);
    let sleeps = || committer.queue().writer == WriterState::Asleep;
    for (absence, is_answered) in [
        (Absence::Closed, true),
        (Absence::Lost(SystemError::of(&no_files)), true),
        (Absence::Shortage(SystemError::of(&no_files)), false),
    ] {
        let what = format!("{absence:?}");
        committer.shared().be_absent(absence);
        committer.queue().writer = WriterState::Asleep;
        let mut commit = pin!(committer.commit(put(1, 1)));
        assert_eq!(poll(commit.as_mut()).is_ready(), is_answered, "{what}");
        assert_eq!((sleeps(), committer.waiting() == 0), (is_answered, is_answered), "{what}");
    }
    assert!(matches!(committer.next_work(), Work::OpenAgain));

    // Nobody would try any more.
    committer.answer_waiting_unavailable(&no_files);
    committer.end();
    let late = pin!(committer.commit(put(2, 1)));
    assert!(matches!(poll(late), Poll::Ready(Err(StoreError::Unavailable { .. }))));
    assert_eq!((committer.waiting(), committer.permits.available_permits()), (0, MAX_WAITING));
}

/// A panic in the middle of a change would leave half a batch in the group.
#[test]
fn panic_with_the_queue_in_hand_poisons_the_store() {
    let folder = TempDir::new().unwrap();
    let committer = committer(&folder);
    let died = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let _queue = committer.queue();
                panic!("on purpose");
            })
            .join()
    });
    assert!(died.is_err());
    assert!(committer.check_poison().is_err());
}
