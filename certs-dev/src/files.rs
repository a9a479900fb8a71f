//! The files of a whole fleet: `ca`, `controller`, `host-NAME` and `operator-NAME`, each `.pem`
//! and `.key`. Existing files are never written over, and a key is 0600 from its first byte.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::{Authority, Error, Leaf, Validity};

/// For whom certificates are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// The fleet's name: letters, digits, `.`, `-` and `_`, as all names here.
    pub name: String,
    /// The agents' names.
    pub hosts: Vec<String>,
    /// The operators' names.
    pub operators: Vec<String>,
    /// The controller's name.
    pub controller: String,
    /// DNS names and IP addresses for the controller, beside localhost and 127.0.0.1.
    pub controller_names: Vec<String>,
    /// From when until when all of it is valid.
    pub validity: Validity,
}

/// Why the files could not be made. Nothing was written over.
#[derive(Debug, Error)]
pub enum WriteError {
    /// Something is there already.
    #[error(
        "{} is there already, and nothing is written over; remove the directory for a new \
         authority (all certificates change then), or say --missing to make only what is missing",
        .0.display()
    )]
    Exists(PathBuf),
    /// `--missing` without an authority, or with that of another fleet.
    #[error("{} is not the authority of fleet {fleet}; name the right --fleet, or another --out", file.display())]
    OtherFleet {
        /// Its certificate.
        file: PathBuf,
        /// The fleet that was asked for.
        fleet: String,
    },
    /// A name that no certificate of the fleet may bear.
    #[error("{0:?} is not a name; use letters, digits, '.', '-' and '_'")]
    BadName(String),
    /// Two holders would share a file.
    #[error("{0:?} stands twice; give each host and each operator a name of its own")]
    Twice(String),
    /// The file system said no.
    #[error("{}: {source}", file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A certificate could not be made.
    #[error(transparent)]
    Certificate(#[from] Error),
}

/// Makes all files of a fleet in `out`, which is made if it is not there, and returns them.
///
/// With `missing`, the authority in `out` issues what is not there yet; without, nothing of what
/// is to be made may be there.
///
/// # Errors
///
/// [`WriteError`]; names and existing files are looked at before anything is written.
pub fn write_all(fleet: &Fleet, out: &Path, missing: bool) -> Result<Vec<PathBuf>, WriteError> {
    let leaves = leaves(fleet)?;
    fs::create_dir_all(out).map_err(|e| io_error(out, e))?;
    let certificate_there = out.join("ca.pem").exists();
    let mut made = Vec::new();
    let authority = if missing && certificate_there {
        existing_authority(fleet, out)?
    } else {
        refuse_existing(out, &leaves)?;
        let authority = Authority::new(&fleet.name, fleet.validity)?;
        made.extend(write_pair(out, "ca", &authority.certificate(), &authority.key())?);
        authority
    };
    for (stem, leaf) in leaves {
        if missing && is_there(out, &stem)? {
            continue;
        }
        let pair = authority.issue(&leaf)?;
        made.extend(write_pair(out, &stem, &pair.certificate, &pair.key)?);
    }
    Ok(made)
}

/// Writes a new file that only its owner can read, from its first byte on.
///
/// # Errors
///
/// What the file system says; a file that is there already among it.
pub fn write_private(file: &Path, text: &str) -> io::Result<()> {
    write_new(file, text, 0o600)
}

/// Writes a new file that everybody can read.
///
/// # Errors
///
/// What the file system says; a file that is there already among it.
pub fn write_public(file: &Path, text: &str) -> io::Result<()> {
    write_new(file, text, 0o644)
}

fn write_new(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(file)?
        .write_all(text.as_bytes())
}

fn write_pair(
    out: &Path,
    stem: &str,
    certificate: &str,
    key: &str,
) -> Result<[PathBuf; 2], WriteError> {
    let [certificate_file, key_file] = files_of(out, stem);
    write_private(&key_file, key).map_err(|e| io_error(&key_file, e))?;
    write_public(&certificate_file, certificate).map_err(|e| io_error(&certificate_file, e))?;
    Ok([certificate_file, key_file])
}

/// Every certificate that the fleet needs, with the stem of its files.
fn leaves(fleet: &Fleet) -> Result<Vec<(String, Leaf)>, WriteError> {
    let mut controller = Leaf::controller(&fleet.name, &fleet.controller);
    for name in &fleet.controller_names {
        match name.parse::<IpAddr>() {
            Ok(ip) => controller.ips.push(ip),
            Err(_) => controller.dns.push(name.clone()),
        }
    }
    let mut leaves = vec![("controller".to_owned(), controller)];
    for host in &fleet.hosts {
        leaves.push((format!("host-{host}"), Leaf::host(&fleet.name, host)));
    }
    for operator in &fleet.operators {
        let leaf = Leaf::operator(&fleet.name, operator);
        leaves.push((format!("operator-{operator}"), leaf));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (stem, leaf) in &mut leaves {
        leaf.validity = fleet.validity;
        check_name(&leaf.common_name)?;
        if !seen.insert(stem.clone()) {
            return Err(WriteError::Twice(leaf.common_name.clone()));
        }
    }
    check_name(&fleet.name)?;
    Ok(leaves)
}

fn check_name(name: &str) -> Result<(), WriteError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if name.is_empty() || !name.bytes().all(fits) {
        return Err(WriteError::BadName(name.to_owned()));
    }
    Ok(())
}

fn refuse_existing(out: &Path, leaves: &[(String, Leaf)]) -> Result<(), WriteError> {
    let stems = leaves.iter().map(|(stem, _)| stem.as_str());
    for stem in std::iter::once("ca").chain(stems) {
        for file in files_of(out, stem) {
            if file.exists() {
                return Err(WriteError::Exists(file));
            }
        }
    }
    Ok(())
}

/// Whether both files of a holder are there; one alone is an accident that somebody must judge.
fn is_there(out: &Path, stem: &str) -> Result<bool, WriteError> {
    let [certificate, key] = files_of(out, stem);
    match (certificate.exists(), key.exists()) {
        (true, true) => Ok(true),
        (false, false) => Ok(false),
        (true, false) => Err(WriteError::Exists(certificate)),
        (false, true) => Err(WriteError::Exists(key)),
    }
}

fn existing_authority(fleet: &Fleet, out: &Path) -> Result<Authority, WriteError> {
    let [certificate, key] = files_of(out, "ca");
    let key_pem = fs::read_to_string(&key).map_err(|e| io_error(&key, e))?;
    let authority = Authority::from_key(&fleet.name, fleet.validity, &key_pem)?;
    let there = fs::read_to_string(&certificate).map_err(|e| io_error(&certificate, e))?;
    if !authority.is_bearer(&there) {
        return Err(WriteError::OtherFleet { file: certificate, fleet: fleet.name.clone() });
    }
    Ok(authority)
}

fn files_of(out: &Path, stem: &str) -> [PathBuf; 2] {
    [out.join(format!("{stem}.pem")), out.join(format!("{stem}.key"))]
}

fn io_error(file: &Path, source: io::Error) -> WriteError {
    WriteError::Io { file: file.to_owned(), source }
}

#[cfg(test)]
mod tests;
