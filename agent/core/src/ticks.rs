//! The slices of time whose beginnings are told (TCK-01 to TCK-03). Only while somebody listens:
//! otherwise a host has no reason to wake up.

use proto_words::Now;
use serde::{Deserialize, Serialize};

use crate::payload::Period;

/// How long the clock of the wall is trusted to go on as it goes: when it was set, or the machine
/// slept, a slice's beginning is told so late at most.
const TRUST_SECS: i64 = 60;

/// Where the clock was when it was last looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ticks {
    /// The slice of each period that was last seen, `None` while nobody listens for it.
    seen: [Option<i64>; Period::ALL.len()],
    /// When to look again, monotonic.
    due: Option<u64>,
}

impl Ticks {
    /// When it wants to be asked again.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.due
    }

    /// Says which slices have begun since the last look, of the periods that are `wanted`. The
    /// first look at a period only remembers where it is; slices that nobody saw begin are one
    /// beginning, and so is a clock that was set back.
    pub fn look(&mut self, now: Now, wanted: impl Fn(Period) -> bool) -> Vec<(Period, i64)> {
        let mut begun = Vec::new();
        let mut next_ms: Option<i64> = None;
        for (period, seen) in Period::ALL.into_iter().zip(&mut self.seen) {
            if !wanted(period) {
                *seen = None;
                continue;
            }
            let secs = period.secs();
            let slice = now.wall_secs().div_euclid(secs) * secs;
            if seen.is_some_and(|seen| seen != slice) {
                begun.push((period, slice));
            }
            *seen = Some(slice);
            let end_ms = (slice + secs) * 1000 - now.wall_ms;
            next_ms = Some(next_ms.map_or(end_ms, |next| next.min(end_ms)));
        }
        self.due = next_ms.map(|ms| {
            let ms = u64::try_from(ms.min(TRUST_SECS * 1000)).unwrap_or(0);
            now.mono_ns.saturating_add(ms * 1_000_000)
        });
        begun
    }
}

#[cfg(test)]
mod tests {
    use proto_words::Now;

    use super::Ticks;
    use crate::payload::Period;

    /// Looks at these milliseconds of the wall; what begins, and after how many milliseconds to
    /// look again.
    fn looks(wanted: &[Period], walls: &[i64]) -> String {
        let mut ticks = Ticks::default();
        let mut shown = Vec::new();
        for wall_ms in walls {
            let now = Now { mono_ns: 7_000_000, wall_ms: *wall_ms };
            let begun = ticks.look(now, |period| wanted.contains(&period));
            let begun: Vec<_> =
                begun.iter().map(|(period, slice)| format!("{}@{slice}", period.secs())).collect();
            let wait = ticks.deadline().map(|at| at / 1_000_000 - 7);
            shown.push(format!("{} {wait:?}", begun.join("+")).trim().to_owned());
        }
        shown.join(", ")
    }

    #[test]
    fn the_first_look_only_remembers() {
        assert_eq!(looks(&[Period::Five], &[12_300]), "Some(2700)");
        assert_eq!(looks(&[Period::Five], &[15_000]), "Some(5000)");
        assert_eq!(looks(&[], &[12_300, 99_000]), "None, None");
    }

    #[test]
    fn a_beginning_is_told_once_with_the_seconds_at_which_it_was() {
        let walls = [12_300, 14_999, 15_000, 15_001, 19_999, 21_000];
        let shown = "Some(2700), Some(1), 5@15 Some(5000), Some(4999), Some(1), 5@20 Some(4000)";
        assert_eq!(looks(&[Period::Five], &walls), shown);
    }

    #[test]
    fn missed_slices_and_a_clock_set_back_are_one_beginning() {
        let walls = [12_000, 61_000, 8_000];
        let shown = "Some(3000), 5@60 Some(4000), 5@5 Some(2000)";
        assert_eq!(looks(&[Period::Five], &walls), shown);
    }

    #[test]
    fn periods_that_begin_together_are_told_from_the_shortest_on() {
        let shown = "Some(1000), 5@3600+60@3600+3600@3600 Some(5000)";
        assert_eq!(looks(&Period::ALL, &[3_599_000, 3_600_000]), shown);
    }

    #[test]
    fn the_clock_is_not_trusted_for_an_hour() {
        assert_eq!(looks(&[Period::Hour], &[0]), "Some(60000)");
    }
}
