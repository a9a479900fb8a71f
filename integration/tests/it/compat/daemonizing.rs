//! Into the background, and what stays different in the foreground.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};

use integration::background::Background;
use integration::facts::shown;
use integration::nobody::{NOBODY, are_root};
use integration::processes::Seen;
use integration::subject::{Daemon, Host, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

for_each_subject![
    one_fork_and_a_session_of_its_own,
    standard_streams_lead_nowhere_and_others_stay,
    the_directory_and_the_umask_are_the_daemons,
    a_directory_that_cannot_be_entered_is_told,
    in_the_foreground_directory_and_umask_do_not_count,
    the_user_comes_first_and_the_pidfile_last,
    the_environment_is_for_programs,
    stdout_has_the_log_too,
    in_the_foreground_session_and_group_stay,
];

/// What [`integration::subject::HEAD`] makes, and a program that tells where it is.
const TELLING: &str = "{head}
[program:p]
command=/bin/sh -c \"pwd && umask && exec {sleeper}\"
startsecs=0
stdout_logfile={dir}/p.log
";

/// `{head}` with more keys for the daemon.
fn with_keys(keys: &str) -> String {
    TELLING
        .replace("{head}", integration::subject::HEAD)
        .replace("[supervisord]", &format!("[supervisord]\n{keys}"))
}

/// Who takes on processes whose parent has ended: PID 1, or whoever has put himself in its place.
fn orphanage() -> i32 {
    let mut shell = Command::new("sh");
    shell.args(["-c", "sleep 1000 & echo $!"]).stderr(Stdio::null());
    // The pipe would be held open by the sleeper.
    let mut child = shell.stdout(Stdio::piped()).spawn().unwrap();
    let mut text = String::new();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut reader, &mut text).unwrap();
    child.wait().unwrap();
    let orphan = Pid::from_raw(text.trim().parse().unwrap());
    let parent = Seen::of(orphan).parent();
    kill(orphan, Signal::SIGKILL).unwrap();
    parent
}

fn one_fork_and_a_session_of_its_own(subject: Subject) {
    let daemon = Background::start(Host::new(subject, &with_keys("loglevel=blather")), &[]);
    let (seen, pid) = (daemon.seen(), daemon.pid().as_raw());
    // A second fork would have left the session to its parent.
    assert_eq!((seen.session(), seen.group(), seen.terminal()), (pid, pid, 0));
    assert_ne!(daemon.launcher().as_raw(), pid);
    assert_eq!(seen.parent(), orphanage());
    assert_eq!(daemon.left.code, 0);
    let log = daemon.log();
    let place = |line: &str| log.find(line).unwrap_or_else(|| panic!("no {line} in {log}"));
    place("BLAT supervisord forked; parent exiting\n");
    let daemonizing = place("INFO daemonizing the supervisord process\n");
    assert!(place("running without any HTTP authentication") < daemonizing, "{log}");
    assert!(daemonizing < place("INFO supervisord started with pid PID\n"), "{log}");
    // A restart does none of it again.
    kill(daemon.pid(), Signal::SIGHUP).unwrap();
    wait::until(PATIENCE, "the second start", || {
        let log = daemon.log();
        if log.matches("supervisord started with pid").count() == 2 { Ok(()) } else { Err(log) }
    });
    assert!(!daemon.seen().is_gone());
    assert_eq!(daemon.log().matches("daemonizing").count(), 1);
    assert_eq!(daemon.host().home().read("main.pid"), format!("{}\n", daemon.pid()));
    daemon.end();
    shown(subject, &["DMN-01", "DMN-02", "UP-13", "UP-17"]);
}

fn standard_streams_lead_nowhere_and_others_stay(subject: Subject) {
    let mut host = Host::new(subject, "{head}");
    host.start_with(&["sh", "-c", "exec 4<{dir} 9<{dir} && exec \"$@\"", "-"]);
    let daemon = Background::start(host, &[]);
    daemon.door().call("supervisor.getState", &[]).unwrap();
    let seen = daemon.seen();
    for (number, access) in [(0, 0), (1, 1), (2, 1)] {
        assert_eq!(seen.descriptor(number).as_deref(), Some(Path::new("/dev/null")), "{number}");
        assert_eq!(seen.access(number), access, "descriptor {number}");
    }
    for number in [4, 9] {
        assert_eq!(seen.descriptor(number).as_deref(), Some(daemon.host().home().path()));
    }
    daemon.end();
    shown(subject, &["DMN-06"]);
}

