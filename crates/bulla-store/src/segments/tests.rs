use std::time::Duration;

use super::*;
use crate::{Batch, MemoryStore, Retention};

const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);
const SPACE: Space = Space::new(7);

fn queue() -> Queue {
    Queue::new(Partition::from_bytes([7; 16]), SPACE, &b"q"[..])
}

fn days_later(days: u64) -> Timestamp {
    NOW.after(Duration::from_secs(days * 86_400))
}

async fn append(store: &MemoryStore, segments: &mut Segments, now: Timestamp) {
    let (day, place) = segments.append(now.day());
    let mut batch = Batch::new(queue().partition);
    batch.put_until(queue().key(day, place), place.to_string(), Retention::LONGEST.from(now));
    let _ = store.commit(batch).await.unwrap();
}

async fn places(
    store: &MemoryStore,
    segments: &Segments,
    after: u64,
    limit: usize,
    now: Timestamp,
) -> Vec<u64> {
    let found = segments.read(store, &queue(), after, limit, now).await.unwrap();
    found.iter().map(|queued| queued.place).collect()
}

#[tokio::test]
async fn places_are_read_in_their_order_whatever_the_clock_said() {
    let (store, mut segments) = (MemoryStore::new(), Segments::new());
    // Ahead by a day, by a year, and back.
    for now in [NOW, days_later(1), days_later(1), NOW, days_later(365), NOW, NOW, days_later(1)] {
        append(&store, &mut segments, now).await;
    }
    assert_eq!(places(&store, &segments, 0, 99, NOW).await, [1, 2, 3, 4, 5, 6, 7, 8]);
    for after in 0..8 {
        let expected: Vec<u64> = (after + 1..=8).take(3).collect();
        assert_eq!(places(&store, &segments, after, 3, NOW).await, expected);
    }
    assert_eq!(places(&store, &segments, 8, 3, NOW).await, [0; 0]);
    assert_eq!(segments.day_of(2), Some(days_later(1).day()));
    assert_eq!((segments.day_of(4), segments.day_of(9)), (Some(NOW.day()), None));
}

#[tokio::test]
async fn what_is_over_is_not_read() {
    let (store, mut segments) = (MemoryStore::new(), Segments::new());
    append(&store, &mut segments, NOW).await;
    append(&store, &mut segments, days_later(1)).await;
    assert_eq!(places(&store, &segments, 0, 9, days_later(30)).await, [2]);
}

#[tokio::test]
async fn a_clock_that_goes_to_and_fro_costs_the_oldest_segment_and_no_other() {
    let (store, mut segments) = (MemoryStore::new(), Segments::new());
    for place in 0..MAX_SEGMENTS {
        append(&store, &mut segments, if place % 2 == 0 { NOW } else { days_later(1) }).await;
    }
    let all = u64::try_from(MAX_SEGMENTS).unwrap();
    assert_eq!(places(&store, &segments, 0, 99, NOW).await, (1..=all).collect::<Vec<_>>());
    append(&store, &mut segments, NOW).await;
    assert_eq!(places(&store, &segments, 0, 99, NOW).await, (2..=all + 1).collect::<Vec<_>>());
    assert_eq!(segments.day_of(1), None);
}

#[test]
fn segments_come_back_and_nothing_else_is_read_as_such() {
    let mut segments = Segments::new();
    for day in [20_000, 20_001, 20_001, 20_000, u32::MAX] {
        for _ in 0..200 {
            segments.append(Day::from_number(day));
        }
        let bytes = segments.to_bytes();
        assert_eq!(Segments::from_bytes(&bytes).unwrap(), segments);
        for length in 1..bytes.len() {
            let prefix = Segments::from_bytes(&bytes[..length]);
            assert!(prefix.is_err() || prefix.unwrap() != segments, "{length}");
        }
    }
    // A place that was not given out, a run that is empty, a number without an end, one run too many.
    let too_many = [vec![0x7f], [1, 1].repeat(MAX_SEGMENTS + 1)].concat();
    for bad in [&[1, 2, 1][..], &[1, 0, 1], &[0xff; 12], &too_many, &[]] {
        assert!(Segments::from_bytes(bad).is_err(), "{bad:?}");
    }
}
