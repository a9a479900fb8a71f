//! Who is not let in, what it is told, and what the log says.

use std::sync::Arc;

use certs_dev::{Authority, Leaf, Validity};
use proto::v1;
use proto::v1::fleet_client::FleetClient;
use proto_mtls::{Credentials, client_config};
use tonic::Code;

use crate::played::{Agent, Stage, hello, logs, written};

#[tokio::test]
async fn a_hosts_certificate_opens_no_operators_method_and_the_other_way_round() {
    let stage = Stage::new().await;
    let mut host = FleetClient::new(stage.channel(&Leaf::host("shop", "web-1")).await);
    let refused = host.hosts(v1::HostsRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("use an operator's certificate"), "{refused}");
    logs(&["refused", "spiffe://shop/host/web-1", "127.0.0.1", "is no operator"]).await;

    let channel = stage.channel(&Leaf::operator("shop", "mallory")).await;
    let refused = Agent::dial(channel, hello("web-1", "x")).await.err().unwrap();
    assert_eq!(refused.code(), Code::PermissionDenied);
    logs(&["refused", "spiffe://shop/operator/mallory", "is no host"]).await;
}

#[tokio::test]
async fn a_certificate_that_does_not_count_is_refused_in_the_handshake() {
    let stage = Stage::new().await;
    let operator = || Leaf::operator("shop", "alice");
    let two = ["spiffe://shop/operator/a", "spiffe://shop/operator/b"];
    for (leaf, told, logged) in [
        (operator().valid(Validity::expired()), "expired", "the client's certificate has expired"),
        (operator().with_uris(&two), "exactly one URI name", "2 URI names"),
        (operator().with_uris(&["https://shop/x"]), "exactly one URI name", "is not an identity"),
        (Leaf::operator("other", "alice"), "of its fleet", "is not of fleet shop"),
    ] {
        let error =
            proto_mtls::channel(&stage.address(), client_of(&stage, &leaf)).await.unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
        logs(&["refused in the TLS handshake", "127.0.0.1", logged]).await;
    }
}

/// Settings with a certificate that [`Credentials::load`] takes, whatever it says: our own checks
/// must not stand in the way of the controller's.
fn client_of(stage: &Stage, leaf: &Leaf) -> Arc<rustls::ClientConfig> {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let good = stage.client(&Leaf::operator("shop", "alice"));
    let pair = stage.authority.issue(leaf).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let signing = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
    let certified = rustls::sign::CertifiedKey::new(chain, signing);
    let mut config = (*good).clone();
    config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
    Arc::new(config)
}

#[tokio::test]
async fn another_authority_and_no_certificate_are_refused() {
    let stage = Stage::new().await;
    let stranger = Authority::new("shop", Validity::days(1)).unwrap();
    let files = written(stage.dir.path(), "stranger", &stranger, &Leaf::operator("shop", "alice"));
    let config = client_config(&Credentials::load(&files).unwrap()).unwrap();
    let error = proto_mtls::channel(&stage.address(), Arc::new(config)).await.unwrap_err();
    assert!(error.to_string().contains("not signed by this fleet's authority"), "{error}");

    let mut none = (*stage.client(&Leaf::operator("shop", "alice"))).clone();
    none.client_auth_cert_resolver = Arc::new(Nothing);
    let error = proto_mtls::channel(&stage.address(), Arc::new(none)).await.unwrap_err();
    assert!(error.to_string().contains("it wants a client certificate"), "{error}");
    logs(&["refused in the TLS handshake", "no client certificate"]).await;
}

/// A client that has no certificate to show.
#[derive(Debug)]
struct Nothing;

impl rustls::client::ResolvesClientCert for Nothing {
    fn resolve(
        &self,
        _: &[&[u8]],
        _: &[rustls::SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}
