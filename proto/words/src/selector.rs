//! Selectors: which hosts, and which of their processes, in the words that people type.
//!
//! This is the tree; `selector/parse.rs` reads it, and the controller's core evaluates it, since
//! only that one knows the hosts.

mod parse;
mod range;

use thiserror::Error;

use crate::Namespec;
use crate::target::unescape;

/// Parentheses within one another; nobody writes more, and the reader is recursive.
const DEPTH_MAX: u32 = 32;

/// Names that one selector may expand to: as many as one controller serves.
pub const NAMES_MAX: usize = 20_000;

/// Which hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostSelector {
    /// Every host in reach: an empty text, or `*`.
    Every,
    /// A literal name, also out of a range: it must exist.
    Name(String),
    /// A name with `*` or `?`.
    Glob(String),
    /// By a label.
    Label(LabelTerm),
    /// By liveness.
    State(HostState),
    /// `,` or `or`: in any of them.
    Union(Vec<Self>),
    /// `&` or `and`: in all of them.
    Intersection(Vec<Self>),
    /// `!` or `minus`: in the first and in none of the others.
    Difference(Vec<Self>),
    /// `^` or `xor`: in an odd number of them.
    Exclusive(Vec<Self>),
}

/// What is asked of a host's labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelTerm {
    /// `key=v`.
    Is(String, String),
    /// `key!=v`: also where there is no such label.
    IsNot(String, String),
    /// `key` in a list of labels.
    Has(String),
    /// `!key`.
    HasNot(String),
    /// `key in (a,b)`.
    In(String, Vec<String>),
    /// `key notin (a,b)`: also where there is no such label.
    NotIn(String, Vec<String>),
}

/// What is asked of a host's liveness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostState {
    /// `~up`: connected, and heard lately.
    Up,
    /// `~down`: not connected.
    Down,
    /// `~stale`: what is known of it is not fresh, since it is silent or down.
    Stale,
}

/// Which processes of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessSelector {
    /// `all`, or nothing.
    All,
    /// `name`, `group:name`, `group:` or `group:*`, as supervisorctl reads them.
    Named(Namespec),
}

/// `[hosts/]procs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSelector {
    /// The part before the slash.
    pub hosts: Option<HostSelector>,
    /// The part after it.
    pub processes: ProcessSelector,
}

/// Why a text is not a selector, and what would be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?}: {why}")]
pub struct BadSelector {
    /// The text as it was given.
    pub text: String,
    /// What is wrong, and what would be right.
    pub why: String,
}

impl HostSelector {
    /// Reads the part before the slash, which is also what `-H` takes.
    ///
    /// # Errors
    ///
    /// [`BadSelector`]: two different operators without parentheses, an open bracket, an empty
    /// term, a term of a later version.
    pub fn parse(text: &str) -> Result<Self, BadSelector> {
        parse::hosts(text).map_err(|why| bad(text, why))
    }

    /// How many literal names it holds; see [`NAMES_MAX`].
    #[must_use]
    pub fn names(&self) -> usize {
        match self {
            Self::Name(_) => 1,
            Self::Every | Self::Glob(_) | Self::Label(_) | Self::State(_) => 0,
            Self::Union(terms)
            | Self::Intersection(terms)
            | Self::Difference(terms)
            | Self::Exclusive(terms) => terms.iter().map(Self::names).sum(),
        }
    }

    /// Reads a list of labels as `-l` takes it: `key=v,key!=v,key,!key`; all must hold.
    ///
    /// # Errors
    ///
    /// [`BadSelector`] for an empty term or key.
    pub fn parse_labels(text: &str) -> Result<Self, BadSelector> {
        parse::labels(text).map_err(|why| bad(text, why))
    }
}

