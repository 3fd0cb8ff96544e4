//! Each bound at its edge and one past it, and what the errors say.

use bulla_base::PhoneNumberId;
use bulla_transparency::{
    CompactRange, ConsistencyProof, Evidence, Head, IdentityKey, InclusionProof, InvalidForm, KeyStatement,
    LogKey, MAX_CHECKPOINT_BYTES, MAX_EVIDENCE_BYTES, MAX_LOG_LEAVES, MAX_ORIGIN_BYTES, MAX_SIGNATURES,
    Origin, SignedCheckpoint, TreeHash,
};

use crate::test_log::{TestLog, key, statement};

fn too_large<T>(result: Result<T, InvalidForm>, at_most: u64) -> bool {
    matches!(result, Err(InvalidForm::TooLarge { limit, actual, .. }) if limit == at_most && actual > limit)
}

#[test]
fn a_log_is_full_at_its_largest_size_and_not_one_leaf_before() {
    let mut bytes = (MAX_LOG_LEAVES - 1).to_be_bytes().to_vec();
    bytes.extend([7; 62 * 32]);
    let mut range = CompactRange::from_bytes(&bytes).unwrap();
    assert_eq!(range.append(TreeHash::of_leaf(b"the last")).unwrap().len(), 1);
    let full = range.clone();
    assert!(too_large(range.append(TreeHash::of_leaf(b"one more")), MAX_LOG_LEAVES));
    assert_eq!(range, full, "it is as it was");
    assert_eq!((range.size(), range.to_bytes().len()), (MAX_LOG_LEAVES, 2024));
    // All of it is one leaf short of a complete tree, which would be one root.
    assert_eq!(range.head().size(), MAX_LOG_LEAVES);
}

#[test]
fn sizes_are_taken_up_to_the_largest_wherever_they_are_read() {
    let (root, past) = (TreeHash::of_nothing(), MAX_LOG_LEAVES + 1);
    assert!(Head::new(MAX_LOG_LEAVES, root).is_ok() && too_large(Head::new(past, root), MAX_LOG_LEAVES));
    let nodes = InclusionProof::nodes(0, MAX_LOG_LEAVES);
    assert!(nodes.is_ok() && too_large(InclusionProof::nodes(0, past), MAX_LOG_LEAVES));
    let nodes = ConsistencyProof::nodes(1, MAX_LOG_LEAVES);
    assert!(nodes.is_ok() && too_large(ConsistencyProof::nodes(1, past), MAX_LOG_LEAVES));
    for size in [past, u64::MAX] {
        let numbers = [&[0; 7][..], &[1], &size.to_be_bytes()].concat();
        assert!(too_large(InclusionProof::from_bytes(&numbers), MAX_LOG_LEAVES));
        assert!(too_large(ConsistencyProof::from_bytes(&numbers), MAX_LOG_LEAVES));
        assert!(too_large(CompactRange::from_bytes(&size.to_be_bytes()), MAX_LOG_LEAVES));
        let head = [&size.to_be_bytes()[..], &[0; 32]].concat();
        assert!(too_large(Head::from_bytes(&head), MAX_LOG_LEAVES));
    }
    let written = |size: u64| format!("log\n{size}\n{}\n\n— log AAAAAAA=\n", "A".repeat(43) + "=");
    assert!(SignedCheckpoint::parse(written(MAX_LOG_LEAVES).as_bytes()).is_ok());
    assert!(too_large(SignedCheckpoint::parse(written(past).as_bytes()), MAX_LOG_LEAVES));
}

#[test]
fn a_proof_is_of_a_leaf_that_is_there_and_goes_from_older_to_newer() {
    assert!(InclusionProof::nodes(4, 5).is_ok() && too_large(InclusionProof::nodes(5, 5), 5));
    assert!(too_large(InclusionProof::nodes(0, 0), 0) && too_large(InclusionProof::nodes(u64::MAX, 5), 5));
    assert!(ConsistencyProof::nodes(5, 5).is_ok_and(|nodes| nodes.is_empty()));
    assert!(ConsistencyProof::nodes(0, 5).is_ok_and(|nodes| nodes.is_empty()));
    assert!(too_large(ConsistencyProof::nodes(6, 5), 5));
}

