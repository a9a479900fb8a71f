//! Configurations as real projects write them: both subjects make the same of each, and some are
//! started on both.
//!
//! `integration/configurations/NN-name` has one each, written for this test after the pattern that its
//! first line names. Lines of the main file that begin with these words say what else there is to it:
//!
//! | line | meaning |
//! |---|---|
//! | `; variable NAME=VALUE` | stands in the environment |
//! | `; refused` | no subject takes it |
//! | `; started` | is started with harmless commands, and every process becomes RUNNING |
//! | `; becomes STATE NAME …` | but for these |

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use integration::loaded::{Batch, Case, differences};
use integration::places;
use integration::rpc::member;
use integration::subject::{Daemon, Host, Subject};
use integration::wait::{self, PATIENCE};

/// One directory of `integration/configurations`.
struct Configuration {
    name: String,
    /// The main file, from the directory.
    main: String,
    /// Every file's path from the directory, and its text.
    files: BTreeMap<String, String>,
}

/// Where logs, sockets and pidfiles of the configurations lie.
const DIRECTORIES: [&str; 2] = ["log/", "run/"];

fn configurations() -> Vec<Configuration> {
    let root = places::package().join("configurations");
    let mut all: Vec<PathBuf> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all.iter().map(|path| Configuration::read(path)).collect()
}

impl Configuration {
    fn read(path: &Path) -> Self {
        let mut files = BTreeMap::new();
        collect(path, path, &mut files);
        let main = files.keys().find(|name| name.ends_with("supervisord.conf")).unwrap().clone();
        Self { name: path.file_name().unwrap().display().to_string(), main, files }
    }

    /// What stands behind `; word ` in the main file, line by line.
    fn notes<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.files[&self.main].lines();
        lines.filter_map(move |line| line.strip_prefix("; ")?.strip_prefix(word))
    }

    fn has(&self, word: &str) -> bool {
        self.notes(word).next() == Some("")
    }

    fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.notes("variable ").map(|pair| pair.split_once('=').unwrap())
    }

    fn case(&self) -> Case {
        let mut case = Case::new(&self.files[&self.main]);
        case.files[0].0.clone_from(&self.main);
        case.typed = format!("{{dir}}/{}", self.main);
        for (name, text) in self.files.iter().filter(|(name, _)| **name != self.main) {
            case = case.file(name, text);
        }
        for name in DIRECTORIES {
            case = case.file(name, "");
        }
        self.variables().fold(case, |case, (name, value)| case.variable(name, value))
    }
}

