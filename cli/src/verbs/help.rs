//! `help`, `help VERB`.

use super::{Done, VERBS};
use crate::session::Session;
use crate::show::{columns, help};

#[expect(clippy::unnecessary_wraps, reason = "it is a verb like the others")]
pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    if argument.is_empty() {
        overview(session);
    } else {
        topic(session, argument);
    }
    Ok(())
}

fn overview(session: &mut Session<'_>) {
    let shown = |name: &&str| !matches!(*name, "EOF" | "help");
    let names: Vec<_> = VERBS.iter().map(|verb| verb.name).filter(shown).collect();
    session.say("");
    session.say(help::HEADER);
    session.say(&"=".repeat(help::HEADER.len()));
    for line in columns::columns(&names, help::WIDTH) {
        session.say(&line);
    }
    session.say("");
}

/// Prints how one verb is used.
pub fn topic(session: &mut Session<'_>, name: &str) {
    match help::usage(name) {
        Some(text) => session.say(text),
        None => session.say(&format!("*** No help on {name}")),
    }
}
