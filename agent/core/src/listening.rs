//! Who hears of what happens on this host: every event gets its number here, and goes to the pools
//! that listen for it. Doors hear of changes by [`Effect::Announce`]; output is for listeners alone.

use std::sync::Arc;

use proto_words::ProcessState;

use crate::effect::{Effect, Event, ProcessId};
use crate::groups::Group;
use crate::input::{Output, Unwritten};
use crate::listener::Said;
use crate::payload::{self, EventType, Writer};
use crate::pool::{Heard, Notice, Pool, Step, Ticketed, after};
use crate::spec::GroupKind;
use crate::supervisor::{Supervisor, Turn};

/// The protocol's version, at the beginning of every event.
const PROTOCOL_VERSION: &str = "3.0";

impl Supervisor {
    /// Tells doors and listeners.
    pub(crate) fn announce(&mut self, turn: &mut Turn, event: Event) {
        self.offer(turn, EventType::of(&event), || payload::of(&event));
        turn.effects.push(Effect::Announce(event));
    }

    /// Tells the pools that listen for it; what nobody listens for gets no number.
    fn offer(&mut self, turn: &mut Turn, kind: EventType, payload: impl FnOnce() -> String) {
        if !self.pools.iter().any(|pool| pool.wants(kind)) {
            return;
        }
        self.event_serial = after(self.event_serial);
        let notice = Arc::new(Notice { serial: self.event_serial, kind, payload: payload() });
        for at in 0..self.pools.len() {
            if self.pools.get(at).is_some_and(|pool| pool.wants(kind)) {
                self.tell_pool(turn, at, Heard::Happened(Arc::clone(&notice)));
            }
        }
    }

    /// A new group of listeners hears from its own beginning on.
    pub(crate) fn begin_to_listen(&mut self, group: &Group) {
        if let GroupKind::EventListeners(spec) = &group.configured.kind {
            let name = |id: &ProcessId| self.processes.get(id).map(|p| p.spec.name.clone());
            let members = group.members.iter();
            let listeners = members.map(|id| (*id, name(id).unwrap_or_default()));
            let pool = Pool::new(Arc::clone(&group.name), spec, listeners);
            self.pools.push(pool);
        }
    }

    /// A group that is removed hears nothing more; what waited for it is lost.
    pub(crate) fn stop_listening(&mut self, group: &str) {
        self.pools.retain(|pool| pool.name() != group);
    }

    /// A process has come into a state; that is news for its own pool, too.
    pub(crate) fn listener_entered(&mut self, turn: &mut Turn, id: ProcessId, to: ProcessState) {
        self.tell_its_pool(turn, id, Heard::Entered(id, to));
    }

    /// A listener has spoken; what an earlier child has said is nothing.
    pub(crate) fn listener_said(&mut self, turn: &mut Turn, id: ProcessId, pid: i32, said: Said) {
        if self.processes.get(&id).is_some_and(|process| process.machine.pid() == pid) {
            self.tell_its_pool(turn, id, Heard::Said(id, said));
        }
    }

    pub(crate) fn event_written(
        &mut self,
        turn: &mut Turn,
        id: ProcessId,
        serial: i64,
        verdict: Result<(), Unwritten>,
    ) {
        self.tell_its_pool(turn, id, Heard::Written(id, serial, verdict));
    }

    /// A process has written something that listeners may want to hear.
    pub(crate) fn written_by(&mut self, turn: &mut Turn, id: ProcessId, pid: i32, output: &Output) {
        let Some(process) = self.processes.get(&id) else { return };
        let (group, spec) = (Arc::clone(&process.group), Arc::clone(&process.spec));
        let writer = Writer { process: &spec.name, group: &group, pid };
        match output {
            Output::Logged(stream, bytes) => {
                let text = || payload::log(writer, *stream, bytes);
                self.offer(turn, EventType::ProcessLog(*stream), text);
            }
            Output::Captured(stream, bytes) => {
                let text = || payload::communication(writer, bytes);
                self.offer(turn, EventType::ProcessCommunication(*stream), text);
            }
        }
    }

    /// The end of a turn: slices of time that have begun, then whatever can be sent.
    pub(crate) fn serve_listeners(&mut self, turn: &mut Turn) {
        if self.started {
            let pools = &self.pools;
            let wanted = |period| pools.iter().any(|pool| pool.wants(EventType::Tick(period)));
            for (period, slice) in self.ticks.look(turn.now, wanted) {
                self.offer(turn, EventType::Tick(period), || payload::tick(slice));
            }
        }
        for at in 0..self.pools.len() {
            self.tell_pool(turn, at, Heard::Sending);
        }
    }

    /// Whether a group is a pool with events that its listeners have or may yet get.
    pub(crate) fn has_events(&self, group: &str) -> bool {
        self.pools.iter().any(|pool| pool.name() == group && pool.is_busy())
    }

    /// When listeners want it to be told that time has passed.
    pub(crate) fn listening_deadline(&self) -> Option<u64> {
        let pools = self.pools.iter().filter_map(Pool::deadline);
        pools.chain(self.ticks.deadline()).min()
    }

    fn tell_its_pool(&mut self, turn: &mut Turn, id: ProcessId, heard: Heard) {
        let Some(process) = self.processes.get(&id) else { return };
        let its = |pool: &Pool| *pool.name() == *process.group;
        if let Some(at) = self.pools.iter().position(its) {
            self.tell_pool(turn, at, heard);
        }
    }

    fn tell_pool(&mut self, turn: &mut Turn, at: usize, heard: Heard) {
        let Some(pool) = self.pools.get_mut(at) else { return };
        let steps = pool.on_heard(turn.now, heard);
        for step in steps {
            match step {
                Step::Log(level, text) => turn.log(level, text),
                Step::Send(process, event) => self.send_event(turn, at, process, &event),
            }
        }
    }

    fn send_event(&self, turn: &mut Turn, at: usize, process: ProcessId, event: &Ticketed) {
        let pid = self.processes.get(&process).map_or(0, |process| process.machine.pid());
        let pool = self.pools.get(at).map_or("", Pool::name);
        let bytes = envelope(&self.identifier, pool, event).into_bytes();
        let serial = event.notice.serial;
        turn.effects.push(Effect::SendEvent { process, pid, serial, bytes });
    }
}

/// An event as listeners read it. `len` counts characters, as supervisord does, and not bytes.
fn envelope(identifier: &str, pool: &str, event: &Ticketed) -> String {
    let Ticketed { notice, pool_serial, .. } = event;
    let Notice { serial, kind, payload } = &**notice;
    let (name, length) = (kind.name(), payload.chars().count());
    format!(
        "ver:{PROTOCOL_VERSION} server:{identifier} serial:{serial} pool:{pool} \
         poolserial:{pool_serial} eventname:{name} len:{length}\n{payload}"
    )
}
