//! What a wall clock that was set back does to the start that is shown. Deadlines do not notice.

use proto_words::Now;

use super::{Machine, Phase};

impl Machine {
    /// When it was last started, as it is shown now: what is young has not begun in the future, and
    /// what is up has been so for `startsecs`.
    #[must_use]
    pub fn shown_start_ms(&self, now: Now, startsecs: i64) -> i64 {
        let (start, now) = (self.started_ms, now.wall_ms);
        let window = startsecs.saturating_mul(1000);
        match self.phase {
            Phase::Spawning { .. } | Phase::Starting { .. } => start.min(now),
            Phase::Running { .. } if start < now && now < start.saturating_add(window) => {
                now.saturating_sub(window)
            }
            Phase::Stopped
            | Phase::Running { .. }
            | Phase::Backoff { .. }
            | Phase::Stopping { .. }
            | Phase::Exited
            | Phase::Fatal
            | Phase::Unknown { .. } => start,
        }
    }
}
