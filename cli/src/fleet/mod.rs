//! Fleet mode: the same verbs, asked of a controller.
//!
//! `args` reads the words, `config` finds the controller and the certificates, `verbs` and
//! `operate` ask through [`crate::reach::fleet`], `show` renders. Nothing here decides about hosts:
//! selectors travel as they were typed.

mod args;
mod config;
pub mod exit;
mod operate;
mod show;
mod verbs;

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser as _;

use crate::reach::fleet::{Controller, Trouble};
use args::{Args, Verb};
use config::Settings;

/// Runs the client against the fleet. `args` are all words after the program's name.
pub fn run_fleet(args: &[String]) -> ExitCode {
    let program = std::iter::once("fleetvisorctl".to_owned());
    let args = match Args::try_parse_from(program.chain(args.iter().cloned())) {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print(); // whoever closed our output does not want it
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE));
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(run(&args)),
        Err(error) => Err(Trouble::new(exit::UNAVAILABLE, format!("no runtime: {error}"))),
    };
    ExitCode::from(ended.unwrap_or_else(|trouble| {
        eprintln!("fleetvisorctl: {}", trouble.text);
        trouble.exit
    }))
}

async fn run(args: &Args) -> Result<u8, Trouble> {
    let settings = Settings::load(args)?;
    args.verb.check()?;
    let mut controller = Controller::connect(&settings.server, &settings.files).await?;
    match &args.verb {
        Verb::Hosts(asked) => verbs::hosts(&mut controller, args, asked).await,
        Verb::Status(asked) => verbs::status(&mut controller, args, asked).await,
        Verb::Events(asked) => verbs::events(&mut controller, args, asked).await,
        Verb::Operations(asked) => verbs::operations(&mut controller, args, asked).await,
        Verb::Operation(asked) => verbs::operation(&mut controller, args, asked).await,
        Verb::Cancel(asked) => verbs::cancel(&mut controller, args, asked).await,
        Verb::Start(_)
        | Verb::Stop(_)
        | Verb::Restart(_)
        | Verb::Signal(_)
        | Verb::Reread(_)
        | Verb::Update(_) => operate::run(&mut controller, args).await,
    }
}

/// Milliseconds since the epoch, for "2 s ago".
#[expect(clippy::disallowed_methods, reason = "the one look at the clock, to show how long ago")]
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
