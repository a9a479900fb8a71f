//! Waiting for a state, with a deadline: the only place of the harness that looks at a clock or sleeps.

use std::fmt::Display;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long a state may take to come about. Only a failing test spends it, so it is generous: the
/// machine may be building something else.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks. Short beside anything that is waited for, long beside the cost of a look.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Looks until `look` finds something and returns it.
///
/// `look` answers `Err` with what it saw instead; the last of these stands in the failure, so that
/// the reader sees how near it was.
///
/// # Panics
///
/// When `deadline` has passed.
pub fn until<T, Seen: Display>(
    deadline: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<T, Seen>,
) -> T {
    let begun = mono();
    loop {
        let seen = match look() {
            Ok(found) => return found,
            Err(seen) => seen,
        };
        assert!(
            mono().saturating_sub(begun) < deadline,
            "waited {deadline:?} for {what}; last seen: {seen}"
        );
        pass(BETWEEN_LOOKS);
    }
}

/// Lets time pass. For windows in which nothing may happen; a state is awaited with [`until`].
#[expect(clippy::disallowed_methods, reason = "the one place that sleeps; see the module's text")]
pub fn pass(window: Duration) {
    std::thread::sleep(window);
}

/// The monotonic clock, comparable with the stamps of scripted children.
#[must_use]
pub fn mono() -> Duration {
    clock(ClockId::Monotonic)
}

/// The clock of the wall, as a time since 1970.
#[must_use]
pub fn wall() -> Duration {
    clock(ClockId::Realtime)
}

fn clock(id: ClockId) -> Duration {
    let time = clock_gettime(id);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    let (Ok(seconds), Ok(nanos)) = (seconds, nanos) else {
        panic!("a clock before 1970: {time:?}")
    };
    Duration::new(seconds, nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_returned() {
        let mut looks = 0;
        let found = until(PATIENCE, "the third look", || {
            looks += 1;
            if looks == 3 { Ok(looks) } else { Err(looks) }
        });
        assert_eq!(found, 3);
    }

    #[test]
    #[should_panic(expected = "for a miracle; last seen: only rain")]
    fn a_failure_tells_what_was_seen_last() {
        until(Duration::ZERO, "a miracle", || Err::<(), _>("only rain"));
    }
}
