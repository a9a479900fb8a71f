//! The door for agents: a session is a hello, a welcome, and then both sides talk.

mod words;

use controller_core::{Hello, SessionId};
use proto::v1::link_server::{Link, LinkServer};
use proto::v1::{AgentMessage, BulkChunk, BulkDone, ControllerMessage, agent_message};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status, Streaming};
use tracing::warn;

use crate::access::{self, Caller, Only, Service};
use crate::mailbox::{Letter, Mailbox, SESSION_QUEUE_MAX, ToAgent};
use crate::tasks::Tasks;

pub(crate) use words::{Keepalives, message};

/// An agent that has connected and says nothing is no agent.
const HELLO_MAX: Duration = Duration::from_secs(10);

/// A message that is larger is refused: a snapshot of 10,000 processes has some 2 MiB.
const MESSAGE_MAX_BYTES: usize = 16 * 1024 * 1024;

/// The service, for hosts only.
pub(crate) fn service(
    mailbox: Mailbox,
    tasks: Tasks,
) -> InterceptedService<LinkServer<Door>, Only> {
    let server =
        LinkServer::new(Door { mailbox, tasks }).max_decoding_message_size(MESSAGE_MAX_BYTES);
    InterceptedService::new(server, Only(Service::Link))
}

/// The door.
#[derive(Debug)]
pub(crate) struct Door {
    mailbox: Mailbox,
    tasks: Tasks,
}

/// One session, as its reader sees it.
struct Reader {
    mailbox: Mailbox,
    caller: Caller,
    session: SessionId,
    from_agent: Streaming<AgentMessage>,
}

#[tonic::async_trait]
impl Link for Door {
    type SessionStream = ReceiverStream<Result<ControllerMessage, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<AgentMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let caller = access::caller(&request)?.clone();
        let (to_agent, stream) = mpsc::channel(SESSION_QUEUE_MAX);
        let reader = Reader {
            mailbox: self.mailbox.clone(),
            caller,
            session: self.mailbox.new_session(),
            from_agent: request.into_inner(),
        };
        self.tasks.spawn(reader.run(to_agent));
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn bulk(&self, _: Request<Streaming<BulkChunk>>) -> Result<Response<BulkDone>, Status> {
        Err(Status::unimplemented("this controller asks for no log tails, so it takes none"))
    }
}

impl Reader {
    async fn run(mut self, to_agent: ToAgent) {
        match self.hello().await {
            Ok((hello, protocol)) => self.talk(hello, protocol, to_agent).await,
            Err(refused) => {
                warn!(host = self.host(), from = %self.caller.address, "refused: {}", refused.text);
                let _ = to_agent.try_send(Ok(words::refusal(refused))); // the queue is empty
            }
        }
    }

    fn host(&self) -> String {
        self.caller.identity.name.clone()
    }

    async fn hello(&mut self) -> Result<(Hello, u32), words::Refused> {
        let first = timeout(HELLO_MAX, self.from_agent.message()).await;
        let body = match first {
            Ok(Ok(Some(message))) => message.body,
            Ok(Ok(None)) => None,
            Ok(Err(status)) => return Err(words::Refused::protocol(status.message())),
            Err(_) => return Err(words::Refused::protocol("no hello came in time")),
        };
        match body {
            Some(agent_message::Body::Hello(hello)) => words::hello(hello, &self.caller),
            _ => Err(words::Refused::protocol("the first message must be a hello")),
        }
    }

    async fn talk(mut self, hello: Hello, protocol: u32, to_agent: ToAgent) {
        let (is_open, mut closed) = oneshot::channel();
        let (session, host) = (self.session, self.host());
        let arrived =
            Letter::Arrived { session, host: host.clone(), hello, protocol, to_agent, is_open };
        self.mailbox.send(arrived).await;
        let why = loop {
            tokio::select! {
                _ = &mut closed => break "closed here".to_owned(),
                message = self.from_agent.message() => match message {
                    Ok(Some(message)) => match words::letter(message, session, &host) {
                        Ok(letter) => self.mailbox.send(letter).await,
                        Err(bad) => warn!(host, "a message that is passed over: {bad}"),
                    },
                    Ok(None) => break "the agent has hung up".to_owned(),
                    Err(status) => break format!("the link broke: {}", status.message()),
                }
            }
        };
        self.mailbox.send(Letter::Left { session, host, why }).await;
    }
}
