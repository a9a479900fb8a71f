//! What concerns the whole process, and so has it for itself: descriptors and strangers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent::descriptors::{self, Purpose};
use agent::logs::{ActivityLog, ActivitySettings, Bytes, BytesReport, Order, Place, Rotation};
use agent::spawn::reap::{Exits, Strangers, Watch, reap_strangers, signal_child, wait};
use agent::spawn::{Child, Job, SpawnReport, SpawnSettings, Spawner};
use agent_core::effect::{ProcessId, SocketId, SpawnOrder, Stdin};
use agent_core::input::Exit;
use agent_core::spec::{
    Autorestart, Level, LogFile, LogSpec, ProcessSpec, SocketAddress, SocketSpec,
};
use proto_words::Signal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// However loaded the machine is, everything here happens long before.
const DEADLINE: Duration = Duration::from_mins(1);

/// One test at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn spec(command: &str) -> ProcessSpec {
    let nowhere = LogSpec {
        file: LogFile::None,
        maxbytes: 0,
        backups: 0,
        capture_maxbytes: 0,
        events_enabled: false,
        syslog: false,
    };
    ProcessSpec {
        name: "web".to_owned(),
        command: command.to_owned(),
        directory: None,
        umask: None,
        priority: 999,
        autostart: true,
        autorestart: Autorestart::Never,
        startsecs: 1,
        startretries: 3,
        stopsignal: Signal::TERM,
        stopwaitsecs: 10,
        stopasgroup: false,
        killasgroup: false,
        exitcodes: vec![0],
        user: None,
        redirect_stderr: false,
        stdout: nowhere.clone(),
        stderr: nowhere,
        environment: BTreeMap::new(),
        server_url: None,
    }
}

fn spawner() -> (Spawner, Receiver<SpawnReport>) {
    let (report, reports) = mpsc::channel();
    let settings = SpawnSettings { server_url: None, minfds: 1024 };
    let report = Box::new(move |said| drop(report.send(said)));
    (Spawner::start(settings, report).unwrap(), reports)
}

fn birth(spawner: &Spawner, reports: &Receiver<SpawnReport>, key: u64, command: &str) -> Child {
    birth_of(spawner, reports, key, spec(command), None)
}

fn birth_of(
    spawner: &Spawner,
    reports: &Receiver<SpawnReport>,
    key: u64,
    spec: ProcessSpec,
    socket: Option<Arc<OwnedFd>>,
) -> Child {
    let stdin = socket.as_ref().map_or(Stdin::Pipe, |_| Stdin::Socket(SocketId(9)));
    let (process, group, spec) = (ProcessId(key), Arc::from("shop"), Arc::new(spec));
    let order = SpawnOrder { process, group, spec, stdin };
    assert!(spawner.jobs().post(Job::Spawn { order, socket }).is_ok());
    match reports.recv_timeout(DEADLINE).unwrap() {
        SpawnReport::Born { child, .. } => child,
        other => panic!("{other:?}"),
    }
}

fn pidfd(child: &Child) -> &OwnedFd {
    let Watch::Pidfd(pidfd) = &child.watch else { panic!("pidfds work where tests run") };
    pidfd
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn readable(fd: &impl std::os::fd::AsFd) {
    let timeout = Timespec::try_from(DEADLINE).unwrap();
    let ready = poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&timeout));
    assert_eq!(ready, Ok(1));
}

#[test]
fn five_hundred_births_leave_nothing_behind() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = descriptors();
    let (spawner, born) = spawner();
    let directory = tempfile::tempdir().unwrap();
    let activity = ActivityLog::open(&ActivitySettings {
        place: Place::File(directory.path().join("log")),
        rotation: Rotation::default(),
        level: Level::Info,
        to_stdout: false,
    });
    let (report, drained) = mpsc::channel();
    let report = Box::new(move |said| drop(report.send(said)));
    let bytes = Bytes::start(activity.unwrap(), false, report).unwrap();
    let exits = Exits::new().unwrap();
    let mut living = BTreeMap::new();
    for key in 0..500 {
        let child = birth(&spawner, &born, key, "true");
        exits.add(key, pidfd(&child)).unwrap();
        let Child { pid, entry, watch, listed, channels } = child;
        let attach = Order::Attach { process: ProcessId(key), pid, channels };
        assert!(bytes.orders().post(attach).is_ok());
        living.insert(key, (pid, entry, watch, listed));
    }
    let mut ready = Vec::new();
    while !living.is_empty() {
        readable(&exits);
        exits.ready(&mut ready).unwrap();
        for key in ready.drain(..) {
            let (pid, _entry, watch, _listed) = living.remove(&key).unwrap();
            assert_eq!(wait(pid, &watch).unwrap(), Some(Exit::Code(0)));
            let Watch::Pidfd(pidfd) = &watch else { panic!("pidfds work where tests run") };
            exits.remove(pidfd).unwrap();
            let process = ProcessId(key);
            assert!(bytes.orders().post(Order::Drain { process, pid }).is_ok());
            let said = drained.recv_timeout(DEADLINE).unwrap();
            assert_eq!(said, BytesReport::Drained { process, pid });
        }
    }
    drop(exits);
    spawner.finish();
    bytes.finish().unwrap();
    assert_eq!(descriptors(), before);
}

