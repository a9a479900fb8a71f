//! What the loop does with the core's effects: who waits, which sessions are open, what is to be
//! written.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use controller_core::{
    Answer, Effect, Happening, Host, HostSay, Input, Operation, SessionId, Ticket,
};
use proto_words::Now;
use tokio::sync::{broadcast, oneshot};
use tracing::{error, info};

use crate::audit;
use crate::config::Config;
use crate::link;
use crate::mailbox::ToAgent;
use crate::store::{Change, EPOCH, HOSTS, OPERATIONS, Writer, Written};

/// A session of an agent, as the loop sees it.
struct Session {
    host: String,
    protocol: u32,
    to_agent: ToAgent,
    /// Dropped with the session: whoever reads from the agent ends.
    _is_open: oneshot::Sender<()>,
}

/// What a key shall hold; made into bytes only when it is written, since a newer one may come first.
enum Value {
    Operation(Box<Operation>),
    Host(Box<Host>),
    Epoch(u64),
    Nothing,
}

/// The loop's hands.
pub(crate) struct Hands {
    keepalives: link::Keepalives,
    waiting: HashMap<Ticket, oneshot::Sender<Answer>>,
    tickets: u64,
    sessions: HashMap<SessionId, Session>,
    happenings: broadcast::Sender<Arc<Happening>>,
    writer: Writer,
    /// What is to be written next; a newer record of an operation replaces an older one.
    changes: BTreeMap<String, Value>,
    /// What may only happen once that is written.
    then: Vec<Effect>,
    /// What waits for the batch that is being written, with the operations in it.
    in_flight: Option<(Vec<Effect>, Vec<String>)>,
    /// Sessions that could not take what was said to them: the loop tells the core.
    pub lost: Vec<(SessionId, String)>,
}

impl Hands {
    pub fn new(
        config: &Config,
        happenings: broadcast::Sender<Arc<Happening>>,
        writer: Writer,
    ) -> Self {
        Self {
            keepalives: link::Keepalives {
                idle: config.keepalive_idle.0,
                busy: config.keepalive_busy.0,
            },
            waiting: HashMap::new(),
            tickets: 0,
            sessions: HashMap::new(),
            happenings,
            writer,
            changes: BTreeMap::new(),
            then: Vec::new(),
            in_flight: None,
            lost: Vec::new(),
        }
    }

