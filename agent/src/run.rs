//! The loop: one task owns the core, so every event has a place in one line and no lock is needed.
//!
//! ```text
//!  exits, signals, reports of hands, letters from doors, the clock
//!          │ one at a time
//!          ▼
//!     core.on_input ──▶ effects ──▶ hands (spawn, bytes), doors (replies), listeners (events)
//! ```
//!
//! Performing an effect means handing it over; nothing in here blocks or awaits anything but the
//! next input. A child's exit reaches the core when its output is in its logs, or after
//! [`DRAIN_WAIT_MS`], since a hung disk must not keep a program from being restarted.

mod exits;
mod perform;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use agent_core::command::{Reply, Ticket};
use agent_core::effect::{Effect, Event, Finish, ProcessId, SocketId};
use agent_core::input::{Exit, Input};
use agent_core::spec::Level;
use agent_core::{Ask, Supervisor};
use tokio::io::unix::AsyncFd;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::clock::Clock;
use crate::descriptors::{self, Entry, Purpose};
use crate::logs::{BytesReport, Orders};
use crate::mailbox::Letter;
use crate::signals::Signals;
use crate::spawn::reap::{self, Exits, Watch};
use crate::spawn::register::{Listed, Register};
use crate::spawn::{Jobs, SpawnReport};

/// Reports of hands that may wait for the loop. Hands block when it is full, which is right: the
/// loop empties it in microseconds, or the agent has worse trouble.
pub const REPORTS_WAITING_MAX: usize = 1024;

/// How long an exit waits for the child's last output to reach its logs. A disk that takes longer
/// hangs; the exit is told, and the output follows when the disk is back.
const DRAIN_WAIT_MS: u64 = 1000;

/// What hands report to the loop.
#[derive(Debug)]
pub enum Report {
    /// From the spawn thread.
    Spawn(SpawnReport),
    /// From the bytes thread.
    Bytes(BytesReport),
    /// The result of other work on the spawn thread.
    Input(Box<Input>),
}

/// Work that may block and that the loop has done on the spawn thread.
pub trait Errands: Send + Sync {
    /// Reads the configuration anew. Before a restart, what else that needs is looked at too, and
    /// the configuration is kept for it.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn read(
        &self,
        to_restart: bool,
    ) -> Result<Box<agent_core::spec::Configuration>, agent_core::command::BadConfiguration>;

    /// Makes the AUTO log files of a group.
    fn prepare(
        &self,
        group: agent_core::spec::GroupSpec,
    ) -> Box<agent_core::command::PreparedGroup>;
}

/// What the loop is given to work with.
pub struct Tools {
    /// The spawn thread.
    pub jobs: Jobs,
    /// Every child that is about to be born, or is not reaped yet.
    pub register: Arc<Register>,
    /// The bytes thread.
    pub orders: Orders,
    /// Where everybody reports to.
    pub reports: mpsc::Receiver<Report>,
    /// For errands, to report back.
    pub report: mpsc::Sender<Report>,
    /// Commands of doors.
    pub inbox: mpsc::Receiver<Letter>,
    /// To whoever listens.
    pub events: broadcast::Sender<Arc<Event>>,
    /// Reading and preparing.
    pub errands: Arc<dyn Errands>,
    /// The clocks.
    pub clock: Clock,
}

/// A child that runs.
struct Running {
    pid: i32,
    /// Before the pidfd itself.
    _entry: Option<Entry>,
    watch: Watch,
    /// Its line in the register goes with it.
    _listed: Listed,
}

/// What a group of FastCGI programs listens on.
struct ListeningSocket {
    /// Before the socket itself.
    _entry: Entry,
    fd: Arc<OwnedFd>,
}

impl ListeningSocket {
    fn new(socket: SocketId, fd: OwnedFd) -> Self {
        Self { _entry: descriptors::enter(&fd, Purpose::Socket(socket)), fd: Arc::new(fd) }
    }
}

/// A child that is reaped, and whose last output is on its way to the logs.
struct Draining {
    pid: i32,
    exit: Exit,
    at_mono_ns: u64,
}

/// The loop's state.
struct Run {
    core: Supervisor,
    tools: Tools,
    exits: Arc<AsyncFd<Exits>>,
    children: HashMap<ProcessId, Running>,
    /// What the groups of FastCGI programs listen on, while any of them lives.
    sockets: HashMap<SocketId, ListeningSocket>,
    draining: BTreeMap<ProcessId, Draining>,
    replies: HashMap<Ticket, oneshot::Sender<Reply>>,
    next_ticket: u64,
    finish: Option<Finish>,
    /// Not every child that ends is ours.
    strangers_come: bool,
    /// Strangers may wait behind a child of ours.
    look_again: bool,
}

/// How a life has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// What is to follow.
    pub finish: Finish,
    /// The number of the last event that listeners were told: numbers go on in the next life.
    pub event_serial: i64,
}

