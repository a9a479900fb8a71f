//! Credentials → rustls settings.

use std::sync::Arc;

use proto_words::Role;
use rustls::client::Resumption;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, ServerConfig};

use crate::crypto::{ALPN, VERSIONS, provider};
use crate::files::{Credentials, FileError};
use crate::verify::{ControllerOnly, OneFleet};

/// A controller's settings: TLS 1.3, HTTP/2, and a certificate of the own fleet from everybody.
///
/// Sessions are never resumed, since a resumed one would not look at the certificate again.
///
/// # Errors
///
/// [`FileError`] when the own certificate is no controller's, or the files do not fit together.
pub fn server_config(credentials: Credentials) -> Result<ServerConfig, FileError> {
    let credentials = credentials.in_role(Role::Controller)?;
    let stock = WebPkiClientVerifier::builder_with_provider(credentials.roots.clone(), provider())
        .build()
        .map_err(|e| credentials.bad_roots(&e))?;
    let verifier = OneFleet { fleet: credentials.own.identity.fleet.clone(), stock };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)
        .expect("ring speaks TLS 1.3")
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(credentials.chain.clone(), credentials.key.clone_key())
        .map_err(|e| credentials.mismatch(&e))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// The settings of an agent or an operator: TLS 1.3, HTTP/2, and a controller of the own fleet at
/// the other end.
///
/// # Errors
///
/// [`FileError`] when the files do not fit together.
pub fn client_config(credentials: &Credentials) -> Result<ClientConfig, FileError> {
    let provider = provider();
    let verifier = ControllerOnly {
        fleet: credentials.own.identity.fleet.clone(),
        roots: credentials.roots.clone(),
        algorithms: provider.signature_verification_algorithms,
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(VERSIONS)
        .expect("ring speaks TLS 1.3")
        .dangerous() // a verifier of our own, which asks the stock one first
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(credentials.chain.clone(), credentials.key.clone_key())
        .map_err(|e| credentials.mismatch(&e))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(config)
}
