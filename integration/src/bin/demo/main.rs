//! `make demo`: a controller and three hosts on this machine, in a narrated run.
//!
//! `--once` ends by itself; the exit code is 0 only when every step showed what it should.
//! `--break STEP` makes a step fail, so that one can see that the demo would tell.
//! Everything that was started is ended and removed on exit, also after Ctrl-C or a failure.

mod network;
mod stage;
mod story;

use std::process::ExitCode;
use std::sync::Arc;

use integration::home::Home;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use network::Network;
use stage::{HOSTS, Stage};
use story::{Break, Manner};

const USAGE: &str = "usage: demo [--once] [--break database|shop|host]
Starts a controller and three agents on this machine and shows what they do together.
  --once        end after the last step instead of waiting for Ctrl-C
  --break STEP  make that step fail: the exit code is 1 then";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let manner = match manner(&words) {
        Ok(manner) => manner,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::from(2);
        }
    };
    let home = Home::new();
    let (network, why) = Network::make(&HOSTS);
    let network = Arc::new(network);
    if let Some(why) = why {
        println!("(no network of their own for the hosts: {why})");
    }
    let code = match Stage::prepare(&home, Arc::clone(&network)) {
        Ok(stage) => play(stage, manner),
        Err(text) => {
            eprintln!("the demo cannot begin: {text}");
            ExitCode::FAILURE
        }
    };
    println!("Cleaning up.");
    drop(home); // ends everything that was started in it
    network.remove();
    code
}

fn manner(words: &[String]) -> Result<Manner, String> {
    let mut manner = Manner { once: false, broken: None };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--once" => manner.once = true,
            "--break" => {
                let step = words.next().map_or("", String::as_str);
                manner.broken = Some(Break::named(step).ok_or_else(|| USAGE.to_owned())?);
            }
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(manner)
}

/// Plays the story until its end or until a signal, whichever comes first.
fn play(mut stage: Stage, manner: Manner) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        eprintln!("the demo cannot begin: no runtime");
        return ExitCode::FAILURE;
    };
    let (tell, told) = oneshot::channel();
    // After an interruption it is left behind: what it waits for is being ended.
    std::thread::spawn(move || {
        let _ = tell.send(story::tell(&mut stage, manner));
    });
    runtime.block_on(async {
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            eprintln!("the demo cannot begin: signals cannot be watched");
            return ExitCode::FAILURE;
        };
        let ended = tokio::select! {
            ended = told => ended.unwrap_or_else(|_| Err("the story broke off".to_owned())),
            _ = interrupt.recv() => return ExitCode::from(130),
            _ = terminate.recv() => return ExitCode::from(143),
        };
        if let Err(text) = ended {
            eprintln!("\nThis did not show what it should: {text}");
            return ExitCode::FAILURE;
        }
        if !manner.once {
            println!("\nAll of it stays until Ctrl-C.");
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            println!();
        }
        ExitCode::SUCCESS
    })
}
