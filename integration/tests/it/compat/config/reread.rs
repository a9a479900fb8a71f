//! What a reread makes of sections (EXP-26, KEL-09), and what a listener's channels do (KEL-06).

use std::fs;

use integration::facts::shown;
use integration::subject::{Daemon, Host, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::Signal;

for_each_subject![what_was_known_stays_known, a_pool_is_compared, a_listeners_stderr_is_a_channel];

/// The names that are added, changed and removed, or the fault.
fn reread(daemon: &Daemon, configuration: &str) -> String {
    daemon.host().configure(configuration);
    let answer = match daemon.door().call("supervisor.reloadConfig", &[]) {
        Ok(answer) => answer,
        Err(fault) => return fault.to_string(),
    };
    // A list of one list of three lists.
    let lists = answer.split("<array>").skip(3).map(|list| {
        let names = list.split("<string>").skip(1).filter_map(|name| name.split("</").next());
        names.collect::<Vec<_>>().join(",")
    });
    lists.collect::<Vec<_>>().join("|")
}

fn what_was_known_stays_known(subject: Subject) {
    let program = "[program:x]\ncommand={sleeper} %(ENV_K)s\nstartsecs=0\n";
    let first = format!("{{head}}\n[supervisord]\nenvironment=K=\"known\"\n{program}");
    let mut daemon = Daemon::start(subject, &first);
    daemon.wait_state("x", "RUNNING");
    // What x gets as its environment is different now; what %(ENV_K)s means is not.
    let without = format!("{{head}}\n{program}");
    assert_eq!(reread(&daemon, &without), "|x|");
    assert_eq!(daemon.ctl(&["update"]).stdout, "x: stopped\nx: updated process group\n");
    let pid = daemon.wait_state("x", "RUNNING").pid;
    wait::until(PATIENCE, "the word", || {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if words.ends_with(b"\0known\0") {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&words).into_owned())
        }
    });
    let refused = reread(&daemon, &without.replace("ENV_K", "ENV_NEVER"));
    assert!(refused.starts_with("fault 92: CANT_REREAD: Format string"), "{refused}");
    daemon.host().configure(&without);
    // A restart forgets. The original ends of it; ours looks before it stops anything (COMPAT-2).
    daemon.signal(Signal::SIGHUP);
    let unknown =
        "Format string '{sleeper} %(ENV_K)s' for 'program:x.command' contains names ('ENV_K')";
    let unknown = daemon.host().expand(unknown);
    match subject {
        Subject::Original => {
            assert_eq!(daemon.wait_end(), 2);
            assert!(daemon.home().read("stderr.txt").contains(&unknown));
        }
        Subject::Ours => {
            daemon.wait_log(&unknown);
            assert_eq!(daemon.process("x").unwrap().pid, pid);
        }
    }
    shown(subject, &["EXP-26"]);
}

fn a_pool_is_compared(subject: Subject) {
    let pool = |lines: &str| {
        format!(
            "{{head}}\n[eventlistener:l]\ncommand={{sleeper}}\nautostart=false\nevents=TICK_5,TICK_60\n{lines}\n"
        )
    };
    let first = "buffer_size=7\npriority=3";
    let mut host = Host::new(subject, &pool(first));
    // The original compares lists that it makes of Python's sets: their order is that of the hashes, and
    // of two that collide the one that was named first comes first.
    host.set_environment("PYTHONHASHSEED", "0");
    let daemon = Daemon::start_on(host);
    let unchanged = "||";
    for (lines, said) in [
        ("", unchanged),
        ("events=TICK_60,TICK_5", unchanged),
        ("events=tick_60 , TICK_5, TICK_5", unchanged),
        ("result_handler=supervisor.dispatchers:default_handler", unchanged),
        ("events=TICK_5", "|l|"),
        ("events=TICK_5,TICK_60,EVENT", "|l|"),
        ("buffer_size=8", "|l|"),
        ("priority=4", "|l|"),
        ("startsecs=3", "|l|"),
        ("environment=A=\"1\"", "|l|"),
        ("", unchanged),
    ] {
        assert_eq!(reread(&daemon, &pool(&format!("{first}\n{lines}"))), said, "{lines}");
    }
    let renamed = pool(first).replace("eventlistener:l", "eventlistener:m");
    assert_eq!(reread(&daemon, &renamed), "m||l");
    let program = pool(first).replace("eventlistener:l", "program:l");
    assert_eq!(reread(&daemon, &program), "|l|");
    shown(subject, &["KEL-09"]);
}

/// A listener that writes down what it is told, and another that speaks on both of its channels.
const LISTENER: &str = r#"#!/bin/sh
while :; do
    printf 'READY\n'
    read -r header || exit 0
    payload=$(dd bs=1 count="${header##*len:}" 2>/dev/null)
    printf '%s\n%s\n' "$header" "$payload" >> "$1"
    printf 'RESULT 2\nOK'
done
"#;

const SPEAKER: &str = "#!/bin/sh
until test -s \"$1\"; do sleep 0.1; done
printf 'READY\\n'
printf '<!--XSUPERVISOR:BEGIN-->captured<!--XSUPERVISOR:END-->' >&2
echo to the log, and more than is held back >&2
exec sleep 1000
";

fn a_listeners_stderr_is_a_channel(subject: Subject) {
    let host = Host::new(
        subject,
        "{head}
[eventlistener:ear]
command=sh {dir}/listener {dir}/heard
events=PROCESS_COMMUNICATION,PROCESS_LOG,PROCESS_STATE_STARTING
[eventlistener:mouth]
command=sh {dir}/speaker {dir}/heard
events=TICK_3600
priority=999
stdout_capture_maxbytes=1KB
stdout_events_enabled=true
stderr_capture_maxbytes=1KB
stderr_events_enabled=true
stderr_logfile={dir}/mouth.err
",
    );
    host.home().write("listener", LISTENER);
    host.home().write("speaker", SPEAKER);
    let daemon = Daemon::start_on(host);
    let heard = wait_text(&daemon.path("heard"), "to the log, and more");
    assert!(heard.contains("eventname:PROCESS_COMMUNICATION_STDERR "), "{heard}");
    assert!(heard.contains("processname:mouth groupname:mouth pid:"), "{heard}");
    assert!(heard.contains("\ncaptured\n"), "{heard}");
    assert!(heard.contains("eventname:PROCESS_LOG_STDERR "), "{heard}");
    // What it says to its pool is no output.
    assert!(!heard.contains("_STDOUT") && !heard.contains("READY"), "{heard}");
    assert_eq!(daemon.home().read("mouth.err"), "to the log, and more than is held back\n");
    shown(subject, &["KEL-06"]);
}
