//! `[include]` (INC-01 to INC-10): more files, found by patterns.

use crate::World;
use crate::disk::Disk;
use crate::error::ConfigError;
use crate::expand::expand;
use crate::fault::Fault;
use crate::glob::glob;
use crate::ini::Ini;
use crate::known::nearest_section;
use crate::names::Names;
use crate::paths::{absolute, dirname, join};

const SECTION: &str = "include";
const KEY: &str = "files";

/// What to say about the files once the log is open.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// Warnings: patterns that match nothing.
    pub warnings: Vec<String>,
    /// Each file that was read.
    pub infos: Vec<String>,
}

/// Reads the files that `[include]` names into `ini`. `here` is the directory of the main file;
/// what included files say themselves about including does not count (INC-06).
pub(crate) fn read(
    ini: &mut Ini,
    world: &World<'_>,
    here: &str,
    names: &Names,
) -> Result<Said, ConfigError> {
    let mut said = Said::default();
    if ini.section(SECTION).is_none() {
        return Ok(said);
    }
    ini.replace_here(here);
    let Some(entry) = ini.entry(SECTION, KEY) else {
        return Err(at_key(ini, Fault::IncludeWithoutFiles));
    };
    let files = expand(&entry.value, names, "include.files").map_err(|fault| at_key(ini, fault))?;
    for pattern in files.split(crate::text::is_space).filter(|item| !item.is_empty()) {
        let pattern = join(here, pattern);
        let mut found = glob(world.disk, &pattern);
        found.sort();
        if found.is_empty() {
            let warning = format!("No file matches via include \"{pattern}\"");
            said.warnings.push(warning);
        }
        for file in found {
            let info = format!("Included extra file \"{file}\" during parsing");
            said.infos.push(info);
            add(ini, world, &file)?;
        }
    }
    Ok(said)
}

/// A file that cannot be read is passed over in silence (INC-07).
fn add(ini: &mut Ini, world: &World<'_>, file: &str) -> Result<(), ConfigError> {
    if let Some(text) = text_of(world.disk, file, file)? {
        ini.read(file, &text, true).map_err(|fault| unparsable(file, fault))?;
    }
    ini.replace_here(&absolute(&world.surroundings.cwd, dirname(file)));
    Ok(())
}

fn at_key(ini: &Ini, fault: Fault) -> ConfigError {
    ConfigError::new(fault, ini.place(SECTION, Some(KEY)))
}

/// The text of the file at `path`, `None` when it cannot be read. Errors call it `file`.
pub(crate) fn text_of(
    disk: &dyn Disk,
    path: &str,
    file: &str,
) -> Result<Option<String>, ConfigError> {
    let Ok(bytes) = disk.read(path) else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count();
        at_line(file, Some(line), not_text(error.as_bytes(), error.utf8_error()))
    })?;
    Ok(Some(text))
}

/// A fault of a whole file, placed at its first bad line.
pub(crate) fn unparsable(file: &str, fault: Fault) -> ConfigError {
    let line = match &fault {
        Fault::NoHeader { line, .. } => Some(*line),
        Fault::Unparsable { lines, .. } => lines.first().map(|(line, _)| *line),
        _ => None,
    };
    at_line(file, line, fault)
}

fn at_line(file: &str, line: Option<usize>, fault: Fault) -> ConfigError {
    let place = crate::Place { file: Some(file.to_owned()), line, ..crate::Place::default() };
    ConfigError::new(fault, place)
}

/// `[supervisord]` is missing: placed where one is that resembles it, else at the beginning.
pub(crate) fn no_supervisord(ini: &Ini, file: &str) -> ConfigError {
    let alike = |name: &str| nearest_section(name) == Some("supervisord");
    match ini.sections().iter().find(|section| alike(&section.name)) {
        Some(section) => ConfigError::new(Fault::NoSupervisord, ini.place(&section.name, None)),
        None => at_line(file, Some(1), Fault::NoSupervisord),
    }
}

/// The position counts from the beginning of the file; Python counts from the beginning of what it
/// read last, which is the same for the first 8 KiB.
fn not_text(bytes: &[u8], error: std::str::Utf8Error) -> Fault {
    let at = error.valid_up_to();
    let length = error.error_len().unwrap_or(bytes.len() - at);
    let first = bytes[at];
    let starts = (0xc2..=0xf4).contains(&first);
    let why = match (error.error_len(), starts) {
        (None, _) => "unexpected end of data",
        (Some(_), true) => "invalid continuation byte",
        (Some(_), false) => "invalid start byte",
    };
    let (what, position) = if length == 1 {
        (format!("byte 0x{first:02x}"), at.to_string())
    } else {
        ("bytes".to_owned(), format!("{at}-{}", at + length - 1))
    };
    Fault::NotText { what, position, why }
}
