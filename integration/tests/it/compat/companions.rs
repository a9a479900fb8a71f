//! The programs that come along: the sample configuration and pidproxy; and two facts about any host.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use integration::facts::shown;
use integration::home::Home;
use integration::owned::Owned;
use integration::processes::Seen;
use integration::ran::Ran;
use integration::subject::{Daemon, Host, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use integration::{oracle, places};
use nix::sys::signal::Signal;

for_each_subject![
    the_sample_is_printed_as_it_is,
    the_sample_has_every_key,
    both_use_the_sample,
    pidproxy_sends_signals_on,
    pidproxy_ends_with_its_command,
    a_thousand_descriptors_are_no_obstacle,
    what_is_asked_by_rpc_is_no_signal,
];

/// A companion of the subject: the original's program, or a symbolic link of that name to ours.
fn companion(subject: Subject, home: &Home, name: &str) -> PathBuf {
    match subject {
        Subject::Original => oracle::program(name),
        Subject::Ours => {
            let link = home.join(name);
            // There already, when it is called a second time.
            let _ = symlink(places::binary("fleetvisord"), &link);
            link
        }
    }
}

fn sample(subject: Subject, arguments: &[&str]) -> Ran {
    let home = Home::new();
    let program = companion(subject, &home, "echo_supervisord_conf");
    Ran::of(Command::new(program).args(arguments)).unwrap()
}

fn the_sample_is_printed_as_it_is(subject: Subject) {
    let file = match subject {
        Subject::Original => {
            let script = "import supervisor; print(supervisor.__path__[0])";
            let ran =
                Ran::of(Command::new(oracle::program("python")).args(["-c", script])).unwrap();
            PathBuf::from(ran.stdout.trim()).join("skel/sample.conf")
        }
        Subject::Ours => places::repository().join("agent/src/boot/sample.conf"),
    };
    let wanted = fs::read_to_string(file).unwrap();
    for arguments in [&[][..], &["-h"], &["--nonsense", "x"]] {
        let ran = sample(subject, arguments);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran}");
        assert!(ran.stdout == wanted, "{arguments:?}");
    }
    if subject == Subject::Ours {
        let word = Ran::of(Command::new(subject.program()).arg("echo-conf")).unwrap();
        assert_eq!((word.code, word.stdout), (0, wanted));
    }
    shown(subject, &["AUX-01"]);
}

/// The keys of a configuration: whether they are in force, their section, name, and value.
fn keys(text: &str) -> BTreeSet<(bool, String, String, String)> {
    let (mut section, mut found) = (String::new(), BTreeSet::new());
    for line in text.lines() {
        let bare = line.strip_prefix(';').unwrap_or(line);
        if let Some(name) = bare.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = name.to_owned();
            found.insert((line == bare, section.clone(), String::new(), String::new()));
        } else if let Some((key, value)) = bare.split_once('=')
            && !bare.starts_with([' ', ';'])
        {
            let value = value.split(" ;").next().unwrap_or_default().trim();
            let entry = (section.clone(), key.trim().to_owned(), value.to_owned());
            found.insert((line == bare, entry.0, entry.1, entry.2));
        }
    }
    found
}

/// What is in force in the original's sample.
const ACTIVE: &str = "[unix_http_server]
file=/tmp/supervisor.sock
[supervisord]
logfile=/tmp/supervisord.log
logfile_maxbytes=50MB
logfile_backups=10
loglevel=info
pidfile=/tmp/supervisord.pid
nodaemon=false
silent=false
minfds=1024
minprocs=200
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix:///tmp/supervisor.sock
";

fn the_sample_has_every_key(subject: Subject) {
    let found = keys(&sample(subject, &[]).stdout);
    let active: BTreeSet<_> = found.iter().filter(|(active, ..)| *active).cloned().collect();
    assert_eq!(active, keys(ACTIVE));
    let original = keys(&sample(Subject::Original, &[]).stdout);
    assert!(original.len() > 100, "{original:?}");
    assert_eq!(found, original, "what is commented out, too");
    shown(subject, &["AUX-02"]);
}

fn both_use_the_sample(subject: Subject) {
    for author in [Subject::Original, Subject::Ours] {
        // As it is: it is read to its end, so that only the user is missing.
        let host = Host::new(subject, &sample(author, &[]).stdout);
        let ran = host.run_daemon(&["-u", "no-such-user"]);
        assert!(ran.stderr.starts_with("Error: Invalid user name no-such-user\n"), "{ran}");
        // In a home of its own: it runs.
        let host = Host::new(subject, &sample(author, &[]).stdout.replace("/tmp/", "{dir}/"));
        symlink("supervisor.sock", host.home().join("s.sock")).unwrap();
        let mut daemon = Daemon::start_on(host);
        let ran = daemon.ctl(&["version"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "4.3.0\n"), "{ran}");
        daemon.signal(Signal::SIGTERM);
        assert_eq!(daemon.wait_end(), 0);
    }
    shown(subject, &["AUX-02"]);
}

/// A running pidproxy, and what it watches.
struct Proxied {
    // Dropped before its home.
    proxy: Owned,
    home: Home,
}

impl Proxied {
    /// With these words behind the pidfile.
    fn start(subject: Subject, words: &[&str]) -> Self {
        let home = Home::new();
        let directory = home.path().display().to_string();
        let mut command = Command::new(companion(subject, &home, "pidproxy"));
        command.env("PYTHONUNBUFFERED", "1").arg("daemon.pid");
        command.args(words.iter().map(|word| word.replace("{dir}", &directory)));
        let proxy = Owned::start(&home, &mut command);
        Self { proxy, home }
    }

