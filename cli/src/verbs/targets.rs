//! What `start`, `stop` and `signal` have in common: names one after another, each a process or a
//! group, each with its own results.

use proto_words::{FaultCode, Namespec, ProcessPart};
use proto_xmlrpc::Value;

use super::Done;
use crate::exit;
use crate::reach::trouble::{Kind, Trouble};
use crate::session::Session;
use crate::show::answer;
use crate::show::results::{Outcome, Wording};
use crate::show::status::Info;

/// How a verb asks for processes, and how it tells what came of it.
pub struct Manner<'a> {
    /// The method for everything.
    pub all: &'a str,
    /// The method for one group.
    pub group: &'a str,
    /// The method for one process.
    pub process: &'a str,
    /// What the methods get after the name; alone for everything.
    pub extra: Option<&'a str>,
    /// Which results are told how.
    pub wording: &'a Wording,
    /// The exit code for a group that does not exist.
    pub no_group: u8,
}

/// Asks for each name in turn, or for everything if one of them is `all`.
pub fn run(session: &mut Session<'_>, manner: &Manner<'_>, names: &[&str]) -> Done {
    if names.contains(&"all") {
        let params: Vec<&str> = manner.extra.into_iter().collect();
        let results = session.call(manner.all, &params)?;
        return tell_all(session, manner, &results);
    }
    for name in names {
        let meant = Namespec::parse(name);
        match &meant.process {
            ProcessPart::Every => group(session, manner, &meant.group)?,
            ProcessPart::One(process) => one(session, manner, name, &meant.group, process)?,
        }
    }
    Ok(())
}

fn group(session: &mut Session<'_>, manner: &Manner<'_>, group: &str) -> Done {
    let params: Vec<&str> = [group].into_iter().chain(manner.extra).collect();
    match session.call(manner.group, &params) {
        Ok(results) => tell_all(session, manner, &results),
        Err(trouble) if trouble.fault() == Some(FaultCode::BadName) => {
            session.fail(manner.no_group, &format!("{group}: ERROR (no such group)"));
            Ok(())
        }
        Err(trouble) => Err(trouble),
    }
}

fn one(
    session: &mut Session<'_>,
    manner: &Manner<'_>,
    name: &str,
    group: &str,
    process: &str,
) -> Done {
    let params: Vec<&str> = [name].into_iter().chain(manner.extra).collect();
    let outcome = match session.call(manner.process, &params) {
        Ok(_) => Outcome::good(group, process),
        Err(trouble) => refused(trouble, group, process)?,
    };
    tell(session, manner.wording, &outcome)
}

/// A refusal as a result of that process; other trouble stays trouble.
pub fn refused(trouble: Trouble, group: &str, process: &str) -> Result<Outcome, Trouble> {
    match trouble.kind {
        Kind::Fault(fault) => Ok(Outcome {
            group: group.to_owned(),
            name: process.to_owned(),
            status: fault.code,
            description: fault.text,
        }),
        _ => Err(trouble),
    }
}

fn tell_all(session: &mut Session<'_>, manner: &Manner<'_>, results: &Value) -> Done {
    for result in answer::array(results)? {
        tell(session, manner.wording, &Outcome::read(result)?)?;
    }
    Ok(())
}

/// Prints one result and remembers what it means for the exit code.
pub fn tell(session: &mut Session<'_>, wording: &Wording, outcome: &Outcome) -> Done {
    let line = wording.line(outcome)?;
    session.say(&line);
    if let Some(code) = wording.exit(outcome.status) {
        session.exit = code;
    }
    Ok(())
}

/// Whether a name means this process.
pub fn covers(meant: &Namespec, info: &Info) -> bool {
    meant.group == info.group
        && match &meant.process {
            ProcessPart::Every => true,
            ProcessPart::One(process) => *process == info.name,
        }
}

/// What is said of a name that means nothing.
pub fn unknown(name: &str, meant: &Namespec) -> String {
    match meant.process {
        ProcessPart::Every => format!("{}: ERROR (no such group)", meant.group),
        ProcessPart::One(_) => format!("{name}: ERROR (no such process)"),
    }
}

/// Whether one of the names has a host part, which one host cannot serve; if so, that has been
/// said. Groups have no `/` in their names, so nothing that exists is refused. supervisorctl
/// does not know this, so under its name neither do we.
pub fn names_a_host(session: &mut Session<'_>, names: &[&str]) -> bool {
    let hosted = |name: &&&str| name.split(':').next().is_some_and(|group| group.contains('/'));
    let Some(name) = names.iter().find(hosted).filter(|_| session.own_name) else {
        return false;
    };
    eprintln!(
        "Error: {name} names a host, but {} is one host; use -s fleet://HOST:9440",
        session.reach.url()
    );
    session.exit = exit::INVALID_ARGS;
    true
}
