//! The thread itself: jobs in, reports out.

use std::any::Any;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use agent_core::effect::{ProcessId, SpawnOrder};
use agent_core::spec::ProcessSpec;
use agent_core::{Refusal, Ticket};

use super::child::Birthplace;
use super::environment::Environment;
use super::reap::Nursery;
use super::{Child, Job, Report, SpawnReport, SpawnSettings, pipes, resolve, socket};

/// Jobs that may wait: more than a host has programs, so a full queue means that the thread hangs
/// and that callers ask again and again.
pub const JOBS_WAITING_MAX: usize = 16_384;

/// A handle to post jobs with. Cheap to clone; posting never blocks.
#[derive(Debug, Clone)]
pub struct Jobs {
    sender: Sender<Job>,
    waiting: Arc<AtomicUsize>,
}

impl Jobs {
    /// Posts a job.
    ///
    /// # Errors
    ///
    /// The job itself when [`JOBS_WAITING_MAX`] wait already, or the thread has ended.
    pub fn post(&self, job: Job) -> Result<(), Box<Job>> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= JOBS_WAITING_MAX {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Box::new(job));
        }
        self.sender.send(job).map_err(|refused| Box::new(refused.0))
    }
}

/// The running thread. It ends when this and every [`Jobs`] are gone.
#[derive(Debug)]
pub struct Spawner {
    jobs: Jobs,
    nursery: Arc<Nursery>,
    thread: JoinHandle<()>,
}

impl Spawner {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When no thread can be made.
    pub fn start(settings: SpawnSettings, report: Report) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let nursery = Arc::new(Nursery::default());
        let worker = Worker {
            environment: Environment::new(std::env::vars_os(), settings.server_url),
            birthplace: Birthplace::new(settings.minfds),
            nursery: nursery.clone(),
            report,
        };
        let counter = waiting.clone();
        let thread = std::thread::Builder::new()
            .name("spawn".to_owned())
            .spawn(move || worker.run(&receiver, &counter))?;
        let jobs = Jobs { sender, waiting };
        Ok(Self { jobs, nursery, thread })
    }

    /// A handle to post jobs with.
    #[must_use]
    pub fn jobs(&self) -> Jobs {
        self.jobs.clone()
    }

    /// Children that the core does not know yet: claim each when its birth is heard of.
    #[must_use]
    pub fn nursery(&self) -> Arc<Nursery> {
        self.nursery.clone()
    }

    /// Waits until every job is done. Other handles must be dropped before, and reports must be
    /// heard meanwhile.
    pub fn finish(self) {
        drop(self.jobs);
        // Every job is run under a catch, so the thread does not panic.
        drop(self.thread.join());
    }
}

/// Who waits for a job.
enum Whose {
    Birth(ProcessId),
    Check(Ticket, ProcessId),
    Socket(Arc<str>),
    Errand,
}

impl Whose {
    fn of(job: &Job) -> Self {
        match job {
            Job::Spawn { order, .. } => Self::Birth(order.process),
            Job::OpenSocket { group, .. } => Self::Socket(Arc::clone(group)),
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
            Self::Socket(group) => SpawnReport::SocketOpened { group, opened: Err(why) },
            Self::Errand => SpawnReport::Panicked(text),
        }
    }
}

struct Worker {
    environment: Environment,
    birthplace: Birthplace,
    nursery: Arc<Nursery>,
    report: Report,
}

impl Worker {
    fn run(mut self, jobs: &Receiver<Job>, waiting: &AtomicUsize) {
        while let Ok(job) = jobs.recv() {
            waiting.fetch_sub(1, Ordering::Relaxed);
            let whose = Whose::of(&job);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.perform(job))) {
                (self.report)(whose.report(text_of(&*panic)));
            }
        }
    }

    fn perform(&mut self, job: Job) {
        match job {
            Job::Spawn { order, socket } => {
                let process = order.process;
                let report = match self.spawn(&order, socket) {
                    Ok(child) => SpawnReport::Born { process, child },
                    Err(why) => SpawnReport::Failed { process, why },
                };
                (self.report)(report);
            }
            Job::Check { ticket, process, spec } => {
                (self.report)(SpawnReport::Checked { ticket, process, verdict: self.check(&spec) });
            }
            Job::OpenSocket { group, spec } => {
                let opened = socket::open(&spec).map_err(|why| why.to_string());
                (self.report)(SpawnReport::SocketOpened { group, opened });
            }
            Job::Run(work) => work(),
        }
    }

    fn check(&self, spec: &ProcessSpec) -> Result<(), Refusal> {
        let resolved =
            resolve::resolve(&spec.command, &self.environment.path_for(&spec.environment));
        resolved.map(drop).map_err(resolve::Unrunnable::into_refusal)
    }

    /// One birth; the error is supervisord's `spawnerr`. When it returns, nothing here holds the
    /// socket any more.
    fn spawn(&mut self, order: &SpawnOrder, socket: Option<Arc<OwnedFd>>) -> Result<Child, String> {
        let spec = &order.spec;
        let command =
            resolve::resolve(&spec.command, &self.environment.path_for(&spec.environment))
                .map_err(|why| why.to_string())?;
        let variables = self.environment.of(order);
        let (channels, ends) =
            pipes::open(spec, order.stdin, socket).map_err(|why| why.text_for(&spec.name))?;
        let birthplace = &mut self.birthplace;
        let birth = || birthplace.give_birth(spec, &command, &variables, &ends);
        let (pid, pidfd) =
            self.nursery.birth(|(pid, _)| *pid, birth).map_err(|why| why.text_for(&spec.name))?;
        Ok(Child { pid, pidfd, channels })
    }
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned())
}
