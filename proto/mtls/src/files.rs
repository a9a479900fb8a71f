//! PEM files → what rustls needs. An error names the file and what would be right.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proto_words::Role;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

use crate::peer::{Peer, PeerError, peer_identity};

/// A PEM file with more than this is not one of ours: a generous chain has 20 kB.
const FILE_MAX_BYTES: u64 = 1024 * 1024;

/// Room for what they usually hold, so that one read is enough.
const FILE_USUAL_BYTES: usize = 8192;

/// The bits of a mode that let others than the owner at a file.
const OTHERS: u32 = 0o077;

/// Where the three files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The authority's certificate, or several.
    pub ca: PathBuf,
    /// The own certificate, then any between it and the authority.
    pub certificate: PathBuf,
    /// The private key, readable by its owner only.
    pub key: PathBuf,
}

/// What the files held.
#[derive(Debug)]
pub struct Credentials {
    /// Who one is oneself, and until when.
    pub own: Peer,
    /// SHA-256 of the first authority's certificate, in hex: for people to compare.
    pub ca_fingerprint: String,
    pub(crate) roots: Arc<RootCertStore>,
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
    pub(crate) files: Files,
}

/// What is wrong with a file.
#[derive(Debug, Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("{}: {source}; it should be {what}", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{}: {fault}; it should be {what}, in PEM (-----BEGIN …)", file.display())]
    NotPem {
        /// Which file.
        file: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What was found instead.
        fault: String,
    },
    /// Others can read or write the key.
    #[error(
        "{0}: mode {mode:04o} lets others at the private key; make it 0600 (chmod 600 {0})",
        file.display()
    )]
    OpenKey {
        /// Which file.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The own certificate does not say who one is.
    #[error("{}: {source}", file.display())]
    Own {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        source: PeerError,
    },
    /// The own certificate is for something else.
    #[error("{}: this is the certificate of {found}; it should be one of a {needed}", file.display())]
    OwnRole {
        /// Which file.
        file: PathBuf,
        /// Whose it is.
        found: String,
        /// What it should be for.
        needed: Role,
    },
    /// Certificate and key do not belong together, or the authority's certificate is of no use.
    #[error("{}: {fault}; it should be {what}", file.display())]
    Unfit {
        /// Which file.
        file: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What rustls said.
        fault: String,
    },
}

const A_CA: &str = "the certificate of the fleet's authority";
const A_CERTIFICATE: &str = "this program's own certificate";
const A_KEY: &str = "the private key of this program's certificate";

impl Credentials {
    /// Reads the three files. Blocks: they are small, but they may lie on a slow disk.
    ///
    /// # Errors
    ///
    /// [`FileError`]; dates are not looked at, since the other end judges them.
    pub fn load(files: &Files) -> Result<Self, FileError> {
        let authorities = certificates(&files.ca, A_CA)?;
        let chain = certificates(&files.certificate, A_CERTIFICATE)?;
        let own = peer_identity(&chain)
            .map_err(|source| FileError::Own { file: files.certificate.clone(), source })?;
        let mut roots = RootCertStore::empty();
        for authority in &authorities {
            roots.add(authority.clone()).map_err(|e| unfit(&files.ca, A_CA, &e))?;
        }
        Ok(Self {
            own,
            ca_fingerprint: crate::crypto::sha256_hex(&authorities[0]),
            roots: Arc::new(roots),
            chain,
            key: private_key(&files.key)?,
            files: files.clone(),
        })
    }

    /// The same, if the own certificate is for this role.
    ///
    /// # Errors
    ///
    /// [`FileError::OwnRole`].
    pub fn in_role(self, needed: Role) -> Result<Self, FileError> {
        if self.own.identity.role == needed {
            return Ok(self);
        }
        Err(FileError::OwnRole {
            file: self.files.certificate,
            found: self.own.identity.to_string(),
            needed,
        })
    }

    /// What rustls says when certificate and key do not fit.
    pub(crate) fn mismatch(&self, error: &rustls::Error) -> FileError {
        unfit(&self.files.key, A_KEY, error)
    }

    /// What rustls says about the authorities.
    pub(crate) fn bad_roots(&self, error: &dyn std::error::Error) -> FileError {
        unfit(&self.files.ca, A_CA, error)
    }
}

/// At least one certificate.
fn certificates(
    file: &Path,
    what: &'static str,
) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let bytes = read(file, what)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|e| not_pem(file, what, e.to_string()))?;
    if found.is_empty() {
        return Err(not_pem(file, what, "no certificate in it".to_owned()));
    }
    Ok(found)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, FileError> {
    let mode = fs::metadata(file).map_err(|e| unreadable(file, A_KEY, e))?.mode();
    if mode & OTHERS != 0 {
        return Err(FileError::OpenKey { file: file.to_owned(), mode: mode & 0o7777 });
    }
    let bytes = read(file, A_KEY)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        let fault = match error {
            rustls::pki_types::pem::Error::NoItemsFound => "no private key in it".to_owned(),
            other => other.to_string(),
        };
        not_pem(file, A_KEY, fault)
    })
}

fn read(file: &Path, what: &'static str) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::with_capacity(FILE_USUAL_BYTES);
    File::open(file)
        .and_then(|open| open.take(FILE_MAX_BYTES).read_to_end(&mut bytes))
        .map_err(|e| unreadable(file, what, e))?;
    Ok(bytes)
}

fn unreadable(file: &Path, what: &'static str, source: io::Error) -> FileError {
    FileError::Unreadable { file: file.to_owned(), what, source }
}

fn not_pem(file: &Path, what: &'static str, fault: String) -> FileError {
    FileError::NotPem { file: file.to_owned(), what, fault }
}

fn unfit(file: &Path, what: &'static str, error: &dyn std::error::Error) -> FileError {
    FileError::Unfit { file: file.to_owned(), what, fault: error.to_string() }
}
