//! A file system that hangs delays whoever logs there, and nobody else.

use std::fs;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use integration::feed::Feed;
use integration::home::Home;
use integration::ran::Ran;
use integration::subject::{Daemon, Host, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::Signal;

const PROGRAMS: &str = "
[unix_http_server]
file={dir}/s.sock
[supervisord]
logfile={log}/main.log
pidfile={dir}/main.pid
childlogdir={dir}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{dir}/s.sock
[program:stuck]
command=cat {dir}/stuck.in
startsecs=0
stdout_logfile={place}/stuck.log
stderr_logfile={dir}/stuck.err
[program:also]
command=cat {dir}/also.in
startsecs=0
stdout_logfile={place}/also.log
[program:other]
command=cat {dir}/other.in
startsecs=0
stdout_logfile={dir}/other.log
";

/// A small file system of its own, which can be frozen: then every write to it waits.
struct Freezer {
    place: PathBuf,
    // Goes after the file system in it.
    _home: Home,
}

impl Freezer {
    /// `None` where the account may not, or the machine has no loop devices.
    fn new() -> Option<Self> {
        let home = Home::new();
        let (image, place) = (home.join("image"), home.join("place"));
        fs::create_dir(&place).unwrap();
        fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
        ran(Command::new("mkfs.ext4").arg("-q").arg(&image))?;
        ran(Command::new("mount").args(["-o", "loop"]).args([&image, &place]))?;
        let freezer = Self { place, _home: home };
        // It is tried once, since a kernel may not be able to.
        freezer.set(true).then(|| freezer.set(false))?;
        Some(freezer)
    }

    /// Freezes it until what is returned is dropped: before the daemon, which the kernel would not let
    /// end otherwise.
    fn freeze(&self) -> Frozen<'_> {
        assert!(self.set(true), "it could be frozen before");
        Frozen(self)
    }

    fn set(&self, frozen: bool) -> bool {
        let way = if frozen { "--freeze" } else { "--unfreeze" };
        ran(Command::new("fsfreeze").arg(way).arg(&self.place)).is_some()
    }
}

struct Frozen<'a>(&'a Freezer);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        let _ = umount2(&self.place, MntFlags::MNT_DETACH);
    }
}

fn ran(command: &mut Command) -> Option<()> {
    Ran::of(command).is_ok_and(|ran| ran.code == 0).then_some(())
}

fn host(log: &str, place: &Path) -> Host {
    let programs = PROGRAMS.replace("{log}", log);
    Host::new(Subject::Ours, &programs.replace("{place}", &place.display().to_string()))
}

/// The feeds of `stuck`, `also` and `other`.
fn feeds(host: &Host) -> [Feed; 3] {
    ["stuck", "also", "other"].map(|name| Feed::new(&host.home().join(&format!("{name}.in"))))
}

#[test]
fn programs_on_a_frozen_file_system_wait_and_nobody_else() {
    let Some(freezer) = Freezer::new() else { return };
    let host = host("{dir}", &freezer.place);
    let [stuck, also, other] = feeds(&host);
    let mut daemon = Daemon::start_on(host);
    for name in ["stuck", "also", "other"] {
        daemon.wait_state(name, "RUNNING");
    }
    let log = |name: &str| fs::read_to_string(freezer.place.join(name)).unwrap();
    stuck.say("before\n");
    wait_text(&freezer.place.join("stuck.log"), "before\n");

    let frozen = freezer.freeze();
    stuck.say("while\n");
    daemon.wait_log("WARN the file system of a log of stuck hangs; who logs there waits for it\n");
    also.say("while, too\n");
    other.say("on\n");
    wait_text(&daemon.path("other.log"), "on\n");
    // What others ask for is done; what would wait for the file system is refused.
    let stdin = ["supervisor.sendProcessStdin", "stuck"];
    let refused = daemon.door().call(stdin[0], &[stdin[1], "text"]).unwrap_err().to_string();
    assert!(refused.contains("the file system of a log hangs"), "{refused}");
    daemon.door().call("supervisor.sendProcessStdin", &["other", "text"]).unwrap();
    for (words, said) in [
        (["restart", "other"], "other: stopped\nother: started\n"),
        (["stop", "also"], "also: stopped\n"),
        (["start", "also"], "also: started\n"),
        (["stop", "stuck"], "stuck: stopped\n"),
    ] {
        let ran = daemon.ctl(&words);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, said), "{words:?}\n{ran}");
    }
    daemon.signal(Signal::SIGUSR2);
    daemon.wait_log("INFO supervisord logreopen\n");
    other.say("still on\n");
    wait_text(&daemon.path("other.log"), "still on\n");
    assert_eq!((log("stuck.log").as_str(), log("also.log").as_str()), ("before\n", ""));

    // Nothing is lost.
    drop(frozen);
    wait_text(&freezer.place.join("stuck.log"), "before\nwhile\n");
    wait_text(&freezer.place.join("also.log"), "while, too\n");
    daemon.wait_log("WARN the file system that hung answers again\n");
    also.say("after\n");
    wait_text(&freezer.place.join("also.log"), "while, too\nafter\n");
    assert_eq!(daemon.ctl(&["start", "stuck"]).stdout, "stuck: started\n");
    stuck.say("after\n");
    wait_text(&freezer.place.join("stuck.log"), "before\nwhile\nafter\n");

    // Nor does it keep the daemon from all that comes before its end.
    let frozen = freezer.freeze();
    also.say("once more\n");
    daemon.signal(Signal::SIGTERM);
    wait::until(PATIENCE, "the pidfile to be gone", || {
        if daemon.path("main.pid").exists() { Err("it is there") } else { Ok(()) }
    });
    drop(frozen);
    assert_eq!(daemon.wait_end(), 0);
    let text = daemon.home().read("main.log");
    assert_eq!(text.matches("hangs").count(), 1, "{text}");
}

