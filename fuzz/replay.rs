//! The corpora that fuzzing has left behind, replayed by the tests of the crates: each includes this file
//! and says with which check.

use std::fs;
use std::path::{Path, PathBuf};

/// The corpora of a crate, a folder for each target.
pub(crate) struct Corpora {
    /// The crate's folder.
    pub(crate) package: &'static str,
    /// A corpus is read with every clone: of all targets so many files, and so many bytes.
    pub(crate) max_files: usize,
    pub(crate) max_bytes: u64,
}

#[expect(clippy::print_stdout, reason = "a test that fails shows what it printed")]
impl Corpora {
    /// Runs `check` over each file of the corpus of `target`, of which there has to be one at least.
    pub(crate) fn replay(&self, target: &str, mut check: impl FnMut(&[u8])) {
        let files = files(&self.folder().join(target));
        assert!(!files.is_empty(), "{target} has no corpus");
        for file in &files {
            // The last one that is printed is the one that fails.
            println!("{}", file.display());
            check(&fs::read(file).unwrap());
        }
    }

    /// Runs `check` over each file of the corpus of `target`, cut at each place and with each of its bytes
    /// changed: what a fuzzer reaches soon, so that a machine that never runs one has seen it too.
    #[allow(dead_code, reason = "each crate includes this file, and some have larger corpora")]
    pub(crate) fn replay_changed(&self, target: &str, check: impl Fn(&[u8])) {
        self.replay(target, |row| {
            for place in 0..row.len() {
                check(&row[..place]);
                for change in [1, 0x40, 0x80, 0xff] {
                    let mut changed = row.to_vec();
                    changed[place] ^= change;
                    check(&changed);
                }
            }
        });
    }

    /// Runs `check` over files of the corpus of `target` with changes drawn at random from a fixed seed, a
    /// thousand times, or as often as `MUTATIONS` in the environment says: for a machine without a fuzzer.
    #[allow(dead_code, reason = "each crate includes this file, and some have a fuzzer's corpora alone")]
    pub(crate) fn replay_mutated(&self, target: &str, check: impl Fn(&[u8])) {
        let files: Vec<_> =
            files(&self.folder().join(target)).iter().map(|file| fs::read(file).unwrap()).collect();
        let rounds = std::env::var("MUTATIONS").map_or(1000, |rounds| rounds.parse().unwrap());
        let mut drawn = Drawn(0x9e37_79b9_7f4a_7c15);
        for _ in 0..rounds {
            let mut bytes = files[drawn.below(files.len())].clone();
            for _ in 0..=drawn.below(6) {
                let place = drawn.below(bytes.len() + 1);
                match drawn.below(5) {
                    0 => bytes.insert(place, [0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x0b][drawn.below(7)]),
                    1 => bytes.truncate(place),
                    // The rest of another one follows.
                    2 => {
                        let other = &files[drawn.below(files.len())];
                        bytes.truncate(place);
                        bytes.extend_from_slice(&other[drawn.below(other.len() + 1)..]);
                    }
                    _ if place == bytes.len() => bytes.push(drawn.byte()),
                    3 => bytes[place] = drawn.byte(),
                    _ => bytes[place] ^= 1 << drawn.below(8),
                }
            }
            check(&bytes);
        }
        println!("{target}: {rounds} mutations");
    }

    pub(crate) fn stay_small(&self) {
        let files: Vec<_> = files(&self.folder()).iter().flat_map(|target| files(target)).collect();
        let bytes: u64 = files.iter().map(|file| file.metadata().unwrap().len()).sum();
        println!("{} files, {bytes} bytes", files.len());
        assert!(!files.is_empty() && files.len() <= self.max_files && bytes <= self.max_bytes);
    }

    fn folder(&self) -> PathBuf {
        Path::new(self.package).join("tests/data/corpus")
    }
}

/// Numbers that follow from a seed (xorshift).
#[allow(dead_code, reason = "as above")]
struct Drawn(u64);

#[allow(dead_code, reason = "as above")]
impl Drawn {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}

/// In their order, so that a failure comes back at the same place.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}
