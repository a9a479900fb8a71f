//! supervisord's XML-RPC fault codes.

use std::fmt;

/// A fault of supervisord's XML-RPC interface: a number and a name in capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are supervisord's own and say what they mean")]
pub enum FaultCode {
    UnknownMethod,
    IncorrectParameters,
    BadArguments,
    SignatureUnsupported,
    ShutdownState,
    BadName,
    BadSignal,
    NoFile,
    NotExecutable,
    Failed,
    AbnormalTermination,
    SpawnError,
    AlreadyStarted,
    NotRunning,
    Success,
    AlreadyAdded,
    StillRunning,
    CantReread,
}

/// Code, number and name of each fault, in the order of the numbers.
const TABLE: [(FaultCode, i32, &str); 18] = [
    (FaultCode::UnknownMethod, 1, "UNKNOWN_METHOD"),
    (FaultCode::IncorrectParameters, 2, "INCORRECT_PARAMETERS"),
    (FaultCode::BadArguments, 3, "BAD_ARGUMENTS"),
    (FaultCode::SignatureUnsupported, 4, "SIGNATURE_UNSUPPORTED"),
    (FaultCode::ShutdownState, 6, "SHUTDOWN_STATE"),
    (FaultCode::BadName, 10, "BAD_NAME"),
    (FaultCode::BadSignal, 11, "BAD_SIGNAL"),
    (FaultCode::NoFile, 20, "NO_FILE"),
    (FaultCode::NotExecutable, 21, "NOT_EXECUTABLE"),
    (FaultCode::Failed, 30, "FAILED"),
    (FaultCode::AbnormalTermination, 40, "ABNORMAL_TERMINATION"),
    (FaultCode::SpawnError, 50, "SPAWN_ERROR"),
    (FaultCode::AlreadyStarted, 60, "ALREADY_STARTED"),
    (FaultCode::NotRunning, 70, "NOT_RUNNING"),
    (FaultCode::Success, 80, "SUCCESS"),
    (FaultCode::AlreadyAdded, 90, "ALREADY_ADDED"),
    (FaultCode::StillRunning, 91, "STILL_RUNNING"),
    (FaultCode::CantReread, 92, "CANT_REREAD"),
];

impl FaultCode {
    fn row(self) -> (i32, &'static str) {
        TABLE
            .iter()
            .find(|(code, ..)| *code == self)
            .map_or((30, "FAILED"), |(_, number, name)| (*number, *name))
    }

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> i32 {
        self.row().0
    }

    /// The name that begins `faultString`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The fault with this number.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        TABLE.iter().find(|(_, n, _)| *n == number).map(|(code, ..)| *code)
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{FaultCode, TABLE};

    #[test]
    fn every_number_leads_back_to_its_fault() {
        for (code, number, name) in TABLE {
            assert_eq!(FaultCode::from_number(number), Some(code));
            assert_eq!((code.number(), code.name()), (number, name));
        }
        assert_eq!(FaultCode::from_number(5), None);
    }
}