#[test]
fn strangers_are_reaped_and_children_never() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (spawner, born) = spawner();
    let register = spawner.register();
    let ours = birth(&spawner, &born, 1, "sh -c 'exit 3'");
    readable(pidfd(&ours));
    let nothing = Strangers { reaped: vec![], look_again: true };
    assert_eq!(reap_strangers(&register), nothing);
    assert_eq!(wait(ours.pid, &ours.watch).unwrap(), Some(Exit::Code(3)));
    let stranger = std::process::Command::new("sh").args(["-c", "exit 4"]).spawn();
    let stranger = i32::try_from(stranger.unwrap().id()).unwrap();
    let pid = rustix::process::Pid::from_raw(stranger).unwrap();
    let other = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty());
    readable(&other.unwrap());
    let one = Strangers { reaped: vec![(stranger, Exit::Code(4))], look_again: false };
    assert_eq!(reap_strangers(&register), one);
    assert_eq!(reap_strangers(&register), Strangers::default());
    drop((ours, register));
    spawner.finish();
}

#[test]
fn other_work_is_done_in_its_turn_and_a_panic_in_it_is_reported() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (spawner, reports) = spawner();
    let (done, outcome) = mpsc::channel();
    let work = Box::new(move || assert!(done.send(42).is_ok()));
    assert!(spawner.jobs().post(Job::Run(Box::new(|| panic!("oh")))).is_ok());
    assert!(spawner.jobs().post(Job::Run(work)).is_ok());
    assert_eq!(outcome.recv_timeout(DEADLINE).unwrap(), 42);
    let said = reports.recv_timeout(DEADLINE).unwrap();
    assert!(matches!(said, SpawnReport::Panicked(text) if text == "oh"));
    spawner.finish();
}

/// What is open, less the directory that is being looked at.
fn open_now() -> BTreeSet<i32> {
    let looking = std::fs::read_dir("/proc/self/fd").unwrap();
    let numbers = looking.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let numbers: Vec<i32> = numbers.map(|number| number.parse().unwrap()).collect();
    let is_open = |number: &i32| Path::new(&format!("/proc/self/fd/{number}")).exists();
    numbers.into_iter().filter(is_open).collect()
}

#[test]
fn each_descriptor_that_lives_long_has_its_line_in_the_table() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (spawner, born) = spawner();
    let log = |name| LogFile::Path(path(name).to_str().unwrap().to_owned());
    // Births reserve some descriptors for themselves, once.
    let first = birth(&spawner, &born, 1, "true");
    readable(pidfd(&first));
    assert!(wait(first.pid, &first.watch).unwrap().is_some());
    drop(first);
    let (open_before, listed_before) = (open_now(), descriptors::all());
    assert!(listed_before.iter().any(|(_, purpose)| *purpose == Purpose::Register));
    let mut with_logs = spec("sleep 1000");
    with_logs.stdout.file = log("out");
    with_logs.redirect_stderr = true;
    let address =
        SocketAddress::Unix { path: path("s").display().to_string(), mode: 0, owner: None };
    let open_socket = Job::OpenSocket {
        socket: SocketId(9),
        group: Arc::from("shop"),
        spec: SocketSpec { address, backlog: None },
    };
    assert!(spawner.jobs().post(open_socket).is_ok());
    let SpawnReport::SocketOpened { opened, .. } = born.recv_timeout(DEADLINE).unwrap() else {
        panic!("a socket");
    };
    let socket = Arc::new(opened.unwrap());
    let shares = descriptors::enter(&socket, Purpose::Socket(SocketId(9)));
    let plain = birth_of(&spawner, &born, 7, with_logs, None);
    let sharing = birth_of(&spawner, &born, 8, spec("sleep 1000"), Some(Arc::clone(&socket)));
    let new: BTreeSet<i32> = open_now().difference(&open_before).copied().collect();
    let listed = descriptors::all();
    let listed: Vec<_> = listed.into_iter().filter(|line| !listed_before.contains(line)).collect();
    assert_eq!(listed.iter().map(|(number, _)| *number).collect::<BTreeSet<_>>(), new);
    let purposes: BTreeSet<Purpose> = listed.into_iter().map(|(_, purpose)| purpose).collect();
    let expected = [
        Purpose::Socket(SocketId(9)),
        Purpose::Stdin(ProcessId(7)),
        Purpose::Stdout(ProcessId(7)),
        Purpose::Log(path("out")),
        Purpose::Child(ProcessId(7)),
        Purpose::Stdout(ProcessId(8)),
        Purpose::Stderr(ProcessId(8)),
        Purpose::Child(ProcessId(8)),
    ];
    assert_eq!(purposes, expected.into());
    for child in [plain, sharing] {
        signal_child(&child.watch, child.pid, Signal::KILL, false).unwrap();
        readable(pidfd(&child));
        assert!(wait(child.pid, &child.watch).unwrap().is_some());
    }
    drop((shares, socket));
    assert_eq!((open_now(), descriptors::all()), (open_before, listed_before));
    spawner.finish();
}
