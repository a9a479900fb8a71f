//! One server over XML-RPC: HTTP/1.1 on a unix socket or on TCP, with basic authentication.

use std::io;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use proto_xmlrpc::{MAX_RESPONSE_BYTES, Value, parse_response, write_call};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::runtime::Runtime;

use super::input::{Input, Leftover};
use super::place::Place;
use super::trouble::{Kind, Trouble};
use super::watch::Following;
use super::{Heard, Reach, Watch};

/// Where XML-RPC is served.
const RPC_PATH: &str = "/RPC2";
const AGENT: &str = concat!("fleetvisorctl/", env!("CARGO_PKG_VERSION"));

/// A connection to a server, opened when first needed.
pub struct Local {
    runtime: Rc<Runtime>,
    url: String,
    access: Access,
    sender: Option<Sender>,
    interruptible: bool,
    leftover: Leftover,
}

/// User's name and password.
#[derive(Debug, Default, Clone)]
pub struct Access {
    /// The user's name.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
}

impl Access {
    /// What the `Authorization` header says.
    fn header(username: &str, password: &str) -> String {
        format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
    }

    /// For calls: once both are known.
    pub fn for_calls(&self) -> Option<String> {
        Some(Self::header(self.username.as_deref()?, self.password.as_deref()?))
    }

    /// For following logs: once there is a password.
    pub fn for_logs(&self) -> Option<String> {
        let password = self.password.as_deref().filter(|password| !password.is_empty())?;
        Some(Self::header(self.username.as_deref().unwrap_or("None"), password))
    }
}

/// Sends requests on one connection.
pub type Sender = SendRequest<Full<Bytes>>;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Local {
    /// A server that is not yet connected to. `interruptible`: Ctrl-C ends a call instead of the
    /// program.
    ///
    /// # Errors
    ///
    /// When the system gives us no event queue.
    pub fn new(url: String, access: Access, interruptible: bool) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self {
            runtime: Rc::new(runtime),
            url,
            access,
            sender: None,
            interruptible,
            leftover: Leftover::default(),
        })
    }

    /// Sends a call on the open connection, or on a new one.
    async fn exchange(&mut self, body: Vec<u8>) -> Result<Value, Trouble> {
        let place = Place::parse(&self.url)?;
        let mut sender = match self.sender.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => connect(&place).await?,
        };
        let request = self.request(&place, body)?;
        sender.ready().await.map_err(|e| http_trouble(&e))?;
        let response = sender.send_request(request).await.map_err(|e| http_trouble(&e))?;
        let status = response.status();
        if status != hyper::StatusCode::OK {
            let reason = status.canonical_reason().unwrap_or("Unknown").to_owned();
            return Err(Trouble::new(Kind::Status { code: status.as_u16(), reason }));
        }
        let body = Limited::new(response.into_body(), MAX_RESPONSE_BYTES).collect().await;
        let body = body.map_err(|e| match e.downcast::<hyper::Error>() {
            Ok(error) => http_trouble(&error),
            Err(other) => Trouble::new(Kind::Protocol(other.to_string())),
        })?;
        self.sender = Some(sender);
        let answer = parse_response(&body.to_bytes());
        let answer = answer.map_err(|bad| Trouble::new(Kind::Body(bad)))?;
        answer.map_err(|fault| Trouble::new(Kind::Fault(fault)))
    }

    fn request(&self, place: &Place, body: Vec<u8>) -> Result<Request<Full<Bytes>>, Trouble> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(RPC_PATH)
            .header(HOST, place.host())
            .header(USER_AGENT, AGENT)
            .header(CONTENT_TYPE, "text/xml")
            .header(ACCEPT, "text/xml");
        if let Some(credentials) = self.access.for_calls() {
            request = request.header(AUTHORIZATION, credentials);
        }
        let request = request.body(Full::new(Bytes::from(body)));
        request.map_err(|e| Trouble::value("ValueError", e.to_string()))
    }
}

/// Opens a connection; its driver is a task of the runtime and ends with it.
pub async fn connect(place: &Place) -> Result<Sender, Trouble> {
    let stream: Box<dyn Stream> = match place {
        Place::Unix(path) => {
            Box::new(UnixStream::connect(path).await.map_err(|e| Trouble::io(&e))?)
        }
        Place::Tcp(host, port) => Box::new(dial(host, *port).await?),
    };
    let (sender, driver) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|e| http_trouble(&e))?;
    tokio::spawn(async move {
        // Its error is also the error of the request that it was driving.
        let _ = driver.await;
    });
    Ok(sender)
}

/// Tries every address of a name; the last failure counts.
async fn dial(host: &str, port: u16) -> Result<TcpStream, Trouble> {
    let addresses = lookup_host((host, port)).await.map_err(|e| unknown_host(&e))?;
    let mut last = Trouble::new(Kind::Lookup("Name or service not known".to_owned()));
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Trouble::io(&error),
        }
    }
    Err(last)
}

/// Why a name could not be looked up.
#[track_caller]
fn unknown_host(error: &io::Error) -> Trouble {
    if error.raw_os_error().is_some() {
        return Trouble::io(error);
    }
    let text = error.to_string();
    let reason = text.rsplit("address information: ").next().unwrap_or(&text);
    Trouble::new(Kind::Lookup(reason.to_owned()))
}

/// What an error of hyper comes from, as far as it says.
#[track_caller]
pub fn http_trouble(error: &hyper::Error) -> Trouble {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return Trouble::io(io);
        }
        source = inner.source();
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return Trouble::new(Kind::Disconnected);
    }
    Trouble::new(Kind::Protocol(error.to_string()))
}

impl Reach for Local {
    fn url(&self) -> String {
        self.url.clone()
    }

    fn turn_to(&mut self, url: &str) {
        url.clone_into(&mut self.url);
        self.begin();
    }

    fn authenticate(&mut self, username: String, password: String) {
        self.access = Access { username: Some(username), password: Some(password) };
        self.begin();
    }

    fn begin(&mut self) {
        self.sender = None;
    }

    fn call(&mut self, method: &str, params: &[Value]) -> Result<Value, Trouble> {
        let body = write_call(&format!("supervisor.{method}"), params);
        let runtime = Rc::clone(&self.runtime);
        if !self.interruptible {
            return runtime.block_on(self.exchange(body));
        }
        runtime.block_on(async {
            tokio::select! {
                answer = self.exchange(body) => answer,
                _ = tokio::signal::ctrl_c() => Err(Trouble::new(Kind::Interrupted)),
            }
        })
    }

    fn follow(&mut self, paths: &[String], with_input: bool) -> Result<Box<dyn Watch>, Trouble> {
        let input = with_input.then_some(&self.leftover);
        let runtime = Rc::clone(&self.runtime);
        let following = Following::begin(runtime, &self.url, &self.access, paths, input)?;
        Ok(Box::new(following))
    }

    fn line(&mut self) -> Heard {
        let mut input = Input::new(&self.leftover);
        let heard = |line: Option<String>| line.map_or(Heard::EndOfInput, Heard::Line);
        if !self.interruptible {
            return heard(self.runtime.block_on(input.line()));
        }
        self.runtime.block_on(async {
            tokio::select! {
                line = input.line() => heard(line),
                _ = tokio::signal::ctrl_c() => Heard::Interrupted,
            }
        })
    }
}