fn the_directory_and_the_umask_are_the_daemons(subject: Subject) {
    let enter = |keys: &str| {
        let mut host = Host::new(subject, &with_keys(keys));
        fs::create_dir(host.home().join("it's here")).unwrap();
        host.start_with(&["sh", "-c", "umask 077; exec \"$@\"", "-"]);
        Background::start(host, &[])
    };
    let daemon = enter("directory={dir}/it's here\numask=0027");
    let home = daemon.host().home();
    let told = wait_text(&home.join("p.log"), "0027\n");
    assert_eq!(told, format!("{}/it's here\n0027\n", home.path().display()), "programs have both");
    assert_eq!(daemon.seen().directory(), home.join("it's here"));
    assert_eq!(daemon.seen().status("Umask"), "0027");
    let log = daemon.log();
    let steps = "INFO daemonizing the supervisord process\n\
                 WHEN INFO set current directory: \"{dir}/it's here\"\n\
                 WHEN INFO supervisord started with pid PID\n";
    assert!(log.contains(steps), "{log}");
    // The log was made before, the pidfile afterwards.
    let mode = |name: &str| fs::metadata(home.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("main.log"), mode("main.pid")), (0o600, 0o640));
    daemon.end();

    let daemon = enter("");
    assert_eq!(daemon.seen().directory(), daemon.host().home().path());
    assert_eq!(daemon.seen().status("Umask"), "0022");
    let steps = "INFO daemonizing the supervisord process\n\
                 WHEN INFO supervisord started with pid PID\n";
    assert!(daemon.log().contains(steps), "{}", daemon.log());
    daemon.end();
    shown(subject, &["DMN-03", "DMN-04", "DMN-05", "DMN-07"]);
}

fn a_directory_that_cannot_be_entered_is_told(subject: Subject) {
    let keys =
        "[supervisord]\nlogfile={dir}/main.log\npidfile={dir}/main.pid\ndirectory={dir}/locked\n";
    let mut host = Host::new(subject, keys);
    fs::create_dir(host.home().join("locked")).unwrap();
    host.as_nobody();
    host.forbid("locked");
    let daemon = Background::start(host, &[]);
    let log = daemon.log();
    let line = "CRIT can't chdir into '{dir}/locked': [Errno 13] Permission denied: '{dir}/locked'\n\
                WHEN INFO supervisord started with pid PID\n";
    assert!(log.contains(line), "{log}");
    assert_eq!(daemon.seen().directory(), daemon.host().home().path());
    daemon.end();
    shown(subject, &["DMN-04"]);
}

fn in_the_foreground_directory_and_umask_do_not_count(subject: Subject) {
    let mut host = Host::new(subject, &with_keys("directory=/\numask=077"));
    host.start_with(&["sh", "-c", "umask 0026; exec \"$@\"", "-"]);
    let daemon = Daemon::start_on(host);
    let told = wait_text(&daemon.path("p.log"), "6\n");
    assert_eq!(told, format!("{}\n0026\n", daemon.home().path().display()));
    let seen = Seen::of(daemon.pid());
    assert_eq!(
        (seen.directory().as_path(), seen.status("Umask")),
        (daemon.home().path(), "0026".to_owned())
    );
    assert!(!daemon.log().contains("set current directory"), "{}", daemon.log());
    shown(subject, &["DMN-07", "DMN-08"]);
}

fn the_user_comes_first_and_the_pidfile_last(subject: Subject) {
    // Whoever is not root can only become himself.
    let user = if are_root() { "nobody".to_owned() } else { nix::unistd::getuid().to_string() };
    let keys =
        format!("[supervisord]\nlogfile={{dir}}/main.log\npidfile={{dir}}/main.pid\nuser={user}\n");
    let mut host = Host::new(subject, &keys);
    let uid = if are_root() {
        host.becoming_nobody();
        NOBODY
    } else {
        nix::unistd::getuid().as_raw()
    };
    let daemon = Background::start(host, &[]);
    daemon.wait_log("supervisord started with pid");
    let log = daemon.host().home().join("main.log");
    assert_eq!(fs::metadata(&log).unwrap().uid(), uid);
    assert_eq!(daemon.seen().uid(), uid);
    // Opened by the launcher, and handed down.
    let open =
        (3..32).filter_map(|number| daemon.seen().descriptor(number)).any(|path| path == log);
    assert!(open, "the log is open");
    let text = daemon.log();
    let place = |line: &str| text.find(line).unwrap_or_else(|| panic!("no {line} in {text}"));
    assert!(place("Set uid to user") < place("daemonizing"), "{text}");
    assert!(place("daemonizing") < place("supervisord started"), "{text}");
    daemon.end();
    shown(subject, &["DMN-09"]);
}

