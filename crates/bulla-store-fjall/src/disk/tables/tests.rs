use std::time::Duration;
use std::{fs, thread};

use bulla_store::{Batch, Space};
use fjall::PersistMode;
use tempfile::TempDir;

use super::meta_table::FILLER_KEY;
use super::*;
use crate::OpenError;
use crate::commit::group_writes::{BaseView, Writes};
use crate::commit::version_cache::VersionCache;

fn flush(table: &Keyspace) {
    table.rotate_memtable().unwrap();
    while table.sealed_memtable_count() > 0 {
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_options_reach_the_engine() {
    let folder = TempDir::new().unwrap();
    let options = FjallOptions::default().cache_bytes(3 << 20).write_buffer_bytes(5 << 20);
    let mut tables = Tables::open(folder.path(), options).unwrap();
    tables.begin(Day::from_number(9)).unwrap();
    assert_eq!(tables.database().cache_capacity(), 3 << 20);
    // A table is flushed as soon as it holds more than that; the engine tells of no table how large it may
    // get.
    let table = tables.of(Day::from_number(9)).unwrap();
    let flushed_after = (1_u32..64).find(|number| {
        table.insert(number.to_be_bytes(), vec![1; 1 << 20]).unwrap();
        // It is flushed by another thread.
        thread::sleep(Duration::from_millis(20));
        table.sealed_memtable_count() > 0 || table.table_count() > 0
    });
    assert!(matches!(flushed_after, Some(5..=12)), "{flushed_after:?} MiB");
}

const SPACE: Space = Space::new(1);
const PARTITION: Partition = Partition::from_bytes([7; 16]);

/// What the tables say of `key` after a row was written behind their back.
fn written_unnoticed(tables: &Tables, key: &Key) -> Option<Version> {
    let row = row_format::record_value(Version::new(1), key.day(), None, b"value");
    tables.of(key.day()).unwrap().insert(row_format::record_name(PARTITION, key), row).unwrap();
    tables.version_of(PARTITION, key, &mut Vec::new()).unwrap()
}

#[test]
fn key_never_put_into_a_day_that_was_begun_is_not_looked_up() {
    let folder = TempDir::new().unwrap();
    let mut tables = Tables::open(folder.path(), FjallOptions::default()).unwrap();
    let [first, second, third] = [1, 2, 3].map(|day| Key::dated(SPACE, Day::from_number(day), "key"));
    let found = |tables: &Tables, key| tables.version_of(PARTITION, key, &mut Vec::new()).unwrap();
    // Of the two latest alone it is known what was put, whichever was begun first.
    for (key, is_known) in [(&second, true), (&third, true), (&first, false)] {
        tables.begin(key.day()).unwrap();
        assert_eq!(written_unnoticed(&tables, key).is_none(), is_known);
    }
    assert_eq!([&first, &second, &third].map(|key| found(&tables, key).is_none()), [false, true, true]);
    tables.filter(third.day()).unwrap().noting().note(&row_format::record_key(PARTITION, SPACE, b"key"));
    assert_eq!(found(&tables, &third), Some(Version::new(1)));

    // To begin a day that has a table changes nothing; to begin it after its end makes another.
    tables.begin(third.day()).unwrap();
    assert!(found(&tables, &third).is_some());
    tables.end(third.day()).unwrap();
    assert!(tables.filter(third.day()).is_none());
    tables.begin(third.day()).unwrap();
    assert!(found(&tables, &third).is_none() && written_unnoticed(&tables, &third).is_none());
    let fourth = Key::dated(SPACE, Day::from_number(4), "key");
    tables.begin(fourth.day()).unwrap();
    assert_eq!([&second, &third].map(|key| found(&tables, key).is_none()), [false, true]);
    drop(tables);

    // What was put before is not known.
    let tables = Tables::open(folder.path(), FjallOptions::default()).unwrap();
    assert!([&first, &second, &third].iter().all(|key| found(&tables, key).is_some()));
    let undated = Key::undated(SPACE, "key");
    assert_eq!(written_unnoticed(&tables, &undated), Some(Version::new(1)));
}

#[test]
fn what_is_known_of_a_day_outlasts_that_the_engine_is_opened_again() {
    let folder = TempDir::new().unwrap();
    let mut tables = Tables::open(folder.path(), FjallOptions::default()).unwrap();
    let [key, other] = ["key", "other"].map(|name| Key::dated(SPACE, Day::from_number(1), name));
    tables.begin(key.day()).unwrap();
    assert_eq!(written_unnoticed(&tables, &other), None);
    let version = tables.last_version().unwrap();
    let tables = tables.shut(version).open(1).unwrap();
    assert_eq!(written_unnoticed(&tables, &key), None, "it was never put, and is not looked up");
}

/// Whoever commits waits for it.
#[test]
fn an_engine_that_others_hold_is_tried_so_often_and_then_left_closed() {
    let folder = TempDir::new().unwrap();
    let tables = Tables::open(folder.path(), FjallOptions::default()).unwrap();
    let version = tables.last_version().unwrap();
    let mut closed = tables.shut(version);
    let others = Tables::open(folder.path(), FjallOptions::default()).unwrap();
    for tries in [1, 3] {
        assert!(matches!(closed.open(tries), Err(OpenError::Locked { .. })), "{tries}");
    }
    drop(others);
    closed.open(1).unwrap();
}

#[test]
fn a_table_that_was_made_ahead_is_begun_without_the_disk() {
    let folder = TempDir::new().unwrap();
    let [today, tomorrow, later] = [20_000, 20_001, 20_005].map(Day::from_number);
    let folders = || fs::read_dir(folder.path().join("keyspaces")).unwrap().count();
    let mut tables = Tables::open(folder.path(), FjallOptions::default()).unwrap();
    assert_eq!(tables.day_ahead(), None, "of no day there is none");
    tables.begin(today).unwrap();
    assert_eq!(tables.day_ahead(), Some(tomorrow));
    let table = tables.make(tomorrow).unwrap();
    tables.set_ahead(tomorrow, table).unwrap();
    // It counts for nothing yet: not as a day, not in a scan, and nothing is known of it.
    assert_eq!((tables.day_ahead(), tables.day_count(), tables.of(tomorrow).is_none()), (None, 1, true));
    drop(tables);
    let mut tables = Tables::open(folder.path(), FjallOptions::default()).unwrap();
    assert_eq!((tables.day_ahead(), tables.is_made(tomorrow), tables.day_count()), (None, true, 1));
    let before = folders();
    tables.begin(tomorrow).unwrap();
    assert_eq!((folders(), tables.day_count()), (before, 2));
    assert!(tables.filter(tomorrow).is_some(), "nothing was ever put there");

    // One that was passed over goes.
    let passed = tables.day_ahead().unwrap();
    let table = tables.make(passed).unwrap();
    tables.set_ahead(passed, table).unwrap();
    tables.begin(later).unwrap();
    let next = tables.day_ahead().unwrap();
    assert_eq!(next.number(), later.number() + 1);
    let (table, before) = (tables.make(next).unwrap(), folders());
    tables.set_ahead(next, table).unwrap();
    assert_eq!(folders(), before - 1);
}

/// What the journals hold is also what waits in memory: the bound of one is the bound of the other.
#[test]
fn journals_beyond_their_bound_are_flushed_and_go() {
    const WRITTEN_MIB: u64 = 400;
    let most = [64_u64, 512].map(|max_mib| {
        let folder = TempDir::new().unwrap();
        let options = FjallOptions::default().max_journal_bytes(max_mib << 20).write_buffer_bytes(16 << 20);
        let tables = Tables::open(folder.path(), options).unwrap();
        // Of the table that is hardly written to nothing would ever be flushed for its own sake.
        tables.counters.insert("rare", "row").unwrap();
        let mut most = 0;
        for _ in 0..WRITTEN_MIB {
            tables.own.insert(FILLER_KEY, vec![1; 1 << 20]).unwrap();
            most = most.max(tables.database().journal_disk_space().unwrap() >> 20);
        }
        most
    });
    // Some come on top while a flush waits for tables that are being merged.
    assert!(most[0] <= 64 + 2 * 64 + 32 + 64, "{most:?} MiB");
    assert!(most[1] > 300, "with more room more is kept: {most:?} MiB");
}

/// A store was killed soon after it had removed tables. The next day's table took the number of one of them,
/// below whose removal it stood for the engine, which then did not open the store at all, or threw the day
/// away with its records.
#[test]
fn a_table_made_after_others_were_removed_and_a_restart_is_there_after_the_next() {
    // How much the engine has tidied up of what it knew of its tables depends on how many there were.
    for (lasting, removed) in [(0, 1), (1, 1), (0, 2), (1, 2)] {
        let folder = TempDir::new().unwrap();
        let open = || Tables::open(folder.path(), FjallOptions::default()).unwrap();
        let tables = open();
        (0..lasting).for_each(|day| drop(tables.make(Day::from_number(day)).unwrap()));
        for _ in 0..removed {
            let table = tables.make(Day::from_number(7)).unwrap();
            tables.database.delete_keyspace(table).unwrap();
        }
        drop(tables);

        let tables = open();
        tables.make(Day::from_number(8)).unwrap().insert("name", "value").unwrap();
        tables.database.persist(PersistMode::SyncAll).unwrap();
        drop(tables);

        let tables = open();
        let kept = tables.days.get(&Day::from_number(8)).map(|table| table.get("name").unwrap());
        assert_eq!(kept.flatten().as_deref(), Some(&b"value"[..]), "{lasting} lasting, {removed} removed");
    }
}

/// A record was put and deleted, and its table merged away, while another table still needed the journal. The
/// engine then had no file to see that the first table is done with the journal, and kept it until that table
/// would be written to again.
#[test]
fn a_journal_goes_also_when_all_it_held_was_deleted() {
    let folder = TempDir::new().unwrap();
    // Room for more journals, or the engine flushes every table as soon as the first is full.
    let options = FjallOptions::default().max_journal_bytes(512 << 20);
    let tables = Tables::open(folder.path(), options).unwrap();
    let journals = || {
        let files = fs::read_dir(folder.path()).unwrap();
        files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "jnl")).count()
    };
    let key = Key::undated(Space::new(1), "record");
    let (mut put, mut delete) =
        (Batch::new(Partition::from_bytes([0; 16])), Batch::new(Partition::from_bytes([0; 16])));
    put.put(key.clone(), "value");
    put.add(bulla_store::Counter::new(Space::new(1), "counter"), 1);
    delete.delete(key);
    for (version, batch) in [(0, put), (1, delete)] {
        let mut writes = Writes::after(Version::new(version));
        let base =
            BaseView { tables: &tables, prefetch: None, cache: &VersionCache::default(), under_way: None };
        let _done = writes.add(base, &batch).unwrap();
        let values = writes.take_values();
        writes.rows(values, &tables).unwrap().unwrap().commit().unwrap();
    }
    for _ in 0..65 {
        tables.fill(vec![0; 1 << 20]).unwrap();
    }
    flush(&tables.own);
    assert_eq!(journals(), 2, "the first journal is full");
    let undated = tables.of(Key::UNDATED).unwrap();
    tables.turn_over().unwrap();
    flush(undated);
    undated.major_compact().unwrap();
    flush(&tables.counters);
    for _ in 0..100 {
        tables.turn_over().unwrap();
        thread::sleep(Duration::from_millis(10));
        if journals() == 1 {
            return;
        }
    }
    panic!("{} journals are left", journals());
}
