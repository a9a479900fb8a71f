//! `tail [-N|-f] NAME [stdout|stderr]`.

use proto_words::{FaultCode, repr};
use proto_xmlrpc::Value;

use super::{Done, follow, misused, targets};
use crate::exit;
use crate::reach::trouble::Trouble;
use crate::session::Session;

/// How much of a log is shown if nothing is said.
pub const DEFAULT_BYTES: i64 = 1600;

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    if !session.up_check()? {
        return Ok(());
    }
    let words: Vec<&str> = argument.split_whitespace().collect();
    if words.is_empty() || words.len() > 3 {
        let many = if words.is_empty() { "few" } else { "many" };
        misused(session, "tail", &format!("Error: too {many} arguments"));
        return Ok(());
    }
    let (modifier, words) = match words.split_first() {
        Some((first, rest)) if first.starts_with('-') => (Some(*first), rest),
        _ => (None, words.as_slice()),
    };
    let (name, channel) = match words {
        [] => return complain(session, "Error: tail requires process name"),
        [name] => (*name, "stdout".to_owned()),
        [name, .., channel] => (*name, channel.to_lowercase()),
    };
    if targets::names_a_host(session, &[name]) {
        return Ok(());
    }
    if !matches!(channel.as_str(), "stdout" | "stderr") {
        return complain(session, &format!("Error: bad channel {}", repr(&channel)));
    }
    match modifier.map(|modifier| (modifier, &modifier[1..])) {
        None => slice(session, name, &channel, DEFAULT_BYTES),
        Some((_, "f")) => follow::follow(session, format!("/logtail/{name}/{channel}")),
        Some((modifier, count)) => match count.parse() {
            Ok(bytes) => slice(session, name, &channel, bytes),
            Err(_) => complain(session, &format!("Error: bad argument {modifier}")),
        },
    }
}

fn slice(session: &mut Session<'_>, name: &str, channel: &str, bytes: i64) -> Done {
    let method = if channel == "stdout" { "readProcessStdoutLog" } else { "readProcessStderrLog" };
    let params = [name.into(), from_end(bytes)?, 0.into()];
    let log = session.reach.call(method, &params);
    tell(session, name, log)
}

/// The offset that means "the last so many bytes"; a negative count means "from there on".
pub fn from_end(bytes: i64) -> Result<Value, Trouble> {
    let offset = bytes.checked_neg().and_then(|offset| i32::try_from(offset).ok());
    let offset =
        offset.ok_or_else(|| Trouble::value("OverflowError", "int exceeds XML-RPC limits"));
    offset.map(Value::Int)
}

/// Prints a log, or why there is none.
pub fn tell(session: &mut Session<'_>, name: &str, log: Result<Value, Trouble>) -> Done {
    let trouble = match log {
        Ok(log) => {
            session.say(log.as_str().unwrap_or_default());
            return Ok(());
        }
        Err(trouble) => trouble,
    };
    let reason = match trouble.fault() {
        Some(FaultCode::NoFile) => "no log file",
        Some(FaultCode::Failed) => "unknown error reading log",
        Some(FaultCode::BadName) => "no such process name",
        _ => return Err(trouble),
    };
    complain(session, &format!("{name}: ERROR ({reason})"))
}

#[expect(clippy::unnecessary_wraps, reason = "it ends a verb")]
fn complain(session: &mut Session<'_>, complaint: &str) -> Done {
    session.fail(exit::GENERIC, complaint);
    Ok(())
}
