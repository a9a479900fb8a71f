//! Fleets, rows and requests in a few words, for tests.

use std::collections::BTreeMap;

use proto_words::{Incarnation, Now, Origin, Outcome, OutcomeKind, ProcessState, Row, Signal};

use super::{Fleet, Settings};
use crate::effect::{Answer, Effect, HappeningKind, HostSay, Order};
use crate::input::{Ask, Asked, Hello, Input, Said, SessionId, Ticket};
use crate::inventory::{Inventory, Liveness, Position};
use crate::operation::{Entry, Operation, OrderDone};
use crate::request::{Barrier, OnUnreachable, Request, RestartOrder, Selection, Verb};

/// A row with priorities 999; `gone` is a state here.
pub(crate) fn row(group: &str, name: &str, seq: u64, state: &str) -> Row {
    Row {
        seq,
        origin: Origin::Autostart,
        group: group.to_owned(),
        name: name.to_owned(),
        state: ProcessState::from_name(state),
        incarnation: Incarnation { epoch: 1, spawn: seq },
        pid: 0,
        group_priority: 999,
        priority: 999,
        startsecs: 1,
        spawnerr: String::new(),
        exitstatus: 0,
        started_ms: 0,
        stopped_ms: 0,
        since_ms: 0,
    }
}

/// `shop:api 1/5 STOPPED, …` as rows.
pub(crate) fn rows(text: &str) -> Vec<Row> {
    let one = |(at, text): (usize, &str)| {
        let mut words = text.split_whitespace();
        let (group, name) = words.next().unwrap().split_once(':').unwrap();
        let (group_priority, priority) = words.next().unwrap().split_once('/').unwrap();
        let mut row = row(group, name, at as u64 + 1, words.next().unwrap());
        row.group_priority = group_priority.parse().unwrap();
        row.priority = priority.parse().unwrap();
        row
    };
    text.split(',').enumerate().map(one).collect()
}

/// A line per host: `NAME [LABEL=VALUE…] | ROWS`, or `NAME unheard`. All are up.
pub(crate) fn inventory(text: &str) -> Inventory {
    let mut inventory = Inventory::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (head, table) = line.split_once('|').unwrap_or((line, ""));
        let mut words = head.split_whitespace();
        let host = inventory.entry(words.next().unwrap());
        if line.ends_with("unheard") {
            continue;
        }
        host.labels =
            words.filter_map(|w| w.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect();
        host.liveness = Liveness::Up;
        host.is_in_step = true;
        host.apply_snapshot(Position { epoch: 1, seq: 9 }, rows(table));
    }
    inventory
}

/// `start web-1/shop:api …` as a request.
pub(crate) fn request(words: &str) -> Request {
    let mut words = words.split_whitespace();
    let verb = match words.next().unwrap() {
        "start" => Verb::Start(Barrier::Running),
        "stop" => Verb::Stop,
        "restart" => Verb::Restart(Barrier::Running, RestartOrder::PerTarget),
        "stop-then-start" => Verb::Restart(Barrier::Running, RestartOrder::StopThenStart),
        "signal" => Verb::Signal(Signal::TERM),
        "reread" => Verb::Reread,
        other => panic!("no verb {other}"),
    };
    Request {
        selection: Selection {
            targets: words.map(str::to_owned).collect(),
            ..Selection::default()
        },
        verb,
        dry_run: false,
        on_failure: None,
        on_unreachable: OnUnreachable::Skip,
        host_deadline_ms: None,
        deadline_ms: None,
        parallel: 0,
        allow_empty: false,
        yes: 0,
    }
}

/// A core on a stage: hosts come, speak and go by a script, and what it does is written down.
pub(crate) struct Stage {
    pub fleet: Fleet,
    tables: BTreeMap<String, Vec<Row>>,
    request: Request,
    operations: u64,
    sessions: u64,
    live: BTreeMap<String, SessionId>,
    shown: BTreeMap<String, usize>,
}

