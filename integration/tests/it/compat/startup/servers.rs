//! Servers that cannot listen, or not as they should, and what the log says of those that do.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use integration::facts::shown;
use integration::nobody::are_root;
use integration::subject::{Daemon, HEAD, Host, Subject, wait_text};
use nix::unistd::{Uid, User};

use super::{BARE, assert_refused, lines};

for_each_subject![
    who_answers_already_is_left_alone,
    a_reason_is_told_by_its_symbol,
    a_name_is_told_by_the_resolvers_number,
    the_hosts_own_name_needs_an_address,
    an_owner_that_may_not_be_set_is_an_error,
    an_interface_with_a_key_too_many_is_an_error,
    the_log_says_what_listens,
];

const IN_USE: &str = "Another program is already listening on a port that one of our HTTP servers is \
     configured to use.  Shut this program down first before starting supervisord.";

const INTERFACE: &str = "[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
";

fn who_answers_already_is_left_alone(subject: Subject) {
    let first = Daemon::start(subject, "{head}");
    let there = first.home().path().display().to_string();
    let text = HEAD.replace("{dir}/s.sock", &format!("{there}/s.sock"));
    let host = Host::new(subject, &text.replace("{dir}/main.pid", &format!("{there}/main.pid")));
    for arguments in [&[][..], &["-n"]] {
        assert_refused(&host, &host.run_daemon(arguments), IN_USE);
    }
    first.door().call("supervisor.getState", &[]).unwrap();
    assert_eq!(first.home().read("main.pid"), format!("{}\n", first.pid()));

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let keys = format!("{BARE}[inet_http_server]\nport=127.0.0.1:{port}\n{INTERFACE}");
    let host = Host::new(subject, &keys);
    assert_refused(&host, &host.run_daemon(&[]), IN_USE);
    shown(subject, &["ST-15", "UP-16"]);
}

fn a_reason_is_told_by_its_symbol(subject: Subject) {
    let table = [
        ("[unix_http_server]\nfile={dir}/none/s.sock\n", "ENOENT (2)"),
        ("[unix_http_server]\nfile={dir}/locked/s.sock\n", "EACCES (13)"),
        ("[inet_http_server]\nport=192.0.2.1:9\n", "EADDRNOTAVAIL (99)"),
    ];
    for (server, reason) in table {
        let mut host = Host::new(subject, &format!("{BARE}{server}{INTERFACE}"));
        fs::create_dir(host.home().join("locked")).unwrap();
        host.as_nobody();
        host.forbid("locked");
        let message = format!("Cannot open an HTTP server: socket.error reported errno.{reason}");
        assert_refused(&host, &host.run_daemon(&[]), &message);
    }
    shown(subject, &["ST-16"]);
}

/// Lets the host know the names of its own files alone, and none of a network, under this name.
fn knowing(host: &mut Host, sources: &str, own_name: &str) {
    fs::create_dir(host.home().join("etc")).unwrap();
    for name in ["passwd", "group"] {
        fs::copy(Path::new("/etc").join(name), host.home().join("etc").join(name)).unwrap();
    }
    host.home().write("etc/nsswitch.conf", &format!("hosts: {sources}\n"));
    host.home().write("etc/hosts", "127.0.0.1 localhost\n");
    host.home().write("etc/resolv.conf", "nameserver 127.0.0.1\n");
    let space = if are_root() { "-mnu" } else { "-rmnu" };
    let script = format!(
        "mount --bind {{dir}}/etc /etc && echo {own_name} > /proc/sys/kernel/hostname && exec \"$@\""
    );
    host.start_with(&["unshare", space, "sh", "-c", &script, "-"]);
}

fn a_name_is_told_by_the_resolvers_number(subject: Subject) {
    let table = [
        ("no.such.name:9001", "files", "-2"),
        ("no.such.name:9001", "dns", "-3"),
        ("::1:9001", "files", "-9"),
    ];
    for (address, sources, number) in table {
        let keys = format!("{BARE}[inet_http_server]\nport={address}\n{INTERFACE}");
        let mut host = Host::new(subject, &keys);
        knowing(&mut host, sources, "here");
        let message = format!("Cannot open an HTTP server: socket.error reported {number}");
        assert_refused(&host, &host.run_daemon(&[]), &message);
    }
    shown(subject, &["ST-17"]);
}

fn the_hosts_own_name_needs_an_address(subject: Subject) {
    for address in ["{port}", "*:{port}"] {
        let keys = format!("{BARE}[inet_http_server]\nport={address}\n{INTERFACE}");
        let mut host = Host::new(subject, &keys);
        knowing(&mut host, "files", "no.such.name");
        let message = "Could not determine IP address for hostname no.such.name, please try setting \
                       an explicit IP address in the \"port\" setting of your [inet_http_server] \
                       section.  For example, instead of \"port = 9001\", try \"port = \
                       127.0.0.1:9001.\"";
        assert_refused(&host, &host.run_daemon(&[]), message);

        let mut host = Host::new(subject, &keys);
        knowing(&mut host, "files", "localhost");
        let daemon = Daemon::launch(host);
        daemon.wait_log("supervisord started with pid");
    }
    shown(subject, &["ST-25"]);
}