#[test]
fn an_activity_log_on_a_frozen_file_system_holds_up_nobody() {
    let Some(freezer) = Freezer::new() else { return };
    let host = host("{place}", &freezer.place);
    let [_stuck, _also, other] = feeds(&host);
    let mut daemon = Daemon::start_on(host);
    daemon.wait_state("other", "RUNNING");
    let frozen = freezer.freeze();
    for _ in 0..3 {
        let ran = daemon.ctl(&["restart", "other"]);
        assert_eq!(ran.stdout, "other: stopped\nother: started\n", "{ran}");
    }
    other.say("on\n");
    wait_text(&daemon.path("other.log"), "on\n");
    let cleared = daemon.door().call("supervisor.clearLog", &[]).unwrap_err().to_string();
    assert!(cleared.contains("the file system of a log hangs"), "{cleared}");
    drop(frozen);
    let main = freezer.place.join("main.log");
    wait::until(PATIENCE, "the lines of three restarts", || {
        let text = fs::read_to_string(&main).unwrap();
        let spawned = text.matches("INFO spawned: 'other' with pid ").count();
        if spawned == 4 { Ok(()) } else { Err(text) }
    });
    wait_text(&main, "WARN the file system that hung answers again\n");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
    wait_text(&main, "WARN stopped: other (terminated by SIGTERM)\n");
}

const FIFO: &str = "{head}
[program:much]
command={child} write-bytes:1000000
autostart=false
startsecs=0
autorestart=false
stdout_logfile={dir}/fifo
[program:short]
command={child} write-bytes:100000
autostart=false
startsecs=0
autorestart=false
stdout_logfile={dir}/fifo
[program:other]
command=cat {dir}/other.in
startsecs=0
stdout_logfile={dir}/other.log
";

#[test]
fn a_log_that_nobody_reads_makes_its_program_wait_and_loses_nothing() {
    let host = Host::new(Subject::Ours, FIFO);
    let other = Feed::new(&host.home().join("other.in"));
    let fifo = host.home().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut daemon = Daemon::start_on(host);
    daemon.wait_state("other", "RUNNING");
    assert_eq!(daemon.ctl(&["start", "much"]).stdout, "much: started\n");
    other.say("on\n");
    wait_text(&daemon.path("other.log"), "on\n");
    assert_eq!(daemon.wait_state("much", "RUNNING").spawn_error, "");
    let mut reader = Reader::open(&fifo);
    reader.wait(1_000_000);
    daemon.wait_log("INFO exited: much (exit status 0; expected)\n");

    // A program whose last words find no room in a full log may end; they follow.
    drop(reader);
    assert_eq!(daemon.ctl(&["start", "short"]).stdout, "short: started\n");
    daemon.wait_log("INFO exited: short (exit status 0; expected)\n");
    Reader::open(&fifo).wait(100_000);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
    assert!(!daemon.log().contains("log file"), "{}", daemon.log());
}

/// Reads a FIFO without waiting.
struct Reader {
    file: fs::File,
    bytes: usize,
}

impl Reader {
    fn open(path: &Path) -> Self {
        let flags = nix::fcntl::OFlag::O_NONBLOCK.bits();
        let file = fs::File::options().read(true).custom_flags(flags).open(path).unwrap();
        Self { file, bytes: 0 }
    }

    fn wait(&mut self, bytes: usize) {
        let mut buffer = vec![0; 1 << 16];
        wait::until(PATIENCE, "the rest of the bytes", || {
            while let Ok(count @ 1..) = self.file.read(&mut buffer) {
                self.bytes += count;
            }
            if self.bytes == bytes { Ok(()) } else { Err(self.bytes) }
        });
    }
}
