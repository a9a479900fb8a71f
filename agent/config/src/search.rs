//! Where supervisord looks for its configuration when nobody names one (section 1.2 of the facts).

use crate::World;
use crate::cmdline::Options;
use crate::error::ConfigError;
use crate::fault::Fault;
use crate::paths::{dirname, join};

/// What supervisord says on stderr, after `<file>:<line>: UserWarning: `, when root lets it search
/// (CFS-03); it goes on.
pub const ROOT_SEARCH_WARNING: &str = "Supervisord is running as root and it is searching for its \
     configuration file in default locations (including its current working directory); you \
     probably want to specify a \"-c\" argument specifying an absolute path to a configuration \
     file for improved security.";

/// A configuration file's name, and how it was come by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The name as typed or as searched; it need not exist when it was typed.
    pub file: String,
    /// Whether it had to be searched for: then [`ROOT_SEARCH_WARNING`] is due if root asked.
    pub searched: bool,
}

/// The candidates, in order (CFS-01, CFS-02); `program` is `argv[0]`.
#[must_use]
pub fn search_paths(program: &str) -> [String; 6] {
    let above = dirname(dirname(program));
    [
        join(above, "etc/supervisord.conf"),
        join(above, "supervisord.conf"),
        "supervisord.conf".to_owned(),
        "etc/supervisord.conf".to_owned(),
        "/etc/supervisord.conf".to_owned(),
        "/etc/supervisor/supervisord.conf".to_owned(),
    ]
}

/// The file of `-c`, or the first candidate that exists.
///
/// # Errors
///
/// [`Fault::NoneFound`].
pub fn find(program: &str, options: &Options, world: &World<'_>) -> Result<Found, ConfigError> {
    if let Some(file) = &options.configuration {
        return Ok(Found { file: file.clone(), searched: false });
    }
    let paths = search_paths(program);
    let cwd = &world.surroundings.cwd;
    match paths.iter().find(|path| world.disk.exists(&join(cwd, path))) {
        Some(file) => Ok(Found { file: file.clone(), searched: true }),
        None => Err(Fault::NoneFound(paths.into()).into()),
    }
}
