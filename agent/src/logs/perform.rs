//! What a thread does with each order.

use agent_core::Refusal;
use agent_core::effect::ProcessId;
use agent_core::input::Unwritten;
use agent_core::spec::Level;

use super::channel::Channels;
use super::crew::{Activity, Adopted, Seat};
use super::doing::Doing;
use super::program::{Program, Slot};
use super::thread::Worker;
use super::{ActivityLog, BytesReport, Order};

/// How long logs may take their last lines, in seconds: less than the agent's end waits for us.
const CLOSING_SECS: i64 = 4;

impl Worker {
    /// Takes out what was posted, and does it.
    pub(super) fn open_mailbox(&mut self) {
        let batch = self.reactor.orders.take();
        for adopted in batch.adopted {
            self.adopt(adopted);
        }
        self.hold.lock().orders.extend(batch.orders);
        self.perform_all();
        if batch.lines_dropped > 0 {
            let text = format!("too much to log at once, dropped {} lines", batch.lines_dropped);
            self.note(vec![(Level::Warn, text)]);
        }
        if batch.closing {
            self.begin_closing();
        }
    }

    /// Does what was taken out of the mailbox. Each order is taken alone, so that another thread
    /// can go on with the rest.
    pub(super) fn perform_all(&mut self) {
        loop {
            let Some(order) = self.hold.lock().orders.pop_front() else {
                return;
            };
            let instead = failure_of(&order);
            let done = self.contained(|worker| worker.perform(order));
            if let (false, Some(report)) = (done, instead) {
                self.crew.report(report);
            }
        }
    }

    fn adopt(&mut self, adopted: Adopted) {
        match adopted {
            Adopted::Activity(log) => self.hold.lock().activity = Activity::Here(log),
            Adopted::Program(program) => {
                let slot = program.slot();
                {
                    let mut state = self.hold.lock();
                    state.seat(&program, !program.is_gone());
                    state.put_back(program);
                }
                self.with(slot, Program::watch_all);
            }
        }
    }

    fn perform(&mut self, order: Order) {
        let Some(order) = self.pass_on(order) else {
            return;
        };
        match order {
            Order::Attach { process, pid, channels } => self.attach(process, pid, channels),
            Order::Drain { process, pid } => {
                if self.hold.lock().pid_of(process) == Some(pid) {
                    self.detach(process);
                } else {
                    self.crew.report(BytesReport::Drained { process, pid });
                }
            }
            Order::Stdin { ticket, process, bytes } => {
                let verdict = self
                    .with_attached(process, |program, doing| program.write_stdin(&bytes, doing));
                let nobody = || Err(Refusal::NoStdin(String::new()));
                let verdict = verdict.unwrap_or_else(nobody);
                self.crew.report(BytesReport::StdinWritten { ticket, verdict });
            }
            Order::Event { process, pid, serial, bytes } => {
                let verdict = self.with_attached(process, |program, doing| {
                    program.write_event(pid, &bytes, doing)
                });
                let verdict = verdict.unwrap_or(Err(Unwritten::Closed));
                self.crew.report(BytesReport::EventWritten { process, serial, verdict });
            }
            Order::ClearLogs { ticket, process } => {
                let verdict =
                    self.with_attached(process, |program, doing| program.clear_logs(doing));
                let verdict = verdict.unwrap_or(Ok(()));
                self.crew.report(BytesReport::LogsCleared { ticket, process, verdict });
            }
            Order::Reopen => self.reopen(),
            Order::Log(line) => drop(self.with_activity(|log| log.write(&line))),
            Order::ClearMainLog { ticket } => {
                let verdict = self.with_activity(ActivityLog::clear);
                let verdict = verdict.unwrap_or(Err(Refusal::NoFile(String::new())));
                self.crew.report(BytesReport::MainLogCleared { ticket, verdict });
            }
            Order::StripAnsi(strip) => self.set_strip_ansi(strip),
        }
    }

    /// Passes on what is another thread's, or refuses it for one that hangs, since whoever waits for
    /// an answer must not wait for a file system. Gives back what is left to do here.
    fn pass_on(&mut self, order: Order) -> Option<Order> {
        let Some((orders, hangs)) = self.hold.lock().route(&order) else {
            return Some(order);
        };
        let report = hangs.then(|| hung(&order)).flatten().or_else(|| {
            let failure = failure_of(&order);
            orders.post(order).err().and(failure)
        });
        if let Some(report) = report {
            self.crew.report(report);
        }
        None
    }

