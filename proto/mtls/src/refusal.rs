//! TLS errors → what a person can act on.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// Why a client was refused in the handshake: for the server's log.
#[must_use]
pub fn handshake_refusal(error: &io::Error) -> String {
    match tls_error(error) {
        None => error.to_string(),
        Some(Error::NoCertificatesPresented) => {
            "no client certificate; give the client one of this fleet".to_owned()
        }
        Some(Error::InvalidCertificate(fault)) => certificate_fault(fault, "client"),
        Some(Error::PeerIncompatible(what)) => {
            format!("the client cannot speak TLS 1.3 as it is spoken here ({what:?})")
        }
        Some(Error::AlertReceived(alert)) => {
            format!("the client refused this controller's certificate ({alert:?})")
        }
        Some(Error::NoApplicationProtocol) => "the client does not speak HTTP/2".to_owned(),
        Some(Error::InvalidMessage(_)) => {
            format!("not a TLS handshake; the client does not speak TLS ({error})")
        }
        Some(other) => other.to_string(),
    }
}

/// The TLS error inside an I/O error, if there is one.
pub(crate) fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// What is wrong with the certificate of the other end.
pub(crate) fn certificate_fault(fault: &CertificateError, whose: &str) -> String {
    match fault {
        CertificateError::UnknownIssuer => format!(
            "the {whose}'s certificate is not signed by this fleet's authority; \
             both ends need the same ca"
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the {whose}'s certificate has expired; renew it")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("the {whose}'s certificate is not valid yet; compare the clocks")
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            format!("the {whose}'s certificate is not for a {whose} (extended key usage)")
        }
        CertificateError::Other(other) => format!("{whose}: {}", other.0),
        other => format!("the {whose}'s certificate is refused: {other}"),
    }
}

/// Why a server refused us, and what to do.
pub(crate) fn alert_advice(alert: AlertDescription) -> String {
    let advice = match alert {
        AlertDescription::CertificateRequired => {
            "it wants a client certificate; configure certificate and key"
        }
        AlertDescription::UnknownCA => {
            "our certificate is signed by an authority that it does not know; \
             both ends need certificates of one authority"
        }
        AlertDescription::CertificateExpired => {
            "our certificate has expired, or is not valid yet; renew it and compare the clocks"
        }
        AlertDescription::CertificateUnknown | AlertDescription::AccessDenied => {
            "it does not accept who our certificate says we are; \
             it needs exactly one URI name, spiffe://FLEET/ROLE/NAME, of its fleet; its log says more"
        }
        AlertDescription::UnsupportedCertificate => {
            "our certificate is not for clients (extended key usage)"
        }
        AlertDescription::BadCertificate | AlertDescription::DecryptError => {
            "it cannot use our certificate; make a new one"
        }
        AlertDescription::CertificateRevoked => "our certificate was revoked; get a new one",
        AlertDescription::ProtocolVersion => "it does not speak TLS 1.3; is it a controller?",
        AlertDescription::NoApplicationProtocol => {
            "it does not speak HTTP/2; is it a controller's gRPC port?"
        }
        _ => "its log says why",
    };
    format!("the server refused us ({alert:?}): {advice}")
}
