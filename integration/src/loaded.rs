//! Configurations as each subject loads them: not a daemon per configuration but a batch at once.
//!
//! The original reads a batch in one Python process (`loaded.py`), ours with `fleetvisord check -o
//! json`; both give the same document, which `docs/verbs/check.md` describes.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::home::Home;
use crate::ran::Ran;
use crate::subject::Subject;
use crate::{oracle, places};

/// The name of the main file.
pub const MAIN: &str = "s.conf";

/// What only our document has, since the original has no such thing.
const OURS_ALONE: [&str; 2] = ["fleet", "warnings"];

/// One configuration in a directory of its own, for which `{dir}` stands everywhere in here.
#[derive(Debug, Clone)]
pub struct Case {
    /// The files; the first is the main one. A path that ends in a slash makes a directory, one
    /// that ends in `@` a symbolic link to what the content says.
    pub files: Vec<(String, Vec<u8>)>,
    /// The main file as it is typed.
    pub typed: String,
    /// The whole environment, but for what is in it anyway: `PATH`, `HOME` (the directory).
    pub environment: Vec<(String, String)>,
    /// The working directory, relative to the case's.
    pub cwd: String,
}

impl Case {
    /// A main file with this text, typed as an absolute path, in its own directory.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            files: vec![(MAIN.to_owned(), text.as_bytes().to_vec())],
            typed: format!("{{dir}}/{MAIN}"),
            environment: Vec::new(),
            cwd: String::new(),
        }
    }

    /// One more file.
    #[must_use]
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.as_bytes().to_vec()));
        self
    }

    /// One more variable of the environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn variables(&self, directory: &str) -> Vec<(String, String)> {
        let mut all = vec![
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
            ("HOME".to_owned(), directory.to_owned()),
        ];
        for (name, value) in &self.environment {
            all.retain(|(known, _)| known != name);
            all.push((name.clone(), value.replace("{dir}", directory)));
        }
        all
    }
}

/// Configurations, written down.
#[derive(Debug)]
pub struct Batch {
    home: Home,
    cases: Vec<Case>,
}

impl Batch {
    /// Writes each configuration into a directory of its own.
    ///
    /// # Panics
    ///
    /// When a path in a case cannot be made.
    #[must_use]
    pub fn new(cases: Vec<Case>) -> Self {
        let batch = Self { home: Home::new(), cases };
        for (number, case) in batch.cases.iter().enumerate() {
            batch.write(number, case);
        }
        batch
    }

