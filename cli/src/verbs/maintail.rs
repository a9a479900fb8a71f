//! `maintail [-N|-f]`: the server's own log.

use super::tail::{DEFAULT_BYTES, from_end, tell};
use super::{Done, follow, misused};
use crate::exit;
use crate::session::Session;

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    if !session.up_check()? {
        return Ok(());
    }
    let words: Vec<&str> = argument.split_whitespace().collect();
    let bytes = match words.as_slice() {
        [] => Some(DEFAULT_BYTES),
        ["-f"] => return follow::follow(session, "/mainlogtail".to_owned()),
        [word] => word.strip_prefix('-').and_then(|count| count.parse().ok()),
        _ => {
            misused(session, "maintail", "Error: too many arguments");
            return Ok(());
        }
    };
    let Some(bytes) = bytes else {
        session.fail(exit::GENERIC, &format!("Error: bad argument {}", words[0]));
        return Ok(());
    };
    let log = session.reach.call("readLog", &[from_end(bytes)?, 0.into()]);
    tell(session, "supervisord", log)
}
