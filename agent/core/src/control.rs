//! Start, stop, restart, signal, stdin and logs: what is asked of processes.

use std::sync::Arc;

use proto_words::{Incarnation, Namespec, Origin, ProcessPart, ProcessState, Signal};

use crate::callers::{Goal, Pending};
use crate::command::{Refusal, Reply, Scope, Ticket};
use crate::effect::{Effect, ProcessId};
use crate::machine::Event;
use crate::process::Process;
use crate::spec::Level;
use crate::supervisor::{Supervisor, Turn};

/// Which processes a scope names: one (whose refusals are the reply), or many.
enum Picked {
    One(ProcessId),
    Many(Vec<ProcessId>),
}

impl Supervisor {
    fn pick(&self, scope: &Scope) -> Result<Picked, Refusal> {
        match scope {
            Scope::All => {
                let mut groups: Vec<_> = self.groups.iter().collect();
                groups.sort_by_key(|group| group.configured.priority);
                let all = groups.iter().flat_map(|group| self.by_priority(&group.members));
                Ok(Picked::Many(all.collect()))
            }
            Scope::Group(name) => self
                .group(name)
                .map(|group| Picked::Many(self.by_priority(&group.members)))
                .ok_or_else(|| Refusal::BadName(name.clone())),
            Scope::Named(Namespec { group, process: ProcessPart::Every }) => {
                self.pick(&Scope::Group(group.clone()))
            }
            Scope::Named(name) => {
                self.one(name).map(Picked::One).ok_or_else(|| Refusal::BadName(name.to_string()))
            }
        }
    }

    /// The members of a group, by process priority; equal ones in the order of creation.
    pub(crate) fn by_priority(&self, members: &[ProcessId]) -> Vec<ProcessId> {
        let mut sorted = members.to_vec();
        sorted.sort_by_key(|id| self.processes.get(id).map(|process| process.spec.priority));
        sorted
    }

    /// `group:name`, or the name alone when both are equal.
    pub(crate) fn name_of(&self, id: ProcessId) -> String {
        self.processes
            .get(&id)
            .map(|process| Namespec::one(&process.group, &process.spec.name).to_string())
            .unwrap_or_default()
    }

    /// Does something to the one process that a scope names, or to each of the many that it is for.
    fn each(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        scope: &Scope,
        is_for: impl Fn(ProcessState) -> bool,
        act: impl Fn(&mut Self, &mut Turn, ProcessId),
    ) {
        match self.pick(scope) {
            Err(refusal) => turn.refuse(ticket, refusal),
            Ok(Picked::One(id)) => act(self, turn, id),
            Ok(Picked::Many(mut ids)) => {
                ids.retain(|id| is_for(self.state(*id)));
                self.callers.collect(turn, ticket, &ids);
                for id in ids {
                    act(self, turn, id);
                }
            }
        }
    }

    pub(crate) fn start(
        &mut self,
        turn: &mut Turn,
        origin: &Origin,
        ticket: Ticket,
        scope: &Scope,
        wait: bool,
    ) {
        let is_for = |state: ProcessState| !state.is_running();
        self.each(turn, ticket, scope, is_for, |host, turn, id| {
            host.check(turn, origin.clone(), ticket, id, wait);
        });
    }

    /// The first half of a start: the command is looked at before anything changes, so that a
    /// missing file is told as such, also while the process runs.
    fn check(
        &mut self,
        turn: &mut Turn,
        origin: Origin,
        ticket: Ticket,
        id: ProcessId,
        wait: bool,
    ) {
        let Some(process) = self.processes.get(&id) else {
            return;
        };
        let spec = Arc::clone(&process.spec);
        self.callers.wait(id, Pending { ticket, origin, goal: Goal::Checked { wait } });
        turn.effects.push(Effect::CheckCommand { ticket, process: id, spec });
    }

    pub(crate) fn command_checked(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        id: ProcessId,
        verdict: &Result<(), Refusal>,
    ) {
        let checked = |p: &Pending| p.ticket == ticket && matches!(p.goal, Goal::Checked { .. });
        for pending in self.callers.take(id, checked) {
            let Goal::Checked { wait } = pending.goal else {
                continue;
            };
            if self.closing.is_some() {
                // Nobody would stop it: its group may be gone through already.
                self.settle_one(turn, id, ticket, Err(Refusal::ShuttingDown));
                continue;
            }
            if verdict.is_ok() && self.is_stopping_for_the_fleet(id, &pending.origin) {
                // The fleet asks for a goal, and the last intent wins: up again, once it is gone.
                let goal = Goal::GoneThenUp { wait };
                self.callers.wait(id, Pending { goal, ..pending });
                continue;
            }
            let refused = verdict.clone().and_then(|()| self.may_start(id, wait));
            if let Err(refusal) = refused {
                self.settle_one(turn, id, ticket, Err(refusal));
                continue;
            }
            let busy = self.state(id) == ProcessState::Stopping;
            let origin = pending.origin.clone();
            if busy {
                // The original answers true although nothing starts; its log tells.
                self.settle_one(turn, id, ticket, Ok(()));
            } else {
                let goal = if wait { Goal::Up } else { Goal::Spawned };
                self.callers.wait(id, Pending { ticket, origin: origin.clone(), goal });
            }
            self.tell(turn, id, Event::StartAsked, Some(origin));
        }
    }

