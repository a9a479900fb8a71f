//! `quit`, `exit`, and the end of the input.

use super::Done;
use crate::session::Session;

#[expect(clippy::unnecessary_wraps, reason = "it is a verb like the others")]
pub fn run(session: &mut Session<'_>, _argument: &str) -> Done {
    session.say("");
    session.over = true;
    Ok(())
}
