//! What it costs to copy the output of programs into their logs.

use std::path::PathBuf;

use integration::subject::{Daemon, Host, Subject};
use integration::{bare, wait};

use super::cpu;
use super::peers::{Bare, PATIENCE, programs};
use super::report::{Report, median};

const ROUNDS: usize = 3;

/// What is written in all, when each write is large.
const LARGE: u64 = 1 << 30;

/// What is written in all, when each write is a line of 100 bytes.
const IN_LINES: u64 = 200_000_000;

pub fn one_writer(report: &mut Report) {
    compare(report, "log copying, one writer", 1, LARGE, 65_536);
}

pub fn one_write_a_line(report: &mut Report) {
    compare(report, "log copying, one write() a line", 1, IN_LINES, 100);
}

pub fn a_hundred_writers(report: &mut Report) {
    compare(report, "log copying, 100 writers", 100, LARGE, 4_000);
}

/// CPU seconds per GB of the three.
fn compare(report: &mut Report, what: &str, writers: usize, bytes: u64, chunk: usize) {
    let each = bytes / writers as u64;
    let (mut ours, mut original, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(of_daemon(Subject::Ours, writers, each, chunk));
        bare.push(of_bare(writers, each, chunk));
        original.push(of_daemon(Subject::Original, writers, each, chunk));
    }
    let (ours, bare, original) = (median(ours), median(bare), median(original));
    report.beside_bare(what, "s/GB", ours, bare, 1.25);
    report.below_original(what, "s/GB", ours, original, 1.0);
}

fn of_daemon(subject: Subject, writers: usize, each: u64, chunk: usize) -> f64 {
    let command = format!("{} {each} {chunk}", bare::writer().display());
    let keys = "autostart=false\nautorestart=false\n";
    let host = Host::new(subject, &programs(writers, &command, keys));
    let daemon = Daemon::start_on(host);
    let before = cpu::seconds(daemon.pid());
    daemon.door().call("supervisor.startProcessGroup", &["p"]).expect("they start");
    let ended = daemon_is_through(&daemon, writers);
    assert!(ended, "the writers did not end");
    per_gb(cpu::seconds(daemon.pid()) - before, writers as u64 * each)
}

/// Whether every writer has ended, soon enough.
fn daemon_is_through(daemon: &Daemon, writers: usize) -> bool {
    let begun = wait::mono();
    while wait::mono().saturating_sub(begun) < PATIENCE {
        wait::pass(std::time::Duration::from_millis(100));
        let log = daemon.home().read("main.log");
        if log.matches("exited: ").count() >= writers {
            return true;
        }
    }
    false
}

fn of_bare(writers: usize, each: u64, chunk: usize) -> f64 {
    let words = [bare::writer(), PathBuf::from(each.to_string()), PathBuf::from(chunk.to_string())];
    let mut bare = Bare::copy(writers, &words);
    let bytes = bare.number();
    let used = cpu::seconds(bare.pid());
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
    let wanted = (writers as u64 * each) as f64;
    assert!((bytes - wanted).abs() < 0.5, "{bytes} bytes of {wanted}");
    per_gb(used, writers as u64 * each)
}

fn per_gb(seconds: f64, bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
    let bytes = bytes as f64;
    seconds * 1e9 / bytes
}
