//! Who is not let in: each refusal has its line in the controller's log, and its words for whoever
//! was refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use certs_dev::{Authority, Leaf, Pair, Validity};
use integration::fleet::{FLEET, Fleet, OPERATOR};
use integration::home::Home;
use integration::places;
use integration::ran::Ran;
use integration::wait::{self, PATIENCE};

use super::{member, programs};

/// Somebody who keeps to no rule of ours: any certificate or none, any version of TLS, any path.
/// Prints `let in`, `refused` or, with a path, what the answer to its call began with.
const STRANGER: &str = r"
import socket, ssl, struct, sys
port, version, certificate, key, path = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
context.set_alpn_protocols(['h2'])
if certificate:
    context.load_cert_chain(certificate, key)
frame = lambda kind, flags, stream, body: struct.pack('>I', len(body))[1:] + struct.pack('>BBI', kind, flags, stream) + body
text = lambda word: bytes([len(word)]) + word.encode()
head = {':method': 'POST', ':scheme': 'http', ':path': path, ':authority': 'controller',
        'content-type': 'application/grpc', 'te': 'trailers'}
try:
    with context.wrap_socket(socket.create_connection(('127.0.0.1', int(port)), 30)) as tls:
        first = tls.recv(9)
        if not path:
            print('let in' if first else 'refused')
            sys.exit()
        fields = b''.join(b'\0' + text(name) + text(value) for name, value in head.items())
        tls.sendall(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + frame(4, 0, 0, b'') + frame(1, 4, 1, fields))
        stream = tls.makefile('rb')
        body = stream.read(int.from_bytes(first[:3], 'big'))
        while True:
            length, kind, flags, number = struct.unpack('>IBBI', b'\0' + stream.read(9))
            stream.read(length)
            if (kind, number) == (1, 1):
                print('ended' if flags & 1 else 'goes on')
                sys.exit()
except (ssl.SSLError, ConnectionError):
    print('refused')
";

/// A fleet, and certificates of all kinds.
struct Stage {
    fleet: Fleet,
    home: Home,
    authority: Authority,
}

impl Stage {
    fn new(fleet: Fleet) -> Self {
        let key = fs::read_to_string(fleet.certificates().join("ca.key")).unwrap();
        Self {
            fleet,
            home: Home::new(),
            authority: Authority::from_key(FLEET, Validity::days(1), &key).unwrap(),
        }
    }

    /// Writes a pair and returns the two files.
    fn files(&self, name: &str, pair: &Pair) -> [PathBuf; 2] {
        let files =
            [format!("{name}.pem"), format!("{name}.key")].map(|name| self.home.join(&name));
        certs_dev::write_public(&files[0], &pair.certificate).unwrap();
        certs_dev::write_private(&files[1], &pair.key).unwrap();
        files
    }

    fn issued(&self, name: &str, leaf: &Leaf) -> [PathBuf; 2] {
        self.files(name, &self.authority.issue(leaf).unwrap())
    }

    /// What a stranger gets.
    fn stranger(&self, version: &str, files: Option<&[PathBuf; 2]>, path: &str) -> String {
        let none = [PathBuf::new(), PathBuf::new()];
        let [certificate, key] = files.unwrap_or(&none);
        let port = self.fleet.address().port().to_string();
        let mut command = Command::new("python3");
        command.args(["-c", STRANGER, &port, version]).arg(certificate).arg(key).arg(path);
        let ran = Ran::of(&mut command).unwrap();
        assert_eq!(ran.code, 0, "{ran}");
        ran.stdout.trim().to_owned()
    }