    fn is_stopping_for_the_fleet(&self, id: ProcessId, origin: &Origin) -> bool {
        matches!(origin, Origin::Fleet(_)) && self.state(id) == ProcessState::Stopping
    }

    fn may_start(&self, id: ProcessId, wait: bool) -> Result<(), Refusal> {
        let name = self.name_of(id);
        match self.state(id) {
            ProcessState::Starting | ProcessState::Running | ProcessState::Backoff => {
                Err(Refusal::AlreadyStarted(name))
            }
            ProcessState::Unknown => {
                Err(Refusal::Failed(format!("{name} is in an unknown process state")))
            }
            ProcessState::Stopping if wait => Err(Refusal::AbnormalTermination(name)),
            ProcessState::Stopping
            | ProcessState::Stopped
            | ProcessState::Exited
            | ProcessState::Fatal => Ok(()),
        }
    }

    /// The child exists: who waited for no more than that has it.
    pub(crate) fn child_exists(&mut self, turn: &mut Turn, id: ProcessId) {
        for pending in self.callers.take(id, |pending| pending.goal == Goal::Spawned) {
            self.settle_one(turn, id, pending.ticket, Ok(()));
        }
    }

    pub(crate) fn stop(
        &mut self,
        turn: &mut Turn,
        origin: &Origin,
        ticket: Ticket,
        scope: &Scope,
        wait: bool,
    ) {
        self.each(turn, ticket, scope, ProcessState::is_running, |host, turn, id| {
            host.stop_one(turn, origin.clone(), ticket, id, wait);
        });
    }

    fn stop_one(
        &mut self,
        turn: &mut Turn,
        origin: Origin,
        ticket: Ticket,
        id: ProcessId,
        wait: bool,
    ) {
        self.overtake(turn, id);
        let state = self.state(id);
        // The fleet asks for a goal; a local client is told what supervisord tells.
        let fleet_waits = matches!(origin, Origin::Fleet(_)) && state == ProcessState::Stopping;
        if !state.is_running() && !fleet_waits {
            let refusal = Refusal::NotRunning(self.name_of(id));
            return self.settle_one(turn, id, ticket, Err(refusal));
        }
        if wait {
            let pending = Pending { ticket, origin: origin.clone(), goal: Goal::Gone };
            self.callers.wait(id, pending);
        }
        if !fleet_waits {
            self.tell(turn, id, Event::StopAsked, Some(origin));
        }
        self.report_stop(turn, id);
        if !wait {
            self.settle_one(turn, id, ticket, Ok(()));
        }
    }

    /// A newer intent: who waited for the opposite is told.
    pub(crate) fn overtake(&mut self, turn: &mut Turn, id: ProcessId) {
        for pending in self.callers.overtaken(id) {
            let refusal = Refusal::Superseded(self.name_of(id));
            self.settle_one(turn, id, pending.ticket, Err(refusal));
        }
    }

    pub(crate) fn restart(
        &mut self,
        turn: &mut Turn,
        origin: Origin,
        ticket: Ticket,
        name: &Namespec,
        replaces: Option<Incarnation>,
        wait: bool,
    ) {
        let Some(id) = self.one(name) else {
            return turn.refuse(ticket, Refusal::BadName(name.to_string()));
        };
        let state = self.state(id);
        let current = self.processes.get(&id).map(|process| process.incarnation);
        if replaces.is_some() && replaces != current && state.is_running() {
            return turn.refuse(ticket, Refusal::AlreadyStarted(self.name_of(id)));
        }
        self.overtake(turn, id);
        if !state.is_running() && state != ProcessState::Stopping {
            return self.check(turn, origin, ticket, id, wait);
        }
        let goal = Goal::GoneThenUp { wait };
        self.callers.wait(id, Pending { ticket, origin: origin.clone(), goal });
        if state.is_running() {
            self.tell(turn, id, Event::StopAsked, Some(origin));
        }
        self.report_stop(turn, id);
    }

    pub(crate) fn signal(
        &mut self,
        turn: &mut Turn,
        origin: &Origin,
        ticket: Ticket,
        scope: &Scope,
        signal: Signal,
    ) {
        self.each(turn, ticket, scope, ProcessState::is_signallable, |host, turn, id| {
            host.signal_one(turn, origin.clone(), ticket, id, signal);
        });
    }

