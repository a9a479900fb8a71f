//! The controller's configuration: built-in defaults, a TOML file, `FLEETVISOR_CONTROLLER_…` in the
//! environment, flags; the later one wins. An error names the layer, the key and what would be right.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The prefix of the environment's layer.
const PREFIX: &str = "FLEETVISOR_CONTROLLER_";

/// Read when no `-c` is given and it is there.
const DEFAULT_FILE: &str = "/etc/fleetvisor/controller.toml";

/// The command line. Every option beside `-c` overrides the key of the same name.
#[derive(Debug, Default, Parser, Serialize)]
#[command(name = "fleetvisor-controller", version, about = "Joins the agents of a fleet.", long_about = LONG)]
pub struct Flags {
    /// The configuration file [default: /etc/fleetvisor/controller.toml, if it is there]
    #[arg(short, long, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Where agents and operators connect [default: 0.0.0.0:9440]
    #[arg(long, value_name = "ADDRESS:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// The fleet's name; it must be the certificate's
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fleet: Option<String>,
    /// The certificate of the fleet's authority, PEM
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// The controller's certificate, PEM
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Its private key, PEM, readable by its owner only
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// The file that keeps what must survive a restart
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<PathBuf>,
    /// Operations on more hosts than this need --yes N [default: 50]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard_hosts: Option<u32>,
    /// How the log is written to stderr: text or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

const LONG: &str = "\
Joins the agents of a fleet: they dial in, operators ask, operations are carried out in waves.

Every option is also a key of the configuration file (TOML) and, in capitals and with
FLEETVISOR_CONTROLLER_ before it, a variable of the environment. Only in the file and the
environment: host_deadline, deadline, keepalive_idle, keepalive_busy, probe; each is a
number with a unit, such as 500ms, 45s or 10m.";

/// A configuration that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `listen` (default 0.0.0.0:9440): where agents and operators connect.
    pub listen: SocketAddr,
    /// `fleet` (default: the certificate's): must be the certificate's.
    #[serde(default)]
    pub fleet: Option<String>,
    /// `ca`: the certificate of the fleet's authority.
    pub ca: PathBuf,
    /// `certificate`: the controller's own.
    pub certificate: PathBuf,
    /// `key`: its private key.
    pub key: PathBuf,
    /// `store` (default /var/lib/fleetvisor/controller.redb): what must survive a restart.
    pub store: PathBuf,
    /// `guard_hosts` (default 50): operations on more hosts need agreement.
    pub guard_hosts: u32,
    /// `host_deadline` (default 60s): for each host, from the moment its orders are due.
    pub host_deadline: Span,
    /// `deadline` (default 10m): for a whole operation.
    pub deadline: Span,
    /// `keepalive_idle` (default 45s): how often an agent shows life when nothing else is said.
    pub keepalive_idle: Span,
    /// `keepalive_busy` (default 5s): the same while it has orders.
    pub keepalive_busy: Span,
    /// `probe` (default 5s): how long a connected agent has to answer when another instance claims
    /// its name.
    pub probe: Span,
    /// `log` (default text): how the log is written to stderr.
    pub log: LogFormat,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object per line.
    Json,
}

/// A length of time, written as a number with a unit: ms, s, m or h. Never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

/// What is wrong with a configuration.
#[derive(Debug, Error)]
#[error("{where_}: {what}")]
pub struct ConfigError {
    /// The layer: a file, the environment, a flag.
    pub where_: String,
    /// The key, what was found and what would be right.
    pub what: String,
}

#[derive(Serialize)]
struct Defaults {
    listen: &'static str,
    store: &'static str,
    guard_hosts: u32,
    host_deadline: &'static str,
    deadline: &'static str,
    keepalive_idle: &'static str,
    keepalive_busy: &'static str,
    probe: &'static str,
    log: LogFormat,
}

const DEFAULTS: Defaults = Defaults {
    listen: "0.0.0.0:9440",
    store: "/var/lib/fleetvisor/controller.redb",
    guard_hosts: 50,
    host_deadline: "60s",
    deadline: "10m",
    keepalive_idle: "45s",
    keepalive_busy: "5s",
    probe: "5s",
    log: LogFormat::Text,
};

impl Config {
    /// Reads all layers.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first key that cannot be used.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        let file = match &flags.config {
            Some(file) => Some(readable(file)?),
            None => Some(PathBuf::from(DEFAULT_FILE)).filter(|file| file.exists()),
        };
        let mut layers = Figment::from(Serialized::from(DEFAULTS, "default"));
        if let Some(file) = &file {
            layers = layers.merge(Toml::file_exact(file));
        }
        layers
            .merge(Env::prefixed(PREFIX))
            .merge(Serialized::from(flags, "default"))
            .extract()
            .map_err(|error| explained(&error, file.as_deref()))
    }
}

