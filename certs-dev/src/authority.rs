//! The authority and what it issues: ECDSA P-256, PEM.

use std::net::{IpAddr, Ipv4Addr};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use thiserror::Error;
use time::OffsetDateTime;

/// A certificate is valid from so long before it was made, since the clocks of two machines differ.
const CLOCK_SKEW_S: i64 = 3600;

/// The subject alternative name extension, for tests that write its bytes themselves.
const SAN_OID: [u64; 4] = [2, 5, 29, 17];

/// Why a certificate could not be made.
#[derive(Debug, Error)]
pub enum Error {
    /// A name or a moment that a certificate cannot hold.
    #[error("cannot make the certificate of {subject}: {source}")]
    Unfit {
        /// Whose certificate.
        subject: String,
        /// What is wrong.
        source: rcgen::Error,
    },
    /// A moment outside the years that can be written.
    #[error("{0} s since 1970 is no moment that a certificate can name")]
    NoSuchMoment(i64),
    /// A key file that is none of ours.
    #[error("the authority's key cannot be read: {0}; make a new authority in another directory")]
    BadKey(rcgen::Error),
}

/// From when until when, in seconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Not before this.
    pub begins_s: i64,
    /// Not after this.
    pub ends_s: i64,
}

impl Validity {
    /// From an hour ago, for differing clocks, until `days` from now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "a certificate is about real time, and this crate is a tool"
    )]
    pub fn days(days: u32) -> Self {
        let now_s = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
        Self { begins_s: now_s - CLOCK_SKEW_S, ends_s: now_s + i64::from(days) * 86_400 }
    }

    /// Over since the year 2001: for tests.
    #[must_use]
    pub fn expired() -> Self {
        Self { begins_s: 946_684_800, ends_s: 978_307_200 }
    }
}

/// A certificate and its key, PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The private key, PKCS #8.
    pub key: String,
}

impl std::fmt::Debug for Pair {
    /// The key never shows.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair").finish_non_exhaustive()
    }
}

/// What a certificate is to say. The constructors make right ones; every field may be changed, so
/// that tests can make wrong ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The common name; it decides nothing.
    pub common_name: String,
    /// The URI names; a right certificate has exactly one.
    pub uris: Vec<String>,
    /// The DNS names; they decide nothing.
    pub dns: Vec<String>,
    /// The IP addresses; they decide nothing.
    pub ips: Vec<IpAddr>,
    /// The bytes of the whole alternative name extension instead of the three lists.
    pub raw_names: Option<Vec<u8>>,
    /// Whether it may be a server's certificate; all may be clients'.
    pub server: bool,
    /// From when until when.
    pub validity: Validity,
}

impl Leaf {
    /// The certificate of `spiffe://FLEET/ROLE/NAME`, for clients only, valid for a day.
    #[must_use]
    pub fn new(fleet: &str, role: &str, name: &str) -> Self {
        Self {
            common_name: name.to_owned(),
            uris: vec![format!("spiffe://{fleet}/{role}/{name}")],
            dns: Vec::new(),
            ips: Vec::new(),
            raw_names: None,
            server: false,
            validity: Validity::days(1),
        }
    }

    /// An agent's.
    #[must_use]
    pub fn host(fleet: &str, name: &str) -> Self {
        Self::new(fleet, "host", name)
    }

    /// An operator's.
    #[must_use]
    pub fn operator(fleet: &str, name: &str) -> Self {
        Self::new(fleet, "operator", name)
    }

    /// A controller's: for servers, with localhost and 127.0.0.1 beside the URI.
    #[must_use]
    pub fn controller(fleet: &str, name: &str) -> Self {
        Self {
            dns: vec!["localhost".to_owned()],
            ips: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            server: true,
            ..Self::new(fleet, "controller", name)
        }
    }

    /// The same with another validity.
    #[must_use]
    pub fn valid(self, validity: Validity) -> Self {
        Self { validity, ..self }
    }