    /// Runs the client with these certificates and nothing else to go by.
    fn client(&self, ca: &Path, files: Option<&[PathBuf; 2]>, words: &[&str]) -> Ran {
        let mut command = Command::new(places::binary("fleetvisorctl"));
        command
            .args(["-s", &format!("fleet://{}", self.fleet.address())])
            .arg("--ca")
            .arg(ca)
            .env("HOME", self.home.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("FLEETVISOR_CONFIG")
            .current_dir(self.home.path());
        if let Some([certificate, key]) = files {
            command.arg("--certificate").arg(certificate).arg("--key").arg(key);
        }
        Ran::of(command.args(words)).unwrap()
    }

    fn ca(&self) -> PathBuf {
        self.fleet.certificates().join("ca.pem")
    }

    /// Waits until one line of the controller's log, after the first `from` bytes, has all phrases.
    fn wait_line(&self, from: usize, phrases: &[&str]) {
        wait::until(PATIENCE, &format!("a line with {phrases:?}"), || {
            let words = self.fleet.controller_words();
            let mut lines = words[from..].lines();
            if lines.any(|line| phrases.iter().all(|phrase| line.contains(phrase))) {
                Ok(())
            } else {
                Err(words)
            }
        });
    }
}

/// The certificates that let nobody in: a name, the certificate, what the controller's log says of
/// it, and the client's exit code and words.
fn useless(stage: &Stage) -> Vec<(&'static str, Pair, &'static str, i32, &'static str)> {
    let operator = || Leaf::operator(FLEET, OPERATOR);
    let two = ["spiffe://test/operator/ops", "spiffe://test/operator/other"];
    let issue = |leaf: Leaf| stage.authority.issue(&leaf).unwrap();
    let stranger = Authority::new(FLEET, Validity::days(1)).unwrap();
    vec![
        (
            "stranger",
            stranger.issue(&operator()).unwrap(),
            "not signed by this fleet's authority",
            19,
            "both ends need certificates of one authority",
        ),
        (
            "expired",
            issue(operator().valid(Validity::expired())),
            "the client's certificate has expired",
            19,
            "has expired, or is not valid yet; renew it",
        ),
        (
            "two",
            issue(operator().with_uris(&two)),
            "2 URI names",
            2,
            "it must have exactly one, spiffe://FLEET/ROLE/NAME",
        ),
        (
            "none",
            issue(operator().with_uris(&[])),
            "no URI name",
            2,
            "it needs exactly one, spiffe://FLEET/ROLE/NAME",
        ),
        (
            "wrong",
            issue(operator().with_uris(&["https://test/operator/ops"])),
            "is not an identity",
            2,
            "spiffe://",
        ),
        (
            "other",
            issue(Leaf::operator("other", OPERATOR)),
            "is not of fleet test",
            20,
            "both ends need certificates of one fleet",
        ),
    ]
}

#[test]
fn who_has_no_right_certificate_is_not_let_in() {
    let mut fleet = Fleet::prepare(&[]);
    fleet.start_controller();
    let stage = Stage::new(fleet);
    let good = stage.issued("good", &Leaf::operator(FLEET, OPERATOR));
    assert_eq!(stage.stranger("TLSv1_3", Some(&good), ""), "let in");
    assert_eq!(stage.client(&stage.ca(), Some(&good), &["hosts"]).code, 0);

    for (name, pair, logged, code, told) in useless(&stage) {
        let files = stage.files(name, &pair);
        let from = stage.fleet.controller_words().len();
        assert_eq!(stage.stranger("TLSv1_3", Some(&files), ""), "refused", "{name}");
        stage.wait_line(from, &["refused", "127.0.0.1", logged]);
        let ran = stage.client(&stage.ca(), Some(&files), &["hosts"]);
        assert_eq!(ran.code, code, "{name}: {ran}");
        assert!(ran.stderr.contains(told), "{name}: {ran}");
        assert_eq!(ran.stdout, "", "{name}");
    }
    without_a_certificate(&stage);
    with_an_older_tls(&stage, &good);
}

fn without_a_certificate(stage: &Stage) {
    let from = stage.fleet.controller_words().len();
    assert_eq!(stage.stranger("TLSv1_3", None, ""), "refused");
    stage.wait_line(from, &["refused", "127.0.0.1", "no client certificate"]);
    let ran = stage.client(&stage.ca(), None, &["hosts"]);
    assert_eq!(ran.code, 2, "{ran}");
    for phrase in ["`certificate` is not configured", "--certificate", "certs-dev"] {
        assert!(ran.stderr.contains(phrase), "{ran}");
    }
}

fn with_an_older_tls(stage: &Stage, good: &[PathBuf; 2]) {
    let from = stage.fleet.controller_words().len();
    assert_eq!(stage.stranger("TLSv1_2", Some(good), ""), "refused");
    stage.wait_line(from, &["refused", "127.0.0.1", "TLS 1.3"]);
}

#[test]
fn a_role_opens_no_other_roles_methods() {
    let mut fleet = Fleet::prepare(&[]);
    fleet.start_controller();
    let stage = Stage::new(fleet);
    let host = stage.issued("host", &Leaf::host(FLEET, "web-1"));
    let verbs: [&[&str]; 5] =
        [&["hosts"], &["status"], &["events"], &["operations"], &["start", "all"]];
    for words in verbs {
        let from = stage.fleet.controller_words().len();
        let ran = stage.client(&stage.ca(), Some(&host), words);
        assert_eq!(ran.code, 19, "{words:?}: {ran}");
        for phrase in ["spiffe://test/host/web-1 is no operator", "use an operator's certificate"] {
            assert!(ran.stderr.contains(phrase), "{words:?}: {ran}");
        }
        let line = ["refused", "spiffe://test/host/web-1", "127.0.0.1", "is no operator"];
        stage.wait_line(from, &line);
    }
    let operator = stage.issued("operator", &Leaf::operator(FLEET, OPERATOR));
    for method in ["Session", "Bulk"] {
        let from = stage.fleet.controller_words().len();
        let path = format!("/fleetvisor.v1.Link/{method}");
        assert_eq!(stage.stranger("TLSv1_3", Some(&operator), &path), "ended", "{method}");
        let line = ["refused", "spiffe://test/operator/ops", "127.0.0.1", "is no host"];
        stage.wait_line(from, &line);
    }
    // That is how a call looks that is let in.
    let session = stage.stranger("TLSv1_3", Some(&host), "/fleetvisor.v1.Link/Session");
    assert_eq!(session, "goes on");
}

#[test]
fn an_agent_says_why_it_is_refused_and_joins_once_its_certificate_is_right() {
    let conf = programs(&[("api", "forever", "")]);
    let stage = Stage::new(Fleet::start(&[member("web-1", "", &conf)]));
    let host = || Leaf::host(FLEET, "web-1");
    let issue = |leaf: &Leaf| stage.authority.issue(leaf).unwrap();
    let stranger = Authority::new(FLEET, Validity::days(1)).unwrap();
    let two = ["spiffe://test/host/web-1", "spiffe://test/host/web-2"];
    let logged = "refused in the TLS handshake";
    let table = [
        (stranger.issue(&host()).unwrap(), "both ends need certificates of one authority", logged),
        (issue(&host().valid(Validity::expired())), "our certificate has expired", logged),
        (issue(&host().with_uris(&two)), "the certificate has 2 URI names", ""),
        (issue(&host().with_uris(&[])), "the certificate has no URI name", ""),
        (issue(&Leaf::host(FLEET, "web-2")), "change host, or get a certificate for it", ""),
        (issue(&Leaf::operator(FLEET, "web-1")), "it should be one of a host", ""),
    ];
    let agent = stage.fleet.host("web-1");
    let pid = agent.daemon.pid();
    for (pair, told, logged) in table {
        let from = stage.fleet.controller_words().len();
        replace(&stage.fleet, &pair);
        agent.link.cut();
        agent.link.restore();
        agent.daemon.wait_log(told);
        if !logged.is_empty() {
            stage.wait_line(from, &["127.0.0.1", logged]);
        }
        stage.fleet.wait_host("web-1", "down");
    }
    // A certificate that was renewed is read at the next attempt; nothing is started again.
    replace(&stage.fleet, &issue(&host()));
    stage.fleet.wait_host("web-1", "up");
    assert_eq!(stage.fleet.host("web-1").daemon.pid(), pid);
    stage.fleet.host("web-1").daemon.wait_state("api", "STOPPED");
}

/// Gives web-1 another certificate, in its place.
fn replace(fleet: &Fleet, pair: &Pair) {
    let certificates = fleet.certificates();
    fs::write(certificates.join("host-web-1.key"), &pair.key).unwrap();
    fs::write(certificates.join("host-web-1.pem"), &pair.certificate).unwrap();
}
