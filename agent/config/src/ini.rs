//! The INI dialect of Python's `RawConfigParser` as supervisord sets it up (section 2.1 of the
//! facts), with the place of each key.
//!
//! Reading a second file merges it into the first, key by key, the last one wins (INI-20).

use std::collections::HashMap;

use crate::error::Place;
use crate::fault::Fault;
use crate::text::{is_space, strip, strip_end};

/// Its keys appear in every section (INI-21).
const DEFAULT_SECTION: &str = "DEFAULT";

/// All sections of a configuration, in order of their first appearance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ini {
    files: Vec<String>,
    sections: Vec<Section>,
    index: HashMap<String, usize>,
    defaults: Vec<Entry>,
}

/// One section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The name as written, blanks included (INI-16).
    pub name: String,
    /// The keys in order of their first appearance.
    pub entries: Vec<Entry>,
    /// The included file in which it first appeared; `None` for the main file.
    pub included_from: Option<String>,
    spot: Spot,
}

/// One key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// In lower case (INI-08).
    pub key: String,
    /// Without comments; lines of a longer value are joined with a line feed.
    pub value: String,
    spot: Spot,
}

/// A line of one of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spot {
    file: usize,
    line: usize,
}

impl Ini {
    /// The sections, without `[DEFAULT]`.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The section with this name.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.index.get(name).map(|at| &self.sections[*at])
    }

    /// The key of a section, or of `[DEFAULT]`.
    #[must_use]
    pub fn entry(&self, section: &str, key: &str) -> Option<&Entry> {
        let own = self.section(section)?;
        own.entries.iter().chain(&self.defaults).find(|entry| entry.key == key)
    }

    /// The keys of a section, then those of `[DEFAULT]` that it does not have.
    #[must_use]
    pub fn keys(&self, section: &str) -> Vec<&str> {
        let own = self.section(section).map_or(&[][..], |own| &own.entries);
        let inherited = self.defaults.iter().filter(|default| {
            let known = |entry: &Entry| entry.key == default.key;
            !own.iter().any(known)
        });
        own.iter().chain(inherited).map(|entry| entry.key.as_str()).collect()
    }

    /// Where a key stands; where its section begins when there is no such key.
    #[must_use]
    pub fn place(&self, section: &str, key: Option<&str>) -> Place {
        let entry = key.and_then(|key| self.entry(section, key));
        let spot =
            entry.map(|entry| entry.spot).or_else(|| self.section(section).map(|own| own.spot));
        Place {
            file: spot.map(|spot| self.files[spot.file].clone()),
            line: spot.map(|spot| spot.line),
            section: Some(section.to_owned()),
            key: key.map(ToOwned::to_owned),
        }
    }

    /// Reads one more file, whose name is `file`. `included` says that `[include]` brought it.
    ///
    /// # Errors
    ///
    /// [`Fault::NoHeader`] at the first line, or [`Fault::Unparsable`] with all bad lines.
    pub fn read(&mut self, file: &str, text: &str, included: bool) -> Result<(), Fault> {
        self.files.push(file.to_owned());
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let mut reader = Reader {
            file: self.files.len() - 1,
            included: included.then(|| file.to_owned()),
            ini: self,
            current: Current::Nothing,
            key: None,
            indent: 0,
            bad_lines: vec![],
        };
        for (number, line) in text.split_inclusive('\n').enumerate() {
            reader.line(number + 1, line)?;
        }
        let bad_lines = reader.bad_lines;
        self.drop_trailing_blanks();
        if bad_lines.is_empty() {
            return Ok(());
        }
        Err(Fault::Unparsable { file: file.to_owned(), lines: bad_lines })
    }

    /// Replaces the exact text `%(here)s` everywhere, as supervisord does when there is an
    /// `[include]` (EXP-27). What `[DEFAULT]` says moves into each section by that.
    pub fn replace_here(&mut self, here: &str) {
        const TOKEN: &str = "%(here)s";
        let inherited: Vec<Entry> =
            self.defaults.iter().filter(|entry| entry.value.contains(TOKEN)).cloned().collect();
        for section in &mut self.sections {
            for default in &inherited {
                if !section.entries.iter().any(|own| own.key == default.key) {
                    section.entries.push(default.clone());
                }
            }
            for entry in &mut section.entries {
                if entry.value.contains(TOKEN) {
                    entry.value = entry.value.replace(TOKEN, here);
                }
            }
        }
    }

    fn drop_trailing_blanks(&mut self) {
        let own = self.sections.iter_mut().flat_map(|own| &mut own.entries);
        for entry in own.chain(&mut self.defaults) {
            let kept = strip_end(&entry.value).len();
            entry.value.truncate(kept);
        }
    }

    fn open(&mut self, name: &str, spot: Spot, included: Option<&String>) -> usize {
        if let Some(at) = self.index.get(name) {
            return *at;
        }
        self.sections.push(Section {
            name: name.to_owned(),
            entries: vec![],
            included_from: included.cloned(),
            spot,
        });
        let at = self.sections.len() - 1;
        self.index.insert(name.to_owned(), at);
        at
    }
}

