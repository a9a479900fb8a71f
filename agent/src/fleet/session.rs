//! One session with one controller: dial, hello, welcome, state up, orders down, results up.

use std::sync::Arc;
use std::time::Duration;

use agent_core::spec::Level;
use proto::v1::agent_message::Body;
use proto::v1::controller_message::Body as Said;
use proto::v1::link_client::LinkClient;
use proto::v1::{AgentMessage, Alive, ControllerMessage, Hello, LinkRefused, Welcome};
use proto::{PROTOCOL_HIGHEST, PROTOCOL_LOWEST};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::fleet::door::{CoreGone, Door};
use crate::fleet::orders::wall_ms;

/// Messages on their way to the wire. A controller that takes them more slowly makes the door
/// wait, and then the history merges what changes.
const OUTBOX_MAX: usize = 64;

/// How long a full outbox is waited for: a controller that takes nothing for so long is gone.
const SEND_MAX: Duration = Duration::from_secs(30);

/// From the hello to the welcome: a controller first asks another agent of the same name, if there
/// is one, whether it lives.
const WELCOME_MAX: Duration = Duration::from_secs(30);

/// The largest message: ten thousand orders take two megabytes.
const MESSAGE_MAX_BYTES: usize = 16 * 1024 * 1024;

/// Keepalives from the welcome are held between these, so that a wrong setting neither floods the
/// link nor lets it fall silent.
const KEEPALIVE_MIN: Duration = Duration::from_millis(100);
const KEEPALIVE_MAX: Duration = Duration::from_mins(10);
const KEEPALIVE_IDLE_DEFAULT: Duration = Duration::from_secs(45);
const KEEPALIVE_BUSY_DEFAULT: Duration = Duration::from_secs(5);

/// So many keepalives without a word from the controller end the session; one answer may be lost
/// to a slow moment.
const SILENCE_KEEPALIVES: u32 = 3;

