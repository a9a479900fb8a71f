//! `fg NAME`: a process's output and input, until Ctrl-C.

use proto_words::{FaultCode, ProcessState};

use super::{Done, follow, help, targets};
use crate::exit;
use crate::reach::Heard;
use crate::reach::trouble::{Kind, Trouble, fault_text};
use crate::session::Session;
use crate::show::answer;

const FAREWELL: &str = "Exiting foreground";
const KILLED: &str = "Process got killed";

pub fn run(session: &mut Session<'_>, argument: &str) -> Done {
    if !session.up_check()? {
        return Ok(());
    }
    let names: Vec<&str> = argument.split_whitespace().collect();
    let name = match names.as_slice() {
        [] => {
            session.fail(exit::GENERIC, "ERROR: no process name supplied");
            help::topic(session, "fg");
            return Ok(());
        }
        [name] => *name,
        _ => {
            session.fail(exit::GENERIC, "ERROR: too many process names supplied");
            return Ok(());
        }
    };
    if targets::names_a_host(session, &names) {
        return Ok(());
    }
    match is_running(session, name) {
        Ok(true) => attach(session, name),
        Ok(false) => {
            session.fail(exit::GENERIC, "ERROR: process not running");
            Ok(())
        }
        Err(trouble) if trouble.fault() == Some(FaultCode::BadName) => {
            session.fail(exit::GENERIC, "ERROR: bad process name supplied");
            Ok(())
        }
        Err(trouble) => tell_fault(session, trouble),
    }
}

fn is_running(session: &mut Session<'_>, name: &str) -> Result<bool, Trouble> {
    let info = session.call("getProcessInfo", &[name])?;
    Ok(answer::int_of(&info, "state")? == i64::from(ProcessState::Running.code()))
}

/// A refusal is told and is no failure; everything else is.
fn tell_fault(session: &mut Session<'_>, trouble: Trouble) -> Done {
    match &trouble.kind {
        Kind::Fault(fault) => {
            session.say(&format!("ERROR: {}", fault_text(fault)));
            Ok(())
        }
        _ => Err(trouble),
    }
}

fn attach(session: &mut Session<'_>, name: &str) -> Done {
    session.say(follow::BANNER);
    let paths = ["stdout", "stderr"].map(|channel| format!("/logtail/{name}/{channel}"));
    let mut watch = session.reach.follow(&paths, true)?;
    loop {
        match watch.next(session.out) {
            Heard::Line(line) => {
                if !send(session, name, &line)? {
                    session.say(FAREWELL);
                    return Ok(());
                }
            }
            Heard::EndOfInput | Heard::Interrupted | Heard::Ended => {
                session.say(FAREWELL);
                return Ok(());
            }
        }
    }
}

/// Hands a line to the process; `false` when there is no process any more.
fn send(session: &mut Session<'_>, name: &str, line: &str) -> Result<bool, Trouble> {
    match session.call("sendProcessStdin", &[name, &format!("{line}\n")]) {
        Ok(_) if is_running(session, name)? => return Ok(true),
        Ok(_) => session.say(KILLED),
        Err(trouble) if trouble.fault() == Some(FaultCode::NotRunning) => session.say(KILLED),
        Err(trouble) => tell_fault(session, trouble)?,
    }
    Ok(false)
}
