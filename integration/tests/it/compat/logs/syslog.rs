//! Lines that go to the system's log, heard on a real `/dev/log` in a mount namespace of the daemon's own.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use integration::facts::shown;
use integration::feed::Feed;
use integration::prepared::{OWN_DEV, with_mounts};
use integration::subject::{Daemon, Host, Subject};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::Signal;

for_each_subject![lines_go_to_syslog, a_daemon_without_syslog_goes_on];

const HOST: &str = "[unix_http_server]
file={dir}/s.sock
[supervisord]
logfile=syslog
loglevel=debug
pidfile={dir}/main.pid
childlogdir={dir}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:both]
command=cat {dir}/both.in
startsecs=0
stdout_logfile={dir}/both.log
stdout_syslog=true
[program:alone]
command=sh -c 'exec cat {dir}/alone.in >&2'
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
stderr_syslog=true
[program:old]
command=cat {dir}/old.in
startsecs=0
stdout_logfile=syslog
[program:one]
command=cat {dir}/one.in
startsecs=0
redirect_stderr=true
stdout_logfile={dir}/one.log
stderr_syslog=true
[program:told]
command=cat {dir}/told.in
startsecs=0
stdout_logfile={dir}/told.log
stdout_syslog=true
stdout_events_enabled=true
[eventlistener:ear]
command={child} complain:here serve:{dir}/heard
startsecs=0
events=PROCESS_LOG
stdout_logfile={dir}/ear.log
stdout_syslog=true
stderr_syslog=true
[program:burst]
command={child} until:{dir}/go write-lines:1000
startsecs=0
stdout_logfile=NONE
stdout_syslog=true
";

/// Lines that `burst` writes before it ends; a socket holds a few at a time.
const BURST_LINES: usize = 1000;

/// Who listens at a daemon's `/dev/log`, all the time: the original waits for it.
struct SystemLog {
    path: PathBuf,
    /// What was heard and not asked for yet.
    heard: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl SystemLog {
    fn listen(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        // Only that it is looked now and then whether it is over.
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let (heard, over) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let listener = {
            let (heard, over) = (Arc::clone(&heard), Arc::clone(&over));
            thread::spawn(move || {
                let mut buffer = vec![0; 1 << 18];
                while !over.load(Ordering::Relaxed) {
                    if let Ok(count) = socket.recv(&mut buffer) {
                        let line = String::from_utf8_lossy(&buffer[..count]).into_owned();
                        heard.lock().unwrap().push(line);
                    }
                }
            })
        };
        Self { path: path.to_path_buf(), heard, over, listener: Some(listener) }
    }

    /// Goes away.
    fn end(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.listener.take().map_or(Ok(()), JoinHandle::join).unwrap();
        let _ = fs::remove_file(&self.path);
    }

    /// Another one in its place, as after a restart.
    fn again(mut self) -> Self {
        self.end();
        Self::listen(&self.path)
    }

    /// Waits for a datagram that ends like this; returns it and all before it, in order.
    fn up_to(&self, end: &str) -> Vec<String> {
        self.up_to_all(&[end])
    }

    /// The same for several, whatever their order.
    fn up_to_all(&self, ends: &[&str]) -> Vec<String> {
        wait::until(PATIENCE, &format!("{ends:?} in syslog"), || {
            let mut heard = self.heard.lock().unwrap();
            let found = |end: &&str| heard.iter().position(|line| line.ends_with(end));
            let last = ends.iter().map(found).try_fold(0, |last, at| Some(last.max(at?)));
            last.map(|at| heard.drain(..=at).collect()).ok_or(format!("{heard:?}"))
        })
    }

    /// As [`SystemLog::up_to`], and what stands behind the head of each.
    fn texts_up_to(&self, end: &str, ident: &str) -> Vec<String> {
        self.up_to(end).iter().map(|line| behind_the_head(line, ident).to_owned()).collect()
    }
}

impl Drop for SystemLog {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// `<14>Nov 21 15:36:58 ident: text`: facility USER, priority INFO, no pid (SYS-02).
fn behind_the_head<'a>(datagram: &'a str, ident: &str) -> &'a str {
    let rest = datagram.strip_prefix("<14>").unwrap_or_else(|| panic!("{datagram:?}"));
    let (stamp, rest) = rest.split_at("Nov 21 15:36:58".len());
    assert_eq!(shape(stamp), "Aaa 00 00:00:00", "{datagram:?}");
    rest.strip_prefix(&format!(" {ident}: ")).unwrap_or_else(|| panic!("{datagram:?}"))
}

