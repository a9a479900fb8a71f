//! The one table from refusals to XML-RPC faults.

use agent_core::command::{Refusal, TargetResult};
use proto_words::{FaultCode, Namespec};
use proto_xmlrpc::{Fault, Value};

/// A fault that says its name and no more.
pub(super) fn bare(code: FaultCode) -> Fault {
    Fault { code: code.number(), text: code.name().to_owned() }
}

/// `NAME: extra`.
pub(super) fn with(code: FaultCode, extra: &str) -> Fault {
    Fault { code: code.number(), text: format!("{code}: {extra}") }
}

/// A refusal as a fault; `subject` is the name as the client gave it.
pub(super) fn fault(refusal: Refusal, subject: &str) -> Fault {
    match refusal {
        Refusal::ShuttingDown => bare(FaultCode::ShutdownState),
        Refusal::BadName(_) => with(FaultCode::BadName, subject),
        Refusal::AlreadyStarted(_) => with(FaultCode::AlreadyStarted, subject),
        Refusal::NotRunning(_) => with(FaultCode::NotRunning, subject),
        Refusal::NoFile(text) => with(FaultCode::NoFile, &text),
        Refusal::NotExecutable(text) => with(FaultCode::NotExecutable, &text),
        Refusal::SpawnError { .. } => with(FaultCode::SpawnError, subject),
        Refusal::AbnormalTermination(_) | Refusal::Superseded(_) => {
            with(FaultCode::AbnormalTermination, subject)
        }
        Refusal::Failed(text) | Refusal::Busy(text) => with(FaultCode::Failed, &text),
        Refusal::NoStdin(_) => with(FaultCode::NoFile, subject),
        Refusal::AlreadyAdded(_) => with(FaultCode::AlreadyAdded, subject),
        Refusal::StillRunning(_) => with(FaultCode::StillRunning, subject),
        Refusal::CantReread(bad) => with(FaultCode::CantReread, &bad.text),
    }
}

/// What came of many processes, in the order of the results.
pub(super) fn results(results: Vec<TargetResult>) -> Value {
    results.into_iter().map(result).collect::<Vec<_>>().into()
}

fn result(found: TargetResult) -> Value {
    let TargetResult { group, name, result } = found;
    let (status, description) = match result {
        Ok(()) => (FaultCode::Success.number(), "OK".to_owned()),
        Err(refusal) => {
            let subject = Namespec::one(&group, &name).to_string();
            let Fault { code, text } = fault(refusal, &subject);
            (code, text)
        }
    };
    result_struct(&group, &name, status, &description)
}

/// One process's result, as every method about many gives it.
pub(super) fn result_struct(group: &str, name: &str, status: i32, description: &str) -> Value {
    Value::record([
        ("name", name.into()),
        ("group", group.into()),
        ("status", status.into()),
        ("description", description.into()),
    ])
}

#[cfg(test)]
mod tests {
    use agent_core::command::BadConfiguration;
    use agent_core::command::Refusal;

    use super::fault;

    #[test]
    fn every_refusal_has_its_fault() {
        let own = || "core's own".to_owned();
        let spawn = Refusal::SpawnError { name: own(), why: own() };
        for (refusal, code, text) in [
            (Refusal::ShuttingDown, 6, "SHUTDOWN_STATE"),
            (Refusal::BadName(own()), 10, "BAD_NAME: g:*"),
            (Refusal::AlreadyStarted(own()), 60, "ALREADY_STARTED: g:*"),
            (Refusal::NotRunning(own()), 70, "NOT_RUNNING: g:*"),
            (Refusal::NoFile(own()), 20, "NO_FILE: core's own"),
            (Refusal::NotExecutable(own()), 21, "NOT_EXECUTABLE: core's own"),
            (spawn, 50, "SPAWN_ERROR: g:*"),
            (Refusal::AbnormalTermination(own()), 40, "ABNORMAL_TERMINATION: g:*"),
            (Refusal::Superseded(own()), 40, "ABNORMAL_TERMINATION: g:*"),
            (Refusal::Failed(own()), 30, "FAILED: core's own"),
            (Refusal::Busy(own()), 30, "FAILED: core's own"),
            (Refusal::NoStdin(own()), 20, "NO_FILE: g:*"),
            (Refusal::AlreadyAdded(own()), 90, "ALREADY_ADDED: g:*"),
            (Refusal::StillRunning(own()), 91, "STILL_RUNNING: g:*"),
            (
                Refusal::CantReread(BadConfiguration { text: own(), diagnosis: String::new() }),
                92,
                "CANT_REREAD: core's own",
            ),
        ] {
            let found = fault(refusal, "g:*");
            assert_eq!((found.code, found.text.as_str()), (code, text));
        }
    }
}
