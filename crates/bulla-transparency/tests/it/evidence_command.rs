//! The command that checks a file of evidence, as far as it is not about reading files.

#[path = "../../examples/verify_evidence.rs"]
#[allow(dead_code, reason = "its main is for the command alone")]
mod command;

use bulla_base::SeededRng;
use bulla_transparency::{Evidence, Head, LogSigner, TreeHash};

use self::command::{NOT_PROVEN, PROVEN, UNCHECKED, judge};
use crate::test_log::{TestLog, origin, signer};

#[test]
fn it_says_what_is_proven_and_what_is_not() {
    let log = TestLog::of(3);
    let forged = signer().sign(&Head::new(3, TreeHash::of_leaf(b"forged")).unwrap());
    let two = Evidence::of_roots(log.signed(3), forged).to_string();
    let (key, other) = (
        signer().public().to_string(),
        LogSigner::generate(origin(), &SeededRng::new(9)).public().to_string(),
    );
    let one = Evidence::of_roots(log.signed(3), log.signed(3)).to_string();
    let nothing = Evidence::of_roots(log.signed(2), log.signed(3)).to_string();
    for (key, file, code, words) in [
        (&key, &two, PROVEN, "PROVEN: carrier.example/keys has signed two histories"),
        (&key, &one, NOT_PROVEN, "both heads are of one history"),
        (&key, &nothing, NOT_PROVEN, "what is between the two heads shows nothing"),
        (&other, &two, NOT_PROVEN, "no signature of the log's key"),
        (&key, &two[..two.len() - 1].to_owned(), UNCHECKED, "this is no evidence"),
        (&"carrier.example/keys".to_owned(), &two, UNCHECKED, "this is no key of a log"),
    ] {
        let (found, line) = judge(key, file.as_bytes());
        assert_eq!(found, code, "{line}");
        assert!(line.contains(words), "{line}");
    }
}