impl Stage {
    /// `tables` is as for [`inventory`]; nobody has dialled yet.
    pub(crate) fn new(tables: &str, request: Request) -> Self {
        let tables = inventory(tables);
        Self {
            fleet: Fleet::new(Settings::default(), 7, vec![], vec![], Now::default()),
            tables: tables.hosts().map(|h| (h.name.clone(), h.rows().cloned().collect())).collect(),
            request,
            operations: 0,
            sessions: 0,
            live: BTreeMap::new(),
            shown: BTreeMap::new(),
        }
    }

    /// A new process of the controller, with the records of the old one.
    pub(crate) fn resumed(tables: &str, records: Vec<Operation>, at_ms: u64) -> Self {
        let mut stage = Self::new(tables, request("start all"));
        let now = Now { mono_ns: at_ms * 1_000_000, wall_ms: i64::try_from(at_ms).unwrap() };
        stage.shown = records.iter().map(|record| (record.id.clone(), record.log.len())).collect();
        stage.fleet = Fleet::new(Settings::default(), 8, vec![], records, now);
        stage
    }

    /// One line: what happens, and everything that the core does about it.
    pub(crate) fn play(&mut self, at_ms: u64, words: &str) -> String {
        let now = Now { mono_ns: at_ms * 1_000_000, wall_ms: i64::try_from(at_ms).unwrap() };
        let inputs = self.inputs(words);
        let effects = self.fleet.on_inputs(now, inputs);
        let mut shown = Vec::new();
        self.show(effects, &mut shown);
        shown.join("; ")
    }

    /// Whether a session of this host is still open, as the core sees it.
    pub(crate) fn is_live(&self, host: &str) -> bool {
        self.fleet.inventory().get(host).is_some_and(|host| host.liveness != Liveness::Down)
            && self.live.contains_key(host)
    }

    fn inputs(&mut self, words: &str) -> Vec<Input> {
        let words: Vec<_> = words.split_whitespace().collect();
        match words[..] {
            ["up", host] => self.up(host, host),
            ["up", host, instance] => self.up(host, instance),
            ["alive", host] => vec![self.said(host, Said::Alive)],
            ["down", host] => vec![Input::Left {
                session: self.live.remove(host).unwrap(),
                host: host.into(),
                why: "gone".into(),
            }],
            ["go"] => {
                self.operations += 1;
                vec![Self::ask(Ask::Operate(
                    self.operations.to_string(),
                    Box::new(self.request.clone()),
                ))]
            }
            ["cancel"] => vec![Self::ask(Ask::Cancel(self.operations.to_string()))],
            ["tick"] => vec![Input::Woke],
            [host, order, kind] => {
                let outcome = OutcomeKind::ALL.into_iter().find(|k| k.name() == kind).unwrap();
                let done = OrderDone {
                    operation: "1".into(),
                    order: order.parse().unwrap(),
                    outcome: Outcome::new(outcome, ""),
                    incarnation: None,
                    added: vec![],
                    changed: vec![],
                    removed: vec![],
                };
                vec![self.said(host, Said::Result(Box::new(done)))]
            }
            _ => panic!("no such line: {words:?}"),
        }
    }

    pub(crate) fn said(&self, host: &str, said: Said) -> Input {
        Input::Said { session: self.live[host], host: host.into(), said }
    }

    fn ask(ask: Ask) -> Input {
        Input::Asked(Asked {
            ticket: Ticket(1),
            operator: "alice".into(),
            address: "here".into(),
            ask,
        })
    }

    fn up(&mut self, host: &str, instance: &str) -> Vec<Input> {
        self.sessions += 1;
        let session = SessionId(self.sessions);
        let hello = Hello {
            instance_id: instance.into(),
            labels: BTreeMap::new(),
            agent_version: String::new(),
            position: Position { epoch: 1, seq: 9 },
            controller_epoch_seen: 0,
            address: "there".into(),
            certificate_ends_ms: 0,
        };
        let arrived = Input::Arrived { session, host: host.into(), hello };
        if instance != host {
            return vec![arrived];
        }
        self.live.insert(host.into(), session);
        let table = Said::Snapshot(Position { epoch: 1, seq: 9 }, self.tables[host].clone());
        vec![arrived, self.said(host, table)]
    }

