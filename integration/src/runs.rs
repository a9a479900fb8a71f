//! Many short runs of a daemon's program that end by themselves: options and configurations that it
//! refuses, its help. The original costs one start of Python for all of them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::home::{Home, MARK};
use crate::ran::Ran;
use crate::subject::Subject;
use crate::wait::PATIENCE;
use crate::{oracle, places, wait};

const STDOUT: &str = "stdout";
const STDERR: &str = "stderr";

/// One run. `{dir}` in its words stands for the home.
#[derive(Debug, Clone)]
pub struct Run {
    /// What the program is told it is called.
    pub argv0: String,
    /// What follows.
    pub words: Vec<String>,
    /// Where, relative to the home.
    pub cwd: String,
    /// Variables of the environment besides `PATH` and `HOME`, which is the home.
    pub environment: Vec<(String, String)>,
}

impl Run {
    /// A run under a usual name, in the home.
    #[must_use]
    pub fn new(words: &[&str]) -> Self {
        Self {
            argv0: "/opt/sv/bin/supervisord".to_owned(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            cwd: String::new(),
            environment: Vec::new(),
        }
    }

    /// The same under another name.
    #[must_use]
    pub fn called(mut self, argv0: &str) -> Self {
        argv0.clone_into(&mut self.argv0);
        self
    }

    /// The same in a directory of the home.
    #[must_use]
    pub fn within(mut self, cwd: &str) -> Self {
        cwd.clone_into(&mut self.cwd);
        self
    }

    fn argv(&self, home: &str) -> Vec<String> {
        let all = [&self.argv0].into_iter().chain(&self.words);
        all.map(|word| word.replace("{dir}", home)).collect()
    }

    fn environment(&self, home: &str) -> BTreeMap<String, String> {
        let usual =
            [("PATH", "/usr/bin:/bin"), ("HOME", home), ("LC_ALL", "C.UTF-8"), (MARK, home)];
        let own = self.environment.iter();
        let own = own.map(|(name, value)| (name.clone(), value.replace("{dir}", home)));
        usual
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .chain(own)
            .collect()
    }
}

/// Runs each to its end in this home, in order, and says what it left, the home as `{dir}`.
///
/// # Panics
///
/// When one cannot be started.
#[must_use]
pub fn run_all(subject: Subject, home: &Home, runs: &[Run]) -> Vec<Ran> {
    let directory = home.path().display().to_string();
    let codes = match subject {
        Subject::Original => by_original(home, &directory, runs),
        Subject::Ours => by_ours(home, &directory, runs),
    };
    let left = |(number, code): (usize, i32)| Ran {
        code,
        stdout: taken(home, STDOUT, number).replace(&directory, "{dir}"),
        stderr: taken(home, STDERR, number).replace(&directory, "{dir}"),
    };
    codes.into_iter().enumerate().map(left).collect()
}

fn by_ours(home: &Home, directory: &str, runs: &[Run]) -> Vec<i32> {
    let start = |(number, run): (usize, &Run)| {
        let argv = run.argv(directory);
        let file =
            |name| File::create(output(home, name, number)).expect("a fresh home is writable");
        Command::new(places::binary("fleetvisord"))
            .arg0(&argv[0])
            .args(&argv[1..])
            .current_dir(home.join(&run.cwd))
            .env_clear()
            .envs(run.environment(directory))
            .stdin(Stdio::null())
            .stdout(file(STDOUT))
            .stderr(file(STDERR))
            .spawn()
            .expect("our agent can be started")
    };
    let code = |(number, run): (usize, &Run)| {
        let mut child = start((number, run));
        let status = wait::until(PATIENCE, &format!("the end of {run:?}"), || {
            let status = child.try_wait().expect("our own child can be waited for");
            status.ok_or("still running")
        });
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
    };
    runs.iter().enumerate().map(code).collect()
}

fn by_original(home: &Home, directory: &str, runs: &[Run]) -> Vec<i32> {
    let row = |(number, run): (usize, &Run)| {
        json!({
            "argv": run.argv(directory),
            "cwd": home.join(&run.cwd),
            "environment": run.environment(directory),
            "stdout": output(home, STDOUT, number),
            "stderr": output(home, STDERR, number),
        })
    };
    let rows: Vec<Value> = runs.iter().enumerate().map(row).collect();
    let mut python = Command::new(oracle::program("python"))
        .arg(places::package().join("src/original.py"))
        .arg("many")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the original's Python can be started");
    let mut stdin = python.stdin.take().expect("it was asked for");
    stdin.write_all(Value::from(rows).to_string().as_bytes()).expect("it reads all of it");
    drop(stdin);
    let ran = Ran::from(python.wait_with_output().expect("it can be waited for"));
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{ran}"))
}

/// Where a run's output goes.
fn output(home: &Home, name: &str, number: usize) -> PathBuf {
    home.join(&format!("{name}-{number}.txt"))
}

/// What a run wrote. The file goes, so that a test may look at what else is in the home.
fn taken(home: &Home, name: &str, number: usize) -> String {
    let path = output(home, name, number);
    let bytes = fs::read(&path).unwrap_or_default();
    let _ = fs::remove_file(&path);
    String::from_utf8_lossy(&bytes).into_owned()
}
