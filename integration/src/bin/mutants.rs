//! `make mutants`: do the tests notice when the agent is wrong?
//!
//! Each entry of `mutants.toml` is a fault that is put into a copy of the sources; the agent is built
//! from it and the tests that the entry names are run against it. They must be red, and must have
//! been green against the agent without a fault. Words on the command line choose faults by a part
//! of their name. The product itself has no switch that could make it wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use integration::places::{self, AGENT};
use integration::ran::Ran;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    /// Where, from the top of the repository.
    file: String,
    /// What stands there once.
    find: String,
    /// What stands there instead.
    replace: String,
    /// Names of tests in `it`, or the beginnings of such names.
    red: Vec<String>,
}

impl Mutant {
    /// The text of the file with its fault.
    fn text(&self) -> Result<String, String> {
        let path = places::repository().join(&self.file);
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", self.file))?;
        match text.matches(&self.find).count() {
            1 => Ok(text.replacen(&self.find, &self.replace, 1)),
            times => Err(format!("{:?} stands {times} times in {}", self.find, self.file)),
        }
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(survivors) if survivors.is_empty() => ExitCode::SUCCESS,
        Ok(survivors) => {
            eprintln!("no test noticed: {}", survivors.join(", "));
            ExitCode::FAILURE
        }
        Err(text) => {
            eprintln!("{text}");
            ExitCode::from(2)
        }
    }
}

/// The faults that no test noticed.
fn run(words: &[String]) -> Result<Vec<String>, String> {
    let list = places::package().join("mutants.toml");
    let text = fs::read_to_string(&list).map_err(|error| format!("{}: {error}", list.display()))?;
    let mut mutants: BTreeMap<String, Mutant> =
        toml::from_str(&text).map_err(|error| format!("{}: {error}", list.display()))?;
    mutants.retain(|name, _| words.is_empty() || words.iter().any(|word| name.contains(word)));
    let copy = Copy::make()?;
    // Every place is looked at before the first of many builds.
    for (name, mutant) in &mutants {
        mutant.text().map_err(|why| format!("{name}: {why}"))?;
    }
    copy.build()?;
    let tests: BTreeSet<&String> = mutants.values().flat_map(|mutant| &mutant.red).collect();
    for tests in tests {
        let ran = copy.test(tests)?;
        if ran.code != 0 || ran.stdout.contains("running 0 tests") {
            return Err(format!("{tests} is not green without a fault:\n{ran}"));
        }
    }
    let mut survivors = Vec::new();
    for (name, mutant) in &mutants {
        if let Some(by) = copy.noticed_by(mutant)? {
            println!("red    {name}: {by}");
        } else {
            println!("GREEN  {name}");
            survivors.push(name.clone());
        }
    }
    Ok(survivors)
}

/// The sources as git knows them, beside the build, and a build of their own.
struct Copy {
    sources: PathBuf,
    target: PathBuf,
}

impl Copy {
    fn make() -> Result<Self, String> {
        let place = places::cache().with_file_name("mutants");
        let copy = Self { sources: place.join("sources"), target: place.join("target") };
        let listed = said(Command::new("git").args(["ls-files", "--cached"]))?;
        for file in listed.lines() {
            let text = fs::read(places::repository().join(file));
            copy.put(file, &text.map_err(|error| format!("{file}: {error}"))?)?;
        }
        Ok(copy)
    }

    /// Writes a file that differs; one that does not keeps its time, so that it is not built anew.
    fn put(&self, file: &str, text: &[u8]) -> Result<(), String> {
        let path = self.sources.join(file);
        if fs::read(&path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        let parent = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    fn build(&self) -> Result<(), String> {
        let mut command = Command::new("cargo");
        command.args(["build", "-q", "-p", "agent"]).current_dir(&self.sources);
        said(command.env("CARGO_TARGET_DIR", &self.target)).map(drop)
    }

    /// Runs tests of `it` against the agent of this build, those against the original aside.
    fn test(&self, tests: &str) -> Result<Ran, String> {
        let mut command = Command::new("cargo");
        command.args(["test", "-q", "-p", "integration", "--test", "it", "--", tests]);
        command.args(["--skip", "original::"]);
        command.current_dir(places::repository());
        command.env(AGENT, self.target.join("debug/fleetvisord"));
        Ran::of(&mut command).map_err(|error| format!("{command:?}: {error}"))
    }

    /// Puts a fault in, and takes it out again: the first test that has noticed.
    fn noticed_by(&self, mutant: &Mutant) -> Result<Option<String>, String> {
        let right = fs::read(places::repository().join(&mutant.file));
        self.put(&mutant.file, mutant.text()?.as_bytes())?;
        let built = self.build();
        let noticed = built.and_then(|()| {
            for tests in &mutant.red {
                let ran = self.test(tests)?;
                if ran.code != 0 {
                    return Ok(Some(first_failure(&ran).unwrap_or_else(|| ran.to_string())));
                }
            }
            Ok(None)
        });
        self.put(&mutant.file, &right.map_err(|error| error.to_string())?)?;
        noticed
    }
}

/// The name of the first test that failed.
fn first_failure(ran: &Ran) -> Option<String> {
    let line = ran.stdout.lines().find(|line| line.starts_with("---- "))?;
    Some(line.trim_start_matches("---- ").trim_end_matches(" stdout ----").to_owned())
}

/// What a command prints; its complaint when it fails.
fn said(command: &mut Command) -> Result<String, String> {
    if command.get_current_dir().is_none() {
        command.current_dir(places::repository());
    }
    let ran = Ran::of(command).map_err(|error| format!("{command:?}: {error}"))?;
    if ran.code == 0 { Ok(ran.stdout) } else { Err(format!("{command:?}\n{ran}")) }
}
