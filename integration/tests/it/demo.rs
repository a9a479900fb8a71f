//! `make demo`: it shows what it should, it tells when it does not, and it leaves nothing behind.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use integration::home::{Home, marked};
use integration::owned::Owned;
use integration::wait::{self, PATIENCE};
use integration::{places, ran::Ran};
use nix::sys::signal::Signal;

/// The whole story, on a busy machine.
const STORY: Duration = Duration::from_mins(3);

fn demo(arguments: &[&str]) -> Ran {
    let mut command = Command::new(places::binary("demo"));
    Ran::of(command.args(arguments).stdin(Stdio::null())).expect("the demo can be started")
}

#[test]
fn each_step_shows_what_it_should() {
    let ran = demo(&["--once"]);
    assert_eq!(ran.code, 0, "{ran}");
    for shown in ["wave 2 of 2", "UNREACHABLE web-2/shop:api", "2 OK", "Cleaning up."] {
        assert!(ran.stdout.contains(shown), "no {shown:?} in\n{ran}");
    }
}

#[test]
fn a_step_that_fails_is_told() {
    let ran = demo(&["--once", "--break", "database"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("This did not show what it should"), "{ran}");
    assert!(ran.stdout.contains("4 SKIPPED"), "{ran}");
    assert_eq!(demo(&["--break", "nothing"]).code, 2);
}

#[test]
fn it_stays_until_ctrl_c_and_leaves_nothing_behind() {
    let home = Home::new();
    let mut demo = Owned::start(&home, &mut Command::new(places::binary("demo")));
    let words = wait::until(STORY, "the demo to stay", || {
        let words = home.read("stdout.txt");
        if words.contains("until Ctrl-C") { Ok(words) } else { Err(words) }
    });
    demo.signal(Signal::SIGINT);
    assert_eq!(demo.wait(PATIENCE), 0, "{words}");
    let settings = words.split("FLEETVISOR_CONFIG=").nth(1).and_then(|rest| rest.split(' ').next());
    let settings = settings.expect("the settings are named");
    assert!(!Path::new(settings).exists(), "{settings} is still there");
    let gone = Path::new(settings).parent().expect("a file in a directory");
    assert_eq!(marked(gone), [], "these still run");
}
