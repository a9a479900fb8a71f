//! One event listener pool: which event goes to which listener, and what waits (E-63 to E-91).
//!
//! ```text
//!                     READY              an event is sent
//!  ACKNOWLEDGED ──────────────▶ READY ──────────────────▶ BUSY
//!       ▲                         │                        │ │
//!       │          noise          │  noise    a result, OK │ │ a line that is no result
//!       │ ──────────▶ UNKNOWN ◀───┘  or not                │ │
//!       └──────────────────────────────────────────────────┘ └──▶ UNKNOWN
//!  A new child begins with ACKNOWLEDGED. A result other than OK, a bad line and the end of a BUSY
//!  listener put its event back to the front.
//! ```
//!
//! Called by `listening.rs` only. It writes nothing and waits for nothing: it returns [`Step`]s. An
//! event is sent as soon as there is a listener for it, so the buffer is never fuller than
//! supervisord's, which sends once in each pass of its loop.

use std::collections::VecDeque;
use std::sync::Arc;

use proto_words::{Now, ProcessState};
use serde::{Deserialize, Serialize};

use crate::effect::ProcessId;
use crate::input::Unwritten;
use crate::listener::Said;
use crate::payload::EventType;
use crate::spec::{Level, PoolSpec};

/// How long a listener is left alone whose stdin took no more: the longest pass of supervisord's
/// loop, after which it tries again what it could not write.
const SEND_AGAIN_SECS: i64 = 1;

/// An event that at least one pool listens for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its number among all events of this process, reloads included.
    pub serial: i64,
    /// What has happened.
    pub kind: EventType,
    /// How it is told.
    pub payload: String,
}

/// An event in a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticketed {
    /// The event, which the pools share.
    pub notice: Arc<Notice>,
    /// Its number in this pool, which it keeps however often it is sent.
    pub pool_serial: i64,
    /// Its place among those that wait: the lowest is the next.
    place: i64,
}

/// What one pool is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Something has happened that it listens for.
    Happened(Arc<Notice>),
    /// One of its processes has come into a state.
    Entered(ProcessId, ProcessState),
    /// One of its listeners has said something.
    Said(ProcessId, Said),
    /// An event was written to a listener's stdin, or why not; the event's serial.
    Written(ProcessId, i64, Result<(), Unwritten>),
    /// Nothing more: it may send.
    Sending,
}

/// What a pool wants done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A line for the activity log.
    Log(Level, String),
    /// Write an event to a listener's stdin. To be answered with [`Heard::Written`].
    Send(ProcessId, Ticketed),
}

/// A pool's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    name: Arc<str>,
    /// What it listens for: names of types and of their ancestors.
    events: Vec<String>,
    /// How many events may wait.
    size: usize,
    /// The last number that was given to an event; -1 before the first.
    serial: i64,
    /// In the order of their places.
    waiting: VecDeque<Ticketed>,
    /// The first and the last place that was given.
    places: (i64, i64),
    /// In the order in which they are asked.
    listeners: Vec<Listener>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Listener {
    process: ProcessId,
    name: String,
    /// Its process is RUNNING: only then it gets events, be it READY before or not.
    running: bool,
    stdin: Stdin,
    state: Listening,
}

/// What is known of a listener's stdin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Stdin {
    Open,
    /// It takes nothing before then, monotonic.
    Full {
        until: u64,
    },
    /// Its child has closed it; no event reaches it any more.
    Closed,
}

/// Where a listener is. Only a busy one has an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Listening {
    Acknowledged,
    Ready,
    Busy(Ticketed),
    Unknown,
}

