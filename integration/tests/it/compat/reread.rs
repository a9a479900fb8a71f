//! What a reread sees, reports and leaves as it is.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use integration::facts::shown;
use integration::rpc::CallError;
use integration::subject::{Daemon, Host, Subject};

for_each_subject![
    a_reread_compares_and_reports,
    a_broken_configuration_is_told_and_changes_nothing
];

/// A program for each key: its name, the lines before and the lines after.
const KEYS: &[(&str, &str, &str)] = &[
    ("command", "command=/bin/cat", "command=/bin/cat -n"),
    ("commandblanks", "command=/bin/cat -n", "command=/bin/cat  -n"),
    ("directory", "", "directory=/"),
    ("umask", "umask=022", "umask=027"),
    ("priority", "priority=998", "priority=997"),
    ("autorestart", "", "autorestart=true"),
    ("startsecs", "", "startsecs=2"),
    ("startretries", "", "startretries=4"),
    ("stopsignal", "", "stopsignal=INT"),
    ("stopwaitsecs", "", "stopwaitsecs=11"),
    ("killasgroup", "", "killasgroup=true"),
    ("stopasgroup", "killasgroup=true", "stopasgroup=true"),
    ("exitcodes", "exitcodes=0", "exitcodes=0,2"),
    ("redirect", "", "redirect_stderr=true"),
    ("outfile", "stdout_logfile=NONE", "stdout_logfile={dir}/out"),
    ("outnone", "", "stdout_logfile=NONE"),
    ("outbytes", "", "stdout_logfile_maxbytes=1MB"),
    ("outbackups", "", "stdout_logfile_backups=3"),
    ("outcapture", "", "stdout_capture_maxbytes=1KB"),
    ("outevents", "", "stdout_events_enabled=true"),
    ("outsyslog", "", "stdout_syslog=true"),
    ("errfile", "stderr_logfile=NONE", "stderr_logfile={dir}/err"),
    ("errnone", "", "stderr_logfile=NONE"),
    ("errbytes", "", "stderr_logfile_maxbytes=1MB"),
    ("errbackups", "", "stderr_logfile_backups=3"),
    ("errcapture", "", "stderr_capture_maxbytes=1KB"),
    ("errevents", "", "stderr_events_enabled=true"),
    ("errsyslog", "", "stderr_syslog=true"),
    ("environment", "environment=A=1", "environment=A=2"),
    ("serverurl", "", "serverurl=http://localhost:9"),
    ("numprocs", "", "numprocs=2\nprocess_name=%(process_num)d"),
    ("user", "", "user=0"),
];

/// What a reread does not see: the same value in other words, and what it does not look at.
const UNSEEN: &[(&str, &str, &str)] = &[
    ("sameexitcodes", "exitcodes=0,2", "exitcodes=0 , 2"),
    ("samebytes", "stdout_logfile_maxbytes=1MB", "stdout_logfile_maxbytes=1024KB"),
    ("sameboolean", "redirect_stderr=yes", "redirect_stderr=on"),
    ("samesignal", "stopsignal=TERM", "stopsignal=SIGTERM"),
    ("sameenvironment", "environment=A=1,B=2", "environment=B=\"2\",A=\"1\""),
    ("unknown", "", "a_key_that_nobody_reads=1"),
];

const GROUPS_BEFORE: &str = "
[program:runs]
command=/bin/cat
startsecs=0
[program:gone]
command=/bin/cat
startsecs=0
[group:grouppriority]
programs=grouped
[program:grouped]
command=/bin/cat
autostart=false
[group:members]
programs=one
[program:one]
command=/bin/cat
autostart=false
[program:two]
command=/bin/cat
autostart=false
[fcgi-program:fcgisocket]
command=/bin/cat
socket=unix://{dir}/a.sock
autostart=false
[fcgi-program:fcgifile]
command=/bin/cat
socket=unix://{dir}/b.sock
autostart=false
[eventlistener:poolevents]
command=/bin/cat
events=TICK_5
autostart=false
[eventlistener:poolbuffer]
command=/bin/cat
events=TICK_5
autostart=false
[eventlistener:poolorder]
command=/bin/cat
events=TICK_5,TICK_60
autostart=false
";

