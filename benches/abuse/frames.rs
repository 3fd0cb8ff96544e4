//! Frames of HTTP/2 (RFC 9113), made by hand: a library makes no bad ones.

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// What a client begins with.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const CHALLENGE: &str = "/bulla.carrier.v1.Carrier/Challenge";
pub(crate) const CONNECT: &str = "/bulla.carrier.v1.Carrier/Connect";
pub(crate) const PUBLISH: &str = "/bulla.carrier.v1.Carrier/Publish";
pub(crate) const EXCHANGE: &str = "/bulla.carrier.v1.Carrier/Exchange";

/// A frame: length (24 bits), kind, flags, stream, payload.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The preface, settings with windows as large as they can be, and as much for the connection.
pub(crate) fn opening() -> Vec<u8> {
    let largest = 0x7fff_ffff_u32;
    let settings = [&4_u16.to_be_bytes()[..], &largest.to_be_bytes()].concat();
    let more = (largest - 65_535).to_be_bytes();
    [PREFACE, &frame(SETTINGS, 0, 0, &settings), &frame(WINDOW_UPDATE, 0, 0, &more)].concat()
}

/// The headers of a call, without an index and without Huffman's code (RFC 7541).
pub(crate) fn call_headers(path: &str) -> Vec<u8> {
    // POST and https stand in the static table, as do the names of the next three.
    let mut block = vec![0x83, 0x87];
    for (name, value) in
        [(&[0x04][..], path), (&[0x01], "carrier.example"), (&[0x0f, 0x10], "application/grpc")]
    {
        block.extend_from_slice(name);
        block.extend_from_slice(&text(value));
    }
    block.push(0);
    block.extend_from_slice(&[text("te"), text("trailers")].concat());
    block
}

/// A header with a name and a value of one's own.
pub(crate) fn header(name: &str, value: &str) -> Vec<u8> {
    [vec![0], text(name), text(value)].concat()
}

/// A message of gRPC that says it has `length` bytes, and has these.
pub(crate) fn message(length: u32, bytes: &[u8]) -> Vec<u8> {
    [&[0][..], &length.to_be_bytes(), bytes].concat()
}

/// A whole call.
pub(crate) fn call(stream: u32, path: &str, bytes: &[u8]) -> Vec<u8> {
    let message = message(u32::try_from(bytes.len()).unwrap(), bytes);
    let headers = frame(HEADERS, END_HEADERS, stream, &call_headers(path));
    [headers, frame(DATA, END_STREAM, stream, &message)].concat()
}

fn text(value: &str) -> Vec<u8> {
    // Its length has seven bits.
    [&[u8::try_from(value.len()).unwrap() & 0x7f], value.as_bytes()].concat()
}
