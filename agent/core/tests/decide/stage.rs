//! A host with played hands, and how its transcripts are written.
//!
//! `seconds words -> effects`. Callers are numbers. Effects: `NAME STATE` is an announcement,
//! `check`, `spawn`, `open`, `close`, `signal`, `prepare`, `read` are for hands, `answer N …` goes to a caller.

use std::collections::BTreeMap;

use agent_core::command::{
    BadConfiguration, Command, PreparedGroup, Refusal, Reply, Scope, Ticket,
};
use agent_core::effect::{Effect, Event, Finish, ProcessId, SocketId};
use agent_core::input::{Exit, Input, Output, Stream};
use agent_core::listener::Said;
use agent_core::spec::GroupSpec;
use agent_core::{Ask, Supervisor};
use proto_words::{Incarnation, Namespec, Now, Origin, ProcessState, Signal};

use super::play::{beginning, groups, prepared};

/// It knows which process has which name and pid.
pub struct Host {
    pub core: Supervisor,
    names: BTreeMap<ProcessId, String>,
    pids: BTreeMap<String, i32>,
    /// Newest last.
    sockets: Vec<(SocketId, String)>,
    next_pid: i32,
    fresh: Vec<GroupSpec>,
    with_log: bool,
}

impl Host {
    fn new(configured: &str, with_log: bool) -> Self {
        let specs = groups(configured);
        let now = Now { mono_ns: 0, wall_ms: 0 };
        let (core, _) = Supervisor::new(now, beginning(specs.clone()));
        let mut host = Self {
            core,
            names: BTreeMap::new(),
            pids: BTreeMap::new(),
            sockets: Vec::new(),
            next_pid: 100,
            fresh: specs,
            with_log,
        };
        host.learn();
        host
    }

    /// Process ids are given in order; the rows tell the names in another. The saved form has both.
    fn learn(&mut self) {
        let saved = serde_json::to_value(&self.core).expect("the state can be written");
        let processes = saved["processes"].as_object().expect("a map of processes");
        for (id, process) in processes {
            let (group, name) = (&process["group"], &process["spec"]["name"]);
            let name =
                Namespec::one(group.as_str().expect("a group"), name.as_str().expect("a name"));
            self.names.insert(ProcessId(id.parse().expect("an id")), name.to_string());
        }
    }

    fn id(&self, name: &str) -> ProcessId {
        let found = self.names.iter().rev().find(|(_, known)| *known == name);
        found.map_or_else(|| panic!("no process {name}"), |(id, _)| *id)
    }

    fn input(&mut self, words: &str, now: Now) -> Input {
        let mut parts = words.split_whitespace();
        let word = parts.next().expect("a word");
        let mut next = || parts.next().unwrap_or("").to_owned();
        match word {
            "started" => Input::Started,
            "woke" => Input::Woke,
            "signalled" => Input::Signalled(Signal::parse(&next()).expect("a signal")),
            "checked" | "unchecked" => {
                let (ticket, name) = (ticket(&next()), next());
                let verdict = if word == "checked" {
                    Ok(())
                } else {
                    Err(Refusal::NoFile(format!("can't find command '{name}'")))
                };
                Input::CommandChecked { ticket, process: self.id(&name), verdict }
            }
            "spawned" => {
                let name = next();
                self.next_pid += 1;
                self.pids.insert(name.clone(), self.next_pid);
                Input::Spawned { process: self.id(&name), pid: self.next_pid }
            }
            "unspawned" => {
                Input::SpawnFailed { process: self.id(&next()), why: "no such command".into() }
            }
            "opened" | "unopened" => {
                let group = next();
                let newest = self.sockets.iter().rev().find(|(_, of)| *of == group);
                let socket = newest.expect("a socket that was asked for").0;
                let verdict = if word == "opened" { Ok(()) } else { Err("in use".into()) };
                Input::SocketOpened { socket, group: group.into(), verdict }
            }
            "exit" => self.child_exited(&next(), &next(), now),
            "sent" => {
                let (ticket, name) = (ticket(&next()), next());
                Input::SignalSent { process: self.id(&name), ticket }
            }
            "eperm" => {
                let (ticket, name) = (ticket(&next()), next());
                Input::SignalFailed {
                    process: self.id(&name),
                    ticket: (ticket != Ticket(0)).then_some(ticket),
                    errno: 1,
                    text: "[Errno 1]".into(),
                }
            }
            "ready" | "ok" | "fail" | "noise" => self.said(word, &next()),
            "written" => {
                let (name, serial) = (next(), next());
                let serial = serial.parse().expect("a serial");
                Input::EventWritten { process: self.id(&name), serial, verdict: Ok(()) }
            }
            "wrote" | "captured" => self.wrote(word, &next(), next()),
            "read" | "unread" => self.configuration_read(word, ticket(&next())),
            "prepared" => self.group_prepared(ticket(&next()), &next(), None),
            "unprepared" => self.group_prepared(ticket(&next()), &next(), Some("in use".into())),
            caller => {
                let (verb, rest) = (next(), parts.collect::<Vec<_>>());
                Input::Asked(ask(caller, &verb, &rest))
            }
        }
    }

