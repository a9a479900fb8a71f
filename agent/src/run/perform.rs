//! What the loop does with each effect: it hands it over. A hand whose queue is full refuses at
//! once, and the refusal goes back into the core as the effect's outcome.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use agent_core::NOT_STARTED;
use agent_core::command::{BadConfiguration, PreparedGroup, Refusal, Ticket};
use agent_core::effect::{Effect, ProcessId, SocketId, SpawnOrder, Stdin};
use agent_core::input::{Input, Unwritten};
use agent_core::spec::{GroupSpec, Level, ProcessSpec, SocketSpec};
use proto_words::Signal;

use super::{Errands, Report, Run};
use crate::logs::Order;
use crate::spawn::{Job, reap};

/// What is said when an errand panics.
const INTERNAL_ERROR: &str = "internal error while the configuration was read or prepared";

impl Run {
    /// Hands one effect over; what is known at once goes to the end of `queue`.
    pub(super) fn perform(&mut self, effect: Effect, queue: &mut VecDeque<Input>) {
        match effect {
            Effect::Log(level, text) => self.tools.orders.log(level, text),
            Effect::CheckCommand { ticket, process, spec } => {
                queue.extend(self.check_command(ticket, process, spec));
            }
            Effect::Spawn(order) => queue.extend(self.spawn(order)),
            Effect::CancelSpawn { process } => queue.extend(self.cancel_spawn(process)),
            Effect::OpenSocket { socket, group, spec } => {
                queue.extend(self.open_socket(socket, group, spec));
            }
            Effect::CloseSocket { socket } => drop(self.sockets.remove(&socket)),
            Effect::Signal { process, pid, signal, group, ticket } => {
                queue.extend(self.signal(process, pid, signal, group, ticket));
            }
            Effect::WriteStdin { ticket, process, bytes } => {
                queue.extend(self.write_stdin(ticket, process, bytes));
            }
            Effect::SendEvent { process, pid, serial, bytes } => {
                let order = Order::Event { process, pid, serial, bytes };
                if self.tools.orders.post(order).is_err() {
                    let verdict = Err(Unwritten::Full);
                    queue.push_back(Input::EventWritten { process, serial, verdict });
                }
            }
            Effect::ClearLogs { ticket, process } => {
                queue.extend(self.clear_logs(ticket, process));
            }
            Effect::ClearMainLog { ticket } => queue.extend(self.clear_main_log(ticket)),
            Effect::ReopenLogs => drop(self.tools.orders.post(Order::Reopen)),
            Effect::ReadConfiguration { ticket, to_restart } => {
                queue.extend(self.read_configuration(ticket, to_restart));
            }
            Effect::PrepareGroup { ticket, group } => {
                queue.extend(self.prepare_group(ticket, *group));
            }
            // Nobody listening is fine.
            Effect::Announce(event) => drop(self.tools.events.send(Arc::new(event))),
            Effect::Answer(ticket, reply) => {
                if let Some(caller) = self.replies.remove(&ticket) {
                    // A caller that has gone does not want its answer.
                    drop(caller.send(reply));
                }
            }
            Effect::Finish(finish) => self.finish = Some(finish),
        }
    }

    fn check_command(
        &mut self,
        ticket: Ticket,
        process: ProcessId,
        spec: Arc<ProcessSpec>,
    ) -> Option<Input> {
        let job = Job::Check { ticket, process, spec };
        let refused = self.tools.jobs.post(job).is_err();
        refused.then(|| Input::CommandChecked {
            ticket,
            process,
            verdict: Err(spawn_thread_hangs()),
        })
    }

    fn spawn(&mut self, order: SpawnOrder) -> Option<Input> {
        let process = order.process;
        let socket = match order.stdin {
            Stdin::Pipe | Stdin::Events => None,
            Stdin::Socket(socket) => self.sockets.get(&socket).map(|socket| Arc::clone(&socket.fd)),
        };
        if matches!(order.stdin, Stdin::Socket(_)) && socket.is_none() {
            let why = format!("internal error: the socket of {} is closed", order.group);
            return Some(Input::SpawnFailed { process, why });
        }
        let refused = self.tools.jobs.post(Job::Spawn { order, socket }).is_err();
        refused.then(|| Input::SpawnFailed { process, why: spawn_thread_hangs().to_string() })
    }

    fn cancel_spawn(&mut self, process: ProcessId) -> Option<Input> {
        let cancelled = self.tools.jobs.cancel(process);
        if !cancelled && let Some(pid) = self.tools.register.child_of(process) {
            reap::kill_newborn(pid);
        }
        cancelled.then(|| Input::SpawnFailed { process, why: NOT_STARTED.to_owned() })
    }

