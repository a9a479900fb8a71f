//! `clear`: empties the log files of processes.

use proto_words::{Namespec, ProcessPart};

use super::{Done, misused, targets};
use crate::session::Session;
use crate::show::answer;
use crate::show::results::{CLEARED, Outcome};

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    if !session.up_check()? {
        return Ok(());
    }
    let names: Vec<&str> = argument.split_whitespace().collect();
    if names.is_empty() {
        misused(session, "clear", "Error: clear requires a process name");
        return Ok(());
    }
    if targets::names_a_host(session, &names) {
        return Ok(());
    }
    if names.contains(&"all") {
        let results = session.call("clearAllProcessLogs", &[])?;
        for result in answer::array(&results)? {
            targets::tell(session, &CLEARED, &Outcome::read(result)?)?;
        }
        return Ok(());
    }
    names.into_iter().try_for_each(|name| one(session, name))
}

/// A group cannot be cleared; the refusal then shows it as it was meant, `group:*`.
fn one(session: &mut Session<'_>, name: &str) -> Done {
    let meant = Namespec::parse(name);
    let process = match meant.process {
        ProcessPart::Every => "*".to_owned(),
        ProcessPart::One(process) => process,
    };
    let outcome = match session.call("clearProcessLogs", &[name]) {
        Ok(_) => Outcome::good(&meant.group, &process),
        Err(trouble) => targets::refused(trouble, &meant.group, &process)?,
    };
    targets::tell(session, &CLEARED, &outcome)
}
