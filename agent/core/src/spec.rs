//! What a configuration says, checked and expanded: nothing in here can be wrong any more.
//!
//! `agent-config` makes these from `supervisord.conf`; the core and the hands only read them.
//! Strings are as supervisord shows them. A count that supervisord allows to be negative is signed.

use std::collections::BTreeMap;
use std::fmt;

use proto_words::Signal;
use serde::{Deserialize, Serialize};

/// A whole `supervisord.conf`, with its includes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// `[supervisord]`, command line already applied.
    pub daemon: DaemonSpec,
    /// `[inet_http_server…]` first, then `[unix_http_server…]`, each in file order.
    pub servers: Vec<ServerSpec>,
    /// `[rpcinterface:…]` sections, in file order; without `supervisor` among them the
    /// `supervisor.` methods are absent.
    pub rpc_interfaces: Vec<RpcInterfaceSpec>,
    /// Every group, sorted as supervisord builds them: by (priority, name), stable; a name that
    /// stands twice is kept twice here, since only the first is activated.
    pub groups: Vec<GroupSpec>,
    /// `[fleet]` as written (key in lower case, value expanded), `None` without the section.
    pub fleet: Option<BTreeMap<String, String>>,
    /// What to say in the activity log once it is open: criticals, then warnings, then infos.
    pub messages: Vec<(Level, String)>,
    /// The file as the caller named it, for messages.
    pub file: String,
    /// The directory of that file, absolute: what `%(here)s` means.
    pub here: String,
}

/// One `[rpcinterface:x]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcInterfaceSpec {
    /// The x.
    pub name: String,
    /// The first key that is not the factory's: none can be used, and with an HTTP server it is an
    /// error at start.
    pub unexpected_key: Option<String>,
}

/// `[supervisord]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonSpec {
    /// `logfile` (default `supervisord.log` in the start directory), absolute, or `syslog`.
    pub logfile: String,
    /// `logfile_maxbytes` in bytes (default 50 MiB); 0 never rotates.
    pub logfile_maxbytes: i64,
    /// `logfile_backups` (default 10); 0 and less truncate.
    pub logfile_backups: i64,
    /// `loglevel` (default info).
    pub loglevel: Level,
    /// `pidfile` (default `supervisord.pid` in the start directory), absolute.
    pub pidfile: String,
    /// `nodaemon` (default false).
    pub nodaemon: bool,
    /// `silent` (default false): no copy of the log on stdout in the foreground.
    pub silent: bool,
    /// `minfds` (default 1024).
    pub minfds: i64,
    /// `minprocs` (default 200).
    pub minprocs: i64,
    /// `umask` (default 022); counts only when daemonizing.
    pub umask: u32,
    /// `user` as (uid, primary gid, name), `None` when not set.
    pub user: Option<UserSpec>,
    /// `directory`; counts only when daemonizing.
    pub directory: Option<String>,
    /// `identifier` (default `supervisor`).
    pub identifier: String,
    /// `childlogdir` (default the system's directory for temporary files).
    pub childlogdir: String,
    /// `nocleanup` (default false).
    pub nocleanup: bool,
    /// `strip_ansi` (default false).
    pub strip_ansi: bool,
    /// `environment`: for every program, never for the agent itself.
    pub environment: BTreeMap<String, String>,
    /// What programs get as `SUPERVISOR_SERVER_URL`, when a server is configured.
    pub server_url: Option<String>,
}

/// A user, looked up when the configuration was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UserSpec {
    /// The numeric user id.
    pub uid: u32,
    /// The primary group id.
    pub gid: u32,
    /// The name, from which the supplementary groups follow.
    pub name: String,
}

/// The levels of the activity log, least important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// `BLAT`, 3.
    Blather,
    /// `TRAC`, 5.
    Trace,
    /// `DEBG`, 10.
    Debug,
    /// `INFO`, 20.
    Info,
    /// `WARN`, 30.
    Warn,
    /// `ERRO`, 40.
    Error,
    /// `CRIT`, 50.
    Critical,
}

impl Level {
    /// The four letters in a log line.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Blather => "BLAT",
            Self::Trace => "TRAC",
            Self::Debug => "DEBG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERRO",
            Self::Critical => "CRIT",
        }
    }
}

/// One HTTP server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSpec {
    /// The section's name, for the line about missing authentication.
    pub section: String,
    /// Where it listens.
    pub address: ServerAddress,
    /// `username` and `password` (plain, or `{SHA}` and hex), `None` when not set or empty.
    pub credentials: Option<Credentials>,
}

/// Where an HTTP server listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerAddress {
    /// `[inet_http_server]`: host in lower case, empty for every IPv4 address.
    Inet {
        /// The host as written; empty means all.
        host: String,
        /// 1 to 65535.
        port: u16,
    },
    /// `[unix_http_server]`.
    Unix {
        /// Absolute.
        path: String,
        /// `chmod` (default 0700).
        mode: u32,
        /// `chown` as (uid, gid); -1 leaves one unchanged; `None` leaves both.
        owner: Option<(i64, i64)>,
    },
}

