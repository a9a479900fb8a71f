//! What outlives a session: the history, the ledger, and the orders that are being done.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use agent_core::command::Table;
use agent_core::effect::Event;
use agent_core::spec::Level;
use agent_core::{Command, Reply};
use proto_words::Origin;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::fleet::backoff::Backoff;
use crate::fleet::history::History;
use crate::fleet::instance::instance_id;
use crate::fleet::orders::{Delivery, Work};
use crate::fleet::session::End;
use crate::fleet::{AgentIdentity, FleetSettings, Log};
use crate::ledger::{Fault, Ledger, LedgerError, Opened};
use crate::mailbox::Mailbox;

/// After a HUP the ledger of the life before may take a moment to let go of its lock: so often it
/// is tried without a word.
const IN_USE_QUIETLY: u32 = 10;

/// So long after each time; the lock is let go of within milliseconds.
const IN_USE_RETRY: Duration = Duration::from_millis(100);

/// How long results may take to reach the ledger at the end of the agent; a disk that hangs must
/// not keep it from ending. What is not on record by then is decided after the next start.
const LAST_RESULTS: Duration = Duration::from_secs(2);

/// The door.
pub(crate) struct Door {
    pub settings: FleetSettings,
    pub mailbox: Mailbox,
    pub log: Log,
    pub instance_id: String,
    pub ledger: Ledger,
    /// The newest controller epoch that was obeyed.
    pub epoch_seen: u64,
    pub history: History,
    pub events: Receiver<Arc<Event>>,
    pub works: JoinSet<Work>,
    /// Orders that are being accepted, done or recorded.
    pub in_flight: usize,
    pub delivery: Delivery,
}

/// The core is gone: the agent ends.
#[derive(Debug)]
pub(crate) struct CoreGone;

/// Runs the door until the core is gone.
pub(crate) async fn run(
    settings: FleetSettings,
    mailbox: Mailbox,
    identity: AgentIdentity,
    log: Log,
) {
    // Only the core's end ends it, and then there is nothing left to tell.
    let _ = run_until_gone(settings, mailbox, identity, log).await;
}

async fn run_until_gone(
    settings: FleetSettings,
    mailbox: Mailbox,
    identity: AgentIdentity,
    log: Log,
) -> Result<(), CoreGone> {
    let (opened, instance_id) = open(&settings, &log).await;
    let events = mailbox.subscribe();
    let table = ask_table(&mailbox).await?;
    let mut door = Door {
        settings,
        mailbox,
        log,
        instance_id,
        ledger: opened.ledger,
        epoch_seen: opened.epoch,
        history: History::new(table),
        events,
        works: JoinSet::new(),
        in_flight: 0,
        delivery: Delivery::default(),
    };
    for unfinished in opened.unfinished {
        door.recover(unfinished, &identity);
    }
    let gone = door.dial_for_ever().await;
    // What the end of the core has answered is a result like any other: it goes on record.
    let _ = timeout(LAST_RESULTS, door.record_the_rest()).await;
    gone
}

fn damaged(settings: &FleetSettings) -> String {
    format!(
        "the ledger was damaged, look at the disk of {}; what could be read of it counts, the whole \
         is kept as ledger.damaged",
        settings.state_dir.display()
    )
}

/// Opens the ledger; without one, what has a goal goes on unrecorded.
async fn open(settings: &FleetSettings, log: &Log) -> (Opened, String) {
    let say = |level, text: &str| log(level, format!("fleet: {text}"));
    let mut in_use = 0_u32;
    loop {
        let dir = settings.state_dir.clone();
        let opening = move || (Ledger::open(&dir), instance_id(&dir));
        let Ok((opened, (id, not_kept))) = tokio::task::spawn_blocking(opening).await else {
            sleep(settings.redial_max).await; // it panicked: nothing to go on with
            continue;
        };
        if let Err(LedgerError::InUse(_)) = &opened {
            in_use += 1;
            if in_use <= IN_USE_QUIETLY {
                sleep(IN_USE_RETRY).await;
                continue;
            }
        }
        if let Some(error) = not_kept {
            let dir = settings.state_dir.display();
            say(Level::Error, &format!("{dir}: {error}; state_dir must be writable"));
        }
        match opened {
            Ok(opened) => {
                match opened.fault {
                    Fault::None => {}
                    Fault::Torn(bytes) => {
                        say(Level::Warn, &format!("cut {bytes} torn bytes off the ledger"));
                    }
                    Fault::Damaged => say(Level::Error, &damaged(settings)),
                }
                return (opened, id);
            }
            Err(error @ LedgerError::InUse(_)) => {
                say(Level::Error, &format!("not joining: {error}"));
                sleep(settings.redial_max).await;
            }
            Err(error @ (LedgerError::Foreign(_) | LedgerError::Io { .. })) => {
                let text = format!("no ledger, only start, stop and restart are obeyed: {error}");
                say(Level::Error, &text);
                return (without_ledger(&error), id);
            }
        }
    }
}

