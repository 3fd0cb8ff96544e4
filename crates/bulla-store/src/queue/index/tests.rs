use std::collections::BTreeMap;
use std::time::Duration;

use bulla_base::{Day, Partition, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::{Batch, MemoryStore, Retention, Space, Store};

const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);
const SPACE: Space = Space::new(7);

fn queue() -> Queue {
    Queue::new(Partition::from_bytes([7; 16]), SPACE, &b"q"[..])
}

fn days_later(days: u64) -> Timestamp {
    NOW.after(Duration::from_secs(days * 86_400))
}

async fn append(store: &MemoryStore, index: &mut QueueIndex, now: Timestamp) {
    let (day, place) = index.append(now.day());
    let mut batch = Batch::new(queue().partition);
    batch.put_until(queue().key(day, place), place.to_string(), Retention::LONGEST.from(now));
    let _ = store.commit(batch).await.unwrap();
}

async fn places(
    store: &MemoryStore,
    index: &QueueIndex,
    after: u64,
    limit: usize,
    now: Timestamp,
) -> Vec<u64> {
    let found = index.read(store, &queue(), after, limit, now).await.unwrap();
    found.iter().map(|queued| queued.place).collect()
}

#[tokio::test]
async fn places_are_read_in_their_order_whatever_the_clock_said() {
    let (store, mut index) = (MemoryStore::new(), QueueIndex::new());
    // Ahead by a day, by a year, and back.
    for now in [NOW, days_later(1), days_later(1), NOW, days_later(365), NOW, NOW, days_later(1)] {
        append(&store, &mut index, now).await;
    }
    assert_eq!(places(&store, &index, 0, 99, NOW).await, [1, 2, 3, 4, 5, 6, 7, 8]);
    for after in 0..8 {
        let expected: Vec<u64> = (after + 1..=8).take(3).collect();
        assert_eq!(places(&store, &index, after, 3, NOW).await, expected);
    }
    assert_eq!(places(&store, &index, 8, 3, NOW).await, [0; 0]);
    assert_eq!(index.day_of(2), Some(days_later(1).day()));
    assert_eq!((index.day_of(4), index.day_of(9)), (Some(NOW.day()), None));
}

#[tokio::test]
async fn expired_places_are_not_read() {
    let (store, mut index) = (MemoryStore::new(), QueueIndex::new());
    append(&store, &mut index, NOW).await;
    append(&store, &mut index, days_later(1)).await;
    assert_eq!(places(&store, &index, 0, 9, days_later(30)).await, [2]);
}

/// As long as sweeps leave it: what was put there without an end of its own can be read until then.
#[tokio::test]
async fn a_day_is_read_until_it_is_a_whole_day_longer_past_than_anything_is_kept() {
    let (store, mut index) = (MemoryStore::new(), QueueIndex::new());
    for now in [NOW, days_later(2)] {
        let (day, place) = index.append(now.day());
        let mut batch = Batch::new(queue().partition);
        batch.put(queue().key(day, place), "without an end");
        let _ = store.commit(batch).await.unwrap();
    }
    for (days, read) in [(30, &[1, 2][..]), (31, &[1, 2]), (32, &[2]), (33, &[2]), (34, &[])] {
        assert_eq!(places(&store, &index, 0, 9, days_later(days)).await, read, "{days} days later");
    }
}

#[tokio::test]
async fn removed_places_are_not_looked_at_though_their_record_is_still_there() {
    let (store, mut index) = (MemoryStore::new(), QueueIndex::new());
    for _ in 0..9 {
        append(&store, &mut index, NOW).await;
    }
    for place in [1, 2, 5, 6, 9] {
        assert_eq!(index.remove(place), Some(NOW.day()));
        assert_eq!(index.remove(place), None, "it was removed before");
    }
    assert_eq!(places(&store, &index, 0, 99, NOW).await, [3, 4, 7, 8]);
    assert_eq!(places(&store, &index, 0, 3, NOW).await, [3, 4, 7]);
    assert_eq!(places(&store, &index, 5, 3, NOW).await, [7, 8]);
    assert_eq!((index.first(), index.last(), index.is_empty()), (3, 9, false));
    index.remove_through(7);
    assert_eq!(places(&store, &index, 0, 99, NOW).await, [8]);
    index.remove_through(99);
    assert_eq!((index.first(), index.last(), index.is_empty()), (10, 9, true));
    append(&store, &mut index, days_later(1)).await;
    assert_eq!(places(&store, &index, 0, 99, NOW).await, [10]);
}

#[tokio::test]
async fn a_clock_that_goes_to_and_fro_costs_the_oldest_day_and_no_other() {
    let (store, mut index) = (MemoryStore::new(), QueueIndex::new());
    for place in 0..MAX_QUEUE_DAYS {
        append(&store, &mut index, if place % 2 == 0 { NOW } else { days_later(1) }).await;
    }
    let all = u64::try_from(MAX_QUEUE_DAYS).unwrap();
    assert_eq!(places(&store, &index, 0, 99, NOW).await, (1..=all).collect::<Vec<_>>());
    append(&store, &mut index, NOW).await;
    assert_eq!(places(&store, &index, 0, 99, NOW).await, (2..=all + 1).collect::<Vec<_>>());
    assert_eq!(index.day_of(1), None);
}