/// What basic authentication compares with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// `username`.
    pub username: String,
    /// `password` as written: plain, or `{SHA}` and the lower-case hex SHA-1 of the plain one.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    /// The password never shows.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// One group: a `[group:x]`, or what a program, listener or FastCGI section makes by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSpec {
    /// The group's name.
    pub name: String,
    /// Its priority (default 999; -1 for event listeners).
    pub priority: i64,
    /// What kind of group.
    pub kind: GroupKind,
    /// Its processes, in supervisord's order; of two with one name the last counts.
    pub processes: Vec<ProcessSpec>,
}

/// What makes a group special.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupKind {
    /// Programs.
    Programs,
    /// An event listener pool.
    EventListeners(PoolSpec),
    /// FastCGI programs that share one socket.
    FastCgi(SocketSpec),
}

/// What an event listener pool adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolSpec {
    /// `buffer_size` (default 10), at least 1.
    pub buffer_size: i64,
    /// `events`: upper-case names, sorted, each once.
    pub events: Vec<String>,
    /// `result_handler`.
    pub result_handler: String,
}

/// What a FastCGI section adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketSpec {
    /// `socket`.
    pub address: SocketAddress,
    /// `socket_backlog`: how many connections may wait (default: as many as the system allows).
    pub backlog: Option<u16>,
}

/// Where the programs of a FastCGI group listen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SocketAddress {
    /// `unix:///path`.
    Unix {
        /// Absolute.
        path: String,
        /// `socket_mode` (default 0700).
        mode: u32,
        /// `socket_owner` as (uid, gid); -1 leaves one unchanged; `None` leaves both.
        owner: Option<(i64, i64)>,
    },
    /// `tcp://host:port`, IPv4.
    Tcp {
        /// A name or address in lower case.
        host: String,
        /// 1 to 65535.
        port: u16,
    },
}

impl fmt::Display for SocketAddress {
    /// As supervisord shows it in its log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix { path, .. } => write!(f, "unix://{path}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

/// One process of a `[program:x]`, `[eventlistener:x]` or `[fcgi-program:x]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSpec {
    /// `process_name`, expanded.
    pub name: String,
    /// `command`, expanded, not yet split: bad quoting is a spawn error.
    pub command: String,
    /// `directory`, not checked.
    pub directory: Option<String>,
    /// `umask`; `None` inherits.
    pub umask: Option<u32>,
    /// `priority` (default 999).
    pub priority: i64,
    /// `autostart` (default true).
    pub autostart: bool,
    /// `autorestart` (default unexpected).
    pub autorestart: Autorestart,
    /// `startsecs` in seconds (default 1): up this long counts as started.
    pub startsecs: i64,
    /// `startretries` (default 3): this many more attempts after the first.
    pub startretries: i64,
    /// `stopsignal` (default TERM).
    pub stopsignal: Signal,
    /// `stopwaitsecs` in seconds (default 10): then SIGKILL.
    pub stopwaitsecs: i64,
    /// `stopasgroup` (default false): the stop signal goes to the process group.
    pub stopasgroup: bool,
    /// `killasgroup` (default as `stopasgroup`): so does SIGKILL.
    pub killasgroup: bool,
    /// `exitcodes` (default 0).
    pub exitcodes: Vec<i32>,
    /// `user`, looked up.
    pub user: Option<UserSpec>,
    /// `redirect_stderr` (default false).
    pub redirect_stderr: bool,
    /// The keys that begin with `stdout_`.
    pub stdout: LogSpec,
    /// The keys that begin with `stderr_`.
    pub stderr: LogSpec,
    /// `environment` of `[supervisord]`, updated by the program's own.
    pub environment: BTreeMap<String, String>,
    /// `serverurl`; `None` is AUTO.
    pub server_url: Option<String>,
}

/// When a process that ended by itself is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Autorestart {
    /// Never.
    Never,
    /// When its exit code is not in `exitcodes`, or a signal ended it.
    Unexpected,
    /// Always.
    Always,
}

/// Where one output channel of a process goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSpec {
    /// `…_logfile` (default AUTO).
    pub file: LogFile,
    /// `…_logfile_maxbytes` in bytes (default 50 MiB); 0 never rotates.
    pub maxbytes: i64,
    /// `…_logfile_backups` (default 10); 0 and less truncate.
    pub backups: i64,
    /// `…_capture_maxbytes` in bytes (default 0: no capture mode).
    pub capture_maxbytes: i64,
    /// `…_events_enabled` (default false).
    pub events_enabled: bool,
    /// `…_syslog` (default false).
    pub syslog: bool,
}

/// A log file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogFile {
    /// NONE or OFF: read and thrown away.
    None,
    /// AUTO: a file in `childlogdir`, made when the group is activated.
    Auto,
    /// This file; relative paths are relative to the agent's directory when the process starts.
    Path(String),
}
