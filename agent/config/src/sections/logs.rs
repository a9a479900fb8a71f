//! The keys that begin with `stdout_` and `stderr_` (KPR-17 to KPR-24).

use agent_core::spec::{LogFile, LogSpec};

use super::Scope;
use crate::World;
use crate::error::ConfigError;
use crate::fault::Fault;
use crate::names::Names;
use crate::types::{boolean, byte_size, integer};

const DEFAULT_MAXBYTES: i64 = 50 * 1024 * 1024;
const DEFAULT_BACKUPS: i64 = 10;

/// What is read once per section.
pub(crate) struct Channel {
    name: &'static str,
    capture_maxbytes: i64,
    events_enabled: bool,
}

impl Channel {
    /// Of `stdout` or `stderr`.
    pub(crate) fn read(
        name: &'static str,
        scope: Scope<'_>,
        names: &Names,
    ) -> Result<Self, ConfigError> {
        let key = |suffix: &str| format!("{name}_{suffix}");
        Ok(Self {
            name,
            capture_maxbytes: scope.read(&key("capture_maxbytes"), names, 0, byte_size)?,
            events_enabled: scope.read(&key("events_enabled"), names, false, boolean)?,
        })
    }
}

/// A log file as written: `syslog` is an old way to say `…_syslog=true`.
enum Written {
    File(LogFile),
    Syslog,
}

/// What is read for each process.
pub(crate) fn read(
    channel: &Channel,
    world: &World<'_>,
    scope: Scope<'_>,
    names: &Names,
    warnings: &mut Vec<String>,
) -> Result<LogSpec, ConfigError> {
    let key = |suffix: &str| format!("{}_{suffix}", channel.name);
    let section = scope.section;
    let file_key = key("logfile");
    let written = written(&file_key, world, scope, names)?;
    let backups = scope.read(&key("logfile_backups"), names, DEFAULT_BACKUPS, integer)?;
    let maxbytes = scope.read(&key("logfile_maxbytes"), names, DEFAULT_MAXBYTES, byte_size)?;
    let syslog = scope.read(&key("syslog"), names, false, boolean)?;
    let (file, syslog) = match written {
        Written::File(file) => (file, syslog),
        Written::Syslog => {
            warnings.push(format!(
                "For [{section}], {file_key}=syslog but this is deprecated and will be removed.  \
                 Use {}=true to enable syslog instead.",
                key("syslog")
            ));
            (LogFile::None, true)
        }
    };
    if file == LogFile::Auto && maxbytes == 0 {
        warnings.push(format!(
            "For [{section}], AUTO logging used for {file_key} without rollover, set maxbytes > 0 \
             to avoid filling up filesystem unintentionally"
        ));
    }
    Ok(LogSpec {
        file,
        maxbytes,
        backups,
        capture_maxbytes: channel.capture_maxbytes,
        events_enabled: channel.events_enabled,
        syslog,
    })
}

/// An empty path counts as one in supervisord's warnings and as no log everywhere else.
pub(crate) fn drop_empty_path(log: &mut LogSpec) {
    if matches!(&log.file, LogFile::Path(path) if path.is_empty()) {
        log.file = LogFile::None;
    }
}

/// With `redirect_stderr` there is no file for stderr, whatever was written (KEY-W02).
pub(crate) fn drop_redirected(stderr: &mut LogSpec, scope: Scope<'_>, warnings: &mut Vec<String>) {
    if matches!(stderr.file, LogFile::Path(_)) {
        warnings.push(format!(
            "For [{}], redirect_stderr=true but stderr_logfile has also been set to a filename, \
             the filename has been ignored",
            scope.section
        ));
    }
    stderr.file = LogFile::None;
}

/// Expanded twice (EXP-20), then TYP-09.
fn written(
    key: &str,
    world: &World<'_>,
    scope: Scope<'_>,
    names: &Names,
) -> Result<Written, ConfigError> {
    let Some(once) = scope.text(key, names)? else {
        return Ok(Written::File(LogFile::Auto));
    };
    let twice = scope.expanded_again(key, &once, names)?;
    log_file(world, &twice).map_err(|fault| scope.fails(Some(key), fault))
}

fn log_file(world: &World<'_>, text: &str) -> Result<Written, Fault> {
    Ok(match text.to_lowercase().as_str() {
        "none" | "off" => Written::File(LogFile::None),
        "auto" => Written::File(LogFile::Auto),
        "syslog" => Written::Syslog,
        _ => Written::File(LogFile::Path(world.existing_dirpath(text)?)),
    })
}
