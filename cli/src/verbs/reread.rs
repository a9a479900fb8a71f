//! `reread`: what an update would change.

use proto_words::FaultCode;

use super::{Done, has_words};
use crate::exit;
use crate::reach::trouble::Kind;
use crate::session::Session;
use crate::show::changes::Changes;

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    if has_words(session, "reread", argument) {
        return Ok(());
    }
    let trouble = match session.call("reloadConfig", &[]) {
        Ok(changes) => {
            for line in Changes::read(&changes)?.lines() {
                session.say(&line);
            }
            return Ok(());
        }
        Err(trouble) => trouble,
    };
    match (trouble.fault(), &trouble.kind) {
        (Some(FaultCode::ShutdownState), _) => {
            session.fail(exit::GENERIC, "ERROR: supervisor shutting down");
        }
        (Some(FaultCode::CantReread), Kind::Fault(fault)) => {
            session.fail(exit::GENERIC, &format!("ERROR: {}", fault.text));
        }
        _ => return Err(trouble),
    }
    Ok(())
}
