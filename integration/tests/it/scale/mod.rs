//! Many programs, and many ends: what holds for one holds for thousands.

mod kills;
mod many;

use integration::journal::Journal;
use integration::wait::{self, PATIENCE};

/// What every host here begins with. `{head}` is the sections that every configuration needs.
const HEAD: &str = "{head}
[supervisord]
logfile_maxbytes=0
";

/// Waits until so many programs are called RUNNING and so many lives have begun.
fn wait_up(journal: &mut Journal, up: usize, begun: usize) {
    wait::until(PATIENCE, &format!("{up} programs after {begun} starts"), || {
        let seen = (journal.follow().up(), journal.sum(|lives| lives.begun));
        if seen == (up, begun) { Ok(()) } else { Err(format!("{seen:?} {:?}", journal.faults)) }
    });
}
