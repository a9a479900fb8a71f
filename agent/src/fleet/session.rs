//! One session with one controller: dial, hello, welcome, state up, orders down, results up.

use std::sync::Arc;
use std::time::Duration;

use agent_core::spec::Level;
use proto::v1::agent_message::Body;
use proto::v1::controller_message::Body as Said;
use proto::v1::link_client::LinkClient;
use proto::v1::{ControllerMessage, Hello, LinkRefused, Welcome};
use proto::{PROTOCOL_HIGHEST, PROTOCOL_LOWEST};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;

use crate::fleet::door::{CoreGone, Door};
use crate::fleet::line::{HASH_EVERY, Line, message};
use crate::fleet::orders::wall_ms;

/// Messages on their way to the wire. A controller that takes them more slowly makes the door
/// wait, and then the history merges what changes.
const OUTBOX_MAX: usize = 64;

/// From the hello to the welcome: a controller first asks another agent of the same name, if there
/// is one, whether it lives.
const WELCOME_MAX: Duration = Duration::from_secs(30);

/// The largest message: ten thousand orders take two megabytes.
const MESSAGE_MAX_BYTES: usize = 16 * 1024 * 1024;

/// How a session ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// Where and why, for the log.
    pub why: String,
    /// Whether the controller had said welcome.
    pub was_welcome: bool,
    /// What the controller asks to be given before the next attempt.
    pub retry_after: Duration,
}

/// Why a session goes no further.
pub(crate) enum Stop {
    /// The core is gone: the door ends.
    Core,
    /// Where and why.
    Link(String),
    /// The controller says no.
    Refused(LinkRefused),
}

impl From<CoreGone> for Stop {
    fn from(CoreGone: CoreGone) -> Self {
        Self::Core
    }
}

impl Door {
    /// Dials one controller and stays until the session ends.
    pub(crate) async fn session(&mut self, address: &str) -> Result<End, CoreGone> {
        let mut was_welcome = false;
        let stop = match self.join(address).await {
            Ok(mut line) => {
                was_welcome = true;
                self.stay(&mut line).await
            }
            Err(stop) => stop,
        };
        let (why, retry_after) = match stop {
            Stop::Core => return Err(CoreGone),
            Stop::Link(why) => (why, Duration::ZERO),
            Stop::Refused(refused) => {
                let after = refused.retry_after.and_then(|d| Duration::try_from(d).ok());
                let why = format!("the controller refuses this agent: {}", refused.text);
                (why, after.unwrap_or_default())
            }
        };
        Ok(End { why: format!("{address}: {why}"), was_welcome, retry_after })
    }

    /// From nothing to the welcome.
    async fn join(&mut self, address: &str) -> Result<Line, Stop> {
        let settings = self.settings.clone();
        let read = tokio::task::spawn_blocking(move || {
            let credentials = settings.credentials().map_err(|e| e.to_string())?;
            let config = proto_mtls::client_config(&credentials).map_err(|e| e.to_string())?;
            Ok::<_, String>((credentials.own.identity, Arc::new(config)))
        });
        let read = self.meanwhile(read).await?;
        let (own, config) = read.map_err(|e| link(&e))?.map_err(Stop::Link)?;
        // The address stands before every reason already.
        let channel = self.meanwhile(Box::pin(proto_mtls::channel(address, config))).await?;
        let channel = channel.map_err(|error| Stop::Link(error.reason()))?;
        let (outbox, messages) = mpsc::channel(OUTBOX_MAX);
        let mut client = LinkClient::new(channel).max_decoding_message_size(MESSAGE_MAX_BYTES);
        let hello = message(Body::Hello(self.hello(&own.name)));
        outbox.try_send(hello).map_err(|e| link(&e))?;
        let welcome = timeout(WELCOME_MAX, async move {
            let stream = client.session(ReceiverStream::new(messages)).await;
            let mut inbox = stream.map_err(|status| status_text(&status))?.into_inner();
            let first = inbox.message().await.map_err(|status| status_text(&status))?;
            Ok::<_, String>((inbox, first))
        });
        let answered = self.meanwhile(welcome).await?;
        let (inbox, first) = answered
            .map_err(|_| Stop::Link(format!("no welcome within {} s", WELCOME_MAX.as_secs())))?
            .map_err(Stop::Link)?;
        let welcome = match first.and_then(|message| message.body) {
            Some(Said::Welcome(welcome)) => welcome,
            Some(Said::Refused(refused)) => return Err(Stop::Refused(refused)),
            Some(_) | None => return Err(Stop::Link("it did not answer the hello".to_owned())),
        };
        self.check_welcome(&welcome)?;
        let text = format!("joined {} at {address} as {}", own.fleet, own.name);
        self.say(Level::Info, &text);
        self.ledger.raise_epoch(welcome.controller_epoch).await;
        self.epoch_seen = welcome.controller_epoch;
        Ok(Line::new(outbox, inbox, &welcome))
    }

