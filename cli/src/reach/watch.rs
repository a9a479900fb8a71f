//! Following logs: `GET /logtail/…` streams, and the operator's lines beside them.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HOST, USER_AGENT};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::input::{Input, Leftover};
use super::local::{Access, connect, http_trouble};
use super::place::Place;
use super::trouble::Trouble;
use super::{Heard, Watch};

/// What supervisord's access log shows for a followed log.
const AGENT: &str = "Supervisor HTTP Client";
/// Pieces of log that wait for a slow terminal; when they are full the server has to wait, not
/// our memory to grow. A piece is at most one read of the connection.
const WAITING_PIECES: usize = 16;

enum Piece {
    Log(Bytes),
    Complaint(String),
}

/// Some followed paths.
pub struct Following {
    runtime: Rc<Runtime>,
    pieces: mpsc::Receiver<Piece>,
    input: Option<Input>,
    streams_open: bool,
}

impl Following {
    /// Begins to follow each path in a task of its own.
    ///
    /// # Errors
    ///
    /// An address of another scheme.
    pub fn begin(
        runtime: Rc<Runtime>,
        url: &str,
        access: &Access,
        paths: &[String],
        input: Option<&Leftover>,
    ) -> Result<Self, Trouble> {
        let (sender, pieces) = mpsc::channel(WAITING_PIECES);
        for path in paths {
            let (place, whole) = (Place::parse(url)?, format!("{url}{path}"));
            let (path, access, sender) = (path.clone(), access.for_logs(), sender.clone());
            runtime.spawn(async move {
                if let Err(complaint) = stream(&place, &path, access, &sender).await {
                    let _ = sender.send(Piece::Complaint(format!("{whole} {complaint}"))).await;
                }
            });
        }
        let input = input.map(Input::new);
        Ok(Self { runtime, pieces, input, streams_open: true })
    }
}

impl Watch for Following {
    fn next(&mut self, out: &mut dyn Write) -> Heard {
        let Self { runtime, pieces, input, streams_open } = self;
        runtime.block_on(async {
            loop {
                let piece = tokio::select! {
                    piece = pieces.recv(), if *streams_open => piece,
                    line = next_line(input) => return line.map_or(Heard::EndOfInput, Heard::Line),
                    _ = tokio::signal::ctrl_c() => return Heard::Interrupted,
                };
                let written = match piece {
                    Some(Piece::Log(log)) => out.write_all(&log).and_then(|()| out.flush()),
                    Some(Piece::Complaint(text)) => writeln!(io::stderr(), "{text}"),
                    None if input.is_none() => return Heard::Ended,
                    None => {
                        *streams_open = false;
                        Ok(())
                    }
                };
                if written.is_err() {
                    return Heard::Ended;
                }
            }
        })
    }
}

async fn next_line(input: &mut Option<Input>) -> Option<String> {
    match input {
        Some(input) => input.line().await,
        None => std::future::pending().await,
    }
}

/// Sends everything of one path on, until the server ends it. The error is a text for people.
async fn stream(
    place: &Place,
    path: &str,
    access: Option<String>,
    pieces: &mpsc::Sender<Piece>,
) -> Result<(), String> {
    let told = |trouble: &Trouble| {
        let (class, text) = trouble.class_and_text();
        format!("Cannot connect, error: <class '{class}'> ({text})")
    };
    let mut sender = connect(place).await.map_err(|t| told(&t))?;
    let request = request(place, path, access)?;
    let response = sender.send_request(request).await.map_err(|e| told(&http_trouble(&e)))?;
    if response.status() != hyper::StatusCode::OK {
        return Err(format!("Cannot read, status code {}", response.status().as_u16()));
    }
    let mut body = response.into_body();
    // A connection that breaks ends the log, as its orderly end does.
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(log) = frame.into_data()
            && pieces.send(Piece::Log(log)).await.is_err()
        {
            break;
        }
    }
    Ok(())
}

fn request(
    place: &Place,
    path: &str,
    access: Option<String>,
) -> Result<Request<Full<Bytes>>, String> {
    let mut request = Request::builder()
        .uri(escaped(path))
        .header(HOST, place.host())
        .header(ACCEPT_ENCODING, "chunked")
        .header(ACCEPT, "*/*")
        .header(USER_AGENT, AGENT);
    if let Some(access) = access {
        request = request.header(AUTHORIZATION, access);
    }
    request.body(Full::default()).map_err(|e| e.to_string())
}

/// Bytes that cannot stand in a request line, by number.
fn escaped(path: &str) -> String {
    let stands = |byte: u8| byte.is_ascii_graphic() && !b"#<>\"\\^`{|}".contains(&byte);
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if stands(byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
