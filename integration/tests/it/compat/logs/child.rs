//! What of a program's output is kept, and where.

use std::fs;
use std::os::unix::fs::MetadataExt;

use integration::facts::shown;
use integration::feed::Feed;
use integration::subject::{Daemon, Host, Subject, wait_text};
use integration::wait::{self, PATIENCE};

for_each_subject![output_is_kept_as_configured];

const HOST: &str = "{head}
[program:raw]
command=cat {dir}/raw.in
startsecs=0
stdout_logfile={dir}/raw.log
stderr_logfile={dir}/raw.err
[program:never]
command=cat
autostart=false
stdout_logfile={dir}/never.log
stderr_logfile={dir}/never.err
[program:none]
command={child} write-bytes:1000000 complain:nothing stamp:{dir}/done forever
startsecs=0
stdout_logfile=NONE
stderr_logfile=off
[program:one]
command=sh -c 'for n in 1 2 3; do echo out $n; echo err $n >&2; done; exec {child} forever'
startsecs=0
redirect_stderr=true
stdout_logfile={dir}/one.log
stderr_logfile={dir}/one.err
stderr_logfile_maxbytes=1
[program:two]
command={child} print:out complain:err until:{dir}/end print:out-again
startsecs=0
autorestart=false
stdout_logfile={dir}/two.log
stderr_logfile={dir}/two.err
[program:fast]
command={child} until:{dir}/burst write-bytes:300000 complain:the-end exit:3
startsecs=0
autorestart=false
stdout_logfile={dir}/fast.log
stderr_logfile={dir}/fast.err
[program:left]
command={child} fork:1000 print:before
startsecs=0
autorestart=false
stdout_logfile={dir}/left.log
";

fn output_is_kept_as_configured(subject: Subject) {
    let host = Host::new(subject, HOST);
    let feed = Feed::new(&host.home().join("raw.in"));
    let daemon = Daemon::start_on(host);
    for name in ["raw", "none", "one", "two", "fast"] {
        daemon.wait_state(name, "RUNNING");
    }
    let all: Vec<u8> = (0..=255).chain(*b"\r\n\x1b[1m").collect();
    feed.say(&all);
    feed.say(&all);
    let twice = [all.as_slice(), &all].concat();
    wait::until(PATIENCE, "every byte", || {
        let kept = fs::read(daemon.path("raw.log")).unwrap();
        if kept == twice { Ok(()) } else { Err(format!("{kept:?}")) }
    });
    assert_eq!(daemon.home().read("raw.err"), "");
    shown(subject, &["LOG-34"]);

    for name in ["never.log", "never.err", "one.err"] {
        assert!(!daemon.path(name).exists(), "{name}");
    }
    assert!(is_open(&daemon, "two.log") && is_open(&daemon, "two.err"));
    daemon.home().write("end", "");
    daemon.wait_log("INFO exited: two (exit status 0; expected)\n");
    assert!(!is_open(&daemon, "two.log") && !is_open(&daemon, "two.err"));
    assert_eq!(daemon.home().read("two.log"), "out\nout-again\n");
    assert_eq!(daemon.home().read("two.err"), "err\n");
    // The next life goes on in the same file, or makes a new one.
    fs::remove_file(daemon.path("two.err")).unwrap();
    assert_eq!(daemon.ctl(&["start", "two"]).code, 0);
    daemon.wait_state("two", "EXITED");
    assert_eq!(daemon.home().read("two.log"), "out\nout-again\nout\nout-again\n");
    assert_eq!(daemon.home().read("two.err"), "err\n");
    shown(subject, &["LOG-33"]);

    wait_text(&daemon.path("done"), "\n");
    shown(subject, &["LOG-36"]);
    let lines = wait_text(&daemon.path("one.log"), "err 3\n");
    assert_eq!(lines, "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n");
    assert!(!daemon.path("one.err").exists());
    shown(subject, &["LOG-37"]);

    // Nothing that was written before the end is missing when the end is told; what a grandchild
    // holds open delays nothing.
    daemon.home().write("burst", "");
    daemon.wait_log("WARN exited: fast (exit status 3; not expected)\n");
    assert_eq!(daemon.home().read("fast.log").len(), 300_000);
    assert_eq!(daemon.home().read("fast.err"), "the-end\n");
    daemon.wait_log("INFO exited: left (exit status 0; expected)\n");
    assert_eq!(daemon.home().read("left.log"), "before\n");
}

/// Whether the daemon has this file of its home open.
fn is_open(daemon: &Daemon, name: &str) -> bool {
    let wanted = fs::metadata(daemon.path(name)).unwrap();
    let fds = fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap();
    // A descriptor may be gone before it is looked at.
    let mut found = fds.filter_map(|fd| fs::metadata(fd.ok()?.path()).ok());
    found.any(|found| (found.dev(), found.ino()) == (wanted.dev(), wanted.ino()))
}
