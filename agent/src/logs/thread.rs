//! A thread that writes logs: one epoll loop.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use agent_core::spec::Level;

use super::channel::READ_MAX_BYTES;
use super::crew::{Activity, Assignment, Crew, Hold};
use super::doing::{Aside, Doing, News};
use super::program::{Program, Slot};
use super::pulse::Pulse;
use super::reactor::{Reactor, Ready};
use super::syslog::{PATIENCE_SECS, Syslog};
use super::watch::watch;
use super::{ActivityLog, BytesReport, Note, Orders, Report};

/// The running threads.
pub struct Bytes {
    crew: Arc<Crew>,
    watch: JoinHandle<()>,
}

impl Bytes {
    /// Starts the thread, which owns the activity log from now on, and the one that watches it.
    ///
    /// # Errors
    ///
    /// When a descriptor or a thread cannot be made.
    pub fn start(activity: ActivityLog, strip_ansi: bool, report: Report) -> io::Result<Self> {
        let crew = Arc::new(Crew::new(activity, strip_ansi, report)?);
        let pulse = crew.man_the_helm(0)?;
        let watched = Arc::clone(&crew);
        let thread = std::thread::Builder::new().name("watch".to_owned());
        let watch = thread.spawn(move || watch(&watched, pulse))?;
        Ok(Self { crew, watch })
    }

    /// A handle to post orders with.
    #[must_use]
    pub fn orders(&self) -> Orders {
        self.crew.orders.clone()
    }

    /// Performs what is posted, takes what is in the pipes, and closes everything. Reports must be
    /// heard meanwhile.
    ///
    /// # Errors
    ///
    /// When a thread has panicked, which it does for no fault of a program.
    pub fn finish(self) -> io::Result<()> {
        self.crew.orders.close();
        let well = self.crew.wait_for_all();
        self.crew.bell.end();
        if self.watch.join().is_ok() && well {
            Ok(())
        } else {
            Err(io::Error::other("the bytes thread has panicked"))
        }
    }
}

/// One of the threads.
pub(super) struct Worker {
    number: u64,
    pub(super) crew: Arc<Crew>,
    pub(super) hold: Arc<Hold>,
    pub(super) reactor: Reactor,
    pulse: Arc<Pulse>,
    syslog: Syslog,
    buffer: Vec<u8>,
}

/// How a call to a file system has ended.
enum Back {
    /// As it should.
    Soon,
    /// Another thread is at the helm, and this one works for itself.
    Late,
}

impl Worker {
    pub(super) fn new(number: u64, crew: Arc<Crew>, reactor: Reactor, pulse: Arc<Pulse>) -> Self {
        Self {
            number,
            hold: Arc::clone(&crew.hold),
            crew,
            reactor,
            pulse,
            syslog: Syslog::new(),
            buffer: vec![0; READ_MAX_BYTES],
        }
    }

    pub(super) fn run(mut self) {
        self.take_up();
        let mut events = Reactor::room();
        while !self.is_finished() {
            self.await_takers();
            if let Err(errno) = self.reactor.wait(&mut events) {
                let text = format!("the bytes thread cannot wait: {errno}");
                self.note(vec![(Level::Critical, text)]);
            }
            for ready in events.iter().copied().filter_map(Ready::of) {
                self.handle(ready);
            }
        }
    }

    /// Goes on with what another thread may have had to leave.
    fn take_up(&mut self) {
        let (slots, is_closing) = {
            let state = self.hold.lock();
            (state.programs.keys().copied().collect::<Vec<_>>(), state.is_closing)
        };
        for slot in slots {
            self.with(slot, Program::watch_all);
        }
        self.perform_all();
        if is_closing {
            self.await_the_end();
        }
    }

    fn handle(&mut self, ready: Ready) {
        match ready {
            Ready::Mailbox => self.open_mailbox(),
            Ready::Activity => drop(self.with_activity(ActivityLog::flush)),
            Ready::Syslog => self.flush_syslog(),
            Ready::SyslogHangs => {
                let mut notes = Vec::new();
                self.syslog.give_up(&mut notes);
                self.note(notes);
                self.flush_syslog();
            }
            Ready::Closing => self.give_up_closing(),
            Ready::Program(slot, role) => {
                self.contained(|worker| {
                    worker.with(slot, |program, doing| program.on_ready(role, doing));
                });
            }
        }
    }

    /// Does something; a panic in it ends the channels of its program and nothing else. Whether
    /// it was done.
    pub(super) fn contained(&mut self, act: impl FnOnce(&mut Self)) -> bool {
        if catch_unwind(AssertUnwindSafe(|| act(self))).is_ok() {
            return true;
        }
        // What was in its hands went with the panic.
        let lost = self.hold.lock().lose();
        self.come_back(None);
        let whose = lost.map_or_else(String::new, |name| format!(", closing logs of {name}"));
        let text = format!("internal error in the bytes thread{whose}");
        self.note(vec![(Level::Critical, text)]);
        false
    }

