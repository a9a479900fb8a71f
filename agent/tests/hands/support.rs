//! A host with the two threads, whose reports are waited for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use agent::logs::{
    ActivityLog, ActivitySettings, Bytes, BytesReport, Channels, Order, Orders, Place, Rotation,
};
use agent::spawn::reap::Watch;
use agent::spawn::{Job, Jobs, SpawnReport, SpawnSettings, Spawner, reap};
use agent_core::effect::{ProcessId, SpawnOrder, Stdin};
use agent_core::input::Exit;
use agent_core::spec::{Autorestart, Level, LogFile, LogSpec, ProcessSpec};
use agent_core::{Refusal, Ticket};
use proto_words::Signal;

/// However loaded the machine is, everything here happens long before.
pub const DEADLINE: Duration = Duration::from_mins(1);

pub const WEB: ProcessId = ProcessId(7);

pub struct Host {
    pub directory: tempfile::TempDir,
    spawner: Spawner,
    bytes: Bytes,
    spawn_reports: Receiver<SpawnReport>,
    bytes_reports: Receiver<BytesReport>,
}

/// A child that nobody reads yet.
pub struct Born {
    pub pid: i32,
    pub watch: Watch,
    pub channels: Channels,
}

/// What is left of a child.
pub struct Ended {
    pub exit: Exit,
    pub stdout: String,
    pub stderr: String,
    /// What else was reported meanwhile.
    pub news: Vec<BytesReport>,
}

impl Host {
    pub fn new() -> Self {
        Self::with(Level::Info, false)
    }

