//! Whom to talk to: one host or the fleet.
//!
//! What counts, in this order: the scheme of `-s`, then `FLEETVISOR_SERVER`, then a supervisorctl
//! configuration that was found, then the fleet's own configuration. Called `supervisorctl`, the
//! client is supervisorctl and knows no fleet.

use std::path::{Path, PathBuf};

/// Scheme of a controller's address.
const FLEET_SCHEME: &str = "fleet://";

/// The environment variable that names the server.
pub const SERVER_VARIABLE: &str = "FLEETVISOR_SERVER";

/// The environment variable that names the fleet's configuration.
pub const CONFIGURATION_VARIABLE: &str = "FLEETVISOR_CONFIG";

/// Which half of the client runs.
#[derive(Debug, PartialEq, Eq)]
pub enum Mode {
    /// supervisorctl's half. The address is `FLEETVISOR_SERVER`'s, if that decided.
    OneHost(Option<String>),
    /// The fleet's half.
    Fleet,
}

/// What the decision is made from.
pub struct Facts<'a> {
    /// Whether we were called `supervisorctl`.
    pub as_supervisorctl: bool,
    /// The words after the program's name, both halves' options among them.
    pub words: &'a [String],
    /// The value of `FLEETVISOR_SERVER`.
    pub server_variable: Option<String>,
    /// Whether a configuration file was found where supervisorctl looks for one.
    pub found_configuration: bool,
    /// Where the fleet's configuration may be, in the order of preference.
    pub fleet_files: Vec<PathBuf>,
}

/// Decides; `exists` says whether a file is there.
pub fn decide(facts: &Facts<'_>, exists: impl Fn(&Path) -> bool) -> Mode {
    if facts.as_supervisorctl {
        return Mode::OneHost(None);
    }
    if let Some(url) = value_of(facts.words, 's', "--serverurl") {
        return if url.starts_with(FLEET_SCHEME) { Mode::Fleet } else { Mode::OneHost(None) };
    }
    match facts.server_variable.as_deref() {
        Some(url) if url.starts_with(FLEET_SCHEME) => return Mode::Fleet,
        Some(url) if !url.is_empty() => return Mode::OneHost(Some(url.to_owned())),
        Some(_) | None => {}
    }
    let given = value_of(facts.words, 'c', "--configuration");
    let toml = given.is_some_and(|file| Path::new(file).extension().is_some_and(|e| e == "toml"));
    let ini = given.is_some() || facts.found_configuration;
    if toml || (!ini && facts.fleet_files.iter().any(|file| exists(file))) {
        Mode::Fleet
    } else {
        Mode::OneHost(None)
    }
}

/// Where the fleet's configuration is looked for: the user's, then the machine's.
pub fn fleet_files(home: Option<&str>, config_home: Option<&str>) -> Vec<PathBuf> {
    let user = match (config_home, home) {
        (Some(dir), _) if !dir.is_empty() => Some(PathBuf::from(dir)),
        (_, Some(home)) => Some(Path::new(home).join(".config")),
        _ => None,
    };
    let user = user.map(|dir| dir.join("fleetvisor/fleetvisorctl.toml"));
    user.into_iter().chain([PathBuf::from("/etc/fleetvisor/fleetvisorctl.toml")]).collect()
}

/// The value of an option before the first action word, without knowing the other options: the
/// two halves have different ones, so a strict reading has to wait until the half is known.
fn value_of<'a>(words: &'a [String], short: char, long: &str) -> Option<&'a str> {
    /// Shorter beginnings of a long option are not looked for: they could be another's.
    const SHORTEST_PREFIX: usize = "--se".len();
    let short = format!("-{short}");
    for (place, word) in words.iter().enumerate() {
        let (name, attached) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), None),
        };
        if name.len() >= SHORTEST_PREFIX && long.starts_with(name) {
            return attached.or_else(|| words.get(place + 1).map(String::as_str));
        }
        if !word.starts_with("--")
            && let Some(value) = word.strip_prefix(&short)
        {
            let next = words.get(place + 1).map(String::as_str);
            return if value.is_empty() { next } else { Some(value) };
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Facts, Mode, decide, fleet_files};

    fn mode(line: &str, server: Option<&str>, ini: bool, toml: bool) -> Mode {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let facts = Facts {
            as_supervisorctl: false,
            words: &words,
            server_variable: server.map(str::to_owned),
            found_configuration: ini,
            fleet_files: fleet_files(Some("/home/u"), None),
        };
        decide(&facts, |_| toml)
    }

    #[test]
    fn the_scheme_counts_first_then_the_variable_then_the_files() {
        let (fleet, here) = (Some("fleet://c:9440"), Some("unix:///s"));
        for (line, server, ini, toml, expected) in [
            ("-s fleet://c:9440 status", here, true, false, Mode::Fleet),
            ("-H web -sfleet://c status", None, true, false, Mode::Fleet),
            ("--serverurl=fleet://c status", None, true, false, Mode::Fleet),
            ("-s http://h status", fleet, false, true, Mode::OneHost(None)),
            ("status", fleet, true, false, Mode::Fleet),
            ("status", here, true, true, Mode::OneHost(Some("unix:///s".to_owned()))),
            ("status", Some(""), true, true, Mode::OneHost(None)),
            ("status", None, true, true, Mode::OneHost(None)),
            ("status", None, false, true, Mode::Fleet),
            ("-c x.conf status", None, false, true, Mode::OneHost(None)),
            ("-c x.toml status", None, true, false, Mode::Fleet),
            ("status", None, false, false, Mode::OneHost(None)),
        ] {
            assert_eq!(mode(line, server, ini, toml), expected, "{line} {server:?} {ini} {toml}");
        }
    }

    #[test]
    fn supervisorctl_knows_no_fleet() {
        let words = ["-s".to_owned(), "fleet://c:9440".to_owned()];
        let facts = Facts {
            as_supervisorctl: true,
            words: &words,
            server_variable: Some("fleet://c:9440".to_owned()),
            found_configuration: false,
            fleet_files: vec!["/x".into()],
        };
        assert_eq!(decide(&facts, |_| true), Mode::OneHost(None));
    }
}
