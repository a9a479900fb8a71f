//! What each option changes in a daemon, and what counts without it.

use std::fs;
use std::path::Path;

use integration::background::Background;
use integration::facts::shown;
use integration::nobody::are_root;
use integration::rpc::Door;
use integration::subject::{Daemon, Host, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::Signal;
use nix::unistd::{Uid, User};
use rustix::process::{Resource, getrlimit};

for_each_subject![
    long_options_outweigh_the_file,
    short_options_outweigh_the_file,
    what_counts_when_nobody_says,
    flags_only_switch_on,
];

/// A program whose output has colours, with an AUTO log.
const COLOURED: &str = r#"
[program:p]
command=/bin/sh -c "printf '\\033[1mred\\033[0m\\n' && exec {sleeper}"
startsecs=0
"#;

const SERVER: &str = "
[unix_http_server]
file={dir}/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
";

/// Everything that an option can change, said otherwise.
const FILE: &str = "
[supervisord]
nodaemon=false
silent=false
user=nobody
umask=077
directory={dir}/file
logfile={dir}/file/main.log
logfile_maxbytes=0
logfile_backups=7
loglevel=critical
pidfile={dir}/file/main.pid
identifier=file
childlogdir={dir}/file
minfds=600
minprocs=1
nocleanup=false
strip_ansi=false
";

/// The options of a daemon that differs from [`FILE`] in everything: short, long, value.
const OPTIONS: [(&str, &str, Option<&str>); 14] = [
    ("-u", "--user", Some("{own}")),
    ("-m", "--umask", Some("027")),
    ("-d", "--directory", Some("{dir}/cli")),
    ("-l", "--logfile", Some("{dir}/main.log")),
    ("-y", "--logfile_maxbytes", Some("2KB")),
    ("-z", "--logfile_backups", Some("1")),
    ("-e", "--loglevel", Some("trace")),
    ("-j", "--pidfile", Some("{dir}/main.pid")),
    ("-i", "--identifier", Some("cli")),
    ("-q", "--childlogdir", Some("{dir}/cli")),
    ("-a", "--minfds", Some("700")),
    ("", "--minprocs", Some("{procs}")),
    ("-k", "--nocleanup", None),
    ("-t", "--strip_ansi", None),
];

/// So many requests fill two logs of 2 KB with a line each.
const REQUESTS: usize = 80;

/// More processes than a hard limit of none allows.
const PROCESSES: u64 = 200_000;

fn long_options_outweigh_the_file(subject: Subject) {
    let own = Uid::current();
    outweigh(subject, &own.to_string(), |_, long, value| match value {
        Some(value) => vec![format!("{long}={value}")],
        None => vec![long.to_owned()],
    });
    let ids = ["CLI-07", "CLI-08", "CLI-09", "CLI-10", "CLI-11", "CLI-12", "CLI-13", "CLI-14"];
    shown(subject, &ids);
    shown(subject, &["CLI-15", "CLI-16", "CLI-17", "CLI-18", "CLI-19", "CLI-20", "CLI-22"]);
}

fn short_options_outweigh_the_file(subject: Subject) {
    let own = User::from_uid(Uid::current()).unwrap().expect("we are known here").name;
    outweigh(subject, &own, |short, long, value| {
        let name = if short.is_empty() { long } else { short };
        [Some(name), value].into_iter().flatten().map(str::to_owned).collect()
    });
}

fn outweigh(subject: Subject, own: &str, words: fn(&str, &str, Option<&str>) -> Vec<String>) {
    let mut host = Host::new(subject, &format!("{SERVER}{FILE}{COLOURED}"));
    for name in ["file", "cli"] {
        fs::create_dir(host.home().join(name)).unwrap();
    }
    host.home().write("cli/old-stdout---cli-abcd1234.log", "kept");
    // No variable stands for an option.
    for name in ["LOGLEVEL", "SUPERVISOR_LOGLEVEL", "SUPERVISORD_LOGLEVEL"] {
        host.set_environment(name, "critical");
    }
    let hard = getrlimit(Resource::Nproc).maximum.unwrap_or(PROCESSES);
    let limits = ["prlimit", "--nofile=500:5000", &format!("--nproc={}:{hard}", hard - 2)];
    host.start_with(&limits);
    let arguments: Vec<String> = OPTIONS
        .iter()
        .flat_map(|(short, long, value)| words(short, long, *value))
        .map(|word| host.expand(&word).replace("{own}", own))
        .map(|word| word.replace("{procs}", &(hard - 1).to_string()))
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let daemon = Background::start(host, &arguments);
    let home = daemon.host().home();
    let seen = daemon.seen();
    assert_eq!(seen.uid(), Uid::current().as_raw());
    assert_eq!(seen.status("Umask"), "0027");
    assert_eq!(seen.directory(), home.join("cli"));
    assert_eq!(seen.limits("Max open files"), ("700".to_owned(), "5000".to_owned()));
    assert_eq!(seen.limits("Max processes").0, (hard - 1).to_string());
    assert_eq!(home.read("main.pid"), format!("{}\n", daemon.pid()));
    let answer = daemon.door().call("supervisor.getIdentification", &[]).unwrap();
    assert!(answer.contains(">cli<"), "{answer}");

    let log = only(&home.join("cli"), "p-stdout---cli-");
    assert_eq!(wait_text(&home.join("cli").join(log), "\n"), "red\n");
    assert_eq!(home.read("cli/old-stdout---cli-abcd1234.log"), "kept");
    assert_eq!(names(&home.join("file")), [""; 0], "nothing of the file counts");

    fill(&daemon.door(), &home.join("main.log.1"));
    assert!(!home.join("main.log.2").exists(), "one old log is kept");
    let whole = fs::metadata(home.join("main.log.1")).unwrap().len();
    assert!((2048..4096).contains(&whole), "{whole} bytes");
    assert!(home.read("main.log.1").contains(" TRAC "), "{}", home.read("main.log.1"));
    daemon.end();
}

/// Has a line logged per request, until the log has been rotated more than once.
fn fill(door: &Door, old: &Path) {
    for _ in 0..REQUESTS {
        door.call("supervisor.getState", &[]).unwrap();
    }
    wait::until(PATIENCE, "rotation", || if old.exists() { Ok(()) } else { Err("no old log") });
}

/// The one file in a directory whose name begins so.
fn only(directory: &Path, begin: &str) -> String {
    let mut found = names(directory);
    found.retain(|name| name.starts_with(begin));
    assert_eq!(found.len(), 1, "{begin} in {:?}", names(directory));
    found.remove(0)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The default of `logfile_maxbytes`.
const MAX_BYTES: u64 = 50 * 1024 * 1024;

fn what_counts_when_nobody_says(subject: Subject) {
    let mut host = Host::new(subject, &format!("[supervisord]\n{SERVER}{COLOURED}"));
    let home = host.home();
    fs::create_dir(home.join("tmp")).unwrap();
    home.write("tmp/old-stdout---supervisor-abcd1234.log", "removed");
    home.write("tmp/old-stdout---another-abcd1234.log", "kept");
    for number in 1..=10 {
        home.write(&format!("supervisord.log.{number}"), &number.to_string());
    }
    // The first line fills it up.
    grow(&home.join("supervisord.log"), MAX_BYTES - 1);
    let temporary = home.join("tmp").display().to_string();
    host.set_environment("TMPDIR", &temporary);
    host.start_with(&["prlimit", "--nofile=500:5000", "sh", "-c", "umask 077; exec \"$@\"", "-"]);
    if are_root() {
        // For others it counts what they run elsewhere, too.
        host.start_with(&["prlimit", "--nproc=150:5000"]);
    }
    let pidfile = host.home().join("supervisord.pid");
    let daemon = Background::start_with_pidfile(host, &[], pidfile);
    let (home, seen) = (daemon.host().home(), daemon.seen());
    assert_eq!(seen.uid(), Uid::current().as_raw());
    assert_eq!(seen.status("Umask"), "0022");
    assert_eq!(seen.directory(), home.path());
    assert_eq!(seen.limits("Max open files").0, "1024");
    if are_root() {
        assert_eq!(seen.limits("Max processes").0, "200");
    }
    let answer = daemon.door().call("supervisor.getIdentification", &[]).unwrap();
    assert!(answer.contains(">supervisor<"), "{answer}");

    let log = only(&home.join("tmp"), "p-stdout---supervisor-");
    let coloured = "\u{1b}[1mred\u{1b}[0m\n";
    assert_eq!(wait_text(&home.join("tmp").join(log), "\n"), coloured);
    assert!(!home.join("tmp/old-stdout---supervisor-abcd1234.log").exists());
    assert_eq!(home.read("tmp/old-stdout---another-abcd1234.log"), "kept");

    assert!(fs::metadata(home.join("supervisord.log.1")).unwrap().len() > MAX_BYTES);
    let kept: Vec<_> =
        (2..=10).map(|number| home.read(&format!("supervisord.log.{number}"))).collect();
    assert_eq!(kept, ["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert!(!home.join("supervisord.log.11").exists());
    let text = home.read("supervisord.log");
    assert!(text.contains(" INFO ") && !text.contains(" DEBG "), "{text}");
    daemon.end();

    // A little less does not fill it up.
    let host = daemon.into_host();
    grow(&host.home().join("supervisord.log"), MAX_BYTES - 20_000);
    fs::remove_file(host.home().join("supervisord.log.1")).unwrap();
    let pidfile = host.home().join("supervisord.pid");
    let daemon = Background::start_with_pidfile(host, &[], pidfile);
    daemon.end();
    assert!(!daemon.host().home().join("supervisord.log.1").exists());
}

/// Makes a file of this length that takes no room.
fn grow(path: &Path, length: u64) {
    fs::File::create(path).unwrap().set_len(length).unwrap();
}

fn flags_only_switch_on(subject: Subject) {
    let table: [(&str, &[&str], bool); 4] = [
        ("nodaemon=false\nsilent=false", &["-n"], false),
        ("nodaemon=false\nsilent=false", &["--nodaemon", "--silent"], true),
        ("nodaemon=false", &["-ns"], true),
        // The key about profiling is as good as not there.
        ("nodaemon=true\nsilent=true\nprofile_options=calls", &[], true),
    ];
    for (keys, arguments, silent) in table {
        let text = format!("[supervisord]\nlogfile=main.log\npidfile=main.pid\n{keys}\n{SERVER}");
        let host = Host::new(subject, &text);
        let mut daemon = Daemon::launch_with(host, arguments);
        daemon.wait_answering();
        assert_eq!(daemon.home().read("main.pid"), format!("{}\n", daemon.pid()), "{arguments:?}");
        daemon.signal(Signal::SIGTERM);
        assert_eq!(daemon.wait_end(), 0, "{arguments:?}");
        let (stdout, log) = (daemon.home().read("stdout.txt"), daemon.home().read("main.log"));
        assert!(log.contains("INFO supervisord started with pid"), "{log}");
        assert_eq!(stdout, if silent { String::new() } else { log }, "{arguments:?}");
    }
    shown(subject, &["CLI-01", "CLI-02", "CLI-03", "CLI-21", "CLI-23"]);
}
