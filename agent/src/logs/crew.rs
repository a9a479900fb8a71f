//! The threads that write logs: one is at the helm and does everything, until a file system hangs.
//!
//! ```text
//! at the helm ──is in one call for too long──▶ another takes the helm; this one, once it comes
//!                                              back, keeps what is on that device
//! ```
//!
//! Whatever is at hand lies in the [`Hold`], and a thread takes out of it what it works on. So when
//! it does not come back, all but that is there for the next one.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use agent_core::effect::ProcessId;
use agent_core::spec::Level;

use super::mailbox::Orders;
use super::program::{Program, Slot};
use super::pulse::{Bell, Pulse};
use super::reactor::Reactor;
use super::thread::Worker;
use super::{ActivityLog, BytesReport, Order, Report};

/// Threads beside the one at the helm: each has a file system that hangs, or has. A host mounts
/// few from elsewhere; when there are more, everybody waits for the last.
const HELPERS_MAX: usize = 16;

/// What all threads share.
pub(super) struct Crew {
    /// The helm's.
    pub hold: Arc<Hold>,
    /// The mailbox of whoever is at the helm.
    pub orders: Orders,
    pub bell: Arc<Bell>,
    report: Report,
    slots: AtomicU64,
    threads: Mutex<Vec<(JoinHandle<()>, Arc<Pulse>)>>,
}

/// What a thread works with; that of the helm changes hands.
pub(super) struct Hold(Mutex<State>);

/// See [`Hold`].
pub(super) struct State {
    /// The thread whose it is.
    pub number: u64,
    /// `None` for the one that the thread has in its hands.
    pub programs: HashMap<Slot, Option<Box<Program>>>,
    /// The living.
    pub attached: HashMap<ProcessId, Seat>,
    /// The gone whose last output is not taken yet: one of each process at most.
    pub leaving: HashMap<ProcessId, Slot>,
    /// Whose lines syslog has not taken yet.
    pub waiting: HashSet<Slot>,
    pub activity: Activity,
    /// Taken out of the mailbox, and not looked at yet.
    pub orders: VecDeque<Order>,
    pub strip_ansi: bool,
    pub is_closing: bool,
    /// What the thread has in its hands.
    pub out: Option<Out>,
    /// Threads whose device hangs, or has.
    pub helpers: BTreeMap<u64, Helper>,
    /// What becomes of threads that have lost the helm and do not know it yet.
    pub assignments: HashMap<u64, Assignment>,
}

/// Where a living program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seat {
    Here(Slot),
    /// With a helper.
    With(u64),
}

/// Where the activity log is.
pub(super) enum Activity {
    Here(Box<ActivityLog>),
    /// The thread has it in its hands.
    Out,
    /// Its lines are posted to another thread.
    With(Orders),
}

/// What a thread has in its hands.
#[derive(Debug, Clone)]
pub(super) enum Out {
    Program(Slot, ProcessId, Arc<str>),
    Activity,
}

/// A thread that is not at the helm.
pub(super) struct Helper {
    pub device: u64,
    pub orders: Orders,
    pub pulse: Arc<Pulse>,
}

/// What a thread that has lost the helm goes on with.
pub(super) struct Assignment {
    pub reactor: Reactor,
    /// What it has in its hands is a living program.
    pub attached: bool,
    pub strip_ansi: bool,
}

/// What another thread keeps from now on.
#[derive(Debug)]
pub(super) enum Adopted {
    Program(Box<Program>),
    Activity(Box<ActivityLog>),
}

impl Hold {
    pub(super) fn new(number: u64, activity: Activity, strip_ansi: bool) -> Self {
        Self(Mutex::new(State {
            number,
            programs: HashMap::new(),
            attached: HashMap::new(),
            leaving: HashMap::new(),
            waiting: HashSet::new(),
            activity,
            orders: VecDeque::new(),
            strip_ansi,
            is_closing: false,
            out: None,
            helpers: BTreeMap::new(),
            assignments: HashMap::new(),
        }))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // It is whole after each statement, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn take_activity(&mut self) -> Option<Box<ActivityLog>> {
        match std::mem::replace(&mut self.activity, Activity::Out) {
            Activity::Here(log) => {
                self.out = Some(Out::Activity);
                Some(log)
            }
            other => {
                self.activity = other;
                None
            }
        }
    }

    /// Where lines for the activity log are posted to, if it is not here.
    pub(super) fn activity_elsewhere(&self) -> Option<Orders> {
        match &self.activity {
            Activity::With(orders) => Some(orders.clone()),
            Activity::Here(_) | Activity::Out => None,
        }
    }