fn collect(root: &Path, directory: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            files.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn both_make_the_same_of_each() {
    let all = configurations();
    let batch = Batch::new(all.iter().map(Configuration::case).collect());
    let both = batch.load(Subject::Original).into_iter().zip(batch.load(Subject::Ours));
    let mut wrong = Vec::new();
    for ((original, ours), configuration) in both.zip(&all) {
        let name = &configuration.name;
        let found = differences(&original.common(), &ours.common());
        wrong.extend(found.iter().map(|why| format!("{name}: {why}")));
        if original.error().is_some() != configuration.has("refused") {
            wrong.push(format!("{name}: the original says {:?}", original.error()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The kinds of sections that supervisord and its client know.
const KINDS: [&str; 12] = [
    "DEFAULT",
    "ctlplugin",
    "eventlistener",
    "fcgi-program",
    "group",
    "include",
    "inet_http_server",
    "program",
    "rpcinterface",
    "supervisorctl",
    "supervisord",
    "unix_http_server",
];

/// How many different keys they have that somebody reads: nearly all that there are.
const KEYS_MIN: usize = 60;

#[test]
fn they_use_every_kind_of_section_and_nearly_every_key() {
    let all = configurations();
    assert!(all.len() >= 25, "only {} configurations", all.len());
    let (mut kinds, mut keys) = (BTreeSet::new(), BTreeSet::new());
    let batch = Batch::new(all.iter().map(Configuration::case).collect());
    for (configuration, ours) in all.iter().zip(batch.load(Subject::Ours)) {
        let first = configuration.files[&configuration.main].lines().next().unwrap();
        let named = first.strip_prefix("; The pattern: ").and_then(|rest| rest.split_once(' '));
        assert!(named.is_some_and(|(repository, _)| repository.contains('/')), "{first}");
        let warnings = ours.0["warnings"].as_array().unwrap();
        let read_by_nobody: Vec<_> =
            warnings.iter().filter_map(|one| one["key"].as_str()).collect();
        for line in configuration.files.values().flat_map(|text| text.lines()) {
            if let Some((section, _)) = line.strip_prefix('[').and_then(|it| it.split_once(']')) {
                kinds.insert(section.split(':').next().unwrap().to_owned());
            }
            let key = line.split_once('=').map_or("", |(key, _)| key.trim_end());
            let is_key = key.chars().all(|c| c.is_ascii_lowercase() || "._".contains(c));
            if is_key && !key.is_empty() && !read_by_nobody.contains(&key) {
                keys.insert(key.to_owned());
            }
        }
    }
    assert_eq!(kinds, KINDS.map(str::to_owned).into(), "every kind of section");
    assert!(keys.len() >= KEYS_MIN, "only {} keys: {keys:?}", keys.len());
}

for_each_subject![started_they_end_up_in_the_same_states];

fn started_they_end_up_in_the_same_states(subject: Subject) {
    let all = configurations();
    let chosen: Vec<_> = all.iter().filter(|one| one.has("started")).collect();
    assert!(chosen.len() >= 5, "only {} are started", chosen.len());
    let daemons: Vec<_> = chosen.iter().map(|one| Daemon::launch(one.host(subject))).collect();
    for (configuration, mut daemon) in chosen.into_iter().zip(daemons) {
        daemon.wait_answering();
        wait::until(PATIENCE, &format!("the states of {}", configuration.name), || {
            let states = states(&daemon);
            assert!(!states.is_empty(), "{} has processes", configuration.name);
            let wrong = states.iter().find(|(name, state)| *state != configuration.becomes(name));
            wrong.map_or(Ok(()), |_| Err(format!("{states:?}")))
        });
    }
}

/// Every process and its state.
fn states(daemon: &Daemon) -> Vec<(String, String)> {
    let xml = daemon.door().call("supervisor.getAllProcessInfo", &[]).unwrap();
    let of = |one: &str| Some((member(one, "name")?, member(one, "statename")?));
    xml.split("<struct>").filter_map(of).collect()
}

impl Configuration {
    /// The state in which a process stays.
    fn becomes(&self, process: &str) -> &str {
        let notes = self.notes("becomes ").map(|note| note.split_once(' ').unwrap());
        let named = |names: &str| names.split(' ').any(|name| name == process);
        notes.filter(|(_, names)| named(names)).map(|(state, _)| state).next().unwrap_or("RUNNING")
    }

    /// A host with this configuration, its commands replaced by harmless ones.
    fn host(&self, subject: Subject) -> Host {
        let mut host = Host::new(subject, &harmless(&self.files[&self.main]));
        for (name, value) in self.variables() {
            let value = host.expand(value);
            host.set_environment(name, &value);
        }
        for name in DIRECTORIES {
            fs::create_dir(host.home().join(name)).unwrap();
        }
        for (name, text) in self.files.iter().filter(|(name, _)| **name != self.main) {
            fs::create_dir_all(host.home().join(name).parent().unwrap()).unwrap();
            host.home().write(name, &host.expand(&harmless(text)));
        }
        host
    }
}

/// Keys that ask for rights or passwords that a test need not have.
const LEFT_OUT: [&str; 5] = ["user", "chown", "username", "password", "socket_owner"];

/// The text with commands that only sleep, or end at once in a section `…-once`; a command in a section
/// `cut` stays, since it is wrong by itself. The socket is where a [`Daemon`] looks for it.
fn harmless(text: &str) -> String {
    let (mut section, mut in_command, mut lines) = ("", false, Vec::new());
    for line in text.lines() {
        let indented = line.starts_with([' ', '\t']);
        if indented && in_command {
            continue;
        }
        section = line.strip_prefix('[').map_or(section, |rest| rest.trim_end_matches(']'));
        let key = line.split_once('=').map_or("", |(key, _)| key.trim_end());
        in_command = key == "command";
        match key {
            "command" if section.ends_with("-once") => {
                lines.push("command={child} print:done exit:0");
            }
            "command" if section != "program:cut" => lines.push("command={sleeper}"),
            "file" => lines.push("file={dir}/s.sock"),
            key if LEFT_OUT.contains(&key) => {}
            _ => lines.push(line),
        }
    }
    lines.join("\n") + "\n"
}
