//! `-f`: a log as it grows, until Ctrl-C.

use super::Done;
use crate::reach::Heard;
use crate::session::Session;

/// Said before anything is followed.
pub const BANNER: &str = "==> Press Ctrl-C to exit <==";

/// Shows a path of the server until it or the operator ends it.
pub fn follow(session: &mut Session<'_>, path: String) -> Done {
    session.say(BANNER);
    let mut watch = session.reach.follow(&[path], false)?;
    loop {
        match watch.next(session.out) {
            Heard::Interrupted => {
                session.say("");
                return Ok(());
            }
            Heard::Ended | Heard::EndOfInput => return Ok(()),
            Heard::Line(_) => {}
        }
    }
}
