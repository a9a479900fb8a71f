//! A peer's certificate → who it is.

use proto_words::{BadIdentity, Identity, Role};
use rustls::pki_types::CertificateDer;
use thiserror::Error;

use crate::der;

/// Who a verified peer is, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The one URI name.
    pub identity: Identity,
    /// The end of its certificate, milliseconds since the Unix epoch.
    pub not_after_ms: i64,
}

/// Why a certificate says nothing that counts. Chain and dates are the stock verifier's business.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PeerError {
    /// None at all.
    #[error("there is no certificate")]
    NoCertificate,
    /// It cannot be read.
    #[error("the certificate cannot be read; make a new one")]
    Malformed,
    /// It has no URI name.
    #[error("the certificate has no URI name; it needs exactly one, spiffe://FLEET/ROLE/NAME")]
    NoUri,
    /// It has more than one.
    #[error(
        "the certificate has {0} URI names; it must have exactly one, spiffe://FLEET/ROLE/NAME"
    )]
    ManyUris(usize),
    /// Its URI name is none of ours.
    #[error("the certificate's URI name {0}")]
    BadIdentity(#[from] BadIdentity),
    /// It belongs to another fleet.
    #[error("{peer} is not of fleet {fleet}; both ends need certificates of one fleet")]
    OtherFleet {
        /// Who it is.
        peer: Identity,
        /// The fleet that was expected.
        fleet: String,
    },
    /// It may not be what it is used as.
    #[error("{peer} is not a {needed}; the address is wrong, or the other end's certificate")]
    WrongRole {
        /// Who it is.
        peer: Identity,
        /// What it should be.
        needed: Role,
    },
}

/// Says who a peer is. `chain` is what rustls verified: the peer's own certificate comes first.
///
/// # Errors
///
/// [`PeerError`] when there is no certificate, or not exactly one URI name that is an identity.
pub fn peer_identity(chain: &[CertificateDer<'_>]) -> Result<Peer, PeerError> {
    let certificate = chain.first().ok_or(PeerError::NoCertificate)?;
    let facts = der::read(certificate).map_err(|der::Malformed| PeerError::Malformed)?;
    let uri = match facts.uris.as_slice() {
        [] => return Err(PeerError::NoUri),
        [uri] => String::from_utf8_lossy(uri),
        many => return Err(PeerError::ManyUris(many.len())),
    };
    Ok(Peer { identity: Identity::parse(&uri)?, not_after_ms: facts.not_after_ms })
}

impl Peer {
    /// The same, if it is of this fleet.
    ///
    /// # Errors
    ///
    /// [`PeerError::OtherFleet`].
    pub fn of_fleet(self, fleet: &str) -> Result<Self, PeerError> {
        if self.identity.fleet == fleet {
            return Ok(self);
        }
        Err(PeerError::OtherFleet { peer: self.identity, fleet: fleet.to_owned() })
    }

    /// The same, if it has this role.
    ///
    /// # Errors
    ///
    /// [`PeerError::WrongRole`].
    pub fn in_role(self, needed: Role) -> Result<Self, PeerError> {
        if self.identity.role == needed {
            return Ok(self);
        }
        Err(PeerError::WrongRole { peer: self.identity, needed })
    }
}
