//! The tree of eight leaves that implementations of RFC 6962 have been compared by since the first one.

use bulla_transparency::{ConsistencyProof, InclusionProof, LogKey, LogSigner, Origin, TreeHash};

use crate::test_log::TestLog;

const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// Nodes of it, as proofs have them.
const LEAF_1: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const LEAF_4: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const LEAVES_2_3: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const LEAVES_4_5: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
const LEAVES_4_7: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
const LEAVES_6_7: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";

fn log() -> TestLog {
    let mut log = TestLog::default();
    LEAVES.iter().for_each(|leaf| log.append(leaf));
    log
}

fn hash(hex: &str) -> TreeHash {
    let bytes: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    TreeHash::from_bytes(bytes.try_into().unwrap())
}

#[test]
fn roots_are_the_published_ones() {
    let log = log();
    assert_eq!(log.head(0).root(), &hash(EMPTY));
    for (size, root) in (1..).zip(ROOTS) {
        assert_eq!(log.head(size).root(), &hash(root), "of {size}");
    }
}

#[test]
fn inclusion_proofs_are_the_published_ones() {
    let log = log();
    let published: [(u64, u64, &[&str]); 5] = [
        (0, 1, &[]),
        (0, 8, &[LEAF_1, LEAVES_2_3, LEAVES_4_7]),
        (5, 8, &[LEAF_4, LEAVES_6_7, ROOTS[3]]),
        (2, 3, &[ROOTS[1]]),
        (1, 5, &[ROOTS[0], LEAVES_2_3, LEAF_4]),
    ];
    for (index, size, hashes) in published {
        let hashes: Vec<_> = hashes.iter().map(|hex| hash(hex)).collect();
        let proof: InclusionProof = log.inclusion(index, size);
        assert_eq!(proof.hashes(), hashes, "of {index} in {size}");
        assert_eq!(proof.verify(&log.leaf(index), &log.head(size)), Ok(()));
    }
}

#[test]
fn consistency_proofs_are_the_published_ones() {
    let log = log();
    let published: [(u64, u64, &[&str]); 4] = [
        (1, 1, &[]),
        (1, 8, &[LEAF_1, LEAVES_2_3, LEAVES_4_7]),
        (6, 8, &[LEAVES_4_5, LEAVES_6_7, ROOTS[3]]),
        (2, 5, &[LEAVES_2_3, LEAF_4]),
    ];
    for (old, new, hashes) in published {
        let hashes: Vec<_> = hashes.iter().map(|hex| hash(hex)).collect();
        let proof: ConsistencyProof = log.consistency(old, new);
        assert_eq!(proof.hashes(), hashes, "from {old} to {new}");
        assert_eq!(proof.verify(&log.head(old), &log.head(new)), Ok(()));
    }
}

/// Of Go's checksum database, which is known to every Go program.
#[test]
fn the_id_of_a_key_is_the_published_one() {
    let text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    let key = LogKey::parse(text).unwrap();
    assert_eq!((key.id(), key.to_string().as_str()), ([0x03, 0x3d, 0xe0, 0xae], text));
}

/// RFC 8032, section 7.1, test 1.
#[test]
fn a_seed_gives_the_public_key_of_the_specification() {
    let seed = hash("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    let public = hash("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let signer = LogSigner::from_seed(Origin::parse("log").unwrap(), seed.as_bytes());
    assert_eq!(signer.public().as_bytes(), public.as_bytes());
    assert_eq!(*signer.to_seed(), *seed.as_bytes());
}
