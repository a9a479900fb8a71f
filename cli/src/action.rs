//! One line of the shell, or the words of the command line: which verb, and what of its troubles.

use crate::exit;
use crate::reach::trouble::Kind;
use crate::session::Session;
use crate::verbs;

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
    loop {
        session.reach.begin();
        let Err(trouble) = (verb.run)(session, argument) else {
            return;
        };
        match trouble.kind {
            Kind::Interrupted => {
                session.say("");
                session.over = true;
                return;
            }
            Kind::Status { code: 401, .. } => {
                if !log_in(session) {
                    session.exit = exit::GENERIC;
                    return;
                }
            }
            _ => return session.fail(exit::GENERIC, &trouble.to_string()),
        }
    }
}

fn unknown(session: &mut Session<'_>, line: &str) {
    session.fail(exit::GENERIC, &format!("*** Unknown syntax: {line}"));
}

/// Asks for credentials if there is somebody to ask; whether the action shall be repeated.
fn log_in(session: &mut Session<'_>) -> bool {
    session.say("Server requires authentication");
    if !session.interactive {
        return false;
    }
    let Some(username) = session.ask("Username:") else {
        session.fail(exit::GENERIC, END_OF_INPUT);
        return false;
    };
    let Some(password) = crate::shell::ask_secretly(session, "Password:") else {
        session.fail(exit::GENERIC, END_OF_INPUT);
        return false;
    };
    session.say("");
    session.reach.authenticate(username, password);
    true
}

const END_OF_INPUT: &str = "error: <class 'EOFError'>, EOF when reading a line";

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
