//! What of sections and keys only shows on a running daemon.

use std::fmt::Write as _;
use std::fs;

use integration::facts::shown;
use integration::rpc::{CallError, member};
use integration::subject::{Daemon, Host, Subject, wait_text};

for_each_subject![groups_at_work, names_that_stand_twice, programs_at_work, the_daemons_own_keys];

/// The names behind a phrase, in the order of the log's lines: `spawned: 'x' with pid 1`.
fn named(log: &str, phrase: &str) -> Vec<String> {
    let lines = log.lines().filter_map(|line| line.split_once(phrase)?.1.split_whitespace().next());
    lines.map(|name| name.trim_matches('\'').to_owned()).collect()
}

fn ctl(daemon: &Daemon, words: &str) -> String {
    let words: Vec<_> = words.split(' ').collect();
    let ran = daemon.ctl(&words);
    format!("{}{}", ran.stdout, ran.stderr)
}

const GROUPS: &str = "{head}
[supervisord]
loglevel=debug
[group:g]
programs=x,y,n,z
[program:x]
command={sleeper}
startsecs=0
priority=3
[program:y]
command={sleeper}
startsecs=0
priority=1
[program:z]
command={sleeper}
startsecs=0
priority=2
[program:n]
command={sleeper}
startsecs=0
priority=2
numprocs=3
process_name=%(program_name)s%(process_num)d
[program:alone]
command={sleeper}
startsecs=0
[group:h]
programs=y
priority=9999
[group:i]
programs=f
priority=10000
[fcgi-program:f]
command={sleeper}
socket=nonsense
startsecs=0
";

fn groups_at_work(subject: Subject) {
    let mut daemon = Daemon::start(subject, GROUPS);
    for name in ["g:x", "g:y", "g:n0", "g:n1", "g:n2", "g:z", "alone", "h:y", "i:f"] {
        daemon.wait_state(name, "RUNNING");
    }
    let log = daemon.log();
    let wanted = ["alone", "x", "y", "n0", "n1", "n2", "z", "y", "f"];
    assert_eq!(named(&log, "spawned: "), wanted, "{log}");
    // GRP-07: a process is called by its own name when its group has no other.
    let status = ctl(&daemon, "status");
    let shown_names: Vec<_> =
        status.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(shown_names, ["alone", "g:n0", "g:n1", "g:n2", "g:x", "g:y", "g:z", "h:y", "i:f"]);
    assert!(ctl(&daemon, "status alone:alone").starts_with("alone  "));
    // KGR-05: each group has a copy of its own.
    let pid = |name: &str| daemon.wait_state(name, "RUNNING").pid;
    assert_ne!(pid("g:y"), pid("h:y"));
    // KGR-06: what is no FastCGI program any more has a pipe, like any other.
    let input = fs::read_link(format!("/proc/{}/fd/0", pid("i:f"))).unwrap();
    assert!(input.display().to_string().starts_with("pipe:"), "{}", input.display());
    assert_eq!(ctl(&daemon, "stop h:y"), "h:y: stopped\n");
    assert_eq!(daemon.process("g:y").unwrap().state, "RUNNING");
    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
    let log = daemon.log();
    let killed = named(&log, "killing ");
    let of_group: Vec<_> =
        killed.iter().filter(|name| !["alone", "f"].contains(&name.as_str())).collect();
    // KGR-08, after the one that was stopped by hand.
    assert_eq!(of_group, ["y", "x", "z", "n2", "n1", "n0", "y"], "{log}");
    shown(subject, &["GRP-07", "KGR-05", "KGR-06", "KGR-07", "KGR-08"]);
}

const TWICE: &str = "{head}
[group:a]
programs=b,b
[program:b]
command={sleeper} b
startsecs=0
[program:a]
command={sleeper} a
[eventlistener:a]
command={sleeper} l
events=TICK_3600
priority=999
[program:same]
command={sleeper} %(process_num)d
startsecs=0
numprocs=3
process_name=same%(process_num).0s
";

