//! Accepting connections and answering requests, until told to stop.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use agent_core::command::{Command, Reply};
use agent_core::spec::{Credentials, Level};
use hyper::body::{Body as _, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Zoned;
use proto_words::{Namespec, Origin};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::auth::{self, Verdict};
use super::bind::{BoundServer, Listener};
use super::body::{self, NoBody, Outgoing};
use super::patience::{BOUNDS, Bounds, Patience};
use super::reply::{self, Content};
use super::route::{Route, route};
use super::seats::{Phase, Seat, Seats, Ticket};
use super::tail::Follower;
use super::{Log, Rpc, SocketFile};
use crate::descriptors::Kept;
use crate::mailbox::Mailbox;

/// The head of a request: far more than any client sends.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How long accepting rests when the system has no descriptor left for another connection.
const ACCEPT_REST: Duration = Duration::from_secs(1);

/// Answers on every server until `stop` becomes true or its sender is gone. Then no connection
/// is accepted any more, the files of unix sockets are removed, and what is being answered is
/// finished, for at most two seconds.
///
/// Needs a tokio runtime with I/O and time; everything it starts ends with it.
///
/// # Errors
///
/// When the runtime cannot watch a socket; nothing is served then.
pub async fn serve(
    servers: Vec<BoundServer>,
    mailbox: Mailbox,
    rpc: Rpc,
    log: Log,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    serve_within(BOUNDS, servers, mailbox, rpc, log, stop).await
}

/// [`serve`], with a patience of one's own.
pub(super) async fn serve_within(
    bounds: Bounds,
    servers: Vec<BoundServer>,
    mailbox: Mailbox,
    rpc: Rpc,
    log: Log,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let files: Vec<SocketFile> = servers.iter().filter_map(BoundServer::socket_file).collect();
    let seats = Seats::new(bounds.connections);
    let mut doors = JoinSet::new();
    for server in servers {
        let purpose = server.purpose();
        let door = Arc::new(Door {
            rpc: Arc::clone(&rpc),
            mailbox: mailbox.clone(),
            log: Arc::clone(&log),
            credentials: server.credentials,
            seats: Arc::clone(&seats),
            bounds,
        });
        let stop = stop.clone();
        match server.listener {
            Listener::Unix(listener, _) => {
                let listener = Kept::new(UnixListener::from_std(listener)?, purpose);
                doors.spawn(async move { door.run(&*listener, stop).await });
            }
            Listener::Tcp(listener) => {
                let listener = Kept::new(TcpListener::from_std(listener)?, purpose);
                doors.spawn(async move { door.run(&*listener, stop).await });
            }
        }
    }
    stopped(stop).await;
    files.iter().for_each(SocketFile::unlink);
    while let Some(ended) = doors.join_next().await {
        note_panic(&log, ended);
    }
    Ok(())
}

/// Waits until it is time to stop.
async fn stopped(mut stop: watch::Receiver<bool>) {
    // A sender that is gone says the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

fn note_panic(log: &Log, ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        log(Level::Critical, format!("an HTTP connection ended in a fault of ours: {error}"));
    }
}

/// A listener of either kind.
trait Accept {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection, and who it is, as the access log shows it.
    async fn next(&self) -> io::Result<(Self::Stream, String)>;
}

impl Accept for UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn next(&self) -> io::Result<(Self::Stream, String)> {
        let (stream, _) = self.accept().await?;
        Ok((stream, "localhost:0".to_owned()))
    }
}

impl Accept for TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn next(&self) -> io::Result<(Self::Stream, String)> {
        let (stream, peer): (_, SocketAddr) = self.accept().await?;
        // What a followed log says is to be seen at once; without it, it is seen a little later.
        let _ = stream.set_nodelay(true);
        Ok((stream, peer.to_string()))
    }
}

/// One server.
struct Door {
    rpc: Rpc,
    mailbox: Mailbox,
    log: Log,
    credentials: Option<Credentials>,
    seats: Arc<Seats>,
    bounds: Bounds,
}

impl Door {
    async fn run<L: Accept>(self: Arc<Self>, listener: &L, stop: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        let mut stopping = pin!(stopped(stop.clone()));
        loop {
            let (stream, peer) = tokio::select! {
                () = &mut stopping => break,
                Some(ended) = connections.join_next() => {
                    note_panic(&self.log, ended);
                    continue;
                }
                accepted = self.accept(listener) => accepted,
            };
            let ticket = tokio::select! {
                () = &mut stopping => break,
                ticket = self.seats.take() => ticket,
            };
            let door = Arc::clone(&self);
            let stop = stop.clone();
            connections.spawn(async move { door.converse(stream, peer, ticket, stop).await });
        }
        let farewell = async {
            while let Some(ended) = connections.join_next().await {
                note_panic(&self.log, ended);
            }
        };
        // Who is not done by then is cut off when the set is dropped.
        let _ = timeout(self.bounds.farewell, farewell).await;
    }

    /// The next connection. Cancelling it loses none.
    async fn accept<L: Accept>(&self, listener: &L) -> (L::Stream, String) {
        loop {
            match listener.next().await {
                Ok(accepted) => return accepted,
                Err(error) if is_peers_fault(&error) => {}
                Err(error) => {
                    let text = format!("cannot accept an HTTP connection: {error}; trying again");
                    (self.log)(Level::Error, text);
                    sleep(ACCEPT_REST).await;
                }
            }
        }
    }