    fn show(&mut self, effects: Vec<Effect>, shown: &mut Vec<String>) {
        for effect in effects {
            match effect {
                Effect::Say(session, say) => self.show_say(session, &say, shown),
                Effect::Close(session, _) => shown.push(format!("close {}", self.name(session))),
                Effect::Publish(happening) => {
                    if let (HappeningKind::Host(_), liveness) = (happening.kind, happening.liveness)
                    {
                        shown.push(format!("{} {liveness:?}", happening.host));
                    }
                }
                Effect::Record(operation, then) => {
                    self.show_news(&operation, shown);
                    self.show(then, shown);
                }
                Effect::Answer(_, Answer::Refused(why)) => shown.push(why.to_string()),
                Effect::Answer(..)
                | Effect::Forget(_)
                | Effect::RecordHost(_)
                | Effect::RecordEpoch(_)
                | Effect::Audit(_)
                | Effect::Log(_) => {}
            }
        }
    }

    fn name(&self, session: SessionId) -> String {
        let live = self.live.iter().find(|(_, known)| **known == session);
        live.map_or_else(|| format!("session {}", session.0), |(host, _)| host.clone())
    }

    fn show_say(&self, session: SessionId, say: &HostSay, shown: &mut Vec<String>) {
        let name = self.name(session);
        match say {
            HostSay::Orders(batch) => {
                let one = |order: &Order| {
                    let verb = format!("{:?}", order.verb);
                    let verb = verb.split([' ', '(']).next().unwrap().to_lowercase();
                    format!("{} {verb} {}:{}", order.id, order.group, order.process)
                };
                let orders: Vec<_> = batch.orders.iter().map(one).collect();
                shown.push(format!("{name} <- {}", orders.join(", ")));
            }
            HostSay::Acknowledged(_, orders) => shown.push(format!("{name} ack {orders:?}")),
            HostSay::Refused(why, _) => shown.push(format!("{name} refused {why:?}")),
            HostSay::Alive => shown.push(format!("{name} alive?")),
            HostSay::SnapshotWanted => shown.push(format!("{name} snapshot?")),
            HostSay::Welcome { .. } => {}
        }
    }

    fn show_news(&mut self, operation: &Operation, shown: &mut Vec<String>) {
        let from = self.shown.insert(operation.id.clone(), operation.log.len()).unwrap_or(0);
        for entry in operation.entries_since(from) {
            match entry {
                Entry::Wave(wave) => shown.push(format!("wave {wave}")),
                Entry::Result(at) => {
                    let target = &operation.targets[*at];
                    let result = target.result().unwrap();
                    let was =
                        result.amended_from.map_or(String::new(), |was| format!(", was {was}"));
                    shown.push(format!("{} {}{was}", target.name, result.outcome.kind));
                }
            }
        }
        if operation.is_done() {
            shown.push(format!("exit {}", operation.exit_code()));
        }
    }
}

/// Plays a script against a fleet; each line is `SECONDS WORDS -> EFFECTS`.
pub(crate) fn check(tables: &str, request: Request, script: &str) {
    let mut stage = Stage::new(tables, request);
    let (mut expected, mut played) = (Vec::new(), Vec::new());
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (left, right) = line.split_once("->").unwrap();
        let (at, words) = left.trim().split_once(' ').unwrap();
        let at_ms = (at.parse::<f64>().unwrap() * 1000.0).round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small and positive"
        )]
        let effects = stage.play(at_ms as u64, words.trim());
        expected.push(format!("{at} {} -> {}", words.trim(), right.trim()));
        played.push(format!("{at} {} -> {effects}", words.trim()));
    }
    assert_eq!(played.join("\n"), expected.join("\n"));
}