fn readable(file: &Path) -> Result<PathBuf, ConfigError> {
    std::fs::File::open(file).map(|_| file.to_owned()).map_err(|error| ConfigError {
        where_: file.display().to_string(),
        what: format!("{error}; -c names a TOML file"),
    })
}

/// figment's error, with the layer first.
fn explained(error: &figment::Error, file: Option<&Path>) -> ConfigError {
    let key = error.path.join(".");
    let layer = error.metadata.as_ref().map_or_else(String::new, |metadata| {
        match (&metadata.source, metadata.name.as_ref()) {
            (Some(figment::Source::File(file)), _) => file.display().to_string(),
            (_, name) if name.contains("environment") => {
                format!("environment, {PREFIX}{}", key.to_uppercase())
            }
            _ => format!("command line, --{}", key.replace('_', "-")),
        }
    });
    let what = match &error.kind {
        figment::error::Kind::MissingField(name) => {
            return ConfigError {
                where_: file
                    .map_or_else(|| "configuration".to_owned(), |f| f.display().to_string()),
                what: format!(
                    "`{name}` is missing; set it in a file (-c), as {PREFIX}{} or as --{name}; \
                     for a first try, certs-dev makes ca, certificate and key",
                    name.to_uppercase()
                ),
            };
        }
        kind => kind.to_string(),
    };
    let what = if key.is_empty() { what } else { format!("`{key}`: {what}") };
    ConfigError { where_: if layer.is_empty() { "configuration".to_owned() } else { layer }, what }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bad = || {
            format!("{text:?} is no length of time; write a number and a unit: 500ms, 45s, 10m, 2h")
        };
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let number: u64 = text[..digits].parse().map_err(|_| bad())?;
        let ms = match &text[digits..] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(bad()),
        };
        match number.checked_mul(ms) {
            Some(1..) => Ok(Self(Duration::from_millis(number * ms))),
            _ => Err(bad()),
        }
    }
}

impl Span {
    /// In milliseconds.
    #[must_use]
    pub fn ms(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.ms())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::{Config, Flags, LogFormat};

    const GOOD: &str = "ca = 'ca.pem'\ncertificate = 'c.pem'\nkey = 'c.key'\n";

    fn load(text: &str, change: impl FnOnce(&mut Flags)) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("controller.toml");
        std::fs::write(&file, text).unwrap();
        let mut flags = Flags { config: Some(file), ..Flags::default() };
        change(&mut flags);
        let shown = dir.path().display().to_string();
        Config::load(&flags).map_err(|error| error.to_string().replace(&shown, "DIR"))
    }

    #[test]
    fn the_later_layer_wins() {
        let config = load(
            &format!("{GOOD}guard_hosts = 7\ndeadline = '2h'\nlisten = '127.0.0.1:1'"),
            |flags| {
                flags.listen = Some("127.0.0.1:2".into());
                flags.key = Some("other.key".into());
            },
        )
        .unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:2");
        assert_eq!((config.guard_hosts, config.key), (7, PathBuf::from("other.key")));
        assert_eq!(config.deadline.0, Duration::from_hours(2));
        assert_eq!((config.keepalive_idle.ms(), config.log), (45_000, LogFormat::Text));
    }

    #[test]
    fn an_error_names_the_layer_the_key_and_what_would_be_right() {
        let in_file = |line: &str| load(&format!("{GOOD}{line}"), |_| ()).unwrap_err();
        assert_eq!(
            in_file("deadline = '7'"),
            "DIR/controller.toml: `deadline`: \"7\" is no length of time; write a number and a unit: 500ms, 45s, 10m, 2h"
        );
        let odd = in_file("gard_hosts = 7");
        assert!(
            odd.starts_with("DIR/controller.toml: ")
                && odd.contains("gard_hosts")
                && odd.contains("guard_hosts"),
            "{odd}"
        );
        assert!(in_file("log = 'xml'").contains("`log`"));
        let flag = load(GOOD, |flags| flags.listen = Some("nowhere".into())).unwrap_err();
        assert!(flag.starts_with("command line, --listen: `listen`: "), "{flag}");
        let missing = load("ca = 'x'", |_| ()).unwrap_err();
        assert!(
            missing.starts_with("DIR/controller.toml: `certificate` is missing; set it"),
            "{missing}"
        );
    }

    #[test]
    fn a_file_that_is_named_must_be_there() {
        let flags = Flags { config: Some("/nowhere/c.toml".into()), ..Flags::default() };
        let text = Config::load(&flags).unwrap_err().to_string();
        assert!(text.starts_with("/nowhere/c.toml: ") && text.ends_with("-c names a TOML file"));
    }
}
