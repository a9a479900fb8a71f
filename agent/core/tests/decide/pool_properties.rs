//! A pool beside supervisord's own way of doing it, written down as plainly as can be: whatever
//! happens, the same events wait, are sent and are lost.

use std::collections::VecDeque;

use agent_core::effect::ProcessId;
use agent_core::input::Unwritten;
use agent_core::listener::Said;
use agent_core::pool::{Heard, Pool, Step};
use proptest::prelude::*;
use proto_words::{Now, ProcessState};

use super::pool::{event, pool};

const LISTENERS: u64 = 3;

/// The same, for arrays.
const COUNT: usize = 3;

#[derive(Debug, Clone, Copy)]
enum Act {
    Happen,
    Born(usize),
    Up(usize),
    Down(usize),
    Ready(usize),
    Answer(usize, u8),
    Noise(usize),
    /// The listener closes its stdin.
    Close(usize),
    /// What was written is told, in the runs where that takes its time.
    Deliver,
}

fn act() -> impl Strategy<Value = Act> {
    let listener = 0..COUNT;
    prop_oneof![
        4 => Just(Act::Happen),
        1 => listener.clone().prop_map(Act::Born),
        2 => listener.clone().prop_map(Act::Up),
        1 => listener.clone().prop_map(Act::Down),
        4 => listener.clone().prop_map(Act::Ready),
        3 => (listener.clone(), 0u8..4).prop_map(|(who, how)| Act::Answer(who, how)),
        1 => listener.clone().prop_map(Act::Noise),
        1 => listener.prop_map(Act::Close),
        3 => Just(Act::Deliver),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Acknowledged,
    Ready,
    Busy(i64),
    Unknown,
}

/// supervisord's pool: one pass of its loop after each thing that happens.
struct Reference {
    size: usize,
    next: i64,
    buffer: VecDeque<i64>,
    running: [bool; COUNT],
    open: [bool; COUNT],
    state: [State; COUNT],
    lost: Vec<i64>,
    sent: Vec<(usize, i64)>,
}

impl Reference {
    fn new(size: usize) -> Self {
        Self {
            size,
            next: 0,
            buffer: VecDeque::new(),
            running: [false; COUNT],
            open: [true; COUNT],
            state: [State::Acknowledged; COUNT],
            lost: Vec::new(),
            sent: Vec::new(),
        }
    }

    fn accept(&mut self, serial: i64, head: bool) {
        if self.buffer.len() >= self.size {
            self.lost.extend(self.buffer.pop_front());
        }
        if head { self.buffer.push_front(serial) } else { self.buffer.push_back(serial) }
    }

    fn reject(&mut self, who: usize, next: State) {
        if let State::Busy(serial) = self.state[who] {
            self.accept(serial, true);
        }
        self.state[who] = next;
    }

    fn act(&mut self, act: Act) {
        let is_busy = |state: State| matches!(state, State::Busy(_));
        match act {
            Act::Happen => {
                self.accept(self.next, false);
                self.next += 1;
            }
            Act::Born(who) => {
                (self.running[who], self.open[who]) = (false, true);
                self.reject(who, State::Acknowledged);
            }
            Act::Up(who) => self.running[who] = true,
            Act::Down(who) => {
                (self.running[who], self.open[who]) = (false, false);
                self.reject(who, State::Acknowledged);
            }
            Act::Ready(who) if self.state[who] == State::Acknowledged => {
                self.state[who] = State::Ready;
            }
            Act::Answer(who, 0) if is_busy(self.state[who]) => {
                self.reject(who, State::Acknowledged);
            }
            Act::Answer(who, 1) if is_busy(self.state[who]) => self.reject(who, State::Unknown),
            Act::Answer(who, _) if is_busy(self.state[who]) => {
                self.state[who] = State::Acknowledged;
            }
            Act::Noise(who) if !is_busy(self.state[who]) => self.state[who] = State::Unknown,
            Act::Close(who) => self.open[who] = false,
            Act::Ready(_) | Act::Answer(..) | Act::Noise(_) | Act::Deliver => {}
        }
        self.pass();
    }

    fn pass(&mut self) {
        while let Some(serial) = self.buffer.pop_front() {
            let free = |who: &usize| {
                self.running[*who] && self.state[*who] == State::Ready && self.open[*who]
            };
            match (0..COUNT).find(free) {
                Some(who) => {
                    self.state[who] = State::Busy(serial);
                    self.sent.push((who, serial));
                }
                None => return self.buffer.push_front(serial),
            }
        }
    }
}

/// A pool at work. Answers to what it sends are told at once, or later.
struct World {
    pool: Pool,
    size: usize,
    next: i64,
    open: [bool; COUNT],
    /// Answers to `send` that have not been told yet.
    untold: VecDeque<(usize, i64)>,
    /// What each child has got and not answered.
    got: [Option<i64>; COUNT],
    sent: Vec<(usize, i64)>,
    lost: Vec<i64>,
    done: Vec<i64>,
}

impl World {
    fn new(size: usize) -> Self {
        Self {
            pool: pool(LISTENERS, i64::try_from(size).expect("small")),
            size,
            next: 0,
            open: [true; COUNT],
            untold: VecDeque::new(),
            got: [None; COUNT],
            sent: Vec::new(),
            lost: Vec::new(),
            done: Vec::new(),
        }
    }

    fn tell(&mut self, heard: Heard) {
        let mut steps = self.pool.on_heard(Now::default(), heard);
        steps.extend(self.pool.on_heard(Now::default(), Heard::Sending));
        for step in steps {
            match step {
                Step::Send(ProcessId(id), event) => {
                    let who = usize::try_from(id - 1).expect("small");
                    self.untold.push_back((who, event.notice.serial));
                }
                Step::Log(_, text) if text.contains("overflowed") => {
                    let serial = text.rsplit(' ').next().expect("a serial");
                    self.lost.push(serial.parse().expect("a serial"));
                }
                Step::Log(..) => {}
            }
        }
    }

    /// Tells the first answer; whether there was one.
    fn deliver(&mut self) -> bool {
        let Some((who, serial)) = self.untold.pop_front() else { return false };
        let verdict = if self.open[who] { Ok(()) } else { Err(Unwritten::Closed) };
        if verdict.is_ok() {
            self.sent.push((who, serial));
            self.got[who] = Some(serial);
        }
        self.tell(Heard::Written(id(who), serial, verdict));
        true
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Happen => {
                self.tell(Heard::Happened(event(self.next)));
                self.next += 1;
            }
            Act::Born(who) => {
                // What was written for the child before comes to nothing.
                self.untold.retain(|(whom, _)| *whom != who);
                (self.open[who], self.got[who]) = (true, None);
                self.tell(Heard::Entered(id(who), ProcessState::Starting));
            }
            Act::Up(who) => self.tell(Heard::Entered(id(who), ProcessState::Running)),
            Act::Down(who) => {
                (self.open[who], self.got[who]) = (false, None);
                self.tell(Heard::Entered(id(who), ProcessState::Exited));
            }
            Act::Ready(who) if self.got[who].is_none() => {
                self.tell(Heard::Said(id(who), Said::Ready));
            }
            Act::Answer(who, how) => self.answer(who, how),
            Act::Noise(who) if self.got[who].is_none() => {
                // What is on its way to it is not written any more.
                self.untold.retain(|(whom, _)| *whom != who);
                self.tell(Heard::Said(id(who), Said::Nonsense));
            }
            Act::Close(who) => self.open[who] = false,
            Act::Deliver => drop(self.deliver()),
            Act::Ready(_) | Act::Noise(_) => {}
        }
    }

    /// Only who has got something can answer.
    fn answer(&mut self, who: usize, how: u8) {
        let Some(serial) = self.got[who].take() else { return };
        let said = match how {
            0 => Said::Rejected,
            1 => Said::BadResultLine(String::new()),
            _ => {
                self.done.push(serial);
                Said::Processed
            }
        };
        self.tell(Heard::Said(id(who), said));
    }

    /// The events that wait, and those that listeners have.
    fn inside(&self) -> (Vec<i64>, Vec<i64>) {
        let saved = serde_json::to_value(&self.pool).expect("written");
        let waiting = serials(saved["waiting"].as_array().expect("a list").iter());
        assert!(waiting.len() <= self.size, "more wait than there is room for");
        let listeners = saved["listeners"].as_array().expect("a list");
        let busy = listeners.iter().filter_map(|listener| listener["state"].get("Busy"));
        (waiting, serials(busy))
    }
}

