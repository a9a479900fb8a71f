//! What can be compared.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use integration::home::Home;
use integration::places;
use serde_json::{Value, json};

use crate::{corpus, decided, pieces, whole};

#[path = "../../../agent/config/tests/corpus/answers.rs"]
mod answers;

/// The texts of one input; most targets take exactly one.
pub(crate) type Input = Vec<String>;

/// A function of ours and its counterpart in the original.
pub(crate) struct Target {
    /// As the command line, the corpus file and the original's side call it.
    pub(crate) name: &'static str,
    /// What the grammar is made of.
    pub(crate) pieces: &'static [&'static str],
    /// Whether most changes should leave lines whole.
    pub(crate) by_line: bool,
    /// How many texts an input may have.
    pub(crate) texts: usize,
    /// Whether it is harmless: both sides have the memory for it, and read nothing else.
    pub(crate) fits: fn(&Input) -> bool,
    /// The number in docs/COMPAT.md if this difference is one that was decided.
    pub(crate) decided: fn(&Input, ours: &Value, original: &Value) -> Option<&'static str>,
    /// Where inputs begin.
    pub(crate) seeds: Seeds,
    /// Our side.
    answer: fn(&str, &Value, &[String]) -> Value,
}

/// Where inputs begin.
pub(crate) enum Seeds {
    /// At recorded ones, in this directory; `names.json` beside them has what can be expanded.
    Recorded(&'static str),
    /// At files that are there for another reason.
    Found(fn() -> Result<Vec<Input>, String>),
}

/// Where agent-config keeps its seeds: its own tests replay them.
const CONFIG: Seeds = Seeds::Recorded("agent/config/tests/corpus");

/// All targets.
pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "ini",
        pieces: pieces::INI,
        by_line: false,
        texts: 3,
        fits: |_| true,
        decided: |_, _, _| None,
        seeds: CONFIG,
        answer: answers::answer,
    },
    Target {
        name: "expand",
        pieces: pieces::EXPAND,
        by_line: false,
        texts: 1,
        fits: decided::is_narrow,
        decided: decided::expansion,
        seeds: CONFIG,
        answer: answers::answer,
    },
    Target {
        name: "command",
        pieces: pieces::COMMAND,
        by_line: false,
        texts: 1,
        fits: |_| true,
        decided: |_, _, _| None,
        seeds: CONFIG,
        answer: answers::answer,
    },
    Target {
        name: "environment",
        pieces: pieces::ENVIRONMENT,
        by_line: false,
        texts: 1,
        fits: |_| true,
        decided: |_, _, _| None,
        seeds: CONFIG,
        answer: answers::answer,
    },
    Target {
        name: "load",
        pieces: pieces::LOAD,
        by_line: true,
        texts: 3,
        fits: whole::fits,
        decided: decided::whole,
        seeds: Seeds::Found(whole::seeds),
        answer: whole::answer,
    },
];

impl Target {
    /// The file with the recorded seeds: a line for each.
    pub(crate) fn corpus(&self) -> Option<PathBuf> {
        match self.seeds {
            Seeds::Recorded(directory) => {
                let directory = places::repository().join(directory);
                Some(directory.join(format!("{}.jsonl", self.name)))
            }
            Seeds::Found(_) => None,
        }
    }

    /// Where its inputs begin.
    pub(crate) fn seeds(&self) -> Result<Vec<Input>, String> {
        match (&self.seeds, self.corpus()) {
            (Seeds::Recorded(_), Some(corpus)) => corpus::inputs(&corpus),
            (Seeds::Recorded(_), None) => Ok(vec![]),
            (Seeds::Found(find), _) => find(),
        }
    }

    /// What both sides are told besides the input: what can be expanded, or where to write files.
    pub(crate) fn names(&self, home: &Home) -> Result<Value, String> {
        let Seeds::Recorded(directory) = self.seeds else {
            return Ok(json!({ "dir": home.path() }));
        };
        let path = places::repository().join(directory).join("names.json");
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// What we make of an input; a panic is an answer that the original never gives.
    pub(crate) fn ours(&self, names: &Value, input: &Input) -> Value {
        let answer = AssertUnwindSafe(|| (self.answer)(self.name, names, input));
        catch_unwind(answer).unwrap_or_else(|_| json!({ "panic": "see above" }))
    }
}
