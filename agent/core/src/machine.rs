//! One process: supervisord's state machine.
//!
//! ```text
//!               start                spawned, startsecs passed
//!  STOPPED ──────────────▶ STARTING ───────────────────────────▶ RUNNING
//!     ▲                    ▲   │  │ stop                     stop │   │ exit
//!     │      retry is due  │   │  └──────────▶ STOPPING ◀────────┘   ▼
//!     │                    │   │ exit or spawn  │  ▲ │            EXITED ──▶ STARTING
//!     │    stop            │   ▼ error          │  └─┘ SIGKILL          (autorestart)
//!     ├──────────────── BACKOFF                 │ exit
//!     └─────────────────── │ ──────────────────-┘
//!                          ▼ retries used up, or the host shuts down
//!                        FATAL                 UNKNOWN: a signal could not be sent
//! ```
//!
//! Called by `supervisor.rs` only. It never looks at a clock, never waits and never logs: it
//! returns [`Step`]s. Deadlines are monotonic; an exact deadline counts as due.

mod births;
mod exits;
mod wall;

use proto_words::{Now, ProcessState, Signal};
use serde::{Deserialize, Serialize};

use crate::input::Exit;
use crate::spec::{Level, ProcessSpec};

pub use exits::cause;

/// With `stopwaitsecs=0` SIGKILL is due again at once, for ever; once a second is enough for a
/// child that the kernel itself cannot end.
const KILL_AGAIN_MIN_SECS: i64 = 1;

/// ESRCH: the process is gone already, which its exit will tell.
const ESRCH: i32 = 3;

/// Where a process is. Each phase carries exactly what it needs: a stopped one has no pid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Stopped,
    /// STARTING, and the spawn hand is at work.
    Spawning {
        /// When the log is to say that it takes long; `None` once it has.
        mention_at: Option<u64>,
        /// A stop was asked for: it is done right after the birth, and from then on nobody waits
        /// for the birth.
        stop_by: Option<u64>,
    },
    /// STARTING, with a child.
    Starting {
        pid: i32,
        up_at: u64,
    },
    Running {
        pid: i32,
    },
    Backoff {
        retry_at: u64,
    },
    Stopping {
        pid: i32,
        kill_at: u64,
    },
    Exited,
    Fatal,
    /// A signal failed; the child may or may not live.
    Unknown {
        pid: i32,
    },
}

/// What one process is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Start it: by command, or by autostart.
    StartAsked,
    /// Stop it.
    StopAsked,
    /// The host shuts down: stop it, and give up what waits for a retry.
    ShutdownAsked,
    /// Its child exists.
    Spawned {
        /// The child's pid.
        pid: i32,
    },
    /// No child could be made.
    SpawnFailed {
        /// supervisord's `spawnerr`.
        why: String,
    },
    /// Its child is gone.
    ChildExited {
        /// Which one; an exit of an earlier child is nothing.
        pid: i32,
        /// How.
        exit: Exit,
        /// When it was reaped, monotonic.
        at_mono_ns: u64,
    },
    /// A signal for it could not be sent.
    SignalFailed {
        /// Whether it was to stop it (or a plain signal).
        killing: bool,
        /// The error's number.
        errno: i32,
        /// The error's text, as Python shows it.
        text: String,
    },
    /// Time has passed.
    Tick,
}

/// What the machine wants done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The state changed.
    Entered {
        /// From.
        from: ProcessState,
        /// To.
        to: ProcessState,
        /// Failed attempts so far.
        tries: i64,
        /// For EXITED: whether the exit code was an expected one.
        expected: bool,
        /// The pid that the change is about; 0 for none.
        pid: i32,
    },
    /// A line for the activity log.
    Log(Level, String),
    /// Make a child.
    Spawn,
    /// Make none after all, if that is still possible: then it could not be made.
    CancelSpawn,
    /// The child is gone, or could not be made: what was held for it is free.
    Childless,
    /// Signal the child.
    Signal {
        /// Its pid.
        pid: i32,
        /// Which signal.
        signal: Signal,
        /// To its process group.
        group: bool,
    },
}

/// What the machine may look at while it decides.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The time.
    pub now: Now,
    /// The program.
    pub spec: &'a ProcessSpec,
    /// Whether the host is at work: nothing starts by itself while it shuts down.
    pub respawn: bool,
}

/// One process's state, and what its life so far has left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    phase: Phase,
    /// Failed attempts in a row. As in supervisord, a manual stop does not reset it.
    backoff: i64,
    /// When it was last started, wall clock, milliseconds; 0 never.
    pub started_ms: i64,
    /// When its child last ended, likewise.
    pub stopped_ms: i64,
    /// The last exit code; -1 for a signal; `None` while it runs and after a quick exit.
    pub exitstatus: Option<i32>,
    /// Why it failed; empty when it did not.
    pub spawnerr: String,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            phase: Phase::Stopped,
            backoff: 0,
            started_ms: 0,
            stopped_ms: 0,
            exitstatus: None,
            spawnerr: String::new(),
        }
    }
}

