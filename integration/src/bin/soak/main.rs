//! `make soak`: as many programs as this machine lets agents run, and then a storm of everything
//! that can happen to them. Minutes, not seconds; `make test` has the short forms.
//!
//! `soak [--seconds N] [--seed N] [--programs N]`. It fails by panicking, with a text, and ends what
//! it has started in any case.

mod fill;
mod storm;

use std::process::ExitCode;
use std::time::Duration;

/// How many programs are asked for unless said otherwise.
const PROGRAMS: usize = 10_000;

/// How long the storm lasts unless said otherwise.
const STORM: Duration = Duration::from_mins(5);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some((programs, seconds, seed)) = read(&words) else {
        println!("usage: soak [--programs N] [--seconds N] [--seed N]");
        return ExitCode::from(2);
    };
    let seed = seed.unwrap_or_else(rand::random);
    fill::fill(programs);
    storm::storm(seconds.map_or(STORM, Duration::from_secs), seed);
    ExitCode::SUCCESS
}

/// Programs, seconds and seed; `None` when that is not what the words say.
fn read(words: &[String]) -> Option<(usize, Option<u64>, Option<u64>)> {
    let (mut programs, mut seconds, mut seed) = (PROGRAMS, None, None);
    for pair in words.chunks(2) {
        let [name, value] = pair else { return None };
        match name.as_str() {
            "--programs" => programs = value.parse().ok()?,
            "--seconds" => seconds = Some(value.parse().ok()?),
            "--seed" => seed = Some(value.parse().ok()?),
            _ => return None,
        }
    }
    Some((programs, seconds, seed))
}
