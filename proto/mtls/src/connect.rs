//! The client's side of a connection: agents and operators dial with this.
//!
//! Under TLS 1.3 the client is done before the server has looked at its certificate, so a refusal
//! shows only on the first read. An HTTP/2 server speaks first: [`connect`] waits for those bytes,
//! so that it can say why it was refused, and gives them back to whoever reads next.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

use crate::refusal::{alert_advice, certificate_fault, tls_error};

/// Name lookup, TCP, TLS and the server's first bytes together: a server that needs longer is as
/// good as gone, and another address or a later attempt is better.
pub const CONNECT_MAX: Duration = Duration::from_secs(10);

/// The first bytes of an HTTP/2 server are a SETTINGS frame of some 50 bytes; what more has come
/// by then fits here or is read later.
const FIRST_BYTES_MAX: usize = 1024;

/// Why there is no connection. The text says where, what and what to do.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// Nobody answered in time.
    #[error("{address}: no answer within {} s; is it the right address, and is the way open?", CONNECT_MAX.as_secs())]
    TimedOut {
        /// Where.
        address: String,
    },
    /// No TCP connection, or it broke.
    #[error("{address}: {source}")]
    Io {
        /// Where.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The server is not one that we want.
    #[error("{address}: {reason}")]
    NotOurs {
        /// Where.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server does not want us.
    #[error("{address}: {reason}")]
    Refused {
        /// Where.
        address: String,
        /// Why, and what to do.
        reason: String,
    },
    /// TLS stands, and no HTTP/2 came of it.
    #[error("{address}: no HTTP/2 connection: {source}")]
    Http {
        /// Where.
        address: String,
        /// What tonic said.
        source: tonic::transport::Error,
    },
}

impl ConnectError {
    /// The text without the address, for callers that have named it already.
    #[must_use]
    pub fn reason(&self) -> String {
        let text = self.to_string();
        match self {
            Self::TimedOut { address }
            | Self::Io { address, .. }
            | Self::NotOurs { address, .. }
            | Self::Refused { address, .. }
            | Self::Http { address, .. } => {
                let rest = text.strip_prefix(&format!("{address}: "));
                rest.map_or_else(|| text.clone(), str::to_owned)
            }
        }
    }
}

/// Often enough that a waiting operator learns within half a minute that nobody answers any more.
pub const PING_EVERY: Duration = Duration::from_secs(20);

/// A busy controller may take a moment for its answer.
pub const PONG_MAX: Duration = Duration::from_secs(10);

/// What HTTP/2 wants to be told; who the other end is, its certificate says.
const AUTHORITY: &str = "http://controller";

/// A verified connection, ready for HTTP/2.
pub type Stream = TokioIo<Replayed<TlsStream<TcpStream>>>;

/// Dials `HOST:PORT`. When this returns, the server has accepted our certificate.
///
/// # Errors
///
/// [`ConnectError`], after [`CONNECT_MAX`] at the latest.
pub async fn connect(address: &str, config: Arc<ClientConfig>) -> Result<Stream, ConnectError> {
    match timeout(CONNECT_MAX, dial(address, config)).await {
        Ok(result) => result.map_err(|source| explained(address, source)),
        Err(_) => Err(ConnectError::TimedOut { address: address.to_owned() }),
    }
}

/// Dials `HOST:PORT` and opens one HTTP/2 connection for gRPC. It is not opened again when it
/// breaks: calls fail then, and the caller dials anew.
///
/// # Errors
///
/// [`ConnectError`], as [`connect`].
pub async fn channel(address: &str, config: Arc<ClientConfig>) -> Result<Channel, ConnectError> {
    open(address, config, Endpoint::from_static(AUTHORITY)).await
}

/// The same for whoever waits for a stream and has no signs of life of its own: a server that
/// vanishes without a word (its machine dies, the network is cut) fails the stream within
/// [`PING_EVERY`] and [`PONG_MAX`].
///
/// # Errors
///
/// [`ConnectError`], as [`connect`].
pub async fn pinged_channel(
    address: &str,
    config: Arc<ClientConfig>,
) -> Result<Channel, ConnectError> {
    let endpoint = Endpoint::from_static(AUTHORITY)
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG_MAX);
    open(address, config, endpoint).await
}

async fn open(
    address: &str,
    config: Arc<ClientConfig>,
    endpoint: Endpoint,
) -> Result<Channel, ConnectError> {
    let mut stream = Some(connect(address, config).await?);
    let connector = tower::service_fn(move |_| {
        let once = stream.take();
        async move { once.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)) }
    });
    endpoint
        .connect_with_connector(connector)
        .await
        .map_err(|source| ConnectError::Http { address: address.to_owned(), source })
}

async fn dial(address: &str, config: Arc<ClientConfig>) -> io::Result<Stream> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    // Names decide nothing, and none is sent: the URI is what counts.
    let nobody = ServerName::try_from("controller").expect("a DNS label");
    let mut tls = TlsConnector::from(config).connect(nobody, socket).await?;
    let mut first = vec![0; FIRST_BYTES_MAX];
    let length = tls.read(&mut first).await?;
    if length == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    first.truncate(length);
    Ok(TokioIo::new(Replayed { first, given: 0, inner: tls }))
}

fn explained(address: &str, source: io::Error) -> ConnectError {
    let address = address.to_owned();
    match tls_error(&source) {
        Some(rustls::Error::AlertReceived(alert)) => {
            ConnectError::Refused { address, reason: alert_advice(*alert) }
        }
        Some(rustls::Error::InvalidCertificate(fault)) => {
            ConnectError::NotOurs { address, reason: certificate_fault(fault, "server") }
        }
        Some(rustls::Error::InvalidMessage(_)) => ConnectError::NotOurs {
            address,
            reason: "the server does not speak TLS; is it a controller's gRPC port?".to_owned(),
        },
        Some(other) => ConnectError::NotOurs { address, reason: other.to_string() },
        None if source.kind() == io::ErrorKind::UnexpectedEof => ConnectError::NotOurs {
            address,
            reason: "the server hung up without a word; is it a controller's gRPC port?".to_owned(),
        },
        None => ConnectError::Io { address, source },
    }
}

/// A stream whose first bytes were read already, and are read again.
#[derive(Debug)]
pub struct Replayed<S> {
    first: Vec<u8>,
    given: usize,
    inner: S,
}

impl<S> Replayed<S> {
    /// The stream beneath, for its TLS session.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Replayed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.given == self.first.len() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let end = self.first.len().min(self.given + buf.remaining());
        buf.put_slice(&self.first[self.given..end]);
        self.given = end;
        if self.given == self.first.len() {
            self.first = Vec::new();
            self.given = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Replayed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