    /// A ticket for a caller that waits.
    pub fn ticket(&mut self, reply: oneshot::Sender<Answer>) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.waiting.insert(ticket, reply);
        ticket
    }

    /// A new session.
    pub fn open(
        &mut self,
        id: SessionId,
        host: &str,
        protocol: u32,
        to_agent: ToAgent,
        is_open: oneshot::Sender<()>,
    ) {
        let host = host.to_owned();
        self.sessions.insert(id, Session { host, protocol, to_agent, _is_open: is_open });
    }

    /// A session is over: nothing more is said to it.
    pub fn close(&mut self, id: SessionId) {
        self.sessions.remove(&id);
    }

    /// Does what the core has decided, in its order.
    pub fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.perform_one(effect);
        }
        self.write();
    }

    fn perform_one(&mut self, effect: Effect) {
        match effect {
            Effect::Say(session, say) => self.say(session, say),
            Effect::Close(session, why) => {
                if let Some(closed) = self.sessions.remove(&session) {
                    info!(host = closed.host, "session closed: {why}");
                }
            }
            Effect::Publish(happening) => {
                log_host(&happening);
                let _ = self.happenings.send(Arc::new(*happening)); // nobody may be watching
            }
            Effect::Answer(ticket, answer) => {
                if let Some(reply) = self.waiting.remove(&ticket) {
                    let _ = reply.send(answer); // the caller may have gone
                }
            }
            Effect::Record(operation, then) => {
                let key = format!("{OPERATIONS}{}", operation.id);
                self.changes.insert(key, Value::Operation(operation));
                self.then.extend(then);
            }
            Effect::Forget(id) => {
                self.changes.insert(format!("{OPERATIONS}{id}"), Value::Nothing);
            }
            Effect::RecordHost(host) => {
                self.changes.insert(format!("{HOSTS}{}", host.name), Value::Host(host));
            }
            Effect::RecordEpoch(epoch) => {
                self.changes.insert(EPOCH.to_owned(), Value::Epoch(epoch));
            }
            Effect::Audit(line) => audit::write(&line),
            Effect::Log(text) => info!("{text}"),
        }
    }

    fn say(&mut self, id: SessionId, say: HostSay) {
        let Some(session) = self.sessions.get(&id) else {
            return; // it has gone meanwhile, and the core hears or has heard of it
        };
        let message = link::message(say, session.protocol, self.keepalives);
        if session.to_agent.try_send(Ok(message)).is_err() {
            let host = session.host.clone();
            self.sessions.remove(&id);
            self.lost.push((id, host));
        }
    }

    /// Hands the next batch to the writer, unless it is still at the last one.
    fn write(&mut self) {
        if self.in_flight.is_some() {
            return;
        }
        if self.changes.is_empty() {
            let then = std::mem::take(&mut self.then);
            if !then.is_empty() {
                self.perform(then);
            }
            return;
        }
        let changes: Vec<Change> =
            std::mem::take(&mut self.changes).into_iter().filter_map(change).collect();
        let operations = changes
            .iter()
            .filter_map(|(key, _)| key.strip_prefix(OPERATIONS))
            .map(str::to_owned)
            .collect();
        self.in_flight = Some((std::mem::take(&mut self.then), operations));
        if !self.writer.write(changes) {
            error!(
                "the store's thread has ended; nothing more is recorded, restart the controller"
            );
        }
    }

    /// A batch is written, or could not be: what the core must hear then.
    pub fn written(&mut self, written: Written) -> Vec<Input> {
        let (then, operations) = self.in_flight.take().unwrap_or_default();
        match written {
            Ok(()) => {
                self.perform(then);
                Vec::new()
            }
            Err(error) => {
                error!("{error}");
                let lost = operations.into_iter().map(|operation| {
                    let unsent = unsent(&then, &operation);
                    self.withdraw(&operation, &unsent);
                    Input::NotRecorded { operation, unsent }
                });
                let lost = lost.collect();
                self.write();
                lost
            }
        }
    }

    /// Orders that are withdrawn do not go out with the next batch either, to a host that has
    /// dialled anew meanwhile.
    fn withdraw(&mut self, operation: &str, unsent: &[u32]) {
        for effect in &mut self.then {
            if let Effect::Say(_, HostSay::Orders(batch)) = effect
                && batch.operation == operation
            {
                batch.orders.retain(|order| !unsent.contains(&order.id));
            }
        }
    }

    /// Whether something is still to be written.
    pub fn is_writing(&self) -> bool {
        self.in_flight.is_some()
    }
}

/// The orders of an operation that nobody has seen yet.
fn unsent(then: &[Effect], operation: &str) -> Vec<u32> {
    let orders = then.iter().filter_map(|effect| match effect {
        Effect::Say(_, HostSay::Orders(batch)) if !batch.is_again => Some(batch),
        _ => None,
    });
    orders
        .filter(|batch| batch.operation == operation)
        .flat_map(|batch| batch.orders.iter().map(|order| order.id))
        .collect()
}

fn change((key, value): (String, Value)) -> Option<Change> {
    let bytes = match value {
        Value::Operation(operation) => serde_json::to_vec(&operation),
        Value::Host(host) => serde_json::to_vec(&host),
        Value::Epoch(epoch) => Ok(epoch.to_string().into_bytes()),
        Value::Nothing => return Some((key, None)),
    };
    match bytes {
        Ok(bytes) => Some((key, Some(bytes))),
        Err(error) => {
            error!("{key} cannot be written: {error}");
            None
        }
    }
}

fn log_host(happening: &Happening) {
    if let controller_core::HappeningKind::Host(why) = &happening.kind {
        info!(host = happening.host, liveness = ?happening.liveness, "{why}");
    }
}

/// Milliseconds from one monotonic moment to another.
pub(crate) fn until(now: Now, deadline_ns: u64) -> std::time::Duration {
    std::time::Duration::from_nanos(deadline_ns.saturating_sub(now.mono_ns))
}
