//! The threads: jobs in, reports out.

use std::any::Any;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use agent_core::effect::{ProcessId, SocketId, SpawnOrder};
use agent_core::spec::ProcessSpec;
use agent_core::{Refusal, Ticket};

use super::birth::{Birthplace, Unborn};
use super::desk::{Desk, Limits, Turn};
use super::environment::Environment;
use super::reap::{Watch, pidfds_work};
use super::register::Register;
use super::{Child, Job, Report, SpawnReport, SpawnSettings, pipes, resolve, socket};
use crate::descriptors::{self, Purpose};

/// A handle to post jobs with. Cheap to clone; posting never blocks.
#[derive(Debug, Clone)]
pub struct Jobs(Arc<Gate>);

/// The last handle to go says that nothing will follow.
#[derive(Debug)]
struct Gate(Arc<Shared>);

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.desk.close();
    }
}

impl Jobs {
    /// Posts a job.
    ///
    /// # Errors
    ///
    /// The job itself when too many wait already: [`super::JOBS_WAITING_MAX`], or
    /// [`super::HUNG_WAITING_MAX`] while every thread hangs.
    pub fn post(&self, job: Job) -> Result<(), Box<Job>> {
        let Gate(shared) = &*self.0;
        if let Some(thread) = shared.desk.post(job)? {
            // Without it those who are there go on; it is tried again with the next job.
            drop(shared.hire(thread));
        }
        Ok(())
    }

    /// Nobody wants a child of this process any more. Whether it is certain that none will be born;
    /// if not, its birth has begun, and is reported. A child that is certain not to come is not.
    #[must_use]
    pub fn cancel(&self, process: ProcessId) -> bool {
        self.0.0.desk.cancel(process)
    }
}

/// The running threads. They end when this and every [`Jobs`] are gone.
#[derive(Debug)]
pub struct Spawner {
    jobs: Jobs,
    shared: Arc<Shared>,
}

impl Spawner {
    /// Starts the first thread.
    ///
    /// # Errors
    ///
    /// When no thread can be made.
    pub fn start(settings: SpawnSettings, report: Report) -> io::Result<Self> {
        Self::start_within(Limits::default(), settings, report)
    }

    fn start_within(limits: Limits, settings: SpawnSettings, report: Report) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            desk: Desk::new(limits),
            environment: Environment::new(std::env::vars_os(), settings.server_url),
            minfds: settings.minfds,
            pidfds: pidfds_work(),
            register: Arc::new(Register::new()?),
            report,
        });
        shared.hire(shared.desk.open())?;
        Ok(Self { jobs: Jobs(Arc::new(Gate(Arc::clone(&shared)))), shared })
    }

    /// A handle to post jobs with.
    #[must_use]
    pub fn jobs(&self) -> Jobs {
        self.jobs.clone()
    }

    /// Every child that is about to be born, or is not reaped yet.
    #[must_use]
    pub fn register(&self) -> Arc<Register> {
        Arc::clone(&self.shared.register)
    }

    /// Waits until every job is done. Other handles must be dropped before, and reports must be
    /// heard meanwhile.
    pub fn finish(self) {
        drop(self.jobs);
        self.shared.desk.wait_for_all();
    }
}

/// What all threads share.
struct Shared {
    desk: Desk,
    environment: Environment,
    minfds: i64,
    pidfds: bool,
    register: Arc<Register>,
    report: Report,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("register", &self.register).finish_non_exhaustive()
    }
}

impl Shared {
    /// Makes a thread that has been counted in.
    fn hire(self: &Arc<Self>, thread: u64) -> io::Result<()> {
        let shared = Arc::clone(self);
        let builder = std::thread::Builder::new().name("spawn".to_owned());
        let hired = builder.spawn(move || {
            Worker { shared: Arc::clone(&shared), thread, birthplace: None }.run();
            shared.desk.count_out();
        });
        hired.map(drop).inspect_err(|_| self.desk.count_out())
    }
}

/// Who waits for a job.
enum Whose {
    Birth(ProcessId),
    Check(Ticket, ProcessId),
    Socket(SocketId, Arc<str>),
    Errand,
}

impl Whose {
    fn of(job: &Job) -> Self {
        match job {
            Job::Spawn { order, .. } => Self::Birth(order.process),
            Job::OpenSocket { socket, group, .. } => Self::Socket(*socket, Arc::clone(group)),
            Job::Check { ticket, process, .. } => Self::Check(*ticket, *process),
            Job::Run(_) => Self::Errand,
        }
    }

