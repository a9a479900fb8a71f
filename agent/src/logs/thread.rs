//! The thread itself: one epoll loop.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use agent_core::Refusal;
use agent_core::effect::ProcessId;
use agent_core::input::Unwritten;
use agent_core::spec::Level;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;

use super::channel::READ_MAX_BYTES;
use super::doing::{Aside, Doing, News};
use super::mailbox::Batch;
use super::program::{Program, Role, Slot};
use super::syslog::{PATIENCE_SECS, Syslog};
use super::timer::Timer;
use super::{ActivityLog, BytesReport, Note, Order, Orders, Report};

/// Descriptors that one look takes out; the next look finds the rest.
const EVENTS_AT_ONCE_MAX: usize = 256;

/// The mailbox among the descriptors that are waited for; slots count from 0.
const MAILBOX: u64 = u64::MAX;

/// A target of the activity log that could not take more.
const ACTIVITY: u64 = u64::MAX - 1;

/// Syslog, when it could not take more, and when it has not for too long.
const SYSLOG: u64 = u64::MAX - 2;
const SYSLOG_HANGS: u64 = u64::MAX - 3;

/// The end of all patience with logs that have not taken their last lines.
const CLOSING: u64 = u64::MAX - 4;

/// How long that is, in seconds: less than the agent's end waits for this thread.
const CLOSING_SECS: i64 = 4;

/// The running thread.
#[derive(Debug)]
pub struct Bytes {
    orders: Orders,
    thread: JoinHandle<ActivityLog>,
}

impl Bytes {
    /// Starts the thread, which owns the activity log from now on.
    ///
    /// # Errors
    ///
    /// When a descriptor or the thread cannot be made.
    pub fn start(activity: ActivityLog, strip_ansi: bool, report: Report) -> io::Result<Self> {
        let orders = Orders::new(activity.level())?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &orders, EventData::new_u64(MAILBOX), EventFlags::IN)?;
        let (patience, closing) = (Timer::new()?, Timer::new()?);
        epoll::add(&epoll, &patience, EventData::new_u64(SYSLOG_HANGS), EventFlags::IN)?;
        epoll::add(&epoll, &closing, EventData::new_u64(CLOSING), EventFlags::IN)?;
        let worker = Worker {
            epoll,
            orders: orders.clone(),
            activity,
            strip_ansi,
            report,
            programs: HashMap::new(),
            attached: HashMap::new(),
            leaving: HashMap::new(),
            next_slot: 0,
            syslog: Syslog::new(),
            waiting: HashSet::new(),
            patience,
            closing,
            is_closing: false,
            buffer: vec![0; READ_MAX_BYTES],
        };
        let thread =
            std::thread::Builder::new().name("bytes".to_owned()).spawn(move || worker.run())?;
        Ok(Self { orders, thread })
    }

    /// A handle to post orders with.
    #[must_use]
    pub fn orders(&self) -> Orders {
        self.orders.clone()
    }

    /// Performs what is posted, takes what is in the pipes, closes everything, and gives the
    /// activity log back for the last words. Reports must be heard meanwhile.
    ///
    /// # Errors
    ///
    /// When the thread has panicked, which it does for no fault of a program.
    pub fn finish(self) -> io::Result<ActivityLog> {
        self.orders.close();
        self.thread.join().map_err(|_| io::Error::other("the bytes thread has panicked"))
    }
}

struct Worker {
    epoll: OwnedFd,
    orders: Orders,
    activity: ActivityLog,
    strip_ansi: bool,
    report: Report,
    programs: HashMap<Slot, Program>,
    /// The living.
    attached: HashMap<ProcessId, Slot>,
    /// The gone whose last output is not taken yet: one of each process at most.
    leaving: HashMap<ProcessId, Slot>,
    next_slot: u64,
    syslog: Syslog,
    /// Whose lines syslog has not taken yet, and since when.
    waiting: HashSet<Slot>,
    patience: Timer,
    closing: Timer,
    is_closing: bool,
    buffer: Vec<u8>,
}

impl Worker {
    fn run(mut self) -> ActivityLog {
        let mut events = Vec::with_capacity(EVENTS_AT_ONCE_MAX);
        while !self.is_finished() {
            self.await_takers();
            events.clear();
            let room = rustix::buffer::spare_capacity(&mut events);
            match epoll::wait(&self.epoll, room, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => self.note(vec![(
                    Level::Critical,
                    format!("the bytes thread cannot wait: {errno}"),
                )]),
            }
            for event in &events {
                self.handle(event.data.u64());
            }
        }
        self.activity
    }

    fn is_finished(&self) -> bool {
        self.is_closing && self.programs.is_empty() && self.activity.waiting().next().is_none()
    }

