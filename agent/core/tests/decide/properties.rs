//! Whatever happens in whatever order: never two children for one process, no move outside the
//! table, one reply for each caller, and every shutdown ends. [`World`] makes it happen and looks.

use agent_core::command::{Command, Scope};
use agent_core::input::Exit;
use proptest::prelude::*;
use proto_words::{Namespec, Signal};

use super::world::{CONFIGURATIONS, Kernel, World};

/// Orders that are tried in one run: ten seconds, and each of the faults that were put into the core
/// on purpose was found within a fifth of them.
const CASES: u32 = 1000;

/// Events of one order, before the end.
const ACTS_MAX: usize = 150;

/// Rounds in which everything that was begun comes to its end: a shutdown goes by groups, and a
/// listener that does not answer is waited for.
const ROUNDS_MAX: usize = 300;

/// Groups that there may be, and one that there never is.
const GROUPS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "none"];

/// What the world does next; numbers pick among what is possible.
#[derive(Debug, Clone)]
enum Act {
    Ask { verb: u8, whom: usize, wait: bool },
    AskRarely(u8),
    Check { which: usize, good: bool },
    Open { good: bool },
    Birth { which: usize, good: bool },
    Exit { which: usize, code: i32 },
    StaleExit { which: usize },
    Read { which: usize },
    Prepare { which: usize, good: bool },
    Write { which: usize },
    Lose { which: usize },
    Say { which: usize, word: u8 },
    Written { good: bool },
    Signals(Kernel),
    Wait { tenths: u64 },
    Clock { seconds: i64 },
    Hup,
    Save,
}

fn act() -> impl Strategy<Value = Act> {
    let which = any::<usize>;
    let mostly = || prop::bool::weighted(0.8);
    let kernel = prop_oneof![
        4 => Just(Kernel::Delivers),
        1 => Just(Kernel::Forbids),
        1 => Just(Kernel::FindsNobody),
    ];
    prop_oneof![
        20 => (0u8..17, which(), any::<bool>())
            .prop_map(|(verb, whom, wait)| Act::Ask { verb, whom, wait }),
        1 => (0u8..6).prop_map(Act::AskRarely),
        12 => (which(), mostly()).prop_map(|(which, good)| Act::Check { which, good }),
        3 => mostly().prop_map(|good| Act::Open { good }),
        14 => (which(), mostly()).prop_map(|(which, good)| Act::Birth { which, good }),
        14 => (which(), 0i32..4).prop_map(|(which, code)| Act::Exit { which, code }),
        1 => which().prop_map(|which| Act::StaleExit { which }),
        4 => (0..=CONFIGURATIONS).prop_map(|which| Act::Read { which }),
        4 => (which(), mostly()).prop_map(|(which, good)| Act::Prepare { which, good }),
        3 => which().prop_map(|which| Act::Write { which }),
        1 => which().prop_map(|which| Act::Lose { which }),
        6 => (which(), 0u8..5).prop_map(|(which, word)| Act::Say { which, word }),
        4 => mostly().prop_map(|good| Act::Written { good }),
        2 => kernel.prop_map(Act::Signals),
        12 => (0u64..40).prop_map(|tenths| Act::Wait { tenths }),
        1 => (-5000i64..5000).prop_map(|seconds| Act::Clock { seconds }),
        1 => Just(Act::Hup),
        1 => Just(Act::Save),
    ]
}

/// What anybody may ask at any time: of one process, of a group, of all, or of nobody.
fn command(world: &World, verb: u8, whom: usize, wait: bool) -> Command {
    let names = world.names();
    let at = whom % (names.len() + 3);
    let one = names.get(at).or_else(|| names.first());
    let (group, process) = one.map_or(("none", "none"), |(group, name)| (group, name));
    let name = Namespec::one(group, process);
    let scope = match at.checked_sub(names.len()) {
        None => Scope::Named(name.clone()),
        Some(0) => Scope::All,
        Some(1) => Scope::Group(group.to_owned()),
        Some(_) => Scope::Named(Namespec::one("no", "body")),
    };
    let group = GROUPS[whom % GROUPS.len()].to_owned();
    match verb {
        0..4 => Command::Start { scope, wait },
        4..7 => Command::Stop { scope, wait },
        7..9 => Command::Restart { name, replaces: None, wait },
        9..11 => Command::Signal { scope, signal: Signal::TERM },
        11 => Command::Reread,
        12 if wait => Command::Update { groups: Vec::new() },
        12 => Command::Update { groups: vec![group] },
        13 => Command::AddGroup(group),
        14 => Command::RemoveGroup(group),
        15 => Command::WriteStdin { name, bytes: b"x".to_vec() },
        _ if wait => Command::ClearAllLogs,
        _ => Command::ClearLogs(name),
    }
}

/// What ends the host, or is asked of it as a whole.
fn rare_command(verb: u8) -> Command {
    match verb {
        0 => Command::Shutdown,
        1 => Command::Reload,
        2 => Command::ClearMainLog,
        3 => Command::Rows,
        4 => Command::ReopenLogs,
        _ => Command::RemoteEvent { kind: "k".into(), data: "d".into() },
    }
}

fn happen(world: &mut World, act: &Act) {
    match *act {
        Act::Ask { verb, whom, wait } => {
            let command = command(world, verb, whom, wait);
            world.ask(command);
        }
        Act::AskRarely(verb) => world.ask(rare_command(verb)),
        Act::Check { which, good } => world.check(which, good),
        Act::Open { good } => world.open(good),
        Act::Birth { which, good } => world.birth(which, good),
        Act::Exit { which, code: 3 } => {
            world.exit(which, Exit::Signal { number: 9, core_dumped: false });
        }
        Act::Exit { which, code } => world.exit(which, Exit::Code(code)),
        Act::StaleExit { which } => world.stale_exit(which),
        Act::Read { which } => world.read(which),
        Act::Prepare { which, good } => world.prepare(which, good),
        Act::Write { which } => world.write(which),
        Act::Lose { which } => world.lose(which),
        Act::Say { which, word } => world.say(which, word),
        Act::Written { good } => world.event_written(good),
        Act::Signals(kernel) => world.kernel = kernel,
        Act::Wait { tenths } => world.wait(tenths),
        Act::Clock { seconds } => world.now.wall_ms += seconds * 1000,
        Act::Hup => world.signalled(1),
        Act::Save => world.save(),
    }
    world.look();
}

/// Shuts down, and lets everything that was begun come to its end, but for what hangs for ever. A
/// child ends only when it is told to.
fn end(world: &mut World) {
    if world.finished.is_none() {
        world.signalled(15);
    }
    for _ in 0..ROUNDS_MAX {
        if world.finished.is_some() {
            world.answer_late();
            return;
        }
        world.open(true);
        world.birth(0, true);
        world.exit_doomed();
        world.wait(20);
        world.look();
    }
    panic!("a shutdown that does not end");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_events_keeps_the_promises(
        configured in 0..CONFIGURATIONS,
        acts in prop::collection::vec(act(), 0..ACTS_MAX),
    ) {
        let mut world = World::new(configured);
        for act in &acts {
            if world.finished.is_some() {
                break;
            }
            happen(&mut world, act);
        }
        end(&mut world);
    }
}
