//! A world around a host, as wild as the real one may be: hands that answer late, never, or with bad
//! news, a kernel that refuses, children that end at any moment, clocks that jump. It holds whatever
//! the host does against what a host has promised.

mod acts;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use agent_core::Supervisor;
use agent_core::command::Ticket;
use agent_core::effect::{Effect, Event, Finish, ProcessId, SocketId, Stdin};
use agent_core::input::Input;
use agent_core::spec::GroupSpec;
use proto_words::{Now, ProcessState, Row};

use super::play::{beginning, groups};

/// Configurations that the host may begin with, and come to read.
const CONFIGURED: &[&str] = &[
    "
    a 1: a startsecs=0 autorestart=true
    b 2: b1 startretries=1; b2 priority=1 stopwaitsecs=0
    c 3: c autostart=false autorestart=false
    d 4 fastcgi: d1 autorestart=true; d2 startretries=0
    e -1 3 EVENT: e1 startsecs=0; e2
    ",
    "
    a 1: a startsecs=1 autorestart=true
    b 2: b1 startretries=1; b2 priority=1 stopwaitsecs=0
    d 4 fastcgi: d1 autorestart=true startsecs=2; d2 startretries=0
    e -1 3 EVENT: e1 startsecs=0; e2
    f 9: f1; f2 startretries=0
    ",
    "
    b 7: b1 autorestart=true
    c 3: c autostart=false autorestart=false
    e -1 1 PROCESS_STATE: e1 startsecs=3
    ",
    "a 1: a startretries=1",
];

/// How many configurations there are.
pub const CONFIGURATIONS: usize = CONFIGURED.len();

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

/// What becomes of signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    Delivers,
    Forbids,
    FindsNobody,
}

/// A socket of the one group that has any, as its hand sees it, and who has ever shared it.
#[derive(Debug, Default)]
struct Socket {
    is_open: bool,
    sharing: BTreeSet<ProcessId>,
}

/// A host and everything that it believes to be there.
pub struct World {
    pub core: Supervisor,
    pub now: Now,
    pub kernel: Kernel,
    next_pid: i32,
    next_ticket: u64,
    pub checks: Vec<(Ticket, ProcessId)>,
    births: Vec<ProcessId>,
    /// Births that wait for a file system that hangs; no hand answers, but one can be taken back.
    hung: BTreeSet<ProcessId>,
    reads: Vec<Option<Ticket>>,
    preparing: Vec<(Ticket, GroupSpec)>,
    /// Bytes for stdin, and logs to be cleared, that the bytes thread has not dealt with.
    writes: Vec<Input>,
    sockets: BTreeMap<SocketId, Socket>,
    pub children: BTreeMap<ProcessId, i32>,
    /// Children that end, sooner or later, since they have been signalled.
    doomed: BTreeSet<ProcessId>,
    /// Children of whom the kernel says that they are not ours to signal.
    lost: BTreeSet<ProcessId>,
    /// Whose process it is, as long as its group is active.
    group_of: BTreeMap<ProcessId, String>,
    /// The state of each process as it was announced last, and the newest number.
    told: BTreeMap<(String, String), ProcessState>,
    seq: u64,
    /// Events on their way to listeners.
    sent: Vec<(ProcessId, i64)>,
    asked: BTreeSet<Ticket>,
    /// The host goes down.
    closing: bool,
    pub finished: Option<Finish>,
}

impl World {
    /// A host with one of the configurations, about to start what starts by itself.
    pub fn new(configured: usize) -> Self {
        let now = Now { mono_ns: 0, wall_ms: 1_000_000_000 };
        let (core, effects) = Supervisor::new(now, beginning(groups(CONFIGURED[configured])));
        let mut world = Self {
            core,
            now,
            kernel: Kernel::Delivers,
            next_pid: 100,
            next_ticket: 0,
            checks: Vec::new(),
            births: Vec::new(),
            hung: BTreeSet::new(),
            reads: Vec::new(),
            preparing: Vec::new(),
            writes: Vec::new(),
            sockets: BTreeMap::new(),
            children: BTreeMap::new(),
            doomed: BTreeSet::new(),
            lost: BTreeSet::new(),
            group_of: BTreeMap::new(),
            told: BTreeMap::new(),
            seq: 0,
            sent: Vec::new(),
            asked: BTreeSet::new(),
            closing: false,
            finished: None,
        };
        for effect in effects {
            world.perform(effect, &mut VecDeque::new());
        }
        world.feed(Input::Started);
        world
    }

