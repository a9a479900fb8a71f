//! A clock of the wall that goes wrong for one daemon, while the machine's stays right.

use std::path::PathBuf;

use crate::native;
use crate::subject::Host;

/// The clock of the wall as one daemon sees it.
#[derive(Debug)]
pub struct WallClock(PathBuf);

impl WallClock {
    /// The file, in the daemon's home, that says how wrong it goes; scripted children write it too.
    pub const FILE: &str = "wall-clock";

    /// Gives the daemon a clock that is right until somebody says otherwise.
    #[must_use]
    pub fn of(host: &mut Host) -> Self {
        let library = native::compiled("wall_clock.c", &["-O1", "-shared", "-fPIC"]);
        let clock = Self(host.home().join(Self::FILE));
        clock.goes_wrong_by(0.0);
        host.set_environment("LD_PRELOAD", &library.display().to_string());
        host.set_environment("WALL_CLOCK", &clock.0.display().to_string());
        clock
    }

    /// From now on it goes wrong by so many seconds: into the future, or, negative, into the past.
    ///
    /// # Panics
    ///
    /// When that cannot be written down.
    pub fn goes_wrong_by(&self, seconds: f64) {
        set_wall_clock(&self.0, seconds).expect("the home is writable");
    }
}

/// Says in the file of a [`WallClock`] how wrong it goes.
///
/// # Errors
///
/// When the file cannot be written.
pub fn set_wall_clock(file: &std::path::Path, seconds: f64) -> std::io::Result<()> {
    use std::os::unix::fs::FileExt;
    #[expect(clippy::cast_possible_truncation, reason = "centuries fit, and more are not meant")]
    let nanos = (seconds * 1e9) as i64;
    // In one write, and never cut short: the daemon has the file in its memory.
    let file = std::fs::File::options().create(true).truncate(false).write(true).open(file)?;
    file.write_all_at(&nanos.to_ne_bytes(), 0)
}
