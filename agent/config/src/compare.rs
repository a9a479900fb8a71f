//! `fleetvisord check --compare`: what of one configuration behaves differently from Supervisor 4.3.0.
//!
//! docs/COMPAT.md numbers every difference. [`SEEN`] has those that a configuration can show, each
//! with the rule that finds it; [`UNSEEN`] the others, each with the reason why none can. Together
//! they are complete, which `tests/read/compare.rs` sees to.

mod rules;
mod seen;

use std::fmt;

use crate::World;
use crate::disk::Disk;
use crate::error::{ConfigError, Place};
use crate::fault::Fault;
use crate::load::{LoadRequest, load, read_files};
use crate::users::Users;

use self::rules::SEEN;
pub use self::rules::UNSEEN;
use self::seen::Seen;

/// One place of a configuration that means something else than to Supervisor 4.3.0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub place: Place,
    /// The number in docs/COMPAT.md.
    pub number: u32,
    /// What each of the two does, and why.
    pub text: &'static str,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}COMPAT-{}: {}", self.place, self.number, self.text)
    }
}

/// A difference that a configuration can show.
struct Rule {
    number: u32,
    finds: fn(&Seen<'_>) -> Vec<Place>,
    text: &'static str,
}

/// The numbers of the differences that a configuration can show.
pub fn seen_numbers() -> impl Iterator<Item = u32> {
    SEEN.iter().map(|rule| rule.number)
}

/// Every difference that this configuration shows, in the order of its lines: the main file's, then
/// those of what it includes.
///
/// # Errors
///
/// When both would refuse it: the error that [`load`] gives. What only we refuse is a difference.
pub fn compare(
    request: &LoadRequest,
    disk: &dyn Disk,
    users: &dyn Users,
) -> Result<Vec<Difference>, ConfigError> {
    let world = World { surroundings: &request.surroundings, disk, users };
    let sources = read_files(request, &world)?;
    let seen = Seen::new(request, &world, &sources);
    let mut found = vec![];
    for rule in SEEN {
        let differs = |place| Difference { place, number: rule.number, text: rule.text };
        found.extend((rule.finds)(&seen).into_iter().map(differs));
    }
    found.sort_by_key(|difference| {
        let Place { file, line, .. } = &difference.place;
        (file.as_ref() != Some(&request.file), file.clone(), *line)
    });
    match load(request, disk, users) {
        Err(error) if !is_ours_alone(error.fault(), &found) => Err(error),
        Ok(_) | Err(_) => Ok(found),
    }
}

/// Whether Supervisor would take what we refuse so.
fn is_ours_alone(fault: &Fault, found: &[Difference]) -> bool {
    let number = match fault {
        Fault::BadFormat { why, .. } if why.ends_with("too big") => 9,
        Fault::BadFormat { .. } => 7,
        Fault::TooManyProcesses(_) => 9,
        Fault::Unresolved { .. } => 8,
        _ => return false,
    };
    found.iter().any(|difference| difference.number == number)
}
