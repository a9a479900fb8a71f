//! How long to wait before the next attempt to connect: full jitter, so that a thousand agents
//! that lost one controller do not come back together.

use std::time::Duration;

/// The first attempts are at most so long apart.
const FIRST: Duration = Duration::from_secs(1);

/// Counts attempts and says what to wait. Pure: chance comes in as a number.
#[derive(Debug)]
pub(crate) struct Backoff {
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// `longest` is `redial_max`.
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, failures: 0 }
    }

    /// A controller said welcome: begin anew. A mere connection is not enough, or one that refuses
    /// everybody would be dialled every second.
    pub(crate) fn welcomed(&mut self) {
        self.failures = 0;
    }

    /// The wait before the next attempt. `chance` is from 0 to 1; `not_before` is what the
    /// controller asked for.
    pub(crate) fn next(&mut self, chance: f64, not_before: Duration) -> Duration {
        let doubled = FIRST.saturating_mul(2_u32.saturating_pow(self.failures));
        let ceiling = doubled.min(self.longest);
        self.failures = self.failures.saturating_add(1);
        not_before.saturating_add(ceiling.mul_f64(chance.clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;
    use std::time::Duration;

    #[test]
    fn the_ceiling_doubles_up_to_the_longest_and_begins_anew_at_a_welcome() {
        let mut backoff = Backoff::new(Duration::from_secs(10));
        let mut waits = |count: usize| -> Vec<u64> {
            (0..count).map(|_| backoff.next(1.0, Duration::ZERO).as_secs()).collect()
        };
        assert_eq!(waits(6), [1, 2, 4, 8, 10, 10]);
        backoff.failures = u32::MAX;
        assert_eq!(backoff.next(1.0, Duration::ZERO).as_secs(), 10);
        backoff.welcomed();
        assert_eq!(backoff.next(1.0, Duration::ZERO).as_secs(), 1);
    }

    #[test]
    fn chance_makes_it_shorter_and_the_controller_longer() {
        let mut backoff = Backoff::new(Duration::from_mins(1));
        assert_eq!(backoff.next(0.0, Duration::ZERO), Duration::ZERO);
        assert_eq!(backoff.next(0.5, Duration::from_secs(30)), Duration::from_secs(31));
    }
}
