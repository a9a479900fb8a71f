//! How soon a program that has ended runs again, and what that costs.

use std::time::Duration;

use integration::home::Home;
use integration::subject::{Daemon, Host, Subject};
use integration::{bare, wait};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::cpu;
use super::launch::millis;
use super::peers::{Bare, programs, starts, starts_so_far};
use super::report::{Report, median};

/// Crashes of ours and of the bare loop in each round.
const CRASHES: usize = 100;

/// The original takes a second for each.
const CRASHES_OF_THE_ORIGINAL: usize = 5;

const ROUNDS: usize = 3;

/// Programs that end at once.
const FLAPPING: usize = 50;

/// So long they are counted.
const WINDOW: Duration = Duration::from_secs(5);

/// Until everybody has found its pace.
const SETTLING: Duration = Duration::from_secs(3);

/// Between two crashes, so that each finds a daemon that sleeps.
const PAUSE: Duration = Duration::from_millis(10);

fn daemon(subject: Subject, count: usize, argument: &str) -> Daemon {
    let command = format!("{} {{dir}}/stamps {argument}", bare::starter().display());
    let host = Host::new(subject, &programs(count, &command, "autorestart=true\n"));
    host.home().write("stamps", "");
    Daemon::launch(host)
}

/// From SIGKILL to the replacement's first instruction.
pub fn after_a_crash(report: &mut Report) {
    let (mut ours, mut original, mut loops) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(crash(daemon(Subject::Ours, 1, "").home(), CRASHES));
        loops.push(crash(&Bare::keep(1, None).home, CRASHES));
        original.push(crash(daemon(Subject::Original, 1, "").home(), CRASHES_OF_THE_ORIGINAL));
    }
    let (ours, bare) = (median(ours), median(loops));
    report.beside_bare("crash to replacement, p50", "ms", ours, bare, 2.5);
    report.below_original("crash to replacement, p50", "ms", ours, median(original), 1.0);
}

/// The median of some crashes, in milliseconds.
fn crash(home: &Home, crashes: usize) -> f64 {
    starts(home, 1);
    wait::pass(SETTLING);
    let mut times = Vec::new();
    for number in 1..=crashes {
        wait::pass(PAUSE);
        let victim = starts(home, number)[number - 1];
        let begun = wait::mono();
        kill(Pid::from_raw(victim.pid), Signal::SIGKILL).expect("the program runs");
        times.push(millis(starts(home, number + 1)[number].at.saturating_sub(begun)));
    }
    median(times)
}

/// Fifty programs that end with their first instructions, each started again at once.
pub fn at_once(report: &mut Report) {
    let (mut rates, mut costs) = ([const { Vec::new() }; 3], [const { Vec::new() }; 3]);
    for _ in 0..ROUNDS {
        let ours = daemon(Subject::Ours, FLAPPING, "exit");
        let pace = count(ours.home(), ours.pid());
        drop(ours);
        let bare = Bare::keep(FLAPPING, Some("exit"));
        let least = count(&bare.home, bare.pid());
        drop(bare);
        let original = daemon(Subject::Original, FLAPPING, "exit");
        let theirs = count(original.home(), original.pid());
        for (peer, (rate, cost)) in [pace, least, theirs].into_iter().enumerate() {
            rates[peer].push(rate);
            costs[peer].push(cost);
        }
    }
    let [ours, bare, original] = rates.map(median);
    report.below_original("50 exiting at once: time each", "ms", 1e3 / ours, 1e3 / original, 9.0);
    report.beside_bare("50 exiting at once: time each", "ms", 1e3 / ours, 1e3 / bare, 10.0);
    let [ours, bare, original] = costs.map(median);
    report.below_original("50 exiting at once: CPU each", "us", ours, original, 13.0);
    report.beside_bare("50 exiting at once: CPU each", "us", ours, bare, 10.0);
}

/// Starts per second, and microseconds of CPU for each.
fn count(home: &Home, pid: Pid) -> (f64, f64) {
    starts(home, FLAPPING);
    wait::pass(SETTLING);
    let (before, used_before, begun) = (starts_so_far(home), cpu::seconds(pid), wait::mono());
    wait::pass(WINDOW);
    let (after, used, took) =
        (starts_so_far(home), cpu::seconds(pid), wait::mono().saturating_sub(begun));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 starts")]
    let count = (after - before) as f64;
    (count / took.as_secs_f64(), (used - used_before) * 1e6 / count)
}