    /// Into the thread's hands.
    pub(super) fn take_program(&mut self, slot: Slot) -> Option<Box<Program>> {
        let program = self.programs.get_mut(&slot)?.take()?;
        self.out = Some(Out::Program(slot, program.process(), program.name()));
        Some(program)
    }

    /// Out of the thread's hands, or new.
    pub(super) fn put_back(&mut self, program: Box<Program>) {
        if program.waits_for_syslog() {
            self.waiting.insert(program.slot());
        }
        self.programs.insert(program.slot(), Some(program));
    }

    /// A panic has taken what the thread had in its hands. Whose it was.
    pub(super) fn lose(&mut self) -> Option<Arc<str>> {
        let Some(Out::Program(slot, process, name)) = self.out.take() else {
            return None;
        };
        if self.attached.get(&process) == Some(&Seat::Here(slot)) {
            self.attached.remove(&process);
        }
        self.forget(slot, process);
        Some(name)
    }

    /// A program is closed.
    pub(super) fn forget(&mut self, slot: Slot, process: ProcessId) {
        self.programs.remove(&slot);
        self.waiting.remove(&slot);
        if self.leaving.get(&process) == Some(&slot) {
            self.leaving.remove(&process);
        }
    }

    /// Writes down where a program is that has come from elsewhere.
    pub(super) fn seat(&mut self, program: &Program, attached: bool) {
        if attached {
            self.attached.insert(program.process(), Seat::Here(program.slot()));
        } else if program.is_gone() {
            self.leaving.insert(program.process(), program.slot());
        }
    }

    /// The slot of a living program, if it is here.
    pub(super) fn slot_of(&self, process: ProcessId) -> Option<Slot> {
        match self.attached.get(&process)? {
            Seat::Here(slot) => Some(*slot),
            Seat::With(_) => None,
        }
    }

    /// The pid of a living program, if it is here.
    pub(super) fn pid_of(&self, process: ProcessId) -> Option<i32> {
        self.programs.get(&self.slot_of(process)?)?.as_ref().map(|program| program.pid())
    }

    /// Where an order is to be posted instead, and whether nobody there would look at it now; keeps
    /// in mind where programs are. `None` when it is for here.
    pub(super) fn route(&mut self, order: &Order) -> Option<(Orders, bool)> {
        let number = match order {
            Order::Log(_) | Order::ClearMainLog { .. } => return self.route_of_activity(),
            Order::Reopen | Order::StripAnsi(_) => return None,
            Order::Attach { process, channels, .. } => {
                let mut helpers = self.helpers.iter();
                let (number, _) = helpers.find(|(_, helper)| channels.is_on(helper.device))?;
                self.attached.insert(*process, Seat::With(*number));
                *number
            }
            Order::Drain { process, .. }
            | Order::Stdin { process, .. }
            | Order::Event { process, .. }
            | Order::ClearLogs { process, .. } => match self.attached.get(process)? {
                Seat::With(number) => *number,
                Seat::Here(_) => return None,
            },
        };
        if let Order::Drain { process, .. } = order {
            self.attached.remove(process);
        }
        let helper = self.helpers.get(&number)?;
        Some((helper.orders.clone(), helper.pulse.hangs()))
    }

    fn route_of_activity(&self) -> Option<(Orders, bool)> {
        let orders = self.activity_elsewhere()?;
        let mut helpers = self.helpers.values();
        let hangs = helpers.any(|helper| helper.orders.is(&orders) && helper.pulse.hangs());
        Some((orders, hangs))
    }
}

impl Crew {
    pub(super) fn new(activity: ActivityLog, strip_ansi: bool, report: Report) -> io::Result<Self> {
        let orders = Orders::new(activity.level())?;
        let activity = Activity::Here(Box::new(activity));
        Ok(Self {
            hold: Arc::new(Hold::new(0, activity, strip_ansi)),
            orders,
            bell: Arc::default(),
            report,
            slots: AtomicU64::new(0),
            threads: Mutex::default(),
        })
    }

    pub(super) fn report(&self, report: BytesReport) {
        (self.report)(report);
    }

    /// A number that no attachment has had.
    pub(super) fn next_slot(&self) -> Slot {
        Slot(self.slots.fetch_add(1, Ordering::Relaxed))
    }

