//! Every bound stands in its crate's `limits.rs`, and a host's choices in its `settings.rs`: who looks for a
//! number need not look beside the mechanism that keeps to it.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::architecture::root;
use crate::line_width::written;

/// Where numbers stand.
const HOMES: [&str; 4] = ["limits.rs", "settings.rs", "options.rs", "store_layout.rs"];

/// Sources that are tests alone.
const TESTS: [&str; 3] = ["tests.rs", "clock_jump_simulation.rs", "stack_inspection.rs"];

/// What a number may be of.
const KINDS: [&str; 9] =
    ["usize", "u64", "u32", "u16", "u8", "Duration", "Backoff", "Retention", "NonZeroU32"];

/// Constants that stand elsewhere: the files, their names, and why nobody would look for them among the
/// bounds.
const ELSEWHERE: &[(&str, &[&str], &str)] = &[
    ("bulla-", &["FORM", "FORMAT", "VERSION", "BYTES"], FORMAT),
    (
        "bulla-carrier/src/deduplication.rs",
        &["HEAD_BYTES", "FORM_WITH_GENERATIONS", "BYTES_WITH_GENERATION"],
        FORMAT,
    ),
    ("bulla-carrier/src/grpc/proven_identity.rs", &["NONCE_BYTES", "CREDENTIAL_BYTES", "KEY_TYPE"], FORMAT),
    ("bulla-content/src/", &["OPENING_BYTES", "MARK"], FORMAT),
    ("bulla-content/src/attachment/chunk_cipher.rs", &["TAG_BYTES"], FORMAT),
    ("bulla-content/src/attachment/chunk_cipher.rs", &["DEEP"], MECHANISM),
    ("bulla-content/src/wire.rs", &[ANY], FORMAT),
    ("bulla-device/src/device/reports.rs", &["MESSAGE"], FORMAT),
    ("bulla-relay/src/relay/report_user.rs", &["MESSAGE"], FORMAT),
    ("bulla-endpoint/src/session_store.rs", &["BUSINESS_BYTES"], FORMAT),
    ("bulla-graph/src/", &["DIGITS", "ENCODED_CHARS", "KEY_BYTES"], FORMAT),
    ("bulla-graph/src/media_name.rs", &["BUSINESS_DIGITS", "ID_DIGITS"], FORMAT),
    ("bulla-graph/src/api/media_type.rs", &["ANIMATION"], SPECIFIED),
    ("bulla-meter/src/entry/variant.rs", &["CHARGED"], FORMAT),
    ("bulla-meter/src/rate_card/form.rs", &["OTHERS"], FORMAT),
    ("bulla-meter/src/reconciliation/place.rs", &["MOST_NIBBLES"], FORMAT),
    ("bulla-meter/src/statement/form.rs", &["ADJUSTMENT_BYTES"], FORMAT),
    ("bulla-meter/src/tariff.rs", &["CASES"], MECHANISM),
    ("bulla-store-fjall/src/disk/journal", &[ANY], FORMAT),
    ("bulla-store-fjall/src/disk/row_format.rs", &[ANY], FORMAT),
    ("bulla-store-fjall/src/disk/interrupted_creation.rs", &["VERSION_BYTES"], FORMAT),
    ("bulla-vault/src/key_encryption/", &["SALT_BYTES", "HEAD_BYTES"], FORMAT),
    ("bulla-vault/src/keyring/slot.rs", &["CHECKED_BYTES"], FORMAT),
    ("bulla-vault/src/committing_aead", &[ANY], FORMAT),
    ("bulla-vault/src/sealed_row_format.rs", &[ANY], FORMAT),
    ("bulla-webhook/src/subscription.rs", &["LEAST"], FORMAT),
    ("bulla-spqr/src/", &[ANY], SPECIFIED),
    ("bulla-session/src/", &[ANY], SPECIFIED),
    ("bulla-xeddsa/src/", &[ANY], SPECIFIED),
    ("bulla-transparency/src/log_key.rs", &["ED25519"], SPECIFIED),
    ("bulla-webhook/src/signature.rs", &["BLOCK_BYTES"], SPECIFIED),
    ("bulla-relay/src/rules/service_window.rs", &["SERVICE_WINDOW"], RULE),
    ("bulla-relay/src/rules/messaging_limit.rs", &["LIMIT_PERIOD"], RULE),
    ("bulla-base/src/time.rs", &[ANY], UNIT),
    ("bulla-integrity/src/recipients.rs", &["LIMIT_PERIOD"], RULE),
    ("bulla-integrity/src/standing/batches.rs", &["HOUR"], UNIT),
    ("bulla-integrity/src/recipients/", &["NONE", "FREE", "GONE"], MECHANISM),
    ("bulla-relay/src/rules/throughput.rs", &["SECOND"], UNIT),
    ("bulla-carrier/src/grpc/nonces.rs", &["WORDS"], MECHANISM),
    ("bulla-vault/src/key_epochs.rs", &["MILLIS_PER_HOUR", "LATEST"], UNIT),
    ("bulla-base/src/stack_wiping.rs", &["HASHING_STACK_BYTES"], MECHANISM),
    ("bulla-store-fjall/src/disk/bloom_filter.rs", &["BLOCKS", "WORDS"], MECHANISM),
    (
        "bulla-store-fjall/src/disk/compaction.rs",
        &["JOURNAL_BYTES", "FILLER_BYTES", "FILLERS_PER_FLUSH", "MAX_ROUNDS"],
        MECHANISM,
    ),
    ("bulla-store-fjall/src/disk/tables/meta_table.rs", &["UNCOUNTED"], MECHANISM),
];

