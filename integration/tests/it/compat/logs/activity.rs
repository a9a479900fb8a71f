//! The activity log: its lines, its file, and what is said at debug about programs' output.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use integration::facts::shown;
use integration::feed::Feed;
use integration::prepared::by_shell;
use integration::subject::{Daemon, HEAD, Host, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

for_each_subject![
    lines_are_stamped_and_appended,
    in_the_background,
    output_is_echoed_at_debug,
    a_log_that_cannot_be_written_ends_nothing,
];

const QUIET: &str = "{head}
[program:deaf]
command={child} ignore:TERM until:{dir}/end
startsecs=0
";

/// A zone half an hour off, so that a time that is not local stands out.
const ZONE: &str = "HERE-5:30";
const ZONE_MINUTES: u64 = 5 * 60 + 30;

/// So long a line's time and the time at which it was looked for may differ.
const MINUTES_APART_MAX: u64 = 5;

fn lines_are_stamped_and_appended(subject: Subject) {
    let old = format!("what was there\n{}\n", "x".repeat(500));
    let rotated = HEAD.replace(
        "[supervisord]\n",
        "[supervisord]\nlogfile_maxbytes=600\nlogfile_backups=1\numask=077\n",
    );
    let mut host = Host::new(subject, &QUIET.replace("{head}", &rotated));
    host.set_environment("TZ", ZONE);
    by_shell(&mut host, "umask 027");
    host.home().write("main.log", &old);
    let mut daemon = Daemon::start_on(host);
    daemon.wait_state("deaf", "RUNNING");
    // What was there counts: the first line or two reach the limit, and a new file begins.
    let first = daemon.home().read("main.log.1");
    assert!(first.starts_with(&old), "{first}");
    assert!(first.len() >= 600, "{first}");
    let line = first[old.len()..].lines().next().unwrap();
    let (stamp, rest) = line.split_at("2026-11-21 15:36:58,908".len());
    let digits: String = stamp.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(digits, "0000-00-00 00:00:00,000", "{line}");
    assert!(rest.starts_with(" CRIT "), "{line}");
    let number = |from, to| stamp[from..to].parse::<u64>().unwrap();
    let (hour, minute) = (number(11, 13), number(14, 16));
    let day = 24 * 60;
    let now = (wait::wall().as_secs() / 60 + ZONE_MINUTES) % day;
    let apart = (now + day - (hour * 60 + minute)) % day;
    assert!(apart <= MINUTES_APART_MAX, "{line} is {apart} minutes old");
    shown(subject, &["LOG-01", "LOG-05"]);
    daemon.signal(Signal::SIGTERM);
    wait_rotated(&daemon, "INFO waiting for deaf to die\n");
    daemon.signal(Signal::SIGHUP);
    let refused = "WARN ignored SIGHUP indicating restart request (shutdown in progress)\n";
    wait_rotated(&daemon, refused);
    daemon.home().write("end", "");
    assert_eq!(daemon.wait_end(), 0);
    shown(subject, &["MSG-03"]);
}

/// Waits for a line that may have been rotated away.
fn wait_rotated(daemon: &Daemon, line: &str) {
    wait::until(PATIENCE, &format!("{line:?} in the log"), || {
        let log = daemon.home().read("main.log.1") + &daemon.home().read("main.log");
        if log.contains(line) { Ok(()) } else { Err(log) }
    });
}

/// In the background, with a place of its own to work in.
const BACKGROUND: &str = "[unix_http_server]
file={dir}/s.sock
[supervisord]
logfile=main.log
pidfile={dir}/main.pid
childlogdir={dir}
umask=077
directory={dir}/work
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:p]
command={child} print:said forever
startsecs=0
stdout_logfile=relative.log
[program:out]
command={child} print:unheard forever
startsecs=0
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
";

fn in_the_background(subject: Subject) {
    let mut host = Host::new(subject, BACKGROUND);
    by_shell(&mut host, "umask 027");
    fs::create_dir(host.home().join("work")).unwrap();
    let ran = host.run_daemon(&[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran}");
    let home = host.home();
    wait_text(&home.join("main.log"), "INFO success: out entered RUNNING state");
    // The activity log is older than the change of directory and umask; programs' logs are younger.
    wait_text(&home.join("work/relative.log"), "said\n");
    let mode = |name| fs::metadata(home.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("main.log"), mode("work/relative.log")), (0o640, 0o600));
    assert!(!home.join("relative.log").exists());
    let log = home.read("main.log");
    assert!(log.contains("INFO daemonizing the supervisord process\n"), "{log}");
    shown(subject, &["LOG-06", "LOG-35"]);
    // /dev/stdout leads nowhere by now.
    let pid: i32 = home.read("main.pid").trim().parse().unwrap();
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let leads_to = |fd: std::io::Result<fs::DirEntry>| fs::read_link(fd.unwrap().path()).ok();
    let nowhere = open.filter_map(leads_to).filter(|to| to.as_os_str() == "/dev/null").count();
    assert!(nowhere > 3, "only {nowhere}: stdin, stdout, stderr, and not the log of `out`");
    assert_eq!(home.read("stdout.txt"), "");
    shown(subject, &["LOG-29"]);
    kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    wait::until(PATIENCE, "the end of the daemon", || {
        if home.join("main.pid").exists() { Err("still there") } else { Ok(()) }
    });
}

const ECHOED: &str = "{head}
[program:out]
command=cat {dir}/out.in
startsecs=0
[program:err]
command=sh -c 'exec cat {dir}/err.in >&2'
startsecs=0
[program:none]
command=cat {dir}/none.in
startsecs=0
stdout_logfile=NONE
[program:shut]
command=sh -c 'exec 1>&- 2>&-; exec {child} forever'
startsecs=0
";

