//! `add GROUP...`: takes configured groups into service.

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
        let Err(trouble) = session.call("addProcessGroup", &[name]) else {
            session.say(&format!("{name}: added process group"));
            continue;
        };
        match trouble.fault() {
            Some(FaultCode::ShutdownState) => session.fail(exit::GENERIC, "ERROR: shutting down"),
            Some(FaultCode::AlreadyAdded) => session.say("ERROR: process group already active"),
            Some(FaultCode::BadName) => {
                session.fail(exit::GENERIC, &format!("ERROR: no such process/group: {name}"));
            }
            _ => return Err(trouble),
        }
    }
    Ok(())
}