    /// The same with other URI names: none, two, or a wrong one.
    #[must_use]
    pub fn with_uris(self, uris: &[&str]) -> Self {
        Self { uris: uris.iter().map(|uri| (*uri).to_owned()).collect(), ..self }
    }

    fn names(&self) -> Result<Vec<SanType>, rcgen::Error> {
        let mut names = Vec::new();
        for uri in &self.uris {
            names.push(SanType::URI(uri.as_str().try_into()?));
        }
        for dns in &self.dns {
            names.push(SanType::DnsName(dns.as_str().try_into()?));
        }
        names.extend(self.ips.iter().copied().map(SanType::IpAddress));
        Ok(names)
    }

    fn params(&self) -> Result<CertificateParams, Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = name_of(&self.common_name);
        params.not_before = moment(self.validity.begins_s)?;
        params.not_after = moment(self.validity.ends_s)?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if self.server {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        match &self.raw_names {
            Some(bytes) => params
                .custom_extensions
                .push(CustomExtension::from_oid_content(&SAN_OID, bytes.clone())),
            None => {
                params.subject_alt_names = self.names().map_err(|e| unfit(&self.common_name, e))?;
            }
        }
        Ok(params)
    }
}

/// A certificate authority of one fleet.
pub struct Authority {
    /// It ends in a full stop, so that no fleet's name is the beginning of another's.
    common_name: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority with a new key.
    ///
    /// # Errors
    ///
    /// [`Error`] when the fleet's name or the validity cannot be written.
    pub fn new(fleet: &str, validity: Validity) -> Result<Self, Error> {
        let key = KeyPair::generate().map_err(|e| unfit(fleet, e))?;
        Self::with_key(fleet, validity, key)
    }

    /// The authority that this key belongs to, with a new certificate of its own: what it issues
    /// is valid against the old certificate, since name and key are the same.
    ///
    /// # Errors
    ///
    /// [`Error::BadKey`] for a key that cannot be read, else as [`Authority::new`].
    pub fn from_key(fleet: &str, validity: Validity, key_pem: &str) -> Result<Self, Error> {
        let key = KeyPair::from_pem(key_pem).map_err(Error::BadKey)?;
        Self::with_key(fleet, validity, key)
    }

    fn with_key(fleet: &str, validity: Validity, key: KeyPair) -> Result<Self, Error> {
        let mut params = CertificateParams::default();
        let common_name = format!("development CA of fleet {fleet}.");
        params.distinguished_name = name_of(&common_name);
        params.not_before = moment(validity.begins_s)?;
        params.not_after = moment(validity.ends_s)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(|e| unfit(fleet, e))?;
        Ok(Self { common_name, issuer })
    }

    /// Whether this certificate in PEM is one of this authority: its name and its public key.
    pub(crate) fn is_bearer(&self, certificate: &str) -> bool {
        let body: String = certificate.lines().filter(|line| !line.starts_with("-----")).collect();
        let Ok(der) = BASE64_STANDARD.decode(body.trim()) else {
            return false;
        };
        let contains = |part: &[u8]| der.windows(part.len()).any(|window| window == part);
        contains(self.common_name.as_bytes()) && contains(self.issuer.key().public_key_raw())
    }

    /// Its certificate, PEM.
    #[must_use]
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// Its private key, PEM.
    #[must_use]
    pub fn key(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// Issues a certificate with a new key.
    ///
    /// # Errors
    ///
    /// [`Error`] when a name or the validity cannot be written.
    pub fn issue(&self, leaf: &Leaf) -> Result<Pair, Error> {
        let key = KeyPair::generate().map_err(|e| unfit(&leaf.common_name, e))?;
        let certificate = leaf
            .params()?
            .signed_by(&key, &self.issuer)
            .map_err(|e| unfit(&leaf.common_name, e))?;
        Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

fn name_of(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn moment(seconds: i64) -> Result<OffsetDateTime, Error> {
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| Error::NoSuchMoment(seconds))
}

fn unfit(subject: &str, source: rcgen::Error) -> Error {
    Error::Unfit { subject: subject.to_owned(), source }
}
