//! A fault and where it is: two texts, one that scripts know and one that helps.

use std::fmt;

use proto_words::repr;

use crate::fault::Fault;

/// Why a configuration cannot be used. `Display` is supervisord's text, what it prints after
/// `Error: ` and answers to a reread; [`ConfigError::diagnosis`] says where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(Box<Placed>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Placed {
    fault: Fault,
    place: Place,
    /// The section and the file that supervisord appends to faults of programs (INC-08).
    program: Option<(String, String)>,
}

/// Where in the configuration something is; as much as is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The file, as opened.
    pub file: Option<String>,
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// The section.
    pub section: Option<String>,
    /// The key.
    pub key: Option<String>,
}

/// A fault told to a person: where, what, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub wrong: String,
    /// What would be right.
    pub right: String,
}

impl ConfigError {
    /// A fault at a place.
    #[must_use]
    pub(crate) fn new(fault: Fault, place: Place) -> Self {
        Self(Box::new(Placed { fault, place, program: None }))
    }

    /// The same, found while reading the processes of `section`, which began in `file`.
    #[must_use]
    pub(crate) fn in_program(mut self, section: &str, file: &str) -> Self {
        self.0.program = Some((section.to_owned(), file.to_owned()));
        self
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.0.fault
    }

    /// Where, what, and what would be right.
    #[must_use]
    pub fn diagnosis(&self) -> Diagnosis {
        let place = self.0.place.clone();
        let mut right = self.0.fault.right();
        if place.is_expanded_twice() {
            right = right.replace("%%", "%%%%");
        }
        Diagnosis { place, wrong: self.0.fault.to_string(), right }
    }
}

impl Place {
    /// EXP-20, EXP-21: what stands for a percent sign is halved twice.
    fn is_expanded_twice(&self) -> bool {
        match (self.section.as_deref(), self.key.as_deref()) {
            (_, Some("stdout_logfile" | "stderr_logfile")) => true,
            (section, Some("environment")) => section == Some("supervisord"),
            _ => false,
        }
    }
}

impl From<Fault> for ConfigError {
    fn from(fault: Fault) -> Self {
        Self::new(fault, Place::default())
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.fault)?;
        match &self.0.program {
            Some((section, file)) => {
                write!(f, " in section {} (file: {})", repr(section), repr(file))
            }
            None => Ok(()),
        }
    }
}

impl fmt::Display for Place {
    /// `file:line: [section] key: `, without the parts that are not known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{file}:{line}: ")?,
            (Some(file), None) => write!(f, "{file}: ")?,
            (None, _) => {}
        }
        match (&self.section, &self.key) {
            (Some(section), Some(key)) => write!(f, "[{section}] {key}: "),
            (Some(section), None) => write!(f, "[{section}]: "),
            (None, _) => Ok(()),
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}; {}", self.place, self.wrong, self.right)
    }
}
