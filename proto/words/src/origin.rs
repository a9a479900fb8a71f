//! Who wanted something: the provenance that every change of state carries.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The source of the intent behind a change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// A client of the host's own XML-RPC interface.
    LocalXmlrpc,
    /// The host's own web page.
    LocalWeb,
    /// `autostart`, at start or when a group is added.
    Autostart,
    /// `autorestart`, or a retry after BACKOFF.
    Autorestart,
    /// A Unix signal to the agent.
    Signal,
    /// An operation of the fleet, by its id.
    Fleet(String),
    /// A source that only a later version knows, in its own words.
    Other(String),
}

impl Origin {
    /// Reads the text form back. Every text is an origin: what we do not know is kept as it is.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "local-xmlrpc" => Self::LocalXmlrpc,
            "local-web" => Self::LocalWeb,
            "autostart" => Self::Autostart,
            "autorestart" => Self::Autorestart,
            "signal" => Self::Signal,
            other => match other.strip_prefix("fleet:") {
                Some(operation) => Self::Fleet(operation.to_owned()),
                None => Self::Other(other.to_owned()),
            },
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LocalXmlrpc => f.pad("local-xmlrpc"),
            Self::LocalWeb => f.pad("local-web"),
            Self::Autostart => f.pad("autostart"),
            Self::Autorestart => f.pad("autorestart"),
            Self::Signal => f.pad("signal"),
            Self::Fleet(operation) => f.pad(&format!("fleet:{operation}")),
            Self::Other(text) => f.pad(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[test]
    fn the_text_form_leads_back_to_its_origin() {
        let all = [
            Origin::LocalXmlrpc,
            Origin::LocalWeb,
            Origin::Autostart,
            Origin::Autorestart,
            Origin::Signal,
            Origin::Fleet("0192".to_owned()),
            Origin::Other("somebody".to_owned()),
        ];
        for origin in all {
            assert_eq!(Origin::parse(&origin.to_string()), origin);
        }
    }
}
