//! What goes out and what comes in: the response's body, and a request's, with their bounds.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::timeout;

use super::patience::Bounds;
use super::reply::Content;
use super::seats::{Phase, Seat, Seats};
use super::tail::Following;

/// The largest request; supervisord has no limit, and no call comes near this one.
pub(super) const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What is read and thrown away of a request that is refused anyway, so that its sender reads the
/// answer instead of a reset connection.
const DISCARDED_BYTES_MAX: usize = 4 * REQUEST_BYTES_MAX;

/// How long a request that announces too much is read before it is refused: long enough for a sender
/// on this machine to finish and read the answer, short for one that sends nothing.
const ANNOUNCED_TOO_MUCH: Duration = Duration::from_secs(1);

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoBody {
    /// More than [`REQUEST_BYTES_MAX`].
    TooLarge,
    /// It did not come in time, or the client has gone.
    Broken,
}

/// Reads a request's body.
///
/// # Errors
///
/// [`NoBody`] when it is too large, too slow or broken off.
pub(super) async fn read(body: Incoming, bounds: Bounds) -> Result<Bytes, NoBody> {
    if usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX) > REQUEST_BYTES_MAX {
        let _ = timeout(ANNOUNCED_TOO_MUCH, discard_pieces(body, 0, bounds)).await;
        return Err(NoBody::TooLarge);
    }
    let reading = timeout(bounds.body, read_pieces(body, bounds));
    reading.await.unwrap_or(Err(NoBody::Broken))
}

/// Reads and forgets a request's body.
pub(super) async fn discard(body: Incoming, bounds: Bounds) {
    // Whatever came of it, the answer is the same.
    let _ = timeout(bounds.body, discard_pieces(body, 0, bounds)).await;
}

async fn read_pieces(mut body: Incoming, bounds: Bounds) -> Result<Bytes, NoBody> {
    let mut whole = BytesMut::new();
    while let Some(piece) = next_piece(&mut body, bounds).await? {
        if whole.len() + piece.len() > REQUEST_BYTES_MAX {
            discard_pieces(body, whole.len() + piece.len(), bounds).await;
            return Err(NoBody::TooLarge);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

async fn discard_pieces(mut body: Incoming, mut read: usize, bounds: Bounds) {
    while let Ok(Some(piece)) = next_piece(&mut body, bounds).await {
        read += piece.len();
        if read > DISCARDED_BYTES_MAX {
            return;
        }
    }
}

async fn next_piece(body: &mut Incoming, bounds: Bounds) -> Result<Option<Bytes>, NoBody> {
    match timeout(bounds.piece, body.frame()).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())),
        Ok(Some(Err(_))) | Err(_) => Err(NoBody::Broken),
    }
}

/// A response's body; when it has gone out, the connection is idle again.
pub(super) struct Outgoing {
    source: Source,
    sent: u64,
    end: Option<End>,
}

/// What to do at the end: called once, with the bytes sent.
type End = Box<dyn FnOnce(u64) + Send>;

enum Source {
    Whole(Option<Bytes>),
    Followed(Following),
}

impl Outgoing {
    /// `log` is called with the number of bytes when the body ends.
    pub(super) fn new(
        content: Content,
        seats: Arc<Seats>,
        seat: Arc<Seat>,
        log: impl FnOnce(u64) + Send + 'static,
    ) -> Self {
        let source = match content {
            Content::Whole(bytes) => Source::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())),
            Content::Followed(follower) => {
                seat.enter(Phase::Streaming);
                Source::Followed(Following::new(follower))
            }
        };
        let end: End = Box::new(move |sent| {
            seats.rest(&seat);
            log(sent);
        });
        Self { source, sent: 0, end: Some(end) }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end(self.sent);
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let polled = match &mut this.source {
            Source::Whole(bytes) => Poll::Ready(bytes.take()),
            Source::Followed(following) => following.poll_chunk(cx),
        };
        polled.map(|chunk| {
            chunk.map(|chunk| {
                this.sent += chunk.len() as u64;
                Ok(Frame::data(chunk))
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.source, Source::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Source::Followed(_) => SizeHint::default(),
        }
    }
}
