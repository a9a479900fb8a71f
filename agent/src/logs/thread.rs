//! The thread itself: one epoll loop.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use agent_core::Refusal;
use agent_core::effect::ProcessId;
use agent_core::spec::Level;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;

use super::channel::{READ_MAX_BYTES, Remarks};
use super::mailbox::Batch;
use super::program::{Doing, Program, Role};
use super::{ActivityLog, BytesReport, Note, Order, Orders, Report};

/// Descriptors that one look takes out; the next look finds the rest.
const EVENTS_AT_ONCE_MAX: usize = 256;

/// The mailbox among the descriptors that are waited for; processes count from 0.
const MAILBOX: u64 = u64::MAX;

/// A target of the activity log that could not take more.
const ACTIVITY: u64 = u64::MAX - 1;

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
        let worker = Worker {
            epoll,
            orders: orders.clone(),
            activity,
            strip_ansi,
            report,
            programs: HashMap::new(),
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
    programs: HashMap<ProcessId, Program>,
    buffer: Vec<u8>,
}

impl Worker {
    fn run(mut self) -> ActivityLog {
        let mut events = Vec::with_capacity(EVENTS_AT_ONCE_MAX);
        loop {
            events.clear();
            let room = rustix::buffer::spare_capacity(&mut events);
            match epoll::wait(&self.epoll, room, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => self.note(vec![(
                    Level::Critical,
                    format!("the bytes thread cannot wait: {errno}"),
                )]),
            }
            let mut closing = false;
            for event in &events {
                closing |= self.handle(event.data.u64());
            }
            self.await_activity();
            if closing {
                return self.end();
            }
        }
    }

    /// Handles one event; whether nothing will follow.
    fn handle(&mut self, key: u64) -> bool {
        match key {
            MAILBOX => {
                let batch = self.orders.take();
                return self.perform_all(batch);
            }
            ACTIVITY => self.activity.flush(),
            key => {
                if let Some((process, role)) = Role::of(key) {
                    self.contained(Some(process), |worker| {
                        worker.with(process, |program, doing| program.on_ready(role, doing));
                    });
                }
            }
        }
        false
    }

    fn perform_all(&mut self, batch: Batch) -> bool {
        for order in batch.orders {
            let (process, instead) = (process_of(&order), failure_of(&order));
            let done = self.contained(process, |worker| worker.perform(order));
            if let (false, Some(report)) = (done, instead) {
                (self.report)(report);
            }
        }
        if batch.lines_dropped > 0 {
            let text = format!("too much to log at once, dropped {} lines", batch.lines_dropped);
            self.note(vec![(Level::Warn, text)]);
        }
        batch.closing
    }

    /// Does something; a panic in it ends the channels of its program and nothing else. Whether
    /// it was done.
    fn contained(&mut self, process: Option<ProcessId>, act: impl FnOnce(&mut Self)) -> bool {
        if catch_unwind(AssertUnwindSafe(|| act(self))).is_ok() {
            return true;
        }
        let lost = process.and_then(|process| self.programs.remove(&process));
        let whose =
            lost.map_or_else(String::new, |lost| format!(", closing logs of {}", lost.name()));
        let text = format!("internal error in the bytes thread{whose}");
        self.note(vec![(Level::Critical, text)]);
        false
    }

    fn perform(&mut self, order: Order) {
        match order {
            Order::Attach { process, pid, channels } => {
                self.detach(process);
                let program = Program::new(process, pid, channels);
                self.programs.insert(process, program);
                self.with(process, Program::watch_all);
            }
            Order::Drain { process, pid } => {
                let attached = self.programs.get(&process);
                if attached.is_some_and(|program| program.pid() == pid) {
                    self.detach(process);
                }
                (self.report)(BytesReport::Drained { process, pid });
            }
            Order::Stdin { ticket, process, bytes } => {
                let verdict =
                    self.with(process, |program, doing| program.write_stdin(&bytes, doing));
                let nobody = || Err(Refusal::NoStdin(String::new()));
                let verdict = verdict.unwrap_or_else(nobody);
                (self.report)(BytesReport::StdinWritten { ticket, verdict });
            }
            Order::ClearLogs { ticket, process } => {
                let program = self.programs.get_mut(&process);
                let verdict = program.map_or(Ok(()), Program::clear_logs);
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
        let attached: Vec<ProcessId> = self.programs.keys().copied().collect();
        for process in attached {
            self.with(process, Program::reopen_logs);
        }
    }

    fn detach(&mut self, process: ProcessId) {
        if self.programs.contains_key(&process) {
            self.with(process, Program::drain);
            self.programs.remove(&process);
        }
    }

    /// Does something with one program, if it is attached, and says what it gives rise to.
    fn with<T>(
        &mut self,
        process: ProcessId,
        act: impl FnOnce(&mut Program, &mut Doing<'_>) -> T,
    ) -> Option<T> {
        let program = self.programs.get_mut(&process)?;
        let mut doing = Doing {
            epoll: self.epoll.as_fd(),
            buffer: &mut self.buffer,
            strip: self.strip_ansi,
            debug: self.activity.level() <= Level::Debug,
            remarks: Remarks::default(),
        };
        let done = act(program, &mut doing);
        let notes = doing.remarks.notes;
        self.note(notes);
        Some(done)
    }

    fn note(&mut self, notes: Vec<Note>) {
        for (level, text) in notes {
            self.activity.log(level, &text);
        }
    }

    /// Waits for targets of the activity log that could not take more.
    fn await_activity(&self) {
        for target in self.activity.waiting() {
            arm(self.epoll.as_fd(), target, ACTIVITY);
        }
    }

    fn end(mut self) -> ActivityLog {
        let attached: Vec<ProcessId> = self.programs.keys().copied().collect();
        for process in attached {
            self.detach(process);
        }
        self.activity
    }
}

/// Whose an order is.
fn process_of(order: &Order) -> Option<ProcessId> {
    match order {
        Order::Attach { process, .. }
        | Order::Drain { process, .. }
        | Order::Stdin { process, .. }
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
