//! `[fleet]`: built-in defaults, the section, `FLEETVISOR_…` in the environment, in that order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::value::{Dict, Map};
use figment::{Figment, Metadata, Profile, Provider};
use proto_mtls::{Credentials, FileError, Files};
use proto_words::Role;
use thiserror::Error;

/// Where a controller listens unless its address says otherwise.
pub const CONTROLLER_PORT: u16 = 9440;

/// The keys, each with its default; empty means that there is none.
const KEYS: [(&str, &str); 8] = [
    ("controller", ""),
    ("host", ""),
    ("labels", ""),
    ("ca", "/etc/fleetvisor/ca.pem"),
    ("certificate", "/etc/fleetvisor/host.pem"),
    ("key", "/etc/fleetvisor/host.key"),
    ("state_dir", "/var/lib/fleetvisor"),
    ("redial_max", "60"),
];

/// What the names of environment variables begin with.
const PREFIX: &str = "FLEETVISOR_";

/// How this agent joins its fleet; checked, so that nothing in here can be wrong any more but what
/// lies in files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetSettings {
    /// `controller`: where to dial, in this order; each `host:port`, at least one.
    pub controllers: Vec<String>,
    /// `host`: this host's name; `None` takes the certificate's.
    pub host: Option<String>,
    /// `labels`, for selectors.
    pub labels: BTreeMap<String, String>,
    /// `ca`, `certificate` and `key`.
    pub files: Files,
    /// `state_dir`: the ledger and the instance id.
    pub state_dir: PathBuf,
    /// `redial_max` (default 60 s): the longest wait between two attempts to connect.
    pub redial_max: Duration,
}

/// What is wrong with the settings, and where.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A key that there is not.
    #[error("{layer}: {key} is not a key; there are {}", key_names())]
    UnknownKey {
        /// Where it stands.
        layer: String,
        /// The key.
        key: String,
    },
    /// A key that must be there.
    #[error("{layer}: {key} is missing; write {example}")]
    Missing {
        /// Where it should stand.
        layer: String,
        /// The key.
        key: &'static str,
        /// A right line.
        example: &'static str,
    },
    /// A value that is none.
    #[error("{layer}: {key}: {value:?} is not {wanted}")]
    BadValue {
        /// Where it stands.
        layer: String,
        /// The key.
        key: &'static str,
        /// What stands there.
        value: String,
        /// What would be right.
        wanted: &'static str,
    },
    /// A certificate or key file.
    #[error(transparent)]
    File(#[from] FileError),
    /// `host` and the certificate say different names.
    #[error(
        "[fleet] host is {host:?}, but {} is the certificate of {found:?}; \
         change host, or get a certificate for it",
        certificate.display()
    )]
    OtherHost {
        /// `host`.
        host: String,
        /// The certificate's file.
        certificate: PathBuf,
        /// The name in it.
        found: String,
    },
}

impl FleetSettings {
    /// Layers and checks. `file` is the configuration's name for messages, relative paths begin at
    /// its directory `here`, and of `environment` only the names of our own keys count.
    ///
    /// # Errors
    ///
    /// [`SettingsError`], with the layer, the key and what would be right.
    pub fn read(
        section: &BTreeMap<String, String>,
        file: &str,
        here: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let section_name = format!("{file}: [fleet]");
        let is_known = |key: &str| KEYS.iter().any(|(known, _)| *known == key);
        if let Some(key) = section.keys().find(|key| !is_known(key)) {
            return Err(SettingsError::UnknownKey { layer: section_name, key: key.clone() });
        }
        let defaults = KEYS.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let layers = Layers(
            Figment::new()
                .merge(Layer::new("the built-in defaults", defaults))
                .merge(Layer::new(&section_name, section.clone()))
                .merge(Layer::new("the environment (FLEETVISOR_…)", ours(environment))),
        );
        let path = |key| here.join(layers.text(key));
        Ok(Self {
            controllers: layers.controllers(&section_name)?,
            host: Some(layers.text("host")).filter(|host| !host.is_empty()),
            labels: layers.labels()?,
            files: Files { ca: path("ca"), certificate: path("certificate"), key: path("key") },
            state_dir: path("state_dir"),
            redial_max: layers.redial_max()?,
        })
    }

