//! Methods about supervisord itself.

use agent_core::command::{Command, Reply};
use proto_xmlrpc::Value;

use super::args::{Args, shown};
use super::faults::fault;
use super::{Outcome, Xmlrpc, unexpected};

/// The version of the interface, which has been the same since Supervisor 3.0.
pub(super) const API_VERSION: &str = "3.0";

/// The Supervisor that this agent is: clients compare it.
pub(super) const SUPERVISOR_VERSION: &str = "4.3.0";

impl Xmlrpc {
    pub(super) async fn state(&self) -> Outcome {
        match self.ask(Command::State).await {
            Reply::State(state) => Ok(Value::record([
                ("statecode", state.code().into()),
                ("statename", state.name().into()),
            ])),
            Reply::Refused(refusal) => Err(fault(refusal, "").into()),
            other => Err(unexpected(&other)),
        }
    }

    /// Any values are taken, as their text, and the answer is always yes.
    pub(super) async fn remote_event(&self, args: &Args) -> Outcome {
        let command =
            Command::RemoteEvent { kind: shown(args.value(0)), data: shown(args.value(1)) };
        match self.ask(command).await {
            Reply::Done | Reply::Refused(_) => Ok(true.into()),
            other => Err(unexpected(&other)),
        }
    }
}