impl Machine {
    /// The state as supervisord names it.
    #[must_use]
    pub fn state(&self) -> ProcessState {
        match self.phase {
            Phase::Stopped => ProcessState::Stopped,
            Phase::Spawning { .. } | Phase::Starting { .. } => ProcessState::Starting,
            Phase::Running { .. } => ProcessState::Running,
            Phase::Backoff { .. } => ProcessState::Backoff,
            Phase::Stopping { .. } => ProcessState::Stopping,
            Phase::Exited => ProcessState::Exited,
            Phase::Fatal => ProcessState::Fatal,
            Phase::Unknown { .. } => ProcessState::Unknown,
        }
    }

    /// The child's pid; 0 when there is none.
    #[must_use]
    pub fn pid(&self) -> i32 {
        match self.phase {
            Phase::Starting { pid, .. }
            | Phase::Running { pid }
            | Phase::Stopping { pid, .. }
            | Phase::Unknown { pid } => pid,
            Phase::Stopped
            | Phase::Spawning { .. }
            | Phase::Backoff { .. }
            | Phase::Exited
            | Phase::Fatal => 0,
        }
    }

    /// When it wants to be told that time has passed, monotonic; `None` when only others can
    /// move it. While the host shuts down no retry is due.
    #[must_use]
    pub fn deadline(&self, respawn: bool) -> Option<u64> {
        match self.phase {
            Phase::Spawning { mention_at, stop_by } => {
                [mention_at, stop_by].into_iter().flatten().min()
            }
            Phase::Starting { up_at, .. } => Some(up_at),
            Phase::Backoff { retry_at } => respawn.then_some(retry_at),
            Phase::Stopping { kill_at, .. } => Some(kill_at),
            Phase::Stopped
            | Phase::Running { .. }
            | Phase::Exited
            | Phase::Fatal
            | Phase::Unknown { .. } => None,
        }
    }

    /// Applies one event and returns the steps to take, in order.
    ///
    /// An event this phase has no use for (a late timer, a second stop) yields nothing; it is
    /// never an error and never a panic.
    #[must_use = "a step nobody takes is a lost signal or a lost child"]
    pub fn on_event(&mut self, context: Context<'_>, event: Event) -> Vec<Step> {
        let mut steps = Vec::new();
        let from_the_future = context.now.wall_ms < self.started_ms;
        self.started_ms = self.shown_start_ms(context.now, context.spec.startsecs);
        match event {
            Event::StartAsked => self.start(context, &mut steps),
            Event::StopAsked => self.stop(context, &mut steps),
            Event::ShutdownAsked => self.shut_down(context, &mut steps),
            Event::Spawned { pid } => self.spawned(context, pid, &mut steps),
            Event::SpawnFailed { why } => self.spawn_failed(context, why, &mut steps),
            Event::ChildExited { pid, exit, at_mono_ns } if pid == self.pid() => {
                let exit = (exit, at_mono_ns);
                self.child_exited(context, exit, from_the_future, &mut steps);
            }
            Event::ChildExited { .. } => {}
            Event::SignalFailed { killing, errno, text } => {
                self.signal_failed(context, killing, errno, &text, &mut steps);
            }
            Event::Tick => self.tick(context, &mut steps),
        }
        steps
    }

    fn start(&mut self, context: Context<'_>, steps: &mut Vec<Step>) {
        match self.phase {
            Phase::Stopped | Phase::Exited | Phase::Fatal | Phase::Backoff { .. } => {
                self.spawn(context, steps);
            }
            Phase::Spawning { .. }
            | Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Stopping { .. }
            | Phase::Unknown { .. } => steps.push(Step::Log(
                Level::Warn,
                format!("process '{}' already running", context.spec.name),
            )),
        }
    }

    /// STARTING → BACKOFF: the next attempt waits one second longer than the last.
    fn back_off(&mut self, context: Context<'_>, steps: &mut Vec<Step>) {
        self.backoff += 1;
        let retry_at = context.now.after_secs(self.backoff);
        self.enter(Phase::Backoff { retry_at }, 0, steps);
    }

    fn give_up_when_used_up(&mut self, context: Context<'_>, steps: &mut Vec<Step>) {
        if self.backoff <= context.spec.startretries {
            return;
        }
        self.backoff = 0;
        self.enter(Phase::Fatal, 0, steps);
        let name = &context.spec.name;
        let text =
            format!("gave up: {name} entered FATAL state, too many start retries too quickly");
        steps.push(Step::Log(Level::Info, text));
    }