impl Listening {
    fn name(&self) -> &'static str {
        match self {
            Self::Acknowledged => "ACKNOWLEDGED",
            Self::Ready => "READY",
            Self::Busy(_) => "BUSY",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl Listener {
    fn is_free(&self, now: Now) -> bool {
        let takes = match self.stdin {
            Stdin::Open => true,
            Stdin::Full { until } => until <= now.mono_ns,
            Stdin::Closed => false,
        };
        takes && self.running && self.state == Listening::Ready
    }

    /// Takes its event from it, if it is busy; it is what `next` says then.
    fn give_back(&mut self, next: Listening) -> Option<Ticketed> {
        match std::mem::replace(&mut self.state, next) {
            Listening::Busy(event) => Some(event),
            Listening::Acknowledged | Listening::Ready | Listening::Unknown => None,
        }
    }

    /// Moves on and says so.
    fn enter(&mut self, next: Listening, steps: &mut Vec<Step>) -> Option<Ticketed> {
        let (name, from) = (&self.name, self.state.name());
        steps.push(Step::Log(Level::Debug, format!("{name}: {from} -> {}", next.name())));
        if next == Listening::Unknown {
            let text = format!(
                "{name}: has entered the UNKNOWN state and will no longer receive events, this \
                 usually indicates the process violated the eventlistener protocol"
            );
            steps.push(Step::Log(Level::Warn, text));
        }
        self.give_back(next)
    }
}

impl Pool {
    /// A pool whose processes have not begun yet, in the pool's order.
    #[must_use]
    pub fn new(
        name: Arc<str>,
        spec: &PoolSpec,
        listeners: impl Iterator<Item = (ProcessId, String)>,
    ) -> Self {
        let listener = |(process, name)| Listener {
            process,
            name,
            running: false,
            stdin: Stdin::Open,
            state: Listening::Acknowledged,
        };
        Self {
            name,
            events: spec.events.clone(),
            size: usize::try_from(spec.buffer_size).unwrap_or(1).max(1),
            serial: -1,
            waiting: VecDeque::new(),
            places: (0, 0),
            listeners: listeners.map(listener).collect(),
        }
    }

    /// The group's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it listens for this. Twice, by a type and its ancestor, is once (COMPAT-91).
    #[must_use]
    pub fn wants(&self, kind: EventType) -> bool {
        self.events.iter().any(|name| kind.is_a(name))
    }

    /// Whether a listener has an event, or may get one that waits.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        let waits = !self.waiting.is_empty();
        self.listeners.iter().any(|listener| match listener.state {
            Listening::Busy(_) => listener.running,
            Listening::Acknowledged | Listening::Ready => {
                waits && listener.running && listener.stdin != Stdin::Closed
            }
            Listening::Unknown => false,
        })
    }

    /// When it wants to be told that time has passed, monotonic.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        let waits = !self.waiting.is_empty();
        let ready = self.listeners.iter().filter(|l| l.running && l.state == Listening::Ready);
        let until = ready.filter_map(|listener| match listener.stdin {
            Stdin::Full { until } => Some(until),
            Stdin::Open | Stdin::Closed => None,
        });
        until.min().filter(|_| waits)
    }

    /// Applies one thing and returns the steps to take, in order. What it has no use for (an
    /// answer of a child that is gone) yields nothing.
    #[must_use = "a step nobody takes is a lost event"]
    pub fn on_heard(&mut self, now: Now, heard: Heard) -> Vec<Step> {
        let mut steps = Vec::new();
        match heard {
            Heard::Happened(notice) => self.accept(notice, &mut steps),
            Heard::Entered(process, to) => self.entered(process, to, &mut steps),
            Heard::Said(process, said) => self.said(process, said, &mut steps),
            Heard::Written(process, serial, verdict) => {
                self.written(now, process, serial, verdict, &mut steps);
            }
            Heard::Sending => self.send(now, &mut steps),
        }
        steps
    }

    fn accept(&mut self, notice: Arc<Notice>, steps: &mut Vec<Step>) {
        self.serial = after(self.serial);
        self.places.1 += 1;
        let event = Ticketed { notice, pool_serial: self.serial, place: self.places.1 };
        self.make_room(steps);
        self.waiting.push_back(event);
    }

    /// In a full buffer the oldest gives way.
    fn make_room(&mut self, steps: &mut Vec<Step>) {
        if self.waiting.len() >= self.size {
            self.discard_the_oldest(steps);
        }
    }

    fn discard_the_oldest(&mut self, steps: &mut Vec<Step>) {
        if let Some(oldest) = self.waiting.pop_front() {
            let text = format!(
                "pool {} event buffer overflowed, discarding event {}",
                self.name, oldest.notice.serial
            );
            steps.push(Step::Log(Level::Error, text));
        }
    }

    /// An event that was not dealt with is the next again.
    fn put_back(&mut self, event: Option<Ticketed>, steps: &mut Vec<Step>) {
        let Some(mut event) = event else { return };
        steps.push(self.rebuffering(event.notice.serial, self.waiting.len()));
        self.make_room(steps);
        self.places.0 -= 1;
        event.place = self.places.0;
        self.waiting.push_front(event);
    }

    fn rebuffering(&self, serial: i64, waiting: usize) -> Step {
        let (name, size) = (&self.name, self.size);
        let text =
            format!("rebuffering event {serial} for pool {name} (buf size={waiting}, max={size})");
        Step::Log(Level::Debug, text)
    }

    /// An event that could not be written had not left the buffer, so to say: it takes the place
    /// that it had, and if what came meanwhile has filled the buffer, the oldest gives way.
    fn put_back_unsent(&mut self, event: Option<Ticketed>, steps: &mut Vec<Step>) {
        let Some(event) = event else { return };
        let at = self.waiting.partition_point(|waiting| waiting.place < event.place);
        self.waiting.insert(at, event);
        if self.waiting.len() > self.size {
            self.discard_the_oldest(steps);
        }
    }

