//! `command=`: how it is split and what is executed (CMD-01 to CMD-10), on running daemons, a
//! program for each row.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use integration::facts::shown;
use integration::sleeper;
use integration::subject::{Daemon, Host, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use nix::unistd::{Pid, Uid};

for_each_subject![words, searches, without_a_path, a_file_that_others_may_execute];

/// What comes of a program.
enum Outcome {
    /// It runs, and these are its words.
    Words(&'static [&'static str]),
    /// It runs, and this is the file that is executed; `{dir}` stands for the home.
    Runs(&'static str),
    /// It cannot be spawned, for this reason.
    SpawnError(&'static str),
    /// It was spawned, said this and ended.
    Says(&'static str),
}

use Outcome::{Runs, Says, SpawnError, Words};

struct Case {
    ids: &'static [&'static str],
    lines: &'static str,
    outcome: Outcome,
}

fn case(ids: &'static [&'static str], lines: &'static str, outcome: Outcome) -> Case {
    Case { ids, lines, outcome }
}

/// Runs all of them in one daemon and looks at each.
fn check(mut host: Host, path: Option<&str>, cases: &[Case]) -> Daemon {
    let mut text = "{head}\n".to_owned();
    for (number, case) in cases.iter().enumerate() {
        let lines = case.lines;
        let _ = writeln!(
            text,
            "[program:p{number}]\nstartsecs=0\nstartretries=0\nautorestart=false\n\
             stderr_logfile={{dir}}/p{number}.err\n{lines}"
        );
    }
    host.configure(&text);
    if let Some(path) = path {
        let path = host.expand(path);
        host.set_environment("PATH", &path);
    }
    let subject = host.subject();
    let daemon = Daemon::start_on(host);
    for (number, case) in cases.iter().enumerate() {
        look(&daemon, &format!("p{number}"), case);
        shown(subject, case.ids);
    }
    daemon
}

fn look(daemon: &Daemon, name: &str, case: &Case) {
    let at = format!("{:?} {:?}", case.ids, case.lines);
    match case.outcome {
        Words(words) => {
            let process = daemon.wait_state(name, "RUNNING");
            // What was forked a moment ago may not be executed yet.
            wait::until(PATIENCE, &at, || {
                let found = cmdline(process.pid);
                if found == words { Ok(()) } else { Err(format!("{found:?}")) }
            });
        }
        Runs(file) => {
            let process = daemon.wait_state(name, "RUNNING");
            let wanted = fs::canonicalize(daemon.host().expand(file)).expect("it is there");
            wait::until(PATIENCE, &at, || {
                let link = fs::read_link(format!("/proc/{}/exe", process.pid)).expect("it runs");
                if link == wanted { Ok(()) } else { Err(link.display().to_string()) }
            });
        }
        SpawnError(reason) => {
            let process = daemon.wait_state(name, "FATAL");
            assert_eq!(daemon.host().normal(&process.spawn_error), reason, "{at}");
        }
        Says(text) => {
            daemon.wait_state(name, "EXITED");
            let wanted = format!("supervisor: {text}\nsupervisor: child process was not spawned\n");
            let said = wait_text(&daemon.path(&format!("{name}.err")), "was not spawned\n");
            assert_eq!(said, wanted, "{at}");
        }
    }
}

/// The words behind the first, which is the sleeper's path.
fn cmdline(pid: Pid) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).expect("it runs");
    let text = String::from_utf8(bytes).expect("it was given text");
    text.split_terminator('\0').skip(1).map(str::to_owned).collect()
}

