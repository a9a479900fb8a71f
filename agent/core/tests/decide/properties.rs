//! Whatever happens in whatever order: never two children for one process, no move outside the
//! table, one reply for each caller, and every shutdown ends.

use std::collections::{BTreeMap, BTreeSet};

use agent_core::command::{BadConfiguration, Command, Scope, Ticket};
use agent_core::effect::{Effect, Event, ProcessId, SocketId, Stdin};
use agent_core::input::{Exit, Input, Unwritten};
use agent_core::listener::Said;
use agent_core::{Ask, Supervisor};
use proptest::prelude::*;
use proto_words::{Namespec, Now, Origin, ProcessState, Signal};

use super::play::{beginning, groups};

const CONFIGURED: &str = "
    a 1: a startsecs=0 autorestart=true
    b 2: b1 startretries=1; b2 priority=1 stopwaitsecs=0
    c 3: c autostart=false autorestart=false
    d 4 fastcgi: d1 autorestart=true; d2 startretries=0
    e -1 3 EVENT: e1 startsecs=0; e2
";

const NAMES: [&str; 8] = ["a", "b:b1", "b:b2", "c", "d:d1", "d:d2", "e:e1", "e:e2"];

/// What the world does next; numbers pick among what is possible.
#[derive(Debug, Clone)]
enum Act {
    Ask { verb: u8, whom: usize, wait: bool },
    Check { which: usize, good: bool },
    Open { good: bool },
    Birth { which: usize, good: bool },
    Exit { which: usize, code: i32 },
    Say { which: usize, word: u8 },
    Written { good: bool },
    Wait { tenths: u64 },
    Hup,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0u8..4, 0usize..10, any::<bool>()).prop_map(|(verb, whom, wait)| Act::Ask {
            verb,
            whom,
            wait
        }),
        (any::<usize>(), any::<bool>()).prop_map(|(which, good)| Act::Check { which, good }),
        prop::bool::weighted(0.8).prop_map(|good| Act::Open { good }),
        (any::<usize>(), prop::bool::weighted(0.8))
            .prop_map(|(which, good)| Act::Birth { which, good }),
        (any::<usize>(), 0i32..3).prop_map(|(which, code)| Act::Exit { which, code }),
        (any::<usize>(), 0u8..5).prop_map(|(which, word)| Act::Say { which, word }),
        prop::bool::weighted(0.8).prop_map(|good| Act::Written { good }),
        (0u64..40).prop_map(|tenths| Act::Wait { tenths }),
        Just(Act::Hup),
    ]
}

fn bad() -> BadConfiguration {
    BadConfiguration { text: "bad".into(), diagnosis: "conf:1: bad".into() }
}

/// The moves of daemon.md 4.2, by name.
fn is_in_the_table(from: ProcessState, to: ProcessState) -> bool {
    use ProcessState::{Backoff, Exited, Fatal, Running, Starting, Stopped, Stopping, Unknown};
    matches!(
        (from, to),
        (Stopped | Exited | Fatal | Backoff, Starting)
            | (Starting, Running | Backoff | Stopping | Unknown)
            | (Running, Exited | Stopping | Unknown)
            | (Backoff, Fatal | Stopped)
            | (Stopping, Stopped | Unknown)
            | (Unknown, Stopped)
    )
}

/// The one socket of these groups, as its hand sees it.
#[derive(Debug, PartialEq, Eq)]
enum Socket {
    Closed,
    Asked,
    Open,
}

struct World {
    core: Supervisor,
    now: Now,
    next_pid: i32,
    next_ticket: u64,
    checks: Vec<(Ticket, ProcessId)>,
    births: Vec<ProcessId>,
    socket: Socket,
    last_socket: SocketId,
    /// Who has ever shared it.
    sharing: BTreeSet<ProcessId>,
    children: BTreeMap<ProcessId, i32>,
    /// Events on their way to listeners.
    sent: Vec<(ProcessId, i64)>,
    asked: BTreeSet<Ticket>,
    finished: bool,
}

