//! Servers, interfaces and the client's section, at work (KHS-01, KHS-04, KHS-07, KHS-08, KRP-03 to KRP-05,
//! KSC-01).

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use integration::facts::shown;
use integration::home::{Home, MARK};
use integration::rpc::{CallError, Door};
use integration::subject::{Client, Daemon, Host, Subject};
use integration::wait::{self, PATIENCE};

for_each_subject![
    servers_at_work,
    an_address_of_ipv6,
    without_the_main_interface,
    without_a_server,
    keys_too_many,
    the_clients_keys
];

/// `secret`, as `sha1sum` has it.
const SHA: &str = "e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4";

/// What is in the file, what is typed, and the answer; the user is `it's` in both.
const PASSWORDS: &[(&str, &str, u16)] = &[
    ("plain secret", "plain secret", 200),
    ("plain secret", "plain", 401),
    ("{SHA}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4", "secret", 200),
    (
        "{SHA}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4",
        "{SHA}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4",
        401,
    ),
    ("{SHA}E5E9FA1BA31ECD1AE84F75CAAA474F3A663F05F4", "secret", 401),
    ("{SHA}secret", "secret", 401),
    ("{sha}secret", "{sha}secret", 200),
    ("", "", 200),
    ("", "x", 401),
];

/// The status of `GET /ok.html` with these credentials.
fn status(door: &Door, password: Option<&str>) -> u16 {
    let authorization = password.map_or_else(String::new, |password| {
        let encoded = BASE64_STANDARD.encode(format!("it's:{password}"));
        format!("Authorization: Basic {encoded}\r\n")
    });
    let request = format!("GET /ok.html HTTP/1.0\r\n{authorization}\r\n");
    let response = door.exchange(request.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    response.status
}

fn servers_at_work(subject: Subject) {
    assert!(PASSWORDS[2].0.ends_with(SHA));
    let mut text =
        "{head}\n[unix_http_server_old]\nfile=old.sock\nchmod=0604\nchown=nobody\n".to_owned();
    for (number, (password, ..)) in PASSWORDS.iter().enumerate() {
        let _ = write!(
            text,
            "[unix_http_server:{number}]\nfile={number}.sock\nusername=it's\npassword={password}\n"
        );
    }
    text += "[inet_http_server]\nport=127.0.0.1:{port}\nusername=\npassword=x\n";
    if !nix::unistd::Uid::effective().is_root() {
        text = text.replace("chown=nobody\n", "");
    }
    let daemon = Daemon::start(subject, &text);
    for (number, (password, typed, wanted)) in PASSWORDS.iter().enumerate() {
        let door = Door::Unix(daemon.path(&format!("{number}.sock")));
        assert_eq!(status(&door, Some(typed)), *wanted, "{password:?} {typed:?}");
        assert_eq!(status(&door, None), 401, "{password:?}");
    }
    // KHS-01, KHS-03 to KHS-05: another section that begins so is one more server.
    let old = fs::metadata(daemon.path("old.sock")).unwrap();
    assert!(old.file_type().is_socket());
    assert_eq!(old.mode() & 0o7777, 0o604);
    if nix::unistd::Uid::effective().is_root() {
        let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
        assert_eq!(old.uid(), nobody.uid.as_raw());
    }
    assert_eq!(status(&Door::Unix(daemon.path("old.sock")), None), 200);
    // KHS-08: an empty name is none, and that is said.
    assert_eq!(status(&daemon.tcp(), None), 200);
    let log = daemon.log();
    for section in ["unix_http_server", "unix_http_server_old", "inet_http_server"] {
        let line =
            format!("CRIT Server '{section}' running without any HTTP authentication checking\n");
        assert!(log.contains(&line), "{log}");
    }
    assert_eq!(log.matches("running without any HTTP authentication").count(), 3, "{log}");
    shown(subject, &["KHS-01", "KHS-04", "KHS-05", "KHS-07", "KHS-08"]);
}

/// TYP-15: an address of IPv6 is read as one of a host, and no such host is found.
fn an_address_of_ipv6(subject: Subject) {
    let head =
        "[supervisord]\nlogfile={dir}/main.log\npidfile={dir}/main.pid\n[inet_http_server]\n";
    for address in ["[::1]", "::1"] {
        let ran =
            Host::new(subject, &format!("{head}port={address}:{{port}}\n")).run_daemon(&["-n"]);
        let said = ran.stderr.lines().next().unwrap_or_default();
        assert!(ran.code == 2 && said.starts_with("Error: Cannot open an HTTP server: "), "{ran}");
    }
    shown(subject, &["TYP-15"]);
}

/// Waits until `system.listMethods` answers, and returns the names.
fn methods(daemon: &Daemon) -> String {
    wait::until(PATIENCE, "the list of methods", || daemon.door().call("system.listMethods", &[]))
}

fn without_the_main_interface(subject: Subject) {
    let text = "[supervisord]\nlogfile={dir}/main.log\npidfile={dir}/main.pid\n\
                [unix_http_server]\nfile={dir}/s.sock\n\
                [rpcinterface:other]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n";
    let daemon = Daemon::launch(Host::new(subject, text));
    let names = methods(&daemon);
    assert!(names.contains("system.multicall") && !names.contains(">supervisor."), "{names}");
    let refused = daemon.door().call("supervisor.getState", &[]).unwrap_err();
    assert!(matches!(&refused, CallError::Fault(fault) if fault.code == 1), "{refused}");
    assert!(daemon.log().contains("INFO RPC interface 'other' initialized\n"));
    let none = text.split("[rpc").next().unwrap_or_default();
    let daemon = Daemon::launch(Host::new(subject, none));
    let names = methods(&daemon);
    assert!(names.contains("system.multicall") && !names.contains(">supervisor."), "{names}");
    assert!(!daemon.log().contains("RPC interface"));
    shown(subject, &["KRP-04"]);
}

const FACTORY: &str = "[rpcinterface:supervisor]\n\
                       supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n";

/// Without a server an interface is looked for and never made, whatever keys it has.
fn without_a_server(subject: Subject) {
    let text = format!(
        "[supervisord]\nlogfile={{dir}}/main.log\npidfile={{dir}}/main.pid\n{FACTORY}retries=1\n"
    );
    let mut daemon = Daemon::launch(Host::new(subject, &text));
    daemon.wait_log("supervisord started with pid");
    assert!(!daemon.log().contains("RPC interface"), "{}", daemon.log());
    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
    // One that cannot be found is an error all the same.
    let host = Host::new(subject, &text.replace(":make_main_rpcinterface", ":make_none"));
    let ran = host.run_daemon(&["-n"]);
    let error = "Error: supervisor.rpcinterface:make_none cannot be resolved within [rpcinterface:supervisor]\n";
    assert!(ran.code == 2 && ran.stderr.starts_with(error), "{ran}");
    // Per server: with two it is made twice.
    let text =
        format!("{text}[unix_http_server]\nfile=s.sock\n[unix_http_server:two]\nfile=t.sock\n");
    let daemon = Daemon::start(subject, &text.replace("retries=1\n", ""));
    assert_eq!(daemon.log().matches("INFO RPC interface 'supervisor' initialized\n").count(), 2);
    shown(subject, &["KRP-05"]);
}

fn keys_too_many(subject: Subject) {
    let head = "[supervisord]\nlogfile={dir}/main.log\npidfile={dir}/main.pid\n[inet_http_server]\nport=127.0.0.1:{port}\n";
    for (text, code) in [
        (format!("{head}{FACTORY}retries=1\n"), 2),
        (format!("[DEFAULT]\nuser=root\n{head}{FACTORY}"), 2),
    ] {
        let ran = Host::new(subject, &text).run_daemon(&["-n"]);
        assert_eq!(ran.code, code, "{text}\n{ran}");
        let said = ran.stderr.lines().next().unwrap_or_default();
        assert_eq!(said, "Error: Could not make supervisor rpc interface", "{text}\n{ran}");
    }
    shown(subject, &["KRP-03"]);
}

/// `[supervisorctl]`, read by the client of the same side.
fn the_clients_keys(subject: Subject) {
    let client = match subject {
        Subject::Original => Client::Original,
        Subject::Ours => Client::Ours,
    };
    let host = Host::new(subject, "[supervisorctl]\n");
    let ran = host.client(client, &["status"]);
    assert_eq!(ran.stdout, "http://localhost:9001 refused connection\n", "{ran}");
    let text = format!(
        "{{head}}\n[inet_http_server]\nport=127.0.0.1:{{port}}\nusername=it's\npassword={{SHA}}{SHA}\n\
         [supervisorctl]\nserverurl=http://127.0.0.1:{{port}}\n[program:x]\ncommand={{sleeper}}\nautostart=false\n"
    );
    let daemon = Daemon::start(subject, &text);
    let asked = |lines: &str| {
        daemon.host().configure(&format!("{text}[supervisorctl]\n{lines}"));
        daemon.host().client(client, &["pid"])
    };
    assert_eq!(asked("username=it's\npassword=secret\n").stdout, "PID\n");
    assert_ne!(asked("username=it's\npassword=other\n").code, 0);
    assert_eq!(asked("serverurl=unix://%(here)s/s.sock\n").stdout, "PID\n");
    // The shell: its prompt, and the file of its lines.
    daemon.host().configure(&format!(
        "{text}[supervisorctl]\nserverurl=unix://{{dir}}/s.sock\nprompt=one host\nhistory_file=%(here)s/lines\n"
    ));
    let mut shell = Command::new(client.program());
    shell.args(["-c"]).arg(daemon.path("supervisord.conf")).env("TERM", "dumb");
    let said = on_a_terminal(daemon.home(), &mut shell, "version\nquit\n");
    assert!(said.contains("one host> ") && said.contains("4.3.0\r\n"), "{said}");
    assert_eq!(daemon.home().read("lines"), "version\nquit\n");
    shown(subject, &["KSC-01"]);
}

/// Runs a program on a terminal of its own, types `input`, and returns what was shown.
fn on_a_terminal(home: &Home, command: &mut Command, input: &str) -> String {
    let pair = nix::pty::openpty(None, None).expect("the host has terminals");
    let side = || Stdio::from(pair.slave.try_clone().expect("descriptors are left"));
    command
        .stdin(side())
        .stdout(side())
        .stderr(side())
        .env("LC_ALL", "C.UTF-8")
        .env(MARK, home.path());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    drop(pair.slave);
    let mut terminal = fs::File::from(pair.master);
    terminal.write_all(input.as_bytes()).expect("the terminal takes a few letters");
    // Reading ends with an error when the last of the other side's descriptors is closed.
    let mut shown = Vec::new();
    let _ = terminal.read_to_end(&mut shown);
    child.wait().expect("it is our child");
    String::from_utf8_lossy(&shown).into_owned()
}
