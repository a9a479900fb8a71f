//! The way from the doors to the core: one bounded queue in, one reply each, one stream of events out.
//!
//! Doors hold a [`Mailbox`]; `run.rs` holds the other end. Nobody else knows the core.

use std::path::PathBuf;
use std::sync::Arc;

use agent_core::effect::Event;
use agent_core::{Command, Refusal, Reply};
use proto_words::Origin;
use tokio::sync::{broadcast, mpsc, oneshot};

/// Commands that wait for the core. It empties the queue in microseconds; a full one means that
/// hundreds of clients shout at once, and they wait.
pub const COMMANDS_WAITING_MAX: usize = 256;

/// Events that a slow listener may lag behind before it must take a snapshot. Each is an `Arc`, so
/// the memory is shared by all listeners.
pub const EVENTS_BEHIND_MAX: usize = 4096;

/// One command on its way to the core.
#[derive(Debug)]
pub struct Letter {
    /// Whose intent it is.
    pub origin: Origin,
    /// What is asked.
    pub command: Command,
    /// Where the reply goes; a caller that has gone does not cancel the command.
    pub reply: oneshot::Sender<Reply>,
}

/// What never changes while the agent runs (until a restart), for doors to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// `identifier`.
    pub identifier: String,
    /// The agent's pid.
    pub pid: u32,
    /// The activity log, when it is a file.
    pub logfile: Option<PathBuf>,
    /// Whether `[rpcinterface:supervisor]` is configured: without it the methods are absent.
    pub has_supervisor_interface: bool,
}

/// A door's handle on the core. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mailbox {
    letters: mpsc::Sender<Letter>,
    /// Weak, so that listeners hear the end when the loop lets go of its own.
    events: broadcast::WeakSender<Arc<Event>>,
    /// What never changes.
    pub facts: Arc<Facts>,
}

impl Mailbox {
    /// Makes a mailbox; the receiver is for the loop (or for a test that plays the core), and so is
    /// the sender of events.
    #[must_use]
    pub fn new(facts: Facts) -> (Self, mpsc::Receiver<Letter>, broadcast::Sender<Arc<Event>>) {
        let (letters, inbox) = mpsc::channel(COMMANDS_WAITING_MAX);
        let (events, _) = broadcast::channel(EVENTS_BEHIND_MAX);
        (Self { letters, events: events.downgrade(), facts: Arc::new(facts) }, inbox, events)
    }

    /// Asks, and waits for the reply. When the core has ended meanwhile, that is a shutdown.
    pub async fn ask(&self, origin: Origin, command: Command) -> Reply {
        let (reply, answer) = oneshot::channel();
        let letter = Letter { origin, command, reply };
        if self.letters.send(letter).await.is_err() {
            return Reply::Refused(Refusal::ShuttingDown);
        }
        answer.await.unwrap_or(Reply::Refused(Refusal::ShuttingDown))
    }

    /// Hears every event from now on, until the loop ends. A listener that lags is told how many it
    /// has missed.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        // After the loop's end there is only the end to hear.
        let ended = || broadcast::channel(1).1;
        self.events.upgrade().map_or_else(ended, |events| events.subscribe())
    }
}
