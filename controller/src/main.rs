//! `fleetvisor-controller`: joins the agents of a fleet.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use controller::config::{Config, Flags};
use controller::start;

/// Exit code for a configuration or command line that cannot be used, as of the other programs.
const BAD_CONFIGURATION: u8 = 2;

fn main() -> ExitCode {
    let config = match Config::load(&Flags::parse()) {
        Ok(config) => config,
        Err(error) => return failed(&error, BAD_CONFIGURATION),
    };
    start::log_to_stderr(config.log);
    // One thread is enough for thousands of quiet agents; the disk has a thread of its own.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error, 1),
    };
    let ended = runtime.block_on(async {
        let controller = start::Controller::start(&config).await?;
        // Whoever started it may not listen; that is no reason to end.
        let _ = std::io::stdout().write_all(controller.greeting().as_bytes());
        controller.until_told().await
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, 1),
    }
}

fn failed(error: &dyn std::error::Error, code: u8) -> ExitCode {
    eprintln!("fleetvisor-controller: {error}");
    ExitCode::from(code)
}