    fn write(&self, number: usize, case: &Case) {
        let directory = self.directory(number);
        fs::create_dir_all(directory.join(&case.cwd)).expect("a fresh home is writable");
        let shown = directory.display().to_string();
        for (name, content) in &case.files {
            let path = directory.join(name);
            if name.ends_with('/') {
                fs::create_dir_all(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
                continue;
            }
            let parent = path.parent().expect("a file lies in a directory");
            fs::create_dir_all(parent).unwrap_or_else(|error| panic!("{name}: {error}"));
            let content = match std::str::from_utf8(content) {
                Ok(text) => text.replace("{dir}", &shown).into_bytes(),
                Err(_) => content.clone(),
            };
            let made = match name.strip_suffix('@') {
                Some(link) => symlink(OsStr::from_bytes(&content), directory.join(link)),
                None => fs::write(&path, content),
            };
            made.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    fn directory(&self, number: usize) -> PathBuf {
        self.home.join(&number.to_string())
    }

    /// What the subject makes of each configuration, in their order.
    ///
    /// # Panics
    ///
    /// When the subject says something that is no document.
    #[must_use]
    pub fn load(&self, subject: Subject) -> Vec<Loaded> {
        let documents = match subject {
            Subject::Original => self.by_original(),
            Subject::Ours => (0..self.cases.len()).map(|number| self.by_ours(number)).collect(),
        };
        assert_eq!(documents.len(), self.cases.len(), "a document per configuration");
        let normal = |(number, document): (usize, Value)| {
            let directory = self.directory(number).display().to_string();
            let text = document.to_string().replace(&directory, "{dir}");
            Loaded(serde_json::from_str(&text).expect("a path has nothing that JSON escapes"))
        };
        documents.into_iter().enumerate().map(normal).collect()
    }

    fn by_original(&self) -> Vec<Value> {
        let case = |(number, case): (usize, &Case)| {
            let directory = self.directory(number);
            let shown = directory.display().to_string();
            let environment: serde_json::Map<_, _> = case
                .variables(&shown)
                .into_iter()
                .map(|(name, value)| (name, Value::from(value)))
                .collect();
            json!({
                "argv": ["supervisord", "-c", case.typed.replace("{dir}", &shown)],
                "cwd": directory.join(&case.cwd),
                "environment": environment,
            })
        };
        let cases: Vec<Value> = self.cases.iter().enumerate().map(case).collect();
        let mut python = Command::new(oracle::program("python"))
            .arg(places::package().join("src/loaded.py"))
            .env("LC_ALL", "C.UTF-8")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the original's Python can be started");
        let mut stdin = python.stdin.take().expect("it was asked for");
        stdin.write_all(Value::from(cases).to_string().as_bytes()).expect("it reads all of it");
        drop(stdin);
        let ran = Ran::from(python.wait_with_output().expect("it can be waited for"));
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{ran}"))
    }

    fn by_ours(&self, number: usize) -> Value {
        let case = &self.cases[number];
        let directory = self.directory(number);
        let shown = directory.display().to_string();
        let ran = Ran::of(
            Command::new(places::binary("fleetvisord"))
                .args(["check", "-o", "json"])
                .arg(case.typed.replace("{dir}", &shown))
                .env_clear()
                .envs(case.variables(&shown))
                .current_dir(directory.join(&case.cwd)),
        )
        .expect("our agent can be started");
        let document: Value =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{ran}"));
        let code = if document.get("error").is_some() { 2 } else { 0 };
        assert_eq!(ran.code, code, "{ran}");
        document
    }
}

/// What a subject made of a configuration. `{dir}` stands for the case's directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded(pub Value);

impl Loaded {
    /// The error's text as supervisord has it, if it was refused.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.0.pointer("/error/text")?.as_str()
    }

    /// What the original ends with when it meets a defect of its own.
    #[must_use]
    pub fn crash(&self) -> Option<&str> {
        self.0.pointer("/error/crash")?.as_str()
    }

    /// What will stand in the activity log about it, as `warn: …`.
    #[must_use]
    pub fn messages(&self) -> Vec<String> {
        let all = self.0["messages"].as_array().into_iter().flatten();
        let line = |message: &Value| {
            let of = |key: &str| message[key].as_str().unwrap_or_default();
            format!("{}: {}", of("level"), of("text"))
        };
        all.map(line).collect()
    }

    /// The part that both subjects have.
    #[must_use]
    pub fn common(&self) -> Value {
        if let Some(text) = self.error() {
            return json!({ "error": { "text": text } });
        }
        let mut document = self.0.clone();
        if let Some(whole) = document.as_object_mut() {
            whole.retain(|key, _| !OURS_ALONE.contains(&key.as_str()));
        }
        document
    }
}

/// Where two documents differ: a line for each place, with what either has there.
#[must_use]
pub fn differences(original: &Value, ours: &Value) -> Vec<String> {
    let mut found = Vec::new();
    match (&original["error"], &ours["error"]) {
        (Value::Null, Value::Null) => compare("", original, ours, &mut found),
        (Value::Null, error) => found.push(format!("the original takes it, ours says {error}")),
        (error, Value::Null) => found.push(format!("ours takes it, the original says {error}")),
        (original, ours) => compare("/error", original, ours, &mut found),
    }
    found
}

fn compare(place: &str, original: &Value, ours: &Value, found: &mut Vec<String>) {
    match (original, ours) {
        (Value::Object(left), Value::Object(right)) => {
            let mut keys: Vec<_> = left.keys().chain(right.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let of = |side: &serde_json::Map<String, Value>| side.get(key).cloned();
                let (left, right) = (of(left).unwrap_or_default(), of(right).unwrap_or_default());
                compare(&format!("{place}/{key}"), &left, &right, found);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                compare(&format!("{place}/{index}"), left, right, found);
            }
        }
        (left, right) if left == right => {}
        (left, right) => found.push(format!("{place}: original {left}, ours {right}")),
    }
}
