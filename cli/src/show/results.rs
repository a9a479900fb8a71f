//! What came of starting, stopping, signalling and clearing: one line and one exit code each.

use proto_words::{FaultCode, Namespec};
use proto_xmlrpc::Value;

use super::answer::{int_of, text_of};
use crate::exit;
use crate::reach::trouble::Trouble;

/// The result for one process, from a list of results or from a refusal.
#[derive(Debug)]
pub struct Outcome {
    /// The process's group.
    pub group: String,
    /// Its name in the group; `*` for the group as a whole.
    pub name: String,
    /// The number of a fault; 80 for success.
    pub status: i32,
    /// The fault's text.
    pub description: String,
}

impl Outcome {
    /// A success.
    pub fn good(group: &str, name: &str) -> Self {
        Self {
            group: group.to_owned(),
            name: name.to_owned(),
            status: FaultCode::Success.number(),
            description: String::new(),
        }
    }

    /// Reads one item of a list of results.
    ///
    /// # Errors
    ///
    /// A member is missing or of another type.
    pub fn read(value: &Value) -> Result<Self, Trouble> {
        let status = int_of(value, "status")?;
        Ok(Self {
            group: text_of(value, "group")?.to_owned(),
            name: text_of(value, "name")?.to_owned(),
            status: i32::try_from(status).unwrap_or(i32::MAX),
            description: text_of(value, "description")?.to_owned(),
        })
    }
}

/// How one verb tells its results.
#[derive(Debug)]
pub struct Wording {
    /// What is said of a success.
    good: &'static str,
    /// What is said of each fault that the verb expects.
    bad: &'static [(FaultCode, &'static str)],
    /// Whether FAILED is told by its own text.
    failure_speaks: bool,
    /// A fault that leaves the exit code alone: the process was where it should be.
    harmless: Option<FaultCode>,
}

/// `start`.
pub const STARTED: Wording = Wording {
    good: "started",
    bad: &[
        (FaultCode::BadName, "no such process"),
        (FaultCode::NoFile, "no such file"),
        (FaultCode::NotExecutable, "file is not executable"),
        (FaultCode::AlreadyStarted, "already started"),
        (FaultCode::SpawnError, "spawn error"),
        (FaultCode::AbnormalTermination, "abnormal termination"),
    ],
    failure_speaks: false,
    harmless: Some(FaultCode::AlreadyStarted),
};

const SIGNAL_FAULTS: &[(FaultCode, &str)] = &[
    (FaultCode::BadName, "no such process"),
    (FaultCode::BadSignal, "bad signal name"),
    (FaultCode::NotRunning, "not running"),
];

/// `stop`.
pub const STOPPED: Wording = Wording {
    good: "stopped",
    bad: SIGNAL_FAULTS,
    failure_speaks: true,
    harmless: Some(FaultCode::NotRunning),
};

/// `signal`.
pub const SIGNALLED: Wording =
    Wording { good: "signalled", bad: SIGNAL_FAULTS, failure_speaks: true, harmless: None };

/// `clear`.
pub const CLEARED: Wording = Wording {
    good: "cleared",
    bad: &[(FaultCode::BadName, "no such process"), (FaultCode::Failed, "failed")],
    failure_speaks: false,
    harmless: None,
};

impl Wording {
    /// The line for one result.
    ///
    /// # Errors
    ///
    /// A `ValueError` for a fault that the verb does not expect.
    pub fn line(&self, outcome: &Outcome) -> Result<String, Trouble> {
        let name = Namespec::one(&outcome.group, &outcome.name);
        let fault = FaultCode::from_number(outcome.status);
        if fault == Some(FaultCode::Success) {
            return Ok(format!("{name}: {}", self.good));
        }
        if fault == Some(FaultCode::Failed) && self.failure_speaks {
            return Ok(outcome.description.clone());
        }
        match self.bad.iter().find(|(code, _)| fault == Some(*code)) {
            Some((_, reason)) => Ok(format!("{name}: ERROR ({reason})")),
            None => Err(Trouble::value(
                "ValueError",
                format!("Unknown result code {} for {name}", outcome.status),
            )),
        }
    }

    /// The exit code that a result sets, if any.
    pub fn exit(&self, status: i32) -> Option<u8> {
        match FaultCode::from_number(status) {
            Some(FaultCode::Success) => None,
            fault if fault.is_some() && fault == self.harmless => None,
            Some(
                FaultCode::SpawnError | FaultCode::AbnormalTermination | FaultCode::NotRunning,
            ) => Some(exit::NOT_RUNNING),
            _ => Some(exit::GENERIC),
        }
    }
}

#[cfg(test)]
mod tests {
    use proto_words::FaultCode as F;

    use super::{CLEARED, Outcome, SIGNALLED, STARTED, STOPPED, Wording};

    fn told(wording: &Wording, fault: F) -> (String, Option<u8>) {
        let status = fault.number();
        let outcome =
            Outcome { status, description: "FAILED: why".into(), ..Outcome::good("g", "p") };
        let line = wording.line(&outcome);
        (line.unwrap_or_else(|trouble| trouble.class_and_text().1), wording.exit(status))
    }

    #[test]
    fn each_result_has_its_line_and_its_exit_code() {
        for (wording, fault, line, exit) in [
            (&STARTED, F::Success, "g:p: started", None),
            (&STARTED, F::BadName, "g:p: ERROR (no such process)", Some(1)),
            (&STARTED, F::NoFile, "g:p: ERROR (no such file)", Some(1)),
            (&STARTED, F::NotExecutable, "g:p: ERROR (file is not executable)", Some(1)),
            (&STARTED, F::AlreadyStarted, "g:p: ERROR (already started)", None),
            (&STARTED, F::SpawnError, "g:p: ERROR (spawn error)", Some(7)),
            (&STARTED, F::AbnormalTermination, "g:p: ERROR (abnormal termination)", Some(7)),
            (&STARTED, F::Failed, "Unknown result code 30 for g:p", Some(1)),
            (&STOPPED, F::Success, "g:p: stopped", None),
            (&STOPPED, F::NotRunning, "g:p: ERROR (not running)", None),
            (&STOPPED, F::Failed, "FAILED: why", Some(1)),
            (&STOPPED, F::NoFile, "Unknown result code 20 for g:p", Some(1)),
            (&SIGNALLED, F::Success, "g:p: signalled", None),
            (&SIGNALLED, F::NotRunning, "g:p: ERROR (not running)", Some(7)),
            (&SIGNALLED, F::BadSignal, "g:p: ERROR (bad signal name)", Some(1)),
            (&CLEARED, F::Success, "g:p: cleared", None),
            (&CLEARED, F::Failed, "g:p: ERROR (failed)", Some(1)),
            (&CLEARED, F::BadName, "g:p: ERROR (no such process)", Some(1)),
        ] {
            assert_eq!(told(wording, fault), (line.to_owned(), exit), "{fault}");
        }
    }
}
