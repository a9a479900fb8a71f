//! What goes through the bytes thread.

use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

use agent::logs::{BytesReport, Order};
use agent::spawn::reap::signal_child;
use agent_core::input::{Exit, Output, Stream};
use agent_core::spec::{Level, LogFile};
use agent_core::{Refusal, Ticket};
use nix::sys::signal::{Signal as Kill, killpg};
use nix::unistd::Pid;
use proto_words::Signal;

use crate::support::{Host, log_to, until, wait};

#[test]
fn each_output_goes_to_its_log_or_both_to_one() {
    let host = Host::new();
    let ended = host.shell("echo out; echo err >&2");
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("out\n", "err\n"));
    let mut spec = host.spec("sh -c 'echo a; echo b >&2; echo c'");
    spec.redirect_stderr = true;
    spec.stdout = log_to(&host.path("both"));
    host.run(spec);
    assert_eq!(host.read("both"), "a\nb\nc\n");
    assert_eq!(host.read("err"), "err\n");
}

#[test]
fn output_without_a_log_is_thrown_away_and_blocks_nobody() {
    let host = Host::new();
    let mut spec = host.spec("head -c 3000000 /dev/zero");
    spec.stdout.file = LogFile::None;
    assert_eq!(host.run(spec).exit, Exit::Code(0));
}

#[test]
fn everything_a_child_wrote_is_there_when_it_is_drained() {
    let host = Host::new();
    let ended = host.run(host.spec("seq 1 200000"));
    let numbers = ended.stdout.lines().map(str::parse);
    assert!(numbers.eq((1..=200_000).map(Ok::<u32, _>)));
}

#[test]
fn a_drain_does_not_wait_for_a_grandchild_that_holds_the_pipe() {
    let host = Host::new();
    let (pid, watch) = host.start(host.spec("sh -c 'echo before; sleep 1000 & exit 4'"));
    let ended = host.end(pid, &watch);
    assert_eq!((ended.exit, ended.stdout.as_str()), (Exit::Code(4), "before\n"));
    killpg(Pid::from_raw(pid), Kill::SIGKILL).unwrap();
}

#[test]
fn a_drain_ends_although_a_grandchild_writes_forever() {
    let host = Host::new();
    let (pid, watch) = host.start(host.spec("sh -c 'yes & exit 0'"));
    assert_eq!(host.end(pid, &watch).exit, Exit::Code(0));
    // The pipe is closed now, so it has got a SIGPIPE or EPIPE; it may be gone already.
    let _ = killpg(Pid::from_raw(pid), Kill::SIGKILL);
}

#[test]
fn a_drain_of_another_pid_leaves_the_child_alone() {
    let host = Host::new();
    let (pid, watch) = host.start(host.spec("cat"));
    let process = crate::support::WEB;
    host.order(Order::Drain { process, pid: 1 });
    assert_eq!(host.bytes_report(), BytesReport::Drained { process, pid: 1 });
    host.write_stdin(b"still here\n").unwrap();
    host.await_text("out", "still here\n");
    signal_child(&watch, pid, Signal::KILL, false).unwrap();
    host.end(pid, &watch);
}

#[test]
fn a_large_write_to_stdin_arrives_whole() {
    let host = Host::new();
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| b'a' + (n % 26) as u8).collect();
    let (pid, watch) = host.start(host.spec("head -c 3000000"));
    host.write_stdin(&bytes).unwrap();
    let ended = host.end(pid, &watch);
    assert!(ended.stdout.as_bytes() == bytes, "{} bytes", ended.stdout.len());
}

#[test]
fn stdin_is_refused_when_it_is_closed_or_too_much_waits() {
    let host = Host::new();
    assert_eq!(host.write_stdin(b"x"), Err(Refusal::NoStdin(String::new())));
    let script = "sh -c 'exec 0<&-; echo closed; exec sleep 1000'";
    let (pid, watch) = host.start(host.spec(script));
    host.await_text("out", "closed");
    for _ in 0..2 {
        assert_eq!(host.write_stdin(b"x"), Err(Refusal::NoStdin("web".to_owned())));
    }
    signal_child(&watch, pid, Signal::KILL, false).unwrap();
    host.end(pid, &watch);
    let (pid, watch) = host.start(host.spec("sleep 1000"));
    host.write_stdin(&vec![0; 16 << 20]).unwrap();
    let full = host.write_stdin(&vec![0; 1 << 20]);
    assert!(matches!(full, Err(Refusal::Busy(_))), "{full:?}");
    signal_child(&watch, pid, Signal::KILL, false).unwrap();
    host.end(pid, &watch);
}

#[test]
fn logs_are_cleared_and_reopened() {
    let host = Host::new();
    assert_eq!(host.clear_logs(), Ok(()));
    let (pid, watch) = host.start(host.spec("cat"));
    host.write_stdin(b"one\n").unwrap();
    host.await_text("out", "one\n");
    host.clear_logs().unwrap();
    assert_eq!(host.read("out"), "");
    host.write_stdin(b"two\n").unwrap();
    host.await_text("out", "two\n");
    std::fs::rename(host.path("out"), host.path("moved")).unwrap();
    host.order(Order::Reopen);
    host.write_stdin(b"three\n").unwrap();
    host.await_text("out", "three\n");
    assert_eq!((host.read("moved"), host.read("out")), ("two\n".into(), "three\n".into()));
    signal_child(&watch, pid, Signal::KILL, false).unwrap();
    host.end(pid, &watch);
}