    /// Everything that one client asks on one connection.
    async fn converse<S>(
        self: Arc<Self>,
        stream: S,
        peer: String,
        ticket: Ticket,
        stop: watch::Receiver<bool>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let seat = Arc::clone(&ticket.seat);
        let answering = service_fn(|request: Request<Incoming>| {
            seat.enter(Phase::Busy);
            self.respond(request, &peer, &seat)
        });
        let stream = TokioIo::new(Patience::new(stream, Arc::clone(&seat), self.bounds));
        let mut connection = pin!(
            http1::Builder::new()
                .title_case_headers(true)
                .header_read_timeout(None)
                .max_buf_size(HEAD_BYTES_MAX)
                .serve_connection(stream, answering)
        );
        tokio::select! {
            // A client that breaks off has its reasons, and they are no news.
            _ = connection.as_mut() => return,
            () = stopped(stop) => if seat.phase() == Phase::Streaming {
                // A log could be followed for ever.
                return;
            },
            () = ticket.seat.leave.notified() => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        peer: &str,
        seat: &Arc<Seat>,
    ) -> Result<Response<Outgoing>, Infallible> {
        let line = format!("\"{} {} {:?}\"", request.method(), request.uri(), request.version());
        let response = self.survive(self.answer(request), &line).await;
        let access = format!(
            "{peer} - - [{}] {line} {}",
            Zoned::now().strftime("%d/%b/%Y:%H:%M:%S %z"),
            response.status().as_u16()
        );
        let log = Arc::clone(&self.log);
        let logged = move |sent| {
            // As supervisord sorts these lines.
            let level =
                if access.to_lowercase().contains("error") { Level::Error } else { Level::Trace };
            log(level, format!("{access} {sent}"));
        };
        let (seats, seat) = (Arc::clone(&self.seats), Arc::clone(seat));
        Ok(response.map(|content| Outgoing::new(content, seats, seat, logged)))
    }

    /// Turns a panic into 500: no request may end the agent.
    async fn survive(
        &self,
        answering: impl Future<Output = Response<Content>>,
        line: &str,
    ) -> Response<Content> {
        let mut answering = pin!(answering);
        poll_fn(|cx| {
            let polled = catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(cx)));
            polled.unwrap_or_else(|_| {
                let text = format!("{line} met a fault of ours and is answered with 500");
                (self.log)(Level::Critical, text);
                reply::last_error(StatusCode::INTERNAL_SERVER_ERROR).into()
            })
        })
        .await
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Content> {
        let header = request.headers().get(AUTHORIZATION);
        match auth::check(self.credentials.as_ref(), header) {
            Verdict::Admitted => {}
            Verdict::Unauthorized => {
                body::discard(request.into_body(), self.bounds).await;
                return reply::unauthorized();
            }
            Verdict::Malformed => {
                body::discard(request.into_body(), self.bounds).await;
                return reply::last_error(StatusCode::BAD_REQUEST);
            }
        }
        let lengthless =
            request.method() == Method::POST && !request.headers().contains_key(CONTENT_LENGTH);
        match route(request.method(), request.uri()) {
            Route::Rpc | Route::Ok | Route::Page if lengthless => {
                reply::last_error(StatusCode::LENGTH_REQUIRED)
            }
            Route::Rpc => self.rpc(request).await,
            Route::Ok => reply::ok(),
            Route::Logtail { name, stderr } => self.logtail(name, stderr).await,
            Route::MainLogtail => follow(self.mailbox.facts.logfile.clone(), false).await,
            Route::Page | Route::Nothing => reply::error(StatusCode::NOT_FOUND),
            Route::BadRequest => {
                body::discard(request.into_body(), self.bounds).await;
                reply::error(StatusCode::BAD_REQUEST)
            }
        }
    }

    async fn rpc(&self, request: Request<Incoming>) -> Response<Content> {
        if request.body().is_end_stream() {
            return reply::error(StatusCode::BAD_REQUEST);
        }
        let body = match body::read(request.into_body(), self.bounds).await {
            Ok(body) => body,
            Err(NoBody::TooLarge) => return reply::last_error(StatusCode::PAYLOAD_TOO_LARGE),
            Err(NoBody::Broken) => return reply::last_error(StatusCode::BAD_REQUEST),
        };
        match (self.rpc)(body).await {
            Ok(body) => reply::xml(body),
            Err(status) => reply::error(
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            ),
        }
    }

    async fn logtail(&self, name: Namespec, stderr: bool) -> Response<Content> {
        let command = Command::Files(name);
        let Reply::Files(files) = self.mailbox.ask(Origin::LocalXmlrpc, command).await else {
            return reply::error(StatusCode::NOT_FOUND);
        };
        let file = if stderr { files.stderr } else { files.stdout };
        follow(file.map(PathBuf::from), true).await
    }
}

async fn follow(path: Option<PathBuf>, unbuffered: bool) -> Response<Content> {
    let Some(path) = path else {
        return reply::error(StatusCode::NOT_FOUND);
    };
    match spawn_blocking(|| Follower::open(path)).await {
        Ok(Ok(follower)) => reply::followed(follower, unbuffered),
        Ok(Err(_)) | Err(_) => reply::error(StatusCode::NOT_FOUND),
    }
}

/// The client was gone before it was accepted.
fn is_peers_fault(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
