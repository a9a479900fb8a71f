//! The door for operators.

mod records;
mod requests;

use std::sync::Arc;

use controller_core::{Answer, Ask, Happening, HostView, Selector};
use proto::v1::fleet_server::{Fleet, FleetServer};
use proto::v1::{self, operate_message, watch_message};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_stream::wrappers::{BroadcastStream, ReceiverStream};
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status};

use crate::access::{self, Only, Service};
use crate::mailbox::Mailbox;
use crate::tasks::Tasks;

/// News of an operation on their way to one caller; a slower one is read for more slowly.
const NEWS_WAITING_MAX: usize = 16;

/// Records in one answer; each has all its targets.
const OPERATIONS_MAX: usize = 100;

/// The service, for operators only.
pub(crate) fn service(
    mailbox: Mailbox,
    tasks: Tasks,
) -> InterceptedService<FleetServer<Door>, Only> {
    InterceptedService::new(FleetServer::new(Door { mailbox, tasks }), Only(Service::Fleet))
}

/// The door.
#[derive(Debug)]
pub(crate) struct Door {
    mailbox: Mailbox,
    tasks: Tasks,
}

type Watching =
    Box<dyn tokio_stream::Stream<Item = Result<v1::WatchMessage, Status>> + Send + Unpin>;

impl Door {
    async fn ask<T>(&self, request: &Request<T>, ask: Ask) -> Result<Answer, Status> {
        let caller = access::caller(request)?;
        let (who, from) = (caller.identity.to_string(), caller.address.to_string());
        self.mailbox.ask(&who, &from, ask).await.ok_or_else(ending)
    }

    async fn record<T>(
        &self,
        request: &Request<T>,
        ask: Ask,
    ) -> Result<Response<v1::OperationRecord>, Status> {
        match self.ask(request, ask).await? {
            Answer::Operation(operation) => Ok(Response::new(records::record(&operation))),
            Answer::NoSuchOperation(id) => Err(no_such_operation(&id)),
            other => Err(unexpected(&other)),
        }
    }
}

#[tonic::async_trait]
impl Fleet for Door {
    type WatchStream = Watching;
    type OperateStream = ReceiverStream<Result<v1::OperateMessage, Status>>;

    async fn hosts(
        &self,
        request: Request<v1::HostsRequest>,
    ) -> Result<Response<v1::HostsReply>, Status> {
        let selection = requests::selection(request.get_ref().selection.clone());
        match self.ask(&request, Ask::Hosts(selection)).await? {
            Answer::Hosts(hosts) => Ok(Response::new(v1::HostsReply {
                hosts: hosts.iter().map(records::host).collect(),
            })),
            Answer::BadSelection(text) => Err(Status::invalid_argument(text)),
            other => Err(unexpected(&other)),
        }
    }

