//! The making of a child: asked for, born or failed; and what happens when it takes long.

use super::{Context, KILL_AGAIN_MIN_SECS, Machine, Phase, Step};
use crate::spec::Level;

/// After this long the log says that a birth is waited for. It takes milliseconds unless a file
/// system or a name service hangs.
const LONG_BIRTH_SECS: i64 = 5;

impl Machine {
    pub(super) fn spawn(&mut self, context: Context<'_>, steps: &mut Vec<Step>) {
        self.spawnerr.clear();
        self.exitstatus = None;
        self.started_ms = context.now.wall_ms;
        let mention_at = context.now.after_secs(LONG_BIRTH_SECS);
        self.enter(Phase::Spawning { mention_at: Some(mention_at), stop_by: None }, 0, steps);
        steps.push(Step::Spawn);
    }

    pub(super) fn spawned(&mut self, context: Context<'_>, pid: i32, steps: &mut Vec<Step>) {
        let Phase::Spawning { stop_by, .. } = self.phase else {
            return;
        };
        let name = &context.spec.name;
        steps.push(Step::Log(Level::Info, format!("spawned: '{name}' with pid {pid}")));
        self.started_ms = context.now.wall_ms;
        let up_at = context.now.after_secs(context.spec.startsecs);
        self.phase = Phase::Starting { pid, up_at };
        if stop_by.is_some() {
            self.kill(context, pid, context.spec.stopsignal, steps);
        } else {
            self.tick(context, steps);
        }
    }

    pub(super) fn spawn_failed(
        &mut self,
        context: Context<'_>,
        why: String,
        steps: &mut Vec<Step>,
    ) {
        let Phase::Spawning { stop_by, .. } = self.phase else {
            return;
        };
        steps.push(Step::Log(Level::Info, format!("spawnerr: {why}")));
        self.spawnerr = why;
        self.back_off(context, steps);
        steps.push(Step::Childless);
        if stop_by.is_some() {
            self.stop(context, steps);
        } else {
            self.give_up_when_used_up(context, steps);
        }
    }

    /// A stop while the child is made: it is done right after the birth. A birth that hangs is
    /// given up after `stopwaitsecs`, as a child that does not end is killed.
    pub(super) fn stop_when_born(&mut self, context: Context<'_>) {
        let by = give_up_at(context);
        if let Phase::Spawning { stop_by, .. } = &mut self.phase {
            stop_by.get_or_insert(by);
        }
    }

    pub(super) fn wait_for_birth(&mut self, context: Context<'_>, steps: &mut Vec<Step>) {
        let now = context.now.mono_ns;
        let Phase::Spawning { mention_at, stop_by } = &mut self.phase else {
            return;
        };
        if mention_at.take_if(|at| now >= *at).is_some() {
            let name = &context.spec.name;
            let text = format!(
                "starting {name} takes long: a file system or name service that it needs may \
                 hang; others start meanwhile"
            );
            steps.push(Step::Log(Level::Warn, text));
        }
        if let Some(by) = stop_by.as_mut().filter(|by| now >= **by) {
            *by = give_up_at(context);
            steps.push(Step::CancelSpawn);
        }
    }
}

/// A birth takes milliseconds even where `stopwaitsecs` is 0.
fn give_up_at(context: Context<'_>) -> u64 {
    context.now.after_secs(context.spec.stopwaitsecs.max(KILL_AGAIN_MIN_SECS))
}
