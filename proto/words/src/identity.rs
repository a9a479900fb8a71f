//! Who a certificate says its holder is.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What the holder of a certificate may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// An agent: it reports and obeys.
    Host,
    /// A person or program that gives orders.
    Operator,
    /// A controller.
    Controller,
    /// A deployment hook.
    Hook,
}

impl Role {
    /// The path segment in the URI.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Operator => "operator",
            Self::Controller => "controller",
            Self::Hook => "hook",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The one URI SAN of a certificate: `spiffe://FLEET/ROLE/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The fleet's name: the trust domain.
    pub fleet: String,
    /// What the holder is.
    pub role: Role,
    /// Its name within the fleet.
    pub name: String,
}

/// Why a URI is not an identity.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is not an identity; it would look like spiffe://FLEET/host/NAME \
     (host, operator, controller or hook)"
)]
pub struct BadIdentity(pub String);

impl Identity {
    /// Reads `spiffe://FLEET/ROLE/NAME`. Names are letters, digits, `.`, `-` and `_`.
    ///
    /// # Errors
    ///
    /// [`BadIdentity`] for anything else: more or fewer segments, an unknown role, other letters.
    pub fn parse(uri: &str) -> Result<Self, BadIdentity> {
        let bad = || BadIdentity(uri.to_owned());
        let mut parts = uri.strip_prefix("spiffe://").ok_or_else(bad)?.split('/');
        let (Some(fleet), Some(role), Some(name), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(bad());
        };
        let role = match role {
            "host" => Role::Host,
            "operator" => Role::Operator,
            "controller" => Role::Controller,
            "hook" => Role::Hook,
            _ => return Err(bad()),
        };
        if !is_name(fleet) || !is_name(name) {
            return Err(bad());
        }
        Ok(Self { fleet: fleet.to_owned(), role, name: name.to_owned() })
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}/{}/{}", self.fleet, self.role, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::{Identity, Role};

    #[test]
    fn a_uri_names_a_fleet_a_role_and_a_name() {
        let identity = Identity::parse("spiffe://shop/host/web-1").unwrap();
        assert_eq!((identity.role, identity.name.as_str()), (Role::Host, "web-1"));
        assert_eq!(identity.to_string(), "spiffe://shop/host/web-1");
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "https://shop/host/web-1",
            "spiffe://shop/host",
            "spiffe://shop/host/web-1/x",
            "spiffe:///host/web-1",
            "spiffe://shop/root/web-1",
            "spiffe://shop/host/",
            "spiffe://shop/host/web 1",
            "spiffe://shop/host/w\u{e9}b",
        ] {
            assert!(Identity::parse(bad).is_err(), "{bad:?}");
        }
    }
}
