//! `restart`: stops all the names, then starts all the names.

use super::{Done, misused, start, stop, targets};
use crate::session::Session;

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    if !session.up_check()? {
        return Ok(());
    }
    let names: Vec<&str> = argument.split_whitespace().collect();
    if names.is_empty() {
        misused(session, "restart", "Error: restart requires a process name");
        return Ok(());
    }
    if targets::names_a_host(session, &names) {
        return Ok(());
    }
    stop::run(session, argument)?;
    start::run(session, argument)
}
