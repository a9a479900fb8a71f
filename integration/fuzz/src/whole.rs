//! Whole configurations: our side is `fleetvisord check -o json`, as users run it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use integration::loaded::Loaded;
use integration::places;
use integration::ran::Ran;
use serde_json::{Value, json};

use crate::target::Input;

/// The environment of both sides, but for `HOME`, which is the directory with the files.
const ENVIRONMENT: [(&str, &str); 3] = [("PATH", "/usr/bin:/bin"), ("A", "env-a"), ("P", "5%")];

/// Digits in a row: with three, one section makes at most 999 processes.
const DIGITS_MAX: usize = 3;

/// What `fleetvisord` makes of the first text as its file and the others as `inc-1.conf` and so on.
pub(crate) fn answer(_: &str, names: &Value, input: &[String]) -> Value {
    let directory = PathBuf::from(names["dir"].as_str().unwrap_or_default());
    write(&directory, input);
    let mut command = Command::new(places::binary("fleetvisord"));
    command.args(["check", "-o", "json"]).arg(directory.join("s.conf"));
    command.env_clear().envs(ENVIRONMENT).env("HOME", &directory).current_dir(&directory);
    let ran = Ran::of(&mut command).expect("our agent can be started");
    match serde_json::from_str(&ran.stdout) {
        Ok(document) => json!({ "ok": Loaded(document).common() }),
        Err(_) => json!({ "panic": ran.to_string() }),
    }
}

/// As `integration/src/parsers.py` does it.
fn write(directory: &Path, input: &[String]) {
    for old in fs::read_dir(directory).into_iter().flatten().flatten() {
        let _ = fs::remove_file(old.path());
    }
    for (number, text) in input.iter().enumerate() {
        let name = if number == 0 { "s.conf".to_owned() } else { format!("inc-{number}.conf") };
        fs::write(directory.join(name), text).expect("a fresh home is writable");
    }
}

/// Whether reading it is harmless: few processes, and `[include]` looks at nothing but our files.
pub(crate) fn fits(input: &Input) -> bool {
    let whole = input.concat();
    let digits = whole.replace('_', "");
    let mut numbers = digits.split(|c: char| !c.is_ascii_digit());
    let few =
        !whole.to_lowercase().contains("numprocs") || numbers.all(|it| it.len() <= DIGITS_MAX);
    let bare = whole.replace("%(here)s", "");
    let stays = !whole.contains("[include]") || !bare.contains(['/', '~']) && !bare.contains("%(");
    few && stays && !whole.contains("[fleet")
}

/// The configurations that other tests have.
pub(crate) fn seeds() -> Result<Vec<Input>, String> {
    let mut seeds = vec![];
    for directory in ["integration/configurations", "agent/config/tests/broken", "docs/examples"] {
        collect(&places::repository().join(directory), &mut seeds)?;
    }
    seeds.sort();
    Ok(seeds)
}

fn collect(directory: &Path, seeds: &mut Vec<Input>) -> Result<(), String> {
    let entries =
        fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, seeds)?;
        } else if path.extension().is_some_and(|it| it == "conf" || it == "ini") {
            // One of the broken ones is no text.
            seeds.extend(fs::read_to_string(&path).ok().map(|text| vec![text]).filter(fits));
        }
    }
    Ok(())
}
