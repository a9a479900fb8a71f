//! What a group of FastCGI programs shares, and how it is made.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use integration::facts::shown;
use integration::subject::{Daemon, Host, Process, Subject, free_port, wait_text};
use integration::wait::{self, PATIENCE};
use nix::unistd::{Pid, User, geteuid};

use super::{ask, line, story, tcp, unix, with_responder};

for_each_subject![one_socket_for_a_group, a_backlog_is_what_is_asked_for];

const PROGRAMS: &str = "{head}
[fcgi-program:web]
command={fcgi}
process_name=%(program_name)s_%(process_num)s
numprocs=2
socket=unix://{dir}/web.sock
socket_mode=0640
stdout_logfile={dir}/%(program_name)s_%(process_num)s.log
{owner}
[fcgi-program:net]
command={fcgi}
socket=tcp://LOCALHOST:{port}
[fcgi-program:quick]
command={child} exit:1
startretries=20
socket=tcp://127.0.0.1:{quick}
[fcgi-program:lost]
command=/no/such
startretries=0
socket=unix://{dir}/lost.sock
[fcgi-program:member]
command={child} echo
startsecs=0
socket=nonsense
stdout_logfile={dir}/member.log
[group:plain]
programs=member
";

fn one_socket_for_a_group(subject: Subject) {
    let quick = free_port();
    let programs = with_responder(PROGRAMS)
        .replace("{quick}", &quick.to_string())
        .replace("{owner}", if geteuid().is_root() { "socket_owner=nobody" } else { "" });
    let host = Host::new(subject, &programs);
    host.home().write("web.sock", "not a socket at all");
    let in_the_way = UnixListener::bind(host.home().join("lost.sock")).unwrap();
    in_the_way.set_nonblocking(true).unwrap();
    let daemon = Daemon::start_on(host);
    let web = ["web:web_0", "web:web_1"].map(|name| daemon.wait_state(name, "RUNNING"));
    daemon.wait_state("net", "RUNNING");
    daemon.wait_state("lost", "FATAL");
    sockets_are_tried_and_made(&daemon, quick);
    shown(subject, &["FCG-02", "FCG-03", "MSG-16"]);
    the_unix_socket_is_as_asked(&daemon);
    assert_eq!(in_the_way.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    shown(subject, &["FCG-06"]);
    children_have_it_at_descriptor_0(&web);
    shown(subject, &["FCG-01", "FCG-12"]);
    requests_are_answered(&daemon);
    let written = daemon.door().call("supervisor.sendProcessStdin", &["web:web_0", "x"]);
    assert_eq!(written.unwrap_err().to_string(), "fault 20: NO_FILE: web:web_0");
    assert!(wait_text(&daemon.path("web_0.log"), "ready").starts_with("ready\n"));
    shown(subject, &["FCG-11"]);
    a_group_member_is_an_ordinary_program(&daemon);
    shown(subject, &["FCG-14", "KGR-06"]);
    between_retries_nobody_listens(&daemon, quick);
}

fn sockets_are_tried_and_made(daemon: &Daemon, quick: u16) {
    let log = daemon.log();
    let (boot, _) = log.split_once("supervisord started with pid").unwrap();
    let port = daemon.host().port();
    for url in [
        "unix://{dir}/web.sock".to_owned(),
        format!("tcp://localhost:{port}"),
        format!("tcp://127.0.0.1:{quick}"),
        "unix://{dir}/lost.sock".to_owned(),
    ] {
        let tried = format!("WHEN INFO Creating socket {url}\nWHEN INFO Closing socket {url}\n");
        assert!(boot.contains(&tried), "{url} in {boot}");
    }
    assert!(!log.contains("nonsense"), "{log}");
    let creating = |url: &str| format!("INFO Creating socket {url}");
    let closing = |url: &str| format!("INFO Closing socket {url}");
    let (web, net) = ("unix://{dir}/web.sock", format!("tcp://localhost:{port}"));
    let expected = [
        creating(web),
        closing(web),
        creating(web),
        "INFO spawned: 'web_0' with pid PID".to_owned(),
        "INFO spawned: 'web_1' with pid PID".to_owned(),
    ];
    assert_eq!(story(daemon, &["web"]), expected);
    let expected = [
        creating(&net),
        closing(&net),
        creating(&net),
        "INFO spawned: 'net' with pid PID".to_owned(),
    ];
    assert_eq!(story(daemon, &["net", "localhost"]), expected);
    let lost = "unix://{dir}/lost.sock";
    let failed = "INFO spawnerr: can't find command '/no/such'".to_owned();
    let expected = [creating(lost), closing(lost), creating(lost), failed, closing(lost)];
    assert_eq!(story(daemon, &["lost", "/no/such"]), expected);
}

/// Mode, owner, and that it took the place of what was there, be it in use or not.
fn the_unix_socket_is_as_asked(daemon: &Daemon) {
    let found = fs::metadata(daemon.path("web.sock")).unwrap();
    assert_eq!(found.permissions().mode() & 0o7777, 0o640);
    let nobody = User::from_name("nobody").unwrap().map(|user| user.uid.as_raw());
    let owner = nobody.filter(|_| geteuid().is_root()).unwrap_or(geteuid().as_raw());
    assert_eq!(found.uid(), owner);
    let found = fs::metadata(daemon.path("lost.sock")).unwrap();
    assert_eq!(found.permissions().mode() & 0o7777, 0o700, "the default");
    let refused = unix(&daemon.path("lost.sock")).connect().err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

fn children_have_it_at_descriptor_0(children: &[Process]) {
    let of = |pid: Pid| fs::read_link(format!("/proc/{pid}/fd/0")).unwrap();
    let [first, second] = children else { panic!("two children") };
    assert!(of(first.pid).to_str().unwrap().starts_with("socket:["));
    assert_eq!(of(first.pid), of(second.pid));
    for Process { pid, .. } in children {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        let mut open: Vec<_> = open.map(|entry| entry.unwrap().file_name()).collect();
        open.sort();
        assert_eq!(open, ["0", "1", "2"]);
        let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/0")).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
        let flags = i32::from_str_radix(flags.trim(), 8).unwrap();
        assert_eq!(flags & (libc::O_NONBLOCK | libc::O_CLOEXEC), 0, "{info}");
    }
}

fn requests_are_answered(daemon: &Daemon) {
    let pairs = [("REQUEST_METHOD", "POST"), ("QUERY_STRING", "a=1")];
    let answer = ask(&unix(&daemon.path("web.sock")), &pairs, "a body").unwrap();
    assert_eq!((line(&answer, "query"), line(&answer, "body")), ("a=1", "a body"));
    assert_eq!(line(&answer, "family"), libc::AF_UNIX.to_string());
    let net = daemon.process("net").unwrap().pid;
    let answer = ask(&tcp(daemon.host().port()), &pairs, "").unwrap();
    assert_eq!(line(&answer, "pid"), net.to_string());
    assert_eq!(line(&answer, "family"), libc::AF_INET.to_string());
    assert_eq!(line(&answer, "reuse"), "true");
}

fn a_group_member_is_an_ordinary_program(daemon: &Daemon) {
    let member = daemon.wait_state("plain:member", "RUNNING").pid;
    let stdin = fs::read_link(format!("/proc/{member}/fd/0")).unwrap();
    assert!(stdin.to_str().unwrap().starts_with("pipe:["), "{stdin:?}");
    daemon.door().call("supervisor.sendProcessStdin", &["plain:member", "hello\n"]).unwrap();
    wait_text(&daemon.path("member.log"), "hello");
}

/// Looked at while the same wait for a retry goes on.
fn between_retries_nobody_listens(daemon: &Daemon, port: u16) {
    let words = [format!("127.0.0.1:{port}"), "quick".to_owned()];
    let told = || story(daemon, &words.each_ref().map(String::as_str));
    let seen = wait::until(PATIENCE, "a look between two retries", || {
        let before = told();
        let state = daemon.process("quick").map_err(|error| error.to_string())?.state;
        let connected = tcp(port).connect().map(drop).map_err(|error| error.kind());
        let whole = before.len() >= 10 && told() == before && state == "BACKOFF";
        if whole { Ok((before, connected)) } else { Err(format!("{state} {before:?}")) }
    });
    let (told, connected) = seen;
    assert_eq!(connected, Err(ErrorKind::ConnectionRefused));
    let life = [
        &format!("INFO Creating socket tcp://127.0.0.1:{port}"),
        "INFO spawned: 'quick' with pid PID",
        "WARN exited: quick (exit status 1; not expected)",
        &format!("INFO Closing socket tcp://127.0.0.1:{port}"),
    ];
    for (number, told) in told[2..].chunks(life.len()).enumerate() {
        assert_eq!(told, life, "life {number}");
    }
}

const SMALL: &str = "{head}
[fcgi-program:small]
command={fcgi}
socket=tcp://127.0.0.1:{port}
socket_backlog=5
stdout_logfile={dir}/small.log
[fcgi-program:large]
command={fcgi}
socket=tcp://127.0.0.1:{large}
stdout_logfile={dir}/large.log
";

/// How long a connection that finds no room is waited for: on loopback one that finds room is there
/// at once.
const NO_ROOM: Duration = Duration::from_millis(300);

/// A kernel lets one more wait than it is told.
fn a_backlog_is_what_is_asked_for(subject: Subject) {
    let large = free_port();
    let small = with_responder(SMALL).replace("{large}", &large.to_string());
    let daemon = Daemon::start(subject, &small);
    for (name, port, room) in [("small", daemon.host().port(), 6), ("large", large, 20)] {
        daemon.wait_state(name, "RUNNING");
        // The responder serves this one, and accepts no other meanwhile.
        let mut busy = tcp(port).connect().unwrap();
        let never = daemon.path("never").display().to_string();
        integration::fastcgi::send(&mut busy, &[("WAIT_FOR", &never)], "").unwrap();
        wait_text(&daemon.path(&format!("{name}.log")), "waiting");
        let address = (std::net::Ipv4Addr::LOCALHOST, port).into();
        let connect = |_| std::net::TcpStream::connect_timeout(&address, NO_ROOM).ok();
        let waiting: Vec<_> = (0..20).map_while(connect).collect();
        assert_eq!(waiting.len(), room, "{name}");
    }
    shown(subject, &["FCG-09"]);
}
