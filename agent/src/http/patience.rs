//! A connection that does not wait for ever: a client that begins a request has to finish its
//! head, and one that asked for an answer has to take it. Between requests there is no timer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::seats::{Phase, Seat};

/// How many clients there may be, and how long each may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Connections at a time, over all servers.
    pub(super) connections: usize,
    /// From the first byte of a request to the end of its head. Ordinary clients send both at once.
    pub(super) head: Duration,
    /// Between two pieces of a request's body.
    pub(super) piece: Duration,
    /// A whole request's body: enough for the largest at 1 Mbit/s.
    pub(super) body: Duration,
    /// How long an answer may lie in the socket without any of it being taken. A followed log may
    /// stand still for as long as the client likes.
    pub(super) taking: Duration,
    /// How long answers that are under way may take at the end of the agent.
    pub(super) farewell: Duration,
}

/// What every server grants. supervisord has no limit of connections; with the default `minfds`
/// of 1024 this one leaves three quarters of the descriptors to programs and logs.
pub(super) const BOUNDS: Bounds = Bounds {
    connections: 256,
    head: Duration::from_secs(30),
    piece: Duration::from_secs(30),
    body: Duration::from_secs(150),
    taking: Duration::from_mins(1),
    farewell: Duration::from_secs(2),
};

/// A stream under watch.
pub(super) struct Patience<S> {
    stream: S,
    seat: Arc<Seat>,
    bounds: Bounds,
    head: Option<Pin<Box<Sleep>>>,
    taking: Option<Pin<Box<Sleep>>>,
}

impl<S> Patience<S> {
    pub(super) fn new(stream: S, seat: Arc<Seat>, bounds: Bounds) -> Self {
        Self { stream, seat, bounds, head: None, taking: None }
    }
}

/// Ready with an error once the time that began at the first call is over.
fn expired(
    timer: &mut Option<Pin<Box<Sleep>>>,
    length: Duration,
    cx: &mut Context<'_>,
) -> Poll<io::Error> {
    let timer = timer.get_or_insert_with(|| Box::pin(sleep(length)));
    timer.as_mut().poll(cx).map(|()| io::ErrorKind::TimedOut.into())
}

impl<S: AsyncRead + Unpin> AsyncRead for Patience<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        if this.seat.phase() == Phase::Idle && buf.filled().len() > before {
            this.seat.enter(Phase::Head);
        }
        match this.seat.phase() {
            Phase::Head if read.is_pending() => {
                expired(&mut this.head, this.bounds.head, cx).map(Err)
            }
            Phase::Head => read,
            Phase::Idle | Phase::Busy | Phase::Streaming | Phase::Leaving => {
                this.head = None;
                read
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Patience<S> {
    fn watch<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_pending() && self.seat.phase() != Phase::Streaming {
            return expired(&mut self.taking, self.bounds.taking, cx).map(Err);
        }
        self.taking = None;
        written
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patience<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(flushed, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
