//! Our table of calling codes against another one.

use std::collections::BTreeSet;

use bulla_meter::Market;
use phonenumber::metadata::DATABASE;

/// Assigned to Vatican City, which uses that of Italy.
const NOT_IN_THE_OTHER_TABLE: [u16; 1] = [379];

#[test]
fn the_markets_are_the_calling_codes_that_are_in_use() {
    let ours: BTreeSet<u16> = Market::all().map(Market::code).filter(|code| *code != 0).collect();
    let theirs: BTreeSet<u16> = (1..=999).filter(|code| DATABASE.by_code(code).is_some()).collect();
    let missing: Vec<_> = theirs.difference(&ours).collect();
    let beyond: Vec<_> = ours.difference(&theirs).copied().collect();
    assert!(missing.is_empty(), "not in our table: {missing:?}");
    assert_eq!(beyond, NOT_IN_THE_OTHER_TABLE);
    assert!(theirs.len() > 200, "the other table was not read");
}
