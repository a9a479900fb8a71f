//! The open line to one controller: what is said on it, when a sign of life is due, and when
//! silence has lasted too long.

use std::time::Duration;

use proto::v1::agent_message::Body;
use proto::v1::{AgentMessage, Alive, ControllerMessage, Position, Welcome};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tonic::Streaming;

use crate::fleet::session::Stop;

/// How long a full outbox is waited for: a controller that takes nothing for so long is gone.
const SEND_MAX: Duration = Duration::from_secs(30);

/// Keepalives from the welcome are held between these, so that a wrong setting neither floods the
/// link nor lets it fall silent.
const KEEPALIVE_MIN: Duration = Duration::from_millis(100);
/// See [`KEEPALIVE_MIN`].
const KEEPALIVE_MAX: Duration = Duration::from_mins(10);
/// For a welcome that does not say: below what idle connections are cut after on their way.
const KEEPALIVE_IDLE_DEFAULT: Duration = Duration::from_secs(45);
/// The same while somebody waits for a result.
const KEEPALIVE_BUSY_DEFAULT: Duration = Duration::from_secs(5);

/// So many keepalives without a word from the controller end the session; one answer may be lost
/// to a slow moment.
const SILENCE_KEEPALIVES: u32 = 3;

/// Within this after our own sign of life, the controller's is its answer, and is not answered.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How often both sides compare what they believe.
pub(crate) const HASH_EVERY: Duration = Duration::from_mins(5);

/// What a session knows beyond the door.
pub(crate) struct Line {
    outbox: mpsc::Sender<AgentMessage>,
    pub inbox: Streaming<ControllerMessage>,
    keepalive_idle: Duration,
    keepalive_busy: Duration,
    said: Instant,
    pub heard: Instant,
    alive_said: Instant,
    answer_due: bool,
    busy_since: Option<Instant>,
    pub hash_at: Instant,
    /// The position that the controller has.
    pub told: Position,
}

impl Line {
    pub(crate) fn new(
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

    pub(crate) fn note_busy(&mut self, is_busy: bool) {
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
    pub(crate) fn alive_at(&self) -> Instant {
        self.said.min(self.heard).max(self.alive_said) + self.keepalive()
    }

    /// When silence means that the controller is gone. Who has just become busy begins to count
    /// there, since until then the longer measure held.
    pub(crate) fn gone_at(&self) -> Instant {
        let from = self.busy_since.map_or(self.heard, |since| since.max(self.heard));
        from + self.keepalive() * SILENCE_KEEPALIVES
    }

    /// Whether a sign of life is the answer to our own. One that is not asks whether we live.
    pub(crate) fn takes_answer(&mut self) -> bool {
        let is_answer = self.answer_due && self.alive_said.elapsed() < ANSWER_WITHIN;
        self.answer_due = false;
        is_answer
    }

    pub(crate) async fn say_alive(&mut self, position: Position) -> Result<(), Stop> {
        self.alive_said = Instant::now();
        self.answer_due = true;
        let position = Some(position);
        self.send(Body::Alive(Alive { position })).await
    }

    pub(crate) async fn send_all(&mut self, bodies: Vec<Body>) -> Result<(), Stop> {
        for body in bodies {
            self.send(body).await?;
        }
        Ok(())
    }

    pub(crate) async fn send(&mut self, body: Body) -> Result<(), Stop> {
        match timeout(SEND_MAX, self.outbox.send(message(body))).await {
            Ok(Ok(())) => {
                self.said = Instant::now();
                Ok(())
            }
            Ok(Err(_)) => Err(Stop::Link("the connection broke".to_owned())),
            Err(_) => Err(Stop::Link("the controller takes nothing any more".to_owned())),
        }
    }
}

/// A message around what is said.
pub(crate) fn message(body: Body) -> AgentMessage {
    AgentMessage { body: Some(body) }
}
