//! A session at a terminal, replayed and compared as a whole.
//!
//! A transcript is what an operator would have seen. These lines say what is done:
//!
//! | line | does |
//! |---|---|
//! | `$ WORDS` | runs the client with these words; its output and `[rc=N]` follow |
//! | `$ WORDS \| sort` | the same, with the output's lines sorted: for orders that nobody promises |
//! | `~ NAME STATE` | waits until the process is in the state |
//! | `~ end` | waits until the daemon has ended; `[rc=N]` follows |
//! | `~ again` | waits until the daemon has been away and answers again, after a reload |
//! | `~ make NAME` | makes an empty file in the home, for a child that waits for it |
//! | `~ file NAME TEXT` | waits until a file of the home contains the text |
//! | `~ log TEXT` | waits until TEXT is in the activity log, and prints it since the last look |
//! | `~ log` | the same without waiting, after the daemon's end |
//! | `+ NAME` | makes another file of the scenario the daemon's configuration |
//! | `# TEXT` | nothing |
//!
//! All other lines are what must be printed, pids and times aside.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::places;
use crate::subject::{Client, Daemon, Host, Subject, wait_text};
use crate::wait::{self, PATIENCE};

/// With this variable set the original's run writes its transcript instead of comparing it: so
/// what is expected is what the original does, and a change of it shows in version control.
const RECORD: &str = "RECORD_ORIGINAL";

/// A folder of `scenarios/`: `supervisord.conf`, other files, and `transcript.txt`.
#[derive(Debug)]
pub struct Scenario {
    folder: PathBuf,
}

impl Scenario {
    /// The scenario of this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { folder: places::package().join("scenarios").join(name) }
    }

    /// Replays the transcript with this daemon and this client, and compares.
    ///
    /// # Panics
    ///
    /// When something else was seen; the text shows both.
    pub fn play(&self, subject: Subject, client: Client) {
        self.play_on(Host::new(subject, &self.read("supervisord.conf")), client);
    }

    /// As [`Scenario::play`], with our agent and our client, on a kernel that refuses these things
    /// ([`Host::confine`]).
    ///
    /// # Panics
    ///
    /// As [`Scenario::play`].
    pub fn play_confined(&self, words: &[&str]) {
        let mut host = Host::new(Subject::Ours, &self.read("supervisord.conf"));
        host.confine(words);
        self.play_on(host, Client::Ours);
    }

    fn play_on(&self, host: Host, client: Client) {
        let subject = host.subject();
        let wanted = self.read("transcript.txt");
        let mut stage = Stage {
            daemon: Daemon::start_on(host),
            scenario: self,
            client,
            seen: String::new(),
            log_read: 0,
        };
        for line in wanted.lines() {
            stage.follow(line);
        }
        let seen = stage.seen;
        if subject == Subject::Original && std::env::var_os(RECORD).is_some() {
            fs::write(self.folder.join("transcript.txt"), &seen).expect("the sources are writable");
        } else if seen.trim() != wanted.trim() {
            let difference = difference(&wanted, &seen);
            panic!(
                "{} with {subject:?} and the client {client:?}:\n{difference}",
                self.folder.display()
            );
        }
    }

    fn read(&self, name: &str) -> String {
        read(&self.folder.join(name))
    }
}

/// What is on while a transcript is replayed.
struct Stage<'a> {
    daemon: Daemon,
    scenario: &'a Scenario,
    client: Client,
    seen: String,
    /// How much of the (normalised) activity log was printed already.
    log_read: usize,
}