/// All of a file or folder.
const ANY: &str = "*";
const SPECIFIED: &str = "the specifications fix the numbers of a protocol";
const FORMAT: &str = "a format fixes its own bytes";
const RULE: &str = "a rule of the API that is served is read beside what it says";
const UNIT: &str = "units, and what fits into an integer, are nobody's choice";
const MECHANISM: &str = "what follows from how an algorithm, a compiler or the engine works bounds nothing";

#[test]
fn numbers_that_bound_something_stand_in_limits() {
    let mut found = String::new();
    for (file, source) in sources() {
        for name in constants(&source).filter(|name| reason(&file, name).is_none()) {
            found += &format!("  {file}: {name}\n");
        }
    }
    assert!(found.is_empty(), "these belong into `limits.rs` (or, with a reason, into ELSEWHERE):\n{found}");
}

#[test]
fn constants_that_stand_elsewhere_are_there() {
    let sources = sources();
    for (files, names, _) in ELSEWHERE {
        for name in *names {
            let is_there = sources
                .iter()
                .filter(|(file, _)| file.starts_with(files))
                .any(|(_, source)| constants(source).any(|constant| *name == ANY || constant == *name));
            assert!(is_there, "{files} has no {name} any more: it leaves the list");
        }
    }
}

#[test]
fn constants_are_found_wherever_they_stand_but_in_tests() {
    let source = "const A: usize = 1;\npub(crate) const B: Duration = X;\nimpl C {\n    pub const D: u8 = 2;\n}\n\
                  const E: &str = \"e\";\n/// const F: usize = 1;\nconst fn g() -> usize {}\n\
                  #[cfg(test)]\nmod tests {\n    const H: usize = 1;\n}\n";
    assert_eq!(constants(source).collect::<Vec<_>>(), ["A", "B", "D"]);
}

/// The sources of the libraries that a host links, by their paths below `crates/`.
fn sources() -> Vec<(String, String)> {
    let folder = root().join("crates");
    let is_source = |file: &Path| {
        let name = file.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let within = file.strip_prefix(&folder).unwrap().iter().nth(1) == Some(OsStr::new("src"));
        within
            && file.extension() == Some(OsStr::new("rs"))
            && !HOMES.contains(&name)
            && !TESTS.contains(&name)
    };
    let files = written(&folder).into_iter().filter(|file| is_source(file));
    let named = files.map(|file| {
        let name = file.strip_prefix(&folder).unwrap().to_str().unwrap().replace('\\', "/");
        (name, fs::read_to_string(file).unwrap())
    });
    // The simulator and what tells an engine right are tests themselves.
    named.filter(|(name, _)| !name.starts_with("bulla-sim/") && !name.contains("/conformance/")).collect()
}

/// The names of the constants in `source` that are numbers, but for those of its tests, which come last.
fn constants(source: &str) -> impl Iterator<Item = &str> {
    let ours = source.split("mod tests {").next().unwrap_or_default();
    ours.lines().filter_map(|line| {
        let (before, after) = line.split_once("const ")?;
        let (name, kind) = after.split_once(": ")?;
        let kind = kind.split([' ', ';']).next()?;
        let is_declared = before.trim().is_empty() || before.trim().starts_with("pub");
        (is_declared && KINDS.contains(&kind)).then_some(name)
    })
}

/// Why the constant `name` of `file` stands there.
fn reason(file: &str, name: &str) -> Option<&'static str> {
    let mut all = ELSEWHERE.iter();
    all.find(|(files, names, _)| file.starts_with(files) && (names.contains(&ANY) || names.contains(&name)))
        .map(|(_, _, reason)| *reason)
}