/// The groups that change here, the one that comes, and those that only seem to change.
const GROUPS_AFTER: &str = "
[program:runs]
command=/bin/cat -u
startsecs=0
[program:fresh]
command=/bin/cat
autostart=false
[group:grouppriority]
programs=grouped
priority=7
[program:grouped]
command=/bin/cat
autostart=false
[group:members]
programs=one,two
[program:one]
command=/bin/cat
autostart=false
[program:two]
command=/bin/cat
autostart=false
[fcgi-program:fcgisocket]
command=/bin/cat
socket=unix://{dir}/c.sock
autostart=false
[fcgi-program:fcgifile]
command=/bin/cat
socket=unix://{dir}/b.sock
socket_mode=0770
socket_backlog=5
autostart=false
[eventlistener:poolevents]
command=/bin/cat
events=TICK_60
autostart=false
[eventlistener:poolbuffer]
command=/bin/cat
events=TICK_5
buffer_size=11
autostart=false
[eventlistener:poolorder]
command=/bin/cat
events=TICK_60,TICK_5
autostart=false
";

const GROUPS_CHANGED: &[&str] =
    &["runs", "grouppriority", "members", "fcgisocket", "poolevents", "poolbuffer"];

/// `autostart` itself is among the keys, so that one cannot be taken away from all.
const AUTOSTART: (&str, &str, &str) = (
    "autostart",
    "[program:autostart]\ncommand=/bin/cat\nautostart=false\n",
    "[program:autostart]\ncommand=/bin/cat\n",
);

fn configuration(after: bool) -> String {
    let mut text = "{head}".to_owned();
    for (name, old, new) in KEYS.iter().chain(UNSEEN) {
        let lines = if after { new } else { old };
        let command = if lines.contains("command=") { "" } else { "command=/bin/cat\n" };
        let _ = write!(text, "[program:{name}]\n{command}autostart=false\n{lines}\n");
    }
    text + if after { AUTOSTART.2 } else { AUTOSTART.1 }
        + if after { GROUPS_AFTER } else { GROUPS_BEFORE }
}

fn a_reread_compares_and_reports(subject: Subject) {
    let mut host = Host::new(subject, &configuration(false));
    let words = ["sh", "-c", "exec \"$0\" -i of-the-command-line \"$@\""].map(PathBuf::from);
    host.set_program([&words, [subject.program()].as_slice()].concat());
    let daemon = Daemon::start_on(host);
    let running = ["runs", "gone"].map(|name| daemon.wait_state(name, "RUNNING"));
    let log = daemon.log();
    assert_eq!(reread(&daemon), [[""; 0]; 3], "nothing has changed");

    let after =
        configuration(true).replace("{head}", "{head}[supervisord]\nidentifier=of-the-file\n");
    daemon.host().configure(&after);
    let mut changed: Vec<&str> = KEYS.iter().map(|(name, _, _)| *name).collect();
    changed.extend(GROUPS_CHANGED);
    changed.push(AUTOSTART.0);
    changed.sort_unstable();
    let expected = [vec!["fresh"], changed, vec!["gone", "two"]];
    assert_eq!(reread(&daemon), expected);
    shown(subject, &["RRD-02"]);
    assert_eq!(reread(&daemon), expected, "until it is taken up it is reported again");
    assert_eq!(["runs", "gone"].map(|name| daemon.process(name).unwrap()), running);
    assert!(daemon.process("fresh").is_err(), "known, and not active");
    let said = daemon.log();
    let said = said.strip_prefix(log.as_str()).unwrap();
    for word in ["spawned", "stopped", "exited"] {
        assert!(!said.contains(word), "{said}");
    }
    shown(subject, &["RRD-01"]);
    let identity = daemon.door().call("supervisor.getIdentification", &[]).unwrap();
    assert!(identity.contains("<string>of-the-command-line</string>"), "{identity}");
    shown(subject, &["RRD-06"]);

    // A variable for all is a change of all, pools and sockets not excepted.
    let all = configuration(false).replace("{head}", "{head}[supervisord]\nenvironment=ALL=1\n");
    daemon.host().configure(&all);
    let [added, mut changed, removed] = reread(&daemon);
    assert!(added.is_empty() && removed.is_empty(), "{added:?} {removed:?}");
    let mut everybody: Vec<&str> = KEYS.iter().chain(UNSEEN).map(|(name, _, _)| *name).collect();
    everybody.extend(GROUPS_CHANGED);
    everybody.extend(["gone", "fcgifile", "poolorder", "two", AUTOSTART.0]);
    everybody.sort_unstable();
    changed.sort_unstable();
    assert_eq!(changed, everybody);
    shown(subject, &["RRD-07"]);
}