impl Stage<'_> {
    /// Does what the line says and writes down what was seen; expected output says nothing.
    fn follow(&mut self, line: &str) {
        let Some((mark, rest)) = line.split_once(' ') else {
            return;
        };
        match mark {
            "$" => {
                self.copy(line);
                self.run(rest);
            }
            "~" => {
                self.copy(line);
                self.wait(rest);
            }
            "+" => {
                self.copy(line);
                self.daemon.host().configure(&self.scenario.read(rest));
            }
            "#" => self.copy(line),
            _ => {}
        }
    }

    fn copy(&mut self, line: &str) {
        self.seen.push_str(line);
        self.seen.push('\n');
    }

    fn run(&mut self, line: &str) {
        let (words, sorted) = match line.strip_suffix(" | sort") {
            Some(words) => (words, true),
            None => (line, false),
        };
        let words: Vec<&str> = words.split_whitespace().collect();
        let mut ran = self.daemon.host().client(self.client, &words);
        if sorted {
            let mut lines: Vec<&str> = ran.stdout.lines().collect();
            lines.sort_unstable();
            ran.stdout = lines.join("\n");
        }
        // A blank line would look like the space between two parts of the transcript.
        for line in ran.to_string().lines().filter(|line| !line.is_empty()) {
            self.copy(line.trim_end());
        }
    }

    fn wait(&mut self, line: &str) {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        match words.as_slice() {
            ["end"] => {
                let code = self.daemon.wait_end();
                let _ = writeln!(self.seen, "[rc={code}]");
            }
            ["log", phrase @ ..] => self.log(&phrase.join(" ")),
            ["again"] => self.wait_again(),
            ["make", name] => self.daemon.home().write(name, ""),
            ["file", name, text] => drop(wait_text(&self.daemon.path(name), text)),
            [name, state] => drop(self.daemon.wait_state(name, state)),
            _ => panic!("{line:?} is nothing to wait for; see the module's text"),
        }
    }

    /// Prints what is new, less what depends on who runs it and when; a wait that takes longer is mentioned
    /// more than once, but is one line here.
    fn log(&mut self, phrase: &str) {
        let log = wait::until(PATIENCE, &format!("{phrase:?} in the activity log"), || {
            let log = self.daemon.log();
            let new = log.get(self.log_read..).unwrap_or_default();
            if new.contains(phrase) { Ok(log) } else { Err(log) }
        });
        let mut lines: Vec<&str> = log[self.log_read..].lines().collect();
        lines.retain(|line| !depends_on_the_moment(line));
        lines.dedup_by(|line, before| line == before && line.contains("INFO waiting for "));
        for line in lines {
            self.copy(line);
        }
        self.log_read = log.len();
    }

    /// A reload shows as a second "started" in the activity log.
    fn wait_again(&mut self) {
        const STARTED: &str = "supervisord started with pid";
        wait::until(PATIENCE, "the second start", || {
            let log = self.daemon.log();
            if log.matches(STARTED).count() >= 2 { Ok(()) } else { Err(log) }
        });
        self.daemon.wait_answering();
    }
}

/// What the daemon says about the account and the limits that it was started with, and about a stop
/// that is not over at its second look: the original has that line or not, as its poll falls.
fn depends_on_the_moment(line: &str) -> bool {
    let words = ["running as root", "Set uid to user", "Increased RLIMIT_"];
    let waits = line.contains("INFO waiting for ") && line.ends_with(" to stop");
    waits || words.iter().any(|text| line.contains(text))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The two texts side by side around the first line that differs.
fn difference(wanted: &str, seen: &str) -> String {
    let same = |(a, b): &(&str, &str)| a == b;
    let wanted: Vec<&str> = wanted.lines().filter(|line| !line.is_empty()).collect();
    let seen: Vec<&str> = seen.lines().filter(|line| !line.is_empty()).collect();
    let first = wanted.iter().copied().zip(seen.iter().copied()).take_while(same).count();
    let mut text = String::new();
    for line in &wanted[first.saturating_sub(6)..first] {
        let _ = writeln!(text, "  {line}");
    }
    for line in wanted[first..].iter().take(8) {
        let _ = writeln!(text, "- {line}");
    }
    for line in seen[first..].iter().take(8) {
        let _ = writeln!(text, "+ {line}");
    }
    text
}
