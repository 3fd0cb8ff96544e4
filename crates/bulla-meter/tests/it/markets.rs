//! Our table of calling codes against another one.

use std::collections::BTreeSet;

use bulla_meter::Market;
use keshvar::find_by_code;

/// What is assigned and no country of the other table's: Ascension, Vatican City, Kosovo, and the codes that
/// are of no country, for networks, satellites and services everywhere.
const NOT_IN_THE_OTHER_TABLE: [u16; 12] = [247, 379, 383, 800, 808, 870, 878, 881, 882, 883, 888, 979];

#[test]
fn the_markets_are_the_calling_codes_that_are_in_use() {
    let ours: BTreeSet<u16> = Market::all().map(Market::code).filter(|code| *code != 0).collect();
    let theirs: BTreeSet<u16> = (1..1000).filter(|code| find_by_code(usize::from(*code)).is_ok()).collect();
    let missing: Vec<_> = theirs.difference(&ours).collect();
    let beyond: Vec<_> = ours.difference(&theirs).copied().collect();
    assert!(missing.is_empty(), "not in our table: {missing:?}");
    assert_eq!(beyond, NOT_IN_THE_OTHER_TABLE);
    assert!(theirs.len() > 200, "the other table was not read");
}