    async fn status(
        &self,
        request: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusReply>, Status> {
        let selection = requests::selection(request.get_ref().selection.clone());
        match self.ask(&request, Ask::Status(selection)).await? {
            Answer::Status { hosts, missing, warnings } => {
                Ok(Response::new(records::status(&hosts, missing, warnings)))
            }
            Answer::BadSelection(text) => Err(Status::invalid_argument(text)),
            other => Err(unexpected(&other)),
        }
    }

    async fn watch(
        &self,
        request: Request<v1::WatchRequest>,
    ) -> Result<Response<Watching>, Status> {
        let request = request.into_inner();
        let selection = requests::selection(request.selection);
        let selector = Selector::parse(&selection)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let states = request.states;
        let begun = v1::WatchMessage { body: Some(watch_message::Body::Begun(v1::WatchBegun {})) };
        let heard = BroadcastStream::new(self.mailbox.watch())
            .filter_map(move |happening| watched(happening, &selector, &states).map(Ok));
        Ok(Response::new(Box::new(tokio_stream::once(Ok(begun)).chain(heard))))
    }

    async fn operate(
        &self,
        request: Request<v1::OperateRequest>,
    ) -> Result<Response<Self::OperateStream>, Status> {
        let asked = requests::operate(request.get_ref().clone())?;
        let id = uuid::Uuid::now_v7().to_string();
        let is_dry_run = asked.dry_run;
        let caller = access::caller(&request)?.clone();
        let answer = self.ask(&request, Ask::Operate(id.clone(), Box::new(asked))).await?;
        let first =
            records::planned(&id, is_dry_run, &answer).ok_or_else(|| unexpected(&answer))?;
        let is_over = is_dry_run || !matches!(answer, Answer::Planned(_));
        let (news, stream) = mpsc::channel(NEWS_WAITING_MAX);
        let follower = Follower {
            mailbox: self.mailbox.clone(),
            caller: caller.identity.to_string(),
            id,
            news,
        };
        self.tasks.spawn(async move {
            if follower.tell(first).await && !is_over {
                follower.follow().await;
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn operation(
        &self,
        request: Request<v1::OperationRequest>,
    ) -> Result<Response<v1::OperationRecord>, Status> {
        let id = request.get_ref().operation.clone();
        self.record(&request, Ask::Operation(id)).await
    }

    async fn operations(
        &self,
        request: Request<v1::OperationsRequest>,
    ) -> Result<Response<v1::OperationsReply>, Status> {
        let most = (request.get_ref().most as usize).clamp(1, OPERATIONS_MAX);
        match self.ask(&request, Ask::Operations(most)).await? {
            Answer::Operations(all) => Ok(Response::new(v1::OperationsReply {
                operations: all.iter().map(records::record).collect(),
            })),
            other => Err(unexpected(&other)),
        }
    }

    async fn cancel(
        &self,
        request: Request<v1::OperationRequest>,
    ) -> Result<Response<v1::OperationRecord>, Status> {
        let id = request.get_ref().operation.clone();
        self.record(&request, Ask::Cancel(id)).await
    }
}

/// Tells one caller what becomes of one operation. The operation does not need it.
struct Follower {
    mailbox: Mailbox,
    caller: String,
    id: String,
    news: mpsc::Sender<Result<v1::OperateMessage, Status>>,
}

impl Follower {
    /// Whether the caller is still there.
    async fn tell(&self, body: operate_message::Body) -> bool {
        let message = v1::OperateMessage { body: Some(body) };
        self.news.send(Ok(message)).await.is_ok()
    }

    async fn follow(&self) {
        let mut from = 0;
        loop {
            let ask = Ask::Follow(self.id.clone(), from);
            let answer = tokio::select! {
                answer = self.mailbox.ask(&self.caller, "", ask) => answer,
                () = self.news.closed() => return,
            };
            let Some(Answer::News { news, next, finished }) = answer else {
                let _ = self.news.send(Err(ending())).await;
                return;
            };
            from = next;
            for one in &news {
                if !self.tell(records::news(&self.id, one)).await {
                    return;
                }
            }
            if let Some(operation) = finished {
                self.tell(operate_message::Body::Finished(records::record(&operation))).await;
                return;
            }
        }
    }
}

/// What one watcher hears of one change, if anything.
fn watched(
    happening: Result<Arc<Happening>, BroadcastStreamRecvError>,
    selector: &Selector,
    states: &[i32],
) -> Option<v1::WatchMessage> {
    let body = match happening {
        Err(BroadcastStreamRecvError::Lagged(dropped)) => watch_message::Body::Dropped(dropped),
        Ok(happening) => {
            let host = HostView {
                name: &happening.host,
                labels: &happening.labels,
                liveness: happening.liveness,
            };
            records::happening(&happening, states, |process| match process {
                Some((group, name)) => selector.matches(host, group, name),
                None => selector.matches_host(host),
            })?
        }
    };
    Some(v1::WatchMessage { body: Some(body) })
}

fn ending() -> Status {
    Status::unavailable("the controller is ending; operations go on when it is back")
}

fn no_such_operation(id: &str) -> Status {
    Status::not_found(format!("no operation is called {id:?}; `operations` lists the newest"))
}

fn unexpected(answer: &Answer) -> Status {
    tracing::error!("an answer that nobody asked for: {answer:?}");
    Status::internal("the controller gave an answer that nobody asked for; its log says more")
}
