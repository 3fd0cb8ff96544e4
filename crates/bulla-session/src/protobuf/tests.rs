use super::*;

fn only(bytes: &[u8]) -> Result<Field<'_>, ProtobufError> {
    Fields::new(bytes).next().map(Option::unwrap)
}

#[test]
fn written_fields_read_back_and_measure_what_was_announced() {
    for value in [0, 1, 127, 128, 16_383, 16_384, u32::MAX - 1, u32::MAX] {
        let mut out = Vec::new();
        put_uint32(&mut out, 5, value);
        assert_eq!(out.len(), uint32_len(value));
        assert_eq!(only(&out).unwrap().uint32().unwrap(), value);
    }
    for length in [0, 1, 127, 128, 20_000] {
        let mut out = Vec::new();
        put_bytes(&mut out, 15, &vec![7; length]);
        assert_eq!(out.len(), bytes_len(length));
        assert_eq!(only(&out).unwrap().bytes().unwrap().len(), length);
    }
    let mut out = Vec::new();
    put_fixed64(&mut out, 5, u64::MAX - 1);
    assert_eq!(only(&out).unwrap().fixed64().unwrap(), u64::MAX - 1);
}

#[test]
fn overlong_numbers_are_read_and_those_beyond_64_bits_refused() {
    let mut longest = vec![0x08];
    longest.extend([0x80; 9]);
    longest.push(0x00);
    assert_eq!(only(&longest).unwrap().uint32().unwrap(), 0);
    longest[10] = 0x02;
    assert_eq!(only(&longest).err(), Some(ProtobufError::Varint));
    longest[10] = 0x80;
    assert_eq!(only(&longest).err(), Some(ProtobufError::Varint));
}

#[test]
fn numbers_beyond_32_bits_are_refused() {
    let beyond = [0x08, 0x80, 0x80, 0x80, 0x80, 0x10];
    assert_eq!(only(&beyond).unwrap().uint32().err(), Some(ProtobufError::TooLarge { field: 1 }));
}

#[test]
fn lengths_that_reach_past_the_end_are_refused() {
    assert!(only(&[0x0A, 0x01, 0xFF]).is_ok());
    assert_eq!(only(&[0x0A, 0x02, 0xFF]).err(), Some(ProtobufError::Truncated));
    assert_eq!(only(&[0x0A]).err(), Some(ProtobufError::Truncated));
    assert_eq!(only(&[0x09, 1, 2, 3]).err(), Some(ProtobufError::Truncated));
}

#[test]
fn field_zero_groups_and_mistaken_types_are_refused() {
    assert_eq!(only(&[0x00, 0x00]).err(), Some(ProtobufError::FieldNumber));
    assert_eq!(only(&[0x0B, 0x0C]).err(), Some(ProtobufError::WireType { field: 1, wire_type: 3 }));
    assert_eq!(
        only(&[0x0D, 0, 0, 0, 0]).unwrap().bytes().err(),
        Some(ProtobufError::WireType { field: 1, wire_type: 5 })
    );
}