    /// As the loop of the agent does it.
    pub fn feed(&mut self, input: Input) {
        let mut queue = VecDeque::from([input]);
        while let Some(input) = queue.pop_front() {
            for effect in self.core.on_input(self.now, input) {
                self.perform(effect, &mut queue);
            }
        }
    }

    fn perform(&mut self, effect: Effect, queue: &mut VecDeque<Input>) {
        match effect {
            Effect::CheckCommand { ticket, process, .. } => self.checks.push((ticket, process)),
            Effect::Spawn(order) => self.spawn(order.process, &order.group, order.stdin),
            Effect::CancelSpawn { process } => queue.extend(self.cancel(process)),
            Effect::OpenSocket { socket, .. } => {
                assert!(self.sockets.insert(socket, Socket::default()).is_none());
            }
            Effect::CloseSocket { socket } => {
                let socket = self.sockets.remove(&socket).expect("a socket that is there");
                assert!(socket.is_open, "a socket is closed before it is open");
                let held = |id: &ProcessId| self.is_alive(*id);
                assert!(!socket.sharing.iter().any(held), "a socket is closed under a child");
            }
            Effect::Signal { process, pid, ticket, .. } => {
                queue.extend(self.signal(process, pid, ticket));
            }
            Effect::WriteStdin { ticket, process, .. } => {
                assert!(self.children.contains_key(&process), "bytes for nobody");
                self.writes.push(Input::StdinWritten { ticket, verdict: Ok(()) });
            }
            Effect::ClearLogs { ticket, process } => {
                self.writes.push(Input::LogsCleared { ticket, process, verdict: Ok(()) });
            }
            Effect::ClearMainLog { ticket } => {
                self.writes.push(Input::MainLogCleared { ticket, verdict: Ok(()) });
            }
            Effect::SendEvent { process, pid, serial, .. } => {
                assert_eq!(self.children.get(&process), Some(&pid), "an event to a stranger");
                self.sent.push((process, serial));
            }
            Effect::Announce(event) => self.hear(event),
            Effect::Answer(ticket, _) => {
                assert!(self.asked.remove(&ticket), "a second reply for caller {}", ticket.0);
            }
            Effect::Finish(finish) => self.finish(finish),
            Effect::ReadConfiguration { ticket, .. } => self.reads.push(ticket),
            Effect::PrepareGroup { ticket, group } => self.preparing.push((ticket, *group)),
            Effect::Log(..) | Effect::ReopenLogs => {}
        }
    }

    /// Whether it has a child, or is about to, of whom the kernel knows.
    fn is_alive(&self, id: ProcessId) -> bool {
        let is_made = self.births.contains(&id) || self.hung.contains(&id);
        is_made || self.children.contains_key(&id) && !self.lost.contains(&id)
    }

    fn spawn(&mut self, id: ProcessId, group: &str, stdin: Stdin) {
        assert!(!self.children.contains_key(&id), "a second child for one process");
        assert!(!self.is_alive(id), "two births at once for one process");
        assert!(self.finished.is_none(), "a spawn after the end");
        if let Stdin::Socket(socket) = stdin {
            let socket = self.sockets.get_mut(&socket).expect("a socket that is there");
            assert!(socket.is_open, "a birth without its socket");
            socket.sharing.insert(id);
        }
        assert_eq!(matches!(stdin, Stdin::Socket(_)), group == "d");
        self.group_of.insert(id, group.to_owned());
        self.births.push(id);
    }

