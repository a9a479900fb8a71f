//! `reload`: restarts the server with everything it runs.

use proto_words::FaultCode;

use super::shutdown::sure;
use super::{Done, has_words};
use crate::exit;
use crate::session::Session;

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    if has_words(session, "reload", argument)
        || !sure(session, "Really restart the remote supervisord process y/N? ")?
    {
        return Ok(());
    }
    match session.call("restart", &[]) {
        Ok(_) => session.say("Restarted supervisord"),
        Err(trouble) if trouble.fault() == Some(FaultCode::ShutdownState) => {
            session.fail(exit::GENERIC, "ERROR: already shutting down");
        }
        Err(trouble) => return Err(trouble),
    }
    Ok(())
}
