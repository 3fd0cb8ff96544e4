use super::*;

fn date(text: &str) -> LocalDate {
    LocalDate::parse(text).unwrap()
}

fn zone(name: &str, posix: &str) -> Zone {
    let zone = TimeZone::posix(posix).unwrap();
    Zone::between(name, &zone, date("2020-01-01"), date("2035-01-01")).unwrap()
}

fn at(text: &str) -> Timestamp {
    let at: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_millis(u64::try_from(at.as_millisecond()).unwrap())
}

fn told(zone: &Zone, hour: Hour) -> String {
    let minute = zone.minute_of_day(hour);
    format!("{} {:02}:{:02}", zone.date(hour), minute / 60, minute % 60)
}

#[test]
fn the_hour_that_is_repeated_is_two_hours() {
    let berlin = zone("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3");
    let (first, second) = (berlin.hour(at("2026-10-25T00:30:00Z")), berlin.hour(at("2026-10-25T01:30:00Z")));
    assert!(first < second);
    assert_eq!(told(&berlin, first), "2026-10-25 02:00");
    assert_eq!(told(&berlin, second), "2026-10-25 02:00");
    assert_eq!(told(&berlin, berlin.hour(at("2026-03-29T01:00:00Z"))), "2026-03-29 03:00");
}

#[test]
fn hours_of_zones_that_are_no_whole_hours_away_begin_by_their_own_clock() {
    let kathmandu = zone("Asia/Kathmandu", "<+0545>-5:45");
    assert_eq!(told(&kathmandu, kathmandu.hour(at("2026-06-01T00:00:00Z"))), "2026-06-01 05:00");
    assert_eq!(told(&kathmandu, kathmandu.hour(at("2026-06-01T00:15:00Z"))), "2026-06-01 06:00");
    // Half an hour of summer time: 02:00 is 01:30 again.
    let lord_howe = zone("Australia/Lord_Howe", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0");
    let hours: Vec<_> = ["2026-04-04T14:10:00Z", "2026-04-04T15:10:00Z", "2026-04-04T15:40:00Z"]
        .map(|text| lord_howe.hour(at(text)))
        .into();
    assert_eq!(told(&lord_howe, hours[0]), "2026-04-05 01:00");
    assert_eq!(told(&lord_howe, hours[1]), "2026-04-05 01:30");
    assert_eq!(told(&lord_howe, hours[2]), "2026-04-05 02:00");
    assert!(hours.is_sorted());
}

#[test]
fn a_day_begins_at_midnight_or_where_the_clock_skips_it() {
    let berlin = zone("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3");
    assert_eq!(berlin.midnight(date("2026-10-01")), berlin.hour(at("2026-09-30T22:00:00Z")));
    let october = berlin.month(date("2026-10-15"));
    assert_eq!(october.minutes(), 31 * 24 * 60 + 60);
    // At 24:00 it is 01:00 of the next day.
    let santiago = zone("America/Santiago", "<-04>4<-03>,M9.1.6/24,M4.1.6/24");
    let skipped = santiago.midnight(date("2026-09-06"));
    assert_eq!(told(&santiago, skipped), "2026-09-06 01:00");
    assert_eq!(skipped, santiago.hour(at("2026-09-06T04:00:00Z")));
    // At 24:00 it is 23:00 of the same day.
    assert_eq!(told(&santiago, santiago.midnight(date("2026-04-05"))), "2026-04-05 00:00");
    assert_eq!(santiago.midnight(date("2026-04-05")), santiago.hour(at("2026-04-05T04:00:00Z")));
}

/// Against the library that the offsets came from.
#[test]
fn hours_are_those_of_the_clock_all_through_the_years() {
    for (name, posix) in [
        ("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"),
        ("America/New_York", "EST5EDT,M3.2.0,M11.1.0"),
        ("Australia/Lord_Howe", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"),
    ] {
        let (ours, theirs) = (zone(name, posix), TimeZone::posix(posix).unwrap());
        for number in 0..20_000_u64 {
            let secs = 1_700_000_000 + number * 7919;
            let civil = theirs.to_datetime(jiff::Timestamp::from_second(secs.cast_signed()).unwrap());
            let hour = ours.hour(Timestamp::from_millis(secs * 1000));
            assert_eq!(ours.date(hour).to_string(), civil.date().to_string());
            let is_cut = ours.minute_of_day(hour) % 60 != 0;
            assert!(is_cut || ours.minute_of_day(hour) / 60 == u32::from(civil.hour().unsigned_abs()));
            assert!(u64::from(hour.minutes()) <= secs / 60 && secs / 60 - u64::from(hour.minutes()) < 60);
        }
    }
}

#[test]
fn a_zone_has_one_form() {
    let berlin = zone("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3");
    assert_eq!(Zone::from_bytes(&berlin.to_bytes()), Ok(berlin));
    assert_eq!(Zone::from_bytes(&Zone::utc().to_bytes()), Ok(Zone::utc()));
    for (name, changes) in [
        ("", vec![(0, 0)]),
        ("a b", vec![(0, 0)]),
        ("UTC", vec![]),
        ("UTC", vec![(1, 0)]),
        ("UTC", vec![(0, 0), (5, 0)]),
        ("UTC", vec![(0, 0), (5, 60), (5, 0)]),
        ("UTC", vec![(0, 26 * 60)]),
    ] {
        assert!(Zone::checked(name, changes).is_err());
    }
}

#[test]
fn a_zone_has_so_many_changes_and_no_more() {
    let changes = |count: usize| (0..count).map(|at| (u32::try_from(at).unwrap(), i16::from(at % 2 == 1)));
    let form = |count| Zone { name: "UTC".into(), changes: changes(count).collect() }.to_bytes();
    assert!(Zone::from_bytes(&form(MAX_ZONE_CHANGES)).is_ok());
    assert!(Zone::from_bytes(&form(MAX_ZONE_CHANGES + 1)).is_err());
    let name = |length| Zone::checked(&"a".repeat(length), vec![(0, 0)]).is_ok();
    assert!(name(MAX_ZONE_NAME_BYTES) && !name(MAX_ZONE_NAME_BYTES + 1));
}
