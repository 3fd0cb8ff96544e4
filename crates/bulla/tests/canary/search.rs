//! The search: every byte of files and of a process's memory, once.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use aho_corasick::{AhoCorasick, Input, MatchKind};

use crate::canaries::{Canaries, shapes_of_number, shapes_of_text};

/// How much is read at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// Looks for canaries in all their shapes.
///
/// All canaries begin alike, so one pass for the few possible starts finds every place where one may stand; a
/// table tells whether one does.
pub(crate) struct Search {
    starts: AhoCorasick,
    shapes: Vec<Shape>,
    longest: usize,
}

/// One way to write canaries of one kind.
struct Shape {
    kind: &'static str,
    name: &'static str,
    /// How many bytes a mark has.
    bytes: usize,
    canaries: HashMap<Vec<u8>, usize>,
}

/// What a search came to.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// How many bytes were looked at.
    pub(crate) bytes: u64,
    pub(crate) hits: Vec<Hit>,
}

/// A mark that stands somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit {
    /// `text` or `number`.
    pub(crate) kind: &'static str,
    /// Which, in the order in which they were made.
    pub(crate) mark: usize,
    pub(crate) shape: &'static str,
    /// The file or the mapping, and where in it.
    pub(crate) place: String,
    pub(crate) at: u64,
}

impl Search {
    /// Looks for these texts and numbers, which are of `canaries`.
    pub(crate) fn new(canaries: &Canaries, texts: &[String], numbers: &[String]) -> Self {
        let (mut starts, mut shapes) = (Vec::new(), Vec::<Shape>::new());
        let kinds = [
            ("text", canaries.text_start.as_str(), texts, shapes_of_text as fn(&str) -> _),
            ("number", canaries.number_start.as_str(), numbers, shapes_of_number),
        ];
        for (kind, start, canaries, shapes_of) in kinds {
            let first = shapes.len();
            for (name, start) in shapes_of(start) {
                starts.push(start);
                shapes.push(Shape { kind, name, bytes: 0, canaries: HashMap::with_capacity(canaries.len()) });
            }
            for (mark, text) in canaries.iter().enumerate() {
                for (shape, (_, written)) in shapes[first..].iter_mut().zip(shapes_of(text)) {
                    shape.bytes = written.len();
                    shape.canaries.insert(written, mark);
                }
            }
        }
        let longest = shapes.iter().map(|shape| shape.bytes).max().unwrap_or_default();
        let starts = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(starts).unwrap();
        Self { starts, shapes, longest }
    }

    /// Looks at every file below `folder`.
    pub(crate) fn files(&self, folder: &Path) -> Found {
        let mut found = Found::default();
        self.folder(folder, &mut found).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        found
    }

    fn folder(&self, folder: &Path, found: &mut Found) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let (path, kind) = match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))) {
                Ok(entry) => entry,
                // The engine removes files while we look.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if kind.is_dir() {
                self.folder(&path, found)?;
            } else if kind.is_file() {
                let place = path.display().to_string();
                match File::open(&path) {
                    Ok(file) => self.range(&file, 0..file.metadata()?.len(), &place, found)?,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Looks at all memory of the process `id` that it can write to.
    pub(crate) fn memory(&self, whose: &str, id: u32) -> Found {
        let mut found = Found::default();
        let maps = std::fs::read_to_string(format!("/proc/{id}/maps")).unwrap();
        let memory = File::open(format!("/proc/{id}/mem")).unwrap();
        for map in maps.lines() {
            let mut words = map.split_whitespace();
            let (range, rights) = (words.next().unwrap(), words.next().unwrap());
            if !rights.starts_with("rw") {
                continue;
            }
            let (begin, end) = range.split_once('-').unwrap();
            let address = |text| u64::from_str_radix(text, 16).unwrap();
            let place = format!("the memory of the {whose}, {}", words.nth(3).unwrap_or("anonymous"));
            let looked = self.range(&memory, address(begin)..address(end), &place, &mut found);
            // A mapping may go while we look: what was in it is gone too.
            if let Err(error) = looked {
                assert_eq!(error.raw_os_error(), Some(5), "{map}: {error}");
            }
        }
        found
    }

    fn range(
        &self,
        file: &File,
        range: std::ops::Range<u64>,
        place: &str,
        found: &mut Found,
    ) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK_BYTES + self.longest];
        // What a mark that lies across two chunks has in the first.
        let (mut at, mut kept) = (range.start, 0);
        while at < range.end {
            let wanted = CHUNK_BYTES.min(usize::try_from(range.end - at).unwrap());
            let read = file.read_at(&mut buffer[kept..kept + wanted], at)?;
            if read == 0 {
                break;
            }
            let filled = kept + read;
            self.bytes(&buffer[..filled], at - kept as u64, kept, place, found);
            (at, found.bytes) = (at + read as u64, found.bytes + read as u64);
            let keep = filled.min(self.longest - 1);
            buffer.copy_within(filled - keep..filled, 0);
            kept = keep;
        }
        Ok(())
    }

    /// Looks at `bytes`, which stand at `at`. A mark that ends within the first `seen` bytes was noted
    /// before.
    fn bytes(&self, bytes: &[u8], at: u64, seen: usize, place: &str, found: &mut Found) {
        let mut input = Input::new(bytes);
        while let Some(start) = self.starts.find(input.clone()) {
            let from = start.start();
            // Which start it was does not matter: different shapes may begin alike.
            let hit = self.shapes.iter().find_map(|shape| {
                let mark = shape.canaries.get(bytes.get(from..from + shape.bytes)?)?;
                Some((shape, *mark))
            });
            if let Some((shape, mark)) = hit
                && from + shape.bytes > seen
            {
                let Shape { kind, name, .. } = *shape;
                let at = at + from as u64;
                found.hits.push(Hit { kind, mark, shape: name, place: place.to_owned(), at });
            }
            input.set_start(from + 1);
        }
    }
}

impl Found {
    /// What was found, for people to read: a line for each kind, shape and place, with the first address.
    pub(crate) fn report(&self) -> String {
        let mut lines = BTreeMap::<_, (usize, usize, u64)>::new();
        for hit in &self.hits {
            let line = lines.entry((&hit.place, hit.kind, hit.shape));
            line.or_insert((0, hit.mark, hit.at)).0 += 1;
        }
        lines
            .into_iter()
            .map(|((place, kind, shape), (count, mark, at))| {
                format!("  {count} × {kind} as {shape} in {place}, first {kind} {mark} at {at:#x}\n")
            })
            .collect()
    }
}
