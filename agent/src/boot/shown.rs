//! A configuration as one JSON document, for `fleetvisord check -o json`: everything that was read,
//! under supervisord's own keys. Passwords are left out; what `environment` says is not.

use std::collections::BTreeMap;

use agent_config::{ConfigError, Difference, Place, Warning};
use agent_core::spec::{
    Autorestart, Configuration, DaemonSpec, GroupKind, GroupSpec, Level, LogFile, LogSpec,
    ProcessSpec, ServerAddress, ServerSpec, SocketAddress, UserSpec,
};
use serde::Serialize;
use serde_json::{Value, json};

/// The document for a configuration that can be used.
pub fn configuration(configuration: &Configuration, warnings: &[Warning]) -> Value {
    json!({
        "file": configuration.file,
        "here": configuration.here,
        "daemon": daemon(&configuration.daemon),
        "servers": configuration.servers.iter().map(server).collect::<Vec<_>>(),
        "rpc_interfaces":
            configuration.rpc_interfaces.iter().map(|one| &one.name).collect::<Vec<_>>(),
        "groups": configuration.groups.iter().map(group).collect::<Vec<_>>(),
        "fleet": configuration.fleet,
        "messages": configuration.messages.iter().map(message).collect::<Vec<_>>(),
        "warnings": warnings.iter().map(warning).collect::<Vec<_>>(),
    })
}

/// The document for one that cannot.
pub fn error(error: &ConfigError, warnings: &[Warning]) -> Value {
    let diagnosis = error.diagnosis();
    fault(&error.to_string(), &diagnosis.place, &diagnosis.to_string(), warnings)
}

/// The document for a fault that supervisord has no text for.
pub fn own_error(text: &str, file: &str, warnings: &[Warning]) -> Value {
    let place = Place { file: Some(file.to_owned()), ..Place::default() };
    fault(text, &place, text, warnings)
}

/// What behaves differently from Supervisor 4.3.0.
pub fn differences(file: &str, differences: &[Difference]) -> Value {
    let shown = |difference: &Difference| {
        let mut shown = place(&difference.place);
        shown["compat"] = format!("COMPAT-{}", difference.number).into();
        shown["text"] = difference.text.into();
        shown
    };
    json!({ "file": file, "differences": differences.iter().map(shown).collect::<Vec<_>>() })
}

fn fault(text: &str, place: &Place, diagnosis: &str, warnings: &[Warning]) -> Value {
    let mut error = self::place(place);
    error["text"] = text.into();
    error["diagnosis"] = diagnosis.into();
    json!({ "error": error, "warnings": warnings.iter().map(warning).collect::<Vec<_>>() })
}

fn place(place: &Place) -> Value {
    let Place { file, line, section, key } = place;
    json!({ "file": file, "line": line, "section": section, "key": key })
}

fn warning(warning: &Warning) -> Value {
    let mut shown = place(&warning.place);
    shown["text"] = warning.text.as_str().into();
    shown
}

fn message((level, text): &(Level, String)) -> Value {
    json!({ "level": level_name(*level), "text": text })
}

fn daemon(daemon: &DaemonSpec) -> Value {
    json!({
        "logfile": daemon.logfile,
        "logfile_maxbytes": daemon.logfile_maxbytes,
        "logfile_backups": daemon.logfile_backups,
        "loglevel": level_name(daemon.loglevel),
        "pidfile": daemon.pidfile,
        "nodaemon": daemon.nodaemon,
        "silent": daemon.silent,
        "minfds": daemon.minfds,
        "minprocs": daemon.minprocs,
        "umask": octal(daemon.umask),
        "user": daemon.user.as_ref().map(user),
        "directory": daemon.directory,
        "identifier": daemon.identifier,
        "childlogdir": daemon.childlogdir,
        "nocleanup": daemon.nocleanup,
        "strip_ansi": daemon.strip_ansi,
        "environment": daemon.environment,
        "serverurl": daemon.server_url,
    })
}

fn server(server: &ServerSpec) -> Value {
    let username = server.credentials.as_ref().map(|known| &known.username);
    match &server.address {
        ServerAddress::Inet { host, port } => json!({
            "section": server.section,
            "host": host,
            "port": port,
            "username": username,
        }),
        ServerAddress::Unix { path, mode, owner } => json!({
            "section": server.section,
            "file": path,
            "chmod": octal(*mode),
            "chown": owner.map(self::owner),
            "username": username,
        }),
    }
}

