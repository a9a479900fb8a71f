//! Output as events: what programs write, what they have captured, and what listeners write.

use integration::ears::{Heard, wait_heard};
use integration::facts::shown;
use integration::subject::{Daemon, Subject};
use integration::wait::{self, PATIENCE};

use super::{about, send};

for_each_subject![output_is_told_chunk_by_chunk];

const BEGIN: &str = "<!--XSUPERVISOR:BEGIN-->";
const END: &str = "<!--XSUPERVISOR:END-->";

/// Longer than what came before it in its capture, and than the capture may be.
const LONG_PIECE: &str = "more than all that stood here before, however much that may have been";

/// Each program waits for its file, so that the listener is there before it writes.
const WRITERS: &str = "{head}
[supervisord]
loglevel=debug
[eventlistener:ear]
command={child} serve:{dir}/heard
events=PROCESS_LOG,PROCESS_COMMUNICATION,REMOTE_COMMUNICATION
buffer_size=100
startsecs=0
priority=-2
[eventlistener:talker]
command={child} 'say:READY\\n' until:{dir}/go 'complain:a long complaint of a listener' 'say:<!--XSUPERVISOR:BEGIN-->' until:{dir}/out
events=TICK_3600
startsecs=0
autorestart=false
priority=-3
stdout_events_enabled=true
stdout_capture_maxbytes=100
stderr_events_enabled=true
[program:lines]
command={child} until:{dir}/go 'say:one\\ntwo\\nthree\\n' 'complain:four' forever
stdout_events_enabled=true
stderr_events_enabled=true
startsecs=0
stdout_logfile={dir}/lines
[program:both]
command={child} until:{dir}/go 'complain:in one channel' forever
redirect_stderr=true
stdout_events_enabled=true
stderr_events_enabled=true
startsecs=0
[program:silent]
command={child} until:{dir}/go 'say:never told\\n' forever
startsecs=0
[program:binary]
command=/bin/sh -c \"until [ -e {dir}/go ]; do sleep 0.1; done; printf 'good \\\\377\\\\376bad'; exec {child} forever\"
stdout_events_enabled=true
startsecs=0
[program:captured]
command={child} until:{dir}/go 'say:before{begin}' until:{dir}/in 'say:some news that is long enough{end}behind it, also long enough' until:{dir}/out 'say:{begin}nobody hears of what has no end' exit:0
stdout_capture_maxbytes=1000
stdout_events_enabled=true
startsecs=0
autorestart=false
stdout_logfile={dir}/captured
[program:quiet]
command={child} until:{dir}/go 'complain:{begin}news of stderr{end}and more text' forever
stderr_capture_maxbytes=1000
startsecs=0
[program:ring]
command={child} until:{dir}/go 'say:{begin}this goes, being older and shorter' until:{dir}/in 'say:{long}' until:{dir}/out 'say:{end}and some more text' forever
stdout_capture_maxbytes=10
startsecs=0
[program:plain]
command={child} until:{dir}/go 'say:{begin}tokens are text here{end}' forever
startsecs=0
stdout_logfile={dir}/plain
";

fn output_is_told_chunk_by_chunk(subject: Subject) {
    let configuration =
        WRITERS.replace("{begin}", BEGIN).replace("{end}", END).replace("{long}", LONG_PIECE);
    let daemon = Daemon::start(subject, &configuration);
    for name in
        ["ear", "talker", "lines", "both", "silent", "binary", "captured", "quiet", "ring", "plain"]
    {
        daemon.wait_state(name, "RUNNING");
    }
    daemon.home().write("go", "");
    let first =
        [("lines", 2), ("both", 1), ("binary", 1), ("captured", 1), ("quiet", 1), ("talker", 1)];
    wait_heard(&daemon, "heard", "the first of each", |heard| {
        first.iter().all(|(name, count)| about(heard, name).len() == *count)
    });
    daemon.wait_log("this goes, being older and shorter");
    daemon.home().write("in", "");
    wait_heard(&daemon, "heard", "the capture", |heard| {
        heard.iter().any(|event| {
            event.name() == "PROCESS_COMMUNICATION_STDOUT"
                && event.of_payload("processname") == "captured"
        })
    });
    daemon.wait_log(LONG_PIECE);
    daemon.home().write("out", "");
    daemon.wait_state("captured", "EXITED");
    daemon.wait_state("talker", "EXITED");
    wait_heard(&daemon, "heard", "the ring", |heard| !about(heard, "ring").is_empty());
    // What comes last has everything before it.
    send(&daemon, "last", "");
    let all = wait_heard(&daemon, "heard", "the last", |heard| {
        heard.last().is_some_and(|event| event.name() == "REMOTE_COMMUNICATION")
    });
    logs(subject, &daemon, &all);
    captures(subject, &daemon, &all);
    listeners(subject, &all);
}