    fn handle(&mut self, key: u64) {
        match key {
            MAILBOX => {
                let batch = self.orders.take();
                self.perform_all(batch);
            }
            ACTIVITY => self.activity.flush(),
            SYSLOG => self.flush_syslog(),
            SYSLOG_HANGS => {
                let mut notes = Vec::new();
                self.syslog.give_up(&mut notes);
                self.note(notes);
                self.flush_syslog();
            }
            CLOSING => self.give_up_closing(),
            key => {
                if let Some((slot, role)) = Role::of(key) {
                    self.contained(Some(slot), |worker| {
                        worker.with(slot, |program, doing| program.on_ready(role, doing));
                    });
                }
            }
        }
    }

    fn perform_all(&mut self, batch: Batch) {
        for order in batch.orders {
            let (process, instead) = (process_of(&order), failure_of(&order));
            let slot = process.and_then(|process| self.attached.get(&process).copied());
            let done = self.contained(slot, |worker| worker.perform(order));
            if let (false, Some(report)) = (done, instead) {
                (self.report)(report);
            }
        }
        if batch.lines_dropped > 0 {
            let text = format!("too much to log at once, dropped {} lines", batch.lines_dropped);
            self.note(vec![(Level::Warn, text)]);
        }
        if batch.closing && !self.is_closing {
            self.is_closing = true;
            let attached: Vec<ProcessId> = self.attached.keys().copied().collect();
            for process in attached {
                self.detach(process);
            }
            self.closing.set_secs(CLOSING_SECS);
        }
    }

    /// Does something; a panic in it ends the channels of its program and nothing else. Whether
    /// it was done.
    fn contained(&mut self, slot: Option<Slot>, act: impl FnOnce(&mut Self)) -> bool {
        let name = slot.and_then(|slot| self.programs.get(&slot)).map(Program::name);
        if catch_unwind(AssertUnwindSafe(|| act(self))).is_ok() {
            return true;
        }
        // What it was about went with the panic.
        let whose = name.map_or_else(String::new, |name| format!(", closing logs of {name}"));
        let text = format!("internal error in the bytes thread{whose}");
        self.note(vec![(Level::Critical, text)]);
        false
    }

    fn perform(&mut self, order: Order) {
        match order {
            Order::Attach { process, pid, channels } => {
                self.detach(process);
                let slot = Slot(self.next_slot);
                self.next_slot += 1;
                self.programs.insert(slot, Program::new(slot, process, pid, channels));
                self.attached.insert(process, slot);
                self.with(slot, Program::watch_all);
            }
            Order::Drain { process, pid } => {
                let slot = self.attached.get(&process);
                let program = slot.and_then(|slot| self.programs.get(slot));
                if program.is_some_and(|program| program.pid() == pid) {
                    self.detach(process);
                } else {
                    (self.report)(BytesReport::Drained { process, pid });
                }
            }
            Order::Stdin { ticket, process, bytes } => {
                let verdict = self
                    .with_attached(process, |program, doing| program.write_stdin(&bytes, doing));
                let nobody = || Err(Refusal::NoStdin(String::new()));
                let verdict = verdict.unwrap_or_else(nobody);
                (self.report)(BytesReport::StdinWritten { ticket, verdict });
            }
            Order::Event { process, pid, serial, bytes } => {
                let verdict = self.with_attached(process, |program, doing| {
                    program.write_event(pid, &bytes, doing)
                });
                let verdict = verdict.unwrap_or(Err(Unwritten::Closed));
                (self.report)(BytesReport::EventWritten { process, serial, verdict });
            }
            Order::ClearLogs { ticket, process } => {
                let verdict = self.with_attached(process, |program, _| program.clear_logs());
                let verdict = verdict.unwrap_or(Ok(()));
                (self.report)(BytesReport::LogsCleared { ticket, process, verdict });
            }
            Order::Reopen => self.reopen(),
            Order::Log(line) => self.activity.write(&line),
            Order::ClearMainLog { ticket } => {
                let verdict = self.activity.clear();
                (self.report)(BytesReport::MainLogCleared { ticket, verdict });
            }
            Order::StripAnsi(strip) => self.strip_ansi = strip,
        }
    }

    fn reopen(&mut self) {
        self.activity.reopen();
        let slots: Vec<Slot> = self.programs.keys().copied().collect();
        for slot in slots {
            self.with(slot, Program::reopen_logs);
        }
    }

    /// The child is gone. What its logs have not taken yet may follow, but only of one life of a
    /// process at a time.
    fn detach(&mut self, process: ProcessId) {
        let Some(slot) = self.attached.remove(&process) else {
            return;
        };
        if let Some(older) = self.leaving.insert(process, slot) {
            self.close(older);
        }
        self.with(slot, Program::drain);
    }

    fn close(&mut self, slot: Slot) {
        let Some(program) = self.programs.remove(&slot) else {
            return;
        };
        let (process, pid) = (program.process(), program.pid());
        if self.leaving.get(&process) == Some(&slot) {
            self.leaving.remove(&process);
        }
        self.waiting.remove(&slot);
        self.lend(|doing| program.close(doing));
        (self.report)(BytesReport::Drained { process, pid });
    }