fn output_is_echoed_at_debug(subject: Subject) {
    let head = HEAD.replace("[supervisord]\n", "[supervisord]\nloglevel=debug\n");
    let host = Host::new(subject, &ECHOED.replace("{head}", &head));
    let feeds =
        ["out", "err", "none"].map(|name| Feed::new(&host.home().join(&format!("{name}.in"))));
    let [out, err, none] = &feeds;
    let mut daemon = Daemon::start_on(host);
    for name in ["out", "err", "none", "shut"] {
        daemon.wait_state(name, "RUNNING");
    }
    for (feed, chunk, echo) in [
        (out, &b"one\ntwo\n"[..], "'out' stdout output:\none\ntwo\n\n"),
        (out, b"unfinished", "'out' stdout output:\nunfinished\n"),
        (out, b"\n", "'out' stdout output:\n\n\n"),
        (out, b"%(name)s 100%\n", "'out' stdout output:\n%(name)s 100%\n\n"),
        (out, "gr\u{fc}n\n".as_bytes(), "'out' stdout output:\ngr\u{fc}n\n\n"),
        (out, b"\xff\xfe\n", "'out' stdout output:\nUndecodable: b'\\xff\\xfe\\n'\n"),
        (
            out,
            b"it's \xff\t\\\r\x00~\x7f",
            "'out' stdout output:\nUndecodable: b\"it's \\xff\\t\\\\\\r\\x00~\\x7f\"\n",
        ),
        (out, b"'\"\xff", "'out' stdout output:\nUndecodable: b'\\'\"\\xff'\n"),
        (err, b"of stderr\n", "'err' stderr output:\nof stderr\n\n"),
        (none, b"kept nowhere\n", "'none' stdout output:\nkept nowhere\n\n"),
    ] {
        feed.say(chunk);
        let text = wait_text(&daemon.path("main.log"), &format!("DEBG {echo}"));
        // The lines after the first have no stamp (LOG-04), and the next message begins anew.
        let (_, after) = text.split_once(&format!("DEBG {echo}")).unwrap();
        assert!(after.is_empty() || after.starts_with("20"), "{chunk:?}: {after}");
    }
    shown(subject, &["LOG-04", "LOG-09", "LOG-36"]);
    // Programs that have closed their outputs themselves.
    for (name, channel) in [("err", "stdout"), ("shut", "stdout"), ("shut", "stderr")] {
        wait::until(PATIENCE, &format!("{name}'s {channel} to be closed"), || {
            let log = daemon.home().read("main.log");
            let closed = log.lines().filter(|line| is_closed(line, name, channel)).count();
            if closed == 1 { Ok(()) } else { Err(log) }
        });
    }
    let log = daemon.log();
    assert!(!log.contains("(stdin)"), "{log}");
    shown(subject, &["MSG-07"]);
    // The remark goes to each target, but to the file before that is made anew.
    daemon.door().call("supervisor.clearLog", &[]).unwrap();
    let stdout = daemon.home().read("stdout.txt");
    assert_eq!(stdout.matches(" INFO reopening log file\n").count(), 2, "{stdout}");
    let log = daemon.home().read("main.log");
    assert!(!log.contains("reopening") && !log.contains("spawned"), "{log}");
    shown(subject, &["MSG-17"]);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
}

/// `… DEBG fd 7 closed, stopped monitoring … (stdout)`, where what stands in the middle tells the name.
fn is_closed(line: &str, name: &str, channel: &str) -> bool {
    let parts = line.split_once(" DEBG fd ").and_then(|(_, rest)| {
        let (fd, rest) = rest.split_once(" closed, stopped monitoring ")?;
        let whom = rest.trim_end_matches('>').strip_suffix(&format!(" ({channel})"))?;
        Some((fd.parse::<u32>().is_ok(), whom))
    });
    parts.is_some_and(|(is_fd, whom)| is_fd && whom.split(' ').any(|word| word == name))
}

/// On a device on which every write fails; and with a stdout that nobody reads any more.
const UNWRITABLE: &str = "{head}
[program:p]
command={child} print:said forever
startsecs=0
stdout_logfile={dir}/p.log
";

fn a_log_that_cannot_be_written_ends_nothing(subject: Subject) {
    let full = HEAD.replace("{dir}/main.log", "/dev/full\nlogfile_maxbytes=0");
    let mut daemon = Daemon::start(subject, &UNWRITABLE.replace("{head}", &full));
    daemon.wait_state("p", "RUNNING");
    wait_text(&daemon.path("p.log"), "said\n");
    assert_eq!(daemon.ctl(&["restart", "p"]).stdout, "p: stopped\np: started\n");
    daemon.signal(Signal::SIGTERM);
    // Python minds the bytes that are left over at its very end; nothing ended before.
    daemon.wait_end();
    let stdout = daemon.home().read("stdout.txt");
    assert_eq!(stdout.matches("INFO spawned: 'p' with pid ").count(), 2, "{stdout}");
    assert_eq!(stdout.matches("WARN stopped: p (terminated by SIGTERM)\n").count(), 2, "{stdout}");

    let mut host = Host::new(subject, UNWRITABLE);
    let reader = Feed::new(&host.home().join("stdout"));
    by_shell(&mut host, "exec >{dir}/stdout");
    let daemon = Daemon::start_on(host);
    // The only reader of the daemon's stdout goes: whoever writes there gets EPIPE from now on.
    drop(reader);
    daemon.wait_state("p", "RUNNING");
    assert_eq!(daemon.ctl(&["restart", "p"]).stdout, "p: stopped\np: started\n");
    let log = daemon.log();
    assert_eq!(log.matches("INFO spawned: 'p' with pid ").count(), 2, "{log}");
    shown(subject, &["LOG-08"]);
}
