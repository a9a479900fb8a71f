//! Many programs, and many ends: what holds for one holds for thousands.

mod kills;
mod many;

use std::fs;

use integration::journal::Journal;
use integration::subject::{Daemon, Host, Subject};
use integration::wait::{self, PATIENCE};

/// What every host here begins with. `{head}` is the sections that every configuration needs.
const HEAD: &str = "{head}
[supervisord]
logfile_maxbytes=0
";

/// An agent whose program file is a copy of its own, so that the pages that it shares with other
/// agents, which come and go meanwhile, are not what is measured.
fn start_alone(configuration: &str) -> Daemon {
    let mut host = Host::new(Subject::Ours, configuration);
    let own = host.home().join("fleetvisord");
    fs::copy(host.program(), &own).unwrap();
    host.set_program(vec![own]);
    Daemon::start_on(host)
}

/// Waits until so many programs are called RUNNING and so many lives have begun.
fn wait_up(journal: &mut Journal, up: usize, begun: usize) {
    wait::until(PATIENCE, &format!("{up} programs after {begun} starts"), || {
        let seen = (journal.follow().up(), journal.sum(|lives| lives.begun));
        if seen == (up, begun) { Ok(()) } else { Err(format!("{seen:?} {:?}", journal.faults)) }
    });
}
