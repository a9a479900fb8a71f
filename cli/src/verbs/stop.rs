//! `stop`: each name in turn, waiting until it is down.

use super::{Done, misused, targets};
use crate::exit;
use crate::session::Session;
use crate::show::results::STOPPED;

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    if !session.up_check()? {
        return Ok(());
    }
    let names: Vec<&str> = argument.split_whitespace().collect();
    if names.is_empty() {
        misused(session, "stop", "Error: stop requires a process name");
        return Ok(());
    }
    if targets::names_a_host(session, &names) {
        return Ok(());
    }
    let manner = targets::Manner {
        all: "stopAllProcesses",
        group: "stopProcessGroup",
        process: "stopProcess",
        extra: None,
        wording: &STOPPED,
        no_group: exit::GENERIC,
    };
    targets::run(session, &manner, &names)
}
