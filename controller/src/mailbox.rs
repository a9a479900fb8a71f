//! The way from the doors to the core: one bounded queue in, one answer per question.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use controller_core::{Answer, Ask, Happening, Hello, Position, Said, SessionId};
use proto::v1::ControllerMessage;
use tokio::sync::{broadcast, mpsc, oneshot};
use tonic::Status;

/// Letters that wait for the core. It takes many at once; a full queue holds agents and operators
/// back through HTTP/2's flow control.
pub(crate) const LETTERS_WAITING_MAX: usize = 1024;

/// Changes that a slow watcher may lag behind before it is told how many it has missed. They are
/// shared by all watchers.
pub(crate) const WATCH_BEHIND_MAX: usize = 4096;

/// What waits for an agent that reads slowly. One that lets this fill is cut off and dials anew.
pub(crate) const SESSION_QUEUE_MAX: usize = 256;

/// The way to an agent.
pub(crate) type ToAgent = mpsc::Sender<Result<ControllerMessage, Status>>;

/// What reaches the loop from the doors.
#[derive(Debug)]
pub(crate) enum Letter {
    /// A question of an operator.
    Asked {
        /// The identity.
        operator: String,
        /// Where from.
        address: String,
        /// What.
        ask: Ask,
        /// Where the answer goes.
        reply: oneshot::Sender<Answer>,
    },
    /// An agent has said hello.
    Arrived {
        /// Its session.
        session: SessionId,
        /// The certificate's host.
        host: String,
        /// What it said.
        hello: Hello,
        /// The protocol that both will speak.
        protocol: u32,
        /// The way to it; dropped when the session is closed.
        to_agent: ToAgent,
        /// Dropped when the session is closed: whoever reads from the agent ends.
        is_open: oneshot::Sender<()>,
    },
    /// It has said something else.
    Said {
        /// Its session.
        session: SessionId,
        /// The certificate's host.
        host: String,
        /// What.
        said: Said,
    },
    /// It has sent the hash of its table.
    Hashed {
        /// Its session.
        session: SessionId,
        /// The certificate's host.
        host: String,
        /// Where the table was then.
        position: Position,
        /// The hash.
        hash: Vec<u8>,
    },
    /// A session is over.
    Left {
        /// Which.
        session: SessionId,
        /// The certificate's host.
        host: String,
        /// Why.
        why: String,
    },
}

/// A door's handle on the loop. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Mailbox {
    letters: mpsc::Sender<Letter>,
    happenings: broadcast::Sender<Arc<Happening>>,
    sessions: Arc<AtomicU64>,
}

impl Mailbox {
    /// A mailbox, and the two ends that the loop holds.
    pub fn new() -> (Self, mpsc::Receiver<Letter>, broadcast::Sender<Arc<Happening>>) {
        let (letters, inbox) = mpsc::channel(LETTERS_WAITING_MAX);
        let (happenings, _) = broadcast::channel(WATCH_BEHIND_MAX);
        let mailbox = Self { letters, happenings: happenings.clone(), sessions: Arc::default() };
        (mailbox, inbox, happenings)
    }

    /// A number for a new session.
    pub fn new_session(&self) -> SessionId {
        SessionId(self.sessions.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Sends a letter. When the loop has ended, nobody reads it any more; the connection will end too.
    pub async fn send(&self, letter: Letter) {
        let _ = self.letters.send(letter).await;
    }

    /// Asks for an operator. `None`: the controller is shutting down.
    pub async fn ask(&self, operator: &str, address: &str, ask: Ask) -> Option<Answer> {
        let (reply, answer) = oneshot::channel();
        let (operator, address) = (operator.to_owned(), address.to_owned());
        self.send(Letter::Asked { operator, address, ask, reply }).await;
        answer.await.ok()
    }

    /// Hears of every change from now on.
    pub fn watch(&self) -> broadcast::Receiver<Arc<Happening>> {
        self.happenings.subscribe()
    }
}
