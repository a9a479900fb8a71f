//! `shutdown`: ends the server and everything it runs.

use nix::errno::Errno;
use proto_words::FaultCode;

use super::{Done, has_words};
use crate::exit;
use crate::reach::trouble::Trouble;
use crate::session::Session;

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    if has_words(session, "shutdown", argument)
        || !sure(session, "Really shut the remote supervisord process down y/N? ")?
    {
        return Ok(());
    }
    let Err(trouble) = session.call("shutdown", &[]) else {
        session.say("Shut down");
        return Ok(());
    };
    let reason = match (trouble.fault(), trouble.system()) {
        (Some(FaultCode::ShutdownState), _) => {
            session.say("ERROR: already shutting down");
            return Ok(());
        }
        (_, Some(Errno::ECONNREFUSED)) => "refused connection",
        (_, Some(Errno::ENOENT)) => "no such file",
        _ => return Err(trouble),
    };
    let complaint = format!("ERROR: {} {reason} (already shut down?)", session.reach.url());
    session.fail(exit::GENERIC, &complaint);
    Ok(())
}

/// Asks, if there is somebody to ask.
pub fn sure(session: &mut Session<'_>, question: &str) -> Result<bool, Trouble> {
    if !session.interactive {
        return Ok(true);
    }
    Ok(session.ask(question)?.to_lowercase().starts_with('y'))
}