    fn open_socket(
        &mut self,
        socket: SocketId,
        group: Arc<str>,
        spec: SocketSpec,
    ) -> Option<Input> {
        let job = Job::OpenSocket { socket, group: Arc::clone(&group), spec };
        let refused = self.tools.jobs.post(job).is_err();
        refused.then(|| {
            let verdict = Err(spawn_thread_hangs().to_string());
            Input::SocketOpened { socket, group, verdict }
        })
    }

    fn write_stdin(&mut self, ticket: Ticket, process: ProcessId, bytes: Vec<u8>) -> Option<Input> {
        let order = Order::Stdin { ticket, process, bytes };
        let refused = self.tools.orders.post(order).is_err();
        refused.then(|| Input::StdinWritten { ticket, verdict: Err(bytes_thread_is_full()) })
    }

    fn clear_logs(&mut self, ticket: Ticket, process: ProcessId) -> Option<Input> {
        let order = Order::ClearLogs { ticket, process };
        let refused = self.tools.orders.post(order).is_err();
        refused.then(|| Input::LogsCleared {
            ticket,
            process,
            verdict: Err(bytes_thread_is_full()),
        })
    }

    fn clear_main_log(&mut self, ticket: Ticket) -> Option<Input> {
        let order = Order::ClearMainLog { ticket };
        let refused = self.tools.orders.post(order).is_err();
        refused.then(|| Input::MainLogCleared { ticket, verdict: Err(bytes_thread_is_full()) })
    }

    /// Sends a signal at once, since `kill` never blocks, and says what came of it when the core
    /// wants to know.
    fn signal(
        &mut self,
        process: ProcessId,
        pid: i32,
        signal: Signal,
        group: bool,
        ticket: Option<Ticket>,
    ) -> Option<Input> {
        let sent = match self.children.get(&process) {
            Some(child) if child.pid == pid => reap::signal_child(&child.watch, pid, signal, group),
            // Reaped already; its exit is on its way to the core.
            Some(_) | None => Err(nix::errno::Errno::ESRCH),
        };
        match (sent, ticket) {
            (Ok(()), None) => None,
            (Ok(()), Some(ticket)) => Some(Input::SignalSent { process, ticket }),
            (Err(errno), ticket) => {
                let text = format!("[Errno {}] {}", errno as i32, errno.desc());
                let errno = errno as i32;
                Some(Input::SignalFailed { process, ticket, errno, text })
            }
        }
    }

    fn read_configuration(&mut self, ticket: Option<Ticket>, to_restart: bool) -> Option<Input> {
        let read = move |configuration| Input::ConfigurationRead { ticket, configuration };
        self.errand(
            move |errands| read(errands.read(to_restart)),
            move |why| {
                let diagnosis = why.clone();
                read(Err(BadConfiguration { text: why, diagnosis }))
            },
        )
    }

    fn prepare_group(&mut self, ticket: Ticket, group: GroupSpec) -> Option<Input> {
        let configured = group.clone();
        let prepared = move |group| Input::GroupPrepared { ticket, group };
        self.errand(
            move |errands| prepared(errands.prepare(group)),
            move |why| {
                let (configured, auto_logs) = (configured.clone(), BTreeMap::new());
                prepared(Box::new(PreparedGroup { configured, auto_logs, fault: Some(why) }))
            },
        )
    }

    /// Has something done that may block. `instead` tells the core that it could not be done, now
    /// or when it panics: whoever waits gets an answer in any case.
    fn errand(
        &mut self,
        work: impl FnOnce(&dyn Errands) -> Input + Send + 'static,
        instead: impl Fn(String) -> Input + Clone + Send + 'static,
    ) -> Option<Input> {
        let (errands, report) = (Arc::clone(&self.tools.errands), self.tools.report.clone());
        let (orders, failed) = (self.tools.orders.clone(), instead.clone());
        let job = Job::Run(Box::new(move || {
            let done = catch_unwind(AssertUnwindSafe(|| work(&*errands)));
            let input = done.unwrap_or_else(|_| {
                orders.log(Level::Critical, INTERNAL_ERROR);
                failed(INTERNAL_ERROR.to_owned())
            });
            // When the loop has ended, nobody waits for it any more.
            drop(report.blocking_send(Report::Input(Box::new(input))));
        }));
        self.tools.jobs.post(job).err().map(|_| {
            let why = spawn_thread_hangs().to_string();
            self.tools.orders.log(Level::Error, why.as_str());
            instead(why)
        })
    }
}

fn spawn_thread_hangs() -> Refusal {
    Refusal::Busy(
        "too many starts wait already; a file system or name service hangs (see the activity log)"
            .to_owned(),
    )
}

fn bytes_thread_is_full() -> Refusal {
    Refusal::Busy(
        "too much waits to be written already; a log's file system hangs (see the activity log)"
            .to_owned(),
    )
}
