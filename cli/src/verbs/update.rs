//! `update`: rereads, then removes, replaces and adds groups.

use std::collections::BTreeSet;

use proto_words::FaultCode;

use super::{Done, targets};
use crate::exit;
use crate::session::Session;
use crate::show::answer;
use crate::show::changes::Changes;

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    let mut wanted: Vec<&str> = argument.split_whitespace().collect();
    if targets::names_a_host(session, &wanted) {
        return Ok(());
    }
    let changes = match session.call("reloadConfig", &[]) {
        Ok(changes) => Changes::read(&changes)?,
        Err(trouble) if trouble.fault() == Some(FaultCode::ShutdownState) => {
            session.fail(exit::GENERIC, "ERROR: already shutting down");
            return Ok(());
        }
        Err(trouble) => return Err(trouble),
    };
    if wanted.contains(&"all") {
        wanted.clear();
    }
    tell_unknown(session, &wanted, &changes)?;
    let meant = |group: &&String| wanted.is_empty() || wanted.contains(&group.as_str());
    for group in changes.removed.iter().filter(meant) {
        remove(session, group)?;
    }
    for group in changes.changed.iter().filter(meant) {
        session.call("stopProcessGroup", &[group])?;
        session.say(&format!("{group}: stopped"));
        session.call("removeProcessGroup", &[group])?;
        session.call("addProcessGroup", &[group])?;
        session.say(&format!("{group}: updated process group"));
    }
    for group in changes.added.iter().filter(meant) {
        session.call("addProcessGroup", &[group])?;
        session.say(&format!("{group}: added process group"));
    }
    Ok(())
}

/// Each wanted group that neither is in service nor will be is told once.
fn tell_unknown(session: &mut Session<'_>, wanted: &[&str], changes: &Changes) -> Done {
    if wanted.is_empty() {
        return Ok(());
    }
    let infos = session.call("getAllProcessInfo", &[])?;
    let mut known = BTreeSet::new();
    for info in answer::array(&infos)? {
        known.insert(answer::text_of(info, "group")?);
    }
    known.extend(changes.added.iter().map(String::as_str));
    for group in wanted {
        if known.insert(group) {
            session.fail(exit::GENERIC, &format!("ERROR: no such group: {group}"));
        }
    }
    Ok(())
}

fn remove(session: &mut Session<'_>, group: &str) -> Done {
    let results = session.call("stopProcessGroup", &[group])?;
    session.say(&format!("{group}: stopped"));
    for result in answer::array(&results)? {
        if answer::int_of(result, "status")? == i64::from(FaultCode::Failed.number()) {
            session.fail(exit::GENERIC, &format!("{group}: has problems; not removing"));
            return Ok(());
        }
    }
    session.call("removeProcessGroup", &[group])?;
    session.say(&format!("{group}: removed process group"));
    Ok(())
}