    pub fn with(level: Level, strip_ansi: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let activity = ActivityLog::open(&ActivitySettings {
            place: Place::File(directory.path().join("activity.log")),
            rotation: Rotation::default(),
            level,
            to_stdout: false,
        });
        let (spawn, spawn_reports) = mpsc::channel();
        let (bytes, bytes_reports) = mpsc::channel();
        let settings =
            SpawnSettings { server_url: Some("unix:///run/x.sock".to_owned()), minfds: 1024 };
        Self {
            directory,
            spawner: Spawner::start(settings, Box::new(move |report| drop(spawn.send(report))))
                .unwrap(),
            bytes: Bytes::start(
                activity.unwrap(),
                strip_ansi,
                Box::new(move |report| drop(bytes.send(report))),
            )
            .unwrap(),
            spawn_reports,
            bytes_reports,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        let bytes = std::fs::read(self.path(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// A program that logs to `out` and `err`.
    pub fn spec(&self, command: &str) -> ProcessSpec {
        ProcessSpec {
            name: "web".to_owned(),
            command: command.to_owned(),
            directory: None,
            umask: None,
            priority: 999,
            autostart: true,
            autorestart: Autorestart::Unexpected,
            startsecs: 1,
            startretries: 3,
            stopsignal: Signal::TERM,
            stopwaitsecs: 10,
            stopasgroup: false,
            killasgroup: false,
            exitcodes: vec![0],
            user: None,
            redirect_stderr: false,
            stdout: log_to(&self.path("out")),
            stderr: log_to(&self.path("err")),
            environment: BTreeMap::new(),
            server_url: None,
        }
    }

    pub fn jobs(&self) -> Jobs {
        self.spawner.jobs()
    }

    pub fn orders(&self) -> Orders {
        self.bytes.orders()
    }

    pub fn spawn_report(&self) -> SpawnReport {
        self.spawn_reports.recv_timeout(DEADLINE).unwrap()
    }

    pub fn bytes_report(&self) -> BytesReport {
        self.bytes_reports.recv_timeout(DEADLINE).unwrap()
    }

    pub fn order(&self, order: Order) {
        assert!(self.orders().post(order).is_ok());
    }

    /// Gives birth, or says supervisord's `spawnerr`.
    pub fn birth(&self, spec: ProcessSpec) -> Result<Born, String> {
        self.birth_with(spec, Stdin::Pipe)
    }

    fn birth_with(&self, spec: ProcessSpec, stdin: Stdin) -> Result<Born, String> {
        let order =
            SpawnOrder { process: WEB, group: Arc::from("shop"), spec: Arc::new(spec), stdin };
        assert!(self.jobs().post(Job::Spawn { order, socket: None }).is_ok());
        match self.spawn_report() {
            SpawnReport::Born { process, child } => {
                assert_eq!(process, WEB);
                Ok(Born { pid: child.pid, watch: child.watch, channels: child.channels })
            }
            SpawnReport::Failed { why, .. } => Err(why),
            other => panic!("{other:?}"),
        }
    }

    /// Gives birth and attaches the channels.
    pub fn start(&self, spec: ProcessSpec) -> (i32, Watch) {
        let born = self.birth(spec).unwrap();
        self.order(Order::Attach { process: WEB, pid: born.pid, channels: born.channels });
        (born.pid, born.watch)
    }

    /// The same for an event listener.
    pub fn start_listener(&self, spec: ProcessSpec) -> (i32, Watch) {
        let born = self.birth_with(spec, Stdin::Events).unwrap();
        self.order(Order::Attach { process: WEB, pid: born.pid, channels: born.channels });
        (born.pid, born.watch)
    }

    /// Waits for the end of a started child and for its logs.
    pub fn end(&self, pid: i32, watch: &Watch) -> Ended {
        let exit = wait(watch);
        self.order(Order::Drain { process: WEB, pid });
        let drained = BytesReport::Drained { process: WEB, pid };
        let mut news = Vec::new();
        loop {
            match self.bytes_report() {
                report if report == drained => break,
                report => news.push(report),
            }
        }
        Ended { exit, stdout: self.read("out"), stderr: self.read("err"), news }
    }

    pub fn run(&self, spec: ProcessSpec) -> Ended {
        let (pid, watch) = self.start(spec);
        self.end(pid, &watch)
    }

    /// Runs shell lines.
    pub fn shell(&self, script: &str) -> Ended {
        self.run(self.spec(&format!("/bin/sh -c '{script}'")))
    }

    pub fn check(&self, spec: ProcessSpec) -> Result<(), Refusal> {
        let job = Job::Check { ticket: Ticket(1), process: WEB, spec: Arc::new(spec) };
        assert!(self.jobs().post(job).is_ok());
        match self.spawn_report() {
            SpawnReport::Checked { verdict, .. } => verdict,
            other => panic!("{other:?}"),
        }
    }

    pub fn write_stdin(&self, bytes: &[u8]) -> Result<(), Refusal> {
        self.order(Order::Stdin { ticket: Ticket(2), process: WEB, bytes: bytes.to_vec() });
        match self.bytes_report() {
            BytesReport::StdinWritten { verdict, .. } => verdict,
            other => panic!("{other:?}"),
        }
    }

    pub fn clear_logs(&self) -> Result<(), Refusal> {
        self.order(Order::ClearLogs { ticket: Ticket(3), process: WEB });
        match self.bytes_report() {
            BytesReport::LogsCleared { verdict, .. } => verdict,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until everything posted so far is done: an order that is answered at once.
    pub fn settle(&self) {
        self.order(Order::Drain { process: ProcessId(1000), pid: 1 });
        assert!(matches!(self.bytes_report(), BytesReport::Drained { .. }));
    }

    /// Waits until a file has the text.
    pub fn await_text(&self, name: &str, text: &str) {
        let path = self.path(name);
        until(&format!("{text:?} in {name}"), || {
            std::fs::read_to_string(&path).is_ok_and(|content| content.contains(text))
        });
    }

    /// Ends both threads and gives the activity log's text without its stamps.
    pub fn finish(self) -> Vec<String> {
        self.spawner.finish();
        self.bytes.finish().unwrap();
        let log = std::fs::read(self.directory.path().join("activity.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let stamp = "2026-01-01 00:00:00,000 ".len();
        let lines = log.lines();
        lines.map(|line| line.get(stamp..).unwrap_or(line).to_owned()).collect()
    }
}

pub fn log_to(path: &Path) -> LogSpec {
    LogSpec {
        file: LogFile::Path(path.to_str().unwrap().to_owned()),
        maxbytes: 50 << 20,
        backups: 10,
        capture_maxbytes: 0,
        events_enabled: false,
        syslog: false,
    }
}

/// Waits for the end of a child.
pub fn wait(watch: &Watch) -> Exit {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let timeout = Timespec::try_from(DEADLINE).unwrap();
    let Watch::Pidfd(pidfd) = watch else { panic!("pidfds work where tests run") };
    let ready = poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&timeout));
    assert_eq!(ready, Ok(1), "the child did not end in time");
    reap::wait(0, watch).unwrap().unwrap()
}

/// Looks again and again until it is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let (_never, pause) = mpsc::channel::<()>();
    for _ in 0..3000 {
        if is_so() {
            return;
        }
        let _ = pause.recv_timeout(Duration::from_millis(10));
    }
    panic!("never: {what}");
}