    fn signal_one(
        &mut self,
        turn: &mut Turn,
        origin: Origin,
        ticket: Ticket,
        id: ProcessId,
        signal: Signal,
    ) {
        let Some(process) = self.processes.get(&id) else {
            return;
        };
        let pid = process.machine.pid();
        if !process.machine.state().is_signallable() || pid == 0 {
            let refusal = Refusal::NotRunning(self.name_of(id));
            return self.settle_one(turn, id, ticket, Err(refusal));
        }
        let text = format!("sending {} (pid {pid}) sig {signal}", process.spec.name);
        turn.log(Level::Debug, text);
        self.callers.wait(id, Pending { ticket, origin, goal: Goal::Signalled });
        let ticket = Some(ticket);
        turn.effects.push(Effect::Signal { process: id, pid, signal, group: false, ticket });
    }

    pub(crate) fn signal_failed(
        &mut self,
        turn: &mut Turn,
        id: ProcessId,
        ticket: Option<Ticket>,
        errno: i32,
        text: &str,
    ) {
        let killing = ticket.is_none();
        let event = Event::SignalFailed { killing, errno, text: text.to_owned() };
        self.tell(turn, id, event, None);
        let is_unknown = |process: &&Process| process.machine.state() == ProcessState::Unknown;
        let unknown = self.processes.get(&id).filter(is_unknown);
        let problem = |what: &str| {
            let (name, pid) = unknown.map(|p| (p.spec.name.as_str(), p.machine.pid()))?;
            Some(Refusal::Failed(format!("unknown problem {what} {name} ({pid}):{text}")))
        };
        let (sending, stopping) = (problem("sending sig"), problem("killing"));
        if let Some(refusal) = stopping {
            for pending in self.callers.hopeless(id) {
                self.settle_one(turn, id, pending.ticket, Err(refusal.clone()));
            }
        }
        // Gone already: as in the original, that is no failure; its exit is about to be told.
        if let Some(ticket) = ticket {
            self.settle(turn, id, ticket, &sending.map_or(Ok(()), Err));
        }
    }

    /// What a change of state means to those who wait for this process.
    pub(crate) fn notice(&mut self, turn: &mut Turn, id: ProcessId, to: ProcessState) {
        let Some(process) = self.processes.get(&id) else {
            return;
        };
        let (name, why) = (self.name_of(id), process.machine.spawnerr.clone());
        let decided = self.callers.take(id, |p| p.goal.verdict(&name, to, &why).is_some());
        for pending in decided {
            if let Some(result) = pending.goal.verdict(&name, to, &why) {
                self.settle_one(turn, id, pending.ticket, result);
            }
        }
        if !to.is_stopped() || to == ProcessState::Unknown {
            return;
        }
        let then_up = |p: &Pending| matches!(p.goal, Goal::GoneThenUp { .. });
        for pending in self.callers.take(id, then_up) {
            if let Goal::GoneThenUp { wait } = pending.goal {
                self.check(turn, pending.origin, pending.ticket, id, wait);
            }
        }
    }

    pub(crate) fn write_stdin(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        name: &Namespec,
        bytes: Vec<u8>,
    ) {
        let Some((id, process)) =
            self.one(name).and_then(|id| self.processes.get(&id).map(|process| (id, process)))
        else {
            return turn.refuse(ticket, Refusal::BadName(name.to_string()));
        };
        let machine = &process.machine;
        if machine.pid() == 0 || machine.state() == ProcessState::Stopping {
            return turn.refuse(ticket, Refusal::NotRunning(name.to_string()));
        }
        self.callers.owe(ticket);
        turn.effects.push(Effect::WriteStdin { ticket, process: id, bytes });
    }

    pub(crate) fn clear_logs(
        &mut self,
        turn: &mut Turn,
        origin: Origin,
        ticket: Ticket,
        name: &Namespec,
    ) {
        match self.one(name) {
            None => turn.refuse(ticket, Refusal::BadName(name.to_string())),
            Some(id) if self.has_child(id) => self.clear_one(turn, origin, ticket, id),
            Some(_) => turn.answer(ticket, Reply::Done),
        }
    }

    pub(crate) fn clear_all_logs(&mut self, turn: &mut Turn, origin: &Origin, ticket: Ticket) {
        let Ok(Picked::Many(ids)) = self.pick(&Scope::All) else {
            return;
        };
        self.callers.collect(turn, ticket, &ids);
        // All of them go to the hand, those without a child too: the answers keep the order.
        for id in ids {
            self.clear_one(turn, origin.clone(), ticket, id);
        }
    }

    fn clear_one(&mut self, turn: &mut Turn, origin: Origin, ticket: Ticket, id: ProcessId) {
        self.callers.wait(id, Pending { ticket, origin, goal: Goal::LogsCleared });
        turn.effects.push(Effect::ClearLogs { ticket, process: id });
    }

    fn has_child(&self, id: ProcessId) -> bool {
        self.processes.get(&id).is_some_and(|process| process.machine.pid() != 0)
    }
}
