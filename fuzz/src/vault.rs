//! The checks of bulla-vault.

#[path = "../../crates/bulla-vault/tests/it/checks/keyring.rs"]
#[expect(dead_code, reason = "what the check itself is checked by is called where the corpus is replayed")]
pub(crate) mod keyring;
#[path = "../../crates/bulla-vault/tests/it/checks/row.rs"]
pub(crate) mod row;
