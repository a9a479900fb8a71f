//! `fleetvisord`: one host's agent, a supervisord that can join a fleet.

use std::process::ExitCode;

fn main() -> ExitCode {
    let argv: Vec<String> =
        std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    agent::boot::main(&argv)
}
