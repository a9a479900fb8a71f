//! The user, and how many descriptors and processes there may be.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use integration::facts::shown;
use integration::nobody::{NOBODY, are_root};
use integration::processes::Seen;
use integration::subject::{Daemon, Host, Subject};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, Uid};

use super::{BARE, as_root, assert_refused};

for_each_subject![
    root_is_told_that_it_is,
    a_user_is_told_by_number,
    a_user_that_cannot_be_had_is_an_error,
    limits_are_raised_once,
    limits_that_cannot_be_raised_are_an_error,
    privileges_go_before_limits_and_logs,
];

fn root_is_told_that_it_is(subject: Subject) {
    let mut daemon = Daemon::launch(as_root(subject, BARE));
    daemon.wait_log("supervisord started");
    let log = daemon.log();
    let told = "CRIT Supervisor is running as root.  Privileges were not dropped because no user is \
                specified in the config file.  If you intend to run as root, you can set user=root \
                in the config file to avoid this message.\n";
    assert!(log.starts_with(&format!("WHEN {told}")), "{log}");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
    shown(subject, &["ST-01"]);
}

fn a_user_is_told_by_number(subject: Subject) {
    let own = Uid::current().as_raw();
    let daemon = Daemon::launch(as_root(subject, &format!("{BARE}user=root\n")));
    daemon.wait_log("INFO Set uid to user 0 succeeded\n");
    assert!(!daemon.log().contains("running as root"));

    // Whoever it is already.
    let mut host = Host::new(subject, BARE);
    let uid = host.as_nobody();
    host.home().write("user.conf", &host.expand(&format!("{BARE}user={uid}\n")));
    host.type_configuration("user.conf");
    let daemon = Daemon::launch(host);
    daemon.wait_log(&format!("INFO Set uid to user {uid} succeeded\n"));
    assert_eq!(Seen::of(daemon.pid()).uid(), uid);

    if own == 0 {
        let mut host = Host::new(subject, &format!("{BARE}user=nobody\n"));
        host.becoming_nobody();
        let daemon = Daemon::launch(host);
        daemon.wait_log(&format!("INFO Set uid to user {NOBODY} succeeded\n"));
        let seen = Seen::of(daemon.pid());
        assert_eq!(seen.uid(), NOBODY);
        assert_eq!(seen.status("Gid"), "65534\t65534\t65534\t65534", "the primary group");
    }
    shown(subject, &["ST-02", "UP-02"]);
}

fn a_user_that_cannot_be_had_is_an_error(subject: Subject) {
    let mut host = Host::new(subject, &format!("{BARE}user=root\n"));
    host.as_nobody();
    assert_refused(&host, &host.run_daemon(&[]), "Can't drop privilege as nonroot user");
    shown(subject, &["ST-03"]);

    let refused = ["inject=setgroups:error=EPERM", "inject=setgid:error=EPERM"];
    // In a name space of its own even root may not set groups: there it is as if it had.
    let set = ["inject=setgroups:retval=0", refused[1]];
    for (calls, message) in [
        (refused, "Could not set groups of effective user"),
        (set, "Could not set group id of effective user"),
    ] {
        let mut host = as_root(subject, &format!("{BARE}user=nobody\n"));
        let [first, second] = calls;
        host.start_with(&["strace", "-f", "-o", "/dev/null", "-e", first, "-e", second, "--"]);
        assert_refused(&host, &host.run_daemon(&[]), message);
    }
    shown(subject, &["ST-04"]);
}

/// What too few descriptors are told as; W and N stand for the numbers.
const TOO_FEW_FILES: &str = "The minimum number of file descriptors required to run this process is \
     W as per the \"minfds\" command-line argument or config file setting. The current environment \
     will only allow you to open N file descriptors.  Either raise the number of usable file \
     descriptors in your environment (see README.rst) or lower the minfds setting in the config \
     file to allow the process to start.";

/// And too few processes.
const TOO_FEW_PROCESSES: &str = "The minimum number of available processes required to run this \
     program is W as per the \"minprocs\" command-line argument or config file setting. The \
     current environment will only allow you to open N processes.  Either raise the number of \
     usable processes in your environment (see README.rst) or lower the minprocs setting in the \
     config file to allow the program to start.";

/// Whether a start by these tests may raise hard limits; root in a container often may not.
fn may_raise_hard_limits() -> bool {
    const SYS_RESOURCE: u32 = 24;
    let capabilities = Seen::of(Pid::this()).status("CapEff");
    let capabilities = u64::from_str_radix(&capabilities, 16).expect("a number of base 16");
    capabilities >> SYS_RESOURCE & 1 == 1
}

