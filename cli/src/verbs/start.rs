//! `start`: each name in turn, waiting until it is up.

use super::{Done, help, targets};
use crate::exit;
use crate::session::Session;
use crate::show::results::STARTED;

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    if !session.up_check()? {
        return Ok(());
    }
    let names: Vec<&str> = argument.split_whitespace().collect();
    if names.is_empty() {
        session.fail(exit::INVALID_ARGS, "Error: start requires a process name");
        help::topic(session, "start");
        return Ok(());
    }
    if targets::names_a_host(session, &names) {
        return Ok(());
    }
    let manner = targets::Manner {
        all: "startAllProcesses",
        group: "startProcessGroup",
        process: "startProcess",
        extra: None,
        wording: &STARTED,
        no_group: exit::INVALID_ARGS,
    };
    targets::run(session, &manner, &names)
}
