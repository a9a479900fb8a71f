//! Groups come and go: reread, add, remove, and the update that does all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proto_words::{Incarnation, Origin};
use serde::{Deserialize, Serialize};

use crate::command::{
    BadConfiguration, Diff, PreparedGroup, ProcessConfig, Refusal, Reply, Ticket,
};
use crate::differs::differs;
use crate::effect::{Effect, Event, Finish, ProcessId};
use crate::machine::{self, Machine};
use crate::process::Process;
use crate::sockets::{self, Socket};
use crate::spec::{Configuration, GroupSpec, Level, LogFile, ProcessSpec};
use crate::supervisor::{Supervisor, Turn};

/// An active group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: Arc<str>,
    /// As it was configured when it was activated, AUTO included: what a reread compares with.
    pub configured: GroupSpec,
    /// Its AUTO log files by (process, channel).
    pub auto_logs: BTreeMap<(String, String), String>,
    /// Its processes, in supervisord's order.
    pub members: Vec<ProcessId>,
    /// What its FastCGI programs share.
    pub socket: Socket,
}

/// What the configuration is being read for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To know.
    Reread,
    /// To apply it, to these groups or to all.
    Update(Origin, Vec<String>),
    /// To begin anew.
    Reload,
}

/// An update on its way: first everything that goes or changes is stopped, then removed, then
/// everything that comes or changes is prepared and activated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Updating {
    diff: Diff,
    /// Groups that must be stopped before the next step; empty once they are removed.
    stopping: Vec<String>,
    /// How many groups are being prepared.
    preparing: usize,
    /// Why some of them are not active now.
    faults: Vec<String>,
}

impl Supervisor {
    /// Makes a prepared group active; its programs start by themselves when the host is at work.
    pub(crate) fn activate(&mut self, turn: &mut Turn, prepared: PreparedGroup) {
        let PreparedGroup { configured, auto_logs, fault: _ } = prepared;
        if self.group(&configured.name).is_some() {
            return; // of two with one name only the first counts
        }
        let name: Arc<str> = configured.name.as_str().into();
        let mut specs: Vec<ProcessSpec> = Vec::new();
        for spec in &configured.processes {
            // Of two with one name the last counts, in the place of the first.
            match specs.iter_mut().find(|known| known.name == spec.name) {
                Some(known) => known.clone_from(spec),
                None => specs.push(spec.clone()),
            }
        }
        let members: Vec<_> = specs
            .into_iter()
            .map(|spec| self.admit(turn, &name, configured.priority, with_paths(spec, &auto_logs)))
            .collect();
        let rows = members.iter().filter_map(|id| self.processes.get(id)).map(Process::row);
        let event = Event::GroupAdded(configured.name.clone(), rows.collect());
        let socket = Socket::Closed;
        let group = Group { name, configured, auto_logs, members: members.clone(), socket };
        self.begin_to_listen(&group);
        self.groups.push(group);
        self.announce(turn, event);
        if self.started && self.closing.is_none() {
            self.autostart(turn, &members);
        }
    }

    fn admit(
        &mut self,
        turn: &Turn,
        group: &Arc<str>,
        group_priority: i64,
        spec: ProcessSpec,
    ) -> ProcessId {
        let id = ProcessId(self.next_process);
        self.next_process += 1;
        self.seq += 1;
        let process = Process {
            id,
            group: Arc::clone(group),
            group_priority,
            spec: Arc::new(spec),
            machine: Machine::default(),
            origin: Origin::Autostart,
            incarnation: Incarnation { epoch: self.epoch, spawn: 0 },
            seq: self.seq,
            since_ms: turn.now.wall_ms,
            armed: None,
            stop_reported: false,
        };
        self.processes.insert(id, process);
        id
    }

    /// Has the configuration read, and remembers what for.
    pub(crate) fn read(&mut self, turn: &mut Turn, ticket: Ticket, purpose: Purpose) {
        let to_restart = purpose == Purpose::Reload;
        self.reading.insert(ticket, purpose);
        turn.effects.push(Effect::ReadConfiguration { ticket: Some(ticket), to_restart });
    }

