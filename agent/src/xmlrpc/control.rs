//! Methods that start and stop processes and write to them.

use agent_core::command::{Command, Scope};
use proto_words::{FaultCode, Namespec};
use proto_xmlrpc::Value;

use super::args::{Args, about};
use super::{Failure, Outcome, Xmlrpc};

/// How a method says which processes it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// By a namespec in the first argument: one process, or a group written `group:*`.
    Named,
    /// By a bare group name in the first argument.
    Group,
    /// All, without an argument.
    All,
}

impl Reach {
    /// The scope, and the name as the client gave it.
    pub(super) fn scope(self, args: &Args) -> Result<(Scope, &str), Failure> {
        Ok(match self {
            Self::All => (Scope::All, ""),
            Self::Group => {
                let group = args.group(0)?;
                (Scope::Group(group.to_owned()), group)
            }
            Self::Named => {
                let name = args.process(0)?;
                (Scope::Named(Namespec::parse(name)), name)
            }
        })
    }

    /// Where the argument after the name stands.
    pub(super) fn next(self) -> usize {
        match self {
            Self::All => 0,
            Self::Group | Self::Named => 1,
        }
    }
}

impl Xmlrpc {
    pub(super) async fn start(&self, args: &Args, reach: Reach) -> Outcome {
        let (scope, subject) = reach.scope(args)?;
        let wait = args.wait(reach.next());
        self.order(Command::Start { scope, wait }, subject).await
    }

    pub(super) async fn stop(&self, args: &Args, reach: Reach) -> Outcome {
        let (scope, subject) = reach.scope(args)?;
        let wait = args.wait(reach.next());
        self.order(Command::Stop { scope, wait }, subject).await
    }

    pub(super) async fn write_stdin(&self, args: &Args) -> Outcome {
        let Value::String(text) = args.value(1) else {
            return Err(about(FaultCode::IncorrectParameters, args.value(1)).into());
        };
        let subject = args.process(0)?;
        let command = Command::WriteStdin {
            name: Namespec::parse(subject),
            bytes: text.clone().into_bytes(),
        };
        self.order(command, subject).await
    }
}