    /// What the hand has not begun is taken back, and so is what hangs; here it has begun half of
    /// the others.
    fn cancel(&mut self, process: ProcessId) -> Option<Input> {
        let waits = self.births.iter().position(|birth| *birth == process);
        let waits = waits.filter(|_| process.0.is_multiple_of(2));
        if !self.hung.remove(&process) {
            self.births.remove(waits?);
        }
        let why = agent_core::NOT_STARTED.to_owned();
        Some(Input::SpawnFailed { process, why })
    }

    /// What the kernel says is known at once.
    fn signal(&mut self, process: ProcessId, pid: i32, ticket: Option<Ticket>) -> Option<Input> {
        assert_eq!(self.children.get(&process), Some(&pid), "a signal to a stranger");
        let failed = |errno: i32| {
            let text = format!("[Errno {errno}]");
            Some(Input::SignalFailed { process, ticket, errno, text })
        };
        self.doomed.insert(process);
        match self.kernel {
            Kernel::Delivers => ticket.map(|ticket| Input::SignalSent { process, ticket }),
            Kernel::FindsNobody => failed(3),
            Kernel::Forbids => {
                self.lost.insert(process);
                failed(1)
            }
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Process { from, row, .. } => {
                let to = row.state.expect("an announced state");
                assert!(is_in_the_table(from, to), "{from} to {to}");
                assert!(!self.closing || to != ProcessState::Starting, "a start on the way down");
                let name = (row.group.clone(), row.name.clone());
                assert_eq!(self.told.insert(name, to), Some(from), "{} to {to}", row.name);
                self.number(&row);
            }
            Event::GroupAdded(group, rows) => {
                assert!(!self.closing, "a group is added on the way down");
                for row in rows {
                    let name = (group.clone(), row.name.clone());
                    assert_eq!(self.told.insert(name, ProcessState::Stopped), None);
                    self.number(&row);
                }
            }
            Event::GroupRemoved(group, rows) => {
                let members = self.group_of.extract_if(.., |_, of| *of == group);
                let members: Vec<_> = members.map(|(id, _)| id).collect();
                assert!(!members.into_iter().any(|id| self.is_alive(id)), "{group} still lives");
                for row in rows {
                    assert!(self.told.remove(&(group.clone(), row.name.clone())).is_some());
                    self.number(&row);
                }
            }
            Event::SupervisorStopping => self.closing = true,
            Event::SupervisorRunning | Event::Remote { .. } => {}
        }
    }

    fn number(&mut self, row: &Row) {
        assert!(row.seq > self.seq, "number {} after {}", row.seq, self.seq);
        self.seq = row.seq;
    }

    fn finish(&mut self, finish: Finish) {
        let alive: Vec<_> = self.children.keys().filter(|id| self.is_alive(**id)).collect();
        let made = (&self.births, &self.hung);
        assert!(alive.is_empty() && made.0.is_empty() && made.1.is_empty(), "{alive:?}, {made:?}");
        let is_held = |socket: &Socket| socket.sharing.iter().any(|id| self.lost.contains(id));
        let unheld = self.sockets.values().find(|socket| socket.is_open && !is_held(socket));
        assert!(unheld.is_none(), "a socket outlives its children: {unheld:?}");
        assert_ne!(self.finished, Some(finish), "the end twice");
        assert_ne!(self.finished, Some(Finish::Exit), "an end that is taken back");
        assert!(self.asked.is_empty(), "callers without a reply: {:?}", self.asked);
        self.finished = Some(finish);
    }

    /// The state is written out and read back.
    pub fn save(&mut self) {
        let text = serde_json::to_string(&self.core).expect("the state can be written");
        let read: Supervisor = serde_json::from_str(&text).expect("and read back");
        assert_eq!(read, self.core);
        self.core = read;
    }

    /// What the table shows is what was announced, and who has a child has its pid.
    pub fn look(&self) {
        let rows = self.core.table().rows;
        assert_eq!(rows.len(), self.told.len());
        for row in rows {
            let told = self.told.get(&(row.group.clone(), row.name.clone()));
            assert_eq!(told.copied(), row.state, "{}", row.name);
        }
    }
}