    /// Whatever has not been taken by now is given up.
    fn give_up_closing(&mut self) {
        let slots: Vec<Slot> = self.programs.keys().copied().collect();
        for slot in slots {
            self.close(slot);
        }
        self.activity.give_up();
    }

    fn with_attached<T>(
        &mut self,
        process: ProcessId,
        act: impl FnOnce(&mut Program, &mut Doing<'_>) -> T,
    ) -> Option<T> {
        let slot = *self.attached.get(&process)?;
        self.with(slot, act)
    }

    /// Does something with one program, if it is there, and says what it gives rise to.
    fn with<T>(
        &mut self,
        slot: Slot,
        act: impl FnOnce(&mut Program, &mut Doing<'_>) -> T,
    ) -> Option<T> {
        let mut program = self.programs.remove(&slot)?;
        let (done, news) = self.lend(|doing| act(&mut program, doing));
        let (process, pid) = (program.process(), program.pid());
        for news in news {
            (self.report)(match news {
                News::Said(said) => BytesReport::ListenerSaid { process, pid, said },
                News::Wrote(output) => BytesReport::Wrote { process, pid, output },
            });
        }
        if program.waits_for_syslog() {
            self.waiting.insert(slot);
        }
        let is_done = program.is_done();
        self.programs.insert(slot, program);
        if is_done {
            self.close(slot);
        }
        Some(done)
    }

    fn lend<T>(&mut self, act: impl FnOnce(&mut Doing<'_>) -> T) -> (T, Vec<News>) {
        let mut doing = Doing {
            epoll: self.epoll.as_fd(),
            buffer: &mut self.buffer,
            aside: Aside {
                strip: self.strip_ansi,
                debug: self.activity.level() <= Level::Debug,
                syslog: &mut self.syslog,
                notes: Vec::new(),
                news: Vec::new(),
            },
        };
        let done = act(&mut doing);
        let Aside { notes, news, .. } = doing.aside;
        self.note(notes);
        (done, news)
    }

    fn flush_syslog(&mut self) {
        self.patience.clear();
        for slot in std::mem::take(&mut self.waiting) {
            self.with(slot, Program::on_syslog);
        }
    }

    fn note(&mut self, notes: Vec<Note>) {
        for (level, text) in notes {
            self.activity.log(level, &text);
        }
    }

    /// Waits for targets of the activity log, and for syslog, that could not take more.
    fn await_takers(&mut self) {
        for target in self.activity.waiting() {
            arm(self.epoll.as_fd(), target, ACTIVITY);
        }
        while !self.waiting.is_empty() {
            if let Some(socket) = self.syslog.as_fd() {
                arm(self.epoll.as_fd(), socket, SYSLOG);
                self.patience.set_secs(PATIENCE_SECS);
                return;
            }
            // The connection has broken meanwhile: the lines are sent or lost, but wait no more.
            self.flush_syslog();
        }
    }
}

/// Whose an order is.
fn process_of(order: &Order) -> Option<ProcessId> {
    match order {
        Order::Attach { process, .. }
        | Order::Drain { process, .. }
        | Order::Stdin { process, .. }
        | Order::Event { process, .. }
        | Order::ClearLogs { process, .. } => Some(*process),
        Order::Reopen | Order::Log(_) | Order::ClearMainLog { .. } | Order::StripAnsi(_) => None,
    }
}

/// The answer of an order that could not be performed: whoever waits must not wait forever.
fn failure_of(order: &Order) -> Option<BytesReport> {
    let failed = || Err(Refusal::Failed("internal error".to_owned()));
    match *order {
        Order::Drain { process, pid } => Some(BytesReport::Drained { process, pid }),
        Order::Stdin { ticket, .. } => {
            Some(BytesReport::StdinWritten { ticket, verdict: failed() })
        }
        Order::Event { process, serial, .. } => {
            let verdict = Err(Unwritten::Closed);
            Some(BytesReport::EventWritten { process, serial, verdict })
        }
        Order::ClearLogs { ticket, process } => {
            Some(BytesReport::LogsCleared { ticket, process, verdict: failed() })
        }
        Order::ClearMainLog { ticket } => {
            Some(BytesReport::MainLogCleared { ticket, verdict: failed() })
        }
        Order::Attach { .. } | Order::Reopen | Order::Log(_) | Order::StripAnsi(_) => None,
    }
}

/// Wakes the loop once when a descriptor can be written to. One that cannot be waited for (a
/// regular file) is always ready and never gets here.
pub(super) fn arm(epoll: impl AsFd, target: impl AsFd, key: u64) {
    let flags = EventFlags::OUT | EventFlags::ONESHOT;
    let data = EventData::new_u64(key);
    let armed = match epoll::add(&epoll, &target, data, flags) {
        Err(Errno::EXIST) => epoll::modify(&epoll, &target, data, flags),
        armed => armed,
    };
    debug_assert!(armed.is_ok(), "{armed:?} for {}", target.as_fd().as_raw_fd());
}
