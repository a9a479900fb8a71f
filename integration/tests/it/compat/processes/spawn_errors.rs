//! Starts of which no child comes.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use integration::facts::shown;
use integration::places;
use integration::subject::{Daemon, Host, Subject};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::{Signal, kill};
use nix::unistd::geteuid;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::{Differences, Info, ask, lines, wait_lines};

for_each_subject![
    commands_that_cannot_be_run_are_told_apart,
    a_command_is_looked_at_with_the_daemons_own_rights,
    forks_that_fail_are_told_apart,
    pipes_and_logs_that_cannot_be_opened_are_told_apart,
];

/// Name, command and the error.
const COMMANDS: &[(&str, &str, &str)] = &[
    ("absent", "{dir}/absent x", "can't find command '{dir}/absent'"),
    ("nowhere", "no-such-command-in-path", "can't find command 'no-such-command-in-path'"),
    ("quote", "\"{dir}/it's\"", "can't find command \"{dir}/it's\""),
    ("folder", "{dir}/folder", "command at '{dir}/folder' is a directory"),
    ("plain", "{dir}/plain", "command at '{dir}/plain' is not executable"),
    ("open", "/bin/sh \"open", "can't parse command '/bin/sh \"open': No closing quotation"),
    ("empty", "", "command is empty"),
];

fn commands_that_cannot_be_run_are_told_apart(subject: Subject) {
    let section = |(name, command, _): &(&str, &str, &str)| {
        format!("[program:{name}]\ncommand={command}\nstartretries=0\n")
    };
    let sections: Vec<_> = COMMANDS.iter().map(section).collect();
    let mut text = "{head}".to_owned() + &sections.concat();
    text += "[program:later]\ncommand={dir}/later forever\nstartretries=99\nstartsecs=0\n";
    text += "[program:stays]\ncommand={child} ignore:TERM print:deaf forever\nstartsecs=0\n\
             exitcodes=0\nstdout_logfile={dir}/stays.log\n";
    let host = Host::new(subject, &text);
    fs::create_dir(host.home().join("folder")).unwrap();
    host.home().write("plain", "#!/bin/sh\n");
    fs::set_permissions(host.home().join("plain"), PermissionsExt::from_mode(0o644)).unwrap();
    let daemon = Daemon::start_on(host);
    let mut differences = Differences::default();
    for (name, _, error) in COMMANDS {
        let error = daemon.host().expand(error);
        let told = daemon.host().normal(&format!("INFO spawnerr: {error}"));
        daemon.wait_log(&format!("spawnerr: {error}\n"));
        daemon.wait_state(name, "FATAL");
        let log = daemon.log();
        differences.look(name, log.lines().filter(|line| line.ends_with(&told)).count(), 1);
        differences.look(name, Info::of(&daemon, name).text("spawnerr"), error.clone());
        differences.look(name, Info::of(&daemon, name).number("pid"), 0);
    }
    differences.none(&daemon);
    shown(subject, &["SM-40", "SM-41", "SM-42", "SM-44", "SM-45"]);
    look_at_the_sequence(&daemon);
}

/// What a start does before anything can go wrong.
fn look_at_the_sequence(daemon: &Daemon) {
    // A failed look at the command has been a start, too.
    let first = Info::of(daemon, "later").number("start");
    assert_ne!(first, 0);
    wait::until(PATIENCE, "a later start", || match Info::of(daemon, "later").number("start") {
        start if start > first => Ok(()),
        start => Err(start),
    });
    // The next one forgets why the last one failed.
    symlink(places::binary("child"), daemon.path("later")).unwrap();
    daemon.wait_state("later", "RUNNING");
    let info = Info::of(daemon, "later");
    assert_eq!(info.text("spawnerr"), "");
    wait_lines(daemon, "later", "INFO spawned: 'later' with pid PID", 1);
    // A child that is still there is no second one's.
    integration::subject::wait_text(&daemon.path("stays.log"), "deaf");
    let pid = daemon.wait_state("stays", "RUNNING").pid;
    assert_eq!(ask(daemon, "stopProcess", "stays"), 0);
    assert_eq!(ask(daemon, "startProcess", "stays"), 0);
    wait_lines(daemon, "stays", "WARN process 'stays' already running", 1);
    assert_eq!(daemon.wait_state("stays", "STOPPING").pid, pid);
    kill(pid, Signal::SIGKILL).unwrap();
    daemon.wait_state("stays", "STOPPED");
    assert_eq!(Info::of(daemon, "stays").number("exitstatus"), -1);
    assert_eq!(ask(daemon, "startProcess", "stays"), 0);
    daemon.wait_state("stays", "RUNNING");
    assert_eq!(Info::of(daemon, "stays").number("exitstatus"), 0);
    shown(daemon.host().subject(), &["SM-30"]);
}

const NOT_FOR_US: &str = "{head}
[program:others]
command={dir}/others
startretries=0
[program:hidden]
command={dir}/closed/command
startretries=0
";