/// Runs until the last child is gone after a shutdown or restart was asked for.
///
/// # Errors
///
/// When signals or the set of exits cannot be watched: the agent cannot do its work then.
pub async fn run(core: Supervisor, first: Vec<Effect>, tools: Tools) -> std::io::Result<Ended> {
    let mut signals = Signals::watch()?;
    let exits = Arc::new(Exits::new()?.watch()?);
    let mut run = Run {
        core,
        tools,
        exits,
        children: HashMap::new(),
        sockets: HashMap::new(),
        draining: BTreeMap::new(),
        replies: HashMap::new(),
        next_ticket: 0,
        finish: None,
        strangers_come: reap::strangers_may_come(),
        look_again: false,
    };
    let mut queue = VecDeque::new();
    for effect in first {
        run.perform(effect, &mut queue);
    }
    run.feed(Input::Started);
    run.reap_strangers(); // those that ended before we listened
    while run.finish.is_none() {
        run.turn(&mut signals).await;
    }
    for signal in signals.hold().await {
        run.feed(Input::Signalled(signal));
    }
    let finish = run.finish.unwrap_or(Finish::Exit);
    Ok(Ended { finish, event_serial: run.core.event_serial() })
}

impl Run {
    /// Waits for one thing to happen, and deals with it.
    async fn turn(&mut self, signals: &mut Signals) {
        let wake = self.wake_at();
        let exits = Arc::clone(&self.exits);
        tokio::select! {
            biased; // a death is counted before a command that may concern the dead
            Ok(mut guard) = exits.readable() => {
                if !self.reap() {
                    guard.clear_ready();
                }
            }
            Some(report) = self.tools.reports.recv() => self.hear(report),
            signal = signals.next() => match signal {
                Some(signal) => self.feed(Input::Signalled(signal)),
                None => self.somebody_ended(),
            },
            Some(letter) = self.tools.inbox.recv() => self.open(letter),
            () = sleep_until(self.tools.clock, wake) => self.woke(),
        }
        if self.look_again {
            self.look_again = false;
            self.reap_strangers();
        }
    }

    fn wake_at(&self) -> Option<u64> {
        let wait = DRAIN_WAIT_MS * 1_000_000;
        let drained = self.draining.values().map(|gone| gone.at_mono_ns + wait).min();
        [self.core.next_deadline(), drained].into_iter().flatten().min()
    }

    fn woke(&mut self) {
        let now = self.tools.clock.now().mono_ns;
        let overdue = |gone: &Draining| gone.at_mono_ns + DRAIN_WAIT_MS * 1_000_000 <= now;
        let late: Vec<_> =
            self.draining.iter().filter(|(_, gone)| overdue(gone)).map(|(id, _)| *id).collect();
        for id in late {
            self.tell_exit(id);
        }
        self.feed(Input::Woke);
    }

    fn hear(&mut self, report: Report) {
        match report {
            Report::Spawn(SpawnReport::Born { process, child }) => self.born(process, child),
            Report::Spawn(SpawnReport::Failed { process, why }) => {
                self.feed(Input::SpawnFailed { process, why });
            }
            Report::Spawn(SpawnReport::SocketOpened { socket, group, opened }) => {
                let verdict = opened.map(|open| {
                    self.sockets.insert(socket, ListeningSocket::new(socket, open));
                });
                self.feed(Input::SocketOpened { socket, group, verdict });
            }
            Report::Spawn(SpawnReport::Checked { ticket, process, verdict }) => {
                self.feed(Input::CommandChecked { ticket, process, verdict });
            }
            Report::Spawn(SpawnReport::Panicked(text)) => {
                self.tools.orders.log(Level::Critical, format!("internal error: {text}"));
            }
            Report::Bytes(BytesReport::Drained { process, pid }) => {
                if self.draining.get(&process).is_some_and(|gone| gone.pid == pid) {
                    self.tell_exit(process);
                }
            }
            Report::Bytes(BytesReport::EventWritten { process, serial, verdict }) => {
                self.feed(Input::EventWritten { process, serial, verdict });
            }
            Report::Bytes(BytesReport::ListenerSaid { process, pid, said }) => {
                self.feed(Input::ListenerSaid { process, pid, said });
            }
            Report::Bytes(BytesReport::Wrote { process, pid, output }) => {
                self.feed(Input::Wrote { process, pid, output });
            }
            Report::Bytes(BytesReport::StdinWritten { ticket, verdict }) => {
                self.feed(Input::StdinWritten { ticket, verdict });
            }
            Report::Bytes(BytesReport::LogsCleared { ticket, process, verdict }) => {
                self.feed(Input::LogsCleared { ticket, process, verdict });
            }
            Report::Bytes(BytesReport::MainLogCleared { ticket, verdict }) => {
                self.feed(Input::MainLogCleared { ticket, verdict });
            }
            Report::Input(input) => self.feed(*input),
        }
    }

    fn open(&mut self, letter: Letter) {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        self.replies.insert(ticket, letter.reply);
        let ask = Ask { origin: letter.origin, ticket, command: letter.command };
        self.feed(Input::Asked(ask));
    }

    /// Has the core decide, and performs what it decides, until nothing follows. Answers go out
    /// last: whoever hears that something is stopped finds its socket closed.
    fn feed(&mut self, input: Input) {
        let mut queue = VecDeque::from([input]);
        while let Some(input) = queue.pop_front() {
            let effects = self.core.on_input(self.tools.clock.now(), input);
            let is_answer = |effect: &Effect| matches!(effect, Effect::Answer(..));
            let (answers, acts): (Vec<_>, Vec<_>) = effects.into_iter().partition(is_answer);
            for effect in acts.into_iter().chain(answers) {
                self.perform(effect, &mut queue);
            }
        }
    }
}

async fn sleep_until(clock: Clock, mono_ns: Option<u64>) {
    match mono_ns {
        Some(at) => tokio::time::sleep_until(clock.instant_of(at)).await,
        None => std::future::pending().await,
    }
}
