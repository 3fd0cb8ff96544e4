use std::sync::LazyLock;

use bulla_transparency::{Evidence, LogKey, LogSigner, Origin, SignedCheckpoint, Verdict, Witness};

/// What a stranger sends, by the first byte: a checkpoint, evidence, or the key of a log. Whether it was any.
pub(crate) fn check(bytes: &[u8]) -> bool {
    let Some((which, form)) = bytes.split_first() else { return false };
    match which {
        0 => checkpoint(form),
        1 => evidence(form),
        2 => key(form),
        _ => return false,
    }
    .is_some()
}

fn checkpoint(bytes: &[u8]) -> Option<()> {
    let read = SignedCheckpoint::parse(bytes).ok()?;
    assert!(read.to_string().as_bytes() == bytes);
    let signed = read.verify(&LOG_KEY);
    assert!(signed.is_err() || read.only_of(&LOG_KEY).is_some_and(|only| only.verify(&LOG_KEY) == signed));
    let observed = Witness::new(LOG_KEY.clone()).observe(&read, None);
    assert!(observed.is_ok() == signed.is_ok());
    Some(())
}

fn evidence(bytes: &[u8]) -> Option<()> {
    let read = Evidence::parse(bytes).ok()?;
    assert!(read.to_string().as_bytes() == bytes);
    let verdict = read.verify(&LOG_KEY);
    let is_signed = read.older().verify(&LOG_KEY).is_ok() && read.newer().verify(&LOG_KEY).is_ok();
    assert!(is_signed != matches!(verdict, Verdict::NotSigned(_)));
    Some(())
}

fn key(bytes: &[u8]) -> Option<()> {
    let text = str::from_utf8(bytes).ok()?;
    let read = LogKey::parse(text).ok()?;
    assert!(read.to_string() == text);
    Some(())
}

/// The key that the corpus was signed with.
static LOG_KEY: LazyLock<LogKey> = LazyLock::new(|| {
    let origin = Origin::parse("carrier.example/keys").unwrap();
    LogSigner::from_seed(origin, &[7; 32]).public().clone()
});
