//! What others' packages may ask of our users, and how many versions of one we carry.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use integration::{places, ran::Ran};
use serde_json::Value;

use super::dependencies::metadata;
use super::none;

/// Licences that ask for no more than to be named.
const LICENCES: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Packages that come in two versions because others have not moved yet; each is small.
const TWICE: &[&str] = &["base64", "getrandom", "hashbrown", "syn", "unicode-width"];

/// Large C and assembler builds, and a second TLS: `ring` is the one.
const NEVER: &[&str] = &["aws-lc-rs", "aws-lc-sys", "native-tls", "openssl", "openssl-sys"];

/// The packages that a build on Linux takes in.
fn resolved(metadata: &Value) -> Vec<&Value> {
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let ids: BTreeSet<&str> = nodes.iter().map(|node| node["id"].as_str().unwrap()).collect();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages.filter(|package| ids.contains(package["id"].as_str().unwrap())).collect()
}

/// Whether a licence expression can be met: `AND` needs all its parts, `OR` (or the older `/`) one.
fn allowed(expression: &str) -> bool {
    let expression = expression.replace(" / ", " OR ").replace('/', " OR ");
    let mut all = expression.split(" AND ").map(|part| part.trim_matches(['(', ')']));
    all.all(|part| part.split(" OR ").any(|one| LICENCES.contains(&one.trim())))
}

#[test]
fn licences_are_known_and_permissive() {
    let metadata = metadata();
    let offences: Vec<_> = resolved(&metadata)
        .into_iter()
        .filter(|package| !package["license"].as_str().is_some_and(allowed))
        .map(|package| {
            format!("{} {}: {}", package["name"], package["version"], package["license"])
        })
        .collect();
    none("licences that we may pass on", &offences);
}

#[test]
fn licence_expressions_are_read() {
    assert!(allowed("MIT/Apache-2.0"));
    assert!(allowed("(MIT OR GPL-3.0) AND Unicode-3.0"));
    assert!(!allowed("MIT AND GPL-3.0"));
    assert!(!allowed("GPL-3.0"));
}

#[test]
fn one_version_of_each_package() {
    let metadata = metadata();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in resolved(&metadata) {
        let name = package["name"].as_str().unwrap();
        versions.entry(name).or_default().push(package["version"].as_str().unwrap());
    }
    let mut offences: Vec<_> = versions
        .iter()
        .filter(|(name, versions)| versions.len() > 1 && !TWICE.contains(name))
        .map(|(name, versions)| format!("{name}: {}", versions.join(", ")))
        .collect();
    offences
        .extend(NEVER.iter().filter(|name| versions.contains_key(*name)).map(ToString::to_string));
    none("one version of each, and none of the excluded ones", &offences);
}

/// cargo-deny knows more than this; it is asked where somebody has installed it. The tests above do
/// not need it. Its settings are in `.deny.toml`.
#[test]
fn cargo_deny_agrees_where_it_is_installed() {
    let version = Ran::of(Command::new("cargo-deny").arg("--version"));
    if !version.is_ok_and(|ran| ran.code == 0) {
        return;
    }
    let mut command = Command::new("cargo");
    command.args(["deny", "--offline", "check", "bans", "licenses"]);
    let ran = Ran::of(command.current_dir(places::repository())).unwrap();
    assert_eq!(ran.code, 0, "{ran}");
}
