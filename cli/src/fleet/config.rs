//! Where the controller is and who we are: a TOML file, `FLEETVISOR_…` in the environment, flags;
//! the later one wins.

use std::env;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use proto_mtls::Files;
use serde::{Deserialize, Serialize};

use super::args::Args;
use crate::mode;
use crate::reach::fleet::Trouble;

/// The prefix of the environment's layer.
const PREFIX: &str = "FLEETVISOR_";

/// The keys, in the file and, in capitals, in the environment.
const KEYS: [&str; 4] = ["server", "ca", "certificate", "key"];

const SCHEME: &str = "fleet://";

/// The port that is meant when none is named.
const PORT: u16 = 9440;

/// What fleet mode needs to know.
#[derive(Debug, PartialEq, Eq)]
pub struct Settings {
    /// `HOST:PORT` of the controller.
    pub server: String,
    /// The certificates.
    pub files: Files,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Layer {
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<PathBuf>,
}

impl Settings {
    /// Reads all layers.
    ///
    /// # Errors
    ///
    /// [`Trouble`] that names the layer and the key, or what is missing and how to give it.
    pub fn load(args: &Args) -> Result<Self, Trouble> {
        let named = args.configuration.clone().or_else(|| {
            let file = env::var_os(mode::CONFIGURATION_VARIABLE).filter(|file| !file.is_empty());
            file.map(PathBuf::from)
        });
        let home = env::var("HOME").ok();
        let config_home = env::var("XDG_CONFIG_HOME").ok();
        let usual = mode::fleet_files(home.as_deref(), config_home.as_deref());
        if let Some(file) = named.as_ref().filter(|file| !file.exists()) {
            return Err(Trouble::usage(format!("{}: there is no such file", file.display())));
        }
        let file = named.or_else(|| usual.iter().find(|file| file.exists()).cloned());
        let flags = Layer {
            server: args.server.clone(),
            ca: args.ca.clone(),
            certificate: args.certificate.clone(),
            key: args.key.clone(),
        };
        load(file.as_deref(), &flags, usual.first().map(PathBuf::as_path))
    }
}

fn load(file: Option<&Path>, flags: &Layer, usual: Option<&Path>) -> Result<Settings, Trouble> {
    let mut layers = Figment::new();
    if let Some(file) = file {
        layers = layers.merge(Toml::file_exact(file));
    }
    let layers =
        layers.merge(Env::prefixed(PREFIX).only(&KEYS)).merge(Serialized::from(flags, "default"));
    let layer: Layer = layers.extract().map_err(|error| Trouble::usage(error.to_string()))?;
    let place = |key: &str, path: Option<PathBuf>| {
        let path = path.ok_or_else(|| missing(key, usual))?;
        Ok::<_, Trouble>(beside_its_file(&layers, key, path))
    };
    let server = layer.server.ok_or_else(|| missing("server", usual))?;
    Ok(Settings {
        server: address(&server)?,
        files: Files {
            ca: place("ca", layer.ca)?,
            certificate: place("certificate", layer.certificate)?,
            key: place("key", layer.key)?,
        },
    })
}

/// A relative path out of a file is meant from where that file is.
fn beside_its_file(layers: &Figment, key: &str, path: PathBuf) -> PathBuf {
    let source = layers.find_metadata(key).and_then(|metadata| metadata.source.clone());
    match source {
        Some(figment::Source::File(file)) if path.is_relative() => {
            file.parent().map_or_else(|| path.clone(), |directory| directory.join(&path))
        }
        _ => path,
    }
}

fn missing(key: &str, usual: Option<&Path>) -> Trouble {
    let file =
        usual.map_or_else(|| "a TOML file (-c)".to_owned(), |file| file.display().to_string());
    Trouble::usage(format!(
        "`{key}` is not configured. The fleet is reached with a controller's address and an \
         operator's certificate; write them into {file}:\n\
         \n    server = \"fleet://CONTROLLER:{PORT}\"\n    ca = \"/path/to/ca.pem\"\n    \
         certificate = \"/path/to/operator.pem\"\n    key = \"/path/to/operator.key\"\n\n\
         or set {PREFIX}{}, or give --{key}. For a first try, certs-dev makes the certificates.",
        key.to_uppercase()
    ))
}

/// `fleet://HOST:PORT`, `fleet://HOST` or `HOST:PORT` as `HOST:PORT`.
fn address(url: &str) -> Result<String, Trouble> {
    let rest = url.strip_prefix(SCHEME).unwrap_or(url).trim_end_matches('/');
    let bad = || Trouble::usage(format!("server {url:?}: write fleet://HOST:{PORT}"));
    if rest.is_empty() || rest.contains('/') || rest.contains(char::is_whitespace) {
        return Err(bad());
    }
    let has_port = match rest.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && (!host.contains(':') || host.ends_with(']')) => {
            port.parse::<u16>().map_err(|_| bad())?;
            true
        }
        _ => false,
    };
    Ok(match (has_port, rest.contains(':') && !rest.starts_with('[')) {
        (true, _) => rest.to_owned(),
        (false, true) => format!("[{rest}]:{PORT}"),
        (false, false) => format!("{rest}:{PORT}"),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Layer, address, load};

    #[test]
    fn an_address_has_a_port_also_when_none_is_written() {
        for (url, shown) in [
            ("fleet://c-1", "c-1:9440"),
            ("fleet://c-1:1/", "c-1:1"),
            ("10.0.0.1:5", "10.0.0.1:5"),
            ("fleet://::1", "[::1]:9440"),
            ("fleet://[::1]", "[::1]:9440"),
            ("fleet://[::1]:7", "[::1]:7"),
        ] {
            assert_eq!(address(url).map_err(|e| e.text), Ok(shown.to_owned()), "{url}");
        }
        for bad in ["fleet://", "fleet://a/b", "a:b", "a:99999"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_relative_path_is_beside_its_file_and_flags_win() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ctl.toml");
        std::fs::write(
            &file,
            "server = 'c:1'\nca = 'ca.pem'\ncertificate = '/x/o.pem'\nkey = 'o.key'",
        )
        .unwrap();
        let flags = Layer { key: Some("k".into()), ..Layer::default() };
        let settings = load(Some(&file), &flags, None).unwrap();
        assert_eq!(settings.files.ca, dir.path().join("ca.pem"));
        assert_eq!(settings.files.certificate, Path::new("/x/o.pem"));
        assert_eq!(settings.files.key, Path::new("k"));
    }

    #[test]
    fn what_is_missing_is_named_with_what_to_do() {
        let flags = Layer { server: Some("c:1".into()), ..Layer::default() };
        let error = load(None, &flags, Some(Path::new("/home/u/ctl.toml"))).unwrap_err();
        assert_eq!(error.exit, 2);
        for words in
            ["`ca` is not configured", "/home/u/ctl.toml", "FLEETVISOR_CA", "--ca", "certs-dev"]
        {
            assert!(error.text.contains(words), "{}", error.text);
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ctl.toml");
        std::fs::write(&file, "sever = 'c:1'").unwrap();
        let error = load(Some(&file), &Layer::default(), None).unwrap_err();
        assert!(error.text.contains("sever") && error.text.contains("ctl.toml"), "{}", error.text);
    }
}
