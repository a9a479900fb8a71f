//! A restart of ours never leaves a host stopped: what is wrong is found before anything is, and
//! what goes wrong afterwards is said and got over.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use integration::owned::Owned;
use integration::rpc::{CallError, Door};
use integration::subject::{Daemon, Host, Subject, free_port, wait_text};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};

const HOST: &str = "{head}
[program:deaf]
command={child} ignore:TERM stamp:{dir}/deaf until:{dir}/go
startsecs=0
stopwaitsecs=600
";

/// HUP, and how often the log has to contain `phrase` then.
fn hup(daemon: &Daemon, phrase: &str, times: usize) {
    daemon.signal(Signal::SIGHUP);
    said(daemon, phrase, times);
}

fn said(daemon: &Daemon, phrase: &str, times: usize) {
    wait::until(PATIENCE, &format!("{phrase:?} {times} times"), || {
        let log = daemon.log();
        if log.matches(phrase).count() == times { Ok(()) } else { Err(log) }
    });
}

#[test]
fn a_restart_that_cannot_work_is_refused_and_everything_goes_on() {
    let daemon = Daemon::start(Subject::Ours, HOST);
    let running = daemon.wait_state("deaf", "RUNNING");
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let with_port = format!("{HOST}[inet_http_server]\nport=127.0.0.1:{port}\n");
    let cases = [
        ("[inet_http_server]: Another program is already listening", with_port.clone()),
        ("errno.ENOENT", HOST.replace("{head}", "{head}[unix_http_server]\nfile=/nowhere/x\n")),
        ("[program:deaf] startsecs", HOST.replace("startsecs=0", "startsecs=soon")),
        (
            "Invalid user name nobody-at-all",
            HOST.replace("{head}", "{head}[supervisord]\nuser=nobody-at-all\n"),
        ),
    ];
    for (why, configuration) in cases {
        daemon.host().configure(&configuration);
        let times = daemon.log().matches("not restarted, everything goes on: ").count();
        hup(&daemon, "not restarted, everything goes on: ", times + 1);
        let log = daemon.log();
        assert!(log.lines().last().unwrap().contains(why), "{why}: {log}");
        match daemon.door().call("supervisor.restart", &[]) {
            Err(CallError::Fault(fault)) => assert_eq!(fault.code, 92, "{fault}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(daemon.process("deaf").unwrap(), running, "{why}");
    }
    // The same file is good when the address is free.
    drop(taken);
    daemon.host().configure(&with_port);
    daemon.home().write("go", "");
    hup(&daemon, "supervisord started with pid", 2);
    Door::Tcp(([127, 0, 0, 1], port).into()).call("supervisor.getState", &[]).unwrap();
}

#[test]
fn what_goes_wrong_while_everything_stops_does_not_keep_it_stopped() {
    let mut daemon = Daemon::start(Subject::Ours, HOST);
    daemon.wait_state("deaf", "RUNNING");
    let port = free_port();
    let next = HOST
        .replace("{head}", &format!("{{head}}[inet_http_server]\nport=127.0.0.1:{port}\n"))
        + "[program:fresh]\ncommand={child} forever\nstartsecs=0\n";
    daemon.host().configure(&next);
    hup(&daemon, "INFO waiting for deaf to die", 1);
    // Looked at and found good; and now the address goes, and the file.
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    daemon.host().configure("[supervisord\n");
    daemon.home().write("go", "");
    daemon.wait_answering();
    daemon.wait_state("fresh", "RUNNING");
    let log = daemon.log();
    for phrase in [
        "CRIT the configuration was changed while everything stopped, and cannot be read: ",
        "CRIT [inet_http_server] is not served yet: Another program is already listening",
    ] {
        assert!(log.contains(phrase), "{phrase}: {log}");
    }
    drop(taken);
    said(&daemon, "INFO [inet_http_server] is served now", 1);
    Door::Tcp(([127, 0, 0, 1], port).into()).call("supervisor.getState", &[]).unwrap();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
}

/// Rights that are gone do not come back: a file that wants another user is refused.
#[test]
fn a_user_that_the_agent_may_not_become_is_no_reason_to_stop() {
    // Whoever `nobody` is may not look into every tree that tests are built in.
    let configuration =
        |user: &str| format!("{{head}}{user}[program:sleeps]\ncommand=/bin/sleep 600\n");
    let host = Host::new(Subject::Ours, "");
    let is_root = Uid::current().is_root();
    if is_root {
        fs::set_permissions(host.home().path(), fs::Permissions::from_mode(0o777)).unwrap();
    }
    let user = if is_root { "[supervisord]\nuser=nobody\n" } else { "" };
    host.configure(&configuration(user));
    let daemon = Daemon::start_on(host);
    let running = daemon.wait_state("sleeps", "RUNNING");
    daemon.host().configure(&configuration("[supervisord]\nuser=root\n"));
    hup(&daemon, "not restarted, everything goes on: [supervisord] user: Can't drop privilege", 1);
    assert_eq!(daemon.process("sleeps").unwrap(), running);
}

/// Relative paths mean the directory of the beginning, also after a change of directory.
#[test]
fn a_relative_configuration_is_found_again_from_another_directory() {
    for arguments in [&["-c", "supervisord.conf"][..], &[]] {
        let host = Host::new(Subject::Ours, "");
        let elsewhere = host.home().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        let directory = "{head}[supervisord]\ndirectory={dir}/elsewhere\n";
        host.configure(&HOST.replace("{head}", directory));
        host.home().write("go", "");
        let mut command = Command::new(Subject::Ours.program());
        let code = Owned::start(host.home(), command.args(arguments)).wait(PATIENCE);
        assert_eq!(code, 0, "{}", host.home().read("stderr.txt"));
        let log = host.home().join("main.log");
        wait_text(&log, "exited: deaf");
        let pid = Pid::from_raw(host.home().read("main.pid").trim().parse().unwrap());
        assert_eq!(fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), elsewhere);
        kill(pid, Signal::SIGHUP).unwrap();
        wait::until(PATIENCE, "the second life", || {
            let log = host.home().read("main.log");
            if log.matches("supervisord started with pid").count() == 2 { Ok(()) } else { Err(log) }
        });
    }
}