    /// What is reported of a job that has panicked.
    fn report(self, text: String) -> SpawnReport {
        let why = format!("internal error: {text}");
        match self {
            Self::Birth(process) => SpawnReport::Failed { process, why },
            Self::Check(ticket, process) => {
                SpawnReport::Checked { ticket, process, verdict: Err(Refusal::Failed(why)) }
            }
            Self::Socket(socket, group) => {
                SpawnReport::SocketOpened { socket, group, opened: Err(why) }
            }
            Self::Errand => SpawnReport::Panicked(text),
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    thread: u64,
    /// Made with the first birth: a thread that only stands by needs none.
    birthplace: Option<Birthplace>,
}

impl Worker {
    fn run(mut self) {
        while let Some(Turn { number, job, one_more }) = self.shared.desk.turn(self.thread) {
            if let Some(thread) = one_more {
                // As in `Jobs::post`.
                drop(self.shared.hire(thread));
            }
            let whose = Whose::of(&job);
            let done = catch_unwind(AssertUnwindSafe(|| self.perform(number, job)));
            let report = done.unwrap_or_else(|panic| {
                let wanted = self.shared.desk.commit(number);
                wanted.then(|| whose.report(text_of(&*panic)))
            });
            if let Some(report) = report {
                (self.shared.report)(report);
            }
            self.shared.desk.done(number);
        }
    }

    fn perform(&mut self, number: u64, job: Job) -> Option<SpawnReport> {
        Some(match job {
            Job::Spawn { order, socket } => {
                let process = order.process;
                match self.spawn(number, &order, socket) {
                    Ok(child) => SpawnReport::Born { process, child: child? },
                    Err(why) => {
                        self.shared.desk.commit(number).then_some(())?;
                        SpawnReport::Failed { process, why }
                    }
                }
            }
            Job::Check { ticket, process, spec } => {
                SpawnReport::Checked { ticket, process, verdict: self.check(&spec) }
            }
            Job::OpenSocket { socket, group, spec } => {
                let opened = socket::open(&spec).map_err(|why| why.to_string());
                SpawnReport::SocketOpened { socket, group, opened }
            }
            Job::Run(work) => {
                work();
                return None;
            }
        })
    }

    fn check(&self, spec: &ProcessSpec) -> Result<(), Refusal> {
        let path = self.shared.environment.path_for(&spec.environment);
        let resolved = resolve::resolve(&spec.command, &path);
        resolved.map(drop).map_err(resolve::Unrunnable::into_refusal)
    }

    /// One birth; the error is supervisord's `spawnerr`. `None` when nobody wants it any more. When
    /// it returns, nothing here holds the socket any more.
    fn spawn(
        &mut self,
        number: u64,
        order: &SpawnOrder,
        socket: Option<Arc<OwnedFd>>,
    ) -> Result<Option<Child>, String> {
        let spec = &order.spec;
        let shared = &self.shared;
        let path = shared.environment.path_for(&spec.environment);
        let command = resolve::resolve(&spec.command, &path).map_err(|why| why.to_string())?;
        let variables = shared.environment.of(order);
        let (channels, ends) = pipes::open(order.process, spec, order.stdin, socket)
            .map_err(|why| why.text_for(&spec.name))?;
        let birthplace =
            self.birthplace.get_or_insert_with(|| Birthplace::new(shared.minfds, shared.pidfds));
        let plan = birthplace.plan(spec, &command, &variables, &ends);
        let plan = plan.map_err(|why| why.text_for(&spec.name))?;
        if !shared.desk.commit(number) {
            return Ok(None);
        }
        let listed = shared.register.expect(order.process);
        let listed = listed.ok_or(Unborn::Unlisted).map_err(|why| why.text_for(&spec.name))?;
        let born = birthplace.give_birth(plan, &ends, &listed);
        let (pid, watch) = born.map_err(|why| why.text_for(&spec.name))?;
        let entry = match &watch {
            Watch::Pidfd(pidfd) => Some(descriptors::enter(pidfd, Purpose::Child(order.process))),
            Watch::Signal => None,
        };
        Ok(Some(Child { pid, entry, watch, listed, channels }))
    }
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::time::Duration;

    use agent_core::effect::Stdin;

    use super::super::pipes::tests::spec_without_logs;
    use super::*;

    /// However loaded the machine is, everything here happens long before.
    const DEADLINE: Duration = Duration::from_mins(1);

    fn spawner(limits: Limits) -> (Spawner, Receiver<SpawnReport>) {
        let (said, reports) = mpsc::channel();
        let settings = SpawnSettings { server_url: None, minfds: 1024 };
        let report = Box::new(move |report| drop(said.send(report)));
        (Spawner::start_within(limits, settings, report).unwrap(), reports)
    }

    /// A job that hangs until the sender is used or dropped, and says when it has begun.
    fn hangs(jobs: &Jobs) -> Sender<()> {
        let (go, waits) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        let work = move || {
            begun.send(()).unwrap();
            let _ = waits.recv();
        };
        assert!(jobs.post(Job::Run(Box::new(work))).is_ok());
        begins.recv_timeout(DEADLINE).unwrap();
        go
    }

    fn says(jobs: &Jobs, number: usize, to: &Sender<usize>) -> bool {
        let to = to.clone();
        jobs.post(Job::Run(Box::new(move || assert!(to.send(number).is_ok())))).is_ok()
    }

    fn birth(process: u64) -> Job {
        let spec = ProcessSpec { command: "true".to_owned(), ..spec_without_logs() };
        let order = SpawnOrder {
            process: ProcessId(process),
            group: Arc::from("shop"),
            spec: Arc::new(spec),
            stdin: Stdin::Pipe,
        };
        Job::Spawn { order, socket: None }
    }

    #[test]
    fn what_hangs_delays_itself_alone() {
        let late = Duration::from_millis(1);
        let (spawner, reports) = spawner(Limits { late, ..Limits::default() });
        let jobs = spawner.jobs();
        let hung: Vec<_> = (0..5).map(|_| hangs(&jobs)).collect();
        assert!(jobs.post(birth(1)).is_ok());
        let born = reports.recv_timeout(DEADLINE).unwrap();
        assert!(matches!(born, SpawnReport::Born { process: ProcessId(1), .. }), "{born:?}");
        drop(hung);
        drop(jobs);
        spawner.finish();
    }

    #[test]
    fn what_does_not_hang_is_done_in_order() {
        let late = DEADLINE;
        let (spawner, _reports) = spawner(Limits { late, ..Limits::default() });
        let (to, heard) = mpsc::channel();
        let front = hangs(&spawner.jobs());
        for number in 0..500 {
            assert!(says(&spawner.jobs(), number, &to));
        }
        drop(front);
        drop(to);
        assert!(heard.iter().eq(0..500));
        spawner.finish();
    }

    #[test]
    fn when_every_thread_hangs_few_more_may_wait() {
        let late = Duration::from_millis(1);
        let limits = Limits { late, threads: 2, waiting: 10, hung_waiting: 3 };
        let (spawner, _reports) = spawner(limits);
        let jobs = spawner.jobs();
        let (first, second) = (hangs(&jobs), hangs(&jobs));
        let (to, heard) = mpsc::channel();
        let taken: Vec<bool> = (0..5).map(|number| says(&jobs, number, &to)).collect();
        assert_eq!(taken, [true, true, true, false, false]);
        drop(first);
        drop(to);
        assert!(heard.iter().eq(0..3), "one thread is enough again");
        drop(second);
        drop(jobs);
        spawner.finish();
    }

    #[test]
    fn a_birth_that_nobody_wants_any_more_does_not_happen() {
        let limits = Limits { threads: 1, ..Limits::default() };
        let (spawner, reports) = spawner(limits);
        let jobs = spawner.jobs();
        let front = hangs(&jobs);
        assert!(jobs.post(birth(1)).is_ok() && jobs.post(birth(2)).is_ok());
        assert!(jobs.cancel(ProcessId(1)), "it waits in the queue");
        assert!(!jobs.cancel(ProcessId(1)) && !jobs.cancel(ProcessId(3)), "nothing of it waits");
        drop(front);
        drop(jobs);
        spawner.finish();
        let born: Vec<_> = reports.iter().collect();
        let [SpawnReport::Born { process: ProcessId(2), .. }] = born.as_slice() else {
            panic!("{born:?}");
        };
    }
}