    fn said(&self, word: &str, name: &str) -> Input {
        let said = match word {
            "ready" => Said::Ready,
            "ok" => Said::Processed,
            "fail" => Said::Rejected,
            _ => Said::Nonsense,
        };
        Input::ListenerSaid { process: self.id(name), pid: self.pids[name], said }
    }

    fn wrote(&self, word: &str, name: &str, text: String) -> Input {
        let bytes = text.into_bytes();
        let output = match word {
            "wrote" => Output::Logged(Stream::Stdout, bytes),
            _ => Output::Captured(Stream::Stderr, bytes),
        };
        Input::Wrote { process: self.id(name), pid: self.pids[name], output }
    }

    fn child_exited(&self, name: &str, code: &str, now: Now) -> Input {
        Input::ChildExited {
            process: self.id(name),
            pid: self.pids[name],
            exit: Exit::Code(code.parse().expect("an exit code")),
            at_mono_ns: now.mono_ns,
        }
    }

    fn configuration_read(&self, word: &str, ticket: Ticket) -> Input {
        let configuration = match word {
            "read" => Ok(Box::new(configuration(self.fresh.clone()))),
            _ => Err(BadConfiguration {
                text: "no section headers".to_owned(),
                diagnosis: "conf:1: no section headers; begin with [supervisord]".to_owned(),
            }),
        };
        let ticket = Some(ticket).filter(|ticket| *ticket != Ticket(0));
        Input::ConfigurationRead { ticket, configuration }
    }

    fn group_prepared(&self, ticket: Ticket, name: &str, fault: Option<String>) -> Input {
        let found = self.fresh.iter().find(|group| group.name == name);
        let group = std::slice::from_ref(found.expect("a group"));
        let group = PreparedGroup { fault, ..prepared(group).remove(0) };
        let group = Box::new(group);
        Input::GroupPrepared { ticket, group }
    }

    fn step(&mut self, words: &str, now: Now) -> String {
        let input = self.input(words, now);
        let effects = self.core.on_input(now, input);
        self.learn();
        for effect in &effects {
            if let Effect::OpenSocket { socket, group, .. } = effect {
                self.sockets.push((*socket, group.to_string()));
            }
        }
        let shown: Vec<_> = effects.iter().filter_map(|effect| self.show(effect)).collect();
        shown.join(", ")
    }

