//! Where a server listens.

use std::path::PathBuf;

use super::trouble::Trouble;

/// The port of an `http://` address without one.
const DEFAULT_PORT: u16 = 80;

/// An address that we can connect to.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// A unix socket.
    Unix(PathBuf),
    /// A host, by name or number, and a port.
    Tcp(String, u16),
}

impl Place {
    /// Reads a server's address: `unix:///path` or `http://host[:port]`; what follows the port
    /// is not looked at.
    ///
    /// # Errors
    ///
    /// A `ValueError` for any other scheme and for a port that is none.
    pub fn parse(url: &str) -> Result<Self, Trouble> {
        if let Some(path) = url.strip_prefix("unix://") {
            return Ok(Self::Unix(path.into()));
        }
        let rest = url.strip_prefix("http://").ok_or_else(|| {
            Trouble::value("ValueError", format!("Unknown protocol for serverurl {url}"))
        })?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let host = rest[..end].rsplit('@').next().unwrap_or_default();
        let (host, port) = match host.strip_prefix('[').and_then(|h| h.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':').unwrap_or("")),
            None => host.split_once(':').unwrap_or((host, "")),
        };
        Ok(Self::Tcp(host.to_lowercase(), number(port)?))
    }

    /// What the `Host` header says.
    pub fn host(&self) -> String {
        match self {
            Self::Unix(_) => "localhost".to_owned(),
            Self::Tcp(host, port) if host.contains(':') => format!("[{host}]:{port}"),
            Self::Tcp(host, DEFAULT_PORT) => host.clone(),
            Self::Tcp(host, port) => format!("{host}:{port}"),
        }
    }
}

fn number(port: &str) -> Result<u16, Trouble> {
    if port.is_empty() {
        return Ok(DEFAULT_PORT);
    }
    port.parse().map_err(|_| {
        Trouble::value("ValueError", format!("port {port:?} is not a number from 0 to 65535"))
    })
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn addresses_are_read_as_supervisorctl_reads_them() {
        let tcp = |host: &str, port| Place::Tcp(host.to_owned(), port);
        for (url, place) in [
            ("unix:///run/s.sock", Place::Unix("/run/s.sock".into())),
            ("http://Host", tcp("host", 80)),
            ("http://127.0.0.1:9001/RPC2?x", tcp("127.0.0.1", 9001)),
            ("http://u:p@h:1", tcp("h", 1)),
            ("http://[::1]:9001", tcp("::1", 9001)),
        ] {
            assert_eq!(Place::parse(url).expect(url), place, "{url}");
        }
        let refused = Place::parse("https://h").expect_err("no TLS");
        assert_eq!(refused.class_and_text().1, "Unknown protocol for serverurl https://h");
        assert!(Place::parse("http://h:x").is_err());
    }
}
