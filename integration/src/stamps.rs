//! What scripted children wrote about their own starts: the `stamp:FILE:NOTE` of `child`.

use std::time::Duration;

/// One start, as the process itself saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// When, on the clock that all processes of the machine share.
    pub at: Duration,
    /// Its pid.
    pub pid: i32,
    /// What it was told to write.
    pub note: String,
}

/// The stamps of a file, in the order in which they were written.
///
/// # Panics
///
/// When a line is no stamp.
#[must_use]
pub fn read(text: &str) -> Vec<Stamp> {
    text.lines().map(stamp).collect()
}

fn stamp(line: &str) -> Stamp {
    let mut words = line.splitn(4, ' ');
    let mut next = || words.next().unwrap_or_default();
    let (mono, _wall, pid, note) = (next(), next(), next(), next());
    let (Ok(nanos), Ok(pid)) = (mono.parse(), pid.parse()) else {
        panic!("no stamp: {line:?}");
    };
    Stamp { at: Duration::from_nanos(nanos), pid, note: note.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart() {
        let at = Duration::from_nanos(17);
        let note = "db of db-1".to_owned();
        assert_eq!(read("17 1700 5 db of db-1\n"), [Stamp { at, pid: 5, note }]);
    }
}