    fn show(&self, effect: &Effect) -> Option<String> {
        let name = |id: &ProcessId| self.names[id].clone();
        Some(match effect {
            Effect::Log(level, text) => {
                return self.with_log.then(|| format!("log {} {text}", level.code()));
            }
            Effect::CheckCommand { process, .. } => format!("check {}", name(process)),
            Effect::Spawn(order) => format!("spawn {}", name(&order.process)),
            Effect::OpenSocket { group, .. } => format!("open {group}"),
            Effect::CloseSocket { socket } => {
                let known = self.sockets.iter().find(|(known, _)| known == socket);
                format!("close {}", known.expect("a socket that was opened").1)
            }
            Effect::CancelSpawn { process } => format!("cancel {}", name(process)),
            Effect::Signal { process, signal, .. } => format!("signal {} {signal}", name(process)),
            Effect::WriteStdin { process, .. } => format!("stdin {}", name(process)),
            Effect::SendEvent { process, bytes, .. } => {
                format!("send {} {}", name(process), show_envelope(bytes))
            }
            Effect::ClearLogs { process, .. } => format!("clear {}", name(process)),
            Effect::ClearMainLog { .. } => "clear-main".into(),
            Effect::ReopenLogs => "reopen".into(),
            Effect::ReadConfiguration { to_restart: false, .. } => "read".into(),
            Effect::ReadConfiguration { to_restart: true, .. } => "read-to-restart".into(),
            Effect::PrepareGroup { group, .. } => format!("prepare {}", group.name),
            Effect::Announce(event) => show_event(event),
            Effect::Answer(ticket, reply) => format!("answer {} {}", ticket.0, show_reply(reply)),
            Effect::Finish(Finish::Exit) => "finish exit".into(),
            Effect::Finish(Finish::Restart) => "finish restart".into(),
        })
    }
}

/// `SERIAL/POOLSERIAL TYPE`, and the payload's first line in brackets.
fn show_envelope(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).expect("text");
    let (header, payload) = text.split_once('\n').expect("a header");
    let header: BTreeMap<_, _> =
        header.split(' ').map(|word| word.split_once(':').expect("key:value")).collect();
    assert_eq!((header["ver"], header["server"]), ("3.0", "host"));
    assert_eq!(header["len"], payload.chars().count().to_string());
    let (serial, in_pool) = (header["serial"], header["poolserial"]);
    let payload = payload.lines().collect::<Vec<_>>().join("|");
    format!("{serial}/{in_pool} {} [{payload}]", header["eventname"])
}

fn ticket(text: &str) -> Ticket {
    Ticket(text.parse().expect("a caller's number"))
}

/// `N verb words`; with `F` after the number the intent is the fleet's.
fn ask(caller: &str, verb: &str, rest: &[&str]) -> Ask {
    let fleet = caller.ends_with('F');
    let origin = if fleet { Origin::Fleet("op".into()) } else { Origin::LocalXmlrpc };
    let first = rest.first().copied().unwrap_or("");
    let wait = !rest.contains(&"nowait");
    let scope = match first {
        "all" => Scope::All,
        name => Scope::Named(Namespec::parse(name)),
    };
    let command = match verb {
        "start" => Command::Start { scope, wait },
        "stop" => Command::Stop { scope, wait },
        "restart" => Command::Restart {
            name: Namespec::parse(first),
            replaces: rest
                .get(1)
                .and_then(|spawn| spawn.parse().ok())
                .map(|spawn| Incarnation { epoch: 1, spawn }),
            wait,
        },
        "signal" => Command::Signal { scope, signal: Signal::TERM },
        "clear" => Command::ClearLogs(Namespec::parse(first)),
        "stdin" => Command::WriteStdin { name: Namespec::parse(first), bytes: b"x".to_vec() },
        "add" => Command::AddGroup(first.into()),
        "remove" => Command::RemoveGroup(first.into()),
        "reread" => Command::Reread,
        "update" => Command::Update { groups: rest.iter().map(|&name| name.into()).collect() },
        "reload" => Command::Reload,
        "shutdown" => Command::Shutdown,
        "state" => Command::State,
        "event" => Command::RemoteEvent { kind: first.into(), data: rest[1..].join(" ") },
        "info" => Command::Info(Namespec::parse(first)),
        other => panic!("no such verb in these tests: {other}"),
    };
    Ask { origin, ticket: ticket(caller.trim_end_matches('F')), command }
}

