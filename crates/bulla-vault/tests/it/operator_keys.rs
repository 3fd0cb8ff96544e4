//! The operator's key, in each of its forms.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use bulla_base::SeededRng;
use bulla_vault::{
    FileKeyring, KeyEncryption, KeyEncryptionError, KeyringError, KeyringKey, MAX_PASSPHRASE_KIB,
    MAX_PASSPHRASE_LANES, MAX_PASSPHRASE_PASSES, MAX_WRAPPED_BYTES, OperatorKey, Passphrase, PassphraseCost,
    Vault, VaultError,
};

use crate::world::{ALICE, World, put, read, run};

fn rng() -> Arc<SeededRng> {
    Arc::new(SeededRng::new(5))
}

fn cheap(passphrase: &str) -> Passphrase {
    Passphrase::with_cost(passphrase, PassphraseCost::new(64, 1, 1).unwrap(), rng())
}

fn is_refused(result: Result<impl std::fmt::Debug, VaultError>) {
    let error = result.unwrap_err();
    assert!(
        matches!(
            error,
            VaultError::Keyring(KeyringError::KeyEncryption {
                source: KeyEncryptionError::Refused { .. },
                ..
            })
        ),
        "{error}"
    );
}

#[test]
fn a_keyring_opens_with_the_key_it_was_made_with_and_no_other() {
    run(async {
        let world = World::new(1);
        put(&world.vault().await, ALICE, "name", "value").await;
        is_refused(world.open_with(&world.operator(8)).await);
        is_refused(world.open_with(&cheap("correct horse")).await);
        assert_eq!(read(&world.vault().await, ALICE, "name").await.as_deref(), Some("value"));
    });
}

#[test]
fn a_passphrase_opens_whatever_cost_is_asked_for_now() {
    run(async {
        let world = World::new(1);
        put(&world.open_with(&cheap("correct horse")).await.unwrap(), ALICE, "name", "value").await;
        is_refused(world.open_with(&cheap("correct horsf")).await);
        is_refused(world.open_with(&world.operator(7)).await);
        let dearer = Passphrase::with_cost("correct horse", PassphraseCost::new(128, 2, 2).unwrap(), rng());
        let vault = world.open_with(&dearer).await.unwrap();
        assert_eq!(read(&vault, ALICE, "name").await.as_deref(), Some("value"));
    });
}

#[test]
fn another_operators_key_takes_the_place_of_the_first() {
    run(async {
        let world = World::new(1);
        let vault = world.vault().await;
        put(&vault, ALICE, "name", "value").await;
        vault.rewrap(&cheap("correct horse")).await.unwrap();
        put(&vault, ALICE, "more", "value").await;
        drop(vault);
        is_refused(world.open().await);
        let vault = world.open_with(&cheap("correct horse")).await.unwrap();
        assert_eq!(read(&vault, ALICE, "name").await.as_deref(), Some("value"));
        assert_eq!(read(&vault, ALICE, "more").await.as_deref(), Some("value"));
        assert!(!vault.is_restored());
    });
}

#[test]
fn a_wrapped_key_unwraps_in_its_context_only_and_every_byte_counts() {
    run(async {
        let providers: [(&str, Vec<u8>); 2] = [
            (
                "operator",
                OperatorKey::from_bytes([7; 32], rng())
                    .wrap_key(&KeyringKey::from_bytes([9; 32]), b"one")
                    .await
                    .unwrap(),
            ),
            ("passphrase", cheap("p").wrap_key(&KeyringKey::from_bytes([9; 32]), b"one").await.unwrap()),
        ];
        for (name, wrapped) in providers {
            let unwrap = async |wrapped: &[u8], context: &[u8]| match name {
                "operator" => OperatorKey::from_bytes([7; 32], rng()).unwrap_key(wrapped, context).await,
                _ => cheap("p").unwrap_key(wrapped, context).await,
            };
            assert_eq!(unwrap(&wrapped, b"one").await.unwrap().expose(), &[9; 32]);
            assert!(matches!(unwrap(&wrapped, b"two").await, Err(KeyEncryptionError::Refused { .. })));
            for at in 0..wrapped.len() {
                let mut changed = wrapped.clone();
                // The lowest bit, so that no number of passes or KiB grows beyond what a test can wait for.
                changed[at] ^= 1;
                let result = if name == "passphrase" && (1..13).contains(&at) {
                    continue;
                } else {
                    unwrap(&changed, b"one").await
                };
                assert!(result.is_err(), "{name}, byte {at}");
                assert!(unwrap(&wrapped[..at], b"one").await.is_err(), "{name}, {at} bytes");
            }
        }
    });
}

