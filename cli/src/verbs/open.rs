//! `open URL`: the rest of the session talks to another server.

use super::{Done, status};
use crate::config::url;
use crate::exit;
use crate::session::Session;

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    let scheme = url::scheme(argument).map(|(scheme, _)| scheme);
    if !matches!(scheme.as_deref(), Some("unix" | "http")) {
        session.fail(exit::GENERIC, "ERROR: url must be http:// or unix://");
        return Ok(());
    }
    session.reach.turn_to(argument);
    let before = session.exit;
    status::run(session, "")?;
    session.exit = before;
    Ok(())
}
