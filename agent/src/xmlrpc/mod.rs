//! Door: supervisord's XML-RPC interface. Call → command → reply → answer.
//!
//! `crate::http` hands over the body of a POST to `/RPC2` and gets back what to answer. Methods
//! are looked up in one closed table (`table`); a file per group of methods asks the core and
//! puts its reply into XML-RPC's words; refusals become faults in one place (`faults`). No
//! decision about a process is taken here.

mod args;
mod config;
mod control;
mod faults;
mod info;
mod log_file;
mod logs;
mod signals;
mod state;
mod system;
mod table;

use std::pin::Pin;
use std::sync::Arc;

use agent_core::command::{Command, Reply};
use agent_core::spec::Level;
use bytes::Bytes;
use proto_words::{FaultCode, Origin, SupervisorState, repr};
use proto_xmlrpc::{BadBody, Call, Fault, Value, parse_call, write_fault, write_response};
use tokio::task::spawn_blocking;

use crate::mailbox::Mailbox;
use args::Args;
use faults::{bare, fault};
use table::{Method, Verb};

/// Where lines for the activity log go.
pub type Log = Arc<dyn Fn(Level, String) + Send + Sync>;

/// A call that is being answered: the body of the response, or the HTTP status in its place.
pub type Answering = Pin<Box<dyn Future<Output = Result<Vec<u8>, u16>> + Send>>;

/// What answers the body of a POST to `/RPC2`: what `crate::http` is given to do it with.
pub type Handler = Arc<dyn Fn(Bytes) -> Answering + Send + Sync>;

/// From this many bytes on, reading or writing XML would hold up other clients: it goes to the
/// blocking pool. Ordinary calls have a few hundred.
const LARGE_BYTES: usize = 64 * 1024;

/// How much of a body that is no call is shown in the log.
const SHOWN_CHARS: usize = 200;

/// Why a request has no XML-RPC answer: what HTTP has to say instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswerable {
    /// 400: no call.
    Malformed,
    /// 413: more than is read.
    TooLarge,
    /// 500: supervisord fails on such arguments, and says no more.
    Internal,
}

impl Unanswerable {
    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::TooLarge => 413,
            Self::Internal => 500,
        }
    }
}

/// Why a method has no value.
#[derive(Debug)]
enum Failure {
    /// An answer like any other, with a code.
    Fault(Fault),
    /// What supervisord answers with 500; the text is for the log.
    Internal(String),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What a method comes to.
type Outcome = Result<Value, Failure>;

/// The door.
#[derive(Clone)]
pub struct Xmlrpc {
    mailbox: Mailbox,
    log: Log,
}

impl Xmlrpc {
    /// A door to the core behind `mailbox`; `log` takes lines for the activity log.
    #[must_use]
    pub fn new(mailbox: Mailbox, log: Log) -> Self {
        Self { mailbox, log }
    }

    /// The door as a function, for whoever receives the requests.
    #[must_use]
    pub fn handler(self) -> Handler {
        Arc::new(move |body| {
            let door = self.clone();
            Box::pin(async move { door.answer(body).await.map_err(Unanswerable::status) })
        })
    }

    /// Answers one request's body with the body of a response.
    ///
    /// # Errors
    ///
    /// [`Unanswerable`], the status of which says what was wrong.
    pub async fn answer(&self, body: Bytes) -> Result<Vec<u8>, Unanswerable> {
        let call = self.read(body).await?;
        (self.log)(Level::Trace, format!("XML-RPC method called: {}()", call.method));
        match self.call(&call.method, call.params).await {
            Ok(value) => {
                let text = format!("XML-RPC method {}() returned successfully", call.method);
                (self.log)(Level::Trace, text);
                write(value).await
            }
            Err(Failure::Fault(Fault { code, text })) => {
                let line =
                    format!("XML-RPC method {}() returned fault: [{code}] {text}", call.method);
                (self.log)(Level::Trace, line);
                Ok(write_fault(code, &text))
            }
            Err(Failure::Internal(why)) => {
                let line = format!("XML-RPC method {}() cannot be answered: {why}", call.method);
                (self.log)(Level::Error, line);
                Err(Unanswerable::Internal)
            }
        }
    }

    async fn read(&self, body: Bytes) -> Result<Call, Unanswerable> {
        let shown: String = String::from_utf8_lossy(&body[..body.len().min(4 * SHOWN_CHARS)])
            .chars()
            .take(SHOWN_CHARS)
            .collect();
        let read = if body.len() < LARGE_BYTES {
            Ok(parse_call(&body))
        } else {
            spawn_blocking(move || parse_call(&body)).await
        };
        let (what, status) = match read {
            Ok(Ok(call)) => return Ok(call),
            Ok(Err(BadBody::NoMethodName)) => {
                ("no method name".to_owned(), Unanswerable::Malformed)
            }
            Ok(Err(bad @ BadBody::TooLarge { .. })) => (bad.to_string(), Unanswerable::TooLarge),
            Ok(Err(bad)) => (format!("unmarshallable: {bad}"), Unanswerable::Malformed),
            Err(failed) => (failed.to_string(), Unanswerable::Internal),
        };
        let line = format!("XML-RPC request data {} is invalid: {what}", repr(&shown));
        (self.log)(Level::Error, line);
        Err(status)
    }