fn without_ledger(error: &LedgerError) -> Opened {
    Opened {
        ledger: Ledger::unrecorded(&error.to_string()),
        unfinished: Vec::new(),
        epoch: 0,
        fault: Fault::None,
    }
}

pub(crate) async fn ask_table(mailbox: &Mailbox) -> Result<Table, CoreGone> {
    let origin = Origin::Fleet("link".to_owned()); // a question changes nothing
    match mailbox.ask(origin, Command::Rows).await {
        Reply::Rows(table) => Ok(table),
        _ => Err(CoreGone),
    }
}

impl Door {
    async fn dial_for_ever(&mut self) -> Result<(), CoreGone> {
        let mut backoff = Backoff::new(self.settings.redial_max);
        let mut told = BTreeMap::new(); // the last reason by address: a new one is worth a line
        for attempt in 0_usize.. {
            let addresses = &self.settings.controllers;
            let address = addresses[attempt % addresses.len()].clone();
            let End { why, was_welcome, retry_after } = Box::pin(self.session(&address)).await?;
            if was_welcome {
                backoff.welcomed();
                told.clear();
            }
            if told.insert(address, why.clone()).as_ref() != Some(&why) {
                self.say(Level::Warn, &format!("{why}; programs go on, and it is tried again"));
            }
            let wait = backoff.next(rand::random_range(0.0..=1.0), retry_after);
            self.meanwhile(sleep(wait)).await?;
        }
        Ok(())
    }

    /// Takes in every order that is still being done: the core has answered all of them.
    async fn record_the_rest(&mut self) {
        while let Some(work) = self.works.join_next().await {
            // Nobody is there to be told; only the ledger counts now.
            let _ = self.on_work(work).await;
        }
    }

    /// A line for the activity log.
    pub(crate) fn say(&self, level: Level, text: &str) {
        (self.log)(level, format!("fleet: {text}"));
    }

    /// Waits for something without a session: events and finished orders are taken in meanwhile.
    pub(crate) async fn meanwhile<T>(
        &mut self,
        future: impl Future<Output = T>,
    ) -> Result<T, CoreGone> {
        let mut future = pin!(future);
        loop {
            tokio::select! {
                result = &mut future => return Ok(result),
                event = self.events.recv() => self.take_in(event).await?,
                Some(work) = self.works.join_next() => {
                    self.on_work(work).await?; // nobody is there to be told
                }
            }
        }
    }

    /// One event, or the news that some were missed.
    pub(crate) async fn take_in(
        &mut self,
        event: Result<Arc<Event>, RecvError>,
    ) -> Result<(), CoreGone> {
        match event {
            Ok(event) => self.history.take_in(&event),
            Err(RecvError::Lagged(count)) => {
                let table = ask_table(&self.mailbox).await?;
                self.history.missed(count, table);
            }
            Err(RecvError::Closed) => return Err(CoreGone),
        }
        Ok(())
    }

    /// Takes in what has happened until now.
    pub(crate) async fn catch_up(&mut self) -> Result<(), CoreGone> {
        loop {
            match self.events.try_recv() {
                Ok(event) => self.history.take_in(&event),
                Err(TryRecvError::Lagged(count)) => {
                    self.take_in(Err(RecvError::Lagged(count))).await?;
                }
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Closed) => return Err(CoreGone),
            }
        }
    }
}
