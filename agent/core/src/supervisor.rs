//! The host: all groups and processes, and whoever waits for them. One task owns it.
//!
//! ```text
//!   doors ── Asked ──▶ ┐                        ┌▶ Answer ──▶ doors
//!   hands ── Spawned ─▶├─ on_input ─▶ machines ─┤▶ Spawn, Signal, … ──▶ hands
//!   clock ── Woke ───▶ ┘                        └▶ Announce ──▶ listeners, fleet
//! ```
//!
//! It has no clock and performs nothing. `control.rs` holds start, stop and signal, `groups.rs`
//! reread, add, remove and update, `sockets.rs` what FastCGI programs share, `closing.rs` the way
//! down, `view.rs` what is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proto_words::{Incarnation, Now, Origin, ProcessState, SupervisorState};
use serde::{Deserialize, Serialize};

use crate::active::Active;
use crate::callers::Callers;
use crate::closing::Closing;
use crate::command::{Ask, Command, PreparedGroup, Refusal, Reply, TargetResult, Ticket};
use crate::effect::{Effect, Event, ProcessId, SpawnOrder, Stdin};
use crate::groups::{Purpose, Updating};
use crate::input::Input;
use crate::machine::{self, Step};
use crate::pool::Pool;
use crate::process::Process;
use crate::spec::{GroupSpec, Level};
use crate::ticks::Ticks;

/// How often a wait for a stop is mentioned in the log; supervisord's two seconds.
const STOP_REPORT_SECS: i64 = 2;

/// What supervisord says when it hears of a child's end (COMPAT-38).
const CHILD_QUIT: &str = "received SIGCHLD indicating a child quit";

/// Why a process has no child that was stopped while its birth hung; for [`Input::SpawnFailed`].
pub const NOT_STARTED: &str = "stopped before it could be started: a file system or name service \
                               that it needs hangs";

/// The state of one host, whole: it can be written out and read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervisor {
    pub(crate) epoch: u64,
    spawns: u64,
    pub(crate) seq: u64,
    pub(crate) next_process: u64,
    pub(crate) next_socket: u64,
    pub(crate) mood: SupervisorState,
    pub(crate) started: bool,
    /// As last read, active or not.
    pub(crate) configured: Vec<GroupSpec>,
    /// The active groups, in the order of their creation.
    pub(crate) groups: Active,
    pub(crate) processes: BTreeMap<ProcessId, Process>,
    /// How many of them are not in a stopped state.
    pub(crate) unstopped: usize,
    timers: BTreeSet<(u64, ProcessId)>,
    stop_reports: BTreeSet<(u64, ProcessId)>,
    pub(crate) callers: Callers,
    /// Who waits for the configuration to be read, and for what.
    pub(crate) reading: BTreeMap<Ticket, Purpose>,
    pub(crate) updating: BTreeMap<Ticket, Updating>,
    pub(crate) closing: Option<Closing>,
    /// What event listeners are told that this host is called.
    pub(crate) identifier: String,
    /// The number of the last event that somebody listened for; -1 before the first.
    pub(crate) event_serial: i64,
    /// The event listener pools, in the order of their creation.
    pub(crate) pools: Vec<Pool>,
    pub(crate) ticks: Ticks,
}

/// What a life of a host begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// Greater than every epoch that this host has had before.
    pub epoch: u64,
    /// `identifier`.
    pub identifier: String,
    /// The number of the last event of the life before; -1 in the first life.
    pub event_serial: i64,
    /// Every configured group, active or not.
    pub configured: Vec<GroupSpec>,
    /// Those that are to be active, in the order of their creation.
    pub prepared: Vec<PreparedGroup>,
}

/// A host's state on its way to the next program: the variant is the version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Saved {
    /// The first form.
    V1(Box<Supervisor>),
}

/// One turn: the time, and what it makes hands do.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) now: Now,
    pub(crate) effects: Vec<Effect>,
}

impl Supervisor {
    /// A host whose groups are prepared, with the effects of their activation. Nothing starts
    /// before [`Input::Started`].
    #[must_use]
    pub fn new(now: Now, beginning: Beginning) -> (Self, Vec<Effect>) {
        let Beginning { epoch, identifier, event_serial, configured, prepared } = beginning;
        let mut host = Self {
            epoch,
            spawns: 0,
            seq: 0,
            next_process: 1,
            next_socket: 1,
            mood: SupervisorState::Running,
            started: false,
            configured,
            groups: Active::default(),
            processes: BTreeMap::new(),
            unstopped: 0,
            timers: BTreeSet::new(),
            stop_reports: BTreeSet::new(),
            callers: Callers::default(),
            reading: BTreeMap::new(),
            updating: BTreeMap::new(),
            closing: None,
            identifier,
            event_serial,
            pools: Vec::new(),
            ticks: Ticks::default(),
        };
        let mut turn = Turn { now, effects: Vec::new() };
        for group in prepared {
            host.activate(&mut turn, group);
        }
        (host, turn.effects)
    }

