//! The transcripts of `scenarios/`: the original's Python client against both daemons.

use integration::places;
use integration::subject::{Client, Subject};
use integration::transcript::Scenario;

/// One test per scenario and cast, so that they run side by side.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        /// The original's client and daemon: the measure itself.
        mod original {
            use super::{Client, Subject};
            $(#[test] fn $name() { super::play(stringify!($name), Subject::Original, Client::Original); })*
        }

        /// The original's client against our agent.
        mod ours {
            use super::{Client, Subject};
            $(#[test] fn $name() { super::play(stringify!($name), Subject::Ours, Client::Original); })*
        }

        /// Our client against our agent.
        mod both_ours {
            use super::{Client, Subject};
            $(#[test] fn $name() { super::play(stringify!($name), Subject::Ours, Client::Ours); })*
        }

        /// The folders that are played.
        const PLAYED: &[&str] = &[$(stringify!($name)),*];
    };
}

scenarios![
    activity,
    logs,
    reconfigure,
    reload,
    shutdown,
    shutdown_order,
    signals,
    start_stop,
    status
];

fn play(name: &str, subject: Subject, client: Client) {
    Scenario::named(name).play(subject, client);
}

#[test]
fn every_folder_is_played() {
    let folders = std::fs::read_dir(places::package().join("scenarios")).unwrap();
    let mut names: Vec<_> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, PLAYED);
}
