//! Layers, errors, addresses, and whose certificate it is.

use super::{FleetSettings, SettingsError, address};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn read(section: &[(&str, &str)], env: &[(&str, &str)]) -> Result<FleetSettings, SettingsError> {
    FleetSettings::read(&map(section), "s.conf", Path::new("/here"), map(env))
}

#[test]
fn a_later_layer_wins_and_paths_begin_at_the_configuration() {
    let settings = read(
        &[
            ("controller", "ctl-1, ctl-2:9550"),
            ("host", "web-1"),
            ("labels", "role=web, zone = a"),
            ("ca", "certs/ca.pem"),
            ("redial_max", "5s"),
        ],
        &[("FLEETVISOR_HOST", "01"), ("FLEETVISOR_SERVER", "x"), ("HOST", "y")],
    )
    .unwrap();
    assert_eq!(settings.controllers, ["ctl-1:9440", "ctl-2:9550"]);
    assert_eq!(settings.host.as_deref(), Some("01"));
    assert_eq!(settings.labels, map(&[("role", "web"), ("zone", "a")]));
    assert_eq!(settings.files.ca, Path::new("/here/certs/ca.pem"));
    assert_eq!(settings.files.key, Path::new("/etc/fleetvisor/host.key"));
    assert_eq!(settings.redial_max, Duration::from_secs(5));
}

#[test]
fn an_error_names_layer_key_and_what_would_be_right() {
    for (section, env, expected) in [
        (
            &[][..],
            &[][..],
            "s.conf: [fleet]: controller is missing; \
             write controller = HOST or HOST:PORT, comma-separated if several",
        ),
        (
            &[("controller", "c"), ("redial_max", "1 minute")],
            &[],
            "s.conf: [fleet]: redial_max: \"1 minute\" is not a length of time; \
             write seconds from 1 to 86400, such as 60 or 60s",
        ),
        (
            &[("controller", "c")],
            &[("FLEETVISOR_LABELS", "web")],
            "the environment (FLEETVISOR_…): labels: \"web\" is not a label; \
             write key=value,key=value",
        ),
        (
            &[("controllers", "c")],
            &[],
            "s.conf: [fleet]: controllers is not a key; there are controller, host, labels, \
             ca, certificate, key, state_dir, redial_max",
        ),
        (
            &[("controller", "https://c/")],
            &[],
            "s.conf: [fleet]: controller: \"https://c/\" is not an address; \
             write HOST or HOST:PORT",
        ),
    ] {
        assert_eq!(read(section, env).unwrap_err().to_string(), expected);
    }
}

#[test]
fn addresses_get_the_port_that_they_do_not_name() {
    for (text, expected) in [
        ("ctl", Some("ctl:9440")),
        ("10.0.0.1:1", Some("10.0.0.1:1")),
        ("[::1]", Some("[::1]:9440")),
        ("[::1]:77", Some("[::1]:77")),
        ("::1", None),
        ("[::1", None),
        ("[x]", None),
        ("ctl:0", None),
        ("ctl:http", None),
        (":9440", None),
    ] {
        assert_eq!(address(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn the_host_must_be_the_certificates() {
    use certs_dev::{Authority, Leaf, Validity, write_private, write_public};

    let dir = tempfile::tempdir().unwrap();
    let ca = Authority::new("demo", Validity::days(1)).unwrap();
    let pair = ca.issue(&Leaf::host("demo", "web-1")).unwrap();
    write_public(&dir.path().join("ca.pem"), &ca.certificate()).unwrap();
    write_public(&dir.path().join("own.pem"), &pair.certificate).unwrap();
    write_private(&dir.path().join("own.key"), &pair.key).unwrap();
    let settings = |host: &str| {
        let section = map(&[
            ("controller", "c"),
            ("host", host),
            ("ca", "ca.pem"),
            ("certificate", "own.pem"),
            ("key", "own.key"),
        ]);
        FleetSettings::read(&section, "s.conf", dir.path(), []).unwrap()
    };
    assert!(settings("web-1").credentials().is_ok());
    assert!(settings("").credentials().is_ok());
    let error = settings("web-2").credentials().unwrap_err().to_string();
    assert!(error.contains("\"web-2\"") && error.contains("\"web-1\""), "{error}");
}
