//! `supervisord.conf` and the command line, made into checked specs as supervisord 4.3.0 does it.
//!
//! Pure: files come through [`Disk`], users through [`Users`], everything else through
//! [`Surroundings`]. The agent calls [`parse`] and [`find`] once, and [`load`] at start, at HUP and
//! at each reread; `fleetvisord check` calls [`check`]. Nothing in here opens a log, changes a
//! directory or starts a program.
//!
//! The parsers that it is made of ([`Ini`], [`expand`], [`split_command`], [`pairs`]) are public so that
//! `make fuzz` can compare each with the original's.
//!
//! Facts about the original are cited by their ids (`INI-04`, `KEY-E01`).

mod check;
mod cmdline;
mod compare;
mod disk;
mod error;
mod expand;
mod fault;
mod getopt;
mod glob;
mod help;
mod include;
mod ini;
mod known;
mod load;
mod names;
mod number;
mod paths;
mod remedy;
mod search;
mod sections;
mod shlex;
mod text;
mod types;
mod users;

use std::collections::BTreeMap;

pub use check::{Report, Warning, check};
pub use cmdline::{Options, Parsed, UsageError, parse};
pub use compare::{Difference, UNSEEN, compare, seen_numbers};
pub use disk::{Disk, RealDisk};
pub use error::{ConfigError, Diagnosis, Place};
pub use expand::expand;
pub use fault::{Fault, SocketFault};
pub use ini::{Entry, Ini, Section};
pub use load::{LoadRequest, load};
pub use names::{Names, Value};
pub use search::{Found, ROOT_SEARCH_WARNING, find, search_paths};
pub use shlex::{pairs, split_command};
pub use users::{Account, Users};

/// What a process knows about itself without asking the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The working directory, absolute.
    pub cwd: String,
    /// The environment; what is not UTF-8 is the caller's to replace.
    pub environment: BTreeMap<String, String>,
    /// What `uname -n` says: `%(host_node_name)s`.
    pub hostname: String,
}

/// Everything outside that reading a configuration can ask.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// The process's own part.
    pub surroundings: &'a Surroundings,
    /// Files.
    pub disk: &'a dyn Disk,
    /// Users.
    pub users: &'a dyn Users,
}
