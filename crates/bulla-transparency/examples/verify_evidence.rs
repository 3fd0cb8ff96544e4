//! Checks a file of evidence with the log's public key, and says what is proven:
//!
//! ```text
//! cargo run -p bulla-transparency --example verify_evidence -- 'carrier.example/keys+…' evidence.txt
//! ```
//!
//! It ends with 0 if the log has signed two histories, with 1 if that is not proven, and with 2 if it could
//! not be checked.

use std::fs;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use bulla_transparency::{Evidence, LogKey, MAX_EVIDENCE_BYTES, Verdict};

/// What was found, as it ends.
pub(crate) const PROVEN: u8 = 0;
pub(crate) const NOT_PROVEN: u8 = 1;
pub(crate) const UNCHECKED: u8 = 2;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (code, line) = match &words[..] {
        [key, path] => match read(path) {
            Ok(file) => judge(key, &file),
            Err(error) => (UNCHECKED, format!("{path} cannot be read: {error}")),
        },
        _ => (UNCHECKED, "usage: verify_evidence KEY FILE".to_owned()),
    };
    // Who does not read the line has the code.
    let _ = writeln!(io::stdout(), "{line}");
    ExitCode::from(code)
}

/// The file, and one byte more than there may be at most.
fn read(path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_EVIDENCE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What `file` proves about the log with this key.
pub(crate) fn judge(key: &str, file: &[u8]) -> (u8, String) {
    let key = match LogKey::parse(key) {
        Ok(key) => key,
        Err(error) => return (UNCHECKED, format!("this is no key of a log: {error}")),
    };
    let evidence = match Evidence::parse(file) {
        Ok(evidence) => evidence,
        Err(error) => return (UNCHECKED, format!("this is no evidence: {error}")),
    };
    let origin = key.origin();
    match evidence.verify(&key) {
        Verdict::Equivocation => {
            (PROVEN, format!("PROVEN: {origin} has signed two histories that cannot both be true"))
        }
        Verdict::Consistent => (NOT_PROVEN, format!("not proven: both heads are of one history of {origin}")),
        Verdict::NotSigned(error) => (NOT_PROVEN, format!("not proven: {error}")),
        _ => (NOT_PROVEN, "not proven: what is between the two heads shows nothing".to_owned()),
    }
}
