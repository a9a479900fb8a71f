//! Both ends over loopback: who is let in, and what is said to those who are not.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use certs_dev::{Authority, Leaf, Pair, Validity, write_private, write_public};
use proto_words::Role;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::verify::ControllerOnly;
use crate::{
    Credentials, FileError, Files, Peer, client_config, connect, crypto, handshake_refusal,
    peer_identity, server_config,
};

/// What stands for the server's SETTINGS frame.
const GREETING: &[u8] = b"settings";

fn authority() -> Authority {
    Authority::new("demo", Validity::days(1)).unwrap()
}

/// Writes the three files and returns their places.
fn files(dir: &Path, ca: &Authority, pair: &Pair) -> Files {
    let files = Files {
        ca: dir.join("ca.pem"),
        certificate: dir.join("own.pem"),
        key: dir.join("own.key"),
    };
    write_public(&files.ca, &ca.certificate()).unwrap();
    write_public(&files.certificate, &pair.certificate).unwrap();
    write_private(&files.key, &pair.key).unwrap();
    files
}

fn credentials(ca: &Authority, pair: &Pair) -> Credentials {
    let dir = tempfile::tempdir().unwrap();
    Credentials::load(&files(dir.path(), ca, pair)).unwrap()
}

fn server(ca: &Authority, leaf: &Leaf) -> ServerConfig {
    server_config(credentials(ca, &ca.issue(leaf).unwrap())).unwrap()
}

/// A client that looks at nothing of its own, as a stranger's would not.
fn stranger(ca: &Authority, pair: Option<&Pair>) -> ClientConfig {
    let trusted = credentials(ca, &ca.issue(&Leaf::host("demo", "x")).unwrap());
    let verifier = ControllerOnly {
        fleet: "demo".into(),
        roots: trusted.roots,
        algorithms: crypto::provider().signature_verification_algorithms,
    };
    let builder = ClientConfig::builder_with_provider(crypto::provider())
        .with_protocol_versions(crypto::VERSIONS)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match pair {
        None => builder.with_no_client_auth(),
        Some(pair) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap(),
            )
            .unwrap(),
    };
    config.alpn_protocols = vec![crypto::ALPN.to_vec()];
    config
}

/// What both ends say of one attempt: the server whom it sees, the client what it reads.
async fn attempt(server: ServerConfig, client: ClientConfig) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let seen = tokio::spawn(async move { served(listener, server).await });
    let said = match connect(&address, Arc::new(client)).await {
        Ok(stream) => {
            let mut text = String::new();
            stream.into_inner().read_to_string(&mut text).await.unwrap();
            text
        }
        Err(error) => error.to_string().replacen(&address, "ADDRESS", 1),
    };
    (seen.await.unwrap(), said)
}

async fn served(listener: TcpListener, server: ServerConfig) -> String {
    let (socket, _) = listener.accept().await.unwrap();
    match TlsAcceptor::from(Arc::new(server)).accept(socket).await {
        Ok(mut stream) => {
            let peer = peer_identity(stream.get_ref().1.peer_certificates().unwrap()).unwrap();
            stream.write_all(GREETING).await.unwrap();
            stream.write_all(b" and more").await.unwrap();
            stream.shutdown().await.unwrap();
            peer.identity.to_string()
        }
        Err(error) => handshake_refusal(&error),
    }
}

#[tokio::test]
async fn those_of_the_fleet_meet_and_no_byte_is_lost() {
    let ca = authority();
    for role in [Role::Host, Role::Operator, Role::Controller, Role::Hook] {
        let leaf = Leaf::new("demo", role.name(), "x");
        let own = credentials(&ca, &ca.issue(&leaf).unwrap());
        let (seen, said) =
            attempt(server(&ca, &Leaf::controller("demo", "c")), client_config(&own).unwrap())
                .await;
        assert_eq!(seen, format!("spiffe://demo/{role}/x"));
        assert_eq!(said, "settings and more");
    }
}

