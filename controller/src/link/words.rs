//! The link's messages ⇄ the core's words.

use std::time::Duration;

use controller_core::{
    Barrier, Hello, HostSay, LinkRefusal, Order, OrderBatch, OrderDone, OrderVerb, Position, Said,
    SessionId, StateEvent,
};
use proto::v1::{self, agent_message, controller_message, order};
use proto::{BadMessage, state_from_wire};
use proto_words::Row;

use crate::access::Caller;
use crate::mailbox::Letter;

/// The protocol versions that this controller speaks, from lowest to highest.
const PROTOCOLS: (u32, u32) = (1, 1);

/// A refused agent is asked to stay away this long: its configuration must change first.
const RETRY_AFTER_REFUSAL: Duration = Duration::from_secs(30);

/// The same when it is only not the moment.
const RETRY_AFTER_BUSY: Duration = Duration::from_secs(5);

/// How often agents show life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keepalives {
    /// When nothing else is said.
    pub idle: Duration,
    /// With orders in flight.
    pub busy: Duration,
}

/// Why a hello is not taken.
#[derive(Debug)]
pub(crate) struct Refused {
    pub reason: v1::LinkRefusal,
    pub text: String,
}

impl Refused {
    pub fn protocol(text: &str) -> Self {
        Self { reason: v1::LinkRefusal::Protocol, text: text.to_owned() }
    }
}

/// Checks a hello: the protocol, and that it claims no other name than its certificate.
pub(crate) fn hello(hello: v1::Hello, caller: &Caller) -> Result<(Hello, u32), Refused> {
    let (lowest, highest) = PROTOCOLS;
    let protocol = highest.min(hello.protocol_highest);
    if protocol < lowest.max(hello.protocol_lowest) {
        return Err(Refused::protocol(&format!(
            "the agent speaks protocols {} to {}, this controller {lowest} to {highest}; \
             update the older one",
            hello.protocol_lowest, hello.protocol_highest
        )));
    }
    if hello.host != caller.identity.name {
        return Err(Refused {
            reason: v1::LinkRefusal::Identity,
            text: format!(
                "the agent says that it is {:?}, its certificate is {}: set host in its [fleet] \
                 section to {}, or give it its own certificate",
                hello.host, caller.identity, caller.identity.name
            ),
        });
    }
    let hello = Hello {
        instance_id: hello.instance_id,
        labels: hello.labels.into_iter().collect(),
        agent_version: hello.agent_version,
        position: position(hello.position),
        controller_epoch_seen: hello.controller_epoch_seen,
        address: caller.address.to_string(),
        certificate_ends_ms: caller.certificate_ends_ms,
    };
    Ok((hello, protocol))
}

/// What an agent says after its hello.
pub(crate) fn letter(
    message: v1::AgentMessage,
    session: SessionId,
    host: &str,
) -> Result<Letter, BadMessage> {
    let host = host.to_owned();
    let said = match message.body.ok_or(BadMessage::Missing("body"))? {
        agent_message::Body::Hello(_) => {
            return Err(BadMessage::Missing("place for a second hello"));
        }
        agent_message::Body::Snapshot(snapshot) => {
            Said::Snapshot(position(snapshot.position), rows(snapshot.rows)?)
        }
        agent_message::Body::Deltas(deltas) => {
            Said::Deltas(position(deltas.position), rows(deltas.rows)?)
        }
        agent_message::Body::Events(events) => {
            let all: Result<_, _> = events.events.into_iter().map(event).collect();
            Said::Events(all?, events.dropped)
        }
        agent_message::Body::Result(result) => Said::Result(Box::new(done(result)?)),
        agent_message::Body::Accepted(accepted) => Said::Accepted {
            operation: accepted.operation,
            wave: accepted.wave,
            is_unrecorded: accepted.unrecorded,
        },
        agent_message::Body::Alive(_) => Said::Alive,
        agent_message::Body::TableHash(table) => {
            let position = position(table.position);
            return Ok(Letter::Hashed { session, host, position, hash: table.hash });
        }
    };
    Ok(Letter::Said { session, host, said })
}

fn position(message: Option<v1::Position>) -> Position {
    message
        .map_or(Position::default(), |message| Position { epoch: message.epoch, seq: message.seq })
}

fn rows(messages: Vec<v1::Row>) -> Result<Vec<Row>, BadMessage> {
    messages.into_iter().map(Row::try_from).collect()
}

fn event(message: v1::StateEvent) -> Result<StateEvent, BadMessage> {
    Ok(StateEvent {
        row: message.row.ok_or(BadMessage::Missing("row"))?.try_into()?,
        from: state_from_wire(message.from).ok(),
        is_expected: message.expected,
    })
}

