//! Messages, as bytes from a stranger.

use bulla_session::message::{PreKeySignalMessage, SignalMessage};
use bulla_session::{CiphertextRef, MessageKind, OneTimePreKey, OpenError, PreKeyIds, Sessions};

use crate::test_device::TestDevice;

thread_local! {
    /// Two that have talked, and the one's record with a replaced session in it.
    static BOB: std::cell::RefCell<(TestDevice, Vec<u8>)> = {
        let (mut alice, mut bob) = TestDevice::acquainted();
        let overtaken = [alice.say(b"1"), alice.say(b"2"), alice.say(b"3")];
        bob.hear(&overtaken[2]).unwrap();
        bob.meet(&alice);
        let stored = bob.sessions.to_bytes().unwrap().to_vec();
        std::cell::RefCell::new((bob, stored))
    };
}

/// What parses is written and read back as the same, and whatever it is, opening it leaves a trace only if it
/// opens.
pub(crate) fn check(bytes: &[u8]) {
    if let Ok(message) = SignalMessage::parse(bytes) {
        rewritten(&message);
    }
    assert_eq!(PreKeyIds::peek(bytes).is_ok(), PreKeySignalMessage::parse(bytes).is_ok());
    if let Ok(message) = PreKeySignalMessage::parse(bytes) {
        rewritten(message.message());
        let again = message.to_bytes();
        let read = PreKeySignalMessage::parse(&again).unwrap();
        assert_eq!(read.ids(), message.ids());
        assert_eq!(PreKeyIds::peek(bytes), Ok(message.ids()));
        assert_eq!(read.to_bytes(), again, "writing is not canonical");
        assert_eq!(fields(read.message()), fields(message.message()));
        assert!(!format!("{message:?}").is_empty());
    }
    BOB.with_borrow_mut(|(bob, stored)| {
        for kind in [MessageKind::Signal, MessageKind::PreKey] {
            bob.sessions = Sessions::from_bytes(stored).unwrap();
            let message = CiphertextRef::new(kind, bytes);
            let kept = PreKeyIds::peek(bytes)
                .ok()
                .and_then(|ids| bob.prekeys.one_time.get(&ids.one_time?))
                .map(OneTimePreKey::to_record);
            // A failure that leaves a trace fails inside. What opens, as the corpus' own messages do, opens
            // once.
            if bob.hear(message).is_ok() {
                let again = bob.hear(message).unwrap_err();
                assert!(matches!(again, OpenError::Duplicate { .. }), "{again:?}");
            }
            // One input must not change what the next one meets.
            if let Some(record) = kept {
                let prekey = OneTimePreKey::from_record(&record).unwrap();
                bob.prekeys.one_time.insert(prekey.id(), prekey);
            }
        }
    });
}

fn rewritten(message: &SignalMessage<'_>) {
    let again = message.to_bytes();
    let read = SignalMessage::parse(&again).unwrap();
    assert_eq!(fields(&read), fields(message));
    assert_eq!(read.to_bytes(), again, "writing is not canonical");
    assert!(!format!("{message:?}").is_empty());
}

type Fields<'a> = ([u8; 33], u32, u32, &'a [u8], Option<&'a [u8]>, Option<&'a [u8]>);

fn fields<'a>(message: &SignalMessage<'a>) -> Fields<'a> {
    (
        message.ratchet_key().to_bytes(),
        message.counter(),
        message.previous_counter(),
        message.ciphertext(),
        message.post_quantum(),
        message.addresses(),
    )
}