fn names_that_stand_twice(subject: Subject) {
    let daemon = Daemon::start(subject, TWICE);
    daemon.wait_state("a:b", "RUNNING");
    let same = daemon.wait_state("same", "RUNNING");
    // GRP-03: the first after sorting is the [group:].
    let unknown = daemon.process("a:a").unwrap_err();
    assert!(matches!(&unknown, CallError::Fault(fault) if fault.code == 10), "{unknown}");
    let avail = ctl(&daemon, "avail");
    assert_eq!(avail.matches("in use").count(), 7, "{avail}");
    assert_eq!(named(&daemon.log(), "spawned: "), ["b", "same"]);
    // GRP-04: whatever is active, the others of its name differ from it.
    for _ in 0..2 {
        assert_eq!(ctl(&daemon, "reread"), "a: changed\n");
    }
    assert_eq!(ctl(&daemon, "update same"), "");
    assert_eq!(ctl(&daemon, "reread"), "a: changed\n");
    // GRP-05: the last survives, and all have their logs.
    let cmdline = fs::read(format!("/proc/{}/cmdline", same.pid)).unwrap();
    assert!(cmdline.ends_with(b"\x002\0"), "{cmdline:?}");
    let entries = fs::read_dir(daemon.home().path()).unwrap().flatten();
    let logs = entries.filter(|entry| {
        let name = entry.file_name().into_string().unwrap();
        name.starts_with("same-stdout---supervisor-")
    });
    assert_eq!(logs.count(), 3);
    shown(subject, &["GRP-03", "GRP-04", "GRP-05"]);
}

/// Programs that print one thing and stay, and what is printed.
const PROGRAMS: &[(&[&str], &str, &str)] = &[
    (
        &["KPR-28"],
        "command={child} env:SUPERVISOR_SERVER_URL forever",
        "SUPERVISOR_SERVER_URL=unix://{dir}/s.sock",
    ),
    (
        &["KPR-28"],
        "serverurl=AUTO\ncommand={child} env:SUPERVISOR_SERVER_URL forever",
        "SUPERVISOR_SERVER_URL=unix://{dir}/s.sock",
    ),
    (
        &["KPR-28"],
        "serverurl=http://x:1\ncommand={child} env:SUPERVISOR_SERVER_URL forever",
        "SUPERVISOR_SERVER_URL=http://x:1",
    ),
    (&["KPR-25", "ENV-16"], "environment=A=\"own\"\ncommand={child} env:A forever", "A=own"),
    (&["ENV-16"], "command={child} env:A forever", "A=daemon"),
    (&["KPR-26"], "directory=/usr\ncommand={child} cwd forever", "/usr"),
    (&["KPR-27"], "umask=027\ncommand=sh -c 'umask; exec {sleeper}'", "0027"),
    (&["KPR-16"], "redirect_stderr=true\ncommand={child} complain:heard forever", "heard"),
    (&["KSD-12"], "command={child} cwd forever", "{dir}"),
    (&["KSD-17"], "command={child} env:B forever", "B=b c"),
    (&["KSD-10"], "command=sh -c 'umask; exec {sleeper}'", "{umask}"),
];