fn group(group: &GroupSpec) -> Value {
    let mut shown = json!({
        "name": group.name,
        "kind": "program",
        "priority": group.priority,
        "processes": group.processes.iter().map(Process::new).collect::<Vec<_>>(),
    });
    match &group.kind {
        GroupKind::Programs => {}
        GroupKind::EventListeners(pool) => {
            shown["kind"] = "eventlistener".into();
            shown["buffer_size"] = pool.buffer_size.into();
            shown["events"] = json!(pool.events);
            shown["result_handler"] = pool.result_handler.as_str().into();
        }
        GroupKind::FastCgi(socket) => {
            shown["kind"] = "fcgi-program".into();
            let (mode, chown) = match socket.address {
                SocketAddress::Unix { mode, owner, .. } => (Some(mode), owner),
                SocketAddress::Tcp { .. } => (None, None),
            };
            shown["socket"] = socket.address.to_string().into();
            shown["socket_owner"] = json!(chown.map(owner));
            shown["socket_mode"] = json!(mode.map(octal));
            shown["socket_backlog"] = json!(socket.backlog);
        }
    }
    shown
}

/// One process: a field for each key, so that a key which the specification gains is missed here.
#[derive(Serialize)]
struct Process<'a> {
    name: &'a str,
    command: &'a str,
    priority: i64,
    autostart: bool,
    autorestart: Value,
    startsecs: i64,
    startretries: i64,
    exitcodes: &'a [i32],
    stopsignal: String,
    stopwaitsecs: i64,
    stopasgroup: bool,
    killasgroup: bool,
    user: Option<Value>,
    directory: Option<&'a str>,
    umask: Option<String>,
    environment: &'a BTreeMap<String, String>,
    serverurl: &'a str,
    redirect_stderr: bool,
    #[serde(flatten)]
    channels: BTreeMap<String, Value>,
}

impl<'a> Process<'a> {
    fn new(process: &'a ProcessSpec) -> Self {
        let mut channels = BTreeMap::new();
        channel("stdout", &process.stdout, &mut channels);
        channel("stderr", &process.stderr, &mut channels);
        Self {
            name: &process.name,
            command: &process.command,
            priority: process.priority,
            autostart: process.autostart,
            autorestart: match process.autorestart {
                Autorestart::Never => false.into(),
                Autorestart::Unexpected => "unexpected".into(),
                Autorestart::Always => true.into(),
            },
            startsecs: process.startsecs,
            startretries: process.startretries,
            exitcodes: &process.exitcodes,
            stopsignal: process.stopsignal.to_string(),
            stopwaitsecs: process.stopwaitsecs,
            stopasgroup: process.stopasgroup,
            killasgroup: process.killasgroup,
            user: process.user.as_ref().map(user),
            directory: process.directory.as_deref(),
            umask: process.umask.map(octal),
            environment: &process.environment,
            serverurl: process.server_url.as_deref().unwrap_or("AUTO"),
            redirect_stderr: process.redirect_stderr,
            channels,
        }
    }
}

fn channel(name: &str, log: &LogSpec, shown: &mut BTreeMap<String, Value>) {
    let LogSpec { file, maxbytes, backups, capture_maxbytes, events_enabled, syslog } = log;
    let file = match file {
        LogFile::None => "NONE",
        LogFile::Auto => "AUTO",
        LogFile::Path(path) => path,
    };
    for (key, value) in [
        ("logfile", json!(file)),
        ("logfile_maxbytes", json!(maxbytes)),
        ("logfile_backups", json!(backups)),
        ("capture_maxbytes", json!(capture_maxbytes)),
        ("events_enabled", json!(events_enabled)),
        ("syslog", json!(syslog)),
    ] {
        shown.insert(format!("{name}_{key}"), value);
    }
}

fn user(user: &UserSpec) -> Value {
    json!({ "uid": user.uid, "gid": user.gid, "name": user.name })
}

fn owner((uid, gid): (i64, i64)) -> Value {
    json!({ "uid": uid, "gid": gid })
}

/// As one writes it in the file.
fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Blather => "blather",
        Level::Trace => "trace",
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
        Level::Critical => "critical",
    }
}
