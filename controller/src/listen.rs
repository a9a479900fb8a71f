//! The port: TCP, TLS off the accept loop, and who is at the other end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use proto_mtls::{Credentials, FileError, Files, handshake_refusal, peer_identity, server_config};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;
use tracing::warn;

use crate::access::Caller;
use crate::tasks::Tasks;

/// A handshake that needs longer is an attack or a broken line; agents dial again.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// The same once half of the places are taken: whoever opens connections and says nothing must not
/// keep the others waiting. A handshake takes milliseconds, and a busy fleet's still less than this.
const HANDSHAKE_MAX_WHEN_BUSY: Duration = Duration::from_secs(1);

/// Handshakes at one time. A fleet that comes back after an outage is spread by the agents' jitter;
/// the rest waits in the kernel's queue.
const HANDSHAKES_MAX: usize = 256;

/// Connections at one time: agents with a second one for bulk, and operators. Each costs some ten
/// kilobytes; further ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 20_000;

/// Connections that have been accepted and that the server has not taken up.
const READY_MAX: usize = 64;

/// After a failed accept (no descriptor left, most often) the loop breathes before it tries again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A verified connection.
pub(crate) struct Verified {
    tls: TlsStream<TcpStream>,
    caller: Caller,
    _place: OwnedSemaphorePermit,
}

/// What the loop needs besides the socket.
pub(crate) struct Door {
    acceptor: TlsAcceptor,
    fleet: String,
    handshakes: Arc<Semaphore>,
    connections: Arc<Semaphore>,
    ready: mpsc::Sender<io::Result<Verified>>,
}

/// What is ready to listen.
pub(crate) struct Prepared {
    /// For [`accept`].
    pub door: Door,
    /// Verified connections, for the server.
    pub verified: mpsc::Receiver<io::Result<Verified>>,
    /// The fleet of the controller's certificate.
    pub fleet: String,
    /// SHA-256 of the authority's certificate, in hex.
    pub ca_fingerprint: String,
}

/// Reads the certificates.
pub(crate) fn prepare(files: &Files) -> Result<Prepared, FileError> {
    let credentials = Credentials::load(files)?;
    let fleet = credentials.own.identity.fleet.clone();
    let ca_fingerprint = credentials.ca_fingerprint.clone();
    let config = server_config(credentials)?;
    let (ready, verified) = mpsc::channel(READY_MAX);
    let door = Door {
        acceptor: TlsAcceptor::from(Arc::new(config)),
        fleet: fleet.clone(),
        handshakes: Arc::new(Semaphore::new(HANDSHAKES_MAX)),
        connections: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        ready,
    };
    Ok(Prepared { door, verified, fleet, ca_fingerprint })
}

/// Accepts connections until it is dropped. Handshakes are tasks of `tasks`.
pub(crate) async fn accept(listener: TcpListener, door: Door, tasks: Tasks) {
    let door = Arc::new(door);
    loop {
        let (Ok(place), Ok(turn)) = (
            door.connections.clone().acquire_owned().await,
            door.handshakes.clone().acquire_owned().await,
        ) else {
            return; // the semaphores are never closed
        };
        match listener.accept().await {
            Ok((socket, address)) => {
                let door = door.clone();
                tasks.spawn(async move {
                    handshake(&door, socket, address, place).await;
                    drop(turn);
                });
            }
            Err(error) => {
                warn!("cannot accept a connection: {error}; trying again");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn handshake(
    door: &Door,
    socket: TcpStream,
    address: SocketAddr,
    place: OwnedSemaphorePermit,
) {
    if let Err(error) = socket.set_nodelay(true) {
        warn!(from = %address, "no TCP_NODELAY: {error}");
    }
    let busy = door.handshakes.available_permits() < HANDSHAKES_MAX / 2;
    let patience = if busy { HANDSHAKE_MAX_WHEN_BUSY } else { HANDSHAKE_MAX };
    let tls = match timeout(patience, door.acceptor.accept(socket)).await {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => {
            return warn!(from = %address, "refused in the TLS handshake: {}", handshake_refusal(&error));
        }
        Err(_) => {
            let seconds = patience.as_secs();
            return warn!(from = %address, "refused: no TLS handshake within {seconds} s");
        }
    };
    let chain = tls.get_ref().1.peer_certificates().unwrap_or_default();
    match peer_identity(chain).and_then(|peer| peer.of_fleet(&door.fleet)) {
        Ok(peer) => {
            let caller =
                Caller { identity: peer.identity, certificate_ends_ms: peer.not_after_ms, address };
            let _ = door.ready.send(Ok(Verified { tls, caller, _place: place })).await;
        }
        Err(error) => warn!(from = %address, "refused: {error}"),
    }
}

impl Connected for Verified {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

impl AsyncRead for Verified {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_read(cx, buf)
    }
}

impl AsyncWrite for Verified {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}
