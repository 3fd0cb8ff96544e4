use bulla_base::DeviceId;
use bulla_envelope::{KeyBundle, KeyUpload, MAX_KEY_BYTES, MAX_ONE_TIME_KEYS};
use bytes::Bytes;

/// The keys that a party leaves with the carrier, and those that the carrier gives to another.
pub(crate) fn check(bytes: &[u8]) {
    if let Ok(upload) = KeyUpload::from_bytes(Bytes::copy_from_slice(bytes)) {
        is_whole(&upload);
    }
    let Ok(bundle) = KeyBundle::from_bytes(Bytes::copy_from_slice(bytes)) else { return };
    assert_eq!(KeyBundle::from_bytes(bundle.to_bytes()).as_ref(), Ok(&bundle));
    assert!(bundle.device().is_ok() && bundle.signed().is_ok() && bundle.kyber().is_ok());
    assert!((1..=MAX_KEY_BYTES).contains(&bundle.identity.len()));
}

/// What was read is written, and read as the same, and makes a bundle with each of its one-time keys.
fn is_whole(upload: &KeyUpload) {
    assert_eq!(KeyUpload::from_bytes(upload.to_bytes()).as_ref(), Ok(upload));
    assert!(upload.check().is_ok() && upload.one_time.len() <= MAX_ONE_TIME_KEYS);
    for key in upload.one_time.iter().cloned().map(Some).chain([None]) {
        let bundle = KeyBundle::new(DeviceId::PRIMARY, upload, key.clone()).unwrap();
        let read = KeyBundle::from_bytes(bundle.to_bytes()).unwrap();
        assert_eq!((&read, &read.one_time, &read.identity), (&bundle, &key, &upload.identity));
    }
}
