//! The corpora that fuzzing has left behind.

#[path = "../../../../fuzz/replay.rs"]
mod replay;

use self::replay::Corpora;
use crate::checks::answer;

const CORPORA: Corpora = Corpora { package: env!("CARGO_MANIFEST_DIR"), max_files: 50, max_bytes: 300_000 };

#[test]
fn the_corpora_stay_small() {
    CORPORA.stay_small();
}

#[test]
fn answers_of_any_web_server_replay() {
    let mut files = 0;
    CORPORA.replay("answer", |bytes| {
        files += 1;
        answer::check(bytes);
        // The same as an answer to the other request, and cut short anywhere.
        answer::check(&[&[bytes[0] ^ 1], &bytes[1..]].concat());
        for end in (0..bytes.len().min(400)).step_by(7) {
            answer::check(&bytes[..end]);
        }
    });
    assert!(files >= 20, "only {files} answers");
}
