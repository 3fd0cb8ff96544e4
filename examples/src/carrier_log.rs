//! A log of everything that is handed to the carrier, for tests: one JSON object a line.
//!
//! ```text
//! id            the envelope's
//! from, to      "user" or "business"
//! kind          "message", "receipt" or "retry request"; a message also has its category
//! form          "prekey" or "signal"
//! bytes         how long the sealed part is
//! sha256        of the sealed part, in hexadecimal
//! start         the first 256 bytes of the sealed part, in hexadecimal
//! ratchet_key   the sender's public ratchet key, in hexadecimal, and
//! counter       the place in its chain: together they name the message key
//! ```

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bulla::base::{Address, Party};
use bulla::envelope::{Envelope, Form, Kind};
use bulla::session::message::{PreKeySignalMessage, SignalMessage};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::observed_transport::EnvelopeObserver;

/// How much of the sealed bytes stands in a line.
const START_BYTES: usize = 256;

/// The log, in a file that is appended to.
#[derive(Debug)]
pub struct CarrierLog(Mutex<File>);

impl CarrierLog {
    /// Opens the log in the file `path`, or makes a new one there.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        // A program that was killed may have left half a line.
        let mut last = [b'\n'];
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        if last != [b'\n'] {
            file.write_all(b"\n")?;
        }
        Ok(Self(Mutex::new(file)))
    }
}

impl EnvelopeObserver for CarrierLog {
    fn observe(&self, envelope: &Envelope) -> io::Result<()> {
        let line = format!("{}\n", line(envelope));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())
    }
}

fn line(envelope: &Envelope) -> Value {
    let sealed = envelope.sealed();
    let start = sealed.get(..START_BYTES).unwrap_or(sealed);
    let (kind, category) = kind(envelope.kind());
    let (form, step) = match envelope.form() {
        Form::PreKey => {
            ("prekey", PreKeySignalMessage::parse(sealed).ok().map(|message| step(message.message())))
        }
        Form::Signal => ("signal", SignalMessage::parse(sealed).ok().map(|message| step(&message))),
        _ => ("unknown", None),
    };
    let (ratchet_key, counter) = step.unzip();
    json!({
        "id": envelope.id().to_string(),
        "from": party(envelope.from()),
        "to": party(envelope.to()),
        "kind": kind,
        "category": category,
        "form": form,
        "bytes": sealed.len(),
        "sha256": hex(&Sha256::digest(sealed)),
        "start": hex(start),
        "ratchet_key": ratchet_key,
        "counter": counter,
    })
}

fn step(message: &SignalMessage<'_>) -> (String, u32) {
    (hex(&message.ratchet_key().to_bytes()), message.counter())
}

/// What an envelope is for, in words, with a message's category.
pub(crate) const fn kind(kind: Kind) -> (&'static str, Option<&'static str>) {
    match kind {
        Kind::Message(category) => ("message", Some(category.name())),
        Kind::Receipt => ("receipt", None),
        Kind::RetryRequest => ("retry request", None),
        _ => ("unknown", None),
    }
}

const fn party(address: &Address) -> &'static str {
    match address.party() {
        Party::User(_) => "user",
        Party::Business(_) => "business",
        _ => "unknown",
    }
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_does_not_spoil_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        drop(CarrierLog::open(&path).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        std::fs::write(&path, "{}\n{\"id").unwrap();
        drop(CarrierLog::open(&path).unwrap());
        drop(CarrierLog::open(&path).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"{}\n{\"id\n");
    }
}
