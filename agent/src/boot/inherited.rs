//! Descriptors that whoever started us has left open. They stay in the first life and are closed at
//! a restart, as supervisord closes everything from 5 on then (UP-05).

use std::fs::{read_dir, symlink_metadata};
use std::os::fd::RawFd;

/// Below this descriptors belong to the terminal, or to whoever watches us.
const FIRST: RawFd = 5;

/// Where the system shows which descriptors are open.
const OPEN: &str = "/proc/self/fd";

/// The descriptors that were open when the program began.
#[derive(Debug, Default)]
pub(super) struct Inherited(Vec<RawFd>);

impl Inherited {
    /// Looks. To be called before anything is opened: what is there then is not ours.
    pub(super) fn look() -> Self {
        let entries = read_dir(OPEN).into_iter().flatten().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut numbers: Vec<RawFd> = numbers.filter(|number| *number >= FIRST).collect();
        // The directory itself was among them, and is closed by now.
        numbers.retain(|number| symlink_metadata(format!("{OPEN}/{number}")).is_ok());
        Self(numbers)
    }

    /// Closes those below `end`, once: the numbers may be ours afterwards.
    pub(super) fn close_below(&mut self, end: i64) {
        for number in self.0.extract_if(.., |number| i64::from(*number) < end) {
            // It was open at the beginning and nobody has closed it, so it is what it was.
            let _ = nix::unistd::close(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::IntoRawFd as _;

    use super::{Inherited, OPEN};

    #[test]
    fn what_was_open_is_found_and_closed_once() {
        let null = || std::fs::File::open("/dev/null").expect("it is there").into_raw_fd();
        let mut both = [null(), null()];
        both.sort_unstable();
        let [low, high] = both;
        let mut inherited = Inherited(vec![low, high]);
        inherited.close_below(i64::from(high));
        assert!(std::fs::symlink_metadata(format!("{OPEN}/{high}")).is_ok());
        assert_eq!(inherited.0, [high]);
        inherited.close_below(i64::from(high) + 1);
        assert_eq!(inherited.0, [0; 0]);
    }
}