fn the_environment_is_for_programs(subject: Subject) {
    // A restart expands `~` by the daemon's own HOME; programs have the other one.
    let keys =
        with_keys("environment=HOME=\"{dir}/other\"").replace("{dir}/main.log", "~/main.log");
    let keys = keys.replace("pwd && umask", "echo $HOME");
    let mut host = Host::new(subject, &keys);
    for name in ["own", "other"] {
        fs::create_dir(host.home().join(name)).unwrap();
    }
    host.set_environment("HOME", &host.expand("{dir}/own"));
    let mut daemon = Daemon::start_on(host);
    let told = wait_text(&daemon.path("p.log"), "\n");
    assert_eq!(daemon.host().normal(&told), "{dir}/other\n");
    daemon.signal(Signal::SIGHUP);
    wait::until(PATIENCE, "the second start", || {
        let log = daemon.home().read("own/main.log");
        if log.matches("supervisord started with pid").count() == 2 { Ok(()) } else { Err(log) }
    });
    daemon.wait_answering();
    assert!(fs::read_dir(daemon.path("other")).unwrap().next().is_none());
    let own = Seen::of(daemon.pid()).variable("HOME");
    assert_eq!(own, Some(daemon.path("own").display().to_string()));
    shown(subject, &["DMN-10"]);
}

fn stdout_has_the_log_too(subject: Subject) {
    let end = |keys: &str, arguments: &[&str]| {
        let host = Host::new(subject, &with_keys(keys));
        let mut daemon = Daemon::launch_with(host, arguments);
        daemon.wait_answering();
        daemon.wait_state("p", "RUNNING");
        daemon.signal(Signal::SIGTERM);
        assert_eq!(daemon.wait_end(), 0);
        (daemon.home().read("stdout.txt"), daemon.home().read("main.log"))
    };
    for level in ["warn", "info", "debug"] {
        let (stdout, log) = end(&format!("loglevel={level}"), &["-n"]);
        assert_eq!(stdout, log, "{level}");
        assert_eq!(log.contains(" DEBG "), level == "debug", "{log}");
        assert_eq!(log.contains(" INFO "), level != "warn", "{log}");
        assert!(log.contains("WARN received SIGTERM"), "{log}");
    }
    let (stdout, log) = end("", &["-n", "-s"]);
    assert!(stdout.is_empty() && log.contains("INFO supervisord started"), "{stdout}{log}");

    let keys =
        with_keys("").replace("logfile={dir}/main.log", "logfile=/dev/stdout\nlogfile_maxbytes=0");
    let mut daemon = Daemon::start(subject, &keys);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
    let stdout = daemon.home().read("stdout.txt");
    let lines: Vec<&str> = stdout.lines().collect();
    assert!(lines.len() > 4 && lines.chunks(2).all(|pair| pair[0] == pair[1]), "{stdout}");

    // In the background it changes nothing.
    let daemon = Background::start(Host::new(subject, &with_keys("silent=true")), &[]);
    daemon.wait_log("INFO supervisord started");
    assert_eq!((daemon.left.stdout.as_str(), daemon.left.stderr.as_str()), ("", ""));
    daemon.end();
    assert!(daemon.log().contains("WARN received SIGTERM"), "{}", daemon.log());
    shown(subject, &["DMN-11", "DMN-12"]);
}

fn in_the_foreground_session_and_group_stay(subject: Subject) {
    let daemon = Daemon::start(subject, TELLING);
    let program = Seen::of(daemon.wait_state("p", "RUNNING").pid);
    let (seen, own) = (Seen::of(daemon.pid()), Seen::of(Pid::this()));
    assert_eq!((seen.session(), seen.group()), (own.session(), own.group()));
    assert_eq!(seen.terminal(), own.terminal());
    assert_eq!(seen.parent(), Pid::this().as_raw());
    // What a terminal sends to the daemon's group does not reach programs.
    assert_ne!(program.group(), seen.group());
    assert_eq!(program.session(), seen.session());
    shown(subject, &["DMN-13"]);
}
