//! The sources, as files; and the top of the repository.

use std::fs;
use std::path::{Path, PathBuf};

use integration::places;

use super::none;

/// What stands at the top, dotfiles aside; git ignores `target`.
const TOP: &[&str] = &[
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "agent",
    "certs-dev",
    "cli",
    "controller",
    "docs",
    "integration",
    "proto",
];

/// A source file of ours.
pub(super) struct Source {
    /// From the top of the repository, with `/`.
    pub(super) path: String,
    /// The whole text.
    pub(super) text: String,
}

impl Source {
    /// The lines, numbered from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The lines that are code: neither comment nor documentation.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// Every Rust file but the generated ones.
pub(super) fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for package in TOP.iter().filter(|name| places::repository().join(name).is_dir()) {
        walk(&places::repository().join(package), &mut found);
    }
    assert!(found.len() > 20, "the sources were not found");
    found.sort();
    found.iter().map(|path| read(path)).collect()
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if !path.ends_with("proto/src/gen") && !path.ends_with("target") {
                walk(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn read(path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    let path = path.strip_prefix(places::repository()).unwrap().to_str().unwrap().to_owned();
    Source { path, text }
}

#[test]
fn the_top_level_is_the_agreed_one() {
    let mut names: Vec<_> = fs::read_dir(places::repository())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && name != "target")
        .collect();
    names.sort();
    assert_eq!(names, TOP, "tool settings are dotfiles; everything else has its place below");
}

#[test]
fn no_module_is_named_for_nothing() {
    const EMPTY: &[&str] = &["util", "utils", "common", "helper", "helpers", "manager", "misc"];
    let offences: Vec<_> = sources()
        .into_iter()
        .filter(|source| {
            let mut parts = source.path.trim_end_matches(".rs").split('/');
            parts.any(|part| EMPTY.contains(&part))
        })
        .map(|source| source.path)
        .collect();
    none("a module is named for what it does", &offences);
}
