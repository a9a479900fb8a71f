//! A core that does what the names of its processes say.

use std::collections::BTreeMap;
use std::sync::Arc;

use agent_core::command::{LogFiles, ProcessInfo, Scope, Table};
use agent_core::effect::Event;
use agent_core::{Command, Refusal, Reply};
use proto_words::{Namespec, Origin, ProcessPart, ProcessState, Row};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::fleet::testing::EPOCH;
use crate::mailbox::Letter;

/// A core with the group `web`. What a start comes to is in the process's name: `good…` runs,
/// `bad…` fails, `slow…` stays STARTING until it is released; its stop comes to no end at all.
pub(crate) struct PlayedCore {
    pub rows: BTreeMap<String, Row>,
    pub seq: u64,
    pub events: broadcast::Sender<Arc<Event>>,
    pub asked: mpsc::UnboundedSender<(Origin, Command)>,
    pub held: Vec<(String, oneshot::Sender<Reply>)>,
    pub stderr: Option<String>,
}

/// What a test makes a played core do.
#[derive(Clone, Copy)]
pub(crate) enum Poke {
    /// A process changes its state.
    Change(&'static str, ProcessState),
    /// What is `slow` runs now.
    Release,
}

impl PlayedCore {
    fn change(&mut self, name: &str, state: ProcessState) {
        self.seq += 1;
        let Some(row) = self.rows.get_mut(name) else {
            return;
        };
        let from = row.state.unwrap_or(ProcessState::Unknown);
        row.seq = self.seq;
        row.state = Some(state);
        if state == ProcessState::Starting {
            row.incarnation.spawn += 1;
        }
        let event =
            Event::Process { row: Box::new(row.clone()), from, tries: 0, expected: true, pid: 0 };
        let _ = self.events.send(Arc::new(event));
    }

    fn poke(&mut self, poke: Poke) {
        match poke {
            Poke::Change(name, state) => self.change(name, state),
            Poke::Release => {
                for (name, reply) in std::mem::take(&mut self.held) {
                    self.change(&name, ProcessState::Running);
                    let _ = reply.send(Reply::Done);
                }
            }
        }
    }

    fn state(&self, name: &str) -> Option<ProcessState> {
        self.rows.get(name)?.state
    }

    fn answer(&mut self, letter: Letter) {
        let Letter { origin, command, reply } = letter;
        let is_question = matches!(command, Command::Rows | Command::Info(_) | Command::Files(_));
        if !is_question {
            let _ = self.asked.send((origin, command.clone()));
        }
        let answer = match command {
            Command::Rows => Reply::Rows(Table {
                epoch: EPOCH,
                seq: self.seq,
                rows: self.rows.values().cloned().collect(),
            }),
            Command::Info(spec) => self.info(&spec),
            Command::Files(_) => {
                Reply::Files(LogFiles { stdout: None, stderr: self.stderr.clone() })
            }
            Command::Start { scope, .. } => return self.start(&name_in(&scope), reply),
            // What runs is past the life that the restart names.
            Command::Restart { name, .. } => return self.start(&part(&name.process), reply),
            Command::Stop { scope, .. } => return self.stop(&name_in(&scope), reply),
            _ => Reply::Done,
        };
        let _ = reply.send(answer);
    }

    fn start(&mut self, name: &str, reply: oneshot::Sender<Reply>) {
        let refusal = match self.state(name) {
            None => Some(Refusal::BadName(name.to_owned())),
            Some(state) if state.is_running() => Some(Refusal::AlreadyStarted(name.to_owned())),
            Some(_) => None,
        };
        if let Some(refusal) = refusal {
            let _ = reply.send(Reply::Refused(refusal));
            return;
        }
        self.change(name, ProcessState::Starting);
        if name.starts_with("slow") {
            self.held.push((name.to_owned(), reply));
        } else if name.starts_with("bad") {
            self.change(name, ProcessState::Backoff);
            let _ = reply.send(Reply::Refused(Refusal::SpawnError {
                name: name.to_owned(),
                why: "Exited too quickly".to_owned(),
            }));
        } else {
            self.change(name, ProcessState::Running);
            let _ = reply.send(Reply::Done);
        }
    }

    fn stop(&mut self, name: &str, reply: oneshot::Sender<Reply>) {
        if name.starts_with("slow") {
            self.change(name, ProcessState::Stopping);
            self.held.push((name.to_owned(), reply));
        } else {
            self.change(name, ProcessState::Stopped);
            let _ = reply.send(Reply::Done);
        }
    }

    fn info(&self, spec: &Namespec) -> Reply {
        let name = part(&spec.process);
        let Some(state) = self.state(&name) else {
            return Reply::Refused(Refusal::BadName(name));
        };
        Reply::Infos(vec![ProcessInfo {
            name,
            group: spec.group.clone(),
            start: 0,
            stop: 0,
            now: 0,
            state,
            spawnerr: String::new(),
            exitstatus: 0,
            stdout_logfile: String::new(),
            stderr_logfile: String::new(),
            pid: 0,
        }])
    }
}

fn name_in(scope: &Scope) -> String {
    match scope {
        Scope::Named(spec) => part(&spec.process),
        Scope::All | Scope::Group(_) => String::new(),
    }
}

fn part(process: &ProcessPart) -> String {
    match process {
        ProcessPart::One(name) => name.clone(),
        ProcessPart::Every => String::new(),
    }
}

/// Answers letters and obeys pokes until both are over.
pub(crate) async fn play(
    mut core: PlayedCore,
    mut inbox: mpsc::Receiver<Letter>,
    mut pokes: mpsc::UnboundedReceiver<Poke>,
) {
    loop {
        tokio::select! {
            Some(letter) = inbox.recv() => core.answer(letter),
            Some(poke) = pokes.recv() => core.poke(poke),
            else => return,
        }
    }
}