    /// Waits for a file of the home to have this text.
    fn wait(&self, name: &str, text: &str) -> String {
        wait_text(&self.home.join(name), text)
    }
}

/// A daemon that writes down its pid and the signals that it gets, and outlives its launcher's wait.
const DAEMON: &str = "for s in TERM HUP INT USR1 USR2 QUIT; do trap \"echo $s >> got.txt\" $s; done; \
     echo $$ > daemon.pid; echo $0 $1 > words.txt; while :; do sleep 0.05; done";

fn pidproxy_sends_signals_on(subject: Subject) {
    for last in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
        let mut proxied = Proxied::start(subject, &["/bin/sh", "-c", DAEMON, "name", "it's one"]);
        proxied.wait("words.txt", "\n");
        assert_eq!(proxied.home.read("words.txt"), "name it's one\n");
        let mut wanted = String::new();
        for signal in [Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGHUP, last] {
            proxied.proxy.signal(signal);
            wanted += signal.as_str().trim_start_matches("SIG");
            wanted += "\n";
            proxied.wait("got.txt", &wanted);
        }
        assert_eq!(proxied.proxy.wait(PATIENCE), 0, "{last}");
        let daemon = proxied.home.read("daemon.pid").trim().parse().unwrap();
        let daemon = Seen::of(nix::unistd::Pid::from_raw(daemon));
        assert!(!daemon.is_gone(), "it ends before what it watches");
    }
    shown(subject, &["AUX-03"]);
}

fn pidproxy_ends_with_its_command(subject: Subject) {
    let home = Home::new();
    for arguments in [&[][..], &["daemon.pid"]] {
        let program = companion(subject, &home, "pidproxy");
        let ran = Ran::of(Command::new(program).args(arguments)).unwrap();
        assert_eq!(ran.code, 1, "{ran}");
        assert!(ran.stdout.to_lowercase().contains("usage: "), "{ran}");
    }
    // A signal that nobody can be told of is dropped; the command's own end is the proxy's.
    let words =
        ["/bin/sh", "-c", "echo $$ > child.txt; while [ ! -e go ]; do sleep 0.05; done; exit 3"];
    let mut proxied = Proxied::start(subject, &words);
    proxied.wait("child.txt", "\n");
    proxied.proxy.signal(Signal::SIGTERM);
    proxied.wait("stdout.txt", "Can't read child pidfile daemon.pid!\n");
    proxied.home.write("daemon.pid", "no number");
    proxied.proxy.signal(Signal::SIGHUP);
    let twice = "Can't read child pidfile daemon.pid!\nCan't read child pidfile daemon.pid!\n";
    proxied.wait("stdout.txt", twice);
    assert_eq!(proxied.proxy.ended(), None);
    proxied.home.write("go", "");
    assert_eq!(proxied.proxy.wait(PATIENCE), 0);

    // A path is relative to the directory, and PATH is not searched.
    let mut proxied = Proxied::start(subject, &["../../bin/sh", "-c", "echo $0 > ran.txt"]);
    proxied.wait("ran.txt", "../../bin/sh\n");
    assert_eq!(proxied.proxy.wait(PATIENCE), 0);
    let mut proxied = Proxied::start(subject, &["touch", "made.txt"]);
    // The original ends with 0, as if it had run (COMPAT-74).
    assert_eq!(proxied.proxy.wait(PATIENCE) == 0, subject == Subject::Original);
    assert!(!proxied.home.join("made.txt").exists());
    shown(subject, &["AUX-03"]);
}

fn a_thousand_descriptors_are_no_obstacle(subject: Subject) {
    let text = "{head}[program:p]\ncommand={child} print:heard echo\nstartsecs=0\n\
                stdout_logfile={dir}/p.log\n";
    let mut host = Host::new(subject, text);
    // So many are open already that all others have higher numbers.
    let open = "for n in $(seq 5 1100); do eval \"exec $n</dev/null\"; done; exec \"$@\"";
    host.start_with(&["prlimit", "--nofile=4096:4096", "bash", "-c", open, "-"]);
    let daemon = Daemon::start_on(host);
    wait_text(&daemon.path("p.log"), "heard\n");
    daemon.door().call("supervisor.sendProcessStdin", &["p", "and back\n"]).unwrap();
    wait_text(&daemon.path("p.log"), "and back\n");
    let sockets = (1100..1200).filter_map(|number| Seen::of(daemon.pid()).descriptor(number));
    assert!(sockets.count() > 3, "its own descriptors are beyond the old limit");
    shown(subject, &["AUX-04"]);
}

fn what_is_asked_by_rpc_is_no_signal(subject: Subject) {
    let mut daemon = Daemon::start(subject, "{head}");
    daemon.door().call("supervisor.restart", &[]).unwrap();
    wait::until(PATIENCE, "the second start", || {
        let log = daemon.log();
        if log.matches("supervisord started with pid").count() == 2 { Ok(()) } else { Err(log) }
    });
    daemon.wait_answering();
    daemon.door().call("supervisor.shutdown", &[]).unwrap();
    assert_eq!(daemon.wait_end(), 0);
    assert!(!daemon.log().contains("received SIG"), "{}", daemon.log());
    shown(subject, &["AUX-05"]);
}
