//! `group:process`, as supervisord reads and writes it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a namespec names inside its group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProcessPart {
    /// `group:` and `group:*`: every process of the group.
    Every,
    /// `group:name` or `name`: one process.
    One(String),
}

/// A group and what of it is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Namespec {
    /// The group's name; for a program without a `[group:x]`, the program's.
    pub group: String,
    /// One process of it, or all.
    pub process: ProcessPart,
}

impl Namespec {
    /// Splits at the first colon. Every text is a namespec: whether it names something is the
    /// core's to say, and the text is not trimmed.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (group, process) = match text.split_once(':') {
            None => (text, ProcessPart::One(text.to_owned())),
            Some((group, "" | "*")) => (group, ProcessPart::Every),
            Some((group, process)) => (group, ProcessPart::One(process.to_owned())),
        };
        Self { group: group.to_owned(), process }
    }

    /// One process of one group.
    #[must_use]
    pub fn one(group: &str, process: &str) -> Self {
        Self { group: group.to_owned(), process: ProcessPart::One(process.to_owned()) }
    }
}

impl fmt::Display for Namespec {
    /// `group:process`, shortened to `process` when both are equal; `group:*` for a whole group.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.process {
            ProcessPart::Every => f.pad(&format!("{}:*", self.group)),
            ProcessPart::One(process) if *process == self.group => f.pad(process),
            ProcessPart::One(process) => f.pad(&format!("{}:{process}", self.group)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Namespec;

    #[test]
    fn namespecs_are_split_at_the_first_colon_and_shortened_again() {
        for (text, shown) in [
            ("cat", "cat"),
            ("cat:cat", "cat"),
            ("grp:a", "grp:a"),
            ("grp:a:b", "grp:a:b"),
            ("grp:", "grp:*"),
            ("grp:*", "grp:*"),
            (" cat", " cat"),
            (":", ":*"),
        ] {
            assert_eq!(Namespec::parse(text).to_string(), shown, "{text:?}");
        }
    }
}
