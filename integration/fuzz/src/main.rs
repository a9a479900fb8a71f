//! `make fuzz`: our parsers beside the original's, over inputs that nobody thought of.
//!
//! Inputs are made from grammar pieces and from the recorded seeds ([`make`]), given to both sides in
//! batches ([`run`]), and compared: the value, or the text of the error. A difference is made as small
//! as it goes ([`shrink`]), printed with the command that shows it again, and the exit code is 1.
//! A new target is one entry in [`target::TARGETS`], one function that answers for us, and one entry
//! in `integration/src/parsers.py` for the original.

mod corpus;
mod decided;
mod make;
mod pieces;
mod run;
mod shrink;
mod target;
mod whole;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use serde_json::Value;

use crate::run::Plan;
use crate::target::{TARGETS, Target};

/// Our parsers beside Supervisor's.
#[derive(Debug, Parser)]
#[command(name = "fuzz")]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Compares until the time is over or something differs.
    Run {
        /// Which targets; all when none is named.
        targets: Vec<String>,
        /// How long for each target.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Where the random numbers begin; a new place each time without it.
        #[arg(long)]
        seed: Option<u64>,
        /// Goes on after a difference.
        #[arg(long)]
        all: bool,
    },
    /// Shows what both sides say to one input.
    Replay {
        /// The target.
        target: String,
        /// The input, as a difference is printed: a JSON string, or a list of them.
        input: String,
    },
    /// Writes the original's answers beside the inputs of the corpora.
    Record,
}

fn main() -> ExitCode {
    match go(Args::parse().verb) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(text) => {
            eprintln!("fuzz: {text}");
            ExitCode::from(2)
        }
    }
}

/// Whether both sides agree.
fn go(verb: Verb) -> Result<bool, String> {
    match verb {
        Verb::Run { targets, seconds, seed, all } => {
            let targets = named(&targets)?;
            let seed = seed.unwrap_or_else(rand::random);
            let plan = Plan { seed, time: Duration::from_secs(seconds), all };
            let mut agree = true;
            for target in targets {
                agree &= run::run(target, &plan)?;
                if !agree && !all {
                    break;
                }
            }
            Ok(agree)
        }
        Verb::Replay { target, input } => {
            let value: Value = serde_json::from_str(&input).map_err(|error| {
                format!("{input} is not JSON ({error}); quote it for the shell")
            })?;
            run::replay(find(&target)?, &corpus::texts(&value)?)
        }
        Verb::Record => {
            for target in TARGETS {
                run::record(target)?;
            }
            Ok(true)
        }
    }
}

fn named(names: &[String]) -> Result<Vec<&'static Target>, String> {
    if names.is_empty() {
        return Ok(TARGETS.iter().collect());
    }
    names.iter().map(|name| find(name)).collect()
}

fn find(name: &str) -> Result<&'static Target, String> {
    let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    TARGETS
        .iter()
        .find(|target| target.name == name)
        .ok_or_else(|| format!("there is no target {name:?}; known are {}", known.join(", ")))
}