#[test]
fn logs_are_rotated() {
    let host = Host::new();
    let mut spec = host.spec("cat");
    (spec.stdout.maxbytes, spec.stdout.backups) = (10, 2);
    let (pid, watch) = host.start(spec);
    for (sent, waited_for) in [("aaaa\n", "out"), ("bbbbbb\n", "out.1"), ("cccccccccc\n", "out.1")]
    {
        host.write_stdin(sent.as_bytes()).unwrap();
        host.await_text(waited_for, sent);
    }
    signal_child(&watch, pid, Signal::KILL, false).unwrap();
    host.end(pid, &watch);
    let logs = ["out", "out.1", "out.2"].map(|name| host.read(name));
    assert_eq!(logs, ["", "cccccccccc\n", "aaaa\nbbbbbb\n"]);
}

#[test]
fn a_full_disk_loses_output_and_says_so_once() {
    let host = Host::new();
    let mut spec = host.spec("sh -c 'for n in 1 2 3 4; do read line; echo $line; done'");
    spec.stdout.file = LogFile::Path("/dev/full".to_owned());
    let (pid, watch) = host.start(spec);
    for line in ["12345\n", "678\n", "9\n", "\n"] {
        host.write_stdin(line.as_bytes()).unwrap();
    }
    assert_eq!(host.end(pid, &watch).exit, Exit::Code(0));
    let said = host.finish();
    let begin = "cannot be written (ENOSPC); dropping output until it can";
    let expected = [begin, "closed, dropped 13 bytes"];
    assert_eq!(said, expected.map(|text| format!("ERRO log file '/dev/full' {text}")));
}

#[test]
fn a_program_waits_for_the_reader_of_its_log_and_loses_nothing() {
    let host = Host::new();
    let fifo = host.path("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut spec = host.spec("head -c 300000 /dev/zero");
    spec.stdout = log_to(&fifo);
    let (pid, watch) = host.start(spec);
    host.settle();
    let mut options = std::fs::OpenOptions::new();
    let flags = nix::fcntl::OFlag::O_NONBLOCK.bits();
    let reader = options.read(true).custom_flags(flags).open(&fifo);
    let mut reader = reader.unwrap();
    let mut buffer = vec![0; 1 << 16];
    let mut got = 0;
    until("everything has arrived", || {
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            got += count;
        }
        got >= 300_000
    });
    assert_eq!(host.end(pid, &watch).exit, Exit::Code(0));
    assert_eq!((got, host.finish()), (300_000, vec![]));
}

#[test]
fn colours_are_stripped_and_captures_are_left_out() {
    let host = Host::with(Level::Info, true);
    let mut spec = host.spec(
        "printf '\\033[31mred\\033[0m<!--XSUPERVISOR:BEGIN-->event<!--XSUPERVISOR:END-->\\n'",
    );
    spec.stdout.capture_maxbytes = 1000;
    let ended = host.run(spec);
    assert_eq!(ended.stdout, "red\n");
    let [BytesReport::Wrote { output: Output::Captured(Stream::Stdout, bytes), .. }] =
        ended.news.as_slice()
    else {
        panic!("{:?}", ended.news)
    };
    assert_eq!(bytes, b"event");
}

#[test]
fn at_debug_output_is_echoed_into_the_activity_log() {
    let host = Host::with(Level::Debug, false);
    host.run(host.spec("printf 'a\\nb\\n'"));
    let mut binary = host.spec("printf '\\377\\n'");
    binary.name = "it's".to_owned();
    host.run(binary);
    let said: Vec<_> = host.finish();
    let said: Vec<_> = said.iter().filter(|line| !line.contains("fd ")).collect();
    let expected = [
        "DEBG 'web' stdout output:",
        "a",
        "b",
        "",
        "DEBG \"it's\" stdout output:",
        r"Undecodable: b'\xff\n'",
    ];
    assert_eq!(said, expected);
}

#[test]
fn the_activity_log_is_cleared_and_reopened() {
    let host = Host::new();
    host.orders().log(Level::Info, "before");
    host.await_text("activity.log", "INFO before\n");
    host.order(Order::ClearMainLog { ticket: Ticket(9) });
    let cleared = BytesReport::MainLogCleared { ticket: Ticket(9), verdict: Ok(()) };
    assert_eq!(host.bytes_report(), cleared);
    assert_eq!(host.read("activity.log"), "");
    host.orders().log(Level::Warn, "to be moved");
    host.settle();
    std::fs::rename(host.path("activity.log"), host.path("moved")).unwrap();
    host.order(Order::ClearMainLog { ticket: Ticket(10) });
    let refused = BytesReport::MainLogCleared {
        ticket: Ticket(10),
        verdict: Err(Refusal::NoFile(String::new())),
    };
    assert_eq!(host.bytes_report(), refused);
    host.order(Order::Reopen);
    host.orders().log(Level::Info, "after");
    assert_eq!(host.finish(), ["INFO after"]);
}

#[test]
fn a_child_that_closes_its_output_goes_on() {
    let host = Host::new();
    let script = "exec 1>&- 2>&-; read line; exit 5";
    let (pid, watch) = host.start(host.spec(&format!("sh -c '{script}'")));
    host.write_stdin(b"go\n").unwrap();
    assert_eq!(wait(&watch), Exit::Code(5));
    host.order(Order::Drain { process: crate::support::WEB, pid });
    host.bytes_report();
}
