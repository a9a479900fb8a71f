//! Fleet mode: the same verbs, asked of a controller.

use std::process::ExitCode;

use crate::exit;

/// Runs the client against the fleet. `args` are all words after the program's name.
pub fn run_fleet(args: &[String]) -> ExitCode {
    let _ = args;
    eprintln!(
        "Error: fleet mode needs `-s fleet://HOST:9440`, and this build speaks to one host only"
    );
    ExitCode::from(exit::INVALID_ARGS)
}