    /// Does something with one program, if it is there, and says what it gives rise to.
    pub(super) fn with<T>(
        &mut self,
        slot: Slot,
        act: impl FnOnce(&mut Program, &mut Doing<'_>) -> T,
    ) -> Option<T> {
        let (mut program, strip) = self.take_program(slot)?;
        let (done, notes, news) = self.lend(strip, |doing| act(&mut program, doing));
        let (process, pid, is_done) = (program.process(), program.pid(), program.is_done());
        if let Back::Late = self.come_back(Some(program)) {
            self.with(slot, Program::watch_all);
        }
        for news in news {
            self.crew.report(match news {
                News::Said(said) => BytesReport::ListenerSaid { process, pid, said },
                News::Wrote(output) => BytesReport::Wrote { process, pid, output },
            });
        }
        self.note(notes);
        if is_done {
            self.close(slot);
        }
        Some(done)
    }

    /// Closes a program's logs, and says that it is drained.
    pub(super) fn close(&mut self, slot: Slot) {
        let Some((program, strip)) = self.take_program(slot) else {
            return;
        };
        let (process, pid) = (program.process(), program.pid());
        let ((), notes, _) = self.lend(strip, |doing| program.close(doing));
        self.come_back(None);
        self.hold.lock().forget(slot, process);
        self.note(notes);
        self.crew.report(BytesReport::Drained { process, pid });
    }

    /// Takes a program into its hands; and whether to strip what it says.
    fn take_program(&self, slot: Slot) -> Option<(Box<Program>, bool)> {
        let mut state = self.hold.lock();
        let program = state.take_program(slot)?;
        Some((program, state.strip_ansi))
    }

    /// Does something with the activity log, if it is here.
    pub(super) fn with_activity<T>(
        &mut self,
        act: impl FnOnce(&mut ActivityLog) -> T,
    ) -> Option<T> {
        let mut log = self.hold.lock().take_activity()?;
        let inside = self.pulse.enter(log.device());
        let done = act(&mut log);
        drop(inside);
        self.come_back(None);
        self.hold.lock().activity = Activity::Here(log);
        Some(done)
    }

    /// A call to a file system is over: lays down the program that it has in its hands, if it is one.
    /// If it has taken too long, another thread is at the helm: then this one keeps what it has and
    /// what is given to it, and no more.
    fn come_back(&mut self, program: Option<Box<Program>>) -> Back {
        let assignment = {
            let mut state = self.hold.lock();
            if state.number == self.number {
                state.out = None;
                if let Some(program) = program {
                    state.put_back(program);
                }
                return Back::Soon;
            }
            state.assignments.remove(&self.number)
        };
        let Some(Assignment { reactor, attached, strip_ansi }) = assignment else {
            return Back::Soon;
        };
        let elsewhere = Activity::With(self.crew.orders.clone());
        self.hold = Arc::new(Hold::new(self.number, elsewhere, strip_ansi));
        self.reactor = reactor;
        if let Some(program) = program {
            let mut state = self.hold.lock();
            state.seat(&program, attached);
            state.put_back(program);
        }
        self.note(vec![(Level::Warn, "the file system that hung answers again".to_owned())]);
        Back::Late
    }

    fn lend<T>(
        &mut self,
        strip: bool,
        act: impl FnOnce(&mut Doing<'_>) -> T,
    ) -> (T, Vec<Note>, Vec<News>) {
        let mut doing = Doing {
            epoll: self.reactor.epoll(),
            buffer: &mut self.buffer,
            aside: Aside {
                strip,
                debug: self.reactor.orders.level() <= Level::Debug,
                syslog: &mut self.syslog,
                pulse: &self.pulse,
                notes: Vec::new(),
                news: Vec::new(),
            },
        };
        let done = act(&mut doing);
        let Aside { notes, news, .. } = doing.aside;
        (done, notes, news)
    }

    fn flush_syslog(&mut self) {
        self.reactor.patience.clear();
        let waiting = std::mem::take(&mut self.hold.lock().waiting);
        for slot in waiting {
            self.with(slot, Program::on_syslog);
        }
    }

    pub(super) fn note(&mut self, notes: Vec<Note>) {
        for (level, text) in notes {
            if self.with_activity(|log| log.log(level, &text)).is_none() {
                let elsewhere = self.hold.lock().activity_elsewhere();
                elsewhere.inspect(|orders| orders.log(level, text));
            }
        }
    }

    /// Waits for targets of the activity log, and for syslog, that could not take more.
    fn await_takers(&mut self) {
        let mut state = self.hold.lock();
        if let Activity::Here(log) = &state.activity {
            log.waiting().for_each(|target| self.reactor.arm(target, Ready::Activity));
        }
        while !state.waiting.is_empty() {
            if let Some(socket) = self.syslog.as_fd() {
                self.reactor.arm(socket, Ready::Syslog);
                self.reactor.patience.set_secs(PATIENCE_SECS);
                return;
            }
            // The connection has broken meanwhile: the lines are sent or lost, but wait no more.
            drop(state);
            self.flush_syslog();
            state = self.hold.lock();
        }
    }

    /// Whether everything is done and nothing will follow.
    fn is_finished(&self) -> bool {
        let state = self.hold.lock();
        let keeps_log = matches!(&state.activity, Activity::Here(_));
        let log_is_full =
            matches!(&state.activity, Activity::Here(log) if log.waiting().next().is_some());
        if !state.programs.is_empty() || log_is_full {
            return false;
        }
        if Arc::ptr_eq(&self.hold, &self.crew.hold) {
            return state.is_closing && state.helpers.is_empty();
        }
        (state.is_closing || !keeps_log) && self.crew.retire(self.number, &self.reactor.orders)
    }
}
