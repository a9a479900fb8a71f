//! The end of a child: too quick, expected or not, asked for; and whether it is started again.

use proto_words::{ProcessState, Signal};

use super::{Context, Machine, Phase, Step};
use crate::input::Exit;
use crate::spec::{Autorestart, Level, ProcessSpec};

/// What a start that ended before `startsecs` is told; supervisord's text.
const TOO_QUICKLY: &str = "Exited too quickly (process log may have details)";

impl Machine {
    /// Supervisor judges "too quick" by the clock at the moment of reaping, not by the state it
    /// last announced; a child that outlived `startsecs` unnoticed is announced RUNNING first. So
    /// is one that ends before it has begun, by a wall clock that was set back.
    pub(super) fn child_exited(
        &mut self,
        context: Context<'_>,
        (exit, at_mono_ns): (Exit, u64),
        from_the_future: bool,
        steps: &mut Vec<Step>,
    ) {
        self.stopped_ms = context.now.wall_ms;
        if from_the_future {
            let (name, pid) = (&context.spec.name, self.pid());
            let text = format!(
                "process '{name}' ({pid}) laststart time is in the future, don't know how long \
                 process was running so assuming it did not exit too quickly"
            );
            steps.push(Step::Log(Level::Warn, text));
        }
        match self.phase {
            Phase::Starting { up_at, .. } if at_mono_ns < up_at && !from_the_future => {
                self.exited_too_quickly(context, exit, steps);
            }
            Phase::Starting { pid, .. } => {
                self.enter(Phase::Running { pid }, pid, steps);
                self.exited(context, pid, exit, steps);
            }
            Phase::Running { pid } => self.exited(context, pid, exit, steps),
            // Nobody knows what it was before; it was meant to be stopped or signalled, and it is
            // gone: STOPPED is true and starts nothing by itself (COMPAT-3).
            Phase::Stopping { pid, .. } | Phase::Unknown { pid } => {
                self.stopped(context, pid, exit, steps);
            }
            Phase::Stopped
            | Phase::Spawning { .. }
            | Phase::Backoff { .. }
            | Phase::Exited
            | Phase::Fatal => {}
        }
    }

    fn exited_too_quickly(&mut self, context: Context<'_>, exit: Exit, steps: &mut Vec<Step>) {
        self.exitstatus = None;
        TOO_QUICKLY.clone_into(&mut self.spawnerr);
        self.back_off(context, steps);
        let text = format!("exited: {} ({}; not expected)", context.spec.name, cause(exit));
        steps.extend([Step::Log(Level::Warn, text), Step::Childless]);
        self.give_up_when_used_up(context, steps);
    }

    fn exited(&mut self, context: Context<'_>, pid: i32, exit: Exit, steps: &mut Vec<Step>) {
        let (code, expected) = self.record_exit(context.spec, exit);
        self.backoff = 0;
        if !expected {
            self.spawnerr = format!("Bad exit code {code}");
        }
        let from = self.state();
        self.phase = Phase::Exited;
        let to = ProcessState::Exited;
        steps.push(Step::Entered { from, to, tries: 0, expected, pid });
        let (level, word) =
            if expected { (Level::Info, "expected") } else { (Level::Warn, "not expected") };
        let text = format!("exited: {} ({}; {word})", context.spec.name, cause(exit));
        steps.extend([Step::Log(level, text), Step::Childless]);
        let again = match context.spec.autorestart {
            Autorestart::Never => false,
            Autorestart::Unexpected => !expected,
            Autorestart::Always => true,
        };
        if again && context.respawn {
            self.spawn(context, steps);
        }
    }

    fn stopped(&mut self, context: Context<'_>, pid: i32, exit: Exit, steps: &mut Vec<Step>) {
        let (_, expected) = self.record_exit(context.spec, exit);
        self.enter(Phase::Stopped, pid, steps);
        let level = if expected { Level::Info } else { Level::Warn };
        let text = format!("stopped: {} ({})", context.spec.name, cause(exit));
        steps.extend([Step::Log(level, text), Step::Childless]);
    }

    fn record_exit(&mut self, spec: &ProcessSpec, exit: Exit) -> (i32, bool) {
        let code = match exit {
            Exit::Code(code) => code,
            Exit::Signal { .. } => -1,
        };
        self.exitstatus = Some(code);
        (code, spec.exitcodes.contains(&code))
    }
}

/// How a child ended, in supervisord's words.
#[must_use]
pub fn cause(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit status {code}"),
        Exit::Signal { number, core_dumped } => {
            let core = if core_dumped { " (core dumped)" } else { "" };
            format!("terminated by {}{core}", Signal::name_of(number))
        }
    }
}