    fn stop(&mut self, context: Context<'_>, steps: &mut Vec<Step>) {
        let name = &context.spec.name;
        match self.phase {
            Phase::Spawning { .. } => self.stop_when_born(context),
            Phase::Starting { pid, .. } | Phase::Running { pid } => {
                self.kill(context, pid, context.spec.stopsignal, steps);
            }
            Phase::Backoff { .. } => {
                let text = format!("Attempted to kill {name}, which is in BACKOFF state.");
                steps.push(Step::Log(Level::Debug, text));
                self.enter(Phase::Stopped, 0, steps);
            }
            Phase::Stopped
            | Phase::Stopping { .. }
            | Phase::Exited
            | Phase::Fatal
            | Phase::Unknown { .. } => {}
        }
    }

    /// As [`Self::stop`], but what waits for a retry becomes FATAL, without a word in the log.
    fn shut_down(&mut self, context: Context<'_>, steps: &mut Vec<Step>) {
        match self.phase {
            Phase::Backoff { .. } => {
                self.backoff = 0;
                self.enter(Phase::Fatal, 0, steps);
            }
            Phase::Stopped
            | Phase::Spawning { .. }
            | Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Stopping { .. }
            | Phase::Exited
            | Phase::Fatal
            | Phase::Unknown { .. } => self.stop(context, steps),
        }
    }

    fn kill(&mut self, context: Context<'_>, pid: i32, signal: Signal, steps: &mut Vec<Step>) {
        let spec = context.spec;
        let again = matches!(self.phase, Phase::Stopping { .. });
        let group = if again { spec.killasgroup } else { spec.stopasgroup };
        let whom = if group { "process group " } else { "" };
        let text = format!("killing {} (pid {pid}) {whom}with signal {signal}", spec.name);
        steps.push(Step::Log(Level::Debug, text));
        let wait =
            if again { spec.stopwaitsecs.max(KILL_AGAIN_MIN_SECS) } else { spec.stopwaitsecs };
        self.enter(Phase::Stopping { pid, kill_at: context.now.after_secs(wait) }, pid, steps);
        steps.push(Step::Signal { pid, signal, group });
    }

    fn tick(&mut self, context: Context<'_>, steps: &mut Vec<Step>) {
        let name = &context.spec.name;
        let now = context.now.mono_ns;
        match self.phase {
            Phase::Spawning { .. } => self.wait_for_birth(context, steps),
            Phase::Starting { pid, up_at } if now >= up_at => {
                self.backoff = 0;
                self.enter(Phase::Running { pid }, pid, steps);
                let secs = context.spec.startsecs;
                let text = format!(
                    "success: {name} entered RUNNING state, process has stayed up for \
                     > than {secs} seconds (startsecs)"
                );
                steps.push(Step::Log(Level::Info, text));
            }
            Phase::Backoff { retry_at } if context.respawn && now >= retry_at => {
                self.spawn(context, steps);
            }
            Phase::Stopping { pid, kill_at } if now >= kill_at => {
                let text = format!("killing '{name}' ({pid}) with SIGKILL");
                steps.push(Step::Log(Level::Warn, text));
                self.kill(context, pid, Signal::KILL, steps);
            }
            Phase::Stopped
            | Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Backoff { .. }
            | Phase::Stopping { .. }
            | Phase::Exited
            | Phase::Fatal
            | Phase::Unknown { .. } => {}
        }
    }

    fn signal_failed(
        &mut self,
        context: Context<'_>,
        killing: bool,
        errno: i32,
        text: &str,
        steps: &mut Vec<Step>,
    ) {
        let (name, pid) = (&context.spec.name, self.pid());
        if pid == 0 {
            return;
        }
        if errno == ESRCH {
            let when = if killing { "just" } else { "just now" };
            let line = format!(
                "unable to signal {name} (pid {pid}), it probably {when} exited on its own: {text}"
            );
            steps.push(Step::Log(Level::Debug, line));
            return;
        }
        let line = if killing {
            format!("unknown problem killing {name} ({pid}):{text}")
        } else {
            format!("unknown problem sending sig {name} ({pid}):{text}")
        };
        steps.push(Step::Log(Level::Critical, line));
        self.enter(Phase::Unknown { pid }, pid, steps);
    }

    /// Moves to a phase; a move that people do not see (STOPPING again) is not announced.
    fn enter(&mut self, phase: Phase, pid: i32, steps: &mut Vec<Step>) {
        let from = self.state();
        self.phase = phase;
        let to = self.state();
        if from != to {
            steps.push(Step::Entered { from, to, tries: self.backoff, expected: true, pid });
        }
    }
}
