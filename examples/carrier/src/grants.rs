//! Which relay may register a business's number: one that the operator has given a grant.

use std::fs;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bulla::Host;
use bulla::base::PhoneNumberId;
use bulla::carrier::{NumberGrant, OperatorKey};
use bulla_example_program::exit_error::ExitError;
use bulla_example_program::new_file;
use zeroize::Zeroizing;

use crate::if_missing::IfMissing;

/// Where the operator's key is, among the others. In production it lies where relays are set up, and the
/// carrier has its public half alone.
const KEY: &str = "grants.key";
/// How long a grant is good. It is shown when the number is registered, and not thereafter.
const GOOD_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The operator's key in the folder `keys`; one that is not there is made, if that is to be.
pub(crate) fn key(host: &Host, keys: &Path, if_missing: IfMissing) -> Result<OperatorKey, ExitError> {
    let file = keys.join(KEY);
    let failed = || ExitError::because(format!("{} cannot be used", file.display()));
    if if_missing.makes(&file)? {
        fs::create_dir_all(keys).map_err(failed())?;
        let key = OperatorKey::generate(&*host.rng());
        new_file::write(&file, key.expose(), 0o600).map_err(failed())?;
    }
    let bytes = Zeroizing::new(fs::read(&file).map_err(failed())?);
    let wrong_size = |_| ExitError::new(format!("{} is no key of 32 bytes", file.display()));
    Ok(OperatorKey::from_bytes(Zeroizing::new(<[u8; 32]>::try_from(&bytes[..]).map_err(wrong_size)?)))
}

/// A grant of `number` to whichever relay shows it, as a line.
pub(crate) fn issue(host: &Host, keys: &Path, number: PhoneNumberId) -> Result<String, ExitError> {
    if !keys.join(KEY).exists() {
        let missing = keys.join(KEY);
        return Err(ExitError::new(format!(
            "{} is missing: a carrier that was started with this --data has made it",
            missing.display()
        )));
    }
    let now = host.clock().now();
    let key = key(host, keys, IfMissing::Refuse)?;
    let grant = NumberGrant::new([number], now, now.after(GOOD_FOR));
    let proof = grant.and_then(|grant| key.issue(&grant, &*host.rng()));
    let proof = proof.map_err(ExitError::because("no grant can be made"))?;
    Ok(BASE64_STANDARD.encode(proof.as_bytes()))
}