fn an_owner_that_may_not_be_set_is_an_error(subject: Subject) {
    let keys = "[unix_http_server]\nfile={dir}/s.sock\nchown=root:root\n";
    let mut host = Host::new(subject, &format!("{BARE}{keys}{INTERFACE}"));
    let uid = host.as_nobody();
    let name = User::from_uid(Uid::from_raw(uid)).unwrap().unwrap().name;
    let message = format!(
        "Not permitted to chown {{dir}}/s.sock to uid/gid (0, 0); adjust \"sockchown\" value in \
         config file or on command line to values that the current user ({name}) can successfully \
         chown"
    );
    assert_refused(&host, &host.run_daemon(&[]), &message);
    // The original forgets the socket there (COMPAT-75).
    assert_eq!(host.home().join("s.sock").exists(), subject == Subject::Original);
    shown(subject, &["ST-21"]);
}

fn an_interface_with_a_key_too_many_is_an_error(subject: Subject) {
    let server = "[unix_http_server]\nfile={dir}/s.sock\n";
    for (keys, key) in [("retries=1\nother=2\n", "retries"), ("[DEFAULT]\nshared=1\n", "shared")] {
        let host = Host::new(subject, &format!("{BARE}{server}{INTERFACE}{keys}"));
        for arguments in [&[][..], &["-n"]] {
            let ran = host.run_daemon(arguments);
            assert_refused(&host, &ran, "Could not make supervisor rpc interface");
            // As in COMPAT-75.
            let left = fs::remove_file(host.home().join("s.sock")).is_ok();
            assert_eq!(left, subject == Subject::Original);
        }
        let log = host.normal(&host.home().read("main.log"));
        let why = format!("got an unexpected keyword argument '{key}'");
        let warned = lines(&log).iter().any(|line| line.starts_with("WARN "));
        assert!(warned && log.contains(&why), "{log}");
        assert!(!log.contains("initialized"), "{log}");
    }
    // Nobody makes it where nothing listens.
    let daemon = Daemon::launch(Host::new(subject, &format!("{BARE}{INTERFACE}retries=1\n")));
    daemon.wait_log("supervisord started with pid");
    shown(subject, &["ST-22"]);
}

fn the_log_says_what_listens(subject: Subject) {
    let keys = "loglevel=trace
[inet_http_server]
port=127.0.0.1:{port}
username=
password=
[unix_http_server]
file={dir}/s.sock
username=u
password=p
[unix_http_server:open]
file={dir}/t.sock
";
    let host = Host::new(subject, &format!("{BARE}{keys}{INTERFACE}"));
    let port = host.port();
    let daemon = Daemon::launch(host);
    wait_text(&daemon.path("main.log"), "supervisord started with pid");
    let log = daemon.log();
    let told = |section: &str| {
        let line =
            format!("CRIT Server '{section}' running without any HTTP authentication checking");
        log.contains(&line)
    };
    assert!(told("inet_http_server"), "an empty name is none: {log}");
    assert!(told("unix_http_server:open") && !told("unix_http_server"), "{log}");
    assert_eq!(log.matches("INFO RPC interface 'supervisor' initialized\n").count(), 3);

    let lines = lines(&log);
    let begun: Vec<_> = (0..lines.len()).filter(|at| lines[*at].contains(":Medusa ")).collect();
    let [inet, unix, open] = begun[..] else { panic!("{log}") };
    for (at, place, hostname, port) in [
        (inet, "127.0.0.1", None, port.to_string()),
        (unix, "{dir}/s.sock", Some("<unix domain socket>"), "{dir}/s.sock".to_owned()),
        (open, "{dir}/t.sock", Some("<unix domain socket>"), "{dir}/t.sock".to_owned()),
    ] {
        let head = format!("TRAC {place}:Medusa (V1.12) started at ");
        let time = lines[at].strip_prefix(&head).unwrap_or_else(|| panic!("{log}"));
        assert!(is_time(time), "{time:?}");
        // The original asks a name service for the name of an address (COMPAT-72).
        let shown = lines[at + 1].strip_prefix("\tHostname: ").unwrap_or_else(|| panic!("{log}"));
        assert_eq!(shown, hostname.unwrap_or(shown));
        assert!(!shown.is_empty());
        assert_eq!(lines[at + 2], format!("\tPort:{port}"));
    }
    shown(subject, &["ST-23", "ST-24", "ST-26"]);
}

/// `Sat Nov  1 15:41:14 2026`.
fn is_time(text: &str) -> bool {
    let shape = "Aaa Aaa .9 99:99:99 9999";
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, kind)| match kind {
            b'A' => byte.is_ascii_uppercase(),
            b'a' => byte.is_ascii_lowercase(),
            b'9' => byte.is_ascii_digit(),
            b'.' => byte == b' ' || byte.is_ascii_digit(),
            other => byte == other,
        })
}
