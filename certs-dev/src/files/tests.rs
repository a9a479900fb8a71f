//! What the command leaves on disk, and what it refuses.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::{Fleet, Validity, WriteError, write_all};

fn fleet(hosts: &[&str]) -> Fleet {
    Fleet {
        name: "demo".into(),
        hosts: hosts.iter().map(|host| (*host).into()).collect(),
        operators: vec!["admin".into()],
        controller: "controller-1".into(),
        controller_names: vec!["ctl.example".into(), "127.0.0.9".into()],
        validity: Validity::days(1),
    }
}

fn listing(dir: &Path) -> Vec<(String, u32)> {
    let mut all: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            (entry.file_name().into_string().unwrap(), mode)
        })
        .collect();
    all.sort();
    all
}

#[test]
fn every_holder_gets_a_certificate_and_a_key_that_only_it_can_read() {
    let dir = tempfile::tempdir().unwrap();
    write_all(&fleet(&["web-1", "db-1"]), dir.path(), false).unwrap();
    let expected: Vec<(String, u32)> =
        ["ca", "controller", "host-db-1", "host-web-1", "operator-admin"]
            .into_iter()
            .flat_map(|stem| [(format!("{stem}.key"), 0o600), (format!("{stem}.pem"), 0o644)])
            .collect();
    assert_eq!(listing(dir.path()), expected);
}

#[test]
fn nothing_is_written_over_and_nothing_is_written_when_something_is_there() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("host-web-1.pem"), "mine").unwrap();
    let error = write_all(&fleet(&["web-1"]), dir.path(), false).unwrap_err();
    assert!(matches!(error, WriteError::Exists(_)), "{error}");
    assert!(error.to_string().contains("--missing"), "{error}");
    assert_eq!(listing(dir.path()).len(), 1);
}

#[test]
fn what_is_missing_comes_from_the_authority_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    write_all(&fleet(&["web-1"]), dir.path(), false).unwrap();
    let before = fs::read(dir.path().join("ca.pem")).unwrap();
    let made = write_all(&fleet(&["web-1", "web-2"]), dir.path(), true).unwrap();
    let names: Vec<_> = made.iter().filter_map(|file| file.file_name()).collect();
    assert_eq!(names, ["host-web-2.pem", "host-web-2.key"]);
    assert_eq!(fs::read(dir.path().join("ca.pem")).unwrap(), before);
}

#[test]
fn another_fleets_authority_issues_nothing() {
    let dir = tempfile::tempdir().unwrap();
    write_all(&fleet(&["web-1"]), dir.path(), false).unwrap();
    let other = Fleet { name: "emo".into(), ..fleet(&["web-2"]) };
    let error = write_all(&other, dir.path(), true).unwrap_err();
    assert!(matches!(error, WriteError::OtherFleet { .. }), "{error}");
}

#[test]
fn a_name_that_would_leave_the_uri_or_the_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for bad in ["", "a/b", "web 1", "w\u{e9}b"] {
        let error = write_all(&fleet(&[bad]), dir.path(), false).unwrap_err();
        assert!(matches!(error, WriteError::BadName(_)), "{bad:?}: {error}");
    }
    let error = write_all(&fleet(&["a", "a"]), dir.path(), false).unwrap_err();
    assert!(matches!(error, WriteError::Twice(_)), "{error}");
    assert_eq!(listing(dir.path()), []);
}