    fn entered(&mut self, process: ProcessId, to: ProcessState, steps: &mut Vec<Step>) {
        let Some(listener) = self.listener(process) else { return };
        listener.running = to == ProcessState::Running;
        let unanswered = match to {
            ProcessState::Starting => {
                listener.stdin = Stdin::Open;
                listener.give_back(Listening::Acknowledged)
            }
            ProcessState::Stopped
            | ProcessState::Exited
            | ProcessState::Backoff
            | ProcessState::Fatal => listener.give_back(Listening::Acknowledged),
            // The child lives, and may still answer.
            ProcessState::Running | ProcessState::Stopping | ProcessState::Unknown => None,
        };
        self.put_back(unanswered, steps);
    }

    fn said(&mut self, process: ProcessId, said: Said, steps: &mut Vec<Step>) {
        let Some(listener) = self.listener(process) else { return };
        let busy = matches!(listener.state, Listening::Busy(_));
        let say = |level, what: &str| Step::Log(level, format!("{}: {what}", listener.name));
        match said {
            Said::Ready if listener.state == Listening::Acknowledged => {
                listener.enter(Listening::Ready, steps);
            }
            Said::Processed if busy => {
                steps.push(say(Level::Debug, "event was processed"));
                listener.enter(Listening::Acknowledged, steps);
            }
            Said::Rejected if busy => {
                steps.push(say(Level::Warn, "event was rejected"));
                let event = listener.enter(Listening::Acknowledged, steps);
                self.put_back(event, steps);
            }
            Said::BadResultLine(line) if busy => {
                steps.push(say(Level::Warn, &format!("bad result line: '{line}'")));
                let event = listener.enter(Listening::Unknown, steps);
                self.put_back(event, steps);
            }
            Said::Nonsense if busy => {
                // It spoke while it was ready; the event that was sent meanwhile is not written.
                let event = listener.give_back(Listening::Ready);
                listener.enter(Listening::Unknown, steps);
                self.put_back_unsent(event, steps);
            }
            Said::Nonsense if listener.state != Listening::Unknown => {
                listener.enter(Listening::Unknown, steps);
            }
            Said::Ready
            | Said::Processed
            | Said::Rejected
            | Said::BadResultLine(_)
            | Said::Nonsense => {}
        }
    }

    fn written(
        &mut self,
        now: Now,
        process: ProcessId,
        serial: i64,
        verdict: Result<(), Unwritten>,
        steps: &mut Vec<Step>,
    ) {
        let Some(listener) = self.listener(process) else { return };
        // Its child may have ended meanwhile, and its event be somebody else's by now.
        if !matches!(&listener.state, Listening::Busy(event) if event.notice.serial == serial) {
            return;
        }
        let name = &listener.name;
        match verdict {
            Ok(()) => {
                listener.stdin = Stdin::Open;
                let text = format!("event {serial} sent to listener {name}");
                return steps.push(Step::Log(Level::Debug, text));
            }
            Err(Unwritten::Closed) => {
                let text = format!(
                    "epipe occurred while sending event {serial} to listener {name}, listener \
                     state unchanged"
                );
                steps.push(Step::Log(Level::Debug, text));
                listener.stdin = Stdin::Closed;
            }
            Err(Unwritten::Full) => {
                listener.stdin = Stdin::Full { until: now.after_secs(SEND_AGAIN_SECS) };
            }
        }
        let event = listener.give_back(Listening::Ready);
        self.put_back_unsent(event, steps);
    }

    /// Sends what waits, the oldest first, each to the first listener that is free.
    fn send(&mut self, now: Now, steps: &mut Vec<Step>) {
        let is_free = |listener: &Listener| listener.is_free(now);
        if !self.listeners.iter().any(is_free) {
            return; // nobody to find for anything
        }
        while let Some(free) = self.listeners.iter_mut().find(|listener| is_free(listener)) {
            let Some(event) = self.waiting.pop_front() else { return };
            free.state = Listening::Busy(event.clone());
            steps.push(Step::Send(free.process, event));
        }
        // supervisord takes the next one out too, finds nobody, and puts it back.
        if let Some(next) = self.waiting.front() {
            steps.push(self.rebuffering(next.notice.serial, self.waiting.len() - 1));
        }
    }

    fn listener(&mut self, process: ProcessId) -> Option<&mut Listener> {
        self.listeners.iter_mut().find(|listener| listener.process == process)
    }
}

/// The number after this one; after the greatest, numbers begin anew.
#[must_use]
pub fn after(serial: i64) -> i64 {
    serial.checked_add(1).unwrap_or(0)
}
