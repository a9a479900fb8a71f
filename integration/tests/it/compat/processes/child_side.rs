//! What a child finds, and what becomes of it when it cannot become its program.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use integration::facts::shown;
use integration::own::{Own, status};
use integration::subject::{Daemon, Host, Subject, wait_text};
use nix::unistd::{Uid, chown, geteuid, getsid};

use super::{Differences, ask, count, wait_lines};

for_each_subject![
    a_child_finds_what_was_made_for_it,
    a_child_that_cannot_become_its_program_says_why,
    a_child_becomes_another_user,
    a_child_that_cannot_become_another_user_says_why,
];

/// Programs that look at themselves and end: name, and lines of their section.
const LOOKERS: &[(&str, &str)] = &[
    ("plain", "command={child} own"),
    ("merged", "command={child} own\nredirect_stderr=true"),
    ("placed", "command={child} own\ndirectory={dir}/inner\numask=077"),
    ("asked", "command={child} own\nserverurl=http://localhost:1"),
    (
        "renamed",
        "command={child} own\n\
         environment=SUPERVISOR_PROCESS_NAME=\"mine\",SUPERVISOR_ENABLED=\"no\",GIVEN=\"new\",\
         SUPERVISOR_SERVER_URL=\"none\",SUPERVISOR_GROUP_NAME=\"ours\"",
    ),
    ("signals", "command=/bin/cat /proc/self/status"),
];

fn lookers() -> String {
    let section = |(name, lines): &(&str, &str)| {
        format!(
            "[program:{name}]\n{lines}\nstartsecs=0\nautorestart=false\n\
             stdout_logfile={{dir}}/{name}.log\nstderr_logfile={{dir}}/{name}.err\n"
        )
    };
    let sections: Vec<_> = LOOKERS.iter().map(section).collect();
    "{head}".to_owned()
        + &sections.concat()
        + "[fcgi-program:served]\nsocket=unix://{dir}/served.sock\ncommand={child} own\n\
            startsecs=0\nautorestart=false\nstdout_logfile={dir}/served.log\n\
            [program:listens]\ncommand={child} echo stamp:{dir}/ended\nstartsecs=0\n"
}

fn a_child_finds_what_was_made_for_it(subject: Subject) {
    let mut host = Host::new(subject, &lookers());
    fs::create_dir(host.home().join("inner")).unwrap();
    for (name, value) in [("HOME", "/h"), ("USER", "u"), ("GIVEN", "old"), ("LEFT", "1")] {
        host.set_environment(name, value);
    }
    host.start_with(&["sh", "-c", "umask 027; exec 7</dev/null; exec \"$@\"", "sh"]);
    let mut without_servers = Host::new(
        subject,
        "[supervisord]
logfile={dir}/main.log
pidfile={dir}/main.pid
[program:plain]
command={child} own
startsecs=0
autorestart=false
stdout_logfile={dir}/plain.log
",
    );
    without_servers.set_environment("SUPERVISOR_SERVER_URL", "left over");
    let without_servers = Daemon::launch(without_servers);
    let daemon = Daemon::start_on(host);
    look_at_the_process(&daemon);
    look_at_the_environment(&daemon, &without_servers);
    look_at_stdin(daemon);
}

fn own(daemon: &Daemon, name: &str) -> Own {
    Own::read(&wait_text(&daemon.path(&format!("{name}.log")), "\n"))
}