    /// Reads certificate and key; they must be a host's, and of this host. Blocks.
    ///
    /// # Errors
    ///
    /// [`SettingsError::File`] or [`SettingsError::OtherHost`].
    pub fn credentials(&self) -> Result<Credentials, SettingsError> {
        let credentials = Credentials::load(&self.files)?.in_role(Role::Host)?;
        let found = &credentials.own.identity.name;
        match &self.host {
            Some(host) if host != found => Err(SettingsError::OtherHost {
                host: host.clone(),
                certificate: self.files.certificate.clone(),
                found: found.clone(),
            }),
            Some(_) | None => Ok(credentials),
        }
    }
}

fn key_names() -> String {
    KEYS.map(|(key, _)| key).join(", ")
}

/// The variables that are keys of ours, by key.
fn ours(
    environment: impl IntoIterator<Item = (String, String)>,
) -> impl IntoIterator<Item = (String, String)> {
    environment.into_iter().filter_map(|(name, value)| {
        let key = name.strip_prefix(PREFIX)?.to_ascii_lowercase();
        KEYS.iter().any(|(known, _)| *known == key).then_some((key, value))
    })
}

/// One layer: texts by key. (figment's own environment layer would take `01` for a number.)
struct Layer {
    name: String,
    values: Dict,
}

impl Layer {
    fn new(name: &str, values: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            name: name.to_owned(),
            values: values.into_iter().map(|(key, value)| (key, value.into())).collect(),
        }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

struct Layers(Figment);

impl Layers {
    /// Every key has a default and every value is a text.
    fn text(&self, key: &str) -> String {
        let value = self.0.find_value(key).ok();
        let text = value.as_ref().and_then(|value| value.as_str());
        text.unwrap_or_default().trim().to_owned()
    }

    fn layer(&self, key: &str) -> String {
        let metadata = self.0.find_metadata(key);
        metadata.map_or_else(String::new, |metadata| metadata.name.to_string())
    }

    fn bad(&self, key: &'static str, value: &str, wanted: &'static str) -> SettingsError {
        SettingsError::BadValue { layer: self.layer(key), key, value: value.to_owned(), wanted }
    }

    fn controllers(&self, section_name: &str) -> Result<Vec<String>, SettingsError> {
        let text = self.text("controller");
        let found: Vec<_> = items(&text)
            .map(|item| address(item).ok_or_else(|| self.bad("controller", item, AN_ADDRESS)))
            .collect::<Result<_, _>>()?;
        if found.is_empty() {
            return Err(SettingsError::Missing {
                layer: section_name.to_owned(),
                key: "controller",
                example: "controller = HOST or HOST:PORT, comma-separated if several",
            });
        }
        Ok(found)
    }

    fn labels(&self) -> Result<BTreeMap<String, String>, SettingsError> {
        items(&self.text("labels"))
            .map(|item| {
                let (key, value) = item.split_once('=').unwrap_or((item, ""));
                let (key, value) = (key.trim(), value.trim());
                if key.is_empty() || value.is_empty() {
                    return Err(self.bad("labels", item, "a label; write key=value,key=value"));
                }
                Ok((key.to_owned(), value.to_owned()))
            })
            .collect()
    }

    fn redial_max(&self) -> Result<Duration, SettingsError> {
        let text = self.text("redial_max");
        let digits = text.strip_suffix('s').unwrap_or(&text);
        match digits.parse() {
            Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
            Ok(_) | Err(_) => Err(self.bad("redial_max", &text, SECONDS)),
        }
    }
}

const AN_ADDRESS: &str = "an address; write HOST or HOST:PORT";
const SECONDS: &str = "a length of time; write seconds from 1 to 86400, such as 60 or 60s";

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '\n']).map(str::trim).filter(|item| !item.is_empty())
}

/// `host`, `host:port`, `[v6]` or `[v6]:port` → with a port.
fn address(text: &str) -> Option<String> {
    let port_of = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    if text.contains(['/', ' ', '@']) {
        return None;
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        return match port.strip_prefix(':') {
            None if port.is_empty() => Some(format!("[{host}]:{CONTROLLER_PORT}")),
            None => None,
            Some(port) => Some(format!("[{host}]:{}", port_of(port)?)),
        };
    }
    match text.split_once(':') {
        None => Some(format!("{text}:{CONTROLLER_PORT}")),
        Some(("", _)) => None,
        Some((host, port)) => Some(format!("{host}:{}", port_of(port)?)),
    }
}

#[cfg(test)]
mod tests;
