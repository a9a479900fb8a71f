//! A thousand programs: their start, their stop, what they cost while they sleep.

use std::time::Duration;

use integration::fleet::{Fleet, Member};
use integration::rpc::Door;
use integration::subject::Subject;
use integration::{bare, wait};

use super::cpu;
use super::peers::{Bare, PATIENCE, Running, launch, programs, starts};
use super::report::{Report, median};

const PROGRAMS: usize = 1000;
const ROUNDS: usize = 3;

/// So long a daemon is left alone before its memory or time is looked at.
const SETTLING: Duration = Duration::from_secs(2);

/// So long sleepers are watched.
const WINDOW: Duration = Duration::from_secs(10);

fn configuration(count: usize) -> String {
    programs(count, &format!("{} {{dir}}/stamps", bare::starter().display()), "")
}

fn launched(subject: Subject, count: usize) -> Running {
    let host = integration::subject::Host::new(subject, &configuration(count));
    host.home().write("stamps", "");
    let launched = wait::mono();
    Running { daemon: integration::subject::Daemon::launch(host), launched }
}

/// From launch to the last child's first instruction; then `stop all`.
pub fn launch_and_stop(report: &mut Report) {
    let (mut ours, mut original, mut bare) = (Times::default(), Times::default(), Times::default());
    for _ in 0..ROUNDS {
        ours.add(of_daemon(Subject::Ours));
        bare.add(of_bare());
        original.add(of_daemon(Subject::Original));
    }
    let (start, stop) = ours.medians();
    let (bare_start, bare_stop) = bare.medians();
    let (original_start, original_stop) = original.medians();
    report.beside_bare("1000 programs, launch to last", "ms", start, bare_start, 2.0);
    report.below_original("1000 programs, launch to last", "ms", start, original_start, 12.0);
    report.beside_bare("stop all of 1000", "ms", stop, bare_stop, 3.0);
    report.below_original("stop all of 1000", "ms", stop, original_stop, 1.0);
}

#[derive(Default)]
struct Times(Vec<f64>, Vec<f64>);

impl Times {
    fn add(&mut self, (start, stop): (f64, f64)) {
        self.0.push(start);
        self.1.push(stop);
    }

    fn medians(self) -> (f64, f64) {
        (median(self.0), median(self.1))
    }
}

fn of_daemon(subject: Subject) -> (f64, f64) {
    let Running { mut daemon, launched } = launched(subject, PROGRAMS);
    let last = starts(daemon.home(), PROGRAMS).iter().map(|start| start.at).max();
    let start = last.unwrap_or_default().saturating_sub(launched);
    daemon.wait_answering();
    wait::pass(SETTLING);
    let begun = wait::mono();
    call(&daemon.door(), "supervisor.stopAllProcesses");
    (millis(start), millis(wait::mono().saturating_sub(begun)))
}

fn of_bare() -> (f64, f64) {
    let mut bare = Bare::keep(PROGRAMS, None);
    let last = starts(&bare.home, PROGRAMS).iter().map(|start| start.at).max();
    let start = last.unwrap_or_default().saturating_sub(bare.launched);
    wait::pass(SETTLING);
    (millis(start), bare.stop() / 1e6)
}

/// Calls a method whose answer may take longer than a test would wait.
pub fn call(door: &Door, method: &str) {
    let begun = wait::mono();
    let answer = door.call(method, &[]);
    assert!(
        answer.is_ok(),
        "{method} after {:?} of {PATIENCE:?}: {answer:?}",
        wait::mono().saturating_sub(begun)
    );
}

pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// PSS with nothing to do, with an idle link to a controller, and with a thousand programs.
pub fn memory(report: &mut Report) {
    let mut daemon = launch(Subject::Ours, "{head}").daemon;
    daemon.wait_answering();
    wait::pass(SETTLING);
    report.at_most("memory with no program", "MiB PSS", cpu::pss_mib(daemon.pid()), 3.0);
    drop(daemon);
    // One program that does not run, so that the controller has something to hear of.
    let configuration = "{head}\n[program:p]\ncommand=/bin/true\nautostart=false\n";
    let mut fleet = Fleet::start_with("", &[Member { name: "a1", labels: "", configuration }]);
    wait::pass(SETTLING);
    let pid = fleet.agent("a1").daemon.pid();
    report.at_most("memory with an idle fleet link", "MiB PSS", cpu::pss_mib(pid), 5.0);
    drop(fleet);
    let Running { daemon, .. } = launched(Subject::Ours, PROGRAMS);
    starts(daemon.home(), PROGRAMS);
    wait::pass(SETTLING);
    report.at_most("memory with 1000 programs", "MiB PSS", cpu::pss_mib(daemon.pid()), 8.0);
}

/// What a thousand sleepers cost, beside none.
pub fn sleepers(report: &mut Report) {
    let used = |count: usize| {
        let Running { mut daemon, .. } = launched(Subject::Ours, count);
        starts(daemon.home(), count);
        daemon.wait_answering();
        wait::pass(SETTLING);
        let before = cpu::seconds(daemon.pid());
        wait::pass(WINDOW);
        (cpu::seconds(daemon.pid()) - before) * 1e6
    };
    let (none, thousand) = (used(1), used(PROGRAMS));
    let more = (thousand - none).max(0.0);
    report.at_most("CPU of 1000 sleepers beyond one's, 10 s", "us", more, 0.0);
}