fn look_at_the_process(daemon: &Daemon) {
    let subject = daemon.host().subject();
    let plain = own(daemon, "plain");
    assert_eq!(plain.group, plain.pid);
    assert_eq!(plain.session, getsid(Some(daemon.pid())).unwrap().as_raw());
    shown(subject, &["CH-01"]);
    let is_pipe = |target: &String| target.starts_with("pipe:[");
    assert_eq!(plain.fds.keys().copied().collect::<Vec<_>>(), [0, 1, 2], "{:?}", plain.fds);
    shown(subject, &["CH-03"]);
    assert!(plain.fds.values().all(is_pipe), "{:?}", plain.fds);
    assert!(plain.fds[&0] != plain.fds[&1] && plain.fds[&1] != plain.fds[&2], "{:?}", plain.fds);
    let merged = own(daemon, "merged").fds;
    assert!(merged.values().all(is_pipe) && merged[&0] != merged[&1], "{merged:?}");
    assert_eq!(merged[&1], merged[&2]);
    let served = own(daemon, "served").fds;
    assert!(served[&0].starts_with("socket:["), "{served:?}");
    assert!(is_pipe(&served[&1]) && served.len() == 3, "{served:?}");
    shown(subject, &["CH-02"]);
    assert_eq!(plain.terminals, [] as [i32; 0]);
    shown(subject, &["CH-15"]);
    let placed = own(daemon, "placed");
    let home = daemon.home().path().display().to_string();
    assert_eq!(
        (placed.directory, placed.status["Umask"].as_str()),
        (home.clone() + "/inner", "0077")
    );
    assert_eq!((plain.directory.as_str(), plain.status("Umask")), (home.as_str(), "0027"));
    shown(subject, &["CH-08"]);
    // Only cat can tell: what Rust's own programs find they change before anybody can look.
    let signals = status(&wait_text(&daemon.path("signals.log"), "SigCgt:"));
    let set = |name: &str| u64::from_str_radix(&signals[name], 16).unwrap();
    let bit = |number: libc::c_int| 1 << (number - 1);
    // Who starts the original decides about the two signals that C libraries keep to themselves.
    let ignored = set("SigIgn") & !bit(32) & !bit(33);
    assert_eq!(ignored, bit(libc::SIGPIPE) | bit(libc::SIGXFSZ));
    assert_eq!((set("SigBlk"), set("SigCgt")), (0, 0));
    shown(subject, &["CH-11"]);
}

fn look_at_the_environment(daemon: &Daemon, without_servers: &Daemon) {
    let subject = daemon.host().subject();
    let url = format!("unix://{}/s.sock", daemon.home().path().display());
    let mut differences = Differences::default();
    for (name, wanted) in [
        (
            "plain",
            [
                ("SUPERVISOR_ENABLED", Some("1")),
                ("SUPERVISOR_SERVER_URL", Some(url.as_str())),
                ("SUPERVISOR_PROCESS_NAME", Some("plain")),
                ("SUPERVISOR_GROUP_NAME", Some("plain")),
                ("GIVEN", Some("old")),
                ("LEFT", Some("1")),
                ("HOME", Some("/h")),
                ("USER", Some("u")),
            ],
        ),
        (
            "renamed",
            [
                ("SUPERVISOR_ENABLED", Some("no")),
                ("SUPERVISOR_SERVER_URL", Some("none")),
                ("SUPERVISOR_PROCESS_NAME", Some("mine")),
                ("SUPERVISOR_GROUP_NAME", Some("ours")),
                ("GIVEN", Some("new")),
                ("LEFT", Some("1")),
                ("HOME", Some("/h")),
                ("USER", Some("u")),
            ],
        ),
    ] {
        let environment = own(daemon, name).environment;
        for (variable, value) in wanted {
            let found = environment.get(variable).map(String::as_str);
            differences.look(&format!("{variable} of {name}"), found, value);
        }
    }
    let found = |daemon: &Daemon, name: &str| {
        own(daemon, name).environment.get("SUPERVISOR_SERVER_URL").cloned()
    };
    let asked = found(daemon, "asked");
    differences.look("a key of its own", asked.as_deref(), Some("http://localhost:1"));
    // Without a server nothing is set, and what the daemon had itself is left.
    let left = found(without_servers, "plain");
    differences.look("without servers", left.as_deref(), Some("left over"));
    differences.none(daemon);
    shown(subject, &["CH-06"]);
}

/// It is open for as long as the daemon lives.
fn look_at_stdin(mut daemon: Daemon) {
    let subject = daemon.host().subject();
    assert!(!own(&daemon, "plain").stdin_ended);
    daemon.wait_state("listens", "RUNNING");
    assert!(!daemon.path("ended").exists());
    daemon.kill();
    wait_text(&daemon.path("ended"), "\n");
    shown(subject, &["CH-14"]);
}

/// Name, lines of the section, and what the child says after `supervisor: `.
const FAILURES: &[(&str, &str, &str)] = &[
    (
        "nodir",
        "command={child} own\ndirectory={dir}/nowhere",
        "couldn't chdir to {dir}/nowhere: ENOENT",
    ),
    ("interpreter", "command={dir}/interpreter", "couldn't exec {dir}/interpreter: ENOENT"),
    ("text", "command={dir}/text word", "couldn't exec {dir}/text: ENOEXEC"),
    ("relative", "command=./text\ndirectory=/", "couldn't exec ./text: ENOENT"),
    ("bare", "command=text\nenvironment=PATH=\"{dir}\"", "couldn't exec text: ENOEXEC"),
];

