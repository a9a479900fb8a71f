//! Configurations that supervisord refuses: the same two lines on stderr, the same exit code.
//!
//! They lie with the parser that they test, `agent/config/tests/broken`: `NN-name.conf` and, in
//! `NN-name.txt`, what stands behind `Error: `; there `{file}`, `{dir}` and `{env}` stand for the
//! configuration, its directory, and the names of the environment.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use integration::home::{Home, MARK};
use integration::owned::Owned;
use integration::places;
use integration::subject::Subject;
use integration::wait::PATIENCE;

for_each_subject![broken_configurations_end_with_two_lines_and_exit_code_2];

/// So many at least must be there, or they were not found.
const FILES_MIN: usize = 30;

fn broken_configurations_end_with_two_lines_and_exit_code_2(subject: Subject) {
    let files = configurations();
    assert!(files.len() >= FILES_MIN, "only {} broken configurations", files.len());
    let differences: Vec<String> =
        files.iter().filter_map(|file| difference(subject, file)).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn configurations() -> Vec<PathBuf> {
    let folder = places::repository().join("agent/config/tests/broken");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "conf"))
        .collect();
    files.sort();
    files
}

/// Runs the daemon with this file; `None` when all is as expected.
fn difference(subject: Subject, file: &Path) -> Option<String> {
    let home = Home::new();
    let program = subject.program();
    let environment = BTreeMap::from([
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        ("HOME", home.path().display().to_string()),
        // Python would set another one by itself.
        ("LC_ALL", "C.UTF-8".to_owned()),
        (MARK, home.path().display().to_string()),
    ]);
    let mut command = Command::new(&program);
    command.env_clear().envs(&environment).args(["-n", "-c"]).arg(file);
    let code = Owned::start(&home, &mut command).wait(PATIENCE);
    let said = home.read("stderr.txt");
    let right = format!(
        "Error: {}For help, use {} -h\n",
        wanted(file, environment.keys()),
        program.display()
    );
    (said != right || code != 2)
        .then(|| format!("{}\nwanted [2] {right}found [{code}] {said}", file.display()))
}

fn wanted<'a>(file: &Path, names: impl Iterator<Item = &'a &'a str>) -> String {
    let names: Vec<_> = names.map(|name| format!("ENV_{name}")).collect();
    fs::read_to_string(file.with_extension("txt"))
        .unwrap()
        .replace("{file}", file.to_str().unwrap())
        .replace("{dir}", file.parent().unwrap().to_str().unwrap())
        .replace("{env}", &names.join(", "))
}