    pub(crate) fn configuration_read(
        &mut self,
        turn: &mut Turn,
        ticket: Option<Ticket>,
        configuration: Result<Box<Configuration>, BadConfiguration>,
    ) {
        let Some(ticket) = ticket else {
            return match configuration {
                Ok(_) => self.close(turn, Finish::Restart),
                Err(bad) => turn.log(Level::Error, not_restarted(&bad.diagnosis)),
            };
        };
        let Some(purpose) = self.reading.remove(&ticket) else {
            return;
        };
        if self.closing.is_some() {
            return turn.refuse(ticket, Refusal::ShuttingDown);
        }
        let configuration = match configuration {
            Ok(configuration) => *configuration,
            Err(bad) => return turn.refuse(ticket, Refusal::CantReread(bad)),
        };
        match purpose {
            Purpose::Reread => {
                self.configured = configuration.groups;
                turn.answer(ticket, Reply::Diff(self.diff()));
            }
            Purpose::Update(origin, only) => {
                self.configured = configuration.groups;
                self.begin_update(turn, ticket, &origin, &only);
            }
            Purpose::Reload => {
                turn.answer(ticket, Reply::Done);
                self.close(turn, Finish::Restart);
            }
        }
    }

    /// What the configuration as last read would change.
    fn diff(&self) -> Diff {
        let mut diff = Diff::default();
        for fresh in &self.configured {
            match self.group(&fresh.name) {
                None => diff.added.push(fresh.name.clone()),
                Some(active) if differs(&active.configured, fresh) => {
                    diff.changed.push(fresh.name.clone());
                }
                Some(_) => {}
            }
        }
        let still: BTreeSet<_> = self.configured.iter().map(|fresh| fresh.name.as_str()).collect();
        let gone = self.groups.iter().filter(|group| !still.contains(&*group.name));
        diff.removed = gone.map(|group| group.name.to_string()).collect();
        diff
    }

    fn begin_update(&mut self, turn: &mut Turn, ticket: Ticket, origin: &Origin, only: &[String]) {
        let mut diff = self.diff();
        if !only.is_empty() {
            for names in [&mut diff.added, &mut diff.changed, &mut diff.removed] {
                names.retain(|name| only.contains(name));
            }
        }
        let stopping: Vec<_> = diff.removed.iter().chain(&diff.changed).cloned().collect();
        for name in &stopping {
            self.stop_group(turn, name, origin);
        }
        self.updating.insert(ticket, Updating { diff, stopping, preparing: 0, faults: Vec::new() });
    }

    fn stop_group(&mut self, turn: &mut Turn, name: &str, origin: &Origin) {
        let members = self.group(name).map(|group| group.members.clone()).unwrap_or_default();
        for id in self.by_priority(&members) {
            self.overtake(turn, id);
            self.tell(turn, id, machine::Event::StopAsked, Some(origin.clone()));
        }
    }

    /// Takes each update as far as it can go now; on the way down none goes on, and whoever waits
    /// is told at the end.
    pub(crate) fn advance_updates(&mut self, turn: &mut Turn) {
        if self.closing.is_some() {
            return;
        }
        let tickets: Vec<_> = self.updating.keys().copied().collect();
        for ticket in tickets {
            self.advance_update(turn, ticket);
        }
    }

    fn advance_update(&mut self, turn: &mut Turn, ticket: Ticket) {
        let Some(updating) = self.updating.get(&ticket) else {
            return;
        };
        if updating.preparing > 0 || !updating.stopping.iter().all(|name| self.is_stopped(name)) {
            return;
        }
        let diff = updating.diff.clone();
        let comes: Vec<_> = diff.changed.iter().chain(&diff.added).cloned().collect();
        if updating.stopping.is_empty() && comes.iter().all(|name| self.group(name).is_some()) {
            self.updating.remove(&ticket);
            return turn.answer(ticket, Reply::Updated(diff));
        }
        for name in diff.removed.iter().chain(&diff.changed) {
            self.drop_group(turn, name);
        }
        let mut preparing = 0;
        for name in &comes {
            if let Some(group) = self.configured.iter().find(|group| group.name == *name) {
                preparing += 1;
                let group = Box::new(group.clone());
                turn.effects.push(Effect::PrepareGroup { ticket, group });
            }
        }
        if preparing == 0 {
            self.updating.remove(&ticket);
            turn.answer(ticket, Reply::Updated(diff));
        } else if let Some(updating) = self.updating.get_mut(&ticket) {
            updating.stopping.clear();
            updating.preparing = preparing;
        }
    }

    fn is_stopped(&self, group: &str) -> bool {
        self.group(group)
            .is_none_or(|group| group.members.iter().all(|id| self.state(*id).is_stopped()))
    }