fn logs(subject: Subject, daemon: &Daemon, heard: &[Heard]) {
    let log = |name: &str, channel: &str, text: &str| {
        let upper = channel.to_uppercase();
        format!(
            "PROCESS_LOG_{upper} processname:{name} groupname:{name} pid:PID channel:{channel}\n{text}"
        )
    };
    // The two channels of one program are read in any order.
    let mut lines = about(heard, "lines");
    lines.sort();
    let wanted = [log("lines", "stderr", "four\n"), log("lines", "stdout", "one\ntwo\nthree\n")];
    assert_eq!(lines, wanted);
    assert_eq!(daemon.home().read("lines"), "one\ntwo\nthree\n");
    shown(subject, &["LOG-39", "E-13", "E-14", "E-33"]);
    assert_eq!(about(heard, "both"), [log("both", "stdout", "in one channel\n")]);
    shown(subject, &["E-36"]);
    assert!(about(heard, "silent").is_empty(), "nobody asked for these");
    let binary = log("binary", "stdout", r"Undecodable: b'good \xff\xfebad'");
    assert_eq!(about(heard, "binary"), [binary]);
    shown(subject, &["E-32"]);
}

fn captures(subject: Subject, daemon: &Daemon, heard: &[Heard]) {
    let news = "some news that is long enough";
    let behind = "behind it, also long enough";
    let log = |text: &str| {
        format!(
            "PROCESS_LOG_STDOUT processname:captured groupname:captured pid:PID channel:stdout\n{text}"
        )
    };
    let communication = format!(
        "PROCESS_COMMUNICATION_STDOUT processname:captured groupname:captured pid:PID\n{news}"
    );
    let found = about(heard, "captured");
    // Told like any other output, and as a capture; what it stood between is no part of anything.
    assert_eq!(found[..3], [log("before"), log(news), communication], "{found:#?}");
    let rest: String =
        found[3..].iter().map(|told| told.rsplit('\n').next().unwrap_or_default()).collect();
    assert!(rest.starts_with(behind), "{rest}");
    assert!(found[3..].iter().all(|told| told.starts_with("PROCESS_LOG_STDOUT")), "{found:#?}");
    shown(subject, &["CAP-07", "E-34", "E-40", "E-44"]);
    let file = wait::until(PATIENCE, "what is logged of captured", || {
        let file = daemon.home().read("captured");
        if file.contains(behind) { Ok(file) } else { Err(file) }
    });
    assert_eq!(file, format!("before{behind}"));
    let quiet =
        "PROCESS_COMMUNICATION_STDERR processname:quiet groupname:quiet pid:PID\nnews of stderr";
    assert_eq!(about(heard, "quiet"), [quiet]);
    // A piece that is longer than the limit drops what was before it, and is kept whole.
    let ring = format!(
        "PROCESS_COMMUNICATION_STDOUT processname:ring groupname:ring pid:PID\n{LONG_PIECE}"
    );
    assert_eq!(about(heard, "ring"), [ring]);
    shown(subject, &["CAP-05", "CAP-06", "E-42"]);
    assert!(about(heard, "plain").is_empty());
    let tokens = format!("{BEGIN}tokens are text here{END}");
    assert_eq!(daemon.home().read("plain"), tokens);
    let log = daemon.log();
    assert!(log.contains("DEBG 'captured' stdout emitted a comm event\n"), "{log}");
    assert!(log.contains("DEBG 'quiet' stderr emitted a comm event\n"), "{log}");
    assert!(!log.contains("'plain' stdout emitted"), "{log}");
    shown(subject, &["CAP-02", "MSG-09", "E-11", "E-12", "E-41"]);
}

/// Of a listener's stdout nothing is told, whatever its keys say; its stderr is like any other.
fn listeners(subject: Subject, heard: &[Heard]) {
    let told = "PROCESS_LOG_STDERR processname:talker groupname:talker pid:PID channel:stderr\n\
                a long complaint of a listener\n";
    assert_eq!(about(heard, "talker"), [told]);
    shown(subject, &["E-35"]);
}
