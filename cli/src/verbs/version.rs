//! `version`: the server's.

use super::{Done, has_words};
use crate::session::Session;

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    if has_words(session, "version", argument) || !session.up_check()? {
        return Ok(());
    }
    let version = session.call("getSupervisorVersion", &[])?;
    session.say(version.as_str().unwrap_or_default());
    Ok(())
}
