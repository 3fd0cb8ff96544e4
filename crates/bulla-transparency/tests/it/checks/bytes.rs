use bulla_transparency::{
    CompactRange, ConsistencyProof, Head, InclusionProof, KeyStatement, MAX_PROOF_HASHES, Monitor, TreeHash,
};

/// What a stranger sends, by the first byte: a statement, a head, a proof of inclusion or of consistency, or
/// the right edge of a log. Whether it was any.
pub(crate) fn check(bytes: &[u8]) -> bool {
    let Some((which, form)) = bytes.split_first() else { return false };
    match which {
        0 => statement(form),
        1 => head(form),
        2 => inclusion(form),
        3 => consistency(form),
        4 => range(form),
        _ => return false,
    }
    .is_some()
}

fn statement(bytes: &[u8]) -> Option<()> {
    let read = KeyStatement::from_bytes(bytes);
    let mut monitor = Monitor::new(read.as_ref().ok().map(KeyStatement::business));
    assert!(monitor.read(bytes).is_ok() && monitor.head().size() == 1);
    let read = read.ok()?;
    assert!(read.to_bytes()[..] == *bytes && read.leaf_hash() == TreeHash::of_leaf(bytes));
    assert!(read.next(*read.key()).is_ok_and(|next| next.follows(&read)) || read.version() == u32::MAX);
    Some(())
}

fn head(bytes: &[u8]) -> Option<()> {
    let read = Head::from_bytes(bytes).ok()?;
    assert!(read.to_bytes()[..] == *bytes);
    Some(())
}

fn inclusion(bytes: &[u8]) -> Option<()> {
    let read = InclusionProof::from_bytes(bytes).ok()?;
    assert!(read.to_bytes() == bytes && read.hashes().len() < MAX_PROOF_HASHES);
    let nodes = InclusionProof::nodes(read.index(), read.size()).unwrap();
    assert!(nodes.len() >= read.hashes().len() && nodes.len() <= 126);
    let head = Head::new(read.size(), TreeHash::of_leaf(bytes)).unwrap();
    assert!(read.verify(&TreeHash::of_nothing(), &head).is_err(), "nobody finds a proof for a hash");
    Some(())
}

fn consistency(bytes: &[u8]) -> Option<()> {
    let read = ConsistencyProof::from_bytes(bytes).ok()?;
    assert!(read.to_bytes() == bytes && read.hashes().len() <= MAX_PROOF_HASHES);
    let nodes = ConsistencyProof::nodes(read.old_size(), read.new_size()).unwrap();
    assert!(nodes.len() >= read.hashes().len() && nodes.len() <= 126);
    let root = |size| if size == 0 { TreeHash::of_nothing() } else { TreeHash::of_leaf(bytes) };
    let heads = [read.old_size(), read.new_size()].map(|size| Head::new(size, root(size)).unwrap());
    let is_trivial = read.hashes().is_empty();
    assert!(read.verify(&heads[0], &heads[1]).is_ok() == is_trivial, "nobody finds a proof for a hash");
    assert!(read.implied_old_root(&heads[1]).is_none());
    Some(())
}

fn range(bytes: &[u8]) -> Option<()> {
    let mut read = CompactRange::from_bytes(bytes).ok()?;
    assert!(read.to_bytes() == bytes && read.head().size() == read.size());
    let before = read.clone();
    match read.append(TreeHash::of_leaf(bytes)) {
        Ok(nodes) => assert!(nodes.len() == 1 + before.size().trailing_ones() as usize),
        Err(_) => assert!(read == before),
    }
    assert!(CompactRange::from_bytes(&read.to_bytes()).is_ok_and(|again| again == read));
    Some(())
}