fn limits_are_raised_once(subject: Subject) {
    const KEYS: &str = "minfds=1024\nminprocs=6000\n";
    // What is there, soft and hard, and what is there afterwards.
    let table = [
        (["--nofile=2000:5000", "--nproc=5000:9000"], ["2000", "5000", "6000", "9000"]),
        (["--nofile=500:5000", "--nproc=7000:9000"], ["1024", "5000", "7000", "9000"]),
        (["--nofile=500:600", "--nproc=5000:9000"], ["1024", "1024", "6000", "9000"]),
        (["--nofile=2000:5000", "--nproc=5000:5500"], ["2000", "5000", "6000", "6000"]),
    ];
    for (given, [soft_files, hard_files, soft_processes, hard_processes]) in table {
        let mut host = Host::new(subject, &format!("{BARE}{KEYS}"));
        host.start_with(&[&["prlimit"], &given[..]].concat());
        let raised = hard_files == "1024" || hard_processes == "6000";
        if raised && !may_raise_hard_limits() {
            tries_in_vain(host, if hard_files == "1024" { "1024" } else { "6000" });
            continue;
        }
        let daemon = Daemon::launch(host);
        daemon.wait_log("supervisord started");
        let (seen, log) = (Seen::of(daemon.pid()), daemon.log());
        let limit = |soft: &str, hard: &str| (soft.to_owned(), hard.to_owned());
        assert_eq!(seen.limits("Max open files"), limit(soft_files, hard_files), "{given:?}");
        assert_eq!(seen.limits("Max processes"), limit(soft_processes, hard_processes));
        let told = log.contains("INFO Increased RLIMIT_NOFILE limit to 1024\n");
        assert_eq!(told, soft_files == "1024", "{given:?}: {log}");
        let told = log.contains("INFO Increased RLIMIT_NPROC limit to 6000\n");
        assert_eq!(told, soft_processes == "6000", "{given:?}: {log}");
        only_in_the_first_life(&daemon);
    }
    shown(subject, &["ST-05", "ST-06", "UP-07"]);
}

/// It asks for the hard limit to be raised along with the soft one, and is refused.
fn tries_in_vain(mut host: Host, limit: &str) {
    host.start_with(&["strace", "-f", "-o", "{dir}/calls.txt", "-e", "trace=prlimit64", "--"]);
    let ran = host.run_daemon(&[]);
    assert!(ran.stderr.contains("Error: The minimum number of "), "{ran}");
    let calls = host.home().read("calls.txt");
    let asked = format!("{{rlim_cur={limit}, rlim_max={limit}}}, NULL) = -1 EPERM");
    assert!(calls.contains(&asked), "no {asked} in {calls}");
}

/// A restart wants more, and gets no more.
fn only_in_the_first_life(daemon: &Daemon) {
    let seen = Seen::of(daemon.pid());
    let before = [seen.limits("Max open files"), seen.limits("Max processes")];
    let told = daemon.log().matches("INFO Increased RLIMIT_").count();
    daemon.host().configure(&format!("{BARE}minfds=4000\nminprocs=8000\n"));
    daemon.signal(Signal::SIGHUP);
    wait::until(PATIENCE, "the second start", || {
        let log = daemon.log();
        if log.matches("supervisord started with pid").count() == 2 { Ok(()) } else { Err(log) }
    });
    assert_eq!([seen.limits("Max open files"), seen.limits("Max processes")], before);
    assert_eq!(daemon.log().matches("INFO Increased RLIMIT_").count(), told);
}

fn limits_that_cannot_be_raised_are_an_error(subject: Subject) {
    let table = [
        (TOO_FEW_FILES, "minfds=1024", "--nofile=500:600", "1024", "600"),
        (TOO_FEW_PROCESSES, "minfds=9\nminprocs=6000", "--nproc=5000:5500", "6000", "5500"),
    ];
    for (message, keys, given, wanted, there) in table {
        let mut host = Host::new(subject, &format!("{BARE}{keys}\n"));
        host.as_nobody();
        host.start_with(&["prlimit", given]);
        // The original names the wanted number for the one that there is (COMPAT-35).
        let there = if subject == Subject::Original { wanted } else { there };
        let message = message.replace('W', wanted).replace("N ", &format!("{there} "));
        assert_refused(&host, &host.run_daemon(&[]), &message);
    }
    shown(subject, &["ST-07", "ST-08"]);
}

fn privileges_go_before_limits_and_logs(subject: Subject) {
    let mut host = Host::new(subject, &format!("{BARE}user=root\nminfds=1024\n"));
    host.as_nobody();
    host.start_with(&["prlimit", "--nofile=500:600"]);
    assert_refused(&host, &host.run_daemon(&[]), "Can't drop privilege as nonroot user");
    assert!(!host.home().join("main.log").exists());

    if are_root() {
        // Whatever root could raise, the user that it becomes cannot.
        let text = format!("{BARE}user=nobody\nminfds=1024\n");
        let mut host = Host::new(subject, &text);
        host.becoming_nobody();
        host.start_with(&["prlimit", "--nofile=500:600"]);
        let ran = host.run_daemon(&[]);
        assert!(ran.stderr.starts_with("Error: The minimum number of file descriptors"), "{ran}");
        assert!(!host.home().join("main.log").exists());

        let mut host = Host::new(subject, &text);
        host.becoming_nobody();
        let daemon = Daemon::launch(host);
        daemon.wait_log("supervisord started");
        for name in ["main.log", "main.pid"] {
            assert_eq!(fs::metadata(daemon.path(name)).unwrap().uid(), NOBODY, "{name}");
        }
    }
    shown(subject, &["UP-06"]);
}