    /// Puts a thread to the helm. Returns its pulse.
    pub(super) fn man_the_helm(self: &Arc<Self>, number: u64) -> io::Result<Arc<Pulse>> {
        let reactor = Reactor::around(self.orders.clone())?;
        let pulse = Arc::new(Pulse::new(Arc::clone(&self.bell)));
        let worker = Worker::new(number, Arc::clone(self), reactor, Arc::clone(&pulse));
        let thread = std::thread::Builder::new().name("bytes".to_owned());
        let thread = thread.spawn(move || worker.run())?;
        self.threads().push((thread, Arc::clone(&pulse)));
        Ok(pulse)
    }

    /// Waits until all have ended, but for those that hang. `false` when one has panicked.
    pub(super) fn wait_for_all(&self) -> bool {
        let next = || self.threads().pop();
        let mut well = true;
        while let Some((thread, pulse)) = next() {
            well &= pulse.hangs() || thread.join().is_ok();
        }
        well
    }

    fn threads(&self) -> MutexGuard<'_, Vec<(JoinHandle<()>, Arc<Pulse>)>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A helper has nothing left to do. `false` when something was posted to it meanwhile.
    pub(super) fn retire(&self, number: u64, orders: &Orders) -> bool {
        let mut state = self.hold.lock();
        if !orders.is_empty() {
            return false;
        }
        state.helpers.remove(&number);
        state.attached.retain(|_, seat| *seat != Seat::With(number));
        drop(state);
        // The helm may have waited for it.
        self.orders.ring();
        true
    }

    /// The thread at the helm does not come back from a device: gives it what is on that device,
    /// and the helm to another. Returns the new one's number and pulse; `None` when that thread has
    /// come back meanwhile, or nobody can take over now.
    pub(super) fn take_over(
        self: &Arc<Self>,
        number: u64,
        device: u64,
        pulse: &Arc<Pulse>,
    ) -> Option<(u64, Arc<Pulse>)> {
        let mut state = self.hold.lock();
        if state.number != number || state.helpers.len() >= HELPERS_MAX {
            return None;
        }
        let out = state.out.clone()?;
        let own = Reactor::around(Orders::new(self.orders.level()).ok()?).ok()?;
        // It waits for the lock that we hold, and finds everything done.
        let new_number = number + 1;
        let new_pulse = self.man_the_helm(new_number).ok()?;
        state.number = new_number;
        let helper = own.orders.clone();
        let attached = state.give_up(&out, number, &helper);
        state.hand_over(device, number, &helper);
        if state.is_closing {
            helper.close();
        }
        let strip_ansi = state.strip_ansi;
        state.assignments.insert(number, Assignment { reactor: own, attached, strip_ansi });
        let known = Helper { device, orders: helper, pulse: Arc::clone(pulse) };
        state.helpers.insert(number, known);
        drop(state);
        let whose = match out {
            Out::Program(_, _, name) => format!("a log of {name}"),
            Out::Activity => "the activity log".to_owned(),
        };
        let text = format!("the file system of {whose} hangs; who logs there waits for it");
        self.orders.log(Level::Warn, text);
        Some((new_number, new_pulse))
    }
}

impl State {
    /// What the thread has in its hands is its own from now on. Whether that is a living program.
    fn give_up(&mut self, out: &Out, number: u64, orders: &Orders) -> bool {
        self.out = None;
        match out {
            Out::Activity => {
                self.activity = Activity::With(orders.clone());
                false
            }
            Out::Program(slot, process, _) => {
                self.programs.remove(slot);
                if self.leaving.get(process) == Some(slot) {
                    self.leaving.remove(process);
                }
                let attached = self.attached.get(process) == Some(&Seat::Here(*slot));
                if attached {
                    self.attached.insert(*process, Seat::With(number));
                }
                attached
            }
        }
    }

    /// Everything else that is on the device goes the same way.
    fn hand_over(&mut self, device: u64, number: u64, orders: &Orders) {
        let is_on = |program: &Option<Box<Program>>| {
            program.as_ref().is_some_and(|program| program.is_on(device))
        };
        let moving = self.programs.extract_if(|_, program| is_on(program));
        for (slot, program) in moving.filter_map(|(slot, program)| Some((slot, program?))) {
            let process = program.process();
            if self.leaving.get(&process) == Some(&slot) {
                self.leaving.remove(&process);
            }
            if self.attached.get(&process) == Some(&Seat::Here(slot)) {
                self.attached.insert(process, Seat::With(number));
            }
            self.waiting.remove(&slot);
            orders.adopt(Adopted::Program(program));
        }
        let moves = matches!(&self.activity, Activity::Here(log) if log.device() == device);
        if moves
            && let Activity::Here(log) =
                std::mem::replace(&mut self.activity, Activity::With(orders.clone()))
        {
            orders.adopt(Adopted::Activity(log));
        }
    }
}