fn done(message: v1::OrderResult) -> Result<OrderDone, BadMessage> {
    Ok(OrderDone {
        operation: message.operation,
        order: message.order,
        outcome: message.outcome.ok_or(BadMessage::Missing("outcome"))?.try_into()?,
        incarnation: message.incarnation.map(Into::into),
        added: message.added,
        changed: message.changed,
        removed: message.removed,
    })
}

/// What is said to an agent, as a message.
pub(crate) fn message(
    say: HostSay,
    protocol: u32,
    keepalives: Keepalives,
) -> v1::ControllerMessage {
    let body = match say {
        HostSay::Welcome { epoch, have } => controller_message::Body::Welcome(v1::Welcome {
            protocol,
            capabilities: Vec::new(),
            controller_epoch: epoch,
            have: Some(v1::Position { epoch: have.epoch, seq: have.seq }),
            keepalive_idle: span(keepalives.idle),
            keepalive_busy: span(keepalives.busy),
        }),
        HostSay::Refused(why, text) => {
            let reason = match why {
                LinkRefusal::Duplicate => v1::LinkRefusal::Duplicate,
                LinkRefusal::Busy => v1::LinkRefusal::Busy,
            };
            return refusal(Refused { reason, text });
        }
        HostSay::Orders(batch) => controller_message::Body::Orders(orders(batch)),
        HostSay::Acknowledged(operation, orders) => {
            controller_message::Body::Acknowledged(v1::ResultsAcknowledged { operation, orders })
        }
        HostSay::Alive => controller_message::Body::Alive(v1::Alive { position: None }),
        HostSay::SnapshotWanted => controller_message::Body::SnapshotWanted(v1::SnapshotWanted {}),
    };
    v1::ControllerMessage { body: Some(body) }
}

/// A refusal, as a message.
pub(crate) fn refusal(refused: Refused) -> v1::ControllerMessage {
    let wait = match refused.reason {
        v1::LinkRefusal::Busy => RETRY_AFTER_BUSY,
        _ => RETRY_AFTER_REFUSAL,
    };
    v1::ControllerMessage {
        body: Some(controller_message::Body::Refused(v1::LinkRefused {
            reason: refused.reason.into(),
            text: refused.text,
            retry_after: span(wait),
        })),
    }
}

fn span(length: Duration) -> Option<prost_types::Duration> {
    prost_types::Duration::try_from(length).ok()
}

fn orders(batch: OrderBatch) -> v1::OrderBatch {
    v1::OrderBatch {
        operation: batch.operation,
        wave: batch.wave,
        controller_epoch: batch.controller_epoch,
        deadline: span(Duration::from_millis(batch.deadline_ms)),
        orders: batch.orders.into_iter().map(one_order).collect(),
        operator: batch.operator,
    }
}

fn one_order(word: Order) -> v1::Order {
    let verb = match word.verb {
        OrderVerb::Start(at) => order::Verb::Start(v1::StartOrder { barrier: barrier(at).into() }),
        OrderVerb::Stop => order::Verb::Stop(v1::StopOrder {}),
        OrderVerb::Restart { barrier: at, replaces } => order::Verb::Restart(v1::RestartOrder {
            barrier: barrier(at).into(),
            replaces: replaces.map(Into::into),
        }),
        OrderVerb::Signal(signal) => {
            order::Verb::Signal(v1::SignalOrder { signal: signal.number() })
        }
        OrderVerb::Stdin(data) => order::Verb::Stdin(v1::StdinOrder { data }),
        OrderVerb::Clear => order::Verb::Clear(v1::ClearOrder {}),
        OrderVerb::Reread => order::Verb::Reread(v1::RereadOrder {}),
        OrderVerb::Update(groups) => {
            order::Verb::Update(v1::UpdateOrder { groups, digest: Vec::new() })
        }
        OrderVerb::Reload => order::Verb::Reload(v1::ReloadOrder {}),
        OrderVerb::Shutdown => order::Verb::Shutdown(v1::ShutdownOrder {}),
        OrderVerb::ReopenLogs => order::Verb::ReopenLogs(v1::ReopenLogsOrder {}),
    };
    v1::Order { id: word.id, group: word.group, process: word.process, verb: Some(verb) }
}

fn barrier(word: Barrier) -> v1::Barrier {
    match word {
        Barrier::Running => v1::Barrier::Running,
        Barrier::Spawned => v1::Barrier::Spawned,
        Barrier::None => v1::Barrier::None,
    }
}
