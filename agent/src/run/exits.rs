//! Births and ends of children: what is watched, and what is told to the core when.

use agent_core::effect::ProcessId;
use agent_core::input::{Exit, Input};
use agent_core::spec::Level;

use super::{Draining, Run, Running};
use crate::logs::Order;
use crate::spawn::Child;
use crate::spawn::reap::{self, Watch};

impl Run {
    pub(super) fn born(&mut self, process: ProcessId, child: Child) {
        let Child { pid, entry, watch, listed, channels } = child;
        let by_signal = match &watch {
            Watch::Pidfd(pidfd) => {
                if let Err(error) = self.exits.get_ref().add(process.0, pidfd) {
                    let text = format!("cannot watch pid {pid} for its exit: {error}");
                    self.tools.orders.log(Level::Critical, text);
                }
                false
            }
            Watch::Signal => true,
        };
        self.children.insert(process, Running { pid, _entry: entry, watch, _listed: listed });
        if self.tools.orders.post(Order::Attach { process, pid, channels }).is_err() {
            let text = format!("the log thread hangs; the output of pid {pid} is not read");
            self.tools.orders.log(Level::Error, text);
        }
        self.feed(Input::Spawned { process, pid });
        if by_signal {
            self.reap_one(process); // its signal may have come before its birth was known
        }
    }

    /// Reaps those that have ended; says whether there were any. A debugger may hold back a child
    /// that looks ended: the set tells when it lets go.
    pub(super) fn reap(&mut self) -> bool {
        let mut ready = Vec::new();
        if let Err(error) = self.exits.get_ref().ready(&mut ready) {
            self.tools.orders.log(Level::Critical, format!("cannot look for exits: {error}"));
        }
        let before = self.children.len();
        for key in &ready {
            self.reap_one(ProcessId(*key));
        }
        self.children.len() < before
    }

    fn reap_one(&mut self, process: ProcessId) {
        let Some(child) = self.children.get(&process) else {
            return;
        };
        let exit = match reap::wait(child.pid, &child.watch) {
            Ok(Some(exit)) => exit,
            Ok(None) => return,
            Err(error) => {
                let text = format!(
                    "waitpid error {}; a process may not be cleaned up properly",
                    error.raw_os_error().unwrap_or(0)
                );
                self.tools.orders.log(Level::Critical, text);
                Exit::Code(-1)
            }
        };
        // Its pid may be somebody else's from now on: it is not signalled any more.
        let Some(child) = self.children.remove(&process) else {
            return;
        };
        if let Watch::Pidfd(pidfd) = &child.watch
            && let Err(error) = self.exits.get_ref().remove(pidfd)
        {
            // A child that is being born may hold a copy for a moment, so closing is not enough.
            let text = format!("cannot forget pid {}: {error}", child.pid);
            self.tools.orders.log(Level::Critical, text);
        }
        let at_mono_ns = self.tools.clock.now().mono_ns;
        self.draining.insert(process, Draining { pid: child.pid, exit, at_mono_ns });
        if self.tools.orders.post(Order::Drain { process, pid: child.pid }).is_err() {
            self.tell_exit(process);
        }
    }

    pub(super) fn tell_exit(&mut self, process: ProcessId) {
        if let Some(Draining { pid, exit, at_mono_ns }) = self.draining.remove(&process) {
            self.feed(Input::ChildExited { process, pid, exit, at_mono_ns });
        }
    }

    /// Only where there may be any. A child of ours may stand in front of a stranger: then it is looked again
    /// after the next exit or birth.
    pub(super) fn reap_strangers(&mut self) {
        if !self.strangers_come {
            return;
        }
        let found = reap::reap_strangers(&self.tools.register);
        self.look_again = found.look_again;
        for (pid, exit) in found.reaped {
            self.feed(Input::StrangerExited { pid, exit });
        }
    }

    /// SIGCHLD: a stranger, or, where there are no pidfds, any of ours.
    pub(super) fn somebody_ended(&mut self) {
        let by_signal = |child: &Running| matches!(child.watch, Watch::Signal);
        let ours = self.children.iter().filter(|(_, child)| by_signal(child));
        let ours: Vec<ProcessId> = ours.map(|(process, _)| *process).collect();
        for process in ours {
            self.reap_one(process);
        }
        self.reap_strangers();
    }
}