/// What is wrong with the bytes.
type Reads = fn(&[u8]) -> Option<InvalidForm>;

#[test]
fn what_has_more_or_fewer_bytes_than_it_takes_is_refused() {
    let log = TestLog::of(13);
    let refused = |error: Option<InvalidForm>, length: usize| match error {
        Some(InvalidForm::Length { expected, actual, .. }) => actual == length && expected != actual,
        _ => false,
    };
    let mut forms: Vec<(Vec<u8>, Reads)> = vec![
        (log.inclusion(5, 13).to_bytes(), |bytes| InclusionProof::from_bytes(bytes).err()),
        (log.consistency(5, 13).to_bytes(), |bytes| ConsistencyProof::from_bytes(bytes).err()),
        (log.range.to_bytes(), |bytes| CompactRange::from_bytes(bytes).err()),
        (log.range.head().to_bytes().to_vec(), |bytes| Head::from_bytes(bytes).err()),
        (statement(7, 1).to_bytes().to_vec(), |bytes| KeyStatement::from_bytes(bytes).err()),
        (key(1).as_bytes().to_vec(), |bytes| IdentityKey::from_bytes(bytes).err()),
    ];
    for (bytes, read) in &mut forms {
        assert_eq!(read(bytes), None);
        for length in 0..bytes.len() {
            assert!(refused(read(&bytes[..length]), length), "{length} of {}", bytes.len());
        }
        for _ in 0..33 {
            bytes.push(0);
            assert!(refused(read(bytes), bytes.len()), "{}", bytes.len());
        }
    }
    // As many nodes as were named, too.
    let nodes = log.read(&InclusionProof::nodes(5, 13).unwrap());
    assert!(InclusionProof::from_nodes(5, 13, &nodes[1..]).is_err());
    assert!(InclusionProof::from_nodes(5, 13, &[&nodes[..], &nodes[..1]].concat()).is_err());
    assert!(ConsistencyProof::from_nodes(13, 13, &nodes[..1]).is_err());
}

#[test]
fn a_statement_has_one_way_to_be_written() {
    let (first, second) = (statement(7, 1), statement(7, 1).next(key(2)).unwrap());
    assert_eq!(first.to_bytes()[..13], [1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1]);
    assert_eq!(second.to_bytes()[46..], *first.leaf_hash().as_bytes());
    let changed = |statement: &KeyStatement, place: usize, byte: u8| {
        let mut bytes = statement.to_bytes();
        bytes[place] = byte;
        KeyStatement::from_bytes(&bytes).err()
    };
    let field = |name, expected| Some(InvalidForm::Field { field: name, expected });
    assert_eq!(changed(&first, 0, 2), field("form of the statement", "1"));
    assert_eq!(changed(&first, 12, 0), field("version of the statement", "1 or more"));
    let expected = "zeros in version 1, and a hash in later ones";
    assert_eq!(changed(&first, 12, 2), field("previous of the statement", expected));
    assert_eq!(changed(&first, 77, 1), field("previous of the statement", expected));
    assert_eq!(changed(&second, 12, 1), field("previous of the statement", expected));
    assert_eq!(changed(&first, 13, 6), field("type of the identity key", "5"));
}

#[test]
fn the_last_version_has_none_after_it() {
    let mut bytes = statement(7, 1).next(key(2)).unwrap().to_bytes();
    bytes[9..13].copy_from_slice(&(u32::MAX - 1).to_be_bytes());
    let last = KeyStatement::from_bytes(&bytes).unwrap().next(key(3)).unwrap();
    assert_eq!((last.version(), last.business()), (u32::MAX, PhoneNumberId::new(7)));
    assert!(last.next(key(4)).is_err());
}