/// Whose keys are being read.
#[derive(Debug, Clone, Copy)]
enum Current {
    Nothing,
    Defaults,
    Section(usize),
}

/// The state between two lines of one file.
struct Reader<'a> {
    ini: &'a mut Ini,
    file: usize,
    included: Option<String>,
    current: Current,
    /// The entry that an indented line continues.
    key: Option<usize>,
    /// How deep the line with that key was indented.
    indent: usize,
    bad_lines: Vec<(usize, String)>,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, line: &str) -> Result<(), Fault> {
        let comment = comment_start(line);
        let value = strip(&line[..comment.unwrap_or(line.len())]);
        if value.is_empty() {
            // A blank line belongs to a value; a comment within a value does not (INI-06, INI-10).
            if comment.is_none() {
                self.append("");
            }
            return Ok(());
        }
        let indent = line.chars().take_while(|c| is_space(*c)).count();
        if self.key.is_some() && indent > self.indent {
            self.append(value);
            return Ok(());
        }
        self.indent = indent;
        self.header_or_key(number, line, value)
    }

    fn header_or_key(&mut self, number: usize, line: &str, value: &str) -> Result<(), Fault> {
        if let Some(name) = header(value) {
            self.header(number, name);
            return Ok(());
        }
        if matches!(self.current, Current::Nothing) {
            return Err(Fault::NoHeader {
                file: self.ini.files[self.file].clone(),
                line: number,
                text: line.to_owned(),
            });
        }
        match value.split_once(['=', ':']) {
            Some((key, rest)) if !strip_end(key).is_empty() => self.set(number, key, rest),
            Some(_) => {
                self.bad_lines.push((number, line.to_owned()));
                self.key = None;
            }
            None => self.bad_lines.push((number, line.to_owned())),
        }
        Ok(())
    }

    fn header(&mut self, number: usize, name: &str) {
        let spot = Spot { file: self.file, line: number };
        self.key = None;
        self.current = if name == DEFAULT_SECTION {
            Current::Defaults
        } else {
            Current::Section(self.ini.open(name, spot, self.included.as_ref()))
        };
    }

    fn set(&mut self, number: usize, key: &str, value: &str) {
        let entry = Entry {
            key: strip_end(key).to_lowercase(),
            value: strip(value).to_owned(),
            spot: Spot { file: self.file, line: number },
        };
        let Some(entries) = self.entries() else {
            return;
        };
        let known = entries.iter().position(|other| other.key == entry.key);
        let at = known.unwrap_or(entries.len());
        match known {
            Some(at) => entries[at] = entry,
            None => entries.push(entry),
        }
        self.key = Some(at);
    }

    /// Continues the value that is open, if one is.
    fn append(&mut self, line: &str) {
        let Some(at) = self.key else { return };
        if let Some(entries) = self.entries() {
            let value = &mut entries[at].value;
            value.push('\n');
            value.push_str(line);
        }
    }

    fn entries(&mut self) -> Option<&mut Vec<Entry>> {
        match self.current {
            Current::Nothing => None,
            Current::Defaults => Some(&mut self.ini.defaults),
            Current::Section(at) => Some(&mut self.ini.sections[at].entries),
        }
    }
}

/// `[name]`, whatever follows; the last bracket counts (INI-15, INI-17).
fn header(value: &str) -> Option<&str> {
    let inside = value.strip_prefix('[')?;
    let name = &inside[..inside.rfind(']')?];
    (!name.is_empty()).then_some(name)
}

/// Where the comment of a line begins.
///
/// Python looks at the first `;` and the first `#`, then at the second of each, and so on, and
/// stops at the first round in which one of them stands behind a blank. So `a;b ;c #d` keeps `;c`.
fn comment_start(line: &str) -> Option<usize> {
    if strip(line).starts_with([';', '#']) {
        return Some(0);
    }
    let behind_blank = |at: usize| at == 0 || line[..at].chars().next_back().is_some_and(is_space);
    let mut semicolons = line.match_indices(';').map(|(at, _)| at);
    let mut hashes = line.match_indices('#').map(|(at, _)| at);
    loop {
        let round = [semicolons.next(), hashes.next()];
        if round == [None, None] {
            return None;
        }
        let found = round.into_iter().flatten().filter(|at| behind_blank(*at));
        if let Some(first) = found.min() {
            return Some(first);
        }
    }
}

#[cfg(test)]
mod tests;
