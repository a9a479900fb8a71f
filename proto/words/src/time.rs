//! Time as plain numbers, so that cores need no clock and their state can be written out.

use serde::{Deserialize, Serialize};

/// One look at the clocks, taken by a shell and handed to a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Now {
    /// Nanoseconds of the monotonic clock: every deadline is judged by it.
    pub mono_ns: u64,
    /// Milliseconds since the Unix epoch: only what is shown to people comes from it.
    pub wall_ms: i64,
}

impl Now {
    /// The monotonic moment `seconds` from now; a negative length counts as none.
    #[must_use]
    pub fn after_secs(self, seconds: i64) -> u64 {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        self.mono_ns.saturating_add(seconds.saturating_mul(1_000_000_000))
    }

    /// Whole seconds since the Unix epoch, as supervisord's `start`, `stop` and `now` show them.
    #[must_use]
    pub fn wall_secs(self) -> i64 {
        self.wall_ms.div_euclid(1000)
    }
}
