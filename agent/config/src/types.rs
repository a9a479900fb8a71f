//! The value types of section 3.1 of the facts: text in, a checked value or supervisord's text out.

use agent_core::spec::{Autorestart, Level, UserSpec};
use proto_words::{BadSignal, Signal};

use crate::World;
use crate::fault::Fault;
use crate::paths::dirname;
use crate::text::{clamp, python_int, strip};
use crate::users::Account;

/// TYP-01: `yes`, `true`, `on`, `1` and their opposites, in any case.
pub(crate) fn boolean(text: &str) -> Result<bool, Fault> {
    truth(&text.to_lowercase()).ok_or_else(|| Fault::NotBoolean(text.to_owned()))
}

fn truth(lower: &str) -> Option<bool> {
    match lower {
        "yes" | "true" | "on" | "1" => Some(true),
        "no" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// TYP-02. A number that no spec can hold becomes the nearest one.
pub(crate) fn integer(text: &str) -> Result<i64, Fault> {
    wide_integer(text).map(clamp)
}

/// TYP-02, before it is cut to what a spec can hold.
pub(crate) fn wide_integer(text: &str) -> Result<i128, Fault> {
    python_int(text, 10).ok_or_else(|| Fault::NotInteger(text.to_owned()))
}

/// TYP-03: bytes, or with `KB`, `MB`, `GB` (of 1024) in any case.
pub(crate) fn byte_size(text: &str) -> Result<i64, Fault> {
    wide_byte_size(text).map(clamp)
}

/// TYP-03, before it is cut to what a spec can hold.
pub(crate) fn wide_byte_size(text: &str) -> Result<i128, Fault> {
    const UNITS: [(&str, i128); 3] = [("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)];
    let lower = text.to_lowercase();
    let (digits, unit) = UNITS
        .iter()
        .find_map(|(suffix, unit)| Some((lower.strip_suffix(suffix)?, *unit)))
        .unwrap_or((&lower, 1));
    python_int(digits, 10)
        .map(|value| value.saturating_mul(unit))
        .ok_or_else(|| Fault::NotByteSize(digits.to_owned()))
}

/// TYP-04, as a mode or mask: what does not fit into 32 bits is cut off.
pub(crate) fn octal(text: &str) -> Result<u32, Fault> {
    const BITS: i128 = 0xffff_ffff;
    python_int(text, 8)
        .map(|value| u32::try_from(value & BITS).unwrap_or(u32::MAX))
        .ok_or_else(|| Fault::NotOctal(text.to_owned()))
}

/// TYP-05.
pub(crate) fn signal(text: &str) -> Result<Signal, Fault> {
    match python_int(text, 10) {
        None => Ok(Signal::parse(text)?),
        Some(number) => i32::try_from(number)
            .ok()
            .and_then(Signal::from_number)
            .ok_or_else(|| BadSignal::Number(text.to_owned()).into()),
    }
}

/// TYP-07.
pub(crate) fn exit_codes(text: &str) -> Result<Vec<i32>, Fault> {
    if text.is_empty() {
        return Ok(vec![]);
    }
    let code = |item| u8::try_from(python_int(item, 10)?).ok().map(i32::from);
    text.split(',')
        .map(code)
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Fault::NotExitCodes(text.to_owned()))
}

/// TYP-08.
pub(crate) fn autorestart(text: &str) -> Result<Autorestart, Fault> {
    let lower = text.to_lowercase();
    match (truth(&lower), lower.as_str()) {
        (Some(true), _) => Ok(Autorestart::Always),
        (Some(false), _) => Ok(Autorestart::Never),
        (None, "unexpected") => Ok(Autorestart::Unexpected),
        (None, _) => Err(Fault::NotAutorestart(lower)),
    }
}

/// TYP-12.
pub(crate) fn level(text: &str) -> Result<Level, Fault> {
    match text.to_lowercase().as_str() {
        "critical" => Ok(Level::Critical),
        "error" => Ok(Level::Error),
        "warn" => Ok(Level::Warn),
        "info" => Ok(Level::Info),
        "debug" => Ok(Level::Debug),
        "trace" => Ok(Level::Trace),
        "blather" => Ok(Level::Blather),
        _ => Err(Fault::NotLevel(text.to_owned())),
    }
}

/// TYP-16: of a process or group, without the blanks around it.
pub(crate) fn name(text: &str) -> Result<String, Fault> {
    let stripped = strip(text);
    for character in [' ', ':', '/'] {
        if stripped.contains(character) {
            return Err(Fault::BadName { name: text.to_owned(), character });
        }
    }
    Ok(stripped.to_owned())
}

/// TYP-17: items between commas, trimmed, empty ones kept; an empty text has none.
pub(crate) fn strings(text: &str) -> Vec<String> {
    if text.is_empty() {
        return vec![];
    }
    let item = |item| strip(item).to_owned();
    text.split(',').map(item).collect()
}

/// TYP-15: the host in lower case, empty for all addresses, and the port.
pub(crate) fn inet_address(text: &str) -> Result<(String, u16), Fault> {
    let Some((host, port)) = text.rsplit_once(':') else {
        let port = port_number(text).map_err(|_| Fault::NotPort(text.to_owned()))?;
        return Ok((String::new(), port));
    };
    if port.is_empty() {
        return Err(Fault::EmptyPort);
    }
    let port = port_number(port)?;
    let host = if host == "*" { "" } else { host };
    Ok((host.to_lowercase(), port))
}

/// TYP-15.
pub(crate) fn port_number(text: &str) -> Result<u16, Fault> {
    const FIRST: i128 = 1;
    const LAST: i128 = 65_535;
    let value = wide_integer(text)?;
    if value < FIRST {
        let bound = FIRST;
        return Err(Fault::BelowBound { value, bound });
    }
    u16::try_from(value).map_err(|_| Fault::AboveBound { value, bound: LAST })
}

impl World<'_> {
    /// TYP-10.
    pub(crate) fn existing_directory(&self, text: &str) -> Result<String, Fault> {
        let path = self.expand_user(text);
        if self.disk.is_dir(&self.seen_from_here(&path)) {
            return Ok(path);
        }
        Err(Fault::NotDirectory(text.to_owned()))
    }

    /// TYP-11.
    pub(crate) fn existing_dirpath(&self, text: &str) -> Result<String, Fault> {
        let path = self.expand_user(text);
        let dir = dirname(&path);
        if dir.is_empty() || self.disk.is_dir(&self.seen_from_here(dir)) {
            return Ok(path);
        }
        Err(Fault::NoDirectoryOfPath(text.to_owned()))
    }

    /// An empty path names nothing, not the directory that the agent started in.
    fn seen_from_here(&self, path: &str) -> String {
        if path.is_empty() {
            return String::new();
        }
        crate::paths::join(&self.surroundings.cwd, path)
    }

    /// TYP-13.
    pub(crate) fn user(&self, text: &str) -> Result<UserSpec, Fault> {
        let account = match python_int(text, 10) {
            Some(uid) => u32::try_from(uid)
                .ok()
                .and_then(|uid| self.users.by_uid(uid))
                .ok_or_else(|| Fault::NoSuchUid(text.to_owned()))?,
            None if text.contains('\0') => return Err(Fault::EmbeddedNul),
            None => self
                .users
                .by_name(text)
                .map(|found| self.first_with_uid(found))
                .ok_or_else(|| Fault::NoSuchUser(text.to_owned()))?,
        };
        Ok(UserSpec { uid: account.uid, gid: account.gid, name: account.name })
    }

    /// From the name supervisord keeps the number only: of two names for one number the first
    /// in the database gives group and name.
    fn first_with_uid(&self, found: Account) -> Account {
        self.users.by_uid(found.uid).unwrap_or(found)
    }

    /// TYP-14: (uid, gid), where -1 leaves the group as it is.
    pub(crate) fn owner(&self, text: &str) -> Result<(i64, i64), Fault> {
        let bad = || Fault::NoSuchOwner(text.to_owned());
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        let uid = self.user(user).map_err(|_| bad())?.uid;
        let gid = match group {
            Some(group) => i64::from(self.group(group).ok_or_else(bad)?),
            None => -1,
        };
        Ok((i64::from(uid), gid))
    }

    fn group(&self, text: &str) -> Option<u32> {
        match python_int(text, 10) {
            Some(gid) => {
                let gid = u32::try_from(gid).ok()?;
                self.users.has_gid(gid).then_some(gid)
            }
            None => self.users.gid_of(text),
        }
    }
}

#[cfg(test)]
mod tests;
