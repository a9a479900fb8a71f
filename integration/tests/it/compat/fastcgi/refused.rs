//! Sockets that cannot be made: at the start, and later.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, chown};

use integration::facts::shown;
use integration::subject::{Daemon, Host, Subject, free_port};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::Signal;
use nix::unistd::geteuid;

use super::{ask, order, story, tcp, with_responder};

for_each_subject![
    a_socket_that_cannot_be_made_ends_the_start,
    only_who_may_gets_a_low_port,
    a_group_that_cannot_have_its_socket_is_not_added,
];

const ONE: &str = "{head}
[fcgi-program:web]
command={fcgi}
startsecs=0
socket={socket}
{more}
";

fn one(socket: &str, more: &str) -> String {
    running("{fcgi}", socket, more)
}

fn running(program: &str, socket: &str, more: &str) -> String {
    let text = with_responder(&ONE.replace("{fcgi}", program));
    text.replace("{socket}", socket).replace("{more}", more)
}

/// Runs the daemon to its end: what it says last on standard error, with the text that begins so.
fn end_of(host: &Host) -> String {
    let ran = host.run_daemon(&["-n"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(!ran.stderr.contains("For help"), "not a usage error: {ran}");
    let last = ran.stderr.lines().last().unwrap_or_default();
    let (_, text) = last.split_once("Error: ").unwrap_or_else(|| panic!("{ran}"));
    text.to_owned()
}

fn a_socket_that_cannot_be_made_ends_the_start(subject: Subject) {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let in_use = format!("tcp://127.0.0.1:{port}");
    let endless = format!("unix:///tmp/{}", "x".repeat(200));
    let own = "'{dir}/web.sock'";
    let mode = "Could not change permissions of socket file: [Errno 1] Operation not permitted";
    let owner = "Could not change ownership of socket file: [Errno 1] Operation not permitted";
    for (socket, refused, why) in [
        (in_use.as_str(), "", "[Errno 98] Address already in use".to_owned()),
        ("unix:///no/such/web.sock", "", "[Errno 2] No such file or directory".to_owned()),
        ("unix://{dir}", "", "[Errno 21] Is a directory: '{dir}'".to_owned()),
        ("tcp://192.0.2.1:9", "", "[Errno 99] Cannot assign requested address".to_owned()),
        (&endless, "", "AF_UNIX path too long".to_owned()),
        ("unix://{dir}/web.sock", "chmod", format!("{mode}: {own}")),
        ("unix://{dir}/web.sock", "chown", format!("{owner}: {own}")),
    ] {
        let unix = socket.ends_with("web.sock");
        let mut host =
            Host::new(subject, &one(socket, if unix { "socket_owner=root" } else { "" }));
        if !refused.is_empty() {
            host.confine(&[refused]);
        }
        let text = format!("Could not create FastCGI socket {socket}: {why}");
        assert_eq!(end_of(&host), text, "{refused}");
        assert!(!host.home().join("web.sock").exists(), "{refused}");
        let log = host.normal(&host.home().read("main.log"));
        let creating = format!("INFO Creating socket {socket}\n");
        assert!(log.contains(&creating) && !log.contains("Closing socket"), "{log}");
    }
    shown(subject, &["ST-31", "FCG-08"]);
}

/// The socket is made by whoever the daemon is, not by the program's user.
fn only_who_may_gets_a_low_port(subject: Subject) {
    // A range for each subject: they run side by side.
    let mut low = if subject == Subject::Ours { 600..800 } else { 800..1024 };
    let low = low.find(|port| match TcpListener::bind((Ipv4Addr::LOCALHOST, *port)) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::PermissionDenied,
    });
    let low = low.expect("a port below 1024 that nobody has");
    let socket = format!("tcp://127.0.0.1:{low}");
    let denied = format!("Could not create FastCGI socket {socket}: [Errno 13] Permission denied");
    if !geteuid().is_root() {
        assert_eq!(end_of(&Host::new(subject, &one(&socket, ""))), denied);
        return shown(subject, &["FCG-13"]);
    }
    let nobody = one(&socket, "").replace("{head}", "{head}[supervisord]\nuser=nobody\n");
    let host = Host::new(subject, &nobody);
    let open = host.home().path();
    chown(open, Some(uid_of("nobody")), None).unwrap();
    assert_eq!(end_of(&host), denied);
    let sleeper = running("/bin/sleep 1000", &socket, "user=nobody");
    let daemon = Daemon::start(subject, &sleeper);
    let program = daemon.wait_state("web", "RUNNING").pid;
    wait::until(PATIENCE, "the program to become nobody", || {
        let uid = fs::metadata(format!("/proc/{program}/stat")).unwrap().uid();
        if uid == uid_of("nobody") { Ok(()) } else { Err(uid) }
    });
    drop(tcp(low).connect().unwrap());
    shown(subject, &["FCG-13"]);
}

fn uid_of(user: &str) -> u32 {
    nix::unistd::User::from_name(user).unwrap().unwrap().uid.as_raw()
}

/// HTTP 500 there, a fault with the reason here (COMPAT-106); the group is not there in either case.
fn a_group_that_cannot_have_its_socket_is_not_added(subject: Subject) {
    let daemon = Daemon::start(subject, "{head}[program:other]\ncommand={child} forever\n");
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let socket = format!("tcp://{}", taken.local_addr().unwrap());
    daemon.host().configure(&one(&socket, "").replace(
        "[fcgi-program:web]",
        "[program:other]\ncommand={child} forever\n[fcgi-program:web]",
    ));
    daemon.door().call("supervisor.reloadConfig", &[]).unwrap();
    let said = daemon.door().call("supervisor.addProcessGroup", &["web"]).unwrap_err().to_string();
    let ours = format!(
        "fault 30: FAILED: Could not create FastCGI socket {socket}: [Errno 98] Address already \
         in use"
    );
    let expected = match subject {
        Subject::Original => "HTTP status 500",
        Subject::Ours => &ours,
    };
    assert_eq!(said, expected);
    let missing = daemon.process("web").unwrap_err().to_string();
    assert_eq!(missing, "fault 10: BAD_NAME: web");
    drop(taken);
    daemon.door().call("supervisor.addProcessGroup", &["web"]).unwrap();
    daemon.wait_state("web", "RUNNING");
}

/// COMPAT-105: supervisord ends.
#[test]
fn a_port_that_was_taken_meanwhile_is_a_spawn_error() {
    let port = free_port();
    let socket = format!("tcp://127.0.0.1:{port}");
    let daemon = Daemon::start(Subject::Ours, &one(&socket, "startretries=0"));
    daemon.wait_state("web", "RUNNING");
    order(&daemon, "stopProcess", "web");
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    assert_eq!(daemon.ctl(&["start", "web"]).stdout, "web: ERROR (spawn error)\n");
    let failed = daemon.wait_state("web", "FATAL").spawn_error;
    let why =
        format!("Could not create FastCGI socket {socket}: [Errno 98] Address already in use");
    assert_eq!(failed, why);
    let told = story(&daemon, &["web", &port.to_string()]);
    let creating = format!("INFO Creating socket {socket}");
    assert_eq!(told[told.len() - 2..], [creating, format!("INFO spawnerr: {why}")]);
    drop(taken);
    order(&daemon, "startProcess", "web");
    ask(&tcp(port), &[], "").unwrap();
}

/// COMPAT-107: supervisord ends with everything stopped.
#[test]
fn a_restart_without_one_of_its_sockets_leaves_the_rest_running() {
    let other = "[program:other]\ncommand={child} forever\nstartsecs=0\n";
    let mut daemon = Daemon::start(Subject::Ours, &format!("{}{other}", one("unix://{dir}/s", "")));
    daemon.wait_state("web", "RUNNING");
    let text = format!("{}{other}", one("unix:///no/such/s", "startretries=0"));
    daemon.host().configure(&text);
    daemon.signal(Signal::SIGHUP);
    let why = "Could not create FastCGI socket unix:///no/such/s: [Errno 2] No such file or \
               directory";
    daemon.wait_log(&format!("ERRO {why}"));
    daemon.wait_answering();
    daemon.wait_state("other", "RUNNING");
    assert_eq!(daemon.wait_state("web", "FATAL").spawn_error, why);
}
