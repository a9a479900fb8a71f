//! `avail`: what is configured.

use proto_words::FaultCode;

use super::{Done, has_words};
use crate::exit;
use crate::session::Session;
use crate::show::{answer, avail};

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    if has_words(session, "avail", argument) {
        return Ok(());
    }
    match session.call("getAllConfigInfo", &[]) {
        Ok(infos) => {
            for info in answer::array(&infos)? {
                let line = avail::line(info)?;
                session.say(&line);
            }
        }
        Err(trouble) if trouble.fault() == Some(FaultCode::ShutdownState) => {
            session.fail(exit::GENERIC, "ERROR: supervisor shutting down");
        }
        Err(trouble) => return Err(trouble),
    }
    Ok(())
}
