//! Ends of children: expected or not, asked for or not, and what is left of them.

use integration::facts::shown;
use integration::native;
use integration::subject::{Daemon, Host, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::{Signal, kill};

use super::{Differences, HEARS, Info, ask, count, lines, moves, wait_lines, wait_way};

for_each_subject![
    ends_are_told_in_words_and_numbers,
    many_ends_at_once_are_all_told,
    strangers_are_reaped,
    a_wait_that_fails_is_told,
];

/// How a running child ends by itself: its name and keys, its words behind `until:{dir}/go`, what the
/// log says, and exit status and error as they are told afterwards.
type EndRow = (&'static str, &'static str, &'static str, i64, &'static str);

const ENDS: &[EndRow] = &[
    ("ok", "exit:0", "INFO exited: ok (exit status 0; expected)", 0, ""),
    ("three", "exit:3", "WARN exited: three (exit status 3; not expected)", 3, "Bad exit code 3"),
    (
        "top",
        "exit:255",
        "WARN exited: top (exit status 255; not expected)",
        255,
        "Bad exit code 255",
    ),
    ("listed", "exit:3\nexitcodes=2,3", "INFO exited: listed (exit status 3; expected)", 3, ""),
    (
        "unlisted",
        "exit:0\nexitcodes=2,3",
        "WARN exited: unlisted (exit status 0; not expected)",
        0,
        "Bad exit code 0",
    ),
    (
        "killed",
        "die:KILL",
        "WARN exited: killed (terminated by SIGKILL; not expected)",
        -1,
        "Bad exit code -1",
    ),
    (
        "fpe",
        "die:FPE",
        "WARN exited: fpe (terminated by SIGFPE; not expected)",
        -1,
        "Bad exit code -1",
    ),
];

/// Signals by number and their names.
const SIGNALS: &[(i32, &str)] = &[
    (6, "SIGABRT"),
    (16, "SIGSTKFLT"),
    (29, "SIGPOLL"),
    (30, "SIGPWR"),
    (32, "signal 32"),
    (33, "signal 33"),
    (34, "SIGRTMIN"),
    (35, "signal 35"),
    (63, "signal 63"),
    (64, "SIGRTMAX"),
];

/// How a child ends that is stopped: name, words and keys, what the log says, exit status.
const STOPS: &[(&str, &str, &str, i64)] = &[
    ("termed", "print:up forever", "WARN stopped: termed (terminated by SIGTERM)", -1),
    ("polite", "catch:TERM=0 print:up forever", "INFO stopped: polite (exit status 0)", 0),
    ("rude", "catch:TERM=3 print:up forever", "WARN stopped: rude (exit status 3)", 3),
    (
        "agreed",
        "catch:TERM=3 print:up forever\nexitcodes=3",
        "INFO stopped: agreed (exit status 3)",
        3,
    ),
];

fn configuration() -> String {
    let mut sections = vec!["{head}\n[supervisord]\nloglevel=debug\n".to_owned(), HEARS.to_owned()];
    let mut program = |name: &str, lines: &str| {
        sections.push(format!(
            "[program:{name}]\ncommand={lines}\nstartsecs=0\nautorestart=false\n\
             stdout_logfile={{dir}}/{name}.log\n"
        ));
    };
    for (name, words, ..) in ENDS {
        program(name, &format!("{{child}} until:{{dir}}/go {words}"));
    }
    let dies = native::compiled("dies.c", &["-O1"]).display().to_string();
    for (number, _) in SIGNALS {
        program(&format!("sig{number}"), &format!("{dies} {number} {{dir}}/go"));
    }
    for (name, words, ..) in STOPS {
        program(name, &format!("{{child}} {words}"));
    }
    let late = "(trap \"\" PIPE; until test -e {dir}/go-late; do sleep 0.05; done; \
                echo late; echo $? > {dir}/late) & echo early";
    program("leaves", &format!("/bin/sh -c '{late}'"));
    sections.concat()
        + "[program:quick]\ncommand={child} exit:0\nstartsecs=9\nstartretries=9\n\
            [program:instant]\ncommand={child} exit:0\nstartsecs=0\nautorestart=false\n\
            [program:core]\n\
            command=/bin/sh -c 'ulimit -c unlimited; exec {child} until:{dir}/go die:ABRT'\n\
            startsecs=0\nautorestart=false\n"
}

fn ends_are_told_in_words_and_numbers(subject: Subject) {
    let mut host = Host::new(subject, &configuration());
    host.start_with(&["sh", "-c", "ulimit -S -c 0; exec \"$@\"", "sh"]);
    let daemon = Daemon::start_on(host);
    ended_by_itself(&daemon);
    quick_and_stopped(&daemon);
    after_the_end(&daemon);
}

fn ended_by_itself(daemon: &Daemon) {
    let subject = daemon.host().subject();
    let signals = SIGNALS.iter().map(|(number, _)| format!("sig{number}"));
    let names: Vec<_> = ENDS.iter().map(|(name, ..)| (*name).to_owned()).chain(signals).collect();
    for name in &names {
        daemon.wait_state(name, "RUNNING");
    }
    daemon.wait_state("core", "RUNNING");
    // A name for what no child dies of.
    daemon.door().call("supervisor.signalProcess", &["termed", "17"]).unwrap();
    daemon.wait_log("DEBG sending termed (pid ");
    daemon.wait_log(") sig SIGCHLD");
    daemon.home().write("go", "");
    let mut differences = Differences::default();
    for (name, _, line, status, error) in ENDS {
        daemon.wait_state(name, "EXITED");
        differences.look(
            name,
            wait_lines(daemon, name, "exited: ", 1).pop(),
            Some((*line).to_owned()),
        );
        let info = Info::of(daemon, name);
        let found = (info.number("exitstatus"), info.text("spawnerr"), info.number("pid"));
        differences.look(name, found, (*status, (*error).to_owned(), 0));
    }
    for (number, cause) in SIGNALS {
        let name = format!("sig{number}");
        let line = format!("WARN exited: {name} (terminated by {cause}; not expected)");
        differences.look(&name, wait_lines(daemon, &name, "exited: ", 1).pop(), Some(line));
    }
    differences.none(daemon);
    shown(subject, &["SM-16", "SM-51", "SM-52", "SM-55"]);
    let dumped = if cores_are_dumped(daemon) { " (core dumped)" } else { "" };
    let line = format!("WARN exited: core (terminated by SIGABRT{dumped}; not expected)");
    assert_eq!(wait_lines(daemon, "core", "exited: ", 1).pop(), Some(line));
    shown(subject, &["SM-54"]);
}

/// Whether this kernel dumps cores at all, as a child of ours tells.
fn cores_are_dumped(daemon: &Daemon) -> bool {
    use std::os::unix::process::ExitStatusExt;
    let child = integration::places::binary("child").display().to_string();
    let status = std::process::Command::new("sh")
        .args(["-c", "ulimit -c unlimited; exec \"$0\" die:ABRT", &child])
        .current_dir(daemon.home().path())
        .status();
    status.unwrap().core_dumped()
}

fn quick_and_stopped(daemon: &Daemon) {
    let subject = daemon.host().subject();
    let quick = "WARN exited: quick (exit status 0; not expected)";
    wait_lines(daemon, "quick", quick, 1);
    daemon.wait_state("quick", "BACKOFF");
    let info = Info::of(daemon, "quick");
    assert_eq!(info.text("spawnerr"), "Exited too quickly (process log may have details)");
    assert_eq!(info.number("exitstatus"), 0);
    let retried =
        [["STOPPED", "STARTING"], ["STARTING", "BACKOFF"]].map(|[a, b]| (a.into(), b.into()));
    assert!(moves(daemon, "quick").starts_with(&retried));
    shown(subject, &["SM-50"]);
    // It may have been gone before anybody looked; it is told to have been up all the same.
    wait_way(daemon, "instant", &["STOPPED", "STARTING", "RUNNING", "EXITED"]);
    let last = lines(daemon, "instant").pop();
    assert_eq!(last.as_deref(), Some("INFO exited: instant (exit status 0; expected)"));
    shown(subject, &["SM-23"]);
    let mut differences = Differences::default();
    for (name, _, line, status) in STOPS {
        wait_text(&daemon.path(&format!("{name}.log")), "up");
        differences.look(name, ask(daemon, "stopProcess", name), 0);
        daemon.wait_state(name, "STOPPED");
        let last = wait_lines(daemon, name, "stopped: ", 1).pop();
        differences.look(name, last, Some((*line).to_owned()));
        let info = Info::of(daemon, name);
        let found = (info.number("exitstatus"), info.text("spawnerr"));
        differences.look(name, found, (*status, String::new()));
    }
    differences.none(daemon);
    shown(subject, &["SM-53"]);
}

/// Whoever inherited the pipe finds nobody at its other end.
fn after_the_end(daemon: &Daemon) {
    let subject = daemon.host().subject();
    let left = daemon.wait_state("leaves", "EXITED");
    assert_eq!(left.pid.as_raw(), 0);
    daemon.home().write("go-late", "");
    assert_ne!(wait_text(&daemon.path("late"), "\n"), "0\n", "the grandchild's output was taken");
    assert_eq!(daemon.home().read("leaves.log"), "early\n");
    shown(subject, &["SM-60"]);
}

/// More than one look takes, on either subject.
fn many_ends_at_once_are_all_told(subject: Subject) {
    const MANY: usize = 130;
    let daemon = Daemon::start(
        subject,
        "{head}
[program:many]
command={sleeper}
process_name=%(program_name)s-%(process_num)03d
numprocs=130
startsecs=0
autorestart=false
stdout_logfile=NONE
stderr_logfile=NONE
",
    );
    let told = |phrase: &str| daemon.log().matches(phrase).count();
    wait::until(PATIENCE, "all to run", || match told("entered RUNNING state") {
        MANY => Ok(()),
        found => Err(found),
    });
    // A child of the original that is not its program yet does not hear every signal, but this one.
    let children = daemon.home().processes();
    for pid in children.into_iter().filter(|pid| *pid != daemon.pid()) {
        kill(pid, Signal::SIGKILL).unwrap();
    }
    wait::until(PATIENCE, "all ends to be told", || {
        match told("(terminated by SIGKILL; not expected)") {
            MANY => Ok(()),
            found => Err(found),
        }
    });
    shown(subject, &["SM-59"]);
}

/// A child that the daemon has from whoever was in its process before.
fn strangers_are_reaped(subject: Subject) {
    let mut host = Host::new(subject, "{head}");
    let leave = "{child} until:{dir}/go exit:3 & echo $! > {dir}/stranger; exec \"$@\"";
    let leave = host.expand(leave);
    host.start_with(&["sh", "-c", &leave, "sh"]);
    let daemon = Daemon::start_on(host);
    let pid = wait_text(&daemon.path("stranger"), "\n");
    daemon.home().write("go", "");
    wait_text(
        &daemon.path("main.log"),
        &format!("INFO reaped unknown pid {} (exit status 3)\n", pid.trim()),
    );
    shown(subject, &["SM-57"]);
}

/// The kernel refuses to tell of any end.
fn a_wait_that_fails_is_told(subject: Subject) {
    let configuration = "{head}
[program:ends]
command={child} exit:0
startsecs=0
autorestart=false
";
    let mut host = Host::new(subject, configuration);
    host.confine(&[&format!("wait={}", libc::EPERM)]);
    let daemon = Daemon::start_on(host);
    daemon.wait_log("CRIT waitpid error 1; a process may not be cleaned up properly\n");
    // Without any child the original's wait ends in ECHILD again and again, and says nothing of it.
    let quiet = Daemon::start(subject, "{head}");
    let log = quiet.log();
    assert!(!log.contains("waitpid"), "{log}");
    assert_eq!(count(&lines(&daemon, "waitpid"), "waitpid error 10"), 0);
    shown(subject, &["SM-58"]);
}
