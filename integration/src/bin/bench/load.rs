//! A large configuration: how long until it is served, and how long a reread takes.

use std::fmt::Write as _;
use std::time::Duration;

use integration::rpc::member;
use integration::subject::{Daemon, Host, Subject};
use integration::wait;

use super::launch::{call, millis};
use super::peers::PATIENCE;
use super::report::{Report, median};

const PROGRAMS: usize = 5000;
const ROUNDS: usize = 3;

/// Between two looks whether it answers: short beside what is measured.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

pub fn load_and_reread(report: &mut Report) {
    let configuration = configuration();
    let (mut ours, mut original) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..ROUNDS {
        for (subject, times) in [(Subject::Ours, &mut ours), (Subject::Original, &mut original)] {
            let (load, reread) = of(subject, &configuration);
            times[0].push(load);
            times[1].push(reread);
        }
    }
    let ([load, reread], [slow_load, slow_reread]) = (ours.map(median), original.map(median));
    report.below_original("load 5000 programs, to first answer", "ms", load, slow_load, 18.0);
    report.below_original("reread 5000 programs", "ms", reread, slow_reread, 28.0);
}

/// Sections as people write them: a few keys each, one of them expanded.
fn configuration() -> String {
    let mut text = "{head}\n".to_owned();
    for number in 0..PROGRAMS {
        let _ = write!(
            text,
            "[program:worker_{number}]\ncommand=/bin/sleep {number}\ndirectory=/tmp\n\
             autostart=false\nautorestart=true\nstartsecs=5\nstopwaitsecs=30\npriority={}\n\
             environment=NAME=\"%(program_name)s\",MODE=\"production\"\n\
             stdout_logfile=NONE\nredirect_stderr=true\n\n",
            number % 10
        );
    }
    text
}

fn of(subject: Subject, configuration: &str) -> (f64, f64) {
    let host = Host::new(subject, configuration);
    let begun = wait::mono();
    let daemon = Daemon::launch(host);
    while !answers(&daemon) {
        assert!(wait::mono().saturating_sub(begun) < PATIENCE, "no answer: {}", daemon.log());
        wait::pass(BETWEEN_LOOKS);
    }
    let load = wait::mono().saturating_sub(begun);
    let begun = wait::mono();
    call(&daemon.door(), "supervisor.reloadConfig");
    (millis(load), millis(wait::mono().saturating_sub(begun)))
}

fn answers(daemon: &Daemon) -> bool {
    let state = daemon.door().call("supervisor.getState", &[]);
    state.is_ok_and(|xml| member(&xml, "statename").as_deref() == Some("RUNNING"))
}
