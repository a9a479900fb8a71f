//! `strip_ansi`: what is taken out of programs' output, and what stays.

use integration::facts::shown;
use integration::feed::Feed;
use integration::subject::{Daemon, HEAD, Host, Subject, wait_text};

for_each_subject![sequences_are_taken_out];

const PROGRAMS: &str = "[program:out]
command=cat {dir}/out.in
startsecs=0
stdout_logfile={dir}/out.log
[program:err]
command=sh -c 'exec cat {dir}/err.in >&2'
startsecs=0
stderr_logfile={dir}/err.log
[program:captured]
command=cat {dir}/captured.in
startsecs=0
stdout_capture_maxbytes=1000
stdout_logfile={dir}/captured.log
";

/// Chunks of output and what is kept of each. Each begins with something of its own, so that its
/// echo is not taken for another's.
const CHUNKS: &[(&str, &str)] = &[
    ("1 plain", "1 plain"),
    ("2 \x1b[31mred\x1b[0m", "2 red"),
    ("3 \x1b[2;3Htop\x1b[2J\x1b[K", "3 top"),
    ("4 \x1b[1Aa\x1b[1Bb\x1b[1Cc\x1b[1Dd\x1b[1fe\x1b[6Rf", "4 abcdef"),
    ("5 \x1b[sa\x1b[ub\x1b[?25lc\x1b[?25hd\x1b[0;59;\"x\"pe", "5 abcde"),
    // What is none of the ends vanishes with the rest.
    ("6 \x1b[9z8 text mkept", "6 kept"),
    ("7 \x1b]0;title\x07kept", "7 \x1b]0;title\x07kept"),
    ("8 \x1b(B\x1b=\x1bM\x1b", "8 \x1b(B\x1b=\x1bM\x1b"),
    // A sequence that is split loses its head, and its tail is text.
    ("9 split 1\x1b[3", "9 split 1"),
    ("1mX", "1mX"),
    ("10 swallowed\x1b[\n999\n.", "10 swallowed"),
    ("11 \x1b[\x1b[1mtwice", "11 twice"),
];

fn configuration(strip: bool) -> String {
    let keys = format!("[supervisord]\nloglevel=debug\nstrip_ansi={strip}\n");
    HEAD.replace("[supervisord]\n", &keys) + PROGRAMS
}

fn sequences_are_taken_out(subject: Subject) {
    let host = Host::new(subject, &configuration(true));
    let names = ["out", "err", "captured"];
    let feed = |name: &str| Feed::new(&host.home().join(&format!("{name}.in")));
    let [out, err, captured] = names.map(feed);
    let daemon = Daemon::start_on(host);
    for name in names {
        daemon.wait_state(name, "RUNNING");
    }
    let mut kept = String::new();
    for (chunk, rest) in CHUNKS {
        out.say(chunk);
        kept.push_str(rest);
        let echo = format!("DEBG 'out' stdout output:\n{rest}\n");
        let log = wait_text(&daemon.path("main.log"), &echo);
        assert!(log.ends_with(&echo), "{chunk:?}: {log}");
        assert_eq!(daemon.home().read("out.log"), kept, "{chunk:?}");
    }
    shown(subject, &["ANS-02", "ANS-03", "ANS-04", "ANS-05"]);
    err.say("\x1b[1mof stderr");
    wait_text(&daemon.path("main.log"), "DEBG 'err' stderr output:\nof stderr\n");
    assert_eq!(daemon.home().read("err.log"), "of stderr");

    // What is captured is stripped and echoed like all else; a token in colour is none.
    captured.say(
        "bef\x1b[1more <!--XSUPERVISOR:BEGIN-->in\x1b[0mside<!--XSUPERVISOR:END-->, and after it \
         <!--XSUPERVISOR:\x1b[1mBEGIN-->, which is no token",
    );
    let rest = "before , and after it <!--XSUPERVISOR:BEGIN-->, which is no token";
    wait_text(&daemon.path("captured.log"), rest);
    let log = wait_text(&daemon.path("main.log"), "DEBG 'captured' stdout output:\n, and after");
    for echo in ["before ", "inside"] {
        let echo = format!("DEBG 'captured' stdout output:\n{echo}\n");
        assert!(log.contains(&echo), "{echo:?}: {log}");
    }
    shown(subject, &["CAP-08"]);

    it_changes_with_a_reread(subject, &daemon, &out);

    // Only programs' words are stripped, not the daemon's own.
    let bold = "[program:bold]\ncommand=cat\nprocess_name=\x1b[1mbold\nstartsecs=0\n";
    daemon.host().configure(&(configuration(true) + bold));
    assert_eq!(daemon.ctl(&["reread"]).code, 0);
    assert_eq!(daemon.ctl(&["add", "bold"]).code, 0);
    daemon.wait_log("INFO spawned: '\x1b[1mbold' with pid ");
    shown(subject, &["ANS-01"]);
}

/// The new value counts from the next chunk on.
fn it_changes_with_a_reread(subject: Subject, daemon: &Daemon, out: &Feed) {
    daemon.host().configure(&configuration(false));
    assert_eq!(daemon.ctl(&["reread"]).code, 0);
    out.say("\x1b[1mbold");
    wait_text(&daemon.path("out.log"), "\x1b[1mbold");
    daemon.wait_log("DEBG 'out' stdout output:\n\x1b[1mbold\n");
    daemon.host().configure(&configuration(true));
    assert_eq!(daemon.ctl(&["reread"]).code, 0);
    out.say("\x1b[1mand\x1b[0m plain");
    wait_text(&daemon.path("out.log"), "boldand plain");
    shown(subject, &["ANS-06"]);
}