#[test]
fn a_stored_cost_is_taken_at_the_bound_and_refused_beyond() {
    assert!(PassphraseCost::new(MAX_PASSPHRASE_KIB, MAX_PASSPHRASE_PASSES, MAX_PASSPHRASE_LANES).is_ok());
    for (kib, passes, lanes) in [
        (MAX_PASSPHRASE_KIB + 1, 1, 1),
        (64, MAX_PASSPHRASE_PASSES + 1, 1),
        (MAX_PASSPHRASE_KIB, 1, MAX_PASSPHRASE_LANES + 1),
        (64, 0, 1),
        (64, 1, 0),
        (15, 1, 2),
    ] {
        assert!(matches!(PassphraseCost::new(kib, passes, lanes), Err(KeyEncryptionError::Cost { .. })));
    }
    run(async {
        let mut wrapped = cheap("p").wrap_key(&KeyringKey::from_bytes([9; 32]), b"").await.unwrap();
        wrapped[1..5].copy_from_slice(&(MAX_PASSPHRASE_KIB + 1).to_be_bytes());
        let error = cheap("p").unwrap_key(&wrapped, b"").await.unwrap_err();
        assert!(matches!(error, KeyEncryptionError::Cost { .. }), "{error}");
    });
}

#[test]
fn a_key_file_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operator.key");
    drop(OperatorKey::create_file(&path, rng()).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(OperatorKey::create_file(&path, rng()), Err(KeyEncryptionError::File { .. })));
    OperatorKey::read_file(&path, rng()).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o601, 0o777] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = OperatorKey::read_file(&path, rng()).unwrap_err();
        assert!(matches!(error, KeyEncryptionError::Exposed { mode: found, .. } if found == mode), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    OperatorKey::read_file(&path, rng()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    for length in [0, 31, 33, 1000] {
        fs::write(&path, vec![1; length]).unwrap();
        assert!(matches!(OperatorKey::read_file(&path, rng()), Err(KeyEncryptionError::Malformed { .. })));
    }
}

/// The environment of a test is what cargo gave it, so its own variables stand for good and bad ones.
#[test]
fn a_variable_that_holds_no_key_is_refused() {
    for name in ["CARGO_MANIFEST_DIR", "BULLA_VAULT_NO_SUCH_VARIABLE"] {
        let error = OperatorKey::from_env(name, rng()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the environment variable {name} holds no key; 64 hexadecimal digits are expected")
        );
    }
}

#[test]
fn a_keyring_in_a_file_is_locked_private_and_lasting() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let (path, key_path) = (folder.path().join("keyring"), folder.path().join("operator.key"));
        let keys = OperatorKey::create_file(&key_path, rng()).unwrap();
        let world = World::new(1);
        let open = async |file, keys: OperatorKey| {
            Vault::open(world.engine.clone(), file, &keys, world.clock.clone(), world.rng.clone()).await
        };
        let vault = open(FileKeyring::open(&path).unwrap(), keys).await.unwrap();
        put(&vault, ALICE, "name", "value").await;
        let error = FileKeyring::open(&path).unwrap_err();
        assert!(matches!(error, KeyringError::InUse { .. }), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&path).unwrap().len(), bulla_vault::KEYRING_BYTES as u64);
        drop(vault);
        let keys = OperatorKey::read_file(&key_path, rng()).unwrap();
        let vault = open(FileKeyring::open(&path).unwrap(), keys).await.unwrap();
        assert_eq!(read(&vault, ALICE, "name").await.as_deref(), Some("value"));
        assert!(!vault.is_restored());
    });
}

/// Of two slots one is enough, and be it the second, which ends with the file.
#[test]
fn a_keyring_in_a_file_is_read_to_its_last_byte_and_a_longer_one_is_refused() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring");
        let world = World::new(1);
        let open = async || {
            let (file, keys) = (FileKeyring::open(&path).unwrap(), world.operator(7));
            Vault::open(world.engine.clone(), file, &keys, world.clock.clone(), world.rng.clone()).await
        };
        put(&open().await.unwrap(), ALICE, "name", "value").await;
        let whole = fs::read(&path).unwrap();
        let mut second = whole.clone();
        second[100] ^= 1;
        fs::write(&path, &second).unwrap();
        let vault = open().await.unwrap();
        assert_eq!(read(&vault, ALICE, "name").await.as_deref(), Some("value"));
        drop(vault);
        fs::write(&path, [&whole[..], &[0]].concat()).unwrap();
        let error = open().await.unwrap_err();
        assert!(matches!(error, VaultError::Keyring(KeyringError::Damaged { .. })), "{error}");
    });
}

/// A key service that is down, or answers too much.
#[derive(Debug)]
struct Service(usize);

impl KeyEncryption for Service {
    async fn wrap_key(&self, key: &KeyringKey, _context: &[u8]) -> Result<Vec<u8>, KeyEncryptionError> {
        Ok(key.expose().iter().copied().cycle().take(self.0).collect())
    }