    /// Decides about one thing that happened. The effects are to be performed in order.
    #[must_use = "an effect nobody performs is a lost signal or a lost child"]
    pub fn on_input(&mut self, now: Now, input: Input) -> Vec<Effect> {
        let mut turn = Turn { now, effects: Vec::new() };
        self.decide(&mut turn, input);
        self.advance_updates(&mut turn);
        self.advance_closing(&mut turn);
        self.serve_listeners(&mut turn);
        turn.effects
    }

    /// The number of the last event, for the life that follows; numbers go on over a restart.
    #[must_use]
    pub fn event_serial(&self) -> i64 {
        self.event_serial
    }

    /// When [`Input::Woke`] is wanted next, on the monotonic clock; `None` when nothing waits.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let first = |set: &BTreeSet<(u64, ProcessId)>| set.first().map(|(at, _)| *at);
        let closing = self.closing.as_ref().and_then(Closing::deadline);
        let own = [first(&self.timers), first(&self.stop_reports), closing];
        own.into_iter().chain([self.listening_deadline()]).flatten().min()
    }

    fn decide(&mut self, turn: &mut Turn, input: Input) {
        match input {
            Input::Started => self.begin(turn),
            Input::Asked(ask) => self.asked(turn, ask),
            Input::Signalled(signal) => self.signalled(turn, signal),
            Input::Woke => self.woke(turn),
            Input::CommandChecked { ticket, process, verdict } => {
                self.command_checked(turn, ticket, process, &verdict);
            }
            Input::Spawned { process, pid } => {
                self.tell(turn, process, machine::Event::Spawned { pid }, None);
                self.child_exists(turn, process);
            }
            Input::SpawnFailed { process, why } => {
                self.tell(turn, process, machine::Event::SpawnFailed { why }, None);
            }
            Input::SocketOpened { socket, group, verdict } => {
                self.socket_opened(turn, socket, &group, &verdict);
            }
            Input::ChildExited { process, pid, exit, at_mono_ns } => {
                let event = machine::Event::ChildExited { pid, exit, at_mono_ns };
                self.tell(turn, process, event, None);
                turn.log(Level::Debug, CHILD_QUIT);
            }
            Input::StrangerExited { pid, exit } => {
                let text = format!("reaped unknown pid {pid} ({})", machine::cause(exit));
                turn.log(Level::Info, text);
                turn.log(Level::Debug, CHILD_QUIT);
            }
            Input::SignalFailed { process, ticket, errno, text } => {
                self.signal_failed(turn, process, ticket, errno, &text);
            }
            Input::SignalSent { process, ticket } => self.settle(turn, process, ticket, &Ok(())),
            Input::LogsCleared { ticket, process, verdict } => {
                self.settle(turn, process, ticket, &verdict);
            }
            Input::StdinWritten { ticket, verdict } | Input::MainLogCleared { ticket, verdict } => {
                if self.callers.is_paid(ticket) {
                    turn.answer(ticket, verdict.map_or_else(Reply::Refused, |()| Reply::Done));
                }
            }
            Input::EventWritten { process, serial, verdict } => {
                self.event_written(turn, process, serial, verdict);
            }
            Input::ListenerSaid { process, pid, said } => {
                self.listener_said(turn, process, pid, said);
            }
            Input::Wrote { process, pid, output } => self.written_by(turn, process, pid, &output),
            Input::ConfigurationRead { ticket, configuration } => {
                self.configuration_read(turn, ticket, configuration);
            }
            Input::GroupPrepared { ticket, group } => self.group_prepared(turn, ticket, *group),
        }
    }

    fn asked(&mut self, turn: &mut Turn, Ask { origin, ticket, command }: Ask) {
        if self.mood != SupervisorState::Running && !answers_always(&command) {
            return turn.refuse(ticket, Refusal::ShuttingDown);
        }
        match command {
            Command::State => turn.answer(ticket, Reply::State(self.mood)),
            Command::Info(_)
            | Command::Infos
            | Command::Configs
            | Command::Rows
            | Command::Files(_) => self.show(turn, ticket, command),
            Command::Start { scope, wait } => self.start(turn, &origin, ticket, &scope, wait),
            Command::Stop { scope, wait } => self.stop(turn, &origin, ticket, &scope, wait),
            Command::Restart { name, replaces, wait } => {
                self.restart(turn, origin, ticket, &name, replaces, wait);
            }
            Command::Signal { scope, signal } => self.signal(turn, &origin, ticket, &scope, signal),
            Command::WriteStdin { name, bytes } => self.write_stdin(turn, ticket, &name, bytes),
            Command::ClearLogs(name) => self.clear_logs(turn, origin, ticket, &name),
            Command::ClearAllLogs => self.clear_all_logs(turn, &origin, ticket),
            Command::ClearMainLog => {
                self.callers.owe(ticket);
                turn.effects.push(Effect::ClearMainLog { ticket });
            }
            Command::Reread => self.read(turn, ticket, Purpose::Reread),
            Command::Update { groups } => self.read(turn, ticket, Purpose::Update(origin, groups)),
            Command::Reload => self.read(turn, ticket, Purpose::Reload),
            Command::AddGroup(name) => self.add_group(turn, ticket, name),
            Command::RemoveGroup(name) => self.remove_group(turn, ticket, &name),
            Command::Shutdown => self.shut_down(turn, ticket),
            Command::ReopenLogs => {
                turn.effects.push(Effect::ReopenLogs);
                turn.answer(ticket, Reply::Done);
            }
            Command::RemoteEvent { kind, data } => {
                self.announce(turn, Event::Remote { kind, data });
                turn.answer(ticket, Reply::Done);
            }
        }
    }

    fn begin(&mut self, turn: &mut Turn) {
        self.started = true;
        self.announce(turn, Event::SupervisorRunning);
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by_key(|group| group.configured.priority);
        let members: Vec<_> = groups.iter().flat_map(|group| group.members.clone()).collect();
        self.autostart(turn, &members);
    }

    /// Starts those that want to be started by themselves.
    pub(crate) fn autostart(&mut self, turn: &mut Turn, members: &[ProcessId]) {
        for id in members {
            if self.processes.get(id).is_some_and(|process| process.spec.autostart) {
                self.tell(turn, *id, machine::Event::StartAsked, Some(Origin::Autostart));
            }
        }
    }

    fn woke(&mut self, turn: &mut Turn) {
        let now = turn.now.mono_ns;
        while let Some((at, id)) = self.timers.first().copied()
            && at <= now
        {
            self.timers.pop_first();
            if let Some(process) = self.processes.get_mut(&id) {
                process.armed = None;
            }
            self.tell(turn, id, machine::Event::Tick, None);
        }
        while let Some((at, id)) = self.stop_reports.first().copied()
            && at <= now
        {
            self.stop_reports.pop_first();
            if let Some(process) = self.processes.get_mut(&id) {
                process.stop_reported = false;
            }
            self.report_stop(turn, id);
        }
    }

    /// Mentions that somebody waits for a stop, now and every two seconds, however many wait.
    pub(crate) fn report_stop(&mut self, turn: &mut Turn, id: ProcessId) {
        if !self.callers.awaits_stop(id) {
            return;
        }
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        if process.machine.state() == ProcessState::Stopping && !process.stop_reported {
            process.stop_reported = true;
            turn.log(Level::Info, format!("waiting for {} to stop", process.spec.name));
            self.stop_reports.insert((turn.now.after_secs(STOP_REPORT_SECS), id));
        }
    }

    /// Tells one machine, and takes the steps that it wants. `origin` is whose intent it is;
    /// `None` when it comes by itself.
    pub(crate) fn tell(
        &mut self,
        turn: &mut Turn,
        id: ProcessId,
        event: machine::Event,
        origin: Option<Origin>,
    ) {
        let respawn = self.mood == SupervisorState::Running;
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        let by_itself = origin.is_none();
        if let Some(origin) = origin {
            process.origin = origin;
        }
        let steps = process.on_event(turn.now, respawn, event);
        for step in steps {
            self.take(turn, id, step, by_itself);
        }
        self.rearm(id);
    }

    fn take(&mut self, turn: &mut Turn, id: ProcessId, step: Step, by_itself: bool) {
        match step {
            Step::Log(level, text) => turn.effects.push(Effect::Log(level, text)),
            Step::Spawn => self.spawn(turn, id),
            Step::CancelSpawn => self.cancel_spawn(turn, id),
            Step::Childless => self.let_go_of_socket(turn, id),
            Step::Signal { pid, signal, group } => {
                turn.effects.push(Effect::Signal { process: id, pid, signal, group, ticket: None });
            }
            Step::Entered { .. } => self.entered(turn, id, &step, by_itself),
        }
    }

    /// A change of state gets its number, and is told to everybody.
    fn entered(&mut self, turn: &mut Turn, id: ProcessId, step: &Step, by_itself: bool) {
        let &Step::Entered { from, to, tries, expected, pid } = step else {
            return;
        };
        self.seq += 1;
        match (from.is_stopped(), to.is_stopped()) {
            (true, false) => self.unstopped += 1,
            (false, true) => self.unstopped = self.unstopped.saturating_sub(1),
            (true, true) | (false, false) => {}
        }
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        process.seq = self.seq;
        process.since_ms = turn.now.wall_ms;
        if to == ProcessState::Starting {
            self.spawns += 1;
            process.incarnation = Incarnation { epoch: self.epoch, spawn: self.spawns };
            if by_itself {
                process.origin = Origin::Autorestart;
            }
        }
        let mut row = Box::new(process.row());
        row.state = Some(to);
        row.pid = if to.is_signallable() { pid } else { 0 };
        self.announce(turn, Event::Process { row, from, tries, expected, pid });
        self.listener_entered(turn, id, to);
        self.notice(turn, id, to);
    }

    /// Has a child made, as soon as its group's socket listens if it is to have one.
    fn spawn(&mut self, turn: &mut Turn, id: ProcessId) {
        if let Some(stdin) = self.hold_socket(turn, id) {
            self.order_spawn(turn, id, stdin);
        }
    }

    /// Nobody wants the child that is being made. One that waits for its socket needs no hand.
    fn cancel_spawn(&mut self, turn: &mut Turn, id: ProcessId) {
        if self.leave_socket(id) {
            let why = NOT_STARTED.to_owned();
            self.tell(turn, id, machine::Event::SpawnFailed { why }, None);
        } else {
            turn.effects.push(Effect::CancelSpawn { process: id });
        }
    }

    pub(crate) fn order_spawn(&self, turn: &mut Turn, id: ProcessId, stdin: Stdin) {
        let Some(process) = self.processes.get(&id) else {
            return;
        };
        turn.effects.push(Effect::Spawn(SpawnOrder {
            process: id,
            group: Arc::clone(&process.group),
            spec: Arc::clone(&process.spec),
            stdin,
        }));
    }

    /// Keeps the list of deadlines in step with the machine.
    fn rearm(&mut self, id: ProcessId) {
        let respawn = self.mood == SupervisorState::Running;
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        let wanted = process.machine.deadline(respawn);
        if process.armed == wanted {
            return;
        }
        if let Some(at) = process.armed {
            self.timers.remove(&(at, id));
        }
        if let Some(at) = wanted {
            self.timers.insert((at, id));
        }
        process.armed = wanted;
    }

    /// Takes the deadlines of all machines anew, after the mood has changed.
    pub(crate) fn rearm_all(&mut self) {
        let all: Vec<_> = self.processes.keys().copied().collect();
        for id in all {
            self.rearm(id);
        }
    }

    /// Forgets a process whose group is removed.
    pub(crate) fn forget(&mut self, id: ProcessId) -> Option<Process> {
        let process = self.processes.remove(&id)?;
        if let Some(at) = process.armed {
            self.timers.remove(&(at, id));
        }
        Some(process)
    }

    /// Gives a ticket what came of one process.
    pub(crate) fn settle(
        &mut self,
        turn: &mut Turn,
        id: ProcessId,
        ticket: Ticket,
        result: &Result<(), Refusal>,
    ) {
        for pending in self.callers.take(id, |pending| pending.ticket == ticket) {
            self.settle_one(turn, id, pending.ticket, result.clone());
        }
    }

    pub(crate) fn settle_one(
        &mut self,
        turn: &mut Turn,
        id: ProcessId,
        ticket: Ticket,
        result: Result<(), Refusal>,
    ) {
        let (group, name) = self
            .processes
            .get(&id)
            .map_or_else(Default::default, |p| (p.group.to_string(), p.spec.name.clone()));
        self.callers.settle(turn, ticket, id, TargetResult { group, name, result });
    }
}

impl Turn {
    pub(crate) fn answer(&mut self, ticket: Ticket, reply: Reply) {
        self.effects.push(Effect::Answer(ticket, reply));
    }

    pub(crate) fn refuse(&mut self, ticket: Ticket, refusal: Refusal) {
        self.answer(ticket, Reply::Refused(refusal));
    }

    pub(crate) fn log(&mut self, level: Level, text: impl Into<String>) {
        self.effects.push(Effect::Log(level, text.into()));
    }
}

/// What is answered also while the host goes down.
fn answers_always(command: &Command) -> bool {
    matches!(
        command,
        Command::State | Command::Rows | Command::Files(_) | Command::RemoteEvent { .. }
    )
}
