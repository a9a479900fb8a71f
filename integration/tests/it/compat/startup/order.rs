//! The steps of a start, in their order, and what each rests on.

use std::fs;

use integration::background::Background;
use integration::facts::shown;
use integration::nobody::are_root;
use integration::processes::Seen;
use integration::subject::{Daemon, Host, Subject, free_port, wait_text};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::Signal;

use super::{assert_refused, lines};

for_each_subject![
    the_log_tells_the_steps,
    a_server_that_fails_comes_after_the_logs,
    signals_are_heard_and_the_pidfile_is_last,
    names_of_the_environment_are_of_the_start,
    paths_are_made_absolute_at_the_start,
    programs_are_told_where_to_connect,
    a_restart_closes_what_was_left_open,
];

/// Everything that a start has something to say about, in an order of the file that is not its own.
const SPEAKING: &str = "[include]
files={dir}/more/*.ini {dir}/none/*.ini
[supervisord]
logfile={dir}/main.log
pidfile={dir}/main.pid
childlogdir={dir}/logs
[unix_http_server:second]
file={dir}/t.sock
[program:late]
command={sleeper}
priority=2
[inet_http_server:b]
port=127.0.0.1:{port}
[program:early]
command={sleeper}
priority=1
stdout_logfile_maxbytes=0
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[inet_http_server:a]
port=127.0.0.1:{other}
[unix_http_server:first]
file={dir}/s.sock
";

/// What the log says then; the first line is for root.
const STEPS: &str = "\
CRIT Supervisor is running as root.  Privileges were not dropped because no user is specified in the config file.  If you intend to run as root, you can set user=root in the config file to avoid this message.
WARN No file matches via include \"{dir}/none/*.ini\"
WARN For [program:early], AUTO logging used for stdout_logfile without rollover, set maxbytes > 0 to avoid filling up filesystem unintentionally
INFO Included extra file \"{dir}/more/a.ini\" during parsing
INFO Included extra file \"{dir}/more/b.ini\" during parsing
INFO Increased RLIMIT_NOFILE limit to 1024
WARN Failed to clean up '{dir}/logs/x-stdout---supervisor-abcd1234.log'
INFO RPC interface 'supervisor' initialized
CRIT Server 'inet_http_server:b' running without any HTTP authentication checking
INFO RPC interface 'supervisor' initialized
CRIT Server 'inet_http_server:a' running without any HTTP authentication checking
INFO RPC interface 'supervisor' initialized
CRIT Server 'unix_http_server:second' running without any HTTP authentication checking
INFO RPC interface 'supervisor' initialized
CRIT Server 'unix_http_server:first' running without any HTTP authentication checking
INFO daemonizing the supervisord process
INFO supervisord started with pid PID
INFO spawned: 'early' with pid PID
INFO spawned: 'late' with pid PID";

fn speaking_text() -> String {
    SPEAKING.replace("{other}", &free_port().to_string())
}

/// A host with [`SPEAKING`], an AUTO log of an earlier run, and one that cannot be removed.
fn speaking(subject: Subject) -> Host {
    let host = Host::new(subject, &speaking_text());
    for name in ["more", "logs", "logs/x-stdout---supervisor-abcd1234.log"] {
        fs::create_dir(host.home().join(name)).unwrap();
    }
    host.home().write("logs/y-stdout---supervisor-abcd1234.log", "of an earlier run");
    host.home().write("more/b.ini", "[supervisord]\n");
    host.home().write("more/a.ini", "[other]\n");
    host
}

/// The AUTO logs of a program.
fn auto_logs(host: &Host, program: &str) -> usize {
    let entries = fs::read_dir(host.home().join("logs")).unwrap().flatten();
    let begin = format!("{program}-");
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&begin)).count()
}

fn the_log_tells_the_steps(subject: Subject) {
    let mut host = speaking(subject);
    host.start_with(&["prlimit", "--nofile=500:5000"]);
    let daemon = Background::start(host, &[]);
    daemon.wait_log("spawned: 'late'");
    let log = daemon.log();
    let first = usize::from(!are_root());
    let wanted: Vec<&str> = STEPS.lines().skip(first).collect();
    assert_eq!(lines(&log)[..wanted.len()], wanted, "{log}");
    assert_eq!((auto_logs(daemon.host(), "y"), auto_logs(daemon.host(), "late")), (0, 2));
    // Nothing of this is on the terminal.
    assert_eq!((daemon.left.stdout.as_str(), daemon.left.stderr.as_str()), ("", ""));
    daemon.end();
    let ids = ["UP-08", "UP-09", "UP-10", "UP-11", "UP-13", "UP-14", "UP-16"];
    shown(subject, &ids);
    shown(subject, &["ST-23", "ST-24", "ST-27", "ST-28", "ST-30"]);
}

fn a_server_that_fails_comes_after_the_logs(subject: Subject) {
    let host = speaking(subject);
    host.configure(&speaking_text().replace("{dir}/s.sock", "{dir}/none/s.sock"));
    let ran = host.run_daemon(&[]);
    let message = "Cannot open an HTTP server: socket.error reported errno.ENOENT (2)";
    assert_refused(&host, &ran, message);
    let log = host.normal(&host.home().read("main.log"));
    assert!(log.ends_with(
        "CRIT Server 'unix_http_server:second' running without any HTTP authentication checking\n"
    ));
    assert_eq!((auto_logs(&host, "y"), auto_logs(&host, "early")), (0, 2));
    assert!(!host.home().join("main.pid").exists());
    shown(subject, &["UP-10", "UP-11"]);
}

fn signals_are_heard_and_the_pidfile_is_last(subject: Subject) {
    let mut daemon = Daemon::start(subject, "{head}");
    let caught = Seen::of(daemon.pid()).caught();
    let is_caught = |signal: Signal| caught >> (signal as i32 - 1) & 1 == 1;
    for signal in
        [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP, Signal::SIGUSR2]
    {
        assert!(is_caught(signal), "{signal} in {caught:x}");
    }
    for signal in [Signal::SIGUSR1, Signal::SIGALRM, Signal::SIGTSTP] {
        assert!(!is_caught(signal), "{signal} in {caught:x}");
    }
    daemon.door().call("supervisor.shutdown", &[]).unwrap();
    assert_eq!(daemon.wait_end(), 0, "by RPC");
    shown(subject, &["UP-12"]);
}

fn names_of_the_environment_are_of_the_start(subject: Subject) {
    let text = "{head}[program:p]\ncommand={child} print:%(ENV_OF_START)s forever\n\
                stdout_logfile={dir}/p.log\n";
    let mut host = Host::new(subject, text);
    host.set_environment("OF_START", "from-outside");
    let daemon = Daemon::start_on(host);
    assert_eq!(wait_text(&daemon.path("p.log"), "\n"), "from-outside\n");
    // A fault of the command line comes before one of the file.
    let host = Host::new(subject, "[supervisord]\nminfds=many\n");
    let message = "invalid value for -e 'loud': bad logging level name 'loud'";
    assert_refused(&host, &host.run_daemon(&["-e", "loud"]), message);
    shown(subject, &["UP-01"]);
}

fn paths_are_made_absolute_at_the_start(subject: Subject) {
    let keys = "[unix_http_server]\nfile=deep/../s.sock\n[supervisord]\ndirectory={dir}/deep\n\
                logfile=~/deep/../main.log\npidfile=deep/.././main.pid\n\
                [rpcinterface:supervisor]\n\
                supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n";
    let mut host = Host::new(subject, keys);
    fs::create_dir_all(host.home().join("own/deep")).unwrap();
    fs::create_dir(host.home().join("deep")).unwrap();
    host.set_environment("HOME", &host.expand("{dir}/own"));
    let daemon = Background::start(host, &[]);
    let log = daemon.host().home().join("own/main.log");
    wait_text(&log, "supervisord started with pid");
    assert_eq!(daemon.seen().directory(), daemon.host().home().join("deep"));
    // It is elsewhere by now, and they are where they were.
    daemon.door().call("supervisor.getState", &[]).unwrap();
    daemon.end();
    assert!(fs::read_dir(daemon.host().home().join("deep")).unwrap().next().is_none());

    // One word is no path, for the log alone.
    let keys = "[supervisord]\nlogfile=syslog\npidfile=syslog\nnodaemon=true\n";
    let daemon = Daemon::launch(Host::new(subject, keys));
    let pidfile = wait_text(&daemon.path("syslog"), "\n");
    assert_eq!(pidfile, format!("{}\n", daemon.pid()));
    let keys = "[supervisord]\nlogfile=./syslog\nnodaemon=true\n";
    let daemon = Daemon::launch(Host::new(subject, keys));
    wait_text(&daemon.path("syslog"), "supervisord started with pid");
    shown(subject, &["UP-03"]);
}

fn programs_are_told_where_to_connect(subject: Subject) {
    let unix = |name: &str, path: &str| format!("[unix_http_server:{name}]\nfile={path}\n");
    let inet = |name: &str, host: &str, port: u16| {
        format!("[inet_http_server:{name}]\nport={host}{port}\n")
    };
    let (one, two) = (free_port(), free_port());
    let table = [
        (
            inet("a", "127.0.0.1:", one) + &unix("b", "sub/../b.sock") + &unix("c", "{dir}/c.sock"),
            "SUPERVISOR_SERVER_URL=unix://{dir}/b.sock".to_owned(),
        ),
        (
            inet("a", "127.0.0.1:", one) + &inet("b", "LocalHost:", two),
            format!("SUPERVISOR_SERVER_URL=http://localhost:{two}"),
        ),
        (
            inet("a", "127.0.0.1:", one) + &inet("b", "", two),
            format!("SUPERVISOR_SERVER_URL=http://localhost:{two}"),
        ),
        (String::new(), "SUPERVISOR_SERVER_URL unset".to_owned()),
    ];
    for (servers, wanted) in table {
        let keys = "[supervisord]\nlogfile={dir}/main.log\npidfile={dir}/main.pid\n\
                    [program:p]\ncommand={child} env:SUPERVISOR_SERVER_URL forever\n\
                    stdout_logfile={dir}/p.log\n";
        let daemon = Daemon::launch(Host::new(subject, &format!("{keys}{servers}")));
        let told = wait_text(&daemon.path("p.log"), "\n");
        assert_eq!(daemon.host().normal(&told), format!("{wanted}\n"), "{servers}");
    }
    shown(subject, &["UP-04"]);
}

fn a_restart_closes_what_was_left_open(subject: Subject) {
    let keys = "[supervisord]\nlogfile={dir}/main.log\npidfile={dir}/main.pid\nminfds=9\n";
    let mut host = Host::new(subject, keys);
    host.start_with(&["sh", "-c", "exec 4<{dir} 8<{dir} 9<{dir} && exec \"$@\"", "-"]);
    let daemon = Daemon::launch(host);
    daemon.wait_log("supervisord started with pid");
    let seen = Seen::of(daemon.pid());
    let open = || {
        [4, 8, 9]
            .map(|number| seen.descriptor(number).is_some_and(|path| path == daemon.home().path()))
    };
    assert_eq!(open(), [true, true, true]);
    daemon.signal(Signal::SIGHUP);
    wait::until(PATIENCE, "the second start", || {
        let log = daemon.log();
        if log.matches("supervisord started with pid").count() == 2 { Ok(()) } else { Err(log) }
    });
    assert_eq!(open(), [true, false, true]);
    shown(subject, &["UP-05"]);
}