impl World {
    fn new() -> Self {
        let specs = groups(CONFIGURED);
        let now = Now::default();
        let (core, _) = Supervisor::new(now, beginning(specs));
        let mut world = Self {
            core,
            now,
            next_pid: 100,
            next_ticket: 0,
            checks: Vec::new(),
            births: Vec::new(),
            socket: Socket::Closed,
            last_socket: SocketId(0),
            sharing: BTreeSet::new(),
            children: BTreeMap::new(),
            sent: Vec::new(),
            asked: BTreeSet::new(),
            finished: false,
        };
        world.feed(Input::Started);
        world
    }

    fn feed(&mut self, input: Input) {
        assert!(!self.finished || !matches!(input, Input::Spawned { .. }), "a birth after the end");
        for effect in self.core.on_input(self.now, input) {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::CheckCommand { ticket, process, .. } => self.checks.push((ticket, process)),
            Effect::Spawn(order) => {
                let id = order.process;
                assert!(!self.children.contains_key(&id), "a second child for one process");
                assert!(!self.births.contains(&id), "two births at once for one process");
                assert!(!self.finished, "a spawn after the end");
                let shares = matches!(order.stdin, Stdin::Socket(_));
                assert_eq!(shares, &*order.group == "d");
                assert!(!shares || self.socket == Socket::Open, "a birth without its socket");
                if shares {
                    self.sharing.insert(id);
                }
                self.births.push(id);
            }
            Effect::OpenSocket { socket, .. } => {
                self.last_socket = socket;
                assert_eq!(self.socket, Socket::Closed);
                self.socket = Socket::Asked;
            }
            Effect::CancelSpawn { process } => {
                // What the hand has not begun is taken back; here it has begun half of them.
                if process.0.is_multiple_of(2)
                    && let Some(at) = self.births.iter().position(|birth| *birth == process)
                {
                    self.births.remove(at);
                    let why = agent_core::NOT_STARTED.to_owned();
                    self.feed(Input::SpawnFailed { process, why });
                }
            }
            Effect::CloseSocket { .. } => {
                assert_eq!(self.socket, Socket::Open);
                let held =
                    |id: &ProcessId| self.children.contains_key(id) || self.births.contains(id);
                assert!(!self.sharing.iter().any(held), "a socket is closed under a child");
                self.socket = Socket::Closed;
            }
            Effect::Signal { process, pid, .. } => {
                assert_eq!(self.children.get(&process), Some(&pid), "a signal to a stranger");
            }
            Effect::SendEvent { process, pid, serial, .. } => {
                assert_eq!(self.children.get(&process), Some(&pid), "an event to a stranger");
                self.sent.push((process, serial));
            }
            Effect::Announce(Event::Process { from, row, .. }) => {
                let to = row.state.expect("an announced state");
                assert!(is_in_the_table(from, to), "{from} to {to}");
            }
            Effect::Answer(ticket, _) => {
                assert!(self.asked.remove(&ticket), "a second reply for caller {}", ticket.0);
            }
            Effect::Finish(_) => {
                assert!(self.children.is_empty() && self.births.is_empty(), "somebody still runs");
                assert_eq!(self.socket, Socket::Closed, "a socket outlives its children");
                assert!(!self.finished, "the end twice");
                self.finished = true;
            }
            Effect::ReadConfiguration { ticket, .. } => {
                self.feed(Input::ConfigurationRead { ticket, configuration: Err(bad()) });
            }
            Effect::Log(..)
            | Effect::WriteStdin { .. }
            | Effect::ClearLogs { .. }
            | Effect::ClearMainLog { .. }
            | Effect::ReopenLogs
            | Effect::PrepareGroup { .. }
            | Effect::Announce(_) => {}
        }
    }