/// Root may do anything: it is looked at without its capabilities. That the program's `user` does not
/// count is shown with the children ([`super::child_side`]).
fn a_command_is_looked_at_with_the_daemons_own_rights(subject: Subject) {
    let mut host = Host::new(subject, NOT_FOR_US);
    let home = host.home().path().to_owned();
    host.home().write("others", "#!/bin/sh\n");
    fs::create_dir(home.join("closed")).unwrap();
    host.home().write("closed/command", "#!/bin/sh\n");
    fs::set_permissions(home.join("closed/command"), PermissionsExt::from_mode(0o755)).unwrap();
    fs::set_permissions(home.join("closed"), PermissionsExt::from_mode(0o600)).unwrap();
    fs::set_permissions(home.join("others"), PermissionsExt::from_mode(0o611)).unwrap();
    if geteuid().is_root() {
        host.start_with(&["setpriv", "--bounding-set=-all", "--inh-caps=-all"]);
    }
    let daemon = Daemon::start_on(host);
    for (name, error) in [
        ("others", format!("no permission to run command '{}/others'", home.display())),
        ("hidden", format!("can't find command '{}/closed/command'", home.display())),
    ] {
        daemon.wait_state(name, "FATAL");
        assert_eq!(Info::of(&daemon, name).text("spawnerr"), error);
        daemon.wait_log(&format!("INFO spawnerr: {error}\n"));
    }
    shown(subject, &["SM-43", "SM-40b"]);
}

const ONE: &str = "{head}
[program:one]
command={child} forever
startretries=0
";

fn forks_that_fail_are_told_apart(subject: Subject) {
    let daemons = [
        (libc::EAGAIN, "Too many processes in process table to spawn 'one'", "SM-48"),
        (libc::ENOMEM, "unknown error during fork for 'one': ENOMEM", "SM-49"),
    ]
    .map(|(errno, error, fact)| {
        let mut host = Host::new(subject, ONE);
        host.confine(&[&format!("fork={errno}")]);
        (Daemon::launch(host), error, fact)
    });
    for (mut daemon, error, fact) in daemons {
        daemon.wait_answering();
        daemon.wait_state("one", "FATAL");
        assert_eq!(Info::of(&daemon, "one").text("spawnerr"), error);
        wait_lines(&daemon, "one", "gave up: one", 1);
        assert_eq!(lines(&daemon, "one")[0], format!("INFO spawnerr: {error}"));
        shown(subject, &[fact]);
    }
}

const LOGS: &str = "{head}
[program:again]
command={child} forever
startsecs=0
autorestart=true
startretries=99
stdout_logfile={dir}/again.log
stderr_logfile=NONE
[program:gone]
command={child} forever
autostart=false
startretries=0
stdout_logfile={dir}/gone/out.log
stderr_logfile=NONE
";

fn pipes_and_logs_that_cannot_be_opened_are_told_apart(subject: Subject) {
    let host = Host::new(subject, LOGS);
    fs::create_dir(host.home().join("gone")).unwrap();
    let daemon = Daemon::start_on(host);
    let pid = daemon.wait_state("again", "RUNNING").pid;
    fs::remove_dir(daemon.path("gone")).unwrap();
    let before = fds(&daemon).len();
    let spawn_error = 50;
    assert_eq!(ask(&daemon, "startProcess", "gone"), spawn_error);
    let error = "unknown error making dispatchers for 'gone': ENOENT";
    wait_lines(&daemon, "gone", &format!("INFO spawnerr: {error}"), 1);
    assert_eq!(daemon.process("gone").unwrap().spawn_error, error);
    if subject == Subject::Ours {
        // The original leaves the pipes open (COMPAT-11).
        wait::until(PATIENCE, "no more descriptors than before", || {
            let now = fds(&daemon).len();
            if now <= before { Ok(()) } else { Err(now) }
        });
    }
    shown(subject, &["SM-47"]);
    // At first only what the child before has left is there, then there is enough for the pipes.
    let daemon_pid = Pid::from_raw(daemon.pid().as_raw());
    let limit = |most: u64| {
        let maximum = Some(
            nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).unwrap().1,
        );
        prlimit(daemon_pid, Resource::Nofile, Rlimit { current: Some(most), maximum }).unwrap();
    };
    let error = "INFO spawnerr: too many open files to spawn 'again'";
    let free = |nth| (3..).filter(|fd| !fds(&daemon).contains(fd)).nth(nth).unwrap();
    limit(free(0));
    kill(pid, Signal::SIGKILL).unwrap();
    wait_lines(&daemon, "again", error, 1);
    let pipes = 6;
    limit(free(pipes));
    wait_lines(&daemon, "again", error, 2);
    limit(1024);
    daemon.wait_state("again", "RUNNING");
    shown(subject, &["SM-46"]);
}

/// The daemon's open descriptors.
fn fds(daemon: &Daemon) -> Vec<u64> {
    let entries = fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}
