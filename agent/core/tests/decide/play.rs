//! Specifications for tests: programs from a few words.

use std::collections::BTreeMap;

use agent_core::Beginning;
use agent_core::command::PreparedGroup;
use agent_core::spec::{
    Autorestart, GroupKind, GroupSpec, LogFile, LogSpec, PoolSpec, ProcessSpec, SocketAddress,
    SocketSpec,
};
use proto_words::Signal;

/// A program with supervisord's defaults, no logs, and these options (`key=value`, blanks between).
pub fn program(name: &str, options: &str) -> ProcessSpec {
    let log = LogSpec {
        file: LogFile::None,
        maxbytes: 0,
        backups: 0,
        capture_maxbytes: 0,
        events_enabled: false,
        syslog: false,
    };
    let mut spec = ProcessSpec {
        name: name.into(),
        command: format!("/bin/{name}"),
        directory: None,
        umask: None,
        priority: 999,
        autostart: true,
        autorestart: Autorestart::Unexpected,
        startsecs: 1,
        startretries: 3,
        stopsignal: Signal::TERM,
        stopwaitsecs: 10,
        stopasgroup: false,
        killasgroup: false,
        exitcodes: vec![0],
        user: None,
        redirect_stderr: false,
        stdout: log.clone(),
        stderr: log,
        environment: BTreeMap::new(),
        server_url: None,
    };
    for option in options.split_whitespace() {
        let (key, value) = option.split_once('=').expect("key=value");
        set(&mut spec, key, value);
    }
    spec
}

fn set(spec: &mut ProcessSpec, key: &str, value: &str) {
    let number = || value.parse::<i64>().expect("a number");
    match key {
        "priority" => spec.priority = number(),
        "startsecs" => spec.startsecs = number(),
        "startretries" => spec.startretries = number(),
        "stopwaitsecs" => spec.stopwaitsecs = number(),
        "autostart" => spec.autostart = value == "true",
        "stopsignal" => spec.stopsignal = Signal::parse(value).expect("a signal"),
        "stopasgroup" => spec.stopasgroup = value == "true",
        "killasgroup" => spec.killasgroup = value == "true",
        "exitcodes" => {
            spec.exitcodes =
                value.split(',').map(|code| code.parse().expect("an exit code")).collect();
        }
        "autorestart" => {
            spec.autorestart = match value {
                "true" => Autorestart::Always,
                "false" => Autorestart::Never,
                _ => Autorestart::Unexpected,
            };
        }
        other => panic!("no such option in these tests: {other}"),
    }
}

/// Groups from lines such as `shop 10: api startsecs=0; worker priority=5`. With `fastcgi` behind
/// the priority they share the socket `/NAME`; with a number and names of events they are listeners
/// for these, with that buffer: `ears -1 2 TICK_5,PROCESS_STATE: l`.
pub fn groups(text: &str) -> Vec<GroupSpec> {
    let mut groups: Vec<GroupSpec> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (head, programs) = line.split_once(':').expect("group priority: programs");
        let head: Vec<_> = head.split_whitespace().collect();
        let (name, priority, kind) = match head.as_slice() {
            [name, priority] => (*name, *priority, GroupKind::Programs),
            [name, priority, "fastcgi"] => (*name, *priority, GroupKind::FastCgi(socket(name))),
            [name, priority, size, events] => (*name, *priority, listeners(size, events)),
            _ => panic!("group priority [fastcgi | size events]: {head:?}"),
        };
        let processes = programs.split(';').map(|words| {
            let words = words.trim();
            let (name, options) = words.split_once(' ').unwrap_or((words, ""));
            program(name, options)
        });
        groups.push(GroupSpec {
            name: name.into(),
            priority: priority.parse().expect("a priority"),
            kind,
            processes: processes.collect(),
        });
    }
    groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    groups
}

fn socket(group: &str) -> SocketSpec {
    let address = SocketAddress::Unix { path: format!("/{group}"), mode: 0o700, owner: None };
    SocketSpec { address, backlog: None }
}

fn listeners(size: &str, events: &str) -> GroupKind {
    GroupKind::EventListeners(PoolSpec {
        buffer_size: size.parse().expect("a size"),
        events: events.split(',').map(str::to_owned).collect(),
        result_handler: "supervisor.dispatchers:default_handler".into(),
    })
}

/// A first life with these groups.
pub fn beginning(configured: Vec<GroupSpec>) -> Beginning {
    let prepared = prepared(&configured);
    Beginning { epoch: 1, identifier: "host".into(), event_serial: -1, configured, prepared }
}

/// Groups as they are prepared when no log is AUTO.
pub fn prepared(groups: &[GroupSpec]) -> Vec<PreparedGroup> {
    let prepare = |group: &GroupSpec| PreparedGroup {
        configured: group.clone(),
        auto_logs: BTreeMap::new(),
        fault: None,
    };
    groups.iter().map(prepare).collect()
}