/// `A` for capital, `a` for small letters, `0` for digits (and the blank before a single one).
fn shape(stamp: &str) -> String {
    let shape = stamp.chars().map(|c| match c {
        'A'..='Z' => 'A',
        'a'..='z' => 'a',
        '0'..='9' => '0',
        c => c,
    });
    shape.collect::<String>().replace("  0", " 00")
}

/// The lines that begin with a program's name.
fn of_program<'a>(name: &str, lines: &'a [String]) -> Vec<&'a str> {
    let start = format!("{name} ");
    lines.iter().map(String::as_str).filter(|line| line.starts_with(&start)).collect()
}

/// `YYYY-MM-DD HH:MM:SS,mmm `, then the rest.
fn behind_the_stamp(line: &str) -> &str {
    let (stamp, rest) = line.split_at("2026-11-21 15:36:58,908 ".len());
    assert_eq!(shape(stamp), "0000-00-00 00:00:00,000 ", "{line:?}");
    rest
}

struct Stage {
    host: Host,
    log: SystemLog,
    ident: String,
}

/// A host whose daemon sees a `/dev/log` of ours; `None` where that cannot be.
fn stage(subject: Subject, configuration: &str) -> Option<Stage> {
    let mut host = Host::new(subject, configuration);
    if !with_mounts(&mut host, OWN_DEV) {
        return None;
    }
    let dev = host.home().join("dev");
    fs::create_dir(&dev).unwrap();
    let log = SystemLog::listen(&dev.join("log"));
    let ident = subject.program().file_name().unwrap().to_str().unwrap().to_owned();
    Some(Stage { host, log, ident })
}

fn lines_go_to_syslog(subject: Subject) {
    let Some(Stage { host, log, ident }) = stage(subject, HOST) else { return };
    let feeds = ["both", "alone", "old", "one", "told"].map(|name| {
        let feed = Feed::new(&host.home().join(&format!("{name}.in")));
        (name, feed)
    });
    let feed = |name| &feeds.iter().find(|(of, _)| *of == name).unwrap().1;
    let mut daemon = Daemon::start_on(host);
    the_activity_log_is_there(&daemon, &log, &ident);
    for (name, _) in &feeds {
        daemon.wait_state(name, "RUNNING");
    }
    let running = format!("INFO success: told {SUCCESS}\n");
    let heard = log.up_to_all(&[&running, "DEBG ear: ACKNOWLEDGED -> READY\n", " ear here"]);
    // What a listener says to the daemon is for the daemon; its stderr is like others'.
    assert!(daemon.home().read("ear.log").starts_with("READY\n"));
    assert!(!heard.iter().any(|line| line.contains(": ear READY")), "{heard:?}");
    shown(subject, &["SYS-04"]);
    chunks_become_lines(subject, &daemon, feed("both"), &log, &ident);

    feed("alone").say("no file\n");
    log.up_to(" alone no file");
    feed("old").say("the old way\n");
    log.up_to(" old the old way");
    // stderr's own keys do not count when it goes to stdout.
    feed("one").say("only\n");
    let heard = log.texts_up_to("DEBG only\n", &ident);
    assert_eq!(of_program("one", &heard), [""; 0]);
    assert_eq!(daemon.home().read("one.log"), "only\n");
    shown(subject, &["SYS-02", "SYS-03", "LOG-36"]);

    // Listeners hear of a chunk when it is everywhere else.
    feed("told").say("first\n");
    let heard = log.texts_up_to(" sent to listener ear\n", &ident);
    assert_eq!(daemon.home().read("told.log"), "first\n");
    let (syslog, own) = heard.split_first().unwrap();
    let own: Vec<_> = own.iter().map(|line| behind_the_stamp(line)).collect();
    assert_eq!(
        (syslog.as_str(), &own[..2]),
        ("told first", &["DEBG 'told' stdout output:\n", "DEBG first\n"][..])
    );
    shown(subject, &["LOG-38"]);

    // A system's log that was restarted is found again.
    let log = log.again();
    feed("both").say("again\n");
    log.up_to(" both again");
    log.up_to("DEBG again\n");
    // A program that says much and ends is heard to its end, though syslog takes a few at a time.
    daemon.home().write("go", "");
    let burst = log.texts_up_to("INFO exited: burst (exit status 0; expected)\n", &ident);
    let burst = of_program("burst", &burst);
    let numbers = (1..=BURST_LINES).map(|number| format!("burst line {number}"));
    assert!(numbers.eq(burst.iter().copied()), "{} lines: {burst:?}", burst.len());
    daemon.signal(Signal::SIGUSR2);
    log.up_to("INFO supervisord logreopen\n");
    feed("both").say("reopened\n");
    log.up_to(" both reopened");
    daemon.signal(Signal::SIGTERM);
    log.up_to("WARN received SIGTERM indicating exit request\n");
    assert_eq!(daemon.wait_end(), 0);
    shown(subject, &["SYS-01", "LOG-30"]);
}