fn programs_at_work(subject: Subject) {
    let mut text = "{head}\n[supervisord]\nloglevel=debug\nenvironment=A=\"daemon\",B=\"b c\"\n\
                    umask=077\ndirectory=/usr\n"
        .to_owned();
    for (number, (_, lines, _)) in PROGRAMS.iter().enumerate() {
        let _ = write!(
            text,
            "[program:p{number}]\nstartsecs=0\nstdout_logfile=p{number}.log\n{lines}\n"
        );
    }
    // KPR-26, TYP-18: a directory is what it is, also `~` and nothing.
    for (name, directory) in [("home", "~"), ("none", "")] {
        let _ = write!(
            text,
            "[program:{name}]\ncommand={{child}} cwd\ndirectory={directory}\nautorestart=false\n\
             startsecs=0\nstderr_logfile={{dir}}/{name}.err\n"
        );
    }
    text += "[program:zero]\ncommand={sleeper}\nstartsecs=0\nstopsignal=0\nstopwaitsecs=1\n\
             [program:off]\ncommand={sleeper}\nautostart=false\n\
             [program:silent]\ncommand={child} print:x forever\nstartsecs=0\nstdout_logfile=\nstderr_logfile=NONE\n";
    let daemon = Daemon::start(subject, &text);
    let umask = nix::sys::stat::umask(nix::sys::stat::Mode::empty());
    nix::sys::stat::umask(umask);
    for (number, (ids, lines, said)) in PROGRAMS.iter().enumerate() {
        // KPR-17: a relative path is seen from the daemon's own directory, not the program's.
        let found = wait_text(&daemon.path(&format!("p{number}.log")), "\n");
        let said = daemon.host().expand(said).replace("{umask}", &format!("{:04o}", umask.bits()));
        assert_eq!(found, format!("{said}\n"), "{lines}");
        shown(subject, ids);
    }
    for (name, directory) in [("home", "~"), ("none", "")] {
        let said = wait_text(&daemon.path(&format!("{name}.err")), "was not spawned\n");
        let wanted = format!("supervisor: couldn't chdir to {directory}: ENOENT\n");
        assert_eq!(said, format!("{wanted}supervisor: child process was not spawned\n"));
    }
    // KPR-06, and TYP-09: an empty path is no log.
    assert_eq!(daemon.process("off").unwrap().state, "STOPPED");
    daemon.wait_state("silent", "RUNNING");
    let info = daemon.door().call("supervisor.getProcessInfo", &["silent"]).unwrap();
    assert_eq!(member(&info, "stdout_logfile").as_deref(), Some(""));
    let tail = daemon.door().call("supervisor.readProcessStdoutLog", &["silent"]);
    assert!(tail.is_err(), "{tail:?}");
    // TYP-06: signal 0 is none, so that only SIGKILL ends it.
    daemon.wait_state("zero", "RUNNING");
    assert_eq!(ctl(&daemon, "stop zero"), "zero: stopped\n");
    let log = daemon.log();
    assert!(log.contains("WARN killing 'zero' (PID) with SIGKILL\n"), "{log}");
    assert!(log.contains("WARN stopped: zero (terminated by SIGKILL)\n"), "{log}");
    shown(subject, &["KPR-06", "KPR-17", "KPR-26", "TYP-06", "TYP-09", "TYP-18"]);
}

fn the_daemons_own_keys(subject: Subject) {
    let text = "{head}\n[supervisord]\nidentifier=a+b\nlogfile_maxbytes=300\nlogfile_backups=0\n\
                loglevel=trace\nprofile_options=calls\nchildlogdir={dir}/logs\n\
                [program:x]\ncommand={sleeper}\nstartsecs=0\n";
    let host = Host::new(subject, "");
    fs::create_dir(host.home().join("logs")).unwrap();
    host.configure(text);
    let mut daemon = Daemon::start_on(host);
    daemon.wait_state("x", "RUNNING");
    // KSD-13, KSD-14.
    let answer = daemon.door().call("supervisor.getIdentification", &[]).unwrap();
    assert!(answer.contains("a+b"), "{answer}");
    let names = fs::read_dir(daemon.path("logs")).unwrap().flatten();
    let mut names: Vec<_> = names.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[0].starts_with("x-stderr---a+b-") && names[1].starts_with("x-stdout---a+b-"));
    // KSD-03: without backups the file is emptied instead of renamed.
    for _ in 0..10 {
        for method in ["supervisor.stopProcess", "supervisor.startProcess"] {
            daemon.door().call(method, &["x"]).unwrap();
        }
    }
    let length = fs::metadata(daemon.path("main.log")).unwrap().len();
    assert!(length < 1000 && !daemon.path("main.log.1").exists(), "{length}");
    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    // KSD-18: nothing is profiled.
    assert_eq!(daemon.wait_end(), 0);
    assert!(!daemon.home().read("stdout.txt").contains("function calls"));
    // KSD-02: with 0 it is never rotated.
    let endless = text.replace("maxbytes=300", "maxbytes=0").replace("backups=0", "backups=1");
    daemon.host().configure(&endless);
    daemon.start_again();
    daemon.wait_state("x", "RUNNING");
    let before = daemon.home().read("main.log");
    for method in ["supervisor.stopProcess", "supervisor.startProcess"].repeat(5) {
        daemon.door().call(method, &["x"]).unwrap();
    }
    let after = daemon.home().read("main.log");
    assert!(after.starts_with(&before) && after.len() > 1000, "{after}");
    assert!(!daemon.path("main.log.1").exists());
    shown(subject, &["KSD-02", "KSD-03", "KSD-13", "KSD-14", "KSD-18"]);
}
