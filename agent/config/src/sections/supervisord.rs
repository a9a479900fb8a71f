//! `[supervisord]` (KSD-01 to KSD-18), in supervisord's order (CFG-01), and the command line over it.

use std::collections::BTreeMap;

use agent_core::spec::{DaemonSpec, Level};

use super::{Build, Scope, add_environment};
use crate::World;
use crate::cmdline::Options;
use crate::error::ConfigError;
use crate::fault::Fault;
use crate::names::{Names, Value};
use crate::paths::absolute;
use crate::shlex;
use crate::types::{boolean, byte_size, integer, level, octal};

const SECTION: &str = "supervisord";
const DEFAULT_UMASK: u32 = 0o22;
const DEFAULT_MAXBYTES: i64 = 50 * 1024 * 1024;

/// The section as written, before the command line counts.
pub(crate) struct Daemon {
    minfds: i64,
    minprocs: i64,
    directory: Option<String>,
    user: Option<String>,
    umask: u32,
    logfile: String,
    logfile_maxbytes: i64,
    logfile_backups: i64,
    loglevel: Level,
    pidfile: String,
    identifier: String,
    nodaemon: bool,
    silent: bool,
    childlogdir: String,
    nocleanup: bool,
    strip_ansi: bool,
    /// `environment`.
    pub environment: BTreeMap<String, String>,
}

/// Reads the section and adds its `environment` to the names that the others can use.
pub(crate) fn read(build: &mut Build<'_>) -> Result<Daemon, ConfigError> {
    let scope = build.scope(SECTION);
    let world = build.world;
    let names = build.names();
    let key = Keys { scope, names };
    let dirpath = |text: &str| world.existing_dirpath(text);
    let directory = |text: &str| world.existing_directory(text);
    // The order of the fields is the order in which faults are found.
    let daemon = Daemon {
        minfds: key.read("minfds", 1024, integer)?,
        minprocs: key.read("minprocs", 200, integer)?,
        directory: key.read("directory", None, |text| directory(text).map(Some))?,
        user: scope.text("user", &key.names)?,
        umask: key.read("umask", DEFAULT_UMASK, octal)?,
        logfile: key.read("logfile", "supervisord.log".to_owned(), dirpath)?,
        logfile_maxbytes: key.read("logfile_maxbytes", DEFAULT_MAXBYTES, byte_size)?,
        logfile_backups: key.read("logfile_backups", 10, integer)?,
        loglevel: key.read("loglevel", Level::Info, level)?,
        pidfile: key.read("pidfile", "supervisord.pid".to_owned(), dirpath)?,
        identifier: scope.text_or("identifier", &key.names, "supervisor")?,
        nodaemon: key.read("nodaemon", false, boolean)?,
        silent: key.read("silent", false, boolean)?,
        childlogdir: key.read("childlogdir", temporary_directory(world), directory)?,
        nocleanup: key.read("nocleanup", false, boolean)?,
        strip_ansi: key.read("strip_ansi", false, boolean)?,
        environment: environment(build, &key)?,
    };
    add_environment(&mut build.environment, &daemon.environment);
    build.environment.share();
    Ok(daemon)
}

/// The keys of this section, with the names that are known in it.
struct Keys<'a> {
    scope: Scope<'a>,
    names: Names,
}

impl Keys<'_> {
    fn read<T>(
        &self,
        key: &str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Result<T, ConfigError> {
        self.scope.read(key, &self.names, default, parse)
    }
}

/// Expanded twice, and only the second time with the host's name (EXP-21).
fn environment(build: &Build<'_>, key: &Keys<'_>) -> Result<BTreeMap<String, String>, ConfigError> {
    let once = key.scope.text_or("environment", &key.names, "")?;
    let mut names = key.names.clone();
    let host = build.world.surroundings.hostname.clone();
    names.insert("host_node_name".to_owned(), Value::Text(host));
    let twice = key.scope.expanded_again("environment", &once, &names)?;
    shlex::pairs(&twice).map_err(|fault| key.scope.fails(Some("environment"), fault))
}

/// Where programs log when nobody says: `$TMPDIR`, `$TEMP`, `$TMP`, then the usual places.
fn temporary_directory(world: &World<'_>) -> String {
    let surroundings = world.surroundings;
    let named = ["TMPDIR", "TEMP", "TMP"].iter().filter_map(|name| {
        let value = surroundings.environment.get(*name)?;
        (!value.is_empty()).then_some(value.as_str())
    });
    named
        .chain(["/tmp", "/var/tmp", "/usr/tmp", surroundings.cwd.as_str()])
        .map(|path| absolute(&surroundings.cwd, path))
        .find(|path| world.disk.is_dir(path))
        .unwrap_or_else(|| "/tmp".to_owned())
}

impl Daemon {
    /// The command line over the file (CLI-22); paths made absolute (UP-03), the user looked up
    /// (UP-02).
    pub(crate) fn finish(
        self,
        options: &Options,
        world: &World<'_>,
        scope: Scope<'_>,
    ) -> Result<DaemonSpec, ConfigError> {
        let user = match (&options.user, &self.user) {
            (Some(user), _) => Some(world.user(user)?),
            (None, Some(user)) => {
                Some(world.user(user).map_err(|fault| scope.fails(Some("user"), fault))?)
            }
            (None, None) => None,
        };
        let logfile = chosen(options.logfile.as_ref(), self.logfile);
        Ok(DaemonSpec {
            logfile: if logfile == "syslog" { logfile } else { world.whole_path(&logfile) },
            logfile_maxbytes: options.logfile_maxbytes.unwrap_or(self.logfile_maxbytes),
            logfile_backups: options.logfile_backups.unwrap_or(self.logfile_backups),
            loglevel: options.loglevel.unwrap_or(self.loglevel),
            pidfile: world.whole_path(&chosen(options.pidfile.as_ref(), self.pidfile)),
            nodaemon: options.nodaemon || self.nodaemon,
            silent: options.silent || self.silent,
            minfds: options.minfds.unwrap_or(self.minfds),
            minprocs: options.minprocs.unwrap_or(self.minprocs),
            umask: options.umask.unwrap_or(self.umask),
            user,
            directory: options.directory.clone().or(self.directory),
            identifier: options.identifier.clone().unwrap_or(self.identifier),
            childlogdir: options.childlogdir.clone().unwrap_or(self.childlogdir),
            nocleanup: options.nocleanup || self.nocleanup,
            strip_ansi: options.strip_ansi || self.strip_ansi,
            environment: self.environment,
            server_url: None,
        })
    }
}

/// An empty path on the command line does not count.
fn chosen(option: Option<&String>, file: String) -> String {
    match option {
        Some(path) if !path.is_empty() => path.clone(),
        Some(_) | None => file,
    }
}