/// Added, changed and removed groups, sorted.
fn reread(daemon: &Daemon) -> [Vec<String>; 3] {
    let xml = daemon.door().call("supervisor.reloadConfig", &[]).unwrap();
    // The answer is an array of one array of three arrays of strings.
    let mut lists = xml.split("<data>").skip(3).map(|list| {
        let list = list.split("</data>").next().unwrap();
        let mut names: Vec<String> = list
            .split("<string>")
            .skip(1)
            .map(|text| text.split("</string>").next().unwrap().to_owned())
            .collect();
        names.sort_unstable();
        names
    });
    let lists = [lists.next(), lists.next(), lists.next()];
    lists.map(|list| list.unwrap_or_else(|| panic!("three lists: {xml}")))
}

fn a_broken_configuration_is_told_and_changes_nothing(subject: Subject) {
    const GOOD: &str = "{head}
[program:one]
command={child} forever
startsecs=0
stdout_logfile={dir}/logs/one.log
";
    let host = Host::new(subject, GOOD);
    fs::create_dir(host.home().join("logs")).unwrap();
    let daemon = Daemon::start_on(host);
    let running = daemon.wait_state("one", "RUNNING");
    fs::remove_file(daemon.path("logs/one.log")).unwrap();
    fs::remove_dir(daemon.path("logs")).unwrap();
    let cases = [
        GOOD.to_owned(),
        GOOD.replace("logs/one.log", "one.log").replace("startsecs=0", "startsecs=soon"),
        GOOD.replace("{child}", "%(nothing)s"),
        GOOD.replace("[program:one]", "[supervisord]\nlogfile=/nowhere/x\n[program:one]"),
        "[program:one]\ncommand=/bin/cat\n".to_owned(),
        "garbage\n".to_owned(),
        String::new(),
    ];
    for case in cases {
        daemon.host().configure(&case);
        let ran = daemon.host().run_daemon(&[]);
        let text = ran.stderr.split_once("Error: ").unwrap().1;
        let text = text.split_once("\nFor help, use ").unwrap().0;
        let fault = match daemon.door().call("supervisor.reloadConfig", &[]) {
            Err(CallError::Fault(fault)) => fault,
            other => panic!("{case}: {other:?}"),
        };
        let told = daemon.host().normal(&fault.text);
        assert_eq!((fault.code, told), (92, format!("CANT_REREAD: {text}")), "{case}");
        assert_eq!(daemon.process("one").unwrap(), running);
        fs::remove_file(daemon.path("stderr.txt")).unwrap();
    }
    daemon.host().configure(&GOOD.replace("logs/one.log", "one.log"));
    assert_eq!(reread(&daemon)[1], ["one"]);
    shown(subject, &["RRD-05"]);
}
