use super::*;

fn chunk(index: u16) -> Chunk {
    Chunk { index, data: [0xC3; CHUNK_BYTES] }
}

#[test]
fn what_is_written_reads_back() {
    let payloads = [
        Payload::Nothing,
        Payload::Header(chunk(0)),
        Payload::Key(chunk(127)),
        Payload::KeyAndAck(chunk(128)),
        Payload::Ack,
        Payload::Ct1(chunk(16_384)),
        Payload::Ct2(chunk(u16::MAX)),
    ];
    for (epoch, index) in [(1, 1), (127, 128), (300, 25_000), (u64::MAX, u32::MAX)] {
        for (code, payload) in (0..).zip(payloads) {
            let message = Message::new(epoch, index, &payload);
            let read = Incoming::parse(message.as_bytes()).unwrap();
            assert_eq!((read.epoch, read.index), (epoch, index));
            assert!(read.payload == payload);
            assert_eq!(payload.code(), code);
        }
    }
}

#[test]
fn the_longest_message_fills_the_buffer() {
    let message = Message::new(u64::MAX, u32::MAX, &Payload::Ct2(chunk(u16::MAX)));
    assert_eq!(message.as_bytes().len(), MAX_MESSAGE_BYTES);
    assert_eq!(Message::new(1, 1, &Payload::Nothing).as_bytes(), [1, 1, 1, 0]);
}

#[test]
fn every_shorter_message_is_refused() {
    let message = Message::new(300, 300, &Payload::Ct1(chunk(300)));
    for length in 1..message.as_bytes().len() {
        let refused = Incoming::parse(&message.as_bytes()[..length]).err();
        assert!(matches!(refused, Some(MessageError::Truncated { .. })), "{length}: {refused:?}");
    }
    assert_eq!(Incoming::parse(&[]).err(), Some(MessageError::Absent));
}

#[test]
fn what_no_honest_peer_sends_is_refused() {
    let refused = |bytes: &[u8]| Incoming::parse(bytes).err();
    let range = |field| Some(MessageError::OutOfRange { field });
    assert_eq!(refused(&[0, 1, 1, 0]), Some(MessageError::Version { found: 0, spoken: 1 }));
    assert_eq!(refused(&[2, 1, 1, 0]), Some(MessageError::Version { found: 2, spoken: 1 }));
    assert_eq!(refused(&[1, 0, 1, 0]), range("epoch"));
    assert_eq!(refused(&[1, 1, 0, 0]), range("index"));
    assert_eq!(refused(&[1, 2, 0, 0]), range("index"));
    assert_eq!(refused(&[1, 1, 1, 7]), range("type"));
    // 2^32 as an index, 2^16 as a chunk's.
    assert_eq!(refused(&[1, 1, 0x80, 0x80, 0x80, 0x80, 0x10, 0]), range("index"));
    let mut far = vec![1, 1, 1, 1, 0x80, 0x80, 0x04];
    far.extend_from_slice(&[0; 32]);
    assert_eq!(refused(&far), range("chunk index"));
    // Eleven bytes, and ten of which the last has more than one bit.
    let mut long = vec![1];
    long.extend_from_slice(&[0x80; 10]);
    long.extend_from_slice(&[1, 1, 0]);
    assert_eq!(refused(&long), range("epoch"));
    long.remove(1);
    long[10] = 2;
    assert_eq!(refused(&long), range("epoch"));
}

#[test]
fn overlong_numbers_and_bytes_behind_the_message_are_read_as_the_official_library_does() {
    let read = Incoming::parse(&[1, 0x81, 0x00, 0x82, 0x80, 0x00, 4, 99, 99]).unwrap();
    assert_eq!((read.epoch, read.index), (1, 2));
    assert!(read.payload == Payload::Ack);
}
