//! What can be compared.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use integration::places;
use serde_json::{Value, json};

use crate::decided;

#[path = "../../../agent/config/tests/corpus/answers.rs"]
mod answers;

/// The texts of one input; most targets take exactly one.
pub(crate) type Input = Vec<String>;

/// A function of ours and its counterpart in the original.
pub(crate) struct Target {
    /// As the command line, the corpus file and the original's side call it.
    pub(crate) name: &'static str,
    /// What the grammar is made of; each piece means something to the parser.
    pub(crate) pieces: &'static [&'static str],
    /// How many texts an input may have.
    pub(crate) texts: usize,
    /// Whether both sides have the memory for it.
    pub(crate) fits: fn(&Input) -> bool,
    /// The number in docs/COMPAT.md if this difference is one that was decided.
    pub(crate) decided: fn(&Input, ours: &Value) -> Option<&'static str>,
    /// Where the recorded seeds and `names.json` lie.
    corpus: &'static str,
    /// Our side.
    answer: fn(&str, &Value, &Input) -> Value,
}

/// Where agent-config keeps its seeds: its own tests replay them.
const CONFIG_CORPUS: &str = "agent/config/tests/corpus";

/// All targets.
pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "ini",
        pieces: INI_PIECES,
        texts: 3,
        fits: |_| true,
        decided: |_, _| None,
        corpus: CONFIG_CORPUS,
        answer: |name, names, texts| answers::answer(name, names, texts),
    },
    Target {
        name: "expand",
        pieces: EXPAND_PIECES,
        texts: 1,
        fits: decided::is_narrow,
        decided: decided::expansion,
        corpus: CONFIG_CORPUS,
        answer: |name, names, texts| answers::answer(name, names, texts),
    },
    Target {
        name: "command",
        pieces: COMMAND_PIECES,
        texts: 1,
        fits: |_| true,
        decided: |_, _| None,
        corpus: CONFIG_CORPUS,
        answer: |name, names, texts| answers::answer(name, names, texts),
    },
    Target {
        name: "environment",
        pieces: ENVIRONMENT_PIECES,
        texts: 1,
        fits: |_| true,
        decided: |_, _| None,
        corpus: CONFIG_CORPUS,
        answer: |name, names, texts| answers::answer(name, names, texts),
    },
];

#[rustfmt::skip]
const INI_PIECES: &[&str] = &[
    "[a]", "[b]", "[DEFAULT]", "[include]", "[program:x]", "[ a ]", "[a]b]", "[]", "[", "]", "\n[a]\n", "\n[b]\n",
    "\n[DEFAULT]\n", "k", "K", "j", "k=", "\nk=v\n", "\nk : v\n", "\n k=v\n", "\n  w\n", "\n\tw", "\nj=%(here)s\n",
    "%(here)s", "=", ":", " = ", " ;", " #", ";", "#", "\t;", "\n;c\n", "\n # c\n", "rem x", "\"", "'", "\\", "\\\n",
    "\n", "\r\n", "\r", "\n\n", "\n\n  ", " ", "  ", "\t", "\u{b}", "\u{c}", "\u{1c}", "\u{85}", "\u{a0}", "\u{feff}",
];

#[rustfmt::skip]
const EXPAND_PIECES: &[&str] = &[
    "%", "%%", "%(", ")", "(", "%(here)s", "%(here)", "%(ENV_HOME)", "%(ENV_ACCENT)", "%(ENV_CONTROL)", "%(ENV_LETTER)",
    "%(ENV_EMPTY)", "%(ENV_PERCENT)s", "%(process_num)", "%(process_num)02d", "%(numprocs)", "%(negative)", "%(zero)",
    "%(large)", "%(nope)", "%(p(q))", "%()", "%s", "%d", "%5", "s", "d", "i", "u", "o", "x", "X", "e", "E", "f", "F",
    "g", "G", "c", "r", "a", "q", "l", "h", "L", "ll", "-", "+", " ", "#", "0", "5", "12", ".", ".0", ".3", ".12", "*",
    ".*", "$", "1$", "50%", "/", "_",
];

#[rustfmt::skip]
const COMMAND_PIECES: &[&str] = &[
    "/bin/cat", "-x", "--a=b", "'", "\"", "\\", "\\\\", "\\\"", "\\'", "\\\n", "''", "\"\"", "'a b'", "\"a b\"",
    "\"a'b\"", "'a\"b'", " ", "  ", "\t", "\n", "\r", "#", " #c", "$HOME", "`ls`", "$(ls)", ">", "|", "&&", ";", "*", "~",
    "{}", "%", "a", "b", "é", "\u{a0}", "\u{85}", "\u{b}", "\0",
];

#[rustfmt::skip]
const ENVIRONMENT_PIECES: &[&str] = &[
    "A=1", "B=2", "KEY=", "A", "=", ",", ", ", ",\n", "\"", "'", "\"1,2\"", "'x y'", "\"a'b\"", "'\"x\"'", "\"\"", "''", "\\",
    "\\\"", "#", "#c", "#c\n", "/p/a.b+c-(d):e", "http://x:80/y", " ", "\t", "\n", "\r", ";", "$", "~", "@", "%", "?", "&",
    "[", "]", "{", "}", "*", "!", "_", "-", "1", "é", "\"é\"", "\u{a0}", "\u{85}", "\u{b}",
];

impl Target {
    /// The file with the seeds: a line for each.
    pub(crate) fn corpus(&self) -> PathBuf {
        let directory = places::repository().join(self.corpus);
        directory.join(format!("{}.jsonl", self.name))
    }

    /// What can be expanded.
    pub(crate) fn names(&self) -> Result<Value, String> {
        let path = places::repository().join(self.corpus).join("names.json");
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