    fn attach(&mut self, process: ProcessId, pid: i32, channels: Channels) {
        self.detach(process);
        let slot = self.crew.next_slot();
        let program = Program::new(slot, process, pid, channels);
        {
            let mut state = self.hold.lock();
            state.attached.insert(process, Seat::Here(slot));
            state.put_back(Box::new(program));
        }
        self.with(slot, Program::watch_all);
    }

    fn reopen(&mut self) {
        self.with_activity(ActivityLog::reopen);
        let (slots, others) = {
            let state = self.hold.lock();
            let others: Vec<_> =
                state.helpers.values().map(|helper| helper.orders.clone()).collect();
            (state.programs.keys().copied().collect::<Vec<_>>(), others)
        };
        // One that cannot be told hangs, and has more to open anew than this when it comes back.
        for orders in others {
            drop(orders.post(Order::Reopen));
        }
        for slot in slots {
            self.with(slot, Program::reopen_logs);
        }
    }

    fn set_strip_ansi(&self, strip: bool) {
        let mut state = self.hold.lock();
        state.strip_ansi = strip;
        for helper in state.helpers.values() {
            // As above.
            drop(helper.orders.post(Order::StripAnsi(strip)));
        }
    }

    /// The child is gone. What its logs have not taken yet may follow, but only of one life of a
    /// process at a time.
    fn detach(&mut self, process: ProcessId) {
        let (slot, older) = {
            let mut state = self.hold.lock();
            let Some(Seat::Here(slot)) = state.attached.remove(&process) else {
                return;
            };
            (slot, state.leaving.insert(process, slot))
        };
        if let Some(older) = older {
            self.close(older);
        }
        self.with(slot, Program::drain);
    }

    /// Nothing will follow: everybody is drained, here and elsewhere.
    fn begin_closing(&mut self) {
        let attached: Vec<ProcessId> = {
            let mut state = self.hold.lock();
            if std::mem::replace(&mut state.is_closing, true) {
                return;
            }
            state.helpers.values().for_each(|helper| helper.orders.close());
            state.attached.keys().copied().collect()
        };
        for process in attached {
            self.detach(process);
        }
        self.await_the_end();
    }

    /// Sets an end to all waiting.
    pub(super) fn await_the_end(&mut self) {
        self.reactor.closing.set_secs(CLOSING_SECS);
    }

    /// Whatever has not been taken by now is given up.
    pub(super) fn give_up_closing(&mut self) {
        let slots: Vec<Slot> = {
            let mut state = self.hold.lock();
            state.helpers.clear();
            state.programs.keys().copied().collect()
        };
        for slot in slots {
            self.close(slot);
        }
        self.with_activity(ActivityLog::give_up);
    }

    fn with_attached<T>(
        &mut self,
        process: ProcessId,
        act: impl FnOnce(&mut Program, &mut Doing<'_>) -> T,
    ) -> Option<T> {
        let slot = self.hold.lock().slot_of(process)?;
        self.with(slot, act)
    }
}

/// The answer of an order that could not be performed: whoever waits must not wait forever.
fn failure_of(order: &Order) -> Option<BytesReport> {
    refused(order, &Refusal::Failed("internal error".to_owned()))
}

/// The answer of an order that would wait for a file system.
fn hung(order: &Order) -> Option<BytesReport> {
    let why = "the file system of a log hangs; try again when it answers";
    match order {
        // They can wait: nobody asks more than once.
        Order::Drain { .. } => None,
        order => refused(order, &Refusal::Busy(why.to_owned())),
    }
}

fn refused(order: &Order, why: &Refusal) -> Option<BytesReport> {
    match *order {
        Order::Drain { process, pid } => Some(BytesReport::Drained { process, pid }),
        Order::Stdin { ticket, .. } => {
            Some(BytesReport::StdinWritten { ticket, verdict: Err(why.clone()) })
        }
        Order::Event { process, serial, .. } => {
            let verdict = Err(Unwritten::Full);
            Some(BytesReport::EventWritten { process, serial, verdict })
        }
        Order::ClearLogs { ticket, process } => {
            Some(BytesReport::LogsCleared { ticket, process, verdict: Err(why.clone()) })
        }
        Order::ClearMainLog { ticket } => {
            Some(BytesReport::MainLogCleared { ticket, verdict: Err(why.clone()) })
        }
        Order::Attach { .. } | Order::Reopen | Order::Log(_) | Order::StripAnsi(_) => None,
    }
}