fn words(subject: Subject) {
    let cases = [
        case(&["CMD-01"], "command={sleeper} a  b\t c", Words(&["a", "b", "c"])),
        case(&["CMD-01"], "command={sleeper}\n a\n\n  b", Words(&["a", "b"])),
        case(&["CMD-01"], "command=\n {sleeper} a", Words(&["a"])),
        case(
            &["CMD-01"],
            r#"command={sleeper} 'b \" c'd '' "" e"f 'g"h"#,
            Words(&[r#"b \" cd"#, "", "", "ef 'gh"]),
        ),
        case(&["CMD-01"], r#"command={sleeper} "x\"y\\z\n\$""#, Words(&[r#"x"y\z\n\$"#])),
        case(&["CMD-01"], r"command={sleeper} a\ b \' \\ \n", Words(&["a b", "'", r"\", "n"])),
        case(&["CMD-01"], "command={sleeper} a#b '#c'", Words(&["a#b", "#c"])),
        case(&["CMD-01"], "command={sleeper} 100%% %(numprocs)s é", Words(&["100%", "1", "é"])),
        case(
            &["CMD-02"],
            "command={sleeper} $HOME ${HOME} * ~ > /dev/null && x | y `z` {a,b}",
            Words(&[
                "$HOME",
                "${HOME}",
                "*",
                "~",
                ">",
                "/dev/null",
                "&&",
                "x",
                "|",
                "y",
                "`z`",
                "{a,b}",
            ]),
        ),
        case(
            &["CMD-03"],
            "command=sleep 'x",
            SpawnError("can't parse command \"sleep 'x\": No closing quotation"),
        ),
        case(
            &["CMD-03"],
            "command=sleep \"x",
            SpawnError("can't parse command 'sleep \"x': No closing quotation"),
        ),
        case(
            &["CMD-03"],
            r"command=sleep x\",
            SpawnError(r"can't parse command 'sleep x\\': No escaped character"),
        ),
        case(&["CMD-04"], "command=", SpawnError("command is empty")),
        case(&["CMD-04"], "command= ; nothing", SpawnError("command is empty")),
        case(
            &["CMD-09"],
            "command=bash -c 'a ; b'",
            SpawnError("can't parse command \"bash -c 'a\": No closing quotation"),
        ),
        case(&["CMD-09"], "command={sleeper} a #b", Words(&["a"])),
        // What a word is does not depend on quotes around all of it.
        case(&["CMD-05"], "command='sleep' 1000", Words(&["1000"])),
    ];
    let daemon = check(Host::new(subject, ""), None, &cases);
    // CMD-05: the first word as it was written, the file as it was found.
    let last = format!("p{}", cases.len() - 1);
    let pid = daemon.wait_state(&last, "RUNNING").pid;
    let all = fs::read(format!("/proc/{pid}/cmdline")).expect("it runs");
    assert_eq!(all, b"sleep\x001000\0");
    let file = fs::read_link(format!("/proc/{pid}/exe")).expect("it runs");
    assert!(file.is_absolute() && file.ends_with(file_of("sleep")), "{}", file.display());
}

/// What is executed as this program may have another name.
fn file_of(program: &str) -> std::ffi::OsString {
    let found = fs::canonicalize(Path::new("/usr/bin").join(program)).expect("every host has it");
    found.file_name().expect("a program has a name").to_owned()
}

/// `{dir}/one` and `{dir}/two` hold programs and what only looks like one.
fn tree(host: &Host) {
    let home = host.home();
    for directory in ["one/dir", "two", "rel", "elsewhere/other"] {
        fs::create_dir_all(home.join(directory)).expect("a fresh home is writable");
    }
    for program in [
        "one/both",
        "two/both",
        "two/second",
        "two/dir",
        "two/plain",
        "rel/here",
        "elsewhere/other/there",
    ] {
        symlink(sleeper::path(), home.join(program)).expect("nothing is there yet");
    }
    home.write("one/plain", "#!/bin/sh\n");
    home.write("one/text", "neither a program nor a script\n");
    home.write("one/lost", "#!/no/where\n");
    for file in ["one/text", "one/lost"] {
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(home.join(file), mode).expect("it is ours");
    }
}

fn searches(subject: Subject) {
    let host = Host::new(subject, "");
    tree(&host);
    let cases = [
        case(&["CMD-06"], "command=rel/here", Runs("{dir}/rel/here")),
        case(&["CMD-06"], "command={dir}/rel/../rel/here", Runs("{dir}/rel/here")),
        case(&["CMD-06"], "command=./rel/here\ndirectory={dir}", Runs("{dir}/rel/here")),
        case(&["CMD-06"], "command=rel/here\ndirectory=/", Says("couldn't exec rel/here: ENOENT")),
        case(
            &["CMD-06"],
            "command=other/there\ndirectory={dir}/elsewhere",
            SpawnError("can't find command 'other/there'"),
        ),
        case(&["CMD-07"], "command=both", Runs("{dir}/one/both")),
        case(&["CMD-07"], "command=second", Runs("{dir}/two/second")),
        case(&["CMD-07"], "command=both\nenvironment=PATH=\"{dir}/two\"", Runs("{dir}/two/both")),
        case(
            &["CMD-07"],
            "command=second\nenvironment=PATH=\"/usr/bin\"",
            SpawnError("can't find command 'second'"),
        ),
        // No path is the directory that it runs in.
        case(&["CMD-07"], "command=here\nenvironment=PATH=\":{dir}/rel\"", Runs("{dir}/rel/here")),
        case(
            &["CMD-08", "CMD-10"],
            "command=dir",
            SpawnError("command at '{dir}/one/dir' is a directory"),
        ),
        case(
            &["CMD-08", "CMD-10"],
            "command=plain",
            SpawnError("command at '{dir}/one/plain' is not executable"),
        ),
        case(&["CMD-10"], "command=nowhere", SpawnError("can't find command 'nowhere'")),
        case(
            &["CMD-10"],
            "command={dir}/nowhere",
            SpawnError("can't find command '{dir}/nowhere'"),
        ),
        case(
            &["CMD-10"],
            "command={dir}/one/dir",
            SpawnError("command at '{dir}/one/dir' is a directory"),
        ),
        case(
            &["CMD-10"],
            "command=/etc/passwd x",
            SpawnError("command at '/etc/passwd' is not executable"),
        ),
        case(&["CMD-10"], "command=one/text", Says("couldn't exec one/text: ENOEXEC")),
        case(&["CMD-10"], "command=lost", Says("couldn't exec lost: ENOENT")),
    ];
    check(host, Some("{dir}/one:{dir}/two:/usr/bin:/bin"), &cases);
}

/// With no path at all there are still the usual places.
fn without_a_path(subject: Subject) {
    let host = Host::new(subject, "");
    let cases = [
        case(&["CMD-07"], "command=sleep 1000", Words(&["1000"])),
        case(
            &["CMD-07"],
            "command=sleep 1000\nenvironment=PATH=\"/nowhere\"",
            SpawnError("can't find command 'sleep'"),
        ),
        case(&["CMD-07"], "command=sbin-only", SpawnError("can't find command 'sbin-only'")),
    ];
    check(host, Some(""), &cases);
}

/// The last check: a file that somebody may execute, but not who asks.
fn a_file_that_others_may_execute(subject: Subject) {
    let is_root = Uid::effective().is_root();
    let host = Host::new(subject, "");
    host.home().write("program", "#!/bin/sh\n");
    let mode = if is_root { 0o700 } else { 0o011 };
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    set(&host.home().join("program"), mode);
    let mut text = "{head}\n[program:p]\ncommand={dir}/program\nstartretries=0\n".to_owned();
    if is_root {
        set(host.home().path(), 0o777);
        text = text.replace("{head}", "{head}\n[supervisord]\nuser=nobody\n");
    }
    host.configure(&text);
    let daemon = Daemon::start_on(host);
    let process = daemon.wait_state("p", "FATAL");
    let reason = daemon.host().normal(&process.spawn_error);
    assert_eq!(reason, "no permission to run command '{dir}/program'");
    shown(subject, &["CMD-10"]);
}