impl ProcessSelector {
    /// Reads the part after the slash; `%` escapes as in the text form of a target.
    ///
    /// # Errors
    ///
    /// [`BadSelector`] for a `%` that two hex digits do not follow.
    pub fn parse(text: &str) -> Result<Self, BadSelector> {
        if matches!(text, "" | "all") {
            return Ok(Self::All);
        }
        let (group, process) = text.split_once(':').unwrap_or((text, text));
        let plain = |part: &str| {
            unescape(part).ok_or_else(|| bad(text, "% needs two hex digits, as in %2F".to_owned()))
        };
        Ok(Self::Named(match process {
            "" | "*" => Namespec::parse(&format!("{}:*", plain(group)?)),
            one => Namespec::one(&plain(group)?, &plain(one)?),
        }))
    }
}

impl TargetSelector {
    /// Reads `[hosts/]procs`. The slash is the first one outside brackets.
    ///
    /// # Errors
    ///
    /// [`BadSelector`], as its two parts; and for an empty part. Most often that is a variable of a
    /// script which is not set, and must not come to mean the whole fleet.
    pub fn parse(text: &str) -> Result<Self, BadSelector> {
        if text.is_empty() {
            return Err(bad(text, "it is empty; write all".to_owned()));
        }
        let Some(slash) = slash_of(text) else {
            return Ok(Self { hosts: None, processes: ProcessSelector::parse(text)? });
        };
        let (hosts, processes) = (&text[..slash], &text[slash + 1..]);
        if hosts.trim().is_empty() {
            let why = "no host before the slash; write */ for every host".to_owned();
            return Err(bad(text, why));
        }
        if processes.is_empty() {
            let why = "nothing after the slash; write /all for everything".to_owned();
            return Err(bad(text, why));
        }
        Ok(Self {
            hosts: Some(HostSelector::parse(hosts)?),
            processes: ProcessSelector::parse(processes)?,
        })
    }
}

/// Where the host part ends: at the first slash that no bracket surrounds (`[1-9/2]` has a step).
fn slash_of(text: &str) -> Option<usize> {
    let mut in_brackets = false;
    text.char_indices().find_map(|(at, c)| {
        match c {
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            '/' if !in_brackets => return Some(at),
            _ => {}
        }
        None
    })
}

/// Whether a name is as a pattern with `*` and `?` says.
#[must_use]
pub fn glob_matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == '?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

fn bad(text: &str, why: String) -> BadSelector {
    BadSelector { text: text.to_owned(), why }
}

#[cfg(test)]
mod tests {
    use super::{HostSelector, ProcessSelector, TargetSelector, glob_matches};
    use crate::Namespec;

    #[test]
    fn the_host_part_ends_at_the_first_slash_outside_brackets() {
        for (text, hosts, processes) in [
            ("all", None, ProcessSelector::All),
            ("shop:api", None, ProcessSelector::Named(Namespec::one("shop", "api"))),
            ("web-1/all", Some("web-1"), ProcessSelector::All),
            ("*/shop:", Some("*"), ProcessSelector::Named(Namespec::parse("shop:*"))),
            (
                "web[1-9/4]/cat",
                Some("web[1-9/4]"),
                ProcessSelector::Named(Namespec::one("cat", "cat")),
            ),
            ("h/a%2Fb:c%3Ad", Some("h"), ProcessSelector::Named(Namespec::one("a/b", "c:d"))),
        ] {
            let expected = TargetSelector {
                hosts: hosts.map(|hosts| HostSelector::parse(hosts).unwrap()),
                processes,
            };
            assert_eq!(TargetSelector::parse(text), Ok(expected), "{text:?}");
        }
        for bad in ["h/a%zz", "", "/", "/all", " /shop:*", "web-1/"] {
            assert!(TargetSelector::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn globs_match_whole_names() {
        for (pattern, name, matches) in [
            ("*", "", true),
            ("web-*", "web-1", true),
            ("web-*", "web", false),
            ("*-1", "web-1-1", true),
            ("w?b*1", "web-11", true),
            ("web-?", "web-10", false),
            ("a*b*c", "abbcbc", true),
            ("a*b*c", "abbcb", false),
        ] {
            assert_eq!(glob_matches(pattern, name), matches, "{pattern:?} {name:?}");
        }
    }
}
