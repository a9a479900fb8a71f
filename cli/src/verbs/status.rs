//! `status`: what runs. `-o json`, which supervisorctl does not have, prints all that is known.

use proto_words::Namespec;

use super::{Done, targets};
use crate::exit;
use crate::session::Session;
use crate::show::status::{Info, dead, table};
use crate::show::{answer, json};

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    if !session.up_check()? {
        session.exit = exit::STATUS_UNKNOWN;
        return Ok(());
    }
    let mut names: Vec<&str> = argument.split_whitespace().collect();
    let as_json = session.own_name && json::taken_from(&mut names);
    if targets::names_a_host(session, &names) {
        return Ok(());
    }
    let infos = session.call("getAllProcessInfo", &[])?;
    let infos: Vec<Info> =
        answer::array(&infos)?.iter().map(Info::read).collect::<Result<_, _>>()?;
    let shown = if names.is_empty() || names.contains(&"all") {
        infos.iter().collect()
    } else {
        select(session, &infos, &names, as_json)
    };
    if as_json {
        let wholes = shown.iter().map(|info| json::json(&info.whole));
        session.say(&wholes.collect::<serde_json::Value>().to_string());
    } else {
        for line in table(&shown) {
            session.say(&line);
        }
    }
    if shown.iter().any(|info| dead(info.state)) {
        session.exit = exit::STATUS_NOT_RUNNING;
    }
    Ok(())
}

/// The processes that are meant, in the order of the names; unknown names are told at once.
///
/// Beside JSON they are told on standard error, so that standard output stays JSON.
fn select<'a>(
    session: &mut Session<'_>,
    infos: &'a [Info],
    names: &[&str],
    as_json: bool,
) -> Vec<&'a Info> {
    let mut shown = Vec::new();
    for name in names {
        let meant = Namespec::parse(name);
        let before = shown.len();
        shown.extend(infos.iter().filter(|info| targets::covers(&meant, info)));
        if shown.len() == before {
            let complaint = targets::unknown(name, &meant);
            session.exit = exit::STATUS_UNKNOWN;
            if as_json {
                eprintln!("{complaint}");
            } else {
                session.say(&complaint);
            }
        }
    }
    shown
}