    fn ask(&mut self, command: Command) {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        self.asked.insert(ticket);
        let origin = if self.next_ticket.is_multiple_of(2) {
            Origin::LocalXmlrpc
        } else {
            Origin::Fleet("op".into())
        };
        self.feed(Input::Asked(Ask { origin, ticket, command }));
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Ask { verb, whom, wait } => {
                let scope = match whom {
                    8 => Scope::All,
                    9 => Scope::Group("b".into()),
                    one => Scope::Named(Namespec::parse(NAMES[one])),
                };
                self.ask(match verb {
                    0 => Command::Start { scope, wait },
                    1 => Command::Stop { scope, wait },
                    2 => Command::Reread,
                    _ => Command::Restart {
                        name: Namespec::parse(NAMES[whom % NAMES.len()]),
                        replaces: None,
                        wait,
                    },
                });
            }
            Act::Check { which, good } if !self.checks.is_empty() => {
                let (ticket, process) = self.checks.remove(which % self.checks.len());
                let no = agent_core::Refusal::NoFile("no".into());
                let verdict = if good { Ok(()) } else { Err(no) };
                self.feed(Input::CommandChecked { ticket, process, verdict });
            }
            Act::Open { good } if self.socket == Socket::Asked => {
                self.socket = if good { Socket::Open } else { Socket::Closed };
                let verdict = if good { Ok(()) } else { Err("no".to_owned()) };
                self.feed(Input::SocketOpened {
                    socket: self.last_socket,
                    group: "d".into(),
                    verdict,
                });
            }
            Act::Birth { which, good } if !self.births.is_empty() => {
                let process = self.births.remove(which % self.births.len());
                if good {
                    self.next_pid += 1;
                    self.children.insert(process, self.next_pid);
                    self.feed(Input::Spawned { process, pid: self.next_pid });
                } else {
                    self.feed(Input::SpawnFailed { process, why: "no".into() });
                }
            }
            Act::Exit { which, code } if !self.children.is_empty() => {
                let at = which % self.children.len();
                let (&process, &pid) = self.children.iter().nth(at).expect("one of them");
                self.children.remove(&process);
                let exit = Exit::Code(code);
                let at_mono_ns = self.now.mono_ns;
                self.feed(Input::ChildExited { process, pid, exit, at_mono_ns });
            }
            Act::Say { which, word } if !self.children.is_empty() => self.say(which, word),
            Act::Written { good } if !self.sent.is_empty() => {
                let (process, serial) = self.sent.remove(0);
                let verdict = if good { Ok(()) } else { Err(Unwritten::Full) };
                self.feed(Input::EventWritten { process, serial, verdict });
            }
            Act::Wait { tenths } => self.wait(tenths),
            Act::Hup => self.feed(Input::Signalled(Signal::from_number(1).expect("SIGHUP"))),
            Act::Check { .. }
            | Act::Open { .. }
            | Act::Birth { .. }
            | Act::Exit { .. }
            | Act::Say { .. }
            | Act::Written { .. } => {}
        }
    }

    /// Any child may say anything; only listeners are heard.
    fn say(&mut self, which: usize, word: u8) {
        let at = which % self.children.len();
        let (&process, &pid) = self.children.iter().nth(at).expect("one of them");
        let said = match word {
            0 => Said::Processed,
            1 => Said::Rejected,
            2 => Said::Nonsense,
            3 => Said::BadResultLine("x".into()),
            _ => Said::Ready,
        };
        self.feed(Input::ListenerSaid { process, pid, said });
    }

    fn wait(&mut self, tenths: u64) {
        self.now.mono_ns += tenths * 100_000_000;
        self.now.wall_ms += i64::try_from(tenths * 100).expect("small");
        if self.core.next_deadline().is_some_and(|at| at <= self.now.mono_ns) {
            self.feed(Input::Woke);
            let next = self.core.next_deadline();
            assert!(next.is_none_or(|at| at > self.now.mono_ns), "a deadline that never passes");
        }
    }

    /// Shuts down, and lets everything that was begun come to its end.
    fn end(&mut self) {
        self.ask(Command::Shutdown);
        for _ in 0..200 {
            if self.finished {
                break;
            }
            self.act(&Act::Check { which: 0, good: true });
            self.act(&Act::Open { good: true });
            self.act(&Act::Birth { which: 0, good: true });
            self.act(&Act::Exit { which: 0, code: 0 });
            self.wait(20);
        }
        assert!(self.finished, "a shutdown that does not end");
        assert!(self.asked.is_empty(), "callers without a reply: {:?}", self.asked);
    }
}

proptest! {
    #[test]
    fn any_order_of_events_keeps_the_promises(acts in prop::collection::vec(act(), 0..120)) {
        let mut world = World::new();
        for act in &acts {
            world.act(act);
        }
        world.end();
    }
}
