//! A configuration as the rules look at it: values expanded as far as they can be, with the place of
//! each; what cannot be read is passed over, since an error says it already.

use agent_core::spec::Level;

use crate::World;
use crate::error::Place;
use crate::expand::expand;
use crate::fault::Fault;
use crate::known::{Keys, keys};
use crate::load::{LoadRequest, Sources};
use crate::names::{Names, Value};
use crate::sections::{Build, after_colon, supervisord};
use crate::text::python_int;
use crate::types::{boolean, byte_size, integer, level, wide_byte_size};

/// How the sections begin that make processes.
const PROCESSES: [&str; 3] = ["program:", "fcgi-program:", "eventlistener:"];

/// One configuration.
pub(super) struct Seen<'a> {
    build: Build<'a>,
    /// As the caller named it.
    pub(super) file: &'a str,
}

impl<'a> Seen<'a> {
    pub(super) fn new(
        request: &'a LoadRequest,
        world: &'a World<'a>,
        sources: &'a Sources,
    ) -> Self {
        let file = &request.file;
        let environment = sources.environment.clone();
        let mut build = Build { world, ini: &sources.ini, file, here: &sources.here, environment };
        // Adds what `environment` says; where that is wrong, the names are missing.
        let _ = supervisord::read(&mut build);
        Self { build, file }
    }

    /// The sections that begin so, in their order.
    pub(super) fn sections(&self, prefix: &str) -> Vec<&'a str> {
        self.build.sections(prefix)
    }

    /// Every section that makes processes.
    pub(super) fn processes(&self) -> Vec<&'a str> {
        PROCESSES.iter().flat_map(|prefix| self.sections(prefix)).collect()
    }

    /// Every key that somebody reads, as (section, key, value as written).
    pub(super) fn entries(&self) -> Vec<(&'a str, &'a str, &'a str)> {
        let mut entries = vec![];
        for section in self.build.ini.sections() {
            let known = match keys(&section.name) {
                Keys::Only(known) => known,
                Keys::Any | Keys::Unread => continue,
            };
            for key in self.build.ini.keys(&section.name) {
                let value = self.build.scope(&section.name).raw(key);
                if known.contains(&key) || section.name.starts_with("rpcinterface:") {
                    entries.push((section.name.as_str(), key, value.unwrap_or_default()));
                }
            }
        }
        entries
    }

    /// Where a key stands.
    pub(super) fn place(&self, section: &str, key: &str) -> Place {
        self.build.ini.place(section, Some(key))
    }

    /// Where a section begins.
    pub(super) fn header(&self, section: &str) -> Place {
        self.build.ini.place(section, None)
    }

    /// Whether the key is there.
    pub(super) fn has(&self, section: &'a str, key: &str) -> bool {
        self.build.scope(section).raw(key).is_some()
    }

    /// The value as written, empty without the key.
    pub(super) fn written(&self, section: &'a str, key: &str) -> &'a str {
        self.build.scope(section).raw(key).unwrap_or_default()
    }

    /// The value, expanded.
    pub(super) fn text(&self, section: &'a str, key: &str) -> Option<String> {
        let raw = self.build.scope(section).raw(key)?;
        expand(raw, &self.names(section), key).ok()
    }

    /// The value as a whole number.
    pub(super) fn integer(&self, section: &'a str, key: &str) -> Option<i64> {
        integer(&self.text(section, key)?).ok()
    }

    /// The value as a number of bytes.
    pub(super) fn bytes(&self, section: &'a str, key: &str) -> Option<i64> {
        byte_size(&self.text(section, key)?).ok()
    }

    /// Whether the value is a number with more bits than we have for it.
    pub(super) fn is_beyond(&self, section: &'a str, key: &str) -> bool {
        let Some(text) = self.text(section, key) else {
            return false;
        };
        match key {
            "umask" | "chmod" | "socket_mode" => {
                python_int(&text, 8).is_some_and(|mode| u32::try_from(mode).is_err())
            }
            _ => wide_byte_size(&text).is_ok_and(|number| i64::try_from(number).is_err()),
        }
    }

    /// Whether the key is there and says yes.
    pub(super) fn flag(&self, section: &'a str, key: &str) -> bool {
        self.text(section, key).is_some_and(|text| boolean(&text) == Ok(true))
    }

    /// The value as a level.
    pub(super) fn level(&self, section: &'a str, key: &str) -> Option<Level> {
        level(&self.text(section, key)?).ok()
    }

    /// Whether a width or a precision in the value is more than we make.
    pub(super) fn is_too_wide(&self, section: &'a str, raw: &str) -> bool {
        match expand(raw, &self.names(section), "") {
            Err(Fault::BadFormat { why, .. }) => why.ends_with("too big"),
            Ok(_) | Err(_) => false,
        }
    }

    /// Every name that is known in any key of a section: what is not known in this one is an error
    /// that reading says.
    fn names(&self, section: &str) -> Names {
        let mut names = self.build.names();
        let name = after_colon(section).trim();
        for (key, value) in [
            ("program_name", name),
            ("group_name", name),
            ("host_node_name", &self.build.world.surroundings.hostname),
        ] {
            names.insert(key.to_owned(), Value::Text(value.to_owned()));
        }
        for key in ["process_num", "numprocs"] {
            names.insert(key.to_owned(), Value::Number(1));
        }
        names
    }
}