#[test]
fn a_head_of_nothing_has_the_root_of_nothing() {
    assert!(Head::new(0, TreeHash::of_nothing()).is_ok_and(|head| head == CompactRange::new().head()));
    let other = Head::new(0, TreeHash::of_leaf(b""));
    let expected = "the hash of nothing, for size 0";
    assert_eq!(other, Err(InvalidForm::Field { field: "root", expected }));
}

#[test]
fn a_name_has_1_to_128_printable_characters_without_space_and_plus() {
    assert!(Origin::parse(&"x".repeat(MAX_ORIGIN_BYTES)).is_ok());
    assert!(too_large(Origin::parse(&"x".repeat(MAX_ORIGIN_BYTES + 1)), 128));
    for text in ["", "a b", "a+b", "a\nb", "a\u{a0}b", "é", "a\u{7f}"] {
        assert!(matches!(Origin::parse(text), Err(InvalidForm::Field { field: "origin", .. })), "{text:?}");
    }
}

#[test]
fn a_key_is_written_in_one_way() {
    let key = crate::test_log::signer().public().clone();
    let text = key.to_string();
    assert_eq!(LogKey::parse(&text), Ok(key));
    let (name, rest) = text.split_once('+').unwrap();
    let (id, encoded) = rest.split_once('+').unwrap();
    let other_type = format!("Ag{}", &encoded[2..]);
    for wrong in [
        format!("{name}+{id}"),
        format!("{name}+{id}+{encoded} "),
        format!("{name}+{id}+{}", &encoded[..40]),
        format!("{name}+{}+{encoded}", id.to_uppercase()),
        format!("{name}+00000000+{encoded}"),
        format!("{name}+{id}+{other_type}"),
        format!("other+{id}+{encoded}"),
        format!("{name}++{id}+{encoded}"),
    ] {
        assert!(LogKey::parse(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_checkpoint_has_at_most_16_signatures_and_128_kib() {
    let log = TestLog::of(3);
    let text = log.signed(3).to_string();
    let with = |count: usize| format!("{text}{}", "— witness.example AAAAAAA=\n".repeat(count));
    let most = with(MAX_SIGNATURES - 1);
    let read = SignedCheckpoint::parse(most.as_bytes()).unwrap();
    assert_eq!(read.to_string(), most);
    assert!(too_large(SignedCheckpoint::parse(with(MAX_SIGNATURES).as_bytes()), 16));

    let line = |bytes: usize| format!("{text}— witness.example {}\n", "AAAA".repeat(bytes / 4));
    let overhead = line(0).len();
    let edge = MAX_CHECKPOINT_BYTES - overhead;
    let padded = |bytes: usize| {
        let text = line(bytes);
        // The name takes what Base64 leaves over.
        let missing = overhead + bytes - text.len();
        text.replace("witness.example", &format!("witness.example{}", "x".repeat(missing)))
    };
    assert_eq!(padded(edge).len(), MAX_CHECKPOINT_BYTES);
    assert!(SignedCheckpoint::parse(padded(edge).as_bytes()).is_ok());
    assert!(too_large(SignedCheckpoint::parse(padded(edge + 1).as_bytes()), MAX_CHECKPOINT_BYTES as u64));
    assert!(too_large(Evidence::parse(&vec![b'x'; MAX_EVIDENCE_BYTES + 1]), MAX_EVIDENCE_BYTES as u64));
    let title = InvalidForm::Field { field: "evidence", expected: "its title, of form 1" };
    assert_eq!(Evidence::parse(&vec![b'x'; MAX_EVIDENCE_BYTES]), Err(title));
}

#[test]
fn errors_name_the_field_and_the_limit() {
    let told = |error: InvalidForm| error.to_string();
    let error = Origin::parse(&"x".repeat(129)).unwrap_err();
    assert_eq!(told(error), "origin, in bytes of 129 is more than the 128 allowed");
    assert_eq!(told(Head::from_bytes(&[0; 39]).unwrap_err()), "bytes of a head: 39 instead of 40");
    assert_eq!(told(IdentityKey::from_bytes(&[0; 33]).unwrap_err()), "type of the identity key: expected 5");
}