fn a_child_that_cannot_become_its_program_says_why(subject: Subject) {
    let section = |(name, lines, _): &(&str, &str, &str), redirected: bool| {
        format!(
            "[program:{name}-{redirected}]\n{lines}\nstartsecs=9\nstartretries=0\n\
             stdout_logfile={{dir}}/{name}-{redirected}.log\n\
             stderr_logfile={{dir}}/{name}-{redirected}.err\nredirect_stderr={redirected}\n"
        )
    };
    let both = FAILURES.iter().flat_map(|row| [section(row, false), section(row, true)]);
    let host = Host::new(subject, &("{head}".to_owned() + &both.collect::<Vec<_>>().concat()));
    for (file, content) in [("interpreter", "#!/no/such/program\n"), ("text", "echo hello\n")] {
        host.home().write(file, content);
        fs::set_permissions(host.home().join(file), PermissionsExt::from_mode(0o755)).unwrap();
    }
    let daemon = Daemon::start_on(host);
    let mut differences = Differences::default();
    for (name, _, says) in FAILURES {
        for (redirected, log) in [(false, "err"), (true, "log")] {
            let name = format!("{name}-{redirected}");
            let all = wait_lines(&daemon, &name, "gave up", 1);
            let exited = format!("WARN exited: {name} (exit status 127; not expected)");
            differences.look(&name, count(&all, &exited), 1);
            let says = daemon.host().expand(says);
            let wanted = format!("supervisor: {says}\nsupervisor: child process was not spawned\n");
            differences.look(&name, daemon.home().read(&format!("{name}.{log}")), wanted);
        }
    }
    differences.none(&daemon);
    shown(subject, &["CH-07", "CH-09", "CH-10"]);
}

/// Who is who on the host of the daemon that becomes others: its own `/etc/passwd` and `/etc/group`.
const PASSWD: &str = "root:x:0:0::/root:/bin/sh
web:x:6001:6001::/home/web:/bin/false
gone:x:6009:6009::/:/bin/false
";
const GROUP: &str = "root:x:0:
extra:x:6002:web
strange:x:6005:other
more:x:6003:other,web
web:x:6001:
";

const USERS: &str = "{head}
[program:web]
command=/bin/sh -c 'cat /proc/self/status; env; pwd; echo done'
user=web
directory=/
startsecs=0
autorestart=false
stdout_logfile={dir}/private/web.log
[program:same]
command=/bin/cat /proc/self/status
user=root
startsecs=0
autorestart=false
stdout_logfile={dir}/same.log
[program:closed]
command={child} own
user=web
directory={dir}/private
startsecs=9
startretries=0
stderr_logfile={dir}/closed.err
[program:foreign]
command={dir}/private/command
user=web
startsecs=9
startretries=0
stderr_logfile={dir}/foreign.err
[program:gone]
command={child} own
user=gone
autostart=false
startsecs=9
startretries=0
stderr_logfile={dir}/gone.err
";

/// Only root can.
fn a_child_becomes_another_user(subject: Subject) {
    if !geteuid().is_root() {
        return;
    }
    let mut host = Host::new(subject, USERS);
    fs::create_dir(host.home().join("private")).unwrap();
    fs::set_permissions(host.home().join("private"), PermissionsExt::from_mode(0o700)).unwrap();
    host.home().write("private/command", "#!/bin/sh\n");
    fs::set_permissions(host.home().join("private/command"), PermissionsExt::from_mode(0o700))
        .unwrap();
    // What is closed is closed by `private` alone.
    fs::set_permissions(host.home().path(), PermissionsExt::from_mode(0o755)).unwrap();
    host.home().write("passwd", PASSWD);
    host.home().write("group", GROUP);
    host.set_environment("HOME", "/h");
    host.set_environment("USER", "u");
    host.set_environment("LOGNAME", "l");
    host.set_environment("SHELL", "/s");
    let script = "mount --bind {dir}/passwd /etc/passwd && mount --bind {dir}/group /etc/group && \
                  exec setpriv --groups=7001,7002 \"$@\"";
    host.start_with(&["unshare", "--mount", "sh", "-c", script, "sh"]);
    let daemon = Daemon::start_on(host);
    look_at_web(&daemon);
    look_at_those_who_do_not_get_so_far(&daemon);
}

