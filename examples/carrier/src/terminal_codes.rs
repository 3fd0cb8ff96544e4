//! Whose a number is: who can tell the code that was sent to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bulla::base::{Address, Clock, Party, Rng, Timestamp};
use bulla::carrier::{NumberVerifier, Verdict};
use bulla::transport::NumberProof;
use bulla_example_program::terminal::Terminal;
use subtle::ConstantTimeEq;

/// How long a code is good.
const GOOD_FOR: Duration = Duration::from_secs(10 * 60);
/// How often it may be guessed: of a million codes, so many.
const MAX_TRIES: u8 = 5;
/// How many numbers may wait for their code to be told.
const MAX_WAITING: usize = 10_000;

/// Shows codes in the terminal, where a real carrier has them sent to the numbers as text messages.
pub(crate) struct TerminalCodes {
    terminal: Terminal,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    waiting: Mutex<HashMap<Party, Code>>,
}

struct Code {
    digits: String,
    good_until: Timestamp,
    tries: u8,
}

impl TerminalCodes {
    pub(crate) fn new(terminal: Terminal, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self { terminal, clock, rng, waiting: Mutex::default() }
    }

    /// Whether `proof` is the code that was sent to the number. Who shows none is sent one.
    fn is_theirs(&self, address: &Address, proof: &NumberProof) -> bool {
        let (now, party) = (self.clock.now(), address.party());
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, code| now < code.good_until && code.tries < MAX_TRIES);
        match waiting.get_mut(party) {
            Some(code) if !proof.as_bytes().is_empty() => {
                code.tries += 1;
                let is_theirs = bool::from(code.digits.as_bytes().ct_eq(proof.as_bytes()));
                if is_theirs {
                    waiting.remove(party);
                }
                is_theirs
            }
            // It has been sent, and is good still.
            Some(_) => false,
            None => {
                if waiting.len() < MAX_WAITING {
                    let code = Code { digits: self.digits(), good_until: now.after(GOOD_FOR), tries: 0 };
                    self.terminal.line(format_args!("code for {}: {}", in_words(party), code.digits));
                    waiting.insert(party.clone(), code);
                }
                false
            }
        }
    }

    /// Six digits, each as likely as every other.
    fn digits(&self) -> String {
        loop {
            let mut bytes = [0; 4];
            self.rng.fill(&mut bytes);
            let drawn = u32::from_be_bytes(bytes);
            if drawn < u32::MAX - u32::MAX % 1_000_000 {
                return format!("{:06}", drawn % 1_000_000);
            }
        }
    }
}

impl NumberVerifier for TerminalCodes {
    fn verify<'a>(&'a self, address: &'a Address, proof: &'a NumberProof) -> Verdict<'a> {
        Box::pin(std::future::ready(Ok(self.is_theirs(address, proof))))
    }
}

fn in_words(party: &Party) -> String {
    match party {
        Party::User(number) => format!("+{}", number.digits()),
        Party::Business(id) => format!("business {id}"),
        _ => "(a party this program does not know)".to_owned(),
    }
}