    /// Calls one method by its full name.
    async fn call(&self, name: &str, params: Vec<Value>) -> Outcome {
        let Some(method) = self.find(name) else {
            return Err(bare(FaultCode::UnknownMethod).into());
        };
        let arity = method.required()..=method.params.len();
        if !arity.contains(&params.len()) {
            return Err(bare(FaultCode::IncorrectParameters).into());
        }
        if method.needs_running() {
            self.must_run().await?;
        }
        self.run(method.verb, Args::new(params)).await
    }

    /// The method of that name, if its interface is configured.
    fn find(&self, name: &str) -> Option<&'static Method> {
        self.methods().find(|method| method.name == name)
    }

    /// Every method there is, sorted by name.
    fn methods(&self) -> impl Iterator<Item = &'static Method> + use<> {
        let all = self.mailbox.facts.has_supervisor_interface;
        table::METHODS.iter().filter(move |method| all || method.name.starts_with("system."))
    }

    /// Nothing but `system.` methods and remote events is answered while everything stops.
    async fn must_run(&self) -> Result<(), Failure> {
        match self.ask(Command::State).await {
            Reply::State(SupervisorState::Running | SupervisorState::Fatal) => Ok(()),
            Reply::State(SupervisorState::Restarting | SupervisorState::Shutdown) => {
                Err(bare(FaultCode::ShutdownState).into())
            }
            Reply::Refused(refusal) => Err(fault(refusal, "").into()),
            other => Err(unexpected(&other)),
        }
    }

    async fn ask(&self, command: Command) -> Reply {
        self.mailbox.ask(Origin::LocalXmlrpc, command).await
    }

    /// Asks for something that is done or refused; `subject` is the name as the client gave it.
    async fn order(&self, command: Command, subject: &str) -> Outcome {
        match self.ask(command).await {
            Reply::Done => Ok(true.into()),
            Reply::Results(results) => Ok(faults::results(results)),
            Reply::Refused(refusal) => Err(fault(refusal, subject).into()),
            other => Err(unexpected(&other)),
        }
    }

    async fn run(&self, verb: Verb, args: Args) -> Outcome {
        match verb {
            Verb::ListMethods => Ok(self.list_methods()),
            Verb::MethodHelp => self.method_help(&args),
            Verb::MethodSignature => self.method_signature(&args),
            Verb::Multicall => Box::pin(self.multicall(args)).await,
            Verb::ApiVersion => Ok(state::API_VERSION.into()),
            Verb::SupervisorVersion => Ok(state::SUPERVISOR_VERSION.into()),
            Verb::Identification => Ok(self.mailbox.facts.identifier.as_str().into()),
            Verb::State => self.state().await,
            Verb::Pid => Ok(args::int(i64::from(self.mailbox.facts.pid))),
            Verb::Shutdown => self.order(Command::Shutdown, "").await,
            Verb::Restart => self.order(Command::Reload, "").await,
            Verb::RemoteEvent => self.remote_event(&args).await,
            Verb::ReadMainLog => self.read_main_log(&args).await,
            Verb::ClearMainLog => self.clear_main_log().await,
            Verb::ReadLog(channel) => self.read_log(&args, channel).await,
            Verb::TailLog(channel) => self.tail_log(&args, channel).await,
            Verb::ClearLogs => self.clear_logs(&args).await,
            Verb::ClearAllLogs => self.order(Command::ClearAllLogs, "").await,
            Verb::Info => self.info(&args).await,
            Verb::AllInfo => self.all_info().await,
            Verb::AllConfig => self.all_config().await,
            Verb::ReloadConfig => self.reload_config().await,
            Verb::AddGroup => self.add_group(&args).await,
            Verb::RemoveGroup => self.remove_group(&args).await,
            Verb::Start(reach) => self.start(&args, reach).await,
            Verb::Stop(reach) => self.stop(&args, reach).await,
            Verb::Signal(reach) => self.signal(&args, reach).await,
            Verb::WriteStdin => self.write_stdin(&args).await,
        }
    }
}

async fn write(value: Value) -> Result<Vec<u8>, Unanswerable> {
    if weight(&value) < LARGE_BYTES {
        return Ok(write_response(&value));
    }
    let written = spawn_blocking(move || write_response(&value)).await;
    written.map_err(|_| Unanswerable::Internal)
}

/// Roughly how many bytes a value becomes.
fn weight(value: &Value) -> usize {
    /// What a number and the tags around it come to.
    const TAGS: usize = 40;
    TAGS + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Struct(members) => members.iter().map(|(_, value)| weight(value)).sum(),
        Value::Nil | Value::Int(_) | Value::Boolean(_) | Value::Double(_) | Value::DateTime(_) => 0,
    }
}

/// The core kept to no contract that this door knows of.
fn unexpected(reply: &Reply) -> Failure {
    Failure::Internal(format!("the core answered with {reply:?}"))
}

#[cfg(test)]
mod tests;
