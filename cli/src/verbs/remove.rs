//! `remove GROUP...`: takes stopped groups out of service.

use proto_words::FaultCode;

use super::{Done, targets};
use crate::exit;
use crate::session::Session;

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    let names: Vec<&str> = argument.split_whitespace().collect();
    if targets::names_a_host(session, &names) {
        return Ok(());
    }
    for name in names {
        let Err(trouble) = session.call("removeProcessGroup", &[name]) else {
            session.say(&format!("{name}: removed process group"));
            continue;
        };
        let complaint = match trouble.fault() {
            Some(FaultCode::StillRunning) => "process/group still running",
            Some(FaultCode::BadName) => "no such process/group",
            _ => return Err(trouble),
        };
        session.fail(exit::GENERIC, &format!("ERROR: {complaint}: {name}"));
    }
    Ok(())
}