fn look_at_web(daemon: &Daemon) {
    let subject = daemon.host().subject();
    let log = daemon.path("private/web.log");
    let text = wait_text(&log, "done");
    let web = status(&text);
    let ids = ["Uid", "Gid", "Groups"].map(|name| web[name].as_str());
    assert_eq!(ids, ["6001 6001 6001 6001", "6001 6001 6001 6001", "6001 6002 6003"]);
    let same = status(&wait_text(&daemon.path("same.log"), "Groups:"));
    let ids = ["Uid", "Gid", "Groups"].map(|name| same[name].as_str());
    assert_eq!(ids, ["0 0 0 0", "0 0 0 0", "7001 7002"]);
    shown(subject, &["CH-05"]);
    let file = fs::metadata(&log).unwrap();
    assert_eq!((file.uid(), fs::metadata(daemon.path("private")).unwrap().uid()), (0, 0));
    shown(subject, &["CH-13"]);
    for variable in ["HOME=/h", "USER=u", "LOGNAME=l", "SHELL=/s"] {
        assert!(text.lines().any(|line| line == variable), "{variable} is not in {text}");
    }
}

/// The command was looked at as root, who may run it; the rest is done as the user, who may not.
fn look_at_those_who_do_not_get_so_far(daemon: &Daemon) {
    daemon.home().write("passwd", "root:x:0:0::/root:/bin/sh\n");
    // An answer would say whether the original has seen the child's end already.
    let _ = ask(daemon, "startProcess", "gone");
    let home = daemon.home().path().display().to_string();
    let says = |name: &str, text: &str| {
        wait_lines(daemon, name, "(exit status 127; not expected)", 1);
        let wanted = format!("supervisor: {text}\nsupervisor: child process was not spawned\n");
        assert_eq!(daemon.home().read(&format!("{name}.err")), wanted);
    };
    says("closed", &format!("couldn't chdir to {home}/private: EACCES"));
    says("foreign", &format!("couldn't exec {home}/private/command: EACCES"));
    says("gone", "couldn't setuid to 6009: Can't find uid 6009");
}

const NOBODY: &str = "{head}
[program:other]
command=/bin/cat /proc/self/status
user={user}
startsecs=9
startretries=0
stderr_logfile={dir}/other.err
[program:same]
command=/bin/cat /proc/self/status
user={same}
startsecs=0
autorestart=false
stdout_logfile={dir}/same.log
";

/// An ordinary user, and a root who may not change groups.
fn a_child_that_cannot_become_another_user_says_why(subject: Subject) {
    let nobody = 65534;
    let configuration = NOBODY.replace("{user}", "root");
    let is_root = geteuid().is_root();
    let same = if is_root { nobody } else { geteuid().as_raw() };
    let mut host = Host::new(subject, &configuration.replace("{same}", &same.to_string()));
    if is_root {
        // It keeps no right but to read files, since where the tests lie may be closed to others.
        chown(host.home().path(), Some(Uid::from_raw(nobody)), None).unwrap();
        let ids = ["--reuid=65534", "--regid=65534", "--groups=7001,7002"];
        let right = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];
        host.start_with(&[&["setpriv"], ids.as_slice(), right.as_slice()].concat());
    }
    let mut daemons = vec![(Daemon::launch(host), 0, "Can't drop privilege as nonroot user")];
    if is_root {
        for (call, why) in [
            ("setgroups", "Could not set groups of effective user"),
            ("setgid", "Could not set group id of effective user"),
        ] {
            let configuration = NOBODY.replace("{user}", "nobody").replace("{same}", "root");
            let mut host = Host::new(subject, &configuration);
            host.confine(&[&format!("{call}={}", libc::EPERM)]);
            daemons.push((Daemon::launch(host), nobody, why));
        }
    }
    for (daemon, uid, why) in &daemons {
        let wanted = format!(
            "supervisor: couldn't setuid to {uid}: {why}\n\
             supervisor: child process was not spawned\n"
        );
        let found = wait_text(&daemon.path("other.err"), "not spawned\n");
        assert_eq!(found, wanted);
        daemon.wait_log("WARN exited: other (exit status 127; not expected)\n");
        // Who is that already stays what it is, groups and all.
        let same = status(&wait_text(&daemon.path("same.log"), "Groups:"));
        assert_eq!(same["Groups"], daemon_groups(daemon));
    }
    if is_root {
        shown(subject, &["CH-04"]);
    }
}

fn daemon_groups(daemon: &Daemon) -> String {
    let text = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    status(&text)["Groups"].clone()
}
