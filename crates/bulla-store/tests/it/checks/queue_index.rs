use std::collections::BTreeMap;

use bulla_base::Day;
use bulla_store::QueueIndex;

/// Reads the bytes as the index of a queue, and uses it for all there is.
///
/// Whatever they are, they are an error, or an index that is the same when it is written and read again, says
/// of each place whether it is there, and goes on: what is appended stands behind everything, what is removed
/// is not there, and what is not there is not removed.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(mut index) = QueueIndex::from_bytes(bytes) else { return };
    comes_back(&index);
    assert_eq!(index.is_empty(), index.first() > index.last());
    assert_eq!(index.day_of(index.first()).is_some(), !index.is_empty(), "the first is there");
    let today = Day::from_number(20_784);
    let (mut there, last) = (BTreeMap::new(), index.last());
    for more in 1..=20 {
        let (day, place) = index.append(today);
        assert_eq!((day, place), (today, last + more));
        there.insert(place, day);
    }
    // Every other one goes, which leaves more gaps than are remembered.
    for place in (last + 1..=last + 20).step_by(2) {
        assert_eq!(index.remove(place), there.remove(&place));
        comes_back(&index);
    }
    assert!(there.iter().all(|(place, day)| index.day_of(*place) == Some(*day)));
    // All that was there before, from the front.
    while index.first() <= last {
        let (first, is_empty) = (index.first(), index.is_empty());
        assert!(!is_empty && index.remove(first).is_some() && index.first() > first);
        comes_back(&index);
        if first > 1_000 {
            index.remove_through(last);
        }
    }
    assert!(there.keys().all(|place| index.day_of(*place).is_some()));
    index.remove_through(u64::MAX - 1);
    assert!(index.is_empty() && index.last() == last + 20);
    comes_back(&index);
}

fn comes_back(index: &QueueIndex) {
    let bytes = index.to_bytes();
    assert_eq!(QueueIndex::from_bytes(&bytes).unwrap(), *index);
}
