//! What happens to a host: one function for each kind of event. Numbers pick among what is possible.

use agent_core::command::{BadConfiguration, Command, PreparedGroup, Ticket};
use agent_core::effect::ProcessId;
use agent_core::input::{Exit, Input, Unwritten};
use agent_core::listener::Said;
use agent_core::{Ask, Refusal};
use proto_words::{Origin, Signal};

use super::super::play::{groups, prepared};
use super::super::stage::configuration;
use super::{CONFIGURED, World};

impl World {
    /// The processes of the active groups, by group and name.
    pub fn names(&self) -> Vec<(String, String)> {
        self.told.keys().cloned().collect()
    }

    pub fn ask(&mut self, command: Command) {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        self.asked.insert(ticket);
        let origin = if self.next_ticket.is_multiple_of(2) {
            Origin::LocalXmlrpc
        } else {
            Origin::Fleet("op".into())
        };
        self.feed(Input::Asked(Ask { origin, ticket, command }));
    }

    pub fn check(&mut self, which: usize, good: bool) {
        let Some((ticket, process)) = pick(&mut self.checks, which) else { return };
        let verdict = if good { Ok(()) } else { Err(Refusal::NoFile("no".into())) };
        self.feed(Input::CommandChecked { ticket, process, verdict });
    }

    pub fn open(&mut self, good: bool) {
        let asked = self.sockets.iter_mut().find(|(_, socket)| !socket.is_open);
        let Some((&socket, state)) = asked else { return };
        state.is_open = good;
        if !good {
            self.sockets.remove(&socket);
        }
        let verdict = if good { Ok(()) } else { Err("no".to_owned()) };
        self.feed(Input::SocketOpened { socket, group: "d".into(), verdict });
    }

    pub fn birth(&mut self, which: usize, good: bool) {
        let Some(process) = pick(&mut self.births, which) else { return };
        if good {
            self.next_pid += 1;
            self.children.insert(process, self.next_pid);
            self.feed(Input::Spawned { process, pid: self.next_pid });
        } else {
            self.feed(Input::SpawnFailed { process, why: "no".into() });
        }
    }

    /// One of the children, if there is any.
    fn child(&self, which: usize) -> Option<(ProcessId, i32)> {
        let at = which.checked_rem(self.children.len())?;
        self.children.iter().nth(at).map(|(process, pid)| (*process, *pid))
    }

    pub fn exit(&mut self, which: usize, exit: Exit) {
        let Some((process, pid)) = self.child(which) else { return };
        self.children.remove(&process);
        self.lost.remove(&process);
        self.doomed.remove(&process);
        self.feed(Input::ChildExited { process, pid, exit, at_mono_ns: self.now.mono_ns });
    }

    /// One of those ends that have been signalled; nobody else does.
    pub fn exit_doomed(&mut self) {
        let doomed = |id: &ProcessId| self.doomed.contains(id) && !self.lost.contains(id);
        if let Some(at) = self.children.keys().position(doomed) {
            self.exit(at, Exit::Code(0));
        }
    }

    /// An exit that has been told before, or of a child that this process never had.
    pub fn stale_exit(&mut self, which: usize) {
        let Some((process, pid)) = self.child(which) else { return };
        let (pid, at_mono_ns) = (pid - 1000, self.now.mono_ns);
        self.feed(Input::ChildExited { process, pid, exit: Exit::Code(0), at_mono_ns });
    }

    /// A configuration by its number; beyond the last it is broken.
    pub fn read(&mut self, which: usize) {
        if self.reads.is_empty() {
            return;
        }
        let ticket = self.reads.remove(0);
        let configuration = match CONFIGURED.get(which) {
            Some(text) => Ok(Box::new(configuration(groups(text)))),
            None => Err(BadConfiguration { text: "bad".into(), diagnosis: "conf:1: bad".into() }),
        };
        self.feed(Input::ConfigurationRead { ticket, configuration });
    }

    pub fn prepare(&mut self, which: usize, good: bool) {
        let Some((ticket, group)) = pick(&mut self.preparing, which) else { return };
        let fault = (!good).then(|| "no".to_owned());
        let group = PreparedGroup { fault, ..prepared(&[group]).remove(0) };
        self.feed(Input::GroupPrepared { ticket, group: Box::new(group) });
    }

    pub fn write(&mut self, which: usize) {
        if let Some(input) = pick(&mut self.writes, which) {
            self.feed(input);
        }
    }

    /// A hand hangs: what it was to look at is never answered.
    pub fn lose(&mut self, which: usize) {
        match which % 5 {
            4 => self.hung.extend(pick(&mut self.births, which)),
            0 => drop(pick(&mut self.checks, which)),
            1 => drop(pick(&mut self.reads, which)),
            2 => drop(pick(&mut self.preparing, which)),
            _ => drop(pick(&mut self.writes, which)),
        }
    }

    /// After the end hands may still answer; nobody waits for that any more.
    pub fn answer_late(&mut self) {
        while !(self.checks.is_empty() && self.reads.is_empty()) {
            self.check(0, true);
            self.read(0);
        }
        while !(self.preparing.is_empty() && self.writes.is_empty()) {
            self.prepare(0, true);
            self.write(0);
        }
    }

    /// Any child may say anything; only listeners are heard.
    pub fn say(&mut self, which: usize, word: u8) {
        let Some((process, pid)) = self.child(which) else { return };
        let said = match word {
            0 => Said::Processed,
            1 => Said::Rejected,
            2 => Said::Nonsense,
            3 => Said::BadResultLine("x".into()),
            _ => Said::Ready,
        };
        self.feed(Input::ListenerSaid { process, pid, said });
    }

    pub fn event_written(&mut self, good: bool) {
        let Some((process, serial)) = pick(&mut self.sent, 0) else { return };
        let verdict = if good { Ok(()) } else { Err(Unwritten::Full) };
        self.feed(Input::EventWritten { process, serial, verdict });
    }

    pub fn signalled(&mut self, number: i32) {
        self.feed(Input::Signalled(Signal::from_number(number).expect("a signal")));
    }

    pub fn wait(&mut self, tenths: u64) {
        self.now.mono_ns += tenths * 100_000_000;
        self.now.wall_ms += i64::try_from(tenths * 100).expect("small");
        let is_due =
            |world: &Self| world.core.next_deadline().is_some_and(|at| at <= world.now.mono_ns);
        // What is due may make something else due at once, as a stop without patience does.
        for _ in 0..self.told.len() + 2 {
            if is_due(self) {
                self.feed(Input::Woke);
            }
        }
        assert!(!is_due(self), "a deadline that never passes");
    }
}

fn pick<T>(all: &mut Vec<T>, which: usize) -> Option<T> {
    which.checked_rem(all.len()).map(|at| all.remove(at))
}