    pub(crate) fn add_group(&mut self, turn: &mut Turn, ticket: Ticket, name: String) {
        let Some(configured) = self.configured.iter().find(|group| group.name == name) else {
            return turn.refuse(ticket, Refusal::BadName(name));
        };
        if self.group(&name).is_some() {
            return turn.refuse(ticket, Refusal::AlreadyAdded(name));
        }
        let group = Box::new(configured.clone());
        self.callers.owe(ticket);
        turn.effects.push(Effect::PrepareGroup { ticket, group });
    }

    pub(crate) fn group_prepared(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        prepared: PreparedGroup,
    ) {
        if self.closing.is_some() {
            // Nobody would stop it: the groups to be stopped are known already.
            if self.callers.is_paid(ticket) {
                turn.refuse(ticket, Refusal::ShuttingDown);
            }
            return;
        }
        let name = prepared.configured.name.clone();
        let known = self.group(&name).is_some();
        let fault = prepared.fault.clone();
        if fault.is_none() {
            self.activate(turn, prepared);
        }
        let waits = self.callers.is_paid(ticket);
        match (self.updating.get_mut(&ticket), fault) {
            (Some(updating), fault) => {
                updating.preparing = updating.preparing.saturating_sub(1);
                updating.faults.extend(fault);
                if updating.preparing == 0 {
                    self.end_update(turn, ticket);
                }
            }
            (None, _) if !waits => {}
            (None, _) if known => turn.refuse(ticket, Refusal::AlreadyAdded(name)),
            (None, Some(why)) => turn.refuse(ticket, Refusal::Failed(why)),
            (None, None) => turn.answer(ticket, Reply::Done),
        }
    }

    fn end_update(&mut self, turn: &mut Turn, ticket: Ticket) {
        if let Some(Updating { diff, faults, .. }) = self.updating.remove(&ticket) {
            let reply = if faults.is_empty() {
                Reply::Updated(diff)
            } else {
                Reply::Refused(Refusal::Failed(faults.join("; ")))
            };
            turn.answer(ticket, reply);
        }
    }

    pub(crate) fn remove_group(&mut self, turn: &mut Turn, ticket: Ticket, name: &str) {
        if self.group(name).is_none() {
            turn.refuse(ticket, Refusal::BadName(name.to_owned()));
        } else if self.is_stopped(name) {
            self.drop_group(turn, name);
            turn.answer(ticket, Reply::Done);
        } else {
            turn.refuse(ticket, Refusal::StillRunning(name.to_owned()));
        }
    }

    fn drop_group(&mut self, turn: &mut Turn, name: &str) {
        let Some(group) = self.groups.remove(name) else {
            return;
        };
        sockets::forget(turn, &group);
        let mut rows = Vec::new();
        for id in group.members {
            self.overtake(turn, id);
            let Some(process) = self.forget(id) else {
                continue;
            };
            self.seq += 1;
            let mut row = process.row();
            (row.seq, row.state, row.pid) = (self.seq, None, 0);
            rows.push(row);
        }
        self.stop_listening(name);
        self.announce(turn, Event::GroupRemoved(name.to_owned(), rows));
    }

    /// Each configured process, active or not, sorted by process name.
    pub(crate) fn configs(&self) -> Vec<ProcessConfig> {
        let mut all = Vec::new();
        for group in &self.configured {
            let active = self.group(&group.name);
            for spec in &group.processes {
                let spec = match active {
                    Some(active) => with_paths(spec.clone(), &active.auto_logs),
                    None => spec.clone(),
                };
                all.push(ProcessConfig {
                    group: group.name.clone(),
                    group_priority: group.priority,
                    in_use: active.is_some(),
                    spec,
                });
            }
        }
        all.sort_by(|a, b| a.spec.name.cmp(&b.spec.name));
        all
    }
}

/// Puts the AUTO files that were made in the place of AUTO.
fn with_paths(
    mut spec: ProcessSpec,
    auto_logs: &BTreeMap<(String, String), String>,
) -> ProcessSpec {
    let name = spec.name.clone();
    for (channel, log) in [("stdout", &mut spec.stdout), ("stderr", &mut spec.stderr)] {
        if log.file == LogFile::Auto
            && let Some(path) = auto_logs.get(&(name.clone(), channel.to_owned()))
        {
            log.file = LogFile::Path(path.clone());
        }
    }
    spec
}

fn not_restarted(text: &str) -> String {
    format!(
        "not restarted, everything goes on: {text}; correct it, look with fleetvisord check FILE, \
         and send SIGHUP again"
    )
}