    async fn unwrap_key(&self, _wrapped: &[u8], _context: &[u8]) -> Result<KeyringKey, KeyEncryptionError> {
        Err(KeyEncryptionError::Unavailable("no route".into()))
    }
}

#[test]
fn a_wrapped_key_is_taken_at_the_bound_and_refused_beyond() {
    run(async {
        let world = World::new(1);
        let error = world.open_with(&Service(MAX_WRAPPED_BYTES + 1)).await.unwrap_err();
        assert!(matches!(
            error,
            VaultError::Keyring(KeyringError::WrappedTooLong { actual: 2049, limit: MAX_WRAPPED_BYTES })
        ));
        world.open_with(&Service(MAX_WRAPPED_BYTES)).await.unwrap();
        let error = world.open_with(&Service(MAX_WRAPPED_BYTES)).await.unwrap_err();
        assert!(matches!(
            error,
            VaultError::Keyring(KeyringError::KeyEncryption {
                source: KeyEncryptionError::Unavailable(_),
                ..
            })
        ));
    });
}

/// A process that is being started has a copy of every open file for a moment, and with it of the lock.
#[test]
fn a_keyring_that_was_let_go_can_be_opened_while_processes_are_started() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let (folder, done) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                std::process::Command::new("true").status().unwrap();
            }
        });
        let opened = (0..300).map(|_| FileKeyring::open(folder.path().join("keyring")).map(drop));
        let outcome = opened.collect::<Result<(), _>>();
        done.store(true, Ordering::Relaxed);
        outcome.unwrap();
    });
}

/// A new key was made in the place of one that was lost, and then the keyring was blamed.
#[test]
fn a_lost_operators_key_is_an_error_once_there_is_a_keyring() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let (path, keyring) = (folder.path().join("operator.key"), folder.path().join("relay.keyring"));
        for looked_for in [folder.path(), &keyring] {
            let open = || OperatorKey::read_or_create_file(&path, [looked_for], rng());
            drop(open().unwrap());
            let made = fs::read(&path).unwrap();
            drop(open().unwrap());
            assert_eq!(fs::read(&path).unwrap(), made, "it is read, not made again");
            // Begun and not finished: nothing was sealed with the key, so another may take its place.
            drop(FileKeyring::open(&keyring).unwrap());
            fs::remove_file(&path).unwrap();
            fs::write(folder.path().join("operator.key.new"), [1; 7]).unwrap();
            let keys = open().unwrap();
            let world = World::new(1);
            let (clock, rng) = (world.clock.clone(), world.rng.clone());
            let file = FileKeyring::open(&keyring).unwrap();
            drop(Vault::open(world.engine.clone(), file, &keys, clock, rng).await.unwrap());

            fs::remove_file(&path).unwrap();
            let error = open().unwrap_err();
            assert!(matches!(error, KeyEncryptionError::Missing { .. }), "{error}");
            for named in [&path, &keyring] {
                assert!(error.to_string().contains(named.to_str().unwrap()), "{error}");
            }
            assert!(!path.exists(), "none was made");
            fs::remove_file(&keyring).unwrap();
        }
    });
}

/// Whoever reads the error has three files before them, and one of them is to blame.
#[test]
fn errors_name_the_file_that_is_to_blame() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| folder.path().join(name);
        let world = World::new(1);
        let open = async |keyring: &str, key: &str| {
            let keys = OperatorKey::read_file(of(key), rng()).map_err(|error| error.to_string())?;
            let file = FileKeyring::open(of(keyring)).map_err(|error| error.to_string())?;
            let (clock, rng) = (world.clock.clone(), world.rng.clone());
            let opened = Vault::open(world.engine.clone(), file, &keys, clock, rng).await;
            opened.map(drop).map_err(|error| {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                format!("{error}: {}", source.unwrap_or_default())
            })
        };
        drop(OperatorKey::create_file(of("operator.key"), rng()).unwrap());
        drop(OperatorKey::create_file(of("other.key"), Arc::new(SeededRng::new(6))).unwrap());
        open("keyring", "operator.key").await.unwrap();
        fs::write(of("short.key"), [1; 31]).unwrap();
        fs::set_permissions(of("short.key"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(of("short.keyring"), [1; 31]).unwrap();
        for (keyring, key, blamed) in [
            ("keyring", "other.key", vec!["keyring", "other.key"]),
            ("keyring", "short.key", vec!["short.key"]),
            ("keyring", "no.key", vec!["no.key"]),
            ("short.keyring", "operator.key", vec!["short.keyring"]),
            ("no.keyring", "operator.key", vec!["no.keyring"]),
            ("no folder/keyring", "operator.key", vec!["no folder/keyring"]),
        ] {
            let error = open(keyring, key).await.unwrap_err();
            for blamed in blamed {
                assert!(error.contains(of(blamed).to_str().unwrap()), "{blamed}: {error}");
            }
        }
        assert!(!of("no.keyring").exists(), "none was made in its place");
    });
}
