//! One file per kind of section, and what they share: reading a key, expanding it, placing its
//! faults.

pub(crate) mod eventlistener;
pub(crate) mod fcgi;
pub(crate) mod fleet;
pub(crate) mod group;
mod logs;
pub(crate) mod program;
pub(crate) mod rpcinterface;
pub(crate) mod servers;
pub(crate) mod supervisord;

use crate::World;
use crate::error::ConfigError;
use crate::expand::expand;
use crate::fault::Fault;
use crate::ini::Ini;
use crate::names::{Names, Value};

/// What all sections of one configuration need.
pub(crate) struct Build<'a> {
    pub world: &'a World<'a>,
    pub ini: &'a Ini,
    /// The main file as the caller named it.
    pub file: &'a str,
    /// Its directory, absolute.
    pub here: &'a str,
    /// `ENV_…`: the agent's environment, then what `[supervisord] environment` adds.
    pub environment: Names,
}

impl<'a> Build<'a> {
    /// The section that `name` names.
    pub fn scope(&self, name: &'a str) -> Scope<'a> {
        Scope { ini: self.ini, section: name }
    }

    /// `ENV_…` and `here`.
    pub fn names(&self) -> Names {
        let mut names = self.environment.clone();
        names.insert("here".to_owned(), Value::Text(self.here.to_owned()));
        names
    }

    /// The names of all sections that begin with `prefix`, in file order.
    pub fn sections(&self, prefix: &str) -> Vec<&'a str> {
        let names = self.ini.sections().iter().map(|own| own.name.as_str());
        names.filter(|name| name.starts_with(prefix)).collect()
    }
}

/// The text after the first colon of a section's name.
pub(crate) fn after_colon(section: &str) -> &str {
    section.split_once(':').map_or("", |(_, name)| name)
}

/// Notes each pair as `ENV_<key>`.
pub(crate) fn add_environment<'a>(
    names: &mut Names,
    pairs: impl IntoIterator<Item = (&'a String, &'a String)>,
) {
    for (key, value) in pairs {
        names.insert(format!("ENV_{key}"), Value::Text(value.clone()));
    }
}

/// One section, whose keys can be read.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    ini: &'a Ini,
    pub section: &'a str,
}

impl<'a> Scope<'a> {
    /// The value as written.
    pub fn raw(&self, key: &str) -> Option<&'a str> {
        let entry = self.ini.entry(self.section, key)?;
        Some(&entry.value)
    }

    /// The value, expanded.
    pub fn text(&self, key: &str, names: &Names) -> Result<Option<String>, ConfigError> {
        self.raw(key).map(|raw| self.expanded(key, raw, names)).transpose()
    }

    /// The value or a default that is written like one, expanded.
    pub fn text_or(&self, key: &str, names: &Names, default: &str) -> Result<String, ConfigError> {
        self.expanded(key, self.raw(key).unwrap_or(default), names)
    }

    /// The value, expanded and parsed; `default` without the key.
    pub fn read<T>(
        &self,
        key: &str,
        names: &Names,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Result<T, ConfigError> {
        Ok(self.read_optional(key, names, parse)?.unwrap_or(default))
    }

    /// The value, expanded and parsed; `None` without the key.
    pub fn read_optional<T>(
        &self,
        key: &str,
        names: &Names,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Result<Option<T>, ConfigError> {
        match self.text(key, names)? {
            Some(text) => parse(&text).map(Some).map_err(|fault| self.fails(Some(key), fault)),
            None => Ok(None),
        }
    }

    /// Expands `raw` once more under the bare name of its key, as supervisord does with some.
    pub fn expanded_again(
        &self,
        key: &str,
        raw: &str,
        names: &Names,
    ) -> Result<String, ConfigError> {
        expand(raw, names, key).map_err(|fault| self.fails(Some(key), fault))
    }

    /// A fault at `key`, or at the section's header.
    pub fn fails(&self, key: Option<&str>, fault: Fault) -> ConfigError {
        ConfigError::new(fault, self.ini.place(self.section, key))
    }

    fn expanded(&self, key: &str, raw: &str, names: &Names) -> Result<String, ConfigError> {
        if !raw.contains('%') {
            return Ok(raw.to_owned()); // most values, and thousands of them
        }
        let name = format!("{}.{key}", self.section);
        expand(raw, names, &name).map_err(|fault| self.fails(Some(key), fault))
    }
}
