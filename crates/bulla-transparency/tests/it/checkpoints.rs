//! Checkpoints are read strictly, and believed only with the right key.

use bulla_base::SeededRng;
use bulla_transparency::{Head, LogSigner, NotSigned, Origin, SignedCheckpoint, TreeHash};

use crate::test_log::{TestLog, origin, signer};

#[test]
fn a_checkpoint_is_written_as_c2sp_has_it() {
    let checkpoint = signer().sign(&Head::new(0, TreeHash::of_nothing()).unwrap());
    let text = checkpoint.to_string();
    let lines: Vec<_> = text.split('\n').collect();
    assert_eq!(lines[..4], ["carrier.example/keys", "0", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", ""]);
    assert!(lines[4].starts_with("— carrier.example/keys ") && lines[5..] == [""]);
    // Four bytes of id and 64 of signature.
    assert_eq!(lines[4].rsplit(' ').next().unwrap().len(), 92);
    assert_eq!(SignedCheckpoint::parse(text.as_bytes()), Ok(checkpoint));
}

#[test]
fn a_checkpoint_tells_its_head_to_who_has_the_key() {
    let log = TestLog::of(9);
    let checkpoint = SignedCheckpoint::parse(log.signed(9).to_string().as_bytes()).unwrap();
    assert_eq!(checkpoint.verify(signer().public()), Ok(log.head(9)));
    // Another key under the same name, and the same key under another name.
    let other = LogSigner::generate(origin(), &SeededRng::new(1));
    assert_eq!(checkpoint.verify(other.public()), Err(NotSigned::NoSignature));
    let renamed = LogSigner::from_seed(Origin::parse("other.example").unwrap(), &signer().to_seed());
    assert_eq!(checkpoint.verify(renamed.public()), Err(NotSigned::OtherOrigin));
}

#[test]
fn no_bit_of_a_checkpoint_can_be_changed() {
    let (log, public) = (TestLog::of(5), signer().public().clone());
    let text = log.signed(5).to_string().into_bytes();
    let mut read = 0;
    for place in 0..text.len() * 8 {
        let mut changed = text.clone();
        changed[place / 8] ^= 1 << (place % 8);
        let Ok(checkpoint) = SignedCheckpoint::parse(&changed) else { continue };
        read += 1;
        assert!(checkpoint.verify(&public).is_err(), "bit {place}");
        assert_eq!(checkpoint.to_string().into_bytes(), changed);
    }
    assert!(read > 400, "only {read} were well-formed");
}

#[test]
fn signatures_of_others_are_kept_and_passed_over_and_each_of_the_log_must_be_right() {
    let (log, public) = (TestLog::of(5), signer().public().clone());
    let text = log.signed(5).to_string();
    let (body, own) = text.split_once("\n\n").unwrap();
    let read = |signatures: &str| {
        let text = format!("{body}\n\n{signatures}");
        let checkpoint = SignedCheckpoint::parse(text.as_bytes()).unwrap();
        assert_eq!(checkpoint.to_string(), text);
        checkpoint
    };
    let other = "— witness.example AAAAAAAA\n";
    // One of the log's name with another id: of a key that was, or is to be.
    let rotated = "— carrier.example/keys AAAAAAAA\n";
    let wrong = other_log_line();
    for fine in [format!("{other}{own}"), format!("{own}{rotated}{other}"), format!("{own}{own}")] {
        assert_eq!(read(&fine).verify(&public), Ok(log.head(5)), "{fine}");
    }
    assert_eq!(read(other).verify(&public), Err(NotSigned::NoSignature));
    assert_eq!(read(rotated).verify(&public), Err(NotSigned::NoSignature));
    for bad in [wrong.clone(), format!("{own}{wrong}"), format!("{wrong}{own}")] {
        assert_eq!(read(&bad).verify(&public), Err(NotSigned::WrongSignature), "{bad}");
    }
    let only = read(&format!("{other}{own}{rotated}")).only_of(&public).unwrap();
    assert_eq!(only.to_string(), text);
    assert_eq!(read(other).only_of(&public), None);
}

/// The log's signature of something else.
fn other_log_line() -> String {
    let text = TestLog::of(6).signed(6).to_string();
    text.split_once("\n\n").unwrap().1.to_owned()
}

#[test]
fn what_is_not_quite_a_checkpoint_is_refused() {
    let text = TestLog::of(5).signed(5).to_string();
    let (root, own) = (text.lines().nth(2).unwrap(), text.lines().nth(4).unwrap());
    let with = |from: &str, to: &str| text.replacen(from, to, 1);
    assert!(SignedCheckpoint::parse(text.as_bytes()).is_ok());
    for wrong in [
        String::new(),
        "\n".to_owned(),
        text.trim_end().to_owned(),
        format!("{text}\n"),
        format!("\n{text}"),
        text.replace('\n', "\r\n"),
        with("\n5\n", "\n05\n"),
        with("\n5\n", "\n+5\n"),
        with("\n5\n", "\n-5\n"),
        with("\n5\n", "\n\n"),
        with("\n5\n", "\n5 \n"),
        with("\n5\n", "\n99999999999999999999999999\n"),
        with(root, &root[..40]),
        with(root, &root.replace('=', "")),
        with(root, &format!("{root}\nan extension")),
        with(root, &format!("{root}\n")),
        with(own, ""),
        with("— ", "- "),
        with("— ", "—"),
        with("— carrier.example/keys ", "—  "),
        with("— carrier.example/keys ", "— a+b "),
        with("— carrier.example/keys ", "— a\u{2003}b "),
        with("— carrier.example/keys ", "— a\tb "),
        with(own, "— carrier.example/keys AAAAAA=="),
        with(own, &format!("{own}=")),
        with("\n\n", "\n"),
    ] {
        assert!(SignedCheckpoint::parse(wrong.as_bytes()).is_err(), "{wrong:?}");
    }
    assert!(SignedCheckpoint::parse(&[text.as_bytes(), b"\xff\n"].concat()).is_err());
}

/// Base64 whose last character has bits that say nothing would be a second way to write the same.
#[test]
fn base64_has_one_form() {
    let text = TestLog::of(5).signed(5).to_string();
    let root = text.lines().nth(2).unwrap();
    let last = root.as_bytes()[42];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let at = alphabet.iter().position(|char| *char == last).unwrap();
    assert_eq!(at % 4, 0, "the last two bits are none of the hash");
    for other in &alphabet[at + 1..at + 4] {
        let changed = format!("{}{}=", &root[..42], char::from(*other));
        assert!(SignedCheckpoint::parse(text.replacen(root, &changed, 1).as_bytes()).is_err());
    }
}