const SUCCESS: &str =
    "entered RUNNING state, process has stayed up for > than 0 seconds (startsecs)";

fn the_activity_log_is_there(daemon: &Daemon, log: &SystemLog, ident: &str) {
    let started = format!("supervisord started with pid {}\n", daemon.pid());
    let first = log.texts_up_to(&started, ident);
    let about = "CRIT Server 'unix_http_server' running without any HTTP authentication checking\n";
    assert!(first.iter().any(|line| behind_the_stamp(line) == about), "{first:?}");
    // What KEY-W01 warns of works all the same.
    let deprecated = "For [program:old], stdout_logfile=syslog but this is deprecated";
    assert!(first.iter().any(|line| line.contains(deprecated)), "{first:?}");
    assert_eq!(daemon.home().read("main.pid"), format!("{}\n", daemon.pid()));
    assert!(!daemon.path("syslog").exists(), "no file is called so");
}

fn chunks_become_lines(
    subject: Subject,
    daemon: &Daemon,
    feed: &Feed,
    log: &SystemLog,
    ident: &str,
) {
    // The file comes first, then syslog, then the activity log, in which each line has its stamp.
    feed.say("a\n\nb\n");
    let lines = log.texts_up_to("both b", ident);
    assert_eq!(daemon.home().read("both.log"), "a\n\nb\n");
    assert_eq!(of_program("both", &lines), ["both a", "both ", "both b"]);
    let own = log.texts_up_to("DEBG b\n", ident);
    assert_eq!(of_program("both", &own), [""; 0]);
    let own = own.iter().map(|line| behind_the_stamp(line));
    let own: Vec<_> = own.filter(|line| !line.contains(" closed, ")).collect();
    assert_eq!(own, ["DEBG 'both' stdout output:\n", "DEBG a\n", "DEBG \n", "DEBG b\n"]);
    shown(subject, &["LOG-07"]);

    for (chunk, lines) in [
        ("part", vec!["both part"]),
        ("ial\r\n\n\n", vec!["both ial\r"]),
        ("\n", vec!["both "]),
        ("\nx", vec!["both ", "both x"]),
        ("per%cent\n", vec!["both per%cent"]),
        ("\u{e9}\n", vec!["both \u{e9}"]),
        ("up to\0zero\n", vec!["both up to"]),
    ] {
        feed.say(chunk);
        let heard = log.texts_up_to("DEBG 'both' stdout output:\n", ident);
        assert_eq!(of_program("both", &heard), lines, "{chunk:?}");
    }
    shown(subject, &["SYS-01"]);
}

/// Without anybody at `/dev/log`, everything else goes on.
fn a_daemon_without_syslog_goes_on(subject: Subject) {
    let Some(Stage { host, mut log, .. }) = stage(subject, HOST) else { return };
    let feed = Feed::new(&host.home().join("both.in"));
    log.end();
    let mut daemon = Daemon::start_on(host);
    daemon.wait_state("both", "RUNNING");
    feed.say("into the file\n");
    integration::subject::wait_text(&daemon.path("both.log"), "into the file\n");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
}