/// Within this after our own sign of life, the controller's is its answer, and is not answered.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How often both sides compare what they believe.
const HASH_EVERY: Duration = Duration::from_mins(5);

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
enum Stop {
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

/// What a session knows beyond the door.
struct Session {
    outbox: mpsc::Sender<AgentMessage>,
    inbox: Streaming<ControllerMessage>,
    keepalive_idle: Duration,
    keepalive_busy: Duration,
    said: Instant,
    heard: Instant,
    alive_said: Instant,
    answer_due: bool,
    busy_since: Option<Instant>,
    hash_at: Instant,
    /// The position that the controller has.
    told: proto::v1::Position,
}

impl Door {
    /// Dials one controller and stays until the session ends.
    pub(crate) async fn session(&mut self, address: &str) -> Result<End, CoreGone> {
        let mut was_welcome = false;
        let stop = match self.join(address).await {
            Ok(mut session) => {
                was_welcome = true;
                self.stay(&mut session).await
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
        Ok(End {
            why: format!("{address}: {why}"),
            was_welcome,
            retry_after,
        })
    }

    /// From nothing to the welcome.
    async fn join(&mut self, address: &str) -> Result<Session, Stop> {
        let settings = self.settings.clone();
        let read = tokio::task::spawn_blocking(move || {
            let credentials = settings.credentials().map_err(|e| e.to_string())?;
            let config = proto_mtls::client_config(&credentials).map_err(|e| e.to_string())?;
            Ok::<_, String>((credentials.own.identity, Arc::new(config)))
        });
        let read = self.meanwhile(read).await?;
        let (own, config) = read.map_err(|e| link(&e))?.map_err(Stop::Link)?;
        // The address stands before every reason already.
        let channel = self.meanwhile(proto_mtls::channel(address, config)).await?;
        let channel = channel.map_err(|error| Stop::Link(error.reason()))?;
        let (outbox, messages) = mpsc::channel(OUTBOX_MAX);
        let mut client = LinkClient::new(channel).max_decoding_message_size(MESSAGE_MAX_BYTES);
        let hello = message(Body::Hello(self.hello(&own.name)));
        outbox.try_send(hello).map_err(|e| link(&e))?;
        let welcome = timeout(WELCOME_MAX, async move {
            let stream = client.session(ReceiverStream::new(messages)).await;
            let mut inbox = stream.map_err(|status| status_text(&status))?.into_inner();
            let first = inbox
                .message()
                .await
                .map_err(|status| status_text(&status))?;
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
        Ok(Session::new(outbox, inbox, &welcome))
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
    async fn stay(&mut self, session: &mut Session) -> Stop {
        match self.begin_session(session).await {
            Ok(()) => loop {
                if let Err(stop) = self.turn(session).await {
                    return stop;
                }
            },
            Err(stop) => stop,
        }
    }

    async fn begin_session(&mut self, session: &mut Session) -> Result<(), Stop> {
        self.tell_state(session).await?;
        self.ask_undelivered();
        Ok(())
    }

    /// Waits for one thing, and does what follows from it.
    async fn turn(&mut self, session: &mut Session) -> Result<(), Stop> {
        session.note_busy(self.in_flight > 0);
        let (alive_at, gone_at) = (session.alive_at(), session.gone_at());
        tokio::select! {
            said = session.inbox.message() => {
                session.heard = Instant::now();
                match said {
                    Ok(Some(message)) => self.on_said(session, message).await,
                    Ok(None) => Err(Stop::Link("the controller closed the session".to_owned())),
                    Err(status) => Err(Stop::Link(status_text(&status))),
                }
            }
            event = self.events.recv() => {
                self.take_in(event).await?;
                self.catch_up().await?;
                self.tell_state(session).await
            }
            Some(work) = self.works.join_next() => {
                let bodies = self.on_work(work).await?;
                // The state that a result speaks of goes before it.
                self.tell_state(session).await?;
                session.send_all(bodies).await
            }
            () = sleep_until(alive_at) => session.say_alive(self).await,
            () = sleep_until(session.hash_at) => {
                session.hash_at = Instant::now() + HASH_EVERY;
                self.ask_hash();
                Ok(())
            }
            () = sleep_until(gone_at) => {
                Err(Stop::Link("the controller has fallen silent".to_owned()))
            }
        }
    }

    async fn on_said(
        &mut self,
        session: &mut Session,
        message: ControllerMessage,
    ) -> Result<(), Stop> {
        match message.body {
            Some(Said::Orders(batch)) => {
                let bodies = self.on_batch(batch);
                session.send_all(bodies).await
            }
            Some(Said::Acknowledged(results)) => {
                self.on_acknowledged(results);
                Ok(())
            }
            Some(Said::Alive(_)) if session.takes_answer() => Ok(()),
            Some(Said::Alive(_)) => session.say_alive(self).await,
            Some(Said::SnapshotWanted(_)) => {
                session.told = proto::v1::Position::default();
                self.tell_state(session).await
            }
            Some(Said::BulkWanted(_)) => {
                self.say(
                    Level::Debug,
                    "the controller asks for a log; this agent sends none",
                );
                Ok(())
            }
            Some(Said::Refused(refused)) => Err(Stop::Refused(refused)),
            // A second welcome, or a message of a later version: nothing that binds us.
            Some(Said::Welcome(_)) | None => Ok(()),
        }
    }

    /// Brings the controller to where the history is: deltas, or one snapshot; then events.
    async fn tell_state(&mut self, session: &mut Session) -> Result<(), Stop> {
        self.catch_up().await?;
        let position = self.history.position();
        if session.told != position {
            let body = match self.history.since(session.told) {
                Some(deltas) => Body::Deltas(deltas),
                None => Body::Snapshot(self.history.snapshot(wall_ms())),
            };
            session.told = position;
            session.send(body).await?;
        }
        match self.history.take_events() {
            Some(events) => session.send(Body::Events(events)).await,
            None => Ok(()),
        }
    }
}

impl Session {
    fn new(
        outbox: mpsc::Sender<AgentMessage>,
        inbox: Streaming<ControllerMessage>,
        welcome: &Welcome,
    ) -> Self {
        let now = Instant::now();
        let keepalive = |told: Option<prost_types::Duration>, default: Duration| {
            let told = told.and_then(|told| Duration::try_from(told).ok());
            told.unwrap_or(default).clamp(KEEPALIVE_MIN, KEEPALIVE_MAX)
        };
        Self {
            outbox,
            inbox,
            keepalive_idle: keepalive(welcome.keepalive_idle, KEEPALIVE_IDLE_DEFAULT),
            keepalive_busy: keepalive(welcome.keepalive_busy, KEEPALIVE_BUSY_DEFAULT),
            said: now,
            heard: now,
            alive_said: now,
            answer_due: false,
            busy_since: None,
            hash_at: now + HASH_EVERY,
            told: welcome.have.unwrap_or_default(),
        }
    }

    fn note_busy(&mut self, is_busy: bool) {
        match (is_busy, self.busy_since) {
            (true, None) => self.busy_since = Some(Instant::now()),
            (false, Some(_)) => self.busy_since = None,
            (true, Some(_)) | (false, None) => {}
        }
    }

    fn keepalive(&self) -> Duration {
        match self.busy_since {
            Some(_) => self.keepalive_busy,
            None => self.keepalive_idle,
        }
    }

    /// When the next sign of life is due: when nothing was said, or nothing heard, for too long.
    fn alive_at(&self) -> Instant {
        self.said.min(self.heard).max(self.alive_said) + self.keepalive()
    }

    /// When silence means that the controller is gone. Who has just become busy begins to count
    /// there, since until then the longer measure held.
    fn gone_at(&self) -> Instant {
        let from = self
            .busy_since
            .map_or(self.heard, |since| since.max(self.heard));
        from + self.keepalive() * SILENCE_KEEPALIVES
    }

    /// Whether a sign of life is the answer to our own. One that is not asks whether we live.
    fn takes_answer(&mut self) -> bool {
        let is_answer = self.answer_due && self.alive_said.elapsed() < ANSWER_WITHIN;
        self.answer_due = false;
        is_answer
    }

    async fn say_alive(&mut self, door: &Door) -> Result<(), Stop> {
        self.alive_said = Instant::now();
        self.answer_due = true;
        let position = Some(door.history.position());
        self.send(Body::Alive(Alive { position })).await
    }

    async fn send_all(&mut self, bodies: Vec<Body>) -> Result<(), Stop> {
        for body in bodies {
            self.send(body).await?;
        }
        Ok(())
    }

    async fn send(&mut self, body: Body) -> Result<(), Stop> {
        match timeout(SEND_MAX, self.outbox.send(message(body))).await {
            Ok(Ok(())) => {
                self.said = Instant::now();
                Ok(())
            }
            Ok(Err(_)) => Err(Stop::Link("the connection broke".to_owned())),
            Err(_) => Err(Stop::Link(
                "the controller takes nothing any more".to_owned(),
            )),
        }
    }
}

fn message(body: Body) -> AgentMessage {
    AgentMessage { body: Some(body) }
}

fn link(error: &dyn std::error::Error) -> Stop {
    Stop::Link(error.to_string())
}

/// What a person can use of a gRPC status.
fn status_text(status: &tonic::Status) -> String {
    match status.message() {
        "" => format!("the session broke ({:?})", status.code()),
        text => format!("{text} ({:?})", status.code()),
    }
}
