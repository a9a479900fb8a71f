//! `signal SIGNAL NAME...`.

use super::{Done, misused, targets};
use crate::exit;
use crate::session::Session;
use crate::show::results::SIGNALLED;

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    if !session.up_check()? {
        return Ok(());
    }
    let words: Vec<&str> = argument.split_whitespace().collect();
    let [signal, names @ ..] = words.as_slice() else {
        return too_few(session);
    };
    if names.is_empty() {
        return too_few(session);
    }
    if targets::names_a_host(session, names) {
        return Ok(());
    }
    let manner = targets::Manner {
        all: "signalAllProcesses",
        group: "signalProcessGroup",
        process: "signalProcess",
        extra: Some(signal),
        wording: &SIGNALLED,
        no_group: exit::GENERIC,
    };
    targets::run(session, &manner, names)
}

#[expect(clippy::unnecessary_wraps, reason = "it ends a verb")]
fn too_few(session: &mut Session<'_>) -> Done {
    misused(session, "signal", "Error: signal requires a signal name and a process name");
    Ok(())
}
