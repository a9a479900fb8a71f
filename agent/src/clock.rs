//! The one place where the agent looks at the clocks.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use proto_words::Now;

/// Both clocks, with a common beginning for the monotonic one.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock whose monotonic part begins now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the shell's one look at the clock")]
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// Looks once.
    #[must_use]
    pub fn now(&self) -> Now {
        let mono_ns = u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Now { mono_ns, wall_ms: Timestamp::now().as_millisecond() }
    }

    /// The moment at which the monotonic part has this value, for the runtime's timer.
    #[must_use]
    pub fn instant_of(&self, mono_ns: u64) -> tokio::time::Instant {
        (self.origin + Duration::from_nanos(mono_ns)).into()
    }
}
