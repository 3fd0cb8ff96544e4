//! Another implementation of Protocol Buffers reads what this one writes, and writes what this one reads.

use bulla_base::SeededRng;
use bulla_content::*;
use prost::Message as _;

use crate::protobuf::{decode, unpadded};
use crate::samples::{buttons, header, id, pointer};

#[derive(Clone, PartialEq, prost::Message)]
struct OtherContent {
    #[prost(bytes = "vec", tag = "1")]
    in_reply_to: Vec<u8>,
    #[prost(string, tag = "6")]
    fallback: String,
    #[prost(uint32, tag = "7")]
    quoted_author: u32,
    #[prost(oneof = "OtherKind", tags = "17, 21, 23")]
    kind: Option<OtherKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum OtherKind {
    #[prost(message, tag = "17")]
    Video(OtherVideo),
    #[prost(message, tag = "21")]
    Location(OtherLocation),
    #[prost(message, tag = "23")]
    Interactive(OtherInteractive),
}

#[derive(Clone, PartialEq, prost::Message)]
struct OtherVideo {
    #[prost(message, optional, tag = "1")]
    attachment: Option<OtherPointer>,
    #[prost(string, tag = "2")]
    caption: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OtherPointer {
    #[prost(string, tag = "1")]
    locator: String,
    #[prost(bytes = "vec", tag = "2")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    digest: Vec<u8>,
    #[prost(uint64, tag = "4")]
    size: u64,
    #[prost(string, tag = "5")]
    media_type: String,
    #[prost(bytes = "vec", tag = "6")]
    plaintext_digest: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OtherLocation {
    #[prost(sint32, tag = "1")]
    latitude: i32,
    #[prost(sint32, tag = "2")]
    longitude: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OtherInteractive {
    #[prost(message, optional, tag = "1")]
    header: Option<OtherHeader>,
    #[prost(string, tag = "2")]
    body: String,
    #[prost(message, optional, tag = "4")]
    action: Option<OtherAction>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OtherHeader {
    #[prost(message, optional, tag = "1")]
    text: Option<OtherText>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OtherText {
    #[prost(string, tag = "1")]
    text: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OtherAction {
    #[prost(message, optional, tag = "1")]
    buttons: Option<OtherButtons>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OtherButtons {
    #[prost(message, repeated, tag = "1")]
    buttons: Vec<OtherButton>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OtherButton {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    title: String,
}

/// Both ways, to the byte.
fn agree(content: Content, other: OtherContent) {
    let encoded = content.encode(&SeededRng::new(1));
    assert_eq!(unpadded(encoded.plaintext()), other.encode_to_vec());
    assert_eq!(OtherContent::decode(unpadded(encoded.plaintext())), Ok(other.clone()));
    assert_eq!(decode(&other.encode_to_vec()), Ok(content));
}

#[test]
fn a_video_with_all_around_it_is_the_same_to_another_parser() {
    let pointer = pointer(3_000_000, "video/mp4").with_plaintext_digest([8; 32]);
    let video = Video::new(pointer).unwrap().with_caption("Us 👋").unwrap();
    let content = Content::new(Body::Video(video)).replying_to(id(1)).quoting(QuotedAuthor::Recipient);
    let attachment = OtherPointer {
        locator: "a/b-c_1".to_owned(),
        key: vec![7; 32],
        digest: vec![9; 32],
        size: 3_000_000,
        media_type: "video/mp4".to_owned(),
        plaintext_digest: vec![8; 32],
    };
    let video = OtherVideo { attachment: Some(attachment), caption: "Us 👋".to_owned() };
    let other = OtherContent {
        in_reply_to: id(1).as_bytes().to_vec(),
        fallback: "A video".to_owned(),
        quoted_author: 2,
        kind: Some(OtherKind::Video(video)),
    };
    agree(content.with_fallback("A video").unwrap(), other);
}

#[test]
fn places_in_all_quarters_of_the_world_are_the_same_to_another_parser() {
    for (north, east) in [(0, 0), (1, -1), (-338_567_844, 1_512_152_967), (900_000_000, -1_800_000_000)] {
        let place = Location::new(f64::from(north) / 1e7, f64::from(east) / 1e7).unwrap();
        let other = OtherLocation { latitude: north, longitude: east };
        let other = OtherContent { kind: Some(OtherKind::Location(other)), ..OtherContent::default() };
        agree(Content::new(Body::Location(place)), other);
    }
}

#[test]
fn buttons_below_a_header_are_the_same_to_another_parser() {
    let ours =
        Interactive::new("Which?", Action::Buttons(buttons(3))).unwrap().with_header(header("Hi")).unwrap();
    let button = |place| OtherButton { id: format!("id {place}"), title: format!("Button {place}") };
    let other = OtherInteractive {
        header: Some(OtherHeader { text: Some(OtherText { text: "Hi".to_owned() }) }),
        body: "Which?".to_owned(),
        action: Some(OtherAction { buttons: Some(OtherButtons { buttons: (0..3).map(button).collect() }) }),
    };
    let other = OtherContent { kind: Some(OtherKind::Interactive(other)), ..OtherContent::default() };
    agree(Content::new(Body::Interactive(Box::new(ours))), other);
}
