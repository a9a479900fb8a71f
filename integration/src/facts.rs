//! Which facts about the original have been seen to hold, and on whom.
//!
//! `facts/*.toml` lists every fact; a test that has looked at one says so with [`shown`], after its
//! assertion. `tests/manifest.rs`, which runs after the others, compares what was listed with what
//! was shown in this run (`make test` forgets the run before).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::thread;

use serde::Deserialize;

use crate::places;
use crate::subject::Subject;

/// One line of the list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// What the original does.
    pub fact: String,
    /// The module or test that shows it on both subjects.
    pub test: Option<String>,
    /// The number in `docs/COMPAT.md` under which we differ.
    pub decision: Option<String>,
    /// It can be shown where the tests run as root, and nowhere else.
    #[serde(default)]
    pub root: bool,
    /// It is shown when these others are.
    #[serde(rename = "as", default)]
    pub same_as: Vec<String>,
}

/// Every fact by its id.
///
/// # Panics
///
/// When a list cannot be read, or an id stands twice.
#[must_use]
pub fn listed() -> BTreeMap<String, Fact> {
    let mut all = BTreeMap::new();
    let lists = fs::read_dir(places::package().join("facts")).expect("the lists are checked in");
    for path in lists.map(|entry| entry.expect("a readable directory").path()) {
        let text = fs::read_to_string(&path).expect("a list is text");
        let list: BTreeMap<String, Fact> =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (id, fact) in list {
            let twice = all.insert(id.clone(), fact);
            assert!(twice.is_none(), "{}: {id} stands in another list too", path.display());
        }
    }
    all
}

/// Says that the running test has seen these facts hold on a subject.
///
/// # Panics
///
/// When that cannot be written down.
pub fn shown(subject: Subject, ids: &[&str]) {
    let thread = thread::current();
    let test = thread.name().expect("tests run in threads that are called after them");
    let mut lines = String::new();
    for id in ids {
        let _ = writeln!(lines, "{id} {subject:?} {test}");
    }
    print!("{lines}");
    let place = place();
    fs::create_dir_all(&place).expect("the target directory is writable");
    let file = place.join(format!("{}.txt", std::process::id()));
    let mut file = OpenOptions::new().create(true).append(true).open(file).expect("writable");
    file.write_all(lines.as_bytes()).expect("the target directory has room");
}

/// Who was seen to keep a fact, and in which test.
pub type Seen = BTreeMap<String, BTreeSet<(String, String)>>;

/// What the tests of this run have shown: by id, the subjects and tests.
#[must_use]
pub fn seen() -> Seen {
    let mut seen = Seen::new();
    let files = fs::read_dir(place()).into_iter().flatten().flatten();
    for text in files.filter_map(|entry| fs::read_to_string(entry.path()).ok()) {
        for line in text.lines() {
            let mut words = line.splitn(3, ' ').map(str::to_owned);
            if let (Some(id), Some(subject), Some(test)) =
                (words.next(), words.next(), words.next())
            {
                seen.entry(id).or_default().insert((subject, test));
            }
        }
    }
    seen
}

fn place() -> PathBuf {
    places::cache().with_file_name("facts")
}
