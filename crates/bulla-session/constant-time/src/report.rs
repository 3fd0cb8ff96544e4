//! What valgrind reports, read from its XML.

use std::fmt;
use std::fs;
use std::path::Path;

pub(crate) const HOME: &str = env!("CARGO_MANIFEST_DIR");

/// Something secret that decided a branch or an address.
pub(crate) struct Report {
    /// From the innermost call outwards, with those the compiler inlined.
    pub(crate) calls: Vec<Call>,
}

/// A line of source that was being executed.
pub(crate) struct Call {
    /// The file: crate without version, path in it. Of the standard library, the whole path; empty if it is
    /// not known.
    pub(crate) file: String,
    /// What stands there, without the space around it; empty if it is not to be had.
    pub(crate) text: String,
    number: String,
}

impl Report {
    /// All reports of one run; nothing if it did not come to its end.
    pub(crate) fn all(xml: &str) -> Option<Vec<Self>> {
        let complete = xml.trim_end().ends_with("</valgrindoutput>");
        let reports = between(xml, "error").map(|error| {
            // Behind the first stack may stand others, of where something was allocated.
            let stack = between(error, "stack").next().unwrap_or_default();
            Self { calls: between(stack, "frame").map(Call::read).collect() }
        });
        complete.then(|| reports.collect())
    }
}

impl Call {
    fn read(frame: &str) -> Self {
        let field = |name| between(frame, name).next().unwrap_or_default();
        let (folder, file, number) = (field("dir"), field("file"), field("line"));
        if file.is_empty() {
            return Self { file: String::new(), text: String::new(), number: String::new() };
        }
        let path = format!("{folder}/{file}");
        let source = fs::read_to_string(&path).unwrap_or_default();
        let line = number.parse::<usize>().ok().and_then(|number| source.lines().nth(number.checked_sub(1)?));
        let text = line.unwrap_or_default().trim().to_owned();
        Self { file: within_crate(&path), text, number: number.to_owned() }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, text, number } = self;
        if file.is_empty() { f.write_str("code without lines") } else { write!(f, "{file}:{number}: {text}") }
    }
}

/// What stands between all such tags, which are never nested in each other.
fn between<'a>(xml: &'a str, tag: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (inner, after) = rest.split_once(&open)?.1.split_once(&close)?;
        rest = after;
        Some(inner)
    })
}

fn within_crate(path: &str) -> String {
    let workspace = Path::new(HOME).ancestors().nth(3).and_then(Path::to_str).unwrap_or_default();
    if let Some((_, path)) = path.split_once("/registry/src/") {
        // Registry, then crate with version, then the path in it.
        let mut parts = path.splitn(3, '/').skip(1);
        let (versioned, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let name = versioned.rsplit_once('-').map_or(versioned, |(name, _)| name);
        return format!("{name}/{path}");
    }
    let ours = path.strip_prefix(workspace).unwrap_or(path).trim_start_matches('/');
    ours.strip_prefix("crates/").unwrap_or(ours).to_owned()
}
