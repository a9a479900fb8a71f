//! One process of one host, and which of its lives is meant.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One process in the fleet. The three parts travel apart; the text form escapes them with `%`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// The agent's fleet-wide name.
    pub host: String,
    /// The group on that host.
    pub group: String,
    /// The process in that group.
    pub process: String,
}

/// Which life of a process: a restart names the one that it replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Incarnation {
    /// The agent's epoch: a new one at each start and HUP of the agent.
    pub epoch: u64,
    /// How often this agent has spawned anything in this epoch, this spawn included.
    pub spawn: u64,
}

/// Why a text is not a target.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a target; it would look like host/group:name, with / : and % as %2F %3A %25")]
pub struct BadTarget(pub String);

impl Target {
    /// Reads `host/group:name` or `host/name` back.
    ///
    /// # Errors
    ///
    /// [`BadTarget`] without a `/`, or with a `%` that two hex digits do not follow.
    pub fn parse(text: &str) -> Result<Self, BadTarget> {
        let bad = || BadTarget(text.to_owned());
        let (host, rest) = text.split_once('/').ok_or_else(bad)?;
        let (group, process) = rest.split_once(':').unwrap_or((rest, rest));
        Ok(Self {
            host: unescape(host).ok_or_else(bad)?,
            group: unescape(group).ok_or_else(bad)?,
            process: unescape(process).ok_or_else(bad)?,
        })
    }
}

impl fmt::Display for Target {
    /// `host/group:name`, shortened to `host/name` when group and name are equal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("{}/{}", escape(&self.host), escape(&self.group));
        if self.group != self.process {
            text.push(':');
            text.push_str(&escape(&self.process));
        }
        f.pad(&text)
    }
}

fn escape(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for c in part.chars() {
        if matches!(c, '/' | ':' | '%') || c.is_control() || c == ' ' {
            for byte in c.to_string().bytes() {
                let _ = write!(out, "%{byte:02X}"); // a String takes every write
            }
        } else {
            out.push(c);
        }
    }
    out
}

pub(crate) fn unescape(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (high, low) = (rest.next()?, rest.next()?);
        let digit = |d: u8| char::from(d).to_digit(16);
        bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn odd_names_survive_the_text_form() {
        for (group, process) in [("web", "web"), ("web", "api_00"), ("a%b", "c:d/e"), ("", "x y")] {
            let target =
                Target { host: "web-1".into(), group: group.into(), process: process.into() };
            assert_eq!(Target::parse(&target.to_string()), Ok(target));
        }
        assert!(Target::parse("web").is_err() && Target::parse("h/%zz").is_err());
    }
}
