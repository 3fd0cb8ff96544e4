//! The corpus that fuzzing starts from, whole and changed at each place.

#[path = "../../../../fuzz/replay.rs"]
mod replay;

use bulla_base::SeededRng;
use bulla_integrity::{Observation, Reason, Recipients, Report, Standing, TierState};
use proptest::prelude::*;

use self::replay::Corpora;
use crate::checks::forms;
use crate::test_carrier::{NOON, Sent, keys};

const CORPORA: Corpora = Corpora { package: env!("CARGO_MANIFEST_DIR"), max_files: 20, max_bytes: 20_000 };

#[test]
fn the_corpora_stay_small() {
    CORPORA.stay_small();
}

#[test]
fn forms_from_strangers_and_from_the_store_replay() {
    let mut read = 0;
    CORPORA.replay("forms", |form| read += usize::from(forms::check(form)));
    assert_eq!(read, made().len());
    CORPORA.replay_changed("forms", |form| _ = forms::check(form));
}

/// What the corpus was made of, so that it can be made again when a form changes.
fn made() -> Vec<(&'static str, Vec<u8>)> {
    let keys = keys(NOON);
    let sent = |number| Sent::new(number, &keys, NOON);
    let two = Report::new(Reason::Scam, vec![sent(1).message(), sent(8).message()]).unwrap();
    let two = two.and_block().with_note("they ask for money").unwrap();
    let rng = SeededRng::new(1);
    let mut recipients = Recipients::new(NOON, &rng);
    for user in 0..5_u8 {
        let reservation = recipients.reserve(&[user], None, NOON, &rng).unwrap();
        assert!(recipients.commit(&[user], reservation, NOON, &rng));
    }
    let mut standing = Standing::new(NOON);
    let mut blocks = (0..20).map(|user| Observation::Blocked { user, reached: NOON });
    let event = blocks.find_map(|block| standing.note(block, NOON)).unwrap();
    let tagged = |tag: u8, form: &[u8]| [&[tag], form].concat();
    vec![
        ("forms/stamp", tagged(0, &sent(1).stamp.to_bytes())),
        ("forms/report", tagged(1, &sent(1).report().to_bytes())),
        ("forms/report_of_two", tagged(1, &two.to_bytes())),
        ("forms/recipients", tagged(3, &recipients.to_bytes())),
        ("forms/standing", tagged(5, &standing.to_bytes())),
        ("forms/idle_standing", tagged(5, &Standing::new(NOON).to_bytes())),
        ("forms/enforcement", tagged(6, &event.to_bytes())),
        ("forms/tier", tagged(4, &TierState::default().to_bytes())),
        ("forms/stamp_keys", tagged(2, &keys.to_bytes())),
    ]
}

/// Run with `WRITE_CORPUS=1` it writes them.
#[test]
fn the_corpora_are_of_todays_forms() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus");
    for (name, form) in made() {
        if std::env::var_os("WRITE_CORPUS").is_some() {
            std::fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
            std::fs::write(folder.join(name), &form).unwrap();
        }
        assert!(std::fs::read(folder.join(name)).unwrap() == form, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(form in prop::collection::vec(any::<u8>(), 0..200), which in 0_u8..8) {
        forms::check(&[&[which][..], &form].concat());
    }
}
