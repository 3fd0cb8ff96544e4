//! Our table of calling codes against another one.

use std::collections::BTreeSet;

use bulla_meter::Market;
use keshvar::{Alpha2, find_by_code};

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

/// What is told as a country that the other table gives another code, or has not.
const NOT_OF_THE_OTHER_TABLE: [(u16, &str); 3] = [(247, "AC"), (379, "VA"), (383, "XK")];

#[test]
fn a_market_is_told_as_a_country_that_has_its_code_and_each_country_once() {
    let (mut told, mut beyond) = (BTreeSet::new(), Vec::new());
    for market in Market::all().filter(|market| market.country() != "ZZ") {
        assert!(told.insert(market.country()), "{} is told of two", market.country());
        let theirs = Alpha2::try_from(market.country()).map(|country| country.to_country().country_code());
        if theirs.ok() != Some(usize::from(market.code())) {
            beyond.push((market.code(), market.country()));
        }
    }
    assert_eq!(beyond, NOT_OF_THE_OTHER_TABLE);
    assert_eq!(told.len(), 207);
}

/// Which of those that share a code is meant: the one with most people.
#[test]
fn a_code_that_countries_share_is_told_as_the_largest() {
    let largest = [(1, "US"), (7, "RU"), (39, "IT"), (44, "GB"), (47, "NO"), (61, "AU"), (212, "MA")];
    for (code, country) in largest.into_iter().chain([(262, "RE"), (358, "FI"), (590, "GP"), (599, "CW")]) {
        assert_eq!(Market::from_code(code).unwrap().country(), country);
    }
    assert_eq!((Market::UNKNOWN.country(), Market::from_code(881).unwrap().country()), ("ZZ", "ZZ"));
}
