//! Sections and keys of a supervisord.conf, as far as the client needs them: no includes.
//!
//! The rules are those of Python's `RawConfigParser` as supervisord sets it up: keys in lower
//! case, `=` or `:`, continuation by deeper indent, `;` and `#` begin a comment at the start of a
//! line or after a blank, sections of the same name are merged, `[DEFAULT]` counts everywhere.

use std::collections::HashMap;

use thiserror::Error;

/// A file that cannot be read as sections and keys.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum IniError {
    /// A key before the first section.
    #[error("line {0}: a section such as [supervisorctl] must come first")]
    NoSection(usize),
    /// Neither a section nor `key=value`.
    #[error("line {0}: neither [section] nor key=value")]
    NotAnOption(usize),
}

/// The sections of a file.
#[derive(Debug, Default)]
pub struct Ini {
    sections: HashMap<String, HashMap<String, String>>,
}

/// Name of the section whose keys count in every other.
const DEFAULT: &str = "DEFAULT";

impl Ini {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// [`IniError`], with the first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, IniError> {
        let mut reader = Reader::default();
        for (number, line) in text.lines().enumerate() {
            reader.line(number + 1, line)?;
        }
        Ok(reader.ini)
    }

    /// Whether there is such a section.
    pub fn has(&self, section: &str) -> bool {
        section != DEFAULT && self.sections.contains_key(section)
    }

    /// A key's value, or `[DEFAULT]`'s.
    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        let find = |section: &str| self.sections.get(section)?.get(key);
        find(section).or_else(|| find(DEFAULT)).map(|value| value.trim_end())
    }
}

#[derive(Default)]
struct Reader {
    ini: Ini,
    section: Option<String>,
    key: Option<String>,
    indent: usize,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<(), IniError> {
        let (value, commented) = without_comment(line);
        if value.is_empty() {
            if !commented && let Some(current) = self.current() {
                current.push('\n');
            }
            return Ok(());
        }
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        if indent > self.indent
            && let Some(current) = self.current()
        {
            current.push('\n');
            current.push_str(value);
            return Ok(());
        }
        self.indent = indent;
        match section_name(value) {
            Some(name) => {
                self.ini.sections.entry(name.to_owned()).or_default();
                self.section = Some(name.to_owned());
                self.key = None;
                Ok(())
            }
            None => self.option(number, value),
        }
    }

    fn option(&mut self, number: usize, line: &str) -> Result<(), IniError> {
        let section = self.section.clone().ok_or(IniError::NoSection(number))?;
        let (key, value) = line.split_once(['=', ':']).ok_or(IniError::NotAnOption(number))?;
        let key = key.trim().to_lowercase();
        if key.is_empty() {
            return Err(IniError::NotAnOption(number));
        }
        let keys = self.ini.sections.entry(section).or_default();
        keys.insert(key.clone(), value.trim().to_owned());
        self.key = Some(key);
        Ok(())
    }

    /// The value that a continuation line adds to.
    fn current(&mut self) -> Option<&mut String> {
        self.ini.sections.get_mut(self.section.as_ref()?)?.get_mut(self.key.as_ref()?)
    }
}

/// What is between `[` and the last `]`.
fn section_name(value: &str) -> Option<&str> {
    let (name, _) = value.strip_prefix('[')?.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}

/// The line without its comment and its outer blanks, and whether it had a comment.
fn without_comment(line: &str) -> (&str, bool) {
    if line.trim_start().starts_with(['#', ';']) {
        return ("", true);
    }
    match comment_start(line) {
        Some(at) => (line[..at].trim(), true),
        None => (line.trim(), false),
    }
}

/// Where a comment begins. The two marks are looked for side by side, first with first, second
/// with second: an early mark may thus hide behind a later one, as it does for supervisord.
fn comment_start(line: &str) -> Option<usize> {
    let places = |mark: char| line.match_indices(mark).map(|(at, _)| at).collect::<Vec<_>>();
    let begins = |at: &usize| line[..*at].chars().next_back().is_none_or(char::is_whitespace);
    let (semicolons, hashes) = (places(';'), places('#'));
    (0..semicolons.len().max(hashes.len())).find_map(|round| {
        let pair = [semicolons.get(round), hashes.get(round)];
        pair.into_iter().flatten().copied().filter(|at| begins(at)).min()
    })
}

#[cfg(test)]
mod tests {
    use super::{Ini, IniError};

    #[test]
    fn keys_comments_and_continuations_are_pythons() {
        let text = "
; a comment
[DEFAULT]
prompt = d
[supervisorctl]   ; the client
ServerURL: unix:///a;b ; not this
username=u#1 #no
password =
  two
  # comment

[other]
serverurl=no
[supervisorctl]
history_file = %(here)s/h
";
        let ini = Ini::parse(text).expect("valid");
        for (key, value) in [
            ("serverurl", Some("unix:///a;b")),
            ("username", Some("u#1")),
            ("password", Some("\ntwo")),
            ("history_file", Some("%(here)s/h")),
            ("prompt", Some("d")),
            ("nothing", None),
        ] {
            assert_eq!(ini.get("supervisorctl", key), value, "{key}");
        }
        assert!(ini.has("other") && !ini.has("DEFAULT") && !ini.has("supervisord"));
    }

    #[test]
    fn a_later_mark_hides_an_earlier_one() {
        let ini = Ini::parse("[a]\nk=x;y ;z #w\n").expect("valid");
        assert_eq!(ini.get("a", "k"), Some("x;y ;z"));
    }

    #[test]
    fn what_is_no_option_is_refused_with_its_line() {
        assert_eq!(Ini::parse("\na=1").err(), Some(IniError::NoSection(2)));
        assert_eq!(Ini::parse("[a]\nb\n").err(), Some(IniError::NotAnOption(2)));
        assert_eq!(Ini::parse("[a]\n=b\n").err(), Some(IniError::NotAnOption(2)));
    }
}
