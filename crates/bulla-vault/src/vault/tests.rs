//! What opening leaves on the stack.

use std::sync::Arc;
use std::time::Duration;

use bulla_base::{ManualClock, Partition, SeededRng, Timestamp};
use bulla_store::{Batch, Expiry, Key, MemoryStore, Record, Retention, Scan, Space, Store};
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::committing_aead::tests::key_of;
use crate::committing_aead::{Bound, Under};
use crate::salt::Salt;
use crate::sealed_row_format::{Head, Place};
use crate::stack_inspection::{after, holds};
use crate::{MemoryKeyring, OperatorKey};

const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);
const ALICE: Partition = Partition::from_bytes([0xa1; 16]);
const SPACE: Space = Space::new(7);

type Engine = Arc<MemoryStore>;

struct Setting {
    runtime: Runtime,
    engine: Engine,
    keyring: MemoryKeyring,
    key: Key,
    expiry: Option<Expiry>,
}

impl Setting {
    fn open(&self) -> Vault<Engine> {
        let (clock, rng) = (Arc::new(ManualClock::new(NOW)), Arc::new(SeededRng::new(1)));
        let operator = OperatorKey::from_bytes([7; 32], rng.clone());
        let vault = Vault::open(self.engine.clone(), self.keyring.clone(), &operator, clock, rng);
        self.runtime.block_on(vault).unwrap()
    }

    fn batch(&self) -> Batch {
        let mut batch = Batch::new(ALICE);
        match self.expiry {
            Some(expiry) => batch.put_until(self.key.clone(), "value", expiry),
            None => batch.put(self.key.clone(), "value"),
        };
        batch
    }

    fn stored(&self) -> Record {
        self.runtime.block_on(self.engine.get(ALICE, &self.key, NOW)).unwrap().unwrap()
    }

    /// All that `sealed` is sealed under: the key of the record and what that follows from, as it is and as
    /// HMAC pads it.
    fn secrets(&self, vault: &Vault<Engine>, sealed: &[u8]) -> Vec<Vec<u8>> {
        let salt = salt(vault);
        let (head, key) = match self.expiry {
            None => (Head::Lasting, Arc::new(vault.lasting.clone())),
            Some(expiry) => {
                let (epoch, hour, key) = vault.epochs().sealing_key(expiry).unwrap();
                (Head::timed(expiry, epoch, hour), key)
            }
        };
        let mut bound = Bound::default();
        Place { partition: ALICE, key: &self.key, expiry: self.expiry }.bind(head, false, &mut bound);
        let mut head_bytes = Vec::new();
        head.write(false, &mut head_bytes);
        let under = Under { key: &key, salt: Some(salt.secret()), bound: &bound };
        let padded = |pad| key.expose().iter().map(|byte| byte ^ pad).collect();
        let itself = key_of(under, &sealed[head_bytes.len()..]);
        vec![itself, salt.secret().expose().to_vec(), padded(0), padded(0x36), padded(0x5c)]
    }
}

fn salt(vault: &Vault<Engine>) -> Arc<Salt> {
    vault.salts().find(ALICE).unwrap()
}

#[test]
fn keys_of_what_was_read_are_not_left_on_the_stack() {
    let until = Retention::new(Duration::from_secs(86_400)).unwrap().from(NOW);
    for (key, expiry) in
        [(Key::undated(SPACE, "key"), None), (Key::dated(SPACE, NOW.day(), "key"), Some(until))]
    {
        let runtime = Builder::new_current_thread().build().unwrap();
        let set = Setting { runtime, engine: Engine::default(), keyring: MemoryKeyring::new(), key, expiry };
        let (vault, runtime) = (set.open(), &set.runtime);
        let clean = |vault: &Vault<Engine>, stack: &[u8], what: &str| {
            for (place, secret) in set.secrets(vault, &set.stored().value).iter().enumerate() {
                assert!(!holds(stack, secret), "secret {place} of {:?}, after {what}", set.expiry);
            }
        };

        let _ = runtime.block_on(vault.commit(set.batch())).unwrap();
        let stack = after(|| runtime.block_on(vault.get(ALICE, &set.key, NOW)));
        clean(&vault, &stack, "a look-up");
        let stack = after(|| runtime.block_on(vault.scan(ALICE, &Scan::everything(SPACE), NOW)));
        clean(&vault, &stack, "a scan");

        // Without being wiped, the stack shows it; elsewhere the compiler may leave nothing by itself.
        let (stored, salt) = (set.stored(), salt(&vault));
        let secrets = set.secrets(&vault, &stored.value);
        let stack = after(|| vault.unseal(ALICE, &set.key, &stored, Some(&salt)));
        let seen = secrets.iter().any(|secret| holds(&stack, secret));
        assert!(seen || !cfg!(target_arch = "x86_64"), "what is left is not seen");

        // Another, which has to read the salt.
        drop(vault);
        let vault = set.open();
        let stack = after(|| runtime.block_on(vault.get(ALICE, &set.key, NOW)));
        clean(&vault, &stack, "a look-up by who has read the salt for it");
    }
}