    fn hello(&self, host: &str) -> Hello {
        Hello {
            protocol_lowest: PROTOCOL_LOWEST,
            protocol_highest: PROTOCOL_HIGHEST,
            capabilities: Vec::new(),
            host: host.to_owned(),
            instance_id: self.instance_id.clone(),
            position: Some(self.history.position()),
            labels: self.settings.labels.clone().into_iter().collect(),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            controller_epoch_seen: self.epoch_seen,
            identifier: self.mailbox.facts.identifier.clone(),
        }
    }

    fn check_welcome(&self, welcome: &Welcome) -> Result<(), Stop> {
        if !(PROTOCOL_LOWEST..=PROTOCOL_HIGHEST).contains(&welcome.protocol) {
            let text = format!(
                "it chose protocol {}; this agent speaks {PROTOCOL_LOWEST} to {PROTOCOL_HIGHEST}",
                welcome.protocol
            );
            return Err(Stop::Link(text));
        }
        if welcome.controller_epoch < self.epoch_seen {
            let text = format!(
                "it is an older controller (epoch {}; this host has obeyed epoch {}); \
                 stop it, or let it read the newer store",
                welcome.controller_epoch, self.epoch_seen
            );
            return Err(Stop::Link(text));
        }
        Ok(())
    }

    /// From the welcome to the end.
    async fn stay(&mut self, line: &mut Line) -> Stop {
        match self.begin_session(line).await {
            Ok(()) => loop {
                if let Err(stop) = self.turn(line).await {
                    return stop;
                }
            },
            Err(stop) => stop,
        }
    }

    async fn begin_session(&mut self, line: &mut Line) -> Result<(), Stop> {
        self.tell_state(line).await?;
        self.ask_undelivered();
        Ok(())
    }

    /// Waits for one thing, and does what follows from it.
    async fn turn(&mut self, line: &mut Line) -> Result<(), Stop> {
        line.note_busy(self.in_flight > 0);
        let (alive_at, gone_at) = (line.alive_at(), line.gone_at());
        tokio::select! {
            said = line.inbox.message() => {
                line.heard = Instant::now();
                match said {
                    Ok(Some(message)) => self.on_said(line, message).await,
                    Ok(None) => Err(Stop::Link("the controller closed the session".to_owned())),
                    Err(status) => Err(Stop::Link(status_text(&status))),
                }
            }
            event = self.events.recv() => {
                self.take_in(event).await?;
                self.catch_up().await?;
                self.tell_state(line).await
            }
            Some(work) = self.works.join_next() => {
                let bodies = self.on_work(work).await?;
                // The state that a result speaks of goes before it.
                self.tell_state(line).await?;
                line.send_all(bodies).await
            }
            () = sleep_until(alive_at) => line.say_alive(self.history.position()).await,
            () = sleep_until(line.hash_at) => {
                line.hash_at = Instant::now() + HASH_EVERY;
                self.ask_hash();
                Ok(())
            }
            () = sleep_until(gone_at) => {
                Err(Stop::Link("the controller has fallen silent".to_owned()))
            }
        }
    }

    async fn on_said(&mut self, line: &mut Line, message: ControllerMessage) -> Result<(), Stop> {
        match message.body {
            Some(Said::Orders(batch)) => {
                let bodies = self.on_batch(batch);
                line.send_all(bodies).await
            }
            Some(Said::Acknowledged(results)) => {
                self.on_acknowledged(results);
                Ok(())
            }
            Some(Said::Alive(_)) if line.takes_answer() => Ok(()),
            Some(Said::Alive(_)) => line.say_alive(self.history.position()).await,
            Some(Said::SnapshotWanted(_)) => {
                line.told = proto::v1::Position::default();
                self.tell_state(line).await
            }
            Some(Said::BulkWanted(_)) => {
                self.say(Level::Debug, "the controller asks for a log; this agent sends none");
                Ok(())
            }
            Some(Said::Refused(refused)) => Err(Stop::Refused(refused)),
            // A second welcome, or a message of a later version: nothing that binds us.
            Some(Said::Welcome(_)) | None => Ok(()),
        }
    }

    /// Brings the controller to where the history is: deltas, or one snapshot; then events.
    async fn tell_state(&mut self, line: &mut Line) -> Result<(), Stop> {
        self.catch_up().await?;
        let position = self.history.position();
        if line.told != position {
            let body = match self.history.since(line.told) {
                Some(deltas) => Body::Deltas(deltas),
                None => Body::Snapshot(self.history.snapshot(wall_ms())),
            };
            line.told = position;
            line.send(body).await?;
        }
        match self.history.take_events() {
            Some(events) => line.send(Body::Events(events)).await,
            None => Ok(()),
        }
    }
}

fn link(error: &dyn std::error::Error) -> Stop {
    Stop::Link(error.to_string())
}

/// What a person can use of a gRPC status.
fn status_text(status: &tonic::Status) -> String {
    let mut cause = std::error::Error::source(status);
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    if let Some(cause) = cause {
        return format!("the connection broke: {cause}");
    }
    match status.message() {
        "" => format!("the session broke ({:?})", status.code()),
        text => format!("{text} ({:?})", status.code()),
    }
}
