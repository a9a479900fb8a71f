//! A core that is played: tests say what it answers, and see what it was asked.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use agent_core::command::{Command, Reply};
use agent_core::spec::Level;
use proto_words::{Origin, SupervisorState};

use crate::mailbox::{Facts, Mailbox};

/// What the core was asked, [`Command::State`] aside.
pub(crate) type Asked = Arc<Mutex<Vec<Command>>>;

/// What takes lines for the activity log.
pub(crate) type Log = Arc<dyn Fn(Level, String) + Send + Sync>;

/// What was logged.
pub(crate) type Lines = Arc<Mutex<Vec<(Level, String)>>>;

/// Facts as a plain configuration has them.
pub(crate) fn facts(logfile: Option<PathBuf>) -> Facts {
    Facts { identifier: "supervisor".into(), pid: 4242, logfile, has_supervisor_interface: true }
}

/// A core that is at work and answers everything but [`Command::State`] by `play`.
pub(crate) fn core(
    facts: Facts,
    mut play: impl FnMut(&Command) -> Reply + Send + 'static,
) -> (Mailbox, Asked) {
    let asked = Asked::default();
    let kept = Arc::clone(&asked);
    let mailbox = core_in_state(facts, SupervisorState::Running, move |command| {
        kept.lock().unwrap().push(command.clone());
        play(command)
    });
    (mailbox, asked)
}

/// A core in any state.
pub(crate) fn core_in_state(
    facts: Facts,
    state: SupervisorState,
    mut play: impl FnMut(&Command) -> Reply + Send + 'static,
) -> Mailbox {
    let (mailbox, mut inbox, _events) = Mailbox::new(facts);
    tokio::spawn(async move {
        while let Some(letter) = inbox.recv().await {
            assert_eq!(letter.origin, Origin::LocalXmlrpc);
            let reply = match &letter.command {
                Command::State => Reply::State(state),
                command => play(command),
            };
            let _ = letter.reply.send(reply);
        }
    });
    mailbox
}

/// A log that tests can read.
pub(crate) fn log() -> (Log, Lines) {
    let lines = Lines::default();
    let kept = Arc::clone(&lines);
    let log: Log = Arc::new(move |level, text| kept.lock().unwrap().push((level, text)));
    (log, lines)
}
