//! Broken configurations give supervisord's text, to the letter.
//!
//! Each `NN-name.conf` in `tests/broken` has a `NN-name.txt` with what supervisord 4.3.0 prints
//! between `Error: ` and the line `For help, use … -h`. In it `{file}` is the configuration as
//! typed, `{dir}` its directory, and `{env}` the sorted names `ENV_…` of the environment.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use agent_config::{LoadRequest, RealDisk, load};

use crate::world::{TwoUsers, surroundings};

fn configurations() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let entries = fs::read_dir(dir).expect("the directory is there");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|end| end == "conf"))
        .collect();
    files.sort();
    files
}

fn wanted(path: &Path) -> String {
    let text = fs::read_to_string(path.with_extension("txt")).expect("each has its text");
    let dir = path.parent().and_then(Path::to_str).expect("it is UTF-8");
    let names = surroundings().environment.into_keys();
    let names: Vec<String> = names.map(|name| format!("ENV_{name}")).collect();
    let file = path.to_str().expect("it is UTF-8");
    text.strip_suffix('\n')
        .expect("the text ends with a line feed")
        .replace("{file}", file)
        .replace("{dir}", dir)
        .replace("{env}", &names.join(", "))
}

#[test]
fn broken_configurations_have_the_originals_text() {
    let files = configurations();
    assert!(files.len() >= 30, "only {}", files.len());
    for path in files {
        let request = LoadRequest {
            file: path.to_str().expect("it is UTF-8").to_owned(),
            surroundings: surroundings(),
            ..LoadRequest::default()
        };
        let error = load(&request, &RealDisk, &TwoUsers)
            .err()
            .unwrap_or_else(|| panic!("{} is not broken", path.display()));
        assert_eq!(error.to_string(), wanted(&path), "{}", path.display());
    }
}

/// `tests/broken/remedies.txt` has a line for each: where to look, and what would be right.
#[test]
fn broken_configurations_are_told_with_place_and_remedy() {
    let mut all = String::new();
    for path in configurations() {
        let request = LoadRequest {
            file: path.to_str().expect("it is UTF-8").to_owned(),
            surroundings: surroundings(),
            ..LoadRequest::default()
        };
        let Err(error) = load(&request, &RealDisk, &TwoUsers) else { continue };
        let help = error.diagnosis();
        let dir = path.parent().and_then(Path::to_str).expect("it is UTF-8");
        let place = help.place.to_string().replace(&format!("{dir}/"), "");
        assert!(help.place.line.is_some(), "{}: {help}", path.display());
        assert_ne!(help.right, "see the documentation of this key", "{}", path.display());
        let _ = writeln!(all, "{place}{}", help.right);
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let wanted = fs::read_to_string(dir.join("remedies.txt")).unwrap_or_default();
    assert_eq!(all, wanted, "the remedies are now:\n{all}");
}