#[tokio::test]
async fn a_client_that_does_not_belong_here_is_refused_and_both_ends_say_why() {
    let (ca, other) = (authority(), authority());
    let host = Leaf::host("demo", "web-1");
    let raw_names = b"\x30\x05\x86\x03\xff\xfe\xfd".to_vec();
    let odd = Leaf { raw_names: Some(raw_names), ..host.clone() };
    let issued = |ca: &Authority, leaf: &Leaf| Some(ca.issue(leaf).unwrap());
    let two = ["spiffe://demo/host/web-1", "spiffe://demo/operator/root"];
    let cases = [
        (None, "no client certificate", "CertificateRequired"),
        (issued(&other, &host), "not signed by this fleet's authority", "(UnknownCA)"),
        (
            issued(&ca, &host.clone().valid(Validity::expired())),
            "has expired; renew it",
            "(CertificateExpired)",
        ),
        (
            issued(&ca, &host.clone().with_uris(&["https://example.org/"])),
            "is not an identity",
            "exactly one URI name",
        ),
        (issued(&ca, &host.clone().with_uris(&two)), "has 2 URI names", "exactly one URI name"),
        (issued(&ca, &host.clone().with_uris(&[])), "has no URI name", "exactly one URI name"),
        (issued(&ca, &odd), "is not an identity", "exactly one URI name"),
        (issued(&ca, &Leaf::host("shop", "web-1")), "is not of fleet demo", "exactly one URI name"),
    ];
    for (pair, seen_part, said_part) in cases {
        let (seen, said) =
            attempt(server(&ca, &Leaf::controller("demo", "c")), stranger(&ca, pair.as_ref()))
                .await;
        assert!(seen.contains(seen_part), "{seen_part}: {seen}");
        assert!(said.starts_with("ADDRESS: the server refused us"), "{said}");
        assert!(said.contains(said_part), "{said_part}: {said}");
    }
}

#[tokio::test]
async fn a_server_that_is_no_controller_of_the_fleet_is_refused_by_the_client() {
    let (ca, other) = (authority(), authority());
    let own = credentials(&ca, &ca.issue(&Leaf::host("demo", "web-1")).unwrap());
    let good = Leaf::controller("demo", "c");
    let for_servers = |leaf: Leaf| Leaf { server: true, ..leaf };
    let two = ["spiffe://demo/controller/c", "spiffe://demo/controller/d"];
    let cases = [
        (&ca, for_servers(Leaf::host("demo", "web-2")), "is not a controller"),
        (&ca, for_servers(Leaf::controller("shop", "c")), "is not of fleet demo"),
        (&ca, good.clone().with_uris(&two), "has 2 URI names"),
        (&ca, good.clone().with_uris(&[]), "has no URI name"),
        (&ca, good.clone().valid(Validity::expired()), "server's certificate has expired"),
        (&ca, Leaf { server: false, ..good.clone() }, "is not for a server"),
        (&other, good.clone(), "not signed by this fleet's authority"),
    ];
    for (issuer, leaf, said_part) in cases {
        // The settings of a server that would never be started this way.
        let pair = issuer.issue(&leaf).unwrap();
        let config = ServerConfig::builder_with_provider(crypto::provider())
            .with_protocol_versions(crypto::VERSIONS)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap(),
            )
            .unwrap();
        let (seen, said) = attempt(config, client_config(&own).unwrap()).await;
        assert!(said.contains(said_part), "{said_part}: {said}");
        assert!(seen.contains("refused this controller's certificate"), "{seen}");
    }
}

/// A `ClientHello` of TLS 1.2: no `supported_versions` extension.
fn tls12_hello() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]); // random
    body.push(0); // no session
    body.extend([0, 2, 0xc0, 0x2b]); // ECDHE-ECDSA-AES128-GCM-SHA256
    body.extend([1, 0]); // no compression
    let extensions = [
        &[0, 10, 0, 4, 0, 2, 0, 23][..], // supported_groups: P-256
        &[0, 13, 0, 4, 0, 2, 4, 3],      // signature_algorithms: ECDSA P-256 SHA-256
    ]
    .concat();
    body.extend([0, u8::try_from(extensions.len()).unwrap()]);
    body.extend(extensions);
    let length = u8::try_from(body.len()).unwrap();
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(body);
    record
}

