//! What is shown of a host: nothing in here changes anything.

use proto_words::{Namespec, ProcessPart, ProcessState};

use crate::command::{Command, Refusal, Reply, Table, Ticket};
use crate::effect::ProcessId;
use crate::groups::Group;
use crate::process::Process;
use crate::supervisor::{Supervisor, Turn};

impl Supervisor {
    pub(crate) fn show(&self, turn: &mut Turn, ticket: Ticket, command: Command) {
        let named = |name: &Namespec| {
            self.one(name)
                .and_then(|id| self.processes.get(&id))
                .ok_or_else(|| Refusal::BadName(name.to_string()))
        };
        let reply = match command {
            Command::Info(name) => named(&name).map(|p| Reply::Infos(vec![p.info(turn.now)])),
            Command::Files(name) => named(&name).map(|p| Reply::Files(p.files())),
            Command::Configs => Ok(Reply::Configs(self.configs())),
            Command::Rows => Ok(Reply::Rows(self.table())),
            _ => {
                let infos = self.by_name().into_iter().map(|p| p.info(turn.now)).collect();
                Ok(Reply::Infos(infos))
            }
        };
        turn.answer(ticket, reply.unwrap_or_else(Reply::Refused));
    }

    /// All rows, with the number of the newest change.
    #[must_use]
    pub fn table(&self) -> Table {
        let rows = self.by_name().into_iter().map(Process::row).collect();
        Table { epoch: self.epoch, seq: self.seq, rows }
    }

    fn by_name(&self) -> Vec<&Process> {
        let mut all: Vec<_> = self.processes.values().collect();
        all.sort_by(|a, b| (&*a.group, &a.spec.name).cmp(&(&*b.group, &b.spec.name)));
        all
    }

    /// The one process that a namespec names.
    pub(crate) fn one(&self, name: &Namespec) -> Option<ProcessId> {
        let ProcessPart::One(process) = &name.process else {
            return None;
        };
        let group = self.group(&name.group)?;
        let is_it = |id: &&ProcessId| {
            self.processes.get(id).is_some_and(|candidate| candidate.spec.name == *process)
        };
        group.members.iter().find(is_it).copied()
    }

    /// The active group with this name.
    pub(crate) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    /// The state of a process; one that is gone counts as stopped.
    pub(crate) fn state(&self, id: ProcessId) -> ProcessState {
        self.processes.get(&id).map_or(ProcessState::Stopped, |process| process.machine.state())
    }
}