fn serials<'a>(events: impl Iterator<Item = &'a serde_json::Value>) -> Vec<i64> {
    events.map(|event| event["notice"]["serial"].as_i64().expect("a serial")).collect()
}

fn id(who: usize) -> ProcessId {
    ProcessId(who as u64 + 1)
}

proptest! {
    #[test]
    fn a_pool_sends_and_loses_what_supervisords_would(
        size in 1usize..5,
        acts in prop::collection::vec(act(), 0..100),
    ) {
        let (mut ours, mut original) = (World::new(size), Reference::new(size));
        for act in acts {
            original.act(act);
            ours.act(act);
            while ours.deliver() {}
            prop_assert_eq!(&ours.sent, &original.sent);
            prop_assert_eq!(&ours.lost, &original.lost);
            prop_assert_eq!(ours.inside().0, Vec::from(original.buffer.clone()));
        }
    }

    #[test]
    fn however_long_writes_take_each_event_is_in_one_place(
        size in 1usize..5,
        acts in prop::collection::vec(act(), 0..100),
    ) {
        let mut world = World::new(size);
        for act in acts {
            world.act(act);
            let (mut all, busy) = world.inside();
            all.extend(busy.iter().chain(&world.lost).chain(&world.done));
            all.sort_unstable();
            prop_assert_eq!(all, (0..world.next).collect::<Vec<_>>());
        }
    }
}