#[tokio::test]
async fn tls_1_2_and_plain_text_are_refused() {
    let ca = authority();
    for (bytes, seen_part, alert) in [
        (tls12_hello(), "cannot speak TLS 1.3", Some(70)),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "does not speak TLS", None),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = server(&ca, &Leaf::controller("demo", "c"));
        let client = tokio::task::spawn_blocking(move || {
            let mut socket = std::net::TcpStream::connect(address).unwrap();
            socket.write_all(&bytes).unwrap();
            let mut answer = Vec::new();
            let _ = socket.read_to_end(&mut answer); // a reset is an answer too
            answer
        });
        let seen = served(listener, config).await;
        assert!(seen.contains(seen_part), "{seen}");
        let answer = client.await.unwrap();
        if let Some(alert) = alert {
            assert_eq!(answer.last(), Some(&alert), "protocol_version: {answer:?}");
        }
    }
}

#[tokio::test]
async fn an_address_where_no_controller_listens_is_named() {
    let ca = authority();
    let own = credentials(&ca, &ca.issue(&Leaf::host("demo", "web-1")).unwrap());
    let config = Arc::new(client_config(&own).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mute = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let error = connect(&address, config.clone()).await.unwrap_err().to_string();
    assert!(error.starts_with(&address) && error.contains("does not speak TLS"), "{error}");
    mute.await.unwrap();
    let error = connect(&address, config).await.unwrap_err().to_string();
    assert!(error.starts_with(&address) && error.contains("refused"), "{error}");
}

#[test]
fn a_peer_is_known_by_its_uri_and_the_end_of_its_certificate() {
    let ca = authority();
    let leaf = Leaf::operator("demo", "alice");
    let own = credentials(&ca, &ca.issue(&leaf).unwrap()).own;
    assert_eq!(own.identity.to_string(), "spiffe://demo/operator/alice");
    assert_eq!(own.not_after_ms, leaf.validity.ends_s * 1000);
    let Peer { identity, .. } = own;
    assert_eq!(identity.role, Role::Operator);
}

#[test]
fn a_file_that_is_of_no_use_is_named_together_with_what_would_be_right() {
    use std::os::unix::fs::PermissionsExt as _;

    let ca = authority();
    let pair = ca.issue(&Leaf::host("demo", "web-1")).unwrap();
    let stranger = ca.issue(&Leaf::host("demo", "web-2")).unwrap();
    let broken = |change: &dyn Fn(&Files)| {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path(), &ca, &pair);
        change(&files);
        let error = Credentials::load(&files)
            .and_then(|credentials| client_config(&credentials))
            .unwrap_err()
            .to_string();
        error.replace(dir.path().to_str().unwrap(), "DIR")
    };
    let replaced = |file: &Path, text: &str| {
        std::fs::remove_file(file).unwrap();
        write_private(file, text).unwrap();
    };
    assert_eq!(
        broken(&|files| {
            let mode = std::fs::Permissions::from_mode(0o640);
            std::fs::set_permissions(&files.key, mode).unwrap();
        }),
        "DIR/own.key: mode 0640 lets others at the private key; make it 0600 (chmod 600 DIR/own.key)"
    );
    assert_eq!(
        broken(&|files| std::fs::remove_file(&files.ca).unwrap()),
        "DIR/ca.pem: No such file or directory (os error 2); \
         it should be the certificate of the fleet's authority"
    );
    assert_eq!(
        broken(&|files| replaced(&files.certificate, "hello")),
        "DIR/own.pem: no certificate in it; \
         it should be this program's own certificate, in PEM (-----BEGIN …)"
    );
    let swapped = broken(&|files| replaced(&files.key, &stranger.key));
    assert!(swapped.starts_with("DIR/own.key: ") && swapped.contains("keys"), "{swapped}");
    let two = Leaf::host("demo", "a").with_uris(&["spiffe://demo/host/a", "spiffe://demo/host/b"]);
    let ambiguous = ca.issue(&two).unwrap();
    let error = broken(&|files| replaced(&files.certificate, &ambiguous.certificate));
    assert!(error.starts_with("DIR/own.pem: the certificate has 2 URI names"), "{error}");
}

#[test]
fn a_hosts_certificate_does_not_make_a_controller() {
    let ca = authority();
    let pair = ca.issue(&Leaf::host("demo", "web-1")).unwrap();
    let error = server_config(credentials(&ca, &pair)).unwrap_err();
    assert!(matches!(error, FileError::OwnRole { .. }), "{error}");
}
