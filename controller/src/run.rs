//! The loop: one task owns the core, takes what the doors and the clock bring, and performs what the
//! core decides.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use controller_core::{Asked, Fleet, Input, Said};
use proto_words::Now;
use tokio::sync::{mpsc, oneshot};

use crate::hands::{Hands, until};
use crate::mailbox::Letter;
use crate::store::Written;

/// Letters that are taken at once: what they change is written once.
const LETTERS_AT_ONCE: usize = 256;

/// Without a deadline the loop still looks up so often; it costs nothing.
const LONGEST_SLEEP: Duration = Duration::from_hours(1);

/// Where time comes from.
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place that looks at the clock")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that looks at the clock")]
    pub fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            mono_ns: u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX),
            wall_ms: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX),
        }
    }
}

/// All that the loop owns.
pub(crate) struct Loop {
    pub core: Fleet,
    pub hands: Hands,
    pub clock: Clock,
    pub letters: mpsc::Receiver<Letter>,
    pub written: mpsc::Receiver<Written>,
}

impl Loop {
    /// Runs until it is told to stop, then writes what is still to be written.
    pub async fn run(mut self, mut stops: oneshot::Receiver<()>) {
        let mut letters = Vec::with_capacity(LETTERS_AT_ONCE);
        self.take(vec![Input::Woke]);
        loop {
            let now = self.clock.now();
            let sleep = self.core.next_deadline().map_or(LONGEST_SLEEP, |at| until(now, at));
            tokio::select! {
                biased;
                _ = &mut stops => break,
                Some(written) = self.written.recv() => self.written(written),
                _ = self.letters.recv_many(&mut letters, LETTERS_AT_ONCE) => {
                    self.open(letters.drain(..));
                }
                () = tokio::time::sleep(sleep) => self.take(vec![Input::Woke]),
            }
        }
        self.write_the_rest().await;
    }

    fn take(&mut self, inputs: Vec<Input>) {
        let effects = self.core.on_inputs(self.clock.now(), inputs);
        self.hands.perform(effects);
        self.tell_of_lost();
    }

    fn written(&mut self, written: Written) {
        let lost = self.hands.written(written);
        self.take(lost);
    }

    /// Sessions that could not take what was said to them are over, and the core hears of it.
    fn tell_of_lost(&mut self) {
        while let Some((session, host)) = self.hands.lost.pop() {
            let why = "the agent reads too slowly, or has gone".to_owned();
            let left = Input::Left { session, host, why };
            let effects = self.core.on_input(self.clock.now(), left);
            self.hands.perform(effects);
        }
    }

    /// Takes letters; one that is compared with what is known comes after those before it.
    fn open(&mut self, letters: impl Iterator<Item = Letter>) {
        let mut inputs = Vec::new();
        for letter in letters {
            if matches!(letter, Letter::Hashed { .. }) {
                self.take(std::mem::take(&mut inputs));
            }
            inputs.push(self.opened(letter));
        }
        self.take(inputs);
    }

    fn opened(&mut self, letter: Letter) -> Input {
        match letter {
            Letter::Asked { operator, address, ask, reply } => {
                let ticket = self.hands.ticket(reply);
                Input::Asked(Asked { ticket, operator, address, ask })
            }
            Letter::Arrived { session, host, hello, protocol, to_agent, is_open } => {
                self.hands.open(session, &host, protocol, to_agent, is_open);
                Input::Arrived { session, host, hello }
            }
            Letter::Said { session, host, said } => Input::Said { session, host, said },
            Letter::Hashed { session, host, position, hash } => {
                let known = self.core.inventory().get(&host);
                let differs = known.is_some_and(|known| {
                    known.position == position && proto::table_hash(known.rows())[..] != hash[..]
                });
                let said = if differs { Said::TableDiffers } else { Said::Alive };
                Input::Said { session, host, said }
            }
            Letter::Left { session, host, why } => {
                self.hands.close(session);
                Input::Left { session, host, why }
            }
        }
    }

    async fn write_the_rest(&mut self) {
        while self.hands.is_writing() {
            match self.written.recv().await {
                Some(written) => {
                    let _ = self.hands.written(written);
                }
                None => return,
            }
        }
    }
}
