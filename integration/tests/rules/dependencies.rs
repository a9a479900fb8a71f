//! Who may depend on whom, from `cargo metadata`.

use std::collections::BTreeSet;
use std::process::Command;

use integration::{places, ran::Ran};
use serde_json::Value;

use super::none;

/// What a package may use of ours, tests aside.
const OURS: &[(&str, &[&str])] = &[
    ("proto-words", &[]),
    ("proto-xmlrpc", &[]),
    ("proto-mtls", &["proto-words"]),
    ("proto", &["proto-words"]),
    ("agent-core", &["proto-words"]),
    ("agent-config", &["agent-core", "proto-words"]),
    ("controller-core", &["proto-words"]),
    (
        "agent",
        &["agent-config", "agent-core", "proto", "proto-mtls", "proto-words", "proto-xmlrpc"],
    ),
    ("controller", &["controller-core", "proto", "proto-mtls", "proto-words", "proto-xmlrpc"]),
    ("cli", &["proto", "proto-mtls", "proto-words", "proto-xmlrpc"]),
    ("certs-dev", &[]),
    ("integration", &["certs-dev", "proto", "proto-mtls", "proto-words", "proto-xmlrpc"]),
    ("fuzz", &["agent-config", "integration"]),
];

/// The pure crates, and all that they may use of others.
const CORES: &[&str] = &["agent-core", "controller-core"];
const OF_OTHERS: &[&str] = &["serde", "thiserror"];

/// Only tests may use the development certificates.
const FOR_TESTS: &[&str] = &["certs-dev"];

/// What cargo knows of the workspace and everything that it uses on Linux.
pub(super) fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .arg("--filter-platform=x86_64-unknown-linux-gnu")
        .current_dir(places::repository());
    let ran = Ran::of(&mut command).unwrap();
    assert_eq!(ran.code, 0, "{command:?}\n{ran}");
    serde_json::from_str(&ran.stdout).unwrap()
}

/// The packages of the workspace.
fn workspace(metadata: &Value) -> Vec<&Value> {
    let members = metadata["workspace_members"].as_array().unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().filter(|package| members.contains(&package["id"])).collect()
}

/// The names of a package's dependencies of one kind: `None` for ordinary ones, else `dev`, `build`.
fn uses<'a>(package: &'a Value, kind: Option<&'a str>) -> impl Iterator<Item = &'a str> {
    let all = package["dependencies"].as_array().unwrap().iter();
    all.filter(move |one| one["kind"].as_str() == kind).map(|one| one["name"].as_str().unwrap())
}

#[test]
fn packages_use_only_what_the_layout_lets_them() {
    let metadata = metadata();
    let packages = workspace(&metadata);
    let ours: BTreeSet<&str> = OURS.iter().map(|(name, _)| *name).collect();
    let found: BTreeSet<&str> =
        packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    assert_eq!(found, ours, "a package more or less is a change of the layout");
    let mut offences = Vec::new();
    for (name, allowed) in OURS {
        let package = packages.iter().find(|package| package["name"] == *name).unwrap();
        for used in uses(package, None).filter(|used| ours.contains(used)) {
            if !allowed.contains(&used) {
                offences.push(format!("{name} uses {used}"));
            }
        }
        for used in uses(package, Some("dev")).filter(|used| ours.contains(used)) {
            if !allowed.contains(&used) && !FOR_TESTS.contains(&used) {
                offences.push(format!("the tests of {name} use {used}"));
            }
        }
        offences.extend(
            uses(package, Some("build")).map(|used| format!("{name} is built with {used}")),
        );
    }
    none("see the dependency rule in docs/ARCHITECTURE.md", &offences);
}

#[test]
fn cores_are_pure() {
    let metadata = metadata();
    let mut offences = Vec::new();
    for package in workspace(&metadata) {
        let name = package["name"].as_str().unwrap();
        if CORES.contains(&name) {
            let impure = uses(package, None)
                .filter(|used| *used != "proto-words" && !OF_OTHERS.contains(used));
            offences.extend(impure.map(|used| format!("{name} uses {used}")));
        }
    }
    none("a core has no clock, no descriptor and no await within its reach", &offences);
}

#[test]
fn every_package_keeps_the_lints() {
    let mut offences = Vec::new();
    for package in workspace(&metadata()) {
        let manifest = package["manifest_path"].as_str().unwrap();
        let text = std::fs::read_to_string(manifest).unwrap();
        if !text.contains("[lints]\nworkspace = true\n") {
            offences.push(manifest.to_owned());
        }
    }
    none("[lints] workspace = true", &offences);
}
