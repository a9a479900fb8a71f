//! One line of the shell, or the words of the command line: which verb, and what of its troubles.

use crate::exit;
use crate::reach::trouble::{Kind, Trouble};
use crate::session::Session;
use crate::verbs::{self, Done, Verb};

/// Runs one action and says everything that there is to say about it.
pub fn run(session: &mut Session<'_>, line: &str) {
    let line = line.trim();
    if line.is_empty() {
        return;
    }
    let Some((name, argument)) = split(line) else {
        return unknown(session, line);
    };
    let Some(verb) = verbs::find(&name) else {
        return unknown(session, line);
    };
    while let Err(trouble) = attempt(session, verb, argument) {
        if !tried_again(session, &trouble) {
            return;
        }
    }
}

fn attempt(session: &mut Session<'_>, verb: &Verb, argument: &str) -> Done {
    session.reach.begin();
    (verb.run)(session, argument)
}

/// Says what is to be said of trouble; whether the action shall be tried again.
fn tried_again(session: &mut Session<'_>, trouble: &Trouble) -> bool {
    match trouble.kind {
        Kind::Status { code: 401, .. } => {
            let before = session.exit;
            session.fail(exit::GENERIC, "Server requires authentication");
            if !session.interactive {
                return false;
            }
            if let Err(trouble) = log_in(session) {
                return tried_again(session, &trouble);
            }
            session.exit = before;
            true
        }
        Kind::Interrupted => {
            session.fail(exit::GENERIC, "");
            session.over = true;
            false
        }
        _ => {
            session.fail(exit::GENERIC, &trouble.to_string());
            false
        }
    }
}

fn unknown(session: &mut Session<'_>, line: &str) {
    session.fail(exit::GENERIC, &format!("*** Unknown syntax: {line}"));
}

/// Asks for credentials.
fn log_in(session: &mut Session<'_>) -> Done {
    let username = session.ask("Username:")?;
    let password = crate::shell::ask_secretly(session, "Password:")?;
    session.say("");
    session.reach.authenticate(username, password);
    Ok(())
}

/// The verb's name and its argument. `?` is `help`, and nothing begins with `!`.
fn split(line: &str) -> Option<(String, &str)> {
    if let Some(topic) = line.strip_prefix('?') {
        return Some(("help".to_owned(), topic.trim()));
    }
    let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = line.find(|c| !in_name(c)).unwrap_or(line.len());
    (end > 0).then(|| (line[..end].to_owned(), line[end..].trim()))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_name_ends_where_no_name_can_go_on() {
        for (line, parts) in [
            ("status", Some(("status", ""))),
            ("start  a b", Some(("start", "a b"))),
            ("status;", Some(("status", ";"))),
            ("?", Some(("help", ""))),
            ("? start", Some(("help", "start"))),
            ("!ls", None),
            ("-x", None),
        ] {
            let found = split(line);
            let found = found.as_ref().map(|(name, rest)| (name.as_str(), *rest));
            assert_eq!(found, parts, "{line}");
        }
    }
}