#[test]
fn gaps_beyond_the_bound_are_forgotten_the_shortest_first() {
    let mut index = QueueIndex::new();
    let most = u64::try_from(MAX_QUEUE_GAPS).unwrap();
    for _ in 0..100 {
        index.append(NOW.day());
    }
    // The first gap is of two places, all others of one.
    index.remove(2);
    for gap in 1..most {
        index.remove(4 + 3 * gap);
    }
    index.remove(3);
    let there = |index: &QueueIndex| (1..=100).filter(|place| index.day_of(*place).is_some()).count();
    assert_eq!(there(&index), 100 - MAX_QUEUE_GAPS - 1);
    index.remove(80);
    assert_eq!(there(&index), 100 - MAX_QUEUE_GAPS - 1);
    assert_eq!((index.day_of(2), index.day_of(3), index.day_of(80)), (None, None, None));
    assert_eq!(QueueIndex::from_bytes(&index.to_bytes()).unwrap(), index);
}

#[test]
fn an_index_comes_back_and_nothing_else_is_read_as_one() {
    let mut index = QueueIndex::new();
    for day in [20_000, 20_001, 20_001, 20_000, u32::MAX] {
        for _ in 0..200 {
            index.append(Day::from_number(day));
        }
        index.remove(index.last() - 7);
        let bytes = index.to_bytes();
        assert_eq!(QueueIndex::from_bytes(&bytes).unwrap(), index);
        for length in 0..bytes.len() {
            let prefix = QueueIndex::from_bytes(&bytes[..length]);
            assert!(prefix.is_err() || prefix.unwrap() != index, "{length}");
        }
    }
    let too_many_days = [&[2, 0x7f, 1, 0][..], &[1, 1].repeat(MAX_QUEUE_DAYS + 1)].concat();
    let too_many_gaps = [&[2, 0x7f, 1, 17][..], &[2, 0].repeat(17), &[1, 1]].concat();
    let cases: [(&str, &[u8]); 15] = [
        ("empty", &[]),
        ("another form", &[1, 2, 1, 0, 1, 1]),
        ("no first place", &[2, 2, 0, 0, 1, 1]),
        ("a first place that was not given out", &[2, 2, 4, 0]),
        ("no day for the first place", &[2, 2, 1, 0]),
        ("a day that begins after the first place", &[2, 2, 1, 0, 2, 1]),
        ("a day for places that were removed", &[2, 3, 2, 0, 1, 1, 1, 1]),
        ("a day for nothing", &[2, 2, 3, 0, 1, 1]),
        ("a run of no places", &[2, 2, 1, 0, 1, 1, 0, 1]),
        ("a gap at the first place", &[2, 9, 1, 1, 0, 0, 1, 1]),
        ("gaps that touch", &[2, 9, 1, 2, 1, 0, 1, 0, 1, 1]),
        ("a gap beyond the last place", &[2, 2, 1, 1, 1, 1, 1, 1]),
        ("a number without an end", &[0xff; 12]),
        ("too many days", &too_many_days),
        ("too many gaps", &too_many_gaps),
    ];
    for (what, bad) in cases {
        assert!(QueueIndex::from_bytes(bad).is_err(), "{what}");
    }
    assert!(QueueIndex::from_bytes(&[2, 2, 1, 0, 1, 1]).is_ok());
}

/// What is done to a queue.
#[derive(Debug, Clone)]
enum Step {
    Append(u32),
    /// The one that is there at this place from the front, as far as there are so many.
    Remove(usize),
    RemoveThrough(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_u32).prop_map(Step::Append),
        3 => (0..24_usize).prop_map(Step::Remove),
        1 => (0..4_usize).prop_map(Step::RemoveThrough),
    ]
}

proptest! {
    #[test]
    fn an_index_knows_what_a_map_of_all_places_knows(steps in prop::collection::vec(step(), 1..120)) {
        let (mut index, mut there) = (QueueIndex::new(), BTreeMap::<u64, Day>::new());
        for step in steps {
            let at = |nth: usize| there.keys().copied().nth(nth);
            match step {
                Step::Append(day) => {
                    let (day, place) = index.append(Day::from_number(day));
                    there.insert(place, day);
                }
                Step::Remove(nth) => {
                    if let Some(place) = at(nth) {
                        prop_assert_eq!(index.remove(place), there.remove(&place));
                    }
                }
                Step::RemoveThrough(nth) => {
                    if let Some(place) = at(nth) {
                        index.remove_through(place);
                        there.retain(|other, _| *other > place);
                    }
                }
            }
            // Beyond their bounds, gaps are forgotten and days are lost; here there are too few of both.
            prop_assume!(index.days.len() < MAX_QUEUE_DAYS && index.gaps.len() < MAX_QUEUE_GAPS);
            prop_assert_eq!(index.first(), there.keys().next().copied().unwrap_or(index.last() + 1));
            let known = (0..index.last() + 2).filter_map(|place| Some((place, index.day_of(place)?)));
            prop_assert_eq!(known.collect::<BTreeMap<_, _>>(), there.clone());
            prop_assert_eq!(QueueIndex::from_bytes(&index.to_bytes()).unwrap(), index.clone());
        }
    }
}

/// The owner's row was lost, and its records are still there.
#[test]
fn an_index_that_is_made_of_its_records_finds_them_and_goes_on_behind() {
    let day = Day::from_number;
    let mut index = QueueIndex::of(vec![(day(8), 9), (day(7), 3), (day(8), 5), (day(7), 0)]);
    assert_eq!((index.first(), index.last()), (3, 9));
    assert_eq!([3, 5, 9].map(|place| index.day_of(place)), [Some(day(7)), Some(day(8)), Some(day(8))]);
    assert_eq!(index.append(day(8)), (day(8), 10));
    assert_eq!(QueueIndex::from_bytes(&index.to_bytes()).unwrap(), index);
    assert_eq!(QueueIndex::of(Vec::new()), QueueIndex::new());
}
