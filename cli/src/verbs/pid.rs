//! `pid`: the server's, some processes', everybody's.

use proto_words::FaultCode;

use super::{Done, targets};
use crate::exit;
use crate::session::Session;
use crate::show::answer;

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    if !session.up_check()? {
        return Ok(());
    }
    let names: Vec<&str> = argument.split_whitespace().collect();
    if targets::names_a_host(session, &names) {
        return Ok(());
    }
    if names.is_empty() {
        let pid = session.call("getPID", &[])?;
        session.say(&answer::int(&pid)?.to_string());
    } else if names.contains(&"all") {
        let infos = session.call("getAllProcessInfo", &[])?;
        for info in answer::array(&infos)? {
            session.say(&answer::int_of(info, "pid")?.to_string());
        }
    } else {
        for name in names {
            one(session, name)?;
        }
    }
    Ok(())
}

fn one(session: &mut Session<'_>, name: &str) -> Done {
    let info = match session.call("getProcessInfo", &[name]) {
        Ok(info) => info,
        Err(trouble) if trouble.fault() == Some(FaultCode::BadName) => {
            session.fail(exit::GENERIC, &format!("No such process {name}"));
            return Ok(());
        }
        Err(trouble) => return Err(trouble),
    };
    let pid = answer::int_of(&info, "pid")?;
    session.say(&pid.to_string());
    if pid == 0 {
        session.exit = exit::NOT_RUNNING;
    }
    Ok(())
}