fn show_event(event: &Event) -> String {
    match event {
        Event::Process { row, .. } => {
            let name = Namespec::one(&row.group, &row.name);
            format!("{name} {}", row.state.map_or("gone", ProcessState::name))
        }
        Event::GroupAdded(name, _) => format!("{name} ADDED"),
        Event::GroupRemoved(name, _) => format!("{name} REMOVED"),
        Event::SupervisorRunning => "running".into(),
        Event::SupervisorStopping => "stopping".into(),
        Event::Remote { kind, .. } => format!("remote {kind}"),
    }
}

fn show_reply(reply: &Reply) -> String {
    match reply {
        Reply::Done => "done".into(),
        Reply::Refused(refusal) => format!("no: {refusal}"),
        Reply::State(state) => state.name().into(),
        Reply::Infos(infos) => infos.iter().map(|info| info.state.to_string()).collect(),
        Reply::Results(results) => {
            let show = |r: &agent_core::command::TargetResult| match &r.result {
                Ok(()) => r.name.clone(),
                Err(refusal) => format!("{}: {refusal}", r.name),
            };
            format!("[{}]", results.iter().map(show).collect::<Vec<_>>().join("; "))
        }
        Reply::Diff(diff) | Reply::Updated(diff) => {
            format!("+{:?} ~{:?} -{:?}", diff.added, diff.changed, diff.removed)
        }
        Reply::Configs(_) | Reply::Rows(_) | Reply::Files(_) => "shown".into(),
    }
}

pub fn configuration(groups: Vec<GroupSpec>) -> agent_core::spec::Configuration {
    use agent_core::spec::{Configuration, DaemonSpec, Level};
    Configuration {
        daemon: DaemonSpec {
            logfile: "/log".into(),
            logfile_maxbytes: 0,
            logfile_backups: 0,
            loglevel: Level::Info,
            pidfile: "/pid".into(),
            nodaemon: true,
            silent: false,
            minfds: 1024,
            minprocs: 200,
            umask: 0o22,
            user: None,
            directory: None,
            identifier: "supervisor".into(),
            childlogdir: "/tmp".into(),
            nocleanup: false,
            strip_ansi: false,
            environment: BTreeMap::new(),
            server_url: None,
        },
        servers: Vec::new(),
        rpc_interfaces: Vec::new(),
        groups,
        fleet: None,
        messages: Vec::new(),
        file: "supervisord.conf".into(),
        here: "/".into(),
    }
}

/// Replays the left column and compares the whole text. A line `new: …` replaces the configuration
/// that the next read finds.
pub fn replay(configured: &str, transcript: &str, with_log: bool) -> Host {
    let mut host = Host::new(configured, with_log);
    let (mut wanted, mut got) = (String::new(), String::new());
    for line in transcript.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(fresh) = line.strip_prefix("new: ") {
            host.fresh = groups(&fresh.replace(" | ", "\n"));
            continue;
        }
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let (left, _) = line.split_once("->").expect("words -> effects");
        let (at, words) = left.trim().split_once(' ').expect("time words");
        let tenths: u64 = at.replace('.', "").parse().expect("seconds with one decimal");
        let wall_ms = i64::try_from(tenths * 100).expect("small");
        let now = Now { mono_ns: tenths * 100_000_000, wall_ms };
        let shown = host.step(words, now);
        got.push_str(format!("{} -> {shown}", left.trim()).trim());
        got.push('\n');
        wanted.push_str(&line);
        wanted.push('\n');
    }
    assert_eq!(got, wanted, "\n--- got ---\n{got}");
    host
}

/// As [`replay`], without what is said to the log.
pub fn check(configured: &str, transcript: &str) -> Host {
    replay(configured, transcript, false)
}
